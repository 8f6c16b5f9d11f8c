"""What the selected line, pattern or exception says, field by field, and what failing lines have more often than others."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

from console.domain.logs import FieldValue, LogRecord, Pattern
from console.domain.shapes import ExceptionGroup, FieldExcess
from console.state import LogsView
from widgets import details, exceptions
from widgets.body import Body, Look, Row, absence, note
from widgets.ink import Line, cut, pad, width_of
from widgets.numbers import percent, plain
from widgets.pane import Pane

Told: TypeAlias = LogRecord | Pattern | ExceptionGroup
"""What the fields belong to."""
LEAST_NOTE = 12
"""Cells that a remark beside a value must have."""


def share_text(one: FieldExcess) -> str:
    """`97 % of failing, 8 × over`."""
    share = f"{percent(one.failing / one.failing_of)} % of failing" if one.failing_of else "failing"
    return f"{share}, {f'{plain(one.ratio)} × over' if one.ratio is not None else 'no other'}"


def paint(of: Told | None, view: LogsView, width: int, height: int, look: Look) -> Body:
    """The fields of a line, those that failing lines have in excess with their share; then all such values."""
    if isinstance(of, LogRecord):
        known = {(one.field, str(one.value)): one for one in view.excess}
        rows = [_remarked(row, known, width) for row in details.record(of, width, height, look).rows]
    elif isinstance(of, Pattern):
        rows = list(details.pattern(of, width, height, look, view.baseline_s).rows)
    elif isinstance(of, ExceptionGroup):
        rows = exceptions.details(of, width, look, view.baseline_s)
    else:
        said = absence(view.status, "", "select a line, a pattern or an exception")
        rows = list(note(said, width, max(1, height)).rows)
    if view.excess:
        rows.append(Row.plain(Line(), *excess_heading(view.excess_sample, width)))
        rows += [_excess(one, width) for one in view.excess]
    return Body((), tuple(rows))


def excess_heading(sample: int | None, width: int) -> tuple[Line, ...]:
    """What stands above the values in excess; and of how many records they are, where these are a sample of all."""
    heading = Line.of(("failing lines have more often", "title"))
    if sample is None:
        return (heading.cut(width),)
    told = Line.of((f"in a sample of {sample:,} lines", "warn"))
    if heading.width + told.width + 2 <= width:
        return (heading + Line.of("  ") + told,)
    return heading.cut(width), told.cut(width)


def _remarked(row: Row, known: dict[tuple[str, str], FieldExcess], width: int) -> Row:
    """The row with its share among failing lines, where that is in excess and there is room."""
    value = row.value
    one = known.get((value.name, str(value.value))) if isinstance(value, FieldValue) else None
    if one is None:
        return row
    told = share_text(one)
    room = width - width_of(row.lines[0].text.rstrip()) - 2
    if room < LEAST_NOTE:
        return replace(row, lines=(*row.lines, Line.of("  ", (told, "warn")).cut(width)))
    return replace(row, lines=(row.lines[0].beside(Line.of((cut(told, room), "warn")), width), *row.lines[1:]))


def _excess(one: FieldExcess, width: int) -> Row:
    told = Line.of((share_text(one), "warn"))
    name = Line.of((pad(one.field, min(12, width_of(one.field))), "label"), " ", (one.value, "text"))
    fits = name.width + told.width + 1 <= width
    lines = (name.beside(told, width),) if fits else (name.cut(width), (Line.of("  ") + told).cut(width))
    text = f"{one.field} {one.value}: {one.failing:,} of {one.failing_of:,} failing, {one.others:,} of {one.others_of:,} others"
    return Row(lines, FieldValue(one.field, one.value), f"excess:{one.field}:{one.value}", text)


class FieldsPane(Pane):
    """Pane 3 of the log screen. Enter gives a `FieldValue`."""

    number = 3
    title = "Fields"
    of: Told | None = None
    view = LogsView()

    def show_fields(self, of: Told | None, view: LogsView, look: Look) -> None:
        """Show what this says, beside what failing lines of the view have in common."""
        known = (self.of, self.view.baseline_s, self.view.excess, self.view.excess_sample)
        if self.shows(known, (of, view.baseline_s, view.excess, view.excess_sample), look):
            return
        if of != self.of:
            self.forget_place()
        self.of, self.view, self.look = of, view, look
        self.repaint()

    def title_text(self) -> str:
        """Of what they are."""
        kind = {Pattern: "pattern", ExceptionGroup: "exception"}.get(type(self.of), "line")
        return f"Fields of the {kind}"

    def body(self, width: int, height: int) -> Body:
        """The fields as rows."""
        return paint(self.of, self.view, width, height, self.look)
