"""Every departure that one look at a system finds, less those that second thoughts close."""

from __future__ import annotations

import math
from dataclasses import replace

from console.analysis.constants import CHANGE_EARLY_S, CLOCK_SKEW_S, GATE_REQUESTS, Thresholds
from console.analysis.countmoves import judge_errors
from console.analysis.loglevels import log_moves
from console.analysis.moves import RECURS, Move, judge
from console.analysis.plausible import contradicted, unfelt
from console.analysis.schedule import fits, harms_like_a_job, scheduled_trouble
from console.analysis.signals import Family
from console.analysis.spanmoves import NEW_LINES, SpanView, judge_spans, new_errors, recorded_before
from console.analysis.stalls import stalls_of
from console.analysis.symptoms import harms_users
from console.analysis.tails import tails_named
from console.analysis.view import View
from console.domain.changes import Change
from console.domain.instant import Instant

SPANS_NEEDED_S = 600.0
"""Spans of so many seconds before tell their noise: ten bins of a minute, as for series [D]."""
ROLLOUTS = frozenset(("deploy", "rollback", "config", "scale"))
"""Changes for which processes start anew."""
WARM_UP_S = 180.0
"""Slowness of new processes that is over within this time is their start [D]."""
CRASH_BEFORE_S = 120.0
"""A restart so long before a departure still belongs to it: it is seen at the next scrape only [D]."""
FAMILY_CHANCE = 0.05
"""Departures that are accepted by chance alone, over all series of one diagnosis [D]."""


def departures(view: View, limits: Thresholds) -> list[Move]:
    """What metrics and log lines show, opened or not; spans and silences are asked by themselves."""
    seen = view.seen
    stalls = stalls_of(view.tracks.values, seen.at)
    found = [judge_errors(track, seen.at, seen.window, limits, stalls) for track in view.tracks.errors]
    found += [judge(track, seen.at, seen.window, limits, stalls) for track in view.tracks.values]
    moves = [m for m in found if m is not None]
    if view.covered is not None and view.records:
        source = view.records[-1].source or "logs"
        moves += log_moves(
            view.records, view.covered, seen.at, seen.window, limits, source, stalls, seen.records is not None
        )
        told = {m.service for m in moves if m.metric == "error_lines" and m.opened}
        moves = [m for m in moves if m.metric != "log_errors" or m.service not in told]
        known = {m.service for m in moves if m.meaning.signal == "log_errors" and m.opened}
        moves += [m for m in new_errors(view.records, seen.at, seen.window, source) if m.service not in known]
        moves = _measured_first(view, moves)
    moves = _plausible(view, _family_wise(moves, len(view.tracks.values)))
    moves = _scheduled_again(view, _crashed_again(view, _warmed_up(view, moves)))
    return tails_named(moves, view.tracks, limits)


def _crashed_again(view: View, moves: list[Move]) -> list[Move]:
    """Open again what happened before as well, where a process that it calls died each time: that is no job."""
    return [
        replace(m, opened=True, short="")
        if m.short == RECURS and any(_fell(r.at, m) and r.service in view.graph.below(m.service) for r in view.restarts)
        else m
        for m in moves
    ]


def _scheduled_again(view: View, moves: list[Move]) -> list[Move]:
    """Open again what comes with a job that is on record: whose it is is known, and that it is so every time excuses nothing."""
    jobs = scheduled_trouble(view.changes, moves, view.tracks, view.seen.at)
    return [
        replace(m, opened=True, short="", chance=0.0)
        if m.short and harms_like_a_job(m) and any(fits(m, job.run) for job in jobs.values())
        else m
        for m in moves
    ]


def _fell(restart: Instant, move: Move) -> bool:
    return move.onset - CRASH_BEFORE_S <= restart <= (move.end or math.inf)


def _warmed_up(view: View, moves: list[Move]) -> list[Move]:
    """Close slowness that came with a rollout and went away by itself: caches and connections of new processes are cold."""
    rollouts = [c for c in view.changes if c.kind in ROLLOUTS and c.service]
    return [
        replace(m, opened=False, short="slow only while its release started")
        if m.opened and m.meaning.family is Family.LATENCY and any(_cold(view, c, m, rollouts) for c in rollouts)
        else m
        for m in moves
    ]


def _cold(view: View, change: Change, move: Move, rollouts: list[Change]) -> bool:
    """Whether a departure fits the start of a change's processes, and no other one ended it."""
    if change.kind == "rollback" or move.end is None or move.end - move.onset > WARM_UP_S:
        return False
    if not -CLOCK_SKEW_S <= move.began.lag(change.at) <= CHANGE_EARLY_S:
        return False
    undone = any(c.service == change.service and change.at < c.at <= move.end for c in rollouts)
    return not undone and change.service in view.graph.below(move.service)


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


def span_view(view: View, moves: list[Move]) -> SpanView | None:
    """What spans show since the first harm that is known, else since when they show most; None without spans enough."""
    if view.calls is None:
        return None
    harmed = [m.onset for m in moves if m.ongoing and harms_users(m)]
    source = next((r.name for r in view.seen.sources if r.role == "traces"), "traces")
    known = judge_spans(view.spans, view.calls, view.seen.at, min(harmed), source) if harmed else None
    return known or judge_spans(view.spans, view.calls, view.seen.at, None, source)


def span_notes(view: View, spans: SpanView | None) -> tuple[str, ...]:
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
