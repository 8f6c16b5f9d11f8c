"""A signal against its load: before and since, with the knee, what that says, and the numbers behind it."""

from __future__ import annotations

from console.state import LoadView
from widgets.body import Body, Look, Row
from widgets.details import facts
from widgets.ink import Line, wrap
from widgets.numbers import number_text
from widgets.plot import NEW, OLD, Scatter, draw_scatter

LEAST_ROWS = 6
MOST_ROWS = 30
FACT_ROWS = 8
"""Lines that are kept for the numbers below the points."""


def paint(view: LoadView, width: int, height: int, look: Look) -> Body:
    """What it says, the points, the numbers."""
    says = Row.plain(*(Line.of((text, "strong")) for text in wrap(view.says, width, 3)))
    rows = facts([(name, value, "text") for name, value in view.facts], width, 3)
    if not view.before and not view.since:
        return Body((says,), tuple(rows))
    room = height - len(says.lines) - 2 - min(FACT_ROWS, sum(len(row.lines) for row in rows))
    picture = Scatter(view.before, view.since, "1/s", view.unit, view.knee, bad=True)
    chart = draw_scatter(picture, width, max(LEAST_ROWS, min(MOST_ROWS, room)))
    legend = Line.of((f"{view.what} ", "title"), ("against requests per second   ", "label"))
    legend += Line.of((OLD, "graph"), (f" before ({len(view.before)})  ", "label"))
    legend += Line.of((NEW, "graph.bad"), (f" since the onset ({len(view.since)})", "label"))
    if view.knee is not None:
        legend += Line.of("  ", ("┊", "marker"), (f" knee {number_text(view.knee, '1/s')}", "label"))
    return Body((says, Row.plain(Line(), legend.cut(width), *chart)), tuple(rows))
