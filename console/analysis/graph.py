"""Who calls whom: as configured, as seen in spans, and as told by log lines that name another service."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from console.analysis.traces import Calls
from console.domain.logs import Level, LogRecord
from console.domain.topology import Topology
from console.domain.values import dataclass

SHORTEST_NAME = 4
"""A service whose name is shorter is not looked for in messages: it would be found in other words [D]."""
MENTIONS = 2
"""Warnings or errors that must name a service before that counts as a call [D]."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Callers and callees, and where each edge is known from."""

    callees: dict[str, tuple[str, ...]]
    callers: dict[str, tuple[str, ...]]
    told_by: dict[tuple[str, str], str]
    """configuration | spans | logs"""

    def below(self, start: str) -> list[str]:
        """`start` and everything reachable from it through calls, nearest first; cycles end where they close."""
        seen = {start}
        order = [start]
        for node in order:
            for callee in self.callees.get(node, ()):
                if callee not in seen:
                    seen.add(callee)
                    order.append(callee)
        return order

    def above(self, start: str) -> list[str]:
        """`start` and everything that reaches it, nearest first."""
        seen = {start}
        order = [start]
        for node in order:
            for caller in self.callers.get(node, ()):
                if caller not in seen:
                    seen.add(caller)
                    order.append(caller)
        return order

    def connected(self, a: str, b: str) -> bool:
        """Whether one calls the other, through any number of hops."""
        return self.hops(a, b) is not None

    def hops(self, a: str, b: str) -> int | None:
        """Fewest calls from one to the other, in whichever direction they go; None: no way of calls leads there."""
        found = [steps for start, end in ((a, b), (b, a)) if (steps := self._down(start, end)) is not None]
        return min(found, default=None)

    def _down(self, start: str, end: str) -> int | None:
        seen, level, steps = {start}, [start], 0
        while level and end not in level:
            level = list(dict.fromkeys(c for node in level for c in self.callees.get(node, ()) if c not in seen))
            seen.update(level)
            steps += 1
        return steps if level else None


def build_graph(topology: Topology, calls: Calls | None, records: Iterable[LogRecord], names: Iterable[str]) -> Graph:
    """All edges; where configuration or spans know a pair, a log line cannot turn it round."""
    told: dict[tuple[str, str], str] = {}
    for service in topology.services:
        for needed in service.depends_on:
            if needed != service.name:
                told[service.name, needed] = "configuration"
    if calls is not None:
        for edge in calls.edges:
            told.setdefault((edge.caller, edge.callee), "spans")
    for pair, count in mentions(records, names).items():
        if count >= MENTIONS and pair not in told and (pair[1], pair[0]) not in told:
            told[pair] = "logs"
    callees: dict[str, list[str]] = defaultdict(list)
    callers: dict[str, list[str]] = defaultdict(list)
    for caller, callee in told:
        callees[caller].append(callee)
        callers[callee].append(caller)
    return Graph(
        {name: tuple(sorted(found)) for name, found in callees.items()},
        {name: tuple(sorted(found)) for name, found in callers.items()},
        told,
    )


def mentions(records: Iterable[LogRecord], names: Iterable[str]) -> dict[tuple[str, str], int]:
    """How many warnings and errors of a service name another one: it is, most likely, calling it."""
    known = sorted((n for n in set(names) if len(n) >= SHORTEST_NAME), key=len, reverse=True)
    if not known:
        return {}
    finder = re.compile(r"(?<![A-Za-z0-9_-])(" + "|".join(re.escape(n) for n in known) + r")(?![A-Za-z0-9_-])")
    found: dict[tuple[str, str], int] = defaultdict(int)
    for record in records:
        if record.level < Level.WARN or not record.service:
            continue
        for name in set(finder.findall(record.message)):
            if name != record.service:
                found[record.service, name] += 1
    return {pair: n for pair, n in found.items() if n > found.get((pair[1], pair[0]), 0)}
