"""Series that the records of a window add up to.

Per service and operation, and per service as a whole: `request_count`, `error_count`, `latency_avg`, `latency_p50`,
`latency_p95` and `latency_p99` of the records that stand for a request. Per service: `log_lines` and `log_errors`
(records at level error and worse). A point stands at the end of its interval; intervals are multiples of the step, and
only those that lie wholly inside the window are given.

An interval without requests counts 0 only where the file is known to cover it: for `HOLE_S` (or ten steps) after any
record of the file. After that it is a gap, since nobody can tell a silent service from a log that is no longer kept.
Latencies of an interval without requests are gaps always.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from dataclasses import dataclass, field

from console.domain.instant import Window
from console.domain.logs import Level, LogRecord
from console.domain.series import Series, SeriesKey
from sources.logs.operations import OTHER

HOLE_S = 300.0
MOST_OPERATIONS = 200
"""Operations of one service that keep their name; the rest are counted as `other`."""
MOST_VALUES = 50_000
"""Latencies of one operation and interval that are kept; of more, every second, fourth … is."""
_QUANTILES = (("latency_p50", 0.5), ("latency_p95", 0.95), ("latency_p99", 0.99))


@dataclass(slots=True)
class Cell:
    """The requests of one operation in one interval."""

    count: int = 0
    failed: int = 0
    total_s: float = 0.0
    timed: int = 0
    values: array[float] = field(default_factory=lambda: array("d"))
    stride: int = 1

    def add(self, failed: bool, latency_s: float | None) -> None:
        """Count one request."""
        self.count += 1
        if failed:
            self.failed += 1
        if latency_s is not None:
            self.total_s += latency_s
            self.timed += 1
            if self.stride == 1 or self.timed % self.stride == 0:
                self.values.append(latency_s)
                if len(self.values) >= MOST_VALUES:
                    self.values = self.values[::2]
                    self.stride *= 2

    def merge(self, other: Cell) -> None:
        """Take over what another cell counted."""
        self.count += other.count
        self.failed += other.failed
        self.total_s += other.total_s
        self.timed += other.timed
        self.values.extend(other.values)


class Derived:
    """Adds records up. One per file; `merged` joins those of a source."""

    def __init__(self, step_s: float) -> None:
        self.step_s = step_s
        self.cells: dict[tuple[str, str, int], Cell] = {}
        """By service, operation and interval number."""
        self.lines: Counter[tuple[str, int]] = Counter()
        self.errors: Counter[tuple[str, int]] = Counter()

    def add(self, record: LogRecord) -> None:
        """Count one record. One without a time or a service adds nothing."""
        at = record.at
        if at is None or not record.service:
            return
        interval = int(at // self.step_s)
        service = record.service
        self.lines[service, interval] += 1
        if record.level >= Level.ERROR:
            self.errors[service, interval] += 1
        operation = record.operation
        if operation and (record.status is not None or record.latency_s is not None):
            key = (service, operation, interval)
            cell = self.cells.get(key)
            if cell is None:
                cell = self.cells[key] = Cell()
            cell.add(record.failed, record.latency_s)

    def forget(self, before: int) -> None:
        """Drop intervals below number `before`."""
        for key in [key for key in self.cells if key[2] < before]:
            del self.cells[key]
        for counter in (self.lines, self.errors):
            for line_key in [key for key in counter if key[1] < before]:
                del counter[line_key]

    def covered(self, low: int, high: int) -> dict[str, set[int]]:
        """The intervals from `low` to below `high` that the file covers, for each service that it names."""
        present = sorted({interval for _, interval in self.lines if interval < high})
        reach = max(10, math.ceil(HOLE_S / self.step_s))
        filled: set[int] = set()
        for index, interval in enumerate(present):
            following = present[index + 1] if index + 1 < len(present) else high
            filled.update(range(interval, min(following, interval + reach + 1)))
        inside = {interval for interval in filled if low <= interval < high}
        return dict.fromkeys({service for service, interval in self.lines if interval < high}, inside)


def series_of(parts: list[Derived], window: Window, step_s: float, source: str) -> tuple[Series, ...]:
    """The series of everything that the parts (one per file) counted."""
    low, high = math.ceil(window.start / step_s - 1e-9), math.floor(window.end / step_s + 1e-9)
    covered: dict[str, set[int]] = {}
    for part in parts:
        for service, intervals in part.covered(low, high).items():
            covered.setdefault(service, set()).update(intervals)
    by_operation = _by_operation(parts, low, high)
    found: list[Series] = []
    for (service, operation), cells in sorted(by_operation.items()):
        known = sorted(covered.get(service, set()) | cells.keys())
        found += _request_series(SeriesKey(service, operation, ""), cells, known, step_s, source)
    for service, intervals in sorted(covered.items()):
        for metric, counters in (("log_lines", [p.lines for p in parts]), ("log_errors", [p.errors for p in parts])):
            points = [(i, float(sum(c.get((service, i), 0) for c in counters))) for i in sorted(intervals)]
            found.append(_series(SeriesKey(service, "", metric), points, step_s, source))
    return tuple(found)


def _by_operation(parts: list[Derived], low: int, high: int) -> dict[tuple[str, str], dict[int, Cell]]:
    """Cells by service and operation, with the rare operations of a service as one, and every service as a whole."""
    totals: dict[str, Counter[str]] = {}
    for part in parts:
        for (service, operation, interval), cell in part.cells.items():
            if low <= interval < high:
                totals.setdefault(service, Counter())[operation] += cell.count
    kept = {
        service: {name for name, _ in sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:MOST_OPERATIONS]}
        for service, counts in totals.items()
    }
    found: dict[tuple[str, str], dict[int, Cell]] = {}
    for part in parts:
        for (service, operation, interval), cell in part.cells.items():
            if low <= interval < high:
                name = operation if operation in kept[service] else OTHER
                for one in (name, ""):
                    found.setdefault((service, one), {}).setdefault(interval, Cell()).merge(cell)
    return found


def _request_series(
    key: SeriesKey, cells: dict[int, Cell], intervals: list[int], step_s: float, source: str
) -> list[Series]:
    def named(metric: str) -> SeriesKey:
        return SeriesKey(key.service, key.operation, metric)

    empty = Cell()
    counted = [(i, cells.get(i, empty)) for i in intervals]
    timed = [(i, cell, sorted(cell.values)) for i, cell in counted if cell.timed]
    found = [
        _series(named("request_count"), [(i, float(cell.count)) for i, cell in counted], step_s, source),
        _series(named("error_count"), [(i, float(cell.failed)) for i, cell in counted], step_s, source),
    ]
    if timed:
        found.append(
            _series(named("latency_avg"), [(i, cell.total_s / cell.timed) for i, cell, _ in timed], step_s, source)
        )
        for metric, share in _QUANTILES:
            found.append(
                _series(named(metric), [(i, quantile(values, share)) for i, _, values in timed], step_s, source)
            )
    return found


def _series(key: SeriesKey, points: list[tuple[int, float]], step_s: float, source: str) -> Series:
    times = array("d", ((interval + 1) * step_s for interval, _ in points))
    return Series(key, times, array("d", (value for _, value in points)), source, query_of(key))


def query_of(key: SeriesKey) -> str:
    """The query that shows the records behind a series."""
    terms = [f'service:"{key.service}"'] if key.service else []
    if key.operation and key.operation != OTHER:
        terms.append(f'operation:"{key.operation}"')
    if key.metric == "error_count":
        terms.append("status:5xx")
    if key.metric == "log_errors":
        terms.append("level:>=error")
    return " ".join(terms)


def quantile(ordered: list[float], share: float) -> float:
    """Of ascending values, linear between the two nearest (Hyndman and Fan's type 7, the default of numpy)."""
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
