"""The recovery screen over the real console: the draft, the contract that one key writes, and the verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.actions import ACTIONS
from console.recover import load_contract
from console.screens.load import SeriesScreen
from console.screens.recovery import RecoveryScreen
from tests.tui.fakes import NOW, System, line, until
from tests.tui.test_console import SIZES, diagnosed, screen_text


@pytest.fixture
def system(tmp_path: Path) -> System:
    made = System(folder=tmp_path)
    made.logs.written = [
        line(f"timeout after {3000 + i} ms calling payments", NOW - 500 + i, offset=100 * i) for i in range(200)
    ]
    return made


@pytest.mark.parametrize("size", SIZES)
async def test_one_key_shows_what_would_be_written_and_another_writes_it(
    system: System, tmp_path: Path, size: tuple[int, int]
) -> None:
    app = system.app()
    async with app.run_test(size=size) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("H")
        await until(lambda: isinstance(app.screen, RecoveryScreen) and "BEFORE" in screen_text(app))
        draft = screen_text(app)
        assert "No contract is written yet" in draft and "checkout" in draft
        assert all(len(row) <= size[0] for row in draft.splitlines())
        await pilot.press("K")
        await until(lambda: "VERDICT" in screen_text(app))
        assert isinstance(app.screen, RecoveryScreen)
        shown = screen_text(app)
        assert "NOT RECOVERED" in shown and "no change" in shown and "EXPECTED" in shown
        assert all(len(row) <= size[0] for row in shown.splitlines())
        (kept,) = (tmp_path / "recovery").iterdir()
        assert load_contract(kept).at == NOW


async def test_the_contract_is_written_from_the_overview_by_one_key_and_stands(system: System, tmp_path: Path) -> None:
    app = system.app()
    said: list[str] = []
    async with app.run_test(size=(120, 40)) as pilot:
        notice = app.notice

        def heard(text: str, *, lasting: bool = False) -> None:
            said.append(text)
            notice(text, lasting=lasting)

        app.notice = heard  # type: ignore[method-assign]
        await diagnosed(app, pilot)
        await pilot.press("K")
        await until(lambda: isinstance(app.screen, RecoveryScreen) and any("written down" in text for text in said))
        await until(lambda: "VERDICT" in screen_text(app))
        await pilot.press("K")
        await until(lambda: any("is not changed" in text for text in said))
        assert len(list((tmp_path / "recovery").iterdir())) == 1
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, SeriesScreen))


async def test_without_a_folder_for_state_it_says_so(system: System) -> None:
    system.folder = None
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("K")
        await until(lambda: "state_dir" in screen_text(app))


def test_both_keys_are_in_the_table_of_actions() -> None:
    keys = {action.id: action.keys for action in ACTIONS}
    assert keys["recovery"] == ("H",) and keys["contract"] == ("K",)
