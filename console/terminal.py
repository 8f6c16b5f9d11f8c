"""Where we lean on private names of Textual 8.2.8, beside `console.keyboard`; each is tested against that release.

`TerminalCare` is mixed into the application. It does what Textual does not:

- **Cells, not widgets.** Textual repaints from the left edge of a widget to the end of a change, every segment with its
  full colour codes. Here a model of the terminal says which cells really differ, and only those are sent, with only
  those codes that change. Measured on six panes at 120x40: a seventh of the bytes.
- **A slow terminal waits alone.** When more frames wait for the terminal than it takes, nothing is painted until it has
  caught up; the event loop, the collectors and the journal go on. What was left out is then painted once.
- **An end that comes.** Told to end, the program ends, also when the terminal takes nothing more or is gone; an error that
  nobody caught becomes one sentence, never a traceback with the values of variables.
- **Clean lines.** A filter takes characters that a terminal obeys out of every line, whoever painted it; another leaves no
  colour at all under `NO_COLOR`.

Private names used: `App._display`, `App._handle_exception`, `App._fatal_error`, `App._close_messages_no_wait`, `App._driver`, `App._filters`, `App._begin_update`, `App._end_update`,
`Driver._mouse`, `LinuxDriver._enable_mouse_support` and `_disable_mouse_support`, `WriterThread._queue`, and the
attributes of the two updates of `textual._compositor`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from queue import Empty
from typing import Any, TypeAlias

from rich.color import Color as RichColor
from rich.color import ColorSystem
from rich.console import RenderableType
from rich.segment import Segment
from rich.style import Style
from textual import on
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App, ReturnType
from textual.color import Color
from textual.driver import Driver
from textual.events import Resize
from textual.filter import ANSIToTruecolor, LineFilter, Monochrome, NoColor
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from console.guard.sanitise import UNSAFE
from console.leaving import Insistence, drop_output
from widgets.cells import Cell, cells_of, changed_spans
from widgets.glyphs import to_ascii

MOST_QUEUED = 4
"""Frames that may wait for the terminal before painting stops; Textual's queue holds 30 and then blocks the loop."""
CATCH_UP_S = 0.1


class Neutralise(LineFilter):
    """Takes what a terminal obeys out of painted text, one visible cell where the character took one. Styles are kept."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments, clean."""
        return [
            segment
            if segment.text.isascii() and segment.text.isprintable()
            else Segment(UNSAFE.sub("", segment.text), segment.style or Style.null(), None)
            for segment in segments
        ]


def install_neutralise(app: App[Any]) -> None:
    """Let every line of every widget of `app` pass the filter; once is enough, more does no harm."""
    if not any(isinstance(known, Neutralise) for known in app._filters):
        app._filters.append(Neutralise())


class AsciiOnly(LineFilter):
    """Likens every painted character to one of ASCII, as wide as before; for widgets that are not our own as well."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments in ASCII."""
        return [
            segment if segment.text.isascii() else Segment(to_ascii(segment.text), segment.style or Style.null(), None)
            for segment in segments
        ]


def install_ascii(app: App[Any]) -> None:
    """Let every line of every widget of `app` be in ASCII."""
    app._filters.append(AsciiOnly())


def install_no_color(app: App[Any]) -> None:
    """Let `NO_COLOR` mean no colour whatever the theme.

    Textual decides at its start, by the theme of that moment: themes with own colours become grey, which a terminal of
    sixteen colours shows as black on black, and dimming becomes a colour that is then lost.
    """
    if app.no_color:
        kept = [known for known in app._filters if not isinstance(known, (Monochrome, NoColor, ANSIToTruecolor))]
        app._filters[:] = [*kept, NoColor()]


def set_mouse(app: App[Any], on: bool) -> bool:
    """Take the mouse, or leave it to the terminal and its own selection.

    Returns:
        Whether the mouse is taken now; False where the driver has no mouse.
    """
    driver = app._driver
    enable, disable = (getattr(driver, name, None) for name in ("_enable_mouse_support", "_disable_mouse_support"))
    if driver is None or enable is None or disable is None:
        return False
    if on:
        driver._mouse = True
        enable()
    else:
        disable()  # does nothing once the driver believes that it has no mouse
        driver._mouse = False
    driver.flush()
    return on


def terminal_is_behind(app: App[Any], most: int = MOST_QUEUED) -> bool:
    """Whether more than `most` frames wait for the terminal to take them."""
    queue = _waiting_frames(app)
    return queue is not None and queue.qsize() > most


def drop_frames(app: App[Any]) -> None:
    """Throw away what waits for the terminal, so that a new frame would be taken at once."""
    queue = _waiting_frames(app)
    try:
        while queue is not None:
            if queue.get_nowait() is None:
                queue.put_nowait(None)  # the thread that writes is asked to end: that must not be lost
                break
    except Empty:
        pass
    drop_output()


def _waiting_frames(app: App[Any]) -> Any:
    return getattr(getattr(app._driver, "_writer_thread", None), "_queue", None)


