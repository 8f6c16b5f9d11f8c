"""A request with what is known of it, as the JSON document that `incident repro import` prints and every other command reads."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import replace
from typing import Any

from console.domain.request import HttpRequest, place_of
from console.guard.policy import Decision, Environment
from console.guard.sanitise import safe
from console.repro.errors import Unclear
from console.repro.prepare import Imported, Observed

Json = dict[str, Any]


def request_json(request: HttpRequest) -> Json:
    """`method`, `url`, `headers`, `body_base64`; texts hold one character for each byte on the wire."""
    return {
        "method": request.method,
        "url": request.url,
        "headers": [[name, value] for name, value in request.headers],
        "body_base64": None if request.body is None else base64.b64encode(request.body).decode(),
    }


def decision_json(decision: Decision) -> Json:
    """`verdict`, `rule`, `reason`."""
    return {"verdict": str(decision.verdict), "rule": decision.rule, "reason": decision.reason}


def import_json(imported: Imported, decision: Decision, environment: str) -> Json:
    """The document of an import."""
    return {
        "request": request_json(imported.request),
        "decision": decision_json(decision),
        "notes": list(imported.notes),
        "environment": environment,
        "observed": {
            "status": imported.observed.status,
            "latency": imported.observed.latency_s,
            "trace_id": imported.observed.trace_id or None,
        },
        "original": imported.original,
        "cacheable": imported.cacheable,
        "insecure": imported.insecure,
        "proxy": imported.proxy,
        "raw": imported.raw,
        "whole": None if imported.whole is None else request_json(imported.whole),
        "ran": None if imported.ran is None else {"failures": imported.ran[0], "tries": imported.ran[1]},
    }


def read_document(text: bytes) -> tuple[Imported, str]:
    """The request of a document, and the digest of its headers as they were observed.

    Raises:
        Unclear: It is no such document.
    """
    try:
        document = json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise Unclear("the request is no JSON: give what `incident repro import --json` prints") from None
    inner = document.get("request", document) if isinstance(document, dict) else None
    if not isinstance(inner, dict):
        raise Unclear("the document holds no request")
    request = read_request(inner)
    seen = document.get("observed") or {}
    status, latency = seen.get("status"), seen.get("latency")
    imported = Imported(
        request,
        tuple(safe(str(note)) for note in document.get("notes") or ()),
        Observed(
            status if isinstance(status, int) else None, float(latency) if isinstance(latency, (int, float)) else None
        ),
        cacheable=document.get("cacheable") is True,
        insecure=document.get("insecure") is True,
        proxy=document.get("proxy") is True,
        raw=document.get("raw") is True,
        whole=read_request(whole) if isinstance(whole := document.get("whole"), dict) else None,
        ran=_ran(document.get("ran")),
    )
    original = document.get("original")
    return imported, original if isinstance(original, str) else ""


def _ran(counts: object) -> tuple[int, int] | None:
    if not isinstance(counts, dict):
        return None
    failures, tries = counts.get("failures"), counts.get("tries")
    if not (isinstance(failures, int) and isinstance(tries, int) and 0 <= failures <= tries and tries > 0):
        return None
    return failures, tries


def read_request(inner: Json) -> HttpRequest:
    """The request that `request_json` wrote.

    Raises:
        Unclear: It is none.
    """
    method, url, headers, body = inner.get("method"), inner.get("url"), inner.get("headers"), inner.get("body_base64")
    pairs = headers if isinstance(headers, list) else []
    if (
        not isinstance(method, str)
        or not isinstance(url, str)
        or not all(isinstance(p, list) and len(p) == 2 and all(isinstance(t, str) for t in p) for p in pairs)
    ):
        raise Unclear("the request needs method, url and headers as pairs of texts")
    if any(ord(c) > 255 for text in (method, url, *(t for p in pairs for t in p)) for c in text):
        raise Unclear("the request's texts hold characters that are no bytes: write one character for each byte")
    try:
        place_of(url)
        data = None if body is None else base64.b64decode(body, validate=True)
    except (ValueError, TypeError, binascii.Error):
        raise Unclear("the request's url is not absolute, or its body is no base64") from None
    return HttpRequest(method, url, tuple((name, value) for name, value in pairs), data)


def at_environment(imported: Imported, env: Environment, configured: tuple[str, ...]) -> Imported:
    """The request at another configured environment; a host that no environment names stays, and the guard refuses it.

    Args:
        configured: The origins of all environments.
    """
    place = imported.request.place
    if place.origin() not in {place_of(origin).origin() for origin in configured}:
        return imported
    whole = imported.whole
    return replace(
        imported,
        request=imported.request.with_url(env.origin + place.target),
        whole=None if whole is None else whole.with_url(env.origin + whole.place.target),
    )
