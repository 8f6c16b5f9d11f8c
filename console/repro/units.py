"""A request as parts that can be left out one by one."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from console.domain.request import HttpRequest
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.parts import media_type
from console.guard.sanitise import safe

FORM = "application/x-www-form-urlencoded"
_ANALYTICS = re.compile(
    r"_ga|_gid|_gat|_gcl|utm_|_fbp|_fbc|_hj|ajs_|mp_|optimizely|amplitude|intercom|_pk_|gclid|fbclid|msclkid", re.I
)
_WEIGHTS = {"query": 4.0, "form": 4.0, "json": 4.0, "body": 4.0, "cookie": 2.0, "header": 1.0}
_HEADER_WEIGHTS = {"content-type": 3.0, "range": 3.0, "if-none-match": 2.0, "if-modified-since": 2.0, "accept": 1.5}
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """One part."""

    kind: str
    """query | header | cookie | form | json | body"""
    label: SafeText
    place: int
    """Its place among the parts of its kind."""
    path: Path = ()
    """Of a JSON part, from the top."""
    group: str = ""
    """Parts of one group are tried together; empty: of none."""
    weight: float = 1.0
    """How likely a failure needs it, against the others."""


def units_of(request: HttpRequest, depth: int = 1) -> tuple[Unit, ...]:
    """The parts of a request.

    Args:
        depth: How deep a JSON body is taken apart.
    """
    return tuple(_units(request, depth))


def _units(request: HttpRequest, depth: int) -> Iterator[Unit]:
    query = request.place.query
    for k, part in enumerate(query.split("&") if query is not None else []):
        name = part.partition("=")[0]
        group = "analytics" if _ANALYTICS.match(name) else "query"
        yield Unit(
            "query", safe(f"query {part}", 120), k, (), group, 0.3 if group == "analytics" else _WEIGHTS["query"]
        )
    for k, (name, value) in enumerate(request.headers):
        low = name.lower()
        if low == "cookie":
            for c, pair in enumerate(cookies_of(value)):
                analytics = _ANALYTICS.match(pair) is not None
                yield Unit(
                    "cookie",
                    safe(f"cookie {pair.partition('=')[0]}", 120),
                    c,
                    (k,),
                    "analytics" if analytics else "cookies",
                    0.3 if analytics else _WEIGHTS["cookie"],
                )
        else:
            yield Unit(
                "header",
                safe(f"header {name}", 120),
                k,
                (),
                _group(low),
                _HEADER_WEIGHTS.get(
                    low, 0.3 if low.startswith("sec-") else 2.0 if low.startswith("x-") else _WEIGHTS["header"]
                ),
            )
    if request.body is not None:
        yield Unit("body", safe("body"), 0, (), "", _WEIGHTS["body"])
        yield from _body_units(request, depth)


def _group(name: str) -> str:
    if name.startswith("sec-") or name in ("dnt", "upgrade-insecure-requests", "priority"):
        return "client hints"
    if name.startswith("accept") or name in ("cache-control", "pragma"):
        return "accept"
    if name in ("referer", "origin"):
        return "referer"
    return "custom" if name.startswith("x-") else ""


def _body_units(request: HttpRequest, depth: int) -> Iterator[Unit]:
    if media_type(request) == FORM:
        for k, part in enumerate((request.body or b"").decode("latin-1").split("&")):
            yield Unit("form", safe(f"form {part}", 120), k, (), "form", _WEIGHTS["form"])
        return
    document = json_of(request)
    for k, path in enumerate(_paths(document, depth)):
        yield Unit(
            "json",
            safe("json " + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path), 120),
            k,
            path,
            "json",
            _WEIGHTS["json"],
        )


def json_of(request: HttpRequest) -> Any:
    """The body as a JSON object or list; None where it is neither."""
    try:
        document = json.loads(request.body or b"")
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, (dict, list)) and document else None


def _paths(value: Any, depth: int, path: Path = ()) -> Iterator[Path]:
    if depth == 0:
        return
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from _paths(inner, depth - 1, (*path, key))


def json_depth(value: Any) -> int:
    """How many levels of objects and lists there are."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max((json_depth(one) for one in inner), default=0)


def cookies_of(value: str) -> list[str]:
    """The pairs of a Cookie header."""
    return [pair.strip() for pair in value.split(";") if pair.strip()]


def closed(units: tuple[Unit, ...], keep: Collection[int]) -> frozenset[int]:
    """The parts to keep with those that they need: a field needs the body, an inner JSON part its outer ones."""
    wanted = {units[k] for k in keep}
    paths = {u.path[:i] for u in wanted if u.kind == "json" for i in range(1, len(u.path))}
    needs_body = any(u.kind in ("form", "json") for u in wanted)
    return frozenset(
        k for k, u in enumerate(units)
        if k in keep or (u.kind == "body" and needs_body) or (u.kind == "json" and u.path in paths)
    )  # fmt: skip


def assembled(request: HttpRequest, units: tuple[Unit, ...], keep: Collection[int]) -> HttpRequest:
    """The request with only the parts in `keep` (see `closed`); order and duplicates stay as they were."""
    kept = [units[k] for k in sorted(keep)]
    places = {kind: {u.place for u in kept if u.kind == kind} for kind in ("query", "header", "form")}
    url, _, _ = request.url.partition("?")
    query = request.place.query
    if query is not None and places["query"]:
        url += "?" + "&".join(p for k, p in enumerate(query.split("&")) if k in places["query"])
    headers: list[tuple[str, str]] = []
    for k, (name, value) in enumerate(request.headers):
        if name.lower() == "cookie":
            mine = {u.place for u in kept if u.kind == "cookie" and u.path == (k,)}
            pairs = [p for c, p in enumerate(cookies_of(value)) if c in mine]
            if pairs:
                headers.append((name, "; ".join(pairs)))
        elif k in places["header"]:
            headers.append((name, value))
    return replace(request, url=url, headers=tuple(headers), body=_body(request, units, kept))


def _body(request: HttpRequest, units: tuple[Unit, ...], kept: list[Unit]) -> bytes | None:
    if not any(u.kind == "body" for u in kept):
        return None
    if any(u.kind == "form" for u in units):
        mine = {u.place for u in kept if u.kind == "form"}
        parts = (request.body or b"").split(b"&")
        return b"&".join(p for k, p in enumerate(parts) if k in mine)
    known = {u.path for u in units if u.kind == "json"}
    mine_paths = {u.path for u in kept if u.kind == "json"}
    if not known or known == mine_paths:
        return request.body
    return json.dumps(
        _pruned(json_of(request), (), known, mine_paths), ensure_ascii=False, separators=(",", ":")
    ).encode()


def _pruned(value: Any, path: Path, known: set[Path], keep: set[Path]) -> Any:
    def stays(key: str | int) -> bool:
        return (*path, key) not in known or (*path, key) in keep

    if isinstance(value, dict):
        return {k: _pruned(v, (*path, k), known, keep) for k, v in value.items() if stays(k)}
    if isinstance(value, list):
        return [_pruned(v, (*path, k), known, keep) for k, v in enumerate(value) if stays(k)]
    return value
