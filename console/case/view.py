"""What a screen shows of a case: one frozen value, made from the record. Pure."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from console.case.brief import since_you_looked
from console.case.gates import banners
from console.case.hypotheses import next_test, rivals_unsplit
from console.case.model import Case
from console.case.severity import suggested
from console.domain.instant import Instant
from console.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class CaseView:
    """One case, or those there are where none is chosen."""

    case: Case | None = None
    others: tuple[Case, ...] = ()
    """Cases to choose from, the newest first; only where none is chosen."""
    since: tuple[str, ...] = ()
    """What happened since the reader last looked."""
    warnings: tuple[str, ...] = ()
    next_test: str = ""
    suggested: str = ""
    """Another severity that the impact asks for."""
    unsaved: tuple[str, ...] = ()
    """What was written and is not on the disk, without its secrets."""
    why_unsaved: str = ""
    problem: str = ""
    """Why the record cannot be read; empty: it can."""
    replayed_at: Instant | None = None
    """In a replay: the record as it could be read then."""


def view_of(case: Case, now: Instant, looked: Instant | None, zone: ZoneInfo) -> CaseView:
    """The view of a case that was read."""
    test = next_test(case, now)
    warnings = [f"{gate.says} ({gate.rule})" for gate in banners(case, now)]
    same = rivals_unsplit(case)
    if same is not None:
        warnings.append(f"{same[0].name} and {same[1].name} predict the same: nothing tells them apart")
    warnings += [f"{one.role} is offered to {one.taker} and not accepted yet" for one in case.handoffs]
    warnings += [f"{p.file} line {p.line}: {p.says}" for p in case.problems]
    told = f"{test[0].name}.{test[1].name} {test[1].text}" if test is not None else ""
    since = tuple(since_you_looked(case, looked, now, zone)) if looked is not None else ()
    severity = suggested(case.impact)
    other = (
        f"{severity.severity}: {severity.why}" if severity is not None and severity.severity != case.severity else ""
    )
    return CaseView(case, since=since, warnings=tuple(warnings), next_test=told, suggested=other)
