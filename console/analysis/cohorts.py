"""What the place of the failures inside a service says about a change: it is there, it is elsewhere too, or it is not there."""

from __future__ import annotations

import re
from collections.abc import Iterable

from console.analysis.concentration import SIBLING_REQUESTS, SIBLING_SHARE, Concentration, runs, versions_of
from console.analysis.fieldroles import PLACES, Role
from console.analysis.partwords import where_text
from console.analysis.running import DEPLOYS
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


def ruling(change: Change, found: Iterable[Concentration], running: Iterable[Running]) -> Ruling:
    """What the places of the failures say about a change; the first of them that says something."""
    for one in found:
        mine = change.service == one.service or change.service is None
        told = (_about_version(change, one) if change.service == one.service else None) or (
            _about_part(change, one, tuple(running)) if mine else None
        )
        if told is not None:
            return told
    return NOTHING


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
