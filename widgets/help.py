"""The help: keys of this pane first, then those that work everywhere; what cannot be used now says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from console.actions import Action, key_text
from widgets.body import Body, Look, Row
from widgets.ink import Line, pad, wrap

KEYS_WIDTH = 14


def paint(
    actions: Sequence[Action],
    disabled: Mapping[str, str],
    pane: str,
    pane_help: str,
    width: int,
    height: int,
    look: Look,
) -> Body:
    """Help as rows; each action's row has the action as its value, so that Enter runs it.

    Args:
        pane: The `Action.pane` of the focused pane; empty: none.
        pane_help: A sentence about what the pane shows.
    """
    own = [a for a in actions if a.pane and a.pane == pane]
    general = [a for a in actions if not a.pane]
    other = [a for a in actions if a.pane and a.pane != pane]
    rows: list[Row] = []
    if pane_help:
        rows += [Row.plain(*(Line.of(text) for text in wrap(pane_help, width, 6))), Row.plain(Line())]
    sections = ((f"In this pane ({pane})", own), ("Everywhere", general), ("In other panes", other))
    for title, group in sections:
        if group:
            rows.append(Row.plain(Line.of((title, "title"))))
            rows += [_action(action, disabled.get(action.id, ""), width, named=group is other) for action in group]
            rows.append(Row.plain(Line()))
    return Body((), tuple(rows))


def paint_actions(actions: Sequence[Action], disabled: Mapping[str, str], width: int) -> Body:
    """Actions of where one is as rows, those that cannot be used with the reason; the value of each is its action."""
    return Body((), tuple(_action(action, disabled.get(action.id, ""), width, named=False) for action in actions))


def _action(action: Action, reason: str, width: int, *, named: bool = True) -> Row:
    keys = " ".join(key_text(key) for key in action.keys) or "(palette)"
    place = f" [{action.pane}]" if action.pane and named else ""
    text = f"{action.tooltip}{place}"
    name_width = 14 if width >= 70 else 0
    room = max(8, width - KEYS_WIDTH - name_width)
    lines = []
    parts = wrap(text, room, 3) + (wrap(f"Not now: {reason}", room, 2) if reason else [])
    for place_of, part in enumerate(parts):
        lead = Line.of((pad(keys if not place_of else "", KEYS_WIDTH), "muted" if reason else "key"))
        if name_width:
            lead = lead + Line.of(
                (pad(action.label if not place_of else "", name_width), "muted" if reason else "strong")
            )
        lines.append((lead + Line.of((part, "muted" if reason else "text"))).cut(width))
    return Row(tuple(lines), action, f"action:{action.id}", f"{keys} {action.label}: {action.tooltip}")
