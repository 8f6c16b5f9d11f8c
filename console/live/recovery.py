"""Whether the incident is over, for the screen: judged from what the console has read anyway, by the contract that was kept."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from console.analysis.contract import NothingToRecover, with_reproduction, write_contract
from console.analysis.recovery import find_fix, judge, stretch
from console.analysis.recovery_seasons import Week
from console.case.book import Book
from console.case.entries import contract as contract_entry
from console.case.journal import AUTHOR, NotSaved, author_name
from console.case.proofs import proofs_of
from console.case.store import case_ids, cases_folder
from console.domain.diagnosis import Diagnosis, State
from console.domain.instant import clock_text
from console.domain.observations import Observations
from console.domain.recovery import Contract, Proof
from console.domain.text import SafeText
from console.guard.sanitise import safe
from console.observe import Sources
from console.recover import earlier_weeks, keep_contract, newest_contract
from console.report.recovery_json import contract_json
from console.reproduce import user
from console.state import RecoveryView

WEEKS_EVERY_S = 600.0
"""The same hours of earlier weeks do not change; only the stretch that is judged grows."""
WAITING = SafeText("no verdict yet: a contract is written from a diagnosis")
NO_FOLDER = SafeText("there is no folder for state: set state_dir in [console]")
NEW_INCIDENT_S = 60.0


@dataclass(slots=True)
class _Weeks:
    """Earlier weeks, and what they were asked for."""

    about: tuple[float, float | None, int]
    weeks: tuple[Week, ...]


class RecoveryDesk:
    """Keeps the contract, and judges by it.

    Args:
        sources: Asked for earlier weeks only.
        zone: Whose clock decides which hours of earlier weeks are the same.
        folder: The state folder; None: contracts cannot be kept.
    """

    def __init__(self, sources: Sources, zone: ZoneInfo, folder: Path | None) -> None:
        self._sources = sources
        self._zone = zone
        self._folder = folder
        self._weeks: _Weeks | None = None
        self._books: dict[str, Book] = {}

    async def view(self, seen: Observations | None, diagnosis: Diagnosis | None) -> RecoveryView:
        """How far the recovery is; without a contract, the one that would be written now."""
        if seen is None or diagnosis is None:
            return RecoveryView(says=WAITING)
        contract = await asyncio.to_thread(self._kept, seen)
        if contract is None:
            return await asyncio.to_thread(self._draft, seen, diagnosis)
        fix = find_fix(contract, seen.changes, seen.at)
        proofs = await asyncio.to_thread(self._proofs, seen)
        contract = with_reproduction(contract) if proofs else contract
        weeks = await self._earlier(contract, seen)
        recovery = await asyncio.to_thread(judge, contract, seen, weeks, fix, True, proofs)
        return RecoveryView(contract, recovery, says=self._again(contract, diagnosis), fixed=fix is not None)

    async def write(self, seen: Observations | None, diagnosis: Diagnosis | None) -> SafeText:
        """Write the contract of the incident that is diagnosed; what came of it, in a sentence."""
        if seen is None or diagnosis is None:
            return WAITING
        if self._folder is None:
            return NO_FOLDER
        kept = await asyncio.to_thread(self._kept, seen)
        if kept is not None and not _is_new(kept, diagnosis):
            since = clock_text(kept.at, self._zone)
            return safe(
                f"what recovered means stands since {since}, and is not changed; `incident recovery contract` writes anew"
            )
        try:
            contract = self._written(seen, diagnosis)
            contract = with_reproduction(contract) if await asyncio.to_thread(self._proofs, seen) else contract
            path = await asyncio.to_thread(keep_contract, self._folder, contract)
            case = await asyncio.to_thread(self._into_case, contract)
        except NothingToRecover as error:
            return safe(f"no contract is written: {error}", 300)
        except (OSError, NotSaved) as error:
            return safe(f"not saved: {error}", 300)
        critical = sum(term.critical for term in contract.terms)
        return safe(f"written down: {critical} signals must be back; {case or path.name}", 200)

    def _written(self, seen: Observations, diagnosis: Diagnosis) -> Contract:
        asked = self._sources.strictness
        return write_contract(seen, diagnosis, asked.hold_s, asked.error_margin)

    def _draft(self, seen: Observations, diagnosis: Diagnosis) -> RecoveryView:
        try:
            return RecoveryView(replace(self._written(seen, diagnosis), at=seen.at), draft=True)
        except NothingToRecover as error:
            return RecoveryView(says=safe(str(error), 300))
        except Exception as error:  # a draft that cannot be made must not take the screen's answer with it
            return RecoveryView(says=safe(f"no contract can be made: {type(error).__name__}: {error}", 300))

    def _kept(self, seen: Observations) -> Contract | None:
        return newest_contract(self._folder, seen.at) if self._folder is not None else None

    def _proofs(self, seen: Observations) -> tuple[Proof, ...]:
        """What the reproduction of the open case has shown; nothing of a case that cannot be read, which its own pane tells."""
        try:
            book = self._open_case()
            return proofs_of(book.read(seen.at)) if book is not None else ()
        except OSError:
            return ()

    def _into_case(self, contract: Contract) -> str:
        """Also into the one case that is open; which, or empty where there is none or several.

        Raises:
            NotSaved: It could not be written.
        """
        book = self._open_case()
        if book is None:
            return ""
        book.write(contract_entry(contract_json(contract), occurred_at=contract.at))
        return f"case {book.id}"

    def _open_case(self) -> Book | None:
        """The one case that is open; None where there is none or several.

        Raises:
            OSError: A case cannot be read.
        """
        if self._folder is None:
            return None
        folder = cases_folder(self._folder)
        author = author_name(os.environ.get(AUTHOR) or user())
        for name in case_ids(folder):
            self._books.setdefault(name, Book(folder, name, author))  # it reads only what was added since
        active = [book for book in self._books.values() if book.read().active]
        return active[0] if len(active) == 1 else None

    async def _earlier(self, contract: Contract, seen: Observations) -> tuple[Week, ...]:
        fix = find_fix(contract, seen.changes, seen.at)
        after = stretch(contract, fix, seen.at)
        if after is None:
            return ()
        about = (contract.at, fix.at if fix is not None else None, int(seen.at // WEEKS_EVERY_S))
        if self._weeks is None or self._weeks.about != about:
            self._weeks = _Weeks(about, await earlier_weeks(self._sources, contract, after, self._zone))
        return self._weeks.weeks

    def _again(self, contract: Contract, diagnosis: Diagnosis) -> SafeText:
        """That the contract is about an incident before this one; empty where it is not."""
        if not _is_new(contract, diagnosis) or diagnosis.onset is None:
            return SafeText("")
        began, of = clock_text(diagnosis.onset, self._zone), clock_text(contract.at, self._zone)
        return safe(f"An incident began at {began}, after this contract of {of} was written")


def _is_new(contract: Contract, diagnosis: Diagnosis) -> bool:
    began = diagnosis.onset
    return diagnosis.state is State.INCIDENT and began is not None and began > contract.at + NEW_INCIDENT_S
