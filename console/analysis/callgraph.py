"""The calls between services as the answer tells them: who calls whom, how that is known, and how those calls went."""

from __future__ import annotations

from collections.abc import Iterable

from console.analysis.graph import Graph
from console.analysis.outbound import Call, Outbound
from console.analysis.place import Place
from console.domain.diagnosis import GraphCall, OwnExcess
from console.domain.instant import Window

FEWEST_CALLS = 5
"""Calls below which nothing is said of how they went [D]."""


def graph_calls(graph: Graph, outbound: Outbound, before: Window | None, during: Window) -> tuple[GraphCall, ...]:
    """Every edge of the graph, with what the caller's own records tell of its calls.

    Args:
        before: The stretch that is normal; None: not known.
        during: The stretch that is judged.
    """
    found = []
    for (caller, callee), told_by in sorted(graph.told_by.items()):
        calls = outbound.calls.get((caller, callee), [])
        new = [call for call in calls if call.at in during]
        old = [call for call in calls if before is not None and call.at in before]
        found.append(GraphCall(caller, callee, told_by, _failed(new), _failed(old), _mean(new), len(new) or None))
    return tuple(found)


def _failed(calls: list[Call]) -> float | None:
    return sum(call.failed for call in calls) / len(calls) if len(calls) >= FEWEST_CALLS else None


def _mean(calls: list[Call]) -> float | None:
    times = [call.seconds for call in calls if call.seconds is not None]
    return sum(times) / len(times) if len(times) >= FEWEST_CALLS else None


def own_excess(places: Iterable[Place]) -> tuple[OwnExcess, ...]:
    """What each node added itself, after what those explain that it calls; largest first, without those that added nothing."""
    found = [_own(place) for place in places if place.share > 0]
    return tuple(sorted(found, key=lambda e: (-e.share, e.service)))


def _own(place: Place) -> OwnExcess:
    """By the node's own measurement where there is one, else by what its callers' records tell of it."""
    share = min(1.0, place.share)
    if place.excess:
        currency, excess = max(place.excess.items(), key=lambda item: item[1].share)
        return OwnExcess(place.node, currency, share, excess.level, excess.now)
    told = max(place.blames, key=lambda b: b.most, default=None)
    if told is None:
        return OwnExcess(place.node, "seconds" if place.shifts else "failures", share, None, None)
    failures = (told.failures or 0.0) >= (told.time or 0.0)
    before, after = (side[0 if failures else 1] if side is not None else None for side in (told.before, told.after))
    return OwnExcess(place.node, "failures" if failures else "seconds", share, before, after)
