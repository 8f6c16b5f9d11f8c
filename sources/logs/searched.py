"""A sieve's search by ripgrep, and the blocks and records in which it found something."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence

from console.guard.sanitise import safe
from sources.logs import ripgrep
from sources.logs.reading import Reader
from sources.logs.ripgrep import Ripgrep
from sources.logs.sieve import ESCAPE, Apart, Records, Sieve, Sifted, line_at

Found = tuple[int, int, list[int]]
"""Offset and length of a block of whole lines, and where in it, ascending, something was found."""
_RIPGREP_ESCAPE = rb"\\[^nrt\x22\\\n]"
"""`ESCAPE`, as ripgrep reads it."""
_NEAR = 4096
"""Bytes before and behind a place in which its record is looked for."""
_MUCH = 32 << 20
"""Bytes of records that are kept until all are found."""
_FEW = 40
"""Places in a block up to which their records are read by themselves."""
_MOST_HELD = 8
"""Blocks in which no record begins that are kept."""
_PATIENCE_S = 0.25
"""How long one wait for ripgrep lasts, so that the allowed time is looked at."""


def worth(reader: Reader, low: int, high: int) -> bool:
    """Whether ripgrep is installed, and a part of a file so large that starting it is a gain; it reads to the end of the file."""
    size = min(high, reader.size) - low
    return (
        not reader.streamed and ripgrep.program() is not None and size >= max(ripgrep.WORTH, (reader.size - low) // 2)
    )


def needed(sifted: Iterable[Sifted], records: Records) -> Iterator[Sifted | None]:
    """Of blocks in which it is known what stands those that a record may need in which something does: the first one, each in which
    something was found, and those around it in which its first and last record may begin and end. None stands for what is left out.

    Args:
        sifted: Blocks that follow each other.
        records: Knows where they begin.
    """
    held: list[Sifted] = []
    """Since, and with, the last one in which a record begins."""
    left_out = False
    open_end = True
    for one in sifted:
        begins = bool(one[2]) or records.begin(one[1])
        if one[2] or open_end:
            if left_out:
                yield None
            yield from held
            yield one
            held, left_out, open_end = [], False, bool(one[2]) or not begins
            continue
        if begins:
            left_out = left_out or bool(held)
            held = []
        held.append(one)
        if len(held) > _MOST_HELD:
            yield from ([None] if left_out else [])
            yield from held
            held, left_out, open_end = [], False, True


class Searched:
    """A search of a part of a file for what a sieve looks for, begun.

    Args:
        sieve: Knows what is looked for, and the lines of interest.
        reader: Of the file.
        low, high: The part, as for `Reader.blocks`.
        search: For the sieve's words or expressions.
        sure: What is found is nearly always of interest, so that it need not be looked at again before it is read.
    """

    def __init__(self, sieve: Sieve, reader: Reader, low: int, high: int, search: Ripgrep, *, sure: bool) -> None:
        self._sieve, self._reader, self._low, self._high = sieve, reader, low, high
        self._search = search
        self._sure = sure or sieve.sure

    @classmethod
    def begin(cls, sieve: Sieve, reader: Reader, low: int, high: int, *, sure: bool = False) -> Searched | None:
        """A search, begun; None where it would be no gain, or ripgrep cannot be started."""
        if not worth(reader, low, high):
            return None
        try:
            search = ripgrep.Ripgrep(reader.descriptor(), low, min(high, reader.size), sieve.words, sieve.expressions)
        except OSError:
            return None
        return cls(sieve, reader, low, high, search, sure=sure)

    def close(self) -> None:
        """End it, whatever it is doing."""
        self._search.close()

    def found(self, check: Callable[[], None]) -> list[Found] | None:
        """What stands in the blocks of the part; None where ripgrep failed, or a line is longer than a block.

        Args:
            check: Called often; ends the work by raising.
        """
        reader = self._reader
        cut = reader.cut_lines
        outlines = reader.outlines(self._low, self._high)
        if outlines is None or reader.cut_lines != cut or reader.stopped:
            return None
        doubts = self._doubts() if not self._sieve.expressions else None
        try:
            doubtful: Sequence[int] | None = () if self._sieve.expressions else None
            if doubts is None and doubtful is None:
                doubtful = self._doubts_read(outlines, check)
            for one in (self._search, doubts):
                while one is not None and not one.wait(_PATIENCE_S):
                    check()
            places = self._search.places()
            if doubts is not None:
                doubtful = doubts.places()
        finally:
            if doubts is not None:
                doubts.close()
        if places is None or doubtful is None or reader.stopped:
            return None
        every = sorted([*places, *doubtful]) if doubtful else places
        found: list[Found] = []
        begin = 0
        for offset, size in outlines:
            end = bisect_left(every, offset + size, begin)
            found.append((offset, size, [place - offset for place in every[begin:end]]))
            begin = end
        return found

    def _doubts(self) -> Ripgrep | None:
        """A search of ripgrep for what makes a line doubtful, begun; None where reading all is as good: it may be frequent, or
        the file is another one by now."""
        if self._sieve.doubts_are_frequent:
            return None
        doubtful = self._sieve.doubtful
        expressions = [_RIPGREP_ESCAPE, *([doubtful.pattern] if doubtful is not None else [])]
        try:
            descriptor = self._reader.another_descriptor()
        except OSError:
            return None
        try:
            return ripgrep.Ripgrep(descriptor, self._low, min(self._high, self._reader.size), (), expressions)
        except OSError:
            return None
        finally:
            os.close(descriptor)

    def _doubts_read(self, outlines: Sequence[tuple[int, int]], check: Callable[[], None]) -> list[int]:
        found: list[int] = []
        doubtful = self._sieve.doubtful
        block = bytearray(max((size for _, size in outlines), default=0))
        for offset, size in outlines:
            check()
            self._reader.pread_into(memoryview(block)[:size], offset)
            if block.find(b"\\", 0, size) >= 0:
                found += [offset + match.start() for match in ESCAPE.finditer(block, 0, size)]
            if doubtful is not None and not block.isascii():
                found += [offset + match.start() for match in doubtful.finditer(block, 0, size)]
        return sorted(found)

    def sift(
        self, found: Sequence[Found], records: Records, check: Callable[[], None]
    ) -> Iterator[Sifted | Apart | None]:
        """As `Sieve.sift`, of blocks in which it is known what stands; but only what a record may need in which something does:
        itself where they are few, else the blocks of such records and maybe those around them. None stands for what is left out.

        Args:
            found: What `found` told.
            records: Knows where they begin.
            check: Called often; ends the work by raising.
        """
        hits = [one for one in found if one[2]]
        few = sum(len(places) for _, _, places in hits) < _FEW * len(hits)
        reach = (found[0][0], found[-1][0] + found[-1][1]) if found else (0, 0)
        near = self._records(hits, reach, records, check) if few else None
        if near is not None:
            yield Apart(near)
            return
        yield from self._blocks(found, records, check)

    def _records(
        self, hits: Sequence[Found], reach: tuple[int, int], records: Records, check: Callable[[], None]
    ) -> list[tuple[int, bytes]] | None:
        """The records in which something was found, each for itself; None where one of them is not surely whole in what is near, or
        all of them are much.

        Args:
            hits: The blocks in which something was found.
            reach: Where the first of all blocks begins and the last one ends.
            records, check: As for `sift`.
        """
        near: list[tuple[int, bytes]] = []
        start, end = reach
        done = total = 0
        for offset, _, places in hits:
            check()
            for place in places:
                at = offset + place
                if at < done:
                    continue
                low, high = max(start, at - _NEAR), min(end, at + _NEAR)
                text = self._reader.pread(high - low, low)
                if len(text) < high - low:
                    return None
                begin = text.find(b"\n") + 1 if low > start else 0
                last = high == end
                text = text[begin:] if last else text[begin : text.rfind(b"\n") + 1]
                inside = 0 <= at - low - begin < len(text)
                record = records.around(text, at - low - begin, last=last) if inside else None
                if record is None:
                    return None
                near.append((low + begin + record[0], text[record[0] : record[1]]))
                done = low + begin + record[1]
                total += record[1] - record[0]
                if total > _MUCH:
                    return None
        return near

    def _blocks(self, found: Sequence[Found], records: Records, check: Callable[[], None]) -> Iterator[Sifted | None]:
        reader = self._reader

        def block_at(at: int) -> bytes:
            return reader.pread(found[at][1], found[at][0])

        needed = {0} | {at for at, one in enumerate(found) if one[2]}
        for at in sorted(needed):
            for step in (-1, 1):
                near = at + step
                while 0 <= near < len(found) and near not in needed:
                    needed.add(near)
                    if records.begin(block_at(near)):
                        break
                    near += step
        left_out = False
        for at, (offset, size, places) in enumerate(found):
            if at not in needed:
                if not left_out:
                    yield None
                left_out = True
                continue
            check()
            left_out = False
            block = block_at(at)
            if len(block) < size:
                reader.stopped = f"{safe(reader.file.path)}: became shorter while it was read; read up to its new end"
                return
            of_interest = places if self._sure else [one for one in places if self._sieve.line(line_at(block, one))]
            yield offset, block, of_interest
