"""The log screen: how the lines of a filter run over the window, their patterns, the exceptions in them, the lines, and what
one of them says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from textual import events
from textual.containers import Horizontal, Vertical
from textual.geometry import Size
from textual.widget import Widget

from console.actions import Action
from console.domain.values import dataclass
from console.guard.sanitise import safe
from console.live.session import Session
from console.screens.base import ConsoleScreen
from console.state import ConsoleState, LogsView, Status, Word
from widgets.exceptions import ExceptionsPane
from widgets.fields import FieldsPane, Told
from widgets.filter_line import FilterLine
from widgets.histogram import HistogramPane
from widgets.logs import LinesPane, LogsPane
from widgets.pane import Pane
from widgets.patterns import PatternsPane

NARROW_COLUMNS = 100
"""Below this, patterns, exceptions and fields share one place."""
WIDE_COLUMNS = 170
"""From this on all three stand beside each other; below, patterns and exceptions share one place."""
LOW_ROWS = 14
"""Below this, one pane has all the room."""
FIELDS_SHARE = 0.38
"""Share of the width that the fields take beside the patterns."""
FIELDS_SHARE_OF_THREE = 0.28
"""The same beside patterns and exceptions."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Heights and widths in cells; 0: not shown beside the lines."""

    histogram_rows: int
    middle_rows: int
    fields_columns: int
    all_beside: bool = False
    """Whether patterns and exceptions stand beside each other."""


