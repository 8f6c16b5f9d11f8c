"""The log screen over the real app: what it shows, and what each key does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from console.analysis.exceptions import ExceptionTable
from console.analysis.patterns import counted
from console.app import IncidentConsole
from console.domain.instant import Window
from console.domain.logs import FieldValue, Level, LogCounts, LogPage, LogRecord, Pattern
from console.domain.reading import Reading
from console.domain.shapes import ExceptionCounts, ExceptionGroup, ShapeCounts
from console.guard.sanitise import safe
from console.query.ast import Query
from console.query.evaluate import compile_query
from console.screens.details import RecordScreen
from console.screens.dialogs import HelpScreen, LineDialog, PaletteScreen
from console.screens.logs import LogsScreen
from console.screens.overview import OverviewScreen
from tests.tui.fakes import NOW, FakeLogs, System, line, replace_record, report, until
from tests.tui.test_console import diagnosed, screen_text
from tests.widgets.samples import HOSTILE, WIDE
from widgets.canvas import Canvas

SIZES = [(80, 24), (120, 40), (200, 50)]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@dataclass
class GatedLogs(FakeLogs):
    """Answers to questions for the word `slow` wait until the test opens the gate."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def page(self, window: Window, query: Query | None, limit: int) -> Reading[LogPage]:
        await self._opened(query)
        return await super().page(window, query, limit)

    async def counts(self, window: Window, step_s: float, query: Query | None) -> Reading[LogCounts]:
        await self._opened(query)
        return await super().counts(window, step_s, query)

    async def _opened(self, query: Query | None) -> None:
        if query is not None and "slow" in str(query):
            await self.gate.wait()


@pytest.fixture
def system() -> System:
    made = System(logs=GatedLogs())
    written = [
        line(f"served {i} orders", NOW - 1700 + i * 5, Level.INFO, offset=i * 50, status=200) for i in range(340)
    ]
    written += [
        line(f"timeout after {3000 + i} ms calling pay", NOW - 500 + i * 2, offset=30_000 + i) for i in range(200)
    ]
    written += [
        line("cache warmed", NOW - 95, Level.WARN, offset=40_000, operation="", status=None, service="gateway"),
        line("card declined", NOW - 94, offset=40_100, trace_id=TRACE, operation="POST /pay", status=502,
             fields=(("host", safe("checkout-2")), ("tenant", safe("a b*c")))),
        line("retried", NOW - 93, Level.INFO, offset=40_200, trace_id=TRACE, operation="POST /pay", status=200),
        line("Traceback: boom", NOW - 92, offset=40_300, extra=(safe('  File "pay.py", line 3'), safe("ValueError: 7"))),
    ]  # fmt: skip
    made.logs.written = sorted(written, key=lambda record: record.at or 0.0)
    return made


async def on_screen(app: IncidentConsole, pilot: Pilot[int], filter_text: str | None = None) -> LogsScreen:
    """The log screen, with the lines of a filter."""
    await diagnosed(app, pilot)
    if filter_text is not None:
        app.session.try_filter(filter_text)
    await pilot.press("l")
    await until(lambda: isinstance(app.screen, LogsScreen))
    await shown(app)
    assert isinstance(app.screen, LogsScreen)
    return app.screen


async def shown(app: IncidentConsole) -> None:
    """Until the lines of the active filter are on the screen."""

    def there() -> bool:
        view = app.session.state().logs
        return view.filter_text == app.session.filter_text and view.wanted_text is None

    await until(there)
    app.show_now()
    await asyncio.sleep(0)


def is_filter(app: IncidentConsole, text: str) -> bool:
    """Whether this is the active filter."""
    return app.session.filter_text == text


def messages(app: IncidentConsole) -> list[str]:
    """What matches the filter."""
    return [record.message for record in app.session.state().logs.records]


async def to_message(screen: LogsScreen, pilot: Pilot[int], message: str) -> LogRecord:
    """The cursor on a line."""
    await pilot.press("4")
    assert screen.lines.next_where(-1, lambda record: record.message == message)
    item = screen.lines.selected()
    assert isinstance(item, LogRecord)
    await pilot.pause()
    return item


