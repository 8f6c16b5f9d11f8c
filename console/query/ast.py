"""The syntax tree of a log query. Each source translates it into its own language."""

from __future__ import annotations

from typing import TypeAlias

from console.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that must occur in the record, whatever its case."""

    text: str


@dataclass(frozen=True, slots=True)
class Regex:
    """A regular expression that must match somewhere in the record's text."""

    pattern: str


@dataclass(frozen=True, slots=True)
class FieldTest:
    """`field:value`, with an operator: `=` (equal, or a glob where `value` holds `*`), `<`, `<=`, `>`, `>=`."""

    field: str
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    part: Query


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    parts: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    parts: tuple[Query, ...]


Query: TypeAlias = Literal | Regex | FieldTest | Not | And | Or
