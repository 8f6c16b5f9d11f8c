"""A daily peak and a nightly job are no incidents, an ordinary level at an unusual hour is one, and an old incident hides none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from console.analysis.diagnose import diagnose
from console.domain.diagnosis import Diagnosis, State
from tests.incidents.days import Days, Fault, Numbers

JOB = Fault("bank", 2.0, 0.5, slower=4.0, daily=True, jitter_h=0.15)
FAILING_JOB = Fault("bank", 2.0, 0.5, failing=0.06, daily=True, jitter_h=0.15)
LUNCH = Fault("front", 11.5, 2.0, slower=8.0, daily=True)
SATURDAY = frozenset((5,))
SEEDS = (1, 2, 3)


def told(found: Diagnosis) -> str:
    """Everything that is said of it."""
    return " ".join([found.summary, *(e.claim for s in found.suspects for e in s.evidence)])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("hour", "habit"),
    [(2.15, JOB), (2.4, JOB), (2.3, FAILING_JOB), (11.75, LUNCH), (13.0, LUNCH)],
    ids=["job begins", "job", "failing job", "lunch begins", "lunch"],
)
def test_what_comes_every_day_at_this_hour_is_no_incident(hour: float, habit: Fault, seed: int) -> None:
    found = diagnose(Days(hour, (habit,), seed=seed).seen())
    assert found.state is State.HEALTHY, found.summary


def test_the_verdict_says_that_it_is_as_on_earlier_days() -> None:
    found = diagnose(Days(2.4, (JOB,)).seen())
    assert "at this hour on 5 earlier working days" in found.summary or "at this hour on" in found.summary
    assert any("same hours of" in b.why for b in found.baseline)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("hour", "habit", "today"),
    [
        (15.4, JOB, Fault("bank", 15.0, 0.5, slower=4.0)),
        (15.4, FAILING_JOB, Fault("bank", 15.0, 0.5, failing=0.06)),
        (3.5, LUNCH, Fault("front", 3.1, 1.0, slower=8.0)),
    ],
    ids=["the job by day", "the failing job by day", "noon at night"],
)
def test_the_same_at_an_unusual_hour_is_one(hour: float, habit: Fault, today: Fault, seed: int) -> None:
    found = diagnose(Days(hour, (habit, today), seed=seed).seen())
    assert found.state is State.INCIDENT, found.summary
    assert found.onset is not None and abs(found.onset - (Days(0).at + today.start * 3600)) <= 120
    assert found.suspects[0].service == today.service


@pytest.mark.parametrize("seed", SEEDS)
def test_a_peak_that_does_not_end_is_one_for_hours(seed: int) -> None:
    """The level of noon, now at night, for longer than the stretch in which an onset is looked for."""
    found = diagnose(Days(23.0, (LUNCH, Fault("front", 11.5, 12.0, slower=8.0)), seed=seed).seen())
    assert found.state is State.INCIDENT, found.summary
    assert "at this hour on" in told(found)


@pytest.mark.parametrize("seed", SEEDS)
def test_requests_that_do_not_come_in_the_morning_are_one(seed: int) -> None:
    def lost(hours: Numbers) -> Numbers:
        return np.where(hours > 6.0, 0.035, 1.0)

    morning = Days(11.0, tide=30.0, seed=seed)
    assert diagnose(replace(morning, arrivals=lost).seen()).state is State.INCIDENT
    assert diagnose(morning.seen()).state is State.HEALTHY


@pytest.mark.parametrize("seed", SEEDS)
def test_a_job_that_does_far_more_than_on_other_nights_is_one(seed: int) -> None:
    found = diagnose(Days(2.4, (JOB, Fault("bank", 2.1, 1.0, slower=12.0)), seed=seed).seen())
    assert found.state is State.INCIDENT, found.summary
    assert "at this hour on" in told(found)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("start", [-24 * 2 - 2.0, -24.0 + 9.2, 7.4], ids=["two days ago", "yesterday", "hours ago"])
@pytest.mark.parametrize(("slower", "failing"), [(3.0, 0.0), (1.0, 0.04)], ids=["slow", "failing"])
def test_an_old_incident_hides_no_present_one(start: float, slower: float, failing: float, seed: int) -> None:
    old = Fault("bank", start, 0.75, slower=1 + 5 * (slower - 1), failing=10 * failing)
    now = Fault("bank", 9.2, 1.0, slower=slower, failing=failing)
    found = diagnose(Days(9.5, (old, now), seed=seed).seen())
    assert found.state is State.INCIDENT, found.summary
    assert diagnose(Days(9.5, (old,), seed=seed).seen()).state is State.HEALTHY


@pytest.mark.parametrize("seed", SEEDS)
def test_a_weekly_job_is_compared_with_its_own_day(seed: int) -> None:
    """The day that is looked at is a Monday."""
    weekly = replace(JOB, weekdays=frozenset((0,)), jitter_h=0.0)
    assert diagnose(Days(2.4, (weekly,), days=28, step_s=300.0, seed=seed).seen()).state is State.HEALTHY
    other = Fault("bank", 2.0, 0.5, slower=4.0)
    on_saturdays = replace(JOB, weekdays=SATURDAY, jitter_h=0.0)
    found = diagnose(Days(2.4, (on_saturdays, other), days=28, step_s=300.0, seed=seed).seen())
    assert found.state is State.INCIDENT, found.summary


@pytest.mark.parametrize("days", [1, 2])
def test_too_few_days_are_no_season(days: int) -> None:
    found = diagnose(Days(2.4, (JOB,), days=days).seen())
    assert not any("same hours of" in b.why for b in found.baseline)
