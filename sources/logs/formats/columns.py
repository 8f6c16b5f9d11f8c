"""Records of many lines at once, as columns: what counting reads, without a record for each line.

A format that can read whole blocks gives columns with one row for every line. A line that it does not take in its stride
(another shape, a stack trace, a value of an unusual type) has no kind in them, and is read the careful way, with the line
before it, whose record it may continue.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, cast, runtime_checkable

import msgspec

from console.domain.instant import Instant
from console.domain.logs import Level, LogRecord
from console.domain.text import SafeText
from sources.logs.memo import Memo

NOTHING = SafeText("")
MOST_KINDS = 20_000
K = TypeVar("K", bound=Hashable)


class Kind(msgspec.Struct, frozen=True, eq=False, gc=False):
    """What many records have in common.

    Compared by identity, which makes it a cheap key to count by. Two that say the same may exist.
    """

    level: Level
    service: str = ""
    operation: str = ""
    status: int | None = None

    @property
    def failed(self) -> bool:
        """As `LogRecord.failed`."""
        return self.status >= 500 if self.status is not None else self.level >= Level.ERROR

    def record(self, at: Instant | None, latency_s: float | None = None) -> LogRecord:
        """The light record of this kind."""
        return LogRecord(at, self.level, self.service, NOTHING, self.operation, self.status, latency_s)


class Shared:
    """One object for all kinds that say the same, as long as there are not very many."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, str, str, int | None], Kind] = {}

    def kind(self, level: Level, service: str = "", operation: str = "", status: int | None = None) -> Kind:
        """The kind of these values."""
        key = (level.value, service, operation, status)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MOST_KINDS:
                self._known.clear()
            known = self._known[key] = Kind(level, service, operation, status)
        return known


class Kinds(Memo[K, Kind]):
    """Kinds by the raw values that make them; many raw values (paths with identifiers) may make one kind."""

    def __init__(self, read: Callable[[K], Kind]) -> None:
        super().__init__(read, MOST_KINDS)


@dataclass(slots=True)
class Columns:
    """One row per line; of equal lengths.

    Rows without a kind are lines that were not read; of them the other columns mean nothing.
    """

    times: list[Instant]
    kinds: list[Kind | None]
    latencies: list[float | None]
    """Seconds."""

    @classmethod
    def blank(cls, size: int) -> Columns:
        """So many rows that were not read."""
        return cls([0.0] * size, [None] * size, [None] * size)

    def put(self, places: Sequence[int], part: Columns) -> None:
        """Take over the rows of the lines at `places`."""
        for place, at, kind, latency in zip(places, part.times, part.kinds, part.latencies, strict=True):
            self.times[place], self.kinds[place], self.latencies[place] = at, kind, latency


@runtime_checkable
class ReadsBlocks(Protocol):
    """A format that can read many lines at once."""

    def columns(self, text: bytes, narrow: bool) -> Columns | None:
        """The rows of a text of whole lines, without the last line break, carriage returns and zeros.

        Every row that has a kind is a line that `starts` accepts, with the very values that `light` gives for it, and a
        time. None where the format cannot read this text so.

        Args:
            text: Lines.
            narrow: Of operation and status nothing need be read.
        """
        ...


@runtime_checkable
class ReadsMessages(Protocol):
    """A format that can tell the messages of many lines at once."""

    def messages(self, text: bytes) -> Sequence[str | None] | None:
        """The message of each line of a text as `columns` takes it; it may have further lines.

        The very message that `full` gives before it is cleaned, for every line of which `columns` gives a kind. None for
        a line, or instead of all, where only `full` tells.
        """
        ...


@runtime_checkable
class ReadsMessage(Protocol):
    """A format that can tell the message of a line without reading the rest of it."""

    def message(self, line: bytes) -> str | None:
        """The very message that `full` gives, before it is cleaned, for a line of which `light` gives a record; None
        where only `full` tells."""
        ...


@runtime_checkable
class ReadsTexts(Protocol):
    """A format that can tell other texts than the message of many lines at once."""

    def texts(self, text: bytes) -> Sequence[Sequence[object]]:
        """Of each line of a text as `columns` takes it some values of fields, as they stand there: those that are texts of few
        characters, or whole numbers, are among the texts of the record. Empty, or nothing for a line, where only `full` tells.
        """
        ...


@runtime_checkable
class ReadsLines(Protocol):
    """A format that can give the whole records of many lines at once."""

    def full_lines(self, lines: Sequence[bytes], offsets: Sequence[int]) -> list[LogRecord | None]:
        """The very record that `full` gives for each line and its offset, without further lines."""
        ...


@runtime_checkable
class ReadsKeys(Protocol):
    """A format of one JSON object per line, whose records have level and status from keys alone."""

    def keys(self, meaning: str) -> Sequence[str]:
        """The names, lower-case and dotted where nested, of the fields with a meaning."""
        ...


def filled(stamps: Sequence[bytes]) -> Sequence[bytes]:
    """The stamps with one of them for every empty one, so that lines that do not fit stay out of the way of the others."""
    if b"" not in stamps:
        return stamps
    some = next(filter(None, stamps), b"")
    return [stamp or some for stamp in stamps]


def columns_of(times: Sequence[Instant | None], kinds: Sequence[Kind | None], latencies: list[float | None]) -> Columns:
    """Columns in which no row without a time has a kind."""
    if None in times:
        kinds = [kind if at is not None else None for at, kind in zip(times, kinds, strict=True)]
        times = [at if at is not None else 0.0 for at in times]
    return Columns(cast("list[Instant]", times), list(kinds), latencies)
