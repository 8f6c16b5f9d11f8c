"""Where inside a service the failures sit: values of fields that failing or slow requests have more often than the others.

Three questions, in this order. Is a value more frequent among the bad ones than chance explains, after correction for the
number of values tried (the test of the log screen)? Is it so within the same minutes and operations (Mantel and Haenszel
1959), so that neither time nor the kind of request explains it? And does it hold where the other values that were found are
absent: a zone is bad where all its hosts are, and a host is bad where the rest of its zone is well.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from console.analysis.constants import PATTERN_P, PATTERN_SURGE
from console.analysis.contrast import LEAST_OTHERS, contrasted, tested
from console.analysis.fieldroles import OPERATION as OPERATION_NAMED
from console.analysis.fieldroles import Named, Role
from console.analysis.fieldroles import named as named_field
from console.analysis.population import OPERATION, Item, Population, Rate, by_value
from console.analysis.stats import fisher_greater
from console.domain.shapes import FieldExcess
from console.domain.text import SafeText
from console.domain.values import dataclass

LEAST_SHARE = 0.3
"""Share of the bad ones that a value needs to say where they are [D]."""
LEAST_ODDS = 3.0
"""Odds of failing with the value over those without it, in the same minutes [D]."""
LEAST_Z = 3.0
"""Of the Mantel-Haenszel test: what bursts alone seldom reach [D]."""
GREW = 2.0
"""Where a value was as bad before by this factor or more, it is how it always is [D]."""
SIBLING_REQUESTS = 50
SIBLING_SHARE = 0.2
"""Others are well whose rate rose by no more than this share of what the value's rose [D, as for changes]."""
FEWEST_BAD = 5
STRATUM_S = 60.0
"""Requests compare within minutes [D]."""
APART_ITEMS = 10
APART_EXPECTED = 5.0
"""Requests with one value and without the other, and failures expected among them, that tell the two apart [D]."""
MOST_COMPARED = 8
MOST_VALUES = 200
"""A field with more values since the onset tells single requests apart, unless its role is known [D]."""
KNOWN_BEFORE = 5
"""Good requests of before that have a value of a field of unknown meaning: else it may say what came of them [D]."""
_ORDER = {role: place for place, role in enumerate(Role)}


@dataclass(frozen=True, slots=True)
class Concentration:
    """A value that says where in a service its bad requests are."""

    service: str
    named: Named
    field: str
    value: SafeText
    population: Population
    found: FieldExcess
    """Among all bad ones at hand, and among the others."""
    own: Rate
    own_before: Rate
    siblings: Rate
    """Those with other values of the field."""
    siblings_before: Rate
    values: tuple[SafeText, ...]
    """The other values that were seen since the onset."""
    odds: float
    """Within the same minutes and operations; infinite where no sibling failed."""
    inseparable: tuple[tuple[Named, SafeText], ...] = ()
    """What else all of these requests have in common, so that the two cannot be told apart."""
    zone: Concentration | None = None
    """The same of the zone in which it is the only instance: by this service alone the two cannot be told apart."""

    @property
    def role(self) -> Role:
        """What kind of part it names."""
        return self.named.role

    @property
    def name(self) -> str:
        """`host web-3`."""
        return self.named.of(self.value)

    @property
    def share(self) -> float:
        """Of the bad ones."""
        return self.found.failing / self.found.failing_of

    @property
    def taken(self) -> float:
        """Share of all requests that it takes."""
        return self.own.of / max(1, self.own.of + self.siblings.of)

    @property
    def excess(self) -> float:
        """By how much its rate rose."""
        return max(0.0, self.own.share - self.own_before.share)

    @property
    def siblings_excess(self) -> float:
        """By how much the rate of the others rose."""
        return max(0.0, self.siblings.share - self.siblings_before.share)

    @property
    def covered(self) -> float:
        """Its share of what came on top of what was bad before."""
        mine, others = self.excess * self.own.of, self.siblings_excess * self.siblings.of
        return mine / (mine + others) if mine > 0 else 0.0

    @property
    def siblings_well(self) -> bool | None:
        """Whether the others are as before; None: too few of either are at hand."""
        if self.siblings.of < SIBLING_REQUESTS or self.own.bad < FEWEST_BAD:
            return None
        return self.siblings_excess <= SIBLING_SHARE * self.excess


