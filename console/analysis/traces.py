"""Spans: who spent the time itself, who waited on the network, and whose operations now do something else.

Three currencies that are never added: own time and network gap in seconds, function as shares of an operation's spans.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass as open_dataclass
from dataclasses import field

from console.analysis.signals import words_of
from console.analysis.stats import rank_sum
from console.analysis.templates import template_of
from console.domain.instant import Instant, Window
from console.domain.logs import Level, LogRecord
from console.domain.spans import Span
from console.domain.values import dataclass

OWN_BEFORE = 5
OWN_DURING = 3
"""Spans needed on each side for own time."""
OWN_RATIO = 1.5
OWN_MORE_S = 0.002
"""Median own time after must exceed 1.5 x before and 2 ms more."""
GAP_MORE_S = 0.002
PEERS = 20
PEER_RATIO = 10.0
"""An edge without calls enough of before is held against so many of its caller's other ones, and must exceed them tenfold [D]."""
SHIFT_CHANCE = 0.02
"""Rank-sum p up to which a shift of time counts at all [D]."""
FUNCTION_SHIFT = 0.25
"""Share of an operation's spans that must change what they do; all five [M, Nezha]."""
KIND_WORDS = 4
"""Words at the beginning of lines, their level among them, by which one statement is known [D]."""
CALL = "call "
ERROR_WORDS = frozenset(("error", "errors", "exception", "exceptions", "failure", "fallback"))
"""Operations with such a name are where a framework goes when a request fails [D]."""
DEEPEST = 64
"""Spans on the way up inside one service; malformed traces may loop."""
REMOTES_KEPT = 3
ALL_EDGES = 0.7
INCOMING_EDGES = 0.3


@dataclass(frozen=True, slots=True)
class Edge:
    """Calls from one service to another."""

    caller: str
    callee: str


