"""Collectors: each takes the records of one pass over a window and makes the answer to one question of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from math import ceil
from operator import itemgetter
from typing import Any, Protocol

from console.domain.instant import Window
from console.domain.logs import Level, LogCounts, LogHistogram, LogPage, LogRecord
from console.domain.observations import ErrorSample
from console.query.parse import parse
from sources.logs.batch import Batch
from sources.logs.derive import Cell, Derived, Memory, series_of
from sources.logs.formats.base import Format
from sources.logs.inputs import LogFile
from sources.logs.matching import Matcher
from sources.logs.questions import Counts, Derive, Errors, Histogram, Messages, Page, Question
from sources.logs.records import Entry, full, newest_first_key
from sources.logs.sieve import Sieve

MOST_PAGE = 50_000
"""Records of one answer; more are counted, not given."""


class Collector(Protocol):
    """One question's answer in the making."""

    sieve: Sieve | None
    """Finds the lines that can be part of a record that it wants; None: it wants to see every record."""
    narrow: bool
    """Whether time, level and latency are all that it needs of the light records."""

    def begin(self, file: LogFile) -> None:
        """A file is read, whether any record of it lies in the window or not."""
        ...

    def add(self, file: LogFile, batch: Batch) -> None:
        """Take records that are stamped inside the window."""
        ...

    def answer(self, scanned_bytes: int) -> tuple[Any, int]:
        """The answer, and how many records it rests on."""
        ...


def collector(
    question: Question, window: Window, source: str, memory: Memory, given: Collection[str] = ()
) -> Collector:
    """The collector for a question.

    Args:
        question: Of the source's records.
        window: Where they lie.
        source: Its name in the configuration.
        memory: What earlier answers taught.
        given: See `Matcher`.

    Raises:
        QueryError: Its query cannot be understood.
    """
    match question:
        case Page(query, limit):
            return _NewestMatching(window, Matcher(parse(query), given), limit)
        case Errors(limit):
            return _NewestErrors(window, limit)
        case Messages(limit):
            return _Spread(window, limit)
        case Counts(query, step_s):
            return _Bucketed(window, step_s, Matcher(parse(query), given), with_latencies=False)
        case Histogram(query, step_s):
            return _Bucketed(window, step_s, Matcher(parse(query), given), with_latencies=True)
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
        self._kept: list[tuple[float, Format, Entry, LogRecord | None]] = []

    def take(self, batch: Batch, places: Sequence[int], made: Mapping[int, LogRecord]) -> None:
        """Take the records at some places of a batch; of some of them the whole record is there already."""
        times, form = batch.times, batch.form
        self.matched += len(places)
        if len(places) > self._limit:
            # Entries are made only of those that can be among the newest.
            places = sorted(places, key=times.__getitem__)[len(places) - self._limit :]
        for place in places:
            if times[place] >= self._floor:
                self._kept.append((times[place], form, batch.entry(place), made.get(place)))
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
        found = [record if record is not None else full(form, entry) for _, form, entry, record in self._kept]
        return tuple(sorted(found, key=newest_first_key))


class _NewestMatching(_Newest):
    def __init__(self, window: Window, matcher: Matcher, limit: int) -> None:
        super().__init__(window, limit)
        self._matcher = matcher
        self.sieve, self.narrow = matcher.sieve, matcher.narrow

    def add(self, file: LogFile, batch: Batch) -> None:
        made: dict[int, LogRecord] = {}
        self.take(batch, self._matcher.places(batch, made), made)

    def answer(self, scanned_bytes: int) -> tuple[LogPage, int]:
        return LogPage(self.window, self.records(), self.matched, scanned_bytes), self.matched


class _NewestErrors(_Newest):
    sieve: Sieve | None = None
    narrow = True

    def add(self, file: LogFile, batch: Batch) -> None:
        self.take(batch, [place for place, kind in enumerate(batch.kinds) if kind.level >= Level.WARN], {})

    def answer(self, scanned_bytes: int) -> tuple[ErrorSample, int]:
        return ErrorSample(self.window, self.records(), self.matched), self.matched


class _Spread:
    """Every n-th record, n doubling whenever there are too many."""

    sieve: Sieve | None = None
    narrow = True

    def begin(self, file: LogFile) -> None:
        pass

    def __init__(self, window: Window, limit: int) -> None:
        self._window = window
        self._limit = max(1, min(limit, MOST_PAGE))
        self._stride = 1
        self._matched = 0
        self._kept: list[tuple[Format, Entry]] = []

    def add(self, file: LogFile, batch: Batch) -> None:
        before, after = self._matched, self._matched + len(batch)
        while (following := (self._matched // self._stride + 1) * self._stride) <= after:
            self._matched = following
            self._kept.append((batch.form, batch.entry(following - before - 1)))
            if len(self._kept) > self._limit:
                self._kept = self._kept[1::2]
                self._stride *= 2
        self._matched = after

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
        self.sieve, self.narrow = matcher.sieve, matcher.narrow

    def add(self, file: LogFile, batch: Batch) -> None:
        start, step_s, last = self._start, self._step_s, self._last
        indexes = [min(last, int((at - start) / step_s)) for at in batch.times]
        kinds, latencies = batch.kinds, batch.latencies
        if not self._matcher.everything:
            places = self._matcher.places(batch)
            indexes = [indexes[place] for place in places]
            kinds = [kinds[place] for place in places]
            latencies = [latencies[place] for place in places]
        for (index, kind), count in Counter(zip(indexes, kinds, strict=True)).items():
            bucket = self._buckets[index]
            bucket[kind.level] = bucket.get(kind.level, 0) + count
        if self._cells:
            found: dict[int, list[float]] = defaultdict(list)
            for index, latency in zip(indexes, latencies, strict=True):
                if latency is not None:
                    found[index].append(latency)
            for index, known in found.items():
                self._cells[index].add_many(len(known), 0, known)

    def answer(self, scanned_bytes: int) -> tuple[LogCounts | LogHistogram, int]:
        counts = LogCounts(self._start, self._step_s, tuple(self._buckets))
        if not self._cells:
            return counts, counts.total
        return LogHistogram(counts, tuple(cell.values for cell in self._cells)), counts.total


class _Series:
    """What `sources.logs.derive` adds up, file by file."""

    sieve: Sieve | None = None
    narrow = False

    def __init__(self, window: Window, step_s: float, source: str, memory: Memory) -> None:
        self._window, self._step_s, self._source, self._memory = window, step_s, source, memory
        self._parts: dict[str, Derived] = {}
        self._count = 0

    def begin(self, file: LogFile) -> None:
        self._parts.setdefault(file.path, Derived(self._step_s))

    def add(self, file: LogFile, batch: Batch) -> None:
        self._count += len(batch)
        self._parts[file.path].add(batch)

    def answer(self, scanned_bytes: int) -> tuple[tuple[Any, ...], int]:
        return series_of(self._parts, self._memory, self._window, self._step_s, self._source), self._count
