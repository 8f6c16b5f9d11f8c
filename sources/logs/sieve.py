"""Which lines can be part of a record that is looked for: found on whole blocks, without cutting lines.

It is one whose text holds one of some needles or, in JSON, whose level or status passes a test (see `sources.logs.keys`).

The text of a record is made from its line by decoding escapes and naming what is no UTF-8. So a line in which such a step
can make a needle is taken as well: one with an escape other than those of line breaks, tabs, quotation marks and backslashes
(which no needle holds), and one with letters that are a needle's once their case is changed.
"""

from __future__ import annotations

import os
import re
import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from console.domain.logs import Level
from console.domain.values import dataclass
from console.guard.sanitise import safe
from sources.logs import bulk, ripgrep
from sources.logs.formats.base import UNCAUGHT, Format
from sources.logs.formats.columns import ReadsKeys
from sources.logs.keys import (
    CONTEXT,
    FAR_CONTEXT,
    IN_KEY,
    Contexts,
    KeyTest,
    Stem,
    harmless_in_key,
    key_places,
    stems_of,
)
from sources.logs.reading import Reader
from sources.logs.ripgrep import Ripgrep

_Probe = tuple[int, int, int, int, bytes, tuple[bytes, ...]]
"""What is compared: a width in bytes, the first place compared (the others are so many widths on), the characters with their
case put aside, how many of the word stand before them; then the word and the others that must stand in its line."""
Found = tuple[int, int, list[int]]
"""Offset and length of a block of whole lines, and where in it, ascending, something was found."""
Sifted = tuple[int, bytes, list[int]]
"""Offset and bytes of a block of whole lines, and where in it, ascending, something was found."""


@dataclass(frozen=True, slots=True)
class Apart:
    """Records that stand apart from each other: offset and lines of each."""

    records: Sequence[tuple[int, bytes]]


_ESCAPE = re.compile(rb"\\[^nrt\"\\\n]")
_RIPGREP_ESCAPE = rb"\\[^nrt\x22\\\n]"
"""The same, as ripgrep reads it."""
_UNLIKE_ITS_TEXT = re.compile(rb"[\x00-\x09\x0b-\x1f\x5c\x7f-\xff]")
"""Where an expression is looked for: the line may hold an escape, or what is shown by a name or in another way."""
_LIKE_ITS_TEXT = bytes(one for one in range(256) if _UNLIKE_ITS_TEXT.match(bytes((one,))) is None)
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_FOLDED = {b"i": rb"\xc4[\xb0\xb1]", b"k": rb"\xe2\x84\xaa", b"s": rb"\xc5\xbf"}
"""UTF-8 of the letters that are ASCII's once their case is changed or ignored: dotted and dotless i, the kelvin sign, long s."""
_IN_A_NAME = re.compile(rb"(?:x[0-9a-f]{2}|[0-9a-f]{1,2}).{0,2}|x[0-9a-f]?|[u+0-9a-f]+", re.S)
"""Needles that can stand in the name of what cannot be shown (`\\xff`, `<U+200B>`)."""
_FROM_A_NAME = re.compile(rb"x[0-9a-f]{2}|[0-9a-f]{1,2}")
"""What a needle can begin with that begins in such a name, of a byte that is no UTF-8; its rest stands behind that byte."""
_TELLING = 3
"""Characters that such a rest must have."""
_RARE = b"qzjxkvywbfghp_/-mudclrsno.:iat0123456789e"
"""Characters from the rare to the frequent ones, about as they occur in logs; all others are rare."""
_ANYWHERE = 7
"""Wherever a word so long begins, four of its characters stand at a multiple of four."""
_SPARE = 64 << 10
_NEAR = 4096
"""Bytes before and behind a place in which its record is looked for."""
_MUCH = 32 << 20
"""Bytes of records that are kept until all are found."""
_FEW = 40
"""Places in a block up to which their records are read by themselves."""
_MOST_NEW = 16
"""Contexts of one block that are looked at to learn what they tell; others are decided line by line."""
AHEAD = 4
"""Blocks that are looked through before they are asked for."""
LOOKERS = 2
_PATIENCE_S = 0.25
"""How long one wait for ripgrep lasts, so that the allowed time is looked at."""


