"""Which columns a table shows on a given width, in a fixed order of dropping, and how they are laid out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from console.domain.values import dataclass
from widgets.ink import Line, cut, pad, right

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """One column of a table of `T`."""

    heading: str
    cell: Callable[[T, int], Line]
    """The content for a row at a width; may be shorter than the width."""
    width: int
    """Its least width."""
    drop: int = 0
    """Dropped in this order, highest first; 0: never."""
    grow: int = 0
    """Its part of the cells that are left over."""
    most: int = 0
    """No wider than this; 0: without limit."""
    gap: int = 1
    """Blank cells before it."""
    align_right: bool = False


def chosen(columns: Sequence[Column[T]], width: int) -> list[Column[T]]:
    """The columns that fit, with those that may be dropped left out from the highest `drop` on."""
    kept = list(columns)
    while kept and _least(kept) > width:
        worst = max(kept, key=lambda column: column.drop)
        if worst.drop == 0:
            break
        kept.remove(worst)
    return kept


def _least(columns: Sequence[Column[T]]) -> int:
    return sum(c.width + (c.gap if place else 0) for place, c in enumerate(columns))


def widths(columns: Sequence[Column[T]], width: int) -> list[int]:
    """The width of each column, what is left over given to those that grow."""
    sizes = [column.width for column in columns]
    left = width - _least(columns)
    while left > 0:
        growing = [n for n, c in enumerate(columns) if c.grow and (not c.most or sizes[n] < c.most)]
        if not growing:
            break
        total = sum(columns[n].grow for n in growing)
        given = 0
        for n in growing:
            more = max(1, left * columns[n].grow // total)
            more = min(more, left - given, (columns[n].most - sizes[n]) if columns[n].most else left)
            sizes[n] += more
            given += more
        if not given:
            break
        left -= given
    return sizes


def heading(columns: Sequence[Column[T]], sizes: Sequence[int]) -> Line:
    """The line of headings, numbers' to the right as the numbers are."""
    pieces: list[tuple[str, str]] = []
    for place, (column, size) in enumerate(zip(columns, sizes, strict=True)):
        if place:
            pieces.append((" " * column.gap, "label"))
        text = right(cut(column.heading, size), size) if column.align_right else pad(column.heading, size)
        pieces.append((text, "label"))
    return Line.of(*pieces)


def row_line(columns: Sequence[Column[T]], sizes: Sequence[int], row: T) -> Line:
    """One row: every cell exactly as wide as its column."""
    line = Line()
    for place, (column, size) in enumerate(zip(columns, sizes, strict=True)):
        if place:
            line += Line.of(" " * column.gap)
        cell = column.cell(row, size)
        if column.align_right and cell.width < size:
            cell = Line.of(" " * (size - cell.width)) + cell
        line += cell.fit(size)
    return line