@pytest.mark.parametrize("size", SIZES)
async def test_histogram_patterns_fields_and_lines_stand_on_one_screen(system: System, size: tuple[int, int]) -> None:
    app = system.app()
    async with app.run_test(size=size) as pilot:
        await on_screen(app, pilot)
        text = screen_text(app)
        wide = ("Fields of the line",) if size[0] >= 100 else ()
        for word in (
            "/ level:>=warn",
            "203 lines",
            "Histogram",
            "error",
            "202",
            "peak",
            "15s per step",
            "Patterns",
            *wide,
        ):
            assert word in text, (word, text)
        for word in ("NEW", "0 in 1", "timeout after", "4 Lines", "Traceback: boom", "[+2 lines]"):
            assert word in text, (word, text)
        assert " logs" in text.splitlines()[1]
        assert all(len(row) == size[0] for row in text.splitlines())


@dataclass
class CountingLogs(GatedLogs):
    """Counts its lines and groups its exceptions, as files do."""

    async def shapes(self, window: Window, step_s: float, query: Query | None) -> Reading[ShapeCounts]:
        found = counted(self._matching(window, query), window, step_s, sampled=False)
        return Reading(found, window.end, report(self.name, "logs"))

    async def exceptions(self, window: Window, query: Query | None, step_s: float) -> Reading[ExceptionCounts]:
        table = ExceptionTable(window.start, step_s)
        for record in self._matching(window, query):
            table.add(record)
        return Reading(ExceptionCounts(window, table.groups()), window.end, report(self.name, "logs"))


def thrown(at: float, function: str, type_: str = "PaymentTimeout") -> LogRecord:
    lines = (f'  File "/app/pay.py", line 88, in {function}', "    send()", f"{type_}: no answer after 3000 ms")
    return line(
        "Traceback (most recent call last):", at, extra=tuple(map(safe, lines)), offset=int(at * 10) % 10**9,
        operation="", status=None,
    )  # fmt: skip


@pytest.mark.parametrize("size", SIZES)
async def test_exceptions_stand_in_a_list_of_their_own_and_open_on_their_lines(
    system: System, size: tuple[int, int]
) -> None:
    system.logs = CountingLogs(written=system.logs.written)
    system.logs.written += [thrown(NOW - 400 + n, "charge") for n in range(7)]
    system.logs.written += [thrown(NOW - 5000 + n * 200, "refund", "KeyError") for n in range(24)]
    app = system.app()
    async with app.run_test(size=size) as pilot:
        screen = await on_screen(app, pilot)
        await until(lambda: app.session.state().logs.exceptions)
        app.show_now()
        pointer = "5: 2 exceptions" in screen_text(app)
        assert pointer is (size[0] < 170), "where the list has no room, the patterns say that there is one"
        await pilot.press("5")
        await until(lambda: "5 Exceptions" in screen_text(app))
        group = screen.exceptions.selected()
        assert isinstance(group, ExceptionGroup)
        assert (group.type, group.frames, group.count, group.baseline_count) == (
            "PaymentTimeout",
            ("pay.charge",),
            7,
            0,
        )
        text = screen_text(app)
        for word in ("2, 1 new", "PaymentTimeout", "KeyError"):
            assert word in text, (word, text)
        await pilot.press("3")
        await until(lambda: "Fields of the exception" in screen_text(app))
        told = screen.fields.plain_text()
        for word in ("7 now, 0 in", "pay.charge", 'File "/app/pay.py", line 88, in charge', "no answer after 3000 ms"):
            assert word in told, (word, told)
        await pilot.press("5", "enter")
        await until(lambda: app.screen is not screen and isinstance(app.screen, LogsScreen))
        await shown(app)
        records = app.session.state().logs.records
        assert len(records) == 7 and all(record.extra[0].endswith("in charge") for record in records)
        assert "PaymentTimeout in pay.charge" in screen_text(app)
        await pilot.press("q")
        await until(lambda: app.screen is screen)
        await shown(app)
        before = app.session.filter_text
        await pilot.press("5", "O")
        await until(lambda: not is_filter(app, before))
        await shown(app)
        assert not any("charge" in one for r in app.session.state().logs.records for one in r.extra)


