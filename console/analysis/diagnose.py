"""The one entry: observations in, diagnosis out. Pure; nothing stamped after `at` has any influence."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from console.analysis.callgraph import graph_calls, own_excess
from console.analysis.cascade import Cascade, cascade, levelled
from console.analysis.changes import Case, Growth, Judged, in_reach, judge_changes
from console.analysis.constants import (
    BASELINE_WINDOWS,
    GATE_REQUESTS,
    TREND_STEPS,
    Thresholds,
)
from console.analysis.countmoves import judge_errors
from console.analysis.dependencies import dependency_states
from console.analysis.diffs import Effect, effect_of
from console.analysis.evidence import contention_draft, leak_draft, place_drafts, telemetry_draft, traffic_draft
from console.analysis.frames import files_named
from console.analysis.graph import Graph, build_graph
from console.analysis.leak import Leak, find_leaks
from console.analysis.load import busier_services, find_exhausted, find_surge
from console.analysis.loglevels import log_moves
from console.analysis.moves import Move, judge
from console.analysis.onset import Onset
from console.analysis.outbound import Blame, Outbound, blame, longest_held, read_outbound
from console.analysis.patterns import Compared, compare_since, counted, special
from console.analysis.place import Place, rank_places
from console.analysis.plausible import contradicted, unfelt
from console.analysis.restarts import Restart, find_restarts
from console.analysis.signals import Family, words_of
from console.analysis.silence import UNHEARD, aged_sources, find_silences, silence_moves
from console.analysis.spanmoves import NEW_LINES, SpanView, judge_spans, new_errors, recorded_before, trace_shares
from console.analysis.suspects import Draft, from_changes, ranked
from console.analysis.symptoms import harms_users, symptoms_of
from console.analysis.tails import tails_named
from console.analysis.traces import Calls, read_calls
from console.analysis.tracks import ErrorTrack, Track, Tracks, build_tracks
from console.analysis.verdict import Known, state_of, summary_of
from console.analysis.ways import Ways
from console.analysis.whole import with_wholes
from console.domain.changes import BY_DEPLOY, Change, Running, same_build
from console.domain.diagnosis import BaselineWindow, Diagnosis, Exhaustion, JudgedChange, Standing, State, Suspect
from console.domain.instant import Instant, Window
from console.domain.logs import Level, LogRecord, Pattern
from console.domain.observations import ErrorSample, Observations
from console.domain.reading import SourceState
from console.domain.series import SeriesSet
from console.domain.shapes import ShapeCounts
from console.domain.spans import Span
from console.domain.text import SafeText

OLDEST_S = 366 * 86400.0
"""Stamps further back than a year are mistakes."""
LONGEST_SPAN_S = 7 * 86400.0
SPANS_NEEDED_S = 600.0
"""Spans of so many seconds before tell their noise: ten bins of a minute, as for series [D]."""
RESTART_BEFORE_S = 120.0
"""A restart this long before the onset still counts as part of it: it is seen at the next scrape only [D]."""
FAMILY_CHANCE = 0.05
"""Departures that are accepted by chance alone, over all series of one diagnosis [D]."""
MOST_PATTERNS = 50
CHANGE_ROLES = frozenset(("changes", "deploys"))


@dataclass(frozen=True, slots=True)
class View:
    """The observations, cut at the knowledge time and sorted for the analysis."""

    seen: Observations
    tracks: Tracks
    spans: tuple[Span, ...]
    calls: Calls | None
    records: tuple[LogRecord, ...]
    """Every level where the source gave them, else warnings and errors; oldest first."""
    covered: Window | None
    """The stretch that `records` cover without a gap at its start."""
    complete: bool
    """Whether `records` are all of every level."""
    changes: tuple[Change, ...]
    graph: Graph
    names: frozenset[str]
    restarts: tuple[Restart, ...]


def diagnose(
    seen: Observations,
    thresholds: Thresholds | None = None,
    services: tuple[str, ...] = (),
    generated_at: Instant | None = None,
) -> Diagnosis:
    """Judge what was seen.

    Args:
        seen: What all sources know.
        thresholds: What the user may set.
        services: Only these services and dependencies may show symptoms; empty: all.
        generated_at: When this is asked; default: the knowledge time.
    """
    import numpy as np

    with np.errstate(all="ignore"):  # absurd numbers end as gaps and unknowns, not as warnings
        return _diagnose(seen, thresholds or Thresholds(), services, generated_at)


def _diagnose(
    seen: Observations, limits: Thresholds, services: tuple[str, ...], generated_at: Instant | None
) -> Diagnosis:
    seen = known_at(seen)
    seen = replace(seen, sources=aged_sources(seen.sources, seen.series, seen.at), series=with_wholes(seen.series))
    view = _view(seen)
    moves = _moves(view, limits)
    spans = _span_view(view, moves)
    if spans is not None:
        moves += spans.moves
    moves += silence_moves(find_silences(seen.series, seen.at), moves, view.graph)
    if services:
        moves = [m for m in moves if m.service in services]
    leaks = [
        leak for leak in find_leaks(view.tracks, seen.at, view.restarts) if not services or leak.service in services
    ]
    known = _known(view, moves, leaks, _notes(view, spans))
    state = state_of(known)
    began = _onset(state, moves, leaks)
    if began is None and state is State.INCONCLUSIVE and spans is not None and known.notes:
        began = Onset.exactly(spans.onset)
    onset = began.at if began is not None else None
    patterns = _patterns(view, began)
    outbound = read_outbound(view.records, view.names)
    current = [m for m in moves if m.ongoing or state is State.RECOVERING]
    cascades = _cascades(view, current, began.at) if began is not None else []
    blames = _blames(view, outbound, began, cascades) if began is not None else []
    judged, suspects, places = _explain(view, state, began, moves, leaks, patterns.patterns, spans, cascades, blames)
    explains = _explains(seen, state, judged)
    changes = tuple(_judged_change(j) for j in sorted(judged, key=lambda j: j.change.at, reverse=True))
    return Diagnosis(
        at=seen.at,
        state=state,
        summary=SafeText(summary_of(state, known, onset, suspects, changes, explains)),
        onset=onset,
        onset_between=Window(began.earliest, began.latest)
        if began is not None and began.earliest < began.latest
        else None,
        window=seen.window,
        baseline=_baselines(seen, onset),
        symptoms=symptoms_of(moves, seen.window),
        suspects=suspects,
        changes=changes,
        change_explains=explains,
        running=_running(seen),
        dependencies=dependency_states(
            seen.topology, view.graph, seen.series, seen.probes, moves, view.calls, _since(seen, onset), seen.at
        ),
        calls=graph_calls(view.graph, outbound, _calm(view, began), _since(seen, onset)),
        excess=own_excess(places),
        patterns=special(patterns, MOST_PATTERNS),
        pattern_baseline=patterns.baseline,
        patterns_sampled=patterns.sampled,
        pattern_names=patterns.names,
        exhaustion=tuple(
            Exhaustion(leak.service, leak.metric, leak.limit, leak.earliest, leak.latest)
            for leak in leaks
            if leak.earliest is not None
        ),
        sources=seen.sources,
        generated_at=seen.at if generated_at is None else generated_at,
    )


def known_at(seen: Observations) -> Observations:
    """The same without anything stamped after the knowledge time, whoever put it there."""
    at = seen.at
    late = any(len(one) and one.times[-1] > at for one in seen.series)
    return replace(
        seen,
        series=SeriesSet.of([one.until(at) for one in seen.series]) if late else seen.series,
        changes=tuple(c for c in seen.changes if c.at <= at),
        running=tuple(r for r in seen.running if r.observed_at is None or r.observed_at <= at),
        probes=tuple(p for p in seen.probes if p.at <= at),
        shapes=tuple(one.until(at) for one in seen.shapes),
    )


# -- reading ----------------------------------------------------------------------------------------------------------


def _view(seen: Observations) -> View:
    at = seen.at
    spans = tuple(s for s in seen.spans if s.end <= at and _usable(s.start, at) and 0 <= s.duration_s < LONGEST_SPAN_S)
    sample = _sample(seen)
    records = tuple(
        sorted(
            (r for r in (sample.records if sample else ()) if r.at is not None and _usable(r.at, at)),
            key=lambda r: r.at or 0.0,
        )
    )
    calls = read_calls(spans, records) if spans else None
    names = {s.name for s in seen.topology.services} | {d.name for d in seen.topology.dependencies}
    names |= {key.service for key in seen.series.by_key} | {s.service for s in spans}
    names.discard("")
    covered = None
    if sample is not None:
        start = sample.window.start
        if records and (sample.matched > len(sample.records) or seen.records is not None):
            start = max(start, records[0].at or start)
        covered = Window(min(start, at), at)
    return View(
        seen,
        build_tracks(seen.series, at),
        spans,
        calls,
        records,
        covered,
        seen.records is not None and seen.records.matched <= len(seen.records.records),
        tuple(c for c in seen.changes if c.at <= at),
        build_graph(seen.topology, calls, records, names),
        frozenset(names),
        tuple(find_restarts(seen.series, at)),
    )


def _usable(stamp: Instant, at: Instant) -> bool:
    return at - OLDEST_S <= stamp <= at


def _sample(seen: Observations) -> ErrorSample | None:
    """The records that count: all of them; else every warning and error with a part of the rest; else a part of all."""
    every, bad = seen.records, seen.errors
    if every is None or bad is None:
        return every or bad
    if every.matched <= len(every.records) and every.window.start <= bad.window.start:
        return every
    if bad.matched > len(bad.records):
        return every if every.window.start <= bad.window.start else ErrorSample(bad.window, bad.records, bad.matched)
    rest = tuple(r for r in every.records if r.level < Level.WARN)
    return ErrorSample(bad.window, (*bad.records, *rest), len(bad.records) + len(rest))


def _moves(view: View, limits: Thresholds) -> list[Move]:
    seen = view.seen
    found = [judge_errors(track, seen.at, seen.window, limits) for track in view.tracks.errors]
    found += [judge(track, seen.at, seen.window, limits) for track in view.tracks.values]
    moves = [m for m in found if m is not None]
    if view.covered is not None and view.records:
        source = view.records[-1].source or "logs"
        moves += log_moves(view.records, view.covered, seen.at, seen.window, limits, source, seen.records is not None)
        told = {m.service for m in moves if m.metric == "error_lines" and m.opened}
        moves = [m for m in moves if m.metric != "log_errors" or m.service not in told]
        known = {m.service for m in moves if m.meaning.signal == "log_errors" and m.opened}
        moves += [m for m in new_errors(view.records, seen.at, seen.window, source) if m.service not in known]
        moves = _measured_first(view, moves)
    moves = _plausible(view, _family_wise(moves, len(view.tracks.values)))
    return tails_named(moves, view.tracks, limits)


def _measured_first(view: View, moves: list[Move]) -> list[Move]:
    """Where a service's requests are counted and do not fail more than before, its error lines alone are no trouble."""
    counted = {t.service for t in view.tracks.errors if float(t.requests[-40:].sum()) >= GATE_REQUESTS}
    failing = {m.service for m in moves if m.opened and m.meaning.family is Family.RATIO}
    calm = counted - failing
    return [
        replace(m, opened=False, short="its requests fail no more than before")
        if m.opened and m.meaning.signal == "log_errors" and m.service in calm
        else m
        for m in moves
    ]


