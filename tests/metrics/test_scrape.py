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
from sources.metrics.scrapemodel import MOST_OPERATIONS, MOST_OTHER
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
        assert {s.key.metric for s in first.value} == {"memory_bytes", "in_flight", "restarts"}
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
    assert points(reading, "restarts") == [(START, 0.0), (START + 15, 1.0), (START + 30, 2.0)]


async def test_processes_behind_one_address_are_never_subtracted_from_each_other(door: HttpDoor) -> None:
    clock, exposed = Clock(), Exposed()
    async with serving(exposed) as server:
        source = source_on(server, door, clock)
        for ok, started in ((1000, 1.0), (20, 100.0), (1015, 1.0), (50, 100.0)):
            exposed.text = requests(ok, 0, started)
            reading = await scrape(source, clock)
            clock.now += 15
    assert [v for _, v in points(reading, "request_count")] == [15.0, 30.0]
    assert points(reading, "restarts") == []  # nobody was started anew, as the turns show


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
    assert points(reading, "latency_avg", "POST /orders")[0][1] == pytest.approx(0.2)
    assert points(reading, "latency_avg")[0][1] == pytest.approx(0.102)
    assert points(reading, "request_count", "GET /cart") == [(START + 15, 100.0)]
    assert points(reading, "error_count") == []  # no label tells a failure, so nothing is known of them
    assert points(reading, "cpu")[0][0] == START + 15
    assert [(r.service, r.version, r.commit, r.instances) for r in running] == [("checkout", "1.42.0", "3f9c2aa", 1)]


async def test_the_version_follows_a_restart_and_all_are_told_behind_a_load_balancer(door: HttpDoor) -> None:
    def build_info(version: str, started: float) -> str:
        return f'{START_TIME} {started}\nhttp_requests_total 1\napp_build_info{{version="{version}"}} 1\n'

    clock, exposed, told = Clock(), Exposed(), []
    async with serving(exposed) as server:
        source = source_on(server, door, clock)
        for version, started in (("1.41", 1.0), ("1.42", START + 7), ("1.41", 1.0), ("1.41", 2.0)):
            exposed.text = build_info(version, started)
            await scrape(source, clock)
            told.append([(r.version, r.instances, r.source) for r in await source.running(clock.now)])
            clock.now += 15
    alone = "app_build_info in /metrics"
    assert told[:2] == [[("1.41", 1, alone)], [("1.42", 1, alone)]], "what ran before a restart is gone"
    assert told[2] == [("1.42", 1, f"{alone} (1 of 2 scrapes)"), ("1.41", 1, f"{alone} (1 of 2 scrapes)")]
    assert told[3] == [("1.41", 2, f"{alone} (2 of 3 scrapes)"), ("1.42", 1, f"{alone} (1 of 3 scrapes)")]


async def test_a_version_is_not_told_from_old_scrapes(door: HttpDoor) -> None:
    clock, exposed = Clock(), Exposed('app_info{version="1.41"} 1\n')
    async with serving(exposed) as server:
        source = source_on(server, door, clock)
        await scrape(source, clock)
        asked = len(server.asked)
        clock.now += 45
        assert [(r.version, r.observed_at) for r in await source.running(clock.now)] == [("1.41", START)]
        assert len(server.asked) == asked, "who asks for versions costs no scrape while there are any"
        clock.now += 60
        exposed.text = 'app_info{version="1.42"} 1\n'
        told = await source.running(clock.now)
        assert [(r.version, r.observed_at) for r in told if r.version == "1.42"] == [("1.42", START + 105)]
    clock.now += 600
    with pytest.raises(SourceUnavailable):
        await source.running(clock.now)