@dataclass(frozen=True, slots=True)
class Sought:
    """What every record that is looked for holds: a needle, or a value that passes a test."""

    needles: tuple[tuple[bytes, ...], ...]
    """The words of each, lower-case ASCII without blanks and backslashes; its line holds all of them, in any case and order."""
    tests: tuple[KeyTest, ...] = ()
    expressions: tuple[bytes, ...] = ()
    """Of bytes, quick, and read alike by Python and ripgrep: one matches in the line."""

    def sieve(self, form: Format) -> Sieve | None:
        """What finds it in files of a format; None where the format does not tell the keys that are tested, or no key does: a
        record without a level passes too."""
        if self.expressions and form.name == "access":
            return None  # the message of such a record is made of two parts of its line
        keys = form if isinstance(form, ReadsKeys) else None
        stems: list[Stem] = []
        for test in self.tests:
            told = keys is not None and not (test.meaning == "level" and Level.UNKNOWN in test.wanted)
            found = stems_of(test, keys.keys(test.meaning)) if keys is not None and told else None
            if found is None:
                return None
            stems += found
        uncaught = any(test.meaning == "level" and Level.ERROR in test.wanted for test in self.tests)
        return Sieve(self.needles, stems, self.expressions, uncaught=uncaught, keyed=keys is not None)


class Records(Protocol):
    """Knows where the records of a format begin."""

    def begin(self, block: bytes) -> bool:
        """Whether one begins in a block of whole lines."""
        ...

    def around(self, text: bytes, place: int, *, last: bool) -> tuple[int, int] | None:
        """From where to where the record of a place reaches in a text of whole lines, after which nothing follows where it is the
        last; None where that cannot be told from it."""
        ...


