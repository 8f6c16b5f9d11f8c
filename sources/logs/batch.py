"""Records of a file in batches: of most blocks the columns that their format reads at once, with careful reading in between.

Careful reading joins lines to records; see `sources.logs.records`. A line that was read at once is a whole record only if
the line after it begins the next one, so each line before an unusual one is read again the careful way, and the last line
of every block waits for the next block.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, count
from operator import add
from typing import cast

from console.domain.instant import Instant, Window
from console.domain.logs import LogRecord
from console.domain.values import dataclass
from sources.logs.fields import FIELD_LIMIT, LONGEST_TRACE
from sources.logs.formats.base import Format
from sources.logs.formats.columns import (
    Columns,
    Kind,
    ReadsBlocks,
    ReadsKeys,
    ReadsLines,
    ReadsMessage,
    ReadsMessages,
    ReadsTexts,
    Shared,
)
from sources.logs.ours import places_of_ours
from sources.logs.records import Entry, Group, Grouper, Tally, entries_of, full
from sources.logs.sieve import Apart, Sieve, Sifted

_WORTH = 4
"""Lines from which on it is quicker to read them at once than one by one."""
_TOGETHER = 512
"""Records that were found apart from each other and are read at once."""
_MOST_FOUND = 2048
_MOST_FOUND_BYTES = 1 << 20
"""Records that were found in blocks, and their bytes, from which on they are read at once."""
_BRACE = ord("{")
_SHOWN = frozenset((str, int))
"""Types of values whose text is what stands in the line."""


class Lines:
    """The lines of a block, cut only when one is asked for."""

    __slots__ = ("_block", "_lines", "_offset", "_starts")

    def __init__(self, offset: int, block: bytes) -> None:
        self._offset = offset
        self._block = block
        self._lines: list[bytes] = []
        self._starts: list[int] = []

    def _cut(self) -> None:
        if not self._lines:
            self._lines = self._block.split(b"\n")
            lengths = accumulate(map(len, self._lines), initial=0)
            self._starts = list(map(add, lengths, count()))  # each line before it has a line break too

    def at(self, number: int) -> tuple[int, bytes]:
        """Offset and text of one line, without its line break."""
        self._cut()
        return self.offset(number), self._lines[number].rstrip(b"\r")

    def offset(self, number: int) -> int:
        """Where in the file a line begins."""
        return self._offset + self._starts[number]

    def at_places(self, find: Callable[[bytes], list[int]]) -> set[int]:
        """The numbers of the lines in which something is found in the block."""
        places = find(self._block)
        if not places:
            return set()
        self._cut()
        return {bisect_right(self._starts, place) - 1 for place in places}

    def piece(self, low: int, high: int) -> tuple[int, bytes]:
        """Offset and text of the lines from `low` to below `high`, with their line breaks."""
        self._cut()
        begin = self._starts[low]
        return self._offset + begin, self._block[begin : self._starts[high]]

    def text(self) -> bytes | None:
        """All of them, as formats read them at once."""
        return _plain(self._block)

    def last(self) -> tuple[int, bytes]:
        """Offset and text of the last line, with its line break."""
        begin = self._block.rfind(b"\n", 0, len(self._block) - 1) + 1
        return self._offset + begin, self._block[begin:]


class Picked(Lines):
    """Lines that stand apart from each other in a file.

    Args:
        offsets: Where they begin.
        block: They, each but the last with a line break.
    """

    __slots__ = ("_offsets",)

    def __init__(self, offsets: Sequence[int], block: bytes) -> None:
        super().__init__(0, block)
        self._offsets = offsets

    def offset(self, number: int) -> int:
        return self._offsets[number]


class Batch:
    """Some records of a file, in its order, as columns; all of them have a time."""

    __slots__ = ("_entries", "_lines", "_places", "form", "kinds", "latencies", "sifted", "times")

    def __init__(self, form: Format, lines: Lines | None = None, *, sifted: bool = False) -> None:
        self.form = form
        self.sifted = sifted
        """Whether a `Sieve` chose the records: something was found in each of them."""
        self.times: list[Instant] = []
        self.kinds: list[Kind] = []
        self.latencies: list[float | None] = []
        self._lines = lines
        self._places: list[int | Entry] = []
        """The line that a record is, or its entry where that was made already."""
        self._entries: dict[int, Entry] = {}
        """Those whose entry was made, by their places in the batch."""

    def __len__(self) -> int:
        return len(self.times)

    def add_rows(self, columns: Columns, low: int, high: int) -> None:
        """Take over rows whose lines are whole records."""
        if low == 0 and high == len(columns.times):
            self.times += columns.times
            self.kinds += columns.kinds  # type: ignore[arg-type]  # every one of these rows has a kind
            self.latencies += columns.latencies
        else:
            self.times += columns.times[low:high]
            self.kinds += columns.kinds[low:high]  # type: ignore[arg-type]
            self.latencies += columns.latencies[low:high]
        self._places += range(low, high)

    def add_entry(self, entry: Entry, kind: Kind) -> None:
        """Take over a record that was read the careful way."""
        at = entry.light.at
        if at is not None:
            self.times.append(at)
            self.kinds.append(kind)
            self.latencies.append(entry.light.latency_s)
            self._entries[len(self._places)] = entry
            self._places.append(entry)

    def found_by(self, find: Callable[[bytes], list[int]]) -> list[int]:
        """The places of records in whose first line something is found, and of all that were read the careful way."""
        lines = self._lines.at_places(find) if self._lines is not None else set()
        return [index for index, place in enumerate(self._places) if isinstance(place, Entry) or place in lines]

    def entry(self, index: int) -> Entry:
        """One of the records, with its lines."""
        place = self._places[index]
        if isinstance(place, Entry):
            return place
        assert self._lines is not None
        offset, line = self._lines.at(place)
        return Entry(self.kinds[index].record(self.times[index], self.latencies[index]), line, (), offset)

    def records(self, indexes: Sequence[int]) -> list[LogRecord]:
        """The whole records at some places."""
        form, lines = self.form, self._lines
        read = [place for index in indexes if isinstance(place := self._places[index], int)]
        if lines is None or len(read) < max(_WORTH, len(indexes)) or not isinstance(form, ReadsLines):
            return [full(form, entry) for entry in map(self.entry, indexes)]
        placed = [lines.at(place) for place in read]
        made = form.full_lines([line for _, line in placed], [offset for offset, _ in placed])
        return [
            record if record is not None else self.entry(index).light
            for record, index in zip(made, indexes, strict=True)
        ]

    def messages(self) -> list[str]:
        """The message of each record. Not cleaned yet; of a message of several lines more than the first may be missing."""
        form = self.form
        text = self._lines.text() if isinstance(form, ReadsMessages) and self._lines is not None else None
        quick = form.messages(text) if isinstance(form, ReadsMessages) and text is not None else None
        found = self._of_lines(quick) if quick is not None else [None] * len(self)
        if None not in found:
            return cast("list[str]", found)
        return [
            message if message is not None else self._message(index, place)
            for index, (message, place) in enumerate(zip(found, self._places, strict=True))
        ]

    def _of_lines(self, told: Sequence[str | None]) -> list[str | None]:
        """What is told of each line, by records; None of those whose entry was made. This is done of every record that is read."""
        lines = cast("list[int]", self._places.copy())
        for place in self._entries:
            lines[place] = 0
        found = list(map(told.__getitem__, lines))
        for place in self._entries:
            found[place] = None
        return found

    def plain_messages(self) -> Sequence[str | None]:
        """The message of each record that is known without reading the whole of it and is shown as it stands; empty: of none."""
        if isinstance(self.form, ReadsMessage) and self._lines is not None:
            lines, one = self._lines, self.form.message
            found = [one(lines.at(place)[1]) if isinstance(place, int) else None for place in self._places]
        else:
            text = self._lines.text() if isinstance(self.form, ReadsMessages) and self._lines is not None else None
            quick = self.form.messages(text) if isinstance(self.form, ReadsMessages) and text is not None else None
            if quick is None:
                return ()
            found = self._of_lines(quick)
        known = [message for message in found if message]
        together = "".join(known)
        if together.isascii() and together.isprintable() and max(map(len, known), default=0) <= FIELD_LIMIT:
            return found
        return [
            message if message and len(message) <= FIELD_LIMIT and message.isascii() and message.isprintable() else None
            for message in found
        ]

    def other_texts(self, indexes: Sequence[int]) -> Iterator[tuple[int, list[str]]]:
        """Of the records at some places those of which other texts than the message are known without reading the whole of them, with
        these, which are shown as they stand."""
        form, lines = self.form, self._lines
        read = [(index, place) for index in indexes if isinstance(place := self._places[index], int)]
        if lines is None or not read or not isinstance(form, ReadsTexts):
            return
        for (index, _), values in zip(
            read, form.texts(b"\n".join([lines.at(place)[1] for _, place in read])), strict=False
        ):
            texts = [one if type(one) is str else str(one) for one in values if type(one) in _SHOWN]
            yield index, [one for one in texts if len(one) <= LONGEST_TRACE and one.isascii() and one.isprintable()]

    def _message(self, index: int, place: int | Entry) -> str:
        form, told = self.form, None
        if isinstance(form, ReadsMessage):
            if isinstance(place, Entry):
                told = None if place.uncaught else form.message(place.line)
            else:
                assert self._lines is not None
                told = form.message(self._lines.at(place)[1])
        return told if told is not None else full(form, self.entry(index)).message

    def of_others(self) -> Batch:
        """Those of the records that are not about requests of this program."""
        lines = self._lines.at_places(places_of_ours) if self._lines is not None else set()
        ours = {index for index, entry in self._entries.items() if any(map(places_of_ours, (entry.line, *entry.extra)))}
        if lines:
            ours |= {index for index, place in enumerate(self._places) if isinstance(place, int) and place in lines}
        return self.picked([index for index in range(len(self)) if index not in ours]) if ours else self

    def joined(self) -> list[int]:
        """Which of the records may have further lines."""
        return [index for index, entry in self._entries.items() if entry.extra]

    def inside(self, window: Window) -> Batch:
        """Those of the records that lie in a window."""
        start, end = window.start, window.end
        if not self.times or (start <= min(self.times) and max(self.times) < end):
            return self
        return self.picked([index for index, at in enumerate(self.times) if start <= at < end])

    def picked(self, indexes: Sequence[int]) -> Batch:
        """Those of the records that stand at some places."""
        part = Batch(self.form, self._lines, sifted=self.sifted)
        part.times = [self.times[index] for index in indexes]
        part.kinds = [self.kinds[index] for index in indexes]
        part.latencies = [self.latencies[index] for index in indexes]
        part._places = [self._places[index] for index in indexes]
        if self._entries:
            part._entries = {place: entry for place, entry in enumerate(part._places) if isinstance(entry, Entry)}
        return part


class _Found:
    """Records of one line that were found, until they are read."""

    __slots__ = ("lines", "offsets")

    def __init__(self) -> None:
        self.offsets: list[int] = []
        self.lines: list[bytes] = []

    def taken(self) -> tuple[list[int], list[bytes]]:
        """Offsets and lines, which are not kept."""
        found = self.offsets.copy(), self.lines.copy()
        self.offsets.clear()
        self.lines.clear()
        return found


class _Careful:
    """The lines that are not read at once.

    Args:
        form, tally, narrow: As for `batches`.
        maybe: Whether a line is of interest; records without such a line are passed over.
    """

    def __init__(self, form: Format, tally: Tally, maybe: Callable[[bytes], bool] | None, narrow: bool) -> None:
        self._form, self._tally, self._maybe, self._narrow = form, tally, maybe, narrow
        self._grouper = Grouper(form, tally)
        self._shared = Shared()
        self._reads_blocks = form if isinstance(form, ReadsBlocks) else None
        self._braced = isinstance(form, ReadsKeys)
        self._found = _Found()

    @property
    def open_offset(self) -> int | None:
        """Where the record that is open begins; None where there is none."""
        return self._grouper.open_offset

    def read(self, piece: tuple[int, bytes], batch: Batch) -> None:
        """Add the records that further lines complete."""
        self._add(self._grouper.feed(*piece), batch)

    def finish(self, batch: Batch) -> None:
        """Add the record that is open: the next line begins another."""
        self._add(self._grouper.end(), batch)

    def sifted(self, sifted: Sifted) -> Iterator[Batch]:
        """Of a block, the records that hold something which was found in it, and those that reach into other blocks.

        Those of one line wait until there are many; `waiting` gives the rest of them.
        """
        offset, block, places = sifted
        batch = Batch(self._form)
        first = _first_start(self._form, block)
        if first < 0:
            self.read((offset, block), batch)
            yield from self._behind_waiting(batch)
            return
        last = _start_before(self._form, block, len(block))
        self.read((offset, block[:first]), batch)
        self.finish(batch)
        yield from self._behind_waiting(batch)
        if places:
            yield from self._inside(offset, block, places, first, last)
        batch = Batch(self._form)
        self.read((offset + last, block[last:]), batch)
        yield from self._behind_waiting(batch)

    def waiting(self) -> Iterator[Batch]:
        """The records that were found and not given yet."""
        if self._found.lines:
            offsets, lines = self._found.taken()
            quick = self._together(offsets, lines)
            if quick is None:
                quick = Batch(self._form)
                for record in zip(offsets, lines, strict=True):
                    self.read(record, quick)
                    self.finish(quick)
            yield quick

    def _behind_waiting(self, batch: Batch) -> Iterator[Batch]:
        """Records, if there are any, with those that come before them."""
        if len(batch):
            yield from self.waiting()
            yield batch

    def _inside(self, offset: int, block: bytes, places: Sequence[int], first: int, last: int) -> Iterator[Batch]:
        """The records of a block that hold one of some places.

        Args:
            offset, block: The block.
            places: Ascending.
            first: Where a record begins; places before it do not count.
            last: Where a later one begins; places from there on do not count.
        """
        starts, braced = self._form.starts, self._braced
        clean = not braced and b"\r" not in block and b"\0" not in block
        found, find, rfind = self._found, block.find, block.rfind
        offsets, lines = found.offsets, found.lines
        done = first
        for place in places:
            if not done <= place < last:
                continue
            begin, end = rfind(b"\n", 0, place) + 1, find(b"\n", place) + 1
            # Most records are one line: this is what the two functions do, without their turns.
            if (braced and block[begin] == _BRACE == block[end]) or (
                clean and starts(block[begin : end - 1]) and starts(block[end : find(b"\n", end)])
            ):
                done = end
                offsets.append(offset + begin)
                lines.append(block[begin:end])
                continue
            begin, done = _start_before(self._form, block, place + 1), _next_start(self._form, block, place)
            yield from self.waiting()
            batch = Batch(self._form)
            self.read((offset + begin, block[begin:done]), batch)
            self.finish(batch)
            yield batch
        if len(lines) >= _MOST_FOUND or sum(map(len, lines)) >= _MOST_FOUND_BYTES:
            yield from self.waiting()

    def apart(self, apart: Apart) -> Iterator[Batch]:
        """Records that are whole."""
        for low in range(0, len(apart.records), _TOGETHER):
            some = apart.records[low : low + _TOGETHER]
            quick = self._together([offset for offset, _ in some], [lines for _, lines in some])
            if quick is None:
                quick = Batch(self._form)
                for record in some:
                    self.read(record, quick)
                    self.finish(quick)
            yield quick

    def _together(self, offsets: Sequence[int], lines: Sequence[bytes]) -> Batch | None:
        """Some records at once, where each is one line that its format reads with others."""
        if len(lines) < _WORTH or self._reads_blocks is None:
            return None
        text = b"".join(lines)
        if text.count(b"\n") != len(lines):
            return None
        columns = _columns(self._reads_blocks, text, self._narrow)
        if columns is None or None in columns.kinds:
            return None
        batch = Batch(self._form, Picked(offsets, text), sifted=True)
        batch.add_rows(columns, 0, len(lines))
        self._tally.records += len(lines)
        return batch

    def _add(self, groups: Iterable[Group], batch: Batch) -> None:
        for entry in entries_of(self._form, groups, self._tally, self._maybe, self._narrow):
            light = entry.light
            batch.add_entry(entry, self._shared.kind(light.level, light.service, light.operation, light.status))


def batches(form: Format, blocks: Iterable[tuple[int, bytes]], tally: Tally, narrow: bool = False) -> Iterator[Batch]:
    """The records in blocks of lines.

    Args:
        form: Reads the lines.
        blocks: Offsets and whole lines, in the order of the file.
        tally: Counts what is met.
        narrow: Time, level, service and latency are all that is needed of the records.
    """
    for _, batch, _ in measured(form, blocks, tally, narrow, to_the_end=True):
        yield batch


def measured(
    form: Format, blocks: Iterable[tuple[int, bytes]], tally: Tally, narrow: bool = True, *, to_the_end: bool = False
) -> Iterator[tuple[int, Batch, int]]:
    """As `batches`, each with the offset of its first record and that of the first record after it.

    Args:
        form, blocks, tally, narrow: As for `batches`.
        to_the_end: The last record of the last block, which the file may add lines to, is given too.
    """
    careful = _Careful(form, tally, None, narrow)
    at_once = form if isinstance(form, ReadsBlocks) else None
    begin = after = -1
    for offset, block in blocks:
        begin = offset if after < 0 else after
        columns = _columns(at_once, block, narrow) if at_once is not None else None
        if columns is None:
            batch = Batch(form)
            careful.read((offset, block), batch)
        else:
            lines = Lines(offset, block)
            batch = Batch(form, lines)
            _mixed(columns, lines, careful, batch, tally)
        open_offset = careful.open_offset
        after = offset + len(block) if open_offset is None else open_offset
        yield begin, batch, after
    if to_the_end:
        batch = Batch(form)
        careful.finish(batch)
        yield after, batch, after


def sifted_batches(
    form: Format, sifted: Iterable[Sifted | Apart | None], tally: Tally, sieve: Sieve, narrow: bool = False
) -> Iterator[Batch]:
    """As `batches`, but only the records with a line of interest: all others are passed over unread.

    Args:
        form, tally, narrow: As for `batches`.
        sifted: Blocks with what the sieve found in them; None stands for blocks in which no such record begins or ends.
        sieve: Knows the lines of interest.
    """
    careful = _Careful(form, tally, sieve.line, narrow)
    apart = False
    for one in sifted:
        if isinstance(one, Apart):
            yield from careful.apart(one)
            continue
        if one is None:
            apart = True
            batch = Batch(form)
            careful.finish(batch)
            if len(batch):
                yield from careful.waiting()
                yield batch
            continue
        if apart:
            offset, block, places = one
            first = max(0, _first_start(form, block))
            one = offset + first, block[first:], [place - first for place in places]
            apart = False
        for batch in careful.sifted(one):
            if len(batch):
                yield batch
    yield from careful.waiting()
    batch = Batch(form)
    careful.finish(batch)
    yield batch


@dataclass(frozen=True, slots=True)
class Beginnings:
    """Where the records of a format begin."""

    form: Format

    def begin(self, block: bytes) -> bool:
        """Whether one begins in a block of whole lines."""
        return _first_start(self.form, block) >= 0

    def around(self, text: bytes, place: int, *, last: bool) -> tuple[int, int] | None:
        """From where to where the record of a place reaches in a text of whole lines, after which nothing follows where it is the
        last; None where that cannot be told from it."""
        begin, end = _start_before(self.form, text, place + 1), _next_start(self.form, text, place)
        cut = text.find(b"\n", begin)
        known = (last or end < len(text)) and _starts(self.form, text, begin, cut if cut >= 0 else len(text))
        return (begin, end) if known else None


def _starts(form: Format, block: bytes, begin: int, end: int) -> bool:
    """Whether the line between two places begins a record; as a `Grouper` sees it."""
    return form.starts(block[begin:end].rstrip(b"\r").lstrip(b"\0"))


def _next_start(form: Format, block: bytes, place: int) -> int:
    """Where the first line after that of `place` begins a record; the end of the block where none does."""
    while (cut := block.find(b"\n", place)) >= 0 and cut + 1 < len(block):
        place = cut + 1
        end = block.find(b"\n", place)
        if _starts(form, block, place, end if end >= 0 else len(block)):
            return place
    return len(block)


def _first_start(form: Format, block: bytes) -> int:
    """Where the first line that begins a record begins; -1: nowhere."""
    end = block.find(b"\n")
    if _starts(form, block, 0, end if end >= 0 else len(block)):
        return 0
    place = _next_start(form, block, 0)
    return place if place < len(block) else -1


def _start_before(form: Format, block: bytes, place: int) -> int:
    """Where the last line that begins before `place` and begins a record begins; 0 where none does."""
    while True:
        begin = block.rfind(b"\n", 0, max(0, place - 1)) + 1
        end = block.find(b"\n", begin)
        if begin == 0 or _starts(form, block, begin, end if end >= 0 else len(block)):
            return begin
        place = begin


def _columns(form: ReadsBlocks, block: bytes, narrow: bool) -> Columns | None:
    text = _plain(block)
    return form.columns(text, narrow) if text is not None else None


def _plain(block: bytes) -> bytes | None:
    """The lines of a block without the last line break and carriage returns; None where they hold what must be cleaned."""
    if b"\0" in block:
        return None
    text = block.removesuffix(b"\n")
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n").removesuffix(b"\r")
        if b"\r" in text:
            return None
    return text


def _mixed(columns: Columns, lines: Lines, careful: _Careful, batch: Batch, tally: Tally) -> None:
    """The records of a block: rows that were read at once, and between them what is read the careful way."""
    size = len(columns.kinds)
    position = 0
    for low, high in _unread(columns.kinds):
        if low > position:
            careful.finish(batch)
            batch.add_rows(columns, position, low - 1)
            tally.records += low - 1 - position
        begin = max(position, low - 1)
        if begin < high:
            careful.read(lines.last() if begin == size - 1 else lines.piece(begin, high), batch)
        position = high


def _unread(kinds: list[Kind | None]) -> Iterator[tuple[int, int]]:
    """Stretches of rows without a kind, from first to after last; at the end of the rows always one, which may be empty."""
    size = len(kinds)
    if None not in kinds:
        yield size, size
        return
    low = -1
    for index, kind in enumerate(kinds):
        if kind is None and low < 0:
            low = index
        elif kind is not None and low >= 0:
            yield low, index
            low = -1
    yield (low if low >= 0 else size), size