def plan(size: Size) -> Plan:
    """Divide the space between header and footer. It depends on the size alone, so that nothing jumps."""
    if size.height < LOW_ROWS:
        return Plan(0, 0, 0)
    fields = 0 if size.width < NARROW_COLUMNS else round(size.width * FIELDS_SHARE)
    if size.width >= WIDE_COLUMNS:
        fields = round(size.width * FIELDS_SHARE_OF_THREE)
    middle = max(6, min(16, size.height * 28 // 100))
    return Plan(max(5, min(9, size.height // 6)), middle, fields, size.width >= WIDE_COLUMNS)


class LogsScreen(ConsoleScreen):
    """Five panes on the lines of one filter; patterns, fields and exceptions are those of the window.

    Args:
        filter_text: The filter to look through, given back when the screen is left; None: the one that is active.
    """

    filters_here = True

    def __init__(
        self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action], filter_text: str | None = None
    ) -> None:
        super().__init__(session, crumbs, actions)
        self._own, self._before = filter_text, session.filter_text
        self.filter_line = FilterLine()
        self.histogram, self.patterns = HistogramPane(), PatternsPane()
        self.fields, self.lines, self.exceptions = FieldsPane(), LinesPane(), ExceptionsPane()
        self._middle = Horizontal(self.patterns, self.exceptions, self.fields, id="middle")
        self._chosen: Pane = self.patterns
        """The pane that shares its place with another where there is no room for both."""
        self._arrived = False
        """Whether lines of this screen's filter have been shown."""
        self._list: Pane = self.patterns
        """Patterns or exceptions, where there is room for one of them beside the fields."""
        self._of: Told | None = None
        """What the fields belong to."""
        self._view = LogsView()

    def body(self) -> Iterable[Widget]:
        yield self.filter_line
        yield Vertical(self.histogram, self._middle, self.lines, id="body")

    def panes(self) -> list[Pane]:
        return [self.histogram, self.patterns, self.fields, self.lines, self.exceptions]

    def first(self) -> Pane:
        """The lines."""
        return self.lines

    def on_mount(self) -> None:
        """Look through the filter."""
        problem = self.session.try_filter(self._own) if self._own is not None else None
        if problem:
            self.post_message(self.Notice(problem))
        super().on_mount()
        self.divide()

    def pane_name(self) -> str:
        """All of it is about logs."""
        return "logs"

    def lines_pane(self) -> LogsPane:
        """The one with the lines, wherever the cursor is."""
        return self.lines

    # What is shown.

    def tail(self) -> LogsPane:
        """The records."""
        return self.lines

    def show_body(self, state: ConsoleState) -> None:
        view, markers = self._matching(state.logs), state.signals.axis.markers if state.signals is not None else ()
        self._view = view
        self.filter_line.show_view(view, self.session.filter_text, self.session.search_text, len(self.session.marks))
        self.histogram.show_view(view, self.look, markers)
        self.patterns.show_view(view, self.look, view.patterns_status)
        self.exceptions.show_view(view, self.look)
        self._point_to_exceptions()
        self.lines.show_view(view, self.look)
        self._show_fields()

    def _matching(self, view: LogsView) -> LogsView:
        """The view, without lines of the filter of another screen while those of this one are being read."""
        if view.filter_text == safe(self.session.filter_text):
            self._arrived = True
        elif view.status.word is Word.LIVE:
            view = replace(view, status=Status(Word.LOADING))  # the collector has not heard of the filter yet
        return view if self._arrived else replace(view, counts=None, records=(), total=0, rate_per_min=None, skipped=0)

    def _show_fields(self) -> None:
        pane = self.current()
        selected = pane.selected() if pane in (self.patterns, self.exceptions) else self.lines.selected()
        if pane is not self.fields and isinstance(selected, Told):
            self._of = selected
        self.fields.show_fields(self._of, self._view, self.look)

    def on_pane_moved(self, _message: Pane.Moved) -> None:
        """What is selected is told beside it."""
        self._show_fields()

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        """In another pane something else is selected."""
        self._show_fields()

    def here(self) -> object | None:
        """What is selected; in the fields, what they belong to."""
        return self._of if self.current() is self.fields else self.current().selected()

    # Layout.

    def on_resize(self, _event: events.Resize) -> None:
        """Divide the new size."""
        self.divide()

    def divide(self) -> None:
        """Give every pane its place."""
        made = plan(Size(self.size.width, self.size.height - 4))
        shown = self._shown(made)
        for pane in self.panes():
            pane.display = pane in shown
        self._middle.display = bool({self.patterns, self.exceptions, self.fields} & shown)
        alone = len(shown) == 1
        self.histogram.styles.height = "1fr" if alone else made.histogram_rows
        self._middle.styles.height = "1fr" if alone else made.middle_rows
        beside = {self.patterns, self.exceptions} & shown
        self.fields.styles.width = made.fields_columns if beside else "1fr"
        self._point_to_exceptions()

    def _point_to_exceptions(self) -> None:
        """What has no room is not forgotten."""
        found = len(self._view.exceptions)
        told = f"{self.exceptions.number}: {found} exception{'s' if found != 1 else ''}"
        self.patterns.point_to(told if found and not self.exceptions.display else "")

    def _shown(self, made: Plan) -> set[Pane]:
        if self._zoomed is not None:
            return {self._zoomed}
        if not made.middle_rows:
            return {self.current()}
        if made.all_beside:
            middle = {self.patterns, self.exceptions, self.fields}
        else:
            middle = {self._list, self.fields} if made.fields_columns else {self._chosen}
        return {self.histogram, self.lines, *middle}

    def go_to(self, number: int) -> None:
        """Where there is no room for all, the pane takes the place of another."""
        panes = self.panes()
        if not 1 <= number <= len(panes):
            super().go_to(number)
            return
        self._show_fields()  # of what is selected now: a pane that was hidden a moment ago had nothing when it got the cursor
        pane = panes[number - 1]
        if pane in (self.patterns, self.fields, self.exceptions):
            self._chosen = pane
        if pane in (self.patterns, self.exceptions):
            self._list = pane
        if self._zoomed is not None:
            self._zoomed = pane
        pane.display = True  # what is hidden cannot be focused
        self.set_focus(pane)
        self.divide()

    def cycle(self, step: int) -> None:
        """The next pane, also where it shares its place with another."""
        panes = self.panes()
        self.go_to((panes.index(self.current()) + step) % len(panes) + 1)

    def _give_all_to(self, pane: Pane | None) -> None:
        self._zoomed = pane
        self.divide()

    # Leaving.

    def do_back(self) -> None:
        """Give the filter back that was active before."""
        if self._own is not None:
            self.session.try_filter(self._before)
        super().do_back()

    def do_cancel(self) -> None:
        """The zoom first; then a filter that is still being read; then the screen."""
        shown = self.session.state().logs
        if self._zoomed is None and self._arrived and shown.wanted_text not in (None, shown.filter_text):
            self.session.try_filter(shown.filter_text)
            self.post_message(self.Notice(f"given up; the filter is {shown.filter_text or 'empty'} again"))
        else:
            super().do_cancel()

    def _not_here(self) -> dict[str, str]:
        return {**super()._not_here(), "logs": "this is the log screen"}
