"""The log pane's data: the newest matching records of every source, counts over the window, and the rate of arrival."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from console.domain.instant import Instant, Window
from console.domain.logs import Level, LogCounts, LogPage, LogRecord, NewRecords
from console.live.secrets import hidden

KEPT_RECORDS = 2_000
"""Matching records kept for the pane; the log screen reads older ones from the source."""
KEPT_CHARS = 4_000_000
"""Characters kept in all, so that long lines cannot fill the memory."""
RATE_WINDOW_S = 60.0
SAMPLED_S = 5.0
"""How long it is said that only some records were read."""


@dataclass(slots=True)
class _Kept:
    """A record, whose secrets are hidden when it is first read: most of a busy log leave before that."""

    record: LogRecord
    clean: bool = False

    def without_secrets(self) -> LogRecord:
        if not self.clean:
            (self.record,) = hidden((self.record,))
            self.clean = True
        return self.record


def _at(kept: _Kept) -> float:
    return kept.record.at if kept.record.at is not None else math.inf


def _begin(record: LogRecord) -> tuple[str, str, int]:
    return record.source, record.file, record.offset


class LogTail:
    """Matching records as they arrive, bounded in number and size, each counted exactly once.

    Args:
        matches: The active filter.
        step_s: Width of a bucket of the counts.
    """

    def __init__(self, matches: Callable[[LogRecord], bool], step_s: float) -> None:
        self._matches = matches
        self._step_s = step_s
        self._records: deque[_Kept] = deque()
        self._chars = 0
        self._buckets: dict[int, dict[Level, int]] = {}
        self._preloaded: dict[tuple[str, str, int], LogRecord] = {}
        self._arrivals: deque[tuple[Instant, int]] = deque()
        self._sampled: tuple[Instant, int] = (-math.inf, 1)
        self.estimated = False
        """Whether the counts are taken from a part of the records: some that were only counted may match or not."""
        self.dropped = 0
        """Matching records that left the pane's memory; they are counted, and still in their file."""

    def preload(self, page: LogPage, counts: LogCounts) -> None:
        """What the window held before the first record arrived live."""
        for bucket, levels in enumerate(counts.buckets):
            place = self._place(counts.start + bucket * counts.step_s)
            into = self._buckets.setdefault(place, {})
            for level, count in levels.items():
                into[level] = into.get(level, 0) + count
        self._keep(page.records)
        self._preloaded |= {_begin(record): record for record in page.records if record.offset >= 0}
        recent = [(r.at, 1) for r in page.records if r.at is not None and r.at > page.window.end - RATE_WINDOW_S]
        self._arrivals = deque(sorted((*self._arrivals, *recent)))

    def add(self, records: Iterable[LogRecord], now: Instant) -> int:
        """Take new records; returns how many match.

        Of records that were only counted (see `NewRecords`), as many are taken to match as of those that are there.
        """
        records = records if isinstance(records, NewRecords) else NewRecords(records)
        if records.one_in > 1:
            self._sampled = (now, records.one_in)
        fresh = [r for r in records if not self._known(r) and self._matches(r)]
        more = records.skipped * len(fresh) // max(1, len(records))
        self.estimated = self.estimated or (records.skipped > 0 and len(fresh) < len(records))
        for number, record in enumerate(fresh):
            # The counts of all add up to exactly `more`.
            standing_for = 1 + more * (number + 1) // len(fresh) - more * number // len(fresh)
            place = self._place(record.at if record.at is not None else now)
            into = self._buckets.setdefault(place, {})
            into[record.level] = into.get(record.level, 0) + standing_for
        self._keep(fresh)
        self.dropped += more
        if fresh:
            self._arrivals.append((now, len(fresh) + more))
        return len(fresh)

    def _place(self, at: Instant) -> int:
        return math.floor(at / self._step_s)

    def _known(self, record: LogRecord) -> bool:
        """Whether the preloaded page already held it. Said once: after a truncation another record begins at the same place."""
        held = self._preloaded.get(_begin(record))
        if held is None or (held.at, held.message) != (record.at, record.message):
            return False
        del self._preloaded[_begin(record)]
        return True

    def _keep(self, records: Iterable[LogRecord]) -> None:
        newest = self._records[-1].record.at if self._records else None
        late = False
        for record in records:
            if record.at is not None:
                late = late or (newest is not None and record.at < newest)
                newest = record.at if newest is None else max(newest, record.at)
            self._records.append(_Kept(record))
            self._chars += len(record.message)
        if late:
            # Several files arrive in turn; within what is kept, time order is what a reader expects.
            self._records = deque(sorted(self._records, key=_at))
        while len(self._records) > KEPT_RECORDS or self._chars > KEPT_CHARS:
            self._chars -= len(self._records.popleft().record.message)
            self.dropped += 1

    def records(self, window: Window) -> tuple[LogRecord, ...]:
        """The kept records of the window, newest last; those without a time are shown too."""
        end = window.end + self._step_s
        return tuple(
            kept.without_secrets()
            for kept in self._records
            if kept.record.at is None or window.start <= kept.record.at <= end
        )

    def counts(self, window: Window) -> LogCounts:
        """Matching records per bucket of the window."""
        first, last = self._place(window.start), self._place(max(window.start, window.end - 1e-6))
        for place in [p for p in self._buckets if p < first - 2]:
            del self._buckets[place]
        buckets = tuple(dict(self._buckets.get(place, {})) for place in range(first, last + 1))
        return LogCounts(first * self._step_s, self._step_s, buckets)

    def one_in(self, now: Instant) -> int:
        """Of how many records one is shown, where they came too fast within the last seconds; else 1."""
        at, number = self._sampled
        return number if now - at < SAMPLED_S else 1

    def rate_per_min(self, now: Instant) -> float:
        """Matching arrivals per minute over the last minute."""
        while self._arrivals and self._arrivals[0][0] < now - RATE_WINDOW_S:
            self._arrivals.popleft()
        return sum(count for _, count in self._arrivals) * 60.0 / RATE_WINDOW_S
