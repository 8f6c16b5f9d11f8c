"""The rules by which one signal of a contract is judged, by its kind. Pure.

Each says recovered only where that is shown; what cannot be shown is inconclusive, and what has no data is never a success.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from console.analysis.constants import GATE_FAILURES, GATE_REQUESTS
from console.analysis.contract import (
    LEAST_BLOCKS,
    TRAFFIC_HIGH,
    TRAFFIC_LOW,
    WINDOWS,
    error_lines,
    levels,
    margin_of,
    middle,
    points_in,
    rate_in,
    traffic_of,
)
from console.analysis.equivalence import (
    Limits,
    blocks_of,
    proportions,
    requests_needed,
    samples_for,
    shift,
    widened,
    wilson,
)
from console.analysis.recovery_seasons import Season
from console.analysis.restarts import find_restarts
from console.analysis.stats import robust_scale, samples_needed, slope_interval, theil_sen
from console.analysis.tracks import ErrorTrack, Track, Tracks
from console.analysis.words import number
from console.domain.changes import BY_DEPLOY, Running, same_build
from console.domain.instant import Window, clock_text, span_text
from console.domain.observations import Observations
from console.domain.recovery import Cause, Contract, Fix, Judged, Proof, Term, TermKind, Verdict
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.sanitise import safe

if TYPE_CHECKING:
    from console.analysis.stats import Numbers

LEAST_REQUESTS = 300
NEW_ERRORS = 3
"""A new error line may come so often and no more [D]."""
LEAST_COVERED = 0.5
"""Share of the stretch that a series must tell of."""
UNSEASONED_S = 3 * 3600.0
"""Without earlier weeks, traffic is compared with a level that ended at most so long ago [D]."""
RELAPSE_SCALES = 4.0
"""The newest block alone shows a relapse where it is twice the margin and this many scales above the level [D]."""
STEPS_ALIKE = 2.5
"""Percentiles of intervals that differ by more than this factor are not compared [D]."""
TREND_POINTS = 120


@dataclass(frozen=True, slots=True)
class Check:
    """What all terms of one check share."""

    contract: Contract
    seen: Observations
    tracks: Tracks
    fix: Fix | None
    seasons: dict[str, Season]
    proofs: tuple[Proof, ...] = ()
    """What the reproduction showed, oldest first."""


def judged_as(
    term: Term,
    verdict: Verdict,
    note: str = "",
    *,
    baseline: float | None = None,
    observed: float | None = None,
    margin: float | None = None,
    samples: int | None = None,
    needed: int | None = None,
    limits: Limits | None = None,
    wait_s: float | None = None,
    seasonal: bool = False,
) -> Judged:
    """A signal with its verdict; what is not given is not known.

    Args:
        note: Why, or what is missing.
    """
    low, high = (limits.low, limits.high) if limits is not None else (None, None)
    return Judged(
        term,
        verdict,
        baseline if baseline is not None else term.baseline,
        observed,
        margin,
        samples,
        needed,
        low if low is not None and math.isfinite(low) else None,
        high if high is not None and math.isfinite(high) else None,
        wait_s,
        safe(note, 300),
        seasonal,
    )


# -- failures ---------------------------------------------------------------------------------------------------------


def _errors(case: Check, term: Term, window: Window) -> Judged:
    track = next((t for t in case.tracks.errors if (t.service, t.operation) == (term.service, term.operation)), None)
    missing = _missing(track, window, case.contract.block_s)
    if track is None or missing:
        return judged_as(term, *(missing or _NO_SERIES))
    inside = points_in(track.times, window)
    failures, requests = float(track.failures[inside].sum()), float(track.requests[inside].sum())
    if requests <= 0:
        return judged_as(term, Verdict.NO_DATA, "no requests since the fix: none that failed proves nothing", samples=0)
    season = case.seasons.get(term.name, Season())
    expected = min(1.0, (term.baseline or 0.0) * season.ratio)
    margin = margin_of(term, expected)
    against = (expected * term.requests, term.requests)
    limits = proportions(failures, requests, *against)
    needed = requests_needed(expected, margin, term.requests)
    verdict, note = _errors_verdict(case, term, track, window, limits, margin, (failures, requests), against)
    needed = None if needed is None else max(LEAST_REQUESTS, needed)
    if verdict is Verdict.INCONCLUSIVE and not note:
        note = _errors_missing(limits, margin, requests, needed, term)
    wait = None
    if verdict is Verdict.INCONCLUSIVE and needed is not None and needed > requests:
        if needed <= requests / window.seconds * WINDOWS * case.contract.hold_s:
            wait = (needed - requests) / requests * window.seconds
        else:
            longest = span_text(WINDOWS * case.contract.hold_s)
            note = (
                f"{note}, more than {longest} of this traffic: only a longer hold time or a wider margin can be shown"
            )
    return judged_as(
        term,
        verdict,
        note,
        baseline=expected,
        observed=failures / requests,
        margin=margin,
        samples=round(requests),
        needed=needed,
        limits=limits,
        wait_s=wait,
        seasonal=season.weeks > 0,
    )


def _errors_verdict(
    case: Check,
    term: Term,
    track: ErrorTrack,
    window: Window,
    limits: Limits,
    margin: float,
    counted: tuple[float, float],
    against: tuple[float, float],
) -> tuple[Verdict, str]:
    failures, requests = counted
    if limits.low > margin and failures >= GATE_FAILURES:
        return Verdict.NOT_RECOVERED, f"{failures:,.0f} of {requests:,.0f} requests failed"
    newest = points_in(track.times, Window(max(window.start, window.end - case.contract.block_s), window.end))
    late, sent = float(track.failures[newest].sum()), float(track.requests[newest].sum())
    if sent > 0 and late >= GATE_FAILURES and proportions(late, sent, *against).low > margin:
        return (
            Verdict.NOT_RECOVERED,
            f"it fails again: {late:,.0f} of {sent:,.0f} in the newest {span_text(case.contract.block_s)}",
        )
    if limits.high <= margin and requests >= LEAST_REQUESTS:
        return Verdict.RECOVERED, ""
    return Verdict.INCONCLUSIVE, ""


def _errors_missing(limits: Limits, margin: float, requests: float, needed: int | None, term: Term) -> str:
    if needed is None:
        return f"the {term.requests:,.0f} requests before the incident are too few for a margin of {number(margin, 'ratio')}"
    if requests < needed:
        return f"{requests:,.0f} of {needed:,} requests"
    return f"the excess may be up to {number(limits.high, 'ratio')}, and {number(margin, 'ratio')} is allowed"


def _burn(case: Check, term: Term, window: Window) -> Judged:
    """How many times as fast as the objective allows the error budget is used, over two stretches as in alerts on burn rates.

    The long one is as much as is judged, an hour at most for a hold time of 15 minutes; the short one is its newest block, 5 minutes.
    The long one must be shown to be below 1, and the short one, which holds too few requests to show that, must be.
    """
    track = next((t for t in case.tracks.errors if (t.service, t.operation) == (term.service, None)), None)
    missing = _missing(track, window, case.contract.block_s)
    if track is None or missing:
        return judged_as(term, *(missing or _NO_SERIES))
    failures, requests = _counts(track, window)
    newest = Window(max(window.start, window.end - case.contract.block_s), window.end)
    late, sent = _counts(track, newest)
    if requests <= 0:
        return judged_as(term, Verdict.NO_DATA, "no requests since the fix: a budget that nobody could use", samples=0)
    low, high = (limit / term.budget for limit in wilson(failures, requests))
    burn = failures / requests / term.budget
    short = late / sent / term.budget if sent > 0 else 0.0
    told = f"in the newest {span_text(case.contract.block_s)}"
    before = (term.baseline or 0.0) * term.budget
    needed = max(LEAST_REQUESTS, requests_needed(before, term.budget - before) or 0)
    verdict, note, wait = Verdict.INCONCLUSIVE, "", None
    if low >= 1 and failures >= GATE_FAILURES:
        verdict, note = Verdict.NOT_RECOVERED, f"{failures:,.0f} of {requests:,.0f} requests failed"
    elif late >= GATE_FAILURES and wilson(late, sent)[0] >= term.budget:
        verdict, note = Verdict.NOT_RECOVERED, f"{number(short, '')} {told}"
    elif sent <= 0:
        note = f"no requests {told}"
    elif short >= 1:
        note, wait = f"{number(short, '')} {told}: {late:,.0f} of {sent:,.0f} requests failed", case.contract.block_s
    elif high < 1 and requests >= LEAST_REQUESTS:
        verdict = Verdict.RECOVERED
    elif requests < needed:
        note, wait = f"{requests:,.0f} of {needed:,} requests", (needed - requests) / requests * window.seconds
    else:
        note = f"it may be up to {number(high, '')}"
    limits = Limits(low - (term.baseline or 0.0), burn - (term.baseline or 0.0), high - (term.baseline or 0.0))
    return judged_as(
        term,
        verdict,
        note,
        observed=burn,
        margin=term.absolute,
        samples=round(requests),
        needed=needed,
        limits=limits,
        wait_s=wait,
    )


def _counts(track: ErrorTrack, window: Window) -> tuple[float, float]:
    """Failures and requests of a stretch."""
    inside = points_in(track.times, window)
    return float(track.failures[inside].sum()), float(track.requests[inside].sum())


# -- other series -----------------------------------------------------------------------------------------------------


def _value(case: Check, term: Term, window: Window) -> Judged:
    import numpy as np

    track = _track(case, term)
    missing = _missing(track, window, case.contract.block_s)
    if track is None or missing:
        return judged_as(term, *(missing or _NO_SERIES))
    width = max(case.contract.block_s, track.step_s)
    after = blocks_of(track.times, levels(track), window.start, window.end, width)
    if not after.size:
        return judged_as(term, Verdict.NO_DATA, "nothing was told since the fix", samples=0)
    season = case.seasons.get(term.name, Season())
    before = np.asarray(term.blocks, dtype=np.float64) * season.ratio
    points = int(points_in(track.times, window).sum())
    per_block = max(1, round(width / track.step_s))
    if before.size < LEAST_BLOCKS:
        note = f"{before.size} of {LEAST_BLOCKS} stretches of {span_text(width)} are known from before"
        return judged_as(term, Verdict.INCONCLUSIVE, note, observed=track.natural(middle(track, after)))
    expected = middle(track, before)
    margin = margin_of(term, expected)
    limits = widened(shift(before, after), season.error * abs(expected))
    verdict, note = _value_verdict(limits, margin, before, after, expected)
    if _unlike(track, term):
        verdict = Verdict.INCONCLUSIVE
        note = f"percentiles of {span_text(track.step_s)} do not compare with those of {span_text(term.step_s)}"
    least = _least_points(track, window, per_block)
    needed = max(least, samples_for(limits, points, margin) or 0)
    if verdict is Verdict.RECOVERED and points < least:
        verdict = Verdict.INCONCLUSIVE
    capacity = WINDOWS * case.contract.hold_s / track.step_s
    if verdict is Verdict.INCONCLUSIVE and not note:
        more = points < needed <= capacity
        note = f"{points:,} of {needed:,} values" if more else _value_missing(limits, margin, track)
    reachable = points < needed <= capacity
    wait = (needed - points) * track.step_s if verdict is Verdict.INCONCLUSIVE and reachable else None
    signed = limits if track.meaning.harm >= 0 or track.meaning.complement else Limits(-limits.high, 0.0, -limits.low)
    return judged_as(
        term,
        verdict,
        note,
        baseline=track.natural(expected),
        observed=track.natural(middle(track, after)),
        margin=margin,
        samples=points,
        needed=needed if points >= needed or reachable else None,
        limits=signed,
        wait_s=wait,
        seasonal=season.weeks > 0,
    )


def _unlike(track: Track, term: Term) -> bool:
    """Whether its percentiles are of other intervals than the contract's: of few requests they lie elsewhere."""
    high = (track.meaning.quantile or 0.0) > 0.5
    return high and term.step_s > 0 and not 1 / STEPS_ALIKE <= track.step_s / term.step_s <= STEPS_ALIKE


