"""Whether an incident is over: each signal of the contract shown to be back, three times in a row. Pure.

Equivalence and not absence of significance: "no difference was found" is what five quiet samples say of a service that is a tenth
slower. What cannot be shown is inconclusive, with what is missing; what has no data is never a success.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from console.analysis.contract import LEAST_BLOCKS, WINDOWS
from console.analysis.recovery_rules import RULES, Check, comparable, judged_as
from console.analysis.recovery_seasons import Week, seasons_of
from console.analysis.tracks import build_tracks
from console.analysis.view import known_at
from console.analysis.whole import with_wholes
from console.analysis.words import joined, number
from console.domain.changes import Change
from console.domain.diagnosis import BaselineWindow
from console.domain.instant import Instant, Window, clock_text, span_text
from console.domain.observations import Observations
from console.domain.recovery import Contract, Evaluation, Fix, Judged, Proof, Recovery, Term, TermKind, Verdict
from console.domain.text import SafeText
from console.guard.sanitise import safe

PASSES = 3
"""Evaluations in a row in which everything must hold [D]."""
LAG_S = 90.0
"""The newest stretch that is left out: scrapes and log shippers are late [D]."""
SKEW_S = 2.0
"""A tag is stamped in whole seconds: it may seem to be older than the contract by so much."""
NO_FIX = frozenset(("cron", "traffic"))
UNMEASURED = frozenset((TermKind.VERSION, TermKind.SIGNATURES, TermKind.REPRODUCTION))
"""What shows nothing of how users fare."""


def judge(
    contract: Contract,
    seen: Observations,
    weeks: Sequence[Week] = (),
    fix: Fix | None = None,
    written: bool = True,
    proofs: Sequence[Proof] = (),
) -> Recovery:
    """Whether the contract holds at the knowledge time of `seen`; nothing stamped later has any influence.

    Args:
        weeks: The same hours of earlier weeks, where they are known.
        fix: From when on it is judged; default: the newest change of the contract's services since it was written.
        written: False: the contract was made just now, from what was known before the fix.
        proofs: What the reproduction showed, where the incident is a case that has one.
    """
    import numpy as np

    try:
        with np.errstate(all="ignore"):
            return _judge(contract, known_at(seen), weeks, fix, written, proofs)
    except Exception as error:  # a judge that fails must never read as a success
        why = safe(f"the judge failed and says nothing: {type(error).__name__}: {error}", 300)
        return Recovery(seen.at, Verdict.INCONCLUSIVE, why, contract_at=contract.at, sources=seen.sources)


def _judge(
    contract: Contract,
    seen: Observations,
    weeks: Sequence[Week],
    fix: Fix | None,
    written: bool,
    proofs: Sequence[Proof],
) -> Recovery:
    fix = fix if fix is not None else find_fix(contract, seen.changes, seen.at)
    tracks = build_tracks(with_wholes(seen.series), seen.at)
    known = tuple(sorted((one for one in proofs if one.at <= seen.at), key=lambda one: one.at))
    case = Check(contract, seen, tracks, fix, seasons_of(contract, weeks), known)
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


def _begun(case: Check, back: int) -> bool:
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


def _evaluate(case: Check, at: Instant) -> Evaluation:
    window = stretch(case.contract, case.fix, at)
    judged = [_guarded(case, term, window, at) for term in case.contract.terms]
    judged = [comparable(one, judged, case) for one in judged]
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
    measured = [one for one in critical if one.term.kind not in UNMEASURED]
    if not measured or all(one.verdict is Verdict.NO_DATA for one in measured):
        return Verdict.NO_DATA
    back = all(one.verdict is Verdict.RECOVERED for one in critical)
    return Verdict.RECOVERED if back else Verdict.INCONCLUSIVE


def _guarded(case: Check, term: Term, window: Window | None, at: Instant) -> Judged:
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


def _ruled(case: Check, term: Term, window: Window) -> Judged:
    try:
        return RULES[term.kind](case, term, window)
    except Exception as error:
        return judged_as(term, Verdict.INCONCLUSIVE, f"its rule failed: {type(error).__name__}: {error}")


def _before(case: Check, term: Term, at: Instant) -> Judged:
    """One signal before there is a stretch to judge: what is seen now, and trouble that goes on where nothing was mended."""
    end = at - min(LAG_S, case.contract.hold_s / 10)
    one = _ruled(case, term, Window(end - case.contract.block_s, end))
    if case.fix is None and one.verdict is Verdict.NOT_RECOVERED and term.kind is not TermKind.VERSION:
        return one
    note = f"judged from {clock_text(begins(case.contract, case.fix))} UTC on"
    wait = max(0.0, begins(case.contract, case.fix) + case.contract.hold_s - end)
    return replace(one, verdict=Verdict.INCONCLUSIVE, note=SafeText(note), wait_s=wait)


def _baselines(case: Check, weeks: Sequence[Week]) -> tuple[BaselineWindow, ...]:
    used = max((season.weeks for season in case.seasons.values()), default=0)
    told = "before the incident" if used else "before the incident; no earlier week is known, so no season"
    found = [BaselineWindow(case.contract.baseline, SafeText(told))]
    if used:
        found += [BaselineWindow(week.after, SafeText("the same hours of an earlier week")) for week in weeks]
    return tuple(found)


# -- words ------------------------------------------------------------------------------------------------------------


def _wait(case: Check, newest: Evaluation, passes: int) -> float | None:
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


def _reason(case: Check, newest: Evaluation, verdict: Verdict, passes: int, wait: float | None) -> str:
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
