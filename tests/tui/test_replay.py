"""The replay: the same screens over what was recorded, at any moment of it; nothing is asked and nothing written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from console.app import IncidentConsole
from console.case import entries
from console.case.book import Book
from console.cli.replay_screen import replay_app
from console.config.load import Loaded
from console.config.models import Config
from console.domain.instant import Window
from console.domain.series import SeriesKey
from console.live.replay import ReplayLink
from console.live.seen import Recorder, frames
from console.live.session import LinkDown
from console.live.timeview import TimeView
from console.screens.base import ConsoleScreen
from console.screens.case import CaseScreen
from console.screens.logs import LogsScreen
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
    """A state of another moment, with all that it shows moved there."""
    from console.guard.sanitise import safe

    shift = at - state.now
    window = Window(state.window.start + shift, state.window.end + shift)
    signals = replace(state.signals, axis=replace(state.signals.axis, window=window)) if state.signals else None
    header = replace(state.header, now=at, headline=safe(headline))
    return replace(state, now=at, window=window, signals=signals, header=header)


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


async def moved(app: IncidentConsole) -> None:
    """At the last moment, with everything of it on the screen."""
    await until(lambda: "headline of minute 9" in screen_text(app))


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (("C",), ("flag-1127T170829-gateway", "cron-1127T170657-inventory")),
        (("U",), ("cardpay", "orders-db", "share: what each added itself")),
        (("B",), ("memory of gateway", "MiB", "restarts")),
        (("W",), ("requests/s error rate was", "since the onset")),
        (("1", "enter"), ("errors", "p99", "only lines that were on the screen")),
        (("2", "enter"), ("Suspect 1", "cardpay")),
        (("4", "enter"), ("before", "after", "gateway")),
        (("l",), ("level:>=warn", "patterns")),
        (("H",), ("no recovery contract and no verdict stands in the record",)),
    ],
)
async def test_drill_downs_are_answered_from_what_was_on_the_screens(
    book: Book, keys: tuple[str, ...], words: tuple[str, ...]
) -> None:
    app = replay_app(LOADED, book, None)
    async with app.run_test(size=(140, 50)) as pilot:
        await moved(app)
        await pilot.press(*keys)
        await until(lambda: all(word.lower() in screen_text(app).lower() for word in words))


async def test_an_operation_has_the_values_of_every_state_by_then(book: Book) -> None:
    begin = recorded().now
    link = ReplayLink(frames(book.folder), begin + 540, book.read)
    errors, p99, traffic = await link.ask("trends", "payments", "POST /authorise")
    assert len([value for value in errors.points if value is not None]) >= 9
    assert p99.last is not None and not any(value is not None for value in traffic.points)
    state = recorded()
    assert state.signals is not None
    row = next(o for o in state.signals.operations if (o.service, o.operation) == ("payments", "POST /authorise"))
    assert (errors.last, errors.baseline, errors.samples) == (row.error_rate, row.error_baseline, row.total)
    await link.ask("set_view", TimeView(120.0, begin + 65))
    errors, _, _ = await link.ask("trends", "payments", "POST /authorise")
    assert 0 < len([value for value in errors.points if value is not None]) <= 8  # two minutes, and nothing of later


async def test_what_was_on_no_screen_says_so(book: Book) -> None:
    begin = recorded().now
    link = ReplayLink(frames(book.folder), begin + 540, book.read)
    assert await link.ask("series", SeriesKey("payments", "", "pool_in_use")) is None
    assert await link.ask("line_counts", "level:error what nobody asked") is None
    assert "not on the screen" in (await link.ask("load", "nobody")).says
    assert "not on the screen" in (await link.ask("memory", "nobody")).says
    assert "no such line was on the screen" in (await link.ask("records", "service:nobody")).problem
    assert "not on the screen" in await link.ask("deploy", recorded().changes.changes[0])
    with pytest.raises(LinkDown, match="writes nothing"):
        await link.ask("write_contract")
    app = replay_app(LOADED, book, None)
    async with app.run_test(size=(140, 50)) as pilot:
        await moved(app)
        app.console_screen().post_message(ConsoleScreen.Open(SeriesKey("payments", "", "pool_in_use")))  # type: ignore[union-attr]
        await until(lambda: "not on the screen" in screen_text(app))
        await pilot.press("backspace")


async def test_the_recovery_is_that_of_the_record_by_then(book: Book) -> None:
    begin = recorded().now
    later = Book(book.folder.parent, book.id, "alice", Clock(begin + 300))
    later.write(entries.contract({"signals": [{"name": "payments failures"}]}))
    late = Book(book.folder.parent, book.id, "alice", Clock(begin + 400))
    late.write(entries.recovery({"verdict": "not_recovered", "reason": "payments still fail"}))
    link = ReplayLink(frames(book.folder), begin + 540, book.read)
    for after, words in (
        (100, "no recovery contract"),
        (350, "recovery contract: payments failures; nothing was judged by then"),
        (500, "recovery: not_recovered: payments still fail"),
    ):
        await link.ask("set_view", TimeView(120.0, begin + after))
        assert words in (await link.ask("recovery")).says


async def test_the_lines_that_were_seen_can_be_filtered(book: Book) -> None:
    app = replay_app(LOADED, book, None)
    async with app.run_test(size=(140, 50)) as pilot:
        await moved(app)
        await pilot.press("l")
        await until(lambda: isinstance(app.screen, LogsScreen))
        seen = app.session.state().logs
        assert app.session.try_filter("service:payments") is None
        await until(lambda: app.session.state().logs.filter_text == "service:payments")
        logs = app.session.state().logs
        assert 0 < len(logs.records) < len(seen.records) or {r.service for r in seen.records} == {"payments"}
        assert {record.service for record in logs.records} == {"payments"}
        await until(lambda: "only lines that were on the screen" in screen_text(app))


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (("l", "r"), "a replay sends nothing"),
        (("2", "X"), "a replay changes nothing"),
        (("R",), "a replay asks no source"),
        (("P",), "a replay stands still"),
        (("K",), "a replay writes nothing"),
        (("a",), "a replay writes nothing"),
        (("I", "S"), "a replay writes nothing"),
        (("I", "J"), "a replay writes nothing"),
        (("I", "A"), "a replay writes nothing"),
    ],
)
async def test_what_needs_a_live_console_says_so(book: Book, keys: tuple[str, ...], words: str) -> None:
    app = replay_app(LOADED, book, None)
    async with app.run_test(size=(140, 50)) as pilot:
        await moved(app)
        await until(lambda: desk(app).case is not None)
        for key in keys:
            await pilot.press(key)
        await until(lambda: words in screen_text(app))


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
