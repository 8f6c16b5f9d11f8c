"""What the place of the failures inside a service says about a change: it is there, it is elsewhere too, or it is not there."""

from __future__ import annotations

import re
from collections.abc import Iterable

from console.analysis.concentration import (
    SIBLING_REQUESTS,
    SIBLING_SHARE,
    Concentration,
    by_version,
    runs,
    versions_of,
)
from console.analysis.fieldroles import PLACES, Role
from console.analysis.partwords import where_text
from console.analysis.population import Item, Population, Rate
from console.analysis.running import DEPLOYS
from console.analysis.stats import fisher_greater
from console.domain.changes import Change, Running, same_build
from console.domain.diagnosis import Standing
from console.domain.values import dataclass

NAMED_PART = 0.9
"""Mechanism of a change that names the part where the failures are [D]."""
WORSE = 0.95
"""Mechanism of a version that fails where others do not, in the same minutes: the strongest that there is [D]."""
FOR_ALL = frozenset(("flag", "migration"))
"""Changes that all instances of a service share."""
LABELLED = 0.9
"""Share of the failing requests whose version must be known before a version is cleared [D]."""
ALIKE = 0.8
"""An older version that fails so many times as often beside the new one, in the same minutes, fails as it does [D]."""
ALIKE_BAD = 10
"""So many failures of the older version make that sure enough [D]."""
WORSE_P = 0.05
"""... and that the new one fails more must not be surer than by this chance."""
MINUTE_S = 60.0
SHORTEST_NAME = 3
"""Shorter names of parts are found in other words [D]."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What was found about one change."""

    support: str = ""
    """A fact that speaks for it."""
    mechanism: float = 0.0
    standing: Standing | None = None
    """What it clears the change to; None: it does not."""
    rule: str = ""
    reason: str = ""
    found: Concentration | None = None
    """What it rests on."""


NOTHING = Ruling()


def ruling(
    change: Change,
    found: Iterable[Concentration],
    running: Iterable[Running],
    populations: Iterable[Population] = (),
) -> Ruling:
    """What the places of the failures say about a change; the first of them that says something.

    Args:
        populations: The requests of services whose versions served side by side.
    """
    for one in found:
        mine = change.service == one.service or change.service is None
        told = (_about_version(change, one) if change.service == one.service else None) or (
            _about_part(change, one, tuple(running)) if mine else None
        )
        if told is not None:
            return told
    return next((told for one in populations if (told := _older_fails_too(change, one)) is not None), NOTHING)


