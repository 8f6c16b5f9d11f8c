"""Collectors: each takes the records of one pass over a window and makes the answer to one question of it."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from operator import itemgetter
from typing import Any, Protocol

from console.domain.instant import Window
from console.domain.logs import Level, LogCounts, LogHistogram, LogPage, LogRecord
from console.domain.observations import ErrorSample
from console.query.parse import parse
from sources.logs.derive import Cell, Derived, Memory, series_of
from sources.logs.formats.base import Format
from sources.logs.inputs import LogFile
from sources.logs.matching import Matcher
from sources.logs.questions import Counts, Derive, Errors, Histogram, Messages, Page, Question
from sources.logs.records import Entry, full, newest_first_key

MOST_PAGE = 50_000
"""Records of one answer; more are counted, not given."""


class Collector(Protocol):
    """One question's answer in the making."""

    maybe: Callable[[bytes], bool] | None
    """Whether a raw line can be part of a record that it wants; None: it wants to see every record."""
    narrow: bool
    """Whether time, level and latency are all that it needs of the light records."""

    def begin(self, file: LogFile) -> None:
        """A file is read, whether any record of it lies in the window or not."""
        ...

    def add(self, file: LogFile, form: Format, entry: Entry) -> None:
        """Take a record that is stamped inside the window."""
        ...

    def answer(self, scanned_bytes: int) -> tuple[Any, int]:
        """The answer, and how many records it rests on."""
        ...


def collector(question: Question, window: Window, source: str, memory: Memory) -> Collector:
    """The collector for a question.

    Raises:
        QueryError: Its query cannot be understood.
    """
    match question:
        case Page(query, limit):
            return _NewestMatching(window, Matcher(parse(query)), limit)
        case Errors(limit):
            return _NewestErrors(window, limit)
        case Messages(limit):
            return _Spread(window, limit)
        case Counts(query, step_s):
            return _Bucketed(window, step_s, Matcher(parse(query)), with_latencies=False)
        case Histogram(query, step_s):
            return _Bucketed(window, step_s, Matcher(parse(query)), with_latencies=True)
        case Derive(step_s):
            return _Series(window, step_s, source, memory)


class _Newest:
    """Keeps the newest records; of light ones, the whole record is made at the end."""

    def begin(self, file: LogFile) -> None:
        pass

    def __init__(self, window: Window, limit: int) -> None:
        self.window = window
        self.matched = 0
        self._limit = min(limit, MOST_PAGE)
        self._most = 2 * self._limit + 1000
        self._floor = float("-inf")
        self._kept: list[tuple[float, Format, Entry, LogRecord]] = []

    def take(self, form: Format, entry: Entry, record: LogRecord) -> None:
        at = entry.light.at
        self.matched += 1
        if at is not None and at >= self._floor:
            self._kept.append((at, form, entry, record))
            if len(self._kept) >= self._most:
                self._cut()

    def _cut(self) -> None:
        kept = self._kept
        kept.sort(key=itemgetter(0))
        del kept[: max(0, len(kept) - self._limit)]
        self._floor = kept[0][0] if kept else float("inf")

    def records(self) -> tuple[LogRecord, ...]:
        """Oldest first."""
        self._cut()
        found = [record if record is not entry.light else full(form, entry) for _, form, entry, record in self._kept]
        return tuple(sorted(found, key=newest_first_key))


class _NewestMatching(_Newest):
    def __init__(self, window: Window, matcher: Matcher, limit: int) -> None:
        super().__init__(window, limit)
        self._matcher = matcher
        self.maybe, self.narrow = matcher.maybe, matcher.narrow

    def add(self, file: LogFile, form: Format, entry: Entry) -> None:
        record = self._matcher.take(form, entry)
        if record is not None:
            self.take(form, entry, record)

    def answer(self, scanned_bytes: int) -> tuple[LogPage, int]:
        return LogPage(self.window, self.records(), self.matched, scanned_bytes), self.matched


