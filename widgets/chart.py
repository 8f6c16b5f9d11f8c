"""Large graphs for drilling down: axes with units and times, the normal value as a dashed line, markers, gaps left blank.

Drawn in braille dots as a band from the lowest to the highest value of each dot column, so that a spike of one sample
stays visible; an ASCII terminal sees the same by the canvas' translation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from console.domain.instant import clock_text, span_text
from console.state import Axis, Status, Trend
from widgets.body import Body, Look, Row
from widgets.glyphs import BRAILLE
from widgets.ink import Line, right
from widgets.numbers import number_text
from widgets.pane import Pane
from widgets.sparkline import Grid, ceiling, marker_line, reach

_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Bits of a braille cell: left and right column, top to bottom."""
LABELS = 9
"""Cells left of the graph for the scale."""
LEAST_HEIGHT = 5
"""Lines that a chart needs: numbers, two of graph, markers, times."""


def bands(axis: Axis, points: Sequence[float | None], grid: Grid) -> list[tuple[float, float] | None]:
    """Lowest and highest finite value of each column; None for a gap."""
    found: list[tuple[float, float] | None] = [None] * grid.width
    for value, (first, last) in zip(points, reach(axis, grid, len(points)), strict=True):
        if value is None or not math.isfinite(value):
            continue
        for column in range(first, last):
            old = found[column]
            found[column] = (value, value) if old is None else (min(old[0], value), max(old[1], value))
    return found