def _value_verdict(
    limits: Limits, margin: float, before: Numbers, after: Numbers, expected: float
) -> tuple[Verdict, str]:
    if limits.low > margin:
        return Verdict.NOT_RECOVERED, ""
    rest = float(after[-1]) - expected
    if after.size > 1 and rest > max(2 * margin, RELAPSE_SCALES * robust_scale(before, 0.0)):
        return Verdict.NOT_RECOVERED, "the newest stretch alone is far off again"
    if limits.high <= margin and after.size >= LEAST_BLOCKS:
        return Verdict.RECOVERED, ""
    return Verdict.INCONCLUSIVE, ""


def _least_points(track: Track, window: Window, per_block: int) -> int:
    """Values that a verdict takes at least: six blocks, and for a percentile the requests that bound it."""
    least = LEAST_BLOCKS * per_block
    if track.meaning.quantile is None or track.requests is None:
        return least
    inside = points_in(track.times, window)
    requests = float(track.requests[inside].sum())
    if requests <= 0:
        return least
    return max(least, math.ceil(samples_needed(track.meaning.quantile) / requests * int(inside.sum())))


def _value_missing(limits: Limits, margin: float, track: Track) -> str:
    unit = track.meaning.unit
    if not math.isfinite(limits.high):
        return "too few stretches to bound the difference"
    return f"it may be off by up to {number(limits.high, unit)}, and {number(margin, unit)} is allowed"


