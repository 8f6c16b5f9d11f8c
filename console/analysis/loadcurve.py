"""How a service answers under load: its latency or failures against its requests, before and since, with the knee.

The question is whether the curve moved or only the load: answers at equal load tell, and nothing else does. The verdict and
the screen of the load both ask `load_of`, so that they cannot say different things.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from enum import Enum
from statistics import median
from typing import TYPE_CHECKING

from console.analysis.load import BUSIER
from console.analysis.rates import error_series, rate_series
from console.analysis.words import metric_name, number
from console.domain.instant import Instant
from console.domain.values import dataclass

if TYPE_CHECKING:
    from console.domain.diagnosis import Symptom
    from console.domain.series import Series, SeriesSet

EQUAL_LOAD = (0.04, 0.1)
"""Loads are called equal within the first of these shares at which enough of them are [D]."""
MOST_BESIDE = 50
"""Steps before that one step since is held against, the nearest in load."""
FEWEST_POINTS = 8
"""Points on a side below which nothing is said of it [D]."""
FEWEST_EQUAL = 3
"""Points on each side that must lie at equal loads [D]."""
MOVED_ERRORS = 3.0
"""Failures at equal load this many times as frequent, and 1 % or more of the requests: the curve moved."""
MOVED_TIME = 1.5
"""The same for latency [D]."""
LEAST_ERRORS = 0.01
SMALL_ERRORS = 0.0005
"""Added to both sides of a ratio of failures, so that it exists where one side has none [D]."""
USUAL_SHARE = 0.95
"""Failures above what so many of the steps before had count as that: an incident before must not make this one usual [D]."""
UNEXPLAINED = 1 / 3
"""Part of the rise that may be there at equal load too, where the load is said to explain it [D]."""
KNEE_TIMES = 3.0
KNEE_ERRORS = 0.005
"""The knee is the first part of the load above three times the lower half, for failures at least this rate."""
KNEE_TIME = 2.0
"""The same for latency: waiting of that length is no noise [D]."""
MISFIT = 0.35
"""Variance that a rising curve may leave unexplained; above it there is no knee."""
PARTS = 10
FEWEST_PARTS = 3
"""Parts of the load, of `PARTS`, that must hold steps [D]."""
FEWEST_FOR_KNEE = 40
LONGEST_STEP_S = 300.0
LOAD_SIGNALS = ("latency_p99", "latency_p95", "latency_p90", "latency_p50", "latency_avg")
"""What is looked at where nothing of a service is off, the slowest first."""


class Reason(Enum):
    """What the curve says of more load as a reason."""

    MOVED = "moved"
    """At equal load it is worse than before: the load does not explain it."""
    LOAD = "load"
    """The curve is the same, and the load is higher."""
    NEITHER = "neither"
    """Neither the curve nor the load changed."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Equal:
    """Both sides of the onset at the loads that both reached."""

    loads: tuple[float, float]
    """The lowest and the highest of them, in requests per second."""
    before: float
    """The signal at these loads: the median of a latency, the mean of failures."""
    since: float
    steps: tuple[int, int]
    """Steps at these loads, before and since."""

    def ratio(self, unit: str) -> float | None:
        """Since over before; None where there is no such number."""
        floor = SMALL_ERRORS if unit == "ratio" else 0.0
        return (self.since + floor) / (self.before + floor) if self.before + floor > 0 else None


@dataclass(frozen=True, slots=True)
class LoadCurve:
    """One signal of a service against its requests per second."""

    metric: str
    unit: str
    """ratio | s"""
    before: tuple[tuple[float, float], ...]
    """(requests per second, value) of each step before the onset."""
    since: tuple[tuple[float, float], ...]
    load_before: float | None
    """Median requests per second."""
    load_since: float | None
    equal: Equal | None
    """None: too few steps at loads that both sides reached."""
    step_s: float
    knee: float | None
    """Requests per second from which it rises steeply; None: no knee is found."""

    @property
    def at_equal_load(self) -> float | None:
        """Value since over value before at equal loads; None: no load was seen on both sides."""
        return self.equal.ratio(self.unit) if self.equal is not None else None

    @property
    def moved(self) -> bool | None:
        """Whether the curve moved; None where no equal loads were seen."""
        ratio = self.at_equal_load
        if ratio is None or self.equal is None:
            return None
        if self.unit == "ratio":
            return ratio >= MOVED_ERRORS and self.equal.since >= LEAST_ERRORS
        return ratio >= MOVED_TIME

    @property
    def busier(self) -> bool:
        """Whether the load is clearly higher than before."""
        return bool(self.load_before and self.load_since and self.load_since >= BUSIER * self.load_before)

    @property
    def beyond(self) -> bool:
        """Whether every load since is higher than any before."""
        sides = [[load for load, _ in side] for side in (self.since, self.before)]
        return all(sides) and min(sides[0]) > max(sides[1])

    @property
    def risen(self) -> float:
        """How many times as high the signal is since the onset, whatever the load."""
        was, now = (_middle(list(side), self.unit) if side else 0.0 for side in (self.before, self.since))
        return (now + SMALL_ERRORS) / (was + SMALL_ERRORS) if self.unit == "ratio" else now / was if was > 0 else 1.0

    @property
    def reason(self) -> Reason:
        """What this says of the load as a reason."""
        ratio = self.at_equal_load
        if ratio is None:
            return Reason.UNKNOWN
        if self.moved:
            return Reason.MOVED
        explained = self.busier and ratio - 1 <= UNEXPLAINED * (self.risen - 1)
        return Reason.LOAD if explained else Reason.NEITHER


