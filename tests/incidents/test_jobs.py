"""A job that comes again and again is nothing new, whatever it slows down or fails; one that does not end, or grows, is."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from console.analysis.diagnose import diagnose
from console.domain.diagnosis import State
from console.domain.series import Series, SeriesKey, SeriesSet
from tests.incidents.shop import BEFORE_S, START, Fault, Shop

EVERY_S = 300.0
TAKES_S = 45.0
FOREVER = float("inf")
STEPS_S = (5.0, 15.0)
JOBS = {"slows": (2.5, 0.0), "fails": (1.0, 0.15)}
"""How many times as slow its service is meanwhile, and what part of the requests fail."""


@cache
def shop(kind: str, until: float = TAKES_S, times: float = 1.0) -> Shop:
    """A shop with a job every few minutes, the last run of which begins where the calm stretch ends."""
    slower, failing = JOBS[kind]
    runs = [Fault("bank", k * EVERY_S, slower, failing, until=k * EVERY_S + TAKES_S) for k in range(-7, 0)]
    last = Fault("bank", 0.0, slower * times if slower > 1 else 1.0, min(1.0, failing * times), until=until)
    return Shop(5, faults=(*runs, last), length_s=130.0)


def said(one: Shop, step_s: float) -> dict[int, State]:
    return {after: diagnose(one.seen(after, step_s)).state for after in range(15, 130, 15)}


@pytest.mark.parametrize("step_s", STEPS_S)
@pytest.mark.parametrize("kind", JOBS)
def test_a_run_as_ever_is_no_incident(kind: str, step_s: float) -> None:
    found = said(shop(kind), step_s)
    assert set(found.values()) == {State.HEALTHY}, found


@pytest.mark.parametrize("step_s", STEPS_S)
@pytest.mark.parametrize("kind", JOBS)
def test_a_run_that_does_not_end_is_one(kind: str, step_s: float) -> None:
    found = said(shop(kind, until=FOREVER), step_s)
    assert found[120] is State.INCIDENT, found
    assert found[15] is State.HEALTHY, "so far it is as ever"


@pytest.mark.parametrize("step_s", STEPS_S)
@pytest.mark.parametrize("kind", JOBS)
def test_a_run_that_is_far_worse_than_all_before_is_one_while_it_lasts(kind: str, step_s: float) -> None:
    found = said(shop(kind, until=60.0, times=5.0), step_s)
    assert State.INCIDENT in (found[45], found[60]), found


@pytest.mark.parametrize("step_s", STEPS_S)
def test_a_process_that_dies_again_and_again_is_no_job(step_s: float) -> None:
    seen = shop("fails").seen(45, step_s)
    ends = [START + k * step_s for k in range(1, int((BEFORE_S + 45) // step_s) + 1)]
    died = [START + BEFORE_S + k * EVERY_S for k in range(-7, 1)]
    counter = Series.of(SeriesKey("bank", "", "restarts"), [(end, float(sum(at < end for at in died))) for end in ends])
    assert diagnose(seen).state is State.HEALTHY
    assert diagnose(replace(seen, series=SeriesSet.of([*seen.series, counter]))).state is State.INCIDENT


@pytest.mark.parametrize("step_s", STEPS_S)
def test_an_outage_is_one_however_often_there_was_one_before(step_s: float) -> None:
    runs = [Fault("bank", k * EVERY_S, failing=0.9, until=k * EVERY_S + TAKES_S) for k in range(-7, 1)]
    assert diagnose(Shop(5, faults=tuple(runs), length_s=60.0).seen(45, step_s)).state is State.INCIDENT
