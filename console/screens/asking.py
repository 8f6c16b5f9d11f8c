"""Screens whose content the collector makes on request: asked for when they open, and again with every verdict and window."""

from __future__ import annotations

from console.screens.details import DetailScreen
from console.state import ConsoleState


class AskingScreen(DetailScreen):
    """Shows the last answer until the next one is there, so that nothing flickers. Subclasses say what is asked."""

    _asked_for: object = None

    async def ask(self) -> None:
        """Ask, and keep the answer."""
        raise NotImplementedError

    def show_body(self, state: ConsoleState) -> None:
        verdict = state.diagnosis.at if state.diagnosis is not None else None
        signals = state.signals
        wanted = (verdict, signals.axis.window if signals is not None else None)
        if wanted != self._asked_for:
            self._asked_for = wanted
            self.run_worker(self._answer(), name=self.title_shown, group="answer", exclusive=True, exit_on_error=False)
        super().show_body(state)

    async def _answer(self) -> None:
        await self.ask()
        super().show_body(self.session.state())
