"""What the actions of the case write: notes as they were typed, what is kept as evidence, a new case, verdicts of a recovery."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import tzinfo
from typing import Any

from console.case.book import Blocked, Unfit
from console.case.entries import impact_of, recovery
from console.case.events import Draft, Event
from console.case.gates import Gate, change_warnings
from console.case.hypotheses import LEAST_REASON, NotAllowed
from console.case.journal import NotSaved
from console.case.model import MITIGATIONS
from console.case.predictions import BadPrediction
from console.domain.instant import BadTime, Instant, parse_time
from console.domain.logs import LogRecord, record_id
from console.live.desk import Desk, NoCase
from console.live.session import Session
from console.report.recovery_json import recovery_json
from console.screens.keep import draft_of, snapshot_of
from console.state import RecoveryView

DAY_S = 86_400.0
_WHEN = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?|-(?:\d+(?:\.\d+)?[smhd])+")
REFUSALS = (Blocked, NotAllowed, Unfit, BadPrediction, NoCase)


async def outcome(desk: Desk, work: Callable[[Desk], Awaitable[str]]) -> str:
    """Carry out what writes into the case; the line to tell, also where it was refused or could not be saved."""
    try:
        return await work(desk)
    except REFUSALS as error:
        return str(error).replace("\n", "; ")
    except NotSaved as error:
        return f"{error}; what was written: {error.lost}"


def why_all_the_same(gates: Iterable[Gate]) -> str:
    """What is asked of a person whom soft gates stopped."""
    rules = ", ".join(dict.fromkeys(gate.rule for gate in gates))
    verb = "say" if "," in rules else "says"
    return f"{rules} {verb} no: why all the same? {LEAST_REASON} characters or more, kept in the case"


def too_short(reason: str) -> str | None:
    """What is wrong with a reason that is to let pass; None: nothing."""
    if len(reason.strip()) >= LEAST_REASON:
        return None
    return f"{LEAST_REASON} characters or more: it is read a week later"


async def opened(session: Session, desk: Desk, title: str) -> str:
    """Open a case with a snapshot of the diagnosis and the marked lines; the line to tell."""
    state = session.state()
    diagnosis, drafts = state.diagnosis, []
    data: dict[str, object] = {}
    if diagnosis is not None:
        services = list(dict.fromkeys(s.service for s in diagnosis.symptoms))
        data = {"services": services, **impact_of(diagnosis)}
        drafts = snapshot_of(diagnosis, state, session.repeat)
    for record in session.marks.values():
        draft = draft_of(record, state, session.repeat)
        drafts += [draft] if draft is not None else []
    name = await desk.new(title, data, drafts)
    return saved(desk, f"opened {name}")


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


async def write(desk: Desk, draft: Draft, did: str) -> str:
    """Write one entry; the line to tell, with what speaks against it."""
    warned = ""
    if draft.kind == "mitigation" and desk.case is not None:
        found = change_warnings(desk.case, str(draft.data.get("kind")), desk.author)
        warned = "".join(f" · {gate.rule}: {gate.says}" for gate in found)
    written: list[Event] = await desk.write(draft)
    return saved(desk, f"{did}: {written[-1].text[:80]}" if written else did) + warned


async def kept(session: Session, desk: Desk, draft: Draft, item: object) -> str:
    """Write evidence; the line to tell."""
    written = await desk.write(draft)
    mine = next((event for event in reversed(written) if event.kind == "evidence"), None)
    if mine is not None and isinstance(item, LogRecord):
        session.kept[record_id(item)] = mine
    return saved(desk, f"{mine.data.get('name')} kept: {mine.text[:80]}" if mine is not None else "kept")


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


def saved(desk: Desk, told: str) -> str:
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