def find_concentrations(populations: Iterable[Population]) -> tuple[Concentration, ...]:
    """The values that say where the bad requests are, the clearest of each service first; of what one explains, only that one.

    Args:
        populations: Of one service those first that tell more than others: what they found stands.
    """
    listed = list(populations)
    counted = [_candidates(one) for one in listed]
    candidates = [(place, excess) for place, (found_in, _) in enumerate(counted) for excess in found_in]
    # Those with too few bad ones were tried too: to correct for the rest alone would be to choose them by what they show.
    tried = sum(values for _, values in counted) / max(1, len(candidates))
    scores = [(g, tried * chance) for g, chance in tested([excess for _, excess in candidates])]
    found: dict[int, list[tuple[float, Concentration]]] = defaultdict(list)
    for (place, excess), (g, chance) in zip(candidates, scores, strict=True):
        if chance < PATTERN_P and (one := _judged(listed[place], excess)) is not None:
            found[place].append((g, one))
    kept: dict[str, list[Concentration]] = defaultdict(list)
    for place in sorted(found):
        ordered = sorted(found[place], key=lambda one: (-one[0], _ORDER[one[1].role], one[1].field, one[1].value))
        kept[listed[place].service] += _independent([one for _, one in ordered[:MOST_COMPARED]])
    return tuple(one for service in sorted(kept) for one in _each_once(kept[service]))


def _candidates(population: Population) -> tuple[list[FieldExcess], int]:
    """Values that enough of the bad ones have, of fields in which others say something else; and how many values there are."""
    hits: dict[str, Counter[SafeText]] = defaultdict(Counter)
    usual: dict[str, Counter[SafeText]] = defaultdict(Counter)
    for item in population.during:
        side = hits if item.bad else usual
        for name, value in item.told.items():
            side[name][value] += item.weight
    found: list[FieldExcess] = []
    for name, counted in hits.items():
        of, other_of = counted.total(), usual[name].total()
        others = usual[name]
        if other_of < LEAST_OTHERS or (_about(name).role is Role.OTHER and len(others) > MOST_VALUES):
            continue
        found += [
            contrasted(name, value, (count, of), (others[value], other_of))
            for value, count in counted.items()
            if count >= PATTERN_SURGE and count >= LEAST_SHARE * of and other_of - others[value] >= LEAST_OTHERS
        ]
    return found, sum(map(len, hits.values()))


def _about(name: str) -> Named:
    if name == OPERATION:
        return OPERATION_NAMED
    return named_field(name) or Named(Role.OTHER, name)


def _judged(population: Population, excess: FieldExcess) -> Concentration | None:
    """The value with its rates and those of the others; None where minutes, habits or the kind of the field explain it."""
    field, value = excess.field, excess.value
    odds, z = mantel_haenszel(population.during, field, value)
    if not odds >= LEAST_ODDS or z < LEAST_Z:
        return None
    own, siblings = _rates(population, population.during, field, value)
    even = replace(population, stride=1.0)
    own_before, siblings_before = _rates(even, population.before(), field, value)
    if own_before.of >= LEAST_OTHERS and own.share < GREW * own_before.share:
        return None
    named = _about(field)
    if named.role is Role.OTHER and own_before.of - own_before.bad < KNOWN_BEFORE:
        return None
    if own_before.of < LEAST_OTHERS:  # it is new, and as good as the others were until it shows otherwise
        own_before = Rate(own_before.bad + siblings_before.bad, own_before.of + siblings_before.of)
    return Concentration(
        population.service,
        named,
        field,
        value,
        population,
        excess,
        own,
        own_before,
        siblings,
        siblings_before,
        _others(population.during, field, value),
        odds,
    )


def _rates(population: Population, items: Iterable[Item], field: str, value: SafeText) -> tuple[Rate, Rate]:
    """Rates with a value and with others."""
    with_it: list[Item] = []
    others: list[Item] = []
    for item in items:
        told = item.told.get(field)
        if told is not None:
            (with_it if told == value else others).append(item)
    return population.rate(with_it), population.rate(others)


def _others(items: Iterable[Item], field: str, value: SafeText) -> tuple[SafeText, ...]:
    """The other values, the most frequent first."""
    told = Counter(item.told[field] for item in items if item.even and field in item.told)
    return tuple([one for one, _ in told.most_common() if one != value])


