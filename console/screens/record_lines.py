"""Log panes of drill-downs: the records of one query, read when the screen opens and whenever the window moves; and the
records around one, whatever the window is."""

from __future__ import annotations

from console.domain.instant import Window, span_text
from console.domain.logs import LogRecord
from console.guard.sanitise import safe
from console.live.details import Found
from console.live.session import Session
from console.screens.narrowing import place_of
from console.state import ConsoleState, LogsView, Status, Word
from widgets.body import Look
from widgets.log_lines import record_keys
from widgets.logs import LogsPane
from widgets.numbers import lines_text

RELOAD_S = 5.0
"""A live window is read again this often."""
CONTEXT_S = (30.0, 10.0, 3.0, 1.0)
"""How far around a record is read, in seconds; where that holds more records than are shown, the next shorter stretch."""
JUST_AFTER_S = 0.001


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
        self.query_text = query
        self._read_for: Window | None = None
        self._read_at = float("-inf")
        self._reading: Window | None = None
        self._asked_at = float("-inf")

    def on_mount(self) -> None:
        """Read at once."""
        self._start(self.window())

    def window(self) -> Window:
        """What to read now."""
        return self._session.scope.window()

    async def found(self, window: Window) -> Found:
        """The records to show."""
        return await self._session.records(self.query_text)

    def _start(self, window: Window) -> None:
        self._read_for, self._read_at, self._reading = window, window.end, window
        self._asked_at = self._session.scope.now()
        self.run_worker(
            self._read(window), name="detail records", group="detail records", exclusive=True, exit_on_error=False
        )

    async def _read(self, window: Window) -> None:
        try:
            self.shown(await self.found(window))
        finally:
            if self._reading is window:
                self._reading = None

    def shown(self, found: Found) -> None:
        """Show an answer."""
        status = Status(Word.PARTIAL, detail=found.problem) if found.problem else Status(Word.LIVE, 0.0)
        view = LogsView(safe(self.query_text), None, (), found.records, found.matched, status=status)
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
        return f"{shown:,} of {lines_text(total)}" if total > shown else lines_text(total)


class ContextLines(RecordLines):
    """Everything that a record's source and file say around it, the cursor on the record.

    Args:
        record: It must have a time.
    """

    def __init__(self, session: Session, number: int, record: LogRecord) -> None:
        where = record.file or record.source
        super().__init__(session, number, place_of(record), f"Around it in {where}" if where else "Around it")
        self._record = record
        self._hits = session.filter_text
        self._at = record.at or 0.0
        self.reach_s = CONTEXT_S[0]
        """Seconds before and after the record that are shown."""
        self._placed_once = False

    def window(self) -> Window:
        """The longest stretch, which does not move."""
        return Window(self._at - CONTEXT_S[0], self._at + CONTEXT_S[0])

    async def found(self, window: Window) -> Found:
        """The longest stretch of which every record is shown; else what ends with the record."""
        for reach in CONTEXT_S:
            found = await self._session.records(self.query_text, Window(self._at - reach, self._at + reach))
            self.reach_s = reach
            if found.matched <= len(found.records):
                return found
        return await self._session.records(self.query_text, Window(self._at - CONTEXT_S[-1], self._at + JUST_AFTER_S))

    def shown(self, found: Found) -> None:
        """The first time with the cursor on the record, and not following the end."""
        self.following = self.following and self._placed_once
        super().shown(found)
        if not self._placed_once and found.records:
            self._placed_once = True
            keys = zip(record_keys(found.records), found.records, strict=True)
            self.select_key(next((key for key, record in keys if record == self._record), ""))

    @property
    def sought(self) -> str:
        """The filter that led here: its hits among the unfiltered lines."""
        return self._hits

    def show_state(self, state: ConsoleState) -> None:
        """Read again while the stretch reaches into the future."""
        now, end = self._session.scope.now(), self._at + CONTEXT_S[0]
        if self._reading is None and self._asked_at < end and now - self._asked_at >= RELOAD_S:
            self._start(self.window())

    def facts(self) -> str:
        """How much time is shown, and how many lines."""
        return f"±{span_text(self.reach_s)} · {super().facts()}"
