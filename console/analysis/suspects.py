"""Suspects out of places, changes, load and leaks, each with what speaks for it and against it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from console.analysis.aftermath import WENT_ON_S
from console.analysis.changes import NAMED, Judged
from console.analysis.comparing import claim_of, telling
from console.analysis.constants import BAND_LEADING, BAND_POSSIBLE, BAND_UNLIKELY, MOST_SUSPECTS, THIRD_PARTY_SHARE
from console.analysis.partwords import way_of
from console.analysis.ways import Way, Ways
from console.analysis.words import number
from console.domain.changes import Change
from console.domain.diagnosis import SUSPECT_KINDS, Evidence, Standing, Suspect
from console.domain.instant import Window, clock_text, span_text
from console.domain.text import SafeText
from console.guard.sanitise import safe

_BANDS = {Standing.LEADING: BAND_LEADING, Standing.POSSIBLE: BAND_POSSIBLE, Standing.UNLIKELY: BAND_UNLIKELY}
_ORDER = {Standing.LEADING: 0, Standing.POSSIBLE: 1, Standing.UNLIKELY: 2, Standing.IMPOSSIBLE: 3}
LEADING_SHARE = THIRD_PARTY_SHARE
"""Share of the symptom from which a suspect that is no change leads, if nothing speaks against it [D]."""


SUMMARY_CHARACTERS = 80
KIND_WORDS = {
    "config": "config change",
    "cron": "cron run",
    "infrastructure": "infrastructure change",
    "scale": "change of scale",
}
"""How a change of a kind is called in a sentence, where the kind alone would not do."""
"""Of what a change says of itself; ids of flags and settings tell a person nothing."""


@dataclass(slots=True)
class Draft:
    """A suspect before it is ranked."""

    kind: str
    subject: str
    service: str | None
    operation: str | None
    summary: str
    standing: Standing
    weight: float
    """0 to 1: share explained, or score; orders suspects of the same standing."""
    evidence: list[Evidence] = field(default_factory=list)
    next_check: str | None = None
    first: int = 1
    """Breaks ties between kinds: a change that leads goes before the place it explains, and after the leak it began."""


def fact(claim: str, way: Way, *, supports: bool = True, samples: int | None = None) -> Evidence:
    """A claim that was read directly."""
    return Evidence(SafeText(claim), "fact", supports, way.source, way.query, None, samples, way.series)


def inference(claim: str, way: Way, *, supports: bool = True) -> Evidence:
    """A claim that was concluded from what the way leads to."""
    return Evidence(SafeText(claim), "inference", supports, way.source, way.query, series=way.series)


def ranked(drafts: Iterable[Draft], window: Window | None = None) -> tuple[Suspect, ...]:
    """Order by standing, then weight; the score mirrors that order inside the band of the standing.

    Args:
        drafts: In any order.
        window: The stretch that evidence is about which names none itself.
    """
    usable = [d for d in drafts if d.standing is not Standing.IMPOSSIBLE and any(e.supports for e in d.evidence)]
    usable.sort(
        key=lambda d: (_ORDER[d.standing], d.first if d.standing is Standing.LEADING else 0, -d.weight, d.subject)
    )
    seen: set[tuple[str, str]] = set()
    kept = []
    for draft in usable:
        key = (draft.kind, draft.subject)
        if key not in seen:
            seen.add(key)
            kept.append(draft)
    suspects: list[Suspect] = []
    last: dict[Standing, float] = {}
    for rank, draft in enumerate(kept[:MOST_SUSPECTS], 1):
        low, high = _BANDS[draft.standing]
        score = low + (high - low) * min(1.0, max(0.0, draft.weight)) * 0.99
        score = min(score, last.get(draft.standing, high))
        last[draft.standing] = score
        kind = draft.kind if draft.kind in SUSPECT_KINDS else "infrastructure"
        suspects.append(
            Suspect(
                rank,
                kind,
                draft.subject,
                draft.service,
                draft.operation,
                round(score, 3),
                draft.standing,
                SafeText(draft.summary),
                tuple(e if e.window is not None else replace(e, window=window) for e in draft.evidence),
                SafeText(draft.next_check) if draft.next_check else None,
            )
        )
    return tuple(suspects)


def from_changes(judged: Iterable[Judged], ways: Ways) -> list[Draft]:
    """Changes that lead, and possible ones that score enough to be worth a person's time."""
    drafts = []
    for one in judged:
        change = one.change
        named = one.standing is Standing.LEADING or (one.standing is Standing.POSSIBLE and one.score >= NAMED)
        if not named or change.kind == "other":
            continue
        way = ways.change(change)
        kind = "deploy" if change.kind == "rollback" else change.kind
        evidence = [
            (inference if text.startswith(("diff and symptom", "its diff")) else fact)(text, way)
            for text in one.support
        ]
        if (grown := one.growth) is not None:
            claim = f"{grown.metric} of {change.service} grows since about {clock_text(grown.since.at)} UTC, when it took effect"
            seen = ways.metric(grown.source, change.service or "", "", grown.metric, grown.query)
            evidence.insert(0, inference(claim, seen))
        if one.ruling.support and one.ruling.found is not None:
            found = one.ruling.found
            evidence.insert(0, fact(one.ruling.support, way_of(found, ways), samples=found.found.failing_of))
        evidence += [inference(text, way, supports=False) for text in one.against]
        if (row := telling(one.compared)) is not None:
            claim, is_worse = claim_of(row)
            shown = ways.measured(row.service, row.operation or "", row.metric)
            told = fact(claim, shown, supports=is_worse, samples=(row.samples_before or 0) + (row.samples_after or 0))
            evidence.append(replace(told, window=Window(row.before_window.start, row.after_window.end)))
        if one.ending is not None:
            seen = ways.move(one.ending.move)
            told = fact(one.undone, seen, supports=one.ending.ended, samples=one.ending.samples)
            evidence.insert(0, replace(told, window=one.ending.stretch))
        elif one.standing is not Standing.LEADING and not any("new error" in s for s in one.support):
            evidence.append(
                inference(
                    "neither versions nor logs connect it with the symptom beyond time and place",
                    way,
                    supports=False,
                )
            )
        verb = "The evidence points to" if one.standing is Standing.LEADING else "It may be due to"
        drafts.append(
            Draft(
                kind,
                change.id,
                change.service,
                None,
                f"{verb} {_named(change, kind)}: it {_sentence(one)}.",
                one.standing,
                one.score,
                evidence,
                _next_check(one),
                first=0 if one.growth is None else 1,
            )
        )
    return drafts