def _backlog(case: Check, term: Term, window: Window) -> Judged:
    """As a value; one that rises is no recovery however low it is, and one that falls says so."""
    one = _value(case, term, window)
    track = _track(case, term)
    if track is None or one.margin is None:
        return one
    values = levels(track)[points_in(track.times, window)]
    values = values[:: max(1, values.size // TREND_POINTS)]
    if values.size < LEAST_BLOCKS:
        return one
    slope, _ = theil_sen(values)
    low, high = slope_interval(values)
    if low > 0 and slope * (values.size - 1) > one.margin:
        return replace(one, verdict=Verdict.NOT_RECOVERED, note=SafeText("it rises"))
    if one.verdict is Verdict.NOT_RECOVERED and high < 0:
        return replace(one, note=SafeText("it falls and is not yet down"))
    return one


def _traffic(case: Check, term: Term, window: Window) -> Judged:
    track = traffic_of(case.tracks, term.service)
    missing = _missing(track, window, case.contract.block_s)
    if track is None or missing:
        return judged_as(term, *(missing or _NO_SERIES))
    rate = rate_in(track, window) or 0.0
    season = case.seasons.get(term.name, Season())
    expected = (term.baseline or 0.0) * season.ratio
    if expected <= 0:
        return judged_as(term, Verdict.INCONCLUSIVE, "no requests are expected at this hour", observed=rate)
    share = rate / expected
    old = window.start - case.contract.baseline.end > UNSEASONED_S and not season.weeks
    due = expected * window.seconds
    verdict, note = Verdict.RECOVERED, ""
    if due < GATE_REQUESTS:
        verdict, note = Verdict.INCONCLUSIVE, f"only {due:,.0f} requests are expected so far"
    elif share < TRAFFIC_LOW:
        verdict, note = Verdict.NOT_RECOVERED, f"users are gone: {share:.0%} of the requests expected"
        if old:
            verdict, note = Verdict.INCONCLUSIVE, f"{share:.0%} of a level that is hours old; no earlier week is known"
    elif share > TRAFFIC_HIGH:
        verdict, note = Verdict.INCONCLUSIVE, f"{share:.0%} of the requests expected: the load is not comparable"
    return judged_as(
        term,
        verdict,
        note,
        baseline=expected,
        observed=rate,
        margin=(1 - TRAFFIC_LOW) * expected,
        samples=round(rate * window.seconds),
        needed=GATE_REQUESTS,
        wait_s=(GATE_REQUESTS - due) / expected if due < GATE_REQUESTS else None,
        seasonal=season.weeks > 0,
    )


def comparable(one: Judged, judged: Sequence[Judged], case: Check) -> Judged:
    """Worse under a load that is not comparable, with no other week to tell what it should be, is no finding."""
    if one.verdict is not Verdict.NOT_RECOVERED or one.seasonal or one.term.kind not in (TermKind.VALUE,):
        return one
    for other in judged:
        same = other.term.kind is TermKind.TRAFFIC and other.term.service == one.term.service
        if same and not other.seasonal and other.baseline and (other.observed or 0.0) > TRAFFIC_HIGH * other.baseline:
            note = "worse at a load that was not there before, and no earlier week is known"
            return replace(one, verdict=Verdict.INCONCLUSIVE, note=SafeText(note))
    return one


def _track(case: Check, term: Term) -> Track | None:
    for track in case.tracks.values:
        if (track.service, track.operation, track.key.metric) == (term.service, term.operation, term.signal):
            return track
    return None


_NO_SERIES = (Verdict.NO_DATA, "its series is missing")


def _missing(track: Track | ErrorTrack | None, window: Window, block_s: float) -> tuple[Verdict, str] | None:
    """Why a series cannot carry a verdict: not there, no values, values that ended, or mostly gaps."""
    if track is None:
        return _NO_SERIES
    inside = points_in(track.times, window)
    points = int(inside.sum())
    if not points:
        return Verdict.NO_DATA, "nothing was told since the fix"
    last = float(track.times[inside][-1])
    if window.end - last > max(2 * track.step_s, block_s):
        return Verdict.INCONCLUSIVE, f"its values end at {clock_text(last)} UTC"
    expected = window.seconds / track.step_s
    if expected >= 2 and points < LEAST_COVERED * math.floor(expected):
        return Verdict.INCONCLUSIVE, f"mostly gaps: {points} of {math.floor(expected)} values"
    return None


# -- version and error lines ------------------------------------------------------------------------------------------


def _version(case: Check, term: Term, window: Window) -> Judged:
    fix = case.fix
    cause = case.contract.cause if case.contract.cause is not None and case.contract.cause.kind == "deploy" else None
    cause = cause if cause is not None and cause.service == term.service else None
    restarts = [r for r in find_restarts(case.seen.series, window.end) if r.service == term.service and r.at in window]
    if restarts:
        note = f"{term.service} restarted at {clock_text(restarts[-1].at)} UTC"
        return judged_as(term, Verdict.NOT_RECOVERED, note, samples=len(restarts))
    told = [r for r in case.seen.running if r.service == term.service and r.source != BY_DEPLOY]
    blamed = [r for r in told if cause is not None and same_build(r.version, r.commit, cause.version, cause.commit)]
    if fix is not None and not (fix.deploys and fix.service in (term.service, None)):
        note = f"the fix brought no build of {term.service}"
        note += f", and {_build(cause)} still runs" if blamed else ""
        return judged_as(replace(term, critical=False), Verdict.INCONCLUSIVE, note)
    if blamed:
        return _runs(term, told, blamed, f"still run {_build(cause)}")
    if fix is None:
        if cause is None:
            return judged_as(
                replace(term, critical=False), Verdict.INCONCLUSIVE, "no deploy is blamed, and none was made"
            )
        if told:
            return judged_as(term, Verdict.RECOVERED, "the blamed build no longer runs", samples=len(told))
        return judged_as(term, Verdict.NOT_RECOVERED, f"nothing was deployed since {_build(cause)}")
    others = [r for r in told if same_build(r.version, r.commit, fix.version, fix.commit) is False]
    if others:
        return _runs(term, told, others, "run another build than the fix")
    if told:
        return judged_as(term, Verdict.RECOVERED, samples=sum(r.instances for r in told))
    return judged_as(term, Verdict.RECOVERED, "by the newest deploy alone: nobody tells which build runs")


def _runs(term: Term, told: list[Running], some: list[Running], what: str) -> Judged:
    every = sum(r.instances for r in told)
    note = f"{sum(r.instances for r in some)} of {every} instances seen {what}"
    return judged_as(term, Verdict.NOT_RECOVERED, note, samples=every)


def _build(cause: Cause | None) -> str:
    """The blamed build in words."""
    return (cause.version or (cause.commit or "")[:12] or cause.subject) if cause is not None else "the blamed build"


def _reproduction(case: Check, term: Term, window: Window) -> Judged:
    """Passes only where it was verified after the deploy: a branch that passes, or the old build, shows nothing of what runs."""
    since = case.fix.at if case.fix is not None else case.contract.at
    done = [one for one in case.proofs if one.at >= since]
    checks = [one for one in done if one.state != "REPRODUCED"]
    newest = checks[-1] if checks else None
    again = [one for one in done if one.state == "REPRODUCED" and (newest is None or one.at > newest.at)]
    if newest is None:
        seen = f", and failed at {clock_text(again[-1].at)} UTC{_where(again[-1])}" if again else ""
        note = f"not verified since {clock_text(since)} UTC{seen}: `incident repro verify` with --incident does it"
        return judged_as(term, Verdict.INCONCLUSIVE, note, samples=len(again))
    said = f"{newest.state.lower()} at {clock_text(newest.at)} UTC{_where(newest)}"
    relapsed = [one for one in again if one.where == newest.where]
    if relapsed:
        said += f", and failed again at {clock_text(relapsed[-1].at)} UTC"
        return judged_as(term, Verdict.NOT_RECOVERED, said, samples=len(done))
    verdicts = {"FIXED": Verdict.RECOVERED, "STILL FAILING": Verdict.NOT_RECOVERED}
    return judged_as(term, verdicts.get(newest.state, Verdict.INCONCLUSIVE), said, samples=len(done))


def _where(proof: Proof) -> str:
    return f" in {proof.where}" if proof.where else ""


def _signatures(case: Check, term: Term, window: Window) -> Judged:
    contract = case.contract
    shapes = [one for one in case.seen.shapes if one.window.start < window.end and one.window.end > window.start]
    if not shapes:
        return judged_as(term, Verdict.NO_DATA, "no log tells of the stretch after the fix")
    changed = case.fix.at if case.fix is not None else contract.at
    first = min(one.window.start for one in shapes)
    earlier = error_lines(shapes, Window(first, changed)) if first < changed else {}
    known = {*contract.known_errors, *contract.own_errors, *(text for _, text in earlier)}
    counts = error_lines(shapes, window)
    total = sum(counts.values())
    new = {key: n for key, n in counts.items() if key[1] not in known and n > NEW_ERRORS}
    if new:
        (service, text), lines = max(new.items(), key=lambda item: item[1])
        return judged_as(term, Verdict.NOT_RECOVERED, f"new since the fix: {lines} × {service} {text}", samples=total)
    own = {key: n for key, n in counts.items() if key[1] in contract.own_errors}
    lines = sum(own.values())
    requests = _requests(case, {key[0] for key in own} or set(contract.services[:1]), window)
    if not lines:
        return judged_as(term, Verdict.RECOVERED, baseline=0, observed=0, samples=total)
    limit = max((t.absolute for t in contract.terms if t.kind is TermKind.ERRORS), default=0.001)
    text = max(own, key=lambda key: own[key])[1]
    if not requests:
        verdict = Verdict.NOT_RECOVERED if lines > NEW_ERRORS else Verdict.INCONCLUSIVE
        return judged_as(term, verdict, f"still {lines} × {text}", baseline=0, observed=lines, samples=total)
    limits = proportions(min(lines, requests), requests, 0.0, math.inf)
    verdict = Verdict.INCONCLUSIVE
    if limits.low > limit and lines > NEW_ERRORS:
        verdict = Verdict.NOT_RECOVERED
    elif limits.high <= limit:
        verdict = Verdict.RECOVERED
    return judged_as(term, verdict, f"still {lines} × {text}", baseline=0, observed=lines, samples=total)


def _requests(case: Check, services: set[str], window: Window) -> float:
    """Requests that the services served in the stretch, where they are counted."""
    found = 0.0
    for track in case.tracks.errors:
        if track.service in services and track.operation is None:
            found += float(track.requests[points_in(track.times, window)].sum())
    return found


RULES: dict[TermKind, Callable[[Check, Term, Window], Judged]] = {
    TermKind.ERRORS: _errors,
    TermKind.VALUE: _value,
    TermKind.BACKLOG: _backlog,
    TermKind.TRAFFIC: _traffic,
    TermKind.VERSION: _version,
    TermKind.SIGNATURES: _signatures,
    TermKind.BURN: _burn,
    TermKind.REPRODUCTION: _reproduction,
}
