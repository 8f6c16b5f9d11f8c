"""What a piece of evidence leads to: the very lines, chart, commit or probe; and what is drawn beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeAlias

from console.domain.diagnosis import Diagnosis, Evidence, JudgedChange, Suspect
from console.domain.series import SeriesKey
from console.guard.sanitise import safe
from console.live.repeat import Question, question_of
from console.live.session import NOT_RECORDED, Session
from console.screens.places import AllChanges, MemoryOf
from console.state import ConsoleState, OperationRow, Status, Trend, Word
from widgets.changes import change_key

Target: TypeAlias = object
Chart: TypeAlias = SeriesKey | Question

METRIC_OF = {"traffic": "request_rate", "memory": "memory_bytes"}
"""The series of a signal, where it has another name."""
DRAWN = ("error_rate", "latency_p99", "latency_p95", "latency_p50", "traffic", "memory")
"""Signals that have a series, those first that say most about an incident."""
_GIT = re.compile(r"git show '?([^\s']+)'?")


def target_of(one: Evidence, state: ConsoleState) -> Target | None:
    """What to open for it; None where there is nothing more to show."""
    query = one.query or ""
    asked = question_of(query)
    if asked is not None:
        return asked
    named = _GIT.match(query)
    if named is not None:
        return _change(named[1], state)
    if query.startswith("incident changes"):
        near = _suspected(one, state)
        return AllChanges(near)
    for row in state.upstreams.rows:
        if any(probe.target == query for probe in row.probes):
            return row
    if one.series is not None:
        memory = one.series.metric.startswith("memory")
        return MemoryOf(one.series.service) if memory and not one.series.operation else one.series
    owner = _owner(one, state)
    if owner is not None and owner.service and owner.operation:
        return OperationRow(owner.service, owner.operation, None, None, None, None, None, None, None)
    return next(
        (row for row in (state.signals.services if state.signals else ()) if owner and row.name == owner.service), None
    )


def _change(name: str, state: ConsoleState) -> JudgedChange | None:
    """The change with this commit or id."""
    changes = state.diagnosis.changes if state.diagnosis is not None else ()
    return next((c for c in changes if c.id == name or (c.commit and c.commit.startswith(name))), None)


def _owner(one: Evidence, state: ConsoleState) -> Suspect | None:
    suspects = state.diagnosis.suspects if state.diagnosis is not None else ()
    return next((suspect for suspect in suspects if one in suspect.evidence), None)


def _suspected(one: Evidence, state: ConsoleState) -> str:
    """The key of the change that this evidence is about."""
    owner = _owner(one, state)
    changes = state.diagnosis.changes if state.diagnosis is not None else ()
    return next((change_key(c) for c in changes if owner is not None and c.id == owner.subject), "")


def chart_of(one: Evidence | None, suspect: Suspect, diagnosis: Diagnosis | None) -> Chart | None:
    """What is drawn beside it: its own series or lines, else the worst signal of who is suspected, else of all."""
    if one is not None and one.series is not None:
        return one.series
    asked = question_of(one.query) if one is not None else None
    if asked is not None:
        return asked
    symptoms = [s for s in (diagnosis.symptoms if diagnosis is not None else ()) if s.signal in DRAWN]
    own = [s for s in symptoms if s.service == suspect.service]
    worst = min(own or symptoms, key=lambda s: DRAWN.index(s.signal), default=None)
    if worst is None:
        return SeriesKey(suspect.service, "", "error_rate") if suspect.service else None
    return SeriesKey(worst.service, worst.operation or "", METRIC_OF.get(worst.signal, worst.signal))


def chart_status(session: Session, status: Status, trends: Iterable[Trend | None]) -> Status:
    """How far charts can be trusted; in a replay, that what they would show was on no screen."""
    drawn = any(trend is not None and any(value is not None for value in trend.points) for trend in trends)
    return status if drawn or not session.replaying else Status(Word.NO_DATA, detail=safe(NOT_RECORDED))


def chart_title(chart: Chart) -> tuple[str, str]:
    """Whose it is, for the frame; and what is drawn, for the numbers."""
    if isinstance(chart, Question):
        return f"lines of {chart.query}", "lines"
    metric = chart.metric.replace("_", " ").removeprefix("latency ")
    return chart.service + (f" · {chart.operation}" if chart.operation else ""), metric
