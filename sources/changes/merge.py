"""One change that several sources report is one change. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from console.domain.changes import Change

GIT_PREFIX = "git:"
"""Names of the sources that read deploy tags begin with it."""
NEAR_S = 120.0
"""Two reports of one event by two clocks are at most this far apart."""
SHORT_COMMIT = 7

_DEPLOYS = frozenset({"deploy", "rollback"})


def merge(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The changes, oldest first, each once.

    Two are the same where they have the same id (and do not contradict each other in service and kind), or where both are
    deploys of the same commit of the same service within `NEAR_S`. Of the two, a record of the event itself tells the time,
    the version and the summary; a tag tells the id, which is how its commits are found; a rollback stays a rollback.
    """
    kept: list[Change] = []
    places: dict[tuple[str, ...], list[int]] = {}
    for change in sorted(changes, key=lambda c: (c.at, c.id)):
        place = next((i for key in _keys(change) for i in places.get(key, ()) if _same(kept[i], change)), None)
        if place is None:
            place = len(kept)
            kept.append(change)
        else:
            kept[place] = _joined(kept[place], change)
        for key in {*_keys(change), *_keys(kept[place])}:
            entries = places.setdefault(key, [])
            if place not in entries:
                entries.append(place)
    return tuple(sorted(kept, key=lambda c: (c.at, c.id)))


def _keys(change: Change) -> list[tuple[str, ...]]:
    keys: list[tuple[str, ...]] = [("id", change.id)]
    if change.kind in _DEPLOYS and change.service and change.commit and len(change.commit) >= SHORT_COMMIT:
        keys.append(("commit", change.service, change.commit[:SHORT_COMMIT]))
    return keys


def _same(one: Change, other: Change) -> bool:
    near = abs(one.at - other.at) <= NEAR_S
    deploys = one.kind in _DEPLOYS and other.kind in _DEPLOYS
    if one.service is not None and other.service is not None and one.service != other.service:
        return False
    if one.id == other.id:
        return deploys or (one.kind == other.kind and near)
    return deploys and near and one.service == other.service and _same_commit(one.commit, other.commit)


def _same_commit(one: str | None, other: str | None) -> bool:
    if not one or not other or min(len(one), len(other)) < SHORT_COMMIT:
        return False
    return one.startswith(other) or other.startswith(one)


def _joined(one: Change, other: Change) -> Change:
    first, second = sorted((one, other), key=lambda c: (bool(c.time_note), c.source.startswith(GIT_PREFIX), c.at))
    tag = next((c for c in (first, second) if c.source.startswith(GIT_PREFIX)), first)
    return replace(
        first,
        id=tag.id,
        kind="rollback" if "rollback" in (one.kind, other.kind) else first.kind,
        service=first.service or second.service,
        version=first.version or second.version,
        commit=max(filter(None, (first.commit, second.commit)), key=len, default=None),
        summary=first.summary or second.summary,
    )