def _plausible(view: View, moves: list[Move]) -> list[Move]:
    """Close latencies that their callers do not feel, and those that the spans of the same stretch contradict."""
    judged = []
    for move in moves:
        short = ""
        if move.opened and move.meaning.family is Family.LATENCY and not move.meaning.outbound:
            short = unfelt(move, view.tracks, view.graph) or (
                contradicted(move, view.calls, view.seen.at) if view.calls else ""
            )
        judged.append(replace(move, opened=False, short=short) if short else move)
    return judged


def _family_wise(moves: list[Move], tracks: int) -> list[Move]:
    """Close departures that are to be expected among so many series and places in time: above 5 % in all.

    A departure that lasts could have been seen at one place only, the end; one that ended n bins ago at n more.

    What has counts behind its failures was tested exactly and stays.
    """
    judged = []
    for move in moves:
        expected = move.chance * max(1, tracks) * (1 + move.since_bins)
        if move.opened and expected > FAMILY_CHANCE and move.metric != NEW_LINES:
            move = replace(move, opened=False, short=f"one of {tracks} series is off like this now and then")
        judged.append(move)
    return judged


def _span_view(view: View, moves: list[Move]) -> SpanView | None:
    if view.calls is None:
        return None
    harmed = [m.onset for m in moves if m.ongoing and harms_users(m)]
    source = next((r.name for r in view.seen.sources if r.role == "traces"), "traces")
    known = judge_spans(view.spans, view.calls, view.seen.at, min(harmed), source) if harmed else None
    return known or judge_spans(view.spans, view.calls, view.seen.at, None, source)


