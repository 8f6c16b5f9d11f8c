"""Whether a request may be sent: allow, confirm or refuse, with the rule that decided. Pure; the default is to refuse.

The same function judges a request when it is imported, the final bytes before each send, and what is exported. G4 (the peer is
the pinned address) and G15 (redirects are never followed) hold in the transport.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from console.domain.instant import Instant
from console.domain.request import HttpRequest, place_of, query_pairs
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard import words
from console.guard.graphql import NoGraphQL, operations
from console.guard.networks import METADATA_NAMES, canonical, forbidden, looks_numeric, outside
from console.guard.parts import (
    every_segment,
    field_names,
    form_fields,
    has_file,
    json_body,
    media_type,
    query_fields,
    segments,
)
from console.guard.sanitise import safe

MOST_BODY = 64 << 10
MOST_CONFIRMED_BODY = 1 << 20
CAREFUL_TRIES = 3
"""Tries of what is expensive or carries a captured credential."""
CONFIRMED_FOR_S = 600.0


class Verdict(StrEnum):
    """What may happen."""

    ALLOW = "allow"
    CONFIRM = "confirm"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict with its reason."""

    verdict: Verdict
    rule: str
    """`G6`; empty where nothing spoke against the request."""
    reason: SafeText
    most_tries: int | None = None
    """At most so many tries, where a rule sets fewer than the budget."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a reproduction may go; from the configuration, never from evidence."""

    name: str
    tier: str
    """production | staging | local"""
    origin: str
    networks: tuple[str, ...] = ()
    read_post_routes: tuple[str, ...] = ()
    """Paths whose POST only reads, `/search` or `/api/*/query`."""

    @property
    def production(self) -> bool:
        """Whether real users are served here."""
        return self.tier == "production"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a person typed."""

    text: str
    reason: str
    request_sha256: str
    at: Instant
    incident: str
    base: HttpRequest | None = None
    """The request that was confirmed; reductions of it, as the minimiser makes them, are confirmed with it."""


@dataclass(frozen=True, slots=True)
class State:
    """What is known beside the request."""

    now: Instant = 0.0
    incident: str = ""
    addresses: tuple[str, ...] | None = None
    """What the host resolved to; None before it was resolved."""
    ours: frozenset[str] = frozenset()
    """Headers that the console itself added, in lower case."""
    cacheable: bool = False
    """A cache between us and the service may keep answers of this route."""
    altered: bool = False
    """Headers or cookies differ from those of the request that was observed."""
    buster_proven: bool = False
    """The request carries a parameter of its own that no cache has seen, and still fails with it."""
    insecure: bool = False
    proxy: bool = False
    stopped: str | None = None
    """Why budget, breaker or kill switch end sending."""
    blocked: str | None = None
    """Why nothing at all may be sent: the incident is closed, read-only mode."""
    confirmation: Confirmation | None = None


def decide(request: HttpRequest, env: Environment | None, state: State) -> Decision:
    """The decision on one request.

    Never raises: a decision that itself fails is a refusal (G20).
    """
    try:
        found = [one for rule in _RULES for one in rule(request, env, state)]
        worst = _worst(found)
        return _confirmed(worst, request, env, state)
    except Exception as error:  # whatever went wrong in judging, the answer is no
        return _refuse("G20", f"the decision itself failed: {type(error).__name__}: {error}")


def phrase(request: HttpRequest, env: Environment) -> str:
    """What a person types to confirm a request: `staging POST staging.example.internal`."""
    return f"{env.name} {request.method} {place_of(env.origin).hostport}"


def _refuse(rule: str, reason: str) -> Decision:
    return Decision(Verdict.REFUSE, rule, safe(reason, 300))


def _confirm(rule: str, reason: str, most_tries: int | None = None) -> Decision:
    return Decision(Verdict.CONFIRM, rule, safe(reason, 300), most_tries)


def _by_tier(env: Environment, rule: str, reason: str, most_tries: int | None = None) -> Decision:
    """Production refuses, elsewhere it is to be confirmed."""
    if env.production:
        return _refuse(rule, f"{reason}; refused in production")
    return _confirm(rule, reason, most_tries)


def _worst(found: Sequence[Decision]) -> Decision:
    tries = [one.most_tries for one in found if one.most_tries is not None]
    most = min(tries) if tries else None
    for verdict in (Verdict.REFUSE, Verdict.CONFIRM):
        for one in found:
            if one.verdict is verdict:
                return replace(one, most_tries=most)
    return Decision(Verdict.ALLOW, "", SafeText("reads only, at a configured environment"), most)


def _confirmed(decision: Decision, request: HttpRequest, env: Environment | None, state: State) -> Decision:
    typed = state.confirmation
    if decision.verdict is not Verdict.CONFIRM or typed is None or env is None:
        return decision
    why = _why_not(typed, request, env, state)
    if why is not None:
        return _refuse(decision.rule, why)
    return replace(decision, verdict=Verdict.ALLOW, reason=safe(f"confirmed: {decision.reason}", 300))


def _why_not(typed: Confirmation, request: HttpRequest, env: Environment, state: State) -> str | None:
    if typed.text != phrase(request, env):
        return f"the confirmation does not match: type {phrase(request, env)}"
    if not typed.reason.strip():
        return "a reason is needed, which the audit keeps"
    if typed.incident != state.incident:
        return "the confirmation was given for another incident"
    if not 0 <= state.now - typed.at <= CONFIRMED_FOR_S:
        return f"the confirmation is older than {CONFIRMED_FOR_S / 60:.0f} minutes"
    bare = without(request, state.ours)
    if bare.sha256() != typed.request_sha256 and not (typed.base and is_reduction(bare, typed.base)):
        return "the confirmation was given for another request"
    return None


def without(request: HttpRequest, ours: frozenset[str]) -> HttpRequest:
    """The request without the headers that the console added."""
    return request.with_headers(tuple(h for h in request.headers if h[0].lower() not in ours)) if ours else request


def is_reduction(request: HttpRequest, base: HttpRequest) -> bool:
    """Whether a request is another one with parts left out: same method and path, nothing added, a body no longer."""
    a, b = request.place, base.place
    if (request.method, a.origin(), a.path) != (base.method, b.origin(), b.path):
        return False
    left = list(base.headers)
    for header in request.headers:
        if header in left:
            left.remove(header)
        elif header[0].lower() != "cookie":
            return False
    names = [name for name, _ in query_pairs(b.query)]
    for name, _ in query_pairs(a.query):
        if name not in names:
            return False
        names.remove(name)
    return len(a.query or "") <= len(b.query or "") and len(request.body or b"") <= len(base.body or b"")


# --- the rules, in the order in which they are named ----------------------------------------------------------------


def _sending(_: HttpRequest, env: Environment | None, state: State) -> Iterator[Decision]:
    if state.blocked is not None:
        yield _refuse("G19", state.blocked)
    if env is None:
        yield _refuse("G19", "no environment is chosen")
    if state.stopped is not None:
        yield _refuse("G18", state.stopped)


def _clean(request: HttpRequest, _: Environment | None, __: State) -> Iterator[Decision]:
    texts = [request.method, request.url, *(text for header in request.headers for text in header)]
    if any(re.search(r"[\r\n\0]", text) for text in texts):
        yield _refuse("G13", "a line break or NUL in the method, address or a header would forge another header")
    elif any(not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) for name, _ in request.headers):
        yield _refuse("G13", "a header's name holds a character that no name may hold")
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", request.method):
        yield _refuse("G5", "the method is no method")


def _origin(request: HttpRequest, env: Environment | None, _: State) -> Iterator[Decision]:
    scheme = request.url.partition("://")[0].lower()
    if "://" in request.url and scheme not in ("http", "https"):
        yield _refuse("G1", f"{scheme}: only http and https")
        return
    why = why_no_host(request.url)
    if why is not None:
        yield _refuse("G2", why)
        return
    if env is None:
        return
    place, home = request.place, place_of(env.origin)
    if place.host == home.host and scheme == "http" and env.production:
        yield _refuse("G1", "production is reached over https only")
    if place.origin() != home.origin():
        yield _refuse("G2", f"{place.hostport} is not the origin of {env.name}, {env.origin}")


def why_no_host(url: str) -> str | None:
    """Why the host part of an address cannot be trusted to be what it looks like; None where it is plain."""
    try:
        place = place_of(url)
    except ValueError:
        return "the address is not absolute"
    if "\\" in place.authority or re.search(r"[\x00-\x20\x7f-\xff]", place.authority):
        return "the host holds a backslash, a blank or a control character"
    if place.userinfo is not None:
        return "the address holds a user or password"
    if not place.host or place.port is None or not 0 < place.port < 65536:
        return "the address names no host and port"
    if canonical(place.host) is None and (looks_numeric(place.host) or ":" in place.host):
        return f"{place.host} is an address in a form that is not canonical"
    return None


def evidence_host(url: str) -> Decision | None:
    """The refusal for an address in evidence whose host shows that it was made to lead somewhere; else None.

    Any other host of evidence is merely not used.
    """
    why = why_no_host(url)
    if why is None:
        host = place_of(url).host
        bad = forbidden(host) if canonical(host) is not None else None
        if bad is not None or host.rstrip(".") in METADATA_NAMES:
            why = f"{host} is {bad or 'a metadata service'}"
    return None if why is None else _refuse("G2", f"the host comes from evidence: {why}")


def _addresses(request: HttpRequest, env: Environment | None, state: State) -> Iterator[Decision]:
    try:
        host = request.place.host
    except ValueError:
        return
    if host.rstrip(".") in METADATA_NAMES:
        yield _refuse("G3", f"{host} is a metadata service")
    literal = canonical(host)
    for address in state.addresses if state.addresses is not None else ([host] if literal is not None else []):
        why = forbidden(address)
        if why is None and env is not None:
            why = outside(address, env.tier, env.networks)
        if why is not None:
            yield _refuse("G3", f"{host} leads to {address}, {why}")


def _method(request: HttpRequest, env: Environment | None, _: State) -> Iterator[Decision]:
    if env is None or request.method in words.SAFE_METHODS:
        return
    if request.method == "POST" and any(fnmatchcase(request.place.path, route) for route in env.read_post_routes):
        yield _confirm("G5", "a POST to a route that the configuration says only reads")
        return
    yield _by_tier(env, "G5", f"{request.method} may change what the server holds")


def _override(request: HttpRequest, _: Environment | None, __: State) -> Iterator[Decision]:
    for name, _value in request.headers:
        if name.strip().lower().replace("_", "-") in words.OVERRIDE_HEADERS:
            yield _refuse("G6", f"the header {name} makes the server act on another method")
    for name in field_names(request):
        if name.strip().lower().replace("-", "_") in words.OVERRIDE_FIELDS:
            yield _refuse("G6", f"the parameter {name} makes the server act on another method")


def _graphql(request: HttpRequest, env: Environment | None, _: State) -> Iterator[Decision]:
    known = any(s in ("graphql", "gql", "graphiql") for s in every_segment(request.place.path)) or media_type(
        request
    ) in ("application/graphql", "application/graphql+json")
    query, body = dict(query_fields(request)), json_body(request)
    form = dict(form_fields(request))
    holders: list[Any] = [query, form, *(body if isinstance(body, list) else [body])]
    names = [h["operationName"] for h in holders if isinstance(h, dict) and h.get("operationName")]
    documents = [h["query"] for h in holders if isinstance(h, dict) and isinstance(h.get("query"), str)]
    if media_type(request) == "application/graphql":
        documents.append((request.body or b"").decode("utf-8", "replace"))
    unclear: str | None = None
    if isinstance(body, list) and documents and (known or len(documents) > 1):
        unclear = "a batch of GraphQL operations"
    for text in documents:
        try:
            held = operations(text)
        except NoGraphQL as error:
            if known or re.search(r"\b(?:mutation|subscription)\b[^\"]*\{", text):
                unclear = f"a GraphQL document that cannot be read ({error})"
            continue
        chosen = [o for o in held if o.name == names[0]] if len(names) == 1 else []
        for one in chosen if len(chosen) == 1 else held:
            if one.kind != "query":
                yield _refuse(
                    "G7", f"a GraphQL {one.kind}{' ' + one.name if one.name else ''} changes what the server holds"
                )
    persisted = ("extensions", "documentid", "doc_id", "queryid", "query_id", "hash", "sha256hash", "persistedquery")
    fields = {str(k).lower() for h in holders if isinstance(h, dict) for k in h}
    if known and not documents and (fields & set(persisted) or "id" in fields):
        unclear = "a persisted GraphQL operation, whose kind the request does not tell"
    if unclear is not None and env is not None:
        yield _by_tier(env, "G7", unclear)


def _bodies(request: HttpRequest, env: Environment | None, _: State) -> Iterator[Decision]:
    if env is None:
        return
    if request.method in ("GET", "HEAD") and request.body:
        yield _by_tier(env, "G8", f"{request.method} with a body means nothing that is defined")
    if request.method == "QUERY":
        yield _confirm("G8", "QUERY is young, and servers differ in what they make of it")


def _one_time(request: HttpRequest, env: Environment | None, _: State) -> Iterator[Decision]:
    if env is None:
        return
    for name, _value in (*query_fields(request), *form_fields(request)):
        if name.strip().lower() in words.ONE_TIME_FIELDS:
            yield _by_tier(env, "G10", f"the parameter {name} may be good for one use only")
    for segment in every_segment(request.place.path):
        if segment.partition(".")[0] in words.LOGIN_SEGMENTS:
            yield _by_tier(env, "G10", f"/{segment} is about logins or passwords")


def _verbs(request: HttpRequest, env: Environment | None, _: State) -> Iterator[Decision]:
    if env is None:
        return
    for segment in dict.fromkeys((*segments(request.place.path), *every_segment(request.place.path))):
        if segment in words.VERBS or segment.partition(".")[0] in words.VERBS:
            yield _by_tier(env, "G9", f"/{segment} is an action by its name, whatever the method")
    for name, value in (*query_fields(request), *form_fields(request)):
        if name.strip().lower() in words.ACTION_FIELDS and value.strip().lower() in words.VERBS:
            yield _by_tier(env, "G9", f"{name}={value} is an action by its name, whatever the method")


def _expensive(request: HttpRequest, env: Environment | None, _: State) -> Iterator[Decision]:
    if env is None:
        return
    found = every_segment(request.place.path)
    host = request.place.host
    why = next((f"/{s}" for s in found if s.partition(".")[0] in words.EXPENSIVE_SEGMENTS), None)
    for path in words.EXPENSIVE_PATHS:
        if any(found[i : i + len(path)] == path for i in range(len(found))):
            why = "/" + "/".join(path)
    if any(host == one or host.endswith("." + one) for one in words.LLM_HOSTS):
        why = host
    if why is not None:
        cost = "money for each token" if "complet" in why or why == host else "seconds of CPU and a large answer"
        yield _by_tier(
            env, "G11", f"{why} is expensive: each try costs {cost}; at most {CAREFUL_TRIES} tries", CAREFUL_TRIES
        )


def _captured(request: HttpRequest, _: Environment | None, state: State) -> Iterator[Decision]:
    held = [name for name, _ in request.headers if words.is_credential(name) and name.lower() not in state.ours]
    if held:
        yield _confirm("G12", f"it carries a captured credential ({', '.join(held)})", CAREFUL_TRIES)


def _stripped(request: HttpRequest, env: Environment | None, state: State) -> Iterator[Decision]:
    for name, _value in request.headers:
        why = words.never_taken(name)
        if why is None or name.lower() in state.ours:
            continue
        if words.is_forwarding(name) and env is not None:
            yield _by_tier(env, "G13", f"the header {name} claims that the request came from elsewhere")
        else:
            yield _refuse("G13", f"the header {name} is never sent: {why}")


def _cache(_: HttpRequest, env: Environment | None, state: State) -> Iterator[Decision]:
    if env is not None and env.production and state.cacheable and state.altered and not state.buster_proven:
        yield _refuse("G14", "a cache could store the answer to this changed request for real users; use staging")


def _transport(_: HttpRequest, env: Environment | None, state: State) -> Iterator[Decision]:
    if env is None:
        return
    if state.insecure:
        yield _by_tier(env, "G16", "the certificate would not be verified")
    if state.proxy:
        yield _by_tier(env, "G16", "it was sent through a proxy, and the console connects straight")


def _upload(request: HttpRequest, env: Environment | None, _: State) -> Iterator[Decision]:
    size = len(request.body or b"")
    if env is None:
        return
    if size > MOST_CONFIRMED_BODY:
        yield _refuse("G17", f"a body of {size} bytes is more than {MOST_CONFIRMED_BODY >> 20} MiB")
    elif size > MOST_BODY:
        yield _by_tier(env, "G17", f"a body of {size} bytes is more than {MOST_BODY >> 10} KiB")
    if has_file(request):
        yield _by_tier(env, "G17", "it uploads a file")


_RULES: tuple[Callable[[HttpRequest, Environment | None, State], Iterator[Decision]], ...] = (
    _sending, _clean, _origin, _addresses, _override, _graphql, _one_time, _verbs, _expensive, _bodies, _method, _captured,
    _stripped, _cache, _transport, _upload,
)  # fmt: skip
"""Of several refusals the first is told. G10 stands before G9, since `/confirm?token=` is a login step first."""
