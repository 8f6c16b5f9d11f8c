"""Which lines of a body are in view."""

from __future__ import annotations

from console.domain.values import dataclass
from widgets.body import Body, Row
from widgets.ink import Line


@dataclass(frozen=True, slots=True)
class Placed:
    """The lines in view, which row each belongs to, and what is hidden."""

    lines: tuple[Line, ...] = ()
    owners: tuple[Row | None, ...] = ()
    offset: int = 0
    """First line of the scrolling rows in view."""
    above: int = 0
    """Rows hidden above."""
    below: int = 0

    @property
    def hidden_text(self) -> str:
        """`+18 more`, `↑ 3 · ↓ 15 more`, or nothing."""
        if self.above and self.below:
            return f"↑ {self.above:,} · ↓ {self.below:,} more"
        if self.above:
            return f"↑ {self.above:,} more"
        return f"+{self.below:,} more" if self.below else ""


def _flat(rows: tuple[Row, ...]) -> list[tuple[Line, Row]]:
    return [(line, row) for row in rows for line in row.lines]


def place(body: Body, height: int, cursor: Row | None, offset: int, *, to_end: bool = False) -> Placed:
    """Choose the lines in view.

    The foot goes first where there is no room, then the head, so that the rows keep a line. Scrolling moves only as far as
    needed to keep the row under the cursor in view; `to_end` keeps the last row in view instead.
    """
    head, rows, foot = _flat(body.head), _flat(body.rows), _flat(body.foot)
    least = min(len(rows), 1)
    head = head[: max(0, height - least)]
    needed = min(len(rows), max(3, least))
    foot = foot if len(head) + needed + len(foot) <= height else foot[: max(0, height - len(head) - needed)]
    room = max(0, height - len(head) - len(foot))
    offset = _offset(rows, room, cursor, offset, to_end)
    view = rows[offset : offset + room]
    head = _headed(head, rows[:offset])
    filler: list[tuple[Line, Row | None]] = [(Line(), None)] * (room - len(view))
    shown: list[tuple[Line, Row | None]] = [*head, *view, *filler, *foot]
    return Placed(
        tuple(line for line, _ in shown),
        tuple(row for _, row in shown),
        offset,
        _count(rows[:offset]),
        _count(rows[offset + room :]),
    )


def _headed(head: list[tuple[Line, Row]], hidden: list[tuple[Line, Row]]) -> list[tuple[Line, Row]]:
    """The head, whose last line gives way to the last heading that has scrolled away."""
    headings = [line for line in hidden if line[1].heads]
    return [*head[:-1], headings[-1]] if head and headings else head


def _count(lines: list[tuple[Line, Row]]) -> int:
    """Rows among hidden lines: those that can be selected; where none can, lines."""
    rows = {id(row) for _, row in lines if row.value is not None}
    return len(rows) if rows else len(lines)


def _offset(rows: list[tuple[Line, Row]], room: int, cursor: Row | None, offset: int, to_end: bool) -> int:
    last = max(0, len(rows) - room)
    if to_end:
        return last
    offset = min(offset, last)
    places = [number for number, (_, row) in enumerate(rows) if row is cursor]
    if not places or room <= 0:
        return offset
    if places[-1] >= offset + room:
        offset = places[-1] - room + 1
    return min(offset, places[0])
