"""Compact charts, for where there is no room for a large one: scale, dashed normal value, markers, gaps left blank.

Drawn in braille dots as a band from the lowest to the highest value of each dot column, so that a spike of one sample
stays visible; an ASCII terminal sees the same by the canvas' translation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from console.domain.instant import clock_text, span_text
from console.state import Axis, Trend
from widgets.body import Look
from widgets.glyphs import BRAILLE
from widgets.ink import Line, right
from widgets.numbers import number_text
from widgets.sparkline import Grid, ceiling, marker_line, reach

_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Bits of a braille cell: left and right column, top to bottom."""
LABELS = 9
"""Cells left of the graph for the scale."""
LEAST_HEIGHT = 5
"""Lines that a chart needs: numbers, two of graph, markers, times."""
NO_DATA = "no data in this window"


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
    return round(max(0.0, min(1.0, value / top)) * most) if top > 0 else 0


def chart(title: str, trend: Trend, axis: Axis, width: int, height: int, look: Look) -> list[Line]:
    """One trend on `height` lines; without a single value it says so instead of drawing a line along zero."""
    head = numbers(title, trend, axis, width, look)
    plot_width = width - LABELS
    if height < LEAST_HEIGHT or plot_width < 8:
        return [head]
    if not has_values(trend):
        return [head, Line.of((NO_DATA, "muted")).cut(width)]
    plot = _plot(trend, axis, plot_width, height - 3)
    grid = Grid.over(axis, plot_width)
    labels = marker_labels(axis, look)
    indent = Line.of(" " * LABELS)
    return [head, *plot, indent + marker_line(axis.markers, grid, labels), indent + _times(axis, plot_width, look)]


def marker_labels(axis: Axis, look: Look) -> list[str]:
    """The labels of the axis' markers, each with its time."""
    return [f"{m.label} {clock_text(m.at, look.zone, now=look.now, seconds=False)}" for m in axis.markers]


def numbers(title: str, trend: Trend, axis: Axis, width: int, look: Look, base_name: str = "was") -> Line:
    """What is charted, its newest, normal and highest value; what has no room is left out, the least needed first."""
    line = Line.of((title, "title"), "  now ", (number_text(trend.last, trend.unit), "bad" if trend.bad else "strong"))
    line += Line.of((f"  {base_name} ", "label"), number_text(trend.baseline, trend.unit))
    line += Line.of(("  peak ", "label"), number_text(trend.peak, trend.unit))
    for more in (_peak_time(trend, axis, look), f"  n {trend.samples:,}" if trend.samples is not None else ""):
        if line.width + len(more) <= width:
            line += Line.of((more, "label"))
    return line.cut(width)


def has_values(trend: Trend) -> bool:
    """Whether there is a single value to draw."""
    return any(value is not None and math.isfinite(value) for value in trend.points)


def _peak_time(trend: Trend, axis: Axis, look: Look) -> str:
    known = [(value, place) for place, value in enumerate(trend.points) if value is not None and math.isfinite(value)]
    if not known:
        return ""
    return f" at {clock_text(axis.window.start + max(known)[1] * axis.step_s, look.zone, now=look.now)}"


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
        return f"{clock_text(at, look.zone, now=look.now, seconds=False)} ({relative(at, axis, look)})"

    left, right_ = Line.of((end(axis.window.start), "label")), Line.of((end(axis.window.end), "label"))
    return left.beside(right_, width) if left.width + right_.width < width else right_.fit(width)


def relative(at: float, axis: Axis, look: Look) -> str:
    """An instant against now: `-30m`; `now` within two steps, which is as near as a window that moves by steps comes."""
    away = look.now - at
    if abs(away) <= 2 * max(axis.step_s, 1.0):
        return "now"
    return f"{'-' if away > 0 else '+'}{span_text(away)}"
