"""The real console over fakes: what a user sees and what the keys do."""

from __future__ import annotations

import re

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from console.actions import ACTIONS
from console.app import IncidentConsole
from console.domain.diagnosis import State
from console.screens.base import ConsoleScreen
from console.screens.case import CaseScreen
from console.screens.changes import ChangeScreen
from console.screens.details import RecordScreen, UpstreamScreen
from console.screens.dialogs import HelpScreen, LineDialog, PaletteScreen
from console.screens.fix import FixScreen
from console.screens.logs import LogsScreen
from console.screens.overview import OverviewScreen
from console.screens.repro import ReproScreen
from console.screens.service import ServiceScreen
from console.screens.suspect import SuspectScreen
from sources.base import SourceUnavailable
from tests.tui.fakes import NOW, System, line, until

SIZES = [(80, 24), (120, 40), (200, 50)]


def screen_text(app: IncidentConsole) -> str:
    """What is painted, line by line."""
    return "\n".join("".join(s.text for s in strip) for strip in app.screen._compositor.render_strips())


def flowing(app: IncidentConsole) -> str:
    """What is painted as one line without frames, since sentences break where it is narrow."""
    return " ".join(re.sub("[│┃]", " ", screen_text(app)).split())


async def diagnosed(app: IncidentConsole, pilot: Pilot[int]) -> None:
    """Until the first verdict is on the screen."""
    await until(lambda: app.session.state().diagnosis is not None)
    app.show_now()
    await pilot.pause()


@pytest.fixture
def system() -> System:
    made = System()
    made.logs.written = [
        line(f"timeout after {3000 + i} ms calling payments", NOW - 500 + i, offset=100 * i) for i in range(200)
    ]
    return made


@pytest.mark.parametrize("size", SIZES)
async def test_the_overview_names_what_broke_since_when_and_who_is_suspected(
    system: System, size: tuple[int, int]
) -> None:
    app = system.app()
    async with app.run_test(size=size) as pilot:
        await diagnosed(app, pilot)
        text = screen_text(app)
        assert app.session.state().header.state is State.INCIDENT
        for word in ("checkout", "POST /orders", "since", "Signals", "Logs", "timeout after"):
            assert word in text, (word, text)
        if size[0] >= 120:
            for word in ("Suspects", "Changes", "Upstreams", "v41", "orders-db"):
                assert word in text, (word, text)
        assert all(len(row) <= size[0] for row in text.splitlines())


@pytest.mark.parametrize(
    ("keys", "screen"),
    [
        (["1", "enter"], ServiceScreen),
        (["2", "enter"], SuspectScreen),
        (["3", "G", "k", "enter"], RecordScreen),
        (["4", "enter"], ChangeScreen),
        (["5", "enter"], UpstreamScreen),
    ],
)
async def test_everything_can_be_entered_and_left_again(system: System, keys: list[str], screen: type) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press(*keys)
        await until(lambda: isinstance(app.screen, screen))
        await pilot.pause()
        shown = app.screen
        assert isinstance(shown, ConsoleScreen) and shown.crumbs
        await pilot.press("backspace")
        await until(lambda: isinstance(app.screen, OverviewScreen))


