"""Drill-downs of one thing: an upstream, a record; and what all lists of a drill-down have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.containers import Vertical
from textual.widget import Widget

from console.actions import Action
from console.domain.logs import LogRecord, record_id
from console.live.details import quoted
from console.live.session import Session
from console.screens.base import ConsoleScreen
from console.screens.record_lines import RecordLines
from console.state import ConsoleState, Status, UpstreamRow
from widgets import details
from widgets.body import Body, Look
from widgets.pane import Pane
from widgets.text_view import TextView


class DetailScreen(ConsoleScreen):
    """What is known of one thing, as a list; subclasses say how it is painted."""

    title_shown = "Detail"

    def __init__(self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action]) -> None:
        super().__init__(session, crumbs, actions)
        self.list = TextView()

    def body(self) -> Iterable[Widget]:
        yield Vertical(self.list, id="body")

    def panes(self) -> list[Pane]:
        return [self.list]

    def show_body(self, state: ConsoleState) -> None:
        self.list.show_content(
            self.title_shown,
            lambda width, height, look: self.painted(state, width, height, look),
            self.look,
            self.pane_status(state),
        )

    def painted(self, state: ConsoleState, width: int, height: int, look: Look) -> Body:
        """The list in this size."""
        raise NotImplementedError

    def pane_status(self, state: ConsoleState) -> Status | None:
        """How far the list can be trusted; None: it is what it is."""
        return None


class RecordScreen(DetailScreen):
    """Every field and line of one record."""

    def __init__(self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action], record: LogRecord) -> None:
        super().__init__(session, crumbs, actions)
        self._record = record

    def here(self) -> object:
        return self._record

    def show_body(self, state: ConsoleState) -> None:
        self.title_shown = "Record · marked" if record_id(self._record) in self.session.marks else "Record"
        super().show_body(state)

    def painted(self, state: ConsoleState, width: int, height: int, look: Look) -> Body:
        return details.record(self._record, width, height, look)


class UpstreamScreen(ConsoleScreen):
    """A dependency: its state and probes, and the lines that name it."""

    def __init__(self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action], row: UpstreamRow) -> None:
        super().__init__(session, crumbs, actions)
        self._row = row
        self.list = TextView()
        query = f"level:>=warn {quoted(row.state.name)}"
        self.lines = RecordLines(session, 2, query, f"Lines that name {row.state.name}")

    def body(self) -> Iterable[Widget]:
        yield Vertical(self.list, self.lines, id="body")

    def panes(self) -> list[Pane]:
        return [self.list, self.lines]

    def show_body(self, state: ConsoleState) -> None:
        row = next((r for r in state.upstreams.rows if r.state.name == self._row.state.name), self._row)
        self.list.show_content(
            f"Upstream {row.state.name}",
            lambda width, height, look: details.upstream(row, width, height, look),
            self.look,
            state.upstreams.status,
        )
        self.lines.show_state(state)
