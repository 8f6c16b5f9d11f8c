"""The palette's search: actions by name, the best first."""

from __future__ import annotations

from collections.abc import Sequence

from console.actions import Action


def score(query: str, text: str) -> float:
    """How well `query` names `text`: 0 not at all; letters in order count, runs and word starts count more."""
    if not query:
        return 1.0
    wanted, given = query.lower(), text.lower()
    if wanted in given:
        return 3.0 + (1.0 if given.startswith(wanted) else 0.0) + len(wanted) / (len(given) + 1)
    place, points = -1, 0.0
    for letter in wanted:
        found = given.find(letter, place + 1)
        if found < 0:
            return 0.0
        points += 1.0 if found == place + 1 or given[found - 1] in " _-" else 0.3
        place = found
    return points / len(wanted)


def search(query: str, actions: Sequence[Action]) -> list[Action]:
    """The actions that `query` may mean, best first; all of them, in the table's order, for an empty query."""
    ranked = [
        (max(score(query, a.label), score(query, a.id.replace("_", " ")), score(query, a.tooltip) * 0.6), a)
        for a in actions
    ]
    hits = [(points, a) for points, a in ranked if points > 0.35]
    return [a for _, a in sorted(hits, key=lambda hit: -hit[0])] if query else list(actions)
