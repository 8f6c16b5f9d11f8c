"""Log lines over the window by level: one graph above the other on one time axis, each with its peak and total."""

from __future__ import annotations

from collections.abc import Sequence

from console.domain.instant import Window, clock_text, span_text
from console.domain.logs import Level, LogCounts
from console.state import Axis, LogsView, Marker, Status, Word
from widgets.body import Body, Look, Row, absence, note
from widgets.ink import Line, pad, right
from widgets.numbers import lines_text, short_count
from widgets.pane import Pane, ageless
from widgets.sparkline import Grid, bars, ceiling, columns, marker_line, spark
from widgets.words import level_style

NO_SOURCE = "no log source: add [[logs]] with the path of a file"
BANDS = (
    ("debug", Level.TRACE, Level.INFO),
    ("info", Level.INFO, Level.WARN),
    ("warn", Level.WARN, Level.ERROR),
    ("error", Level.ERROR, Level.FATAL),
    ("fatal", Level.FATAL, None),
    ("none", Level.UNKNOWN, Level.TRACE),
)
"""What has a graph of its own: a name, the least level and the first that is above it."""
LONG_FROM, SHORT_FROM = 100, 50
"""From these widths on the numbers before the graphs are told in full, or in few words."""
MOST_BAR = 4
"""No graph is higher than this, in lines."""


def counted(counts: LogCounts, low: Level, high: Level | None) -> list[float]:
    """Records per bucket from one level up to, not including, another."""
    return [
        float(sum(n for level, n in bucket.items() if level >= low and (high is None or level < high)))
        for bucket in counts.buckets
    ]


def known_counts(view: LogsView) -> LogCounts | None:
    """The counts; None where nothing could be counted, which is not the same as no lines."""
    counts = view.counts
    if counts is None or not counts.buckets:
        return None
    return None if not counts.total and view.status.word in (Word.DOWN, Word.NO_DATA, Word.LOADING) else counts


def axis_of(counts: LogCounts) -> Axis:
    """The time axis that the counts lie on."""
    return Axis(Window(counts.start, counts.start + counts.step_s * len(counts.buckets)), counts.step_s)


def times(axis: Axis, grid: Grid, markers: tuple[Marker, ...], look: Look) -> Line:
    """The markers under the graphs; both ends of their axis where there is none."""
    texts = [f"{m.label} {clock_text(m.at, look.zone, now=look.now, seconds=False)}" for m in markers]
    line = marker_line(markers, grid, texts)
    if line.text.strip():
        return line
    start, end = (
        Line.of((clock_text(at, look.zone, now=look.now, seconds=False), "label"))
        for at in (axis.window.start, axis.window.end)
    )
    return start.beside(end, grid.width)


def paint(view: LogsView, width: int, height: int, look: Look, markers: tuple[Marker, ...] = ()) -> Body:
    """A graph for every level that occurs, the worst nearest to the axis; each on its own scale, which its peak tells."""
    counts = known_counts(view)
    if counts is None:
        said = absence(view.status, "", NO_SOURCE if view.status.word is Word.NO_DATA else "nothing counted yet")
        return note(said, width, height)
    bands = [(name, low, counted(counts, low, high)) for name, low, high in BANDS]
    shown = [band for band in bands if any(band[2])] or [("lines", Level.INFO, [0.0] * len(counts.buckets))]
    shown = shown[-max(1, height - 1) :] if height > 1 else shown[-1:]
    axis = axis_of(counts)
    leads = [_lead(name, low, points, counts.step_s, width) for name, low, points in shown]
    lead = max(line.width for line in leads) + 1
    grid = Grid.over(axis, max(1, width - lead))
    with_axis = height > len(shown)
    each, more = divmod(max(len(shown), height - with_axis), len(shown))
    rows: list[Row] = []
    for place, ((_, low, points), text) in enumerate(zip(shown, leads, strict=True)):
        lines = min(MOST_BAR, each + (place >= len(shown) - more))  # what is left over goes to the worst
        style = level_style(low) if low >= Level.WARN else "graph"
        values, top = columns(axis, points, grid), ceiling(points)
        graph = bars(values, top, lines) if lines > 1 else [spark(values, top)]
        heads = [Line()] * (lines - 1) + [text]
        rows += [
            Row.plain((head.fit(lead) + Line.of((line, style))).cut(width))
            for head, line in zip(heads, graph, strict=True)
        ]
    if with_axis:
        rows.append(Row.plain((Line().fit(lead) + times(axis, grid, markers, look)).cut(width)))
    return Body((), tuple(rows))


def _lead(name: str, low: Level, points: Sequence[float], step_s: float, width: int) -> Line:
    """`error  1,204 in all, peak 73 per 10s`."""
    total, peak = sum(points), max(points, default=0.0)
    named = Line.of((pad(name, 6), level_style(low) if any(points) else "label"))
    named += Line.of((right(short_count(total), 6 if width >= SHORT_FROM else 5), "strong"))
    if width < SHORT_FROM:
        return named
    word, unit = (" lines, peak ", f" per {span_text(step_s)}") if width >= LONG_FROM else ("  peak ", "")
    return named + Line.of((word, "label"), right(short_count(peak), 5 if unit else 4), (unit, "label"))


class HistogramPane(Pane):
    """Pane 1 of the log screen."""

    number = 1
    title = "Histogram"
    view = LogsView()
    markers: tuple[Marker, ...] = ()

    def show_view(self, view: LogsView, look: Look, markers: tuple[Marker, ...] = ()) -> None:
        """Show this; `markers` go under the graphs."""
        if self.shows((self.view.counts, self.view.status, self.markers), (view.counts, view.status, markers), look):
            return
        shown, wanted = ageless(self.view), ageless(view)
        older = self.shows((shown.counts, shown.status, self.markers), (wanted.counts, wanted.status, markers), look)
        self.view, self.look, self.markers = view, look, markers
        self.grow_older() if older else self.repaint()

    def status(self) -> Status:
        """Of the log sources."""
        return self.view.status

    def facts(self) -> str:
        """How long a column of the counts is."""
        counts = self.view.counts
        return (
            f"{lines_text(counts.total, about=self.view.estimated)} · {span_text(counts.step_s)} per step"
            if counts is not None
            else ""
        )

    def body(self, width: int, height: int) -> Body:
        """The painted counts."""
        return paint(self.view, width, height, self.look, self.markers)
