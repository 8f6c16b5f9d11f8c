"""Graphs of one row, and the grid of time columns that every graph, marker and axis shares.

Downsampling is by maximum: a mean wipes out a spike of a single sample (measured with one of a hundred times normal).
Columns sit on whole multiples of their length, so that a moving window shifts the graph and never redraws its shape.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

from console.domain.instant import Instant
from console.domain.values import dataclass
from console.state import Axis, Marker
from widgets.glyphs import LEVELS, ZERO
from widgets.ink import Line


@dataclass(frozen=True, slots=True)
class Grid:
    """`width` columns of time, each `step_s` long, the first beginning at `start`."""

    start: Instant
    step_s: float
    width: int

    @classmethod
    def over(cls, axis: Axis, width: int) -> Grid:
        """The grid that shows an axis on `width` columns, its newest column holding the end of the window."""
        width = max(1, width)
        length = max(axis.window.seconds, 1e-6)
        step = length / (width - 1) if width > 1 else length
        last = math.ceil(axis.window.end / step - 1e-9)
        return cls((last - width) * step, step, width)

    @property
    def end(self) -> Instant:
        """Where the last column ends."""
        return self.start + self.width * self.step_s

    def column(self, at: Instant) -> int | None:
        """The column that holds an instant; None outside."""
        place = math.floor((at - self.start) / self.step_s + 1e-9)
        return place if 0 <= place < self.width else None


def columns(axis: Axis, points: Sequence[float | None], grid: Grid) -> list[float | None]:
    """The highest finite value in each column; None where no point reaches into it.

    A point stands for a stretch of `axis.step_s`; one that is longer than a column fills all columns it covers.
    """
    found: list[float | None] = [None] * grid.width
    for value, (first, last) in zip(points, reach(axis, grid, len(points)), strict=True):
        if value is None or not math.isfinite(value):
            continue
        for column in range(first, last):
            old = found[column]
            if old is None or value > old:
                found[column] = value
    return found


def reach(axis: Axis, grid: Grid, count: int) -> tuple[tuple[int, int], ...]:
    """For each of `count` points of an axis the columns `(first, last + 1)` it stands for; an empty range outside."""
    step = axis.step_s or grid.step_s
    return _reach((axis.window.start - grid.start) / grid.step_s, step / grid.step_s, grid.width, count)


@lru_cache(64)
def _reach(offset: float, ratio: float, width: int, count: int) -> tuple[tuple[int, int], ...]:
    """Shared by all graphs of a tick: they have the same axis and a few widths."""
    found = []
    for place in range(count):
        begin = offset + place * ratio
        first = math.floor(begin + 1e-6)
        last = max(first, math.ceil(begin + ratio - 1e-6) - 1)
        found.append((max(0, first), min(width, last + 1)))
    return tuple(found)


def ceiling(values: Iterable[float | None]) -> float:
    """The top of a scale: the highest value rounded up to 1, 1.5, 2, 3, 5 or 7 times a power of ten; 0 without any.

    Rounding keeps the scale still while the highest value moves a little.
    """
    top = max((v for v in values if v is not None and math.isfinite(v)), default=0.0)
    if top <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(top))
    for factor in (1, 1.5, 2, 3, 5, 7, 10):
        if top <= factor * power * (1 + 1e-9):
            return factor * power
    return 10 * power


def spark(values: Sequence[float | None], top: float) -> str:
    """One character per value on a scale from 0 to `top`: blank for a gap, `_` for zero, eight heights above."""
    return "".join(_level(value, top) for value in values)


def bars(values: Sequence[float | None], top: float, height: int) -> list[str]:
    """The same on several lines, the topmost first: a column is full blocks with an eighth-block on top of them."""
    lines = []
    for line in range(height - 1, -1, -1):
        lower = top * line / height
        lines.append("".join(_part(value, lower, top / height, line == 0) for value in values))
    return lines


def _part(value: float | None, lower: float, share: float, bottom: bool) -> str:
    if bottom:
        return _level(value, share)
    return " " if value is None or not value > lower else _level(value - lower, share)


def _level(value: float | None, top: float) -> str:
    if value is None or not math.isfinite(value):
        return " "
    if value <= 0 or top <= 0:
        return ZERO
    return LEVELS[min(len(LEVELS) - 1, int(value / top * len(LEVELS) * 0.999999))]


def marker_line(markers: Sequence[Marker], grid: Grid, labels: Sequence[str] | None = None) -> Line:
    """The row under the graphs: each marker's glyph in its column, its label behind it where there is room.

    The onset wins a shared column. A label that would run into the next marker stands before its glyph, if there is room;
    it is left out otherwise, never cut.
    """
    texts = list(labels) if labels is not None else [str(marker.label) for marker in markers]
    placed: dict[int, tuple[Marker, Line]] = {}
    for marker, text in zip(markers, texts, strict=True):
        column = grid.column(marker.at)
        if column is not None and (column not in placed or marker.glyph == "╎"):
            placed[column] = (marker, Line.of((text, "marker")))
    spans: list[tuple[str, str]] = []
    at = 0
    order = sorted(placed)
    for number, column in enumerate(order):
        if column < at:
            continue
        marker, label = placed[column]
        nearest = order[number + 1] if number + 1 < len(order) else grid.width
        behind = column + 1 + label.width < nearest + (nearest == grid.width)
        before = not behind and label.width > 0 and at + label.width + (at > 0) <= column
        start = column - label.width if before else column
        spans.append((" " * (start - at), "text"))
        spans.extend(label.spans if before else ())
        spans.append((marker.glyph[:1], "marker"))
        spans.extend(label.spans if behind else ())
        at = column + 1 + (label.width if behind else 0)
    return Line.of(*spans).fit(grid.width)
