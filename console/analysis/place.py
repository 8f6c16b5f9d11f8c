"""Where the trouble is: services and dependencies ranked by what they add themselves, not by how much they suffer."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from console.analysis.cascade import Cascade, Excess
from console.analysis.constants import OPEN_Z
from console.analysis.graph import Graph
from console.analysis.habits import QUIET
from console.analysis.moves import Move
from console.analysis.outbound import Blame
from console.analysis.restarts import Restart
from console.analysis.signals import Family, words_of
from console.analysis.silence import SILENT
from console.analysis.spanmoves import TraceShares
from console.analysis.symptoms import harms_users, telling
from console.analysis.traces import Shift
from console.domain.instant import Instant

SHARE_OF_NOTE = 0.05
"""A node that adds less than this share itself is not named [D]."""
EARLY_S = 300.0
"""A component whose trouble began this much later than the first one's halves in rank, about [D]."""
SECOND_CURRENCY = 0.6
"""Added time counts for less where failures were added too: what fails often answers fast or waits for a limit [D]."""
CRASH_SHARE = 0.9
"""Part of its callers' trouble that a service takes over which restarted meanwhile [D]."""
COVERED = 0.7
"""Share of the excess that one shared dependency must cover, less its charge for healthy users [D]."""
TOGETHER_STEPS = 1.5
"""Users of one failing dependency go off within so many steps of each other [D]."""
FEWEST_APART, ALIKE = 2, 0.5
"""So many other places, which rose by this share of what one did, make it one of several that suffer [D]."""
BLAMED = 0.5
"""Share of a caller's trouble that its calls must explain before the callee is named for it [D]."""
RESIDUE = 0.1
"""Part of its trouble that a caller keeps where only its own word speaks against the callee: the way there may be cut [D]."""
UNSEEN = 0.5
"""Weight of what metrics alone say of a node where spans of others decide [D]."""
UNSETTLED = 0.45
"""Weight of a change in spans that is too small, or seen too briefly, to be called trouble [D]."""
UNMEASURED = 0.4
"""Share that stands in for a node which is off its level and whose part cannot be measured [D]."""


BURNING = 10.0
"""Growth of a service's CPU use that its load does not explain and that says by itself where time goes [D]."""
BURNING_Z = 3 * OPEN_Z
"""... this far off its level: a lone interval of nearly nothing grows tenfold by chance [D]."""
BURNING_ALONE = 3.0
"""... and is so many times that of any other service: what burns everywhere is a host, or the load [D]."""
BURNING_PART = 0.5
"""Part of what its share lacks to the whole that a service gets for it: it breaks ties, and decides nothing alone [D]."""


@dataclass(slots=True)
class Place:
    """One node that may be where it began."""

    node: str
    share: float
    """Of the excess of its component that it adds itself, 0 to 1."""
    measured: bool
    onset: Instant
    own: float = 0.0
    """Its share before what others explain was taken off."""
    moves: list[Move] = field(default_factory=list)
    excess: dict[str, Excess] = field(default_factory=dict)
    """By currency."""
    shifts: list[Shift] = field(default_factory=list)
    """What its spans do otherwise than before."""
    blames: list[Blame] = field(default_factory=list)
    """What its callers' own calls say of it."""
    restarts: list[Restart] = field(default_factory=list)
    """Its restarts since the onset."""
    together: tuple[str, ...] = ()
    """Places that no known call connects with it, which went off as badly and at the same time."""
    users: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    """What several affected services share: the affected that use it, and the healthy that do."""
    rank_value: float = 0.0

    @property
    def added(self) -> float:
        """The share that it adds itself, whomever its calls blame for it."""
        return max(self.own, self.rank_value)

    @property
    def main(self) -> Move | None:
        """The departure that says most: failures first, then time, then the rest; the earliest of them."""
        order = {"error_rate": 0, "log_errors": 2, "silence": 0}
        ranked = sorted(
            self.moves,
            key=lambda m: (order.get(m.meaning.signal, 1 if m.meaning.family is Family.LATENCY else 3), m.onset),
        )
        return ranked[0] if ranked else None


