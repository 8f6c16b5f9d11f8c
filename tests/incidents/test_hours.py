"""A daily peak and a nightly job are no incidents, an ordinary level at an unusual hour is one, and an old incident hides none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from console.analysis.diagnose import diagnose
from console.analysis.seasons import back_s
from console.domain.diagnosis import Diagnosis, State
from tests.incidents.days import Days, Fault, Numbers, as_asked

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


LIVE_S, COMMAND_S = 3 * 3600.0, 2 * 86400.0
"""What the console sees in fine steps, and what `incident diagnose` does."""


@pytest.mark.parametrize("history_s", [LIVE_S, COMMAND_S], ids=["console", "command"])
@pytest.mark.parametrize(
    ("hour", "habit"),
    [(2.4, JOB), (2.3, FAILING_JOB), (11.75, LUNCH), (13.0, LUNCH)],
    ids=["job", "failing job", "lunch begins", "lunch"],
)
def test_days_in_coarse_steps_tell_what_comes_at_this_hour(hour: float, habit: Fault, history_s: float) -> None:
    for seed in SEEDS:
        seen = as_asked(Days(hour, (habit,), days=8, seed=seed).seen(), history_s)
        found = diagnose(seen)
        assert found.state is State.HEALTHY, found.summary
        assert diagnose(replace(seen, earlier=type(seen.earlier)())).state is State.INCIDENT


@pytest.mark.parametrize("history_s", [LIVE_S, COMMAND_S], ids=["console", "command"])
@pytest.mark.parametrize(
    ("hour", "habit", "today"),
    [
        (15.4, JOB, Fault("bank", 15.0, 0.5, slower=4.0)),
        (15.4, FAILING_JOB, Fault("bank", 15.0, 0.5, failing=0.06)),
        (3.5, LUNCH, Fault("front", 3.1, 1.0, slower=8.0)),
        (2.4, JOB, Fault("bank", 2.1, 1.0, slower=12.0)),
    ],
    ids=["the job by day", "the failing job by day", "noon at night", "far more than on other nights"],
)
def test_days_in_coarse_steps_hide_no_incident(hour: float, habit: Fault, today: Fault, history_s: float) -> None:
    for seed in SEEDS:
        found = diagnose(as_asked(Days(hour, (habit, today), days=8, seed=seed).seen(), history_s))
        assert found.state is State.INCIDENT, found.summary
        assert found.suspects[0].service == today.service


def test_what_is_briefer_than_the_steps_of_earlier_days_is_judged_without_them() -> None:
    """Four minutes in steps of ten: nobody can tell whether it was like that on other days, so that it is new."""
    brief = Fault("bank", 15.3, 0.1, slower=6.0)
    found = diagnose(as_asked(Days(15.37, (brief,), days=8).seen(), LIVE_S))
    assert found.state is State.INCIDENT, found.summary


def test_the_baseline_names_the_days_that_were_asked_for() -> None:
    found = diagnose(as_asked(Days(13.0, (LUNCH,), days=15).seen(), LIVE_S))
    told = {str(one.why): one.window for one in found.baseline}
    (asked,) = [why for why in told if why.startswith("earlier days")]
    assert asked == "earlier days at these hours, of metrics in steps of 10m"
    assert told[asked].seconds > 14 * 86400.0
    (last,) = [why for why in told if "the last of the same hours" in why]
    assert last == "the last of the same hours of 10 earlier working days, by UTC"
    assert told[last].end == found.window.end - 3 * 86400.0, "the day that is looked at is a Monday"


def test_days_of_the_week_and_hours_are_those_of_the_configured_zone() -> None:
    """Nine in the evening of a Sunday by UTC is a Monday morning in Auckland."""
    auckland = ZoneInfo("Pacific/Auckland")
    morning = Fault("front", -3.5, 1.5, slower=8.0, daily=True)
    sunday = replace(Days(-3.0, (morning,), days=15).seen(), zone=auckland)
    found = diagnose(as_asked(sunday, LIVE_S))
    assert found.state is State.HEALTHY, found.summary
    (last,) = [one for one in found.baseline if "the last of the same hours" in one.why]
    assert last.why == "the last of the same hours of 10 earlier working days, by Pacific/Auckland"
    by_utc = diagnose(as_asked(replace(sunday, zone=UTC), LIVE_S))
    assert any("days of a weekend, by UTC" in one.why for one in by_utc.baseline)


def test_a_clock_that_was_put_back_moves_the_same_hour() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    monday = datetime(2026, 10, 26, 9, 0, tzinfo=berlin).timestamp()
    assert [back_s(monday, days, berlin) / 3600.0 for days in (1, 2, 7)] == [24.0, 49.0, 7 * 24 + 1.0]
    assert back_s(monday, 2, UTC) == 2 * 86400.0
