"""What a change touched, before and after it, with the requests behind both; and whether it got worse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from console.analysis.constants import GATE_REQUESTS, LATENCY_EFFECT, LATENCY_EFFECT_S, MIN_EFFECT_RATIO, P_RATE
from console.analysis.sides import rate_of, requests_of, side_of
from console.analysis.stats import fisher_greater, samples_needed
from console.analysis.words import metric_name, number, owner
from console.domain.diagnosis import Compared
from console.domain.instant import Instant, Window, span_text
from console.domain.series import UNITS, SeriesSet

SIDE_S = 1800.0
"""How much before and after a change is compared, at most."""
LEAST_SIDE_S = 60.0
"""A younger change is not compared."""
TRAFFIC = "request_rate"
PERCENTILES = {"latency_p50": 0.5, "latency_p90": 0.9, "latency_p95": 0.95, "latency_p99": 0.99}


def sides_of(changed: Instant, until: Instant) -> tuple[Window, Window] | None:
    """The stretches before and after a change that ended, or is looked at, at an instant; None where that is too early."""
    length = min(SIDE_S, until - changed)
    if length < LEAST_SIDE_S:
        return None
    return Window(changed - SIDE_S, changed), Window(changed, changed + length)


def compare(series: SeriesSet, service: str, operation: str, before: Window, after: Window) -> Iterator[Compared]:
    """Failures, latencies and traffic of a service, or of one operation, as far as they are measured on either side."""
    n0, n1 = (requests_of(series, service, operation, side) or None for side in (before, after))
    known = [metric for metric in PERCENTILES if series.get(service, metric, operation) is not None]
    for metric in ("error_rate", *(known or ["latency_avg"]), TRAFFIC):
        one, other = (_value(series, service, operation, metric, side) for side in (before, after))
        if one is not None or other is not None:
            unit = UNITS[metric]
            yield Compared(service, operation or None, metric, unit, one, other, n0, n1, before, after)


def _value(series: SeriesSet, service: str, operation: str, metric: str, side: Window) -> float | None:
    if metric == TRAFFIC:
        return rate_of(series, service, operation, side)
    found = side_of(series, service, operation, metric, side)
    return found.value if found is not None else None


def compared_of(
    series: SeriesSet, changed: Instant, until: Instant, service: str, operations: Iterable[str]
) -> tuple[Compared, ...]:
    """A service as a whole and some of its operations before and after a change; empty where it is too young."""
    sides = sides_of(changed, until)
    if sides is None:
        return ()
    return tuple(row for operation in ("", *operations) for row in compare(series, service, operation, *sides))


def needed(metric: str) -> int:
    """Requests on a side below which its value says little; 0: any number will do."""
    return samples_needed(PERCENTILES[metric]) if metric in PERCENTILES else 0


def worse(one: Compared) -> bool | None:
    """Whether a signal is worse after than before; None where that cannot be told, or says nothing.

    Failures by Fisher's exact test beside the least effect; latencies by their growth, on requests enough for the quantile.
    """
    if one.before is None or one.after is None or one.metric == TRAFFIC:
        return None
    n0, n1 = one.samples_before, one.samples_after
    if n0 is None or n1 is None or min(n0, n1) < max(GATE_REQUESTS, needed(one.metric)):
        return None
    if one.metric != "error_rate":
        grown = one.after - one.before
        return grown >= max(LATENCY_EFFECT * one.before, LATENCY_EFFECT_S)
    if one.after - one.before < MIN_EFFECT_RATIO:
        return False
    return fisher_greater(round(one.after * n1), n1, round(one.before * n0), n0) <= P_RATE


def told_sides(one: Compared) -> str:
    """`error rate 0.1 % before and 24 % after (28,800 and 7,680 requests)`."""
    said = f"{metric_name(one.metric)} {_told(one.before, one.unit)} before and {_told(one.after, one.unit)} after"
    if one.samples_before is None or one.samples_after is None:
        return said
    return f"{said} ({one.samples_before:,} and {one.samples_after:,} requests)"


def _told(value: float | None, unit: str) -> str:
    return "unknown" if value is None else number(value, unit)


def telling(compared: Iterable[Compared]) -> Compared | None:
    """The row that says most of a service as a whole: the failures where they are worse, else the latency that is, else the
    failures; None where nothing can be said."""
    known = [(one, worse(one)) for one in compared if one.operation is None]
    bad = [one for one, is_worse in known if is_worse]
    sure = [one for one, is_worse in known if is_worse is not None]
    return next(iter(bad or sure), None)


def claim_of(one: Compared) -> tuple[str, bool]:
    """What the comparison says for or against the change, and which of the two."""
    is_worse = bool(worse(one))
    place = f"{owner(one.service)} {told_sides(one)}"
    spans = f"in the {span_text(one.before_window.seconds)} and {span_text(one.after_window.seconds)} around it"
    return f"{place}, {spans}" if is_worse else f"no worse after it: {place}, {spans}", is_worse