def rank_places(
    moves: Iterable[Move],
    cascades: Iterable[Cascade],
    graph: Graph,
    traces: TraceShares | None = None,
    blames: Iterable[Blame] = (),
    witnessed: frozenset[str] = frozenset(),
    healthy: frozenset[str] = frozenset(),
    restarted: Iterable[Restart] = (),
    busier: frozenset[str] = frozenset(),
) -> list[Place]:
    """Nodes off their level, those first that their callees do not explain. Spans outrank the graph, the graph plain metrics.

    Nodes that calls connect compare by their own share of the excess; parts of the system that no call connects
    compare by when they went off, since their excess has no common measure. What a service's own calls explain passes on to
    the callee, unless that is `witnessed`: measured since the onset, and so able to speak for itself.
    """
    listed = list(moves)
    opened = [m for m in listed if m.opened and not _only_watched(m) and not _follows_load(m, busier)]
    places: dict[str, Place] = {}
    for move in opened:
        place = places.setdefault(move.service, Place(move.service, 0.0, False, math.inf))
        place.moves.append(move)
    for move in telling(opened):
        if not (move.meaning.by_caller or move.meaning.outbound):
            places[move.service].onset = min(places[move.service].onset, move.onset)
    for place in places.values():
        if not math.isfinite(place.onset):
            place.onset = place.moves[0].onset
    for one in cascades:
        for excess in one.nodes:
            if excess.share < SHARE_OF_NOTE and excess.node not in places:
                continue
            place = places.setdefault(excess.node, Place(excess.node, 0.0, False, math.inf))
            place.excess[one.currency] = excess
            place.measured = True
            share = excess.share if one.currency == _first(cascades) else SECOND_CURRENCY * min(1.0, excess.share)
            place.share = max(place.share, share)
    if traces is not None:
        _by_traces(places, traces, opened)
    suffers = any(
        p.measured and p.share >= SHARE_OF_NOTE for p in places.values()
    )  # then who is asked less is so for that
    for place in places.values():
        if not place.measured and not _explained(place, places, graph):
            place.share = (
                UNMEASURED if any(_own(m) and not (suffers and m.meaning is QUIET) for m in place.moves) else 0.0
            )
    settled = traces is None or traces.settled
    _burning(places, [m for m in listed if not _follows_load(m, busier)], 1.0 if settled else UNSETTLED)
    for place in places.values():
        place.own = place.share
    _crashed(places, graph, restarted)
    _silent(places, graph)
    blames = list(blames)
    _share(places, graph, witnessed, healthy, frozenset((b.caller, b.callee) for b in blames if b.clears))
    _waited(places, graph, [b for b in blames if b.callee in witnessed])
    _pass_on(places, [b for b in blames if b.callee not in witnessed])
    known = [p.onset for p in places.values() if math.isfinite(p.onset)]
    first = min(known, default=0.0)
    components = _components(set(places), graph)
    for component in components:
        began = min((places[n].onset for n in component if math.isfinite(places[n].onset)), default=first)
        late = math.exp(-max(0.0, began - first) / EARLY_S)
        for node in component:
            places[node].rank_value = places[node].share * (0.25 + 0.75 * late)
            if not math.isfinite(places[node].onset):
                places[node].onset = began
    _apart(places, components)
    ranked = sorted(places.values(), key=lambda p: (-p.rank_value, p.onset, -len(p.moves), p.node))
    return [p for p in ranked if p.rank_value > 0 or p.moves]


def _by_traces(places: dict[str, Place], traces: TraceShares, opened: list[Move]) -> None:
    """Let spans decide about the services that they show: time where time was added, function where errors are new."""
    errors = [m for m in opened if m.meaning.signal in ("log_errors", "error_rate")]
    if not traces.settled:
        shares = traces.time or traces.function
        _take(places, shares, UNSETTLED, traces.shifts if traces.time else traces.functions)
        return
    if traces.time:
        for place in places.values():
            if place.node in traces.seen:
                place.share, place.measured = 0.0, True
            else:
                place.share = UNSEEN * min(1.0, place.share)  # who is called by others as well adds more than the whole
        _take(places, traces.time, 1.0, traces.shifts)
    if errors and traces.function:
        failing = {m.service for m in errors}
        among = {s: v for s, v in traces.function.items() if s in failing}
        total = sum(among.values())
        if total > 0:
            _take(
                places,
                {s: v / total for s, v in among.items()},
                SECOND_CURRENCY if traces.time else 1.0,
                traces.functions,
            )


def _take(places: dict[str, Place], shares: dict[str, float], factor: float, shifts: tuple[Shift, ...]) -> None:
    for node, share in shares.items():
        if share < SHARE_OF_NOTE and node not in places:
            continue
        place = places.setdefault(node, Place(node, 0.0, True, math.inf))
        place.shifts += [s for s in shifts if node in (s.service, s.operation)]
        place.share = max(place.share if place.measured else 0.0, share * factor)
        place.measured = True


def _first(cascades: Iterable[Cascade]) -> str:
    return next((c.currency for c in cascades), "")


