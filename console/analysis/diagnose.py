"""The one entry: observations in, diagnosis out. Pure; nothing stamped after `at` has any influence."""

from __future__ import annotations

import math
from dataclasses import replace

from console.analysis.callgraph import graph_calls, own_excess
from console.analysis.constants import (
    BASELINE_WINDOWS,
    TREND_STEPS,
    Thresholds,
)
from console.analysis.departures import departures, span_notes, span_view
from console.analysis.dependencies import dependency_states
from console.analysis.explain import (
    blames_of,
    calm_before,
    cascades_of,
    change_explains,
    explain,
    finest,
    told_change,
)
from console.analysis.habits import GONE_HOST, quiet_moves, quiet_parts
from console.analysis.leak import Leak, find_leaks
from console.analysis.moves import Move
from console.analysis.onset import Onset
from console.analysis.outbound import read_outbound
from console.analysis.patterns import Compared, compare_since, counted, special
from console.analysis.seasons import back_s
from console.analysis.silence import (
    UNHEARD,
    aged_sources,
    find_silences,
    hearings,
    silence_moves,
    silent_system,
    without_filling,
)
from console.analysis.symptoms import harms_users, leak_symptoms, symptoms_of, telling
from console.analysis.tracks import step_of
from console.analysis.verdict import Known, state_of, summary_of
from console.analysis.view import View, known_at, read_view
from console.analysis.whole import with_wholes
from console.domain.consulted import unasked
from console.domain.diagnosis import BaselineWindow, Diagnosis, Exhaustion, State
from console.domain.instant import Instant, Window, span_text
from console.domain.observations import Observations
from console.domain.reading import SourceState
from console.domain.series import Series
from console.domain.shapes import ShapeCounts
from console.domain.text import SafeText
from console.guard.sanitise import safe

MOST_PATTERNS = 50


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
    heard = hearings(seen)
    sources = aged_sources(seen.sources, heard, seen.at)
    seen = replace(
        seen,
        sources=sources,
        series=with_wholes(without_filling(seen.series, sources, heard)),
    )
    view = read_view(seen)
    seen = view.seen
    moves = departures(view, limits)
    spans = span_view(view, moves)
    if spans is not None:
        moves += spans.moves
    moves += silence_moves(find_silences(seen.series, seen.at), moves, view.graph)
    ended = frozenset(report.name for report in sources if report.state is SourceState.STALE)
    moves += quiet_moves(quiet_parts(seen.series, view.changes, view.records, seen.shapes, seen.at, ended), moves)
    if services:
        moves = [m for m in moves if m.service in services]
    leaks = [
        leak for leak in find_leaks(view.tracks, seen.at, view.restarts) if not services or leak.service in services
    ]
    silent = silent_system(heard.values(), seen.window, seen.at)
    known = replace(_known(view, moves, leaks, span_notes(view, spans)), silent=silent)
    state = state_of(known)
    began = _onset(state, moves, leaks)
    if began is None and state is State.INCONCLUSIVE and spans is not None and known.notes:
        began = Onset.exactly(spans.onset)
    onset = began.at if began is not None else None
    patterns = _patterns(view, began)
    outbound = read_outbound(view.records, view.names)
    current = [m for m in moves if m.ongoing or state is State.RECOVERING]
    cascades = cascades_of(view, current, began.at) if began is not None else []
    blames = blames_of(view, outbound, began, cascades) if began is not None else []
    judged, suspects, places = explain(view, state, began, moves, leaks, patterns.patterns, spans, cascades, blames)
    explains = change_explains(seen, state, judged)
    changes = tuple(told_change(j) for j in sorted(judged, key=lambda j: j.change.at, reverse=True))
    return Diagnosis(
        at=seen.at,
        state=state,
        summary=SafeText(summary_of(state, known, onset, suspects, changes, explains, patterns.patterns)),
        onset=onset,
        onset_between=Window(began.earliest, began.latest)
        if began is not None and began.earliest < began.latest
        else None,
        window=seen.window,
        baseline=_baselines(seen, onset, moves),
        symptoms=(*symptoms_of(moves, seen.window), *leak_symptoms(leaks)),
        suspects=suspects,
        changes=changes,
        change_explains=explains,
        running=seen.running,
        dependencies=dependency_states(
            seen.topology, view.graph, seen.series, seen.probes, moves, view.calls, _since(seen, onset), seen.at
        ),
        calls=graph_calls(view.graph, outbound, calm_before(view, began), _since(seen, onset)),
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
        sources=(*seen.sources, *unasked(seen.sources)),
        generated_at=seen.at if generated_at is None else generated_at,
    )


