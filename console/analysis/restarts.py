"""Restarts: from a counter, or from uptime; and whether memory had run out before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.analysis.tracks import arrays
from console.domain.instant import Instant
from console.domain.values import dataclass

if TYPE_CHECKING:
    from console.domain.series import Series, SeriesSet

COUNTERS = ("restarts", "restart_count", "container_restarts", "kube_pod_container_status_restarts_total")
NEARLY_FULL = 0.9
"""Memory at this share of its limit before a restart had run out [D]."""
BEFORE_S = 180.0


@dataclass(frozen=True, slots=True)
class Restart:
    """One restart of a service."""

    service: str
    at: Instant
    memory: float | None
    """Its memory just before, in bytes."""
    limit: float | None
    source: str
    metric: str = ""
    query: str = ""

    @property
    def out_of_memory(self) -> bool:
        """Whether its memory was at the limit just before."""
        return self.memory is not None and self.limit is not None and self.memory >= NEARLY_FULL * self.limit


def find_restarts(series: SeriesSet, at: Instant) -> list[Restart]:
    """Every restart known until `at`, oldest first."""
    found = []
    for one in series:
        if one.key.metric in COUNTERS:
            times, values = arrays(one.until(at))
            for k in range(1, values.size):
                if values[k] > values[k - 1]:
                    found.append(_restart(series, one, float(times[k - 1]), float(times[k])))
    return sorted(found, key=lambda r: (r.at, r.service))


def _restart(series: SeriesSet, one: Series, before: Instant, seen: Instant) -> Restart:
    service = one.key.service
    memory = _last(series.get(service, "memory_bytes"), before)
    limit = _last(series.get(service, "memory_limit_bytes"), seen)
    return Restart(service, seen, memory, limit, one.source, one.key.metric, one.query)


def _last(one: Series | None, at: Instant) -> float | None:
    if one is None:
        return None
    known = one.until(at)
    if not len(known) or at - known.times[-1] > BEFORE_S:
        return None
    return float(max(known.values[-3:]))
