"""More load on the same curve, or a curve that moved: the verdict and the screen of the load say one thing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from console.analysis.diagnose import diagnose
from console.analysis.loadcurve import Reason, load_of
from console.analysis.whole import with_wholes
from console.domain.changes import Change
from console.domain.diagnosis import Diagnosis, Standing, State
from console.domain.observations import Observations
from console.drilldowns.load import load_view
from tests.incidents.days import Days, Fault, Numbers

SEEDS = (1, 2, 3)
HOUR, ONSET = 9.5, 9.2
CALM = Days(HOUR, days=1, tide=0.3)


def rises(times: float, ramp_h: float = 0.0, at: float = ONSET) -> Callable[[Numbers], Numbers]:
    """Arrivals that multiply, at once or over a while."""
    return lambda hours: 1.0 + (times - 1.0) * np.clip((hours - at) / max(ramp_h, 1e-9), 0.0, 1.0)


def deploy(service: str, hours: float = ONSET - 0.02) -> Change:
    return Change("deploy/1", "deploy", CALM.at + (hours - HOUR) * 3600, service, "v2", "a" * 40, source="changes")


def judged(shop: Days) -> tuple[Observations, Diagnosis]:
    seen = shop.seen()
    return seen, diagnose(seen)


def kinds(found: Diagnosis, standing: Standing = Standing.LEADING) -> set[str]:
    return {s.kind for s in found.suspects if s.standing is standing}


def one_story(seen: Observations, found: Diagnosis, service: str) -> Reason:
    """The reason that the curve gives, after checking that screen and verdict give the same words for it."""
    assert found.onset is not None
    loaded = load_of(with_wholes(seen.series), service, found.symptoms, found.onset, seen.at)
    assert loaded is not None
    says = str(load_view(seen, found, service).says)
    claims = {str(e.claim) for s in found.suspects for e in s.evidence}
    if loaded.curve.reason in (Reason.MOVED, Reason.LOAD):
        assert says.rstrip(".").lower() in {claim.lower() for claim in claims}
    return loaded.curve.reason


@pytest.mark.parametrize("seed", SEEDS)
def test_a_surge_on_the_same_curve_is_traffic(seed: int) -> None:
    shop = replace(CALM, arrivals=rises(3.0, 0.15), capacity={"basket": 25.0}, seed=seed)
    seen, found = judged(shop)
    assert found.state is State.INCIDENT
    assert kinds(found) == {"traffic"}
    assert one_story(seen, found, "basket") in (Reason.LOAD, Reason.UNKNOWN)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_slower_service_under_a_surge_is_not_explained_by_it(seed: int) -> None:
    """The decoy: arrivals doubled a while before the trouble, and everything kept up with them."""
    shop = replace(
        CALM, arrivals=rises(2.0, at=ONSET - 0.4), faults=(Fault("basket", ONSET, 2.0, slower=6.0),), seed=seed
    )
    seen, found = judged(replace(shop, changes=(deploy("basket"),)))
    assert found.state is State.INCIDENT
    assert "traffic" not in kinds(found)
    assert one_story(seen, found, "basket") is Reason.MOVED
    claim = next(e for s in found.suspects for e in s.evidence if "the load does not explain it" in e.claim)
    assert " requests/s " in claim.claim and " steps before, " in claim.claim and claim.source == "metrics"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_curve_that_moved_at_the_same_load_is_said_to_have(seed: int) -> None:
    seen, found = judged(replace(CALM, faults=(Fault("stock", ONSET, 2.0, slower=5.0),), seed=seed))
    assert found.suspects[0].service == "stock" and found.suspects[0].kind == "service"
    assert one_story(seen, found, "stock") is Reason.MOVED


@pytest.mark.parametrize("seed", SEEDS)
def test_a_service_past_its_knee_is_contention_and_no_fault_of_its_own(seed: int) -> None:
    """Less than a surge, and the curve bends there, as half an hour of last evening showed."""

    def more(hours: Numbers) -> Numbers:
        return rises(1.45, 0.25)(hours) * (1.0 + 0.32 * ((hours > -5.0) & (hours < -4.5)))

    seen, found = judged(replace(CALM, arrivals=more, capacity={"basket": 13.8}, tide=0.05, seed=seed))
    assert found.state is State.INCIDENT, found.summary
    assert one_story(seen, found, "basket") is Reason.LOAD
    assert kinds(found) == {"contention"}, [(s.kind, s.subject, s.standing) for s in found.suspects]
    assert "at equal load it answers as before" in found.suspects[0].summary


@pytest.mark.parametrize("seed", SEEDS)
def test_a_knee_that_was_never_reached_before_is_possible_and_not_proven(seed: int) -> None:
    seen, found = judged(replace(CALM, arrivals=rises(1.45), capacity={"basket": 13.2}, tide=0.02, seed=seed))
    assert found.state is State.INCIDENT, found.summary
    assert one_story(seen, found, "basket") is Reason.UNKNOWN
    assert "contention" in kinds(found, Standing.POSSIBLE), [(s.kind, s.subject, s.standing) for s in found.suspects]
    assert any("no load was reached both before and since" in e.claim for s in found.suspects for e in s.evidence)


def pool(size: float, held_s: float) -> dict[tuple[str, str], Callable[[Numbers, dict[str, Numbers]], Numbers]]:
    return {
        ("basket", "pool_size"): lambda hours, rates: np.full(hours.size, size),
        ("basket", "pool_in_use"): lambda hours, rates: np.minimum(size, np.round(rates["basket"] * held_s)),
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_a_pool_that_more_load_uses_up_is_contention(seed: int) -> None:
    shop = replace(
        CALM, arrivals=rises(1.45, 0.25), capacity={"basket": 13.8}, tide=0.05, more=pool(20, 1.5), seed=seed
    )
    _, found = judged(shop)
    assert found.suspects[0].kind in ("contention", "traffic"), [(s.kind, s.standing) for s in found.suspects]
    assert "pool_in_use" in " ".join(e.claim for s in found.suspects for e in s.evidence)


@pytest.mark.parametrize("seed", SEEDS)
def test_more_load_that_everybody_can_take_is_no_incident(seed: int) -> None:
    assert diagnose(replace(CALM, arrivals=rises(1.45, 0.25), seed=seed).seen()).state is State.HEALTHY
    assert diagnose(replace(CALM, arrivals=rises(3.0, 0.25), seed=seed).seen()).state is State.HEALTHY
