"""One service or operation: its charts on the shared axis above its log lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.containers import Vertical
from textual.widget import Widget

from console.actions import Action
from console.domain.instant import Window
from console.live.details import about
from console.live.session import Session
from console.screens.base import ConsoleScreen
from console.screens.evidence import chart_status
from console.screens.record_lines import RecordLines
from console.state import ConsoleState, Trend
from widgets.chart_view import ChartView
from widgets.pane import Pane

TITLES = ("errors", "p99 latency", "traffic", "memory")
UNKNOWN = (Trend("ratio"), Trend("s"), Trend("1/s"))


class ServiceScreen(ConsoleScreen):
    """Traffic, errors and latency of one service, or of one of its operations, above its log lines."""

    def __init__(
        self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action], service: str, operation: str | None
    ) -> None:
        super().__init__(session, crumbs, actions)
        self._service, self._operation = service, operation
        self._charts = ChartView(id="charts")
        self._own: tuple[Trend, ...] | None = None
        """The trends of an operation, which the overview's state does not hold."""
        self._read_for: Window | None = None
        what = f"{service} {operation}" if operation else service
        self._lines = RecordLines(session, 2, about(service, operation or ""), f"Lines of {what}")

    def body(self) -> Iterable[Widget]:
        yield Vertical(self._charts, self._lines, id="body")

    def panes(self) -> list[Pane]:
        return [self._charts, self._lines]

    def first(self) -> Pane:
        """The lines: there is nothing to select in the charts."""
        return self._lines

    def show_body(self, state: ConsoleState) -> None:
        signals = state.signals
        if signals is not None:
            charts = list(zip(TITLES, self._trends(state), strict=False))
            charts.sort(key=lambda chart: not chart[1].bad)  # where not all find room, what is wrong is drawn
            what = f"{self._service} · {self._operation}" if self._operation else self._service
            status = chart_status(self.session, signals.status, (trend for _, trend in charts))
            self._charts.show_charts(what, charts, signals.axis, self.look, status)
        self._lines.show_state(state)

    async def _read(self, operation: str) -> None:
        self._own = await self.session.trends(self._service, operation)
        self.show(self.session.state())

    def _trends(self, state: ConsoleState) -> tuple[Trend, ...]:
        signals = state.signals
        if self._operation is not None:
            if signals is not None and signals.axis.window != self._read_for:
                self._read_for = signals.axis.window
                self.run_worker(
                    self._read(self._operation), name="trends", group="trends", exclusive=True, exit_on_error=False
                )
            return self._own or UNKNOWN
        row = next((r for r in signals.services if r.name == self._service), None) if signals is not None else None
        if row is None:
            return UNKNOWN
        return (row.errors, row.p99, row.traffic, *((row.memory,) if row.memory is not None else ()))


class LinesScreen(ConsoleScreen):
    """Log lines alone: those around a record."""

    def __init__(
        self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action], lines: RecordLines
    ) -> None:
        super().__init__(session, crumbs, actions)
        self._lines = lines

    def body(self) -> Iterable[Widget]:
        yield Vertical(self._lines, id="body")

    def panes(self) -> list[Pane]:
        return [self._lines]

    def show_body(self, state: ConsoleState) -> None:
        self._lines.show_state(state)
