"""A query as a test of records.

What a term is compared with: a word, phrase or regular expression with the record's *text*, which is its message, its
further lines, its operation, service, level, status and trace id, and the values (not the names) of its other fields, each
by itself; a latency stands among these as it was written. A field test is compared with the field of that name; `service`,
`level`, `status`, `operation`, `latency`, `message`, `trace_id`, `source` and `file` are the record's own. Another name for
one of these, such as `app` for `service`, means the field of that name where the record has one, and else the record's own.
A number behind such a name of the latency is compared with the number as it was written; with a span (`1.5s`), and with the
record's own latency, in the unit that the name tells (`duration_ms`), else in seconds. Case never matters, except in regular
expressions without `/i`. A field that a record does not have fails every test of it.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator
from typing import TypeAlias, TypeVar

from console.domain.instant import BadTime, parse_span
from console.domain.logs import Level, LogRecord
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.query.aliases import meaning_of
from console.query.ast import And, FieldTest, Literal, Not, Or, Query, Regex
from console.query.parse import LEVEL_WORDS
from console.query.regex import Search, required_texts, searcher

Predicate: TypeAlias = Callable[[LogRecord], bool]

CHEAP_FIELDS = frozenset(("service", "level", "status", "operation", "latency"))
"""Fields that a source knows without reading the whole record."""
_NOT_AS_WRITTEN = (CHEAP_FIELDS - {"service"}) | {"source", "file"}
"""Fields whose value need not stand in the record's lines as it is."""
_WORD_OF = {level: level.word for level in Level}
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
}


@dataclass(frozen=True, slots=True)
class Test:
    """A query that is ready to be applied."""

    matches: Predicate
    cheap: bool
    """Whether service, level, status, operation and latency are all it looks at."""
    fields: frozenset[str]
    """Lower-case names of the fields that it tests."""
    patterns: tuple[str, ...]
    """Regular expressions of which at least one matches a text of every matching record; empty: nothing is known."""
    needles: tuple[tuple[str, ...], ...]
    """Of each group of lower-case texts at least one stands in every matching record; the most telling group first."""
    levels: frozenset[Level] | None = None
    """Every matching record has one of these levels; None: nothing is known."""
    statuses: frozenset[int] | None = None
    """Every matching record has one of these statuses; None: nothing is known."""
    alone: Search | None = None
    """Whether every record with this among its texts that passes the gate matches, whatever else it holds; None: no text alone
    decides."""
    gate: Predicate | None = None
    """What every matching record passes, by its service, level, status and operation; None: nothing is known."""
    kind_fields: frozenset[str] = frozenset()
    """The fields that the gate, or a cheap test, looks at."""


def compile_query(query: Query | None) -> Test:
    """The test that a query stands for; None is matched by every record."""
    if query is None:
        return Test(lambda record: True, True, frozenset(), (), ())
    groups = sorted(_needles(query), key=lambda group: -min(map(len, group)))
    cheap, rest = _gated(query)
    return Test(
        _predicate(query),
        _cheap(query),
        frozenset(_fields(query)),
        _patterns(query),
        tuple(groups),
        _told(query, "level", _levels),
        _told(query, "status", _statuses),
        _alone(rest) if rest is not None else None,
        _predicate(cheap) if cheap is not None else None,
        frozenset(_fields(query) if _cheap(query) else _fields(cheap) if cheap is not None else ()),
    )


def _gated(query: Query) -> tuple[Query | None, Query | None]:
    """A query as two that must both be matched: one that looks at service, level, status and operation only, and the rest."""
    parts = query.parts if isinstance(query, And) else (query,)
    cheap = tuple(part for part in parts if _cheap(part) and "latency" not in _fields(part))
    rest = tuple(part for part in parts if part not in cheap)
    return (And(cheap) if cheap else None), (And(rest) if rest else None)


def texts(record: LogRecord) -> Iterator[str]:
    """The texts in which words and regular expressions are looked for."""
    yield record.message
    yield from record.extra
    yield record.operation
    yield record.service
    yield _WORD_OF[record.level]
    yield record.trace_id
    if record.status is not None:
        yield str(record.status)
    for _, value in record.fields:
        yield value


