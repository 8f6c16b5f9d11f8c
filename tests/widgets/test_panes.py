"""Panes inside Textual: what is repainted, where the cursor goes, what is announced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from console.domain.logs import Level, LogRecord
from console.domain.text import SafeText
from console.live.repeat import question_of
from console.query.ast import FieldTest
from console.query.parse import parse
from console.state import LogsView, OperationRow, ServiceRow, Status, Word
from tests.widgets.gallery import Gallery
from tests.widgets.samples import LOOK, SCREENS, hostile, incident, logs, record
from widgets.body import Body, Look, Row
from widgets.canvas import Canvas
from widgets.header import Header
from widgets.ink import Line
from widgets.logs import LogsPane
from widgets.pane import Pane
from widgets.signals import SignalsPane
from widgets.suspects import SuspectsPane
from widgets.text_view import TextView
from widgets.theme import PALETTES


class OnePane(App[None]):
    """An application with a single widget."""

    def __init__(self, widget: Canvas) -> None:
        super().__init__()
        for palette in PALETTES.values():
            self.register_theme(palette.textual)
        self.theme = PALETTES["dark"].textual.name
        self.widget = widget

    def compose(self) -> ComposeResult:
        yield self.widget


def screen_text(app: App[None]) -> str:
    """What the screen shows, as text."""
    width, height = app.size
    rows: list[str] = []
    strips: list[Strip] = app.screen._compositor.render_strips(app.size)
    for strip in strips[:height]:
        rows.append("".join(segment.text for segment in strip)[:width])
    return "\n".join(rows)


def opened(seen: list[Message]) -> list[object]:
    """What was announced as opened; the hook sees a message at every step of its way up."""
    return [m.value for m in {id(m): m for m in seen}.values() if isinstance(m, Pane.Selected)]


async def test_only_changed_cells_are_marked_dirty() -> None:
    canvas = Canvas()
    async with OnePane(canvas).run_test(size=(40, 5)) as pilot:
        canvas.show([Line.of("errors  8.4 %"), Line.of("p99  3.1s")])
        await pilot.pause()
        assert canvas.show([Line.of("errors  8.5 %"), Line.of("p99  3.1s")]) == [Region(10, 0, 1, 1)]
        assert canvas.show([Line.of("errors  8.5 %"), Line.of("p99  3.1s")]) == []
        assert canvas.show([Line.of("errors  8.5 %")]) == [Region(0, 1, 9, 1)]


@pytest.mark.parametrize("sizes", [(120, 61, 119), (61, 120, 62), (200, 61, 60, 61)])
async def test_after_any_sizes_the_lines_are_those_of_the_last(sizes: tuple[int, ...]) -> None:
    app = Gallery(incident())
    async with app.run_test(size=(100, 30)) as pilot:
        for width in sizes:
            await pilot.resize_terminal(width, 30)
            while any(canvas.parent is app.screen and canvas.size.width != width for canvas in app.query(Canvas)):
                await pilot.pause(0.02)
            await pilot.pause()
        shown = screen_text(app)
        for canvas in app.query(Canvas):
            canvas.notify_style_update()
            canvas.refresh()
        await pilot.pause()
        assert screen_text(app) == shown
        assert "…┌" not in shown and all(len(line) == sizes[-1] or not line.isascii() for line in shown.splitlines())
        fresh = Gallery(incident())
        async with fresh.run_test(size=(sizes[-1], 30)) as other:
            await other.pause()
            assert screen_text(fresh) == shown


async def test_an_unchanged_view_repaints_nothing() -> None:
    app = Gallery(incident())
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        shown: list[Region] = []
        for canvas in app.query(Canvas):
            _record_regions(canvas, shown)
        app.feed(incident())
        assert shown == []
        app.action_tick()
        cells = sum(region.area for region in shown)
        assert 0 < cells < 120 * 40 / 3


def _record_regions(canvas: Canvas, shown: list[Region]) -> None:
    original: Callable[..., list[Region]] = canvas.show

    def show(lines: list[Line]) -> list[Region]:
        regions = original(lines)
        shown.extend(regions)
        return regions

    canvas.show = show  # type: ignore[method-assign, assignment]


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (20, 6), (80, 24), (120, 40), (200, 50)])
@pytest.mark.parametrize("name", SCREENS)
async def test_every_screen_at_every_size(name: str, size: tuple[int, int]) -> None:
    app = Gallery(SCREENS[name]())
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        assert all(not pane.failure for pane in app.query(Pane))
        await pilot.resize_terminal(97, 31)
        await pilot.pause()
        assert all(not pane.failure for pane in app.query(Pane))
        if name != "hostile" and size[0] >= 100:
            assert "1 Signals" in screen_text(app)


async def test_the_overview_can_be_read_at_120_by_40() -> None:
    app = Gallery(incident())
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        text = screen_text(app)
    for part in (
        "✖ INCIDENT  checkout · POST /orders failing 8.4 % (was 0.2 %)   since 14:03:10 · 11m",
        "LIVE 2s", "payments-gateway", "1 leading", "8.4   0.2", "NEW      412", "checkout v41", "✖ DOWN", "PARTIAL 3/4 3s",
    ):  # fmt: skip
        assert part in text


async def test_the_cursor_moves_over_what_can_be_opened_and_says_so() -> None:
    seen: list[Message] = []
    app = Gallery(incident())
    async with app.run_test(size=(120, 40), message_hook=seen.append) as pilot:
        pane = app.query_one(SignalsPane)
        first = pane.selected()
        assert isinstance(first, ServiceRow) and first.name == "gateway"
        await pilot.press("j", "j", "j", "j")
        operation = pane.selected()
        assert isinstance(operation, OperationRow) and operation.operation == "POST /orders"
        assert "POST /orders" in pane.value_under_cursor()
        pane.move(-100)
        assert pane.selected() is first
        pane.to_bottom()
        assert isinstance(pane.selected(), OperationRow)
        assert pane.open_selected()
        await pilot.pause()
    assert len({id(m) for m in seen if isinstance(m, Pane.Moved)}) == 6
    assert opened(seen) == [pane.selected()]


async def test_the_cursor_stays_on_its_thing_when_the_order_changes() -> None:
    app = Gallery(incident())
    async with app.run_test(size=(120, 40)) as pilot:
        pane = app.query_one(SignalsPane)
        await pilot.press("j")
        state = incident()
        assert state.signals is not None
        turned = replace(state, signals=replace(state.signals, services=tuple(reversed(state.signals.services))))
        app.feed(turned)
        selected = pane.selected()
        assert isinstance(selected, ServiceRow) and selected.name == "checkout"
        gone = replace(state, signals=replace(state.signals, services=state.signals.services[2:]))
        app.feed(gone)
        assert pane.selected() is not None


async def test_focus_shows_without_colour() -> None:
    app = Gallery(incident())
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert "┏ 1 Signals ━" in screen_text(app) and "┌ 2 Suspects ─" in screen_text(app)
        app.query_one(SuspectsPane).focus()
        await pilot.pause()
        assert "┌ 1 Signals ─" in screen_text(app) and "┏ 2 Suspects ━" in screen_text(app)
        assert "▸1 leading" in screen_text(app)


async def test_a_click_selects_and_a_second_opens() -> None:
    seen: list[Message] = []
    app = Gallery(incident())
    async with app.run_test(size=(120, 40), message_hook=seen.append) as pilot:
        pane = app.query_one(SignalsPane)
        await pilot.click(SignalsPane, offset=(10, 4))
        selected = pane.selected()
        assert isinstance(selected, ServiceRow) and selected.name == "payments"
        await pilot.click(SignalsPane, offset=(10, 4), times=2)
        assert opened(seen) == [selected]
        await pilot.click(SignalsPane, offset=(10, 0))
        assert pane.selected() is selected


class BrokenPane(Pane):
    """Fails at the second painting."""

    title = "Broken"
    paintings = 0

    def body(self, width: int, height: int) -> Body:
        """Good once."""
        self.paintings += 1
        if self.paintings > 1:
            raise KeyError("\x1b]0;boom\x07")
        return Body((), (Row((Line.of("fine"),)),))


async def test_an_error_while_painting_stays_in_its_pane() -> None:
    pane = BrokenPane()
    app = OnePane(pane)
    async with app.run_test(size=(80, 10)) as pilot:
        await pilot.pause()
        pane.repaint()
        await pilot.pause()
        text = screen_text(app)
        assert "this pane could not be painted (KeyError" in text
        assert "\x1b" not in text
        pane.move(1)
        assert app.is_running


async def test_markup_in_data_is_shown_and_does_nothing() -> None:
    app = Gallery(hostile("[@click=app.exit]press[/] [/foo]"))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert "[@click=app.exit]press[/]" in screen_text(app)
        for y in range(3, 38, 7):
            for x in range(4, 116, 37):
                await pilot.click(offset=(x, y))
        assert app.is_running


# Logs


def log_app(view: LogsView) -> tuple[OnePane, LogsPane]:
    """The log pane alone."""
    pane = LogsPane()
    pane.view, pane.look = view, LOOK
    return OnePane(pane), pane


async def test_the_tail_follows_until_the_cursor_moves_up() -> None:
    app, pane = log_app(logs())
    async with app.run_test(size=(100, 20)) as pilot:
        pane.focus()
        await pilot.pause()
        assert isinstance(pane.selected(), LogRecord) and pane.selected() is pane.view.records[-1]
        pane.move(-2)
        held = pane.selected()
        assert held is pane.view.records[-3]
        assert "not following" in pane.facts()
        pane.show_view(replace(pane.view, records=(*pane.view.records, record(61), record(62))), LOOK)
        assert pane.selected() is held
        pane.to_bottom()
        assert "not following" not in pane.facts()
        pane.show_view(replace(pane.view, records=(*pane.view.records, record(63))), LOOK)
        await pilot.pause()
        assert "after 3063 ms" in screen_text(app)
        assert pane.selected() is pane.view.records[-1]


async def test_records_fold_open_and_shut() -> None:
    app, pane = log_app(logs())
    async with app.run_test(size=(100, 30)) as pilot:
        pane.focus()
        await pilot.pause()
        assert not pane.fold()
        pane.move(-2)
        assert pane.fold()
        await pilot.pause()
        assert 'File "pay.py", line 3' in screen_text(app)
        assert pane.fold()
        await pilot.pause()
        assert 'File "pay.py", line 3' not in screen_text(app)


async def test_going_from_one_error_to_the_next() -> None:
    app, pane = log_app(logs())

    def is_error(record: LogRecord) -> bool:
        return record.level >= Level.ERROR

    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        number, total = pane.next_where(-1, is_error) or (0, 0)
        first = pane.selected()
        assert isinstance(first, LogRecord) and first.level.word == "error" and number == total > 1
        assert pane.next_where(-1, is_error) == (number - 1, total)
        assert pane.selected() is not first
        assert pane.next_where(1, is_error) == (number, total) and pane.selected() is first
        assert pane.next_where(1, lambda record: False) is None and pane.selected() is first


async def test_patterns_and_records_can_be_reached() -> None:
    app, pane = log_app(logs())
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        pane.to_top()
        assert "timeout after <*>" in pane.value_under_cursor()
        pane.page(1)
        record = pane.selected()
        assert isinstance(record, LogRecord) and record.at is not None
        asked = question_of(pane.command_under_cursor())
        assert asked is not None and asked.window is not None
        assert asked.window.start <= record.at < asked.window.end <= asked.window.start + 0.0011
        assert parse(asked.query) == FieldTest("file", "=", record.file)


async def test_a_tail_under_load_keeps_its_memory_bounded() -> None:
    app, pane = log_app(logs())
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        for start in range(0, 5000, 500):
            view = replace(pane.view, records=tuple(record(n) for n in range(start, start + 500)))
            pane.show_view(view, LOOK)
        assert len(pane._memo.rows) == 500


# Drill-downs and header


async def test_a_text_view_scrolls_what_cannot_be_selected() -> None:
    def painter(width: int, height: int, look: Look) -> Body:
        return Body((), tuple(Row.plain(Line.of(f"line {n}")) for n in range(50)))

    view = TextView()
    app = OnePane(view)
    async with app.run_test(size=(40, 10)) as pilot:
        view.show_content("Lines", painter, LOOK, Status(Word.LIVE, 1.0))
        await pilot.pause()
        assert "line 0" in screen_text(app) and "+42 more" in screen_text(app)
        view.page(1)
        await pilot.pause()
        assert "line 7" in screen_text(app) and "↑" in screen_text(app)
        view.to_bottom()
        await pilot.pause()
        assert "line 49" in screen_text(app)
        view.move(-1)
        await pilot.pause()
        assert "line 48" in screen_text(app) and "line 49" not in screen_text(app)
        view.to_top()
        await pilot.pause()
        assert "line 0" in screen_text(app)
        assert view.value_under_cursor().startswith("line 0\nline 1\n")


async def test_the_breadcrumb_says_where_one_is() -> None:
    header = Header()
    app = OnePane(header)
    async with app.run_test(size=(120, 10)) as pilot:
        header.show_view(incident().header, LOOK, "checkout › POST /orders")
        await pilot.pause()
        assert "checkout › POST /orders  payments-gateway" in screen_text(app)


# Themes, NO_COLOR, ASCII


@pytest.mark.parametrize("theme", PALETTES)
async def test_every_theme_shows_the_same_words(theme: str) -> None:
    app = Gallery(incident(), theme)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        text = screen_text(app)
    reference = Gallery(incident())
    async with reference.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert screen_text(reference) == text


async def test_switching_the_theme_repaints_every_line() -> None:
    app = Gallery(incident())
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        before = {
            s.style.color for line in range(3, 10) for s in app.query_one(SignalsPane).render_line(line) if s.style
        }
        app.theme = PALETTES["light"].textual.name
        await pilot.pause()
        after = {
            s.style.color for line in range(3, 10) for s in app.query_one(SignalsPane).render_line(line) if s.style
        }
    assert before.isdisjoint(after)


async def test_no_color_shows_the_same_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    for theme in PALETTES:
        app = Gallery(incident(), theme)
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.pause()
            text = screen_text(app)
            assert "✖ INCIDENT" in text and "▸✖ gateway" in text and "● inventory" in text and "? UNKNOWN" in text
            styles = {s.style for strip in app.screen._compositor.render_strips(app.size) for s in strip if s.style}
            assert all(s.color is None or s.color.is_default for s in styles), theme
            assert any(s.dim for s in styles) and any(s.reverse for s in styles) and any(s.bold for s in styles)


async def test_ascii_terminals_get_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Canvas, "ascii_only", True)
    for make in SCREENS.values():
        app = Gallery(make())
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.pause()
            assert screen_text(app).isascii()
            assert "1 Signals =" in screen_text(app)


async def test_the_cursor_is_on_its_record_again_when_another_filter_is_read_source_by_source() -> None:
    records = tuple(record(place) for place in range(6))
    app, pane = log_app(LogsView(records=records, total=6, status=Status(Word.LIVE, 1.0)))
    async with app.run_test(size=(100, 30)):
        pane.show_view(pane.view, LOOK)
        pane.repaint()
        pane.move(-1)
        pane.move(-1)
        wanted = pane.selected()
        assert wanted == records[3]
        for partly in ((), records[:1], records[2:5]):
            reading = replace(pane.view, records=partly, total=len(partly), wanted_text=SafeText("more"))
            pane.show_view(reading, LOOK)
        assert pane.selected() == wanted
        pane.show_view(replace(pane.view, records=records[:2], wanted_text=None), LOOK)
        pane.show_view(replace(pane.view, records=records), LOOK)
        assert pane.selected() == records[1], "where it is gone the cursor stays near its place"
