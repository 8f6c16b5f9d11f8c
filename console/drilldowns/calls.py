"""The calls between services as a tree, from where the trouble shows."""

from __future__ import annotations

from console.analysis.verdict import UNSETTLED
from console.domain.diagnosis import Diagnosis, GraphCall, State
from console.domain.instant import Instant
from console.domain.observations import Observations
from console.domain.text import SafeText
from console.domain.topology import DependencyState, Health
from console.state import (
    TreeRow,
    TreeView,
)
from console.views import (
    is_watching,
    worst_symptom,
)

HINTED = "logs"
"""How a call is known that a log line only hints at."""
MOST_ROWS = 300
"""Rows of a tree; what is beyond is counted."""


def dependency_tree(observations: Observations, diagnosis: Diagnosis) -> TreeView:
    """The calls as a tree, worst branches first; what the affected service does not reach hangs below it by itself."""
    return _Tree(observations, diagnosis).view()


class _Tree:
    """Walks the graph once; a node that calls back into its own path ends there, and one that was shown is not shown again."""

    def __init__(self, observations: Observations, diagnosis: Diagnosis) -> None:
        self._diagnosis = diagnosis
        topology = observations.topology
        self._calls: dict[str, list[GraphCall]] = {}
        for call in diagnosis.calls:
            self._calls.setdefault(call.caller, []).append(call)
        self._states = {state.name: state for state in diagnosis.dependencies}
        self._kinds = {s.name: "service" for s in topology.services} | {d.name: d.kind for d in topology.dependencies}
        self._configured = set(self._kinds)
        self._measured = set(observations.series.services())
        self._names = [s.name for s in topology.services] + [d.name for d in topology.dependencies]
        self._names += [n for c in diagnosis.calls for n in (c.caller, c.callee) if n not in self._names]
        self._names += sorted(self._measured - set(self._names))
        self._names = list(dict.fromkeys(self._names))
        self._share: dict[str, float] = {}
        for excess in reversed(diagnosis.excess):
            self._share[excess.service] = max(excess.share, self._share.get(excess.service, 0.0))
        self._since: dict[str, Instant] = {}
        for symptom in diagnosis.symptoms:
            if symptom.onset is not None and symptom.end is None:
                self._since[symptom.service] = min(symptom.onset, self._since.get(symptom.service, symptom.onset))
        self._standings = {s.service: s.standing for s in reversed(diagnosis.suspects) if s.service}
        self._probes = {probe.name: probe for probe in sorted(observations.probes, key=lambda p: p.at)}
        self._rows: list[TreeRow] = []
        self._shown: set[str] = set()
        self._cycles: list[str] = []
        self._path: tuple[str, ...] = ()

    def view(self) -> TreeView:
        """All of it."""
        roots = self._roots()
        lead = next((s.service for s in self._diagnosis.suspects if s.service), None)
        self._path = self._between(roots[0], lead) if roots and lead else ()
        for root in roots:
            if root not in self._shown:
                self._walk(root, None, (), "", "")
        rows, hidden = self._rows[:MOST_ROWS], len(self._rows) - MOST_ROWS
        notes = [f"cycle: {text}" for text in dict.fromkeys(self._cycles)]
        unknown = [n for n in self._names if n not in self._configured]
        if unknown:
            notes.append(f"not configured, known from calls or measurements alone: {', '.join(unknown)}")
        if hidden > 0:
            notes.append(f"{hidden} more rows are not shown")
        return TreeView(tuple(rows), SafeText(self._heading(roots)), tuple(SafeText(note) for note in notes))

    def _heading(self, roots: list[str]) -> str:
        if not roots:
            return "no service and no dependency is known"
        if self._diagnosis.state is State.HEALTHY:
            what = f"watching what is {UNSETTLED}" if is_watching(self._diagnosis) else "nothing is wrong"
            return f"{what}: every service with what it calls"
        callers = sorted({c.caller for c in self._diagnosis.calls if c.callee == roots[0]})
        called = f", which {', '.join(callers)} call{'s' if len(callers) == 1 else ''}" if callers else ""
        return f"from {roots[0]}{called}; share: what each added itself to what went wrong"

    def _roots(self) -> list[str]:
        """The affected service, or above it whoever calls it and is affected; then what nobody calls; then the rest."""
        called = {c.callee for c in self._diagnosis.calls}
        worst = worst_symptom(self._diagnosis)
        first = [self._top(worst.service)] if worst is not None and worst.end is None else []
        free = [n for n in self._names if n not in called]
        return list(dict.fromkeys([*first, *free, *self._names]))

    def _top(self, name: str) -> str:
        seen = {name}
        while True:
            above = [
                c.caller
                for c in self._diagnosis.calls
                if c.callee == name and c.caller in self._since and c.caller not in seen
            ]
            if not above:
                return name
            name = min(above, key=lambda n: self._since[n])
            seen.add(name)

    def _between(self, start: str, end: str) -> tuple[str, ...]:
        """The nodes on a shortest way through the calls; by way of calls that only logs hint at where there is no other."""
        for hints in (False, True):
            before: dict[str, str | None] = {start: None}
            order = [start]
            for node in order:
                for call in self._calls.get(node, ()):
                    if call.callee not in before and (hints or call.told_by != HINTED):
                        before[call.callee] = node
                        order.append(call.callee)
            if end in before:
                return self._way(before, end)
        return (end,)

    @staticmethod
    def _way(before: dict[str, str | None], end: str) -> tuple[str, ...]:
        found, above = [end], before[end]
        while above is not None:
            found.append(above)
            above = before[above]
        return tuple(reversed(found))

    def _walk(self, name: str, call: GraphCall | None, above: tuple[str, ...], lead: str, branch: str) -> None:
        again = name in above
        shown = name in self._shown and not again and bool(self._calls.get(name))
        if again:
            self._cycles.append(" → ".join((*above[above.index(name) :], name)))
        note = "a cycle" if again else "shown above" if shown else self._known(name)
        self._rows.append(self._row(name, call, above, f"{lead}{branch}", note))
        if again or shown or len(self._rows) > 2 * MOST_ROWS:
            return
        self._shown.add(name)
        below = sorted(
            self._calls.get(name, ()),
            key=lambda c: (c.told_by == HINTED, -self._share.get(c.callee, 0.0), self._names.index(c.callee)),
        )
        deeper = lead + {"": "", "├─ ": "│  ", "└─ ": "   "}[branch]
        for place, one in enumerate(below):
            self._walk(one.callee, one, (*above, name), deeper, "└─ " if place == len(below) - 1 else "├─ ")

    def _known(self, name: str) -> str:
        if name not in self._configured:
            return "not configured"
        if name not in self._measured and name not in self._probes and name not in self._states:
            return "not measured"
        return ""

    def _row(self, name: str, call: GraphCall | None, above: tuple[str, ...], trunk: str, note: str) -> TreeRow:
        state = self._states.get(name) or self._own(name)
        return TreeRow(
            name,
            "›".join((*above, name)),
            trunk,
            self._kinds.get(name, "unknown"),
            state.health,
            state.evidence,
            self._share.get(name),
            state.error_rate,
            state.latency_p95_s,
            call,
            self._probes.get(name),
            self._since.get(name),
            self._standings.get(name),
            (*above, name) == self._path[: len(above) + 1],
            SafeText(note),
        )

    def _own(self, name: str) -> DependencyState:
        """The state of a service that nobody calls: by its own symptoms."""
        known = name in self._measured
        health = Health.DEGRADED if name in self._since else Health.HEALTHY if known else Health.UNKNOWN
        rates = [
            s for s in self._diagnosis.symptoms if s.service == name and s.signal == "error_rate" and not s.operation
        ]
        rate = rates[0].observed if rates else None
        return DependencyState(name, "service", health, rate, None, "own metrics" if known else "none", None)
