"""The replay: the same screens over what was recorded, at any moment of it; nothing is asked and nothing written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from console.app import IncidentConsole
from console.case.book import Book
from console.cli.replay_screen import replay_app
from console.config.load import Loaded
from console.config.models import Config
from console.live.seen import Recorder, frames
from console.screens.case import CaseScreen
from console.state import ConsoleState
from tests.contract.picture import recorded
from tests.tui.fakes import System, line, until
from tests.tui.test_case_screen import desk, opened, with_desk
from tests.tui.test_console import screen_text

LOADED = Loaded(Config(), Path("incident.toml"), "test")


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def book(tmp_path: Path) -> Book:
    """A case of ten minutes: ten states, and a note each minute."""
    state = recorded()
    begin = state.now
    clock = Clock(begin)
    made = Book.new(tmp_path / "cases", "Payments are slow", "alice", {}, clock)
    recorder = Recorder(made.folder, "alice", begin)
    for n in range(10):
        clock.now = begin + 60 * n
        recorder.keep(said(state, begin + 60 * n, f"headline of minute {n}"))
        made.note(f"note of minute {n}")
    return made


def said(state: ConsoleState, at: float, headline: str) -> ConsoleState:
    from console.guard.sanitise import safe

    return replace(state, now=at, header=replace(state.header, now=at, headline=safe(headline)))


async def test_the_replay_begins_at_the_end_and_moves_back_and_forth(book: Book) -> None:
    app = replay_app(LOADED, book, None)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: "headline of minute 9" in screen_text(app))
        assert "REPLAY" in screen_text(app)
        await pilot.press("less_than_sign")
        await until(lambda: "headline of minute 8" in screen_text(app))
        await pilot.press("less_than_sign", "less_than_sign", "less_than_sign")
        await until(lambda: "headline of minute 5" in screen_text(app))
        await pilot.press("greater_than_sign")
        await until(lambda: "headline of minute 6" in screen_text(app))
        await pilot.press("0")
        await until(lambda: "headline of minute 9" in screen_text(app))


async def test_the_record_is_as_it_could_be_read_then(book: Book) -> None:
    begin = recorded().now
    app = replay_app(LOADED, book, begin + 190)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: "headline of minute 3" in screen_text(app))
        await pilot.press("I")
        await until(lambda: isinstance(app.screen, CaseScreen) and "note of minute 3" in screen_text(app))
        assert "note of minute 4" not in screen_text(app)


async def test_nothing_seen_later_than_at_is_shown(book: Book) -> None:
    begin = recorded().now
    app = replay_app(LOADED, book, begin + 130)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: "headline of minute 2" in screen_text(app))
        await pilot.press("greater_than_sign", "0")
        await pilot.pause()
        assert "headline of minute 3" not in screen_text(app)


async def test_a_replay_writes_nothing(book: Book) -> None:
    before = {path: path.read_bytes() for path in book.folder.rglob("*") if path.is_file()}
    app = replay_app(LOADED, book, None)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: "headline of minute 9" in screen_text(app) and desk(app).case is not None)
        await pilot.press("2", "m")
        await until(lambda: "a replay writes nothing" in screen_text(app))
        await pilot.press("I")
        await until(lambda: isinstance(app.screen, CaseScreen))
        await pilot.press("backspace")
    assert {path: path.read_bytes() for path in book.folder.rglob("*") if path.is_file()} == before


async def test_a_case_that_no_console_saw_still_shows_its_record(tmp_path: Path) -> None:
    made = Book.new(tmp_path / "cases", "By hand", "alice", {})
    made.note("written at a shell")
    app = replay_app(LOADED, made, None)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: "no console recorded anything" in screen_text(app))
        await pilot.press("I")
        await until(lambda: "written at a shell" in screen_text(app))


async def test_a_drill_down_that_was_not_on_the_screen_says_so(book: Book) -> None:
    app = replay_app(LOADED, book, None)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: "headline of minute 9" in screen_text(app))
        await pilot.press("1", "enter")
        await until(lambda: "this was not on the screen" in screen_text(app))


async def test_what_the_console_sees_is_kept_while_a_case_is_open(tmp_path: Path) -> None:
    system = System()
    system.logs.written = [line("timeout after 3 ms calling payments")]
    app: IncidentConsole = with_desk(system, tmp_path / "cases")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        case = desk(app).case
        assert case is not None
        await until(lambda: frames(tmp_path / "cases" / case.id))
    found = frames(tmp_path / "cases" / case.id)
    assert found[0].load().diagnosis is not None