def _only_watched(move: Move) -> bool:
    """Traffic and unknown gauges are context for a place, not a reason to name it; silence is one."""
    return move.meaning.family in (Family.TRAFFIC, Family.GAUGE, Family.MEMORY) and not (
        move.meaning.signal == "silence" and move.meaning.certain
    )


def _pass_on(places: dict[str, Place], blames: Iterable[Blame]) -> None:
    """Move what a caller's own calls explain to a callee that is not measured itself."""
    moved: dict[str, float] = {}
    for one in sorted(blames, key=lambda b: -b.most):
        caller = places.get(one.caller)
        callee = places.get(one.callee)
        if caller is None or caller.share <= 0 or one.most < BLAMED or (callee is not None and callee.measured):
            continue
        if callee is None:
            callee = places[one.callee] = Place(one.callee, 0.0, False, caller.onset)
        moved[one.callee] = moved.get(one.callee, 0.0) + caller.share * min(1.0, one.most)
        callee.onset = min(callee.onset, caller.onset)
        callee.blames.append(one)
    for node, share in moved.items():  # what several callers lose at it adds up
        places[node].share = max(places[node].share, min(1.0, share))
    for place in places.values():
        if place.blames:
            for one in place.blames:
                caller = places[one.caller]
                caller.share *= max(RESIDUE, 1 - min(1.0, one.most))


def _waited(places: dict[str, Place], graph: Graph, blames: Iterable[Blame]) -> None:
    """Failures of a caller whose own errors name a callee that became slow are its patience at an end: who adds the time
    fails them, whether that is the callee or something below it.

    A callee that fails by itself is counted in failures already, and one that is as fast as ever is not waited for.
    """
    for one in sorted(blames, key=lambda b: -b.most):
        caller, told = places.get(one.caller), max(one.errors or 0.0, one.failures or 0.0)
        if caller is None or caller.share <= 0 or "failures" not in caller.excess or told < BLAMED:
            continue
        slow = {
            place.node: place.excess["seconds"].own
            for name in graph.below(one.callee)
            if (place := places.get(name)) is not None and "seconds" in place.excess and name != one.caller
        }
        added = sum(slow.values())
        if one.callee not in slow or added <= 0:
            continue
        explained = caller.share * min(1.0, told)
        for node, own in slow.items():
            places[node].share = max(places[node].share, explained * own / added)
        caller.share *= max(RESIDUE, 1 - min(1.0, told))


def _burning(places: dict[str, Place], moves: list[Move], whole: float) -> None:
    """Where time was added and one service alone uses many times the processor for the same load, it is spent there."""
    rises = sorted(
        (m for m in moves if m.ongoing and m.direction > 0 and m.z >= BURNING_Z and _is_cpu(m)), key=lambda m: -m.effect
    )
    slower = any(m.opened and m.meaning.family is Family.LATENCY and not m.meaning.outbound for m in moves)
    slower = slower or any(not s.what for p in places.values() for s in p.shifts)
    if not rises or not slower:
        return
    most = rises[0]
    others = max((1 + m.effect for m in rises if m.service != most.service), default=0.0)
    if 1 + most.effect < max(BURNING, BURNING_ALONE * others):
        return
    place = places.setdefault(most.service, Place(most.service, 0.0, True, most.onset))
    place.share, place.measured = place.share + BURNING_PART * max(0.0, whole - place.share), True
    place.onset = min(place.onset, most.onset)
    if most not in place.moves:
        place.moves.append(most)


def _is_cpu(move: Move) -> bool:
    return move.meaning.family is Family.SATURATION and "cpu" in words_of(move.metric)


def _crashed(places: dict[str, Place], graph: Graph, restarted: Iterable[Restart]) -> None:
    """A service that restarted answered nobody for a while: what its callers then failed is its doing."""
    for restart in restarted:
        callers = [places[c] for c in graph.callers.get(restart.service, ()) if c in places and places[c].share > 0]
        place = places.get(restart.service)
        if place is None and not callers:
            continue
        if place is None:
            place = places[restart.service] = Place(restart.service, 0.0, True, min(c.onset for c in callers))
        place.restarts.append(restart)
        place.measured = True
        for caller in callers:
            place.share = max(place.share, CRASH_SHARE * caller.share)
            caller.share *= 1 - CRASH_SHARE
        place.share = max(place.share, UNMEASURED)


def _silent(places: dict[str, Place], graph: Graph) -> None:
    """A service that says nothing while its callers fail is where their failures come from."""
    for place in [p for p in places.values() if any(m.meaning is SILENT for m in p.moves)]:
        callers = [places[c] for c in graph.callers.get(place.node, ()) if c in places and places[c].share > 0]
        place.measured = True
        for caller in callers:
            place.share = max(place.share, CRASH_SHARE * caller.share)
            caller.share *= 1 - CRASH_SHARE
        place.share = max(place.share, UNMEASURED)


