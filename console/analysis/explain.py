"""Why it is so: places, changes and resources that may be at fault, each with what speaks for it and against it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from console.analysis.aftermath import Aftermath, aftermath
from console.analysis.cascade import Cascade, cascade, levelled
from console.analysis.certificates import certificate_drafts
from console.analysis.changes import Judged, in_reach, judge_changes
from console.analysis.comparing import compared_of
from console.analysis.constants import (
    GATE_REQUESTS,
)
from console.analysis.diffs import Effect, effect_of
from console.analysis.evidence import host_draft, leak_draft, place_drafts, runs_short, telemetry_draft
from console.analysis.frames import files_named
from console.analysis.habits import GONE_HOST
from console.analysis.leak import Leak
from console.analysis.load import (
    Surge,
    asking_more,
    busier_services,
    deserted_services,
    find_exhausted,
    find_surge,
    load_ratio,
)
from console.analysis.loaddrafts import PLACES_LOOKED_AT, contention_draft, curves_of, load_draft, traffic_draft
from console.analysis.matter import Case, Growth
from console.analysis.moves import Move
from console.analysis.onset import Onset
from console.analysis.outbound import Blame, Outbound, blame, longest_held
from console.analysis.partsuspects import part_drafts
from console.analysis.place import Place, rank_places
from console.analysis.routine import routines_of
from console.analysis.schedule import scheduled_trouble
from console.analysis.signals import Family, words_of
from console.analysis.silence import UNHEARD
from console.analysis.spanmoves import SpanView, trace_shares
from console.analysis.suspects import Draft, from_changes, ranked
from console.analysis.symptoms import harms_users, symptoms_of
from console.analysis.tracks import ErrorTrack, Track
from console.analysis.undone import ChangeKey, key_of, undos_of
from console.analysis.view import View
from console.analysis.ways import Ways
from console.analysis.whereabouts import Whereabouts, find_whereabouts
from console.domain.changes import Change
from console.domain.consulted import CHANGE_ROLES, unread_changes
from console.domain.diagnosis import Compared, JudgedChange, Standing, State, Suspect, Symptom
from console.domain.instant import Instant, Window
from console.domain.logs import Level, Pattern
from console.domain.observations import Observations
from console.domain.text import SafeText

RESTART_BEFORE_S = 120.0
"""A restart this long before the onset still counts as part of it: it is seen at the next scrape only [D]."""
MOST_COMPARED, MOST_OPERATIONS = 40, 2
"""Changes of which before and after are told, and operations of each that are."""
CHANGED_BEFORE_S = 3600.0
"""A change this long before the onset may be what a later one mends [D]."""
_PLAIN_WORDS = frozenset(
    [
        "error",
        "errors",
        "rate",
        "count",
        "latency",
        "request",
        "requests",
        "service",
        "failed",
        "fail",
        "call",
        "from",
        "with",
        "this",
        "that",
        "return",
        "http",
        "total",
        "second",
        "seconds",
    ]
)


def explain(
    view: View,
    state: State,
    began: Onset | None,
    moves: list[Move],
    leaks: list[Leak],
    patterns: tuple[Pattern, ...],
    spans: SpanView | None,
    cascades: list[Cascade],
    blames: list[Blame],
) -> tuple[tuple[Judged, ...], tuple[Suspect, ...], list[Place]]:
    """Judge every change in reach, rank the suspects, and say where the excess is; without an onset there is nothing to explain."""
    seen = view.seen
    if began is None:
        reach = in_reach(view.changes, None, seen.at)
        quiet = tuple(
            Judged(c, Standing.UNLIKELY, "no-symptom", "no-symptom: nothing is to be explained", 0.0, 0.0, 0.0)
            for c in reach
        )
        quiet = _with_sides(view, quiet, moves)
        ways = Ways.of(seen, view.records, seen.window)
        return quiet, ranked((leak_draft(leak, False, ways) for leak in leaks), seen.window), []
    onset = began.at
    current = [m for m in moves if m.ongoing or state is State.RECOVERING]
    shares = trace_shares(spans, view.graph, unsettled=state is State.INCONCLUSIVE)
    crashed = [r for r in view.restarts if onset - RESTART_BEFORE_S <= r.at <= seen.at]
    places = rank_places(
        current,
        cascades,
        view.graph,
        shares,
        blames,
        _witnessed(view, onset, spans) - deserted_services(seen.series, view.names, onset, seen.at),
        _well(view, moves),
        crashed,
        busier_services(seen.series, view.names, onset, seen.at),
    )
    where = find_whereabouts(view, current, began)
    surge = find_surge(current, view.graph, onset, view.tracks)
    effects = _effects(view)
    killed = {r.service for r in crashed if r.out_of_memory}
    harmed = any(harms_users(m) for m in current)
    sure = [leak for leak in leaks if not harmed or leak.service in killed or runs_short(leak, places)]
    grows = {
        leak.service: Growth(leak.metric, leak.origin, leak.source, leak.query)
        for leak in reversed(sure)
        if leak.origin is not None
    }
    earliest = min([began.earliest, *(growth.since.earliest for growth in grows.values())])
    reach = in_reach(view.changes, earliest, seen.at)
    case = replace(
        _case(view, began, current, places, patterns, effects),
        grows=grows,
        lasts=state is not State.RECOVERING,
        found=where.found,
        surged=surge is not None,
        mixed=where.mixed,
        undos=undos_of(reach, view.changes, seen.diffs),
        after=_after(view, reach, onset, moves),
        routines=routines_of(reach, view.changes, began.earliest, seen.series, view.graph.callers),
        scheduled=scheduled_trouble(view.changes, current, view.tracks, seen.at),
        until=view.observed.until,
        ran=view.observed.ran,
        asks_more=asking_more(
            seen.series, [p.node for p in places[:PLACES_LOOKED_AT]], view.graph.callers, onset, seen.at
        ),
        changed_before=frozenset(c.service for c in reach if onset - CHANGED_BEFORE_S <= c.at <= onset),
    )
    judged = _with_sides(view, judge_changes(reach, view.changes, case), moves)
    since = Window(min(began.earliest, seen.at), seen.at)
    ways = Ways.of(seen, view.records, since)
    symptoms = symptoms_of(moves, seen.window)
    drafts = _drafts(view, onset, current, symptoms, places, leaks, patterns, judged, blames, ways, where, surge)
    return judged, ranked(drafts, since), places


def cascades_of(view: View, moves: list[Move], onset: Instant) -> list[Cascade]:
    """The excess over the call graph in each currency in which users are harmed: failures first, then seconds."""
    found = []
    for currency in ("failures", "seconds"):
        family = Family.RATIO if currency == "failures" else Family.LATENCY
        targets = [m.service for m in moves if harms_users(m) and m.meaning.family is family]
        if not targets:
            continue
        one = cascade(view.tracks, view.graph, currency, onset, view.seen.at, targets)
        if one is not None:
            found.append(one)
    return found


def _well(view: View, moves: list[Move]) -> frozenset[str]:
    """Services that are measured and show nothing at all, not even too little to count."""
    off = {m.service for m in moves if m.ongoing}
    measured = {t.service for t in view.tracks.errors if float(t.requests[-20:].sum()) >= GATE_REQUESTS}
    measured |= {t.service for t in view.tracks.values if t.meaning.family in (Family.RATIO, Family.LATENCY)}
    return frozenset(measured - off)


def _witnessed(view: View, onset: Instant, spans: SpanView | None) -> frozenset[str]:
    """Nodes whose own failures or time were measured since the onset, and long enough before it to have a level."""
    errors = [t for t in view.tracks.errors if t.requests[t.times >= onset].sum() > 0]
    values = [
        t
        for t in view.tracks.values
        if t.meaning.family in (Family.RATIO, Family.LATENCY) and not t.meaning.outbound and (t.times >= onset).any()
    ]
    measured: list[Track | ErrorTrack] = [*errors, *values]
    measured.sort(key=lambda t: -float(t.times[0]))  # the longest of a node stands
    told = levelled({t.service: t for t in measured}, onset)
    return frozenset({*told, *(spans.seen if spans is not None else ())})


def calm_before(view: View, began: Onset | None) -> Window | None:
    """The stretch before the onset that records tell of; None where there is none."""
    first = view.records[0].at if view.records else None
    end = began.earliest if began is not None else view.seen.window.start
    return Window(first, end) if first is not None and first < end else None


def blames_of(view: View, outbound: Outbound, began: Onset, cascades: list[Cascade]) -> list[Blame]:
    """What each service's own calls say of those callees that do not tell of themselves."""
    before = calm_before(view, began)
    if before is None:
        return []
    during = Window(began.at, math.nextafter(view.seen.at, math.inf))
    pairs = {*outbound.calls, *outbound.named, *view.graph.told_by}
    added = {e.node: e.now - e.level for c in cascades if c.currency == "seconds" for e in c.nodes}
    loads = {
        caller: max(1.0, load_ratio(view.seen.series, caller, began.at, view.seen.at) or 1.0)
        for caller in {caller for caller, _ in pairs}
    }
    found = [
        blame(outbound, caller, callee, before, during, added.get(caller), loads[caller])
        for caller, callee in sorted(pairs)
    ]
    return [one for one in found if one is not None]


