"""The quarantine for Textual's private names: the filter, the model of the terminal, the guard for slow ones."""

from __future__ import annotations

import inspect
from importlib.metadata import version
from queue import Queue
from types import SimpleNamespace
from typing import Any, cast

import pytest
import textual._compositor as compositor
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App, ComposeResult
from textual.color import Color
from textual.drivers._writer_thread import WriterThread
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Region
from textual.strip import Strip
from textual.widgets import Static

from console.guard.sanitise import UNSAFE
from console.terminal import (
    MOST_QUEUED,
    Neutralise,
    TerminalCare,
    TerminalModel,
    install_neutralise,
    set_mouse,
    terminal_is_behind,
)
from tests.widgets.samples import HOSTILE, WIDE
from tests.widgets.vt import Screen
from widgets.ink import Line

STYLES = {
    "text": Style.parse("#d7dadd on #121212"),
    "bad": Style.parse("bold #f0a030 on #121212"),
    "muted": Style.parse("#8b9299 on #121212"),
    "cursor": Style.parse("bold #ffffff on #005f87"),
    "under": Style.parse("underline #56b4e9 on #121212"),
    "plain": Style.null(),
    "reverse": Style.parse("reverse"),
}
WIDTH, HEIGHT = 24, 4
TEXT = st.text("ab12 …漢👍e\u0301▁│ ", max_size=12)
LINE = st.lists(st.tuples(TEXT, st.sampled_from(sorted(STYLES))), max_size=5).map(
    lambda spans: Line.of(*spans).fit(WIDTH)
)
SCREENS = st.lists(LINE, min_size=HEIGHT, max_size=HEIGHT)
UNACCENTED = LINE.filter(lambda line: "\u0301" not in line.text)
"""Textual cuts a line between a letter and its accent where a widget ends there; ours end in a border."""


def strip(line: Line) -> Strip:
    """A line as Textual has it."""
    return Strip([Segment(text, STYLES[style]) for text, style in line.spans], line.width)


def full(lines: list[Line]) -> LayoutUpdate:
    """An update of the whole screen."""
    return LayoutUpdate([[strip(line)] for line in lines], Region(0, 0, WIDTH, HEIGHT))


def partial(lines: list[Line], spans: list[tuple[int, int, int]], cut: int) -> ChopsUpdate:
    """An update of some spans, each line cut in two chops at `cut`."""
    chops = []
    for line in lines:
        left, right = strip(line).divide([cut, WIDTH])
        chops.append({0: left, cut: right})
    return ChopsUpdate(chops, spans, [[cut, WIDTH] for _ in lines])


def painted(lines: list[Line], system: ColorSystem = ColorSystem.TRUECOLOR) -> Screen:
    """A terminal that got everything at once."""
    screen = Screen(WIDTH, HEIGHT)
    screen.feed(TerminalModel().encode(full(lines), (WIDTH, HEIGHT), system))
    return screen


def test_the_release_is_the_one_that_was_read() -> None:
    assert version("textual") == "8.2.8"


def test_the_private_names_are_there() -> None:
    assert list(inspect.signature(App._display).parameters) == ["self", "screen", "renderable"]
    assert list(inspect.signature(ChopsUpdate.__init__).parameters) == ["self", "chops", "spans", "chop_ends"]
    assert list(inspect.signature(LayoutUpdate.__init__).parameters) == ["self", "strips", "region"]
    assert all(hasattr(App, name) for name in ("_begin_update", "_end_update"))
    assert hasattr(App(), "_filters") and hasattr(App(), "_driver")
    assert "_queue" in inspect.getsource(WriterThread) and "self._writer_thread" in _linux_driver()
    assert "ChopsUpdate(" in inspect.getsource(compositor.Compositor.render_partial_update)


def _linux_driver() -> str:
    from textual.drivers import linux_driver

    return inspect.getsource(linux_driver)


# The model


@settings(max_examples=150, deadline=None)
@given(SCREENS, SCREENS, SCREENS, st.sampled_from((ColorSystem.TRUECOLOR, ColorSystem.EIGHT_BIT, ColorSystem.STANDARD)))
def test_differences_lead_to_the_same_screen(
    first: list[Line], second: list[Line], third: list[Line], system: ColorSystem
) -> None:
    model, screen = TerminalModel(), Screen(WIDTH, HEIGHT)
    for lines in (first, second, third):
        screen.feed(model.encode(full(lines), (WIDTH, HEIGHT), system))
        assert screen.visible() == painted(lines, system).visible()
    assert model.encode(full(third), (WIDTH, HEIGHT), system) == ""


@settings(max_examples=100, deadline=None)
@given(SCREENS, UNACCENTED, st.integers(0, HEIGHT - 1), st.integers(1, WIDTH - 1), st.data())
def test_partial_updates_change_what_their_spans_touch(
    before: list[Line], line: Line, y: int, cut: int, data: st.DataObject
) -> None:
    begin = data.draw(st.integers(0, WIDTH - 1))
    end = data.draw(st.integers(begin + 1, WIDTH))
    after = [*before[:y], line, *before[y + 1 :]]
    model, screen = TerminalModel(), Screen(WIDTH, HEIGHT)
    screen.feed(model.encode(full(before), (WIDTH, HEIGHT), ColorSystem.TRUECOLOR))
    screen.feed(model.encode(partial(after, [(y, begin, end)], cut), (WIDTH, HEIGHT), ColorSystem.TRUECOLOR))
    whole, old = painted(after).visible(), painted(before).visible()
    for place in range(HEIGHT):
        if place != y:
            assert screen.visible()[place] == old[place]
    # The chops that the span touches are new; the others may lack what lies over them and stay as they were.
    if begin < cut < end:
        assert screen.visible()[y] == whole[y] or _cuts_a_wide_character(before[y], line, cut)