@pytest.mark.parametrize("key", ["q", "backspace", "escape"])
async def test_a_pattern_opens_on_its_lines_and_leaving_gives_the_old_filter_back(system: System, key: str) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await on_screen(app, pilot)
        await pilot.press("2")
        item = screen.patterns.selected()
        assert isinstance(item, Pattern) and item.status == "new"
        await pilot.press("enter")
        await until(lambda: app.screen is not screen and isinstance(app.screen, LogsScreen))
        await shown(app)
        assert set(messages(app)) == {f"timeout after {3000 + i} ms calling pay" for i in range(200)}
        assert "logs › NEW timeout after <*> ms calling pay" in screen_text(app)
        assert '/ service:checkout level:error "timeout after" "ms calling pay"' in screen_text(app)
        await pilot.press(key)
        await until(lambda: app.screen is screen)
        await shown(app)
        assert app.session.filter_text == "level:>=warn" and "card declined" in messages(app)
        await pilot.press("backspace")
        await until(lambda: isinstance(app.screen, OverviewScreen))


async def test_lines_of_another_filter_are_not_shown_while_those_of_this_screen_are_read(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        app.open_item(FieldValue("host", safe("slow")))
        await until(lambda: isinstance(app.screen, LogsScreen) and "reading the window" in screen_text(app))
        assert "/ level:>=warn host:slow" in screen_text(app)
        screen = app.screen
        assert isinstance(screen, LogsScreen) and not screen.lines.view.records
        assert isinstance(system.logs, GatedLogs)
        system.logs.gate.set()
        await until(lambda: "no line matches the filter" in screen_text(app))


async def test_the_fields_are_those_of_the_selected_line_and_narrow_the_filter(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(200, 50)) as pilot:
        screen = await on_screen(app, pilot)
        await to_message(screen, pilot, "card declined")
        await until(lambda: "checkout-2" in screen_text(app))
        await pilot.press("3")
        values = [row.value for row in screen.fields._selectable()]
        assert FieldValue("trace_id", safe(TRACE)) in values
        screen.fields._go(values.index(FieldValue("tenant", safe("a b*c"))))
        await pilot.press("o")
        await shown(app)
        assert app.session.filter_text == 'level:>=warn tenant:"a b*c"' and messages(app) == ["card declined"]
        await pilot.press("O")
        await shown(app)
        assert messages(app) == []
        app.session.try_filter("level:>=warn")
        await shown(app)
        await pilot.press("enter")
        await until(lambda: app.screen is not screen and messages(app) == ["card declined"])
        await until(lambda: "logs › tenant a b*c" in screen_text(app))


async def test_in_the_fields_keys_concern_the_line_that_they_belong_to(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await on_screen(app, pilot)
        await to_message(screen, pilot, "card declined")
        await pilot.press("3", "m", "T")
        await until(lambda: app.screen is not screen and messages(app) == ["card declined", "retried"])
        assert [record.message for record in app.session.marks.values()] == ["card declined"]


async def test_f_finds_and_n_goes_on_without_hiding_any_line(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await on_screen(app, pilot, "")
        await pilot.press("f", *"300")
        await until(lambda: app.session.search_text == "300" and "find 300" in screen_text(app))
        await pilot.press("5", "enter")
        await until(lambda: "match 1 of 1 for 3005" in screen_text(app))
        item = screen.lines.selected()
        assert isinstance(item, LogRecord) and item.message == "timeout after 3005 ms calling pay"
        assert len(messages(app)) == 500 and not screen.lines.following
        await pilot.press("n")
        await until(lambda: "nothing below this line matches 3005" in screen_text(app))
        await pilot.press("f", "ctrl+u", *"served", "enter")
        await until(lambda: "for served" in screen_text(app))
        first = screen.lines.selected()
        await pilot.press("N")
        await until(lambda: screen.lines.selected() is not first)
        await pilot.press("n")
        await until(lambda: screen.lines.selected() is first)
        await pilot.press("f", "ctrl+u", *"(", "escape")
        await until(lambda: app.screen is screen)
        assert app.session.search_text == "served"


async def test_without_a_search_n_goes_to_the_hits_of_the_filter_among_the_unfiltered_lines(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await on_screen(app, pilot, "declined")
        await until(lambda: messages(app) == ["card declined"])
        await pilot.press("4", "c")
        await until(lambda: app.screen is not screen and "retried" in screen_text(app))
        await pilot.press("N")
        await until(lambda: "nothing above this line matches declined" in screen_text(app))
        await pilot.press("k", "k", "n")
        await until(lambda: "match 1 of 1 for declined" in screen_text(app))


async def test_find_next_match_mark_and_invert_work_in_the_log_pane_of_the_overview_too(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await until(lambda: "Traceback: boom" in screen_text(app))
        await pilot.press("3", "f", *"declined", "enter")
        await until(lambda: "match 1 of 1 for declined" in screen_text(app))
        screen = app.console_screen()
        assert isinstance(screen, OverviewScreen)
        item = screen.logs.selected()
        assert isinstance(item, LogRecord) and item.message == "card declined"
        await pilot.press("m", "G", "N")
        await until(lambda: "1 marked" in screen_text(app) and screen.logs.selected() is item)
        await pilot.press("exclamation_mark")
        await until(lambda: app.session.filter_text == "-level:>=warn" and "served 339 orders" in messages(app))


async def test_an_exclamation_mark_inverts_typed_or_pressed(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await on_screen(app, pilot)
        await pilot.press("exclamation_mark")
        await until(lambda: app.session.filter_text == "-level:>=warn" and "retried" in messages(app))
        await pilot.press("exclamation_mark")
        await until(lambda: app.session.filter_text == "level:>=warn" and "card declined" in messages(app))
        await pilot.press("slash", "ctrl+u", *"!timeout OR served", "enter")
        await until(lambda: app.session.filter_text == "NOT (timeout OR served)")
        await until(lambda: "cache warmed" in messages(app) and len(messages(app)) == 4)
        await pilot.press("slash", "ctrl+u", *"!level:eror")
        await until(lambda: app.screen.query("#line-message.problem"))
        assert "column 8" in screen_text(app)


async def test_old_filters_are_recalled_with_the_arrow_up(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await on_screen(app, pilot)
        for text in ("timeout", "declined"):
            await pilot.press("slash", "ctrl+u", *text, "enter")
            await until(partial(is_filter, app, text))
        await pilot.press("slash", "up", "enter")
        await until(lambda: app.session.filter_text == "timeout")
        await pilot.press("slash", "up", "up", "down", "enter")
        await until(lambda: app.session.filter_text == "declined")


async def test_a_filter_that_is_being_read_says_so_and_escape_gives_it_up(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await on_screen(app, pilot)
        await pilot.press("slash", "ctrl+u", *"slow", "enter")
        await until(lambda: app.screen is screen and "Esc gives up" in screen_text(app))
        system.now += 7
        await until(lambda: "reading the window, 7s" in screen_text(app))
        assert "/ slow" in screen_text(app) and "LOADING" in screen_text(app) and "card declined" in messages(app)
        await pilot.press("escape")
        await shown(app)
        assert app.screen is screen and app.session.filter_text == "level:>=warn"
        await until(lambda: "LIVE" in screen_text(app) and "Esc gives up" not in screen_text(app))


async def test_what_is_typed_next_does_not_wait_for_a_filter_that_is_being_read(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await on_screen(app, pilot)
        await pilot.press("slash", "ctrl+u", *"slow")
        await until(lambda: app.session.state().logs.wanted_text == "slow")
        await pilot.press("ctrl+u", *"declined")
        await until(lambda: messages(app) == ["card declined"])
        await pilot.press("escape")
        await until(lambda: app.session.filter_text == "level:>=warn")


class Late:
    """A timer that was stopped too late."""

    def stop(self) -> None:
        return None


async def test_a_filter_that_was_cancelled_is_not_tried_any_more(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by the pause after its last character either, which a busy machine may notice once the dialog is gone."""
    pauses: list[Callable[[], object]] = []

    def late(dialog: LineDialog, delay_s: float, then: Callable[[], object]) -> Late:
        pauses.append(then)
        return Late()

    monkeypatch.setattr(LineDialog, "set_timer", late)
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await on_screen(app, pilot)
        await pilot.press("slash")
        await until(lambda: isinstance(app.screen, LineDialog))
        app.screen.query_one(Input).value = "declined"
        await until(lambda: pauses)
        await pilot.press("escape")
        await until(lambda: not isinstance(app.screen, LineDialog))
        await pilot.pause()
        pauses[-1]()
        assert app.session.filter_text == "level:>=warn"


async def test_lines_that_arrive_while_a_filter_is_read_are_neither_lost_nor_counted_twice(system: System) -> None:
    app = system.app()
    assert isinstance(system.logs, GatedLogs)
    async with app.run_test(size=(120, 40)) as pilot:
        await on_screen(app, pilot)
        before = app.session.state().logs.total
        app.session.try_filter("level:>=warn OR slow")
        await until(lambda: app.session.state().logs.wanted_text == "level:>=warn OR slow")
        for place in range(5):
            system.logs.arrive(line(f"meanwhile {place}", NOW - 1, offset=50_000 + place))
        await until(lambda: app.session.state().logs.total == before + 5)
        system.logs.gate.set()  # by now the source has them too
        await until(lambda: app.session.state().logs.wanted_text is None)
        assert app.session.state().logs.total == before + 5
        assert [m for m in messages(app) if m.startswith("meanwhile")] == [f"meanwhile {place}" for place in range(5)]


async def test_m_marks_a_line_as_evidence_and_takes_the_mark_away(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await on_screen(app, pilot)
        await to_message(screen, pilot, "card declined")
        await pilot.press("m")
        await until(lambda: "1 marked in all" in screen_text(app) and "◆ERROR checkout" in screen_text(app))
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, RecordScreen) and "Record · marked" in screen_text(app))
        await pilot.press("m")
        await until(lambda: "no longer marked" in screen_text(app) and "Record · marked" not in screen_text(app))
        await pilot.press("m", "q", "q")
        await until(lambda: isinstance(app.screen, OverviewScreen) and "◆ERROR checkout" in screen_text(app))
        assert [record.message for record in app.session.marks.values()] == ["card declined"]
        app.session.try_filter("timeout")
        await until(lambda: "1 marked" in screen_text(app) and "◆ERROR" not in screen_text(app))


async def test_a_record_of_several_lines_unfolds_and_e_goes_from_error_to_error(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await on_screen(app, pilot)
        await pilot.press("e")
        await until(lambda: "no error below" in screen_text(app))
        await pilot.press("space")
        await until(lambda: "ValueError: 7" in screen_text(app))
        await pilot.press("2", "E", "E")
        item = screen.lines.selected()
        assert isinstance(item, LogRecord) and item.message == "card declined"


async def test_the_time_keys_move_the_window_of_histogram_and_lines(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await on_screen(app, pilot, "")
        await pilot.press("less_than_sign")
        await until(lambda: not app.session.scope.view.live)
        await until(lambda: "PAST" in screen_text(app) and messages(app) and "Traceback: boom" not in messages(app))
        counts = screen.histogram.view.counts
        assert counts is not None and counts.start < NOW - 2600
        await pilot.press("0")
        await until(lambda: "Traceback: boom" in messages(app))


async def test_zoom_and_the_digits_reach_every_pane_on_every_size(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await on_screen(app, pilot)
        await pilot.press("3")
        await until(lambda: "Fields of the line" in screen_text(app) and "2 Patterns" not in screen_text(app))
        await pilot.press("tab", "tab", "tab", "tab")
        await until(lambda: screen.current() is screen.patterns and "2 Patterns" in screen_text(app))
        await pilot.press("z")
        await until(lambda: "4 Lines" not in screen_text(app) and "1 Histogram" not in screen_text(app))
        await pilot.press("4")
        await until(lambda: "4 Lines" in screen_text(app) and "2 Patterns" not in screen_text(app))
        await pilot.press("escape")
        await until(lambda: "1 Histogram" in screen_text(app) and "4 Lines" in screen_text(app))
        await pilot.press("5")
        await until(lambda: "5 Exceptions" in screen_text(app) and "2 Patterns" not in screen_text(app))
        assert screen.current() is screen.exceptions and "no exception with a place in the code" in screen_text(app)


async def test_what_cannot_be_done_is_greyed_with_its_reason_in_help_and_palette(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 60)) as pilot:
        screen = await on_screen(app, pilot)
        await to_message(screen, pilot, "cache warmed")
        await pilot.press("question_mark")
        await until(lambda: isinstance(app.screen, HelpScreen) and "In this pane (logs)" in screen_text(app))
        assert "Not now: this record names no trace" in screen_text(app)
        await pilot.press("escape", "colon")
        await until(lambda: isinstance(app.screen, PaletteScreen))
        await pilot.press(*"log screen")
        await until(lambda: "Not now: this is the log screen" in screen_text(app))
        await pilot.press("ctrl+u", *"later")
        await until(lambda: "Not now: the window ends now" in screen_text(app))
        await pilot.press("escape", "1", "m")
        await until(lambda: "select what is to be kept" in screen_text(app))


async def test_where_no_log_line_is_shown_the_filter_is_not_changed_unseen(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("4", "enter", "slash")
        await until(lambda: "no log lines here" in screen_text(app))
        await pilot.press("backspace", "1", "enter", "2")
        await until(lambda: "Lines of" in screen_text(app))
        await pilot.press("slash")
        await until(lambda: isinstance(app.screen, LineDialog))
        await pilot.press(*" declined", "enter")
        await until(lambda: isinstance(app.screen, LogsScreen) and messages(app) == ["card declined"])


async def test_a_frozen_log_screen_says_that_what_was_asked_for_is_not_shown_yet(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await on_screen(app, pilot)
        await pilot.press("P")
        await until(lambda: "FROZEN" in screen_text(app))
        app.session.try_filter("declined")
        app.show_now()
        await until(lambda: "frozen: P shows it" in screen_text(app))
        await pilot.press("P")
        await until(lambda: messages(app) == ["card declined"] and "1 line" in screen_text(app))


HOSTILE_RECORDS = tuple(
    line(text, NOW - 300 + n, Level.ERROR, offset=n, service=safe(text)[:30], operation=safe(text), trace_id=safe(text),
         extra=(safe(text),), fields=((safe(text), safe(text)), ("field", safe(text)), ("field", safe(text))))
    for n, text in enumerate((*HOSTILE, WIDE) * 4)
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("look", ["dark", "light", "no colour", "ascii"])
@pytest.mark.parametrize("size", SIZES)
async def test_hostile_text_stays_text_in_every_pane_size_and_look(
    look: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    if look == "no colour":
        monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(Canvas, "ascii_only", False)
    system = System()
    system.logs.written = [replace_record(r) for r in HOSTILE_RECORDS]
    app = system.app(ascii=look == "ascii", theme="light" if look == "light" else "dark")
    async with app.run_test(size=size) as pilot:
        screen = await on_screen(app, pilot)
        for key in ("1", "2", "3", "4"):
            await pilot.press(key, "home", "z")
            for _ in range(6):
                await pilot.press("j", "space")
                rows = screen_text(app).splitlines()
                assert all(row.isprintable() for row in rows)
                assert look != "ascii" or all(row.isascii() for row in rows)
            await pilot.press("z")
        assert not any(pane.failure for pane in screen.panes())
        assert app.is_running and app.screen is screen and not app.session.frozen


@pytest.mark.parametrize("size", [(1, 1), (20, 5), (60, 12), (79, 17), (99, 18), (250, 80), (500, 200)])
async def test_no_size_crashes(system: System, size: tuple[int, int]) -> None:
    app = system.app()
    async with app.run_test(size=size) as pilot:
        screen = await on_screen(app, pilot)
        await pilot.press("1", "2", "3", "4", "z", "z")
        await pilot.resize_terminal(120, 40)
        await until(lambda: "4 Lines" in screen_text(app))
        assert not any(pane.failure for pane in screen.panes())


def test_the_query_of_a_pattern_finds_its_example() -> None:
    template, example = 'GET <*> failed (<*> of <*>): "x" for ‹redacted:jwt:ab12›', 'GET /a failed (1 of 2): "x" for k'
    one = Pattern("p", safe(template), "checkout", Level.ERROR, "new", 3, 0, None, None, None, safe(example))
    from console.query.about import lines_of
    from console.query.parse import parse

    assert compile_query(parse(lines_of(one))).matches(line(example))
    assert not compile_query(parse(lines_of(one))).matches(line(example, level=Level.INFO))
