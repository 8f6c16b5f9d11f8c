"""Draws large charts with plotext: the only module that knows it.

plotext is imported on the first chart, since that takes some 40 ms. It keeps one figure for the whole process, so charts
are drawn on the event loop's thread only, and each begins by clearing the figure. It raises on infinity, overflows near
the largest floats and passes control characters through; hence it is given heights between 0 and 1 and cleaned labels,
and its output is taken without colours and styled by meaning.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from console.domain.values import dataclass
from widgets.glyphs import BRAILLE
from widgets.ink import Line, clean, right
from widgets.numbers import number_text

LABELS = 9
"""Cells left of the curve: the scale and the axis."""
LEAST_COLUMNS, LEAST_ROWS = 8, 2
"""Cells of the smallest curve."""
MOST_COLUMNS, MOST_ROWS = 480, 60
"""Cells of the largest; more would take longer than a key may wait."""
BELOW = 2
"""Lines under the curve: the axis and its times."""
MOST_LINES = 16
"""Vertical lines; more would hide the curve."""
DASH = "╌"
UPRIGHT = {"▼": "┊", "◆": "┊", "╎": "╎"}
"""The line that stands for a marker."""
OLD, NEW = "·", "●"
"""Points of a scatter: what was before, what is since. A second curve is drawn as the first."""
HEAVY = "━"
_STRETCH = re.compile(
    f"(?P<blank> +)|(?P<dash>{DASH}+)|(?P<curve>[{chr(BRAILLE)}-{chr(BRAILLE + 255)}]+)|(?P<old>{OLD}+)|(?P<new>{NEW}+)|."
)
"""What stands side by side and means the same."""
ROWS_PER_TICK = 3
X_TICK = 12
"""Cells between two ticks of a scatter."""
MOST_TICKS = 5


@dataclass(frozen=True, slots=True)
class Picture:
    """What a chart shows, in cells; the same picture is drawn once."""

    heights: tuple[float | None, ...]
    """The curve, two values for each cell of its width; None is a gap."""
    unit: str
    base: float | None = None
    """Normal value or limit: a dashed line with its number."""
    bad: bool = False
    """Whether it left its normal value."""
    markers: tuple[tuple[int, str], ...] = ()
    """Cells that get a vertical line, each with the glyph of its marker."""
    times: tuple[tuple[int, str], ...] = ()
    """Cells that get a tick on the time axis, each with its label."""
    base_name: str = "was"
    """What the dashed line is."""
    second: tuple[float | None, ...] = ()
    """A further curve, as long as the first: what is expected."""
    shade: tuple[int, int] | None = None
    """First and last cell of the stretch that is marked on the time axis by a heavy line."""


@dataclass(frozen=True, slots=True)
class Scatter:
    """Points on two axes, some old, some new, which are drawn over the old ones."""

    old: tuple[tuple[float, float], ...]
    new: tuple[tuple[float, float], ...]
    x_unit: str
    unit: str
    """Of the height."""
    upright: float | None = None
    """Where a vertical line stands."""
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Scale:
    """The vertical scale: its ends and the values that are written beside it."""

    low: float
    high: float
    ticks: tuple[float, ...]

    @classmethod
    def over(cls, values: Sequence[float], unit: str, most: int) -> Scale:
        """A scale that holds zero and these finite values, with at most `most` steps of 1, 2 or 5 times a power of ten.

        Bytes go by powers of 1024. Only zeros have no height: their one tick is zero.
        """
        low, high = min(0.0, *values, 0.0), max(0.0, *values, 0.0)
        if low == high:
            return cls(0.0, 0.0, (0.0,))
        step = _step(high / most - low / most, unit)
        first, last = (math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)) if step > 0 else (0, 0)
        ticks = tuple(number * step for number in range(first, last + 1)) if last - first <= 2 * most + 2 else ()
        if not ticks or ticks[0] > low or ticks[-1] < high or not math.isfinite(ticks[-1] + abs(ticks[0])):
            return cls(low, high, (low, high))  # at the ends of what a float can say there is no round number
        return cls(ticks[0], ticks[-1], ticks)

    def height(self, value: float) -> float:
        """Where a value stands between bottom (0) and top (1)."""
        size = max(abs(self.low), abs(self.high))
        if size <= 0:
            return 0.0
        low, high = self.low / size, self.high / size
        return max(0.0, min(1.0, (value / size - low) / (high - low)))


def _step(least: float, unit: str) -> float:
    """The next step of 1, 2 or 5 times a power of ten that is not below `least`; 0 where a float cannot say it."""
    base = 1.0
    if unit == "bytes" and 1024 <= least < math.inf:
        base = 1024.0 ** math.floor(math.log(least, 1024))
    if not 0 < least < 1e307:
        return 0.0
    power = 10.0 ** math.floor(math.log10(least / base))
    found = next((factor * power for factor in (1, 2, 5) if factor * power * base >= least * (1 - 1e-9)), 10 * power)
    return found * base


def columns_of(width: int) -> int:
    """Cells of the curve in a chart of `width`."""
    return max(0, min(MOST_COLUMNS, width - LABELS))


@lru_cache(32)
def draw(picture: Picture, width: int, height: int) -> tuple[Line, ...]:
    """The chart: curve with scale, time axis, times. At most as wide and high as asked; nothing where that is too small.

    Not for other threads than the event loop's.
    """
    columns, rows = columns_of(width), min(MOST_ROWS, height - BELOW)
    if columns < LEAST_COLUMNS or rows < LEAST_ROWS:
        return ()
    shown = (*picture.heights, *picture.second)
    known = [value for value in shown if value is not None and math.isfinite(value)]
    base = picture.base if picture.base is not None and math.isfinite(picture.base) else None
    most = max(1, min(MOST_TICKS, rows // ROWS_PER_TICK))
    scale = Scale.over([*known, base] if base is not None else known, picture.unit, most)
    text = _drawn(picture, scale, base, columns, rows)
    curve = [_styled(row, "graph.bad" if picture.bad else "graph") for row in text[:rows]]
    if base is not None:
        curve = [_named(line, f" {picture.base_name} {number_text(base, picture.unit)} ") for line in curve]
    if picture.shade is not None and len(text) > rows:
        text[rows] = _shaded(text[rows], *picture.shade)
    axis = [Line.of((row.rstrip(), style)) for row, style in zip(text[rows:], ("band", "label"), strict=False)]
    return tuple(line.cut(width) for line in (*curve, *axis))


@lru_cache(8)
def draw_scatter(picture: Scatter, width: int, height: int) -> tuple[Line, ...]:
    """The points with both scales; at most as wide and high as asked, nothing where that is too small.

    Not for other threads than the event loop's.
    """
    columns, rows = columns_of(width), min(MOST_ROWS, height - BELOW)
    if columns < LEAST_COLUMNS or rows < LEAST_ROWS:
        return ()
    points = [p for p in (*picture.old, *picture.new) if math.isfinite(p[0]) and math.isfinite(p[1])]
    across = Scale.over([x for x, _ in points], picture.x_unit, max(1, min(2 * MOST_TICKS, columns // X_TICK)))
    upward = Scale.over([y for _, y in points], picture.unit, max(1, min(MOST_TICKS, rows // ROWS_PER_TICK)))
    text = _drawn_scatter(picture, across, upward, columns, rows)
    curve = [_styled(row, "graph", "graph", "graph.bad" if picture.bad else "strong") for row in text[:rows]]
    axis = [Line.of((row.rstrip(), style)) for row, style in zip(text[rows:], ("band", "label"), strict=False)]
    return tuple(line.cut(width) for line in (*curve, *axis))


def _drawn_scatter(picture: Scatter, across: Scale, upward: Scale, columns: int, rows: int) -> list[str]:
    import plotext

    _begin(plotext, columns, rows)
    plotext.xlim(0, columns - 1)
    _scale(plotext, upward, picture.unit)
    places = [across.height(tick) * (columns - 1) for tick in across.ticks]
    plotext.xticks(places, [number_text(tick, picture.x_unit) for tick in across.ticks])
    if picture.upright is not None and math.isfinite(picture.upright):
        _line(plotext, (across.height(picture.upright) * (columns - 1),) * 2, (0, 1), UPRIGHT["◆"])
    for points, marker in ((picture.old, OLD), (picture.new, NEW)):
        finite = [p for p in points if math.isfinite(p[0]) and math.isfinite(p[1])]
        if finite:
            x = [across.height(one) * (columns - 1) for one, _ in finite]
            plotext.scatter(x, [upward.height(one) for _, one in finite], marker=marker)
    text: str = plotext.uncolorize(plotext.build())
    return text.splitlines()[: rows + BELOW]


def _begin(plotext: Any, columns: int, rows: int) -> None:
    """An empty figure of this size with axes at the left and below."""
    plotext.clear_figure()
    plotext.limit_size(False, False)
    plotext.plot_size(columns + LABELS, rows + BELOW)
    plotext.clear_color()
    plotext.xaxes(True, False)
    plotext.yaxes(True, False)
    plotext.ylim(0, 1)


def _scale(plotext: Any, scale: Scale, unit: str) -> None:
    labels = [right(number_text(tick, unit), LABELS - 1) for tick in scale.ticks]
    plotext.yticks([scale.height(tick) for tick in scale.ticks], labels)


def _shaded(row: str, first: int, last: int) -> str:
    """The row of the time axis with a heavy line over a stretch."""
    start, end = LABELS + max(0, first), LABELS + last + 1
    return row[:start] + row[start:end].replace("─", HEAVY) + row[end:]


def _drawn(picture: Picture, scale: Scale, base: float | None, columns: int, rows: int) -> list[str]:
    """What plotext makes of it, top to bottom, as plain characters."""
    import plotext

    last = 2 * columns - 1
    _begin(plotext, columns, rows)
    plotext.xlim(0, last)
    _scale(plotext, scale, picture.unit)
    times = [(cell, text) for cell, text in picture.times if 0 <= cell < columns] or [(0, " ")]
    plotext.xticks([_place(cell, columns) for cell, _ in times], [clean(text) or " " for _, text in times])
    if base is not None:
        _line(plotext, (0, last), (scale.height(base),) * 2, DASH)
    for cell, glyph in picture.markers[-MOST_LINES:]:
        if 0 <= cell < columns:
            _line(plotext, (_place(cell, columns),) * 2, (0, 1), UPRIGHT.get(glyph, "┊"))
    for heights, marker in ((picture.second, OLD), (picture.heights, "braille")):
        for places, values in _segments(heights[: 2 * columns]):
            _line(plotext, places, [scale.height(value) for value in values], marker)
    text: str = plotext.uncolorize(plotext.build())
    return text.splitlines()[: rows + BELOW]


def _line(plotext: Any, x: Sequence[float], y: Sequence[float], marker: str) -> None:
    plotext.plot(list(x), list(y), marker=marker)


def _place(cell: int, columns: int) -> float:
    """A whole cell on the axis that counts half cells."""
    return cell * (2 * columns - 1) / (columns - 1)


def _segments(heights: Sequence[float | None]) -> Iterator[tuple[list[int], list[float]]]:
    """The stretches between the gaps: their half cells and values."""
    places: list[int] = []
    values: list[float] = []
    for place, value in enumerate((*heights, None)):
        if value is not None and math.isfinite(value):
            if len(values) > 1 and values[-1] == values[-2] == value:
                places[-1] = place  # a level stretch needs its ends only
            else:
                places.append(place)
                values.append(value)
        elif places:
            yield places, values
            places, values = [], []


def _styled(row: str, curve: str, old: str = "accent", new: str = "accent") -> Line:
    """A row of characters by what they mean."""
    styles = {"curve": curve, "old": old, "new": new, "dash": "label", "blank": "text"}
    spans = [(row[: LABELS - 1], "label"), (row[LABELS - 1 : LABELS], "band")]
    for stretch in _STRETCH.finditer(row, LABELS):
        spans.append((stretch[0], styles.get(stretch.lastgroup or "", "marker")))
    return Line.of(*spans)


def _named(line: Line, name: str) -> Line:
    """The name written over the last stretch of dashes that has room for it and two dashes."""
    for place in range(len(line.spans) - 1, -1, -1):
        text, style = line.spans[place]
        if text[0] == DASH and len(text) >= len(name) + 2:
            cut = len(text) - len(name) - 1
            named = text[:cut] + name + text[cut + len(name) :]
            return Line.of(*line.spans[:place], (named, style), *line.spans[place + 1 :])
    return line
