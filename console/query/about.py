"""Queries for the lines that a pattern, an exception or a field stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping

from console.domain.logs import FieldValue, Level, Pattern
from console.domain.shapes import OTHER, ExceptionGroup
from console.query.aliases import meaning_of
from console.query.ast import And, FieldTest, Literal, Not, Query
from console.query.parse import LEVEL_WORDS, NO_NAMES, QueryError, parse
from console.query.text import text_of

LEAST_TEXT = 3
"""Characters that a text must have to tell records apart."""
MOST_TEXTS = 4
"""Stretches of a template that are asked for, the longest ones."""
_GAP = re.compile(r"<\*>|‹[^›]*›")
"""What stands for a changing part, and hidden secrets."""


def texts_of(pattern: Pattern) -> tuple[Query, ...]:
    """The stretches of a pattern that are the same in each of its messages, in their order."""
    if pattern.template == OTHER:
        return ()
    parts = [part.strip() for part in _GAP.split(pattern.template)]
    longest = sorted((p for p in parts if len(p) >= LEAST_TEXT), key=len, reverse=True)[:MOST_TEXTS]
    return tuple(Literal(part) for part in dict.fromkeys(parts) if part in longest)


def lines_of(pattern: Pattern) -> str:
    """A query for the lines of a pattern: its service, its level, and what all its messages say."""
    parts: list[Query] = [FieldTest("service", "=", pattern.service)] if pattern.service else []
    if pattern.level is not Level.UNKNOWN:
        parts.append(FieldTest("level", "=", pattern.level.word))
    parts += texts_of(pattern)
    return text_of(parts[0] if len(parts) == 1 else And(tuple(parts))) if parts else ""


def _raised_texts(group: ExceptionGroup) -> tuple[Query, ...]:
    """Texts that each record of an exception holds: its type, and the names of its frames as its example writes them."""
    if not group.frames:
        return ()
    lines = [line.lower() for line in group.example]
    written = [
        piece for name in (group.type, *group.frames) for piece in ((name,) if _stands(name, lines) else _names(name))
    ]
    told = [piece for piece in dict.fromkeys(written) if len(piece) >= LEAST_TEXT and _stands(piece, lines)]
    return tuple([Literal(piece) for piece in told if "<" not in piece] or [Literal(piece) for piece in told])


def _stands(piece: str, lines: list[str]) -> bool:
    return any(piece.lower() in line for line in lines)


def _names(frame: str) -> tuple[str, ...]:
    """Module and function, which Python and Ruby print apart."""
    module, _, function = frame.rpartition(".")
    return module, function


def tests_raised(group: ExceptionGroup) -> tuple[Query, ...]:
    """What tells the records of an exception: its service, where it is one, and what all of them say."""
    texts = _raised_texts(group)
    one = len(group.services) == 1 and group.services[0]
    return (FieldTest("service", "=", group.services[0]), *texts) if one and texts else texts


def lines_raised(group: ExceptionGroup) -> str:
    """A query for the records of an exception; empty: nothing that they say tells them."""
    parts = tests_raised(group)
    return text_of(parts[0] if len(parts) == 1 else And(parts)) if parts else ""


def field_test(field: FieldValue) -> FieldTest | None:
    """A test for the field's value; None where a query cannot tell it from others: a name or value that it cannot say."""
    test = FieldTest(field.name, "=", field.value)
    if not field.value or (field.name == "level" and field.value not in LEVEL_WORDS):
        return None
    try:
        parsed = parse(text_of(test))
    except QueryError:
        return None
    # Under another name for a level, a status or a latency it is a test of the record's own.
    names = (test.field, meaning_of(test.field))
    return next(
        (FieldTest(name, "=", test.value) for name in names if parsed == FieldTest(name, "=", test.value)), None
    )


def inverted(text: str) -> str:
    """The filter that shows what this one hides; what is inverted twice is as it was. Empty stays empty.

    Raises:
        QueryError: The text is no query.
    """
    query = parse(text)
    if query is None:
        return ""
    return text_of(query.part if isinstance(query, Not) else Not(query))


def as_typed(text: str, names: Mapping[str, str] = NO_NAMES) -> str:
    """A filter as it was typed, where a `!` in front asks for everything but what follows.

    Args:
        names: Configured names of the record's own fields; where they are needed, the filter says its own names instead.

    Raises:
        QueryError: The text is no query; the column is that of the typed text.
    """
    stripped = text.strip()
    if not stripped.startswith("!"):
        return _own_names(text, names)
    lead = text.index("!") + 1
    try:
        return inverted(_own_names(text[lead:], names))
    except QueryError as error:
        raise QueryError(error.sentence, error.column + lead) from None


def _own_names(text: str, names: Mapping[str, str]) -> str:
    """The same filter without configured names that nobody else knows; as it was written where it has none."""
    query = parse(text, names)
    try:
        same = not names or parse(text) == query
    except QueryError:
        same = False
    return text.strip() if same or query is None else text_of(query)
