"""One bad instance or zone as a suspect of its own: most of what fails is there, and its siblings are as before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from console.analysis.changes import Judged
from console.analysis.concentration import Concentration, runs
from console.analysis.fieldroles import PLACES, Role
from console.analysis.graph import Graph
from console.analysis.partwords import SIDES, bad_verb, part_text, siblings_text, siblings_way, way_of
from console.analysis.place import Place
from console.analysis.running import DEPLOYS
from console.analysis.suspects import LEADING_SHARE, Draft, fact, inference
from console.analysis.ways import Ways
from console.analysis.whereabouts import COVERED_SHARE, Whereabouts, evidence_of
from console.analysis.words import joined, number, owner
from console.domain.diagnosis import Evidence, Standing

MOST_PARTS = 2
"""Instances of one service that fail together and are each named [D]."""
SEVERAL = 2
"""Services whose only instance in a zone is bad, from which the zone is [D]."""
MACHINES = frozenset(("host", "node"))
"""What several services can have in common; pods and instances of two that are named alike are two."""


def part_drafts(
    where: Whereabouts, places: Sequence[Place], graph: Graph, judged: Iterable[Judged], ways: Ways
) -> list[Draft]:
    """One bad instance or zone as a suspect of its own."""
    judged = list(judged)
    named = _by_zone(_named(where.found, graph))
    shared: dict[tuple[str, str, str], list[Concentration]] = defaultdict(list)
    for one in named:
        shared[_part(one)].append(one)
    return [_part_draft(found, named, places, graph, judged, ways) for found in shared.values()]


def _part(one: Concentration) -> tuple[str, str, str]:
    """What tells a part from others: a zone and a machine are the same in all services."""
    shared = one.role is Role.ZONE or one.named.noun in MACHINES
    return one.named.noun, one.value, "" if shared else one.service


def _keys(one: Concentration) -> list[tuple[str, str, str]]:
    """What it is known by: the part itself, and the zone of which it is the only instance."""
    return [_part(one), *([_part(one.zone)] if one.zone is not None else [])]


def _by_zone(named: list[Concentration]) -> list[Concentration]:
    """With the zone in the place of its only instance, where that is bad in several services: instances do not fail together
    by chance, and what they share is the zone."""
    members: dict[str, set[str]] = defaultdict(set)
    for one in named:
        if (zone := one if one.role is Role.ZONE else one.zone) is not None:
            members[zone.value].add(one.service)
    return [one.zone if one.zone is not None and len(members[one.zone.value]) >= SEVERAL else one for one in named]


def _named(found: Iterable[Concentration], graph: Graph) -> list[Concentration]:
    """The parts that say where the trouble of their service is: most of it, or what is left without what its callees pass on.

    A caller in the same zone passes on failures of other callers' zones too, so that its own are less plain.
    """
    by_service: dict[str, list[Concentration]] = defaultdict(list)
    for one in found:
        if one.role in PLACES:
            by_service[one.service].append(one)
    named: list[Concentration] = []
    for service in sorted(by_service, key=lambda name: len(graph.below(name))):
        parts = [one for one in by_service[service] if one.field == by_service[service][0].field][:MOST_PARTS]
        below = {key for one in named if one.service in graph.below(service) for key in _keys(one)}
        if sum(one.covered for one in parts) >= COVERED_SHARE:
            named += parts
        else:
            named += [one for one in parts if below.intersection(_keys(one))]
    return named


def _part_draft(
    found: list[Concentration],
    named: list[Concentration],
    places: Sequence[Place],
    graph: Graph,
    judged: list[Judged],
    ways: Ways,
) -> Draft:
    """A part that is bad in one service, or in several; the one that shows it most plainly tells how the others do."""
    rank = {place.node: k for k, place in enumerate(places)}
    found = sorted(found, key=lambda one: (-one.covered, rank.get(one.service, len(rank)), one.service))
    one, services = found[0], [other.service for other in found]
    subject = one.name if len(services) > 1 else f"{one.name} of {one.service}"
    evidence = [evidence_of(other, ways) for other in found[:3]] + _siblings_evidence(one, ways)
    evidence += _version_evidence(one, judged, ways)
    below = [o for o in named if o not in found and o.service in graph.below(one.service)[1:]]
    if below:
        claim = f"it calls {below[0].service}, whose own {below[0].population.bad} {SIDES[below[0].role][0]} {below[0].name}"
        evidence.append(inference(claim, way_of(below[0], ways), supports=False))
    share = min(1.0, sum(place.added for place in places if place.node in services))
    enough = any(rank.get(service) == 0 for service in services) or share >= LEADING_SHARE
    lead = enough and all(e.supports for e in evidence)
    verb = SIDES[one.role][0].removeprefix("are ")
    points = "The evidence points to" if lead else "It may be due to"
    return Draft(
        "infrastructure",
        subject,
        one.service if len(services) == 1 else None,
        None,
        f"{points} {one.name}: {number(one.share, 'ratio')} of the {one.population.bad} of"
        f" {one.service} are {verb} it, and {part_text(one.taken)} of the {one.population.whole}"
        f"{f'; {joined(services[1:])} show the same' if len(services) > 1 else ''}.",
        Standing.LEADING if lead else Standing.POSSIBLE,
        min(1.0, one.covered) * max(share, LEADING_SHARE),
        evidence,
        _next_check(one),
        first=0,
    )


def _siblings_evidence(one: Concentration, ways: Ways) -> list[Evidence]:
    """How the others do: well, which leaves only this one; not well; or too little is seen of them."""
    way = siblings_way(one, ways)
    if one.siblings_well is None:
        claim = f"too little is at hand to say that the others are well: {one.siblings.of:,} of their {one.population.whole}, and {one.own.bad:,} {one.population.bad} of {one.name}"
        return [inference(claim, way, supports=False)]
    return [fact(siblings_text(one), way, supports=one.siblings_well, samples=one.siblings.of)]


def _version_evidence(one: Concentration, judged: list[Judged], ways: Ways) -> list[Evidence]:
    """Whether the siblings run the same: then no release explains it; else a release that only it runs may."""
    tied = [named.of(value) for named, value in one.inseparable]
    if tied:
        claim = f"all of {owner(one.name)} {one.population.whole} at hand have {joined(tied)} too, and no others: the two cannot be told apart"
        return [inference(claim, way_of(one, ways), supports=False)]
    told = runs(one)
    if told is not None:
        if told.same.of and one.siblings_well:
            ran = f"{told.named.noun} {joined(sorted(told.versions))}"
            claim = f"its siblings run {ran} too, and {told.same.bad:,} of {told.same.of:,} of their {one.population.whole} {bad_verb(one)}"
            return [fact(claim, siblings_way(one, ways, told), samples=told.same.of)]
        return []
    rivals = [
        j
        for j in judged
        if j.change.kind in DEPLOYS
        and j.change.service == one.service
        and j.standing in (Standing.LEADING, Standing.POSSIBLE)
    ]
    if not rivals:
        return []
    change = rivals[0].change
    claim = f"{change.id} took effect near the onset, and whether the other {one.named.noun}s run it is not known"
    return [inference(claim, ways.change(change), supports=False)]


def _next_check(one: Concentration) -> str:
    other = one.values[0] if one.values else "another one"
    way = "through" if one.role is Role.ZONE else "to"
    return f"send the same request {way} {one.name} and {way} {one.named.of(other)}: equal answers clear it"
