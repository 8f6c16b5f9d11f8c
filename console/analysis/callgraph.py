"""The calls between services as the answer tells them: who calls whom, how that is known, and how those calls went."""

from __future__ import annotations

from collections.abc import Iterable

from console.analysis.cascade import Cascade
from console.analysis.graph import Graph
from console.analysis.outbound import Call, Outbound
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


def own_excess(cascades: Iterable[Cascade]) -> tuple[OwnExcess, ...]:
    """What each node added itself, largest share first; a node that added nothing is not in it."""
    found = [
        OwnExcess(node.node, one.currency, min(1.0, node.share), node.level, node.now)
        for one in cascades
        for node in one.nodes
        if node.share > 0
    ]
    return tuple(sorted(found, key=lambda e: (-e.share, e.currency, e.service)))
