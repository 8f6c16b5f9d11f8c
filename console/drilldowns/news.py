"""What a new diagnosis says otherwise than the one before."""

from __future__ import annotations

from collections.abc import Iterable

from console.domain.diagnosis import Diagnosis, Standing
from console.domain.instant import Window
from console.domain.text import SafeText
from console.drilldowns.trends import signal_text
from console.state import (
    News,
)
from console.views import (
    quantity,
)

NEWS_KEPT = 60
TELLING = (Standing.LEADING, Standing.POSSIBLE)
"""Standings that somebody would act on."""
SAME_LENGTH_S = 2.0
"""Ends of windows are rounded to seconds."""


def news_between(before: Diagnosis | None, after: Diagnosis) -> tuple[News, ...]:
    """What changed, the verdict first. The first diagnosis of all is no news: it is on the screen. Neither is what differs
    because somebody looks at an earlier, a longer or a shorter window: nothing happened. Nor is who was unlikely before and
    is unlikely now worth a tired person's glance.
    """
    if before is None or not _follows(before.window, after.window):
        return ()
    return tuple(News(after.at, SafeText(text), verdict) for text, verdict in _differences(before, after))


def _follows(before: Window, after: Window) -> bool:
    return abs(after.seconds - before.seconds) <= SAME_LENGTH_S and after.end >= before.end


def _differences(before: Diagnosis, after: Diagnosis) -> Iterable[tuple[str, bool]]:
    if before.state is not after.state:
        yield f"verdict: {after.state.value}, was {before.state.value}", True
    old, new = _lead(before), _lead(after)
    if old != new:
        yield (f"first suspect: {new or 'nobody'}, was {old or 'nobody'}", True)
    stood, stands = ({(s.kind, s.subject): s.standing for s in d.suspects} for d in (before, after))
    for (kind, subject), standing in stands.items():
        earlier = stood.get((kind, subject))
        if earlier is None and standing in TELLING:
            yield f"new suspect: {kind.replace('_', ' ')} {subject} ({standing})", False
        elif earlier is not None and _turned(earlier, standing):
            yield f"{subject} is {standing} now, was {earlier}", False
    for kind, subject in sorted(stood.keys() - stands.keys()):
        if stood[kind, subject] in TELLING:
            yield f"no longer suspected: {kind.replace('_', ' ')} {subject}", False
    were, are = ({(s.service, s.operation, s.signal): s for s in d.symptoms if s.end is None} for d in (before, after))
    for place in sorted(are.keys() - were.keys(), key=str):
        yield f"{_symptom_text(place)} went off: {quantity(are[place].observed, are[place].unit)}", False
    for place in sorted(were.keys() - are.keys(), key=str):
        yield f"{_symptom_text(place)}: back to usual", False
    judged = {(c.id, c.service): c.standing for c in before.changes}
    for change in after.changes:
        known = judged.get((change.id, change.service))
        if known is None:
            yield f"new change: {change.name} ({change.standing})", False
        elif _turned(known, change.standing):
            yield f"{change.name} is {change.standing} now, was {known}", False
    health = {d.name: d.health for d in before.dependencies}
    for one in after.dependencies:
        if one.name in health and health[one.name] is not one.health:
            yield f"{one.name} is {one.health} now, was {health[one.name]}", False


def _turned(before: Standing, after: Standing) -> bool:
    return before is not after and (before in TELLING or after in TELLING)


def _lead(diagnosis: Diagnosis) -> str:
    return next((s.subject for s in diagnosis.suspects if s.standing is not Standing.UNLIKELY), "")


def _symptom_text(place: tuple[str, str | None, str]) -> str:
    service, operation, signal = place
    return f"{signal_text(signal)} of {f'{operation} of ' if operation else ''}{service}"
