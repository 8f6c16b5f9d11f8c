"""The state and the one or two sentences that say it. Words follow from evidence: facts "are", inferences "point to"."""

from __future__ import annotations

from collections import Counter

from console.analysis.constants import GATE_REQUESTS
from console.analysis.habits import GONE_HOST
from console.analysis.leak import Leak
from console.analysis.moves import Move
from console.analysis.signals import Family
from console.analysis.silence import UNHEARD
from console.analysis.symptoms import harms_users, is_symptom
from console.analysis.words import as_sentence, joined, move_sentence, number, place_name
from console.domain.consulted import unread_changes
from console.domain.diagnosis import JudgedChange, Standing, State, Suspect
from console.domain.instant import Instant, Window, clock_text, span_text
from console.domain.logs import Level, Pattern
from console.domain.reading import SourceReport, SourceState
from console.domain.values import dataclass

ABLE = frozenset((Standing.LEADING, Standing.POSSIBLE))
"""Standings of changes that can explain what happened."""
_STATES = {
    SourceState.PARTIAL: "could be read in part only",
    SourceState.STALE: "is out of date",
    SourceState.FAILED: "could not be read",
    SourceState.NOT_CONSULTED: "was not asked",
}
TROUBLE = frozenset((Level.WARN, Level.ERROR, Level.FATAL))
MOST_QUOTED = 80
"""Characters of a log line, or of what a source says of itself, within a sentence."""
UNSETTLED = "too small or too short so far to be called an incident"
HELD_S = 600.0
"""A departure that ended longer ago than this counts as over [D]."""
NEEDED_ROLES = frozenset(("logs", "metrics", "traces"))
"""Without any of these nothing can be judged."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the verdict rests on."""

    at: Instant
    window: Window
    moves: tuple[Move, ...]
    leaks: tuple[Leak, ...]
    sources: tuple[SourceReport, ...]
    judged_series: int
    """Series with enough history to be judged."""
    requests: int | None
    services: int
    notes: tuple[str, ...] = ()
    """Why something could not be judged."""
    silent: str = ""
    """That nothing tells of now, and since when; empty: something does."""


def state_of(known: Known) -> State:
    """incident: trouble now · recovering: over for less than ten minutes · degrading: growing · inconclusive · healthy.

    What ended together with what its source tells is not known to be over.
    """
    stale = _stale(known)
    open_now = [m for m in known.moves if m.ongoing and harms_users(m)]
    if open_now:
        return State.INCIDENT
    ended = [
        m
        for m in known.moves
        if m.end is not None
        and harms_users(m)
        and known.at - m.end < HELD_S
        and m.end > known.window.start
        and m.source not in stale
    ]
    if ended and not known.silent:
        return State.RECOVERING
    if known.leaks or _unheard(known):
        return State.DEGRADING
    if missing(known):
        return State.INCONCLUSIVE
    return State.HEALTHY


def _stale(known: Known) -> frozenset[str]:
    return frozenset(s.name for s in known.sources if s.state is SourceState.STALE)


def _unheard(known: Known) -> list[Move]:
    return [m for m in known.moves if m.opened and m.ongoing and (m.meaning is UNHEARD or m.meaning is GONE_HOST)]


def missing(known: Known) -> list[str]:
    """What is missing for the word healthy; empty: nothing."""
    found = []
    down = [s.name for s in known.sources if s.role in NEEDED_ROLES and s.state is SourceState.FAILED]
    stale = [s.name for s in known.sources if s.role in NEEDED_ROLES and s.state is SourceState.STALE]
    if down:
        found.append(f"{joined(sorted(set(down)))} could not be read")
    if stale:
        found.append(f"{joined(sorted(set(stale)))} ended before the window did")
    elif known.silent:
        found.append(known.silent)
    if not known.judged_series:
        found.append("no signal has enough history to be judged: at least 10 intervals before the window are needed")
    if known.requests is not None and known.requests < GATE_REQUESTS:
        # One failure among fewer would be noise, and none would prove nothing.
        found.append(_too_few(known.requests, known.window))
    found += known.notes
    return found


def _too_few(requests: int, window: Window) -> str:
    """How many requests are needed, how many there are, and how long it takes at this rate."""
    said = f"{GATE_REQUESTS} requests are needed in the window, {requests} are there"
    if not requests or not window.seconds:
        return said
    return f"{said}; about {span_text((GATE_REQUESTS - requests) / requests * window.seconds)} more at this rate"


def all_down(sources: tuple[SourceReport, ...]) -> bool:
    """Whether every source that could carry a verdict failed, and there is at least one."""
    needed = [s for s in sources if s.role in NEEDED_ROLES]
    return bool(needed) and all(s.state is SourceState.FAILED for s in needed)