async def test_calls_to_a_dependency_are_its_numbers(door: HttpDoor) -> None:
    def calls(ok: int, none: int, slow: int) -> str:
        return (
            f'http_client_requests_total{{peer="cardpay",status="200"}} {ok}\n'
            f'http_client_requests_total{{peer="cardpay",status="0"}} {none}\n'
            f'http_client_requests_total{{peer="payments",status="200"}} {ok}\n'
            f'http_client_request_duration_seconds_bucket{{peer="cardpay",le="1"}} {ok}\n'
            f'http_client_request_duration_seconds_bucket{{peer="cardpay",le="5"}} {ok + slow}\n'
            f'http_client_request_duration_seconds_bucket{{peer="cardpay",le="+Inf"}} {ok + slow}\n'
            f'http_client_request_duration_seconds_count{{peer="cardpay"}} {ok + slow}\n'
            f'http_client_request_duration_seconds_sum{{peer="cardpay"}} {ok * 0.5 + slow * 2}\n'
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
    assert points(reading, "latency_avg", service="cardpay")[0][1] == pytest.approx(1.25)
    assert {s.key.service for s in reading.value} == {"cardpay"}


async def test_plain_gauges_of_unknown_meaning_are_evidence_and_those_of_runtimes_are_not(door: HttpDoor) -> None:
    text = "# TYPE workers_busy gauge\nworkers_busy 7\n# TYPE go_goroutines gauge\ngo_goroutines 9\n# TYPE x_total counter\nx_total 1\n# TYPE odd gauge\nodd NaN\n"
    clock = Clock()
    async with serving(Exposed(text)) as server:
        reading = await scrape(source_on(server, door, clock), clock)
    assert [s.key.metric for s in reading.value] == ["workers_busy"]


async def test_those_who_ask_within_half_an_interval_share_a_scrape(door: HttpDoor) -> None:
    clock, exposed = Clock(), Exposed(requests(1, 0))
    async with serving(exposed) as server:
        source = source_on(server, door, clock)
        for _ in range(10):
            await asyncio.gather(*(scrape(source, clock) for _ in range(5)))
            clock.now += 2
        assert len(server.asked) == 3  # at 0, 8 and 16 seconds
        past = await source.series(Window(START - 7200, START - 3600), 15.0)
        assert past.value == () and len(server.asked) == 3


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


async def test_what_happened_while_it_did_not_answer_belongs_to_the_interval_that_ends_with_its_next_answer(
    door: HttpDoor,
) -> None:
    clock, exposed = Clock(), Exposed(requests(100, 0))
    async with serving(exposed) as server:
        source = source_on(server, door, clock)
        await scrape(source, clock)
        clock.now += 15
        server.behave = answer(b"", "500 Internal Server Error")
        with pytest.raises(SourceUnavailable):
            await scrape(source, clock)
        server.behave = exposed
        for ok, failed in ((150, 4), (160, 4)):
            clock.now += 15
            exposed.text = requests(ok, failed)
            reading = await scrape(source, clock)
    assert points(reading, "request_count") == [(START + 30, 54.0), (START + 45, 10.0)]
    assert points(reading, "error_count") == [(START + 30, 4.0), (START + 45, 0.0)]


def spring(count: int, total: float, errors: int = 0) -> str:
    """What Micrometer writes where no histogram was asked for."""
    labels = 'error="none",exception="none",method="GET",outcome="SUCCESS"'
    return (
        "# TYPE http_server_requests_seconds summary\n"
        f'http_server_requests_seconds_count{{{labels},status="200",uri="/orders/{{id}}"}} {count}\n'
        f'http_server_requests_seconds_sum{{{labels},status="200",uri="/orders/{{id}}"}} {total}\n'
        f'http_server_requests_seconds_count{{{labels},status="500",uri="/orders/{{id}}"}} {errors}\n'
        f'http_server_requests_seconds_sum{{{labels},status="500",uri="/orders/{{id}}"}} 0\n'
    )


async def test_a_summary_without_buckets_tells_requests_failures_and_the_mean_but_no_quantile(door: HttpDoor) -> None:
    clock, exposed = Clock(), Exposed(spring(1000, 700.0))
    async with serving(exposed) as server:
        source = source_on(server, door, clock)
        await scrape(source, clock)
        for count, total, errors in ((1030, 706.0, 10), (1030, 706.0, 10)):
            clock.now += 15
            exposed.text = spring(count, total, errors)
            reading = await scrape(source, clock)
    assert points(reading, "request_count", "GET /orders/{id}") == [(START + 15, 40.0), (START + 30, 0.0)]
    assert points(reading, "error_count") == [(START + 15, 10.0), (START + 30, 0.0)]
    ((at, mean),) = points(reading, "latency_avg")  # without a request there is no mean
    assert at == START + 15 and mean == pytest.approx(0.15)
    assert not any(one.key.metric.startswith("latency_p") for one in reading.value)


async def test_restarts_that_the_program_counts_itself_are_taken_as_it_says(door: HttpDoor) -> None:
    clock, exposed = Clock(), Exposed(f"{START_TIME} 1\nservice_restarts_total 4\n")
    async with serving(exposed) as server:
        source = source_on(server, door, clock)
        await scrape(source, clock)
        clock.now += 15
        exposed.text = f"{START_TIME} {START + 7}\nservice_restarts_total 5\n"
        reading = await scrape(source, clock)
    assert points(reading, "restarts") == [(START, 4.0), (START + 15, 5.0)]


async def test_a_program_that_tells_no_start_is_not_said_to_have_never_restarted(door: HttpDoor) -> None:
    clock = Clock()
    async with serving(Exposed("http_requests_in_flight 3\n")) as server:
        reading = await scrape(source_on(server, door, clock), clock)
    assert {one.key.metric for one in reading.value} == {"in_flight"}


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf", "1e999"])
async def test_values_that_are_no_numbers_are_gaps(door: HttpDoor, value: str) -> None:
    clock, exposed = Clock(), Exposed(f"http_requests_total 5\nprocess_resident_memory_bytes {value}\n")
    async with serving(exposed) as server:
        source = source_on(server, door, clock)
        await scrape(source, clock)
        clock.now += 15
        exposed.text = f"http_requests_total {value}\nprocess_resident_memory_bytes 7\n"
        reading = await scrape(source, clock)
    assert points(reading, "memory_bytes") == [(START + 15, 7.0)]
    assert points(reading, "request_count") == []


async def test_a_total_that_is_no_number_has_not_grown_by_nothing(door: HttpDoor) -> None:
    clock, exposed = Clock(), Exposed("http_requests_total 5\nprocess_cpu_seconds_total 5\n")
    async with serving(exposed) as server:
        source = source_on(server, door, clock)
        await scrape(source, clock)
        for total in ("NaN", "8"):
            clock.now += 15
            exposed.text = f"http_requests_total 5\nprocess_cpu_seconds_total {total}\n"
            reading = await scrape(source, clock)
    ((at, cpu),) = points(reading, "cpu")
    assert at == START + 30 and cpu == pytest.approx(0.2)


async def test_a_gauge_of_which_a_part_is_unknown_is_unknown(door: HttpDoor) -> None:
    clock = Clock()
    async with serving(Exposed('db_pool_in_use{pool="a"} 3\ndb_pool_in_use{pool="b"} NaN\nqueue_depth 2\n')) as server:
        reading = await scrape(source_on(server, door, clock), clock)
    assert points(reading, "pool_in_use") == []
    assert points(reading, "queue_depth") == [(START, 2.0)]


async def test_totals_count_only_where_their_labels_say_so(door: HttpDoor) -> None:
    clock, exposed = Clock(), Exposed()
    async with serving(exposed) as server:
        source = source_on(server, door, clock)
        for pod, container in ((0, 0), (30, 15)):
            exposed.text = (
                f'container_cpu_usage_seconds_total{{container=""}} {pod}\n'
                f'container_cpu_usage_seconds_total{{container="app"}} {container}\n'
            )
            reading = await scrape(source, clock)
            clock.now += 15
    assert points(reading, "cpu") == [(START + 15, 1.0)]


@pytest.mark.parametrize("form", ["counter", "histogram"])
async def test_operations_and_gauges_beyond_a_limit_are_said(door: HttpDoor, form: str) -> None:
    def exposition(total: int) -> str:
        suffixes = {"counter": "s_total{%s}", "histogram": '_duration_seconds_bucket{%s,le="+Inf"}'}[form]
        operations = [
            f'http_request{suffixes % f"""route="/{n}" """.strip()} {total}' for n in range(MOST_OPERATIONS + 5)
        ]
        gauges = [f"# TYPE g{n} gauge\ng{n} 1" for n in range(MOST_OTHER + 7)]
        return "\n".join([*operations, *gauges, ""])

    clock, exposed = Clock(), Exposed(exposition(1))
    async with serving(exposed) as server:
        source = source_on(server, door, clock)
        first = await scrape(source, clock)
        clock.now += 15
        exposed.text = exposition(3)
        second = await scrape(source, clock)
    assert first.report.state is SourceState.PARTIAL
    assert first.report.detail == f"{MOST_OTHER} of {MOST_OTHER + 7} gauges of unknown meaning taken"
    assert second.report.state is SourceState.PARTIAL
    assert f"5 of {MOST_OPERATIONS + 5} operations are not shown one by one" in second.report.detail
    if form == "counter":
        shown = [s.key for s in second.value if s.key.metric == "request_count"]
        assert len(shown) == MOST_OPERATIONS + 1
        assert points(second, "request_count") == [(START + 15, 2.0 * (MOST_OPERATIONS + 5))]


async def test_numbers_whose_sum_is_none_are_a_gap(door: HttpDoor) -> None:
    text = "".join(f'db_pool_size{{pool="{n}"}} 1e308\n' for n in range(3))
    clock = Clock()
    async with serving(Exposed(text + "queue_depth 1e308\n")) as server:
        reading = await scrape(source_on(server, door, clock), clock)
    assert points(reading, "pool_size") == []
    assert points(reading, "queue_depth") == [(START, 1e308)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('checkout_build_info{version="1.2",revision="abc"} 1\nlibfoo_build_info{version="9"} 1\n', ("1.2", "abc")),
        ('acme_shop_build_info{version="1.2"} 1\ngo_build_info{version="v9"} 1\n', ("1.2", None)),
        ('liba_build_info{version="1"} 1\nlibb_build_info{version="2"} 1\n', None),
        ('target_info{service_name="checkout",service_version="7.1"} 1\n', ("7.1", None)),
        ('go_build_info{version="v9"} 1\n', None),
        ('app_info{version="3.4"} 1\nflask_exporter_info{version="0.23"} 1\n', ("3.4", None)),
        ('target_info{version="",service_version="7.1"} 1\n', ("7.1", None)),
        ('app_info{version="3.4"} NaN\n', None),
    ],
)
async def test_the_version_is_that_of_the_program_and_of_no_library(
    door: HttpDoor, text: str, expected: tuple[str, str | None] | None
) -> None:
    clock = Clock()
    async with serving(Exposed(text)) as server:
        running = await source_on(server, door, clock).running(clock.now)
    assert [(r.version, r.commit) for r in running] == ([expected] if expected is not None else [])


