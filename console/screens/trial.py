"""One try of a reproduction: the spans of its trace and its log lines, as they arrive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.containers import Vertical
from textual.widget import Widget

from console.actions import Action
from console.domain.instant import Instant, Window
from console.live.details import Found, quoted
from console.live.session import Session
from console.repro.view import TryView
from console.screens.base import ConsoleScreen
from console.screens.record_lines import RELOAD_S, RecordLines
from console.state import ConsoleState, SpansView
from widgets import spans
from widgets.pane import Pane
from widgets.text_view import TextView

BEFORE_S, AFTER_S = 30.0, 120.0
"""How far the clocks of lines and spans may be off, and how long they may take to arrive."""


class TryLines(RecordLines):
    """The lines of one trace, wherever the window of all panes is; read again while further ones may arrive."""

    def __init__(self, session: Session, number: int, one: TryView) -> None:
        super().__init__(session, number, quoted(one.trace_id), f"Lines of try {one.number}")
        self._stretch = stretch_of(one)

    def window(self) -> Window:
        """Around the try."""
        return self._stretch

    async def found(self, window: Window) -> Found:
        """Its records."""
        return await self._session.records(self.query_text, window)

    def show_state(self, state: ConsoleState) -> None:
        """Read again now and then, until nothing more is to be expected."""
        now = self._session.scope.now()
        if self._reading is None and self._asked_at < self._stretch.end and now - self._asked_at >= RELOAD_S:
            self._start(self._stretch)


class TryScreen(ConsoleScreen):
    """The spans above, the lines below."""

    def __init__(self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action], one: TryView) -> None:
        super().__init__(session, crumbs, actions)
        self._try = one
        self._stretch = stretch_of(one)
        self._view = SpansView()
        self._asked_at: Instant = float("-inf")
        self.spans = TextView(id="spans")
        self.spans.number = 1
        self.lines = TryLines(session, 2, one)

    def body(self) -> Iterable[Widget]:
        yield Vertical(self.spans, self.lines, id="body")

    def panes(self) -> list[Pane]:
        return [self.spans, self.lines]

    def first(self) -> Pane:
        """The lines."""
        return self.lines

    def show_body(self, state: ConsoleState) -> None:
        now = self.session.scope.now()
        if self._asked_at < self._stretch.end and now - self._asked_at >= RELOAD_S:
            self._asked_at = now
            self.run_worker(self._read(), name="spans", group="spans", exclusive=True, exit_on_error=False)
        count = len(self._view.rows)
        named = f"Spans of try {self._try.number}{f' · {count}' if count else ''}"
        self.spans.show_content(named, lambda w, h, look: spans.paint(self._view, w, h, look), self.look)
        self.lines.show_state(state)

    async def _read(self) -> None:
        found = await self.session.spans(self._try.trace_id, self._stretch)
        if found.rows or not self._view.rows:
            self._view = found
        if self.is_mounted:
            self.show_body(self.session.state())


def stretch_of(one: TryView) -> Window:
    """Where its lines and spans are."""
    return Window(one.at - BEFORE_S, one.at + one.elapsed_s + AFTER_S)
