"""The console on a real Prometheus that dies and comes back."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.analysis.diagnose import diagnose
from console.app import IncidentConsole
from console.config.load import load
from console.domain.instant import clock_text
from console.domain.reading import SourceState
from console.domain.topology import Health
from console.live.collector import Collector
from console.live.session import Direct
from console.observe import open_sources
from console.screens.overview import OverviewScreen
from console.state import ConsoleState, Word
from tests.git.conftest import Work
from tests.servers.prometheus import History, running
from tests.tui.fakes import until
from tests.tui.test_console import screen_text

pytestmark = pytest.mark.slow


def history(now: int) -> History:
    made = History(now - 3600, now)
    labels = 'job="checkout",method="GET",route="/cart",status="200"'
    made.counter("http_requests_total", labels, lambda at: 4.0)
    return made


@pytest.fixture
def project(tmp_path: Path) -> Path:
    stamps = (datetime.fromtimestamp(time.time() - 300 + i, UTC) for i in range(300))
    lines = "".join(f"{stamp:%Y-%m-%d %H:%M:%S},000 WARNING cache is cold\n" for stamp in stamps)
    (tmp_path / "app.log").write_text(lines)
    (tmp_path / "repo").mkdir()
    work = Work(tmp_path / "repo", tmp_path)
    work.git("init", "--quiet", "--initial-branch=main")
    work.commit("First", a_txt="one")
    work.tag("deploy/1", "One")
    return tmp_path


def configured(folder: Path, url: str, port: int) -> Path:
    path = folder / "incident.toml"
    path.write_text(
        f'[[service]]\nname = "checkout"\nrepository = "repo"\ndepends_on = ["orders-db"]\n'
        f'[[dependency]]\nname = "orders-db"\nkind = "database"\nprobe = "tcp://127.0.0.1:{port}"\n'
        f'[[logs]]\npaths = ["app.log"]\nservice = "checkout"\n'
        f'[[metrics]]\nname = "prod"\nkind = "prometheus"\nurl = "{url}"\ninterval = "1s"\n'
    )
    return path


@pytest.fixture
def database() -> Iterator[int]:
    """The port of something that takes connections."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield int(listening.getsockname()[1])


def borders(app: IncidentConsole) -> dict[str, str]:
    """The upper border of each pane, where its state stands, by title."""
    app.show_now()
    assert isinstance(app.screen, OverviewScreen)
    return {pane.title: pane.lines[0].text for pane in app.screen.panes()}


async def test_the_pane_goes_down_with_an_age_the_rest_stays_live_and_it_comes_back(
    servers: Path, project: Path, database: int
) -> None:
    now = int(time.time()) // 15 * 15
    (project / "prometheus").mkdir()
    with running(servers, project / "prometheus", history(now)) as (url, server):
        loaded = load(configured(project, url, database))
        sources = open_sources(loaded)
        collector = Collector(loaded.config, sources, lambda seen: asyncio.to_thread(diagnose, seen))
        app = IncidentConsole(loaded, Direct(collector, sources.close))

        def state() -> ConsoleState:
            return app.session.latest

        def signals() -> Word | None:
            shown = state().signals
            return shown.status.word if shown is not None else None

        async with app.run_test(size=(200, 50)):
            await until(lambda: all("LIVE" in border for border in borders(app).values()), 60)
            before = state().signals
            assert before is not None
            known = before.services[0].traffic.peak
            assert known is not None
            killed_at = time.time()
            await asyncio.to_thread(server.kill)
            await until(lambda: signals() is Word.DOWN, 60)
            down = state().signals
            assert down is not None and down.status.since is not None and "prod" in down.status.detail
            assert killed_at - 1 <= down.status.since <= time.time()
            since = clock_text(down.status.since, app.session.zone, seconds=False)
            assert f"DOWN since {since}" in borders(app)["Signals"]
            assert down.services[0].traffic.peak == pytest.approx(known, rel=0.05), "the last good values stay"

            told = borders(app)
            for pane in ("Logs", "Changes"):
                assert "LIVE" in told[pane], told
            for pane in ("Suspects", "Upstreams"):  # they rest on metrics too, and on what still answers
                assert "PARTIAL" in told[pane], told
            (orders_db,) = state().upstreams.rows
            assert orders_db.state.health is Health.HEALTHY and orders_db.age_s is not None
            rows = {row.name: row.state for row in collector._evidence.reports()}
            assert rows.pop("prod") is SourceState.FAILED and set(rows.values()) == {SourceState.OK}, rows

            first, since_then = down.status.since, time.time()
            await until(lambda: time.time() > since_then + 3 and signals() is Word.DOWN)
            still = state().signals
            assert still is not None and still.status.since == first, "since when does not move with each attempt"

            await asyncio.to_thread(server.start)
            await until(lambda: all("LIVE" in border for border in borders(app).values()), 90)
            assert "DOWN" not in screen_text(app)
