"""Excess that callees explain is not a service's own."""

from __future__ import annotations

import random

import pytest

from console.analysis.cascade import cascade
from console.analysis.graph import Graph, build_graph, mentions
from console.analysis.place import rank_places
from console.analysis.tracks import build_tracks
from console.domain.logs import Level, LogRecord
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.text import SafeText
from console.domain.topology import Dependency, Service, Topology

AT = 1_790_000_000.0
ONSET = AT - 600


def series(service: str, before: float, after: float, requests: float = 600.0, seed: int = 1) -> list[Series]:
    rng = random.Random(f"{service}{seed}")
    times = [AT - 60 * k for k in range(119, -1, -1)]
    values = [(t, rng.gauss(after if t > ONSET else before, before * 0.03)) for t in times]
    counts = [(t, requests) for t in times]
    return [
        Series.of(SeriesKey(service, "", "latency_avg"), values, "m"),
        Series.of(SeriesKey(service, "", "request_count"), counts, "m"),
    ]


def graph(**calls: list[str]) -> Graph:
    return build_graph(Topology(tuple(Service(n, tuple(c)) for n, c in calls.items())), None, (), calls)


def test_the_callee_that_adds_the_time_carries_the_share() -> None:
    data = [*series("web", 0.2, 0.5), *series("cart", 0.1, 0.4), *series("stock", 0.05, 0.05)]
    found = cascade(
        build_tracks(SeriesSet.of(data), AT), graph(web=["cart"], cart=["stock"]), "seconds", ONSET, AT, ["web"]
    )
    assert found is not None and found.target == "web"
    assert found.nodes[0].node == "cart"
    assert found.nodes[0].share == pytest.approx(1.0, abs=0.1)
    assert next(n for n in found.nodes if n.node == "web").share < 0.1


def test_a_quiet_system_has_no_cascade() -> None:
    data = [*series("web", 0.2, 0.2), *series("cart", 0.1, 0.1)]
    assert cascade(build_tracks(SeriesSet.of(data), AT), graph(web=["cart"]), "seconds", ONSET, AT, ["web"]) is None


def test_a_node_that_was_always_slow_is_not_blamed() -> None:
    data = [*series("web", 0.2, 0.5), *series("cart", 0.1, 0.4), *series("old", 3.0, 3.0)]
    calls = graph(web=["cart", "old"])
    found = cascade(build_tracks(SeriesSet.of(data), AT), calls, "seconds", ONSET, AT, ["web"])
    assert found is not None
    assert [n.node for n in found.nodes if n.share > 0.1] == ["cart"]


def test_cycles_end() -> None:
    data = [*series("a1", 0.2, 0.5), *series("b1", 0.1, 0.4)]
    calls = graph(a1=["b1"], b1=["a1"])
    assert calls.below("a1") == ["a1", "b1"]
    found = cascade(build_tracks(SeriesSet.of(data), AT), calls, "seconds", ONSET, AT, ["a1"])
    assert found is not None
    assert rank_places([], [found], calls)


def test_errors_that_name_a_service_are_calls_to_it() -> None:
    records = [LogRecord(1.0, Level.ERROR, "web", SafeText("call to billing-svc failed: 503")) for _ in range(3)]
    records += [LogRecord(1.0, Level.INFO, "billing-svc", SafeText("request from web-front served"))] * 5
    names = {"web", "billing-svc", "bill"}
    assert mentions(records, names) == {("web", "billing-svc"): 3}
    built = build_graph(Topology((Service("web"), Service("billing-svc"))), None, records, names)
    assert built.callees == {"web": ("billing-svc",)}
    assert built.told_by["web", "billing-svc"] == "logs"


def test_a_log_line_does_not_turn_a_configured_call_round() -> None:
    topology = Topology((Service("shop", ("bank",)),), (Dependency("bank", "third_party"),))
    records = [LogRecord(1.0, Level.ERROR, "bank", SafeText("rejected request of shop"))] * 9
    assert ("bank", "shop") not in build_graph(topology, None, records, {"shop", "bank"}).told_by