def _notes(view: View, spans: SpanView | None) -> tuple[str, ...]:
    """What keeps calm metrics from meaning healthy: spans too short to know their own noise, and changed all the same."""
    if spans is None:
        return ()
    before = recorded_before(view.spans, spans.onset)
    changed = spans.added_share > 0.01 or bool(spans.currencies.function)
    if before >= SPANS_NEEDED_S or not changed:
        return ()
    return (
        f"spans changed, and only {before / 60:.0f} min of them before are at hand where {SPANS_NEEDED_S / 60:.0f} min are needed to know their noise",
    )


def _known(view: View, moves: list[Move], leaks: list[Leak], notes: tuple[str, ...]) -> Known:
    seen = view.seen
    requests = 0.0
    for track in view.tracks.errors:
        if track.operation is None:
            inside = track.times >= seen.window.start
            requests += float(track.requests[inside].sum())
    judged = sum(t.times.size >= 10 for t in view.tracks.errors) + sum(t.times.size >= 10 for t in view.tracks.values)
    return Known(
        seen.at,
        seen.window,
        tuple(moves),
        tuple(leaks),
        seen.sources,
        judged,
        round(requests) or None,
        len({t.service for t in view.tracks.errors} | {t.service for t in view.tracks.values}),
        notes,
    )