class _NewestErrors(_Newest):
    maybe: Callable[[bytes], bool] | None = None
    narrow = True

    def add(self, file: LogFile, form: Format, entry: Entry) -> None:
        if entry.light.level >= Level.WARN:
            self.take(form, entry, entry.light)

    def answer(self, scanned_bytes: int) -> tuple[ErrorSample, int]:
        return ErrorSample(self.window, self.records(), self.matched), self.matched


class _Spread:
    """Every n-th record, n doubling whenever there are too many."""

    maybe: Callable[[bytes], bool] | None = None
    narrow = True

    def begin(self, file: LogFile) -> None:
        pass

    def __init__(self, window: Window, limit: int) -> None:
        self._window = window
        self._limit = max(1, min(limit, MOST_PAGE))
        self._stride = 1
        self._matched = 0
        self._kept: list[tuple[Format, Entry]] = []

    def add(self, file: LogFile, form: Format, entry: Entry) -> None:
        self._matched += 1
        if self._matched % self._stride == 0:
            self._kept.append((form, entry))
            if len(self._kept) > self._limit:
                self._kept = self._kept[1::2]
                self._stride *= 2

    def answer(self, scanned_bytes: int) -> tuple[LogPage, int]:
        records = sorted((full(form, entry) for form, entry in self._kept), key=newest_first_key)
        sampled = self._matched > len(records)
        return LogPage(self._window, tuple(records), self._matched, scanned_bytes, sampled), self._matched


class _Bucketed:
    """Counts per bucket and level, the buckets beginning at the window's start."""

    def begin(self, file: LogFile) -> None:
        pass

    def __init__(self, window: Window, step_s: float, matcher: Matcher, *, with_latencies: bool) -> None:
        self._start, self._step_s = window.start, step_s
        self._last = max(1, ceil(window.seconds / step_s - 1e-9)) - 1
        self._buckets: list[dict[Level, int]] = [{} for _ in range(self._last + 1)]
        self._cells = [Cell() for _ in range(self._last + 1)] if with_latencies else []
        self._matcher = matcher
        self.maybe, self.narrow = matcher.maybe, matcher.narrow

    def add(self, file: LogFile, form: Format, entry: Entry) -> None:
        record = self._matcher.take(form, entry)
        if record is None or record.at is None:
            return
        index = min(self._last, int((record.at - self._start) / self._step_s))
        bucket = self._buckets[index]
        bucket[record.level] = bucket.get(record.level, 0) + 1
        if self._cells and record.latency_s is not None:
            self._cells[index].add(False, record.latency_s)

    def answer(self, scanned_bytes: int) -> tuple[LogCounts | LogHistogram, int]:
        counts = LogCounts(self._start, self._step_s, tuple(self._buckets))
        if not self._cells:
            return counts, counts.total
        return LogHistogram(counts, tuple(cell.values for cell in self._cells)), counts.total


class _Series:
    """What `sources.logs.derive` adds up, file by file."""

    maybe: Callable[[bytes], bool] | None = None
    narrow = False

    def __init__(self, window: Window, step_s: float, source: str, memory: Memory) -> None:
        self._window, self._step_s, self._source, self._memory = window, step_s, source, memory
        self._parts: dict[str, Derived] = {}
        self._path = ""
        self._part = Derived(step_s)
        self._count = 0

    def begin(self, file: LogFile) -> None:
        self._parts.setdefault(file.path, Derived(self._step_s))

    def add(self, file: LogFile, form: Format, entry: Entry) -> None:
        if file.path != self._path:
            self._path = file.path
            self._part = self._parts.setdefault(file.path, Derived(self._step_s))
        self._count += 1
        self._part.add(entry.light)

    def answer(self, scanned_bytes: int) -> tuple[tuple[Any, ...], int]:
        return series_of(self._parts, self._memory, self._window, self._step_s, self._source), self._count
