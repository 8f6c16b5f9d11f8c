"""Exceptions as a table: what was raised where, how often now and before, first and last, by whom."""

from __future__ import annotations

import shlex
from functools import partial

from console.domain.instant import clock_text, span_text
from console.domain.shapes import ExceptionGroup
from console.query.about import lines_raised
from console.state import LogsView, Status, Word
from widgets.body import Body, Look, Row, absence, note
from widgets.columns import Column, chosen, heading, row_line, widths
from widgets.details import facts, title
from widgets.histogram import NO_SOURCE
from widgets.ink import Line, wrap
from widgets.numbers import UNKNOWN, short_count
from widgets.pane import Pane
from widgets.patterns import trend_text

NONE = "no exception with a place in the code was raised in this window"
INSIDE = " < "
"""Stands between a frame and the one that called it, innermost first."""


def raised_text(group: ExceptionGroup) -> str:
    """`PaymentTimeout in pay.charge`."""
    return f"{group.type} in {group.frames[0]}" if group.frames else str(group.type)


def counts_text(group: ExceptionGroup, baseline_s: float | None) -> str:
    """`412 now, 0 in 3h before`."""
    if group.baseline_count is None:
        return f"{group.count:,} now, the time before is not known"
    span = f" in {span_text(baseline_s)}" if baseline_s else ""
    return f"{group.count:,} now, {group.baseline_count:,}{span} before"


def paint(view: LogsView, width: int, height: int, look: Look) -> Body:
    """The table; its heading stays in place."""
    if not view.exceptions:
        said = absence(view.patterns_status, "", NO_SOURCE if view.status.word is Word.NO_DATA else NONE)
        return note(said, width, max(1, height))
    shown = chosen(_table(view, look), width)
    sizes = widths(shown, width)
    rows = tuple(_row(group, row_line(shown, sizes, group).cut(width), view.baseline_s) for group in view.exceptions)
    head = (Row.plain(heading(shown, sizes).cut(width)),) if height >= 3 else ()
    return Body(head, rows)


def _row(group: ExceptionGroup, line: Line, baseline_s: float | None) -> Row:
    query = lines_raised(group)
    return Row(
        (line,),
        group,
        f"raised:{group.type}:{':'.join(group.frames)}",
        f"{raised_text(group)}: {group.message} ({counts_text(group, baseline_s)})",
        f"incident logs {shlex.quote(query)}" if query else "",
    )


def _table(view: LogsView, look: Look) -> list[Column[ExceptionGroup]]:
    found: list[Column[ExceptionGroup]] = [
        Column("status", lambda g, w: _standing(g), 6, drop=1),
        Column("now", lambda g, w: Line.of((short_count(g.count), "strong")), 5, align_right=True),
        Column("before", lambda g, w: Line.of((_before(g), "text")), 6, drop=4, align_right=True),
        Column("first", lambda g, w: _clock(g.first_seen, look), 8, drop=6),
        Column("last", lambda g, w: _clock(g.last_seen, look), 8, drop=5),
        Column("services", lambda g, w: Line.of((", ".join(g.services), "accent")), 9, drop=3, most=20, grow=1),
    ]
    steps = _steps(view)
    if steps:
        found.append(Column("trend", partial(_trend, steps), 8, drop=7, most=30, grow=1))
    return [
        *found,
        Column("exception", lambda g, w: Line.of((_short_type(g, w), "strong")), 14, most=36, grow=2),
        Column("raised in", lambda g, w: Line.of((INSIDE.join(g.frames) or UNKNOWN, "text")), 20, drop=2, grow=3),
    ]


def _short_type(group: ExceptionGroup, width: int) -> str:
    """The type as its language names it; where that is too long without its package."""
    return group.type if len(group.type) <= width else group.type.rpartition(".")[2]


def _standing(group: ExceptionGroup) -> Line:
    """NEW where the time before has none of it."""
    if group.baseline_count is None:
        return Line.of((UNKNOWN, "label"))
    return Line.of(("NEW", "bad")) if not group.baseline_count else Line.of(("known", "label"))


def _before(group: ExceptionGroup) -> str:
    return UNKNOWN if group.baseline_count is None else short_count(group.baseline_count)


def _clock(at: float, look: Look) -> Line:
    return Line.of((clock_text(at, look.zone), "text"))


def _steps(view: LogsView) -> tuple[int, int] | None:
    """The first and the last bucket that any of them was counted in."""
    buckets = [bucket for group in view.exceptions for bucket in group.buckets]
    return (min(buckets), max(buckets)) if buckets else None


def _trend(steps: tuple[int, int], group: ExceptionGroup, width: int) -> Line:
    points = tuple(group.buckets.get(bucket, 0) for bucket in range(steps[0], steps[1] + 1))
    return trend_text(points, width, "graph" if group.baseline_count else "graph.bad")


def details(group: ExceptionGroup, width: int, look: Look, baseline_s: float | None) -> list[Row]:
    """All of one group: what was raised where, how often and when, by whom, and its example in full."""
    rows = facts(
        [
            ("exception", group.type, "strong"),
            ("message", group.message, "text"),
            ("counted", counts_text(group, baseline_s), "text"),
            ("first", clock_text(group.first_seen, look.zone, now=look.now), "text"),
            ("last", clock_text(group.last_seen, look.zone, now=look.now), "text"),
            ("services", ", ".join(service for service in group.services if service), "accent"),
            ("raised in", INSIDE.join(group.frames), "text"),
        ],
        width,
    )
    rows.append(title("the first of them"))
    for place, text in enumerate(group.example):
        lines = tuple(Line.of((part, "text")) for part in wrap(text, width, 4)) or (Line(),)
        rows.append(Row(lines, str(text) or " ", f"example:{place}", text))
    return rows


class ExceptionsPane(Pane):
    """Pane 5 of the log screen. Enter gives an `ExceptionGroup`."""

    number = 5
    title = "Exceptions"
    view = LogsView()

    def show_view(self, view: LogsView, look: Look) -> None:
        """Show this."""
        known = (self.view.exceptions, self.view.baseline_s, self.view.patterns_status)
        if self.shows(known, (view.exceptions, view.baseline_s, view.patterns_status), look):
            return
        self.view, self.look = view, look
        self.repaint()

    def status(self) -> Status:
        """Of the counts."""
        return self.view.patterns_status

    def title_text(self) -> str:
        """With what is compared."""
        span = self.view.baseline_s
        return f"Exceptions  vs {span_text(span)} before" if span and self.view.exceptions else self.title

    def facts(self) -> str:
        """How many kinds there are, and how many of them the time before did not have."""
        groups = self.view.exceptions
        new = sum(1 for group in groups if group.baseline_count == 0)
        return f"{len(groups)}, {new} new" if groups else ""

    def body(self, width: int, height: int) -> Body:
        """The painted table."""
        return paint(self.view, width, height, self.look)
