"""d and D: from any moment on the screen to the change after or before it; M: the mouse."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from console.domain.changes import Change
from console.domain.diagnosis import JudgedChange, Standing
from console.domain.instant import Window
from console.domain.reading import Reading
from console.domain.text import SafeText
from console.screens.changes import ChangeScreen
from console.screens.moments import moment_of, next_change
from console.screens.overview import OverviewScreen
from console.screens.service import ServiceScreen
from tests.tui.fakes import NOW, ONSET, FakeChanges, System, line, report, until
from tests.tui.test_console import diagnosed, screen_text


@dataclass
class ManyChanges(FakeChanges):
    """The deploy, a flag after it and one long before."""

    async def changes(self, window: Window) -> Reading[tuple[Change, ...]]:
        flags = [
            Change(name, "flag", at, "checkout", None, None, SafeText(name), self.name)
            for name, at in (("old-flag", ONSET - 1000), ("new-flag", ONSET + 120))
        ]
        return Reading((self.deploy(), *flags), window.end, report(self.name, "changes"))


@pytest.fixture
def system() -> System:
    made = System(changes=ManyChanges())
    made.logs.written = [line(f"timeout after {i} ms", NOW - 400 + i, offset=100 * i) for i in range(50)]
    return made


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_d_goes_from_the_onset_to_the_change_after_it_and_the_other_to_those_before(
    system: System, size: tuple[int, int]
) -> None:
    app = system.app()
    async with app.run_test(size=size) as pilot:
        await diagnosed(app, pilot)
        screen = app.screen
        assert isinstance(screen, OverviewScreen)

        def selected() -> str:
            item = screen.changes.selected() if screen.current() is screen.changes else None
            return item.id if isinstance(item, JudgedChange) else ""

        await pilot.press("1", "D")
        await until(lambda: selected() == "deploy/prod/v41")
        await pilot.press("D")
        await until(lambda: selected() == "old-flag")
        await pilot.press("D")
        await until(lambda: "no change before this moment" in screen_text(app))
        await pilot.press("d", "d")
        await until(lambda: selected() == "new-flag")


async def test_from_a_log_record_the_change_before_it_is_one_key_away(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        screen = app.screen
        assert isinstance(screen, OverviewScreen)
        await pilot.press("3", "k", "D")
        await until(lambda: screen.current() is screen.changes)
        item = screen.changes.selected()
        assert isinstance(item, JudgedChange) and item.id == "new-flag"


async def test_where_there_is_no_list_of_changes_the_change_itself_opens_and_turns_in_place(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("1", "enter")
        await until(lambda: isinstance(app.screen, ServiceScreen) and app.screen.is_mounted)
        await pilot.press("1", "D")
        await until(lambda: isinstance(app.screen, ChangeScreen) and "Round totals at the end" in screen_text(app))
        depth = len(app.screen_stack)
        await pilot.press("D")
        await until(lambda: "flag old-flag" in screen_text(app))
        assert len(app.screen_stack) == depth
        await pilot.press("d")
        await until(lambda: "Round totals at the end" in screen_text(app))
        await pilot.press("backspace")
        await until(lambda: isinstance(app.screen, ServiceScreen))


def test_changes_of_one_instant_are_not_skipped() -> None:
    one = JudgedChange("a", "deploy", "x", 5.0, None, None, Standing.UNLIKELY, SafeText(""))
    two, three = replace(one, id="b"), replace(one, id="c", at=6.0)
    assert next_change([three, two, one], one, 0.0, later=True) == two
    assert next_change([three, two, one], two, 0.0, later=True) == three
    assert next_change([three, two, one], three, 0.0, later=True) is None
    assert next_change([three, two, one], None, 5.5, later=False) == two
    assert next_change([], one, 5.5, later=False) is None
    assert moment_of(one) == 5.0 and moment_of("anything") is None


async def test_the_mouse_is_taken_and_given_back_while_the_console_runs(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("M")
        await until(lambda: "gives no mouse" in screen_text(app))
        told: list[str] = []
        driver = app._driver
        assert driver is not None
        driver._enable_mouse_support = lambda: told.append("on")  # type: ignore[attr-defined]
        driver._disable_mouse_support = lambda: told.append("off")  # type: ignore[attr-defined]
        await pilot.press("M")
        await until(lambda: "the console has the mouse" in screen_text(app))
        await pilot.press("M")
        await until(lambda: "the terminal has the mouse" in screen_text(app))
        assert told == ["on", "off"]
