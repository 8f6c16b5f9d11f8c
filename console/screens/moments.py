"""Moments on the time axis: which one the selection stands for, and which change comes next to it."""

from __future__ import annotations

from collections.abc import Sequence

from console.domain.diagnosis import JudgedChange
from console.domain.instant import Instant
from console.domain.logs import LogRecord, Pattern


def moment_of(item: object) -> Instant | None:
    """When the selected thing happened; None where it stands for no moment."""
    match item:
        case JudgedChange(at=at) | LogRecord(at=at):
            return at
        case Pattern(first_seen=at):
            return at
    return None


def next_change(changes: Sequence[JudgedChange], here: object, at: Instant, *, later: bool) -> JudgedChange | None:
    """The change after or before a moment; None where there is none.

    Args:
        changes: Newest first, as they are shown.
        here: What is selected: from a change on, those of the same instant are not skipped.
        at: The moment, where `here` is no change.
    """
    ordered = list(reversed(changes))
    ordered.sort(key=lambda change: change.at)
    if isinstance(here, JudgedChange):
        place = next((n for n, change in enumerate(ordered) if (change.id, change.at) == (here.id, here.at)), None)
        if place is not None:
            place += 1 if later else -1
            return ordered[place] if 0 <= place < len(ordered) else None
    if later:
        return next((change for change in ordered if change.at > at), None)
    return next((change for change in reversed(ordered) if change.at < at), None)
