"""Builds over the window, as series: the build stands in the place of the operation."""

from __future__ import annotations

from sources.metrics.promapi import Result, Stream
from sources.metrics.promqueries import Step, builds_over_time

OTHER = {"__name__": "libpq_build_info", "job": "checkout", "version": "15.1"}


def stream(points: list[tuple[float, float]], **labels: str) -> Stream:
    return Stream({"__name__": "app_build_info", "job": "shop/checkout", **labels}, points)


def test_each_build_of_a_configured_service_is_a_series() -> None:
    asked = builds_over_time(["checkout"], None)
    result = Result(
        (
            stream([(0.0, 3.0), (15.0, 1.0)], version="v41"),
            stream([(15.0, 1.0), (30.0, 3.0)], version="v42", revision="abc1234"),
            stream([(15.0, 1.0)], version="v42", revision="def5678"),
            Stream(OTHER, [(0.0, 3.0), (30.0, 3.0)]),
            stream([(0.0, 1.0)], job="grafana", version="9"),
        )
    )
    grid = asked.read(result, Step.of(15.0, 15.0), -5.0)
    assert {(key.service, key.operation, key.metric): points for key, points in grid.items()} == {
        ("checkout", "v41", "build_info"): {-5.0: 3.0, 10.0: 1.0},
        ("checkout", "v42", "build_info"): {10.0: 2.0, 25.0: 3.0},
    }
    assert "build_info" in asked.query