def _named(change: Change, kind: str) -> str:
    """What and whose it is before its long name, which a narrow line cuts; then what tells it apart."""
    label = change.version or (change.commit or "")[:10]
    name = f"the {KIND_WORDS.get(kind, kind)}" + (f" of {change.service}, " if change.service else " ") + change.id
    name += f" ({label})" if label and label not in change.id else ""
    if change.summary and kind != "deploy":
        name += f" ({safe(change.summary, SUMMARY_CHARACTERS)})"
    return name


def _sentence(judged: Judged) -> str:
    if judged.undo is not None and judged.ending is not None and judged.ending.ended:
        return f"was taken back by {judged.undo.by.id}, and the trouble ended"
    if judged.growth is not None:
        return f"took effect as {judged.growth.metric} of {judged.change.service} began to grow"
    if judged.ruling.support:
        return f"fits where the trouble sits: {judged.ruling.support}"
    first = judged.support[0] if judged.support else "happened near the onset"
    diff = next((s.removeprefix("its diff ") for s in judged.support if s.startswith("its diff")), "")
    return f"{first}; its diff {diff}" if diff else first


def _next_check(judged: Judged) -> str:
    change = judged.change
    if judged.undo is not None and judged.ending is None:
        back = f"{judged.undo.by.id} took it back at {clock_text(judged.undo.by.at)} UTC"
        return f"{back}: trouble that goes on for {span_text(WENT_ON_S)} after that speaks against it"
    if judged.undo is not None:
        return (
            f"see whether it stays away while {judged.undo.by.id} stands; trouble that comes back without it clears it"
        )
    service = change.service or "the service"
    match change.kind:
        case "deploy" | "rollback":
            return f"compare instances of {service} on the old and the new version at the same minutes; equal failures clear it"
        case "flag":
            return "compare requests with the flag on and off in the same minutes; equal failures clear it"
        case "config":
            return f"compare hosts of {service} that loaded it with hosts that did not; equal failures clear them"
        case "migration":
            return "compare operations on the changed tables with others; equal waits clear it"
        case "cron":
            return "look at its earlier runs: runs without effect clear it"
    return f"see whether {service} is worse where the change applies than where it does not"


def share_text(share: float) -> str:
    """`93 %`."""
    return number(share, "ratio")
