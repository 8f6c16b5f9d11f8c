"""Which screen shows what: the one table of drill-downs."""

from __future__ import annotations

from collections.abc import Sequence

from console.actions import Action
from console.domain.diagnosis import JudgedChange, Suspect
from console.domain.logs import FieldValue, LogRecord, Pattern
from console.live.session import Session
from console.query.about import lines_of
from console.screens.base import ConsoleScreen
from console.screens.details import ChangeScreen, RecordScreen, SuspectScreen, UpstreamScreen
from console.screens.logs import LogsScreen
from console.screens.narrowing import AllLines, Around, Lines, only
from console.screens.record_lines import ContextLines
from console.screens.service import LinesScreen, ServiceScreen
from console.state import OperationRow, ServiceRow, UpstreamRow
from widgets.ink import cut

CRUMB = 40
"""Cells of a template or value in the breadcrumb."""


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
            crumb = f"{item.status.upper()} {cut(item.template, CRUMB)}"
            return LogsScreen(session, (*crumbs, crumb), actions, lines_of(item))
        case FieldValue(name=name, value=value):
            text = only(session.filter_text, item)
            return LogsScreen(session, (*crumbs, f"{name} {cut(value, CRUMB)}"), actions, text) if text else None
        case Lines(query=query, crumb=crumb):
            return LogsScreen(session, (*crumbs, crumb), actions, query)
        case AllLines():
            return LogsScreen(session, (*crumbs, "logs"), actions)
        case Around(record=record):
            return LinesScreen(session, (*crumbs, "context"), actions, ContextLines(session, 1, record))
    return None