@dataclass(frozen=True, slots=True)
class Loaded:
    """The curve of a service, or of the one operation of it that is off, with the series that it was read from."""

    service: str
    operation: str
    """Empty: the service as a whole."""
    curve: LoadCurve
    signal: Series
    rate: Series

    @property
    def what(self) -> str:
        """`p95 latency`, `error rate of POST /orders`."""
        name = metric_name(self.curve.metric)
        return f"{name} of {self.operation}" if self.operation else name


def load_of(series: SeriesSet, service: str, symptoms: Iterable[Symptom], onset: Instant, at: Instant) -> Loaded | None:
    """The signal of a service that is off, else its slowest percentile, against its load.

    Args:
        series: With the whole of services of which only operations are told.
        symptoms: The worst first.

    Returns:
        None where its requests, or both its latency and its failures, are not measured.
    """
    open_ones = [s for s in symptoms if s.service == service and s.end is None and s.signal in _TELLING]
    operation = ""
    if open_ones and all(s.operation for s in open_ones):
        operation = open_ones[0].operation or ""
    for place in dict.fromkeys((operation, "")):
        off = [s.signal for s in open_ones if (s.operation or "") == place]
        rate = rate_series(series, service, place)
        found = _signal(series, service, place, off)
        if rate is not None and found is not None:
            metric, signal, unit = found
            return Loaded(
                service, place, replace(load_curve(rate, signal, unit, onset, at), metric=metric), signal, rate
            )
    return None


_TELLING = frozenset((*LOAD_SIGNALS, "error_rate"))


def _signal(series: SeriesSet, service: str, operation: str, off: list[str]) -> tuple[str, Series, str] | None:
    for metric in (*off, *LOAD_SIGNALS, "error_rate"):
        if metric == "error_rate":
            found, unit = error_series(series, service, operation), "ratio"
        else:
            found, unit = series.get(service, metric, operation), "s"
            if found is None and metric == "latency_p50":
                found = series.get(service, "latency_avg", operation)
        if found is not None:
            return ("latency_avg" if found.key.metric == "latency_avg" else metric), found, unit
    return None


def load_curve(rate: Series, value: Series, unit: str, onset: Instant, at: Instant) -> LoadCurve:
    """Pair load and signal by steps of their coarser series and compare both sides of the onset.

    Args:
        rate: Requests per second.
        value: A latency in seconds, or the share of failures.
        unit: s | ratio
        onset: Where "before" ends.
        at: Nothing later is used.
    """
    step = min(LONGEST_STEP_S, max(rate.step_s() or 15.0, value.step_s() or 15.0))
    loads, values = _by_step(rate.until(at), step), _by_step(value.until(at), step)
    pairs = [(place * step, loads[place], values[place]) for place in sorted(loads.keys() & values.keys())]
    pairs = [(t, load, v) for t, load, v in pairs if load > 0]
    before = tuple((load, v) for t, load, v in pairs if t < onset)
    since = tuple((load, v) for t, load, v in pairs if t >= onset)
    curve = LoadCurve(
        value.key.metric,
        unit,
        before,
        since,
        median(load for load, _ in before) if before else None,
        median(load for load, _ in since) if since else None,
        _at_equal_load(before, since, unit),
        step,
        None,
    )
    # A curve that moved is two curves, and the bend of both together would be none of either's.
    return replace(curve, knee=_knee(since if curve.moved else (*before, *since), unit))