def _after(view: View, reach: tuple[Change, ...], onset: Instant, moves: list[Move]) -> dict[ChangeKey, Aftermath]:
    """What became of the trouble after each change since the onset."""
    found = {}
    for change in reach:
        if change.at > onset:
            after = aftermath(change, change.service, moves, view.seen.series, view.seen.at)
            if after is not None:
                found[key_of(change)] = after
    return found


def _with_sides(view: View, judged: tuple[Judged, ...], moves: list[Move]) -> tuple[Judged, ...]:
    """With what each change touched, before and after it, until it was taken back; of very many the likeliest ones."""
    troubled: dict[str, list[str]] = {}
    for move in moves:
        if harms_users(move) and move.operation is not None and move.operation not in troubled.get(move.service, ()):
            troubled.setdefault(move.service, []).append(move.operation)

    def sides(one: Judged) -> tuple[Compared, ...]:
        service = one.change.service
        if service is None:
            return ()
        until = one.undo.by.at if one.undo is not None else view.seen.at
        some = sorted(troubled.get(service, ()))[:MOST_OPERATIONS]
        return compared_of(view.seen.series, one.change.at, until, service, some)

    return tuple(replace(j, compared=sides(j)) if k < MOST_COMPARED else j for k, j in enumerate(judged))


def _effects(view: View) -> dict[str, Effect]:
    changes = {change.id: change for change in view.changes}
    return {d.change_id: effect_of(d, changes.get(d.change_id), view.names) for d in view.seen.diffs}


