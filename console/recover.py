"""Recovery at its edges: where contracts are kept, and what is asked of the sources for a check."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import tzinfo
from pathlib import Path

from console.analysis.contract import WINDOWS, NothingToRecover, with_reproduction, write_contract
from console.analysis.diagnose import diagnose
from console.analysis.recovery import NO_FIX, find_fix, judge, stretch
from console.analysis.recovery_seasons import Week, weeks_before
from console.analysis.view import known_at
from console.domain.changes import Change
from console.domain.diagnosis import State
from console.domain.instant import Instant, Window, clock_text
from console.domain.observations import Observations
from console.domain.recovery import HOLD_S, Contract, Fix, Proof, Recovery, Verdict
from console.domain.series import Series, SeriesSet, chosen
from console.guard.private import open_private, private_folder
from console.guard.sanitise import safe
from console.observe import DEADLINE_S, LOG_BYTES, Sources, TellsVolume, gather
from console.report.recovery_json import BadContract, contract_json, read_contract
from sources.base import LogSource, MetricSource

FOLDER = "recovery"
BLOCK_STEPS = 5
"""Values in each block that is judged."""
COARSEST_S, FINEST_S = 15.0, 1.0
"""As fine as the console itself reads half an hour: percentiles of one interval compare with those of no other."""
LOOKED_BACK_S = 86400.0
"""A fix that nobody wrote a contract for lies at most so far back."""
TRIED = 6
AGO_MIN = (45, 60, 75, 90, 120, 180)
"""Where no change is known: minutes ago at which an incident is looked for."""
NO_CONTRACT = "no contract says what recovered means, and no incident is found that one could be made from: `incident recovery contract` writes one during the incident"
MOST_CONTRACT = 16 << 20
OLDEST_CONTRACT_S = 3 * 86400.0
"""An older contract is about another incident, unless it is named."""


# -- contracts on the disk --------------------------------------------------------------------------------------------


def keep_contract(state_folder: Path, contract: Contract) -> Path:
    """Write a contract into the state folder, synced; the file's name is the instant of its writing.

    Raises:
        OSError: It cannot be written.
    """
    folder = state_folder / FOLDER
    private_folder(folder)
    stamp = clock_stamp(contract.at)
    path = folder / f"contract-{stamp}.json"
    write_synced(path, contract)
    return path


def clock_stamp(at: Instant) -> str:
    """An instant as a part of a file's name that sorts by time."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%S.%fZ")


def write_synced(path: Path, contract: Contract) -> None:
    """Write the document of a contract, for its owner alone.

    Raises:
        OSError: It cannot be written.
    """
    text = json.dumps(contract_json(contract), ensure_ascii=False, allow_nan=False, indent=2) + "\n"
    descriptor = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def load_contract(path: Path) -> Contract:
    """The contract of a file.

    Raises:
        BadContract: It is none; the message names the file.
        OSError: It cannot be read.
    """
    if path.stat().st_size > MOST_CONTRACT:
        raise BadContract(f"{path}: larger than any contract")
    try:
        return read_contract(path.read_bytes())
    except BadContract as error:
        raise BadContract(f"{path}: {error}") from None


def newest_contract(state_folder: Path, at: Instant) -> Contract | None:
    """The newest contract of the state folder that had been written at `at`; a file that is none is passed over.

    None where there is none, or only that of an incident long ago.
    """
    try:
        paths = sorted((state_folder / FOLDER).glob("contract-*.json"), reverse=True)
    except OSError:
        return None
    for path in paths:
        try:
            contract = load_contract(path)
        except (BadContract, OSError):
            continue
        if contract.at <= round(at, 3):  # a contract knows its time to the millisecond, rounded
            return contract if at - contract.at <= OLDEST_CONTRACT_S else None
    return None


# -- asking -----------------------------------------------------------------------------------------------------------


def step_for(hold_s: float) -> float:
    """Width of the steps that series are asked for."""
    return min(COARSEST_S, max(FINEST_S, hold_s / 3 / BLOCK_STEPS))


def asked_window(contract: Contract | None, at: Instant) -> Window:
    """What sources are asked for: the longest stretch that can be judged, as far as it lies after the contract."""
    hold = contract.hold_s if contract is not None else HOLD_S
    start = at - (WINDOWS + 1) * hold
    return Window(max(start, min(contract.at, at)) if contract is not None else start, at)


async def observe(sources: Sources, contract: Contract | None, at: Instant, *, live: bool) -> Observations:
    """Ask every source what a check needs."""
    hold = contract.hold_s if contract is not None else HOLD_S
    return await gather(sources, asked_window(contract, at), at, step_for(hold), live=live)