async def test_of_too_many_series_it_says_how_many_were_taken(door: HttpDoor) -> None:
    clock = Clock()
    text = "http_requests_in_flight 3\n" + "".join(f'cache_size{{key="{n}"}} {n}\n' for n in range(19_999))
    async with serving(Exposed(text)) as server:
        reading = await scrape(source_on(server, door, clock), clock)
    assert reading.report.state is SourceState.PARTIAL
    assert "5,000 of 20,000 series taken" in reading.report.detail
    assert points(reading, "in_flight") == [(START, 3.0)]


async def test_openmetrics_is_read_as_such_and_known_when_it_is_cut(door: HttpDoor) -> None:
    clock = Clock()
    exposed = Exposed("# TYPE queue_depth gauge\nqueue_depth 4 1800000000.5\n# EOF\n", "application/openmetrics-text")
    async with serving(exposed) as server:
        source = source_on(server, door, clock)
        whole = await scrape(source, clock)
        clock.now, exposed.text = clock.now + 15, exposed.text.replace("# EOF\n", "")
        cut = await scrape(source, clock)
    assert whole.report.state is SourceState.OK and points(cut, "queue_depth")[-1] == (START + 15, 4.0)
    assert cut.report.state is SourceState.PARTIAL and "without # EOF" in cut.report.detail


async def test_our_own_clock_may_step_back(door: HttpDoor) -> None:
    clock, exposed = Clock(), Exposed(requests(100, 0))
    async with serving(exposed) as server:
        source = source_on(server, door, clock)
        await scrape(source, clock)
        for step, ok in ((-3600.0, 110), (15.0, 130), (3600.0, 140), (15.0, 150)):
            clock.now += step
            exposed.text = requests(ok, 0)
            reading = await source.series(Window(START - 7200, clock.now), 15.0)
        assert len(server.asked) == 5
    (counted,) = [one for one in reading.value if one.key == SeriesKey("checkout", "", "request_count")]
    assert all(0 < value <= 20 for _, value in counted) and counted.times[-1] == clock.now


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
