"""Taking a change back is the strongest evidence there is: for it where the trouble ends, against it where it goes on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from console.analysis.diagnose import diagnose
from console.domain.changes import Change
from console.domain.diagnosis import Diagnosis, JudgedChange, Standing, State, Suspect
from console.domain.text import SafeText
from tests.incidents.shop import BEFORE_S, START, Fault, Shop

STEPS_S = (5.0, 15.0)
BASE = Change("deploy/bank/41", "deploy", START, "bank", "v41", source="changes")


def deploy(after: float, service: str = "bank") -> Change:
    return Change(f"deploy/{service}/42", "deploy", START + BEFORE_S + after, service, "v42", source="changes")


def rollback(after: float, service: str = "bank") -> Change:
    return Change(f"rollback/{service}/41", "rollback", START + BEFORE_S + after, service, "v41", source="changes")


def flag(after: float, said: str, service: str = "bank") -> Change:
    return Change(
        f"flag/new-rates/{after:g}", "flag", START + BEFORE_S + after, service, None, None, SafeText(said), "changes"
    )


def shop(until: float, length_s: float, failing: float = 0.25) -> Shop:
    """Payments fail from the start of the stretch until then."""
    return Shop(11, faults=(Fault("bank", 0.0, failing=failing, until=until),), length_s=length_s)


def told(one: Shop, after: float, step_s: float, *changes: Change) -> Diagnosis:
    return diagnose(replace(one.seen(after, step_s), changes=(BASE, *changes)))


def change_of(found: Diagnosis, name: str) -> JudgedChange:
    return next(c for c in found.changes if c.id == name)


def claims(suspects: Iterable[Suspect], name: str, *, supports: bool) -> list[str]:
    return [str(e.claim) for s in suspects if s.subject == name for e in s.evidence if e.supports is supports]


@pytest.mark.parametrize("step_s", STEPS_S)
def test_trouble_that_ends_as_a_release_is_rolled_back_points_to_it(step_s: float) -> None:
    stays = Change("config/bank/limits", "config", START + BEFORE_S - 25.0, "bank", source="changes")
    found = told(shop(250.0, 460.0), 450.0, step_s, deploy(-20.0), rollback(245.0), deploy(-25.0, "front"), stays)
    assert found.state is State.RECOVERING
    first = found.suspects[0]
    assert (first.subject, first.standing) == ("deploy/bank/42", Standing.LEADING)
    (claim, *_), item = claims(found.suspects, first.subject, supports=True), first.evidence[0]
    assert claim.startswith("rollback/bank/41 brings back v41: at ")
    assert "error rate of bank went from " in claim and " requests) to " in claim
    assert item.samples is not None and item.samples > 100
    assert item.source == "metrics" and item.window is not None and item.window.end <= found.at
    assert change_of(found, stays.id).reason.startswith("outlasts: still in place")
    assert change_of(found, "deploy/front/42").standing is Standing.UNLIKELY
    assert change_of(found, "rollback/bank/41").standing is Standing.IMPOSSIBLE
    assert "it takes back deploy/bank/42" in change_of(found, "rollback/bank/41").reason
    assert "deploy/bank/42" in found.summary


@pytest.mark.parametrize("step_s", STEPS_S)
def test_a_flag_that_is_off_again_and_a_deploy_that_stays(step_s: float) -> None:
    changes = (
        flag(-15.0, "new-rates off->on"),
        flag(200.0, "new-rates on->off"),
        deploy(-30.0),
    )
    found = told(shop(203.0, 400.0), 395.0, step_s, *changes)
    assert (found.suspects[0].subject, found.suspects[0].standing) == (changes[0].id, Standing.LEADING)
    assert "turns new-rates back" in claims(found.suspects, changes[0].id, supports=True)[0]


@pytest.mark.parametrize("step_s", STEPS_S)
def test_trouble_that_goes_on_speaks_against_what_was_rolled_back(step_s: float) -> None:
    one = shop(float("inf"), 1000.0)
    early = told(one, 300.0, step_s, deploy(-20.0), rollback(120.0))
    suspect = next(s for s in early.suspects if s.subject == "deploy/bank/42")
    assert "goes on for 5m" in (suspect.next_check or ""), "too early to tell, and it is said what will"
    assert not any("rollback/bank/41" in claim for claim in claims([suspect], suspect.subject, supports=True))
    assert not any("rollback/bank/41" in claim for claim in claims([suspect], suspect.subject, supports=False))
    later = told(one, 480.0, step_s, deploy(-20.0), rollback(120.0))
    (against, *_) = claims(later.suspects, "deploy/bank/42", supports=False)
    assert "until then and is " in against and " requests)" in against
    assert change_of(later, "deploy/bank/42").standing is Standing.POSSIBLE
    cleared = change_of(told(one, 780.0, step_s, deploy(-20.0), rollback(120.0)), "deploy/bank/42")
    assert cleared.standing is Standing.UNLIKELY
    assert cleared.reason.startswith("survived-undo: taken back by rollback/bank/41, and the trouble went on")


@pytest.mark.parametrize("step_s", STEPS_S)
def test_trouble_that_had_ended_before_the_rollback_tells_nothing(step_s: float) -> None:
    found = told(shop(120.0, 460.0), 450.0, step_s, deploy(-20.0), rollback(250.0))
    assert found.state is State.RECOVERING
    every = [str(e.claim) for s in found.suspects for e in s.evidence]
    assert not any("rollback/bank/41" in claim for claim in every), every
    assert "outlasts" not in " ".join(str(c.reason) for c in found.changes)


@pytest.mark.parametrize("step_s", (5.0, 15.0, 60.0))
@pytest.mark.parametrize("fixed", [20.0, 40.0])
@pytest.mark.parametrize("undo", [True, False], ids=["rollback", "fix"])
def test_who_mends_at_once_does_not_hide_the_cause(step_s: float, fixed: float, undo: bool) -> None:
    """A rollback or a fix within a minute of the onset: the bins cannot tell which came first."""
    fix = replace(deploy(fixed), id="deploy/bank/43", version="v43")
    second = rollback(fixed) if undo else fix
    one = shop(fixed + 20.0, 520.0, failing=0.5)
    for after in (fixed + 50.0, 400.0):
        found = told(one, after, step_s, deploy(-20.0), second)
        if found.state in (State.HEALTHY, State.INCONCLUSIVE):
            continue
        cause, mend = change_of(found, "deploy/bank/42"), change_of(found, second.id)
        order = list(Standing)
        assert order.index(cause.standing) < order.index(Standing.UNLIKELY), (after, cause.reason)
        named = [s.subject for s in found.suspects if s.kind == "deploy"]
        assert named[:1] == [cause.id], (after, named, mend.reason)


@pytest.mark.parametrize("step_s", STEPS_S)
def test_a_rollback_at_the_minute_of_the_onset_may_itself_be_the_cause(step_s: float) -> None:
    """The healthy counterpart: what it took back was long before, and nothing was wrong with it."""
    found = told(shop(float("inf"), 260.0), 250.0, step_s, deploy(-1500.0), rollback(-10.0))
    assert change_of(found, "rollback/bank/41").standing in (Standing.POSSIBLE, Standing.LEADING)
    assert change_of(found, "deploy/bank/42").reason.startswith(("late", "ended-before"))
