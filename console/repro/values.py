"""The values of a request's parts, and the same request with a shorter one: of query, form, cookies, headers, JSON and text bodies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from console.domain.request import HttpRequest
from console.domain.values import dataclass
from console.guard.parts import media_type
from console.guard.words import is_credential
from console.repro.units import FORM, Path, cookies_of, json_of

SHORT = 8
"""A text of so many characters is not worth a request."""
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
LONG_NUMBER = 4
"""Characters from which on a number is worth two."""
_HALF_AN_ESCAPE = re.compile(r"%[0-9A-Fa-f]?$")
_MEANING = frozenset(("content-type", "content-encoding", "transfer-encoding"))
"""Headers that say how the body is read: a shorter one would make another body of it."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value, and where it stands."""

    kind: str
    """query | form | cookie | header | json | body"""
    place: int
    """Its place among the parts of its kind; of a cookie, that of its header."""
    text: str
    """As it stands in the request; of a JSON number its digits."""
    path: Path = ()
    """Of a JSON value from the top; of a cookie its place in the header."""
    number: bool = False
    """It is a number, also one that stands in a text: it becomes 1 or 0."""

    @property
    def long(self) -> bool:
        """Whether it can be made shorter."""
        return len(self.text) >= (LONG_NUMBER if self.number else SHORT + 1)


def values_of(request: HttpRequest) -> tuple[Value, ...]:
    """Every value that can be made shorter. Their places stay the same when one of them is."""
    return tuple(one for one in _values(request) if one.long)


def _values(request: HttpRequest) -> Iterator[Value]:
    query = request.place.query
    for k, part in enumerate(query.split("&") if query else []):
        yield _pair("query", k, part)
    for k, (name, value) in enumerate(request.headers):
        if name.lower() == "cookie":
            for c, pair in enumerate(cookies_of(value)):
                yield replace(_pair("cookie", k, pair), path=(c,))
        elif name.lower() not in _MEANING and not is_credential(name):
            yield _text("header", k, value)
    if not request.body:
        return
    if media_type(request) == FORM:
        for k, part in enumerate(request.body.decode("latin-1").split("&")):
            yield _pair("form", k, part)
    elif (document := json_of(request)) is not None:
        yield from _leaves(document)
    else:
        yield _text("body", 0, request.body.decode("latin-1"))


def _pair(kind: str, place: int, part: str) -> Value:
    return _text(kind, place, part.partition("=")[2])


def _text(kind: str, place: int, text: str) -> Value:
    return Value(kind, place, text, (), _NUMBER.fullmatch(text) is not None)


def _leaves(value: Any, path: Path = ()) -> Iterator[Value]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list):
        for k, inner in enumerate(value):
            yield from _leaves(inner, (*path, k))
    elif isinstance(value, str):
        yield replace(_text("json", 0, value), path=path)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield Value("json", 0, json.dumps(value), path, number=True)


def shorter(value: Value, length: int) -> str:
    """The beginning of a value; never a part of a percent-encoded character."""
    return _HALF_AN_ESCAPE.sub("", value.text[:length])


def with_value(request: HttpRequest, value: Value, text: str) -> HttpRequest:
    """The request with another text where this value stands."""
    match value.kind:
        case "query":
            address, _, query = request.url.partition("?")
            return request.with_url(f"{address}?{_with_pair(query, value.place, text)}")
        case "header":
            return _with_header(request, value.place, text)
        case "cookie":
            pairs = cookies_of(request.headers[value.place][1])
            place = value.path[0]
            assert isinstance(place, int)
            pairs[place] = f"{pairs[place].partition('=')[0]}={text}"
            return _with_header(request, value.place, "; ".join(pairs))
        case "form":
            body = (request.body or b"").decode("latin-1")
            return replace(request, body=_with_pair(body, value.place, text).encode("latin-1"))
        case "json":
            document = _with_leaf(json_of(request), value.path, text)
            return replace(request, body=json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())
    return replace(request, body=text.encode("latin-1"))


def _with_pair(text: str, place: int, value: str) -> str:
    parts = text.split("&")
    parts[place] = f"{parts[place].partition('=')[0]}={value}"
    return "&".join(parts)


def _with_header(request: HttpRequest, place: int, text: str) -> HttpRequest:
    headers = list(request.headers)
    headers[place] = headers[place][0], text
    return replace(request, headers=tuple(headers))


def _with_leaf(document: Any, path: Path, text: str) -> Any:
    """The document, a number where a number stood."""
    if not path:
        return text if isinstance(document, str) else json.loads(text)
    key, rest = path[0], path[1:]
    if isinstance(document, dict):
        return {k: _with_leaf(inner, rest, text) if k == key else inner for k, inner in document.items()}
    return [_with_leaf(inner, rest, text) if k == key else inner for k, inner in enumerate(document)]
