"""Which lines can be part of a record that is looked for: found on whole blocks, without cutting lines.

It is one whose text holds one of some needles or, in JSON, whose level or status passes a test (see `sources.logs.keys`).

The text of a record is made from its line by decoding escapes and naming what is no UTF-8. So a line in which such a step
can make a needle is taken as well: one with an escape other than those of line breaks, tabs, quotation marks and backslashes
(which no needle holds), and one with letters that are a needle's once their case is changed.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from console.domain.logs import Level
from console.domain.values import dataclass
from sources.logs import bulk, scanning
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
from sources.logs.scanning import Scanner, anywhere

_T = TypeVar("_T")
_Probe = tuple[int, int, int, int, bytes, tuple[bytes, ...]]
"""What is compared: a width in bytes, the first place compared (the others are so many widths on), the characters with their
case put aside, how many of the word stand before them; then the word and the others that must stand in its line."""
Sifted = tuple[int, bytes, list[int]]
"""Offset and bytes of a block of whole lines, and where in it, ascending, something was found."""


@dataclass(frozen=True, slots=True)
class Apart:
    """Records that stand apart from each other: offset and lines of each."""

    records: Sequence[tuple[int, bytes]]


ESCAPE = re.compile(rb"\\[^nrt\"\\\n]")
_UNLIKE_ITS_TEXT = re.compile(rb"[\x00-\x09\x0b-\x1f\x5c\x7f-\xff]")
"""Where an expression is looked for: the line may hold an escape, or what is shown by a name or in another way."""
_UNLIKE_ITS_TEXT_OR_NESTED = re.compile(rb"%s|:[ \t]*\[|(?::[ \t]*\{[^\n]*){4}" % _UNLIKE_ITS_TEXT.pattern)
"""Lists, and objects as deep as `flat` makes text of, are shown with blanks that their line need not have."""
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
_SURE, _NO_OBJECT, _ODD, _BESIDE = 0, 1, 2, 3
"""Lists of what hyperscan finds: lines of interest; lines that are no objects; that a line is no flat object; and from the last
number on, of each needle of several words, lines with the one that is looked for."""
_MOST_NEW = 16
"""Contexts of one block that are looked at to learn what they tell; others are decided line by line."""
AHEAD = 4
"""Blocks that are looked through before they are asked for."""
LOOKERS = 2


@dataclass(frozen=True, slots=True)
class Sought:
    """What every record that is looked for holds: a needle, or a value that passes a test."""

    needles: tuple[tuple[bytes, ...], ...]
    """The words of each, lower-case ASCII without blanks and backslashes; its line holds all of them, in any case and order."""
    tests: tuple[KeyTest, ...] = ()
    expressions: tuple[bytes, ...] = ()
    """Of bytes, quick, and read alike by Python, ripgrep and hyperscan: one matches in the line."""
    linear: bool = False
    """Only hyperscan is surely quick with the expressions, and lines with lists or deep objects are of interest as well."""
    names: tuple[bytes, ...] = ()
    """Texts that records get from elsewhere: where an expression matches in one of them, lines tell nothing."""

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
        joined = b"|".join(self.expressions)
        search: Search | None = None
        if joined:
            search = Scanner.of([(anywhere(joined), 0)]) if self.linear else re.compile(joined)
            if search is None or any(map(search.search, self.names)):
                return None
        linear = search if self.linear else None
        return Sieve(self.needles, stems, self.expressions, uncaught=uncaught, keyed=keys is not None, search=linear)


class Search(Protocol):
    """Finds expressions in a line."""

    def search(self, line: bytes, /) -> object:
        """Something true where one of them matches."""
        ...


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
        search: For the expressions, where only hyperscan is quick with them.
    """

    def __init__(
        self,
        needles: Iterable[tuple[bytes, ...]],
        stems: Sequence[Stem] = (),
        expressions: Sequence[bytes] = (),
        *,
        uncaught: bool = False,
        keyed: bool = False,
        search: Search | None = None,
    ) -> None:
        self.needles = tuple(dict.fromkeys(needles))
        self.stems = tuple(stems)
        self._uncaught, self._keyed = uncaught, keyed
        self.linear = search is not None
        """Only hyperscan is quick with it."""
        self._unlike = _UNLIKE_ITS_TEXT if search is None else _UNLIKE_ITS_TEXT_OR_NESTED
        self.expressions = (*expressions, self._unlike.pattern) if expressions else ()
        self._express = search or (re.compile(b"|".join(expressions)) if expressions else None)
        self._scanners: list[Scanner] | None = None
        self._odd = False
        """A line was seen that is no flat object."""
        words = [word for needle in self.needles for word in needle]
        looked_for = [*words, *(part for stem in self.stems for part in (stem.text, *stem.tails))]
        folded = [one for letter, one in _FOLDED.items() if any(letter in word for word in looked_for)]
        named = any(_IN_A_NAME.fullmatch(word) for word in words)
        self._scratch = threading.local()
        self.doubtful = _NOT_ASCII if named else re.compile(b"|".join(folded)) if folded else None
        """With it, and with an escape, a line is of interest whatever else it holds."""
        self.doubts_are_frequent = named
        """Whether whole files may consist of such lines."""
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

    @property
    def words(self) -> list[bytes]:
        """One of them, in any case, stands in every line of interest that has no value which passes a test."""
        return [word for word, _ in self._sought]

    @property
    def sure(self) -> bool:
        """Whether every line with one of the words or expressions may be taken for one of interest."""
        return bool(self.expressions) or (len(self._sought) == 1 and not self._sought[0][1])

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
        if self._express is not None and (self._express.search(line) or self._unlike.search(line)):
            return True
        return (b"\\" in line and ESCAPE.search(line) is not None) or self._in_doubt(line)

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
        return self.doubtful is not None and not data.isascii() and self.doubtful.search(data) is not None

    def scans(self, size: int) -> bool:
        """Whether hyperscan finds it, in so many bytes."""
        return (self.linear or size >= scanning.WORTH) and bool(self._scanning())

    def _scanning(self) -> list[Scanner]:
        """What looks for it: in blocks of flat objects, and in all others. Nothing where hyperscan cannot."""
        if self._scanners is None:
            found = [Scanner.of(self._sought_by_scanning(odd=False), once=(_ODD,))]
            if self._in_flat_objects:
                found.append(Scanner.of(self._sought_by_scanning(odd=True)))
            self._scanners = [] if None in found else [one for one in found if one is not None]
        return self._scanners

    @property
    def _in_flat_objects(self) -> bool:
        """Whether in a flat object less is of interest than in other lines."""
        return self._keyed and bool(self._sought)

    def _sought_by_scanning(self, *, odd: bool) -> Iterator[scanning.Expression]:
        for number, (word, others) in enumerate(self._sought, _BESIDE):
            kind = number if others else _SURE
            yield scanning.word_in_text(word) if self._keyed else scanning.word_in(word), kind
            if odd:
                yield scanning.word_in_odd(word), kind
        if self._in_flat_objects and not odd:
            yield scanning.ODD, _ODD
        for stem in self.stems:
            yield scanning.value_after(stem), _SURE
        if self._uncaught:
            yield scanning.NO_OBJECT, _NO_OBJECT
        if self.expressions:
            yield anywhere(b"|".join(self.expressions)), _SURE
        yield anywhere(ESCAPE.pattern), _SURE
        if self.doubtful is not None:
            yield anywhere(self.doubtful.pattern), _SURE

    def places_by_scanning(self, block: bytes) -> list[int]:
        """As `places`, one place of each line or more, by hyperscan; to be asked only where that `scans`."""
        lists = self._lists()
        self._scanning()[-1 if self._odd else 0].scan(_ended(block), lists)
        return self._told(block, lists)

    def _glanced(self, block: bytes) -> list[list[int]] | None:
        """What hyperscan finds, for several threads at once; None where that is much."""
        lists = self._lists()
        return lists if self._scanning()[-1 if self._odd else 0].few(_ended(block), lists) else None

    def _told(self, block: bytes, lists: Sequence[list[int]]) -> list[int]:
        """The places in what hyperscan found."""
        if lists[_ODD]:
            # A file in which one line is odd has more of them.
            self._odd = True
            return self.places_by_scanning(block)
        found = lists[_SURE]
        found += [place for place in lists[_NO_OBJECT] if _begins_exception(line_at(block, place))]
        for (_, others), places in zip(self._sought, lists[_BESIDE:], strict=True):
            found += _with_others(others, block, places) if places else ()
        found.sort()
        return found

    def _lists(self) -> list[list[int]]:
        return [[] for _ in range(_BESIDE + len(self._sought))]

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
            found = [place for place in found if self.line(line_at(block, place))]
        found += key_places(self.stems, block)
        found += self._expressed(block)
        if self._uncaught:
            found += [place for place in _line_begins(block) if _begins_exception(line_at(block, place))]
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
                whole = [b for b in whole if not IN_KEY.match(block, b + len(word)) or self.line(line_at(block, b))]
            found += whole
        for probes, contexts in self._stemmed:
            # Looking for one character is quick, and this one is rare.
            absent = any(b"@" in probe[4] for probe in probes) and b"@" not in block
            for probe in probes if not absent else ():
                begins = _compared(np, folded, same, size, probe)
                if begins is not None:
                    ends = begins + len(probe[4])
                    rest = begins[~_harmless(np, block, ends, contexts)].tolist()
                    found += [max(b, 0) for b in rest if self.line(line_at(block, max(b, 0)))]
        if self._uncaught:
            found += _exceptions(np, block)
        found += self._expressed(block)
        return self._with_doubts(block, found)

    def _expressed(self, block: bytes) -> list[int]:
        """Where the expressions match, one place of each line, and where a line is unlike its text."""
        express = self._express
        if express is None:
            return []
        if not isinstance(express, re.Pattern):
            lines = [(place, line_at(block, place)) for place in _line_begins(block)]
            return [place for place, line in lines if express.search(line) or self._unlike.search(line)]
        found: list[int] = []
        match = express.search(block)
        while match is not None:
            found.append(match.start())
            begin = block.find(b"\n", match.start())
            match = express.search(block, begin) if begin >= 0 else None
        if block.translate(None, _LIKE_ITS_TEXT):
            found += [match.start() for match in self._unlike.finditer(block)]
        return found

    def _with_doubts(self, block: bytes, found: list[int]) -> list[int]:
        if b"\\" in block:
            found += [match.start() for match in ESCAPE.finditer(block)]
        if self.doubtful is not None and not block.isascii():
            found += [match.start() for match in self.doubtful.finditer(block)]
        found.sort()
        return found

    def sift(self, blocks: Iterable[tuple[int, bytes]], size: int, *, rare: bool = False) -> Iterator[Sifted]:
        """Blocks with what is found in them.

        Args:
            blocks: Of whole lines.
            size: About how many bytes they are together.
            rare: There is little of interest.
        """
        if self.scans(size):
            if not rare:
                for offset, block in blocks:
                    yield offset, block, self.places_by_scanning(block)
                return
            bulk.keep_memory()
            for offset, block, lists in self._looked_ahead(blocks, self._glanced):
                yield offset, block, self._told(block, lists) if lists is not None else self.places_by_scanning(block)
            return
        bulk.load(size)
        if size < bulk.BULK or bulk.loaded() is None:
            for offset, block in blocks:
                yield offset, block, self.places(block)
            return
        yield from self._looked_ahead(blocks, self.places_by_numpy)

    def _looked_ahead(
        self, blocks: Iterable[tuple[int, bytes]], look: Callable[[bytes], _T]
    ) -> Iterator[tuple[int, bytes, _T]]:
        """Blocks with what threads find in them."""
        waiting: deque[tuple[int, bytes, Future[_T]]] = deque()
        pool = ThreadPoolExecutor(LOOKERS, thread_name_prefix="sieve")
        try:
            for offset, block in blocks:
                waiting.append((offset, block, pool.submit(look, block)))
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
    return [place for place in odd if _begins_exception(line_at(block, place))]


