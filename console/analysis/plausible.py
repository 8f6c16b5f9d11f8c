"""Second thoughts about a latency: do its callers feel it, and do the spans of the same stretch show it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.analysis.graph import Graph
from console.analysis.moves import Move
from console.analysis.signals import Family
from console.analysis.stats import rank_sum
from console.analysis.traces import Calls
from console.analysis.tracks import Tracks
from console.domain.instant import Instant

if TYPE_CHECKING:
    from console.analysis.tracks import Track

FELT = 0.05
"""A callee that adds less than this share of what its callers take anyway is not felt [D]."""
FEWEST_SPANS = 20
SPANS_P = 0.01
LEVEL_POINTS = 500


def unfelt(move: Move, tracks: Tracks, graph: Graph) -> str:
    """Why a latency does not matter, in words; empty where it may."""
    callers = graph.above(move.service)[1:]
    if not callers:
        return ""
    above = [t for t in tracks.values if not t.key.operation and _comparable(t, move) and t.service in callers]
    if not above:
        return ""
    level = max(_level(t) for t in above)
    added = move.observed - move.level
    return f"adds less than {FELT:.0%} to what its callers take" if added < FELT * level else ""


def _comparable(track: Track, move: Move) -> bool:
    """Whether both tell the same of what is served."""
    meaning = track.meaning
    return meaning.family is Family.LATENCY and not meaning.outbound and meaning.quantile == move.meaning.quantile


def _level(track: Track) -> float:
    import numpy as np

    return float(np.median(track.values[-LEVEL_POINTS:]))


def contradicted(move: Move, calls: Calls, at: Instant) -> str:
    """Why the spans speak against a latency of the metrics, in words; empty where they do not, or are too few."""
    worse = seen = 0
    for (service, operation), points in calls.served.items():
        if service != move.service or (move.operation is not None and operation != move.operation):
            continue
        old = [seconds for t, seconds, _ in points if t < move.onset]
        new = [seconds for t, seconds, _ in points if move.onset <= t <= at]
        if len(old) < FEWEST_SPANS or len(new) < FEWEST_SPANS:
            continue
        seen += 1
        worse += rank_sum(old, new) <= SPANS_P or _tail(new) > 1.25 * _tail(old)
    return "the spans of the same stretch do not show it" if seen and not worse else ""


def _tail(values: list[float]) -> float:
    return sorted(values)[int(0.95 * (len(values) - 1))]
