"""Whether a canary may go on: against a baseline of the old version that is as fresh and of the same size. Pure.

Errors are compared as totals, since ranks are blind to bursts. Everything else by ranks, with the effective number of samples
where they follow each other, and with an effect beside every chance; what is not shown to be alike is inconclusive.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from console.analysis.constants import GATE_FAILURES, GATE_REQUESTS
from console.analysis.contract import ERROR_MARGIN, ERROR_SHARE, margin_of, points_in, value_limits
from console.analysis.equivalence import Limits, proportions, requests_needed, samples_for
from console.analysis.recovery import finding
from console.analysis.signals import Family
from console.analysis.stats import fisher_greater
from console.analysis.tracks import ErrorTrack, Track, build_tracks
from console.analysis.view import known_at
from console.analysis.whole import with_wholes
from console.analysis.words import joined
from console.domain.diagnosis import BaselineWindow
from console.domain.instant import Instant, Window, span_text
from console.domain.observations import Observations
from console.domain.recovery import Evaluation, Judged, Recovery, Term, TermKind, Verdict
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.sanitise import safe

if TYPE_CHECKING:
    from console.analysis.stats import Numbers

P_FAIL = 0.02
"""A confidence of 0.98, as Kayenta has it [P]."""
CLIFF = 0.43
"""|Cliff's delta| from which a difference is more than small [M, PetShop]."""
EFFECT, CRITICAL = 1.10, 1.25
"""Ratio to the baseline from which a difference fails, and from which one evaluation is enough [D]."""
LEAST_POINTS, WANTED_POINTS = 30, 50
EVALUATIONS = 3
LAGS = 10
LAG_LEAST = 0.05
Z_PASS = 1.6449
BASELINE_FOUND = SafeText("the control beside it, over the same minutes")


@dataclass(frozen=True, slots=True)
class Ranked:
    """Two samples compared by ranks."""

    chance: float
    """One-sided: that the canary tends so much higher by chance, with the effective number of samples."""
    delta: float
    """Cliff's: the share of pairs in which the canary is higher, less the share in which it is lower."""
    limits: Limits
    """Of the Hodges-Lehmann shift."""


def effective(values: Numbers) -> float:
    """How many independent samples tell as much: n / (1 + 2 sum of the lag correlations until the first slight one)."""
    n = int(values.size)
    rest = values - values.mean()
    spread = float((rest * rest).sum())
    if n < 4 or spread <= 0:
        return float(n)
    factor = 1.0
    for lag in range(1, min(LAGS, n - 2) + 1):
        rho = float((rest[:-lag] * rest[lag:]).sum()) / spread
        if rho <= LAG_LEAST:
            break
        factor += 2 * rho
    return n / factor


def ranked(before: Numbers, after: Numbers) -> Ranked:
    """Mann-Whitney with effective sample sizes; its variance is ties x (e1 + e2 + 1) / (12 e1 e2)."""
    import numpy as np

    differences = np.sort((after[:, None] - before[None, :]).ravel())
    pairs = differences.size
    above = float((differences > 0).sum() + 0.5 * (differences == 0).sum()) / pairs
    merged = np.concatenate([before, after])
    _, counts = np.unique(merged, return_counts=True)
    ties = 1 - float((counts**3 - counts).sum()) / (merged.size**3 - merged.size)
    e0, e1 = effective(before), effective(after)
    spread = math.sqrt(max(ties, 0.0) * (e0 + e1 + 1) / (12 * e0 * e1))
    estimate = float(np.median(differences))
    if spread <= 0:  # all values alike
        return Ranked(1.0, 0.0, Limits(estimate, estimate, estimate))
    chance = 0.5 * math.erfc((above - 0.5) / spread / math.sqrt(2))
    rank = math.floor(pairs * (0.5 - Z_PASS * spread))
    low = float(differences[rank - 1]) if rank >= 1 else -math.inf
    high = float(differences[-rank]) if rank >= 1 else math.inf
    return Ranked(chance, 2 * above - 1, Limits(low, estimate, high))


def judge_canary(
    seen: Observations, canary: str, control: str, began: Instant, every_s: float = 300.0, fresh: bool = True
) -> Recovery:
    """Whether the canary is shown to do as well as its control.

    Args:
        canary: Name of the service whose series are the canary's.
        control: The same for instances of the old version that were started with it.
        began: When both were started, and had settled.
        every_s: Seconds between two evaluations.
        fresh: False: the control are instances that have run for long, which is told as a weakness.

    Returns:
        RECOVERED: go on; NOT_RECOVERED: stop; INCONCLUSIVE: too little is known, which is never a success.
    """
    import numpy as np

    try:
        with np.errstate(all="ignore"):
            return _judge(known_at(seen), canary, control, began, every_s, fresh)
    except Exception as error:  # a judge that fails must never read as a success
        why = safe(f"the judge failed and says nothing: {type(error).__name__}: {error}", 300)
        return Recovery(seen.at, Verdict.INCONCLUSIVE, why, sources=seen.sources)