def _older_fails_too(change: Change, population: Population) -> Ruling | None:
    """A version that ran before the deploy fails as the new one does, in the minutes in which both served."""
    if change.kind not in DEPLOYS or change.service != population.service:
        return None
    by_name = by_version(population.during)
    new = [name for name in by_name if _brought(change, name)]
    ran = by_version([item for item in (*population.before(), *population.during) if item.at < change.at])
    old = [name for name in by_name if name in ran and name not in new]
    if len(new) != 1 or not old:
        return None
    mine, theirs = by_name[new[0]], [item for name in old for item in by_name[name]]
    minutes = _minutes(mine) & _minutes(theirs)
    own, other = (population.rate(i for i in items if i.at // MINUTE_S in minutes) for items in (mine, theirs))
    even = [item for item in population.before() if item.even]
    usual = sum(item.bad for item in even) / len(even) if even else 0.0
    if min(own.of, other.of) < SIBLING_REQUESTS or min(own.bad, other.bad) < ALIKE_BAD:
        return None
    alike = other.share - usual >= ALIKE * (own.share - usual) > 0
    if not alike or fisher_greater(own.bad, own.of, other.bad, other.of) <= WORSE_P:
        return None
    reason = (
        f"{old[0]}, which ran before, {_fails(population)} as {new[0]} does in the same minutes:"
        f" {_of(other, population)} against {_of(own, population)}"
    )
    return Ruling(standing=Standing.UNLIKELY, rule="older-fails-too", reason=reason)


def _minutes(items: Iterable[Item]) -> set[float]:
    return {item.at // MINUTE_S for item in items}


def _fails(population: Population) -> str:
    return "is as slow" if population.bad.startswith("slow") else "fails"


def _of(rate: Rate, population: Population) -> str:
    return f"{rate.bad:,} {population.bad} of {rate.of:,} {population.whole}"


def _about_version(change: Change, one: Concentration) -> Ruling | None:
    """The failures are on one version: on the one that the change brought, or on none that it did."""
    if change.kind not in DEPLOYS or one.role is not Role.VERSION:
        return None
    if _brought(change, one.value):
        return Ruling(f"{where_text(one)}, compared within the same minutes", WORSE, found=one)
    versions = versions_of(one.population)
    own = next((rate for value, rate in versions.items() if _brought(change, value)), None)
    labelled = sum(rate.bad for rate in versions.values())
    if own is None or own.of < SIBLING_REQUESTS or labelled < LABELLED * one.population.rate(one.population.during).bad:
        return None
    if not own.bad:
        reason = f"none of the {labelled:,} {one.population.bad} at hand ran it; {where_text(one)}"
        return Ruling(standing=Standing.IMPOSSIBLE, rule="not-running", reason=reason, found=one)
    return None


def _about_part(change: Change, one: Concentration, running: tuple[Running, ...]) -> Ruling | None:
    """The failures are in one part of the service: the change names it, names others, or is everywhere."""
    if one.role is Role.VERSION:
        return None
    text = f"{change.id} {change.summary}"
    if _names(text, one.value):
        return Ruling(f"it names {one.name}, and {where_text(one)}", NAMED_PART, found=one)
    if one.role not in PLACES | {Role.TENANT} or not one.siblings_well or one.inseparable:
        return None
    others = [value for value in one.values if _names(text, value)]
    if others:
        reason = f"it names {others[0]}, and {where_text(one)}"
        return Ruling(standing=Standing.UNLIKELY, rule="not-on-affected", reason=reason, found=one)
    if change.service != one.service or one.role not in PLACES:
        return None
    everywhere = _everywhere(change, one, running)
    if not everywhere:
        return None
    reason = f"{everywhere}, and {where_text(one)}"
    return Ruling(standing=Standing.UNLIKELY, rule="unaffected-sibling", reason=reason, found=one)


def _everywhere(change: Change, one: Concentration, running: tuple[Running, ...]) -> str:
    """That the siblings, which are well, have the change too; empty: not known."""
    plural = f"the other {one.named.noun}s"
    if change.kind in FOR_ALL:
        return f"a {change.kind} is for {plural} too, which are well"
    if change.kind not in DEPLOYS:
        return ""
    told = runs(one)
    if told is not None:
        same, brought = told.same, any(_brought(change, version) for version in told.versions)
        well = same.of >= SIBLING_REQUESTS and same.share - one.siblings_before.share <= SIBLING_SHARE * one.excess
        return (
            f"{plural} run it too and are well ({same.bad:,} of {same.of:,} {one.population.whole})"
            if brought and well
            else ""
        )
    mine = [r for r in running if r.service == change.service and r.observed_at is not None]
    several = sum(r.instances for r in mine) > 1
    same_one = len(mine) == 1 and same_build(mine[0].version, mine[0].commit, change.version, change.commit)
    return f"{plural} run it too and are well ({mine[0].source})" if several and same_one else ""


def _brought(change: Change, value: str) -> bool:
    """Whether a version or commit that a record names is the one of a deploy."""
    tagged = value.rpartition(":")[2]
    return any(
        same_build(text, text, change.version, change.commit) is True
        or (bool(change.version) and text.removeprefix("v") == (change.version or "").removeprefix("v"))
        for text in {value, tagged}
    )


def _names(text: str, value: str) -> bool:
    """Whether a text names a part: as a word of its own."""
    if len(value) < SHORTEST_NAME:
        return False
    return re.search(rf"(?<![\w-]){re.escape(value)}(?![\w-])", text, re.IGNORECASE) is not None
