"""The scraper: what it makes of two and more scrapes of real and of broken programs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.config.models import MetricsConfig
from console.demo.metrics import Registry, process_metrics
from console.domain.instant import Window
from console.domain.reading import Reading, SourceState
from console.domain.series import Series, SeriesKey
from console.domain.topology import Dependency, Service, Topology
from sources.base import SourceGarbage, SourceUnavailable
from sources.http import HttpDoor
from sources.metrics import build
from sources.metrics.exposition import parse
from sources.metrics.growth import START_TIME, Totaliser
from sources.metrics.scrape import ScrapedMetrics
from tests.http.fault_server import Asked, FaultServer, answer, serving

START = 1_800_000_000.0


@dataclass
class Clock:
    now: float = START

    def __call__(self) -> float:
        return self.now


@dataclass
class Exposed:
    """A program whose metrics are what `text` says at the moment."""

    text: str = ""
    content_type: str = "text/plain; version=0.0.4"

    async def __call__(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        await answer(self.text.encode(), content_type=self.content_type)(asked, writer)


async def scrape(source: ScrapedMetrics, clock: Clock) -> Reading[tuple[Series, ...]]:
    return await source.series(Window(START - 3600, clock.now), 15.0)


def points(
    reading: Reading[tuple[Series, ...]], metric: str, operation: str = "", service: str = "checkout"
) -> list[tuple[float, float]]:
    by_key = {s.key: s for s in reading.value}
    series = by_key.get(SeriesKey(service, operation, metric))
    return list(series) if series is not None else []


def source_on(server: FaultServer, door: HttpDoor, clock: Clock, interval_s: float = 15.0) -> ScrapedMetrics:
    return ScrapedMetrics(
        "m",
        door.site(server.url + "/metrics"),
        "checkout",
        dependencies=["cardpay"],
        interval_s=interval_s,
        clock=clock,
    )


def requests(ok: float, failed: float, started: float = 1.0) -> str:
    return (
        f"# TYPE http_requests_total counter\n{START_TIME} {started}\n"
        f'http_requests_total{{method="POST",route="/orders",status="200"}} {ok}\n'
        f'http_requests_total{{method="POST",route="/orders",status="404"}} 2\n'
        f'http_requests_total{{method="POST",route="/orders",status="503"}} {failed}\n'
    )


async def test_the_first_scrape_shows_gauges_and_the_second_what_happened(door: HttpDoor) -> None:
    clock, exposed = (
        Clock(),
        Exposed(requests(100, 5) + "process_resident_memory_bytes 1e6\nhttp_requests_in_flight 3\n"),
    )
    async with serving(exposed) as server:
        source = source_on(server, door, clock)
        first = await scrape(source, clock)
        assert {s.key.metric for s in first.value} == {"memory_bytes", "in_flight"}
        clock.now += 15
        exposed.text = requests(160, 12)
        second = await scrape(source, clock)
    assert points(second, "request_count") == [(START + 15, 67.0)]
    assert points(second, "error_count", "POST /orders") == [(START + 15, 7.0)]
    assert points(second, "memory_bytes") == [(START, 1e6)]
    assert second.report.state is SourceState.OK
    assert second.report.cost.queries == 1 and second.report.cost.bytes == len(exposed.text)


async def test_a_program_that_is_started_anew_counts_from_zero(door: HttpDoor) -> None:
    clock, exposed = Clock(), Exposed(requests(100, 0, started=5.0))
    async with serving(exposed) as server:
        source = source_on(server, door, clock)
        await scrape(source, clock)
        clock.now += 15
        exposed.text = requests(10, 3, started=START + 7)
        await scrape(source, clock)
        clock.now += 15
        exposed.text = requests(4, 0, started=5.0)  # the same start time, and less: it was reset all the same
        exposed.text = exposed.text.replace(f"{START_TIME} 5.0", f"{START_TIME} {START + 7}")
        reading = await scrape(source, clock)
    assert points(reading, "request_count") == [(START + 15, 15.0), (START + 30, 6.0)]
    assert points(reading, "error_count") == [(START + 15, 3.0), (START + 30, 0.0)]


async def test_processes_behind_one_address_are_never_subtracted_from_each_other(door: HttpDoor) -> None:
    clock, exposed = Clock(), Exposed()
    async with serving(exposed) as server:
        source = source_on(server, door, clock)
        for ok, started in ((1000, 1.0), (20, 2.0), (1015, 1.0), (50, 2.0)):
            exposed.text = requests(ok, 0, started)
            reading = await scrape(source, clock)
            clock.now += 15
    assert [v for _, v in points(reading, "request_count")] == [15.0, 30.0]


async def test_a_stretch_without_scrapes_is_a_gap_and_no_surge(door: HttpDoor) -> None:
    clock, exposed = Clock(), Exposed(requests(0, 0))
    async with serving(exposed) as server:
        source = source_on(server, door, clock)
        await scrape(source, clock)
        clock.now += 600
        exposed.text = requests(4000, 0)
        await scrape(source, clock)
        clock.now += 15
        exposed.text = requests(4100, 0)
        reading = await scrape(source, clock)
    assert points(reading, "request_count") == [(START + 615, 100.0)]


async def test_quantiles_come_from_what_was_added_to_the_buckets(door: HttpDoor) -> None:
    registry, clock = Registry(), Clock()
    process_metrics(registry, "checkout", "1.42.0", "3f9c2aa", 0)
    fast, slow = (("method", "GET"), ("route", "/cart")), (("method", "POST"), ("route", "/orders"))
    for _ in range(500):
        registry.observe("http_request_duration_seconds", slow, 9.0)
    registry.observe("http_request_duration_seconds", fast, 0.01)
    exposed = Exposed(registry.text())
    async with serving(exposed) as server:
        source = source_on(server, door, clock)
        await scrape(source, clock)
        for _ in range(100):
            registry.observe("http_request_duration_seconds", slow, 0.2)
            registry.observe("http_request_duration_seconds", fast, 0.004)
        exposed.text = registry.text()
        clock.now += 15
        reading = await scrape(source, clock)
        running = await source.running(clock.now)
    assert points(reading, "latency_p50", "POST /orders")[0][1] == pytest.approx(0.2)
    assert points(reading, "latency_p99", "GET /cart")[0][1] == pytest.approx(0.00495)
    assert points(reading, "latency_p95")[0][1] == pytest.approx(0.15 + 0.1 * 0.9)
    assert points(reading, "request_count", "GET /cart") == [(START + 15, 100.0)]
    assert points(reading, "error_count") == []  # no label tells a failure, so nothing is known of them
    assert points(reading, "cpu")[0][0] == START + 15
    assert running is not None
    assert (running.service, running.version, running.commit, running.instances) == ("checkout", "1.42.0", "3f9c2aa", 1)


async def test_the_version_follows_a_restart_and_is_mixed_behind_a_load_balancer(door: HttpDoor) -> None:
    def build_info(version: str, started: float) -> str:
        return f'{START_TIME} {started}\nhttp_requests_total 1\napp_build_info{{version="{version}"}} 1\n'

    clock, exposed, versions = Clock(), Exposed(), []
    async with serving(exposed) as server:
        source = source_on(server, door, clock)
        for version, started in (("1.41", 1.0), ("1.42", START + 7), ("1.41", 1.0), ("1.42", START + 7)):
            exposed.text = build_info(version, started)
            await scrape(source, clock)
            running = await source.running(clock.now)
            assert running is not None
            versions.append((running.version, running.instances, "mixed" in running.source))
            clock.now += 15
    assert versions == [("1.41", 1, False), ("1.42", 1, False), ("1.42", 2, True), ("1.42", 2, True)]


async def test_calls_to_a_dependency_are_its_numbers(door: HttpDoor) -> None:
    def calls(ok: int, none: int, slow: int) -> str:
        return (
            f'http_client_requests_total{{peer="cardpay",status="200"}} {ok}\n'
            f'http_client_requests_total{{peer="cardpay",status="0"}} {none}\n'
            f'http_client_requests_total{{peer="payments",status="200"}} {ok}\n'
            f'http_client_request_duration_seconds_bucket{{peer="cardpay",le="1"}} {ok}\n'
            f'http_client_request_duration_seconds_bucket{{peer="cardpay",le="5"}} {ok + slow}\n'
            f'http_client_request_duration_seconds_bucket{{peer="cardpay",le="+Inf"}} {ok + slow}\n'
        )

    clock, exposed = Clock(), Exposed(calls(0, 0, 0))
    async with serving(exposed) as server:
        source = source_on(server, door, clock)
        await scrape(source, clock)
        clock.now += 15
        exposed.text = calls(10, 4, 10)
        reading = await scrape(source, clock)
    assert points(reading, "request_count", service="cardpay") == [(START + 15, 14.0)]
    assert points(reading, "error_count", service="cardpay") == [(START + 15, 4.0)]
    assert points(reading, "latency_p95", service="cardpay")[0][1] == pytest.approx(4.6)
    assert {s.key.service for s in reading.value} == {"cardpay"}


async def test_plain_gauges_of_unknown_meaning_are_evidence_and_those_of_runtimes_are_not(door: HttpDoor) -> None:
    text = "# TYPE workers_busy gauge\nworkers_busy 7\n# TYPE go_goroutines gauge\ngo_goroutines 9\n# TYPE x_total counter\nx_total 1\n# TYPE odd gauge\nodd NaN\n"
    clock = Clock()
    async with serving(Exposed(text)) as server:
        reading = await scrape(source_on(server, door, clock), clock)
    assert [s.key.metric for s in reading.value] == ["workers_busy"]


async def test_asked_more_often_than_the_interval_it_does_not_scrape_again(door: HttpDoor) -> None:
    clock, exposed = Clock(), Exposed(requests(1, 0))
    async with serving(exposed) as server:
        source = source_on(server, door, clock)
        for _ in range(10):
            await scrape(source, clock)
            clock.now += 2
        assert len(server.asked) == 2
        past = await source.series(Window(START - 7200, START - 3600), 15.0)
        assert past.value == () and len(server.asked) == 2


async def test_the_past_is_not_scraped(door: HttpDoor) -> None:
    clock = Clock()
    async with serving(Exposed()) as server:
        reading = await source_on(server, door, clock).series(Window(START - 7200, START - 3600), 15.0)
        assert not server.asked
    assert reading.report.state is SourceState.NOT_CONSULTED


async def test_nothing_is_stamped_after_the_window(door: HttpDoor) -> None:
    clock = Clock()
    async with serving(Exposed("http_requests_in_flight 3\n")) as server:
        reading = await source_on(server, door, clock).series(Window(START - 60, START - 0.25), 15.0)
    assert points(reading, "in_flight") == [(START - 0.25, 3.0)]


@pytest.mark.parametrize(
    ("text", "content_type", "said"),
    [
        ("<!doctype html><title>Login</title>", "text/html", "not Prometheus metrics: an HTML page “Login”"),
        ('{"status": "ok"}', "application/json", "not Prometheus metrics: line 1: .* is no sample"),
    ],
)
async def test_what_is_no_exposition_is_said_to_be_none(
    door: HttpDoor, text: str, content_type: str, said: str
) -> None:
    clock = Clock()
    async with serving(Exposed(text, content_type)) as server:
        with pytest.raises(SourceGarbage, match=said):
            await scrape(source_on(server, door, clock), clock)


async def test_a_program_that_dies_fails_and_its_history_is_there_when_it_is_back(door: HttpDoor) -> None:
    clock, exposed = Clock(), Exposed("http_requests_in_flight 3\n")
    async with serving(exposed) as server:
        source = source_on(server, door, clock)
        await scrape(source, clock)
        clock.now += 15
        server.behave = answer(b"", "503 Service Unavailable")
        with pytest.raises(SourceUnavailable):
            await scrape(source, clock)
        server.behave = exposed
        assert points(await scrape(source, clock), "in_flight") == [(START, 3.0), (START + 15, 3.0)]


async def test_bad_lines_are_said_and_empty_expositions_too(door: HttpDoor) -> None:
    clock, exposed = Clock(), Exposed("a 1\nb ? \nhttp_requests_in_flight 3\n")
    async with serving(exposed) as server:
        source = source_on(server, door, clock)
        reading = await scrape(source, clock)
        assert reading.report.state is SourceState.PARTIAL
        assert "1 of 3 lines not understood, the first is line 2" in reading.report.detail
        clock.now, exposed.text = clock.now + 15, ""
        assert "no metric of a known name" in (await scrape(source, clock)).report.detail


async def test_build_makes_a_scraper(door: HttpDoor) -> None:
    config = MetricsConfig(name="m", kind="scrape", url="http://127.0.0.1:1/metrics", service="checkout", interval="5s")
    source = build(config, Path, door, Topology((Service("checkout"),), (Dependency("cardpay", "third_party"),)))
    assert isinstance(source, ScrapedMetrics) and (source.name, source.kind) == ("m", "scrape")


@given(st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=10), min_size=1, max_size=4))
def test_growth_over_restarts_adds_up_to_everything_that_was_counted(lives: list[list[int]]) -> None:
    """Whatever the increments and however often the process is started anew, only what precedes the first scrape is unknown."""
    totals, at, seen, expected, first = Totaliser(), START, 0.0, 0, True
    for life, increments in enumerate(lives):
        started, total = (at - 1.0 if life else 1.0), 0
        for increment in increments:
            total += increment
            expected += 0 if first else increment
            first = False
            growth = totals.add(at, parse(f"{START_TIME} {started}\nx_total {total}\n"), frozenset({"x_total"}))
            seen += sum(growth.by.values()) if growth is not None else 0.0
            at += 15.0
    assert seen == expected
