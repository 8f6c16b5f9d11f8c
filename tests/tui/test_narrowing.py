"""o, O, T and c: from a line to its like, to everything else, to its trace and to its surroundings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.pilot import Pilot

from console.app import IncidentConsole
from console.domain.logs import Level, LogRecord, Pattern
from console.guard.sanitise import safe
from console.query.evaluate import compile_query
from console.query.parse import parse
from console.screens.details import RecordScreen
from console.screens.logs import LogsScreen
from console.screens.narrowing import only, without
from console.screens.record_lines import CONTEXT_S, ContextLines
from console.screens.service import LinesScreen, ServiceScreen
from tests.tui.fakes import NOW, System, line, until
from tests.tui.test_console import diagnosed, screen_text

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def system() -> System:
    made = System()
    made.logs.written = [
        *(line(f"timeout after {i} ms", NOW - 900 + i, offset=i * 100, file="a.log") for i in range(40)),
        line("quiet before it", NOW - 420, Level.INFO, offset=9000, file="a.log", operation="", status=None),
        line("card declined", NOW - 401, offset=9100, file="a.log", trace_id=TRACE, operation="POST /pay", status=502),
        line("retried", NOW - 400.5, Level.INFO, offset=9200, file="b.log", trace_id=TRACE, operation="POST /pay"),
        line("far from it", NOW - 300, Level.INFO, offset=9300, file="a.log"),
        line("newest of all", NOW - 20, offset=9400, file="a.log", operation="", status=None, service="gateway"),
    ]
    return made


async def on_record(app: IncidentConsole, pilot: Pilot[int], message: str) -> None:
    """The cursor of the log pane on the record with this message."""
    await diagnosed(app, pilot)
    await until(lambda: message in screen_text(app))
    await pilot.press("3")
    for _ in range(50):
        item = app.console_screen().current().selected()  # type: ignore[union-attr]
        if isinstance(item, LogRecord) and item.message == message:
            return
        await pilot.press("k")
    raise AssertionError(f"{message} cannot be reached")


def messages(app: IncidentConsole) -> list[str]:
    """What matches the filter."""
    return [record.message for record in app.session.state().logs.records]


async def test_o_leaves_only_the_like_of_this_record_and_capital_o_takes_it_away(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await on_record(app, pilot, "card declined")
        await pilot.press("o")
        await until(lambda: app.session.filter_text == 'level:>=warn service:checkout operation:"POST /pay"')
        await until(lambda: messages(app) == ["card declined"])
        await pilot.press("o")
        await until(lambda: "says this already" in screen_text(app))
        app.session.try_filter("level:>=warn")
        await on_record(app, pilot, "card declined")
        await pilot.press("O")
        await until(lambda: app.session.filter_text.endswith('NOT (service:checkout operation:"POST /pay")'))
        await until(lambda: "newest of all" in messages(app) and "card declined" not in messages(app))


async def test_in_a_drill_down_they_open_the_narrowed_lines_one_level_below(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("1", "enter")
        await until(lambda: isinstance(app.screen, ServiceScreen) and "far from it" in screen_text(app))
        await pilot.press("O")
        await until(lambda: isinstance(app.screen, LogsScreen))
        await until(lambda: "card declined" in messages(app))
        assert 'service:checkout NOT (service:checkout operation:"POST /orders")' in screen_text(app)
        assert "far from it" not in messages(app)
        await pilot.press("backspace")
        await until(lambda: isinstance(app.screen, ServiceScreen))
        assert app.session.filter_text == "level:>=warn"


async def test_capital_t_shows_the_whole_trace_whatever_the_filter(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await on_record(app, pilot, "card declined")
        await pilot.press("T")
        await until(lambda: isinstance(app.screen, LogsScreen))
        await until(lambda: messages(app) == ["card declined", "retried"])
        await until(lambda: "2 lines" in screen_text(app))
        assert f"/ trace_id:{TRACE}" in screen_text(app)


async def test_c_shows_what_the_same_file_said_around_the_record_with_the_cursor_on_it(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await on_record(app, pilot, "card declined")
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, RecordScreen))
        await pilot.press("c")
        await until(lambda: isinstance(app.screen, LinesScreen) and "quiet before it" in screen_text(app))
        text = screen_text(app)
        assert "source:app file:a.log" in text and "±30s" in text and "2 lines" in text
        assert "far from it" not in text and "retried" not in text
        item = app.screen.current().selected()  # type: ignore[attr-defined]
        assert isinstance(item, LogRecord) and item.message == "card declined"


async def test_the_context_of_a_busy_file_is_so_short_that_every_line_of_it_is_shown(system: System) -> None:
    system.logs.written += [
        line(f"busy {i}", NOW - 430 + i / 50, Level.INFO, offset=20_000 + i, file="a.log") for i in range(3000)
    ]
    system.logs.written.sort(key=lambda record: record.at or 0.0)
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await on_record(app, pilot, "card declined")
        await pilot.press("c")
        await until(lambda: isinstance(app.screen, LinesScreen) and "card declined" in screen_text(app))
        pane = app.screen.query_one(ContextLines)
        assert pane.reach_s == CONTEXT_S[2]
        item = pane.selected()
        assert isinstance(item, LogRecord) and item.message == "card declined"


async def test_what_cannot_be_done_says_why(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await on_record(app, pilot, "newest of all")
        await pilot.press("T")
        await until(lambda: "names no trace" in screen_text(app))
        await pilot.press("1", "o")
        await until(lambda: "works in a log pane" in screen_text(app))


def test_a_record_without_operation_is_taken_away_by_its_words() -> None:
    record = line("charge 17 failed for card ‹redacted:pan:ab12› at once", operation="")
    assert without("", record) == 'NOT (service:checkout "failed for card")'
    assert only("a OR b", record) == "(a OR b) service:checkout"
    pattern = Pattern(
        "p", safe("timeout after <*> ms calling"), "checkout", Level.ERROR, "new", 3, 0, None, None, None, safe("")
    )
    assert only("x", pattern) == 'x service:checkout "timeout after" "ms calling"'
    assert without("x", pattern) == 'x NOT (service:checkout "timeout after" "ms calling")'


TEXTS = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=40).map(safe)


@given(
    st.sampled_from(["", "level:>=warn", "a OR b", "-c (d OR e) /f+/", 'x "y z"']),
    TEXTS,
    TEXTS,
    st.text('ab-_/:"*() \\', max_size=12).map(safe),
)
def test_only_keeps_the_record_and_without_drops_it(
    filter_text: str, message: str, operation: str, service: str
) -> None:
    record = LogRecord(NOW, Level.ERROR, service, safe(message or "-"), operation=operation)
    kept = only("", record)
    if kept is not None:
        assert compile_query(parse(kept)).matches(record)
    dropped = without("", record)
    assert dropped is not None and not compile_query(parse(dropped)).matches(record)
    for made in (only(filter_text, record), without(filter_text, record)):
        assert made is None or parse(made) is not None
