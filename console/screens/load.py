"""What a service can carry: its latency or failures against its load, and its memory over time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.containers import Vertical
from textual.widget import Widget

from console.actions import Action
from console.domain.series import SeriesKey
from console.domain.text import SafeText
from console.live.details import about
from console.live.session import Session
from console.screens.asking import AskingScreen
from console.screens.base import ConsoleScreen
from console.screens.evidence import chart_status, chart_title
from console.screens.record_lines import RecordLines
from console.state import ConsoleState, LoadView, MemoryView, Status, Trend
from widgets import memory, scatter
from widgets.body import Body, Look
from widgets.chart_view import ChartView
from widgets.pane import Pane

READING = SafeText("reading what is known")


class OfService(AskingScreen):
    """About one service."""

    def __init__(self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action], service: str) -> None:
        super().__init__(session, crumbs, actions)
        self.service = service

    def pane_status(self, state: ConsoleState) -> Status | None:
        return state.signals.status if state.signals is not None else None


class LoadScreen(OfService):
    """Latency or failures against load, before and since, with the knee."""

    def __init__(self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action], service: str) -> None:
        super().__init__(session, crumbs, actions, service)
        self.title_shown = f"Load of {service}"
        self._view = LoadView(service, "", "", says=READING)

    async def ask(self) -> None:
        self._view = await self.session.load(self.service) or self._view

    def painted(self, state: ConsoleState, width: int, height: int, look: Look) -> Body:
        return scatter.paint(self._view, width, height, look)


class MemoryScreen(OfService):
    """Memory with its stretches, the growth, the range of exhaustion and the restarts."""

    def __init__(self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action], service: str) -> None:
        super().__init__(session, crumbs, actions, service)
        self.title_shown = f"Memory of {service}"
        self._view = MemoryView(service, says=READING)

    async def ask(self) -> None:
        self._view = await self.session.memory(self.service) or self._view

    def painted(self, state: ConsoleState, width: int, height: int, look: Look) -> Body:
        return memory.paint(self._view, width, height, look)


class SeriesScreen(ConsoleScreen):
    """One series as a large chart above the log lines of its service or operation."""

    def __init__(self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action], key: SeriesKey) -> None:
        super().__init__(session, crumbs, actions)
        self._key = key
        self._chart = ChartView(id="charts")
        self._trend: Trend | None = None
        self._asked_for: object = None
        self._asking = False
        what = f"{key.service} {key.operation}" if key.operation else key.service
        self._lines = RecordLines(session, 2, about(key.service, key.operation), f"Lines of {what}")

    def body(self) -> Iterable[Widget]:
        yield Vertical(self._chart, self._lines, id="body")

    def panes(self) -> list[Pane]:
        return [self._chart, self._lines]

    def first(self) -> Pane:
        """The lines: there is nothing to select in the chart."""
        return self._lines

    def show_body(self, state: ConsoleState) -> None:
        signals, verdict = state.signals, state.diagnosis.at if state.diagnosis is not None else None
        if signals is not None:
            if (signals.axis.window, verdict) != self._asked_for and not self._asking:
                self._asked_for, self._asking = (signals.axis.window, verdict), True
                self.run_worker(self._read(), name="series", group="series", exclusive=True, exit_on_error=False)
            whose, what = chart_title(self._key)
            shown = [(what, self._trend)] if self._trend is not None else []
            status = chart_status(self.session, signals.status, [self._trend]) if self._trend else signals.status
            self._chart.show_charts(whose, shown, signals.axis, self.look, status)
        self._lines.show_state(state)

    async def _read(self) -> None:
        try:
            self._trend = await self.session.series(self._key) or self._trend or Trend("count")
        finally:
            self._asking = False
        self.show_body(self.session.state())
