"""A query applied to batches: cheap tests on the columns, needles on the raw line, the whole record only where needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from console.domain.logs import Level, LogRecord
from console.query.ast import Query
from console.query.evaluate import Test, compile_query
from sources.logs.batch import Batch
from sources.logs.formats.columns import MOST_KINDS, Kind
from sources.logs.memo import Memo
from sources.logs.records import full

_NARROW = frozenset(("level", "latency"))
_LEVEL_WORDS = tuple(level.word for level in Level)


class Matcher:
    """One query, ready for the lines of any file."""

    def __init__(self, query: Query | None) -> None:
        self._test: Test = compile_query(query)
        self.everything = query is None
        """Whether every record matches."""
        self._by_kind = self._test.cheap and "latency" not in self._test.fields
        self._verdicts: Memo[Kind, bool] = Memo(lambda kind: self._test.matches(kind.record(None)), MOST_KINDS)
        self.narrow = not self._test.cheap or self._test.fields <= _NARROW
        """Whether time, level and latency are all it needs of a light record."""
        self.maybe: Callable[[bytes], bool] | None = _line_test(self._test.needles)
        """Whether a raw line can be part of a matching record; None where only reading it tells."""

    def places(self, batch: Batch, made: dict[int, LogRecord] | None = None) -> Sequence[int]:
        """Where in a batch the matching records stand.

        Args:
            batch: The records.
            made: Takes the whole records that had to be made, by their places.
        """
        if self.everything:
            return range(len(batch))
        if self._by_kind:
            verdicts = self._verdicts
            return [place for place, kind in enumerate(batch.kinds) if verdicts[kind]]
        matches = self._test.matches
        if self._test.cheap:
            rows = zip(batch.kinds, batch.times, batch.latencies, strict=True)
            return [place for place, (kind, *rest) in enumerate(rows) if matches(kind.record(*rest))]
        return [place for place in range(len(batch)) if self._takes(batch, place, made)]

    def _takes(self, batch: Batch, place: int, made: dict[int, LogRecord] | None) -> bool:
        entry = batch.entry(place)
        if self.maybe is not None and not (self.maybe(entry.line) or any(map(self.maybe, entry.extra))):
            return False
        record = full(batch.form, entry)
        if not self._test.matches(record):
            return False
        if made is not None:
            made[place] = record
        return True


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
