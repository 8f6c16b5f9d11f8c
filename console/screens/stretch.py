"""The log lines of one stretch that does not move with the window: what evidence was read from."""

from __future__ import annotations

from console.domain.instant import Window, clock_text
from console.live.details import Found
from console.live.session import Session
from console.screens.record_lines import RecordLines
from console.state import ConsoleState


class StretchLines(RecordLines):
    """Records that match a query inside a fixed window.

    Args:
        stretch: What to read.
    """

    def __init__(self, session: Session, number: int, query: str, stretch: Window) -> None:
        start, end = (clock_text(at, session.zone, now=session.scope.now()) for at in (stretch.start, stretch.end))
        super().__init__(session, number, query, f"Lines of {start} to {end}")
        self._stretch = stretch

    def window(self) -> Window:
        """The stretch."""
        return self._stretch

    async def found(self, window: Window) -> Found:
        """Its records."""
        return await self._session.records(self.query_text, window)

    def show_state(self, state: ConsoleState) -> None:
        """What was read stays: the stretch is over."""
