"""Which screen shows what: the one table of drill-downs."""

from __future__ import annotations

from collections.abc import Sequence

from console.actions import Action
from console.domain.diagnosis import JudgedChange, Suspect
from console.domain.logs import LogRecord, Pattern
from console.live.details import about, quoted
from console.live.session import Session
from console.screens.base import ConsoleScreen
from console.screens.details import ChangeScreen, RecordScreen, SuspectScreen, UpstreamScreen
from console.screens.narrowing import Around, Lines, literal_of
from console.screens.record_lines import ContextLines, RecordLines
from console.screens.service import LinesScreen, ServiceScreen
from console.state import OperationRow, ServiceRow, UpstreamRow


def screen_for(
    item: object, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action]
) -> ConsoleScreen | None:
    """The drill-down for a selected thing, one level below `crumbs`; None where there is nothing more to show."""
    match item:
        case ServiceRow(name=name):
            return ServiceScreen(session, (*crumbs, name), actions, name, None)
        case OperationRow(service=service, operation=operation):
            return ServiceScreen(session, (*crumbs, service, operation), actions, service, operation)
        case Suspect():
            return SuspectScreen(session, (*crumbs, "suspect"), actions, item)
        case JudgedChange():
            return ChangeScreen(session, (*crumbs, item.kind), actions, item)
        case UpstreamRow(state=state):
            return UpstreamScreen(session, (*crumbs, state.name), actions, item)
        case LogRecord():
            return RecordScreen(session, (*crumbs, "record"), actions, item)
        case Pattern():
            lines = RecordLines(session, 1, pattern_query(item), f"{item.status} {item.template}")
            return LinesScreen(session, (*crumbs, "pattern"), actions, lines)
        case Lines(query=query, title=title, crumb=crumb):
            return LinesScreen(session, (*crumbs, crumb), actions, RecordLines(session, 1, query, title))
        case Around(record=record):
            return LinesScreen(session, (*crumbs, "context"), actions, ContextLines(session, 1, record))
    return None


def pattern_query(pattern: Pattern) -> str:
    """A query for the lines of a pattern: its literal stretches, its service and its level."""
    literal = literal_of(pattern)
    return about(pattern.service, extra=f"level:{pattern.level.word} {quoted(literal) if literal else ''}".strip())
