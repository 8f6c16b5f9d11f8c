"""The Prometheus adapter against VictoriaMetrics, which speaks the same API and is another program."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.config.models import Budget
from console.domain.instant import Window
from console.domain.reading import SourceState
from console.domain.series import SeriesKey
from sources.base import SourceRefused
from sources.http import HttpDoor
from sources.metrics.promapi import PromApi
from sources.metrics.prometheus import PrometheusMetrics
from tests.servers.running import Program, answers, free_port, until

pytestmark = pytest.mark.slow

END = int(time.time()) // 60 * 60 - 300
START = END - 3600


def exposition() -> str:
    lines = []
    for place, at in enumerate(range(START, END + 1, 15)):
        stamp = at * 1000
        for status, rate in (("200", 30), ("503", 3)):
            lines.append(
                f'http_requests_total{{service="checkout",route="/orders",method="POST",status="{status}"}} {rate * place} {stamp}'
            )
        for bound, share in (("0.1", 10), ("0.5", 20), ("+Inf", 20)):
            lines.append(
                f'http_request_duration_seconds_bucket{{service="checkout",route="/orders",le="{bound}"}} {share * place} {stamp}'
            )
        lines.append(f'http_request_duration_seconds_count{{service="checkout",route="/orders"}} {20 * place} {stamp}')
        lines.append(f'process_resident_memory_bytes{{service="checkout"}} 123456 {stamp}')
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def url(servers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("victoria"), free_port()
    address = f"http://127.0.0.1:{port}"
    server = Program(
        [
            str(servers / "usr/bin/victoria-metrics"),
            f"-storageDataPath={folder / 'data'}",
            f"-httpListenAddr=127.0.0.1:{port}",
            "-search.latencyOffset=0s",
            "-retentionPeriod=12",
        ],
        lambda: answers(f"{address}/health"),
        folder,
        servers,
    )
    server.start()
    try:
        sent = urllib.request.Request(f"{address}/api/v1/import/prometheus", exposition().encode(), method="POST")
        urllib.request.urlopen(sent, timeout=10).close()
        seen = f"{address}/api/v1/query?query=process_resident_memory_bytes&time={END}"
        until(lambda: b"123456" in urllib.request.urlopen(seen, timeout=5).read(), "the import is visible", 30)
        yield address
    finally:
        server.stop()


async def test_the_same_questions_are_answered(url: str) -> None:
    async with HttpDoor(Budget(requests_per_minute=600)) as door:
        source = PrometheusMetrics("vm", door.site(url), services=["checkout"])
        reading = await source.series(Window(END - 1800, END), 60.0)
    assert reading.report.state is SourceState.OK, reading.report.detail
    series = {s.key: dict(s) for s in reading.value}
    at = float(END - 600)
    assert series[SeriesKey("checkout", "POST /orders", "request_count")][at] == pytest.approx(132, rel=0.02)
    assert series[SeriesKey("checkout", "", "error_count")][at] == pytest.approx(12, rel=0.02)
    assert series[SeriesKey("checkout", "/orders", "latency_p95")][at] == pytest.approx(0.1 + 0.4 * 0.9, rel=0.01)
    assert series[SeriesKey("checkout", "", "memory_bytes")][at] == 123456


async def test_its_errors_are_understood(url: str) -> None:
    async with HttpDoor() as door:
        with pytest.raises(SourceRefused, match="422"):
            await PromApi(door.site(url), 5.0).instant("sum by (", END)
