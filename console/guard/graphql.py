"""Which kinds of operation a GraphQL document holds. A lexer and a walk over the top level: enough to find every mutation."""

from __future__ import annotations

import re

from console.domain.values import dataclass

_TOKEN = re.compile(
    r'(?P<skip>[\s,\ufeff]+|#[^\n\r]*)|(?P<string>"""(?:[^"\\]|\\.|"(?!""))*"""|"(?:[^"\\\n\r]|\\.)*")'
    r"|(?P<name>[_A-Za-z][_0-9A-Za-z]*)|(?P<number>-?[0-9][0-9.eE+-]*)|(?P<mark>\.\.\.|[!$&()\[\]{}:=@|])",
    re.S,
)
LONGEST = 1 << 20
_KINDS = ("query", "mutation", "subscription")
_OPEN, _CLOSE = {"(": ")", "[": "]", "{": "}"}, {")", "]", "}"}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document."""

    kind: str
    """query | mutation | subscription"""
    name: str


class NoGraphQL(ValueError):
    """The text is no executable GraphQL document."""


def operations(text: str) -> tuple[Operation, ...]:
    """The operations of a document, in order.

    Raises:
        NoGraphQL: It cannot be read to its end.
    """
    tokens = _tokens(text)
    found: list[Operation] = []
    i = 0
    while i < len(tokens):
        kind, value = tokens[i]
        if value == "{":
            found.append(Operation("query", ""))
            i = _closed(tokens, i)
        elif kind == "name" and value in (*_KINDS, "fragment"):
            named = i + 1 < len(tokens) and tokens[i + 1][0] == "name"
            if value != "fragment":
                found.append(Operation(value, tokens[i + 1][1] if named else ""))
            i = _body(tokens, i + 1)
        else:
            raise NoGraphQL(f"{value[:20]!r} begins no operation")
    if not found:
        raise NoGraphQL("no operation")
    return tuple(found)


def _tokens(text: str) -> list[tuple[str, str]]:
    if len(text) > LONGEST:
        raise NoGraphQL("too long")
    found: list[tuple[str, str]] = []
    i = 0
    while i < len(text):
        match = _TOKEN.match(text, i)
        if match is None:
            raise NoGraphQL(f"unreadable at {i}")
        if match.lastgroup and match.lastgroup != "skip":
            found.append((match.lastgroup, match.group()))
        i = match.end()
    return found


def _body(tokens: list[tuple[str, str]], i: int) -> int:
    """The place after the selection of an operation whose keyword stands before `i`."""
    while i < len(tokens):
        if tokens[i][1] == "{":
            return _closed(tokens, i)
        if tokens[i][1] in _OPEN:
            i = _closed(tokens, i)
        elif tokens[i][1] in _CLOSE:
            break
        else:
            i += 1
    raise NoGraphQL("an operation without a selection")


def _closed(tokens: list[tuple[str, str]], i: int) -> int:
    waiting: list[str] = []
    while i < len(tokens):
        value = tokens[i][1]
        if tokens[i][0] == "mark" and value in _OPEN:
            waiting.append(_OPEN[value])
        elif tokens[i][0] == "mark" and value in _CLOSE:
            if not waiting or waiting.pop() != value:
                raise NoGraphQL("brackets do not match")
            if not waiting:
                return i + 1
        i += 1
    raise NoGraphQL("a bracket is never closed")