class TerminalModel:
    """What the terminal shows now, cell by cell, and the shortest way to make it show something else."""

    def __init__(self) -> None:
        self._rows: list[list[Cell]] = []
        self._size = (0, 0)

    def forget(self) -> None:
        """The terminal may show anything: the next update sends every cell."""
        self._rows = []
        self._size = (0, 0)

    def encode(self, update: ChopsUpdate | LayoutUpdate, size: tuple[int, int], system: ColorSystem) -> str:
        """The bytes that bring the terminal from what it shows to what `update` says; empty where it shows that already."""
        width, height = size
        if size != self._size:
            self._rows = [[] for _ in range(height)]
            self._size = size
        pen = _Pen(system)
        for y, x, strip in _painted(update):
            if 0 <= y < height:
                self._paint(pen, y, x, strip, width)
        return pen.finish()

    def _paint(self, pen: _Pen, y: int, x: int, strip: Strip, width: int) -> None:
        row = self._rows[y]
        cells = cells_of((segment.text, segment.style or Style.null()) for segment in strip if not segment.control)
        new = [_blank(cell[1]) if cell[0] == " " else cell for cell in cells[: max(0, width - x)]]
        if len(row) < x:
            row.extend([("", None)] * (x - len(row)))
        for begin, end in changed_spans(row[x : x + len(new)], new):
            pen.write(y, x + begin, new[begin:end])
        row[x : x + len(new)] = new


def _painted(update: ChopsUpdate | LayoutUpdate) -> Iterable[tuple[int, int, Strip]]:
    """Every strip of an update with its place. A partial one gives whole chops: the model finds what changed in them."""
    if isinstance(update, LayoutUpdate):
        left, top = update.region.x, update.region.y
        for y, strips in enumerate(update.strips, top):
            x = left
            for strip in strips:
                yield y, x, strip
                x += strip.cell_length
        return
    done: set[tuple[int, int]] = set()
    for y, begin, end in update.spans:
        for chop_end, (x, chop) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            # A chop outside the span may lack the widgets in front of it: only what the span touches is complete.
            if chop is not None and x < end and chop_end > begin and (y, x) not in done:
                done.add((y, x))
                yield y, x, chop


_StyleCodes: TypeAlias = tuple[str, str, str, str]
"""Attributes, foreground, background and link."""
NO_CODES: _StyleCodes = ("", "", "", "")
_INKED = frozenset({"4", "7", "9"})
"""Underline, reverse, strike: the attributes that a blank shows."""


@lru_cache(4096)
def _blank_style(style: Style) -> Style:
    if style.underline or style.reverse or style.strike or style.link:
        return style
    return Style(bgcolor=style.bgcolor)


def _blank(style: object) -> Cell:
    """A blank in the least style that looks the same, so that blanks of any text colour are equal."""
    return " ", _blank_style(style) if isinstance(style, Style) else style


class _Pen:
    """Collects output, remembering where the cursor is and which style is on."""

    def __init__(self, system: ColorSystem) -> None:
        self._system = system
        self._out: list[str] = []
        self._at: tuple[int, int] | None = None
        self._row = -1
        self._style = NO_CODES

    def write(self, y: int, x: int, cells: list[Cell]) -> None:
        """Put these cells at a place."""
        for text, style in cells:
            if text:
                self._move(y, x)
                codes = _codes(style, self._system) if isinstance(style, Style) else NO_CODES
                if text != " " or not self._shows_blank(codes):
                    self._switch(codes)
                self._out.append(text)
                # Terminals disagree about the width of what is not plain: the next cell is addressed anew.
                self._at = (y, x + 1) if len(text) == 1 and (text.isascii() or _narrow(text)) else None
            x += 1

    def _shows_blank(self, codes: _StyleCodes) -> bool:
        """Whether a blank looks as it should in the style that is on: only the ground and lines through it show."""
        attributes, _, ground, link = self._style
        return not codes[0] and codes[2:] == (ground, link) and _INKED.isdisjoint(attributes.split(";"))

    def _move(self, y: int, x: int) -> None:
        if self._at == (y, x):
            return
        self._out.append(f"\x1b[{x + 1}G" if self._row == y else f"\x1b[{y + 1};{x + 1}H")
        self._row = y

    def _switch(self, style: _StyleCodes) -> None:
        old = self._style
        if style == old:
            return
        if style[3] != old[3]:
            self._out.append(f"\x1b]8;;{style[3]}\x1b\\")
        if style[0] != old[0]:
            codes = ["0", *(code for code in style[:3] if code)]
        else:
            codes = [
                new or default
                for new, was, default in zip(style[1:3], old[1:3], ("39", "49"), strict=True)
                if new != was
            ]
        if codes:
            self._out.append(f"\x1b[{';'.join(codes)}m")
        self._style = style

    def finish(self) -> str:
        """Everything written, the style switched off at the end."""
        if self._style[3]:
            self._out.append("\x1b]8;;\x1b\\")
        if any(self._style[:3]):
            self._out.append("\x1b[0m")
        return "".join(self._out)


