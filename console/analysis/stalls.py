"""Stretches in which most of what is measured was slow at once: the machine below all of it stood still, or nearly so.

A stall of some seconds is over before anybody could look, so what departs during one has to last before it is trouble. What
departs while everything else is calm is no stall, and counts as soon as it is sure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from console.analysis.episodes import FULL_BIN_S, PERSIST_S
from console.analysis.signals import Family
from console.analysis.stats import median_of
from console.analysis.tracks import Track
from console.domain.instant import Instant
from console.domain.values import dataclass

if TYPE_CHECKING:
    from console.analysis.episodes import Flags
    from console.analysis.stats import Numbers

MEASURES = ("latency_avg", "latency_p95", "latency_p99", "latency_p50")
"""What tells that somebody is slow, the steadiest first."""
SLOWER = 1.5
SLOWER_S = 0.01
"""A mean is slow at so many times its level, and by at least ten milliseconds [D]."""
MOST_OF_THEM = 0.5
"""Share of the operations that must be slow in a cell [D]."""
LEAST_MEASURED = 3
"""Of fewer operations nobody can tell a stall from a fault: all that departs has to last [D]."""
LEVEL_S = 3600.0
RECENT_S = 300.0
"""The level is that of the hour before the newest minutes."""


@dataclass(frozen=True, slots=True)
class Stalls:
    """Cells of time in which most of what is measured was slow."""

    starts: Numbers | None
    """Ascending, epoch seconds; None: nobody can tell."""
    width_s: float = 0.0

    def lately(self, times: Numbers, step_s: float) -> Flags:
        """For bins that end at these times: whether there may have been a stall in them, or shortly before."""
        import numpy as np

        if self.starts is None:
            return np.ones(times.size, dtype=bool)
        first = np.searchsorted(self.starts, times - step_s - PERSIST_S - self.width_s, side="right")
        behind = np.searchsorted(self.starts, times, side="left")
        late: Flags = behind > first
        return late


UNKNOWN = Stalls(None)


def stalls_of(tracks: Iterable[Track], at: Instant) -> Stalls:
    """The stalls of the last hour, as the latencies of all operations show them."""
    import numpy as np

    units = _units(tracks)
    if len(units) < LEAST_MEASURED:
        return UNKNOWN
    width = max(track.step_s for track in units)
    measured: dict[float, int] = defaultdict(int)
    slow: dict[float, int] = defaultdict(int)
    for track in units:
        begin, recent = np.searchsorted(track.times, (at - LEVEL_S, at - RECENT_S))
        before = track.values[begin:recent]
        if not before.size:
            continue
        level = median_of(before)
        lately = track.values[begin:]
        off = (lately >= SLOWER * level) & (lately >= level + SLOWER_S)
        places = np.ceil(track.times[begin:] / width)
        for cell in set(places.tolist()):
            measured[cell] += 1
        for cell in set(places[off].tolist()):
            slow[cell] += 1
    found = sorted(
        cell for cell, count in measured.items() if count >= LEAST_MEASURED and slow[cell] >= MOST_OF_THEM * count
    )
    return Stalls(np.array([(cell - 1) * width for cell in found], dtype=float), width)


def _units(tracks: Iterable[Track]) -> list[Track]:
    """The steadiest latency of every operation in fine bins; of a service where it has no operations."""
    best: dict[tuple[str, str], Track] = {}
    for track in tracks:
        if track.meaning.family is not Family.LATENCY or track.meaning.outbound or track.step_s >= FULL_BIN_S:
            continue
        if track.key.metric not in MEASURES:
            continue
        name = (track.key.service, track.key.operation)
        other = best.get(name)
        if other is None or MEASURES.index(track.key.metric) < MEASURES.index(other.key.metric):
            best[name] = track
    divided = {service for service, operation in best if operation}
    return [track for (service, operation), track in best.items() if operation or service not in divided]
