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

    def on_mount(self) -> None:
        """Read at once."""
        self._start(self._session.scope.window())

    def _start(self, window: Window) -> None:
        self._read_for, self._read_at = window, window.end
        self.run_worker(
            self._read(), name="detail records", group="detail records", exclusive=True, exit_on_error=False
        )

    async def _read(self) -> None:
        self._shown(await self._session.records(self._query))

    def _shown(self, found: Found) -> None:
        status = Status(Word.PARTIAL, detail=found.problem) if found.problem else Status(Word.LIVE, 0.0)
        view = LogsView(safe(self._query), None, (), found.records, found.matched, status=status)
        self.show_view(view, Look(self._session.scope.now(), self._session.zone))

    def show_state(self, state: ConsoleState) -> None:
        """Read again when the window moved by more than the live edge does."""
        if self._read_for is None:
            return
        moved = state.window.seconds != self._read_for.seconds or not state.live
        window = self._session.scope.window()
        if (moved and window != self._read_for) or (state.live and window.end - self._read_at >= RELOAD_S):
            self._start(window)

    def facts(self) -> str:
        """How many match, and how many of them are shown."""
        shown, total = len(self.view.records), self.view.total
        return f"{shown:,} of {total:,} lines" if total > shown else f"{total:,} lines"
