"""Bytes as they leave, read back: the guard judges what is sent, not what was meant."""

from __future__ import annotations

import re
import secrets

from console.domain.ours import TRACE
from console.domain.request import Header, HttpRequest, query_pairs
from console.guard.redact import holds_secret, redact
from console.guard.words import ONE_TIME_FIELDS, SECRET_QUERY

_ID_SEGMENT = re.compile(r"\d+|[0-9a-fA-F]{8,}|[0-9a-fA-F-]{32,36}|.*\d{3,}.*")


def read_back(data: bytes, scheme: str) -> HttpRequest:
    """The request that a server reads from these bytes.

    Raises:
        ValueError: They are not exactly one request.
    """
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        raise ValueError("the head of the request does not end")
    lines = head.decode("latin-1").split("\r\n")
    method, _, rest = lines[0].partition(" ")
    target, _, version = rest.rpartition(" ")
    if version != "HTTP/1.1" or not target.startswith("/") or " " in target:
        raise ValueError("the request line is not one method, one target and one version")
    headers: list[Header] = []
    host = length = ""
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise ValueError("a line of the head is no header")
        value = value.removeprefix(" ")
        if name.lower() == "host" and not host:
            host = value
        elif name.lower() == "content-length" and not length:
            length = value
        else:
            headers.append((name, value))
    if not host or (int(length) if length else 0) != len(body):
        raise ValueError("the host or the length of the body is wrong")
    return HttpRequest(method, f"{scheme}://{host}{target}", tuple(headers), body if length else None)


def new_trace() -> tuple[str, str]:
    """A trace id that is told to be ours, and the `traceparent` that carries it; neither part is zero."""
    trace = TRACE + secrets.token_hex(15 - len(TRACE) // 2) + f"{secrets.randbelow(255) + 1:02x}"
    span = secrets.token_hex(7) + f"{secrets.randbelow(255) + 1:02x}"
    return trace, f"00-{trace}-{span}-01"


def path_template(path: str) -> str:
    """The path with `{}` for segments that look like ids."""
    return redact("/".join("{}" if _ID_SEGMENT.fullmatch(s) or holds_secret(s) else s for s in path.split("/")))


def redacted_query(query: str | None) -> str:
    """The query without the values of secrets."""
    parts = []
    for name, value in query_pairs(query):
        if value is None:
            parts.append(redact(name))
        elif SECRET_QUERY.search(name) or name.lower() in ONE_TIME_FIELDS or holds_secret(f"{name}={value}"):
            parts.append(f"{name}=‹redacted›")
        else:
            parts.append(f"{name}={value}")
    return "&".join(parts)
