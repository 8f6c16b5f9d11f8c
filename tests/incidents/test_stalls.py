"""A machine that stands still for some seconds is no incident; trouble that is there to stay is one within a minute."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from console.analysis.diagnose import diagnose
from console.domain.diagnosis import Diagnosis, State
from tests.incidents.shop import BEFORE_S, FAULTS, STALLS, START, Shop

STEPS_S = (5.0, 15.0)
"""Of metrics that are scraped, and of half an hour of log lines."""
SOON_S = 60
AT_ONCE_S = 35
"""Two intervals of 15 s, and the part of one before them."""


def looked_at(shop: Shop, step_s: float) -> Iterator[tuple[int, Diagnosis]]:
    """What is said of it, every few seconds from when something happens on."""
    return ((after, diagnose(seen)) for after, seen in shop.looks(step_s))


@cache
def stalled(name: str) -> Shop:
    return Shop(1, STALLS[name], length_s=130.0)


@cache
def faulty(name: str) -> Shop:
    return Shop(2, faults=(FAULTS[name],), length_s=80.0)


@pytest.mark.parametrize("step_s", STEPS_S)
@pytest.mark.parametrize("name", STALLS)
def test_a_stall_of_the_whole_machine_is_no_incident(name: str, step_s: float) -> None:
    said = {after: found.state for after, found in looked_at(stalled(name), step_s)}
    assert set(said.values()) == {State.HEALTHY}, said


@pytest.mark.parametrize("step_s", STEPS_S)
@pytest.mark.parametrize("name", FAULTS)
def test_trouble_that_stays_is_found_within_a_minute(name: str, step_s: float) -> None:
    fault = FAULTS[name]
    after, found = next((a, d) for a, d in looked_at(faulty(name), step_s) if d.state is State.INCIDENT)
    assert 0 < after - fault.since <= SOON_S
    assert found.suspects[0].service == fault.service
    assert found.onset == pytest.approx(START + BEFORE_S + fault.since, abs=step_s)


@pytest.mark.parametrize("step_s", STEPS_S)
@pytest.mark.parametrize("name", ["a slower service", "failures"])
def test_trouble_of_a_part_is_found_at_once(name: str, step_s: float) -> None:
    """What departs while the others are calm is no stall of the machine."""
    fault = FAULTS[name]
    after = next(a for a, d in looked_at(faulty(name), step_s) if d.state is State.INCIDENT)
    assert after - fault.since <= AT_ONCE_S


def test_a_stall_shows_where_it_is_looked_for() -> None:
    """The counterpart of the tests above: the stalls are no small matter."""
    for name in STALLS:
        slowest = max(seconds for end, seconds, _ in stalled(name).served["front"] if end > BEFORE_S)
        usual = sorted(seconds for end, seconds, _ in stalled(name).served["front"] if end <= BEFORE_S)
        assert slowest > 2 * usual[int(0.99 * len(usual))]
