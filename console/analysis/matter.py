"""What is to be explained, as far as changes are concerned: since when, where, and what is known beside it."""

from __future__ import annotations

from collections import Counter
from dataclasses import field

from console.analysis.aftermath import Aftermath
from console.analysis.concentration import Concentration
from console.analysis.diffs import Effect
from console.analysis.graph import Graph
from console.analysis.onset import Onset
from console.analysis.place import Place
from console.analysis.population import Population
from console.analysis.routine import Routine
from console.analysis.schedule import Scheduled
from console.analysis.sightings import Arrival
from console.analysis.undone import ChangeKey, Undo, key_of
from console.domain.changes import Change, Running
from console.domain.instant import Instant
from console.domain.logs import Pattern
from console.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Growth:
    """A resource that began to grow and has run out since, or will: a mechanism that acts late."""

    metric: str
    since: Onset
    source: str = ""
    query: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """What is to be explained, as far as changes are concerned."""

    at: Instant
    onset: Onset
    places: tuple[Place, ...]
    graph: Graph
    affected: frozenset[str]
    """Services and dependencies with a symptom."""
    moved_at: dict[str, Onset]
    """When each service first left a level."""
    words: frozenset[str]
    """Words of metrics, operations and error messages that belong to the symptoms."""
    patterns: tuple[Pattern, ...] = ()
    effects: dict[str, Effect] = field(default_factory=dict)
    running: tuple[Running, ...] = ()
    observed: frozenset[str] = frozenset()
    """Services with telemetry of their own."""
    grows: dict[str, Growth] = field(default_factory=dict)
    """What leaks, by service."""
    frames: dict[str, Counter[str]] = field(default_factory=dict)
    """Source files that the errors since the onset name, by service."""
    lasts: bool = True
    """Whether the trouble goes on."""
    undos: dict[ChangeKey, Undo] = field(default_factory=dict)
    """What was taken back, and by what."""
    after: dict[ChangeKey, Aftermath] = field(default_factory=dict)
    """What became of the trouble after each change that was made since."""
    routines: dict[tuple[str, str | None, str], Routine] = field(default_factory=dict)
    """What is done again and again, and what followed the earlier times."""
    scheduled: dict[str, Scheduled] = field(default_factory=dict)
    """Runs of jobs that the trouble began with, as it did with those before, by their ids."""
    until: dict[ChangeKey, Instant] = field(default_factory=dict)
    """The last start of processes that began anew again and again, where that is one observed change."""
    ran: dict[ChangeKey, Arrival] = field(default_factory=dict)
    """When the build of a told deploy was first seen running."""
    changed_before: frozenset[str | None] = frozenset()
    """Services that were changed within the hour before the onset."""
    surged: bool = False
    """Whether demand multiplied, no later than the trouble: then it is not for want of a cause that a change stands out."""
    found: tuple[Concentration, ...] = ()
    """Where inside the services the bad requests are."""
    mixed: tuple[Population, ...] = ()
    """The requests of services that run several versions side by side."""
    asks_more: dict[tuple[str, str], float] = field(default_factory=dict)
    """How many times as often as before a service asks a callee for each of its own requests, where that rose; by both names."""

    def ending(self, change: Change) -> Aftermath | None:
        """What became of the trouble after a change was taken back; None where it was not, or nothing can be told yet."""
        undo = self.undone_since(change)
        return self.after.get(key_of(undo.by)) if undo is not None else None

    def undone_since(self, change: Change) -> Undo | None:
        """What took a change back after the first symptom."""
        undo = self.undos.get(key_of(change))
        return undo if undo is not None and undo.by.at > self.onset.at else None

    def newest_undone(self, change: Change) -> bool:
        """Whether of all that was taken back together with a change, and was there before the onset, it is the newest."""
        undo = self.undone_since(change)
        together = [u.change for u in self.undos.values() if undo is not None and u.by == undo.by]
        return change == max(
            (c for c in together if not self.onset.surely_before(c.at)), key=lambda c: c.at, default=None
        )
