"""x: what can be done with the selection, and why not."""

from __future__ import annotations

import pytest

from console.actions import ACTIONS
from console.screens.details import RecordScreen
from console.screens.dialogs import HelpScreen
from console.screens.menu import ActionsScreen
from console.screens.overview import OverviewScreen
from console.screens.selection import OF_SELECTION
from console.screens.service import LinesScreen, ServiceScreen
from tests.tui.fakes import NOW, System, line, until
from tests.tui.test_console import diagnosed, screen_text


@pytest.fixture
def system() -> System:
    made = System()
    made.logs.written = [line(f"timeout after {i} ms", NOW - 100 + i, offset=i * 100) for i in range(40)]
    return made


def test_the_menu_holds_actions_of_the_table_only() -> None:
    assert set(OF_SELECTION) <= {action.id for action in ACTIONS}


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_menu_of_a_record_greys_what_it_cannot_do_with_the_reason(
    system: System, size: tuple[int, int]
) -> None:
    app = system.app()
    async with app.run_test(size=size) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("3", "x")
        await until(lambda: isinstance(app.screen, ActionsScreen) and "Actions · timeout" in screen_text(app))
        text = screen_text(app)
        assert "Actions · timeout after 39 ms" in text
        for words in (
            "Open what is selected",
            "Filter to what this line",
            "Filter out what this line",
            "Mark what is selected as evidence",
            "unfiltered lines",
            "this record's trace",
        ):
            assert words in text
        assert text.count("Not now: this record") == 2
        await pilot.press("T")
        await pilot.pause()
        assert isinstance(app.screen, ActionsScreen)
        await pilot.press("c")
        await until(lambda: isinstance(app.screen, LinesScreen))


async def test_enter_chooses_what_the_cursor_is_on_and_x_or_escape_closes(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        for closing in ("x", "escape", "q"):
            await pilot.press("3", "x")
            await until(lambda: isinstance(app.screen, ActionsScreen))
            await pilot.press(closing)
            await until(lambda: isinstance(app.screen, OverviewScreen))
        await pilot.press("x")
        await until(lambda: isinstance(app.screen, ActionsScreen) and "only this" in screen_text(app))
        await pilot.press("j", "enter")
        await until(lambda: "service:checkout" in app.session.filter_text)


async def test_the_menu_of_a_service_leaves_out_what_concerns_lines(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("1", "x")
        await until(lambda: isinstance(app.screen, ActionsScreen) and "open" in screen_text(app))
        assert "trace" not in screen_text(app)
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, ServiceScreen))


async def test_on_the_screen_of_a_record_its_context_can_be_chosen(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("3", "enter")
        await until(lambda: isinstance(app.screen, RecordScreen))
        await pilot.press("x")
        await until(lambda: isinstance(app.screen, ActionsScreen) and "context" in screen_text(app))
        await pilot.press("c")
        await until(lambda: isinstance(app.screen, LinesScreen) and "Around it in app.log" in screen_text(app))


async def test_help_says_why_an_action_cannot_be_used_now(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("3", "question_mark")
        await until(lambda: isinstance(app.screen, HelpScreen) and "In this pane (logs)" in screen_text(app))
        assert "Not now: this record names no trace" in screen_text(app)
        await pilot.press("question_mark")
        await until(lambda: isinstance(app.screen, OverviewScreen))


@pytest.mark.parametrize(
    ("key", "words"),
    [("h", "I opens the case first"), ("s", "r on a log line shows its request first"), ("u", "X on a deploy or")],
)
async def test_a_key_of_another_screen_says_how_to_get_there(system: System, key: str, words: str) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press(key)
        await until(lambda: words in screen_text(app))


@pytest.mark.parametrize(
    ("pane", "words"),
    [("1", "▼ a deploy"), ("2", "the likeliest first"), ("3", "<*> stands"), ("4", "tag agrees"), ("5", "worst first")],
)
async def test_the_help_says_first_what_the_pane_shows(system: System, pane: str, words: str) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press(pane, "question_mark")
        await until(lambda: isinstance(app.screen, HelpScreen) and words in screen_text(app))
        text = screen_text(app)
        assert text.index(words) < text.index("Everywhere")
        assert "[logs]" not in text[: text.index("Everywhere")]
