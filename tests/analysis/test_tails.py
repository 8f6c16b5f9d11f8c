"""A mean that rises by its slowest requests alone is told as a tail; one that rises as a whole is told by its middle."""

from __future__ import annotations

from random import Random

import pytest

from console.analysis.diagnose import diagnose
from console.domain.diagnosis import Diagnosis
from console.domain.instant import Window
from console.domain.observations import Observations
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.topology import Service, Topology

NOW = 1_790_000_000.0 // 15 * 15
STEP_S = 15.0
REQUESTS = 60
METRICS = ("latency_avg", "latency_p50", "latency_p95", "latency_p99")


def diagnosed(bad_bins: int, metrics: tuple[str, ...] = METRICS, **slow: float) -> Diagnosis:
    """One operation; of `slow` metrics the last bins are that many times higher."""
    rng = Random(5)
    usual = {"latency_avg": 0.06, "latency_p50": 0.05, "latency_p95": 0.09, "latency_p99": 0.11}
    times = [NOW - k * STEP_S for k in range(480, -1, -1)]

    def made(metric: str, values: list[float]) -> Series:
        return Series.of(SeriesKey("shop", "GET /stock", metric), list(zip(times, values, strict=True)), "logs")

    series = [made("request_count", [float(REQUESTS)] * len(times)), made("error_count", [0.0] * len(times))]
    for metric in metrics:
        noise = [usual[metric] * rng.uniform(0.96, 1.04) for _ in times]
        series.append(
            made(
                metric,
                [v * (slow.get(metric, 1.0) if k >= len(times) - bad_bins else 1.0) for k, v in enumerate(noise)],
            )
        )
    return diagnose(
        Observations(
            at=NOW,
            window=Window(NOW - 1800, NOW),
            history=Window(NOW - 86400, NOW),
            topology=Topology((Service("shop"),)),
            series=SeriesSet.of(series),
        )
    )


def told(found: Diagnosis) -> dict[str, tuple[float, bool]]:
    """Observed value by signal, and whether a share stands beside it."""
    return {
        s.signal: (round(s.observed or 0.0, 2), s.share_of_bad is not None)
        for s in found.symptoms
        if s.operation == "GET /stock"
    }


@pytest.mark.parametrize("bad_bins", [3, 12])
def test_slow_requests_among_many_are_a_tail_also_where_they_are_few(bad_bins: int) -> None:
    found = told(diagnosed(bad_bins, latency_avg=1.6, latency_p99=6.0))
    assert set(found) == {"latency_p99"}
    observed, has_share = found["latency_p99"]
    assert has_share
    assert observed == pytest.approx(0.66, rel=0.05)  # what the percentile was, not the mean
    assert (REQUESTS * 3 < 368) and (REQUESTS * 12 > 368)  # of the two, only one has enough for a p99 by itself


def test_when_all_are_slower_the_middle_is_named() -> None:
    found = told(diagnosed(12, latency_avg=2.0, latency_p50=2.0, latency_p95=2.0, latency_p99=2.0))
    assert found["latency_p50"][1]
    assert set(found) == {"latency_p50", "latency_p95", "latency_p99"}


def test_a_tail_alone_with_few_requests_is_not_enough() -> None:
    assert told(diagnosed(3, latency_p99=6.0)) == {}


def test_without_a_median_the_mean_stands_for_the_middle() -> None:
    found = told(diagnosed(12, ("latency_avg",), latency_avg=1.6))
    assert set(found) == {"latency_p50"}
