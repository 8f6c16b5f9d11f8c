"""The request budget, for any sequence of requests."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.guard.budget import LONGEST_PAUSE_S, MINUTE, RequestBudget

steps = st.lists(st.floats(min_value=0, max_value=30), max_size=200)


@given(st.integers(1, 10), steps)
def test_no_minute_holds_more_than_the_limit(limit: int, gaps: list[float]) -> None:
    budget, now, granted = RequestBudget(limit), 0.0, []
    for gap in gaps:
        now += gap
        wait = budget.take(now)
        assert wait >= 0
        if wait == 0:
            granted.append(now)
        assert budget.used(now) <= limit
    for i, start in enumerate(granted):
        assert sum(1 for at in granted[i:] if at < start + MINUTE - 1e-9) <= limit


@given(st.integers(1, 5), steps)
def test_waiting_for_what_was_said_is_enough(limit: int, gaps: list[float]) -> None:
    budget, now = RequestBudget(limit), 0.0
    for gap in gaps:
        now += gap
        wait = budget.take(now)
        if wait > 0:
            now += wait + 1e-6
            assert budget.take(now) == 0


@given(st.lists(st.integers(-10, 10**9), min_size=1, max_size=5))
def test_a_pause_is_kept_to_its_longest_and_bounded(pauses: list[int]) -> None:
    budget = RequestBudget(5)
    for seconds in pauses:
        budget.pause(100.0, seconds)
    longest = min(max(0.0, *pauses, 0.0), LONGEST_PAUSE_S)
    assert abs(budget.take(100.0) - longest) < 1e-6
    assert budget.paused(100.0) is (longest > 0)
    assert budget.take(100.0 + longest + 1e-6) == 0
