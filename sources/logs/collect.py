"""Collectors: each takes the records of one pass over a window and makes the answer to one question of it."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from math import ceil
from operator import itemgetter
from typing import Any, Protocol, cast

from console.domain.instant import Window
from console.domain.logs import Level, LogCounts, LogHistogram, LogPage, LogRecord
from console.domain.observations import ErrorSample
from console.query.parse import parse
from sources.logs.batch import Batch
from sources.logs.derive import Cell, Derived, Memory, series_of
from sources.logs.formats.base import Format
from sources.logs.inputs import LogFile
from sources.logs.matching import Matcher
from sources.logs.questions import (
    Counts,
    Derive,
    Errors,
    Exceptions,
    Histogram,
    Messages,
    Page,
    Part,
    Question,
    Sample,
    Shapes,
)
from sources.logs.records import Entry, fulls, newest_first_key
from sources.logs.sieve import Sought

MOST_PAGE = 1_000_000
"""Records of one answer; more are counted, not given. As many take less than a gigabyte of memory."""


_WORSE = frozenset(level for level in Level if level >= Level.WARN)
MOST_SENT = 5_000
"""Records that are worth sending from one process to another, which takes memory in both."""
_TOGETHER = 512
"""Light records that are made whole at once."""


class Buckets(Protocol):
    """Counts per bucket and level."""

    levels: frozenset[Level]
    """Of the records that are counted."""
    newest: int
    """How many of the newest of them are needed themselves."""

    def bucket_of(self, at: float) -> int:
        """The number of the bucket that an instant of the window falls into; it grows with the instant."""
        ...

    def add_counts(self, bucket: int, levels: Mapping[Level, int]) -> None:
        """Add records that lie in one bucket."""
        ...


class Collector(Protocol):
    """One question's answer in the making."""

    sought: tuple[Sought, ...]
    """Each finds the lines that can be part of a record that it wants; empty: it wants to see every record."""
    narrow: bool
    """Whether time, level, service and latency are all that it needs of the light records."""

    divides: bool
    """Whether parts of the records can be taken elsewhere, and joined."""

    only: frozenset[Level] | None
    """Every record that it wants has one of these levels; None: any."""

    takes_ours: bool
    """Whether it wants to see records about requests of this program: what a person reads, and nothing that is judged."""

    def begin(self, file: LogFile) -> None:
        """A file is read, whether any record of it lies in the window or not."""
        ...

    def add(self, file: LogFile, batch: Batch) -> None:
        """Take records that are stamped inside the window."""
        ...

    @property
    def counted(self) -> Buckets | None:
        """What takes counts by level instead of records; None where the records themselves are needed."""
        ...

    def part(self) -> Part:
        """What was taken, for another collector of the same question."""
        ...

    def join(self, part: Part) -> None:
        """Take what another collector of the same question took."""
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
            return Spread(window, limit)
        case Counts(query, step_s):
            return _Bucketed(window, step_s, Matcher(parse(query), given), with_latencies=False)
        case Histogram(query, step_s):
            return _Bucketed(window, step_s, Matcher(parse(query), given), with_latencies=True)
        case Derive(step_s):
            return _Series(window, step_s, source, memory)
        case Shapes(query) | Exceptions(query) | Sample(query):
            from sources.logs.mined import mined  # most questions need none of it

            return mined(question, window, Matcher(parse(query), given))


def _whole(kept: Sequence[tuple[Format, Entry]]) -> list[LogRecord]:
    """The whole records, in the same order; neighbours of one file are made together."""
    found: list[LogRecord] = []
    for _, some in groupby(kept, key=lambda one: id(one[0])):
        several = list(some)
        found += fulls(several[0][0], [entry for _, entry in several])
    return found