async def test_a_deploy_opens_on_its_commits_and_files(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("4", "enter")
        await until(lambda: "checkout/pricing.py" in screen_text(app))
        assert "Round totals at the end" in screen_text(app)


async def test_a_filter_is_applied_while_typing_and_its_mistakes_point_at_the_column(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("slash")
        await until(lambda: isinstance(app.screen, LineDialog))
        await pilot.press("ctrl+u", *"level:eror")
        await until(lambda: "eror" in screen_text(app) and app.screen.query("#line-message.problem"))
        assert app.session.filter_text != "level:eror"
        await pilot.press("backspace", "backspace", "backspace", *"rror", "enter")
        await until(lambda: isinstance(app.screen, OverviewScreen))
        assert app.session.filter_text == "level:error"


async def test_escape_gives_the_old_filter_back(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("slash", *"timeout")
        await until(lambda: app.session.filter_text == "level:>=warn timeout")
        await pilot.press("escape")
        await until(lambda: isinstance(app.screen, OverviewScreen))
        assert app.session.filter_text == "level:>=warn"


async def test_new_lines_appear_and_are_counted_once(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        before = app.session.state().logs.total
        system.logs.arrive(line("the newest line of all", NOW - 1, offset=99_999))
        await until(lambda: app.session.state().logs.total == before + 1)
        app.show_now()
        await pilot.pause()
        assert "the newest line of all" in screen_text(app)


async def test_lines_that_are_read_stay_while_a_storm_of_others_passes(system: System) -> None:
    """More arrive than a state can hold, so that nothing joins what is shown; F shows the newest again."""
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("3", "k", "k")
        await until(lambda: "not following" in screen_text(app))
        read = app.session.state().logs.records
        storm = [line(f"storm {n}", NOW - 1 + n / 1e5, offset=100_000 + n) for n in range(5000)]
        system.logs.arrive(*storm)
        await until(lambda: app.session.state().logs.newer_held_back)
        app.show_now()
        await pilot.pause()
        assert app.session.state().logs.records == read
        assert "newer lines: F" in screen_text(app) and "storm" not in screen_text(app)
        await pilot.press("F")
        await until(lambda: "storm 4999" in screen_text(app))


async def test_lines_that_join_those_that_are_read_can_be_reached(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("3", "k")
        system.logs.arrive(line("one more below", NOW - 1, offset=99_999))
        await until(lambda: app.session.state().logs.records[-1].message == "one more below")
        assert not app.session.state().logs.newer_held_back


async def test_freezing_holds_the_screen_and_thawing_shows_what_arrived(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("P")
        await until(lambda: app.session.frozen)
        await pilot.pause()
        assert "FROZEN" in screen_text(app)
        system.logs.arrive(line("arrived behind the glass", NOW - 1, offset=88_888))
        await until(lambda: app.session.latest.logs.total > app.session.state().logs.total)
        app.show_now()
        await pilot.pause()
        assert "arrived behind the glass" not in screen_text(app)
        await pilot.press("P")
        await until(lambda: "arrived behind the glass" in screen_text(app))


async def test_a_source_that_fails_degrades_its_own_pane_and_comes_back(system: System) -> None:
    system.metrics.error = SourceUnavailable("prod: connection refused")
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: "connection refused" in screen_text(app))
        assert "timeout after" in screen_text(app)
        system.metrics.error = None
        await until(lambda: app.session.state().signals is not None and "DOWN" not in screen_text(app))
        await diagnosed(app, pilot)
        assert "checkout" in screen_text(app)


async def test_the_window_moves_with_one_key_for_all_panes(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("less_than_sign")
        await until(lambda: not app.session.scope.view.live)
        await pilot.press("minus")
        await until(lambda: app.session.scope.view.span_s == 3600)
        await pilot.press("0")
        await until(lambda: app.session.scope.view.live)


async def test_zoom_gives_one_pane_the_screen_and_takes_it_back(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("4", "z")
        await pilot.pause()
        text = screen_text(app)
        assert "4 Changes" in text and "1 Signals" not in text
        await pilot.press("escape")
        await pilot.pause()
        assert "1 Signals" in screen_text(app)


async def test_on_a_narrow_screen_every_lower_pane_takes_the_same_place(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await diagnosed(app, pilot)
        assert isinstance(app.screen, OverviewScreen)
        panes, places = app.screen.panes(), set()
        for pane in panes[1:]:
            await pilot.press(str(pane.number))
            await until(lambda pane=pane: pane.size.width == 80 and pane.lines)  # type: ignore[misc]
            await pilot.pause()
            places.add((pane.region, panes[0].region))
        assert len(places) == 1, places
        await pilot.resize_terminal(120, 40)
        await until(lambda: panes[1].region.y == panes[0].region.y and panes[1].region.x > 0)


async def test_help_lists_the_keys_of_the_pane_first_and_palette_finds_by_name(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("3", "question_mark")
        await until(lambda: isinstance(app.screen, HelpScreen))
        await pilot.pause()
        text = screen_text(app)
        assert text.index("In this pane (logs)") < text.index("Everywhere")
        await pilot.press("escape", "colon")
        await until(lambda: isinstance(app.screen, PaletteScreen))
        await pilot.press(*"freeze", "enter")
        await until(lambda: app.session.frozen)


async def test_q_twice_quits_and_once_only_asks(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("q")
        await until(lambda: "again quits" in screen_text(app))
        assert app.is_running
        await pilot.press("q")
    assert app.return_value == 0


async def test_a_second_enter_before_a_dialog_is_gone_ends_nothing_more(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("l")
        await until(lambda: isinstance(app.screen, LogsScreen))
        for key, dialog in (("slash", LineDialog), ("colon", PaletteScreen)):
            await pilot.press(key)
            await until(lambda dialog=dialog: isinstance(app.screen, dialog))  # type: ignore[misc]  # bound at once
            line = app.screen.query_one(Input)
            await line.action_submit()
            await line.action_submit()
            await until(lambda: not isinstance(app.screen, (LineDialog, PaletteScreen)))
            await pilot.pause()
            await until(lambda: any(isinstance(screen, LogsScreen) for screen in app.screen_stack))
            if key == "slash":
                assert isinstance(app.screen, LogsScreen)


async def test_an_action_that_does_nothing_here_says_so(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("1", "e")
        await until(lambda: "log pane" in screen_text(app))


async def test_a_user_keymap_moves_an_action_and_ctrl_c_always_quits(system: System) -> None:
    app = system.app(keys={"zoom": "Z"})
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("4", "z")
        await pilot.pause()
        assert "1 Signals" in screen_text(app)
        await pilot.press("Z")
        await until(lambda: "1 Signals" not in screen_text(app))
        await pilot.press("colon")
        await until(lambda: isinstance(app.screen, PaletteScreen))
        await pilot.press("ctrl+c", "ctrl+c")
    assert app.return_value == 0


@pytest.mark.parametrize("size", [(1, 1), (20, 5), (79, 23), (100, 30), (250, 80), (500, 200)])
async def test_no_size_crashes(system: System, size: tuple[int, int]) -> None:
    app = system.app()
    async with app.run_test(size=size) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("4", "enter")
        await pilot.pause()
        await pilot.resize_terminal(120, 40)
        await pilot.pause()
        assert app.is_running


async def test_a_collector_that_hangs_makes_every_pane_stale(system: System) -> None:
    passed = 0.0
    app = system.app(monotonic=lambda: passed)
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        passed = 15.0

        def stale() -> bool:
            app.session._taken_at = 0.0  # whatever came meanwhile
            app.show_now()
            return "STALE 15s" in screen_text(app) and "LIVE" not in screen_text(app)

        await until(stale)


def test_every_action_of_the_table_is_carried_out_somewhere() -> None:
    places = (IncidentConsole, OverviewScreen, CaseScreen, FixScreen, ReproScreen)
    missing = [a.id for a in ACTIONS if a.id != "quit_now" and not any(hasattr(p, f"do_{a.id}") for p in places)]
    assert missing == []