def _predicate(query: Query) -> Predicate:
    match query:
        case Literal(text):
            needle = text.lower()
            return _in_a_text(lambda one: needle in one.lower())
        case Regex(pattern):
            return _in_a_text(searcher(pattern))
        case FieldTest():
            return _field(query)
        case Not(part):
            inner = _predicate(part)
            return lambda record: not inner(record)
        case And(parts):
            every = [_predicate(part) for part in sorted(parts, key=_price)]
            return lambda record: all(one(record) for one in every)
        case Or(parts):
            some = [_predicate(part) for part in sorted(parts, key=_price)]
            return lambda record: any(one(record) for one in some)


def _in_a_text(found: Search) -> Predicate:
    """Whether something is found in one of the texts of a record."""

    def matches(record: LogRecord) -> bool:
        # Those in which most is found first, and without the turns of a generator: this is asked of very many records.
        if found(record.message):
            return True
        for _, value in record.fields:
            if found(value):
                return True
        return any(map(found, texts(record)))

    return matches


def _price(query: Query) -> int:
    """What a test costs, so that the cheap ones are tried first."""
    match query:
        case FieldTest():
            return 0
        case Literal():
            return 1
        case Not(part):
            return _price(part)
        case And(parts) | Or(parts):
            return max(_price(part) for part in parts)
        case Regex():
            return 2


def _fields(query: Query) -> Iterator[str]:
    match query:
        case FieldTest(field):
            yield field.lower()
        case Not(part):
            yield from _fields(part)
        case And(parts) | Or(parts):
            for part in parts:
                yield from _fields(part)
        case _:
            return


def _cheap(query: Query) -> bool:
    match query:
        case FieldTest(field):
            return field.lower() in CHEAP_FIELDS
        case Not(part):
            return _cheap(part)
        case And(parts) | Or(parts):
            return all(_cheap(part) for part in parts)
        case _:
            return False


def _needles(query: Query) -> list[tuple[str, ...]]:
    """Groups of texts; of each one must occur."""
    match query:
        case Literal(text):
            return [(text.lower(),)] if text else []
        case Regex(pattern):
            found = required_texts(pattern)
            return [found] if found and all(len(text) > 1 for text in found) else []
        case FieldTest(field, "=", value) if field.lower() not in _NOT_AS_WRITTEN:
            text = max(value.lower().split("*"), key=len)
            return [(text,)] if text else []
        case And(parts):
            return list(dict.fromkeys(group for part in parts for group in _needles(part)))
        case Or(parts):
            sides = [max(_needles(part), key=lambda group: min(map(len, group)), default=()) for part in parts]
            return [tuple(n for side in sides for n in side)] if all(sides) else []
        case _:
            return []


_S = TypeVar("_S", Level, int)


def _told(query: Query, field: str, passing: Callable[[FieldTest], frozenset[_S]]) -> frozenset[_S] | None:
    """The values of one field that matching records can have; None where they may have any, or none."""
    match query:
        case FieldTest(name) if name.lower() == field:
            return passing(query)
        case And(parts):
            known = [found for part in parts if (found := _told(part, field, passing)) is not None]
            return frozenset.intersection(*known) if known else None
        case Or(parts):
            sides = [_told(part, field, passing) for part in parts]
            return frozenset(value for side in sides for value in side or ()) if None not in sides else None
        case _:
            return None


def _levels(test: FieldTest) -> frozenset[Level]:
    matches = _level(test)
    return frozenset(level for level in Level if matches(_light(level=level)))


def _statuses(test: FieldTest) -> frozenset[int]:
    matches = _status(test)
    return frozenset(status for status in range(100, 600) if matches(_light(status=status)))


def _light(level: Level = Level.UNKNOWN, status: int | None = None) -> LogRecord:
    return LogRecord(None, level, "", SafeText(""), "", status, None)


def _patterns(query: Query) -> tuple[str, ...]:
    """Regular expressions of which one must match."""
    match query:
        case Regex(pattern):
            return (pattern,)
        case And(parts):
            return next((known for part in parts if (known := _patterns(part))), ())
        case Or(parts):
            sides = [_patterns(part) for part in parts]
            return tuple(p for side in sides for p in side) if all(sides) else ()
        case _:
            return ()


def _alone(query: Query) -> Search | None:
    match query:
        case Literal(text):
            needle = text.lower()
            return lambda one: needle in one.lower()
        case Regex(pattern):
            return searcher(pattern)
        case And(parts):
            every = [_alone(part) for part in parts]
            known = [one for one in every if one is not None]
            if len(known) == len(every) == 1:
                return known[0]
            return (lambda text: all(one(text) for one in known)) if len(known) == len(every) else None
        case Or(parts):
            some = [one for part in parts if (one := _alone(part)) is not None]
            return (lambda text: any(one(text) for one in some)) if some else None
        case _:
            return None