def braille(columns: Sequence[tuple[float, float] | None], top: float, height: int) -> list[str]:
    """The columns, two to a cell, drawn on `height` lines on a scale from 0 to `top`; neighbours are joined."""
    width = (len(columns) + 1) // 2
    cells = [[0] * width for _ in range(height)]
    before: tuple[int, int] | None = None
    for place, band in enumerate(columns):
        if band is None:
            before = None
            continue
        low, high = (_dot(value, top, height) for value in band)
        begin, end = low, high
        if before is not None:
            begin, end = (
                min(low, before[1] + 1 if before[1] < low else low),
                max(high, before[0] - 1 if before[0] > high else high),
            )
        for dot in range(begin, end + 1):
            cells[height - 1 - dot // 4][place // 2] |= _DOTS[place % 2][3 - dot % 4]
        before = (low, high)
    return ["".join(chr(BRAILLE + bits) if bits else " " for bits in row) for row in cells]


def _dot(value: float, top: float, height: int) -> int:
    """Which dot row, from the bottom, stands for a value."""
    most = height * 4 - 1
    return max(0, min(most, round(value / top * most))) if top > 0 else 0


def chart(title: str, trend: Trend, axis: Axis, width: int, height: int, look: Look) -> list[Line]:
    """One trend on `height` lines; without a single value it says so instead of drawing a line along zero."""
    numbers = _numbers(title, trend, axis, look).cut(width)
    plot_width = width - LABELS
    if height < LEAST_HEIGHT or plot_width < 8:
        return [numbers]
    if not any(value is not None and math.isfinite(value) for value in trend.points):
        return [numbers, Line.of(("no data in this window", "muted")).cut(width)]
    plot = _plot(trend, axis, plot_width, height - 3)
    grid = Grid.over(axis, plot_width)
    labels = [f"{m.label} {clock_text(m.at, look.zone, now=look.now, seconds=False)}" for m in axis.markers]
    indent = Line.of(" " * LABELS)
    return [numbers, *plot, indent + marker_line(axis.markers, grid, labels), indent + _times(axis, plot_width, look)]


def _numbers(title: str, trend: Trend, axis: Axis, look: Look) -> Line:
    line = Line.of((title, "title"), "  now ", (number_text(trend.last, trend.unit), "bad" if trend.bad else "strong"))
    line += Line.of(("  was ", "label"), number_text(trend.baseline, trend.unit))
    line += Line.of(("  peak ", "label"), number_text(trend.peak, trend.unit))
    known = [(value, place) for place, value in enumerate(trend.points) if value is not None and math.isfinite(value)]
    if known:
        at = axis.window.start + max(known)[1] * axis.step_s
        line += Line.of((f" at {clock_text(at, look.zone, now=look.now)}", "label"))
    if trend.samples is not None:
        line += Line.of((f"  n {trend.samples:,}", "label"))
    return line


def _plot(trend: Trend, axis: Axis, width: int, height: int) -> list[Line]:
    fine = Grid.over(axis, width)
    grid = Grid(fine.start, fine.step_s / 2, width * 2)
    columns = bands(axis, trend.points, grid)
    base = trend.baseline if trend.baseline is not None and math.isfinite(trend.baseline) else None
    top = _top([*(band[1] for band in columns if band is not None), base], trend.unit)
    rows = braille(columns, top, height)
    dashed = height - 1 - _dot(base, top, height) // 4 if base is not None and top > 0 else -1
    style = "graph.bad" if trend.bad else "graph"
    lines = []
    for place, row in enumerate(rows):
        label = (
            number_text(top, trend.unit) if place == 0 else number_text(0.0, trend.unit) if place == height - 1 else ""
        )
        if place == dashed and not label:
            label = f"was {number_text(base, trend.unit)}"
            label = label if len(label) < LABELS else number_text(base, trend.unit)
        lines.append(
            Line.of((right(label, LABELS - 1) + " ", "label")) + _row(row.ljust(width), style, place == dashed)
        )
    return lines


def _top(values: list[float | None], unit: str) -> float:
    """The top of the scale, round in the unit it is written in."""
    if unit != "bytes":
        return ceiling(values)
    highest = max((value for value in values if value is not None), default=0.0)
    power = 1024.0 ** max(0, math.floor(math.log(highest, 1024))) if highest >= 1 else 1.0
    return ceiling([highest / power]) * power


def _row(text: str, style: str, dashed: bool) -> Line:
    """A row of dots, with the dashes of the normal value where there are none."""
    if not dashed:
        return Line.of((text, style))
    spans: list[tuple[str, str]] = []
    for character in text:
        piece = ("╌", "band") if character == " " else (character, style)
        if spans and spans[-1][1] == piece[1]:
            spans[-1] = (spans[-1][0] + piece[0], piece[1])
        else:
            spans.append(piece)
    return Line.of(*spans)


def _times(axis: Axis, width: int, look: Look) -> Line:
    """Both ends of the axis, absolute and against now."""

    def end(at: float) -> str:
        away = look.now - at
        relative = "now" if abs(away) < 2 else f"{'-' if away > 0 else '+'}{span_text(away)}"
        return f"{clock_text(at, look.zone, now=look.now, seconds=False)} ({relative})"

    left, right_ = Line.of((end(axis.window.start), "label")), Line.of((end(axis.window.end), "label"))
    return left.beside(right_, width) if left.width + right_.width < width else right_.fit(width)


def paint(charts: Sequence[tuple[str, Trend]], axis: Axis, width: int, height: int, look: Look) -> Body:
    """Charts above each other on one time axis, sharing the height; those that find no room keep their numbers."""
    if not charts:
        return Body()
    drawn = max(1, min(len(charts), height // (LEAST_HEIGHT + 1)))
    each = max(1, (height - (len(charts) - drawn)) // drawn)
    rows = []
    for number, (title, trend) in enumerate(charts):
        lines = chart(title, trend, axis, width, each if number < drawn else 1, look)
        copy = f"{title} {number_text(trend.last, trend.unit)} (was {number_text(trend.baseline, trend.unit)})"
        rows.append(Row(tuple(lines), trend, f"chart:{title}", copy))
    return Body((), tuple(rows))


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

    def title_text(self) -> str:
        """The title last given."""
        return self._title

    def status(self) -> Status | None:
        """The state last given."""
        return self._status

    def body(self, width: int, height: int) -> Body:
        """The charts."""
        return paint(self._charts, self._axis, width, height, self.look) if self._axis is not None else Body()
