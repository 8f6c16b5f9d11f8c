"""Filters made from what is selected: only this, not this, its trace, its surroundings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

from console.domain.logs import FieldValue, LogRecord, Pattern
from console.domain.shapes import ExceptionGroup
from console.query.about import LEAST_TEXT, field_test, tests_raised, texts_of
from console.query.ast import And, FieldTest, Literal, Not, Query
from console.query.parse import parse
from console.query.text import text_of
from console.screens.places import Lines

Telling: TypeAlias = LogRecord | Pattern | FieldValue | ExceptionGroup
"""What a filter can be narrowed to."""
_CHANGING = re.compile(r"\S*\d\S*|‹[^›]*›")
"""Parts of a message that differ from record to record: words with a digit, and hidden secrets."""


def only(filter_text: str, item: Telling) -> str | None:
    """The filter, narrowed to what the item is about; None where it says so already."""
    return _with(filter_text, _about(item))


def without(filter_text: str, item: Telling) -> str | None:
    """The filter, without what the item is about; None where it says so already."""
    parts = _about(item)
    if isinstance(item, LogRecord) and not item.operation:
        # a service alone would take everything away that the record's service says
        text = max((part.strip() for part in _CHANGING.split(item.message)), key=len, default="")
        parts = [*parts, Literal(text if len(text) >= LEAST_TEXT else item.message)]
    return _with(filter_text, [Not(parts[0] if len(parts) == 1 else And(tuple(parts)))]) if parts else None


def _about(item: Telling) -> list[Query]:
    if isinstance(item, FieldValue):
        test = field_test(item)
        return [test] if test is not None else []
    if isinstance(item, ExceptionGroup):
        return list(tests_raised(item))
    parts: list[Query] = [FieldTest("service", "=", item.service)] if item.service else []
    if isinstance(item, Pattern):
        return [*parts, *texts_of(item)]
    return [*parts, FieldTest("operation", "=", item.operation)] if item.operation else parts


def _with(filter_text: str, added: Sequence[Query]) -> str | None:
    query = parse(filter_text) if filter_text.strip() else None
    present = query.parts if isinstance(query, And) else (query,) if query is not None else ()
    new = tuple(part for part in added if part not in present)
    if not new:
        return None
    parts = (*present, *new)
    return text_of(parts[0] if len(parts) == 1 else And(parts))


def trace_of(record: LogRecord) -> Lines:
    """The lines of a record's trace, which must have an id."""
    return Lines(text_of(FieldTest("trace_id", "=", record.trace_id)), f"trace {record.trace_id[:8]}")


def place_of(record: LogRecord) -> str:
    """A query for everything in the record's source and file; empty where the record names neither."""
    named = (("source", record.source), ("file", record.file))
    return " ".join(text_of(FieldTest(field, "=", value)) for field, value in named if value)
