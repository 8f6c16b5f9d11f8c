"""The parts of a request that rules look at: segments, parameters, fields, decoded as a lenient server would decode them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from console.domain.request import HttpRequest, decoded, query_pairs

_MULTIPART_NAME = re.compile(rb'content-disposition:[^\r\n]*?\bname="?([^";\r\n]*)', re.I)
_MULTIPART_FILE = re.compile(rb"content-disposition:[^\r\n]*?\bfilename\*?=", re.I)
MOST_DECODINGS = 3
MOST_JSON_DEPTH = 64


def unfolded(text: str) -> str:
    """Text percent-decoded until it stays the same: servers behind proxies decode more than once."""
    for _ in range(MOST_DECODINGS):
        once = decoded(text)
        if once == text:
            break
        text = once
    return text


def segments(path: str) -> tuple[str, ...]:
    """The segments of a path in lower case: decoded, without matrix parameters, with dots resolved as servers do."""
    found: list[str] = []
    for raw in re.split(r"[/\\]", unfolded(path)):
        segment = raw.partition(";")[0].strip().lower()
        if segment == "..":
            if found:
                found.pop()
        elif segment not in ("", "."):
            found.append(segment)
    return tuple(found)


def every_segment(path: str) -> tuple[str, ...]:
    """As `segments`, with the ones kept that `..` would take back: which of the two a server sees is not known."""
    found = [raw.partition(";")[0].strip().lower() for raw in re.split(r"[/\\]", unfolded(path))]
    return tuple(s for s in found if s not in ("", ".", ".."))


def query_fields(request: HttpRequest) -> tuple[tuple[str, str], ...]:
    """Names and values of the query, decoded."""
    return tuple(
        (unfolded(decoded(k, plus=True)), decoded(v or "", plus=True)) for k, v in query_pairs(request.place.query)
    )


def media_type(request: HttpRequest) -> str:
    """The content type without its parameters, in lower case."""
    return next(iter(request.values("content-type")), "").partition(";")[0].strip().lower()


def form_fields(request: HttpRequest) -> tuple[tuple[str, str], ...]:
    """Names and values of a form body; of multipart bodies the names alone."""
    body = request.body or b""
    kind = media_type(request)
    if kind.startswith("multipart/"):
        return tuple((m.decode("utf-8", "replace"), "") for m in _MULTIPART_NAME.findall(body))
    if kind == "application/x-www-form-urlencoded" or (not kind and body[:1] not in (b"{", b"[")):
        pairs = query_pairs(body.decode("latin-1"))
        return tuple((unfolded(decoded(k, plus=True)), decoded(v or "", plus=True)) for k, v in pairs)
    return ()


def has_file(request: HttpRequest) -> bool:
    """Whether a multipart body carries a file."""
    return media_type(request).startswith("multipart/") and bool(_MULTIPART_FILE.search(request.body or b""))


def json_body(request: HttpRequest) -> Any:
    """The body read as JSON, whatever its content type says; None where it is none.

    Raises:
        RecursionError: It is nested deeper than any sane body.
    """
    body = (request.body or b"").strip()
    if body[:1] not in (b"{", b"["):
        return None
    try:
        return json.loads(body)
    except (ValueError, UnicodeDecodeError):
        return None


def keys_of(value: Any, depth: int = 0) -> Iterator[str]:
    """Every key of a JSON value, at any depth."""
    if depth > MOST_JSON_DEPTH:
        raise RecursionError("nested too deeply to be judged")
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys_of(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner, depth + 1)


def field_names(request: HttpRequest) -> Iterator[str]:
    """Every name by which a parameter of the request could be read: query, form, JSON; of `a[b]` both."""
    names = [name for name, _ in (*query_fields(request), *form_fields(request))]
    names += keys_of(json_body(request))
    for name in names:
        yield name
        yield from (part for part in re.split(r"[\[\].]", name) if part and part != name)
