"""Large charts: whatever the numbers and the size, a chart that fits and tells no lies."""

from __future__ import annotations

import ast
import math
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.domain.instant import Window
from console.domain.text import SafeText
from console.state import Axis, Marker, Trend
from tests.contract.test_promises import modules
from tests.widgets.samples import HOSTILE, LOOK, NOW, ONSET, WINDOW, trend
from widgets.chart_view import LARGE_HEIGHT, Arrangement, large, paint, times
from widgets.glyphs import BRAILLE
from widgets.plot import BELOW, LABELS, Picture, Scale, columns_of, draw
from widgets.sparkline import Grid

ROOT = Path(__file__).parents[2]
AXIS = Axis(WINDOW, 15.0, (Marker(NOW - 722, "▼", SafeText("v41")), Marker(ONSET, "╎", SafeText("onset"))))
EXTREME = st.sampled_from(
    [math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, -5e-324, 2.2e-308, 1e308, 1.7976931348623157e308, -1.7e308, 1.0]
)
VALUES = st.one_of(st.none(), EXTREME, st.floats(allow_nan=True, allow_infinity=True))
UNITS = st.sampled_from(["ratio", "s", "1/s", "bytes", "count"])


def is_curve(character: str) -> bool:
    return BRAILLE < ord(character) < BRAILLE + 256


def curve_of(picture: Picture, width: int, height: int) -> list[str]:
    """The rows of the curve without the scale."""
    return [line.text[LABELS:].ljust(columns_of(width)) for line in draw(picture, width, height)[: height - BELOW]]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(VALUES, max_size=130),
    UNITS,
    VALUES,
    st.lists(st.tuples(st.integers(-5, 130), st.sampled_from(["▼", "◆", "╎", "x"])), max_size=5),
    st.lists(st.tuples(st.integers(-5, 130), st.sampled_from([*HOSTILE, "14:00", ""])), max_size=4),
    st.integers(-1, 90),
    st.integers(-1, 24),
)
def test_any_numbers_at_any_size_give_a_chart_that_fits(
    values: list[float | None],
    unit: str,
    base: float | None,
    markers: list[tuple[int, str]],
    labels: list[tuple[int, str]],
    width: int,
    height: int,
) -> None:
    lines = draw(Picture(tuple(values), unit, base, True, tuple(markers), tuple(labels)), width, height)
    assert len(lines) <= max(0, height)
    assert all(line.width <= width for line in lines)
    assert all(text.isprintable() for line in lines for text, _ in line.spans)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), st.just(math.nan), st.floats(0, 1e9)), min_size=60, max_size=60))
def test_a_gap_is_blank_and_a_value_is_not(values: list[float | None]) -> None:
    width = LABELS + 30
    rows = curve_of(Picture(tuple(values), "1/s"), width, 12)
    for cell in range(30):
        shown = any(is_curve(row[cell]) for row in rows)
        assert shown == any(v is not None and math.isfinite(v) for v in values[2 * cell : 2 * cell + 2])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 119), st.floats(1e-6, 1e12))
def test_a_spike_of_one_sample_reaches_the_top_of_the_curve(place: int, normal: float) -> None:
    points: list[float | None] = [normal] * 120
    points[place] = normal * 100
    axis = Axis(Window(NOW - 1800, NOW), 15.0)
    lines = large("errors", Trend("1/s", points=tuple(points)), axis, 70, 16, LOOK)
    rows = [line.text[LABELS:] for line in lines[2:-BELOW]]
    highest = next(number for number, row in enumerate(rows) if any(map(is_curve, row)))
    assert highest < len(rows) / 2
    assert sum(map(is_curve, rows[highest])) <= 2


def test_constant_zero_and_nothing_look_different() -> None:
    shown = [
        tuple(line.text for line in large("p99", Trend("s", points=points), AXIS, 80, 14, LOOK)[2:])
        for points in ((3.0,) * 120, (0.0,) * 120, (None,) * 120)
    ]
    assert len(set(shown)) == 3
    assert "no data in this window" in large("p99", Trend("s", points=(None,) * 120), AXIS, 80, 14, LOOK)[1].text
    assert any(map(is_curve, "".join(shown[0]))) and any(map(is_curve, "".join(shown[1])))


