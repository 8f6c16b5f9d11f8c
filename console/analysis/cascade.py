"""Explained excess: of all the time or failures that were added, what each node added itself.

For each node: total = mean harmful deviation since the onset x requests; own = total minus the totals of its callees.
Level from the bins just before the onset, noise from the long history.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from console.analysis.constants import (
    BASELINE_GUARD_S,
    CASCADE_KEEP_EFFECT,
    CASCADE_KEEP_RATIO,
    CASCADE_KEEP_Z,
    LOCAL_HORIZON_S,
    SCALE_FLOOR,
    SCALE_FLOOR_RATIO,
)
from console.analysis.graph import Graph
from console.analysis.signals import Family
from console.analysis.stats import median_of, robust_scale
from console.analysis.tracks import ErrorTrack, Track, Tracks
from console.domain.instant import Instant
from console.domain.values import dataclass

if TYPE_CHECKING:
    from console.analysis.episodes import Flags
    from console.analysis.stats import Numbers

Measured = TypeVar("Measured", bound="Track | ErrorTrack")
LATENCY_ORDER = ("latency_avg", "latency_p50", "latency_p90", "latency_p95", "latency_p99")
"""Means add up along a call; percentiles only stand in where a node has no mean."""
MOST_LOCAL = 2000
SURE_MEAN = 2.0
"""Standard errors by which the mean since the onset must exceed the level: single high bins are noise [D]."""


@dataclass(frozen=True, slots=True)
class Excess:
    """What one node added since the onset."""

    node: str
    total: float
    """Failed requests, or seconds, per bin; ratio or seconds per request where no source counts requests."""
    own: float
    """What its callees do not explain."""
    share: float
    """Own excess over the total of the node where the trouble shows; above 1 where others call it as well."""
    level: float
    now: float
    bins: int
    callees: tuple[str, ...]
    """Those of its callees that carry excess."""
    source: str = ""
    metric: str = ""
    query: str = ""
    """The series that it was measured by."""


@dataclass(frozen=True, slots=True)
class Cascade:
    """The excess of every node in one currency."""

    currency: str
    """failures | seconds"""
    counted: bool
    """Whether requests were known for every node."""
    target: str
    """The node where the trouble shows."""
    nodes: tuple[Excess, ...]
    """Largest own excess first."""


def cascade(
    tracks: Tracks, graph: Graph, currency: str, onset: Instant, at: Instant, targets: list[str]
) -> Cascade | None:
    """Rank nodes by their own excess; None where nothing was added anywhere."""
    totals: dict[str, tuple[float, float, float, int]] = {}
    requests_known = True
    chosen = levelled(_chosen(tracks, currency), onset)
    for node, track in chosen.items():
        found = _total(track, onset, at)
        if found is None:
            continue
        deviation, requests, level, now, bins = found
        if requests is None:
            requests_known = False
        totals[node] = (deviation * (requests if requests is not None else 1.0), level, now, bins)
    if not requests_known:  # one currency for all: without counts everywhere, none counts
        totals = _uncounted(chosen, onset, at)
    if not totals:
        return None
    target = _target(totals, graph, targets)
    reachable = graph.below(target)
    reach = set(reachable) if len(reachable) > 1 else set(totals)
    scale = totals[target][0] if target in totals and totals[target][0] > 0 else max(t[0] for t in totals.values())
    nodes = []
    for node in totals:
        if node not in reach:
            continue
        total, level, now, bins = totals[node]
        below = tuple(c for c in graph.callees.get(node, ()) if totals.get(c, (0.0,))[0] > 0 and c != node)
        own = max(0.0, total - sum(totals[c][0] for c in below if node not in graph.callees.get(c, ())))
        share = own / scale if scale > 0 else 0.0
        track = chosen[node]
        metric = "error_rate" if isinstance(track, ErrorTrack) else track.key.metric
        nodes.append(Excess(node, total, own, share, level, now, bins, below, track.source, metric, track.query))
    nodes.sort(key=lambda e: (-e.own, -e.total, e.node))
    return Cascade(currency, requests_known, target, tuple(nodes)) if nodes else None


def levelled(measured: Mapping[str, Measured], onset: Instant) -> dict[str, Measured]:
    """Those that were measured long enough before the onset to have a level that is not of the trouble itself.

    A node that is measured only since the trouble began, or hardly longer, cannot tell that nothing changed: a console that
    is opened during an incident sees it bad from the first look on. Where nothing is known for long, half as long as
    the longest will do.
    """
    before = {node: onset - float(one.times[0]) if one.times.size else 0.0 for node, one in measured.items()}
    needed = min(BASELINE_GUARD_S, max(before.values(), default=0.0) / 2)
    return {node: one for node, one in measured.items() if before[node] >= needed}


def _uncounted(
    chosen: Mapping[str, Track | ErrorTrack], onset: Instant, at: Instant
) -> dict[str, tuple[float, float, float, int]]:
    found = {}
    for node, track in chosen.items():
        total = _total(track, onset, at)
        if total is not None:
            found[node] = (total[0], total[2], total[3], total[4])
    return found


def _target(totals: dict[str, tuple[float, float, float, int]], graph: Graph, targets: list[str]) -> str:
    """The affected node that reaches most of the excess, preferring those that no affected node calls."""
    shown = [t for t in targets if t in totals] or list(totals)
    wanted = list(dict.fromkeys(n for t in shown for n in graph.above(t) if n in totals))
    top = [n for n in wanted if not any(c in totals for c in graph.callers.get(n, ()))] or wanted

    def weight(node: str) -> tuple[float, float, str]:
        return sum(totals[n][0] for n in graph.below(node) if n in totals), totals[node][0], node

    return max(top, key=weight)


def _chosen(tracks: Tracks, currency: str) -> dict[str, Track | ErrorTrack]:
    """One track per node in this currency: counts before ratios, what it serves before what it calls."""
    if currency == "failures":
        chosen: dict[str, Track | ErrorTrack] = {}
        for error in tracks.errors:
            if error.operation is None:
                chosen.setdefault(error.service, error)
        for outbound in (False, True):
            for track in tracks.values:
                meaning = track.meaning
                fits = meaning.family is Family.RATIO and meaning.outbound is outbound and not meaning.by_caller
                if fits and track.operation is None:
                    chosen.setdefault(track.service, track)
        return chosen
    best: dict[str, tuple[int, Track]] = {}
    for track in tracks.values:
        if track.operation is not None or track.meaning.family is not Family.LATENCY or track.meaning.outbound:
            continue
        known = track.key.metric in LATENCY_ORDER
        rank = LATENCY_ORDER.index(track.key.metric) if known else len(LATENCY_ORDER)
        if track.service not in best or rank < best[track.service][0]:
            best[track.service] = rank, track
    return {service: track for service, (_, track) in best.items()}


def _total(
    track: Track | ErrorTrack, onset: Instant, at: Instant
) -> tuple[float, float | None, float, float, int] | None:
    """(mean deviation, median requests, level, value now, bins) of a node that kept its place; None: it did not move."""
    import numpy as np

    ratio = isinstance(track, ErrorTrack) or track.meaning.unit == "ratio"
    if isinstance(track, ErrorTrack):
        values: Numbers = track.failures / np.maximum(track.requests, 1)
        requests: Numbers | None = track.requests
    else:
        values, requests = track.values, track.requests
    times = track.times
    later = times >= onset - min(30.0, track.step_s / 2)
    near = (times < onset) & (times > at - LOCAL_HORIZON_S) & ~later
    long = (times <= at - LOCAL_HORIZON_S) & ~later
    if not later.any():
        return None
    local = values[near][-MOST_LOCAL:]
    older = values[long][-MOST_LOCAL:]
    if not local.size and not older.size:
        return None
    level = median_of(local if local.size else older)
    floor = SCALE_FLOOR_RATIO if ratio else max(SCALE_FLOOR * abs(level), 1e-6)
    if local.size:
        floor = max(floor, float(local.max() - local.min()) / 2 if local.size < 10 else 0.0)
    scale = max(robust_scale(part, floor) for part in (older, local) if part.size or part is local)
    harm = np.clip(values[later] - level, 0, None)
    worst = float(harm.max())
    keep = CASCADE_KEEP_RATIO if ratio else CASCADE_KEEP_EFFECT * abs(level)
    if isinstance(track, ErrorTrack):
        return _counted(track, later, near, long)
    bins = int(later.sum())
    risen = float(values[later].mean()) - level >= SURE_MEAN * scale / math.sqrt(bins)
    if worst / scale < CASCADE_KEEP_Z or worst <= keep or not risen:
        return None
    count = None
    if requests is not None:
        part = requests[later]
        known = part[np.isfinite(part)]
        count = median_of(known) if known.size else None
    beyond = np.clip(harm - scale, 0, None)  # what noise alone could have added is no excess
    return float(beyond.mean()), count, level, median_of(values[later]), bins


def _counted(
    track: ErrorTrack, later: Flags, near: Flags, long: Flags
) -> tuple[float, float | None, float, float, int] | None:
    """The same for failures with counts: pooled, so that few failures in many short bins are not lost in medians."""
    import numpy as np

    before = near if track.requests[near].sum() > 0 else long
    old_n, new_n = float(track.requests[before].sum()), float(track.requests[later].sum())
    old_f, new_f = float(track.failures[before].sum()), float(track.failures[later].sum())
    if old_n <= 0 or new_n <= 0:
        return None
    level, now = (old_f + 0.5) / (old_n + 1), new_f / new_n
    scale = float(np.sqrt(max(level * (1 - level) / new_n, 0.25 / new_n**2)))
    if now - level <= CASCADE_KEEP_RATIO or (now - level) / scale < CASCADE_KEEP_Z:
        return None
    bins = int(later.sum())
    return max(0.0, now - level - scale), new_n / bins, old_f / old_n, now, bins