def _case(
    view: View,
    onset: Onset,
    moves: list[Move],
    places: list[Place],
    patterns: tuple[Pattern, ...],
    effects: dict[str, Effect],
) -> Case:
    opened = [m for m in moves if m.opened and not _is_demand(m)]
    moved: dict[str, Onset] = {}
    for move in finest(opened):
        known = moved.get(move.service)
        moved[move.service] = move.began if known is None else Onset.first_of((known, move.began)) or known
    words: set[str] = set()
    for move in opened:
        words |= words_of(move.metric) | words_of(move.operation or "")
    for pattern in patterns:
        if pattern.status in ("new", "surged") and pattern.level >= Level.WARN:
            words |= words_of(pattern.template)
    plain = {w for name in view.names for w in words_of(name)} | _PLAIN_WORDS
    return Case(
        at=view.seen.at,
        onset=onset,
        places=tuple(places),
        graph=view.graph,
        affected=frozenset(m.service for m in opened if m.meaning.signal),
        moved_at=moved,
        words=frozenset(w for w in words if len(w) > 3) - plain,
        patterns=patterns,
        effects=effects,
        running=view.seen.running,
        frames=_frames(view, onset.earliest, {m.service for m in opened}),
        observed=frozenset(t.service for t in view.tracks.errors) | frozenset(t.service for t in view.tracks.values),
    )


def _is_demand(move: Move) -> bool:
    """More requests are no effect of anything that the service does: they neither affect it nor precede a change of it."""
    return move.meaning.family is Family.TRAFFIC and move.direction > 0