class _Newest:
    """Keeps the newest records; of light ones, the whole record is made at the end."""

    counted: Buckets | None = None
    only: frozenset[Level] | None = None

    def begin(self, file: LogFile) -> None:
        pass

    def __init__(self, window: Window, limit: int) -> None:
        self.window = window
        self.matched = 0
        self._limit = min(limit, MOST_PAGE)
        self.divides = limit <= MOST_SENT
        self._most = self._limit + max(1000, self._limit // 4)
        self._floor = float("-inf")
        self._kept: list[tuple[float, LogRecord | tuple[Format, Entry]]] = []

    def take(self, batch: Batch, places: Sequence[int], made: Mapping[int, LogRecord]) -> None:
        """Take the records at some places of a batch; of some of them the whole record is there already."""
        times, form = batch.times, batch.form
        self.matched += len(places)
        if len(places) > self._limit:
            # Entries are made only of those that can be among the newest.
            places = sorted(places, key=times.__getitem__)[len(places) - self._limit :]
        for place in places:
            if times[place] >= self._floor:
                self._keep(times[place], made.get(place) or (form, batch.entry(place)))

    def _keep(self, at: float, one: LogRecord | tuple[Format, Entry]) -> None:
        self._kept.append((at, one))
        if len(self._kept) >= self._most:
            self._cut()

    def _cut(self) -> None:
        kept = self._kept
        kept.sort(key=itemgetter(0))
        del kept[: max(0, len(kept) - self._limit)]
        self._floor = kept[0][0] if kept else float("inf")

    def part(self) -> Part:
        return Part(self.matched, self.records())

    def join(self, part: Part) -> None:
        self.matched += part.matched
        for record in part.records:
            self._keep(record.at or 0.0, record)

    def records(self) -> tuple[LogRecord, ...]:
        """Oldest first."""
        self._cut()
        kept, self._kept = self._kept, []
        found: list[LogRecord] = []
        while kept:
            # Lines go as records come: many of both at once would be most of the memory that a question takes.
            some = [one for _, one in kept[-_TOGETHER:]]
            del kept[-_TOGETHER:]
            found += [one for one in some if isinstance(one, LogRecord)]
            found += _whole([one for one in some if not isinstance(one, LogRecord)])
        found.sort(key=newest_first_key)
        return tuple(found)


class _NewestMatching(_Newest):
    takes_ours = True

    def __init__(self, window: Window, matcher: Matcher, limit: int) -> None:
        super().__init__(window, limit)
        self._matcher = matcher
        self.sought, self.narrow, self.only = matcher.sought, matcher.narrow, matcher.only
        self.levels, self.newest = matcher.levels or frozenset(), self._limit
        self.counted = self if matcher.levels is not None else None

    def bucket_of(self, at: float) -> int:
        return 0

    def add_counts(self, bucket: int, levels: Mapping[Level, int]) -> None:
        self.matched += sum(count for level, count in levels.items() if level in self.levels)

    def add(self, file: LogFile, batch: Batch) -> None:
        made: dict[int, LogRecord] = {}
        self.take(batch, self._matcher.places(batch, made), made)

    def answer(self, scanned_bytes: int) -> tuple[LogPage, int]:
        return LogPage(self.window, self.records(), self.matched, scanned_bytes), self.matched


class _NewestErrors(_Newest):
    takes_ours = False
    sought: tuple[Sought, ...] = ()
    narrow = True

    only: frozenset[Level] | None = _WORSE

    def add(self, file: LogFile, batch: Batch) -> None:
        self.take(batch, [place for place, kind in enumerate(batch.kinds) if kind.level in _WORSE], {})

    def answer(self, scanned_bytes: int) -> tuple[ErrorSample, int]:
        return ErrorSample(self.window, self.records(), self.matched), self.matched


class Spread:
    """Every n-th record, n doubling whenever there are too many. Of parts each has its own first one."""

    sought: tuple[Sought, ...] = ()
    narrow = True
    divides = True
    takes_ours = False
    counted: Buckets | None = None
    only: frozenset[Level] | None = None

    def begin(self, file: LogFile) -> None:
        pass

    def __init__(self, window: Window, limit: int) -> None:
        self._window = window
        self._limit = max(1, min(limit, MOST_PAGE))
        self._stride = 1
        self._matched = 0
        self._kept: list[tuple[Format, Entry]] = []
        self._joined: list[LogRecord] = []

    def add(self, file: LogFile, batch: Batch) -> None:
        before, after = self._matched, self._matched + len(batch)
        while (following := (self._matched // self._stride + 1) * self._stride) <= after:
            room = self._limit + 1 - len(self._kept)
            places = range(following - before - 1, after - before, self._stride)[:room]
            self._matched = before + places[-1] + 1
            self._kept += [(batch.form, batch.entry(place)) for place in places]
            if len(self._kept) > self._limit:
                self._kept = self._kept[1::2]
                self._stride *= 2
        self._matched = after

    def part(self) -> Part:
        # The whole has about twice as many, so that it would have every second of them only.
        self._thin(self._limit // 2)
        return Part(self._matched, tuple(_whole(self._kept)), self._stride)

    def join(self, part: Part) -> None:
        self._matched += part.matched
        stride = max(self._stride, part.stride)
        ratio = stride // self._stride
        self._kept, self._joined = self._kept[ratio - 1 :: ratio], self._joined[ratio - 1 :: ratio]
        self._stride = stride
        self._joined += part.records[stride // part.stride - 1 :: stride // part.stride]
        self._thin(self._limit)

    def _thin(self, most: int) -> None:
        while len(self._kept) + len(self._joined) > most:
            self._kept, self._joined = self._kept[1::2], self._joined[1::2]
            self._stride *= 2

    def answer(self, scanned_bytes: int) -> tuple[LogPage, int]:
        records = [*_whole(self._kept), *self._joined]
        records.sort(key=newest_first_key)
        sampled = self._matched > len(records)
        return LogPage(self._window, tuple(records), self._matched, scanned_bytes, sampled), self._matched


class _Bucketed:
    """Counts per bucket and level, the buckets beginning at the window's start."""

    divides = True
    takes_ours = True
    newest = 0

    def begin(self, file: LogFile) -> None:
        pass

    def __init__(self, window: Window, step_s: float, matcher: Matcher, *, with_latencies: bool) -> None:
        self._start, self._step_s = window.start, step_s
        self._last = max(1, ceil(window.seconds / step_s - 1e-9)) - 1
        self._buckets: list[dict[Level, int]] = [{} for _ in range(self._last + 1)]
        self._cells = [Cell() for _ in range(self._last + 1)] if with_latencies else []
        self._matcher = matcher
        self._by_level = matcher.levels is not None
        self.levels = matcher.levels or frozenset()
        self.sought, self.narrow, self.only = matcher.sought, matcher.narrow, matcher.only

    def add(self, file: LogFile, batch: Batch) -> None:
        times, kinds, latencies = batch.times, batch.kinds, batch.latencies
        if not self._matcher.everything:
            times, kinds, latencies = self._matcher.matching(batch)
        if times != sorted(times):
            order = sorted(range(len(times)), key=lambda place: self.bucket_of(times[place]))
            times = [times[place] for place in order]
            kinds = [kinds[place] for place in order]
            latencies = [latencies[place] for place in order]
        low = 0
        while low < len(times):
            # Neighbours share their bucket, so buckets are counted by stretches and not by records.
            index = self.bucket_of(times[low])
            high = bisect_right(times, index, low + 1, key=self.bucket_of)
            bucket = self._buckets[index]
            for kind, count in Counter(kinds[low:high]).items():
                bucket[kind.level] = bucket.get(kind.level, 0) + count
            if self._cells:
                found = latencies[low:high]
                known = [one for one in found if one is not None] if None in found else cast("list[float]", found)
                self._cells[index].add_many(len(known), 0, known)
            low = high

    def bucket_of(self, at: float) -> int:
        return min(self._last, int((at - self._start) / self._step_s))

    @property
    def counted(self) -> Buckets | None:
        return self if not self._cells and self._by_level else None

    def add_counts(self, bucket: int, levels: Mapping[Level, int]) -> None:
        into = self._buckets[bucket]
        for level, count in levels.items():
            if level in self.levels:
                into[level] = into.get(level, 0) + count

    def part(self) -> Part:
        return Part(buckets=tuple(self._buckets), cells=tuple([cell.part() for cell in self._cells]))

    def join(self, part: Part) -> None:
        for bucket, other in zip(self._buckets, part.buckets, strict=True):
            for level, count in other.items():
                bucket[level] = bucket.get(level, 0) + count
        for cell, one in zip(self._cells, part.cells, strict=True):
            cell.merge(Cell.of(one))

    def answer(self, scanned_bytes: int) -> tuple[LogCounts | LogHistogram, int]:
        counts = LogCounts(self._start, self._step_s, tuple(self._buckets))
        if not self._cells:
            return counts, counts.total
        return LogHistogram(counts, tuple(cell.values for cell in self._cells)), counts.total


class _Series:
    """What `sources.logs.derive` adds up, file by file."""

    sought: tuple[Sought, ...] = ()
    narrow = False
    divides = True
    takes_ours = False
    counted: Buckets | None = None
    only: frozenset[Level] | None = None

    def __init__(self, window: Window, step_s: float, source: str, memory: Memory) -> None:
        self._window, self._step_s, self._source, self._memory = window, step_s, source, memory
        self._parts: dict[str, Derived] = {}
        self._count = 0

    def begin(self, file: LogFile) -> None:
        self._parts.setdefault(file.path, Derived(self._step_s))

    def add(self, file: LogFile, batch: Batch) -> None:
        self._count += len(batch)
        self._parts[file.path].add(batch)

    def part(self) -> Part:
        return Part(self._count, derived={os.fsencode(path): one.part() for path, one in self._parts.items()})

    def join(self, part: Part) -> None:
        self._count += part.matched
        for path, derived in part.derived.items():
            self._parts.setdefault(os.fsdecode(path), Derived(self._step_s)).join(derived)

    def answer(self, scanned_bytes: int) -> tuple[tuple[Any, ...], int]:
        return series_of(self._parts, self._memory, self._window, self._step_s, self._source), self._count
