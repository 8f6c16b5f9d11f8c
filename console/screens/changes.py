"""What changed: every change on one timeline, and one change with what it touched before and after it."""

from __future__ import annotations

from collections.abc import Sequence

from console.actions import Action
from console.domain.changes import DeployDetail
from console.domain.diagnosis import JudgedChange
from console.live.session import Session
from console.screens.asking import AskingScreen
from console.screens.details import DetailScreen
from console.state import BeforeAfter, ConsoleState, Status
from widgets import details, timeline
from widgets.body import Body, Look
from widgets.changes import change_key

WITH_COMMITS = ("deploy", "rollback")
READING = "reading the repository"


class ChangesScreen(DetailScreen):
    """Every change in reach with its standing and the rule that decided."""

    title_shown = "Changes"

    def __init__(self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action], select: str = "") -> None:
        super().__init__(session, crumbs, actions)
        if select:
            self.list.select_key(select)

    def painted(self, state: ConsoleState, width: int, height: int, look: Look) -> Body:
        return timeline.paint(state.changes, width, height, look)

    def pane_status(self, state: ConsoleState) -> Status:
        return state.changes.status

    def show_change(self, change: JudgedChange) -> None:
        """The cursor on it."""
        self.list.select_key(change_key(change))


class ChangeScreen(AskingScreen):
    """One change: its standing, what it touched before and after, who runs it, and the commits it brought."""

    def __init__(
        self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action], change: JudgedChange
    ) -> None:
        super().__init__(session, crumbs, actions)
        self._turn_to(change)

    def _turn_to(self, change: JudgedChange) -> None:
        self._change = change
        self._detail: DeployDetail | None = None
        self._compared: tuple[BeforeAfter, ...] = ()
        self._without = READING if change.kind in WITH_COMMITS else ""
        self.ask_anew()
        self.title_shown = f"{change.kind} {change.id}"

    def here(self) -> object:
        return self._change

    def show_change(self, change: JudgedChange) -> None:
        """Turn to another change in place."""
        self._turn_to(change)
        self.crumbs = (*self.crumbs[:-1], change.kind)
        self.list.to_top()
        self.show(self.session.state())

    async def ask(self) -> None:
        change = self._change
        compared = await self.session.before_after(change)
        detail, without = self._detail, self._without
        if without == READING:
            answer = await self.session.deploy(change)
            detail = answer if isinstance(answer, DeployDetail) else None
            without = "" if isinstance(answer, DeployDetail) else answer
        if change is self._change:
            self._compared, self._detail, self._without = compared, detail, without

    def painted(self, state: ConsoleState, width: int, height: int, look: Look) -> Body:
        known = state.diagnosis.changes if state.diagnosis is not None else ()
        judged = next((c for c in known if (c.id, c.service) == (self._change.id, self._change.service)), self._change)
        running = [r for r in state.changes.running if r.service == judged.service and judged.kind in WITH_COMMITS]
        return details.change(self._detail, judged, width, height, look, self._compared, running, self._without)
