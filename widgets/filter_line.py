"""The line that always says which filter is active, how much matches it, and what is being read."""

from __future__ import annotations

from console.state import LogsView, Word
from widgets.canvas import Canvas
from widgets.ink import Line
from widgets.numbers import lines_text

EVERYTHING = "no filter: every line"


def paint(view: LogsView, width: int, filter_text: str, search_text: str = "", marked: int = 0) -> Line:
    """The filter at the left; at the right how many lines match, the search and the marks.

    Args:
        filter_text: The active filter; `view` may still show the lines of the one before.
    """
    left = Line.of(" ", ("/", "key"), " ", (filter_text or EVERYTHING, "accent" if filter_text else "muted"))
    for right_ in _rights(view, filter_text, search_text, marked):
        if right_.width <= width // 2 or left.width + right_.width + 2 <= width:
            return left.beside(right_ + Line.of(" "), width)
    return left.fit(width)


def _rights(view: LogsView, filter_text: str, search_text: str, marked: int) -> list[Line]:
    """Longest to shortest."""
    if view.status.word is Word.LOADING:
        count = Line.of((view.status.detail or "reading the window", "warn"), (" · Esc gives up", "muted"))
        short = Line.of(("reading", "warn"))
    elif view.status.word is Word.FROZEN and view.filter_text != filter_text:
        count = short = Line.of(("frozen: P shows it", "warn"))
    else:
        count = short = Line.of((lines_text(view.total, about=view.estimated), "text"))
    search = Line.of(("find ", "label"), (search_text, "match"), "  ") if search_text else Line()
    marks = Line.of((f"{marked:,} marked", "marker"), "  ") if marked else Line()
    return [search + marks + count, marks + count, marks + short, short]


class FilterLine(Canvas):
    """One line under the header of the log screen."""

    DEFAULT_CSS = "FilterLine { height: 1; width: 100%; }"
    view: LogsView | None = None
    filter_text = ""
    search_text = ""
    marked = 0

    def show_view(self, view: LogsView, filter_text: str, search_text: str, marked: int) -> None:
        """Show this."""
        self.view, self.filter_text, self.search_text, self.marked = view, filter_text, search_text, marked
        self.repaint()

    def repaint(self) -> None:
        """Paint what it knows now."""
        if self.size.width > 0 and self.view is not None:
            self.show([paint(self.view, self.size.width, self.filter_text, self.search_text, self.marked)])

    def on_resize(self) -> None:
        """Another width shows more or less of it."""
        self.repaint()
