"""Actions that write into the case, from every screen: mark as evidence, note, open the case."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import tzinfo
from typing import Any

from textual.screen import Screen
from textual.widget import AwaitMount

from console.case.book import Blocked, Unfit
from console.case.entries import impact_of, recovery
from console.case.events import Draft, Event
from console.case.gates import change_warnings
from console.case.hypotheses import NotAllowed
from console.case.journal import NotSaved
from console.case.model import MITIGATIONS
from console.case.predictions import BadPrediction
from console.domain.instant import BadTime, Instant, parse_time
from console.domain.logs import LogRecord, record_id
from console.live.desk import NO_CASE, Desk, NoCase
from console.live.session import Session, TooManyMarks
from console.report.recovery_json import recovery_json
from console.screens.dialogs import LineDialog
from console.screens.keep import draft_of, snapshot_of
from console.screens.places import TheCase
from console.state import RecoveryView

NO_DESK = "there is no place for cases: set state_dir in [console]"
NOTE_HINT = "what happened; a time in front where not now (14:05, -10m); impact:, mitigation:, decision:, lingering: say what it is"
TITLE_HINT = "the title of the new case; a snapshot of the diagnosis and the marked lines are written into it"
DAY_S = 86_400.0
_WHEN = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?|-(?:\d+(?:\.\d+)?[smhd])+")
REFUSALS = (Blocked, NotAllowed, Unfit, BadPrediction, NoCase)


class CaseActions(Screen[None]):
    """What works wherever something is selected."""

    session: Session

    def tell(self, text: str) -> None:
        """Announce it in the footer."""
        raise NotImplementedError

    def here(self) -> object | None:
        """What is selected."""
        raise NotImplementedError

    def refused(self, action: str) -> bool:
        """Whether an action cannot be used now; then the reason is told."""
        raise NotImplementedError

    def open_place(self, place: object) -> None:
        """Announce that a place is wanted."""
        raise NotImplementedError

    @property
    def desk(self) -> Desk | None:
        """The way to the record; None where there is no place for cases."""
        return self.session.desk

    def in_case(self, work: Callable[[Desk], Awaitable[str]]) -> None:
        """Carry out what writes into the case, and tell what came of it; keys go on meanwhile."""
        desk = self.desk
        if desk is None:
            self.tell(NO_DESK)
            return

        async def carry_out() -> None:
            try:
                told = await work(desk)
            except REFUSALS as error:
                told = str(error).replace("\n", "; ")
            except NotSaved as error:
                told = f"{error}; what was written: {error.lost}"
            self.after_writing(told)

        self.run_worker(carry_out(), name="case", group="case", exit_on_error=False)

    def after_writing(self, told: str) -> None:
        """Tell what came of it; screens of the case show it too."""
        self.tell(told)

    # The case.

    def do_case(self) -> AwaitMount | None:
        """The case; where there is none yet, the title of a new one."""
        desk = self.desk
        if desk is None:
            self.tell(NO_DESK)
            return None
        self.open_place(TheCase())
        return None

    def ask_for_case(self) -> AwaitMount:
        """Type the title of a new case."""
        state = self.session.state()
        diagnosis = state.diagnosis
        begin = str(state.header.headline) if diagnosis is not None and diagnosis.symptoms else ""

        def titled(text: str | None) -> None:
            if text and text.strip():
                self.in_case(lambda desk: self._opened(desk, text.strip()))

        return self.app.push_screen(LineDialog("case", begin, TITLE_HINT, lambda _: None), titled)

    async def _opened(self, desk: Desk, title: str) -> str:
        state = self.session.state()
        diagnosis, drafts = state.diagnosis, []
        data: dict[str, object] = {}
        if diagnosis is not None:
            services = list(dict.fromkeys(s.service for s in diagnosis.symptoms))
            data = {"services": services, **impact_of(diagnosis)}
            drafts = snapshot_of(diagnosis, state, self.session.repeat)
        for record in self.session.marks.values():
            draft = draft_of(record, state, self.session.repeat)
            drafts += [draft] if draft is not None else []
        name = await desk.new(title, data, drafts)
        return _saved(desk, f"opened {name}")

    # Notes.

    def do_annotate(self) -> AwaitMount | None:
        """Type a note."""
        if self.refused("annotate"):
            return None
        desk = self.desk
        if desk is None or desk.case is None:
            self.tell(NO_CASE if desk is not None else NO_DESK)
            return None

        def typed(text: str | None) -> None:
            if text and text.strip():
                draft = note_of(text, self.session.scope.now(), self.session.zone)
                self.in_case(lambda desk: _write(desk, draft, "noted"))

        return self.app.push_screen(LineDialog("note", "", NOTE_HINT, lambda _: None), typed)

    # Evidence.

    def do_mark(self) -> None:
        """Mark what is selected as evidence; a marked log line loses its mark."""
        if self.refused("mark"):
            return
        item, desk = self.here(), self.desk
        if isinstance(item, LogRecord):
            try:
                marked = self.session.toggle_mark(item)
            except TooManyMarks as error:
                self.tell(str(error))
                return
            told = "marked as evidence" if marked else "no longer marked"
            if desk is None or desk.case is None:
                self.tell(f"{told}: {len(self.session.marks)} marked in all")
                return
            if not marked:
                written = self.session.kept.pop(record_id(item), None)
                if written is not None:
                    taken = Draft(
                        "note", f"{written.data.get('name')} is taken back: it is no evidence", supersedes=written.id
                    )
                    self.in_case(lambda desk: _write(desk, taken, "taken back"))
                return
        draft = draft_of(item, self.session.state(), self.session.repeat)
        if draft is None:
            self.tell("this cannot be kept as evidence")
            return
        self.in_case(lambda desk: self._kept(desk, draft, item))

    def keep_in_case(self, draft: Draft) -> None:
        """Write what was done here into the case, where one is open."""
        if self.desk is not None and self.desk.case is not None and not self.session.replaying:
            self.in_case(lambda desk: _write(desk, draft, "kept in the case"))

    async def _kept(self, desk: Desk, draft: Draft, item: object) -> str:
        written = await desk.write(draft)
        mine = next((event for event in reversed(written) if event.kind == "evidence"), None)
        if mine is not None and isinstance(item, LogRecord):
            self.session.kept[record_id(item)] = mine
        return _saved(desk, f"{mine.data.get('name')} kept: {mine.text[:80]}" if mine is not None else "kept")


def note_of(text: str, now: Instant, zone: tzinfo) -> Draft:
    """A note as it was typed.

    A time of day or a span back in front of it is when it happened, unless that is yet to come; `impact:`, `lingering:`,
    `mitigation:` or `decision:` says what it is.
    """
    first, _, rest = text.strip().partition(" ")
    if rest.strip() and _WHEN.fullmatch(first):
        with suppress(BadTime):
            at = parse_time(first, now, zone)
            return replace(_formed(rest.strip()), occurred_at=at if at <= now else at - DAY_S)
    return _formed(text.strip())


def _formed(text: str) -> Draft:
    word, colon, rest = text.partition(":")
    told = rest.strip()
    match word.strip().lower() if colon and told else "":
        case "impact":
            return Draft("impact", f"impact: {told}", {"statement": told})
        case "lingering":
            return Draft("impact", f"lingering effects: {told}", {"lingering": told})
        case "mitigation":
            kind = told.split()[0].lower()
            return Draft("mitigation", told, {"kind": kind if kind in MITIGATIONS else "other"})
        case "decision":
            return Draft("decision", told)
    return Draft("note", text)


async def _write(desk: Desk, draft: Draft, did: str) -> str:
    warned = ""
    if draft.kind == "mitigation" and desk.case is not None:
        found = change_warnings(desk.case, str(draft.data.get("kind")), desk.author)
        warned = "".join(f" · {gate.rule}: {gate.says}" for gate in found)
    written: list[Event] = await desk.write(draft)
    return _saved(desk, f"{did}: {written[-1].text[:80]}" if written else did) + warned


async def keep_verdict(desk: Desk | None, view: RecoveryView | None) -> None:
    """Write a verdict of the recovery into the case, where one is open and the newest in it is another, or is about another fix."""
    if desk is None or desk.case is None or view is None or view.recovery is None:
        return
    known, document = desk.case.recovery, recovery_json(view.recovery)
    if known is None or _about(known.data) != _about(document):
        await desk.write(recovery(document, occurred_at=view.recovery.at))


def _about(verdict: Mapping[str, Any]) -> tuple[Any, ...]:
    """What it says, and of which contract and fix; their times tell them apart."""
    fix = verdict.get("fix")
    return verdict.get("verdict"), verdict.get("contract_at"), fix.get("at") if isinstance(fix, Mapping) else None


def _saved(desk: Desk, told: str) -> str:
    """What is confirmed; or that it is not, and why."""
    if desk.unsaved:
        return f"NOT SAVED ({desk.view.why_unsaved}): {desk.unsaved} waiting; the next write tries again"
    return f"{told} · on the disk"


async def resumed(desk: Desk) -> str:
    """Take up the case that was left, if there is one; the line to tell."""
    if not await desk.resume() or desk.case is None:
        return ""
    first = desk.view.since[0] if desk.view.since else f"case {desk.case.title}"
    return f"{first} (I opens it)"
