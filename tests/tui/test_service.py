"""The screen of a service: what it charts, and the lines below."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from textual.pilot import Pilot

from console.app import IncidentConsole
from console.domain.instant import Window
from console.domain.logs import LogPage
from console.domain.reading import Reading
from console.query.ast import Query
from console.screens.record_lines import RELOAD_S
from console.screens.service import ServiceScreen
from tests.tui.fakes import NOW, FakeLogs, System, line, until
from tests.tui.test_console import diagnosed, screen_text
from widgets.chart_view import ChartView
from widgets.logs import LogsPane


@dataclass
class SlowLogs(FakeLogs):
    """Answers a drill-down only when told to."""

    slow: bool = False
    asked: int = 0
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def page(self, window: Window, query: Query | None, limit: int) -> Reading[LogPage]:
        if self.slow:
            self.asked += 1
            await self.go_on.wait()
        return await super().page(window, query, limit)


@pytest.fixture
def system() -> System:
    logs = SlowLogs()
    logs.written = [line(f"timeout after {3000 + i} ms", NOW - 500 + i, offset=100 * i) for i in range(200)]
    return System(logs=logs)


async def opened(app: IncidentConsole, pilot: Pilot[int]) -> ServiceScreen:
    """The screen of checkout, which is in trouble and so comes first."""
    await diagnosed(app, pilot)
    await pilot.press("1", "enter")
    await until(lambda: isinstance(app.screen, ServiceScreen))
    await pilot.pause()
    assert isinstance(app.screen, ServiceScreen)
    return app.screen


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_it_says_what_is_charted_now_before_and_at_its_peak_since_when_and_for_which_window(
    system: System, size: tuple[int, int]
) -> None:
    app = system.app()
    async with app.run_test(size=size) as pilot:
        screen = await opened(app, pilot)
        await until(lambda: "onset" in screen_text(app))
        text = screen_text(app)
        for word in (
            "errors  now ",
            "p99 latency  now ",
            "traffic  now ",
            " was ",
            " peak ",
            "╎onset",
            "(-30m)",
            "(now)",
        ):
            assert word in text, (word, text)
        share = screen.query_one(ChartView).size.height / (size[1] - 3)
        assert 0.5 < share < 0.6
        if size[0] >= 120:
            assert "┤" in text and "╌ was " in text


async def test_the_lines_have_the_cursor_and_zoom_gives_each_pane_the_screen(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot)
        assert isinstance(screen.current(), LogsPane)
        await pilot.press("1", "z")
        await pilot.pause()
        assert "2 Lines of" not in screen_text(app) and screen.query_one(ChartView).size.height == 37
        await pilot.press("2")
        await pilot.pause()
        assert "2 Lines of" in screen_text(app) and "p99 latency" not in screen_text(app)
        await pilot.press("escape")
        await pilot.pause()
        assert "2 Lines of" in screen_text(app) and "p99 latency" in screen_text(app)


async def test_y_copies_the_numbers_of_the_charts(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await pilot.press("1", "y")
        await until(lambda: app.clipboard)
        assert app.clipboard.startswith("errors 1") and "; p99 latency 3.1s (was 0.3" in app.clipboard


async def test_a_source_that_answers_slowly_is_not_asked_again_before_it_has_answered(system: System) -> None:
    app, logs = system.app(), system.logs
    assert isinstance(logs, SlowLogs)
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        logs.slow = True
        await pilot.press("1", "enter")
        await until(lambda: logs.asked)
        for _ in range(3):
            system.now += RELOAD_S + 1
            app.show_now()
            await pilot.pause()
        assert logs.asked == 1
        logs.go_on.set()
        await until(lambda: "timeout after 3199 ms" in screen_text(app))
        app.show_now()
        await until(lambda: logs.asked > 1)
