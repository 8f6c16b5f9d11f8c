"""Lines as cells, to find out which of them changed."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import split_graphemes

Cell = tuple[str, object]
"""What stands in one cell, and its style; the second cell of a wide character holds an empty text."""

BRIDGE = 6
"""Unchanged cells between two changes that are sent again: moving the cursor costs about as many bytes."""


def cells_of(spans: Iterable[tuple[str, object]]) -> list[Cell]:
    """One entry per terminal cell. Combining characters stay with the cell they belong to."""
    cells: list[Cell] = []
    for text, style in spans:
        if text.isascii():
            cells.extend((character, style) for character in text)
            continue
        for begin, end, width in split_graphemes(text)[0]:
            if width == 0:
                if cells:
                    cells[-1] = (cells[-1][0] + text[begin:end], cells[-1][1])
                continue
            cells.append((text[begin:end], style))
            cells.extend(("", style) for _ in range(width - 1))
    return cells


def changed_spans(old: list[Cell], new: list[Cell], bridge: int = BRIDGE) -> list[tuple[int, int]]:
    """The stretches `(from, to)` of `new` that differ from `old`, near ones joined; never half of a wide character."""
    length = len(new)
    spans: list[tuple[int, int]] = []
    at = 0
    while at < length:
        if at < len(old) and old[at] == new[at]:
            at += 1
            continue
        begin = at
        while begin > 0 and (not new[begin][0] or (begin < len(old) and not old[begin][0])):
            begin -= 1
        at += 1
        while at < length and (at >= len(old) or old[at] != new[at] or not new[at][0] or not old[at][0]):
            at += 1
        if spans and begin - spans[-1][1] <= bridge:
            spans[-1] = (spans[-1][0], at)
        else:
            spans.append((begin, at))
    return spans
