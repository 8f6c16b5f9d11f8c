"""Actions that go to the places behind the overview: changes, calls, load, memory, news. They work on every screen."""

from __future__ import annotations

from textual.screen import Screen

from console.domain.diagnosis import JudgedChange, Suspect, Symptom
from console.domain.logs import LogRecord, Pattern
from console.domain.series import SeriesKey
from console.screens.places import AllCalls, AllChanges, AllNews, LoadOf, MemoryOf, WhetherRecovered
from console.state import ConsoleState, OperationRow, ServiceRow, TreeRow, UpstreamRow


def service_of(item: object, state: ConsoleState) -> str:
    """Whose load or memory is meant: of what is selected, else of the worst symptom, else of the first service."""
    from console.views import worst_symptom  # not for the first frame

    match item:
        case ServiceRow(name=name) | TreeRow(name=name):
            return name
        case UpstreamRow(state=known):
            return known.name
        case OperationRow(service=service) | SeriesKey(service=service) | LogRecord(service=service):
            return service
        case Suspect(service=str(service)) | JudgedChange(service=str(service)) | Pattern(service=service) if service:
            return service
    worst: Symptom | None = worst_symptom(state.diagnosis) if state.diagnosis is not None else None
    if worst is not None:
        return worst.service
    services = state.signals.services if state.signals is not None else ()
    return services[0].name if services else ""


class FurtherActions(Screen[None]):
    """The actions that open these places, each one level below where one is."""

    def open_place(self, place: object) -> None:
        """Announce that a place is wanted."""
        raise NotImplementedError

    def service_meant(self) -> str:
        """Whose load or memory is meant here; empty where no service is known."""
        raise NotImplementedError

    def do_all_changes(self) -> None:
        """Every change on one timeline."""
        self.open_place(AllChanges())

    def do_dependencies(self) -> None:
        """The calls as a tree."""
        self.open_place(AllCalls())

    def do_news(self) -> None:
        """What the newest verdicts said otherwise."""
        self.open_place(AllNews())

    def do_recovery(self) -> None:
        """The contract and how far it holds."""
        self.open_place(WhetherRecovered())

    def do_load(self) -> None:
        """Latency or failures against load."""
        self.open_place(LoadOf(self.service_meant()))

    def do_memory(self) -> None:
        """Memory and where it leads."""
        self.open_place(MemoryOf(self.service_meant()))