def _narrow(character: str) -> bool:
    """Box drawing, blocks, braille and Latin: one cell in every terminal."""
    code = ord(character)
    return 0xA1 <= code < 0x250 or 0x2500 <= code < 0x25A0 or 0x2800 <= code < 0x2900


@lru_cache(4096)
def _codes(style: Style, system: ColorSystem) -> _StyleCodes:
    """Attributes, foreground, background and link of a style."""
    marks = (
        (style.bold, "1"), (style.dim, "2"), (style.italic, "3"), (style.underline, "4"), (style.blink, "5"),
        (style.reverse, "7"), (style.conceal, "8"), (style.strike, "9"),
    )  # fmt: skip
    attributes = ";".join(code for on, code in marks if on)
    return attributes, _color(style.color, system, True), _color(style.bgcolor, system, False), style.link or ""


def _color(color: RichColor | None, system: ColorSystem, foreground: bool) -> str:
    if color is None or color.is_default:
        return ""
    return ";".join(color.downgrade(system).get_ansi_codes(foreground))


class TerminalCare(App[ReturnType]):
    """An application that sends changed cells only and lets a slow terminal wait alone. Mixed in before `App`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._terminal = TerminalModel()
        self._owed = False
        self._insistence = Insistence(lambda: drop_frames(self))
        self.crash: Exception | None = None
        """What ended the application although nobody asked it to."""
        install_neutralise(self)
        install_no_color(self)

    # Leaving.

    def exit(
        self, result: ReturnType | None = None, return_code: int = 0, message: RenderableType | None = None
    ) -> None:
        """End, also where the terminal takes nothing any more."""
        super().exit(result, return_code, message)
        if self._driver is not None and not self.is_headless:
            self._insistence.start(return_code)

    def run(self, **options: Any) -> ReturnType | None:
        """Run until the end; the screen is closed when this returns."""
        try:
            return super().run(**options)
        finally:
            self._insistence.ended()

    def _handle_exception(self, error: Exception) -> None:
        self.crash = self.crash or error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        self._close_messages_no_wait()

    def panic(self, *renderables: RenderableType) -> None:
        """End because of an error; what it was is told by whoever ran the application."""
        self.crash = self.crash or RuntimeError("the keyboard cannot be read")
        self._close_messages_no_wait()

    # Painting.

    def forget_terminal(self) -> None:
        """The terminal may show anything: after a suspension, for `redraw`. Paints everything again."""
        self._terminal.forget()
        if self._screen_stack:
            self.screen.refresh()

    @on(Driver.SignalResume)
    def _painted_over(self) -> None:
        """Back in the foreground: another program has painted meanwhile."""
        self.forget_terminal()

    @on(Resize)
    def _reflowed(self) -> None:
        """A terminal moves its lines about when its size changes, even where it comes back to the old one."""
        self.forget_terminal()

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        if not isinstance(renderable, (ChopsUpdate, LayoutUpdate)) or not self._may_paint():
            super()._display(screen, renderable)
            return
        try:
            if terminal_is_behind(self):
                self._owe()
                return
            self._show(renderable)
        finally:
            self.post_display_hook()

    def paint_ahead(self, widget: Widget) -> None:
        """Show what a widget of the screen in front says, ahead of the next frame; nothing may stand in front of it.

        Frames come every sixtieth of a second, and one after a dialog goes costs three of them; what somebody waits for is one line.
        """
        region = widget.region
        if region and self._may_paint() and not terminal_is_behind(self):
            lines = widget.render_lines(region.reset_offset)
            self._show(LayoutUpdate([[line] for line in lines], region))

    def _show(self, update: ChopsUpdate | LayoutUpdate) -> None:
        data = self._terminal.encode(update, (self.size.width, self.size.height), self._color_system())
        if data:
            self._send(data)

    def _may_paint(self) -> bool:
        driver = self._driver
        ready = self._running and not self._closed and not self._batch_count and driver is not None
        return bool(ready and not self.is_headless and driver is not None and not driver.is_inline)

    def _send(self, data: str) -> None:
        driver = self._driver
        if driver is None:
            return
        x, y = self.screen.outer_size.clamp_offset(self.cursor_position)
        self._begin_update()
        try:
            driver.write(f"{data}\x1b[{y + 1};{x + 1}H")
        finally:
            self._end_update()
        driver.flush()

    def _color_system(self) -> ColorSystem:
        names = {"standard": ColorSystem.STANDARD, "256": ColorSystem.EIGHT_BIT, "windows": ColorSystem.WINDOWS}
        return names.get(self.console.color_system or "", ColorSystem.TRUECOLOR)

    def _owe(self) -> None:
        """Paint everything once the terminal has caught up; the model then sends only what differs."""
        if not self._owed:
            self._owed = True
            self.set_timer(CATCH_UP_S, self._catch_up, name="terminal catches up")

    def _catch_up(self) -> None:
        self._owed = False
        if terminal_is_behind(self, 0):
            self._owe()
            return
        self.screen.refresh()