def _share(
    places: dict[str, Place],
    graph: Graph,
    witnessed: frozenset[str],
    healthy: frozenset[str],
    cleared: frozenset[tuple[str, str]],
) -> None:
    """Name what several affected services use and the healthy ones do not, where it does not speak for itself.

    The fewest dependencies that cover the affected: one that covers the most of their excess, charged for its healthy
    users and for those whose calls to it are as before; then it carries that excess, and its users keep what is left.
    A service that fell silent did so by itself.
    """
    affected = {
        name: place.share
        for name, place in places.items()
        if place.share >= SHARE_OF_NOTE and not any(m.meaning is SILENT for m in place.moves)
    }
    best: tuple[float, str, list[str], list[str]] | None = None
    for callee in sorted({c for name in affected for c in graph.callees.get(name, ())} - witnessed):
        callers = [c for c in graph.callers.get(callee, ()) if c != callee]
        users = [u for u in callers if u in affected and (u, callee) not in cleared]
        well = [u for u in callers if u in healthy or (u in affected and (u, callee) in cleared)]
        if len(users) < 2 or len(well) >= len(users) or not _together([places[u] for u in users]):
            continue
        covered = sum(affected[u] for u in users) / sum(affected.values()) * (1 - len(well) / (len(users) + len(well)))
        if best is None or covered > best[0]:
            best = covered, callee, users, well
    if best is None or best[0] < COVERED:
        return
    covered, callee, users, well = best
    place = places.setdefault(callee, Place(callee, 0.0, False, min(places[u].onset for u in users)))
    place.users = tuple(users), tuple(well)
    total = sum(affected[u] for u in users)
    place.share = max(place.share, min(1.0, covered) * max(total, max(affected[u] for u in users)))
    for user in users:
        places[user].share *= 1 - min(0.9, covered)


def _apart(places: dict[str, Place], components: list[set[str]]) -> None:
    """Several parts of a system that no known call connects, and that began to fail together, share something that nobody knows
    of: each alone would be named for what it only suffers. Two may be two faults."""
    heads = [max((places[n] for n in component), key=lambda p: p.share) for component in components]
    for place in heads:
        others = [o for o in heads if o is not place and _as_bad(o, place) and _together([place, o])]
        if len(others) >= FEWEST_APART:
            place.together = tuple(sorted(o.node for o in others))


def _as_bad(one: Place, other: Place) -> bool:
    """Whether a place rose by half as much as another, or more, in one of the currencies of both."""
    return any(
        (one.excess[c].now - one.excess[c].level) >= ALIKE * (other.excess[c].now - other.excess[c].level) > 0
        for c in one.excess.keys() & other.excess.keys()
    )


def _together(users: list[Place]) -> bool:
    """Whether they went off at the same time, as far as the width of their steps can tell."""
    known = [u for u in users if math.isfinite(u.onset)]
    step = max((m.step_s for u in known for m in u.moves), default=60.0)
    first = min((u.onset for u in known), default=0.0)
    return all(u.onset - first <= TOGETHER_STEPS * step for u in known)


def _own(move: Move) -> bool:
    """Whether a departure is about the node itself and not about its callers' patience or its callees' time."""
    return not move.meaning.by_caller and not (move.meaning.outbound and move.meaning.family is Family.LATENCY)


def _follows_load(move: Move, busier: frozenset[str]) -> bool:
    """More in flight under more load is no sign of anything, short of a limit."""
    return move.meaning.family is Family.SATURATION and move.service in busier and not harms_users(move)


def _explained(place: Place, places: dict[str, Place], graph: Graph) -> bool:
    """Whether something it calls is off its level and not merely because its callers gave up."""
    below = [n for n in graph.below(place.node)[1:] if n in places and place.node not in graph.below(n)[1:]]
    return any(any(not m.meaning.by_caller for m in places[n].moves) or places[n].measured for n in below)


def _components(nodes: set[str], graph: Graph) -> list[set[str]]:
    """Groups of nodes that calls connect, directly or through nodes that are well."""
    left, groups = set(nodes), []
    while left:
        start = min(left)
        seen, queue = {start}, [start]
        while queue:
            node = queue.pop()
            for other in (*graph.callees.get(node, ()), *graph.callers.get(node, ())):
                if other not in seen:
                    seen.add(other)
                    queue.append(other)
        groups.append(left & seen)
        left -= seen
    return groups
