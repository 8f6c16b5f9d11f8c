"""Lines to records: a record is a line that its format starts with, and the lines that follow until the next start.

An exception that nobody logged has no stamp of its own. Where it follows a record that is no warning, it is a record by
itself, an error at the time of the one before; after a warning or an error it is the rest of that record.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from console.domain.instant import Instant
from console.domain.logs import Level, LogRecord
from console.domain.text import SafeText
from console.guard.sanitise import safe_bytes
from sources.logs.formats.base import UNCAUGHT, Format, ReadsFurther, Wraps
from sources.logs.formats.columns import ReadsLines

_NODE = re.compile(rb"node:internal/|/\S+:\d+$")
_NAMED_ERROR = re.compile(rb"(?:Uncaught )?\w*(?:Error|Exception)\b")
Group = tuple[int, bytes, tuple[bytes, ...], int]
"""Of a group of lines: offset, first line, further lines, and how many more were dropped."""
MOST_LINES = 500
MOST_BYTES = 256 << 10
"""Bounds of what follows the first line of one record; the rest is counted, not kept."""


class Entry(msgspec.Struct, gc=False):
    """A record as far as it was needed: the light one always, its text only to make the full one."""

    light: LogRecord
    line: bytes
    extra: tuple[bytes, ...]
    offset: int
    uncaught: bool = False
    """It is the text of an exception, with its time taken from the record before."""
    dropped: int = 0
    """Further lines beyond the bounds."""


@dataclass(slots=True)
class Tally:
    """What reading met beside records."""

    records: int = 0
    unreadable: int = 0
    example: bytes = b""
    timeless: int = 0
    """Records without a time, which no window can hold."""
    cut: int = 0
    """Lines longer than 1 MiB."""
    future: int = 0
    """Records stamped after the present and after the window."""
    first_future: Instant = math.inf
    more_future: bool = False
    """There may be more of them, since not all of what follows the window was read."""

    def note(self, line: bytes) -> None:
        """Count a line that could not be read, and keep the first as the example."""
        self.unreadable += 1
        if not self.example:
            self.example = line[:200]

    def add(self, other: Tally) -> None:
        """Add what reading another part of the same files met."""
        self.records += other.records
        self.unreadable += other.unreadable
        self.example = self.example or other.example
        self.timeless += other.timeless
        self.cut += other.cut
        self.future += other.future
        self.first_future = min(self.first_future, other.first_future)
        self.more_future = self.more_future or other.more_future

    def note_future(self, times: Sequence[Instant], present: Instant) -> None:
        """Count the stamps from `present` on."""
        if times and max(times) >= present:
            late = [at for at in times if at >= present]
            self.future += len(late)
            self.first_future = min(self.first_future, *late)


class Grouper:
    """Joins lines into groups: the first line of a record and those that follow it.

    Feed blocks of whole lines in the order of the file; groups come out when the next one starts, the last from `end`.
    """

    __slots__ = ("_bytes", "_dropped", "_extra", "_inside", "_line", "_offset", "_starts", "_tally")

    def __init__(self, form: Format, tally: Tally) -> None:
        self._starts = form.starts
        self._inside = form.inside if isinstance(form, Wraps) else None
        self._tally = tally
        self._line: bytes | None = None
        self._offset = 0
        self._extra: list[bytes] = []
        self._bytes = 0
        self._dropped = 0

    @property
    def open_offset(self) -> int | None:
        """Where the record that may still grow begins; None where there is none."""
        return None if self._line is None else self._offset

    def feed(self, offset: int, block: bytes) -> Iterator[Group]:
        """Groups that `block` completes: offset, first line, further lines, and how many more were dropped."""
        starts, inside = self._starts, self._inside
        lines = block.split(b"\n")
        if not lines[-1]:
            lines.pop()
        # Carriage returns and zeros are rare: one look at the block spares two at every line.
        odd = b"\r" in block or b"\0" in block
        current, begin, extra = self._line, self._offset, self._extra
        for line in lines:
            length = len(line) + 1
            if odd:
                line = line.rstrip(b"\r").lstrip(b"\0")
            if starts(line):
                if extra:
                    yield begin, current or b"", tuple(extra), self._dropped
                    extra, self._bytes, self._dropped = [], 0, 0
                elif current is not None:
                    yield begin, current, (), 0
                current, begin = line, offset
            elif current is None:
                if line.strip():
                    self._tally.note(line)
            elif len(extra) < MOST_LINES and self._bytes + length <= MOST_BYTES:
                extra.append(line if inside is None else inside(line))
                self._bytes += length
            else:
                self._dropped += 1
            offset += length
        self._line, self._offset, self._extra = current, begin, extra

    def end(self) -> Iterator[Group]:
        """The last group, which no further line will follow."""
        if self._line is not None:
            yield self._offset, self._line, tuple(self._extra), self._dropped
        self._line, self._extra, self._bytes, self._dropped = None, [], 0, 0


def entries_of(
    form: Format,
    groups: Iterable[Group],
    tally: Tally,
    maybe: Callable[[bytes], bool] | None = None,
    narrow: bool = False,
) -> Iterator[Entry]:
    """The records of groups of lines.

    Args:
        form: Reads the lines.
        groups: From a `Grouper`.
        tally: Counts what is met.
        maybe: Whether a line can be part of a wanted record; groups with no such line are passed over unread.
        narrow: Time, level, service and latency are all that is needed of the light records.
    """
    light_of = form.narrow if narrow else form.light
    for group in groups:
        if maybe is not None and not (maybe(group[1]) or any(map(maybe, group[2]))):
            continue
        if group[2]:
            yield from split(form, group, tally)
            continue
        # Most records are one line: this is `split` without its turns.
        light = light_of(group[1])
        if light is None:
            tally.note(group[1])
            continue
        tally.records += 1
        if light.at is None:
            tally.timeless += 1
        yield Entry(light, group[1], (), group[0])


def split(form: Format, group: Group, tally: Tally) -> Iterator[Entry]:
    """The record of a group, and the exception that follows it where that is a record by itself."""
    offset, line, extra, dropped = group
    light = form.light(line)
    if light is None:
        tally.note(line)
        return
    tally.records += 1
    if light.at is None:
        tally.timeless += 1
    if not extra:
        yield Entry(light, line, extra, offset)
        return
    extra = _without_blank_ends(extra)
    if extra and light.level < Level.WARN and UNCAUGHT.match(extra[0]):
        yield Entry(light, line, (), offset)
        own = LogRecord(light.at, Level.ERROR, light.service, SafeText(""))
        tally.records += 1
        yield Entry(own, line, extra, offset + len(line) + 1, uncaught=True, dropped=dropped)
        return
    if isinstance(form, ReadsFurther):
        light = form.further(light, line, extra)
    yield Entry(light, line, extra, offset, dropped=dropped)


def _without_blank_ends(extra: tuple[bytes, ...]) -> tuple[bytes, ...]:
    low, high = 0, len(extra)
    while low < high and not extra[low].strip():
        low += 1
    while high > low and not extra[high - 1].strip():
        high -= 1
    return extra[low:high]


def full(form: Format, entry: Entry) -> LogRecord:
    """The whole record of an entry."""
    extra = entry.extra
    if entry.dropped:
        extra = (*extra, b"[+%d more lines]" % entry.dropped)
    if not entry.uncaught:
        record = form.full(entry.line, extra, entry.offset)
        return record if record is not None else entry.light
    base = form.full(entry.line, (), entry.offset)
    return LogRecord(
        at=entry.light.at,
        level=entry.light.level,
        service=entry.light.service,
        message=safe_bytes(telling_line(extra)),
        extra=tuple(safe_bytes(one) for one in extra),
        source=base.source if base else "",
        file=base.file if base else "",
        offset=entry.offset,
    )


def fulls(form: Format, entries: Sequence[Entry]) -> list[LogRecord]:
    """As `full` of many entries: those of one line are made together where their format does that."""
    alone = [e for e in entries if not (e.extra or e.dropped or e.uncaught)] if isinstance(form, ReadsLines) else []
    if not alone or not isinstance(form, ReadsLines):
        return [full(form, entry) for entry in entries]
    made = iter(form.full_lines([entry.line for entry in alone], [entry.offset for entry in alone]))
    if len(alone) == len(entries):
        return [record if record is not None else e.light for record, e in zip(made, entries, strict=True)]
    return [
        full(form, e)
        if e.extra or e.dropped or e.uncaught
        else (record if (record := next(made)) is not None else e.light)
        for e in entries
    ]


def telling_line(extra: tuple[bytes, ...]) -> bytes:
    """The line of an exception's text that says what happened: Python's last, below Node's line of code, elsewhere the first."""
    if extra and extra[0].startswith(b"Traceback "):
        for line in reversed(extra):
            if line and not line[:1].isspace() and not line.startswith(b"Traceback "):
                return line
    if extra and _NODE.match(extra[0]):
        return next((line for line in extra[1:] if _NAMED_ERROR.match(line)), extra[0])
    return extra[0] if extra else b""


def newest_first_key(record: LogRecord) -> tuple[Instant, str, int]:
    """Sorts records by time; equal times by file and place, so that the order never wavers."""
    return (record.at if record.at is not None else 0.0, record.file, record.offset)
