"""The changes pane: everything that changed, newest first, with its standing, the onset among it, and what runs now."""

from __future__ import annotations

from console.domain.changes import COMMIT, Running
from console.domain.diagnosis import JudgedChange
from console.domain.instant import clock_text
from console.state import ChangesView
from widgets.body import Body, Look, Row, absence, note
from widgets.ink import Line, cut, cut_middle, pad, width_of, wrap
from widgets.pane import ViewPane
from widgets.words import standing_sign

LONG_WORDS = ("✓ tag agrees", "✖ tag says another", "tag unknown")
SHORT_WORDS = ("✓ agrees", "✖ differs", "no tag")
TWO_LINES_BELOW = 90
"""Narrower than this the reason stands on a line of its own."""


def paint(view: ChangesView, width: int, height: int, look: Look) -> Body:
    """The timeline in the rows; running versions and the coverage at the bottom."""
    foot = _foot(view, width, height)
    if not view.changes:
        empty = note(absence(view.status, view.empty_reason, "no change in reach"), width, max(1, height - 2))
        return Body(empty.head, empty.rows, foot)
    used = sum(len(row.lines) for row in foot)
    two = width < TWO_LINES_BELOW and (2 * len(view.changes) + 1 <= height - used or height >= 8)
    rows: list[Row] = []
    onset_due = view.onset is not None
    for change in view.changes:
        if onset_due and view.onset is not None and change.at <= view.onset:
            rows.append(_onset(view.onset, width, look))
            onset_due = False
        rows.append(_change(change, width, look, two))
    if onset_due and view.onset is not None:
        rows.append(_onset(view.onset, width, look))
    return Body((), tuple(rows), foot)


def _onset(at: float, width: int, look: Look) -> Row:
    label = Line.of((clock_text(at, look.zone, now=look.now), "marker"), (" ╎ onset ", "marker"))
    return Row.plain((label + Line.of(("╌" * max(0, width - label.width), "band"))).cut(width))


def _change(change: JudgedChange, width: int, look: Look, two: bool) -> Row:
    sign = standing_sign(change.standing)
    time = clock_text(change.at, look.zone, now=look.now)
    what = " ".join(part for part in (change.service or "", change.version or "") if part) or change.id
    kind_width = 8 if width >= 40 else 6
    left = Line.of(
        (time, "text"),
        " ",
        (pad(change.kind, kind_width), "accent"),
        " ",
        (what, "strong" if change.standing.value in ("leading", "possible") else "text"),
    )
    standing = Line.of((sign.word, sign.style))
    if not two:
        rest = " · ".join(part for part in (change.summary, change.reason) if part)
        room = width - left.width - standing.width - 3
        if room > 12 and rest:
            left = left + Line.of("  ", (cut(rest, room - 1), "muted"))
        lines: tuple[Line, ...] = (left.beside(standing, width),)
    else:
        indent = " " * min(9, max(1, width // 6))
        reason = change.reason or change.summary
        lines = (left.beside(standing, width), Line.of(indent, (reason, "muted")).cut(width))
    copy = " ".join(part for part in (time, change.kind, what, change.commit or "", change.summary) if part)
    command = f"git show --stat {change.commit}" if change.commit and COMMIT.fullmatch(change.commit) else ""
    return Row(lines, change, change_key(change), copy, command)


def change_key(change: JudgedChange) -> str:
    """The key of a change's row; one release may be a change of several services."""
    return f"change:{change.id} {change.service or ''} {change.at}"


def _foot(view: ChangesView, width: int, height: int) -> tuple[Row, ...]:
    most = max(0, min(4, height // 3))
    running = [_running(one, width) for one in _worst_first(view.running)]
    rows: list[Row] = []
    if running and most:
        shown = running[:most]
        hidden = len(running) - len(shown)
        if hidden:
            shown[-1] = shown[-1].beside(Line.of((f"+{hidden} more", "label")), width)
        rows += [Row.plain(line) for line in shown]
    if view.coverage and height >= 6:
        rows.append(
            Row.plain(*(Line.of((text, "label")) for text in wrap(view.coverage, width, 1 if height < 12 else 2)))
        )
    return tuple(rows)


def _worst_first(running: tuple[Running, ...]) -> list[Running]:
    return sorted(running, key=lambda one: {False: 0, None: 2}.get(one.agrees, 1))


def _running(one: Running, width: int) -> Line:
    version = one.version or (one.commit or "")[:10] or "(version unknown)"
    agrees, differs, unknown = LONG_WORDS if width >= 44 else SHORT_WORDS
    words = {True: (agrees, "ok"), False: (differs, "bad"), None: (unknown, "muted")}[one.agrees]
    count = f" ×{one.instances}" if one.instances > 1 else ""
    lead = Line.of(("runs ", "label"), f"{one.service} ")
    room = max(6, width - lead.width - len(count) - 1 - width_of(words[0]))
    line = lead + Line.of(f"{cut_middle(version, room)}{count} ", words)
    source = f"  by {one.source}"
    return (line + Line.of((source, "label")) if line.width + width_of(source) <= width else line).cut(width)


class ChangesPane(ViewPane[ChangesView]):
    """Pane 4. Enter gives a `JudgedChange`."""

    number = 4
    title = "Changes"
    view = ChangesView()

    def paint_view(self, view: ChangesView, width: int, height: int) -> Body:
        """The rows."""
        return paint(view, width, height, self.look)
