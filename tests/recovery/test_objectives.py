"""Two signals that no level tells: the error budget of an objective, and the reproduction once the fix is deployed."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from console.analysis.contract import with_reproduction, write_contract
from console.analysis.diagnose import diagnose
from console.analysis.recovery import judge
from console.domain.observations import Observations
from console.domain.recovery import Contract, Judged, Proof, Recovery, TermKind, Verdict
from console.domain.text import SafeText
from console.domain.topology import Service, Topology
from console.report.recovery_json import contract_json, contract_of
from console.report.recovery_text import contract_text
from tests.recovery.made import FIXED, ONSET, ROLLBACK, SERVICE, WRITTEN, Made, after, observed, running, stepped

HEALTHY = Made(errors=stepped(0.0005, 0.12, 0.0005))
LATER = 60.0


def promised(made: Made, at: float, objective: float | None = 0.998) -> Observations:
    """What is known of a service that promised so much."""
    seen = observed(made, at, (ROLLBACK,), (running("v41"),) if at > FIXED else ())
    return replace(seen, topology=Topology((Service(SERVICE, (), objective),)))


def contract_for(made: Made, objective: float | None = 0.998) -> Contract:
    seen = promised(made, WRITTEN, objective)
    return write_contract(seen, diagnose(seen))


def check(made: Made, minutes: float = LATER, contract: Contract | None = None, *proofs: Proof) -> Recovery:
    return judge(contract or contract_for(made), promised(made, after(minutes)), proofs=proofs)


def signal(answer: Recovery, kind: TermKind) -> Judged:
    return next(one for one in answer.signals if one.term.kind is kind)


# -- the error budget -------------------------------------------------------------------------------------------------


def test_a_budget_that_lasts_again_is_shown_over_an_hour_and_its_newest_five_minutes() -> None:
    contract = contract_for(HEALTHY)
    (term,) = (one for one in contract.terms if one.kind is TermKind.BURN)
    assert term.critical and term.budget == pytest.approx(0.002)
    assert term.baseline == pytest.approx(0.25, abs=0.05) and (term.failing or 0) > 30
    answer = check(HEALTHY)
    one = signal(answer, TermKind.BURN)
    assert one.verdict is Verdict.RECOVERED and answer.verdict is Verdict.RECOVERED, answer.reason
    assert one.observed is not None and one.observed < 1 and one.samples is not None and one.samples > 100_000
    assert "below 1, where 0.2 % of the requests may fail" in contract_text(contract, ZoneInfo("UTC"))


def test_failures_inside_the_margin_of_the_ratio_can_still_burn_the_budget() -> None:
    """0.1 points more than before is what an error ratio may have; the objective allows 0.11 % in all."""
    made = Made(errors=stepped(0.0005, 0.12, 0.0014))
    answer = check(made, contract=contract_for(made, 0.9989))
    one = signal(answer, TermKind.BURN)
    assert signal(answer, TermKind.ERRORS).verdict is Verdict.RECOVERED
    assert one.verdict is Verdict.NOT_RECOVERED and (one.observed or 0) > 1
    assert answer.verdict is Verdict.NOT_RECOVERED and "burn" in answer.reason


def test_a_budget_that_burns_in_the_newest_five_minutes_alone_is_not_back() -> None:
    late = after(LATER) - ONSET - 420
    made = Made(errors=lambda at: 0.12 if 0 <= at < FIXED - ONSET else 0.006 if at > late else 0.0002)
    one = signal(check(made, contract=contract_for(made)), TermKind.BURN)
    assert one.verdict is Verdict.NOT_RECOVERED and "newest 5m" in one.note


def test_too_few_requests_are_counted_and_said_to_be_too_few() -> None:
    made = replace(HEALTHY, requests=lambda at: 10.0)
    one = signal(check(made, 30, contract_for(HEALTHY)), TermKind.BURN)
    assert one.verdict is Verdict.INCONCLUSIVE and one.needed and one.samples and one.samples < one.needed
    assert f"of {one.needed:,} requests" in one.note


def test_no_requests_are_no_budget_that_lasts() -> None:
    made = replace(HEALTHY, gaps=lambda at: at > FIXED - ONSET)
    assert signal(check(made, contract=contract_for(HEALTHY)), TermKind.BURN).verdict is Verdict.NO_DATA
    idle = replace(HEALTHY, requests=lambda at: 3000.0 if at < FIXED - ONSET else 0.0)
    assert signal(check(idle, contract=contract_for(HEALTHY)), TermKind.BURN).verdict is Verdict.NO_DATA


@pytest.mark.parametrize("objective", [None, 0.9999], ids=["none promised", "burnt before the incident too"])
def test_without_a_budget_that_lasted_before_there_is_none_to_come_back_to(objective: float | None) -> None:
    assert all(one.kind is not TermKind.BURN for one in contract_for(HEALTHY, objective).terms)


def test_a_budget_survives_the_way_to_the_disk() -> None:
    contract = contract_for(HEALTHY)
    back = contract_of(contract_json(contract))
    assert [one.budget for one in back.terms] == pytest.approx([one.budget for one in contract.terms])


# -- the reproduction -------------------------------------------------------------------------------------------------

REPRODUCED = Proof(WRITTEN - 60, "REPRODUCED", SafeText("staging"))


def fixed(minutes: float, state: str = "FIXED", where: str = "staging") -> Proof:
    return Proof(after(minutes), state, SafeText(where))


@pytest.mark.parametrize(
    ("proofs", "verdict", "told"),
    [
        ((), Verdict.INCONCLUSIVE, "`incident repro verify`"),
        ((REPRODUCED,), Verdict.INCONCLUSIVE, "not verified since"),
        ((REPRODUCED, fixed(-5)), Verdict.INCONCLUSIVE, "not verified since"),
        ((REPRODUCED, fixed(20)), Verdict.RECOVERED, "fixed at"),
        ((fixed(20, "STILL FAILING"),), Verdict.NOT_RECOVERED, "still failing at"),
        ((fixed(20, "INCONCLUSIVE"),), Verdict.INCONCLUSIVE, "inconclusive at"),
        ((fixed(20, "STILL FAILING"), fixed(30)), Verdict.RECOVERED, "in staging"),
        ((fixed(20), fixed(30, "REPRODUCED")), Verdict.NOT_RECOVERED, "failed again"),
        ((fixed(20), fixed(30, "REPRODUCED", "old")), Verdict.RECOVERED, "in staging"),
        ((fixed(10, "REPRODUCED"),), Verdict.INCONCLUSIVE, "and failed at"),
        ((fixed(90),), Verdict.INCONCLUSIVE, "not verified since"),
    ],
    ids=[
        "nothing",
        "before the fix",
        "verified before the deploy",
        "verified",
        "still failing",
        "unclear",
        "the newest counts",
        "failed again",
        "failed elsewhere",
        "failed and not verified",
        "of the future",
    ],
)
def test_what_was_reproduced_must_be_verified_after_the_deploy(
    proofs: tuple[Proof, ...], verdict: Verdict, told: str
) -> None:
    answer = check(HEALTHY, LATER, with_reproduction(contract_for(HEALTHY)), *proofs)
    one = signal(answer, TermKind.REPRODUCTION)
    assert one.verdict is verdict and told in one.note
    assert answer.verdict is verdict, answer.reason


def test_a_reproduction_alone_is_no_recovery() -> None:
    blind = replace(HEALTHY, gaps=lambda at: at > FIXED - ONSET)
    answer = check(blind, LATER, with_reproduction(contract_for(HEALTHY)), fixed(20))
    assert answer.verdict is Verdict.NO_DATA
