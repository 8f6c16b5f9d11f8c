"""Drill-downs of one thing: a suspect, a change, an upstream, a record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.containers import Vertical
from textual.widget import Widget

from console.actions import Action
from console.domain.changes import DeployDetail
from console.domain.diagnosis import JudgedChange, Suspect
from console.domain.logs import LogRecord, record_id
from console.live.details import quoted
from console.live.session import Session
from console.screens.base import ConsoleScreen
from console.screens.record_lines import RecordLines
from console.state import ConsoleState, UpstreamRow
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
            self.title_shown, lambda width, height, look: self.painted(state, width, height, look), self.look
        )

    def painted(self, state: ConsoleState, width: int, height: int, look: Look) -> Body:
        """The list in this size."""
        raise NotImplementedError


class SuspectScreen(DetailScreen):
    """Evidence for and against one suspect; it follows the newest diagnosis."""

    def __init__(self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action], suspect: Suspect) -> None:
        super().__init__(session, crumbs, actions)
        self._suspect = suspect

    def painted(self, state: ConsoleState, width: int, height: int, look: Look) -> Body:
        known = state.diagnosis.suspects if state.diagnosis is not None else ()
        same = (s for s in known if (s.kind, s.subject) == (self._suspect.kind, self._suspect.subject))
        current = next(same, None)
        gone = "" if current is not None else " · no longer suspected, this is what stood against it"
        self.title_shown = f"Suspect {self._suspect.subject}{gone}"
        return details.suspect(current or self._suspect, width, height, look)


class ChangeScreen(DetailScreen):
    """One change: its standing, and for a deploy the commits it brought."""

    def __init__(
        self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action], change: JudgedChange
    ) -> None:
        super().__init__(session, crumbs, actions)
        self._turn_to(change)

    def on_mount(self) -> None:
        self._start()

    def _turn_to(self, change: JudgedChange) -> None:
        self._change = change
        self._detail: DeployDetail | None = None
        self.title_shown = f"{change.kind} {change.id}"

    def _start(self) -> None:
        if self._change.kind in ("deploy", "rollback"):
            self.run_worker(
                self._read(), name="deploy detail", group="deploy detail", exclusive=True, exit_on_error=False
            )

    def here(self) -> object:
        return self._change

    def show_change(self, change: JudgedChange) -> None:
        """Turn to another change in place."""
        self._turn_to(change)
        self.crumbs = (*self.crumbs[:-1], change.kind)
        self.list.to_top()
        self._start()
        self.show(self.session.state())

    async def _read(self) -> None:
        self.title_shown = f"{self._change.kind} {self._change.id} · reading the repository"
        answer = await self.session.deploy(self._change)
        self._detail = answer if isinstance(answer, DeployDetail) else None
        self.title_shown = f"{self._change.kind} {self._change.id}"
        if not isinstance(answer, DeployDetail):
            self.post_message(self.Notice(answer))
        self.show(self.session.state())

    def painted(self, state: ConsoleState, width: int, height: int, look: Look) -> Body:
        known = state.diagnosis.changes if state.diagnosis is not None else ()
        judged = next((c for c in known if (c.id, c.service) == (self._change.id, self._change.service)), self._change)
        return details.deploy(self._detail, judged, width, height, look)


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
