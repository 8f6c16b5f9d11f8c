"""The recovery screen: the contract of the incident, and how far it holds."""

from __future__ import annotations

from collections.abc import Sequence

from console.actions import Action
from console.domain.text import SafeText
from console.live.session import Session
from console.screens.asking import AskingScreen
from console.screens.recording import keep_verdict
from console.state import ConsoleState, RecoveryView, Status
from widgets import recovery
from widgets.body import Body, Look


class RecoveryScreen(AskingScreen):
    """Asked for again with every verdict; without a contract it shows the one that would be written."""

    title_shown = "Recovery"

    def __init__(self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action]) -> None:
        super().__init__(session, crumbs, actions)
        self._view = RecoveryView(says=SafeText("asking what recovered means, and whether it holds"))

    async def ask(self) -> None:
        self._view = await self.session.recovery() or self._view
        if not self.session.replaying:
            await keep_verdict(self.desk, self._view)

    def contract_written(self) -> None:
        """It is shown here already."""
        self.ask_anew()
        self.show_body(self.session.state())

    def pane_status(self, state: ConsoleState) -> Status | None:
        return state.suspects.status

    def painted(self, state: ConsoleState, width: int, height: int, look: Look) -> Body:
        return recovery.paint(self._view, width, height, look)
