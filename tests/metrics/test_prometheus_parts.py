"""Requests by instance and zone from a Prometheus: what is asked, and what becomes of it."""

from __future__ import annotations

import json
import re

import pytest

from console.domain.instant import Window
from console.domain.parts import PartCounts
from console.domain.reading import Reading
from console.domain.text import SafeText
from sources.http import HttpDoor
from sources.metrics.conventions import RequestLabels
from sources.metrics.discovery import RequestPlan, Selection
from sources.metrics.prometheus import PrometheusMetrics
from sources.metrics.promparts import parts_query
from sources.metrics.promqueries import Step
from tests.http.fault_server import serving
from tests.metrics.prom_stub import PromStub, success

NOW = 1_800_000_000.0
WINDOW = Window(NOW - 600, NOW)


class Instances(PromStub):
    """A server whose counter has a status and several instances; one of them fails half of what it gets."""

    def _answer(self, path: str, params: dict[str, str]) -> tuple[str, bytes]:
        if path == "/api/v1/labels":
            return "200 OK", json.dumps({"status": "success", "data": ["__name__", "job", "code", "instance"]}).encode()
        if path == "/api/v1/query_range" and "instance" in params["query"]:
            start, end, step = (float(params[k]) for k in ("start", "end", "step"))
            times = [start + i * step for i in range(int((end - start) / step + 1e-9) + 1)]
            rows = [
                {
                    "metric": {"job": "checkout", "instance": f"10.0.0.{n}:80", "incident_metric": metric},
                    "values": [[t, rate] for t in times],
                }
                for n in range(self.series)
                for metric, rate in (("request_count", "2"), ("error_count", "1" if n == 1 else "0"))
                if metric == "request_count" or n == 1
            ]
            return "200 OK", json.dumps(success("matrix", rows)).encode()
        return super()._answer(path, params)


async def parts(door: HttpDoor, stub: PromStub) -> Reading[tuple[PartCounts, ...]]:
    async with serving(stub) as server:
        source = PrometheusMetrics("prod", door.site(server.url), services=["checkout"], clock=lambda: NOW)
        return await source.parts(WINDOW, 60.0)


async def test_each_instance_with_its_requests_and_failures(door: HttpDoor) -> None:
    stub = Instances(series=3)
    reading = await parts(door, stub)
    told = {one.fields[0][1]: one for one in reading.value if len(one.fields) == 1 and one.fields[0][0] == "instance"}
    assert list(told) == [f"10.0.0.{n}:80" for n in range(3)]
    bad = told[SafeText("10.0.0.1:80")]
    assert set(bad.requests) == {120.0} and set(bad.failed) == {60.0} and len(bad.times) == 11
    assert set(told[SafeText("10.0.0.0:80")].failed) == {0.0}, "who failed nothing is known to have failed nothing"
    assert bad.source == "prod" and bad.query.startswith("sum by (instance, pod,") and 'job="checkout"' in bad.query
    asked = [params["query"] for path, params in stub.queries if path == "/api/v1/query_range"]
    assert len(asked) == 1 and re.search(r"sum by \(job, instance, pod, .*\) \(rate\(http_requests_total", asked[0])
    assert reading.report.cost.queries == len(stub.queries)


async def test_one_instance_tells_nothing_apart(door: HttpDoor) -> None:
    assert (await parts(door, Instances(series=1))).value == ()


async def test_without_a_status_nothing_is_asked(door: HttpDoor) -> None:
    stub = PromStub(series=3)
    assert (await parts(door, stub)).value == ()
    assert not [path for path, _ in stub.queries if path == "/api/v1/query_range"]


@pytest.mark.parametrize(("label", "asked"), [("job", True), ("peer_service", False)])
def test_calls_counted_by_callers_tell_of_the_callers_instances(label: str, asked: bool) -> None:
    plan = RequestPlan(Selection("requests_total", label, ("checkout",)), RequestLabels(None, None, "code"))
    assert (parts_query(plan, Step.of(60.0, 15.0)) is not None) is asked


def test_nothing_after_the_knowledge_time_is_kept() -> None:
    from array import array

    one = PartCounts("a", (), array("d", [1, 2, 3]), array("d", [1, 1, 1]), array("d", [0, 0, 1]))
    assert list(one.until(2.0).times) == [1, 2] and list(one.until(2.0).failed) == [0, 0]
    assert one.until(3.0) is one and not one.until(0.5).times
