"""Where inside the affected services the trouble sits: what is special to their bad requests."""

from __future__ import annotations

from collections.abc import Iterable

from console.analysis.concentration import Concentration, by_version, find_concentrations
from console.analysis.fieldroles import PLACES, Role
from console.analysis.moves import Move
from console.analysis.onset import Onset
from console.analysis.partwords import concentration_text, way_of, where_text
from console.analysis.place import Place
from console.analysis.population import Population, populations
from console.analysis.signals import Family
from console.analysis.suspects import fact, inference
from console.analysis.symptoms import harms_users
from console.analysis.view import View
from console.analysis.ways import Ways
from console.domain.diagnosis import Evidence
from console.domain.instant import Window
from console.domain.values import dataclass
from console.guard.redact import redact

COVERED_SHARE = 0.7
"""Of what came on top, from which a part says where it is [D]."""
PLACE_EVIDENCE = 2
JUST_AFTER_S = 1e-3
"""A window ends before its end; what is stamped at the knowledge time is known."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What is special to the bad requests of each service."""

    found: tuple[Concentration, ...] = ()
    mixed: tuple[Population, ...] = ()
    """The requests of services that run several versions side by side."""

    def of(self, service: str) -> list[Concentration]:
        """Those of a service, the clearest first."""
        return [one for one in self.found if one.service == service]


NOWHERE = Whereabouts()


def find_whereabouts(view: View, moves: Iterable[Move], began: Onset) -> Whereabouts:
    """Look for them among the records and spans at hand, since the onset, in the services that are affected."""
    opened = [m for m in moves if m.opened]
    failing = {m.service for m in opened if m.meaning.family in (Family.RATIO, Family.FAILURES)}
    slow = {m.service for m in opened if m.meaning.family is Family.LATENCY and harms_users(m)}
    if not (failing or slow):
        return Whereabouts()
    ends = [view.seen.at if m.end is None else m.end for m in opened]
    during = Window(began.earliest, max(max(ends), began.earliest) + JUST_AFTER_S)
    known = populations(view, failing, slow, during)
    found = find_concentrations(known)
    mixed = tuple(one for one in known if len(by_version(one.during)) > 1)
    return Whereabouts(tuple(one for one in found if not _secret(one)), mixed)


def _secret(one: Concentration) -> bool:
    """Whether the value is one that nobody should read."""
    said = f"{one.field}={one.value}"
    return redact(said) != said


def evidence_of(one: Concentration, ways: Ways) -> Evidence:
    """The claim that says where the bad requests are."""
    return fact(concentration_text(one), way_of(one, ways), samples=one.found.failing_of)


def place_evidence(place: Place, where: Whereabouts, ways: Ways) -> list[Evidence]:
    """Where the bad requests of a place are; which requests of its callers to it are bad; and that only some callers' are."""
    own = where.of(place.node)
    told = [one for one in where.found if one.role is Role.UPSTREAM and one.value == place.node]
    found = [evidence_of(one, ways) for one in (*own, *told)][:PLACE_EVIDENCE]
    for blame in place.blames:
        alone = next((one for one in where.of(blame.caller) if _alone(one)), None)
        if alone is not None and not place.measured:
            claim = f"{where_text(alone)}: its other {alone.named.noun}s, which are well, call {place.node} too"
            found.append(inference(claim, way_of(alone, ways), supports=False))
    return found


def _alone(one: Concentration) -> bool:
    return one.role in PLACES and one.siblings_well is True and one.covered >= COVERED_SHARE and not one.inseparable