def _onset(state: State, moves: list[Move], leaks: list[Leak]) -> Onset | None:
    """The earliest onset of what harms; a resource that filled up before counts from when it began to."""
    if state is State.DEGRADING:
        lost = [m.began for m in moves if m.ongoing and m.opened and m.meaning is UNHEARD]
        return Onset.first_of([Onset.exactly(leak.since) for leak in leaks] + lost)
    if state is State.INCIDENT:
        chosen = [m for m in moves if m.ongoing and m.opened and (harms_users(m) or _fills(m))]
        chosen = _finest(chosen)
    elif state is State.RECOVERING:
        chosen = [m for m in moves if m.end is not None and harms_users(m)]
    else:
        return None
    return Onset.first_of(m.began for m in chosen if not m.first) or Onset.first_of(m.began for m in chosen)


def _finest(moves: list[Move]) -> list[Move]:
    """Without error lines of services whose failures or waiting are measured: lines are written when they are."""
    finer = {m.service for m in moves if m.meaning.family in (Family.RATIO, Family.LATENCY)}
    return [m for m in moves if m.meaning.signal != "log_errors" or m.service not in finer]


def _fills(move: Move) -> bool:
    return move.meaning.signal == "saturation" and move.direction * move.meaning.harm > 0


def _since(seen: Observations, onset: Instant | None) -> Window:
    return Window(min(onset if onset is not None else seen.window.start, seen.at), seen.at)


