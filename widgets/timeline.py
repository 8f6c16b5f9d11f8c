"""Every change in reach on one timeline with the rule that decided, the onset among them, and what was not asked."""

from __future__ import annotations

from console.domain.changes import COMMIT
from console.domain.diagnosis import JudgedChange
from console.domain.instant import clock_text, span_text
from console.state import ChangesView
from widgets.body import Body, Look, Row, absence, note
from widgets.changes import change_key
from widgets.ink import Line, cut_middle, pad, width_of, wrap
from widgets.words import onset_words, standing_sign

STANDING = 12
"""Cells of glyph and word."""
REASON_LINES = 3


def paint(view: ChangesView, width: int, height: int, look: Look) -> Body:
    """The answer first; then the changes, newest first; at the bottom who was consulted."""
    head = [Row.plain(*(Line.of((text, "title")) for text in wrap(view.heading, width, 2)))] if view.heading else []
    foot = [Row.plain(*(Line.of((text, "label")) for text in wrap(view.coverage, width, 2)))] if view.coverage else []
    if not view.changes:
        empty = note(absence(view.status, view.empty_reason, "no change in reach"), width)
        return Body(tuple(head), empty.rows, tuple(foot))
    rows = [_change(change, view.onset, width, look) for change in view.changes]
    if view.onset is not None:
        later = sum(change.at > view.onset for change in view.changes)
        rows.insert(later, _onset(view.onset, view.onset_error_s, width, look))
    return Body(tuple(head), tuple(rows), tuple(foot))


def _onset(at: float, error_s: float | None, width: int, look: Look) -> Row:
    label = f"{clock_text(at, look.zone, now=look.now)} ╎ {onset_words(error_s)} "
    return Row.plain(Line.of((label, "marker"), ("╌" * max(0, width - width_of(label)), "band")).cut(width))


def _change(change: JudgedChange, onset: float | None, width: int, look: Look) -> Row:
    sign = standing_sign(change.standing)
    time = clock_text(change.at, look.zone, now=look.now)
    strong = "strong" if change.standing.value in ("leading", "possible") else "text"
    lead = Line.of(
        (time, "text"), " ", (pad(sign.text, STANDING), sign.style), " ", (pad(change.word, 9), "accent"), " "
    )
    lag = Line.of((_lag(change.at, onset, width), "label"))
    what = " ".join(part for part in (change.service or "(everything)", change.version or "") if part)
    names = what if change.version and change.version in change.id else f"{what}  {change.id}"
    room = max(8, width - lead.width - lag.width - 2)
    first = (lead + Line.of((cut_middle(names, room), strong))).beside(lag, width)
    indent = " " * (width_of(time) + 1) if width >= 60 else "  "
    seen = f"observed by {change.observed}: no source of changes told it" if change.observed else ""
    said = [(change.reason.removeprefix(f"{change.standing}: "), "text"), (change.summary, "muted"), (seen, "label")]
    lines = [
        Line.of(indent, (part, style)).cut(width)
        for text, style in said
        for part in wrap(text, max(1, width - len(indent)), REASON_LINES)
    ]
    copy = f"{time} {change.word} {change.id} {change.standing}: {change.reason}"
    command = f"git show --stat {change.commit}" if change.commit and COMMIT.fullmatch(change.commit) else ""
    return Row((first, *lines), change, change_key(change), copy, command)


def _lag(at: float, onset: float | None, width: int) -> str:
    """How long before or after the onset; where names need the room, the line of the onset between them says of what."""
    if onset is None:
        return ""
    side = "before" if at <= onset else "after"
    return f"{span_text(onset - at)} {side}" + (" onset" if width >= 100 else "")
