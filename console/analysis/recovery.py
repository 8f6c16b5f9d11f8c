"""Whether an incident is over: each signal of the contract shown to be back, three times in a row. Pure.

Equivalence and not absence of significance: "no difference was found" is what five quiet samples say of a service that is a tenth
slower. What cannot be shown is inconclusive, with what is missing; what has no data is never a success.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from console.analysis.constants import GATE_FAILURES, GATE_REQUESTS
from console.analysis.contract import (
    LEAST_BLOCKS,
    TRAFFIC_HIGH,
    TRAFFIC_LOW,
    error_lines,
    levels,
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
)
from console.analysis.restarts import find_restarts
from console.analysis.stats import robust_scale, samples_needed, slope_interval, theil_sen
from console.analysis.tracks import ErrorTrack, Track, Tracks, build_tracks
from console.analysis.view import known_at
from console.analysis.whole import with_wholes
from console.analysis.words import joined, number
from console.domain.changes import BY_DEPLOY, Change, Running, same_build
from console.domain.diagnosis import BaselineWindow
from console.domain.instant import Instant, Window, clock_text, span_text
from console.domain.observations import Observations
from console.domain.recovery import Cause, Contract, Evaluation, Fix, Judged, Recovery, Term, TermKind, Verdict
from console.domain.series import SeriesSet
from console.domain.text import SafeText
from console.guard.sanitise import safe

if TYPE_CHECKING:
    from console.analysis.stats import Numbers

PASSES = 3
"""Evaluations in a row in which everything must hold [D]."""
LAG_S = 90.0
"""The newest stretch that is left out: scrapes and log shippers are late [D]."""
WINDOWS = 4
"""The stretch that is judged reaches back at most this many times the hold time: an hour [D]."""
LEAST_REQUESTS = 300
NEW_ERRORS = 3
"""A new error line may come so often and no more [D]."""
LEAST_COVERED = 0.5
"""Share of the stretch that a series must tell of."""
SEASON_WEEKS = 4
LEAST_WEEKS = 2
WEEK_TRAFFIC = 0.5
"""A week with less than this share of the others' requests was a holiday, or something was broken [D]."""
WEEK_ODD = 3.0
"""A week in which a signal moved this many times as much as in the others held an incident of its own [D]."""
SEASON_FAILURES = 20
"""Failures on both sides, over all weeks, below which no season of an error ratio is told [D]."""
UNSEASONED_S = 3 * 3600.0
"""Without earlier weeks, traffic is compared with a level that ended at most so long ago [D]."""
RELAPSE_SCALES = 4.0
"""The newest block alone shows a relapse where it is twice the margin and this many scales above the level [D]."""
STEPS_ALIKE = 2.5
"""Percentiles of intervals that differ by more than this factor are not compared [D]."""
TREND_POINTS = 120
SKEW_S = 2.0
"""A tag is stamped in whole seconds: it may seem to be older than the contract by so much."""
NO_FIX = frozenset(("cron", "traffic"))


@dataclass(frozen=True, slots=True)
class Week:
    """The same hours of an earlier week."""

    series: SeriesSet
    baseline: Window
    """The contract's baseline, on the same clock."""
    after: Window
    """The stretch that is judged, on the same clock."""


@dataclass(frozen=True, slots=True)
class Season:
    """How a signal moves between the two stretches in other weeks."""

    ratio: float = 1.0
    error: float = 0.0
    """Standard error of the ratio."""
    weeks: int = 0
    """0: nothing is known of other weeks."""


@dataclass(frozen=True, slots=True)
class _Case:
    """What all terms of one check share."""

    contract: Contract
    seen: Observations
    tracks: Tracks
    fix: Fix | None
    seasons: dict[str, Season]


