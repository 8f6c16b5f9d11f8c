"""Log patterns as a table: what is new, surged, gone or as usual, in plain words against the time before."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from console.domain.instant import Window, span_text
from console.domain.logs import Pattern
from console.state import Axis, LogsView, Status, Word
from widgets.body import Body, Look, Row, absence, note
from widgets.columns import Column, chosen, heading, row_line, widths
from widgets.histogram import NO_SOURCE
from widgets.ink import Line, pad, right
from widgets.numbers import UNKNOWN, plain, short_count
from widgets.pane import Pane
from widgets.sparkline import Grid, ceiling, columns, spark
from widgets.words import level_style, level_word, pattern_style

ORDER = ("new", "surged", "gone", "steady")
"""New ones first; inside a status as they come, the most surprising first."""
BEFORE = "before"
AS_BEFORE = 1.25
"""A pattern whose share grew or fell by less is told as unchanged."""


def ordered(patterns: Sequence[Pattern]) -> list[Pattern]:
    """In the order in which they are shown."""
    place = {status: number for number, status in enumerate(ORDER)}
    return sorted(patterns, key=lambda pattern: place.get(pattern.status, len(ORDER)))


def before_text(pattern: Pattern, baseline_s: float | None) -> str:
    """`0 in 3h`; `–` where nothing is known of the time before."""
    if pattern.baseline_count is None:
        return UNKNOWN
    return short_count(pattern.baseline_count) + (f" in {span_text(baseline_s)}" if baseline_s else "")


def ratio_text(pattern: Pattern) -> str:
    """How its rate compares, in words: `only now`, `6 × more`, `3 × less`, `stopped`, `as before`, `too few` to tell."""
    if pattern.baseline_count is None:
        return UNKNOWN
    if not pattern.baseline_count:
        return "only now" if pattern.status == "new" else "too few"
    if not pattern.count:
        return "stopped"
    ratio = pattern.ratio
    if ratio is None or ratio <= 0 or 1 / AS_BEFORE < ratio < AS_BEFORE:
        return "as before"
    return f"{plain(ratio)} × more" if ratio > 1 else f"{plain(1 / ratio)} × less"


def short_ratio_text(pattern: Pattern, baseline_s: float | None) -> str:
    """The same where it stands alone: `0 in 3h` for what is new, `was 211` for what is gone."""
    if pattern.status == "new":
        return before_text(pattern, baseline_s)
    if pattern.status == "gone" and pattern.baseline_count is not None:
        return f"was {short_count(pattern.baseline_count)}"
    return ratio_text(pattern)


def sentence(pattern: Pattern, baseline_s: float | None) -> str:
    """`412 now, 0 in 3h before: only now`."""
    if pattern.baseline_count is None:
        return f"{pattern.count:,} now, the time before is not known"
    span = f" in {span_text(baseline_s)}" if baseline_s else ""
    return f"{pattern.count:,} now, {pattern.baseline_count:,}{span} before: {ratio_text(pattern)}"


def row(pattern: Pattern, lines: Sequence[Line], baseline_s: float | None) -> Row:
    """A pattern as a row that can be opened and copied."""
    from console.query.about import lines_of  # not for the first frame

    query = lines_of(pattern)
    return Row(
        tuple(lines),
        pattern,
        f"pattern:{pattern.service} {pattern.level.word} {pattern.id}",
        f"{pattern.status.upper()} {pattern.template} ({sentence(pattern, baseline_s)})",
        f"incident logs {shlex.quote(query)}" if query else "",
    )


def short_row(pattern: Pattern, width: int, baseline_s: float | None) -> Row:
    """One line for the overview: the word, the count, the template, and how it compares where there is room."""
    line = Line.of(
        (pad(pattern.status.upper(), 7), pattern_style(pattern.status)),
        (right(short_count(pattern.count), 5), "strong"),
        "  ",
        pattern.template,
    )
    told = short_ratio_text(pattern, baseline_s)
    if pattern.status in ("surged", "gone") and line.width + len(told) + 2 <= width:
        line = line.beside(Line.of((told, "label")), width)
    return row(pattern, [line.cut(width)], baseline_s)


def paint(view: LogsView, width: int, height: int, look: Look) -> Body:
    """The table; its heading stays in place."""
    if not view.patterns:
        said = absence(view.status, "", NO_SOURCE if view.status.word is Word.NO_DATA else "")
        return note(said or "no patterns yet: they come with the first diagnosis", width, max(1, height))
    shown = chosen(_table(view), width)
    if BEFORE not in [column.heading for column in shown]:
        shown = chosen(_table(view, alone=True), width)
    sizes = widths(shown, width)
    rows = tuple(row(p, [row_line(shown, sizes, p).cut(width)], view.baseline_s) for p in ordered(view.patterns))
    head = (Row.plain(heading(shown, sizes).cut(width)),) if height >= 3 else ()
    return Body(head, rows)


def _table(view: LogsView, *, alone: bool = False) -> list[Column[Pattern]]:
    """The columns; `alone`: how a pattern compares is told in one of them, without the count of the time before."""
    span = view.baseline_s
    # Where several services say the same, the rows are told apart by their service.
    alike = len({pattern.template for pattern in view.patterns}) < len(view.patterns)
    compared = partial(short_ratio_text, baseline_s=span) if alone else ratio_text
    found: list[Column[Pattern]] = [
        Column("status", lambda p, w: Line.of((p.status.upper(), pattern_style(p.status))), 6),
        Column("now", lambda p, w: Line.of((short_count(p.count), "strong")), 5, align_right=True),
    ]
    if not alone:
        before: Column[Pattern] = Column(
            BEFORE, lambda p, w: Line.of((before_text(p, span), "text")), 11, drop=6, align_right=True
        )
        found.append(before)
    found += [
        Column("compared", lambda p, w: Line.of((compared(p), pattern_style(p.status))), 10, drop=2),
        Column("level", lambda p, w: Line.of((level_word(p.level), level_style(p.level))), 5, drop=5),
        Column("service", lambda p, w: Line.of((p.service, "accent")), 8, drop=1 if alike else 7, most=14, grow=1),
    ]
    steps = max((len(pattern.trend) for pattern in view.patterns), default=0)
    if steps:
        found.append(Column("trend", partial(_trend, steps), 8, drop=3, most=30, grow=1))
    return [*found, Column("pattern", lambda p, w: Line.of((p.template, "text")), 26 if alike else 34, grow=3)]


def _trend(steps: int, pattern: Pattern, width: int) -> Line:
    """Its lines over the window; after its last line it is zero."""
    points = (*pattern.trend, *(0,) * (steps - len(pattern.trend)))
    return trend_text(points, width, "graph.bad" if pattern.status in ("new", "surged") else "graph")


def trend_text(points: tuple[int, ...], width: int, style: str) -> Line:
    """Counts per step as a graph on its own scale."""
    axis = Axis(Window(0.0, float(len(points))), 1.0)
    return Line.of((spark(columns(axis, points, Grid.over(axis, width)), ceiling(points)), style))


class PatternsPane(Pane):
    """Pane 2 of the log screen. Enter gives a `Pattern`."""

    number = 2
    title = "Patterns"
    about = "Lines of one shape, where <*> stands for what varies; how often now, and against the time before."
    view = LogsView()
    pattern_status = Status()
    beside = ""
    """Where else there is something, which has no room beside it; a few words."""

    def show_view(self, view: LogsView, look: Look, status: Status) -> None:
        """Show this; `status` is that of the counts that were compared."""
        known = (self.view.patterns, self.view.baseline_s, self.pattern_status)
        if self.shows(known, (view.patterns, view.baseline_s, status), look):
            return
        as_old = replace(status, age_s=self.pattern_status.age_s)
        older = self.shows(known, (view.patterns, view.baseline_s, as_old), look)
        self.view, self.look, self.pattern_status = view, look, status
        self.grow_older() if older else self.repaint()

    def point_to(self, beside: str) -> None:
        """Say on the border where else there is something; empty: nowhere."""
        if beside != self.beside:
            self.beside = beside
            self.repaint()

    def status(self) -> Status:
        """Of the counts."""
        return self.pattern_status

    def title_text(self) -> str:
        """With what is compared."""
        span = self.view.baseline_s
        return f"Patterns  vs {span_text(span)} before" if span and self.view.patterns else self.title

    def facts(self) -> str:
        """How many there are, and how many are new."""
        new = sum(1 for pattern in self.view.patterns if pattern.status == "new")
        return f"{len(self.view.patterns)}, {new} new" if self.view.patterns else ""

    def filter_text(self) -> str:
        """Nothing narrows it down; in that place it says where else there is something."""
        return self.beside

    def body(self, width: int, height: int) -> Body:
        """The painted table."""
        return paint(self.view, width, height, self.look)
