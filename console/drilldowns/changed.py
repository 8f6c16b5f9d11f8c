"""What a change touched, before and after it."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from console.analysis.rates import error_series, rate_series
from console.analysis.stats import samples_needed
from console.domain.diagnosis import Diagnosis, JudgedChange
from console.domain.instant import Instant, Window
from console.domain.observations import Observations
from console.domain.series import Series, SeriesSet
from console.drilldowns.trends import PERCENTILES, signal_text
from console.state import (
    BeforeAfter,
    BeforeAfterRow,
)
from console.views import (
    mean_of,
)

SIDE_S = 1800.0
"""How much before and after a change is compared, at most."""
LEAST_SIDE_S = 60.0
SHOWN_OPERATIONS = 4
SHOWN_SERVICES = 3
EDGE = 1e-6
"""A point stands for the interval that ends at it."""


def before_after(
    observations: Observations, diagnosis: Diagnosis | None, change: JudgedChange, now: Instant
) -> tuple[BeforeAfter, ...]:
    """What a change touched, before and after it: its service and the worst of its operations.

    A change of no one service is compared by the services in trouble. Empty where it is too young, or nothing is measured.
    """
    length = min(SIDE_S, now - change.at)
    if length < LEAST_SIDE_S:
        return ()
    after = Window(change.at + EDGE, change.at + length + EDGE)
    before = Window(change.at - SIDE_S + EDGE, change.at + EDGE)
    open_ones = [s for s in (diagnosis.symptoms if diagnosis is not None else ()) if s.end is None]
    services = [change.service] if change.service else list(dict.fromkeys(s.service for s in open_ones))
    series = observations.series
    found = []
    for service in services[:SHOWN_SERVICES]:
        bad = list(dict.fromkeys(s.operation for s in open_ones if s.service == service and s.operation))
        busy = sorted(series.operations(service), key=lambda o: -_requests(series, service, o, after))
        for operation in ["", *dict.fromkeys([*bad, *busy])][: SHOWN_OPERATIONS + 1]:
            rows = tuple(_both_sides(series, service, operation, before, after))
            if any(row.before is not None or row.after is not None for row in rows):
                found.append(BeforeAfter(service, operation, before, after, rows))
    return tuple(found)


def _requests(series: SeriesSet, service: str, operation: str, window: Window) -> float:
    counts = series.get(service, "request_count", operation)
    if counts is not None:
        return sum(counts.within(window).values)
    rate = series.get(service, "request_rate", operation)
    return sum(rate.within(window).values) * (rate.step_s() or 0.0) if rate is not None else 0.0


def _both_sides(
    series: SeriesSet, service: str, operation: str, before: Window, after: Window
) -> Iterable[BeforeAfterRow]:
    n = [round(_requests(series, service, operation, side)) or None for side in (before, after)]
    errors = [_failed_share(series, service, operation, side) for side in (before, after)]
    yield BeforeAfterRow("errors", "ratio", errors[0], errors[1], n[0], n[1])
    for metric, q in PERCENTILES.items():
        one = series.get(service, metric, operation)
        if one is not None:
            values = [median_within(one, side) for side in (before, after)]
            yield BeforeAfterRow(signal_text(metric), "s", values[0], values[1], n[0], n[1], samples_needed(q))
    rate = rate_series(series, service, operation)
    if rate is not None:
        rates = [_mean_within(rate, side) for side in (before, after)]
        yield BeforeAfterRow("traffic", "1/s", rates[0], rates[1], n[0], n[1])


def _failed_share(series: SeriesSet, service: str, operation: str, side: Window) -> float | None:
    failed, total = (series.get(service, name, operation) for name in ("error_count", "request_count"))
    if failed is not None and total is not None:
        requests = sum(total.within(side).values)
        return min(1.0, sum(failed.within(side).values) / requests) if requests else None
    measured = error_series(series, service, operation)
    return _mean_within(measured, side) if measured is not None else None


def median_within(one: Series, side: Window) -> float | None:
    values = one.within(side).values
    return median(values) if values else None


def _mean_within(one: Series, side: Window) -> float | None:
    values = list(one.within(side).values)
    return mean_of(values) if values else None
