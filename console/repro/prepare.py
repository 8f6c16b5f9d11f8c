"""From an observed request to one that may be sent: another origin, no credentials, nothing that belongs to somebody else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from console.domain.request import Header, HttpRequest, decoded, place_of, query_pairs
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard import words
from console.guard.policy import Decision, Environment, evidence_host
from console.guard.redact import holds_secret
from console.guard.sanitise import safe

NO_HOST = "http://evidence.invalid"
"""Stands for the host where evidence gives none."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What the evidence says came of the request."""

    status: int | None = None
    latency_s: float | None = None
    trace_id: str = ""
    """Of the observed request; never sent again."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A request as it may be sent, and what was done to it."""

    request: HttpRequest
    notes: tuple[SafeText, ...] = ()
    observed: Observed = Observed()
    cacheable: bool = False
    """The observed answer came through a cache, or may be kept by one."""
    insecure: bool = False
    proxy: bool = False
    refused: Decision | None = None
    """The evidence itself is refused."""
    raw: bool = False
    """Host and headers are as they were written; never sent."""
    whole: HttpRequest | None = None
    """The request before parts were left out that the failure does not need; None: `request` is the whole one."""
    ran: tuple[int, int] | None = None
    """Failures and tries of the whole request, where it was run."""

    @property
    def original(self) -> str:
        """What tells later whether headers were changed."""
        return digest_of(self.request.headers)

    @property
    def entire(self) -> Imported:
        """With the whole request. A fix is verified with it: what the failure does not need, a healthy service may."""
        return self if self.whole is None else replace(self, request=self.whole, whole=None)

    def counted(self, ran: tuple[int, int]) -> tuple[int, int] | None:
        """Failures and tries of the whole request, with those of another run of it."""
        before = self.ran or (0, 0)
        return (before[0] + ran[0], before[1] + ran[1]) if before[1] + ran[1] else None

    def smaller(self, request: HttpRequest, ran: tuple[int, int]) -> Imported:
        """With what is left of the request, after the whole one failed so often in so many tries."""
        if self.whole is not None:
            return replace(self, request=request)
        counted = self.counted(ran)
        return replace(self, request=request, whole=self.request if request != self.request else None, ran=counted)


def digest_of(headers: Iterable[Header]) -> str:
    """A digest of headers, without regard to their order."""
    lines = sorted(f"{name.lower()}:{value}" for name, value in headers)
    return hashlib.sha256("\n".join(lines).encode("latin-1", "replace")).hexdigest()


def prepared(observed: Imported, env: Environment, *, keep_credentials: bool = False) -> Imported:
    """The request for an environment.

    Args:
        observed: As the evidence has it, with its own host.
        keep_credentials: Cookies and tokens stay; the guard then asks for a confirmation and allows few tries.
    """
    request, notes = observed.request, [*observed.notes]
    refused = observed.refused or evidence_host(request.url)
    if refused is not None:
        return replace(observed, refused=refused)
    place = place_of(request.url)
    if place.origin() not in (place_of(env.origin).origin(), place_of(NO_HOST).origin()):
        notes.append(
            safe(
                f"{place.scheme}://{place.hostport} is not used: a host never comes from evidence; it goes to {env.origin}"
            )
        )
    query, query_notes = _query(place.query, keep_credentials)
    notes += query_notes
    path = place.path if place.path.startswith("/") else "/" + place.path
    url = env.origin + path + ("" if query is None else f"?{query}")
    headers, header_notes = _headers(request.headers, keep_credentials)
    notes += header_notes
    body = request.body
    if body is None and any(value.strip() == "0" for value in request.values("content-length")):
        body = b""
    return replace(observed, request=HttpRequest(request.method, url, headers, body), notes=tuple(notes))


def _query(query: str | None, keep: bool) -> tuple[str | None, list[SafeText]]:
    if query is None or keep:
        return query, []
    kept, gone = [], []
    for part, (name, _) in zip(query.split("&"), query_pairs(query), strict=False):
        if words.SECRET_QUERY.search(decoded(name, plus=True)):
            gone.append(name)
        else:
            kept.append(part)
    if not gone:
        return query, []
    return "&".join(kept) if kept else None, [safe(f"query {name}: a captured credential, stripped") for name in gone]


def _headers(headers: Sequence[Header], keep: bool) -> tuple[tuple[Header, ...], list[SafeText]]:
    kept: list[Header] = []
    notes: list[SafeText] = []
    named = {one.strip().lower() for name, value in headers if name.lower() == "connection" for one in value.split(",")}
    for name, value in headers:
        low = name.strip().lower()
        why = words.never_taken(name)
        if why is None and low in named and low not in ("close", "keep-alive"):
            why = "Connection names it"
        if why is None and low == "user-agent":
            why = "the console names itself"
        if why is None and words.is_credential(name) and not keep:
            why = "a captured credential; the environment's own is used" + _cookies(low, value)
        if why is None and not keep and holds_secret(value):
            why = "its value holds what looks like a secret"
        if why is None:
            kept.append((name, value))
        else:
            notes.append(safe(f"header {name}: stripped: {why}"))
    return tuple(kept), notes


def _cookies(name: str, value: str) -> str:
    if name != "cookie":
        return ""
    names = [pair.partition("=")[0].strip() for pair in value.split(";") if pair.strip()]
    return f" (cookies {', '.join(names)})"


def single_cookie_header(headers: Sequence[Header]) -> tuple[Header, ...]:
    """Headers with several Cookie lines joined, as HTTP/1.1 wants them."""
    cookies = [value for name, value in headers if name.lower() == "cookie"]
    if len(cookies) < 2:
        return tuple(headers)
    joined = ("Cookie", "; ".join(dict.fromkeys(cookies)))
    out: list[Header] = []
    for header in headers:
        if header[0].lower() != "cookie":
            out.append(header)
        elif joined not in out:
            out.append(joined)
    return tuple(out)
