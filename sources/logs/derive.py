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
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass as open_dataclass
from dataclasses import field
from typing import TypeVar, cast

from console.domain.instant import Instant, Window
from console.domain.logs import Level
from console.domain.series import Series, SeriesKey
from console.domain.values import dataclass
from sources.logs.batch import Batch
from sources.logs.formats.columns import MOST_KINDS, Kind
from sources.logs.memo import Memo
from sources.logs.operations import OTHER
from sources.logs.questions import CellPart, DerivedPart

HOLE_S = 300.0
REMEMBERED_S = 3600.0
"""How long a service or operation that falls silent is still counted, as 0, where its file goes on."""
MOST_OPERATIONS = 200
"""Operations of one service that keep their name; the rest are counted as `other`."""
MOST_VALUES = 50_000
"""Latencies of one operation and interval that are kept; of more, every second, fourth … is."""
_K = TypeVar("_K")
_QUANTILES = (("latency_p50", 0.5), ("latency_p95", 0.95), ("latency_p99", 0.99))


@open_dataclass(slots=True)
class Cell:
    """The requests of one operation in one interval."""

    count: int = 0
    failed: int = 0
    total_s: float = 0.0
    timed: int = 0
    values: array[float] = field(default_factory=lambda: array("d"))
    stride: int = 1

    def add_many(self, count: int, failed: int, latencies_s: Sequence[float]) -> None:
        """Count requests, with the latencies of those that have one."""
        self.count += count
        self.failed += failed
        self.total_s = sum(latencies_s, self.total_s)
        if self.stride == 1 and len(self.values) + len(latencies_s) < MOST_VALUES:
            self.timed += len(latencies_s)
            self.values.extend(latencies_s)
            return
        for latency_s in latencies_s:
            self.timed += 1
            if self.timed % self.stride == 0:
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
        if self.stride == other.stride:
            self.values.extend(other.values)
            return
        # Values that each stand for several weigh as much as those that do not.
        stride = max(self.stride, other.stride)
        self.values = self.values[:: stride // self.stride]
        self.values.extend(other.values[:: stride // other.stride])
        self.stride = stride

    def copy(self) -> Cell:
        """Another one with the same requests."""
        return Cell(self.count, self.failed, self.total_s, self.timed, self.values[:], self.stride)

    def part(self) -> CellPart:
        """The same, to be sent to another process."""
        return CellPart(self.count, self.total_s, self.timed, self.values.tobytes(), self.stride, self.failed)

    @classmethod
    def of(cls, part: CellPart) -> Cell:
        """What another process sent."""
        values = array("d")
        values.frombytes(part.values)
        return cls(part.count, part.failed, part.total_s, part.timed, values, part.stride)


@dataclass(frozen=True, slots=True)
class _Into:
    """Where the records of one kind are counted, by interval."""

    lines: dict[int, int]
    errors: dict[int, int] | None
    """None: they are no errors."""
    cells: dict[int, Cell] | None
    """None: they stand for no request."""
    failed: bool
    only_timed: bool
    """Whether only those with a latency stand for a request."""


class Derived:
    """Adds up the records of one file."""

    def __init__(self, step_s: float) -> None:
        self._step_s = step_s
        self.lines: dict[str, dict[int, int]] = {}
        """Records by service and number of the interval."""
        self.errors: dict[str, dict[int, int]] = {}
        self.cells: dict[str, dict[str, dict[int, Cell]]] = {}
        """By service, operation and number of the interval."""
        self._into: Memo[Kind, _Into] = Memo(self._into_of, MOST_KINDS)

    def add(self, batch: Batch) -> None:
        """Count records. One without a service adds nothing."""
        step_s = self._step_s
        found: dict[tuple[Kind, float], list[float | None]] = defaultdict(list)
        keys = zip(batch.kinds, [at // step_s for at in batch.times], strict=True)
        for key, latency in zip(keys, batch.latencies, strict=True):
            found[key].append(latency)
        for (kind, interval), latencies in found.items():
            if kind.service:
                _count(self._into[kind], int(interval), latencies)

    def _into_of(self, kind: Kind) -> _Into:
        service, operation = kind.service, kind.operation
        return _Into(
            self.lines.setdefault(service, {}),
            self.errors.setdefault(service, {}) if kind.level >= Level.ERROR else None,
            self.cells.setdefault(service, {}).setdefault(operation, {}) if operation else None,
            kind.failed,
            kind.status is None,
        )

    def part(self) -> DerivedPart:
        """What was counted, to be sent to another process."""
        cells = {
            service: {
                operation: {interval: cell.part() for interval, cell in cells.items()}
                for operation, cells in named.items()
            }
            for service, named in self.cells.items()
        }
        return DerivedPart(self.lines, self.errors, cells)

    def join(self, part: DerivedPart) -> None:
        """Add what was counted of another part of the file."""
        for own, other in ((self.lines, part.lines), (self.errors, part.errors)):
            for service, counts in other.items():
                into = own.setdefault(service, {})
                for interval, count in counts.items():
                    into[interval] = into.get(interval, 0) + count
        for service, named in part.cells.items():
            operations = self.cells.setdefault(service, {})
            for operation, cells in named.items():
                known = operations.setdefault(operation, {})
                for interval, one in cells.items():
                    if interval in known:
                        known[interval].merge(Cell.of(one))
                    else:
                        known[interval] = Cell.of(one)

    def covered(self, low: int, high: int, before: Instant | None) -> set[int]:
        """The intervals from `low` to below `high` that the file covers.

        Args:
            before: When the file's last record before `low` was written, where that is known.
        """
        present = {interval for lines in self.lines.values() for interval in lines if interval < high}
        if before is not None:
            present.add(int(before // self._step_s))
        reach = max(10, math.ceil(HOLE_S / self._step_s))
        filled: set[int] = set()
        for interval in present:
            filled.update(range(max(low, interval), min(high, interval + reach + 1)))
        return filled


def _count(into: _Into, interval: int, latencies: list[float | None]) -> None:
    """Count records of one kind in one interval."""
    count = len(latencies)
    into.lines[interval] = into.lines.get(interval, 0) + count
    if into.errors is not None:
        into.errors[interval] = into.errors.get(interval, 0) + count
    if into.cells is None:
        return
    known = [one for one in latencies if one is not None] if None in latencies else cast("list[float]", latencies)
    if into.only_timed:
        count = len(known)
    if not count:
        return
    failed = count if into.failed else 0
    cell = into.cells.get(interval)
    if cell is not None:
        cell.add_many(count, failed, known)
    elif len(known) < MOST_VALUES:  # most cells of a busy system get one request or a few, all at once
        into.cells[interval] = Cell(count, failed, sum(known, 0.0), len(known), array("d", known))
    else:
        cell = into.cells[interval] = Cell()
        cell.add_many(count, failed, known)


class Memory:
    """When earlier questions saw a service or operation of a file last.

    A source that is asked for its growing end only would else tell nothing of who fell silent just before.
    """

    def __init__(self) -> None:
        self._services: dict[str, dict[str, Instant]] = {}
        self._operations: dict[str, dict[tuple[str, str], Instant]] = {}

    def before(self, path: str, at: Instant) -> dict[str, Instant]:
        """Services of a file with their last record, as far as that lies within the hour before `at`."""
        return _recent(self._services.get(path, {}), at)

    def operations(self, path: str, at: Instant) -> set[tuple[str, str]]:
        """Services and operations of a file that were seen within the hour before `at`."""
        return set(_recent(self._operations.get(path, {}), at))

    def learn(self, path: str, derived: Derived, step_s: float) -> None:
        """Note what a file's records told."""
        services = self._services.setdefault(path, {})
        operations = self._operations.setdefault(path, {})
        for service, lines in derived.lines.items():
            last = max(lines) * step_s
            services[service] = max(services.get(service, last), last)
        for service, named in derived.cells.items():
            for operation, cells in named.items():
                if cells:
                    last = max(cells) * step_s
                    operations[service, operation] = max(operations.get((service, operation), last), last)
        _bound(services)
        _bound(operations)


def _recent(known: Mapping[_K, Instant], at: Instant) -> dict[_K, Instant]:
    return {key: last for key, last in known.items() if at - REMEMBERED_S <= last < at}


def _bound(known: dict[_K, Instant]) -> None:
    """Forget the half seen longest ago, where there is too much."""
    if len(known) <= 4 * MOST_OPERATIONS:
        return
    for key in sorted(known, key=lambda one: known[one])[: len(known) // 2]:
        del known[key]


def series_of(
    parts: Mapping[str, Derived], memory: Memory, window: Window, step_s: float, source: str
) -> tuple[Series, ...]:
    """The series of everything that the parts (one per file, by its path) counted."""
    low, high = math.ceil(window.start / step_s - 1e-9), math.floor(window.end / step_s + 1e-9)
    covered: dict[str, set[int]] = {}
    silent: set[tuple[str, str]] = set()
    for path, part in parts.items():
        before = memory.before(path, low * step_s)
        intervals = part.covered(low, high, max(before.values(), default=None))
        for service in part.lines.keys() | before.keys():
            covered.setdefault(service, set()).update(intervals)
        silent |= memory.operations(path, low * step_s)
        memory.learn(path, part, step_s)
    by_operation = _by_operation(parts.values(), low, high)
    for service, operation in sorted(silent):
        if len(by_operation) < MOST_OPERATIONS:
            by_operation.setdefault((service, operation), {})
            by_operation.setdefault((service, ""), {})
    axes = {service: _Axis.of(intervals, step_s) for service, intervals in sorted(covered.items())}
    nothing = _Axis.of(set(), step_s)
    found: list[Series] = []
    for (service, operation), cells in sorted(by_operation.items()):
        found += _request_series(SeriesKey(service, operation, ""), cells, axes.get(service, nothing), step_s, source)
    for service, axis in axes.items():
        found += _line_series(service, parts.values(), axis, source)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Axis:
    """The intervals of a service that its files cover, and their ends; every interval with records is one of them.

    All counts of a service stand on it, so it is made once: of the operations of a busy system it would be most of what
    their series take.
    """

    times: array[float]
    places: dict[int, int]
    """Where an interval stands."""

    @classmethod
    def of(cls, intervals: set[int], step_s: float) -> _Axis:
        ordered = sorted(intervals)
        return cls(_ends(ordered, step_s), {interval: place for place, interval in enumerate(ordered)})

    def zeros(self) -> array[float]:
        return array("d", bytes(8 * len(self.times)))


def _by_operation(parts: Iterable[Derived], low: int, high: int) -> dict[tuple[str, str], dict[int, Cell]]:
    """Cells by service and operation, with the rare operations of a service as one, and every service as a whole."""
    inside: dict[str, dict[str, list[dict[int, Cell]]]] = {}
    for part in parts:
        for service, named in part.cells.items():
            for operation, cells in named.items():
                some = {interval: cell for interval, cell in cells.items() if low <= interval < high}
                if some:
                    inside.setdefault(service, {}).setdefault(operation, []).append(some)
    found: dict[tuple[str, str], dict[int, Cell]] = {}
    for service, operations in inside.items():
        found[service, ""] = _joined([cells for several in operations.values() for cells in several])
        for name, several in _with_other(operations).items():
            found[service, name] = _joined(several)
    return found


def _with_other(operations: dict[str, list[dict[int, Cell]]]) -> dict[str, list[dict[int, Cell]]]:
    """The operations of a service, those with the fewest requests as one where there are too many."""
    if len(operations) <= MOST_OPERATIONS:
        return operations
    totals = {name: sum(cell.count for cells in all for cell in cells.values()) for name, all in operations.items()}
    kept = set(sorted(totals, key=lambda name: (-totals[name], name))[:MOST_OPERATIONS])
    found: dict[str, list[dict[int, Cell]]] = {}
    for name, several in operations.items():
        found.setdefault(name if name in kept else OTHER, []).extend(several)
    return found


def _joined(several: Sequence[dict[int, Cell]]) -> dict[int, Cell]:
    """What was counted in several places, as if it had been in one; none of them is changed."""
    if len(several) == 1:
        return several[0]
    found: dict[int, Cell] = {}
    for cells in several:
        for interval, cell in cells.items():
            into = found.get(interval)
            if into is None:
                found[interval] = cell.copy()
            else:
                into.merge(cell)
    return found


def _request_series(
    key: SeriesKey, cells: dict[int, Cell], axis: _Axis, step_s: float, source: str
) -> Iterator[Series]:
    def series(metric: str, times: array[float], values: array[float]) -> Series:
        return _series(SeriesKey(key.service, key.operation, metric), times, values, source)

    counts, failures = axis.zeros(), axis.zeros()
    for interval, cell in cells.items():
        place = axis.places[interval]
        counts[place], failures[place] = cell.count, cell.failed
    yield series("request_count", axis.times, counts)
    yield series("error_count", axis.times, failures)
    timed = sorted(interval for interval, cell in cells.items() if cell.timed)
    if not timed:
        return
    times = _ends(timed, step_s)
    yield series("latency_avg", times, array("d", [cells[i].total_s / cells[i].timed for i in timed]))
    # Most intervals of most operations hold one request or a few.
    ordered = [values if len(values) == 1 else sorted(values) for values in (cells[i].values for i in timed)]
    for metric, share in _QUANTILES:
        values = [some[0] if len(some) == 1 else quantile(some, share) for some in ordered]
        yield series(metric, times, array("d", values))


def _line_series(service: str, parts: Iterable[Derived], axis: _Axis, source: str) -> tuple[Series, Series]:
    lines, errors = axis.zeros(), axis.zeros()
    for part in parts:
        for counts, into in ((part.lines, lines), (part.errors, errors)):
            for interval, count in counts.get(service, {}).items():
                place = axis.places.get(interval)
                if place is not None:
                    into[place] += count
    return (
        _series(SeriesKey(service, "", "log_lines"), axis.times, lines, source),
        _series(SeriesKey(service, "", "log_errors"), axis.times, errors, source),
    )


def _ends(intervals: Sequence[int], step_s: float) -> array[float]:
    return array("d", [(interval + 1) * step_s for interval in intervals])


def _series(key: SeriesKey, times: array[float], values: array[float], source: str) -> Series:
    return Series(key, times, values, source, query_of(key))


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


def quantile(ordered: Sequence[float], share: float) -> float:
    """Of ascending values, linear between the two nearest (Hyndman and Fan's type 7, the default of numpy)."""
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
