"""Statistics against scipy, and the numbers that the literature gives."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as oracle

from console.analysis import stats


@pytest.mark.parametrize(("q", "n"), [(0.5, 6), (0.9, 36), (0.95, 72), (0.99, 368), (0.999, 3688)])
def test_an_upper_bound_of_a_percentile_exists_from_the_known_number_of_samples(q: float, n: int) -> None:
    assert stats.samples_needed(q) == n


@given(st.integers(1, 3000), st.floats(0.0005, 0.5), st.data())
@settings(max_examples=80, deadline=None)
def test_binomial_tail(n: int, q: float, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    assert stats.binomial_tail(k, n, q) == pytest.approx(oracle.binom.sf(k - 1, n, q), rel=1e-6, abs=1e-12)


@given(st.integers(0, 60), st.integers(1, 300), st.integers(0, 60), st.integers(1, 900))
@settings(max_examples=80, deadline=None)
def test_fisher(k1: int, n1: int, k0: int, n0: int) -> None:
    k1, k0 = min(k1, n1), min(k0, n0)
    expected = oracle.fisher_exact([[k1, n1 - k1], [k0, n0 - k0]], alternative="greater").pvalue
    assert stats.fisher_greater(k1, n1, k0, n0) == pytest.approx(expected, rel=1e-6, abs=1e-12)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=40), st.lists(st.integers(0, 20), min_size=1, max_size=40))
@settings(max_examples=80, deadline=None)
def test_rank_sum(before: list[int], after: list[int]) -> None:
    ours = stats.rank_sum([float(v) for v in before], [float(v) for v in after])
    if len({*before, *after}) == 1:
        assert ours == 1.0
        return
    expected = oracle.mannwhitneyu(after, before, alternative="greater", method="asymptotic").pvalue
    assert ours == pytest.approx(expected, abs=1e-6)


def test_theil_sen_and_its_interval_hold_the_slope() -> None:
    rng = np.random.default_rng(3)
    values = 2.5 * np.arange(80) + rng.normal(0, 8, 80)
    slope, centre = stats.theil_sen(values)
    theirs = oracle.theilslopes(values)
    assert slope == pytest.approx(theirs.slope)
    assert centre == pytest.approx(theirs.intercept, abs=5.0)
    low, high = stats.slope_interval(values)
    assert low < 2.5 < high


def test_kendall_tau_and_its_p() -> None:
    rng = np.random.default_rng(5)
    rising = np.arange(60) * 0.2 + rng.normal(0, 1, 60)
    tau, p = stats.mann_kendall(rising)
    assert tau == pytest.approx(oracle.kendalltau(np.arange(60), rising).statistic, abs=1e-9)
    assert p < 1e-6
    assert stats.mann_kendall(rng.normal(0, 1, 60))[1] > 0.01


def test_a_random_walk_is_no_trend_as_often_as_independent_noise_would_be() -> None:
    rng = np.random.default_rng(7)
    false = sum(stats.mann_kendall(np.cumsum(rng.normal(0, 1, 96)))[1] < 0.01 for _ in range(60))
    naive = sum(oracle.kendalltau(np.arange(96), np.cumsum(rng.normal(0, 1, 96))).pvalue < 0.01 for _ in range(60))
    assert false < naive / 2


def test_the_scale_falls_back_and_keeps_its_floor() -> None:
    assert stats.robust_scale(np.zeros(20), 0.5) == 0.5
    assert stats.robust_scale(np.array([5.0] * 18 + [9.0, 9.0]), 0.0) > 0
    noise = np.random.default_rng(1).normal(10, 2, 4000)
    assert stats.robust_scale(noise, 0.0) == pytest.approx(2, rel=0.06)


def test_g() -> None:
    assert stats.g_squared(10, 10, 100.0, 100.0) == 0
    assert stats.g_squared(0, 20, 400.0, 100.0) == pytest.approx(2 * 20 * math.log(5))
