"""Quantiles of buckets: known values of Prometheus' own tests, and properties."""

from __future__ import annotations

import math
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.metrics.histogram import bound_of, bucket_quantile

INF = math.inf


@pytest.mark.parametrize(
    ("quantile", "bounds", "cumulative", "expected"),
    [
        # From promql/promqltest/testdata/histograms.test: testhistogram{start="positive"}
        (0.0, (0.1, 0.2, 1.0, INF), (5, 7, 10, 12), 0.0),
        (0.1, (0.1, 0.2, 1.0, INF), (5, 7, 10, 12), 0.024),
        (0.2, (0.1, 0.2, 1.0, INF), (5, 7, 10, 12), 0.048),
        (0.5, (0.1, 0.2, 1.0, INF), (5, 7, 10, 12), 0.15),
        (0.8, (0.1, 0.2, 1.0, INF), (5, 7, 10, 12), 0.2 + 0.8 * (2.6 / 3)),
        (1.0, (0.1, 0.2, 1.0, INF), (5, 7, 10, 12), 1.0),
        # testhistogram{start="negative"}
        (0.1, (-0.2, -0.1, 0.3, INF), (1, 2, 2, 4), -0.2),
        (0.5, (-0.2, -0.1, 0.3, INF), (1, 2, 2, 4), -0.1),
    ],
)
def test_values_that_prometheus_gives(
    quantile: float, bounds: tuple[float, ...], cumulative: tuple[float, ...], expected: float
) -> None:
    assert bucket_quantile(quantile, bounds, cumulative) == pytest.approx(expected)


def test_what_cannot_be_known_is_none() -> None:
    assert bucket_quantile(0.5, (1.0, INF), (0, 0)) is None
    assert bucket_quantile(0.5, (1.0, 2.0), (1, 2)) is None
    assert bucket_quantile(0.5, (INF,), (3,)) is None
    assert bucket_quantile(0.5, (1.0, INF), (math.nan, math.nan)) is None


@given(
    st.lists(st.floats(min_value=0.001, max_value=1e6), min_size=1, max_size=12, unique=True),
    st.lists(st.integers(0, 1000), min_size=13, max_size=13),
    st.floats(min_value=0, max_value=1),
    st.floats(min_value=0, max_value=1),
)
def test_a_quantile_lies_within_the_bounds_and_grows(
    finite: list[float], inside: list[int], low: float, high: float
) -> None:
    bounds = [*sorted(finite), INF]
    cumulative = list(accumulate(inside[: len(bounds)]))
    low, high = min(low, high), max(low, high)
    first, second = bucket_quantile(low, bounds, cumulative), bucket_quantile(high, bounds, cumulative)
    if cumulative[-1] == 0:
        assert first is None and second is None
    else:
        assert first is not None and second is not None
        assert 0 <= first <= second + 1e-9 * second <= bounds[-2] * (1 + 2e-9)


def test_bounds_are_numbers() -> None:
    assert bound_of("+Inf") == INF and bound_of("0.25") == 0.25
    assert bound_of("") is None and bound_of("NaN") is None
