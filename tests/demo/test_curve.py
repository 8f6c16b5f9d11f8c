"""The day of the shop."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.demo import scenarios
from console.demo.curve import DAY, SWING, Rush, daily, rates
from console.demo.profile import BASE_RATE, MIX

TIMES = st.floats(min_value=-7200, max_value=7200)


def test_shares_of_the_mix_add_up_to_one() -> None:
    assert abs(sum(MIX.values()) - 1.0) < 1e-9


@given(TIMES)
def test_an_ordinary_day_stays_within_its_swing(at: float) -> None:
    assert 1 - SWING <= daily(at) <= 1 + SWING
    assert abs(sum(rates(at).values()) - BASE_RATE * daily(at)) < 1e-9


def test_a_day_is_a_day_long_and_averages_to_the_mean() -> None:
    assert abs(daily(123.0) - daily(123.0 + DAY)) < 1e-9
    assert abs(sum(daily(at) for at in range(int(DAY))) / DAY - 1.0) < 1e-3


def test_nothing_jumps_where_history_meets_live_traffic() -> None:
    for scenario in scenarios.SCENARIOS:
        before, after = rates(-1.0, scenario.past_rushes), rates(1.0, scenario.past_rushes)
        assert all(abs(after[path] / before[path] - 1) < 0.01 for path in MIX)
        assert abs(sum(rates(0.0, scenario.past_rushes).values()) / BASE_RATE - 1) < 0.02


@given(TIMES, st.floats(min_value=1.0, max_value=9.0))
def test_a_rush_multiplies_its_own_paths_only(at: float, factor: float) -> None:
    rush = Rush(-600.0, 600.0, {"stock": factor}, 30.0)
    plain, rushed = rates(at), rates(at, (rush,))
    assert 0.0 <= rush.strength(at) <= 1.0
    assert rushed["stock"] <= plain["stock"] * factor + 1e-9
    assert {k: v for k, v in rushed.items() if k != "stock"} == {k: v for k, v in plain.items() if k != "stock"}
    if not -600 < at < 600:
        assert rushed == plain
