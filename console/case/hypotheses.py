"""The ledger's rules: which state of a hypothesis the evidence allows. Pure.

Correlation stops at supported; only an intervention, or the mechanism seen directly, confirms (Zeller, Why Programs Fail, ch. 6).
"""

from __future__ import annotations

from collections.abc import Iterable

from console.case.mitigated import Mitigated
from console.case.model import Case, Hypothesis, HypothesisState, Outcome, Prediction

S = HypothesisState
LIVING = frozenset({S.OPEN, S.SUPPORTED})
SETTLED = frozenset({S.REFUTED, S.SUPERSEDED})
"""Nothing that their predictions say now changes them; one that is parked is asked on, since data may come."""
PRIORS = {"low": 0.2, "med": 0.5, "high": 0.8}
LEAST_REASON = 15
"""Characters of a reason; a shorter one says nothing to somebody who reads it a week later."""


class NotAllowed(Exception):
    """The rules of the ledger forbid it; the text names the rule."""


def falsifiable(prediction: Prediction) -> bool:
    """Whether something could be seen that refutes it."""
    return bool(prediction.text.strip()) and (bool(prediction.refutes.strip()) or not prediction.manual)


def state_by_evidence(one: Hypothesis, done: Mitigated) -> HypothesisState:
    """The state that the results of its predictions lead to; the same where they lead to none.

    A must-hold that fails refutes, or takes a confirmation back; one that holds, with enough samples, and neither before nor where
    nothing is wrong nor only since after the trouble began, supports. Inconclusive results and stale ones change nothing, nor does
    what fails because a mitigation ended it.
    """
    musts = [p for p in one.predictions if p.must_hold]
    failed = any(p.last.outcome is Outcome.FAILS and done.counts(p.last) for p in musts if p.last is not None)
    held = any(p.outcome is Outcome.HOLDS and p.discriminates for p in musts)
    if one.state is S.CONFIRMED:
        return S.SUPPORTED if failed else S.CONFIRMED
    if one.state in (S.DRAFT, S.OPEN, S.SUPPORTED) and failed:
        return S.REFUTED
    if one.state is S.OPEN and held:
        return S.SUPPORTED
    return one.state


def restored(one: Hypothesis, done: Mitigated) -> HypothesisState:
    """The state of a hypothesis that only failings took down which do not count; the same for every other.

    A mitigation is often written down some minutes after it was made; by then the console may have seen its effect.
    """
    results = [result for p in one.predictions if p.must_hold for result in p.results]
    failings = [result for result in results if result.outcome is Outcome.FAILS]
    fell = one.state is S.REFUTED or (one.state is S.SUPPORTED and bool(one.interventions))
    if not fell or one.changed_by != "console" or not failings or any(done.counts(result) for result in failings):
        return one.state
    if one.interventions:
        return S.CONFIRMED
    held = any(result.outcome is Outcome.HOLDS and not result.weak for result in results)
    return S.SUPPORTED if held else S.OPEN


def check_change(case: Case, one: Hypothesis, to: HypothesisState, evidence: Iterable[str], reason: str) -> None:
    """Look whether a person may change the state so.

    Args:
        evidence: Names of the evidence that the change rests on.

    Raises:
        NotAllowed: A rule forbids it.
    """
    named = tuple(evidence)
    unknown = [name for name in named if case.item(name) is None]
    if unknown:
        raise NotAllowed(
            f"there is no evidence {', '.join(unknown)}: `incident case show {case.id}` lists what there is"
        )
    if to is one.state:
        raise NotAllowed(f"{one.name} is {to} already")
    match to:
        case S.OPEN:
            _may_open(one, named, reason)
        case S.SUPPORTED:
            raise NotAllowed(
                f"{one.name} becomes supported by a prediction that holds: `incident case hypothesis {case.id} {one.name} --check`"
            )
        case S.CONFIRMED:
            _may_confirm(case, one, named)
        case S.REFUTED:
            if one.state not in (S.DRAFT, S.OPEN, S.SUPPORTED):
                raise NotAllowed(f"{one.name} is {one.state}: only a draft, open or supported one can be refuted")
            if not named and not any(p.must_hold and p.outcome is Outcome.FAILS for p in one.predictions):
                raise NotAllowed(f"{one.name} is refuted by a must-hold that fails, or by evidence: --evidence E1")
        case S.PARKED | S.SUPERSEDED:
            if one.state not in (S.DRAFT, S.OPEN, S.SUPPORTED):
                raise NotAllowed(f"{one.name} is {one.state}: only a draft, open or supported one can be {to}")
            if len(reason.strip()) < LEAST_REASON:
                raise NotAllowed(f"say why {one.name} is {to}: --reason, {LEAST_REASON} characters or more")
        case S.DRAFT:
            raise NotAllowed(f"{one.name} was {one.state}: it cannot become a draft again")


