"""A query applied to entries: cheap tests on the light record, needles on the raw line, the whole record only where needed."""

from __future__ import annotations

from collections.abc import Callable

from console.domain.logs import Level, LogRecord
from console.query.ast import Query
from console.query.evaluate import Test, compile_query
from sources.logs.formats.base import Format
from sources.logs.records import Entry, full

_NARROW = frozenset(("level", "latency"))
_LEVEL_WORDS = tuple(level.word for level in Level)


class Matcher:
    """One query, ready for the lines of any file."""

    def __init__(self, query: Query | None) -> None:
        self._test: Test = compile_query(query)
        self._all = query is None
        self.narrow = not self._test.cheap or self._test.fields <= _NARROW
        """Whether time, level and latency are all it needs of a light record."""
        self.maybe: Callable[[bytes], bool] | None = _line_test(self._test.needles)
        """Whether a raw line can be part of a matching record; None where only reading it tells."""

    def take(self, form: Format, entry: Entry) -> LogRecord | None:
        """The record, as far as it was needed, where it matches; else None."""
        if self._all:
            return entry.light
        if self._test.cheap:
            return entry.light if self._test.matches(entry.light) else None
        if self.maybe is not None and not (self.maybe(entry.line) or any(map(self.maybe, entry.extra))):
            return None
        record = full(form, entry)
        return record if self._test.matches(record) else None


def _line_test(needles: tuple[str, ...]) -> Callable[[bytes], bool] | None:
    """A test of raw lines that passes every line of a record whose text holds a needle, and few others.

    The text of a record is made from its line by decoding escapes, putting method and route together, naming the level
    and putting identifiers aside. A needle that such a step can make is no needle for the raw line: then the test is
    given up (None), or passes the lines that have escapes or letters whose case is not ASCII's.
    """
    words: list[bytes] = []
    for needle in needles:
        if (
            not needle.isascii()
            or any(needle in word for word in _LEVEL_WORDS)
            or any(c in needle for c in "{}^…<>\\\"'")
        ):
            return None
        parts = needle.split()
        if not parts:
            return None
        words.append(max(parts, key=len).encode("ascii"))
    if not words:
        return None
    if len(words) == 1:
        word = words[0]
        return lambda line: word in line.lower() or b"\\" in line or not line.isascii()
    return lambda line: b"\\" in line or not line.isascii() or any(word in line.lower() for word in words)
