"""What can be done with the selection, and why not: the one place that the keys, the menu, the help and the footer ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from console.actions import Action
from console.case.events import Event
from console.case.model import Case, EvidenceItem, Hypothesis
from console.domain.diagnosis import Evidence, JudgedChange, Suspect
from console.domain.logs import FieldValue, LogRecord, Pattern
from console.domain.shapes import ExceptionGroup
from console.live.session import WRITES_NOTHING
from console.query.about import field_test, tests_raised
from console.repro.view import TryView
from console.screens.keep import KEEPABLE
from console.screens.places import PLACES, AllLines, Around, Lines
from console.state import OperationRow, ServiceRow, TreeRow, UpstreamRow
from widgets.logs import LogsPane
from widgets.pane import Pane

OPENABLE = (
    *(ServiceRow, OperationRow, Suspect, Evidence, JudgedChange, UpstreamRow, TreeRow, LogRecord, Pattern),
    *(AllLines, Lines, Around, TryView),
    *PLACES,
    *(Case, EvidenceItem, Hypothesis, Event),
)
"""What has a screen of its own; a `FieldValue` has one where a query can ask for it."""
OF_SELECTION = (
    *("open", "only_this", "not_this", "context", "trace", "reproduce", "fix", "mark", "fold"),
    *("confirm", "refute", "park", "supersede", "reopen", "answer"),
    *("copy", "copy_command", "previous_marker", "next_marker"),
)
"""Actions of the menu, in its order."""
OF_LINES = ("follow", "next_error", "previous_error", "search", "next_match", "previous_match")
"""Actions that need a log pane and nothing selected."""
OF_CASE = (
    "hypothesis",
    "check",
    "case_state",
    "snapshot",
    "role",
    "confirm",
    "refute",
    "park",
    "supersede",
    "reopen",
    "answer",
)
"""Actions of the screens of a case."""
SENDING = ("send", "minimise", "afresh", "environment", "give_body", "save_request", "compare", "verify", "export")
"""Actions of the screen of a reproduction."""
NO_REQUEST = "r on a log line shows its request first"
FIXING = ("prove_fix", "undo_fix")
"""Actions of the fix screen."""
IN_REPLAY = {
    **dict.fromkeys(("mark", "annotate", "contract", *OF_CASE), WRITES_NOTHING),
    **dict.fromkeys(("reproduce", *SENDING), "a replay sends nothing: open the console to reproduce"),
    **dict.fromkeys(
        ("fix", *FIXING), "a replay changes nothing: open the console, or `incident fix suspects` reads the commits"
    ),
    "refresh": "a replay asks no source",
    "freeze": "a replay stands still: < and > move the moment",
}
"""Actions that need a live console, and why."""
NO_FIX = "X on a deploy or a suspect shows its fix branch first"
NO_PANE = "this works in a log pane: go there first"


def refusals(pane: Pane, here: object, lines: LogsPane | None) -> dict[str, str]:
    """Why actions cannot be used now, by their ids; what can be used is not in it.

    Args:
        pane: The one that has the cursor.
        here: What is selected; on the screen of one record, that record.
        lines: The log pane that the actions on lines work in; None where there is none.
    """
    selected = pane.selected()
    found = {
        "open": _not_open(selected),
        "copy": "" if pane.value_under_cursor() else "nothing to copy here",
        "copy_command": "" if pane.command_under_cursor() else "no command gives this",
    }
    found |= dict.fromkeys(("only_this", "not_this"), _not_narrowing(selected, lines))
    found |= dict.fromkeys(OF_LINES, "" if lines is not None else NO_PANE)
    record = lines.selected() if lines is not None else None
    folds = isinstance(record, LogRecord) and bool(record.extra)
    found["fold"] = NO_PANE if lines is None else "" if folds else "this record has one line"
    if isinstance(here, LogRecord):
        found["trace"] = "" if here.trace_id else "this record names no trace"
        found["context"] = "" if here.at is not None else "this record has no time"
    else:
        why = "select a record" if lines is not None else NO_PANE
        found |= dict.fromkeys(("trace", "context", "reproduce"), why)
    found["mark"] = _not_kept(here)
    return {name: reason for name, reason in found.items() if reason}


def _not_kept(here: object) -> str:
    if isinstance(here, EvidenceItem):
        return f"{here.name} is evidence already"
    return "" if isinstance(here, KEEPABLE) else "select what is to be kept as evidence"


def _not_narrowing(selected: object, lines: LogsPane | None) -> str:
    if isinstance(selected, FieldValue):
        return "" if field_test(selected) is not None else "no query can ask for this field"
    if isinstance(selected, ExceptionGroup):
        return _no_query(selected)
    if isinstance(selected, (LogRecord, Pattern)):
        return ""
    return "select a record, a pattern, an exception or a field" if lines is not None else NO_PANE


def _no_query(group: ExceptionGroup) -> str:
    return "" if tests_raised(group) else "no text is common to these exceptions"


def _not_open(selected: object) -> str:
    if selected is None:
        return "nothing selected here"
    if isinstance(selected, FieldValue):
        return "" if field_test(selected) is not None else "no query can ask for this field"
    if isinstance(selected, ExceptionGroup):
        return _no_query(selected)
    return "" if isinstance(selected, OPENABLE) else "there is nothing more to show of this"


def of_selection(actions: Sequence[Action], pane_name: str, here: object, refused: Mapping[str, str]) -> list[Action]:
    """The actions for what is selected: those of other panes only where they can be used."""
    by_id = {action.id: action for action in actions}
    listed = [by_id[name] for name in OF_SELECTION if name in by_id]
    return [a for a in listed if a.pane in ("", pane_name) or a.id not in refused]
