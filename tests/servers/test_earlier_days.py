"""A week of a real Prometheus tells what these hours are like: to the command, and to the console, which reads hours only."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from console.analysis.diagnose import diagnose
from console.config.load import load
from console.domain.diagnosis import State
from console.domain.instant import Window
from console.domain.observations import Observations
from console.live.evidence import Evidence
from console.live.scope import TimeScope
from console.live.timeview import TimeView
from console.observe import gather, open_sources
from tests.servers.prometheus import History, running

pytestmark = pytest.mark.slow

NOW = int(time.time()) // 600 * 600
DAY_S = 86400
DAYS = 7.25
SCRAPE_S = 180
PEAK_S, BEFORE_S = 1800, 900
"""A daily peak of half an hour, which began so long ago."""
OTHER_HOUR = NOW - 7 * 3600
"""Then nothing of the kind happens on other days; today it did."""


def peak(at: int) -> bool:
    """Whether requests are slow at a time."""
    return (at - NOW + BEFORE_S) % DAY_S < PEAK_S or OTHER_HOUR - BEFORE_S <= at < OTHER_HOUR + PEAK_S - BEFORE_S


@pytest.fixture(scope="module")
def url(servers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    made = History(NOW - round(DAYS * DAY_S), NOW, SCRAPE_S)

    def latencies(at: int) -> tuple[float, ...]:
        rate = 20.0 * (1.0 + 0.05 * math.sin(at / 700.0))
        return (0.0, 0.0, 0.0, 0.0, rate, 0.0) if peak(at) else (0.0, rate, 0.0, 0.0, 0.0, 0.0)

    base = 'job="checkout",instance="a:1",method="POST",route="/orders",status="200"'
    made.counter("http_requests_total", base, lambda at: 20.0 * (1.0 + 0.05 * math.sin(at / 700.0)))
    made.histogram("http_request_duration_seconds", base, latencies)
    with running(servers, tmp_path_factory.mktemp("prometheus"), made) as (address, _):
        yield address


def configured(folder: Path, url: str) -> Path:
    """One service of that server."""
    file = folder / "incident.toml"
    file.write_text(
        f'[console]\nstate_dir = "state"\n[[service]]\nname = "checkout"\n[[metrics]]\nname = "prod"\nkind = "prometheus"\nurl = "{url}"\n'
    )
    return file


async def by_command(file: Path, at: float) -> Observations:
    sources = open_sources(load(file))
    try:
        return await gather(sources, Window(at - 1800.0, at), at, 15.0, live=False)
    finally:
        await sources.close()


async def by_console(file: Path, at: float) -> Observations:
    sources = open_sources(load(file))
    try:
        evidence = Evidence(sources, TimeScope(TimeView(1800.0, at), lambda: float(NOW)), lambda: None)
        for feed in evidence.every_feed():
            await feed.attempt()
        return evidence.observations()
    finally:
        await sources.close()


@pytest.mark.parametrize("look", [by_command, by_console])
async def test_a_daily_peak_is_healthy_at_its_hour_and_an_incident_at_another(
    tmp_path: Path, url: str, look: Callable[[Path, float], Awaitable[Observations]]
) -> None:
    file = configured(tmp_path, url)
    seen = await look(file, float(NOW))
    assert len(seen.earlier) and min(one.times[0] for one in seen.earlier) <= NOW - 7 * DAY_S
    found = diagnose(seen)
    assert found.state is State.HEALTHY, found.summary
    assert any("earlier days at these hours, of prod" in one.why for one in found.baseline)
    other = diagnose(await look(file, float(OTHER_HOUR)))
    assert other.state is State.INCIDENT, other.summary
    assert other.suspects[0].service == "checkout"


def test_it_is_what_the_command_prints(tmp_path: Path, url: str) -> None:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW))
    command = ["-m", "console.cli", "diagnose", "--config", str(configured(tmp_path, url)), "--json", "--at", at]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "the last of the same hours of" in done.stdout and ", by UTC" in done.stdout