def _known(view: View, moves: list[Move], leaks: list[Leak], notes: tuple[str, ...]) -> Known:
    seen = view.seen
    counted = [track for track in view.tracks.errors if track.operation is None]
    requests = sum(float(track.requests[track.times >= seen.window.start].sum()) for track in counted)
    judged = sum(t.times.size >= 10 for t in view.tracks.errors) + sum(t.times.size >= 10 for t in view.tracks.values)
    return Known(
        seen.at,
        seen.window,
        tuple(moves),
        tuple(leaks),
        seen.sources,
        judged,
        round(requests) if counted else None,
        len({t.service for t in view.tracks.errors} | {t.service for t in view.tracks.values}),
        notes,
    )


def _onset(state: State, moves: list[Move], leaks: list[Leak]) -> Onset | None:
    """The earliest onset of what harms; a resource that filled up before counts from when it began to."""
    if state is State.DEGRADING:
        lost = [m.began for m in moves if m.ongoing and m.opened and (m.meaning is UNHEARD or m.meaning is GONE_HOST)]
        return Onset.first_of([Onset.exactly(leak.since) for leak in leaks] + lost)
    if state is State.INCIDENT:
        chosen = [m for m in moves if m.ongoing and m.opened and (harms_users(m) or _fills(m))]
        chosen = finest(chosen)
    elif state is State.RECOVERING:
        chosen = [m for m in moves if m.end is not None and harms_users(m)]
    else:
        return None
    chosen = telling(chosen)
    return Onset.first_of(m.began for m in chosen if not m.first) or Onset.first_of(m.began for m in chosen)


def _fills(move: Move) -> bool:
    return move.meaning.signal == "saturation" and move.direction * move.meaning.harm > 0


def _since(seen: Observations, onset: Instant | None) -> Window:
    return Window(min(onset if onset is not None else seen.window.start, seen.at), seen.at)


def _baselines(seen: Observations, onset: Instant | None, moves: list[Move]) -> tuple[BaselineWindow, ...]:
    end = min(onset if onset is not None else seen.window.start, seen.at)
    start = max(end - BASELINE_WINDOWS * max(seen.window.seconds, 900.0), min(seen.history.start, end))
    found = [BaselineWindow(Window(start, end), SafeText("just before"))] if start < end else []
    if seen.history.start < start - 3600:
        found.append(BaselineWindow(Window(seen.history.start, start), SafeText("the longer history, for noise")))
    season = max((m.usual for m in moves if m.usual is not None and m.ongoing), key=lambda s: s.days, default=None)
    if season is not None:
        back = back_s(seen.window.start, season.nearest, seen.zone)
        why = f"the last of the same hours of {season.days} earlier {season.kind}, by {seen.zone}"
        found.append(BaselineWindow(Window(seen.window.start - back, seen.window.end - back), SafeText(why)))
    return (*found, *_earlier_days(seen))


def _earlier_days(seen: Observations) -> list[BaselineWindow]:
    """What was asked of many days, in coarse steps, for the same hours of them."""
    told: dict[str, list[Series]] = {}
    for one in seen.earlier:
        told.setdefault(one.source, []).append(one)
    found = []
    for source, several in told.items():
        stretch = Window(min(one.times[0] for one in several), max(one.times[-1] for one in several))
        steps = span_text(min(step_of(one) for one in several))
        found.append(
            BaselineWindow(stretch, safe(f"earlier days at these hours, of {source} in steps of {steps}", 300))
        )
    return found


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
