"""Requests from log records and spans. Evidence tells method, path and query; the rest it seldom knows, and the host never counts."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from console.domain.logs import LogRecord
from console.domain.request import HttpRequest
from console.domain.spans import Span
from console.guard.sanitise import safe
from console.repro.errors import Unclear
from console.repro.prepare import NO_HOST, Imported, Observed

_METHOD = re.compile(r"[A-Za-z][A-Za-z-]{1,15}")
_REQUEST_LINE = re.compile(r"\b([A-Z][A-Z-]{2,15}) ((?:https?://[^\s\"]+|/[^\s\"]*))")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HIDDEN = re.compile(r"‹redacted:|<U\+[0-9A-F]{4}>|\^[@-_]|…\[\+\d+ chars\]")
_METHOD_FIELDS = ("method", "http.method", "http.request.method", "request_method", "verb", "http_method")
_TARGET_FIELDS = (
    "url", "uri", "request_uri", "target", "http.target", "http.url", "url.full", "request.url", "req.url", "path", "url.path",
    "endpoint", "request_path",
)  # fmt: skip
_QUERY_FIELDS = ("query", "query_string", "url.query", "querystring")
_WITHIN = ("fields.", "attributes.")
"""What names begin with where a program that passes records on, as `incident logs --json`, keeps what it was told."""
_BODY_FIELDS = ("body", "request_body", "request.body", "http.request.body", "payload", "request_payload")


def of_record(record: LogRecord) -> Imported:
    """The request that a log record is about.

    Raises:
        Unclear: It is about none, or what is needed was hidden or cut.
    """
    named = {name.lower(): str(value) for name, value in record.fields}
    within = ((name.removeprefix(prefix), value) for name, value in named.items() for prefix in _WITHIN)
    fields = {**dict(within), **named}
    method = next((fields[name] for name in _METHOD_FIELDS if name in fields), "")
    target = next((fields[name] for name in _TARGET_FIELDS if fields.get(name, "").startswith(("/", "http"))), "")
    for text in (target, str(record.message), *map(str, record.fields and [v for _, v in record.fields])):
        found = _REQUEST_LINE.search(text)
        if found and not (method and target):
            method, target = method or found[1], target or found[2]
            break
    query = next((fields[name] for name in _QUERY_FIELDS if name in fields), "").lstrip("?")
    if target and query and "?" not in target:
        target = f"{target}?{query}"
    operation = record.operation
    if not target and " /" in operation:
        method, target = method or operation.partition(" ")[0], operation.partition(" ")[2]
    observed = Observed(record.status, record.latency_s, record.trace_id)
    body = next((fields[name] for name in _BODY_FIELDS if name in fields), None)
    return _request(method, target, observed, bool(query) or "?" in target, body)


def of_span(span: Span) -> Imported:
    """The request of a span whose operation is a method and a path.

    Raises:
        Unclear: Its operation is no request.
    """
    method, _, target = span.operation.partition(" ")
    return _request(method, target, Observed(500 if span.failed else None, span.duration_s, span.trace_id), False, None)


def with_body(imported: Imported, body: bytes) -> Imported:
    """The request with a body that the evidence does not tell; JSON is announced as such."""
    request = imported.request
    headers = tuple(h for h in request.headers if h[0].lower() != "content-type" or not _is_json(body))
    kind = (("Content-Type", "application/json"),) if _is_json(body) else ()
    return replace(imported, request=HttpRequest(request.method, request.url, (*headers, *kind), body))


def _is_json(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), (dict, list))
    except (ValueError, RecursionError):
        return False


def _request(method: str, target: str, observed: Observed, with_query: bool, body: str | None) -> Imported:
    if not target or not _METHOD.fullmatch(method):
        raise Unclear("this record is about no request: it names no method and path")
    if _HIDDEN.search(target):
        raise Unclear(
            f"the path {target[:80]} was cut or a secret in it was hidden, so the request is not known exactly"
        )
    if re.search(r"[{}<>]|/:\w|\*", target.partition("?")[0]):
        raise Unclear(f"{target[:80]} is a route and no path: take a record with the path itself")
    url = target if _ABSOLUTE.match(target) else NO_HOST + target
    raw = url.encode("utf-8").decode("latin-1")
    usable = body is not None and not _HIDDEN.search(body)
    notes = [safe(f"the record gives no headers{'' if usable else ' and no body (give it with --body)'}")]
    if body is not None and not usable:
        notes.append(safe("its body was cut or a secret in it was hidden, so it is left out"))
    if not with_query:
        notes.append(safe("the record gives no query"))
    bare = HttpRequest(method.upper() if method.islower() else method, raw, (("Accept", "*/*"),))
    found = Imported(bare, tuple(notes), observed)
    return with_body(found, body.encode()) if body is not None and usable else found