class Sieve:
    """Finds places of interest.

    Args:
        needles: See `Sought`.
        stems: Of keys; a line of interest has one that is followed by what may pass its test.
        expressions: One of them matches in a line of interest.
        uncaught: So is a line that begins the text of an exception which nobody logged.
        keyed: Lines are JSON, in which the names of keys are no text of a record.
    """

    def __init__(
        self,
        needles: Iterable[tuple[bytes, ...]],
        stems: Sequence[Stem] = (),
        expressions: Sequence[bytes] = (),
        *,
        uncaught: bool = False,
        keyed: bool = False,
    ) -> None:
        self.needles = tuple(dict.fromkeys(needles))
        self.stems = tuple(stems)
        self._uncaught, self._keyed = uncaught, keyed
        self.expressions = (*expressions, _UNLIKE_ITS_TEXT.pattern) if expressions else ()
        self._express = re.compile(b"|".join(expressions)) if expressions else None
        words = [word for needle in self.needles for word in needle]
        looked_for = [*words, *(part for stem in self.stems for part in (stem.text, *stem.tails))]
        folded = [one for letter, one in _FOLDED.items() if any(letter in word for word in looked_for)]
        named = any(_IN_A_NAME.fullmatch(word) for word in words)
        self._scratch = threading.local()
        self._doubtful = _NOT_ASCII if named else re.compile(b"|".join(folded)) if folded else None
        self._sought: list[tuple[bytes, tuple[bytes, ...]]] = []
        """Of each needle the word that is looked for, and the others, which must stand in the same line."""
        self._probes: list[_Probe] = []
        for needle in self.needles:
            parts = [_surely(one) for one in needle]
            word = max(parts, key=lambda one: (min(len(one), _ANYWHERE), _rarity(one)))
            others = tuple(one for one in parts if one is not word)
            self._sought.append((word, others))
            self._probes += _probes(word, others)
        self._in_keys = Contexts(harmless_in_key)
        self._stemmed = [(tuple(_probes(stem.text, ())), Contexts(stem.harmless)) for stem in self.stems]

    def line(self, line: bytes) -> bool:
        """Whether a line is of interest."""
        lowered = line.lower()
        if any(
            word in lowered and all(one in lowered for one in others) and not self._only_in_keys(line, lowered, word)
            for word, others in self._sought
        ):
            return True
        if self.stems and any(True for _ in key_places(self.stems, line)):
            return True
        if self._uncaught and _begins_exception(line):
            return True
        if self._express is not None and (self._express.search(line) or _UNLIKE_ITS_TEXT.search(line)):
            return True
        return (b"\\" in line and _ESCAPE.search(line) is not None) or self._in_doubt(line)

    def holds(self, line: bytes) -> bool:
        """Whether one of the words that are looked for first stands in a line, be it in the name of a key."""
        lowered = line.lower()
        return any(word in lowered for word, _ in self._sought)

    def _only_in_keys(self, line: bytes, lowered: bytes, word: bytes) -> bool:
        """Whether a word stands in names of keys only, and those are not shown: names in lists and in what is nested deeply are."""
        if not self._keyed or line[:1] != b"{" or line.count(b"{") != 1 or b"[" in line:
            return False
        return all(
            harmless_in_key(line[place + len(word) : place + len(word) + FAR_CONTEXT])
            for place in _occurrences(word, lowered)
        )

    def _in_doubt(self, data: bytes) -> bool:
        return self._doubtful is not None and not data.isascii() and self._doubtful.search(data) is not None

    def find(self, block: bytes) -> list[int]:
        """Where something of interest stands, ascending: by numpy where that is loaded."""
        return self.places_by_numpy(block) if bulk.loaded() is not None else self.places(block)

    def places(self, block: bytes) -> list[int]:
        """Where something of interest stands, ascending."""
        lowered = block.lower()
        found: list[int] = []
        for word, others in self._sought:
            places = _occurrences(word, lowered)
            found += [place for place in places if _beside(others, block, place)] if others else places
        if self._keyed:
            found = [place for place in found if self.line(_line_at(block, place))]
        found += key_places(self.stems, block)
        found += self._expressed(block)
        if self._uncaught:
            found += [place for place in _line_begins(block) if _begins_exception(_line_at(block, place))]
        return self._with_doubts(block, found)

    def places_by_numpy(self, block: bytes) -> list[int]:
        """As `places`, for large blocks, where numpy is loaded: several characters are compared at once, and other threads can
        run meanwhile."""
        np = bulk.loaded()
        size = len(block)
        scratch = self._scratch.__dict__
        if "folded" not in scratch or len(scratch["folded"]) < size:
            # Memory that is used again is in the cache; fresh memory costs as much as the comparing.
            scratch["folded"], scratch["equal"] = bytearray(size + _SPARE), bytearray(size + _SPARE)
        folded, same = scratch["folded"], scratch["equal"]
        np.bitwise_or(np.frombuffer(block, np.uint8), np.uint8(0x20), out=np.frombuffer(folded, np.uint8, size))
        found: list[int] = []
        flat: Any = None
        for probe in self._probes:
            begins = _compared(np, folded, same, size, probe)
            if begins is None:
                continue
            word, others = probe[4], probe[5]
            if self._keyed:
                # Of places in names of keys only those count that stand in lists or deep in objects.
                apart = _harmless(np, block, begins + len(word), self._in_keys)
                if apart.any():
                    flat = _flat_lines(np, block) if flat is None else flat
                    apart &= flat[1][np.searchsorted(flat[0], begins)]
                    begins = begins[~apart]
            whole = begins.tolist()
            if not (len(word) == probe[0] and word.isalpha()):
                whole = [b for b in whole if b >= 0 and block[b : b + len(word)].lower() == word]
            if others:
                whole = [b for b in whole if _beside(others, block, b)]
            if self._keyed:
                whole = [b for b in whole if not IN_KEY.match(block, b + len(word)) or self.line(_line_at(block, b))]
            found += whole
        for probes, contexts in self._stemmed:
            # Looking for one character is quick, and this one is rare.
            absent = any(b"@" in probe[4] for probe in probes) and b"@" not in block
            for probe in probes if not absent else ():
                begins = _compared(np, folded, same, size, probe)
                if begins is not None:
                    ends = begins + len(probe[4])
                    rest = begins[~_harmless(np, block, ends, contexts)].tolist()
                    found += [max(b, 0) for b in rest if self.line(_line_at(block, max(b, 0)))]
        if self._uncaught:
            found += _exceptions(np, block)
        found += self._expressed(block)
        return self._with_doubts(block, found)

    def _expressed(self, block: bytes) -> list[int]:
        """Where the expressions match, one place of each line, and where a line is unlike its text."""
        if self._express is None:
            return []
        found: list[int] = []
        search = self._express.search
        match = search(block)
        while match is not None:
            found.append(match.start())
            begin = block.find(b"\n", match.start())
            match = search(block, begin) if begin >= 0 else None
        if block.translate(None, _LIKE_ITS_TEXT):
            found += [match.start() for match in _UNLIKE_ITS_TEXT.finditer(block)]
        return found

    def _with_doubts(self, block: bytes, found: list[int]) -> list[int]:
        if b"\\" in block:
            found += [match.start() for match in _ESCAPE.finditer(block)]
        if self._doubtful is not None and not block.isascii():
            found += [match.start() for match in self._doubtful.finditer(block)]
        found.sort()
        return found

    def search(self, reader: Reader, low: int, high: int) -> Ripgrep | None:
        """A search of ripgrep for the words, begun; None where it is not installed, or would be no gain."""
        end = min(high, reader.size)
        if reader.streamed or ripgrep.program() is None or end - low < max(ripgrep.WORTH, (reader.size - low) // 2):
            return None
        try:
            return ripgrep.Ripgrep(reader.descriptor(), low, end, [word for word, _ in self._sought], self.expressions)
        except OSError:
            return None

    def found(
        self, reader: Reader, low: int, high: int, search: Ripgrep, check: Callable[[], None]
    ) -> list[Found] | None:
        """What stands in the blocks of a part of a file, by ripgrep; None where it failed, or a line is longer than a block.

        Args:
            reader: Of the file.
            low, high: The part, as for `Reader.blocks`.
            search: For the words.
            check: Called often; ends the work by raising.
        """
        cut = reader.cut_lines
        outlines = reader.outlines(low, high)
        if outlines is None or reader.cut_lines != cut or reader.stopped:
            return None
        doubts = self._doubts(reader, low, min(high, reader.size)) if not self.expressions else None
        try:
            doubtful: Sequence[int] | None = () if self.expressions else None
            if doubts is None and doubtful is None:
                doubtful = self._doubts_read(reader, outlines, check)
            for one in (search, doubts):
                while one is not None and not one.wait(_PATIENCE_S):
                    check()
            places = search.places()
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

    def _doubts(self, reader: Reader, low: int, end: int) -> Ripgrep | None:
        """A search of ripgrep for what makes a line doubtful, begun; None where reading all is as good: it may be frequent, or
        the file is another one by now."""
        if self._doubtful is _NOT_ASCII:
            return None
        expressions = [_RIPGREP_ESCAPE, *([self._doubtful.pattern] if self._doubtful is not None else [])]
        try:
            descriptor = reader.another_descriptor()
        except OSError:
            return None
        try:
            return ripgrep.Ripgrep(descriptor, low, end, (), expressions)
        except OSError:
            return None
        finally:
            os.close(descriptor)

    def _doubts_read(self, reader: Reader, outlines: Sequence[tuple[int, int]], check: Callable[[], None]) -> list[int]:
        found: list[int] = []
        block = bytearray(max((size for _, size in outlines), default=0))
        for offset, size in outlines:
            check()
            reader.pread_into(memoryview(block)[:size], offset)
            if block.find(b"\\", 0, size) >= 0:
                found += [offset + match.start() for match in _ESCAPE.finditer(block, 0, size)]
            if self._doubtful is not None and not block.isascii():
                found += [offset + match.start() for match in self._doubtful.finditer(block, 0, size)]
        return sorted(found)

    def sift_found(
        self, reader: Reader, found: Sequence[Found], records: Records, check: Callable[[], None]
    ) -> Iterator[Sifted | Apart | None]:
        """As `sift`, of blocks in which it is known what stands; but only what a record may need in which something does: itself
        where they are few, else the blocks of such records and maybe those around them. None stands for what is left out.

        Args:
            reader: Gives the blocks again.
            found: What `found` told.
            records: Knows where they begin.
            check: Called often; ends the work by raising.
        """
        hits = [one for one in found if one[2]]
        few = sum(len(places) for _, _, places in hits) < _FEW * len(hits)
        reach = (found[0][0], found[-1][0] + found[-1][1]) if found else (0, 0)
        near = self._records_found(reader, hits, reach, records, check) if few else None
        if near is not None:
            yield Apart(near)
            return
        yield from self._blocks_found(reader, found, records, check)

    def _records_found(
        self, reader: Reader, hits: Sequence[Found], reach: tuple[int, int], records: Records, check: Callable[[], None]
    ) -> list[tuple[int, bytes]] | None:
        """The records in which something was found, each for itself; None where one of them is not surely whole in what is near, or
        all of them are much.

        Args:
            reader, records, check: As for `sift_found`.
            hits: The blocks in which something was found.
            reach: Where the first of all blocks begins and the last one ends.
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
                text = reader.pread(high - low, low)
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

    def _blocks_found(
        self, reader: Reader, found: Sequence[Found], records: Records, check: Callable[[], None]
    ) -> Iterator[Sifted | None]:
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
        sure = bool(self.expressions) or (len(self._sought) == 1 and not self._sought[0][1])
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
            yield offset, block, places if sure else [one for one in places if self.line(_line_at(block, one))]

    def sift(self, blocks: Iterable[tuple[int, bytes]], size: int) -> Iterator[Sifted]:
        """Blocks with what is found in them.

        Args:
            blocks: Of whole lines.
            size: About how many bytes they are together.
        """
        bulk.load(size)
        if size < bulk.BULK or bulk.loaded() is None:
            for offset, block in blocks:
                yield offset, block, self.places(block)
            return
        waiting: deque[tuple[int, bytes, Future[list[int]]]] = deque()
        pool = ThreadPoolExecutor(LOOKERS, thread_name_prefix="sieve")
        try:
            for offset, block in blocks:
                waiting.append((offset, block, pool.submit(self.places_by_numpy, block)))
                if len(waiting) > AHEAD:
                    yield _looked(waiting.popleft())
            while waiting:
                yield _looked(waiting.popleft())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _compared(np: Any, folded: bytearray, same: bytearray, size: int, probe: _Probe) -> Any:
    """Where words may begin, as an array; None where one comparison finds nothing. Some may begin before the block."""
    width, shift, gram, before, _, _ = probe
    kind = {4: np.uint32, 2: np.uint16, 1: np.uint8}[width]
    count = (size - shift) // width
    if count <= 0:
        return None
    equal = np.frombuffer(same, np.bool_, count)
    np.equal(np.frombuffer(folded, kind, count, shift), kind(gram), out=equal)
    return np.flatnonzero(equal) * width + (shift - before) if equal.any() else None


def _harmless(np: Any, block: bytes, ends: Any, contexts: Contexts) -> Any:
    """Of places in a block, whether the bytes from there on are known, or found, to be harmless."""
    told = np.zeros(len(ends), np.bool_)
    if len(block) < CONTEXT:
        return told
    whole = (ends >= 0) & (ends <= len(block) - CONTEXT)
    windows = np.ndarray((len(block) - CONTEXT + 1,), np.dtype("<u8"), buffer=block, strides=(1,))
    found = windows[ends[whole]]
    harmless = np.zeros(len(found), np.bool_)
    for mask, value in contexts.known:
        harmless |= (found & np.uint64(mask)) == np.uint64(value)
    unknown = found[~harmless]
    for _ in range(_MOST_NEW):
        if not len(unknown):
            break
        context = int(unknown[0])
        learned = contexts.learn(context)
        if learned is not None:
            harmless |= (found & np.uint64(learned[0])) == np.uint64(learned[1])
            unknown = unknown[(unknown & np.uint64(learned[0])) != np.uint64(learned[1])]
        else:
            unknown = unknown[unknown != unknown[0]]
    told[whole] = harmless
    return told


def _flat_lines(np: Any, block: bytes) -> tuple[Any, Any]:
    """The line breaks of a block, and of each line whether it is one object with neither lists nor objects in it."""
    characters = np.frombuffer(block, np.uint8)
    breaks = np.flatnonzero(characters == 10)
    begins = np.concatenate(([0], breaks + 1))
    opened = np.flatnonzero((characters == 123) | (characters == 91))
    counts = np.bincount(np.searchsorted(breaks, opened), minlength=len(begins))
    flat = counts == 1
    inside = begins < len(block)
    flat[inside] &= characters[begins[inside]] == 123
    return breaks, flat


def _exceptions(np: Any, block: bytes) -> list[int]:
    """Where lines begin that are no objects and begin the text of an exception."""
    characters = np.frombuffer(block, np.uint8)
    begins = np.concatenate(([0], np.flatnonzero(characters == 10) + 1))
    begins = begins[begins < len(block)]
    odd = begins[characters[begins] != 123].tolist()
    return [place for place in odd if _begins_exception(_line_at(block, place))]


def _begins_exception(line: bytes) -> bool:
    return line[:1] != b"{" and UNCAUGHT.match(line.rstrip(b"\r").lstrip(b"\0")) is not None


def _line_begins(block: bytes) -> Iterator[int]:
    place = 0
    while place < len(block):
        yield place
        place = block.find(b"\n", place) + 1 or len(block)


def _line_at(block: bytes, place: int) -> bytes:
    end = block.find(b"\n", place)
    return block[block.rfind(b"\n", 0, place) + 1 : end if end >= 0 else len(block)]


def _looked(one: tuple[int, bytes, Future[list[int]]]) -> Sifted:
    offset, block, places = one
    return offset, block, places.result()


def _surely(word: bytes) -> bytes:
    """The part of a word that stands in the line even where the word begins in the name of a byte."""
    match = _FROM_A_NAME.match(word)
    return word[match.end() :] if match is not None and len(word) - match.end() >= _TELLING else word


def _probes(word: bytes, others: tuple[bytes, ...]) -> Iterator[_Probe]:
    """Comparisons of which one finds the word wherever it stands."""

    def gram(at: int, width: int) -> int:
        return int.from_bytes(bytes(byte | 0x20 for byte in word[at : at + width]), "little")

    if len(word) >= _ANYWHERE:
        # Comparing at multiples of four only is quicker than at every place.
        best = max(range(len(word) - _ANYWHERE + 1), key=lambda at: _rarity(word[at : at + _ANYWHERE]))
        for at in range(best, best + 4):
            yield 4, 0, gram(at, 4), at, word, others
        return
    width = next(w for w in (4, 2, 1) if w <= len(word))
    at = max(range(len(word) - width + 1), key=lambda i: _rarity(word[i : i + width]))
    for shift in range(width):
        yield width, shift, gram(at, width), at, word, others


def _beside(words: tuple[bytes, ...], block: bytes, place: int) -> bool:
    """Whether all words stand in the line of a place."""
    line = _line_at(block, place).lower()
    return all(word in line for word in words)


def _rarity(gram: bytes) -> int:
    return sum(_RANKS[byte] for byte in gram)


_RANKS: tuple[int, ...] = tuple(60 if byte not in _RARE else 50 - _RARE.index(byte) for byte in range(256))


def _occurrences(word: bytes, text: bytes) -> Iterator[int]:
    place = text.find(word)
    while place >= 0:
        yield place
        place = text.find(word, place + 1)
