"""Which deploy a fix would mend: of what is selected, else none."""

from __future__ import annotations

from collections.abc import Iterable

from console.domain.diagnosis import JudgedChange, Suspect
from console.domain.topology import DependencyState
from console.screens.places import FixOf
from console.state import ConsoleState, OperationRow, ServiceRow, UpstreamRow

DEPLOYS = ("deploy", "rollback")
PROVIDER = "third_party"
SELECT = "select a deploy, a suspect or a service"
NO_DEPLOY = "no deploy of it is known"


def fix_of(item: object, state: ConsoleState) -> FixOf | str:
    """The place where it would be mended; else why there is none."""
    known = state.diagnosis.changes if state.diagnosis is not None else ()
    match item:
        case Suspect(kind=kind, subject=name) if kind == PROVIDER:
            return FixOf(name, "", 0.0, provider=True)
        case UpstreamRow(state=DependencyState(kind=kind, name=name)) if kind == PROVIDER:
            return FixOf(name, "", 0.0, provider=True)
        case JudgedChange(kind=kind, service=str(service)) if kind in DEPLOYS:
            return _place(service, item)
        case Suspect(subject=subject, service=service) if (found := _named(known, subject, service)) is not None:
            return _place(found.service or "", found)
        case Suspect(service=str(service)) | ServiceRow(name=service) | OperationRow(service=service):
            return _newest(service, [*known, *state.changes.changes])
    return SELECT


def _named(changes: Iterable[JudgedChange], subject: str, service: str | None) -> JudgedChange | None:
    return next((c for c in changes if c.id == subject and c.kind in DEPLOYS and service in (None, c.service)), None)


def _newest(service: str, changes: Iterable[JudgedChange]) -> FixOf | str:
    mine = [c for c in changes if c.service == service and c.kind in DEPLOYS]
    if not mine:
        return NO_DEPLOY
    last = max(mine, key=lambda c: c.at)
    return _place(service, last)


def _place(service: str, change: JudgedChange) -> FixOf:
    return FixOf(service, change.id, change.at, change.commit or "")
