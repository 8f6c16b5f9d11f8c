"""Which lines of JSON can be a record whose level or status passes a test: told by what stands behind the names of keys.

A record has its level from a key that is called so, somewhere in its line. So a line of which every such name is followed
by a value that does not pass (`"level":"info"`) is no record that passes, however its objects are nested and whatever
stands in its texts. The names are looked for by a stem that many of them share, and of what follows a few bytes decide.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from console.domain.values import dataclass
from sources.logs.fields import status_of
from sources.logs.levels import WORDS, level_of

CONTEXT = 8
"""Bytes behind a place that are compared at once."""
FAR_CONTEXT = 96
"""Bytes behind a place that are read where `CONTEXT` do not decide."""
_STEMS = {"level": (b"level", b'lvl"', b"rity", b'"@l"'), "status": (b"status",)}
"""Texts of which one stands in every common name of a level and of a status, maybe with the quotation marks of the key."""
_PLAIN_NAME = re.compile(r"[a-z0-9_@.-]{3,60}")
_COLON = re.compile(rb"[ \t]*:[ \t]*")
_NO_KEY = re.compile(rb"[ \t]*[,}\]]")
_NUMBER = re.compile(rb"(\d{1,6})[,} \t]")
_NO_VALUE = re.compile(rb"null|true|false")
IN_KEY = re.compile(rb'[A-Za-z0-9_.@-]*":')
"""Behind a word: it is part of a key. An unescaped quotation mark before a colon is the end of one."""


@dataclass(frozen=True, slots=True)
class KeyTest:
    """A test of a record's level or status."""

    meaning: str
    """level | status"""
    wanted: frozenset[int]
    """Levels or statuses that pass."""

    def passes(self, value: object) -> bool:
        """Whether a key's value, a text or a number, passes."""
        if self.meaning == "level":
            return level_of(value) in self.wanted
        return status_of(value) in self.wanted

    def may_begin(self, text: str) -> bool:
        """Whether a text that passes, or a part of one, begins so."""
        if self.meaning == "level":
            words = [word for word, level in WORDS.items() if level in self.wanted]
        else:
            words = [str(status) for status in self.wanted]
        return any(word.startswith(text) or text.startswith(word) for word in words)

    def passing(self) -> tuple[list[bytes], list[int]]:
        """The words that pass, in any case, and the numbers, both as values or parts of texts."""
        if self.meaning != "level":
            return [], sorted(self.wanted)
        words = [word.encode("ascii") for word, level in WORDS.items() if level in self.wanted]
        return words, [number for number in range(100) if self.passes(number)]


@dataclass(frozen=True, slots=True)
class Stem:
    """A part of the names of keys.

    Args:
        text: Lower-case.
        tails: What may follow it up to the quotation mark that ends the name, with that mark; or nothing, where `text` holds it.
        test: Of the values.
    """

    text: bytes
    tails: tuple[bytes, ...]
    test: KeyTest

    def harmless(self, context: bytes) -> int:
        """How many of the bytes behind the stem tell that this is no value that passes; 0: they do not tell.

        Args:
            context: What follows the stem, as far as it is known.
        """
        context = context[: context.find(b"\n") + 1] or context
        lowered = context.lower()
        fitting = [tail for tail in self.tails if lowered.startswith(tail[: len(lowered)])]
        if not fitting:
            return (
                next(n for n in range(1, len(lowered) + 1) if not any(t.startswith(lowered[:n]) for t in self.tails))
                if lowered
                else 0
            )
        told = [self._harmless_value(context, len(tail)) for tail in fitting]
        return max(told) if all(told) else 0

    def _harmless_value(self, context: bytes, at: int) -> int:
        colon = _COLON.match(context, at)
        if colon is None:
            ended = _NO_KEY.match(context, at)
            return ended.end() if ended is not None else 0
        begin = colon.end()
        if context[begin : begin + 1] == b'"':
            return self._harmless_text(context, begin + 1)
        number = _NUMBER.match(context, begin)
        if number is not None:
            return 0 if self.test.passes(int(number[1])) else number.end()
        nothing = _NO_VALUE.match(context, begin)
        return nothing.end() if nothing is not None else 0

    def _harmless_text(self, context: bytes, begin: int) -> int:
        end = context.find(b'"', begin)
        known = context[begin : end if end >= 0 else len(context)]
        size = 0
        while size < len(known) and known[size : size + 1].isalpha():
            size += 1
            if not self.test.may_begin(known[:size].decode("ascii").lower()):
                return begin + size
        if end < 0 or b"\\" in known or not known.isascii():
            return 0
        return 0 if self.test.passes(known.decode("ascii")) else end + 1


def stems_of(test: KeyTest, names: Iterable[str]) -> tuple[Stem, ...] | None:
    """The stems of all names of a meaning; None where one of them cannot be looked for.

    Args:
        test: Of their values.
        names: Lower-case, of the fields that have the meaning; dotted where nested.
    """
    tails: dict[bytes, set[bytes]] = {}
    for name in names:
        if _PLAIN_NAME.fullmatch(name) is None and name != "@l":
            return None
        # Of a nested key only the last part is surely written in one piece.
        key = b'"' + name.rsplit(".", 1)[-1].encode("ascii") + b'"'
        dotted = b'"' + name.encode("ascii") + b'"'
        stem = next((one for one in _STEMS[test.meaning] if one in key), None)
        if stem is None:
            if len(key) < 6:
                return None
            stem = key
        tails.setdefault(stem, set()).update(one[one.rfind(stem) + len(stem) :] for one in (key, dotted) if stem in one)
    return tuple(Stem(stem, tuple(sorted(found)), test) for stem, found in tails.items())


def key_places(stems: Iterable[Stem], line: bytes) -> Iterator[int]:
    """Where in a text a stem is followed by what may pass."""
    if not line.endswith(b"\n"):
        line += b"\n"
    lowered = line.lower()
    for stem in stems:
        place = lowered.find(stem.text)
        while place >= 0:
            end = place + len(stem.text)
            if not stem.harmless(line[end : end + FAR_CONTEXT]):
                yield place
            place = lowered.find(stem.text, place + 1)


def harmless_in_key(context: bytes) -> int:
    """How many of the bytes behind a word tell that it is part of a key; 0: they do not tell."""
    match = IN_KEY.match(context)
    return match.end() if match is not None else 0


class Contexts:
    """Remembers beginnings of contexts that are harmless, for comparing many at once.

    Args:
        harmless: How many bytes of a context tell that it is; 0: it is not.
    """

    MOST = 24

    def __init__(self, harmless: Callable[[bytes], int]) -> None:
        self.harmless = harmless
        self.known: list[tuple[int, int]] = []
        """A mask and what is then left, both as the little-endian number of `CONTEXT` bytes."""

    def learn(self, context: int) -> tuple[int, int] | None:
        """The mask and what is then left of a context that was not known to be harmless; None: it is not."""
        size = self.harmless(context.to_bytes(CONTEXT, "little"))
        if not size:
            return None
        mask = (1 << 8 * size) - 1
        found = mask, context & mask
        if len(self.known) < self.MOST and found not in self.known:
            self.known.append(found)
        return found