def _baselines(seen: Observations, onset: Instant | None) -> tuple[BaselineWindow, ...]:
    end = min(onset if onset is not None else seen.window.start, seen.at)
    start = max(end - BASELINE_WINDOWS * max(seen.window.seconds, 900.0), min(seen.history.start, end))
    found = [BaselineWindow(Window(start, end), SafeText("just before"))] if start < end else []
    if seen.history.start < start - 3600:
        found.append(BaselineWindow(Window(seen.history.start, start), SafeText("the longer history, for noise")))
    return tuple(found)


def _patterns(view: View, onset: Onset | None) -> Compared:
    """Compare the lines since the onset with those before; the interval in which it began belongs to the lines since."""
    seen = view.seen
    start = onset.earliest if onset is not None else seen.window.start
    return compare_since(_counts(view), min(start, seen.at), seen.window, seen.pattern_names)


def _counts(view: View) -> tuple[ShapeCounts, ...]:
    """The lines of every source: as it counted them; else those of the records that were read of it."""
    seen, window = view.seen, view.seen.window
    counts = tuple(one for one in seen.shapes if one.window.start <= window.start < one.window.end)
    sources = {one.source for one in counts}
    rest = [record for record in view.records if record.source not in sources]
    if not rest or view.covered is None or window.seconds <= 0:
        return counts
    stretch = Window(view.covered.start, math.nextafter(seen.at, math.inf))
    return (*counts, counted(rest, stretch, window.seconds / TREND_STEPS, sampled=not view.complete))


# -- explaining -------------------------------------------------------------------------------------------------------


def _explain(
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
    seen = view.seen
    if began is None:
        reach = in_reach(view.changes, None, seen.at)
        quiet = tuple(
            Judged(c, Standing.UNLIKELY, "no-symptom", "no-symptom: nothing is to be explained", 0.0, 0.0, 0.0)
            for c in reach
        )
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
        _witnessed(view, onset, spans),
        _well(view, moves),
        crashed,
        busier_services(seen.series, view.names, onset, seen.at),
    )
    effects = _effects(view)
    killed = {r.service for r in crashed if r.out_of_memory}
    sure = [leak for leak in leaks if leak.service in killed or not any(harms_users(m) for m in current)]
    grows = {
        leak.service: Growth(leak.metric, leak.origin, leak.source, leak.query)
        for leak in reversed(sure)
        if leak.origin is not None
    }
    case = replace(_case(view, began, current, places, patterns, effects), grows=grows)
    earliest = min([began.earliest, *(growth.since.earliest for growth in grows.values())])
    judged = judge_changes(in_reach(view.changes, earliest, seen.at), view.changes, case)
    since = Window(min(began.earliest, seen.at), seen.at)
    ways = Ways.of(seen, view.records, since)
    drafts = _drafts(view, onset, current, places, leaks, patterns, judged, blames, ways)
    return judged, ranked(drafts, since), places


def _cascades(view: View, moves: list[Move], onset: Instant) -> list[Cascade]:
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


def _calm(view: View, began: Onset | None) -> Window | None:
    """The stretch before the onset that records tell of; None where there is none."""
    first = view.records[0].at if view.records else None
    end = began.earliest if began is not None else view.seen.window.start
    return Window(first, end) if first is not None and first < end else None


def _blames(view: View, outbound: Outbound, began: Onset, cascades: list[Cascade]) -> list[Blame]:
    """What each service's own calls say of those callees that do not tell of themselves."""
    before = _calm(view, began)
    if before is None:
        return []
    during = Window(began.at, math.nextafter(view.seen.at, math.inf))
    pairs = {*outbound.calls, *outbound.named, *view.graph.told_by}
    added = {e.node: e.now - e.level for c in cascades if c.currency == "seconds" for e in c.nodes}
    found = [blame(outbound, caller, callee, before, during, added.get(caller)) for caller, callee in sorted(pairs)]
    return [one for one in found if one is not None]


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
    opened = [m for m in moves if m.opened]
    moved: dict[str, Onset] = {}
    for move in _finest(opened):
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