def judge(
    contract: Contract, seen: Observations, weeks: Sequence[Week] = (), fix: Fix | None = None, written: bool = True
) -> Recovery:
    """Whether the contract holds at the knowledge time of `seen`; nothing stamped later has any influence.

    Args:
        weeks: The same hours of earlier weeks, where they are known.
        fix: From when on it is judged; default: the newest change of the contract's services since it was written.
        written: False: the contract was made just now, from what was known before the fix.
    """
    import numpy as np

    try:
        with np.errstate(all="ignore"):
            return _judge(contract, known_at(seen), weeks, fix, written)
    except Exception as error:  # a judge that fails must never read as a success
        why = safe(f"the judge failed and says nothing: {type(error).__name__}: {error}", 300)
        return Recovery(seen.at, Verdict.INCONCLUSIVE, why, contract_at=contract.at, sources=seen.sources)


def _judge(contract: Contract, seen: Observations, weeks: Sequence[Week], fix: Fix | None, written: bool) -> Recovery:
    fix = fix if fix is not None else find_fix(contract, seen.changes, seen.at)
    tracks = build_tracks(with_wholes(seen.series), seen.at)
    case = _Case(contract, seen, tracks, fix, _seasons(contract, weeks))
    evaluations = tuple(
        _evaluate(case, seen.at - back * contract.block_s) for back in reversed(range(PASSES)) if _begun(case, back)
    )
    newest = evaluations[-1]
    passes = 0
    for one in reversed(evaluations):
        if one.verdict is not Verdict.RECOVERED:
            break
        passes += 1
    verdict = newest.verdict
    if verdict is Verdict.RECOVERED and passes < PASSES:
        verdict = Verdict.INCONCLUSIVE
    wait = _wait(case, newest, passes) if verdict is Verdict.INCONCLUSIVE else None
    return Recovery(
        at=seen.at,
        verdict=verdict,
        reason=safe(_reason(case, newest, verdict, passes, wait), 600),
        signals=newest.signals,
        passes=passes,
        passes_needed=PASSES,
        wait_s=wait,
        window=newest.window,
        baseline=_baselines(case, weeks),
        fix=fix,
        evaluations=evaluations,
        contract_at=contract.at,
        written=written,
        sources=seen.sources,
    )


def _begun(case: _Case, back: int) -> bool:
    """The newest evaluation always is; one before it only where there was something to evaluate."""
    return back == 0 or stretch(case.contract, case.fix, case.seen.at - back * case.contract.block_s) is not None


# -- what is judged ---------------------------------------------------------------------------------------------------


def find_fix(contract: Contract, changes: Iterable[Change], at: Instant) -> Fix | None:
    """The newest change of what the contract is about, made after it was written; None: nothing was changed."""
    about = {*contract.services, contract.cause.service if contract.cause else None, None}
    subject = contract.cause.subject if contract.cause else None
    found = [
        c
        for c in changes
        if contract.at - SKEW_S <= c.at <= at and c.kind not in NO_FIX and c.service in about and c.id != subject
    ]
    if not found:
        return None
    last = max(found, key=lambda c: (c.at, c.id))
    of = f" of {last.service}" if last.service else ""
    what = safe(f"{last.kind} {last.id}{of}", 200)
    return Fix(last.at, what, last.id, last.kind in ("deploy", "rollback"), last.service, last.version, last.commit)


def begins(contract: Contract, fix: Fix | None) -> Instant:
    """From when on the system is judged: what happens while a rollout settles is ignored."""
    return (fix.at if fix is not None else contract.at) + contract.block_s


def stretch(contract: Contract, fix: Fix | None, at: Instant) -> Window | None:
    """The stretch after the fix that is judged at `at`; None: it is too short for anything."""
    end = at - min(LAG_S, contract.hold_s / 10)
    start = max(begins(contract, fix), end - WINDOWS * contract.hold_s)
    return Window(start, end) if end - start >= contract.block_s else None


def weeks_before(contract: Contract, after: Window, zone: tzinfo) -> tuple[tuple[Window, Window], ...]:
    """The baseline's stretch and `after` in earlier weeks, by the clock on the wall: daylight saving moves people, not UTC."""
    return tuple(
        (_on_clock(contract.baseline, 7 * n, zone), _on_clock(after, 7 * n, zone)) for n in range(1, SEASON_WEEKS + 1)
    )