def _cuts_a_wide_character(old: Line, new: Line, cut: int) -> bool:
    from widgets.cells import cells_of

    return any(not cells_of(line.spans)[cut][0] for line in (old, new))


def test_one_changed_digit_costs_a_move_a_style_and_a_character() -> None:
    lines = [Line.of(("errors ", "muted"), ("8.4", "bad")).fit(WIDTH)] + [Line().fit(WIDTH)] * 3
    model = TerminalModel()
    model.encode(full(lines), (WIDTH, HEIGHT), ColorSystem.TRUECOLOR)
    lines[0] = Line.of(("errors ", "muted"), ("8.5", "bad")).fit(WIDTH)
    data = model.encode(full(lines), (WIDTH, HEIGHT), ColorSystem.TRUECOLOR)
    assert data == "\x1b[1;10H\x1b[0;1;38;2;240;160;48;48;2;18;18;18m5\x1b[0m"


def test_after_forgetting_everything_is_sent_again() -> None:
    lines = [Line.of("abc").fit(WIDTH)] * HEIGHT
    model = TerminalModel()
    everything = model.encode(full(lines), (WIDTH, HEIGHT), ColorSystem.TRUECOLOR)
    assert model.encode(full(lines), (WIDTH, HEIGHT), ColorSystem.TRUECOLOR) == ""
    model.forget()
    assert model.encode(full(lines), (WIDTH, HEIGHT), ColorSystem.TRUECOLOR) == everything
    assert model.encode(full(lines), (WIDTH, HEIGHT + 1), ColorSystem.TRUECOLOR) == everything


def test_after_a_wide_character_the_next_cell_is_addressed_anew() -> None:
    data = TerminalModel().encode(
        full([Line.of(WIDE[:4] + "x").fit(WIDTH)] + [Line().fit(WIDTH)] * 3), (WIDTH, HEIGHT), ColorSystem.TRUECOLOR
    )
    assert "漢\x1b[3G字\x1b[5G" in data


# The filter


@pytest.mark.parametrize("text", HOSTILE)
def test_the_filter_takes_out_what_a_terminal_obeys_and_keeps_styles(text: str) -> None:
    bold = Style.parse("bold")
    clean = Neutralise().apply([Segment(text, bold), Segment("plain", None)], Color(0, 0, 0))
    assert not UNSAFE.search("".join(segment.text for segment in clean))
    assert clean[0].style == bold
    assert clean[1].text == "plain"


class Careless(TerminalCare[None]):
    """Shows a text without any care, as a library's widget might."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.shown = text

    def compose(self) -> ComposeResult:
        yield Static(self.shown, markup=False)
        yield Static(WIDE, markup=False)


@pytest.mark.parametrize("attack", [text for text in HOSTILE if "\ud800" not in text])
async def test_every_widgets_lines_pass_the_filter(attack: str) -> None:
    app = Careless(attack)
    async with app.run_test(size=(60, 10)) as pilot:
        await pilot.pause()
        install_neutralise(app)
        strips = app.screen._compositor.render_strips(app.size)
        text = "".join(segment.text for one in strips for segment in one)
        assert not UNSAFE.search(text)
        assert sum(isinstance(one, Neutralise) for one in app._filters) == 1


# Ahead of the frame


class Telling(TerminalCare[None]):
    """Paints for a terminal that only remembers what it was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []

    def compose(self) -> ComposeResult:
        yield Static("keys", markup=False)

    def _may_paint(self) -> bool:
        return True

    def _send(self, data: str) -> None:
        self.sent.append(data)


async def test_what_is_told_is_painted_ahead_of_the_frame_and_once() -> None:
    app = Telling()
    async with app.run_test(size=(40, 3)) as pilot:
        await pilot.pause()
        line = app.query_one(Static)
        line.update("it is on the disk")
        app.sent.clear()
        app.paint_ahead(line)
        assert len(app.sent) == 1
        assert "on the disk" in app.sent[0]
        line.refresh()
        await pilot.pause()
        assert not any("disk" in data for data in app.sent[1:])


async def test_a_widget_without_a_place_is_not_painted_ahead() -> None:
    app = Telling()
    async with app.run_test(size=(40, 3)) as pilot:
        await pilot.pause()
        app.sent.clear()
        app.paint_ahead(Static("nowhere"))
        assert app.sent == []


# The guard


def test_a_terminal_is_behind_when_frames_wait() -> None:
    queue: Queue[str] = Queue()
    app = cast("App[Any]", SimpleNamespace(_driver=SimpleNamespace(_writer_thread=SimpleNamespace(_queue=queue))))
    for _ in range(MOST_QUEUED):
        queue.put("frame")
    assert not terminal_is_behind(app)
    queue.put("one more")
    assert terminal_is_behind(app)


def test_without_a_driver_no_terminal_is_behind() -> None:
    assert not terminal_is_behind(cast("App[Any]", SimpleNamespace(_driver=None)))
    assert not terminal_is_behind(App())


# The mouse


def test_the_mouse_can_be_taken_and_given_back() -> None:
    app: App[None] = App()
    driver = LinuxDriver.__new__(LinuxDriver)  # its constructor takes over signals and the event loop
    written: list[str] = []
    driver._mouse, driver.write = False, written.append  # type: ignore[method-assign, assignment]
    app._driver = driver
    assert set_mouse(app, True) is True
    assert "\x1b[?1000h" in written
    written.clear()
    assert set_mouse(app, False) is False
    assert "\x1b[?1000l" in written
    written.clear()
    assert set_mouse(app, False) is False
    assert written == []


def test_without_a_driver_there_is_no_mouse() -> None:
    assert set_mouse(App(), True) is False
