"""A framed part of the screen: title, state and age on its border, a cursor row, scrolling, copying.

Keys arrive through the application's actions, which call the methods here. Painting is guarded: an error in a painter
shows one sentence in its pane and ends nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from textual.events import Blur, Click, Focus, MouseScrollDown, MouseScrollUp, Resize
from textual.message import Message

from console.guard.sanitise import safe
from console.state import Status
from widgets.body import Body, Look, Row, note
from widgets.canvas import Canvas
from widgets.frame import Frame
from widgets.ink import Line
from widgets.scroll import Placed, place


class Pane(Canvas, can_focus=True):
    """Base of every pane. A subclass has `number`, `title` and `body`."""

    number = 0
    """The digit that jumps to it; 0: none."""
    title = ""
    about = ""
    """What it shows and what its signs mean, for the help; empty: its title says it."""

    @dataclass
    class Moved(Message):
        """The cursor stands on another row."""

        pane: Pane

        @property
        def control(self) -> Pane:
            """The pane it happened in."""
            return self.pane

    @dataclass
    class Selected(Message):
        """A row was opened; `value` is what it stands for."""

        pane: Pane
        value: object

        @property
        def control(self) -> Pane:
            """The pane it happened in."""
            return self.pane

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.look = Look()
        self.failure = ""
        """Why it could not be painted the last time; empty: it could."""
        self._focused = False
        self._body = Body()
        self._placed = Placed()
        self._index = 0
        self._key = ""
        self._offset = 0

    # What a subclass gives

    def body(self, width: int, height: int) -> Body:
        """The inside, for this many cells and lines."""
        return Body()

    def status(self) -> Status | None:
        """The state word and age for the border; None: the pane has no data of its own."""
        return None

    def title_text(self) -> str:
        """The title; subclasses may put in what is shown."""
        return self.title

    def filter_text(self) -> str:
        """What narrows the pane down, shown behind the title."""
        return ""

    def facts(self) -> str:
        """A few words before the state: `412 · 61/min`."""
        return ""

    @property
    def follows_end(self) -> bool:
        """Whether it keeps its end in view, as a log tail does."""
        return False

    @property
    def awaits_rows(self) -> bool:
        """Whether further rows are being read: the thing under the cursor may be among them, and has the cursor again then."""
        return False

    # Painting

    def repaint(self) -> None:
        """Paint what it knows now; cheap when nothing changed, and never raises."""
        self._paint()

    def grow_older(self) -> None:
        """Paint the border anew, as where only the age of what is shown moved on."""
        self._paint(again=False)

    def _paint(self, *, again: bool = True) -> None:
        """Paint.

        Args:
            again: The inside too; else it stays as it was painted the last time.
        """
        width, height = self.size
        if width <= 0 or height <= 0:
            return
        try:
            frame = self._frame(width, height)
            if again or self.failure:
                self._place(frame)
            lines = self._around(frame)
            self.failure = ""
        except Exception as error:
            self.failure = safe(
                f"this pane could not be painted ({type(error).__name__}: {error}); the others go on", 400
            )
            lines = self._frame(width, height).around([], note(self.failure, max(1, width - 4)).rows[0].lines)
        self.show(lines)

    def shows(self, shown: object, view: object, look: Look) -> bool:
        """Whether painting `view` would change nothing: it equals what is `shown`, in the same zone and minute."""
        same_minute = look.now // 60 == self.look.now // 60
        return bool(self.lines) and same_minute and look.zone == self.look.zone and shown == view

    def _place(self, frame: Frame) -> None:
        self._body = self.body(frame.inner_width, frame.inner_height)
        self._find_cursor()
        self._placed = place(self._body, frame.inner_height, self._current_row(), self._offset, to_end=self.follows_end)
        self._offset = self._placed.offset

    def _around(self, frame: Frame) -> list[Line]:
        marks = [self._focused and row is not None and row is self._current_row() for row in self._placed.owners]
        return frame.around(marks, self._placed.lines, self._placed.hidden_text)

    def _frame(self, width: int, height: int) -> Frame:
        return Frame(
            width,
            height,
            self.number,
            self.title_text(),
            self.filter_text(),
            self.facts(),
            self.status(),
            focused=self._focused,
            zone=self.look.zone,
        )

    def _selectable(self) -> list[Row]:
        return [row for row in self._body.all_rows if row.value is not None]

    def _current_row(self) -> Row | None:
        rows = self._selectable()
        return rows[self._index] if 0 <= self._index < len(rows) else None

    def _find_cursor(self) -> None:
        """Keep the cursor on its thing; where that is gone, near its place. What follows its end has it on the last row."""
        rows = self._selectable()
        if self.follows_end and rows:
            self._index, self._key = len(rows) - 1, ""
            return
        if self._key:
            for number, row in enumerate(rows):
                if row.key == self._key:
                    self._index = number
                    return
        self._index = max(0, min(self._index, len(rows) - 1))
        if not self.awaits_rows:
            self._key = rows[self._index].key if rows and self._key else ""

    # Moving

    def move(self, delta: int) -> None:
        """The cursor `delta` selectable rows down, clamped to what there is."""
        rows = self._selectable()
        if not rows:
            self._scroll_by(delta)
            return
        self._go(max(0, min(len(rows) - 1, self._index + delta)))

    def page(self, delta: int) -> None:
        """The cursor `delta` pages down."""
        shown = len({id(row) for row in self._placed.owners if row is not None and row.value is not None})
        self.move(delta * max(1, shown - 1 if shown else self.size.height - 3))

    def to_top(self) -> None:
        """The cursor on the first row."""
        self._offset = 0
        self.move(-len(self._body.all_rows))

    def to_bottom(self) -> None:
        """The cursor on the last row."""
        self.move(len(self._body.all_rows) + sum(len(row.lines) for row in self._body.rows))

    def _scroll_by(self, delta: int) -> None:
        self._offset = max(0, self._offset + delta)
        self.repaint()

    def _go(self, index: int) -> None:
        rows = self._selectable()
        self._index = index
        self._key = rows[index].key
        self.repaint()
        self.post_message(self.Moved(self))

    def select_key(self, key: str) -> bool:
        """Put the cursor on the row with this key; False where there is none.

        What has not been painted yet takes it up when it is.
        """
        for number, row in enumerate(self._selectable()):
            if row.key == key:
                self._go(number)
                return True
        if not self._body.all_rows:
            self._key = key
        return False

    def forget_place(self) -> None:
        """The cursor on the first row and nothing scrolled: what is shown from now on is another thing."""
        self._index, self._key, self._offset = 0, "", 0

    # Taking

    def selected(self) -> object | None:
        """The value under the cursor; None on an empty pane."""
        row = self._current_row()
        return row.value if row is not None else None

    def open_selected(self) -> bool:
        """Announce that the row under the cursor was opened; False where there is nothing to open."""
        value = self.selected()
        if value is None:
            return False
        self.post_message(self.Selected(self, value))
        return True

    def value_under_cursor(self) -> str:
        """What `y` copies; the whole visible text where no row can be selected."""
        row = self._current_row()
        return row.text if row is not None else self.plain_text()

    def command_under_cursor(self) -> str | None:
        """What `Y` copies; None where nothing gives it again."""
        row = self._current_row()
        return (row.command or None) if row is not None else None

    def plain_text(self) -> str:
        """Everything in it, unscrolled, as plain lines."""
        return "\n".join(line.text.rstrip() for row in self._body.all_rows for line in row.lines)

    # What Textual tells

    def on_focus(self, _event: Focus) -> None:
        """The pane has the keys."""
        self._focused = True
        self.repaint()

    def on_blur(self, _event: Blur) -> None:
        """Another pane has the keys."""
        self._focused = False
        self.repaint()

    def on_resize(self, _event: Resize) -> None:
        """Another size is another layout."""
        self.repaint()

    def on_click(self, event: Click) -> None:
        """Select what was clicked; open it on the second click."""
        place_of = event.y - 1
        row = self._placed.owners[place_of] if 0 <= place_of < len(self._placed.owners) else None
        rows = self._selectable()
        for number, candidate in enumerate(rows):
            if candidate is row:
                self._go(number)
                if event.chain == 2:
                    self.open_selected()
                return

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Three rows down."""
        event.stop()
        self.move(3)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Three rows up."""
        event.stop()
        self.move(-3)


class HasStatus(Protocol):
    """What a pane of the state shows."""

    @property
    def status(self) -> Status:
        """How far what it shows can be trusted."""
        ...


V = TypeVar("V", bound=HasStatus | None)


def ageless(view: V) -> V:
    """The view without its age, which stands on the border alone."""
    if view is None:
        return view
    return replace(view, status=replace(view.status, age_s=None))  # type: ignore[type-var]


class ViewPane(Pane, Generic[V]):
    """A pane that shows one part of the console's state. A subclass has `paint_view` and the `view` to begin with."""

    view: V
    """What it shows; None: nothing is known yet."""

    def paint_view(self, view: V, width: int, height: int) -> Body:
        """The inside, for this many cells and lines."""
        return Body()

    def show_view(self, view: V, look: Look) -> None:
        """Show this; cheap when it is shown already, or has only grown older."""
        if self.shows(self.view, view, look):
            return
        older = self.shows(ageless(self.view), ageless(view), look)
        self.view, self.look = view, look
        self.grow_older() if older else self.repaint()

    def status(self) -> Status:
        """Of what it shows."""
        return self.view.status if self.view is not None else Status()

    def body(self, width: int, height: int) -> Body:
        """The painted view."""
        return self.paint_view(self.view, width, height)
