"""What can be done with the selection, and why not: the one place that the keys, the menu, the help and the footer ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from console.actions import Action
from console.domain.diagnosis import JudgedChange, Suspect
from console.domain.logs import LogRecord, Pattern
from console.screens.narrowing import Around, Lines
from console.state import OperationRow, ServiceRow, UpstreamRow
from widgets.logs import LogsPane
from widgets.pane import Pane

OPENABLE = (ServiceRow, OperationRow, Suspect, JudgedChange, UpstreamRow, LogRecord, Pattern, Lines, Around)
"""What has a screen of its own."""
OF_SELECTION = (
    *("open", "only_this", "not_this", "context", "trace", "fold"),
    *("copy", "copy_command", "previous_marker", "next_marker"),
)
"""Actions of the menu, in its order."""
NO_PANE = "this works in a log pane: go there first"


def refusals(pane: Pane, here: object) -> dict[str, str]:
    """Why actions cannot be used now, by their ids; what can be used is not in it.

    Args:
        pane: The one that has the cursor.
        here: What is selected; on the screen of one record, that record.
    """
    selected = pane.selected()
    found = {
        "open": _not_open(selected),
        "copy_command": "" if pane.command_under_cursor() else "no command gives this",
    }
    in_logs = isinstance(pane, LogsPane)
    told = isinstance(selected, (LogRecord, Pattern))
    narrow = "" if told and in_logs else "select a record or a pattern" if in_logs else NO_PANE
    found |= {"only_this": narrow, "not_this": narrow}
    one = isinstance(selected, LogRecord) and bool(selected.extra)
    found["fold"] = "" if one and in_logs else "this record has one line" if in_logs else NO_PANE
    if isinstance(here, LogRecord):
        found["trace"] = "" if here.trace_id else "this record names no trace"
        found["context"] = "" if here.at is not None else "this record has no time"
    else:
        found |= dict.fromkeys(("trace", "context"), "select a record" if in_logs else NO_PANE)
    return {name: reason for name, reason in found.items() if reason}


def _not_open(selected: object) -> str:
    if selected is None:
        return "nothing selected here"
    return "" if isinstance(selected, OPENABLE) else "there is nothing more to show of this"


def of_selection(actions: Sequence[Action], pane_name: str, here: object, refused: Mapping[str, str]) -> list[Action]:
    """The actions for what is selected: those of other panes only where they can be used."""
    by_id = {action.id: action for action in actions}
    listed = [by_id[name] for name in OF_SELECTION if name in by_id]
    return [a for a in listed if a.pane in ("", pane_name) or (isinstance(here, LogRecord) and a.id not in refused)]
