"""Trends of one thing as large charts on one time axis: above each other where there is height, else abreast.

plotext draws them from ten lines on; below that the compact charts of `widgets.chart` stand in. A trend that finds no room
for a chart keeps its numbers and a small graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import zip_longest

from console.domain.instant import Instant, clock_text
from console.domain.values import dataclass
from console.state import Axis, Status, Trend, Word
from widgets import plot
from widgets.body import Body, Look, Row, note
from widgets.chart import LEAST_HEIGHT, NO_DATA, chart, has_values, marker_labels, numbers, relative
from widgets.ink import Line, joined
from widgets.numbers import number_text
from widgets.pane import Pane
from widgets.sparkline import Grid, ceiling, columns, marker_line, spark

LARGE_HEIGHT = 10
"""Lines of the smallest large chart: numbers, markers, six of curve, axis, times."""
MOST_HEIGHT = 32
LARGE_WIDTH = 50
"""Cells of the narrowest large chart that stands beside another."""
GAP = 2
"""Cells between charts abreast."""
STEPS_S = (10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800)
"""Distances between times on the axis."""
LEAST_BETWEEN = 18
"""Cells between two times."""
LEAST_GRAPH = 12
"""Cells of the smallest graph on a line."""
MOST_TIMES = 24


def large(
    title: str,
    trend: Trend,
    axis: Axis,
    width: int,
    height: int,
    look: Look,
    base_name: str = "was",
    expected: Sequence[float | None] = (),
) -> list[Line]:
    """One trend as a large chart: numbers, markers, curve, times. Without a single value it says so.

    The time axis is heavy from the onset on.

    Args:
        base_name: What the dashed line at `trend.baseline` is.
        expected: A second curve, one value per step of the axis.
    """
    head = numbers(title, trend, axis, width, look, base_name)
    cells = plot.columns_of(width)
    if height < LARGE_HEIGHT or cells < plot.LEAST_COLUMNS:
        return chart(title, trend, axis, width, height, look)
    if not has_values(trend):
        return [head, Line.of((NO_DATA, "muted")).cut(width)]
    grid = Grid.over(axis, cells)
    halves = Grid(grid.start, grid.step_s / 2, 2 * cells)
    lines = ((grid.column(marker.at), marker.glyph) for marker in axis.markers)
    picture = plot.Picture(
        tuple(columns(axis, trend.points, halves)),
        trend.unit,
        trend.baseline,
        trend.bad,
        tuple((cell, glyph) for cell, glyph in lines if cell is not None),
        tuple(times(axis, grid, look)),
        base_name,
        tuple(columns(axis, expected, halves)) if expected else (),
        _since_onset(axis, grid),
    )
    indent = Line.of(" " * plot.LABELS)
    markers = indent + marker_line(axis.markers, grid, marker_labels(axis, look))
    return [head, markers.cut(width), *plot.draw(picture, width, min(MOST_HEIGHT, height) - 2)]


def _since_onset(axis: Axis, grid: Grid) -> tuple[int, int] | None:
    """The cells from the onset to the end of the window."""
    onset = next((marker.at for marker in axis.markers if marker.glyph == "╎"), None)
    first = grid.column(onset) if onset is not None else None
    return (first, grid.width - 1) if first is not None else None


def times(axis: Axis, grid: Grid, look: Look) -> list[tuple[int, str]]:
    """Cells and labels of the time axis: both ends against now where there is room, round times between them."""

    def label(at: Instant) -> str:
        return clock_text(at, look.zone, now=look.now, seconds=axis.window.seconds < 300)

    def against_now(at: Instant) -> str:
        return f"{label(at)} ({relative(at, axis, look)})"

    start, end, last = axis.window.start, axis.window.end, grid.width - 1
    for write in (against_now, label):
        ends = [(0, write(start)), (last, write(end))]
        if _apart(*ends):
            break
    else:
        return ends[1:]
    shown = list(ends)
    for at in _round_times(axis, grid, look):
        cell = grid.column(at)
        if cell is not None and all(_apart(other, (cell, label(at))) for other in shown):
            shown.append((cell, label(at)))
    return sorted(shown)


def _apart(one: tuple[int, str], other: tuple[int, str]) -> bool:
    """Whether two labels stay clear of each other, on whichever side of its tick each is put."""
    return abs(one[0] - other[0]) > len(one[1]) + len(other[1])


def _round_times(axis: Axis, grid: Grid, look: Look) -> list[Instant]:
    """Full minutes, quarters, hours or days of the display zone, as many as have room."""
    least = LEAST_BETWEEN * grid.step_s
    step = next((step for step in STEPS_S if step >= least), STEPS_S[-1])
    offset = datetime.fromtimestamp(axis.window.start, look.zone).utcoffset()
    shift = offset.total_seconds() if offset is not None else 0.0
    first = (axis.window.start + shift) // step + 1
    found = ((first + number) * step - shift for number in range(MOST_TIMES * 2))
    return [at for at in found if at < axis.window.end]


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How charts share an area: `bands` above each other, `abreast` beside each other in each; 0 bands: compact ones."""

    bands: int
    abreast: int

    @classmethod
    def of(cls, count: int, width: int, height: int) -> Arrangement:
        """Above each other if all are large that way, since then they share one time axis; else as many as are large.

        One large chart alone would hide what the others do at that time: then all of them are compact.
        """
        if count and height // count >= LARGE_HEIGHT:
            return cls(count, 1)
        abreast = max(1, min(count, (width + GAP) // (LARGE_WIDTH + GAP)))
        bands = -(-count // abreast) if count else 0
        while bands and (height - max(0, count - bands * abreast)) // bands < LARGE_HEIGHT:
            bands -= 1
        if bands * abreast < min(2, count):
            return cls(0, 1)
        return cls(bands, min(abreast, -(-count // bands)))


def paint(charts: Sequence[tuple[str, Trend]], axis: Axis, width: int, height: int, look: Look) -> Body:
    """The charts, first on top, sharing the height; those that find no room keep their numbers."""
    if not charts:
        return Body()
    made = Arrangement.of(len(charts), width, height)
    if not made.bands:
        return Body((), tuple(_compact(charts, axis, width, height, look)))
    drawn, rest = charts[: made.bands * made.abreast], charts[made.bands * made.abreast :]
    each = (height - len(rest)) // made.bands
    cells = (width - GAP * (made.abreast - 1)) // made.abreast
    rows = []
    for first in range(0, len(drawn), made.abreast):
        group = drawn[first : first + made.abreast]
        painted = [large(title, trend, axis, cells, each, look) for title, trend in group]
        lines = [
            joined([line.fit(cells) for line in beside], " " * GAP)
            for beside in zip_longest(*painted, fillvalue=Line())
        ]
        rows.append(Row.plain(*lines))
    rows += [Row.plain(_short(title, trend, axis, width, look)) for title, trend in rest]
    return Body((), tuple(rows))


def _compact(charts: Sequence[tuple[str, Trend]], axis: Axis, width: int, height: int, look: Look) -> list[Row]:
    drawn = max(1, min(len(charts), height // (LEAST_HEIGHT + 1)))
    each = max(1, (height - (len(charts) - drawn)) // drawn)
    rows = []
    for number, (title, trend) in enumerate(charts):
        if number < drawn:
            lines = chart(title, trend, axis, width, each, look)
        else:
            lines = [_short(title, trend, axis, width, look)]
        rows.append(Row.plain(*lines))
    return rows


def _short(title: str, trend: Trend, axis: Axis, width: int, look: Look) -> Line:
    """A trend on one line: its numbers, and a small graph in what is left of the line."""
    line = numbers(title, trend, axis, width, look)
    room = width - line.width - 2
    if room < LEAST_GRAPH or not has_values(trend):
        return line
    values = columns(axis, trend.points, Grid.over(axis, room))
    normal = 2 * (trend.baseline or 0.0) if trend.unit == "1/s" else None  # normal traffic is half the height
    graph = spark(values, ceiling([*values, normal]))
    return line + Line.of("  ", (graph, "graph.bad" if trend.bad else "graph"))


class ChartView(Pane):
    """Trends as large charts on one axis."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._title = ""
        self._charts: tuple[tuple[str, Trend], ...] = ()
        self._axis: Axis | None = None
        self._status: Status | None = None

    def show_charts(
        self, title: str, charts: Sequence[tuple[str, Trend]], axis: Axis, look: Look, status: Status | None = None
    ) -> None:
        """Show these, first on top."""
        self._title, self._charts, self._axis = title, tuple(charts), axis
        self.look, self._status = look, status
        self.repaint()

    def value_under_cursor(self) -> str:
        """What `y` copies: every trend in numbers."""
        return "; ".join(
            f"{title} {number_text(trend.last, trend.unit)} (was {number_text(trend.baseline, trend.unit)}, "
            f"peak {number_text(trend.peak, trend.unit)})"
            for title, trend in self._charts
        )

    def title_text(self) -> str:
        """The title last given."""
        return self._title

    def status(self) -> Status | None:
        """The state last given."""
        return self._status

    def body(self, width: int, height: int) -> Body:
        """The charts; without a single value why there is none, where that is known."""
        status = self._status
        if status is not None and status.word is Word.NO_DATA and not any(has_values(t) for _, t in self._charts):
            return note(status.detail or NO_DATA, width)
        return paint(self._charts, self._axis, width, height, self.look) if self._axis is not None else Body()
