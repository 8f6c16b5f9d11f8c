"""The calls between services as a tree from where the trouble shows."""

from __future__ import annotations

from console.screens.asking import AskingScreen
from console.state import ConsoleState, Status, TreeView
from widgets import call_tree
from widgets.body import Body, Look


class DependenciesScreen(AskingScreen):
    """Who needs whom, how each is doing, and what each added itself."""

    title_shown = "Dependencies"
    _view = TreeView()

    async def ask(self) -> None:
        self._view = await self.session.tree() or self._view

    def painted(self, state: ConsoleState, width: int, height: int, look: Look) -> Body:
        return call_tree.paint(self._view, width, height, look)

    def pane_status(self, state: ConsoleState) -> Status:
        return state.upstreams.status