def _field(test: FieldTest) -> Predicate:
    name = test.field.lower()
    if name == "level":
        return _level(test)
    if name == "status":
        return _status(test)
    if name == "latency":
        return _latency(test)
    same = _value(test)
    if name in ("service", "operation", "trace_id", "message", "source", "file"):
        get = operator.attrgetter(name)
        return lambda record: same(get(record))
    meaning = meaning_of(name)
    if meaning == "latency" and test.operator != "=":
        return _other_latency(test, name)
    own = _OWN.get(meaning)
    if own is None:
        return lambda record: any(field.lower() == name and same(value) for field, value in record.fields)

    def named_or_own(record: LogRecord) -> bool:
        values = _values(record, name)
        return any(map(same, values)) if values else bool(text := own(record)) and same(text)

    return named_or_own


_OWN: dict[str, Callable[[LogRecord], str]] = {
    "service": operator.attrgetter("service"),
    "operation": operator.attrgetter("operation"),
    "trace_id": operator.attrgetter("trace_id"),
    "message": operator.attrgetter("message"),
    "level": lambda record: record.level.word,
    "status": lambda record: "" if record.status is None else str(record.status),
}
"""The record's own text of a meaning."""
_UNITS = {"ms": 1e-3, "us": 1e-6, "ns": 1e-9}
"""Seconds per unit that the name of a latency can end with."""


def _values(record: LogRecord, name: str) -> list[str]:
    return [value for field, value in record.fields if field.lower() == name]


def _other_latency(test: FieldTest, name: str) -> Predicate:
    """A number compared with a latency under another name than `latency`."""
    wanted = _number(test.value)
    if wanted is None:
        return lambda record: False
    compare, unit = _COMPARE[test.operator], _UNITS.get(name[-2:], 1.0)

    def passes(text: str) -> bool:
        number = _number(text)
        if number is None:
            try:
                number = parse_span(text) / unit
            except BadTime:
                return False
        return compare(number, wanted)

    def matches(record: LogRecord) -> bool:
        values = _values(record, name)
        if values:
            return any(map(passes, values))
        return record.latency_s is not None and compare(record.latency_s / unit, wanted)

    return matches


def _value(test: FieldTest) -> Callable[[str], bool]:
    """Whether a text value passes: a number against a number, a glob, or the same text, whatever its case."""
    wanted = test.value.lower()
    number = _number(test.value)
    if test.operator != "=":
        compare = _COMPARE[test.operator]
        return lambda text: number is not None and (found := _number(text)) is not None and compare(found, number)
    if "*" in wanted:
        glob = glob_of(wanted)
        return lambda text: glob.fullmatch(text.lower()) is not None
    return lambda text: text.lower() == wanted


def glob_of(text: str) -> re.Pattern[str]:
    """A pattern in which `*` stands for any text; runs of `*` are one, and at most 16 count, which bounds its cost."""
    parts = re.split(r"\*+", text, maxsplit=16)
    return re.compile(".*".join(re.escape(part) for part in parts), re.DOTALL)


def _number(text: str) -> float | None:
    if not text[:1].isdigit() and text[:1] not in ("-", "+", "."):
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _level(test: FieldTest) -> Predicate:
    if "*" in test.value:
        glob = glob_of(test.value.lower())
        return lambda record: glob.fullmatch(record.level.word) is not None
    wanted = LEVEL_WORDS[test.value.lower()]
    if test.operator == "=":
        return lambda record: record.level == wanted
    compare = _COMPARE[test.operator]
    # A record without a level is neither above nor below one.
    return lambda record: record.level is not Level.UNKNOWN and compare(record.level, wanted)


def _status(test: FieldTest) -> Predicate:
    if test.operator == "=" and not test.value.isdecimal():
        glob = glob_of(re.sub("xx$", "*", test.value.lower()))
        return lambda record: record.status is not None and glob.fullmatch(str(record.status)) is not None
    compare, wanted = _COMPARE[test.operator], int(test.value)
    return lambda record: record.status is not None and compare(record.status, wanted)


def _latency(test: FieldTest) -> Predicate:
    try:
        wanted = parse_span(test.value)
    except BadTime:
        return lambda record: False
    if test.operator == "=":
        return lambda record: record.latency_s is not None and math.isclose(record.latency_s, wanted, rel_tol=1e-9)
    compare = _COMPARE[test.operator]
    return lambda record: record.latency_s is not None and compare(record.latency_s, wanted)
