"""Requests from a HAR 1.2 file, as browsers and proxies save them."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any
from urllib.parse import quote

from console.domain.request import Header, HttpRequest, place_of
from console.guard.sanitise import safe
from console.repro.errors import Unclear
from console.repro.prepare import Imported, Observed, single_cookie_header

MOST_BYTES = 50 << 20
_CDN = ("x-cache", "x-cache-hits", "cf-cache-status", "x-served-by", "x-amz-cf-id", "x-varnish", "akamai-cache-status")


def of_har(data: bytes, entry: int | None = None) -> Imported:
    """One request of a HAR file.

    Args:
        entry: Which one, from 1; default: the only one, or else the only one that failed.

    Raises:
        Unclear: It is too large, cut, no HAR, or several requests could be meant.
    """
    if len(data) > MOST_BYTES:
        raise Unclear(f"the HAR is larger than {MOST_BYTES >> 20} MB; save the one request that matters")
    entries = _entries(data)
    if entry is not None:
        if not 1 <= entry <= len(entries):
            raise Unclear(f"the HAR has {len(entries)} requests and no number {entry}")
        return _imported(entries[entry - 1], entry)
    if len(entries) == 1:
        return _imported(entries[0], 1)
    failed = [k for k, one in enumerate(entries, 1) if (_status(one) or 0) >= 400]
    if len(failed) == 1:
        return _imported(entries[failed[0] - 1], failed[0])
    raise Unclear(f"the HAR has {len(entries)} requests, {len(failed)} of which failed: choose one with --entry N")


def _entries(data: bytes) -> list[Any]:
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Unclear(f"the HAR is no UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise Unclear("the HAR is nested too deeply") from None
    except ValueError as error:
        raise Unclear(f"the HAR is cut or no JSON: {error}") from None
    log = document.get("log") if isinstance(document, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list) or not entries:
        raise Unclear("the HAR holds no requests")
    return entries


def _status(entry: Any) -> int | None:
    status = entry.get("response", {}).get("status") if isinstance(entry, dict) else None
    return status if isinstance(status, int) and status > 0 else None


def _imported(entry: Any, number: int) -> Imported:
    where = f"entry {number}"
    given = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(given, dict) or not isinstance(given.get("url"), str) or not isinstance(given.get("method"), str):
        raise Unclear(f"{where}: no method and url")
    if entry.get("_webSocketMessages") is not None or given["url"].startswith(("ws:", "wss:")):
        raise Unclear(f"{where}: a WebSocket is no single request")
    url = given["url"].partition("#")[0]
    if not url.lower().startswith(("http://", "https://")):
        raise Unclear(f"{where}: {url[:20]}…: only http and https addresses are imported")
    url = _wire_text(url)
    place_of(url)
    headers, notes = _headers(given)
    body, kind = _body(given.get("postData"), where)
    if kind is not None and not any(name.lower() == "content-type" for name, _ in headers):
        headers = (*headers, ("Content-Type", kind))
    status = _status(entry)
    if status == 401 and not any(name.lower() in ("authorization", "cookie") for name, _ in headers):
        notes.append("the browser left credentials out of the HAR, so its 401 need not be the fault")
    time_ms = entry.get("time")
    latency = time_ms / 1000 if isinstance(time_ms, (int, float)) and time_ms >= 0 else None
    return Imported(
        HttpRequest(given["method"], url, headers, body),
        tuple(safe(note) for note in notes),
        Observed(status, latency),
        cacheable=_cacheable(entry.get("response")),
    )


def _wire_text(text: str) -> str:
    """Characters beyond ASCII percent-encoded, as every browser sends them."""
    return "".join(c if "!" <= c <= "~" else quote(c, safe="") for c in text)


def _headers(given: dict[str, Any]) -> tuple[tuple[Header, ...], list[str]]:
    notes: list[str] = []
    found: list[Header] = []
    for one in given.get("headers") or []:
        name, value = (one.get("name"), one.get("value")) if isinstance(one, dict) else (None, None)
        if not isinstance(name, str) or not isinstance(value, str) or name.startswith(":"):
            continue
        if name.lower() in ("content-length", "host"):
            continue
        found.append((name.encode().decode("latin-1"), value.encode().decode("latin-1")))
    cookies = [c for c in given.get("cookies") or [] if isinstance(c, dict) and isinstance(c.get("name"), str)]
    if cookies and not any(name.lower() == "cookie" for name, _ in found):
        found.append(("Cookie", "; ".join(f"{c['name']}={c.get('value', '')}" for c in cookies)))
    return single_cookie_header(found), notes


def _body(post: Any, where: str) -> tuple[bytes | None, str | None]:
    if not isinstance(post, dict):
        return None, None
    kind = post.get("mimeType") if isinstance(post.get("mimeType"), str) and post.get("mimeType") else None
    text = post.get("text")
    if isinstance(text, str) and text:
        if post.get("encoding") == "base64":
            try:
                return base64.b64decode(text, validate=True), kind
            except binascii.Error:
                raise Unclear(f"{where}: its body is no valid base64") from None
        return text.encode("utf-8", "surrogatepass"), kind
    params = post.get("params")
    if not isinstance(params, list) or not params:
        return (b"", kind) if isinstance(text, str) else (None, kind)
    if kind is not None and kind.lower().startswith("multipart/"):
        raise Unclear(f"{where}: the HAR holds the fields of its multipart body and not the body itself")
    pairs = [(str(p.get("name", "")), str(p.get("value", ""))) for p in params if isinstance(p, dict)]
    encoded = "&".join(f"{quote(k, safe='*-._')}={quote(v, safe='*-._')}" for k, v in pairs)
    return encoded.replace("%20", "+").encode(), kind or "application/x-www-form-urlencoded"


def _cacheable(response: Any) -> bool:
    headers = response.get("headers") if isinstance(response, dict) else None
    pairs = [(str(h.get("name", "")), str(h.get("value", ""))) for h in headers or [] if isinstance(h, dict)]
    return through_cache(pairs)


def through_cache(headers: list[tuple[str, str]]) -> bool:
    """Whether the headers of an answer show that a shared cache may keep it, or gave it."""
    for name, value in headers:
        low = name.strip().lower()
        directives = {d.strip().partition("=")[0] for d in value.lower().split(",")}
        if low in ("age", *_CDN):
            return True
        if low in ("cache-control", "cdn-cache-control", "surrogate-control") and directives & {"public", "s-maxage"}:
            return not directives & {"private", "no-store"}
    return False
