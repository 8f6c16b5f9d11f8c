"""Limits of differences against published values and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as oracle

from console.analysis.equivalence import (
    blocks_of,
    inflation,
    lag_one,
    proportions,
    requests_needed,
    samples_for,
    shift,
    widened,
    wilson,
)

TWO_SIDED = 1.959964


@pytest.mark.parametrize(("failures", "n"), [(0, 600), (3, 3000), (81, 263), (600, 600)])
def test_limits_of_a_proportion_are_wilsons(failures: int, n: int) -> None:
    expected = oracle.binomtest(failures, n).proportion_ci(0.95, method="wilson")
    low, high = wilson(failures, n, TWO_SIDED)
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_limits_of_a_difference_are_newcombes_own_example() -> None:
    """Newcombe 1998, table II, method 10: 56 of 70 against 48 of 80."""
    limits = proportions(56, 70, 48, 80, TWO_SIDED)
    assert (limits.low, limits.high) == pytest.approx((0.0524, 0.3339), abs=2e-4)


@pytest.mark.parametrize(
    ("ratio", "needed"), [(0.001, 12_353), (0.005, 2_461), (0.01, 1_225), (0.05, 235)], ids=lambda value: f"{value:g}"
)
def test_requests_that_a_margin_as_large_as_the_ratio_takes(ratio: float, needed: int) -> None:
    """Both sides of the same size; the published table."""
    assert requests_needed(ratio, ratio, needed) == pytest.approx(needed, rel=0.01)


def test_a_baseline_that_is_too_small_cannot_be_made_good_by_waiting() -> None:
    assert requests_needed(0.01, 0.001, 500) is None
    assert requests_needed(0.0, 0.001) == pytest.approx(2706, abs=2)  # none of 3,000 proves less than 0.1 %


def test_the_shift_is_the_middle_of_all_differences_and_its_limits_hold_it() -> None:
    rng = np.random.default_rng(1)
    before, after = rng.normal(10, 1, 12), rng.normal(11, 1, 12)
    limits = shift(before, after)
    assert limits.estimate == pytest.approx(float(np.median(np.subtract.outer(after, before))))
    assert limits.low < limits.estimate < limits.high


def test_limits_leave_the_true_shift_out_as_seldom_as_they_say() -> None:
    rng = np.random.default_rng(7)
    outside = sum(shift(rng.normal(0, 1, 12), rng.normal(0.5, 1, 12)).high < 0.5 for _ in range(2000))
    assert 0.02 < outside / 2000 < 0.07


def test_too_few_values_have_no_limits() -> None:
    limits = shift(np.asarray([1.0, 2.0]), np.asarray([1.0]))
    assert limits.high == np.inf and limits.low == -np.inf


def test_blocks_that_follow_each_other_widen_the_limits() -> None:
    wave = np.sin(np.arange(24) / 4)
    assert lag_one(wave) > 0.8
    assert inflation(wave) == 4.0
    assert inflation(np.asarray([1.0, -1.0] * 8)) == 1.0


@given(st.floats(0, 0.5))
def test_what_it_is_compared_with_is_known_with_an_error_too(error: float) -> None:
    limits = shift(np.arange(10.0), np.arange(10.0))
    wide = widened(limits, error)
    assert wide.low <= limits.low and wide.high >= limits.high
    assert wide.estimate == limits.estimate


def test_samples_that_are_missing_are_told_unless_the_shift_itself_is_outside() -> None:
    limits = shift(np.asarray([1.0, 1.1, 0.9, 1.0, 1.2, 0.8]), np.asarray([1.0, 1.1, 0.9, 1.0, 1.2, 0.8]))
    assert (samples_for(limits, 30, 0.1) or 0) > 30
    assert samples_for(limits, 30, 10.0) == 30
    assert samples_for(limits, 30, -0.5) is None


def test_blocks_are_counted_back_from_the_end_and_thin_ones_are_left_out() -> None:
    times = np.arange(60.0, 660.0, 60.0)
    assert blocks_of(times, np.arange(10.0), 0.0, 600.0, 300.0).tolist() == [2.0, 7.0]
    thin = np.delete(times, [0, 1, 2, 3])
    assert blocks_of(thin, np.arange(6.0), 0.0, 600.0, 300.0).tolist() == [3.0]
    assert blocks_of(times, np.arange(10.0), 0.0, 200.0, 300.0).size == 0
