"""The syntax tree of a log query, back to text. `parse(text_of(query))` is `query`."""

from __future__ import annotations

import re

from console.query.ast import And, FieldTest, Literal, Not, Or, Query, Regex

_PLAIN = re.compile(r'[^\s"()/-][^\s"()]*')
_FIELD_LIKE = re.compile(r"[A-Za-z_@][\w.@/-]*:")
_PLAIN_VALUE = re.compile(r'[^\s"()<>=:/][^\s"()]*')

_SLASH = re.compile(r"\\.|/")
_ESCAPED_SLASH = "\\/"


def text_of(query: Query | None) -> str:
    """The query as a person would write it; empty for None, which every record matches."""
    if query is None:
        return ""
    match query:
        case Literal(text):
            return _word(text)
        case Regex(pattern):
            return _regex(pattern)
        case FieldTest(field, operator, value):
            return f"{field}:{'' if operator == '=' else operator}{_value(value)}"
        case Not(part):
            inner = text_of(part)
            return (
                f"NOT ({inner})"
                if isinstance(part, (And, Or))
                else f"NOT {inner}"
                if isinstance(part, Not)
                else f"-{inner}"
            )
        case And(parts):
            return " ".join(f"({text_of(p)})" if isinstance(p, (And, Or)) else text_of(p) for p in parts)
        case Or(parts):
            return " OR ".join(f"({text_of(p)})" if isinstance(p, Or) else text_of(p) for p in parts)


def _word(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text not in ("AND", "OR", "NOT") and not _FIELD_LIKE.match(text)
    return text if plain else quoted(text)


def _value(text: str) -> str:
    return text if _PLAIN_VALUE.fullmatch(text) else quoted(text)


def quoted(text: str) -> str:
    """A text in the quotes of the query language."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _regex(pattern: str) -> str:
    flag = "i" if pattern.startswith("(?i)") else ""
    body = pattern.removeprefix("(?i)") if flag else pattern
    return f"/{_SLASH.sub(lambda m: _ESCAPED_SLASH if m[0] == '/' else m[0], body)}/{flag}"
