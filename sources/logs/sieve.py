"""Which lines can be part of a record whose text holds one of some needles: found on whole blocks, without cutting lines.

The text of a record is made from its line by decoding escapes and naming what is no UTF-8. So a line in which such a step
can make a needle is taken as well: one with an escape other than those of line breaks, tabs, quotation marks and backslashes
(which no needle holds), and one with letters that are a needle's once their case is changed.
"""

from __future__ import annotations

import re
import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from console.guard.sanitise import safe
from sources.logs import bulk, ripgrep
from sources.logs.reading import Reader
from sources.logs.ripgrep import Ripgrep

_Probe = tuple[int, int, int, int, bytes, tuple[bytes, ...]]
"""What is compared: a width in bytes, the first place compared (the others are so many widths on), the characters with their
case put aside, how many of the word stand before them; then the word and the others that must stand in its line."""
Found = tuple[int, int, list[int]]
"""Offset and length of a block of whole lines, and where in it, ascending, something was found."""
Sifted = tuple[int, bytes, list[int]]
"""Offset and bytes of a block of whole lines, and where in it, ascending, something was found."""

_ESCAPE = re.compile(rb"\\[^nrt\"\\\n]")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_FOLDED = {b"i": rb"\xc4[\xb0\xb1]", b"k": rb"\xe2\x84\xaa", b"s": rb"\xc5\xbf"}
"""UTF-8 of the letters that are ASCII's once their case is changed or ignored: dotted and dotless i, the kelvin sign, long s."""
_IN_A_NAME = re.compile(rb"[0-9a-fx].*|[u+0-9a-f]+", re.S)
"""Needles that can stand, or begin, in the name of what cannot be shown (`\\xff`, `<U+200B>`)."""
_RARE = b"qzjxkvywbfghp_/-mudclrsno.:iat0123456789e"
"""Characters from the rare to the frequent ones, about as they occur in logs; all others are rare."""
_ANYWHERE = 7
"""Wherever a word so long begins, four of its characters stand at a multiple of four."""
_SPARE = 64 << 10
AHEAD = 4
"""Blocks that are looked through before they are asked for."""
LOOKERS = 2
_PATIENCE_S = 0.25
"""How long one wait for ripgrep lasts, so that the allowed time is looked at."""


class Sieve:
    """Finds places of needles.

    Args:
        needles: The words of each, lower-case ASCII without blanks and backslashes; a line of interest holds all words of
            one of the needles, in any case and order.
    """

    def __init__(self, needles: Iterable[tuple[bytes, ...]]) -> None:
        self.needles = tuple(dict.fromkeys(needles))
        words = [word for needle in self.needles for word in needle]
        folded = [one for letter, one in _FOLDED.items() if any(letter in word for word in words)]
        named = any(_IN_A_NAME.fullmatch(word) for word in words)
        self._scratch = threading.local()
        self._doubtful = _NOT_ASCII if named else re.compile(b"|".join(folded)) if folded else None
        self._sought: list[tuple[bytes, tuple[bytes, ...]]] = []
        """Of each needle the word that is looked for, and the others, which must stand in the same line."""
        self._probes: list[_Probe] = []
        for needle in self.needles:
            word = max(needle, key=lambda one: (min(len(one), _ANYWHERE), _rarity(one)))
            others = tuple(one for one in needle if one is not word)
            self._sought.append((word, others))
            self._probes += _probes(word, others)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sieve) and self.needles == other.needles

    def __hash__(self) -> int:
        return hash(self.needles)

    def line(self, line: bytes) -> bool:
        """Whether a line is of interest."""
        lowered = line.lower()
        if any(word in lowered and all(one in lowered for one in others) for word, others in self._sought):
            return True
        return (b"\\" in line and _ESCAPE.search(line) is not None) or self._in_doubt(line)

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
        kinds: dict[int, Any] = {4: np.uint32, 2: np.uint16, 1: np.uint8}
        found: list[int] = []
        for width, shift, gram, before, word, others in self._probes:
            kind = kinds[width]
            count = (size - shift) // width
            if count <= 0:
                continue
            equal = np.frombuffer(same, np.bool_, count)
            np.equal(np.frombuffer(folded, kind, count, shift), kind(gram), out=equal)
            if equal.any():
                begins: list[int] = (np.flatnonzero(equal) * width + (shift - before)).tolist()
                whole = [b for b in begins if b >= 0 and block[b : b + len(word)].lower() == word]
                found += [b for b in whole if _beside(others, block, b)] if others else whole
        return self._with_doubts(block, found)

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
            return ripgrep.Ripgrep(reader.descriptor(), low, end, [word for word, _ in self._sought])
        except OSError:
            return None

    def found(
        self, reader: Reader, blocks: Iterable[tuple[int, bytes]], search: Ripgrep, check: Callable[[], None]
    ) -> list[Found] | None:
        """What stands in blocks, by ripgrep; None where it failed, or the blocks cannot be read again as they are.

        Args:
            reader: Gives them.
            blocks: All of them; they are looked through for doubtful lines while ripgrep works.
            search: For the words.
            check: Called often; ends the work by raising.
        """
        cut = reader.cut_lines
        seen = [(offset, len(block), self._with_doubts(block, [])) for offset, block in blocks]
        while not search.wait(_PATIENCE_S):
            check()
        places = search.places()
        if places is None or reader.cut_lines != cut or reader.stopped:
            return None
        found: list[Found] = []
        begin = 0
        for offset, size, doubts in seen:
            end = bisect_left(places, offset + size, begin)
            here = sorted([place - offset for place in places[begin:end]] + doubts) if begin < end else doubts
            found.append((offset, size, here))
            begin = end
        return found

    def sift_found(
        self, reader: Reader, found: Sequence[Found], begins: Callable[[bytes], bool], check: Callable[[], None]
    ) -> Iterator[Sifted | None]:
        """As `sift`, of blocks in which it is known what stands; but only the first, those in which something does, and around
        them as many as a record that reaches into them may need. None stands for blocks that are left out.

        Args:
            reader: Gives the blocks again.
            found: What `found` told.
            begins: Whether a record begins in a block.
            check: Called often; ends the work by raising.
        """

        def block_at(at: int) -> bytes:
            return reader.pread(found[at][1], found[at][0])

        needed = {0} | {at for at, one in enumerate(found) if one[2]}
        for at in sorted(needed):
            for step in (-1, 1):
                near = at + step
                while 0 <= near < len(found) and near not in needed:
                    needed.add(near)
                    if begins(block_at(near)):
                        break
                    near += step
        sure = len(self._sought) == 1 and not self._sought[0][1]
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


def _line_at(block: bytes, place: int) -> bytes:
    end = block.find(b"\n", place)
    return block[block.rfind(b"\n", 0, place) + 1 : end if end >= 0 else len(block)]


def _looked(one: tuple[int, bytes, Future[list[int]]]) -> Sifted:
    offset, block, places = one
    return offset, block, places.result()


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
