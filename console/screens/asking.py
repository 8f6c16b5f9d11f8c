"""Screens whose content the collector makes on request: asked for when they open, and again with every verdict and window."""

from __future__ import annotations

from console.screens.details import DetailScreen
from console.state import ConsoleState


class AskingScreen(DetailScreen):
    """Shows the last answer until the next one is there, so that nothing flickers. Subclasses say what is asked.

    A slow answer is waited for, however many verdicts come meanwhile.
    """

    _asked_for: object = None
    _asking = False

    async def ask(self) -> None:
        """Ask, and keep the answer."""
        raise NotImplementedError

    def ask_anew(self) -> None:
        """What is under way is about something else: give it up and ask."""
        self._asked_for, self._asking = None, False

    def show_body(self, state: ConsoleState) -> None:
        verdict = state.diagnosis.at if state.diagnosis is not None else None
        signals = state.signals
        wanted = (verdict, signals.axis.window if signals is not None else None)
        if wanted != self._asked_for and not self._asking:
            self._asked_for, self._asking = wanted, True
            self.run_worker(self._answer(), name=self.title_shown, group="answer", exclusive=True, exit_on_error=False)
        super().show_body(state)

    async def _answer(self) -> None:
        try:
            await self.ask()
        finally:
            self._asking = False
        super().show_body(self.session.state())
