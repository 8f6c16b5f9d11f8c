"""The spans of one trace: a tree with what each took, what of it it took itself, and where it lay in the whole."""

from __future__ import annotations

from console.domain.text import SafeText
from console.state import SpanRow, SpansView
from widgets.body import Body, Look, Row, note
from widgets.columns import Column, chosen, heading, row_line, widths
from widgets.ink import Line, tail, wrap
from widgets.numbers import number_text

MOST_TRUNK = 24
"""Cells of the branches before a name; of a deeper one its end."""
LEAST_NAME, LEAST_BAR = 24, 12
FULL = "█"


def paint(view: SpansView, width: int, height: int, look: Look) -> Body:
    """One line for each span; a bar on the axis from the start of the first to the end of the last."""
    if not view.rows:
        return note(view.says or SafeText("reading the spans"), width)
    table = chosen(_table(view), width)
    sizes = widths(table, width)
    rows = [Row((row_line(table, sizes, row).cut(width),), row, f"span:{row.key}", _copied(row)) for row in view.rows]
    foot = [Row.plain(*(Line.of((part, "warn")) for part in wrap(view.says, width, 2)))] if view.says else []
    return Body((Row.plain(heading(table, sizes).cut(width)),), tuple(rows), tuple(foot))


def _table(view: SpansView) -> list[Column[SpanRow]]:
    return [
        Column("span", _name, LEAST_NAME, grow=2),
        Column("took", lambda row, _: Line.of(number_text(row.duration_s, "s")), 7, align_right=True),
        Column("itself", lambda row, _: Line.of((number_text(row.own_s, "s"), "muted")), 7, drop=1, align_right=True),
        Column("", lambda row, size: _bar(row, view.total_s, size), LEAST_BAR, drop=2, grow=2, gap=2),
    ]


def _name(row: SpanRow, size: int) -> Line:
    sign, style = ("✖ ", "bad") if row.failed else ("", "text")
    return Line.of(
        (tail(row.trunk, MOST_TRUNK), "border"), (sign, "bad"), (row.service, "accent"), (f" {row.operation}", style)
    ).cut(size)


def _bar(row: SpanRow, total_s: float, size: int) -> Line:
    if total_s <= 0:
        return Line()
    begin = min(size - 1, int(row.start_s / total_s * size))
    cells = max(1, min(size - begin, round(row.duration_s / total_s * size)))
    return Line.of(" " * begin, (FULL * cells, "bad" if row.failed else "accent"))


def _copied(row: SpanRow) -> str:
    failed = ", failed" if row.failed else ""
    return f"{row.service} {row.operation} took {number_text(row.duration_s, 's')}{failed}"