def _judge(seen: Observations, canary: str, control: str, began: Instant, every_s: float, fresh: bool) -> Recovery:
    pairs = _pairs(seen, canary, control)
    ends = [seen.at - back * every_s for back in reversed(range(EVALUATIONS)) if seen.at - back * every_s > began]
    evaluations = tuple(_evaluate(pairs, Window(began, end)) for end in ends)
    if not evaluations:
        return Recovery(seen.at, Verdict.INCONCLUSIVE, SafeText("the canary has not begun"), sources=seen.sources)
    newest = evaluations[-1]
    passes = 0
    for one in reversed(evaluations):
        if one.verdict is not Verdict.RECOVERED:
            break
        passes += 1
    verdict, reason = _decided(evaluations, passes, every_s)
    weak = "" if fresh else " The control is no fresh one: age and warm caches may hide or feign a difference."
    why = SafeText(BASELINE_FOUND + ("" if fresh else ", which has run for long"))
    return Recovery(
        at=seen.at,
        verdict=verdict,
        reason=safe(reason + weak, 600),
        signals=newest.signals,
        passes=passes,
        passes_needed=EVALUATIONS,
        wait_s=_wait(newest, passes, every_s) if verdict is Verdict.INCONCLUSIVE else None,
        window=newest.window,
        baseline=(BaselineWindow(Window(began, seen.at), why),),
        evaluations=evaluations,
        sources=seen.sources,
    )


def _decided(evaluations: Sequence[Evaluation], passes: int, every_s: float) -> tuple[Verdict, str]:
    newest = evaluations[-1]
    worse = [s for s in newest.signals if s.verdict is Verdict.NOT_RECOVERED]
    if any(_is_critical(s) for s in worse):
        return Verdict.NOT_RECOVERED, f"Stop: {joined([finding(s) for s in worse], 2)}."
    if len(evaluations) < EVALUATIONS:
        short = f"{len(evaluations)} of {EVALUATIONS} evaluations, {span_text(every_s)} apart"
        return Verdict.INCONCLUSIVE, f"No verdict yet: {short}."
    if all(one.verdict is Verdict.NOT_RECOVERED for one in evaluations):
        return Verdict.NOT_RECOVERED, f"Stop: {joined([finding(s) for s in worse], 2)}."
    if passes >= EVALUATIONS:
        return Verdict.RECOVERED, f"The canary does as well as its control in {passes} evaluations in a row."
    if newest.verdict is Verdict.NO_DATA:
        return Verdict.NO_DATA, "Nothing is told of the canary or of its control."
    open_now = [s for s in newest.signals if s.verdict is not Verdict.RECOVERED]
    told = (
        joined([finding(s) for s in open_now], 2) if open_now else f"it holds in {passes} of {EVALUATIONS} evaluations"
    )
    return Verdict.INCONCLUSIVE, f"No verdict yet: {told}."


def _wait(newest: Evaluation, passes: int, every_s: float) -> float | None:
    waits = [s.wait_s for s in newest.signals if s.verdict is not Verdict.RECOVERED]
    if any(wait is None for wait in waits):
        return None
    return max((w for w in waits if w is not None), default=0.0) + (EVALUATIONS - max(passes, 1)) * every_s


def _is_critical(one: Judged) -> bool:
    """Far enough off that one evaluation is enough."""
    return not one.baseline or one.observed is None or one.observed / one.baseline >= CRITICAL


@dataclass(frozen=True, slots=True)
class _Pair:
    """One signal of both."""

    name: str
    canary: Track | ErrorTrack | None
    control: Track | ErrorTrack | None


def _pairs(seen: Observations, canary: str, control: str) -> list[_Pair]:
    """Failures and every latency and use that either tells of; what the other lacks is told, and no success."""
    tracks = build_tracks(with_wholes(seen.series), seen.at)
    sides: dict[str, dict[str, Track | ErrorTrack]] = {canary: {}, control: {}}
    for counted in tracks.errors:
        if counted.service in sides and counted.operation is None:
            sides[counted.service]["error rate"] = counted
    for track in tracks.values:
        judged = track.meaning.family in (Family.LATENCY, Family.SATURATION, Family.MEMORY)
        if track.service in sides and track.operation is None and judged:
            sides[track.service][track.key.metric] = track
    names = dict.fromkeys([*sides[control], *sides[canary], "error rate"])
    return [_Pair(name, sides[canary].get(name), sides[control].get(name)) for name in names]


def _evaluate(pairs: Iterable[_Pair], window: Window) -> Evaluation:
    judged = []
    for pair in pairs:
        try:
            judged.append(_compare(pair, window))
        except Exception as error:
            term = Term(pair.name, TermKind.VALUE, "", None, pair.name, "", True)
            note = safe(f"its rule failed: {type(error).__name__}: {error}", 200)
            judged.append(Judged(term, Verdict.INCONCLUSIVE, None, None, None, None, None, note=note))
    order = (Verdict.NOT_RECOVERED, Verdict.NO_DATA, Verdict.INCONCLUSIVE, Verdict.RECOVERED)
    judged.sort(key=lambda one: order.index(one.verdict))
    return Evaluation(window.end, window, _verdict_of(judged), tuple(judged))


