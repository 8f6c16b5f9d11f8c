"""The console on a real Prometheus that dies and comes back."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.analysis.diagnose import diagnose
from console.app import IncidentConsole
from console.config.load import load
from console.live.collector import Collector
from console.live.session import Direct
from console.observe import open_sources
from console.state import ConsoleState, Word
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
    return tmp_path


def configured(folder: Path, url: str) -> Path:
    path = folder / "incident.toml"
    path.write_text(
        f'[[service]]\nname = "checkout"\n[[logs]]\npaths = ["app.log"]\nservice = "checkout"\n'
        f'[[metrics]]\nname = "prod"\nkind = "prometheus"\nurl = "{url}"\ninterval = "1s"\n'
    )
    return path


async def test_the_pane_goes_down_with_an_age_the_rest_stays_live_and_it_comes_back(
    servers: Path, project: Path
) -> None:
    now = int(time.time()) // 15 * 15
    (project / "prometheus").mkdir()
    with running(servers, project / "prometheus", history(now)) as (url, server):
        loaded = load(configured(project, url))
        sources = open_sources(loaded)
        collector = Collector(loaded.config, sources, lambda seen: asyncio.to_thread(diagnose, seen))
        app = IncidentConsole(loaded, Direct(collector, sources.close))

        def state() -> ConsoleState:
            return app.session.latest

        def signals() -> Word | None:
            shown = state().signals
            return shown.status.word if shown is not None else None

        async with app.run_test(size=(120, 40)):
            await until(lambda: signals() is Word.LIVE and state().logs.status.word is Word.LIVE, 60)
            await asyncio.to_thread(server.kill)
            await until(lambda: signals() is Word.DOWN, 60)
            down = state().signals
            assert down is not None and down.status.since is not None and "prod" in down.status.detail
            assert state().logs.status.word is Word.LIVE
            assert down.services[0].traffic.points, "the last good values stay"
            await until(lambda: "DOWN since" in screen_text(app), 20)
            await asyncio.to_thread(server.start)
            await until(lambda: signals() is Word.LIVE, 90)