def summary_of(
    state: State,
    known: Known,
    onset: Instant | None,
    suspects: tuple[Suspect, ...],
    changes: tuple[JudgedChange, ...],
    explains: bool | None,
    patterns: tuple[Pattern, ...] = (),
) -> str:
    """One or two plain sentences."""
    if state is State.INCIDENT:
        return _incident(known, onset, suspects, changes, explains, patterns)
    if state is State.RECOVERING:
        ended = max((m for m in known.moves if m.end is not None and harms_users(m)), key=lambda m: m.end or 0.0)
        since = span_text(known.at - (ended.end or known.at))
        said = f"{move_sentence(ended)}. Back for {since}; that is not yet long enough to call it recovered."
        return f"{said}{_leading(suspects)}"
    if state is State.DEGRADING and not known.leaks:
        lost = _unheard(known)[0]
        if lost.meaning is GONE_HOST:
            return f"{move_sentence(lost)}."
        return f"{move_sentence(lost)}; its callers still get answers, so its telemetry is lost and not the service."
    if state is State.DEGRADING:
        leak = known.leaks[0]
        return (
            f"{leak.metric} of {leak.service} has grown by {number(leak.per_hour, 'bytes')} an hour since"
            f" {clock_text(leak.since, now=known.at)} UTC and does not come back; nothing fails yet."
        )
    if state is State.INCONCLUSIVE:
        return f"No verdict: {joined(missing(known))}."
    requests = f", {known.requests:,} requests" if known.requests else ""
    return (
        f"Healthy: {known.services} service{'s' * (known.services != 1)}{requests}; {known.judged_series} signals are inside their margins"
        f" in the {span_text(known.window.seconds)} to {clock_text(known.at)} UTC.{_as_ever(known)}"
    )


def _as_ever(known: Known) -> str:
    """What left its level and is no trouble so far, else what is usual at this hour, else what is silent for too short a while
    to tell, as a sentence; empty: nothing is."""
    watched = [m for m in known.moves if m.ongoing and is_symptom(m)]
    if watched:
        said = move_sentence(max(watched, key=lambda m: (m.meaning.family is not Family.TRAFFIC, m.z)))
        return f" {as_sentence(said)}: {UNSETTLED}."
    waiting = next((m for m in known.moves if m.said and not m.opened), None)
    usual = [m for m in known.moves if m.ongoing and not m.opened and m.usual is not None and m.usual.ordinary]
    if not usual:
        return f" {waiting.said}: {waiting.short} to tell." if waiting is not None else ""
    most = max(usual, key=lambda m: (m.meaning.family in (Family.RATIO, Family.LATENCY), m.z))
    said = move_sentence(most)
    return f" {as_sentence(said)}: as it does at this hour."


def _incident(
    known: Known,
    onset: Instant | None,
    suspects: tuple[Suspect, ...],
    changes: tuple[JudgedChange, ...],
    explains: bool | None,
    patterns: tuple[Pattern, ...],
) -> str:
    open_now = [m for m in known.moves if m.ongoing and harms_users(m)]
    worst = min(open_now, key=lambda m: (m.meaning.signal != "error_rate", -(m.excess or 0.0), -m.z))
    first = f"{move_sentence(worst)}."
    others = {place_name(m) for m in open_now} - {place_name(worst)}
    if others:
        first = f"{first[:-1]}; {len(others)} more {'places are' if len(others) > 1 else 'place is'} affected."
    first = as_sentence(first)
    if worst.source in _stale(known):
        first += f" {worst.source} has ended since: whether it lasts is not known."
    second = _leading(suspects)
    if not second and suspects:
        told = _new_in_logs(patterns)
        second = f" First suspect, not proven: {suspects[0].kind.replace('_', ' ')} {suspects[0].subject}{told}."
    elif not second:
        second = f" Nothing read so far says why{_new_in_logs(patterns)}."
    if explains is False and changes:
        second += f" None of the {len(changes)} changes in reach can explain it."
    elif explains is None and not any(change.standing in ABLE for change in changes):
        second += _unread(known.sources)
    return first + second


def _leading(suspects: tuple[Suspect, ...]) -> str:
    """The leading suspect in a sentence; empty: none leads."""
    if not suspects or suspects[0].standing is not Standing.LEADING:
        return ""
    return f" Leading suspect: {suspects[0].kind.replace('_', ' ')} {suspects[0].subject}."


def _unread(sources: tuple[SourceReport, ...]) -> str:
    """Why it is not known whether a change explains it; empty: that is not for want of reading."""
    unread = unread_changes(sources)
    if not unread:
        return ""
    state = _STATES[unread[0].state]
    detail = unread[0].detail
    why = f" ({detail})" if 0 < len(detail) <= MOST_QUOTED else ""
    return f" Whether a change explains it is not known: {unread[0].name} {state}{why}."


def _new_in_logs(patterns: tuple[Pattern, ...]) -> str:
    """The new trouble line that most services write, as a lead and not as a cause; empty: there is none.

    What several services begin to say together tells of something that they share, whether or not it is configured.
    """
    services: dict[str, set[str]] = {}
    lines: Counter[str] = Counter()
    for pattern in patterns:
        if pattern.status == "new" and pattern.level in TROUBLE:
            services.setdefault(pattern.template, set()).add(pattern.service)
            lines[pattern.template] += pattern.count
    if not services:
        return ""
    template = max(services, key=lambda one: (len(services[one]), lines[one], one))
    writers = sorted(services[template])
    who = writers[0] if len(writers) == 1 else f"{len(writers)} services"
    quoted = template if len(template) <= MOST_QUOTED else f"{template[: MOST_QUOTED - 1]}…"
    return f"; new in the log of {who}, {lines[template]:,} times: {quoted}"
