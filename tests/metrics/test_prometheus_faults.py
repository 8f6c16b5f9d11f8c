"""What the Prometheus adapter makes of answers that are incomplete, late, wrong, or not from Prometheus."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest

from console.config.models import Budget
from console.domain.instant import Window
from console.domain.reading import Reading, SourceState
from console.domain.series import Series, SeriesKey
from sources.base import (
    SourceError,
    SourceGarbage,
    SourceRefused,
    SourceThrottled,
    SourceTimeout,
    SourceUnavailable,
)
from sources.http import HttpDoor
from sources.metrics.prometheus import PrometheusMetrics
from tests.http.fault_server import answer, drip, serving, silence
from tests.metrics.prom_stub import PromStub, success

NOW = 1_800_000_000.0
WINDOW = Window(NOW - 600, NOW)
REQUESTS = SeriesKey("checkout", "", "request_count")


async def ask(door: HttpDoor, url: str, window: Window = WINDOW) -> Reading[tuple[Series, ...]]:
    source = PrometheusMetrics("prod", door.site(url), services=["checkout"], clock=lambda: NOW)
    return await source.series(window, 15.0)


async def read(door: HttpDoor, stub: PromStub, window: Window = WINDOW) -> Reading[tuple[Series, ...]]:
    async with serving(stub) as server:
        return await ask(door, server.url, window)


async def test_a_good_answer_is_whole(door: HttpDoor) -> None:
    stub = PromStub()
    reading = await read(door, stub)
    assert reading.report.state is SourceState.OK and not reading.warnings
    (series,) = reading.value
    assert series.key == REQUESTS and len(series) == 41 and set(series.values) == {30.0}
    path, params = stub.queries[-1]
    assert path == "/api/v1/query_range"
    assert (params["step"], params["timeout"], params["limit"]) == ("15", "1s", "5000")
    assert reading.report.cost.queries == len(stub.queries)
    assert reading.report.cost.bytes > 1000


@pytest.mark.parametrize("behave", [silence, drip()])
async def test_rows_2_and_3_no_whole_answer_in_time(behave: Any) -> None:
    async with HttpDoor(Budget(timeout="300ms")) as door, serving(behave) as server:
        started = time.monotonic()
        with pytest.raises(SourceTimeout):
            await ask(door, server.url)
        assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    ("status", "error_type", "kind"),
    [
        ("503 Service Unavailable", "timeout", SourceTimeout),
        ("503 Service Unavailable", "canceled", SourceUnavailable),
        ("422 Unprocessable Entity", "execution", SourceRefused),
        ("400 Bad Request", "bad_data", SourceRefused),
        ("500 Internal Server Error", "internal", SourceUnavailable),
    ],
)
async def test_row_4_errors_carry_the_servers_own_words_made_safe(
    door: HttpDoor, status: str, error_type: str, kind: type[SourceError]
) -> None:
    body = json.dumps({"status": "error", "errorType": error_type, "error": "query \x1b[2J failed"}).encode()
    stub = PromStub(range_body=lambda _: body, range_status=status)
    with pytest.raises(kind, match=rf"{error_type}: query \^\[\[2J failed") as caught:
        await read(door, stub)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"upstream connect error", b"<html><title>503</title>", b'{"status":"error"}'])
async def test_row_4_errors_without_words_are_errors_too(door: HttpDoor, body: bytes) -> None:
    stub = PromStub(range_body=lambda _: body, range_status="503 Service Unavailable")
    with pytest.raises(SourceUnavailable, match="503"):
        await read(door, stub)


async def test_row_5_retry_after_stops_every_query(door: HttpDoor) -> None:
    async with serving(answer(b"", "429 Too Many Requests", retry_after="20")) as server:
        for _ in range(3):
            with pytest.raises(SourceThrottled) as caught:
                await ask(door, server.url)
            assert caught.value.retry_after_s == pytest.approx(20, abs=1)
        assert len(server.asked) == 1


async def test_row_6_warnings_make_it_partial(door: HttpDoor) -> None:
    def body(params: dict[str, str]) -> bytes:
        return json.dumps(success("matrix", PromStub().matrix(params), warnings=["store \x07 down"])).encode()

    reading = await read(door, PromStub(range_body=body))
    assert len(reading.value) == 1
    assert reading.report.state is SourceState.PARTIAL
    assert reading.report.detail == "store ^G down" and reading.warnings == ("store ^G down",)


async def test_row_7_an_error_that_carries_data_is_partial(door: HttpDoor) -> None:
    def body(params: dict[str, str]) -> bytes:
        whole = success("matrix", PromStub().matrix(params))
        return json.dumps({**whole, "status": "error", "errorType": "execution", "error": "one store is gone"}).encode()

    reading = await read(door, PromStub(range_body=body))
    assert len(reading.value) == 1 and reading.report.state is SourceState.PARTIAL
    assert "execution: one store is gone" in reading.report.detail


async def test_row_7_an_error_without_data_is_a_failure(door: HttpDoor) -> None:
    stub = PromStub(range_body=lambda _: b'{"status":"error","errorType":"internal","error":"no"}')
    with pytest.raises(SourceUnavailable, match="internal: no"):
        await read(door, stub)


@pytest.mark.parametrize(
    "body",
    [
        b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"job":"checkout"},"val',
        b'{"status":"success","data":{"resultType":"vector","result":[]}}',
        b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":[],"values":[]}]}}',
        b'{"status":"success","data":{"resultType":"matrix","result":' + b"[" * 50_000,
        b'{"status":"fine","data":{}}',
        b'{"hello":"world"}',
        b"[]",
        b"OK",
        b"",
        b"\xff\xfe\x00",
    ],
)
async def test_row_8_what_is_no_answer_of_prometheus_is_said_to_be_none(door: HttpDoor, body: bytes) -> None:
    with pytest.raises(SourceGarbage):
        await read(door, PromStub(range_body=lambda _: body))


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf", "1e308", "-1e308", None, "many"])
async def test_row_9_values_that_are_no_quantity_are_gaps_and_said(door: HttpDoor, value: str | None) -> None:
    def body(params: dict[str, str]) -> bytes:
        odd = PromStub().matrix(params, lambda at: value if at == NOW - 300 else "2")
        return json.dumps(success("matrix", odd)).encode()

    reading = await read(door, PromStub(range_body=body))
    (series,) = reading.value
    assert len(series) == 40 and NOW - 300 not in series.times
    assert reading.report.state is SourceState.OK
    assert reading.warnings == ("requests: 1 values were not finite and are gaps",)


async def test_row_14_series_beyond_the_cap_are_counted(door: HttpDoor) -> None:
    reading = await read(door, PromStub(series=20_000), Window(NOW - 45, NOW))
    assert reading.report.state is SourceState.PARTIAL
    assert "requests: 5,000 of 20,000 series taken" in reading.report.detail


async def test_row_18_a_login_page_is_not_prometheus(door: HttpDoor) -> None:
    page = answer(b"<!DOCTYPE html><title>Sign in</title>", content_type="text/html")
    async with serving(page) as server:
        with pytest.raises(SourceGarbage, match="not Prometheus: an HTML page “Sign in”"):
            await ask(door, server.url)


@pytest.mark.parametrize("ahead", [90.0, -3600.0])
async def test_row_19_a_skewed_clock_is_said_and_its_times_are_shown_in_ours(ahead: float) -> None:
    stub = PromStub(headers={"date": format_datetime(datetime.fromtimestamp(NOW + ahead, UTC), usegmt=True)})
    async with HttpDoor(Budget(requests_per_minute=600), clock=lambda: NOW) as door:
        reading = await read(door, stub)
        assert (
            "its clock is" in reading.report.detail and ("ahead of" if ahead > 0 else "behind") in reading.report.detail
        )
        (series,) = reading.value
        assert series.times[0] >= NOW - 600 and series.times[-1] <= NOW
        asked = float(stub.queries[-1][1]["end"])
        assert asked == pytest.approx(NOW + ahead, abs=16)
        past = await read(door, stub, Window(WINDOW.start - 86400, WINDOW.end - 86400))
        assert float(stub.queries[-1][1]["end"]) == NOW - 86400 and past.report.detail == ""


async def test_one_failing_query_of_several_is_partial(door: HttpDoor) -> None:
    def body(params: dict[str, str]) -> bytes:
        return (
            b'{"status":"error","errorType":"bad_data","error":"nonsense"}'
            if "nonsense" in params["query"]
            else json.dumps(success("matrix", PromStub().matrix(params))).encode()
        )

    async with serving(PromStub(range_body=body)) as server:
        source = PrometheusMetrics(
            "prod", door.site(server.url), services=["checkout"], queries={"queue_depth": "nonsense"}, clock=lambda: NOW
        )
        reading = await source.series(WINDOW, 15.0)
    assert [s.key for s in reading.value] == [REQUESTS]
    assert reading.report.state is SourceState.PARTIAL and "queue_depth: " in reading.report.detail


async def test_a_server_that_knows_nothing_of_us_says_what_to_do(door: HttpDoor) -> None:
    empty = json.dumps(success("vector", [])).encode()
    async with serving(answer(empty)) as server:
        reading = await ask(door, server.url)
    assert reading.value == () and reading.report.state is SourceState.PARTIAL
    assert "name what to ask in queries" in reading.report.detail


async def test_the_plan_is_made_once_and_again_after_ten_minutes(door: HttpDoor) -> None:
    stub, now = PromStub(), NOW
    async with serving(stub) as server:
        source = PrometheusMetrics("prod", door.site(server.url), services=["checkout"], clock=lambda: now)
        costs = []
        for later in (0, 15, 30, 700):
            now = NOW + later
            costs.append((await source.series(Window(now - 600, now), 15.0)).report.cost.queries)
    assert costs[1] == costs[2] == 1 and costs[0] == costs[3] > 3


async def test_a_long_answer_is_asked_for_in_parts_that_join(door: HttpDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sources.metrics.prometheus.MOST_VALUES", 7)
    stub = PromStub()
    reading = await read(door, stub)
    assert sum(path.endswith("range") for path, _ in stub.queries) == 6
    assert len(reading.value[0]) == 41


async def test_a_huge_answer_is_asked_for_at_a_coarser_step_and_so_is_what_follows_it(
    door: HttpDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sources.metrics.prometheus.MOST_TOTAL", 20)
    stub = PromStub()
    async with serving(stub) as server:
        source = PrometheusMetrics("prod", door.site(server.url), services=["checkout"], clock=lambda: NOW)
        (long,) = (await source.series(WINDOW, 15.0)).value
        (short,) = (await source.series(Window(NOW - 90, NOW), 15.0)).value
        (other,) = (await source.series(Window(NOW - 90, NOW), 30.0)).value
    assert (long.step_s(), short.step_s(), other.step_s()) == (30.0, 30.0, 30.0)
    assert set(long.values) == set(short.values) == {60.0}


async def test_cancelling_leaves_a_source_that_can_be_asked_again(door: HttpDoor) -> None:
    stub = PromStub()
    async with serving(silence) as server:
        source = PrometheusMetrics("prod", door.site(server.url), services=["checkout"], clock=lambda: NOW)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await source.series(WINDOW, 15.0)
        server.behave = stub
        assert len((await source.series(WINDOW, 15.0)).value) == 1