def successor(case: Case, one: Hypothesis, named: str) -> Hypothesis:
    """The refinement that takes the place of a hypothesis.

    Args:
        named: Which; empty: the newest that was written as its refinement.

    Raises:
        NotAllowed: There is none, or it cannot be one.
    """
    if not named:
        refined = [other for other in case.hypotheses if other.parent == one.name and other.state not in SETTLED]
        if not refined:
            raise NotAllowed(
                f"only a refinement takes the place of {one.name}: name it (--by H9), or write it down first (--parent {one.name})"
            )
        return refined[-1]
    found = case.hypothesis(named)
    if found is None or found.name == one.name:
        raise NotAllowed(f"there is no other hypothesis {named.upper()} that could take the place of {one.name}")
    if found.state in SETTLED:
        raise NotAllowed(f"{found.name} is {found.state}: it cannot take the place of {one.name}")
    return found


def _may_open(one: Hypothesis, evidence: tuple[str, ...], reason: str) -> None:
    if one.state is S.DRAFT:
        if not any(falsifiable(p) for p in one.predictions):
            raise NotAllowed(
                f"SG8: {one.name} has no prediction that could fail: --predict 'max(error_rate, checkout) > 5% over 10m', "
                "or --predict 'manual: …' with --refutes 'what would refute it'"
            )
    elif one.state is S.REFUTED:
        fresh = [name for name in evidence if name not in one.evidence]
        if not fresh or len(reason.strip()) < LEAST_REASON:
            raise NotAllowed(f"{one.name} is refuted: it reopens only with new evidence (--evidence E9) and a --reason")
    elif one.state is not S.PARKED:
        raise NotAllowed(f"{one.name} is {one.state} and cannot be opened")


def _may_confirm(case: Case, one: Hypothesis, evidence: tuple[str, ...]) -> None:
    if one.state is not S.SUPPORTED:
        raise NotAllowed(f"{one.name} is {one.state}: only a supported hypothesis can be confirmed")
    if not evidence:
        raise NotAllowed(
            f"{one.name} is confirmed by an intervention only: a repro that fails with the cause and passes without it, a reversible "
            "change that moved the metric, or the mechanism seen directly: name it with --evidence E1"
        )
    open_rivals = [rival.name for rival in rivals(case, one) if rival.state in LIVING]
    if open_rivals:
        raise NotAllowed(f"{', '.join(open_rivals)} may explain the same symptoms: refute or park it first")


def rivals(case: Case, one: Hypothesis) -> list[Hypothesis]:
    """Other hypotheses that may explain the same symptoms; who names none explains all of them."""
    found = []
    for other in case.hypotheses:
        if other.name == one.name or other.name == one.parent:
            continue
        same = not one.explains or not other.explains or bool(set(one.explains) & set(other.explains))
        if other.name in one.rivals or one.name in other.rivals or same:
            found.append(other)
    return found


def discrimination(case: Case, one: Hypothesis, prediction: Prediction) -> float:
    """How much a prediction splits its hypothesis from the rivals: the share of open rivals that do not predict the same."""
    others = [rival for rival in rivals(case, one) if rival.state in (*LIVING, S.DRAFT)]
    if not others:
        return 1.0
    apart = sum(all(p.text.strip() != prediction.text.strip() for p in rival.predictions) for rival in others)
    return apart / len(others)


def next_test(case: Case, now: float) -> tuple[Hypothesis, Prediction] | None:
    """The cheapest next test: highest prior times discrimination for its cost, among what is not known yet."""
    candidates = [
        (PRIORS.get(one.prior, 0.5) * discrimination(case, one, p) / max(one.cost, 0.1), one, p)
        for one in case.hypotheses
        if one.state in (*LIVING, S.DRAFT)
        for p in one.predictions
        if p.outcome in (Outcome.UNKNOWN, Outcome.INCONCLUSIVE) or p.stale(now)
    ]
    if not candidates:
        return None
    _, one, prediction = max(candidates, key=lambda found: found[0])
    return one, prediction


def rivals_unsplit(case: Case) -> tuple[Hypothesis, Hypothesis] | None:
    """The two first living hypotheses, where no prediction tells them apart."""
    living = [one for one in case.hypotheses if one.state in LIVING]
    living.sort(key=lambda one: (one.state is not S.SUPPORTED, -PRIORS.get(one.prior, 0.5)))
    if len(living) < 2:
        return None
    first, second = living[:2]
    said = {p.text.strip() for p in first.predictions}, {p.text.strip() for p in second.predictions}
    return (first, second) if said[0] == said[1] else None