def _begins_exception(line: bytes) -> bool:
    return line[:1] != b"{" and UNCAUGHT.match(line.rstrip(b"\r").lstrip(b"\0")) is not None


def _line_begins(block: bytes) -> Iterator[int]:
    place = 0
    while place < len(block):
        yield place
        place = block.find(b"\n", place) + 1 or len(block)


def line_at(block: bytes, place: int) -> bytes:
    end = block.find(b"\n", place)
    return block[block.rfind(b"\n", 0, place) + 1 : end if end >= 0 else len(block)]


def _looked(one: tuple[int, bytes, Future[_T]]) -> tuple[int, bytes, _T]:
    offset, block, found = one
    return offset, block, found.result()


def _ended(block: bytes) -> bytes:
    return block if block[-1:] == b"\n" else block + b"\n"


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
    line = line_at(block, place).lower()
    return all(word in line for word in words)


def _with_others(words: tuple[bytes, ...], block: bytes, ends: Sequence[int]) -> list[int]:
    """Of the ends of lines those of lines in which all words stand; as `_beside`, for very many."""
    rfind = block.rfind
    for word in words:
        ends = [end for end in ends if word in block[rfind(b"\n", 0, end) + 1 : end].lower()]
    return list(ends)


def _rarity(gram: bytes) -> int:
    return sum(_RANKS[byte] for byte in gram)


_RANKS: tuple[int, ...] = tuple(60 if byte not in _RARE else 50 - _RARE.index(byte) for byte in range(256))


def _occurrences(word: bytes, text: bytes) -> Iterator[int]:
    place = text.find(word)
    while place >= 0:
        yield place
        place = text.find(word, place + 1)
