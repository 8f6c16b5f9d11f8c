"""Where the bad requests of a service are, in words, and the query that shows them again."""

from __future__ import annotations

from console.analysis.concentration import Concentration, Ran
from console.analysis.fieldroles import Role
from console.analysis.ways import Way, Ways
from console.analysis.words import number
from console.domain.logs import FieldValue
from console.query.about import field_test
from console.query.ast import And, FieldTest, Not, Or, Query

AS_PERCENT = 0.45
"""From this share on it is told in percent and not as one in so many."""
SIDES = {
    Role.INSTANCE: ("are on", "which takes {} of its {}"),
    Role.ZONE: ("are in", "which takes {} of its {}"),
    Role.VERSION: ("are on", "which takes {} of its {}"),
    Role.UPSTREAM: ("go to", "which gets {} of its {}"),
    Role.TENANT: ("are for", "which makes {} of its {}"),
    Role.ENDPOINT: ("are in", "which is {} of its {}"),
    Role.FLAG: ("have", "as have {} of its {}"),
    Role.OTHER: ("have", "as have {} of its {}"),
}
"""How a part is said to hold bad requests, and requests at all."""


def concentration_text(one: Concentration) -> str:
    """`412 of 430 failures of checkout are on host web-3, which takes 1 in 8 of its requests`."""
    population, takes = one.population, SIDES[one.role][1]
    if population.whole == "lines":
        takes = takes.replace("takes", "writes").replace("makes", "causes").replace("gets", "has")
    about = "about " if population.stride > 1 and one.taken > 0 else ""
    of = takes.format(f"{about}{part_text(one.taken)}", population.whole)
    hand = ", of those at hand" if population.sampled and population.stride == 1 else ""
    return f"{where_text(one)}, {of}{hand}"


def where_text(one: Concentration) -> str:
    """`412 of 430 failures of checkout are on host web-3`."""
    verb, name = SIDES[one.role][0], one.value if one.role is Role.ENDPOINT else one.name
    return f"{one.found.failing:,} of {one.found.failing_of:,} {one.population.bad} of {one.service} {verb} {name}"


def part_text(share: float) -> str:
    """`1 in 8`, `62 %`, `none`."""
    if share <= 0:
        return "none"
    return number(share, "ratio") if share >= AS_PERCENT else f"1 in {round(1 / share):,}"


def siblings_text(one: Concentration) -> str:
    """`of its 7 other hosts 18 of 2,996 requests fail (0.6 %), 0.5 % before; of host web-3, 94 %`."""
    whole, verb = one.population.whole, bad_verb(one)
    count = len(one.values)
    others = f"its {count} other {one.named.noun}s" if count > 1 else f"its other {one.named.noun} {one.values[0]}"
    about = "about " if one.population.stride > 1 else ""
    before = f", {number(one.siblings_before.share, 'ratio')} before" if one.siblings_before.of else ""
    return (
        f"of {others} {one.siblings.bad:,} of {about}{one.siblings.of:,} {whole} {verb}"
        f" ({number(one.siblings.share, 'ratio')}){before}; of {one.name}, {number(one.own.share, 'ratio')}"
    )


def bad_verb(one: Concentration) -> str:
    """What a bad request does: `fail`, `are slow`."""
    return {"failures": "fail", "slow requests": "are slow"}.get(one.population.bad, "are errors")


def way_of(one: Concentration, ways: Ways) -> Way:
    """What shows the bad requests of the part again."""
    test = field_test(FieldValue(one.field, one.value))
    return _bad_ones(one, ways, *([test] if test is not None else []))


def siblings_way(one: Concentration, ways: Ways, ran: Ran | None = None) -> Way:
    """What shows the bad requests of the others again; of those that run the same."""
    test = field_test(FieldValue(one.field, one.value))
    narrowed: list[Query] = [Not(test)] if test is not None else []
    if ran is not None:
        versions = [field_test(FieldValue(ran.field, version)) for version in sorted(ran.versions)]
        known: list[FieldTest] = [version for version in versions if version is not None]
        narrowed += [known[0] if len(known) == 1 else Or(tuple(known))] if known else []
    return _bad_ones(one, ways, *narrowed)


def _bad_ones(one: Concentration, ways: Ways, *narrowed: Query) -> Way:
    query = one.population.query
    if one.population.repeat:
        return Way(one.population.source, one.population.repeat)
    if query is None:
        return ways.spans(one.service, one.value)
    return ways.logs(one.service, And((*narrowed, query)) if narrowed else query)