def mantel_haenszel(items: Iterable[Item], field: str, value: SafeText) -> tuple[float, float]:
    """Common odds ratio of being bad with a value against other values of the field, over minutes and operations, and its z.

    Where the bad ones are known more completely than the others the ratio is the same: it compares within both.
    """
    strata: dict[tuple[int, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for item in items:
        told = item.told.get(field)
        if told is not None:
            operation = "" if field == OPERATION else item.told.get(OPERATION, "")
            cell = (0 if item.bad else 1) + (0 if told == value else 2)
            strata[math.floor(item.at / STRATUM_S), operation][cell] += item.weight
    return odds_of(strata.values())


def odds_of(strata: Iterable[Sequence[int]]) -> tuple[float, float]:
    """Common odds ratio and z of tables (bad with, good with, bad without, good without); NaN where none tells."""
    above = below = observed = expected = spread = 0.0
    for a, b, c, d in strata:
        n = a + b + c + d
        with_it, without, bad, good = a + b, c + d, a + c, b + d
        if not (with_it and without and bad and good):
            continue
        above += a * d / n
        below += b * c / n
        observed += a
        expected += with_it * bad / n
        spread += with_it * without * bad * good / (n * n * max(1, n - 1))
    if spread <= 0:
        return math.nan, 0.0
    return above / below if below > 0 else math.inf, (observed - expected) / math.sqrt(spread)


def _independent(found: Sequence[Concentration]) -> list[Concentration]:
    """Without those that another one explains; those that cannot be told apart name each other."""
    explained: set[int] = set()
    tied: dict[int, list[int]] = defaultdict(list)
    zones: dict[int, Concentration] = {}
    for i, one in enumerate(found):
        for j in range(i + 1, len(found)):
            other = found[j]
            if one.population is not other.population or one.field == other.field:
                continue
            here, there = _without(one, other), _without(other, one)
            if (here is True and there is not True) or (there is False and here is not False):
                explained.add(j)
            elif (there is True and here is not True) or (here is False and there is not False):
                explained.add(i)
            elif here is None and there is None:
                if one.role is other.role or {one.role, other.role} == {Role.INSTANCE, Role.ZONE}:
                    # The same part by two names, or the only instance of a zone.
                    zoned = other.role is Role.INSTANCE and one.role is Role.ZONE
                    explained.add(i if zoned else j)
                    if one.role is not other.role:
                        zones[j if zoned else i] = one if zoned else other
                else:
                    tied[i].append(j)
                    tied[j].append(i)
    kept = []
    for place, one in enumerate(found):
        if place not in explained:
            others = tuple([(found[k].named, found[k].value) for k in tied[place] if k not in explained])
            kept.append(replace(one, inseparable=others, zone=zones.get(place)))
    return kept


def _each_once(found: Iterable[Concentration]) -> list[Concentration]:
    """A value that failures and waiting tell of counts once, and parts by one source: another may name the same ones otherwise."""
    known: dict[Role, dict[SafeText, str]] = defaultdict(dict)
    kept = []
    for one in found:
        told, source = known[one.role], one.population.source
        if one.value not in told and all(other == source for other in told.values()):
            told[one.value] = source
            kept.append(one)
    return kept


def _without(one: Concentration, other: Concentration) -> bool | None:
    """Whether a value is bad where the other one is absent; None where there are too few such requests to tell."""
    mine, rest = [0, 0], [0, 0]
    for item in one.population.during:
        here, there = item.told.get(one.field), item.told.get(other.field)
        if here is None or there is None or there == other.value:
            continue
        side = mine if here == one.value else rest
        side[0] += item.weight * item.bad
        side[1] += item.weight
    if not rest[1]:
        return None
    p = fisher_greater(mine[0], mine[1], rest[0], rest[1])
    share, usual = mine[0] / max(1, mine[1]), (rest[0] + 0.5) / (rest[1] + 1)
    if mine[0] >= FEWEST_BAD and p < PATTERN_P and share >= GREW * usual:
        return True
    alike = [item for item in one.population.during if item.told.get(one.field) == one.value]
    hits = sum(item.weight for item in alike if item.bad)
    total = sum(item.weight for item in alike)
    enough = mine[1] >= APART_ITEMS and mine[1] * hits / max(1, total) >= APART_EXPECTED
    return False if enough else None


@dataclass(frozen=True, slots=True)
class Ran:
    """What the bad requests of a part ran on, and how its siblings do that run the same."""

    named: Named
    field: str
    versions: frozenset[SafeText]
    same: Rate


def runs(one: Concentration) -> Ran | None:
    """Which versions the part runs where it is bad; None where its records do not say."""
    for field in dict.fromkeys(name for item in one.population.during for name in item.told):
        if (named := _about(field)).role is not Role.VERSION:
            continue
        both = [item for item in one.population.during if field in item.told and one.field in item.told]
        versions = frozenset(item.told[field] for item in both if item.told[one.field] == one.value and item.bad)
        same = [item for item in both if item.told[one.field] != one.value and item.told[field] in versions]
        if versions:
            return Ran(named, field, versions, one.population.rate(same))
    return None


def versions_of(population: Population) -> dict[SafeText, Rate]:
    """How all versions that a population's records name do."""
    return {value: population.rate(items) for value, items in by_version(population.during).items()}


def by_version(items: Sequence[Item]) -> Mapping[SafeText, list[Item]]:
    """The items by the version that they name, those of the field that most of them have."""
    fields = Counter(name for item in items for name in item.told if _about(name).role is Role.VERSION)
    return by_value(items, fields.most_common(1)[0][0]) if fields else {}