def _frames(view: View, onset: Instant, services: set[str]) -> dict[str, Counter[str]]:
    found = {service: files_named(view.records, onset, service) for service in sorted(services)}
    return {service: files for service, files in found.items() if files}


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


def _drafts(
    view: View,
    onset: Instant,
    moves: list[Move],
    places: list[Place],
    leaks: list[Leak],
    patterns: tuple[Pattern, ...],
    judged: tuple[Judged, ...],
    blames: list[Blame],
    ways: Ways,
) -> list[Draft]:
    seen = view.seen
    harmed = [m for m in moves if harms_users(m)]
    bad = {m.service for m in moves if m.opened}
    healthy = frozenset(n for n in view.names if n not in bad)
    probes = {p.name: p for p in seen.probes}
    drafts = place_drafts(places, view.graph, seen.topology, patterns, probes, healthy, ways)
    own = {p.node: p.own for p in places}
    loads: list[Draft] = []
    surge = find_surge(moves, view.graph, onset, view.tracks)
    if surge is not None and harmed:
        loads.append(traffic_draft(surge, harmed, 0.95, ways))
    for exhausted in find_exhausted(view.tracks, seen.series, onset, seen.at):
        held = longest_held(blames, exhausted.service)
        draft = contention_draft(exhausted, own.get(exhausted.service, 0.0), ways, held)
        if loads and draft.standing is Standing.LEADING:
            draft.standing = Standing.POSSIBLE  # the load is the cause, the limit is where it shows
        loads.append(draft)
    if any(draft.standing is Standing.LEADING for draft in loads):
        for draft in drafts:
            if draft.standing is Standing.LEADING:
                draft.standing = Standing.POSSIBLE
    drafts += loads
    crashed = [r for r in view.restarts if r.at >= onset - RESTART_BEFORE_S]
    drafts += [leak_draft(leak, bool(harmed), ways, crashed, judged) for leak in leaks]
    drafts += [telemetry_draft(m, view.graph, ways) for m in moves if m.meaning is UNHEARD and m.opened]
    drafts += from_changes(judged, ways)
    return drafts


def _judged_change(judged: Judged) -> JudgedChange:
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
    )


def _explains(seen: Observations, state: State, judged: Iterable[Judged]) -> bool | None:
    """False only where every change source answered and nothing is possible; None where that is not known."""
    if state not in (State.INCIDENT, State.DEGRADING, State.RECOVERING):
        return None
    standings = [j.standing for j in judged]
    if Standing.LEADING in standings:
        return True
    rows = [s for s in seen.sources if s.role in CHANGE_ROLES]
    if not rows or any(s.state in (SourceState.FAILED, SourceState.NOT_CONSULTED, SourceState.STALE) for s in rows):
        return None
    return None if Standing.POSSIBLE in standings else False


def _running(seen: Observations) -> tuple[Running, ...]:
    """What runs, as told by the services themselves, else by the newest deploy."""
    told: dict[str, list[Running]] = {}
    for running in seen.running:
        if running.observed_at is None or running.observed_at <= seen.at:
            told.setdefault(running.service, []).append(running)
    newest: dict[str, Change] = {}
    for change in sorted((*seen.deployed, *seen.changes), key=lambda c: (c.at, c.id)):
        if change.kind in ("deploy", "rollback") and change.service and change.at <= seen.at:
            newest[change.service] = change
    found: list[Running] = []
    for service in sorted({*told, *newest}):
        deploy = newest.get(service)
        if service in told:
            found += [r if r.agrees is not None else replace(r, agrees=_agrees(r, deploy)) for r in told[service]]
        elif deploy is not None:
            found.append(Running(service, deploy.version or deploy.id, deploy.commit, BY_DEPLOY, None, deploy.at))
    return tuple(found)


def _agrees(running: Running, deploy: Change | None) -> bool | None:
    """Whether the newest deploy names the version or the commit that runs."""
    if deploy is None:
        return None
    same = same_build(running.version, running.commit, deploy.version, deploy.commit)
    return True if same is None and running.version and running.version in deploy.id else same
