"""Log records and their counts."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Self, TypeAlias

import msgspec

from console.domain.instant import Instant, Window
from console.domain.text import SafeText
from console.domain.values import dataclass


class Level(IntEnum):
    """Severity, ordered, so that `level >= Level.WARN` means "warnings and worse"."""

    UNKNOWN = 0
    TRACE = 5
    DEBUG = 10
    INFO = 20
    NOTICE = 25
    WARN = 30
    ERROR = 40
    FATAL = 50

    @property
    def word(self) -> str:
        """Lower case, as in queries and JSON: `error`."""
        return self.name.lower()


class LogRecord(msgspec.Struct, frozen=True, gc=False):
    """One record of a log: a line, or several where an exception follows the first.

    A millisecond of a busy file holds many of these; hence a struct and not a dataclass.
    """

    at: Instant | None
    """When it happened; None where the file gives no time for it."""
    level: Level
    service: str
    """Empty where neither the configuration nor the record names one."""
    message: SafeText
    """The first line of its text."""
    operation: str = ""
    """Route, endpoint or RPC method: `POST /orders`; empty where the record is about no request."""
    status: int | None = None
    """HTTP status, where the record is about a request."""
    latency_s: float | None = None
    trace_id: str = ""
    extra: tuple[SafeText, ...] = ()
    """Further lines of the same record, such as a stack trace."""
    fields: tuple[tuple[str, SafeText], ...] = ()
    """Everything else the record said, by its own names."""
    source: str = ""
    """The name of the log source in the configuration."""
    file: str = ""
    """File name below the source; empty for remote sources."""
    offset: int = -1
    """Byte offset of the record in `file`; -1 where there is none."""

    @property
    def failed(self) -> bool:
        """Whether it reports a request that failed on the server's side (status 5xx; without a status, error level)."""
        if self.status is not None:
            return self.status >= 500
        return self.level >= Level.ERROR

    @property
    def is_request(self) -> bool:
        """Whether it stands for one served request: it names an operation and tells its status or its latency."""
        return bool(self.operation) and (self.status is not None or self.latency_s is not None)


RecordId: TypeAlias = tuple[str, str, int, Instant | None, str]
"""What tells records apart: source, file, offset, time and, for sources without offsets, the message."""


def record_id(record: LogRecord) -> RecordId:
    """The same for the same record, however often it was read."""
    message = record.message if record.offset < 0 else ""
    return record.source, record.file, record.offset, record.at, message


class NewRecords(tuple[LogRecord, ...]):
    """Records of a followed source in one batch; where they come faster than they can be read, an even part of them."""

    skipped: int
    begin: Mapping[str, int]

    def __new__(cls, records: Iterable[LogRecord], skipped: int = 0, begin: Mapping[str, int] | None = None) -> Self:
        """
        Args:
            records: As they were written.
            skipped: How many more there were, which were only counted.
            begin: In the first batch of a stream: by the name of each file, the first byte whose record is given.
        """
        made = super().__new__(cls, records)
        made.skipped = skipped
        made.begin = begin or {}
        return made

    @property
    def one_in(self) -> int:
        """Of how many records one is given; 1: all are."""
        return max(1, round((len(self) + self.skipped) / max(1, len(self))))


@dataclass(frozen=True, slots=True)
class LogCounts:
    """Records per time bucket and level.

    `buckets[i]` covers `start + i * step_s` up to the next; each maps a level to its count and leaves out zeros.
    """

    start: Instant
    step_s: float
    buckets: tuple[dict[Level, int], ...]

    @property
    def total(self) -> int:
        """All records counted."""
        return sum(sum(bucket.values()) for bucket in self.buckets)


@dataclass(frozen=True, slots=True)
class LogHistogram:
    """Counts, and beside each bucket the latencies, in seconds, of the counted records that have one."""

    counts: LogCounts
    latencies: tuple[array[float], ...]
    """In the order of the file; where a bucket has very many, an even sample of them."""


@dataclass(frozen=True, slots=True)
class LogPage:
    """An answer of a log source: some records, newest last, and what they were taken from."""

    window: Window
    records: tuple[LogRecord, ...]
    matched: int
    """How many records of the window match; more than `len(records)` where the page is a part of them."""
    scanned_bytes: int = 0
    sampled: bool = False
    """True where `matched` is an estimate from a sample."""


PatternNames: TypeAlias = Mapping[tuple[str, Level, str], str]
"""The id of the pattern that messages belong to: by service, level and shape (the message with its values as blanks)."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A message template with how often it occurs in a window and in its baseline."""

    id: str
    template: SafeText
    service: str
    level: Level
    status: str
    """new | surged | gone | steady"""
    count: int
    baseline_count: int | None
    ratio: float | None
    """Share now over share before; None where the baseline has none of it."""
    first_seen: Instant | None
    last_seen: Instant | None
    example: SafeText
    trend: tuple[int, ...] = ()
    """Lines per step of the window, where they were counted so."""


@dataclass(frozen=True, slots=True)
class FieldValue:
    """One field of a record and what it says, by the name that a query uses for it."""

    name: str
    value: SafeText
