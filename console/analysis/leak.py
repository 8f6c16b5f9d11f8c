"""Memory that only grows: restart-aware, on the lower envelope, with the exhaustion as a range and never as one clock time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from console.analysis.constants import (
    LEAK_BINS,
    LEAK_GROWTH,
    LEAK_LAST_BINS,
    LEAK_MIN_BINS,
    LEAK_P,
    LEAK_QUANTILE,
    LEAK_TAIL_SLOPE,
    LEAK_TAU,
    RESTART_FALL_OF_MAX,
    RESTART_FALL_OF_RANGE,
)
from console.analysis.onset import Onset
from console.analysis.restarts import Restart
from console.analysis.signals import Family
from console.analysis.stats import mann_kendall, slope_interval, theil_sen
from console.analysis.tracks import Track, Tracks
from console.domain.instant import Instant, Window
from console.domain.values import dataclass

if TYPE_CHECKING:
    from console.analysis.stats import Numbers

LEAST_SPAN_S = 1200.0
"""Shorter stretches show warm-ups, not leaks [D]."""
SPANS_S = (3600.0, 6 * 3600.0, 24 * 3600.0)
"""Besides everything there is, these last stretches are tried, so that a leak that began late shows [P, Coroot]."""
SHORT_S = 2 * 3600.0
SHORT_TAIL_SLOPE = 0.6
"""Below two hours a fill that slows down is not told from a leak by less: its later half must grow nearly as fast [D]."""
DAY_S = 86400.0
"""Stretches shorter than a day may be warm-ups: there the later growth is also held against the mean growth [D]."""
MANY_FALLS = 3
LEAST_BYTES = 1 << 20
ALIKE = 2.0
"""Runs of one process leak alike where their rates differ by no more than this factor [D]."""
ORIGIN_SLACK = 0.15
"""Error of a beginning that is told by the rate alone, as a share of the time since [D]."""


@dataclass(frozen=True, slots=True)
class Leak:
    """A resource that grows and does not come back."""

    service: str
    operation: str | None
    metric: str
    since: Instant
    now: float
    start: float
    per_hour: float
    tau: float
    p: float
    bins: int
    segment: Window
    restarts: int
    limit: float | None
    earliest: Instant | None
    latest: Instant | None
    source: str
    query: str
    origin: Onset | None = None
    """When it began to grow, restarts or not; None: before anything that is known."""


def find_leaks(tracks: Tracks, at: Instant, restarts: Iterable[Restart] = ()) -> list[Leak]:
    """Every memory series that leaks, fastest relative growth first.

    Many falls without a restart on record are a collector at work, not a service that is killed again and again.
    """
    known: dict[str, list[Instant]] = {}
    for restart in restarts:
        known.setdefault(restart.service, []).append(restart.at)
    found = []
    for track in tracks.values:
        if track.meaning.family is not Family.MEMORY or track.meaning.harm < 0:
            continue
        leak = find_leak(track, at, _limit(tracks, track), known.get(track.service, []))
        if leak is not None:
            found.append(leak)
    return sorted(found, key=lambda one: -(one.per_hour / max(one.now, 1.0)))


def _limit(tracks: Tracks, track: Track) -> float | None:
    for (service, metric), series in tracks.limits.items():
        if service == track.service and metric == "memory_limit_bytes":
            return float(series.values[-1]) if len(series) and series.values[-1] > 0 else None
    return None


def find_leak(track: Track, at: Instant, limit: float | None, restarts: Sequence[Instant] = ()) -> Leak | None:
    """The longest stretch of the series that ends now and leaks; None where none does."""
    times, values = track.times, track.values
    if times.size < LEAK_MIN_BINS or at - times[-1] > max(10 * track.step_s, 600.0):
        return None
    whole = float(times[-1] - times[0])
    if whole < LEAST_SPAN_S:
        return None
    middle, low, width = envelope(times, values, track.step_s)
    parts = segments(low)
    if len(parts) - 1 >= MANY_FALLS and len(restarts) < (len(parts) - 1) / 2:
        return None
    for span in (whole, *(s for s in reversed(SPANS_S) if s < whole * 0.75)):
        if span < LEAST_SPAN_S:
            continue
        inside = times >= times[-1] - span
        found = _test(track, times[inside], values[inside], at, limit)
        if found is not None and not _been_there(middle, low, parts, found):
            return replace(found, origin=_origin(middle, low, width, parts, found))
    return None


def _origin(middle: Numbers, low: Numbers, width: float, parts: list[slice], leak: Leak) -> Onset | None:
    """When the growth began: back over the runs of the process that grow as fast.

    Where the first known run begins above the level of a fresh process, it has grown before: the rate tells since when.
    """
    per_bin = leak.per_hour * width / 3600
    k = max((k for k, part in enumerate(parts) if middle[part.start] <= leak.segment.end), default=0)
    while k > 0 and _grows_alike(low[parts[k - 1]], per_bin):
        k -= 1
    run = low[parts[k]]
    fresh = min((float(low[part.start]) for part in parts[k + 1 :]), default=math.inf)
    start = float(middle[parts[k].start]) - width / 2
    if k == 0 and float(run[0]) - fresh > 2 * per_bin:
        before = (float(run[0]) - fresh) / per_bin * width
        slack = max(2 * width, ORIGIN_SLACK * before)
        return Onset(start - before, start - before - slack, start - before + slack)
    bend = _bend(run, per_bin)
    if k == 0 and bend == 0:
        return None
    began = start + bend * width
    return Onset(began, began - 2 * width, began + 2 * width)


def _grows_alike(run: Numbers, per_bin: float) -> bool:
    """Whether a run of the process grows about as fast at its end; a very short one is not asked."""
    end = run[-max(3, run.size // 3) :]
    return run.size < 3 or per_bin / ALIKE <= theil_sen(end)[0] <= per_bin * ALIKE


def _bend(run: Numbers, per_bin: float) -> int:
    """The bin from which on a level and then a straight rise fit best."""
    import numpy as np

    best, found = math.inf, 0
    for k in range(run.size - 2):
        level = float(np.median(run[:k])) if k else float(run[0])
        model = level + per_bin * np.maximum(np.arange(run.size) - k, 0)
        error = float(np.abs(run - model).sum())
        if error < best:
            best, found = error, k
    return found


def _been_there(middle: Numbers, low: Numbers, parts: list[slice], found: Leak) -> bool:
    """Whether the same run of the process was as high before the growth began: then it comes back by itself."""
    earlier = (middle < found.since) & (middle >= middle[parts[-1].start])
    return bool(earlier.any()) and float(low[earlier].max()) >= 0.98 * found.now


def envelope(times: Numbers, values: Numbers, step_s: float, bins: int = LEAK_BINS) -> tuple[Numbers, Numbers, float]:
    """Lower envelope: the 10 % quantile of each bin, max(5 steps, span / 96) wide; and that width."""
    import numpy as np

    width = max(5 * step_s, float(times[-1] - times[0]) / bins, 1e-9)
    place = ((times - times[0]) / width).astype(int)
    edges = np.flatnonzero(np.diff(place)) + 1
    groups = np.split(np.arange(times.size), edges)
    low = np.array([np.quantile(values[g], LEAK_QUANTILE) for g in groups])
    middle = np.array([times[0] + (place[g[0]] + 0.5) * width for g in groups])
    return middle, low, width


def segments(values: Numbers) -> list[slice]:
    """Stretches between restarts: a fall of more than 30 % of the running maximum and 60 % of the running range."""
    cuts = [0]
    top = bottom = float(values[0]) if values.size else 0.0
    for k in range(1, values.size):
        value = float(values[k])
        if top - value > RESTART_FALL_OF_MAX * top and top - value > RESTART_FALL_OF_RANGE * max(top - bottom, 1e-12):
            cuts.append(k)
            top = bottom = value
        top, bottom = max(top, value), min(bottom, value)
    return [slice(a, b) for a, b in zip(cuts, [*cuts[1:], values.size], strict=True)]


def _test(track: Track, times: Numbers, values: Numbers, at: Instant, limit: float | None) -> Leak | None:
    import numpy as np

    if times.size < LEAK_MIN_BINS:
        return None
    middle, low, width = envelope(times, values, track.step_s)
    parts = segments(low)
    last = parts[-1]
    chosen = last if last.stop - last.start >= LEAK_LAST_BINS else max(parts, key=lambda s: s.stop - s.start)
    part, stamps = low[chosen], middle[chosen]
    if part.size < LEAK_MIN_BINS:
        return None
    tau, p = mann_kendall(part)
    if p >= LEAK_P or tau < LEAK_TAU:
        return None
    slope, centre = theil_sen(part)
    first, grown = centre, slope * (part.size - 1)
    if (
        slope <= 0
        or grown < LEAK_GROWTH * max(abs(first), 1.0)
        or (track.meaning.unit == "bytes" and grown < LEAST_BYTES)
    ):
        return None
    half = part[part.size // 2 :]
    tail, _ = theil_sen(half)
    mean = float(part[-1] - part[0]) / (part.size - 1)
    span = part.size * width
    bends = LEAK_TAIL_SLOPE if span >= SHORT_S else SHORT_TAIL_SLOPE
    warming = span < DAY_S and tail <= bends * mean
    if tail <= LEAK_TAIL_SLOPE * slope or warming or _one_step(part):
        return None
    if not _again(parts, chosen, low):
        return None
    lower, upper = slope_interval(part)
    rates = [s * 3600 / width for s in (slope, lower, upper, tail)]
    now = float(np.median(values[-5:]))
    earliest = latest = None
    if limit is not None and limit > now:
        fast = max(rates[2], rates[3])
        earliest = at + (limit - now) / fast * 3600 if fast > 0 else None
        latest = at + (limit - now) / rates[1] * 3600 if rates[1] > 0 else None
    return Leak(
        track.service,
        track.operation,
        track.key.metric,
        float(stamps[0] - width / 2),
        float(part[-1]) if chosen is not last else now,
        float(part[0]),
        rates[0],
        tau,
        p,
        int(part.size),
        Window(float(stamps[0]), float(stamps[-1])),
        len(parts) - 1,
        limit,
        earliest,
        latest,
        track.source,
        track.query,
    )


def _one_step(part: Numbers) -> bool:
    """Whether one jump makes most of the growth: a cache filled or a data set loaded, not a leak."""
    import numpy as np

    moves = np.diff(part)
    grown = float(part[-1] - part[0])
    return grown > 0 and float(moves.max()) > 0.6 * grown


def _again(parts: list[slice], chosen: slice, low: Numbers) -> bool:
    """After a restart a service warms up: the growth must go beyond what the segments before reached at the same age."""
    earlier = [s for s in parts if s.stop <= chosen.start and s.stop - s.start >= LEAK_MIN_BINS]
    if not earlier:
        return True
    part = low[chosen]
    for one in earlier:
        before = low[one]
        levelled = theil_sen(before[before.size // 2 :])[0] <= LEAK_TAIL_SLOPE * max(theil_sen(before)[0], 1e-12)
        same_age = min(before.size, part.size)
        if levelled and float(part[same_age - 1]) <= float(before[same_age - 1]) * (1 + LEAK_GROWTH):
            return False
    return True
