"""A captured series as an SVG chart that needs nothing from anywhere: no script, no font, no style sheet of its own. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape

from console.domain.instant import Instant
from console.report.document import Chart, Mark
from console.report.snapshot import quantity

WIDTH, HEIGHT = 760, 220
LEFT, RIGHT, TOP, BOTTOM = 76, 26, 42, 26
TICKS = 6


def svg_of(chart: Chart) -> str:
    """The chart as one element, with a title for those who do not see it."""
    start, end = chart.points[0][0], chart.points[-1][0]
    top = max((value for _, value in chart.points if value is not None), default=1.0) or 1.0

    def x(at: Instant) -> float:
        return LEFT + (at - start) / max(end - start, 1e-9) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - max(0.0, value) / top * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg class="chart" role="img" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">',
        f"<title>{escape(chart.title)}</title>",
        *(_level(top * share, y(top * share), chart.unit) for share in (0.0, 0.5, 1.0)),
        *(
            _tick(start + (end - start) * n / TICKS, x(start + (end - start) * n / TICKS), end - start)
            for n in range(TICKS + 1)
        ),
        *(_mark(mark, x(mark.at), n) for n, mark in enumerate(chart.marks)),
        *_lines(chart, x, y),
        "</svg>",
    ]
    return "".join(parts)


def _lines(chart: Chart, x: object, y: object) -> list[str]:
    """One line for each stretch without a gap; a lone point is a dot."""
    assert callable(x) and callable(y)
    runs: list[list[str]] = [[]]
    for at, value in chart.points:
        if value is None:
            runs.append([])
        else:
            runs[-1].append(f"{x(at):.1f},{y(value):.1f}")
    drawn = []
    for run in runs:
        if len(run) > 1:
            drawn.append(f'<polyline class="line" fill="none" points="{" ".join(run)}"/>')
        elif run:
            across, _, down = run[0].partition(",")
            drawn.append(f'<circle class="dot" cx="{across}" cy="{down}" r="1.5"/>')
    return drawn


def _level(value: float, at: float, unit: str) -> str:
    return (
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
        f'<text class="label" x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{escape(quantity(value, unit))}</text>'
    )


def _tick(at: Instant, across: float, seconds: float) -> str:
    form = "%H:%M:%S" if seconds < 600 else "%H:%M" if seconds < 86_400 else "%m-%d %H:%M"
    text = datetime.fromtimestamp(at, UTC).strftime(form)
    return f'<text class="label" x="{across:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{text}</text>'


def _mark(mark: Mark, across: float, n: int) -> str:
    """A vertical line with its label; neighbours stand on three heights, so that they do not cover each other."""
    anchor = "end" if across > WIDTH * 0.7 else "start"
    shift = -3 if anchor == "end" else 3
    return (
        f'<line class="mark" x1="{across:.1f}" x2="{across:.1f}" y1="{TOP - 4}" y2="{HEIGHT - BOTTOM}"/>'
        f'<text class="label" x="{across + shift:.1f}" y="{12 + 12 * (n % 3)}" text-anchor="{anchor}">{escape(mark.label[:40])}</text>'
    )
