"""The memory of one service: what it used, where the growth leads, when the limit is reached, and its restarts."""

from __future__ import annotations

from console.state import MemoryView
from widgets.body import Body, Look, Row
from widgets.chart_view import LARGE_HEIGHT, large
from widgets.details import facts
from widgets.ink import Line, wrap

MOST_ROWS = 30
FACT_ROWS = 7


def paint(view: MemoryView, width: int, height: int, look: Look) -> Body:
    """What it says, the curve with the fit, the numbers."""
    says = Row.plain(*(Line.of((text, "strong")) for text in wrap(view.says, width, 4)))
    rows = facts([(name, value, "text") for name, value in view.facts], width, 3)
    if view.axis is None:
        return Body((says,), tuple(rows))
    room = height - len(says.lines) - 1 - min(FACT_ROWS, sum(len(row.lines) for row in rows))
    name = "limit" if view.limit is not None else "was"
    size = max(LARGE_HEIGHT, min(MOST_ROWS, room))
    chart = large("memory", view.used, view.axis, width, size, look, name, view.fit)
    legend = (
        Line.of(("· ", "accent"), ("growth, and where it leads if this continues", "label")) if view.fit else Line()
    )
    return Body((says, Row.plain(legend.cut(width), *chart)), tuple(rows))
