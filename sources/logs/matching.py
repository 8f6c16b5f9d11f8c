"""A query applied to batches: cheap tests on the columns, needles on the raw line, the whole record only where needed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import compress

from console.domain.instant import Instant
from console.domain.logs import Level, LogRecord
from console.query.ast import Query
from console.query.evaluate import Test, compile_query
from console.query.regex import Search, anywhere, of_bytes, stands_as_written
from sources.logs.batch import Batch
from sources.logs.formats.columns import MOST_KINDS, Kind
from sources.logs.keys import KeyTest
from sources.logs.memo import Memo
from sources.logs.records import Entry
from sources.logs.sieve import Sieve, Sought

_NARROW = frozenset(("level", "service", "latency"))
_WORTH = 8
"""Records from which on reading some of their texts at once is quicker than reading all of them."""
_FEW = 8
"""Where fewer than one in so many records is of interest, reading the messages of all is no gain."""


class Matcher:
    """One query, ready for the lines of any file of a source.

    Args:
        query: None: every record matches.
        given: Texts that records get from elsewhere than their lines, such as the name of a configured service.
    """

    def __init__(self, query: Query | None, given: Collection[str] = ()) -> None:
        self._test: Test = compile_query(query)
        self.everything = query is None
        """Whether every record matches."""
        self._by_kind = self._test.cheap and "latency" not in self._test.fields
        gate = self._test.gate
        self._gates: Memo[Kind, bool] = Memo(lambda kind: gate is None or gate(kind.record(None)), MOST_KINDS)
        self._verdicts: Memo[Kind, bool] = Memo(lambda kind: self._test.matches(kind.record(None)), MOST_KINDS)
        known = [sought for group in self._test.needles if (sought := _sought(group, given)) is not None]
        expressed = [one for one in _expressed(self._test.patterns, given) if one.linear or not known]
        self._expressed = not known and not all(one.linear for one in expressed)
        self.sought = (*known, *_tested(self._test), *expressed)
        """Each finds the lines that can be part of a matching record; empty where only reading all of them tells."""
        self._lines = Sieve(known[0].needles) if known else None
        self._levels = frozenset(level for test in (known[0].tests if known else ()) for level in test.wanted)
        """Levels whose word, which need not stand in the line, holds a needle."""
        self._search = _search(self._test.patterns)
        search = self._search
        self._as_written = (
            search is not None
            and all(map(stands_as_written, self._test.patterns))
            and not any(map(search, [*given, *[level.word for level in Level]]))
        )
        """Whether what the expressions find in operation, service or level of a record stands in its line as well."""
        self.narrow = (self._search is None or self._as_written) and self._test.kind_fields <= _NARROW
        """Whether time, level, service and latency are all it needs of a light record."""
        self._found_by_kind: Memo[Kind, bool] = Memo(self._found_in_kind, MOST_KINDS)

    @property
    def only(self) -> frozenset[Level] | None:
        """Every matching record has one of these levels; None: nothing is known."""
        return self._test.levels

    @property
    def levels(self) -> frozenset[Level] | None:
        """The levels of matching records, where the level alone decides; None where it does not."""
        if self.everything:
            return frozenset(Level)
        if not self._by_kind or self._test.fields != {"level"}:
            return None
        return frozenset(level for level in Level if self._verdicts[Kind(level)])

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
        found = self._of_interest(batch)
        if self._test.gate is not None:
            gates, kinds = self._gates, batch.kinds
            found = [place for place in found if gates[kinds[place]]]
        sure = self._sure(batch, found)
        doubtful = [place for place in found if place not in sure]
        if not (batch.sifted and (self._expressed or self._search is None)):
            doubtful = [place for place in doubtful if self._may_match(batch, place)]
        records = batch.records(doubtful)
        taken = {place: record for place, record in zip(doubtful, records, strict=True) if matches(record)}
        if made is not None:
            made.update(taken)
        return [place for place in found if place in sure or place in taken]

    def matching(self, batch: Batch) -> tuple[list[Instant], list[Kind], list[float | None]]:
        """Times, kinds and latencies of the matching records of a batch."""
        columns = batch.times, batch.kinds, batch.latencies
        if self._by_kind:
            chosen = list(map(self._verdicts.__getitem__, batch.kinds))
            return (
                list(compress(columns[0], chosen)),
                list(compress(columns[1], chosen)),
                list(compress(columns[2], chosen)),
            )
        places = self.places(batch)
        times, kinds, latencies = columns
        return [times[p] for p in places], [kinds[p] for p in places], [latencies[p] for p in places]

    def _sure(self, batch: Batch, found: Sequence[int]) -> Collection[int]:
        """Of some places those of records that match for their message alone: their other texts need not be read."""
        alone = self._test.alone
        if alone is None or len(found) * _FEW < len(batch):
            return ()
        messages = batch.plain_messages()
        sure = (
            {place for place in found if (text := messages[place]) is not None and alone(text)} if messages else set()
        )
        if len(found) - len(sure) >= _WORTH:
            rest = [place for place in found if place not in sure]
            sure.update(place for place, texts in batch.other_texts(rest) if any(map(alone, texts)))
        return sure

    def _of_interest(self, batch: Batch) -> Sequence[int]:
        """Where the records stand that may match."""
        if self._lines is None or batch.sifted:
            return range(len(batch))
        found = batch.found_by(self._lines.find)
        if not self._levels:
            return found
        levels = self._levels
        return sorted({*found, *[place for place, kind in enumerate(batch.kinds) if kind.level in levels]})

    def _may_match(self, batch: Batch, place: int) -> bool:
        """Whether a record may match, from its lines: the whole of it need not be made otherwise."""
        looks = self._lines is not None and not batch.sifted and batch.kinds[place].level not in self._levels
        if not looks and self._search is None:
            return True
        entry = batch.entry(place)
        if looks and self._lines is not None and not any(map(self._lines.line, (entry.line, *entry.extra))):
            return False
        return self._search is None or self._may_be_found(batch, place, entry)

    def _may_be_found(self, batch: Batch, place: int, entry: Entry) -> bool:
        """Whether one of the query's regular expressions may match a text of a record, from its lines.

        Most texts of a record stand in its lines as they are. Operation, service and level are tried by themselves. Lines with
        escapes, with what cannot be shown, or with lists say nothing; those of access logs neither, whose message is made of two parts.
        """
        assert self._search is not None
        if batch.form.name == "access":
            return True
        if not self._as_written and self._found_by_kind[batch.kinds[place]]:
            return True
        for line in (entry.line, *entry.extra):
            if b"\\" in line or b"[" in line:
                return True
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError:
                return True
            if not text.isprintable() or self._search(text):
                return True
        return False

    def _found_in_kind(self, kind: Kind) -> bool:
        return any(map(self._search or bool, (kind.operation, kind.service, kind.level.word)))


def _search(patterns: tuple[str, ...]) -> Search | None:
    """Whether a text may hold a match of one of the patterns; None where that cannot be told quickly."""
    searches = [anywhere(pattern) for pattern in patterns]
    known = [search for search in searches if search is not None]
    if not known or len(known) < len(searches):
        return None
    return known[0] if len(known) == 1 else lambda text: any(search(text) for search in known)


def _sought(needles: tuple[str, ...], given: Collection[str]) -> Sought | None:
    """What the lines of every record hold whose text holds a needle, and few others.

    The text of a record is made from its line by decoding escapes, putting method and route together, naming the level
    and putting identifiers aside. A needle that such a step can make is none for the line: then nothing is sought.
    """
    found: list[tuple[bytes, ...]] = []
    for needle in needles:
        if (
            not needle.isascii()
            or any(needle in one.lower() for one in given)
            or any(c in needle for c in "{}^…<>\\\"'")
        ):
            return None
        parts = needle.split()
        if not parts:
            return None
        found.append(tuple(part.encode("ascii") for part in parts))
    named = frozenset(level for level in Level if any(needle in level.word for needle in needles))
    return Sought(tuple(found), (KeyTest("level", named),) if named else ())


def _expressed(patterns: Sequence[str], given: Collection[str]) -> Iterator[Sought]:
    """What the lines of every record hold in one of whose texts one of some regular expressions matches.

    Most texts stand in the lines as they are. An operation's name does without its blank and its braces, but for the case of
    its method; level and given names are tried by themselves.
    """
    names = (*given, *[level.word for level in Level])
    if not all(name.isascii() for name in names):
        return
    for linear in (False, True):
        found = [of_bytes(pattern, linear=linear) for pattern in patterns]
        known = tuple(one for one in found if one is not None)
        if known and len(known) == len(found):
            yield Sought((), (), known, linear, tuple(name.encode() for name in names))


def _tested(test: Test) -> Iterator[Sought]:
    """What tells the level or the status of every record that passes a test."""
    if test.levels:
        yield Sought((), (KeyTest("level", test.levels),))
    if test.statuses:
        yield Sought((), (KeyTest("status", test.statuses),))
