"""Metric series: irregular in time, because the world is."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import field
from operator import itemgetter, sub

from console.domain.instant import Instant, Window
from console.domain.values import dataclass

UNITS = {
    "request_rate": "1/s",
    "request_count": "count",
    "error_count": "count",
    "error_rate": "ratio",
    "availability": "ratio",
    "latency_avg": "s",
    "latency_p50": "s",
    "latency_p90": "s",
    "latency_p95": "s",
    "latency_p99": "s",
    "cpu": "ratio",
    "memory_bytes": "bytes",
    "memory_limit_bytes": "bytes",
    "in_flight": "count",
    "pool_in_use": "count",
    "pool_size": "count",
    "queue_depth": "count",
    "restarts": "count",
}
"""The metrics with a known meaning, and their units. Any other name is a gauge with no known meaning."""


BUILD_INFO = "build_info"
"""Processes that run a build: what stands in the place of the operation is the build."""


@dataclass(frozen=True, slots=True, order=True)
class SeriesKey:
    """What a series measures."""

    service: str
    operation: str
    """Empty: the service as a whole."""
    metric: str


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one metric over time.

    `times` are epoch seconds, strictly ascending; `values` stand beside them. A missing stretch is a gap: there is no
    value for it, and never a zero or a NaN. Counts are counts *per interval that ends at the time*, not running totals.
    Both arrays expose the buffer protocol, so `numpy.frombuffer` reads them without a copy.
    """

    key: SeriesKey
    times: array[float]
    values: array[float]
    source: str = ""
    """Name of the source in the configuration."""
    query: str = ""
    """What to paste into that system to see the same."""

    @classmethod
    def of(cls, key: SeriesKey, points: list[tuple[Instant, float]], source: str = "", query: str = "") -> Series:
        """Build from points in any order; what is not finite is left out as a gap, and the last of equal times wins."""
        finite = ((t, v) for t, v in points if math.isfinite(v) and math.isfinite(t))
        kept = dict(sorted(finite, key=itemgetter(0)))
        return cls(key, array("d", kept.keys()), array("d", kept.values()), source, query)

    def __len__(self) -> int:
        return len(self.times)

    def __iter__(self) -> Iterator[tuple[Instant, float]]:
        return iter(zip(self.times, self.values, strict=True))

    @property
    def unit(self) -> str:
        """`s`, `ratio`, `1/s`, `count`, `bytes`, or empty where the metric has no known meaning."""
        return UNITS.get(self.key.metric, "")

    def within(self, window: Window) -> Series:
        """Only the points inside `window`."""
        low, high = bisect_left(self.times, window.start), bisect_left(self.times, window.end)
        return Series(self.key, self.times[low:high], self.values[low:high], self.source, self.query)

    def until(self, at: Instant) -> Series:
        """Only what was known at `at`: points stamped no later."""
        if not self.times or self.times[-1] <= at:
            return self
        high = bisect_left(self.times, math.nextafter(at, math.inf))
        return Series(self.key, self.times[:high], self.values[:high], self.source, self.query)

    def step_s(self) -> float | None:
        """The usual distance between points (their median); None below two points."""
        if len(self.times) < 2:
            return None
        gaps: list[float] = sorted(map(sub, self.times[1:], self.times))
        return gaps[len(gaps) // 2]


REQUEST_METRICS = frozenset(
    name for name in UNITS if name.startswith(("request_", "error_", "latency_", "availability"))
)
"""What belongs together: counts of one source must not be divided by those of another."""
LONGER = 2.0
"""A source whose history is this many times longer than that of one before it takes its place."""


def chosen(series: Iterable[Series]) -> list[Series]:
    """One source for each subject, where several tell the same.

    A subject is the requests of a service or operation, or else one gauge. The source that comes first stands, unless
    another one knows a stretch at least `LONGER` times as long: without a history there is no baseline.
    """
    by_subject: dict[tuple[str, str, str], dict[str, list[Series]]] = {}
    for one in series:
        metric = "requests" if one.key.metric in REQUEST_METRICS else one.key.metric
        by_subject.setdefault((one.key.service, one.key.operation, metric), {}).setdefault(one.source, []).append(one)
    return [one for sources in by_subject.values() for one in _longest(list(sources.values()))]


def _longest(candidates: list[list[Series]]) -> list[Series]:
    def reach(group: list[Series]) -> float:
        return max((one.times[-1] - one.times[0] for one in group if len(one)), default=0.0)

    best = candidates[0]
    for other in candidates[1:]:
        if reach(other) > LONGER * reach(best):
            best = other
    return best


@dataclass(frozen=True, slots=True)
class SeriesSet:
    """Series by key. Where two sources give the same key, the one added first stands; see `chosen`."""

    by_key: dict[SeriesKey, Series] = field(default_factory=dict)

    @classmethod
    def of(cls, series: list[Series]) -> SeriesSet:
        """Collect; empty series are left out."""
        found: dict[SeriesKey, Series] = {}
        for one in series:
            if len(one):
                found.setdefault(one.key, one)
        return cls(found)

    def get(self, service: str, metric: str, operation: str = "") -> Series | None:
        """The series of a service (or of one operation), or None."""
        return self.by_key.get(SeriesKey(service, operation, metric))

    def __iter__(self) -> Iterator[Series]:
        return iter(self.by_key.values())

    def __len__(self) -> int:
        return len(self.by_key)

    def services(self) -> list[str]:
        """Every service that has a series, sorted."""
        return sorted({key.service for key in self.by_key})

    def operations(self, service: str) -> list[str]:
        """The operations of `service` that have a series, sorted; the service as a whole is not one."""
        named = (key for key in self.by_key if not key.metric.endswith(BUILD_INFO))
        return sorted({key.operation for key in named if key.service == service and key.operation})
