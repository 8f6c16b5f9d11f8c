"""A sieve's search by hyperscan, where that is installed: all that it looks for at once, as fast as a file is read, and in
time that no expression can lengthen.

What is found are lines, told by where they end: behind what is looked for every expression reads to the end of its line, so
that a line is told once however often it matches. It is given ASCII and bytes, never an expression as a user wrote it.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from sources.logs.keys import Stem

WORTH = 8 << 20
"""Bytes from which on compiling what is looked for pays."""
FEW = 24
"""Matches in a block up to which a thread beside others finds them."""
_REST = rb"[^\n]*\n"
_KEY = rb"[A-Za-z0-9_.@-]"
"""What the names of keys are made of, as `IN_KEY` has it."""
ODD = rb"(?m:^[^{\n])|[^\n][\[{]"
"""In a line that is no flat object: it begins otherwise, or something is opened in it."""
NO_OBJECT = rb"(?m:^)[^{\n]" + _REST
_NO_VALUE = rb"n(?:[^u]|u(?:[^l]|l[^l]))|t(?:[^r]|r(?:[^u]|u[^e]))|f(?:[^a]|a(?:[^l]|l(?:[^s]|s[^e])))"
"""What begins as `null`, `true` or `false` does, and is not."""
_AROUND = rb"[\x09-\x0d\x1c-\x20\[\]<>:]"
"""What may stand around the word of a level."""

Expression = tuple[bytes, int]
"""Of bytes, and the number of the list that the places of its matches go to."""


@functools.cache
def library() -> Any:
    """hyperscan; None where it is not installed. Loaded with the first search that it is worth."""
    try:
        import hyperscan  # an extra; 3 ms
    except ImportError:
        return None
    return hyperscan


class Scanner:
    """Looks for expressions; all but `few` for one thread at a time."""

    def __init__(self, database: Any) -> None:
        self._database = database
        self._threads = threading.local()

    @classmethod
    def of(cls, expressions: Iterable[Expression], once: Iterable[int] = ()) -> Scanner | None:
        """One for some expressions; None where hyperscan is not installed, or cannot take them.

        Args:
            expressions: Each with its number.
            once: Of the numbers those of which one match in a block is enough.
        """
        found = library()
        if found is None:
            return None
        listed, single = list(expressions), frozenset(once)
        try:
            database = found.Database(mode=found.HS_MODE_BLOCK)
            database.compile(
                expressions=[expression for expression, _ in listed],
                ids=[number for _, number in listed],
                elements=len(listed),
                flags=[found.HS_FLAG_SINGLEMATCH if number in single else 0 for _, number in listed],
            )
        except found.error:
            return None  # too large, or this processor lacks what it needs
        return cls(database)

    def scan(self, block: bytes, lists: Sequence[list[int]]) -> None:
        """Add where matches end, ascending, to the lists of their numbers: the place of their last character."""
        if block:
            self._database.scan(block, match_event_handler=_note, context=lists)

    def few(self, block: bytes, lists: Sequence[list[int]]) -> bool:
        """As `scan`, for several threads at once, each of which waits for the others at every match; False where there are so many
        that some were left out."""
        found = library()
        if not hasattr(self._threads, "scratch"):
            self._threads.scratch = found.Scratch(self._database)
        try:
            self._database.scan(block, match_event_handler=_note_few, context=lists, scratch=self._threads.scratch)
        except found.ScanTerminated:
            return False
        return True

    def search(self, line: bytes) -> bool:
        """Whether something is found in a line."""
        found: list[list[int]] = [[]]
        self.scan(line + b"\n", found)
        return bool(found[0])


def _note(number: int, begin: int, end: int, flags: int, lists: Sequence[list[int]]) -> None:
    lists[number].append(end - 1)


def _note_few(number: int, begin: int, end: int, flags: int, lists: Sequence[list[int]]) -> bool:
    lists[number].append(end - 1)
    return len(lists[number]) > FEW


def anywhere(expression: bytes) -> bytes:
    """A line in which an expression matches, to its end. A match holds no line break."""
    return rb"(?:%s)%s" % (expression, _REST)


def word_in(word: bytes) -> bytes:
    """A line that holds a word in any case."""
    return rb"(?i:%s)%s" % (re.escape(word), _REST)


def word_in_text(word: bytes) -> bytes:
    """A line that holds a word in any case elsewhere than in the name of a key."""
    if b"[" in word:
        return word_in(word)  # no flat object, whose names count
    return rb'(?i:%s)%s*(?:"?\n|(?:[^"\nA-Za-z0-9_.@-]|"[^:\n])%s)' % (re.escape(word), _KEY, _REST)


def word_in_odd(word: bytes) -> bytes:
    """A line that holds a word in any case and is no flat object."""
    text = rb"(?i:%s)" % re.escape(word)
    before = rb"(?m:^)(?:[^{\n][^\n]*|\{[^\n]*[\[{][^\n]*)?%s" % text
    return rb"(?:%s|%s[^\n]*[\[{])%s" % (before, text, _REST)


def value_after(stem: Stem) -> bytes:
    """Where a stem is followed by what may pass, as `Stem.harmless` sees it, and maybe by what does not."""
    tails = b"|".join(re.escape(tail) for tail in stem.tails)
    name = rb"(?i:%s(?:%s))" % (re.escape(stem.text), tails)
    words, numbers = stem.test.passing()
    passing = b"|".join([*sorted(words), *(b"0{0,2}%d" % one for one in numbers)])
    # A text that is not told by its end: it holds an escape or what is no ASCII, or its line ends first.
    text = rb'%s*(?i:%s)%s*"|[^"\\\n\x80-\xff]*[\\\n\x80-\xff]' % (_AROUND, passing, _AROUND)
    number = rb"0{0,5}(?:%s)[,} \t]|[0-9]{7}|[0-9]{1,6}[^0-9,} \t]" % b"|".join(b"%d" % one for one in numbers)
    value = rb'[^" \t0-9ntf]|%s|%s|"(?:%s)' % (_NO_VALUE, number, text)
    return rb"%s[ \t]*(?:[^: \t,}\]]|:[ \t]*(?:%s))" % (name, value)