def test_a_chart_tells_scale_units_times_markers_and_the_normal_value() -> None:
    text = "\n".join(line.text for line in large("p99", trend("s", 0.36, 3.1, bad=True), AXIS, 100, 15, LOOK))
    for part in ("now 3.1s", "was 0.36s", "peak 3.5s at", " 4.0s┤", " 0s┤", "13:44 (-30m)", "14:14 (now)", "14:00"):
        assert part in text
    for part in ("▼", "┊", "╎onset 14:03", "╌ was 0.36s ╌"):
        assert part in text


def test_marker_lines_stand_under_their_labels() -> None:
    lines = large("p99", trend("s", 0.36, 3.1), AXIS, 100, 15, LOOK)
    labels, rows = lines[1].text, [line.text for line in lines[2:-BELOW]]
    assert {row[labels.index("▼")] for row in rows} >= {"┊"}
    assert {row[labels.index("╎")] for row in rows} >= {"╎"}


def test_meanings_are_styled() -> None:
    styles = {
        style
        for line in draw(Picture((1.0, 5.0) * 30, "s", 2.0, True, ((9, "╎"),), ((0, "13:44"),)), 60, 12)
        for _, style in line.spans
    }
    assert styles == {"label", "band", "text", "marker", "graph.bad"}


@pytest.mark.parametrize(
    ("values", "unit", "top"),
    [([0.094], "ratio", 0.1), ([3.5], "s", 4.0), ([620 * 2**20], "bytes", 800 * 2**20), ([14.6], "1/s", 15.0)],
)
def test_scales_are_round_in_their_unit(values: list[float], unit: str, top: float) -> None:
    scale = Scale.over(values, unit, 5)
    assert scale.high == pytest.approx(top) and scale.low == 0


@settings(deadline=None)
@given(
    st.lists(st.one_of(st.floats(-1.7e308, 1.7e308), st.floats(-1e-300, 1e-300)), max_size=5), UNITS, st.integers(1, 5)
)
def test_every_value_lies_within_its_scale(values: list[float], unit: str, most: int) -> None:
    scale = Scale.over(values, unit, most)
    assert scale.low <= min([0.0, *values]) and scale.high >= max([0.0, *values])
    assert 1 <= len(scale.ticks) <= 2 * most + 3
    assert all(0.0 <= scale.height(value) <= 1.0 for value in values)
    assert [scale.height(tick) for tick in scale.ticks] == sorted(scale.height(tick) for tick in scale.ticks)


@settings(deadline=None)
@given(st.floats(60, 30 * 86400), st.integers(8, 300), st.floats(0, 86400))
def test_times_keep_clear_of_each_other_and_name_the_end(span: float, width: int, back: float) -> None:
    axis = Axis(Window(NOW - back - span, NOW - back), span / 120)
    shown = times(axis, Grid.over(axis, width), LOOK)
    assert shown[-1][0] == width - 1
    for (cell, text), (following, more) in pairwise(shown):
        assert following - cell > len(text) + len(more)


def test_charts_stand_above_each_other_where_all_are_large_then_abreast_then_compact() -> None:
    assert Arrangement.of(3, 196, 36) == Arrangement(3, 1)
    assert Arrangement.of(3, 196, 24) == Arrangement(1, 3)
    assert Arrangement.of(3, 116, 18) == Arrangement(1, 2)
    assert Arrangement.of(3, 76, 9) == Arrangement(0, 1)
    assert Arrangement.of(4, 116, 24) == Arrangement(2, 2)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 5), st.integers(1, 210), st.integers(1, 45))
def test_charts_never_take_more_than_their_area(count: int, width: int, height: int) -> None:
    charts = [(f"chart {n}", trend("s", 0.3, 3.0)) for n in range(count)]
    body = paint(charts, AXIS, width, height, LOOK)
    lines = [line for row in body.rows for line in row.lines]
    assert len(lines) <= max(height, count)
    assert all(line.width <= width for line in lines)


def test_low_areas_get_compact_charts() -> None:
    lines = large("p99", trend("s", 0.36, 3.1), AXIS, 80, LARGE_HEIGHT - 1, LOOK)
    assert not any("┤" in line.text for line in lines) and len(lines) == LARGE_HEIGHT - 1


def test_only_the_adapter_knows_plotext_and_loads_it_late() -> None:
    importing = set()
    for path, tree in modules("plotext"):
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == "plotext" for name in names):
                importing.add(path)
    assert importing == {"widgets/plot.py"}
    code = "import sys, console.app; sys.exit('plotext' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60, check=False).returncode == 0
