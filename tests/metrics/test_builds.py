"""Builds in what a Prometheus counts: of configured services only, with how many instances run each."""

from __future__ import annotations

import json
from typing import Any

from sources.http import HttpDoor
from sources.metrics.promapi import Result, Stream
from sources.metrics.prometheus import BUILDS_EVERY_S, PrometheusMetrics
from sources.metrics.promqueries import build_query, builds_by_service
from tests.http.fault_server import Asked, answer, serving

NOW = 1_800_000_000.0


def counted(*rows: tuple[float, dict[str, str]]) -> Result:
    return Result(tuple(Stream(labels, [(NOW, count)]) for count, labels in rows), found=len(rows))


def told(result: Result, *services: str, label: str | None = None) -> dict[str, tuple[str, dict[Any, int]]]:
    found = builds_by_service(result, services, label)
    return {service: (metric, dict(builds)) for service, (metric, builds) in found.items()}


def test_versions_of_services_are_found_by_the_labels_that_name_them() -> None:
    result = counted(
        (3, {"__name__": "app_build_info", "job": "shop/checkout", "version": "v41", "revision": "3f9c2aa"}),
        (1, {"__name__": "app_build_info", "job": "shop/checkout", "version": "v40"}),
        (4, {"__name__": "libpq_build_info", "job": "shop/checkout", "version": "15.1"}),
        (2, {"__name__": "target_info", "job": "shop/payments", "service_version": "7.1"}),
        (2, {"__name__": "inventory_build_info", "app": "inventory", "job": "pods", "version": "2"}),
        (1, {"__name__": "prometheus_build_info", "job": "prometheus", "version": "2.42.0"}),
        (1, {"__name__": "go_build_info", "job": "gateway", "version": "v9"}),
        (1, {"__name__": "app_info", "job": "gateway", "color": "red"}),
    )
    expected = {
        "checkout": ("app_build_info", {("v41", "3f9c2aa"): 3, ("v40", None): 1}),
        "payments": ("target_info", {("7.1", None): 2}),
        "inventory": ("inventory_build_info", {("2", None): 2}),
    }
    assert told(result, "checkout", "payments", "inventory", "gateway") == expected
    assert told(result) == {}, "an exporter is no service"
    assert told(result, "inventory", label="app") == {"inventory": expected["inventory"]}
    assert told(result, "inventory", label="job") == {}


def test_the_query_counts_by_whatever_tells_service_and_build() -> None:
    query = build_query("team_service")
    assert query.startswith("count by (__name__, team_service, version, service_version,")
    assert '{__name__=~"app_build_info|build_info|' in query and '|.+_build_info"}' in query


async def test_a_prometheus_is_asked_for_builds_now_and_then(door: HttpDoor) -> None:
    said = ["v40", "v41"]
    asked: list[str] = []

    async def prometheus(request: Asked, writer: Any) -> None:
        asked.append(request.target)
        row = {
            "metric": {"__name__": "app_info", "job": "checkout", "version": said[len(asked) - 1]},
            "value": [NOW, "2"],
        }
        body = {"status": "success", "data": {"resultType": "vector", "result": [row]}}
        await answer(json.dumps(body).encode(), content_type="application/json")(request, writer)

    async with serving(prometheus) as server:
        source = PrometheusMetrics("prod", door.site(server.url), services=["checkout"])
        rows = [await source.running(NOW + after) for after in (0.0, BUILDS_EVERY_S - 1, BUILDS_EVERY_S)]
    assert len(asked) == 2
    assert [[(r.version, r.instances, r.source, r.observed_at) for r in row] for row in rows] == [
        [("v40", 2, "app_info in prod", NOW)],
        [("v40", 2, "app_info in prod", NOW)],
        [("v41", 2, "app_info in prod", NOW + BUILDS_EVERY_S)],
    ]