def _frames(view: View, onset: Instant, services: set[str]) -> dict[str, Counter[str]]:
    found = {service: files_named(view.records, onset, service) for service in sorted(services)}
    return {service: files for service, files in found.items() if files}


def _drafts(
    view: View,
    onset: Instant,
    moves: list[Move],
    symptoms: tuple[Symptom, ...],
    places: list[Place],
    leaks: list[Leak],
    patterns: tuple[Pattern, ...],
    judged: tuple[Judged, ...],
    blames: list[Blame],
    ways: Ways,
    where: Whereabouts,
    surge: Surge | None,
) -> list[Draft]:
    seen = view.seen
    harmed = [m for m in moves if harms_users(m)]
    bad = {m.service for m in moves if m.opened}
    healthy = frozenset(n for n in view.names if n not in bad)
    probes = {p.name: p for p in seen.probes}
    limits = find_exhausted(view.tracks, seen.series, onset, seen.at)
    asked = [p.node for p in places[:PLACES_LOOKED_AT]] + [one.service for one in limits]
    curves = curves_of(view, symptoms, [*asked, *([surge.entry] if surge is not None else [])], onset)
    drafts = place_drafts(places, view.graph, seen.topology, patterns, probes, healthy, ways, curves, where)
    own = {p.node: p.own for p in places}
    loads: list[Draft] = []
    if surge is not None and harmed:
        loads.append(traffic_draft(surge, harmed, places, curves, view.graph, ways))
    for one in limits:
        held = longest_held(blames, one.service)
        draft = contention_draft(one, own.get(one.service, 0.0), ways, held, curves.get(one.service))
        if draft.standing is Standing.LEADING and any(other.standing is Standing.LEADING for other in loads):
            draft.standing = Standing.POSSIBLE  # the load is the cause, the limit is where it shows
        loads.append(draft)
    first = places[0] if places else None
    if not loads and first is not None and first.node in curves:
        bent = load_draft(first, curves[first.node], ways)
        loads += [bent] if bent is not None else []
    if any(draft.standing is Standing.LEADING for draft in loads):
        for draft in drafts:
            if draft.standing is Standing.LEADING:
                draft.standing = Standing.POSSIBLE
    drafts += loads
    drafts += part_drafts(where, places, view.graph, judged, ways)
    drafts += certificate_drafts(patterns, places, view.names, ways)
    crashed = [r for r in view.restarts if r.at >= onset - RESTART_BEFORE_S]
    drafts += [leak_draft(leak, bool(harmed), ways, crashed, judged, runs_short(leak, places)) for leak in leaks]
    drafts += [telemetry_draft(m, view.graph, ways) for m in moves if m.meaning is UNHEARD and m.opened]
    drafts += [host_draft(m, places, onset, view.graph, ways) for m in moves if m.meaning is GONE_HOST and m.opened]
    drafts += from_changes(judged, ways)
    return drafts


def told_change(judged: Judged) -> JudgedChange:
    """A judged change as the answer tells it."""
    change = judged.change
    return JudgedChange(
        change.id,
        change.kind,
        change.service,
        change.at,
        change.version,
        change.commit,
        judged.standing,
        SafeText(judged.reason),
        change.summary,
        change.source,
        change.observed,
        judged.compared,
    )


def change_explains(seen: Observations, state: State, judged: Iterable[Judged]) -> bool | None:
    """False only where every change source told all it knows and nothing is possible; None where that is not known."""
    if state not in (State.INCIDENT, State.DEGRADING, State.RECOVERING):
        return None
    standings = [j.standing for j in judged]
    if Standing.LEADING in standings:
        return True
    if not any(s.role in CHANGE_ROLES for s in seen.sources) or unread_changes(seen.sources):
        return None
    return None if Standing.POSSIBLE in standings else False


def finest(moves: list[Move]) -> list[Move]:
    """Without error lines of services whose failures or waiting are measured: lines are written when they are."""
    finer = {m.service for m in moves if m.meaning.family in (Family.RATIO, Family.LATENCY)}
    return [m for m in moves if m.meaning.signal != "log_errors" or m.service not in finer]
