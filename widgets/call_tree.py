"""The calls as a tree: who needs whom, how each is doing, and what each added itself to what went wrong."""

from __future__ import annotations

from console.domain.diagnosis import GraphCall
from console.domain.instant import clock_text
from console.state import TreeRow, TreeView
from widgets.body import Body, Look, Row, note
from widgets.columns import Column, chosen, heading, row_line, widths
from widgets.ink import Line, cut_middle, width_of, wrap
from widgets.numbers import number_text, short_count
from widgets.words import health_sign, standing_sign

LEAST_NAME, MOST_NAME = 22, 48
SHORT_NAME = 12
"""Cells of a name on a pane narrower than `NARROW`."""
NARROW = 60


def paint(view: TreeView, width: int, height: int, look: Look) -> Body:
    """One line for each node where it hangs; the way to the first suspect is strong and marked."""
    if not view.rows:
        return note(view.heading or "no verdict yet: the tree is made of one", width)
    table = chosen(_table(view, width, look), width)
    sizes = widths(table, width)
    head = [Row.plain(*(Line.of((text, "muted")) for text in wrap(view.heading, width, 2)))]
    head.append(Row.plain(heading(table, sizes).cut(width)))
    rows = [Row((row_line(table, sizes, row).cut(width),), row, f"node:{row.key}", _copied(row)) for row in view.rows]
    foot = [Row.plain(*(Line.of((part, "warn")) for part in wrap(text, width, 2))) for text in view.notes]
    return Body(tuple(head), tuple(rows), tuple(foot))


def _table(view: TreeView, width: int, look: Look) -> list[Column[TreeRow]]:
    names = max(width_of(row.trunk) + width_of(row.name) + width_of(_odd(row)) + 2 for row in view.rows)
    least = LEAST_NAME if width >= NARROW else SHORT_NAME
    most = max(least, min(MOST_NAME, names))
    return [
        Column("state", lambda row, _: _state(row), 9),
        Column("node", _name, least, grow=2, most=most),
        Column("share", lambda row, _: _share(row), 7, drop=1, align_right=True),
        Column("fails", lambda row, _: _ratio(row.error_rate), 7, drop=2, align_right=True),
        Column("calls to it", lambda row, _: _call(row.call), 12, drop=4, gap=2, align_right=True),
        Column("p95", lambda row, _: Line.of(number_text(row.latency_p95_s, "s")), 6, drop=7, align_right=True),
        Column("since", lambda row, _: _since(row, look), 8, drop=5, gap=2),
        Column("suspect", lambda row, _: _standing(row), 12, drop=3, gap=2),
        Column("probe", _probe, 14, drop=6, gap=2, grow=3),
    ]


def _state(row: TreeRow) -> Line:
    sign = health_sign(row.health)
    return Line.of((sign.text, sign.style))


def _name(row: TreeRow, size: int) -> Line:
    """The name where it hangs; behind it what is odd about it."""
    mark = "▸ " if row.on_path else ""
    said = _odd(row)
    room = size - width_of(row.trunk) - len(mark)
    if room - width_of(said) < min(width_of(row.name), SHORT_NAME):
        said = ""
    name = cut_middle(row.name, max(4, room - width_of(said)))
    style = "strong" if row.on_path else "muted" if row.note == "shown above" else "text"
    return Line.of((row.trunk, "border"), (mark, "accent"), (name, style), (said, "warn" if row.note else "label")).cut(
        size
    )


def _odd(row: TreeRow) -> str:
    if row.note:
        return f" ({row.note})"
    told = row.call.told_by if row.call is not None else "configuration"
    return f" (from {told})" if told != "configuration" else ""


def _share(row: TreeRow) -> Line:
    if row.share is None:
        return Line.of(("–", "muted"))
    return Line.of((number_text(row.share, "ratio"), "bad" if row.share >= 0.5 else "text"))


def _ratio(value: float | None) -> Line:
    return Line.of((number_text(value, "ratio"), "muted" if value is None else "text"))


def _call(call: GraphCall | None) -> Line:
    """How the caller's calls went by its own records: share failed, and of how many."""
    if call is None or call.error_rate is None:
        return Line.of(("–", "muted"))
    worse = call.error_rate > 2 * (call.baseline_error_rate or 0.0) + 0.005
    return Line.of(
        (number_text(call.error_rate, "ratio"), "bad" if worse else "text"),
        (f" n {short_count(call.samples or 0)}", "label"),
    )


def _since(row: TreeRow, look: Look) -> Line:
    return Line.of((clock_text(row.since, look.zone), "text")) if row.since is not None else Line()


def _probe(row: TreeRow, size: int) -> Line:
    if row.probe is None:
        return Line.of(("no probe", "muted"))
    sign = health_sign(row.probe.health)
    return Line.of((sign.glyph, sign.style), " ", (row.probe.detail, "text")).cut(size)


def _standing(row: TreeRow) -> Line:
    if row.standing is None:
        return Line()
    sign = standing_sign(row.standing)
    return Line.of((sign.text, sign.style))


def _copied(row: TreeRow) -> str:
    parts = [row.name, row.health.value]
    parts += [f"added {number_text(row.share, 'ratio')} itself"] if row.share is not None else []
    parts += [f"fails {number_text(row.error_rate, 'ratio')}"] if row.error_rate is not None else []
    return ", ".join(parts)
