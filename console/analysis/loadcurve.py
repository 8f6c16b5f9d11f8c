"""How a service answers under load: its latency or failures against its requests, before and since, with the knee.

The question is whether the curve moved or only the load: answers at equal load tell, and nothing else does.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

from console.domain.instant import Instant
from console.domain.values import dataclass

if TYPE_CHECKING:
    from console.domain.series import Series

STRATA = (0.04, 0.1)
"""Loads are called equal within the first of these shares at which enough of them are [D]."""
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
    at_equal_load: float | None
    """Value since over value before at equal loads; None: no load was seen on both sides."""
    equal_points: tuple[int, int]
    """Steps at equal loads, before and since."""
    knee: float | None
    """Requests per second from which it rises steeply; None: no knee is found."""

    @property
    def moved(self) -> bool | None:
        """Whether the curve moved; None where no equal loads were seen."""
        if self.at_equal_load is None:
            return None
        if self.unit == "ratio":
            worst = median(value for _, value in self.since) if self.since else 0.0
            return self.at_equal_load >= MOVED_ERRORS and worst >= LEAST_ERRORS
        return self.at_equal_load >= MOVED_TIME


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
    ratio, equal = _at_equal_load(before, since, unit)
    curve = LoadCurve(
        value.key.metric,
        unit,
        before,
        since,
        median(load for load, _ in before) if before else None,
        median(load for load, _ in since) if since else None,
        ratio,
        equal,
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
) -> tuple[float | None, tuple[int, int]]:
    """The ratio over strata of load that both sides reached, each weighted by its rarer side; and the points in them."""
    if len(before) < FEWEST_POINTS or len(since) < FEWEST_EQUAL:
        return None, (0, 0)
    equal: tuple[int, int] = (0, 0)
    both: list[tuple[list[float], list[float]]] = []
    for width in STRATA:
        both = _strata(before, since, width)
        equal = sum(len(old) for old, _ in both), sum(len(new) for _, new in both)
        if min(equal) >= FEWEST_EQUAL:
            break
    else:
        return None, equal
    floor = SMALL_ERRORS if unit == "ratio" else 0.0
    upper = sum(sum(new) / len(new) * _weight(old, new) for old, new in both) + floor
    lower = sum(sum(old) / len(old) * _weight(old, new) for old, new in both) + floor
    return (upper / lower if lower > 0 else None), equal


def _strata(
    before: tuple[tuple[float, float], ...], since: tuple[tuple[float, float], ...], width: float
) -> list[tuple[list[float], list[float]]]:
    """The values of both sides at loads that differ by at most this share; loads that one side never had are left out."""
    strata: dict[int, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for side, points in enumerate((before, since)):
        for load, value in points:
            strata[math.floor(math.log(load) / math.log1p(width))][side].append(value)
    return [(old, new) for old, new in strata.values() if old and new]


def _weight(old: list[float], new: list[float]) -> float:
    return len(old) * len(new) / (len(old) + len(new))


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


def sentence(curve: LoadCurve, what: str, number: str, at_knee: str) -> str:
    """What the curve says, in words.

    Args:
        what: The signal: `p99`.
        number: The loads before and since: `8.4/s before, 17/s since`.
        at_knee: The load at the knee, in words.
    """
    knee = (
        f" Above {at_knee} {'they rise' if curve.unit == 'ratio' else 'it rises'} steeply."
        if curve.knee is not None
        else ""
    )
    if len(curve.before) < FEWEST_POINTS or len(curve.since) < FEWEST_EQUAL:
        return f"Too little is known: {len(curve.before)} steps before and {len(curve.since)} since.{knee}"
    if curve.at_equal_load is None:
        return f"No load was reached both before and since ({number}): whether the curve moved cannot be told.{knee}"
    n = f"{curve.equal_points[0]} steps before, {curve.equal_points[1]} since"
    verb, was = ("are", "they were") if curve.unit == "ratio" else ("is", "it was")
    ratio = curve.at_equal_load
    times = f"{verb} {ratio:.1f} × what {was}" if ratio < 10 else f"{verb} {ratio:.0f} × what {was}"
    if curve.moved:
        return f"At equal load {what} {times} ({n}): the curve moved, more load is not the reason.{knee}"
    rose = curve.load_before and curve.load_since and curve.load_since >= 1.2 * curve.load_before
    why = "same curve, more load" if rose else "same curve, same load"
    return f"At equal load {what} {times} ({n}): {why} ({number}).{knee}"
