"""The changes pane: everything that changed, newest first, with its standing, the onset among it, and what runs now."""

from __future__ import annotations

from console.domain.changes import BY_DEPLOY, COMMIT, Running
from console.domain.diagnosis import JudgedChange
from console.domain.instant import clock_text
from console.state import ChangesView, Word
from widgets.body import Body, Look, Row, absence, note
from widgets.ink import Line, cut, cut_middle, pad, width_of, wrap
from widgets.pane import ViewPane
from widgets.words import onset_words, standing_sign

LONG_WORDS = ("✓ tag agrees", "✖ tag says another", "no tag to compare", "by its tag, not asked")
SHORT_WORDS = ("✓ agrees", "✖ differs", "no tag", "not asked")
TWO_LINES_BELOW = 90
"""Narrower than this the reason stands on a line of its own."""


def paint(view: ChangesView, width: int, height: int, look: Look) -> Body:
    """The timeline in the rows; running versions and the coverage at the bottom."""
    foot = _foot(view, width, height, len(view.changes) * (2 if width < TWO_LINES_BELOW else 1) + 1)
    if not view.changes:
        empty = note(absence(view.status, view.empty_reason, "no change in reach"), width, max(1, height - 2))
        return Body(empty.head, empty.rows, foot)
    used = sum(len(row.lines) for row in foot)
    two = width < TWO_LINES_BELOW and (2 * len(view.changes) + 1 <= height - used or height >= 8)
    rows: list[Row] = []
    onset_due = view.onset is not None
    for change in view.changes:
        if onset_due and view.onset is not None and change.at <= view.onset:
            rows.append(_onset(view.onset, view.onset_error_s, width, look))
            onset_due = False
        rows.append(_change(change, width, look, two))
    if onset_due and view.onset is not None:
        rows.append(_onset(view.onset, view.onset_error_s, width, look))
    return Body((), tuple(rows), foot)


def _onset(at: float, error_s: float | None, width: int, look: Look) -> Row:
    label = Line.of((clock_text(at, look.zone, now=look.now), "marker"), (f" ╎ {onset_words(error_s)} ", "marker"))
    return Row.plain((label + Line.of(("╌" * max(0, width - label.width), "band"))).cut(width))


def _change(change: JudgedChange, width: int, look: Look, two: bool) -> Row:
    sign = standing_sign(change.standing)
    time = clock_text(change.at, look.zone, now=look.now)
    what = " ".join(part for part in (change.service or "", change.version or "") if part) or change.id
    kind_width = 8 if width >= 40 else 6
    left = Line.of(
        (time, "text"),
        " ",
        (pad(change.word, kind_width), "accent"),
        " ",
        (what, "strong" if change.standing.value in ("leading", "possible") else "text"),
    )
    if change.observed:
        left = left + Line.of(" ", ("observed", "label"))
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
        room = width - left.width - standing.width - 3
        if room > 12 and change.reason and change.summary:
            left = left + Line.of("  ", (cut(change.summary, room - 1), "muted"))
        lines = (left.beside(standing, width), Line.of(indent, (reason, "muted")).cut(width))
    copy = " ".join(part for part in (time, change.word, what, change.commit or "", change.summary) if part)
    command = f"git show --stat {change.commit}" if change.commit and COMMIT.fullmatch(change.commit) else ""
    return Row(lines, change, change_key(change), copy, command)


def change_key(change: JudgedChange) -> str:
    """The key of a change's row; one release may be a change of several services."""
    return f"change:{change.id} {change.service or ''} {change.at}"


def _foot(view: ChangesView, width: int, height: int, wanted: int) -> tuple[Row, ...]:
    """What runs now, in a third of the height, or in more where the `wanted` lines of the timeline leave it; then what was
    consulted, and what is incomplete about it.
    """
    incomplete = view.status.detail if view.status.word is Word.PARTIAL else ""
    said = "; ".join(part for part in (incomplete, view.coverage) if part)
    told = wrap(said, width, 1 if height < 12 else 3 if incomplete else 2) if said and height >= 6 else []
    most = max(min(4, height // 3), height - wanted - len(told))
    lines = [*_running(view.running, width, most), *(Line.of((text, "label")) for text in told)]
    return tuple(Row.plain(line) for line in lines)


def _running(running: tuple[Running, ...], width: int, most: int) -> list[Line]:
    """One line for each version that runs, disagreement first; where there is no room for all, the rest in one line."""
    ordered = sorted(running, key=lambda one: {False: 0, None: 2}.get(one.agrees, 1))
    if not ordered or most <= 0:
        return []
    shown = ordered if len(ordered) <= most else ordered[: most - 1]
    names = max((width_of(one.service) for one in shown), default=0)
    versions = max((width_of(_version(one)) for one in shown), default=0)
    lines = [_runs(one, width, min(names, max(8, width // 3)), versions) for one in shown]
    return lines if len(shown) == len(ordered) else [*lines, _rest(ordered[len(shown) :], len(shown), width)]


def _rest(rest: list[Running], shown: int, width: int) -> Line:
    """What there is no line for, counted by agreement, so that a disagreement is never hidden."""
    agrees, differs, unknown = (sum(one.agrees is agreement for one in rest) for agreement in (True, False, None))
    more = f"+{len(rest)} more" if shown else f"{len(rest)} versions run"
    words = [(f"✖ {differs} {'differs' if differs == 1 else 'differ'}", "bad")] if differs else []
    words += [(f"✓ {agrees} {'agrees' if agrees == 1 else 'agree'}", "ok")] if agrees else []
    words += [(f"{unknown} unknown", "muted")] if unknown else []
    line = Line.of((more, "label"))
    for word in words:
        line += Line.of("  ", word)
    return line.cut(width)


def _version(one: Running) -> str:
    version = one.version or (one.commit or "")[:10] or "(version unknown)"
    return f"{version} ×{one.instances}" if one.instances > 1 else version


def _runs(one: Running, width: int, names: int, versions: int) -> Line:
    agrees, differs, unknown, tagged = LONG_WORDS if width >= 44 else SHORT_WORDS
    words = {True: (agrees, "ok"), False: (differs, "bad"), None: (unknown, "muted")}[one.agrees]
    if one.source == BY_DEPLOY:
        words = (tagged, "muted")
    lead = Line.of(("runs ", "label")) if width >= 44 else Line()
    lead += Line.of(pad(cut_middle(one.service, names), names), " ")
    room = max(6, min(versions, width - lead.width - 1 - width_of(words[0])))
    line = lead + Line.of(f"{pad(cut_middle(_version(one), room), room)} ", words)
    source = f"  by {one.source}" if one.source != BY_DEPLOY else ""
    return (line + Line.of((source, "label")) if line.width + width_of(source) <= width else line).cut(width)


class ChangesPane(ViewPane[ChangesView]):
    """Pane 4. Enter gives a `JudgedChange`."""

    number = 4
    title = "Changes"
    about = (
        "Deploys and other changes, the newest first, with their standing and the rule that decided; then what runs now, and "
        "whether the newest deploy tag agrees."
    )
    view = ChangesView()

    def paint_view(self, view: ChangesView, width: int, height: int) -> Body:
        """The rows."""
        return paint(view, width, height, self.look)
