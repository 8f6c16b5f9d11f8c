"""What a change touched, before and after it."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from console.analysis.comparing import compare, needed, sides_of
from console.analysis.sides import requests_of
from console.domain.diagnosis import Diagnosis, JudgedChange
from console.domain.instant import Instant, Window
from console.domain.observations import Observations
from console.domain.series import Series, SeriesSet
from console.drilldowns.trends import signal_text
from console.state import (
    BeforeAfter,
    BeforeAfterRow,
)

SHOWN_OPERATIONS = 4
SHOWN_SERVICES = 3


def before_after(
    observations: Observations, diagnosis: Diagnosis | None, change: JudgedChange, now: Instant
) -> tuple[BeforeAfter, ...]:
    """What a change touched, before and after it: its service and the worst of its operations.

    A change of no one service is compared by the services in trouble. Empty where it is too young, or nothing is measured.
    """
    sides = sides_of(change.at, now)
    if sides is None:
        return ()
    before, after = sides
    open_ones = [s for s in (diagnosis.symptoms if diagnosis is not None else ()) if s.end is None]
    services = [change.service] if change.service else list(dict.fromkeys(s.service for s in open_ones))
    series = observations.series
    found = []
    for service in services[:SHOWN_SERVICES]:
        bad = list(dict.fromkeys(s.operation for s in open_ones if s.service == service and s.operation))
        busy = sorted(series.operations(service), key=lambda o: -(requests_of(series, service, o, after) or 0))
        for operation in ["", *dict.fromkeys([*bad, *busy])][: SHOWN_OPERATIONS + 1]:
            rows = tuple(_rows(series, service, operation, before, after))
            if any(row.before is not None or row.after is not None for row in rows):
                found.append(BeforeAfter(service, operation, before, after, rows))
    return tuple(found)


def _rows(series: SeriesSet, service: str, operation: str, before: Window, after: Window) -> Iterable[BeforeAfterRow]:
    for one in compare(series, service, operation, before, after):
        counts = one.samples_before, one.samples_after
        yield BeforeAfterRow(signal_text(one.metric), one.unit, one.before, one.after, *counts, needed(one.metric))


def median_within(one: Series, side: Window) -> float | None:
    values = one.within(side).values
    return median(values) if values else None