def _on_clock(window: Window, days: int, zone: tzinfo) -> Window:
    start = datetime.fromtimestamp(window.start, zone).replace(tzinfo=None) - timedelta(days=days)
    first = start.replace(tzinfo=zone).timestamp()
    return Window(first, first + window.seconds)


def _evaluate(case: _Case, at: Instant) -> Evaluation:
    window = stretch(case.contract, case.fix, at)
    judged = [_guarded(case, term, window, at) for term in case.contract.terms]
    judged = [_comparable(one, judged, case) for one in judged]
    judged.sort(key=_order)
    return Evaluation(at, window, _verdict_of(judged), tuple(judged))


def _order(one: Judged) -> tuple[bool, bool, int]:
    """What is not back first, then what must be shown and is not yet; what must only not be worse after that."""
    return one.verdict is not Verdict.NOT_RECOVERED, not one.term.critical, _WORST.index(one.verdict)


_WORST = (Verdict.NOT_RECOVERED, Verdict.NO_DATA, Verdict.INCONCLUSIVE, Verdict.RECOVERED)


def _verdict_of(judged: Sequence[Judged]) -> Verdict:
    """All that is critical must be back and nothing else worse: an intersection, which needs no correction for their number."""
    if any(one.verdict is Verdict.NOT_RECOVERED for one in judged):
        return Verdict.NOT_RECOVERED
    critical = [one for one in judged if one.term.critical]
    measured = [one for one in critical if one.term.kind not in (TermKind.VERSION, TermKind.SIGNATURES)]
    if not measured or all(one.verdict is Verdict.NO_DATA for one in measured):
        return Verdict.NO_DATA
    back = all(one.verdict is Verdict.RECOVERED for one in critical)
    return Verdict.RECOVERED if back else Verdict.INCONCLUSIVE


def _guarded(case: _Case, term: Term, window: Window | None, at: Instant) -> Judged:
    """One signal, held back while the stretch is shorter than the hold time; a rule that fails proves nothing."""
    if window is None:
        return _before(case, term, at)
    one = _ruled(case, term, window)
    held = window.seconds
    if one.verdict is Verdict.RECOVERED and held < case.contract.hold_s - 1e-6:
        left = case.contract.hold_s - held
        note = f"holds for {span_text(held)} of {span_text(case.contract.hold_s)}"
        return replace(one, verdict=Verdict.INCONCLUSIVE, wait_s=left, note=safe(note))
    return one


def _ruled(case: _Case, term: Term, window: Window) -> Judged:
    try:
        return _RULES[term.kind](case, term, window)
    except Exception as error:
        return _judged(term, Verdict.INCONCLUSIVE, f"its rule failed: {type(error).__name__}: {error}")


def _before(case: _Case, term: Term, at: Instant) -> Judged:
    """One signal before there is a stretch to judge: what is seen now, and trouble that goes on where nothing was mended."""
    end = at - min(LAG_S, case.contract.hold_s / 10)
    one = _ruled(case, term, Window(end - case.contract.block_s, end))
    if case.fix is None and one.verdict is Verdict.NOT_RECOVERED and term.kind is not TermKind.VERSION:
        return one
    note = f"judged from {clock_text(begins(case.contract, case.fix))} UTC on"
    wait = max(0.0, begins(case.contract, case.fix) + case.contract.hold_s - end)
    return replace(one, verdict=Verdict.INCONCLUSIVE, note=SafeText(note), wait_s=wait)


