"""Which screen shows what: the one table of drill-downs."""

from __future__ import annotations

from collections.abc import Sequence

from console.actions import Action
from console.case.events import Event
from console.case.model import EvidenceItem, Hypothesis
from console.domain.diagnosis import Evidence, JudgedChange, Suspect
from console.domain.logs import FieldValue, LogRecord, Pattern
from console.domain.series import SeriesKey
from console.domain.shapes import ExceptionGroup
from console.live.repeat import Question
from console.live.session import Session
from console.query.about import lines_of, lines_raised
from console.repro.view import TryView
from console.screens.base import ConsoleScreen
from console.screens.changes import ChangeScreen, ChangesScreen
from console.screens.dependencies import DependenciesScreen
from console.screens.details import RecordScreen, UpstreamScreen
from console.screens.evidence import target_of
from console.screens.load import LoadScreen, MemoryScreen, SeriesScreen
from console.screens.logs import LogsScreen
from console.screens.narrowing import only
from console.screens.news import NewsScreen
from console.screens.places import (
    AllCalls,
    AllChanges,
    AllLines,
    AllNews,
    Around,
    FixOf,
    Lines,
    LoadOf,
    MemoryOf,
    RequestOf,
    TheCase,
    WhetherRecovered,
)
from console.screens.record_lines import ContextLines
from console.screens.recovery import RecoveryScreen
from console.screens.service import LinesScreen, ServiceScreen
from console.screens.stretch import StretchLines
from console.screens.suspect import SuspectScreen
from console.state import OperationRow, ServiceRow, TreeRow, UpstreamRow
from widgets.exceptions import raised_text
from widgets.ink import cut

CRUMB = 40
"""Cells of a template or value in the breadcrumb."""


def screen_for(
    item: object, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action]
) -> ConsoleScreen | None:
    """The drill-down for a selected thing, one level below `crumbs`; None where there is nothing more to show."""
    match item:
        case ServiceRow(name=name):
            return _service(name, session, crumbs, actions)
        case OperationRow(service=service, operation=operation):
            return ServiceScreen(session, (*crumbs, service, operation), actions, service, operation)
        case Suspect():
            return SuspectScreen(session, (*crumbs, "suspect"), actions, item)
        case JudgedChange():
            return ChangeScreen(session, (*crumbs, item.kind), actions, item)
        case UpstreamRow(state=state):
            return UpstreamScreen(session, (*crumbs, state.name), actions, item)
        case Evidence():
            target = target_of(item, session.state())
            return screen_for(target, session, crumbs, actions) if target is not None else None
        case Question(query=query, window=window):
            crumb = cut(query, CRUMB)
            if window is None or session.scope.window().start <= window.start:
                return LogsScreen(session, (*crumbs, crumb), actions, query)
            return LinesScreen(session, (*crumbs, crumb), actions, StretchLines(session, 1, query, window))
        case SeriesKey(service=service, metric=metric):
            return SeriesScreen(session, (*crumbs, f"{service} {metric}"), actions, item)
        case TreeRow(name=name):
            rows = session.state().upstreams.rows
            found = next((r for r in rows if r.state.name == name and r.state.kind != "service"), None)
            return (
                screen_for(found, session, crumbs, actions)
                if found is not None
                else _service(name, session, crumbs, actions)
            )
        case AllChanges(select=select):
            return ChangesScreen(session, (*crumbs, "changes"), actions, select)
        case AllCalls():
            return DependenciesScreen(session, (*crumbs, "dependencies"), actions)
        case TheCase():
            from console.screens.case import CaseScreen  # what it needs is loaded where it is wanted

            return CaseScreen(session, (*crumbs, "case"), actions)
        case EvidenceItem() | Hypothesis() | Event():
            from console.screens.case import ItemScreen

            name = item.kind if isinstance(item, Event) else item.name
            return ItemScreen(session, (*crumbs, name), actions, item)
        case AllNews():
            return NewsScreen(session, (*crumbs, "news"), actions)
        case WhetherRecovered():
            return RecoveryScreen(session, (*crumbs, "recovery"), actions)
        case LoadOf(service=service) if service:
            return LoadScreen(session, (*crumbs, f"load of {service}"), actions, service)
        case MemoryOf(service=service) if service:
            return MemoryScreen(session, (*crumbs, f"memory of {service}"), actions, service)
        case FixOf(service=service, provider=True):
            from console.screens.provider import ProviderScreen  # what it needs is loaded where it is wanted

            return ProviderScreen(session, (*crumbs, f"ticket to {service}"), actions, service)
        case FixOf(service=service):
            from console.screens.fix import FixScreen  # what it needs is loaded where it is wanted

            return FixScreen(session, (*crumbs, f"fix of {service}"), actions, item)
        case RequestOf(record=record):
            from console.screens.repro import ReproScreen  # what it needs is loaded where it is wanted

            return ReproScreen(session, (*crumbs, "reproduce"), actions, record)
        case TryView(number=number):
            from console.screens.trial import TryScreen  # what it needs is loaded where it is wanted

            return TryScreen(session, (*crumbs, f"try {number}"), actions, item)
        case LogRecord():
            return RecordScreen(session, (*crumbs, "record"), actions, item)
        case Pattern():
            crumb = f"{item.status.upper()} {cut(item.template, CRUMB)}"
            return LogsScreen(session, (*crumbs, crumb), actions, lines_of(item))
        case ExceptionGroup():
            query = lines_raised(item)
            return LogsScreen(session, (*crumbs, cut(raised_text(item), CRUMB)), actions, query) if query else None
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


def _service(name: str, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action]) -> ServiceScreen:
    return ServiceScreen(session, (*crumbs, name), actions, name, None)
