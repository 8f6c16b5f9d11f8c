"""Slowness of new processes that ends with their start is no incident; slowness that came with a release and stays is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.analysis.diagnose import diagnose
from console.domain.changes import Change
from console.domain.diagnosis import State
from tests.incidents.shop import BEFORE_S, START, Fault, Shop

STEPS_S = (5.0, 15.0)
COLD_S = 80.0


def change(kind: str, after: float) -> Change:
    return Change(f"{kind}/basket", kind, START + BEFORE_S + after, "basket", "v2", source="changes")


def said(shop: Shop, after: float, step_s: float, *changes: Change) -> State:
    """What is said so many seconds after the slowness began."""
    return diagnose(replace(shop.seen(after, step_s), changes=changes or (change("deploy", -10.0),))).state


@pytest.mark.parametrize("step_s", STEPS_S)
def test_a_slow_start_of_a_release_is_over_when_it_is_over(step_s: float) -> None:
    shop = Shop(3, faults=(Fault("basket", 0.0, slower=3.0, until=COLD_S),), length_s=240.0)
    assert said(shop, 230.0, step_s) is State.HEALTHY
    assert said(shop, 230.0, step_s, change("flag", -10.0)) is State.RECOVERING, "no process starts anew for a flag"
    assert said(shop, 230.0, step_s, change("deploy", -900.0)) is State.RECOVERING, (
        "a quarter of an hour later it is no start"
    )
    undone = change("deploy", -10.0), change("rollback", COLD_S - 10.0)
    assert said(shop, 230.0, step_s, *undone) is State.RECOVERING, "it did not go away by itself"


@pytest.mark.parametrize("step_s", STEPS_S)
def test_a_release_that_stays_slow_or_fails_is_an_incident(step_s: float) -> None:
    slow = Shop(3, faults=(Fault("basket", 0.0, slower=3.0),), length_s=240.0)
    assert said(slow, 90.0, step_s) is State.INCIDENT
    assert said(slow, 230.0, step_s) is State.INCIDENT
    failed = Shop(3, faults=(Fault("basket", 0.0, failing=0.3, until=COLD_S),), length_s=240.0)
    assert said(failed, 230.0, step_s) is State.RECOVERING, (
        "requests were lost, and nobody knows yet whether it is over"
    )
