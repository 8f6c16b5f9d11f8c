"""The Prometheus adapter against a real Prometheus."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from console.config.load import ConfigError
from console.config.models import Budget, MetricsConfig
from console.domain.instant import Window
from console.domain.reading import Reading, SourceState
from console.domain.series import Series, SeriesKey
from console.domain.topology import Dependency, Service, Topology
from sources.base import SourceRefused, SourceUnavailable
from sources.http import HttpDoor
from sources.metrics import build
from sources.metrics.promapi import MOST_POINTS, PromApi
from sources.metrics.prometheus import PrometheusMetrics
from tests.servers.prometheus import SCRAPE_S, History, running
from tests.servers.running import Program

pytestmark = pytest.mark.slow

NOW = int(time.time()) // 60 * 60
START = NOW - 2 * 3600
FAULT = NOW - 1800
"""From here on one request in five of POST /orders fails, and it is slow."""
TOPOLOGY = Topology(
    (Service("checkout", ("orders-db",)), Service("payments")),
    (Dependency("orders-db", "database"), Dependency("cardpay", "third_party")),
)


def history() -> History:
    made = History(START, NOW)
    for instance in ("a:1", "b:1"):
        base = f'job="shop/checkout",instance="{instance}"'
        for route, rate in (("/orders", 3.0), ("/cart", 1.0)):
            method = "POST" if route == "/orders" else "GET"
            labels = f'{base},method="{method}",route="{route}"'
            failing = 0.2 if route == "/orders" else 0.0
            made.counter(
                "http_requests_total",
                f'{labels},status="200"',
                lambda at, rate=rate, failing=failing: rate * (1 - failing) if at >= FAULT else rate,  # type: ignore[misc]
            )
            if failing:
                made.counter(
                    "http_requests_total",
                    f'{labels},status="500"',
                    lambda at, rate=rate, failing=failing: rate * failing if at >= FAULT else 0.0,  # type: ignore[misc]
                )
            made.histogram(
                "http_request_duration_seconds",
                labels,
                lambda at, rate=rate, slow=route == "/orders": (  # type: ignore[misc]
                    (rate * 0.5, 0.0, 0.0, 0.0, rate * 0.5, 0.0)
                    if slow and at >= FAULT
                    else (0.0, rate, 0.0, 0.0, 0.0, 0.0)
                ),
            )
        memory = 100e6 if instance == "a:1" else 300e6
        made.gauge("process_resident_memory_bytes", base, lambda at, memory=memory: memory)  # type: ignore[misc]
        made.gauge("db_pool_in_use", base, lambda at: 4.0)
        made.gauge("app_build_info", f'{base},version="v41",revision="3f9c2aa"', lambda at: 1.0)
        made.gauge("http_requests_in_flight", base, lambda at: float("nan") if at == FAULT else 2.0)
    made.gauge("db_pool_size", 'job="shop/checkout",instance="a:1"', lambda at: 20.0)
    made.counter("process_cpu_seconds_total", 'job="shop/checkout",instance="a:1"', lambda at: 0.25)
    made.gauge("app_build_info", 'job="shop/checkout",instance="c:1",version="v40"', lambda at: 1.0)
    made.gauge("app_info", 'service_name="payments",version="7"', lambda at: 1.0 if at < FAULT else None)
    made.gauge("prometheus_build_info", 'job="prometheus",version="2.42.0"', lambda at: 1.0)
    other = 'service_name="payments",http_route="/charge",http_request_method="POST"'
    made.histogram(
        "http_server_request_duration_seconds",
        f'{other},http_response_status_code="200"',
        lambda at: (2.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    )
    made.gauge("process_resident_memory_bytes", 'service_name="payments"', lambda at: 5e7 if at < FAULT else None)
    for status, rate in (("200", 1.0), ("0", 0.25)):
        made.counter(
            "http_client_requests_total",
            f'job="shop/checkout",peer="cardpay",status="{status}"',
            lambda at, rate=rate: rate,  # type: ignore[misc]
        )
    made.histogram(
        "http_client_request_duration_seconds",
        'job="shop/checkout",peer="cardpay"',
        lambda at: (0.0, 0.0, 0.0, 0.0, 1.25, 0.0),
    )
    made.counter("http_requests_total", 'job="unrelated",route="/",status="200"', lambda at: 9.0)
    return made


@pytest.fixture(scope="module")
def server(servers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Program]]:
    with running(servers, tmp_path_factory.mktemp("prometheus"), history()) as started:
        yield started


@pytest.fixture
async def door() -> AsyncIterator[HttpDoor]:
    async with HttpDoor(Budget(requests_per_minute=1000)) as opened:
        yield opened


@pytest.fixture
def source(door: HttpDoor, server: tuple[str, Program]) -> PrometheusMetrics:
    config = MetricsConfig(name="prod", kind="prometheus", url=server[0])
    built = build(config, Path, door, TOPOLOGY)
    assert isinstance(built, PrometheusMetrics)
    return built


def found(reading: Reading[tuple[Series, ...]], service: str, metric: str, operation: str = "") -> Series:
    by_key = {s.key: s for s in reading.value}
    return by_key[SeriesKey(service, operation, metric)]


def value_at(series: Series, at: float) -> float:
    return dict(series)[at]


async def test_builds_that_run_are_counted_and_those_that_do_not_run_any_more_are_not(
    source: PrometheusMetrics,
) -> None:
    told = [(r.service, r.version, r.commit, r.instances, r.source) for r in await source.running(NOW)]
    assert told == [
        ("checkout", "v41", "3f9c2aa", 2, "app_build_info in prod"),
        ("checkout", "v40", None, 1, "app_build_info in prod"),
    ]
    before = await source.running(FAULT - 60)
    assert ("payments", "7") in [(r.service, r.version) for r in before]


async def test_everything_is_found_by_convention(source: PrometheusMetrics) -> None:
    reading = await source.series(Window(NOW - 3600, NOW), 60.0)
    assert reading.report.state is SourceState.OK, reading.report.detail
    keys = {(s.key.service, s.key.operation, s.key.metric) for s in reading.value}
    assert ("checkout", "POST /orders", "error_count") in keys
    assert ("payments", "POST /charge", "latency_p95") in keys
    assert not any(service == "unrelated" for service, _, _ in keys)
    assert {s.source for s in reading.value} == {"prod"}
    before, after = FAULT - 600, NOW - 300
    orders = found(reading, "checkout", "request_count", "POST /orders")
    assert value_at(orders, before) == pytest.approx(2 * 3.0 * 60, rel=1e-3)
    errors = found(reading, "checkout", "error_count", "POST /orders")
    assert value_at(errors, before) == 0.0
    assert value_at(errors, after) == pytest.approx(2 * 0.6 * 60, rel=1e-3)
    assert value_at(found(reading, "checkout", "error_count", "GET /cart"), after) == 0.0
    assert value_at(found(reading, "checkout", "request_count"), after) == pytest.approx(2 * 4.0 * 60, rel=1e-3)
    assert value_at(found(reading, "payments", "request_count"), after) == pytest.approx(120, rel=1e-3)
    assert value_at(found(reading, "checkout", "latency_p50", "POST /orders"), before) == pytest.approx(0.075)
    assert value_at(found(reading, "checkout", "latency_p99", "POST /orders"), after) == pytest.approx(0.99, rel=1e-3)
    assert value_at(found(reading, "checkout", "memory_bytes"), after) == 300e6
    assert value_at(found(reading, "checkout", "pool_in_use"), after) == 8.0
    assert value_at(found(reading, "checkout", "pool_size"), after) == 20.0
    assert value_at(found(reading, "checkout", "cpu"), after) == pytest.approx(0.25, rel=1e-3)
    assert reading.report.cost.queries <= 16


async def test_calls_to_a_dependency_that_exposes_nothing_are_its_numbers(source: PrometheusMetrics) -> None:
    reading = await source.series(Window(NOW - 1200, NOW), 60.0)
    at = NOW - 600
    assert value_at(found(reading, "cardpay", "request_count"), at) == pytest.approx(75, rel=1e-2)
    assert value_at(found(reading, "cardpay", "error_count"), at) == pytest.approx(15, rel=1e-2)
    assert value_at(found(reading, "cardpay", "latency_p50"), at) == pytest.approx(0.75, rel=1e-3)


async def test_the_query_that_is_shown_gives_the_same_numbers(
    source: PrometheusMetrics, door: HttpDoor, server: tuple[str, Program]
) -> None:
    reading = await source.series(Window(NOW - 1200, NOW - 600), 60.0)
    api = PromApi(door.site(server[0]), 10.0)
    for service, metric, operation, scale in (
        ("checkout", "latency_p95", "POST /orders", 1.0),
        ("checkout", "latency_p95", "", 1.0),
        ("payments", "latency_p50", "POST /charge", 1.0),
        ("checkout", "request_count", "GET /cart", 60.0),
        ("checkout", "error_count", "POST /orders", 60.0),
        ("checkout", "memory_bytes", "", 1.0),
        ("cardpay", "error_count", "", 60.0),
        ("cardpay", "latency_p99", "", 1.0),
        ("checkout", "cpu", "", 1.0),
    ):
        series = found(reading, service, metric, operation)
        at, value = series.times[3], series.values[3]
        rows = (await api.instant(series.query, at)).streams
        assert any(v * scale == pytest.approx(value, rel=1e-6) for row in rows for _, v in row.points), series.query


async def test_points_lie_on_the_step_and_never_after_the_window(source: PrometheusMetrics) -> None:
    reading = await source.series(Window(NOW - 907.5, NOW - 302.5), 30.0)
    times = {t for s in reading.value for t in s.times}
    assert times and all(t % 30 == 0 and NOW - 907.5 <= t <= NOW - 302.5 for t in times)
    finest = await source.series(Window(NOW - 120, NOW), 1.0)
    assert {t % 15 for s in finest.value for t in s.times} == {0.0}


async def test_row_10_what_vanishes_leaves_a_gap_and_no_zero(source: PrometheusMetrics) -> None:
    reading = await source.series(Window(FAULT - 900, NOW), 15.0)
    memory = found(reading, "payments", "memory_bytes")
    # Five minutes after its last sample Prometheus stops repeating it.
    assert FAULT - SCRAPE_S <= memory.times[-1] <= FAULT + 300
    assert all(v == 5e7 for v in memory.values)


async def test_row_9_a_value_that_is_no_number_is_a_gap_and_counted(source: PrometheusMetrics) -> None:
    reading = await source.series(Window(FAULT - 60, FAULT + 60), 15.0)
    flight = found(reading, "checkout", "in_flight")
    assert float(FAULT) not in flight.times and len(flight) == 8
    assert any("1 values were not finite" in w for w in reading.warnings)


async def test_a_long_window_stays_below_the_limit_of_the_server(
    door: HttpDoor, server: tuple[str, Program], source: PrometheusMetrics
) -> None:
    api = PromApi(door.site(server[0]), 10.0)
    with pytest.raises(SourceRefused, match="exceeded maximum resolution of 11,000 points"):
        await api.range("up", 0.0, 11_001 * 15.0, 15.0)
    days = await source.series(Window(NOW - 60 * 3600, NOW), 15.0)
    assert MOST_POINTS < 60 * 3600 / 15
    assert len(found(days, "checkout", "cpu")) == pytest.approx(2 * 3600 / 15, abs=4)


async def test_the_past_can_be_asked_for_at_its_own_time(source: PrometheusMetrics) -> None:
    reading = await source.series(Window(NOW - 6600, NOW - 5400), 60.0)
    assert found(reading, "payments", "memory_bytes").times[-1] <= NOW - 5400
    assert reading.report.state is SourceState.OK


async def test_queries_of_the_configuration_replace_the_defaults(door: HttpDoor, server: tuple[str, Program]) -> None:
    config = MetricsConfig(
        name="prod",
        kind="prometheus",
        url=server[0] + "/",
        queries={
            "request_count": 'sum by (job, route) (increase(http_requests_total{job="shop/checkout"}[$step]))',
            "queue_depth": "sum(db_pool_in_use) * 2",
            "broken": "sum by (",
        },
    )
    source = build(config, Path, door, Topology((Service("checkout"),)))
    reading = await source.series(Window(NOW - 600, NOW), 15.0)
    cart = found(reading, "checkout", "request_count", "/cart")
    assert value_at(cart, NOW - 300) == pytest.approx(2 * 1.0 * 15, rel=1e-2)
    assert value_at(found(reading, "checkout", "queue_depth"), NOW - 300) == 16.0
    assert reading.report.state is SourceState.PARTIAL
    assert "broken" in reading.report.detail and "1:9" in reading.report.detail
    assert found(reading, "checkout", "latency_p95").query.startswith("histogram_quantile(0.95")


async def test_a_service_label_that_is_named_is_used_and_strangers_are_said(
    door: HttpDoor, server: tuple[str, Program]
) -> None:
    config = MetricsConfig(name="prod", kind="prometheus", url=server[0], service_label="instance")
    reading = await build(config, Path, door, TOPOLOGY).series(Window(NOW - 600, NOW), 60.0)
    assert {s.key.service for s in reading.value} == {"a:1", "b:1", "cardpay"}  # what is called is named by its callers
    assert "no label names a configured service; instance say a:1, b:1" in reading.report.detail


async def test_without_services_everything_is_shown(door: HttpDoor, server: tuple[str, Program]) -> None:
    config = MetricsConfig(name="prod", kind="prometheus", url=server[0])
    reading = await build(config, Path, door, Topology()).series(Window(NOW - 600, NOW), 60.0)
    assert {s.key.service for s in reading.value} == {"checkout", "payments", "unrelated"}


async def test_killed_while_it_is_asked_and_back_again(source: PrometheusMetrics, server: tuple[str, Program]) -> None:
    window = Window(NOW - 600, NOW)
    before = await source.series(window, 60.0)
    server[1].kill()
    started = time.monotonic()
    with pytest.raises(SourceUnavailable, match=r"connection refused|reset|lost"):
        await source.series(window, 60.0)
    assert time.monotonic() - started < 2.0
    server[1].start()
    after = await source.series(window, 60.0)
    assert {s.key: list(s) for s in after.value} == {s.key: list(s) for s in before.value}


def test_an_address_that_is_none_is_a_configuration_error() -> None:
    config = MetricsConfig(name="prod", kind="prometheus", url="localhost:9090")
    with pytest.raises(ConfigError, match=r"\[\[metrics\]\] prod: .*http://"):
        build(config, Path, HttpDoor(), Topology())