def _verdict_of(judged: Sequence[Judged]) -> Verdict:
    if any(one.verdict is Verdict.NOT_RECOVERED for one in judged):
        return Verdict.NOT_RECOVERED
    if all(one.verdict is Verdict.NO_DATA for one in judged):
        return Verdict.NO_DATA
    back = all(one.verdict is Verdict.RECOVERED for one in judged)
    return Verdict.RECOVERED if back else Verdict.INCONCLUSIVE


def _compare(pair: _Pair, window: Window) -> Judged:
    if isinstance(pair.canary, ErrorTrack) and isinstance(pair.control, ErrorTrack):
        return _errors(pair.canary, pair.control, window)
    if isinstance(pair.canary, Track) and isinstance(pair.control, Track):
        return _values(pair.canary, pair.control, window)
    named = pair.control if pair.control is not None else pair.canary
    term = Term(pair.name, TermKind.VALUE, named.service if named is not None else "", None, pair.name, "", True)
    return Judged(term, Verdict.NO_DATA, None, None, None, None, None, note=SafeText("its series is missing"))


def _errors(canary: ErrorTrack, control: ErrorTrack, window: Window) -> Judged:
    inside, beside = points_in(canary.times, window), points_in(control.times, window)
    k1, n1 = float(canary.failures[inside].sum()), float(canary.requests[inside].sum())
    k0, n0 = float(control.failures[beside].sum()), float(control.requests[beside].sum())
    term = Term(f"{canary.service} error rate", TermKind.ERRORS, canary.service, None, "error_rate", "ratio", True)
    term = replace(term, relative=ERROR_SHARE, absolute=ERROR_MARGIN)
    if not n1 or not n0:
        return Judged(term, Verdict.NO_DATA, None, None, None, round(n1), None, note=SafeText("no requests"))
    expected = k0 / n0
    margin = margin_of(term, expected)
    limits = proportions(k1, n1, k0, n0)
    needed = requests_needed(expected, margin, n0)
    chance = fisher_greater(round(k1), round(n1), round(k0), round(n0))
    verdict, note = Verdict.INCONCLUSIVE, ""
    if n1 >= GATE_REQUESTS and k1 >= GATE_FAILURES and chance < P_FAIL and k1 / n1 - expected > margin:
        verdict, note = Verdict.NOT_RECOVERED, f"{k1:,.0f} of {n1:,.0f} requests failed"
    elif limits.high <= margin and n1 >= GATE_REQUESTS:
        verdict = Verdict.RECOVERED
    elif needed is not None and n1 < needed:
        note = f"{n1:,.0f} of {needed:,} requests"
    wait = (needed - n1) / n1 * window.seconds if verdict is Verdict.INCONCLUSIVE and needed and needed > n1 else None
    return Judged(
        term, verdict, expected, k1 / n1, margin, round(n1), needed, limits.low, limits.high, wait, safe(note, 200)
    )


def _values(canary: Track, control: Track, window: Window) -> Judged:
    import numpy as np

    after, before = canary.values[points_in(canary.times, window)], control.values[points_in(control.times, window)]
    term = _term(canary)
    fewest = int(min(after.size, before.size))
    if not fewest:
        return Judged(
            term, Verdict.NO_DATA, None, None, None, int(after.size), LEAST_POINTS, note=SafeText("no values")
        )
    level = float(np.median(before))
    observed = float(np.median(after))
    margin = margin_of(term, level)
    if fewest < LEAST_POINTS:
        left = (LEAST_POINTS - fewest) * canary.step_s
        note = safe(f"{fewest} of {LEAST_POINTS} values, and {WANTED_POINTS} are better")
        natural = canary.natural(level), canary.natural(observed)
        return Judged(
            term, Verdict.INCONCLUSIVE, *natural, margin, int(after.size), LEAST_POINTS, wait_s=left, note=note
        )
    compared = ranked(before, after)
    limits = compared.limits
    # Where nothing is used in the control, there is no ratio: the margin itself is the effect.
    effect = max(margin, (EFFECT - 1) * abs(level))
    verdict = Verdict.INCONCLUSIVE
    if compared.chance < P_FAIL and compared.delta >= CLIFF and limits.estimate >= effect:
        verdict = Verdict.NOT_RECOVERED
    elif limits.high <= margin:
        verdict = Verdict.RECOVERED
    needed = max(LEAST_POINTS, samples_for(limits, int(after.size), margin) or 0)
    wait = (needed - after.size) * canary.step_s if verdict is Verdict.INCONCLUSIVE and needed > after.size else None
    return Judged(
        term,
        verdict,
        canary.natural(level),
        canary.natural(observed),
        margin,
        int(after.size),
        needed,
        limits.low if math.isfinite(limits.low) else None,
        limits.high if math.isfinite(limits.high) else None,
        wait,
    )


def _term(track: Track) -> Term:
    relative, absolute = value_limits(track)
    name = f"{track.service} {track.key.metric.replace('_', ' ')}"
    return Term(
        name, TermKind.VALUE, track.service, None, track.key.metric, track.meaning.unit, True, relative, absolute
    )