def _by_step(series: Series, step: float) -> dict[int, float]:
    found: dict[int, list[float]] = defaultdict(list)
    for at, value in series:
        found[int(at // step)].append(value)
    return {place: sum(values) / len(values) for place, values in found.items()}


def _at_equal_load(
    before: tuple[tuple[float, float], ...], since: tuple[tuple[float, float], ...], unit: str
) -> Equal | None:
    """Each step since beside those before at its load or a little more of it; None: too few are.

    Never at less: where a curve is steep, the value at a slightly lower load would make one seem to have moved that did not.
    """
    if len(before) < FEWEST_POINTS or len(since) < FEWEST_EQUAL:
        return None
    usual = sorted(value for _, value in before)[math.ceil(USUAL_SHARE * len(before)) - 1]
    if unit == "ratio":
        before = tuple((load, min(value, usual)) for load, value in before)
    old = sorted(before)
    loads = [load for load, _ in old]
    for width in EQUAL_LOAD:
        places = [
            (bisect_left(loads, load), bisect_right(loads, load * (1 + width)), load, value) for load, value in since
        ]
        paired = [place for place in places if place[0] < place[1]]
        beside = {k for low, high, _, _ in paired for k in range(low, high)}
        if min(len(paired), len(beside)) >= FEWEST_EQUAL:
            break
    else:
        return None
    was = [_middle(old[low : min(high, low + MOST_BESIDE)], unit) for low, high, _, _ in paired]
    now = [(load, value) for _, _, load, value in paired]
    reached = [load for load, _ in now]
    return Equal((min(reached), max(reached)), sum(was) / len(was), _middle(now, unit), (len(beside), len(now)))


def _middle(steps: list[tuple[float, float]], unit: str) -> float:
    values = [value for _, value in steps]
    return sum(values) / len(values) if unit == "ratio" else median(values)


def _knee(points: tuple[tuple[float, float], ...], unit: str) -> float | None:
    """The load from which a rising fit lies far above its lower half; None where it does not rise so, or not by the load.

    The load is cut into parts of equal width and not of equal count: a peak is rare by nature, and a tenth of all steps
    would hide it among quiet ones.
    """
    if len(points) < FEWEST_FOR_KNEE:
        return None
    parts = _by_width(sorted(points))
    if len(parts) < FEWEST_PARTS:
        return None
    means = [sum(v for _, v in part) / len(part) for part in parts]
    fit = _rising(means)
    half = (parts[0][0][0] + parts[-1][-1][0]) / 2
    lower = [v for part in parts for load, v in part if load <= half]
    low, high = sum(lower) / len(lower), sum(fit[-2:]) / 2
    spread = sum((m - sum(means) / len(means)) ** 2 for m in means)
    misfit = sum((m - f) ** 2 for m, f in zip(means, fit, strict=True)) / spread if spread > 0 else 1.0
    limit = max(KNEE_TIMES * low, KNEE_ERRORS) if unit == "ratio" else KNEE_TIME * low
    if misfit >= MISFIT or high < limit or (unit == "ratio" and high < LEAST_ERRORS):
        return None
    return next((part[0][0] for part, value in zip(parts, fit, strict=True) if value > limit), None)


def _by_width(ordered: list[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """Points in ascending order, in parts of a tenth of the range of load; what holds too few joins the part above it."""
    start, width = ordered[0][0], (ordered[-1][0] - ordered[0][0]) / PARTS
    if width <= 0:
        return []
    parts: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for load, value in ordered:
        parts[min(PARTS - 1, int((load - start) / width))].append((load, value))
    found: list[list[tuple[float, float]]] = []
    for part in parts.values():
        if found and len(found[-1]) < FEWEST_EQUAL:
            found[-1] += part
        else:
            found.append(part)
    if len(found) > 1 and len(found[-1]) < FEWEST_EQUAL:
        last = found.pop()
        found[-1] += last
    return found


def _rising(values: list[float]) -> list[float]:
    """The closest curve that never falls (pool adjacent violators)."""
    blocks: list[tuple[float, int]] = []
    for value in values:
        blocks.append((value, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, n), (b, m) = blocks[-2], blocks[-1]
            blocks[-2:] = [((a * n + b * m) / (n + m), n + m)]
    return [value for value, count in blocks for _ in range(count)]


def sentence(loaded: Loaded) -> str:
    """What the curve says, with the figures and the steps that they rest on."""
    curve, what = loaded.curve, loaded.what
    knee = f"; above {number(curve.knee, '1/s')} it rises steeply" if curve.knee is not None else ""
    if len(curve.before) < FEWEST_POINTS or len(curve.since) < FEWEST_EQUAL:
        return f"too little is known of {what} under load: {len(curve.before)} steps before and {len(curve.since)} since{knee}"
    loads = f"{_rate(curve.load_before)} before, {_rate(curve.load_since)} since"
    if curve.equal is None:
        return f"no load was reached both before and since ({loads}): whether {what} depends on it cannot be told{knee}"
    equal, unit = curve.equal, curve.unit
    n = f"{equal.steps[0]} steps before, {equal.steps[1]} since"
    figures = f"at {_span(equal.loads)} {what} was {number(equal.before, unit)}, is {number(equal.since, unit)} ({n})"
    match curve.reason:
        case Reason.MOVED:
            return f"{figures}: the load does not explain it{knee}"
        case Reason.LOAD:
            return f"{figures}: the curve is the same, and the load rose ({loads}){knee}"
    return f"{figures}: neither the curve nor the load changed much ({loads}){knee}"


def _rate(value: float | None) -> str:
    return number(value if value is not None else math.nan, "1/s")


def _span(loads: tuple[float, float]) -> str:
    """`200 to 220 requests/s`."""
    low, high = (number(load, "1/s").removesuffix("/s") for load in loads)
    return f"{low} requests/s" if low == high else f"{low} to {high} requests/s"