async def check(
    sources: Sources,
    seen: Observations,
    contract: Contract | None,
    zone: tzinfo,
    fix: Fix | None = None,
    proofs: Sequence[Proof] = (),
) -> Recovery:
    """Judge what was seen; earlier weeks are asked for where the contract's sources reach so far.

    Args:
        contract: None: one is made from what was known before the newest change, or before it got better by itself.
        zone: Whose clock decides which hours of earlier weeks are the same.
        fix: From when on it is judged, where that is told.
        proofs: What the reproduction of the case showed.
    """
    written = contract is not None
    if contract is None:
        found = await asyncio.to_thread(made_contract, seen)
        if isinstance(found, Recovery):
            return found
        contract = found
    fix = fix if fix is not None else find_fix(contract, seen.changes, seen.at)
    after = stretch(contract, fix, seen.at)
    weeks = await earlier_weeks(sources, contract, after, zone) if after is not None else ()
    contract = with_reproduction(contract) if proofs else contract
    return await asyncio.to_thread(judge, contract, seen, weeks, fix, written, proofs)


def made_contract(seen: Observations) -> Contract | Recovery:
    """The contract that could have been written before the fix; a verdict where there is none to be made.

    Pure. Every attempt knows only what was known at its own instant.
    """
    for at in _instants(seen):
        found = _contract_at(seen, at)
        if found is not None:
            return found
    now = diagnose(seen)
    if now.state is State.INCIDENT:
        reason = f"Not back: {now.summary} No contract was written, and nothing was changed since it began."
        return Recovery(seen.at, Verdict.NOT_RECOVERED, safe(reason, 600), written=False, sources=now.sources)
    verdict = Verdict.INCONCLUSIVE if len(seen.series) else Verdict.NO_DATA
    return Recovery(seen.at, verdict, safe(NO_CONTRACT), written=False, sources=now.sources)


def _instants(seen: Observations) -> list[Instant]:
    """Just before each of the newest changes, then some minutes ago."""
    near = [c for c in seen.changes if seen.at - LOOKED_BACK_S <= c.at <= seen.at and c.kind not in NO_FIX]
    newest = sorted(near, key=_when, reverse=True)[:TRIED]
    return [*(c.at - 0.001 for c in newest), *(seen.at - 60.0 * ago for ago in AGO_MIN)]


def _when(change: Change) -> Instant:
    return change.at


def _contract_at(seen: Observations, at: Instant) -> Contract | None:
    length = min(seen.window.seconds, 1800.0)
    then = known_at(replace(seen, at=at, window=Window(at - length, at), deployed=()))
    found = diagnose(then)
    if found.state is not State.INCIDENT:
        return None
    try:
        return write_contract(then, found)
    except NothingToRecover:
        return None


async def earlier_weeks(sources: Sources, contract: Contract, after: Window, zone: tzinfo) -> tuple[Week, ...]:
    """The same hours of earlier weeks, from every source that still has them; who fails is left out."""
    return tuple([await _week(sources, contract, *pair) for pair in weeks_before(contract, after, zone)])


async def _week(sources: Sources, contract: Contract, before: Window, after: Window) -> Week:
    span = Window(min(before.start, after.start), max(before.end, after.end))
    step = step_for(contract.hold_s)
    answers = await asyncio.gather(
        *(_series(source, span, step) for source in sources.metrics),
        *(_lines(source, span, step) for source in sources.logs),
    )
    found: Iterable[Series] = (one.until(span.end) for answer in answers for one in answer)
    return Week(SeriesSet.of(chosen(found)), before, after)


async def _series(source: MetricSource, span: Window, step_s: float) -> tuple[Series, ...]:
    try:
        async with asyncio.timeout(DEADLINE_S):
            return (await source.series(span, step_s)).value
    except Exception:  # without this week there is another, or no season, which is told
        return ()


async def _lines(source: LogSource, span: Window, step_s: float) -> tuple[Series, ...]:
    """Series of a log, where the stretch is cheap to read."""
    if not isinstance(source, TellsVolume):
        return ()
    try:
        async with asyncio.timeout(DEADLINE_S):
            volume = await source.volume(span)
            if not volume or volume > LOG_BYTES:
                return ()
            return (await source.series(span, step_s)).value
    except Exception:
        return ()


def told_fix(at: Instant) -> Fix:
    """A fix whose instant a person told."""
    return Fix(at, safe(f"{clock_text(at)} UTC, as told"))