def _judged(
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


def margin_of(term: Term, expected: float) -> float:
    """How much worse than expected a signal may be."""
    return max(term.absolute, term.relative * abs(expected))


# -- failures ---------------------------------------------------------------------------------------------------------


def _errors(case: _Case, term: Term, window: Window) -> Judged:
    track = next((t for t in case.tracks.errors if (t.service, t.operation) == (term.service, term.operation)), None)
    missing = _missing(track, window, case.contract.block_s)
    if track is None or missing:
        return _judged(term, *(missing or _NO_SERIES))
    inside = points_in(track.times, window)
    failures, requests = float(track.failures[inside].sum()), float(track.requests[inside].sum())
    if requests <= 0:
        return _judged(term, Verdict.NO_DATA, "no requests since the fix: none that failed proves nothing", samples=0)
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
    return _judged(
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
    case: _Case,
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


# -- other series -----------------------------------------------------------------------------------------------------


def _value(case: _Case, term: Term, window: Window) -> Judged:
    import numpy as np

    track = _track(case, term)
    missing = _missing(track, window, case.contract.block_s)
    if track is None or missing:
        return _judged(term, *(missing or _NO_SERIES))
    width = max(case.contract.block_s, track.step_s)
    after = blocks_of(track.times, levels(track), window.start, window.end, width)
    if not after.size:
        return _judged(term, Verdict.NO_DATA, "nothing was told since the fix", samples=0)
    season = case.seasons.get(term.name, Season())
    before = np.asarray(term.blocks, dtype=np.float64) * season.ratio
    points = int(points_in(track.times, window).sum())
    per_block = max(1, round(width / track.step_s))
    if before.size < LEAST_BLOCKS:
        note = f"{before.size} of {LEAST_BLOCKS} stretches of {span_text(width)} are known from before"
        return _judged(term, Verdict.INCONCLUSIVE, note, observed=track.natural(middle(track, after)))
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
    return _judged(
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


def _backlog(case: _Case, term: Term, window: Window) -> Judged:
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


def _traffic(case: _Case, term: Term, window: Window) -> Judged:
    track = traffic_of(case.tracks, term.service)
    missing = _missing(track, window, case.contract.block_s)
    if track is None or missing:
        return _judged(term, *(missing or _NO_SERIES))
    rate = rate_in(track, window) or 0.0
    season = case.seasons.get(term.name, Season())
    expected = (term.baseline or 0.0) * season.ratio
    if expected <= 0:
        return _judged(term, Verdict.INCONCLUSIVE, "no requests are expected at this hour", observed=rate)
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
    return _judged(
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


def _comparable(one: Judged, judged: Sequence[Judged], case: _Case) -> Judged:
    """Worse under a load that is not comparable, with no other week to tell what it should be, is no finding."""
    if one.verdict is not Verdict.NOT_RECOVERED or one.seasonal or one.term.kind not in (TermKind.VALUE,):
        return one
    for other in judged:
        same = other.term.kind is TermKind.TRAFFIC and other.term.service == one.term.service
        if same and not other.seasonal and other.baseline and (other.observed or 0.0) > TRAFFIC_HIGH * other.baseline:
            note = "worse at a load that was not there before, and no earlier week is known"
            return replace(one, verdict=Verdict.INCONCLUSIVE, note=SafeText(note))
    return one


def _track(case: _Case, term: Term) -> Track | None:
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


def _version(case: _Case, term: Term, window: Window) -> Judged:
    fix = case.fix
    cause = case.contract.cause if case.contract.cause is not None and case.contract.cause.kind == "deploy" else None
    cause = cause if cause is not None and cause.service == term.service else None
    restarts = [r for r in find_restarts(case.seen.series, window.end) if r.service == term.service and r.at in window]
    if restarts:
        note = f"{term.service} restarted at {clock_text(restarts[-1].at)} UTC"
        return _judged(term, Verdict.NOT_RECOVERED, note, samples=len(restarts))
    told = [r for r in case.seen.running if r.service == term.service and r.source != BY_DEPLOY]
    blamed = [r for r in told if cause is not None and same_build(r.version, r.commit, cause.version, cause.commit)]
    if fix is not None and not (fix.deploys and fix.service in (term.service, None)):
        note = f"the fix brought no build of {term.service}"
        note += f", and {_build(cause)} still runs" if blamed else ""
        return _judged(replace(term, critical=False), Verdict.INCONCLUSIVE, note)
    if blamed:
        return _runs(term, told, blamed, f"still run {_build(cause)}")
    if fix is None:
        if cause is None:
            return _judged(
                replace(term, critical=False), Verdict.INCONCLUSIVE, "no deploy is blamed, and none was made"
            )
        if told:
            return _judged(term, Verdict.RECOVERED, "the blamed build no longer runs", samples=len(told))
        return _judged(term, Verdict.NOT_RECOVERED, f"nothing was deployed since {_build(cause)}")
    others = [r for r in told if same_build(r.version, r.commit, fix.version, fix.commit) is False]
    if others:
        return _runs(term, told, others, "run another build than the fix")
    if told:
        return _judged(term, Verdict.RECOVERED, samples=sum(r.instances for r in told))
    return _judged(term, Verdict.RECOVERED, "by the newest deploy alone: nobody tells which build runs")


def _runs(term: Term, told: list[Running], some: list[Running], what: str) -> Judged:
    every = sum(r.instances for r in told)
    note = f"{sum(r.instances for r in some)} of {every} instances seen {what}"
    return _judged(term, Verdict.NOT_RECOVERED, note, samples=every)


def _build(cause: Cause | None) -> str:
    """The blamed build in words."""
    return (cause.version or (cause.commit or "")[:12] or cause.subject) if cause is not None else "the blamed build"


def _signatures(case: _Case, term: Term, window: Window) -> Judged:
    contract = case.contract
    shapes = [one for one in case.seen.shapes if one.window.start < window.end and one.window.end > window.start]
    if not shapes:
        return _judged(term, Verdict.NO_DATA, "no log tells of the stretch after the fix")
    changed = case.fix.at if case.fix is not None else contract.at
    first = min(one.window.start for one in shapes)
    earlier = error_lines(shapes, Window(first, changed)) if first < changed else {}
    known = {*contract.known_errors, *contract.own_errors, *(text for _, text in earlier)}
    counts = error_lines(shapes, window)
    total = sum(counts.values())
    new = {key: n for key, n in counts.items() if key[1] not in known and n > NEW_ERRORS}
    if new:
        (service, text), lines = max(new.items(), key=lambda item: item[1])
        return _judged(term, Verdict.NOT_RECOVERED, f"new since the fix: {lines} × {service} {text}", samples=total)
    own = {key: n for key, n in counts.items() if key[1] in contract.own_errors}
    lines = sum(own.values())
    requests = _requests(case, {key[0] for key in own} or set(contract.services[:1]), window)
    if not lines:
        return _judged(term, Verdict.RECOVERED, baseline=0, observed=0, samples=total)
    limit = max((t.absolute for t in contract.terms if t.kind is TermKind.ERRORS), default=0.001)
    text = max(own, key=lambda key: own[key])[1]
    if not requests:
        verdict = Verdict.NOT_RECOVERED if lines > NEW_ERRORS else Verdict.INCONCLUSIVE
        return _judged(term, verdict, f"still {lines} × {text}", baseline=0, observed=lines, samples=total)
    limits = proportions(min(lines, requests), requests, 0.0, math.inf)
    verdict = Verdict.INCONCLUSIVE
    if limits.low > limit and lines > NEW_ERRORS:
        verdict = Verdict.NOT_RECOVERED
    elif limits.high <= limit:
        verdict = Verdict.RECOVERED
    return _judged(term, verdict, f"still {lines} × {text}", baseline=0, observed=lines, samples=total)


def _requests(case: _Case, services: set[str], window: Window) -> float:
    """Requests that the services served in the stretch, where they are counted."""
    found = 0.0
    for track in case.tracks.errors:
        if track.service in services and track.operation is None:
            found += float(track.requests[points_in(track.times, window)].sum())
    return found


_RULES: dict[TermKind, Callable[[_Case, Term, Window], Judged]] = {
    TermKind.ERRORS: _errors,
    TermKind.VALUE: _value,
    TermKind.BACKLOG: _backlog,
    TermKind.TRAFFIC: _traffic,
    TermKind.VERSION: _version,
    TermKind.SIGNATURES: _signatures,
}


# -- earlier weeks ----------------------------------------------------------------------------------------------------


def _seasons(contract: Contract, weeks: Sequence[Week]) -> dict[str, Season]:
    """How each signal moves between the two stretches in the weeks that can be compared."""
    read = [(week, build_tracks(with_wholes(week.series), week.after.end)) for week in weeks]
    found: dict[str, Season] = {}
    for service in dict.fromkeys(term.service for term in contract.terms if term.service):
        kept = _busy(service, read)
        for term in contract.terms:
            if term.service == service and len(kept) >= LEAST_WEEKS:
                season = _season(term, kept)
                if season is not None:
                    found[term.name] = season
    return found


def _busy(service: str, read: list[tuple[Week, Tracks]]) -> list[tuple[Week, Tracks]]:
    """Without weeks of few requests; all where nobody counts them."""
    rates: list[tuple[float, tuple[Week, Tracks]]] = []
    for week, tracks in read:
        track = traffic_of(tracks, service)
        if track is None:
            return read
        rate = rate_in(track, week.after)
        if rate:
            rates.append((rate, (week, tracks)))
    usual = sorted(rate for rate, _ in rates)
    return [one for rate, one in rates if rate >= WEEK_TRAFFIC * usual[len(usual) // 2]]


def _season(term: Term, weeks: list[tuple[Week, Tracks]]) -> Season | None:
    if term.kind in (TermKind.VERSION, TermKind.SIGNATURES):
        return None
    if term.kind is TermKind.ERRORS:
        return _season_of_errors(term, weeks)
    ratios = []
    for week, tracks in weeks:
        track = next(
            (
                t
                for t in tracks.values
                if (t.service, t.operation, t.key.metric) == (term.service, term.operation, term.signal)
            ),
            None,
        )
        ratio = _moved(track, week) if track is not None else None
        if ratio is not None:
            ratios.append(ratio)
    return _of_ratios(ratios)


def _moved(track: Track, week: Week) -> float | None:
    before = track.values[points_in(track.times, week.baseline)]
    after = track.values[points_in(track.times, week.after)]
    if not before.size or not after.size:
        return None
    level = float(before.mean())
    ratio = float(after.mean()) / level if level else math.nan
    return ratio if math.isfinite(ratio) and ratio > 0 else None


def _of_ratios(ratios: list[float]) -> Season | None:
    """Median of the weeks' ratios without those that are odd, and how well it is known."""
    import numpy as np

    if len(ratios) < LEAST_WEEKS:
        return None
    usual = float(np.median(ratios))
    kept = np.asarray([r for r in ratios if usual / WEEK_ODD <= r <= usual * WEEK_ODD])
    if kept.size < LEAST_WEEKS:
        return None
    middle = float(np.median(kept))
    return Season(middle, robust_scale(kept, 0.0) / middle / math.sqrt(kept.size), int(kept.size))


def _season_of_errors(term: Term, weeks: list[tuple[Week, Tracks]]) -> Season | None:
    """The pooled ratio of the weeks' error ratios; 1 where so few fail that no season can be told."""
    sums = [0.0, 0.0, 0.0, 0.0]
    known = 0
    for week, tracks in weeks:
        track = next((t for t in tracks.errors if (t.service, t.operation) == (term.service, term.operation)), None)
        if track is None:
            continue
        counts = [
            float(part[points_in(track.times, window)].sum())
            for window in (week.baseline, week.after)
            for part in (track.failures, track.requests)
        ]
        broken = max(margin_of(term, term.baseline or 0.0) * WEEK_ODD + (term.baseline or 0.0), 0.0)
        if not counts[1] or not counts[3] or max(counts[0] / counts[1], counts[2] / counts[3]) > broken:
            continue
        known += 1
        sums = [total + count for total, count in zip(sums, counts, strict=True)]
    if known < LEAST_WEEKS:
        return None
    if min(sums[0], sums[2]) < SEASON_FAILURES:
        return Season(1.0, 0.0, known)
    return Season((sums[2] / sums[3]) / (sums[0] / sums[1]), 0.0, known)


def _baselines(case: _Case, weeks: Sequence[Week]) -> tuple[BaselineWindow, ...]:
    used = max((season.weeks for season in case.seasons.values()), default=0)
    told = "before the incident" if used else "before the incident; no earlier week is known, so no season"
    found = [BaselineWindow(case.contract.baseline, SafeText(told))]
    if used:
        found += [BaselineWindow(week.after, SafeText("the same hours of an earlier week")) for week in weeks]
    return tuple(found)


# -- words ------------------------------------------------------------------------------------------------------------


def _wait(case: _Case, newest: Evaluation, passes: int) -> float | None:
    """How long until there can be a verdict."""
    block = case.contract.block_s
    rounds = (PASSES - max(passes, 1)) * block
    open_now = [s for s in newest.signals if s.term.critical and s.verdict is not Verdict.RECOVERED]
    if not open_now:  # the first pass may lie up to a round back
        blocks = any(s.term.critical and s.term.kind in (TermKind.VALUE, TermKind.BACKLOG) for s in newest.signals)
        least = LEAST_BLOCKS * block if blocks else case.contract.hold_s
        held = newest.window.seconds - least - (passes - 1) * block if newest.window else 0.0
        return max(1.0, rounds - min(block, max(0.0, held)))
    waits = [s.wait_s for s in open_now]
    if any(wait is None for wait in waits):
        return None
    return max(wait for wait in waits if wait is not None) + rounds


def _reason(case: _Case, newest: Evaluation, verdict: Verdict, passes: int, wait: float | None) -> str:
    after = (
        f"since {case.fix.what}"
        if case.fix is not None
        else "since the contract was written; no change of ours is known"
    )
    critical = [s for s in newest.signals if s.term.critical]
    match verdict:
        case Verdict.RECOVERED:
            return f"All {len(critical)} signals that must be back are inside their margins in {passes} evaluations in a row, {after}."
        case Verdict.NOT_RECOVERED:
            worse = [s for s in newest.signals if s.verdict is verdict]
            return f"Not back {after}: {joined([finding(s) for s in worse], 2)}."
        case Verdict.NO_DATA:
            return f"Nothing that must be back can be seen {after}: {joined([finding(s) for s in critical], 2)}."
    if newest.window is None:
        begin = clock_text(begins(case.contract, case.fix))
        return f"Too early, {after}: what happens from {begin} UTC on is judged; {_until(wait)}."
    if newest.verdict is Verdict.RECOVERED:
        return f"Everything holds in {passes} of {PASSES} evaluations in a row, {after}; {_until(wait)}."
    missing = [s for s in critical if s.verdict is not Verdict.RECOVERED]
    told = joined([finding(s) for s in missing], 2)
    longest = WINDOWS * case.contract.hold_s
    if newest.at - begins(case.contract, case.fix) > longest and wait is None:
        return f"Undecided after {span_text(longest)}, {after}: {told}. Waiting alone will not decide it."
    return f"No verdict yet, {after}: {told}; {_until(wait)}."


def _until(wait: float | None) -> str:
    return f"about {span_text(wait)} more" if wait is not None else "how long it takes cannot be told"


def finding(one: Judged) -> str:
    """A signal in words: its name, its value against what is expected, and what is missing."""
    unit = one.term.unit
    text = one.term.name
    if one.observed is not None and one.baseline is not None and one.term.kind is not TermKind.SIGNATURES:
        text += f" {number(one.observed, unit)}, expected {number(one.baseline, unit)}"
        if one.margin is not None:
            sign = "±" if one.term.kind is TermKind.TRAFFIC else "+"
            text += f" {sign} {number(one.margin, unit)}"
    return f"{text} ({one.note})" if one.note else text
