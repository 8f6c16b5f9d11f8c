"""Drill-downs of one thing: a suspect, a change, an upstream, a record. A list on the left, its log lines below."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.containers import Vertical
from textual.widget import Widget

from console.actions import Action
from console.domain.changes import DeployDetail
from console.domain.diagnosis import JudgedChange, Suspect
from console.domain.logs import LogRecord
from console.live.details import about
from console.live.session import Session
from console.screens.base import ConsoleScreen
from console.screens.lists import blank, change_rows, deploy_rows, paragraph, record_rows, suspect_rows, upstream_rows
from console.screens.record_lines import RecordLines
from console.state import ConsoleState, UpstreamRow
from widgets.body import Body, Row
from widgets.pane import Pane
from widgets.text_view import TextView


class NumberedText(TextView):
    """A text view that a digit jumps to."""

    def __init__(self, title: str, number: int) -> None:
        super().__init__(title)
        self.number = number


class DetailScreen(ConsoleScreen):
    """A list about one thing; subclasses fill it."""

    def __init__(self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action], title: str) -> None:
        super().__init__(session, crumbs, actions)
        self.list = NumberedText(title, 1)
        self._title = title

    def body(self) -> Iterable[Widget]:
        yield Vertical(self.list, id="body")

    def panes(self) -> list[Pane]:
        return [self.list]

    def show_body(self, state: ConsoleState) -> None:
        self.list.show_content(
            self._title, lambda width, height, look: Body(rows=tuple(self.rows(width, state))), self.look
        )

    def rows(self, width: int, state: ConsoleState) -> list[Row]:
        """The list, for this width."""
        raise NotImplementedError


class SuspectScreen(DetailScreen):
    """Evidence for and against one suspect."""

    def __init__(self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action], suspect: Suspect) -> None:
        super().__init__(session, crumbs, actions, f"{suspect.standing.value} · {suspect.kind} {suspect.subject}")
        self._suspect = suspect

    def rows(self, width: int, state: ConsoleState) -> list[Row]:
        known = state.diagnosis.suspects if state.diagnosis is not None else ()
        current = next((s for s in known if s.subject == self._suspect.subject and s.kind == self._suspect.kind), None)
        rows = suspect_rows(current or self._suspect, width, self.session.zone, state.now)
        if current is None:
            rows.insert(
                0, paragraph("no longer suspected: this is what stood against it when you opened it", width, "warn")
            )
        return rows


class ChangeScreen(DetailScreen):
    """One change: its standing, and for a deploy the commits it brought."""

    def __init__(
        self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action], change: JudgedChange
    ) -> None:
        super().__init__(session, crumbs, actions, f"{change.kind} {change.id}")
        self._change = change
        self._detail: DeployDetail | str = "reading the repository"

    def on_mount(self) -> None:
        super().on_mount()
        if self._change.kind in ("deploy", "rollback"):
            self.run_worker(self._read(), name="deploy detail", group="details", exit_on_error=False)
        else:
            self._detail = ""

    async def _read(self) -> None:
        self._detail = await self.session.details.deploy(self._change)
        self.show(self.session.state())

    def rows(self, width: int, state: ConsoleState) -> list[Row]:
        rows = [*change_rows(self._change, width, self.session.zone, state.now), blank()]
        if isinstance(self._detail, DeployDetail):
            return rows + deploy_rows(self._detail, width, self.session.zone, state.now)
        return [*rows, paragraph(self._detail, width, "muted")]


class RecordScreen(DetailScreen):
    """Every field and line of one record."""

    def __init__(self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action], record: LogRecord) -> None:
        super().__init__(session, crumbs, actions, "Record")
        self._record = record

    def rows(self, width: int, state: ConsoleState) -> list[Row]:
        return record_rows(self._record, width, self.session.zone, state.now)


class UpstreamScreen(ConsoleScreen):
    """A dependency: its state and probes, and the lines that name it."""

    def __init__(self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action], row: UpstreamRow) -> None:
        super().__init__(session, crumbs, actions)
        self._row = row
        self._title = f"Upstream {row.state.name}"
        self.list = NumberedText(self._title, 1)
        self.lines = RecordLines(
            session, 2, f'{about()} "{row.state.name}" level:>=warn'.strip(), f"lines that name {row.state.name}"
        )

    def body(self) -> Iterable[Widget]:
        yield Vertical(self.list, self.lines, id="body")

    def panes(self) -> list[Pane]:
        return [self.list, self.lines]

    def show_body(self, state: ConsoleState) -> None:
        row = next((r for r in state.upstreams.rows if r.state.name == self._row.state.name), self._row)
        self.list.show_content(
            self._title,
            lambda width, height, look: Body(rows=tuple(upstream_rows(row, width, look.zone, look.now))),
            self.look,
        )
        self.lines.show_state(state)