@open_dataclass(slots=True)
class Calls:
    """Spans in the form that the comparison needs."""

    own: dict[tuple[str, str, str], list[tuple[Instant, float]]] = field(default_factory=lambda: defaultdict(list))
    """(end, own seconds) by service, operation and what it calls: spans that do other work do not compare."""
    gaps: dict[Edge, list[tuple[Instant, float]]] = field(default_factory=lambda: defaultdict(list))
    """(end, client minus server seconds) by edge."""
    failed: dict[tuple[str, str], list[tuple[Instant, bool]]] = field(default_factory=lambda: defaultdict(list))
    served: dict[tuple[str, str], list[tuple[Instant, float, bool]]] = field(default_factory=lambda: defaultdict(list))
    """(end, seconds, failed) of requests served, by service and operation."""
    outgoing: dict[tuple[str, str], list[tuple[Instant, float, bool]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """(end, seconds, failed) of calls that no span of another service answers: outside hosts and stores."""
    edges: dict[Edge, int] = field(default_factory=lambda: defaultdict(int))
    acts: dict[tuple[str, str], list[tuple[Instant, frozenset[str]]]] = field(default_factory=lambda: defaultdict(list))
    """(end, what the span did) by service and operation: operations called and templates written."""
    severe: set[str] = field(default_factory=set)
    """Acts that are warnings or errors."""


@dataclass(frozen=True, slots=True)
class Shift:
    """One operation whose time or function changed."""

    service: str
    operation: str
    before: float
    after: float
    n_before: int
    n_after: int
    weight: float
    """Excess seconds, or weighted spans of changed function."""
    what: str = ""
    """Function: what appeared or vanished."""
    gap: bool = False
    """Network time; then `operation` is the callee."""
    chance: float = 1.0
    """Time: one-sided p of the rank sum, the later spans against the earlier ones."""
    severe: bool = False
    """Function: a warning or an error, or where requests go that fail."""


@dataclass(frozen=True, slots=True)
class Currencies:
    """What changed, per service, in each currency; larger is more."""

    own: dict[str, float]
    gap: dict[str, float]
    function: dict[str, float]
    own_shifts: tuple[Shift, ...]
    gap_shifts: tuple[Shift, ...]
    function_shifts: tuple[Shift, ...]


def read_calls(spans: Iterable[Span], records: Iterable[LogRecord] = ()) -> Calls:
    """Sort spans into own time, network gaps and acts. A span whose parent was not read stands alone."""
    by_id: dict[str, Span] = {}
    for span in spans:
        by_id.setdefault(span.span_id, span)
    children: dict[str, list[Span]] = defaultdict(list)
    for span in by_id.values():
        if span.parent_id is not None and span.parent_id in by_id and span.parent_id != span.span_id:
            children[span.parent_id].append(span)
    calls = Calls()
    lines = [record for record in records if record.at is not None]
    # Spans from before the first line at hand would seem to have written nothing.
    told_since = min((record.at for record in lines if record.at is not None), default=float("-inf"))
    acts = _acts(by_id, children, lines, calls)
    remotes = _remotes(by_id, children)
    for span in by_id.values():
        below = children.get(span.span_id, ())
        remote = [child for child in below if child.service != span.service]
        key = (span.service, span.operation)
        for child in remote:
            calls.edges[Edge(span.service, child.service)] += 1
        if span.kind in ("client", "producer"):
            if len(remote) == 1:
                gap = max(0.0, span.duration_s - remote[0].duration_s)
                calls.gaps[Edge(span.service, remote[0].service)].append((span.end, gap))
            elif not below:
                calls.outgoing[key].append((span.end, span.duration_s, span.failed))
        if span.kind != "client" or not remote:
            calls.own[span.service, span.operation, remotes.get(span.span_id, "")].append(
                (span.end, own_time(span, [*below, *_awaited(span, by_id, children)]))
            )
        parent = by_id.get(span.parent_id) if span.parent_id is not None else None
        if parent is None or parent.service != span.service:
            calls.served[key].append((span.end, span.duration_s, span.failed))
        if span.end >= told_since:
            calls.acts[key].append((span.end, acts.get(span.span_id, frozenset())))
    return calls


def _remotes(by_id: dict[str, Span], children: dict[str, list[Span]]) -> dict[str, str]:
    """The operations of other services that a span reaches without leaving its own, by span id."""
    found: dict[str, set[str]] = defaultdict(set)
    for parent_id, below in children.items():
        parent = by_id[parent_id]
        names = {f"{child.service} {child.operation}" for child in below if child.service != parent.service}
        node: Span | None = parent
        for _ in range(DEEPEST):
            if node is None or node.service != parent.service or not names:
                break
            found[node.span_id] |= names
            node = by_id.get(node.parent_id) if node.parent_id is not None else None
    return {span_id: ", ".join(sorted(names)[:REMOTES_KEPT]) for span_id, names in found.items()}


def _awaited(span: Span, by_id: dict[str, Span], children: dict[str, list[Span]]) -> list[Span]:
    """Calls recorded beside a span instead of below it, as asynchronous frameworks do: it waited for them all the same."""
    if span.parent_id is None or span.parent_id not in by_id or span.kind == "client":
        return []
    return [other for other in children[span.parent_id] if other.kind == "client" and other is not span]


def own_time(span: Span, children: Iterable[Span]) -> float:
    """Duration minus the union of the children's intervals, clipped to the span."""
    covered, reach = 0.0, span.start
    for start, end in sorted((c.start, c.end) for c in children):
        low, high = max(start, reach), min(end, span.end)
        if high > low:
            covered += high - low
            reach = high
    return max(0.0, span.duration_s - covered)


def _acts(
    by_id: dict[str, Span], children: dict[str, list[Span]], records: Iterable[LogRecord], calls: Calls
) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for parent, below in children.items():
        for child in below:
            act = f"{CALL}{child.service} {child.operation}"
            found[parent].add(act)
            if words_of(child.operation) & ERROR_WORDS:
                calls.severe.add(act)
    for span in by_id.values():
        if span.failed:
            found[span.span_id].add("fails")
            calls.severe.add("fails")
    memo: dict[str, str] = {}
    for record in records:
        span_id = next((str(value) for name, value in record.fields if name in _SPAN_FIELDS), "")
        if span_id not in by_id:
            continue
        template = memo.get(record.message)
        if template is None:
            template = memo[record.message] = template_of(record.message)
        act = f"{record.level.word}: {template}"
        if record.level >= Level.WARN:
            calls.severe.add(act)
        found[span_id].add(act)
    return {span_id: frozenset(done) for span_id, done in found.items()}


_SPAN_FIELDS = frozenset(("span_id", "spanId", "span.id", "SpanID", "spanid"))


def compare_calls(calls: Calls, before: Window, during: Window, *, function: bool = True) -> Currencies:
    """What changed from `before` to `during`, in each currency; without `function`, only the two of time."""
    own_shifts = tuple(s for s in _own_shifts(calls, before, during) if s.chance <= SHIFT_CHANCE)
    gap_shifts = tuple(s for s in _gap_shifts(calls, before, during) if s.chance <= SHIFT_CHANCE)
    function_shifts = tuple(_function_shifts(calls, before, during)) if function else ()
    return Currencies(
        _sum(own_shifts),
        _gap_by_service(calls, gap_shifts),
        _sum(function_shifts),
        own_shifts,
        gap_shifts,
        function_shifts,
    )


def _sum(shifts: Iterable[Shift]) -> dict[str, float]:
    total: dict[str, float] = defaultdict(float)
    for shift in shifts:
        total[shift.service] += shift.weight
    return dict(total)


def _split(points: list[tuple[Instant, float]], before: Window, during: Window) -> tuple[list[float], list[float]]:
    return [v for t, v in points if t in before], [v for t, v in points if t in during]


def _median(values: list[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _own_shifts(calls: Calls, before: Window, during: Window) -> Iterable[Shift]:
    for (service, operation, _), points in calls.own.items():
        old, new = _split(points, before, during)
        if len(old) < OWN_BEFORE or len(new) < OWN_DURING:
            continue
        was, now = _median(old), _median(new)
        if now > OWN_RATIO * was and now > was + OWN_MORE_S:
            yield Shift(
                service,
                operation,
                was,
                now,
                len(old),
                len(new),
                (now - was) * len(new),
                chance=rank_sum(old, new),
            )


def _gap_shifts(calls: Calls, before: Window, during: Window) -> Iterable[Shift]:
    split = {edge: _split(points, before, during) for edge, points in calls.gaps.items()}
    peers: dict[str, list[float]] = defaultdict(list)
    for edge, (old, _) in split.items():
        peers[edge.caller] += old
    for edge, (old, new) in split.items():
        if len(new) < OWN_DURING:
            continue
        was, now = _median(old) if old else 0.0, _median(new)
        if len(old) < OWN_BEFORE:
            # Seldom called: the way to others from the same place tells what is usual, if the difference is that of worlds.
            least, old = PEER_RATIO * was, peers[edge.caller]
            if len(old) < PEERS or now < least or now < PEER_RATIO * (was := _median(old)):
                continue
        if now - was > max(GAP_MORE_S, was / 2):
            yield Shift(
                edge.caller,
                edge.callee,
                was,
                now,
                len(old),
                len(new),
                (now - was) * len(new),
                gap=True,
                chance=rank_sum(old, new),
            )


def _gap_by_service(calls: Calls, shifts: Iterable[Shift]) -> dict[str, float]:
    """What each service added by its network: 0.7 x its edges + 0.3 x its incoming ones, each side times how much of it is bad.

    Sides are kept apart: who alone calls it slowly is no worse for calling ten others well, and the one that all of its
    callers reach slowly is where the way is slow, however many it calls itself.
    """
    into, out = _Side(), _Side()
    for edge in calls.gaps:
        into.edges[edge.callee] += 1
        out.edges[edge.caller] += 1
    for shift in shifts:
        into.weights[shift.operation].append(shift.weight)
        out.weights[shift.service].append(shift.weight)
    services = {*into.weights, *out.weights}
    return {s: ALL_EDGES * (into.bad(s) + out.bad(s)) + INCOMING_EDGES * into.bad(s) for s in services}


@open_dataclass(slots=True)
class _Side:
    """The edges into each service, or those out of it."""

    edges: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    weights: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Excess seconds of the edges that became slower."""

    def bad(self, service: str) -> float:
        """Excess seconds times the share of the edges that is bad; an edge counts as far as it is as bad as the worst."""
        weights = self.weights.get(service, [])
        worst = max(weights, default=0.0)
        if worst <= 0:
            return 0.0
        return sum(weights) * sum(weight / worst for weight in weights) / max(1, self.edges[service])


def _function_shifts(calls: Calls, before: Window, during: Window) -> Iterable[Shift]:
    """Acts that appeared, vanished or became far more or less frequent in the spans of one operation.

    Left out is what is no harm: a service whose errors are gone does again what it should, and requests about other things
    write other words into the same line.
    """
    found: list[Shift] = []
    recovered: set[str] = set()
    for (service, operation), points in calls.acts.items():
        old = [acts for t, acts in points if t in before]
        new = [acts for t, acts in points if t in during]
        if len(old) < OWN_BEFORE or len(new) < OWN_DURING:
            continue
        bad_old, bad_new = (sum(not calls.severe.isdisjoint(acts) for acts in side) for side in (old, new))
        was, now, shift = _moved(bad_old, len(old), bad_new, len(new))
        if shift > FUNCTION_SHIFT and now < was:
            recovered.add(service)
        every = sorted({a for acts in (*old, *new) for a in acts})  # ties keep their order
        kinds: dict[str, set[str]] = defaultdict(set)
        for act in every:
            kinds[_kind_of(act)].add(act)
        for act in every:
            k_old, k_new = sum(act in acts for acts in old), sum(act in acts for acts in new)
            was, now, shift = _moved(k_old, len(old), k_new, len(new))
            if shift <= FUNCTION_SHIFT:
                continue
            severe = act in calls.severe
            if severe and now < was:
                continue  # an error that is gone is no harm
            alike = kinds[_kind_of(act)]
            if not severe and _varies(act, alike, k_old, k_new, old) and _other_words(alike, old, new):
                continue
            kind = 2.0 if severe and not k_old else 1.0 if k_old and not k_new else 0.8
            weight = kind * shift * math.log1p(len(new))
            found.append(Shift(service, operation, was, now, len(old), len(new), weight, act, severe=severe))
    worse = {s.service for s in found if s.what in calls.severe}
    yield from (s for s in found if s.service not in recovered - worse)


def _moved(k_old: int, n_old: int, k_new: int, n_new: int) -> tuple[float, float, float]:
    """Share before, share since, and how far they are apart beyond half of the standard error."""
    was, now = (k_old + 0.5) / (n_old + 1), (k_new + 0.5) / (n_new + 1)
    error = math.sqrt(was * (1 - was) / n_old + now * (1 - now) / n_new)
    return was, now, abs(now - was) - 0.5 * error


def _kind_of(act: str) -> str:
    """What lines have in common that one statement writes about different things: how they begin. All calls are alike."""
    return CALL if act.startswith(CALL) else " ".join(act.split()[:KIND_WORDS])


def _varies(act: str, kind: set[str], k_old: int, k_new: int, old: list[frozenset[str]]) -> bool:
    """Whether other words in its place mean nothing: they were there before, or what stands there was different each time."""
    if k_old and k_new:
        return True
    return not act.startswith(CALL) and len(kind & frozenset().union(*old)) > 1


def _other_words(kind: set[str], old: list[frozenset[str]], new: list[frozenset[str]]) -> bool:
    """Whether spans write lines of this kind, or call, as often as before and as many, only with other words in them."""
    if len(kind) < 2:
        return False
    k_old, k_new = (sum(not kind.isdisjoint(acts) for acts in side) for side in (old, new))
    each_old, each_new = (sum(len(kind & acts) for acts in side) / len(side) for side in (old, new))
    as_many = abs(each_new - each_old) <= FUNCTION_SHIFT * max(1.0, each_old)
    return as_many and _moved(k_old, len(old), k_new, len(new))[2] <= FUNCTION_SHIFT
