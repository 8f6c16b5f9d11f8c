"""Sparklines, the shared grid of time, markers and large charts."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.instant import Window
from console.domain.text import SafeText
from console.state import Axis, Marker, Trend
from tests.widgets.samples import LOOK, NOW, ONSET, WINDOW, trend
from widgets.chart import bands, braille, chart
from widgets.chart_view import paint
from widgets.sparkline import Grid, ceiling, columns, marker_line, spark

AXIS = Axis(WINDOW, 15.0, (Marker(NOW - 722, "▼", SafeText("v41")), Marker(ONSET, "╎", SafeText("onset"))))
POINTS = st.lists(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)), max_size=300)


def test_a_spike_of_one_sample_in_600_survives_60_columns() -> None:
    axis = Axis(Window(0, 600), 1.0)
    points: list[float | None] = [1.0] * 600
    points[311] = 100.0
    line = spark(columns(axis, points, Grid.over(axis, 60)), 100.0)
    assert line.count("█") == 1


def test_a_gap_is_blank_and_zero_is_not() -> None:
    assert spark([None, 0.0, 0.001, 5.0, 10.0, None], 10.0) == " _▁▄█ "


def test_constant_zero_and_empty_look_different() -> None:
    shown = {spark(values, ceiling(values)) for values in ([3.0] * 8, [0.0] * 8, [None] * 8)}
    assert len(shown) == 3


@given(POINTS, st.integers(1, 250), st.floats(0, 1e9))
def test_any_points_give_a_line_as_wide_as_asked(points: list[float | None], width: int, start: float) -> None:
    axis = Axis(Window(start, start + 1800), 15.0)
    values = columns(axis, points, Grid.over(axis, width))
    assert len(spark(values, ceiling(values))) == width


@given(st.integers(0, 5000), st.integers(2, 120))
def test_the_grid_covers_the_end_of_the_window(shift: int, width: int) -> None:
    axis = Axis(Window(shift, shift + 1800.0), 15.0)
    grid = Grid.over(axis, width)
    assert grid.start <= axis.window.start + 1e-6
    assert axis.window.end <= grid.end + 1e-6 < axis.window.end + grid.step_s + 1e-5


def test_a_moving_window_shifts_the_graph_and_keeps_its_shape() -> None:
    """Points on fixed steps of time keep their columns while the window moves by less than one of them."""
    lines = set()
    for second in range(15):
        end = NOW - NOW % 15 + 15
        axis = Axis(Window(end - 1800 - 15 + second, end - 15 + second), 15.0)
        grid = Grid.over(axis, 40)
        first = math.floor(grid.start / 15)
        points = [float((first + n) % 7) for n in range(130)]
        lines.add(
            spark(columns(replace(axis, window=Window(first * 15, first * 15 + 1800)), points, grid), 7.0).strip()
        )
    assert len(lines) <= 2


def test_columns_longer_and_shorter_than_points_leave_no_false_gap() -> None:
    for width in (7, 50, 119, 120, 121, 200, 400):
        shown = spark(columns(AXIS, [1.0] * 120, Grid.over(AXIS, width)), 1.0)
        assert " " not in shown.strip(), width
        assert len(shown.strip()) >= width - 2 - width // 100


def test_ceiling_rounds_up_and_stays_still() -> None:
    assert [ceiling([v]) for v in (0.0, 0.084, 3.1, 99.0, 101.0)] == pytest.approx([0.0, 0.1, 5.0, 100.0, 150.0])
    assert ceiling([2.1]) == ceiling([2.9])
    assert ceiling([None, math.nan, math.inf]) == 0.0


def test_markers_stand_in_their_columns_with_labels_where_there_is_room() -> None:
    grid = Grid.over(AXIS, 100)
    line = marker_line(AXIS.markers, grid, ["v41", "onset"])
    assert line.width == 100
    assert line.text.index("▼") == grid.column(NOW - 722)
    assert line.text.index("╎") == grid.column(ONSET)
    assert "onset" in line.text
    assert "v41▼" in line.text  # behind its glyph it would run into the onset


def test_a_label_without_room_on_either_side_is_left_out_whole() -> None:
    axis = Axis(
        WINDOW,
        15.0,
        (Marker(WINDOW.start + 60, "▼", SafeText("v41")), Marker(WINDOW.start + 120, "╎", SafeText("onset"))),
    )
    assert marker_line(axis.markers, Grid.over(axis, 40)).text.split() == ["▼╎onset"]


def test_the_onset_wins_a_shared_column() -> None:
    axis = Axis(WINDOW, 15.0, (Marker(ONSET, "╎", SafeText("onset")), Marker(ONSET + 1, "▼", SafeText("v41"))))
    text = marker_line(axis.markers, Grid.over(axis, 10), ["", ""]).text
    assert "╎" in text and "▼" not in text


@given(
    st.lists(st.floats(WINDOW.start - 100, WINDOW.end + 100), max_size=12),
    st.integers(1, 80),
    st.text("ab漢 ", max_size=9),
)
def test_marker_lines_are_exactly_as_wide(at: list[float], width: int, label: str) -> None:
    markers = [Marker(moment, "▼", SafeText(label)) for moment in at]
    assert marker_line(markers, Grid.over(AXIS, width)).width == width


@given(POINTS, st.integers(1, 120), st.integers(1, 40))
def test_any_trend_can_be_charted(points: list[float | None], width: int, height: int) -> None:
    lines = chart("errors", Trend("ratio", None, None, 0.1, tuple(points)), AXIS, width, height, LOOK)
    assert len(lines) <= max(1, height)
    assert all(line.width <= width for line in lines)


def test_a_chart_tells_scale_times_and_numbers() -> None:
    text = "\n".join(line.text for line in chart("p99", trend("s", 0.36, 3.1, bad=True), AXIS, 90, 12, LOOK))
    for part in ("now 3.1s", "was 0.36s", "peak 3.5s at", "5.0s", "0s", "13:44 (-30m)", "14:14 (now)", "╎", "▼", "╌"):
        assert part in text


def test_a_chart_without_data_says_so() -> None:
    text = "\n".join(line.text for line in chart("p99", Trend("s"), AXIS, 90, 12, LOOK))
    assert "no data in this window" in text


def test_gaps_of_a_chart_are_blank() -> None:
    rows = braille([(1.0, 1.0)] * 10 + [None] * 10 + [(1.0, 1.0)] * 10, 2.0, 3)
    assert all(row[5:10] == "     " for row in rows)


def test_a_jump_is_joined_and_a_spike_stays() -> None:
    rows = braille([(0.0, 0.0), (10.0, 10.0), (0.0, 0.0)], 10.0, 5)
    assert all(row[0] != " " for row in rows)
    found = bands(AXIS, [1.0] * 60 + [9.0] + [1.0] * 59, Grid.over(AXIS, 20))
    assert max(band[1] for band in found if band) == 9.0


def test_scales_are_round_in_their_unit() -> None:
    text = "\n".join(
        line.text for line in chart("memory", trend("bytes", 477 * 2**20, 620 * 2**20), AXIS, 90, 12, LOOK)
    )
    assert " 700MiB" in text


def test_charts_share_the_height() -> None:
    body = paint([("a", trend("s", 1, 2)), ("b", trend("s", 1, 2)), ("c", trend("s", 1, 2))], AXIS, 80, 20, LOOK)
    assert sum(len(row.lines) for row in body.rows) <= 20
    assert [len(row.lines) > 1 for row in body.rows] == [True, True, True]
