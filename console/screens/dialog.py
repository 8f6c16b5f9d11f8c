"""What every dialog is: it is ended once."""

from __future__ import annotations

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen


class Dialog(ModalScreen[str | None]):
    """Stands over a screen and ends with a text, or None when cancelled.

    Keys that were pressed before its end was seen, such as a second Enter, would else end the screens below it too.
    """

    ended = False

    def dismiss(self, result: str | None = None) -> AwaitComplete:
        """End with this, unless it has ended."""
        if self.ended:
            return AwaitComplete()
        self.ended = True
        return super().dismiss(result)
