"""One suspect: the sentence, what speaks for and against it, the chart that shows it, and where each claim leads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import events
from textual.containers import Horizontal
from textual.widget import Widget

from console.actions import Action
from console.domain.diagnosis import Evidence, Suspect
from console.domain.instant import Window
from console.domain.series import SeriesKey
from console.live.repeat import Question, query_of
from console.live.session import Session
from console.screens.base import ConsoleScreen
from console.screens.evidence import Chart, chart_of, chart_status, chart_title
from console.screens.mending import fix_of
from console.screens.places import AllCalls, AllChanges, FixOf, LoadOf, MemoryOf
from console.state import ConsoleState, Trend
from widgets import details
from widgets.body import Body, Look
from widgets.chart_view import ChartView
from widgets.pane import Pane
from widgets.text_view import TextView

WIDE_COLUMNS = 110
"""From this width on the chart stands beside the evidence."""
CHART_SHARE = 0.42


class SuspectScreen(ConsoleScreen):
    """Evidence for and against one suspect; it follows the newest diagnosis."""

    def __init__(self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action], suspect: Suspect) -> None:
        super().__init__(session, crumbs, actions)
        self._suspect = suspect
        self.list, self.chart = TextView(), ChartView()
        self._shown: SeriesKey | str | None = None
        self._reading: SeriesKey | str | None = None
        self._trend: Trend | None = None
        self._read_for: tuple[SeriesKey | str, Window, float] | None = None

    def body(self) -> Iterable[Widget]:
        yield Horizontal(self.list, self.chart, id="body")

    def panes(self) -> list[Pane]:
        return [self.list, self.chart] if self.chart.display or self._zoomed is not None else [self.list]

    def first(self) -> Pane:
        """The evidence."""
        return self.list

    def here(self) -> object | None:
        """What is selected; in the chart, the suspect."""
        return self.list.selected() if self.current() is self.list else self._suspect

    def fix_place(self) -> FixOf | str:
        """Of the suspect, whatever claim the cursor is on."""
        return fix_of(self._suspect, self.session.state())

    def on_resize(self, event: events.Resize) -> None:
        """The chart stands beside the evidence where there is room."""
        if self._zoomed is None:
            self.chart.display = event.size.width >= WIDE_COLUMNS
            self.chart.styles.width = round(event.size.width * CHART_SHARE)

    def on_pane_moved(self, _message: Pane.Moved) -> None:
        """The chart of what is selected."""
        self._show_chart(self.session.state())

    def show_body(self, state: ConsoleState) -> None:
        known = state.diagnosis.suspects if state.diagnosis is not None else ()
        same = (s for s in known if (s.kind, s.subject) == (self._suspect.kind, self._suspect.subject))
        current = next(same, None)
        self._suspect = current or self._suspect
        gone = "" if current is not None else " · no longer suspected, this is what was held against it"
        self.list.show_content(
            f"Suspect {self._suspect.rank}{gone}",
            lambda width, height, look: self._painted(width, height, look),
            self.look,
            state.suspects.status,
        )
        self._show_chart(state)

    def _painted(self, width: int, height: int, look: Look) -> Body:
        return details.suspect(self._suspect, width, height, look, self._ways, self._further())

    def _ways(self, one: Evidence) -> tuple[str, str]:
        return query_of(one), self.session.repeat.command(one)

    def _further(self) -> list[tuple[str, object]]:
        service = self._suspect.service
        found: list[tuple[str, object]] = [("the calls as a tree", AllCalls()), ("every change in reach", AllChanges())]
        mended = self.fix_place()
        if isinstance(mended, FixOf):
            found.insert(0, (f"commits of {mended.deploy}, and a fix branch", mended))
        if service:
            found += [(f"load of {service}", LoadOf(service)), (f"memory of {service}", MemoryOf(service))]
        return found

    def _show_chart(self, state: ConsoleState) -> None:
        signals, selected = state.signals, self.list.selected()
        evidence = selected if isinstance(selected, Evidence) else None
        chart = chart_of(evidence or next(iter(self._suspect.evidence), None), self._suspect, state.diagnosis)
        if chart is None or signals is None or not self.chart.display:
            return
        subject = subject_of(chart)
        asked = (subject, signals.axis.window, state.diagnosis.at if state.diagnosis is not None else 0.0)
        if asked != self._read_for and self._reading != subject:  # a slow answer about the same thing is waited for
            self._read_for, self._reading = asked, subject
            self.run_worker(self._read(chart), name="chart", group="chart", exclusive=True, exit_on_error=False)
        if subject == self._shown and self._trend is not None:
            whose, what = chart_title(chart)
            status = chart_status(self.session, signals.status, [self._trend])
            self.chart.show_charts(whose, [(what, self._trend)], signals.axis, self.look, status)

    async def _read(self, chart: Chart) -> None:
        try:
            trend = await read_chart(self.session, chart)
        finally:
            if self._reading == subject_of(chart):
                self._reading = None
        self._shown, self._trend = subject_of(chart), trend if trend is not None else Trend("count")
        self._show_chart(self.session.state())


def subject_of(chart: Chart) -> SeriesKey | str:
    """What is drawn, whatever the stretch that a claim is about: that grows with every verdict."""
    return chart.query if isinstance(chart, Question) else chart


async def read_chart(session: Session, chart: Chart) -> Trend | None:
    """The trend of a series, or of the number of lines that match a query."""
    if isinstance(chart, Question):
        return await session.line_counts(chart.query)
    return await session.series(chart)
