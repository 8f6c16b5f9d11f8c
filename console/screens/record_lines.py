"""A log pane of a drill-down: the records of one query, read when the screen opens and whenever the window moves."""

from __future__ import annotations

from console.domain.instant import Window
from console.guard.sanitise import safe
from console.live.details import Found
from console.live.session import Session
from console.state import ConsoleState, LogsView, Status, Word
from widgets.body import Look
from widgets.logs import LogsPane

RELOAD_S = 5.0
"""A live window is read again this often."""


class RecordLines(LogsPane):
    """Records that match one query.

    Args:
        session: Where they come from.
        number: The digit that jumps to it.
        query: What to show, in the query language.
        title: On the frame.
    """

    def __init__(self, session: Session, number: int, query: str, title: str) -> None:
        super().__init__()
        self.number, self.title = number, title
        self._session = session
        self._query = query
        self._read_for: Window | None = None
        self._read_at = float("-inf")
        self._reading: Window | None = None

    def on_mount(self) -> None:
        """Read at once."""
        self._start(self._session.scope.window())

    def _start(self, window: Window) -> None:
        self._read_for, self._read_at, self._reading = window, window.end, window
        self.run_worker(
            self._read(window), name="detail records", group="detail records", exclusive=True, exit_on_error=False
        )

    async def _read(self, window: Window) -> None:
        try:
            self._shown(await self._session.records(self._query))
        finally:
            if self._reading is window:
                self._reading = None

    def _shown(self, found: Found) -> None:
        status = Status(Word.PARTIAL, detail=found.problem) if found.problem else Status(Word.LIVE, 0.0)
        view = LogsView(safe(self._query), None, (), found.records, found.matched, status=status)
        self.show_view(view, Look(self._session.scope.now(), self._session.zone))

    def show_state(self, state: ConsoleState) -> None:
        """Read again when the window was moved, and now and then while it ends now; a slow answer is waited for."""
        if self._read_for is None:
            return
        window, live = self._session.scope.window(), self._session.scope.view.live
        moved = window != self._read_for and (not live or window.seconds != self._read_for.seconds)
        due = live and window.end - self._read_at >= RELOAD_S and self._reading is None
        if moved or due:
            self._start(window)

    def facts(self) -> str:
        """How many match, and how many of them are shown."""
        shown, total = len(self.view.records), self.view.total
        return f"{shown:,} of {total:,} lines" if total > shown else f"{total:,} lines"
