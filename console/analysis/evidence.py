"""Drafts of suspects that are places: a service, a dependency, what several share, traffic, an exhausted pool, a leak."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from console.analysis.changes import Judged
from console.analysis.graph import Graph
from console.analysis.leak import Leak
from console.analysis.loadcurve import Loaded, Reason
from console.analysis.loaddrafts import curve_evidence
from console.analysis.moves import Move
from console.analysis.place import SHARE_OF_NOTE, Place
from console.analysis.restarts import Restart
from console.analysis.suspects import LEADING_SHARE, Draft, fact, inference, share_text
from console.analysis.symptoms import harms_users, samples_of
from console.analysis.ways import Ways
from console.analysis.whereabouts import NOWHERE, Whereabouts, place_evidence
from console.analysis.words import joined, move_sentence, number, owner
from console.domain.diagnosis import Evidence, Standing
from console.domain.instant import Instant, clock_text
from console.domain.logs import Level, Pattern
from console.domain.topology import Health, ProbeResult, Topology

MOST_PLACES = 6
MOST_EVIDENCE = 8
NEARLY_FULL = 0.85
"""Share of its limit from which memory is short [D]."""
STOPPED_BEFORE_S, STOPPED_AFTER_S = 300.0, 60.0
"""How long before the first symptom, and after it, a host may have stopped that is its cause [D]."""


def place_drafts(
    places: list[Place],
    graph: Graph,
    topology: Topology,
    patterns: tuple[Pattern, ...],
    probes: dict[str, ProbeResult],
    healthy: frozenset[str],
    ways: Ways,
    curves: Mapping[str, Loaded],
    where: Whereabouts = NOWHERE,
) -> list[Draft]:
    """The likeliest places as suspects; the first leads where it adds at least half itself and nothing speaks against it.

    Where even the likeliest adds next to nothing, nobody is named: what is wrong then lies where nobody looks.
    """
    if not places or places[0].rank_value < SHARE_OF_NOTE:
        return []
    drafts = []
    moves_of = {place.node: place.main for place in places}
    for k, place in enumerate(places[:MOST_PLACES]):
        if place.rank_value <= 0:
            continue
        evidence = [
            *_excess_evidence(place, ways),
            *place_evidence(place, where, ways),
            *(curve_evidence(curves[place.node], ways, Reason.MOVED) if place.node in curves else ()),
            *_together_evidence(place, ways),
            *_blame_evidence(place, moves_of, ways),
            *_shift_evidence(place, ways),
            *_move_evidence(place, ways),
            *_pattern_evidence(place.node, patterns, ways),
        ]
        probed = [_probe_evidence(probes[place.node], ways)] if place.node in probes else []
        told = bool(place.blames) or place.measured  # our own calls outrank a probe
        against = [e for e in (*evidence, *(() if told else probed)) if not e.supports]
        evidence += probed
        if not evidence:
            continue
        share = place.rank_value
        lead = k == 0 and share >= LEADING_SHARE and not against
        standing = Standing.LEADING if lead else Standing.POSSIBLE if share >= 0.1 else Standing.UNLIKELY
        kind = _kind(place, graph, topology, healthy)
        main = place.main
        drafts.append(
            Draft(
                kind,
                place.node,
                place.node,
                main.operation if main else None,
                _summary(place, kind, graph, lead),
                standing,
                min(1.0, share),
                evidence[:MOST_EVIDENCE],
                _next_check(place, kind, graph, healthy),
            )
        )
    return drafts


def _kind(place: Place, graph: Graph, topology: Topology, healthy: frozenset[str]) -> str:
    kind = topology.kind_of(place.node)
    if kind == "third_party":
        return "third_party"
    users = graph.callers.get(place.node, ())
    if any(s.name == place.node for s in topology.services):
        return "service"
    if any(d.name == place.node for d in topology.dependencies):
        return "shared_dependency" if len(users) >= 2 else "dependency"
    return "service"


def _summary(place: Place, kind: str, graph: Graph, lead: bool) -> str:
    if place.together:
        return f"Possibly {place.node}: it is one of {len(place.together) + 1} that went off together, and no known call connects them."
    parts = []
    for currency, excess in place.excess.items():
        what = "failures" if currency == "failures" else "time"
        if excess.share > 0:
            parts.append(f"explains {share_text(min(1.0, excess.share))} of the added {what}")
    told = [b for b in place.blames if b.most >= SHARE_OF_NOTE]
    if told:
        shares = [f"{share_text(min(1.0, b.most))} of the trouble of {b.caller}" for b in told]
        parts.append(f"explains {joined(shares)}, by {'their' if len(told) > 1 else owner(told[0].caller)} own records")
    if place.restarts:
        parts.append(f"restarted at {clock_text(place.restarts[0].at)} UTC, and its callers failed meanwhile")
    if place.users is not None:
        parts.append(f"is what the affected services share ({joined(list(place.users[0]))})")
    parts += _shifted(place)
    if not parts and place.main is not None:
        parts.append(f"is off its level itself since {clock_text(place.onset)} UTC")
    below = [c for e in place.excess.values() for c in e.callees]
    tail = (
        ""
        if below
        else "; nothing that it calls adds any"
        if graph.callees.get(place.node)
        else "; it is the deepest observed node"
    )
    what = f"{joined(parts, 9) or 'is affected'}{tail}."
    return f"{place.node} {what}" if lead else f"Possibly {place.node}: it {what}"


def _shifted(place: Place) -> list[str]:
    """The heaviest of what its spans do otherwise: where time goes; else what it does that it did not."""
    timed = max((s for s in place.shifts if not s.what), key=lambda s: s.weight, default=None)
    if timed is not None:
        now, was = number(timed.after, "s"), f"where it was {number(timed.before, 's')}"
        if not timed.gap:
            return [f"spends {now} itself in {timed.operation} {was}"]
        if timed.operation == place.node:
            return [f"is reached from {timed.service} over a way that takes {now} {was}"]
        return [f"reaches {timed.operation} over a way that takes {now} {was}"]
    done = max((s for s in place.shifts), key=lambda s: s.weight, default=None)
    return [f"does otherwise than before in {done.operation}"] if done is not None else []


def host_draft(move: Move, places: list[Place], onset: Instant, graph: Graph, ways: Ways) -> Draft:
    """One of several hosts that stopped: before all else where its service or a caller of it is in trouble since."""
    share = max((place.added for place in places if place.node == move.service), default=0.0)
    near = bool(places) and places[0].node in (move.service, *graph.callers.get(move.service, ()))
    then = -STOPPED_BEFORE_S <= move.onset - onset <= STOPPED_AFTER_S
    return Draft(
        "infrastructure",
        f"host {move.query} of {move.service}",
        move.service,
        None,
        f"{move.query}, a host of {move.service}, stopped; nobody took it away and none took its place.",
        Standing.LEADING,
        max(share, 0.6),
        [fact(move_sentence(move), ways.move(move), samples=samples_of(move))],
        f"ask {move.query} itself: an answer means that only its log is lost",
        first=0 if near and then else 1,
    )


def _probe_evidence(probe: ProbeResult, ways: Ways) -> Evidence:
    bad = probe.health in (Health.DOWN, Health.DEGRADED)
    return fact(f"its probe says {probe.health.value}: {probe.detail}", ways.probe(probe), supports=bad)


def _excess_evidence(place: Place, ways: Ways) -> list[Evidence]:
    """What it adds itself, by the call graph and the series of each node."""
    found = []
    for currency, excess in place.excess.items():
        way = ways.metric(excess.source, excess.node, "", excess.metric, excess.query)
        unit = "ratio" if currency == "failures" else "s"
        what = "error rate" if currency == "failures" else "latency"
        if excess.share > 0:
            claim = f"by the call graph, {place.node} adds {share_text(min(1.0, excess.share))} of the excess {currency} itself: {what} {number(excess.level, unit)} before, {number(excess.now, unit)} since"
            if excess.callees:
                claim += f"; {joined(list(excess.callees))} below it {'adds' if len(excess.callees) == 1 else 'add'} some too"
            found.append(inference(claim, way))
        elif excess.callees:
            claim = f"by the call graph, its excess {currency} are explained by {joined(list(excess.callees))} below it"
            found.append(inference(claim, way, supports=False))
    return found


def _together_evidence(place: Place, ways: Ways) -> list[Evidence]:
    """What speaks against one of several that no call connects: they went off together."""
    if not place.together:
        return []
    some, more = joined(list(place.together[:3])), len(place.together) - 3
    who = f"{some} and {more} more" if more > 0 else some
    claim = f"{who} went off as badly at the same time, and no known call connects them: what they share is not known"
    _, excess = next(iter(place.excess.items()))
    way = ways.metric(excess.source, excess.node, "", excess.metric, excess.query)
    return [inference(claim, way, supports=False)]


def _move_evidence(place: Place, ways: Ways) -> list[Evidence]:
    ranked = sorted(place.moves, key=lambda m: (not harms_users(m), m.onset, -m.z))
    found = []
    for move in ranked[:4]:
        own = not (move.meaning.by_caller or move.meaning.outbound)
        claim = move_sentence(move)
        if move.meaning.by_caller:
            claim += ": given up by its callers, not failed by it"
        if move.meaning.outbound:
            claim += ": calls that it makes"
        supports = own or move.meaning.outbound
        found.append(fact(claim, ways.move(move), supports=supports, samples=samples_of(move)))
    return found


def _restart_evidence(restart: Restart, ways: Ways) -> Evidence:
    claim = f"{restart.service} restarted at {clock_text(restart.at)} UTC"
    if restart.memory is not None and restart.limit is not None:
        claim += (
            f"; its memory was at {number(restart.memory, 'bytes')} of {number(restart.limit, 'bytes')} just before"
        )
    return fact(claim, ways.metric(restart.source, restart.service, "", restart.metric or "restarts", restart.query))


def _blame_evidence(place: Place, moves_of: dict[str, Move | None], ways: Ways) -> list[Evidence]:
    """What the callers' own calls to it show, and who else uses it."""
    found = [_restart_evidence(r, ways) for r in place.restarts[:2]]
    if place.users is not None:
        bad, well = place.users
        claim = f"by the call graph, {joined(list(bad))} are affected and all use {place.node}"
        claim += (
            f"; {joined(list(well))} {'uses' if len(well) == 1 else 'use'} it too and {'is' if len(well) == 1 else 'are'} well"
            if well
            else "; no healthy service uses it"
        )
        shown = next((move for name in bad if (move := moves_of.get(name)) is not None), None)
        found.append(inference(claim, ways.move(shown) if shown is not None else ways.mentions(bad[0], place.node)))
    for one in place.blames[:3]:
        way = ways.mentions(one.caller, place.node)
        if one.after is not None:
            failed, seconds, n = one.after
            claim = f"calls of {one.caller} to {place.node}: {number(failed, 'ratio')} fail and the mean takes {number(seconds, 's')} since the onset ({n:,} calls seen)"
            if one.before is not None:
                claim += f"; before, {number(one.before[0], 'ratio')} and {number(one.before[1], 's')} ({one.before[2]:,} calls seen)"
            found.append(fact(claim, way, samples=n))
        parts = [
            f"{share_text(share)} of {what}"
            for share, what in (
                (one.failures, "the failed requests"),
                (one.time, "the added time"),
                (one.errors, "the error lines"),
            )
            if share is not None and share >= 0.05
        ]
        if parts:
            found.append(inference(f"{place.node} explains {joined(parts)} of {one.caller}, by its own records", way))
    return found


def _shift_evidence(place: Place, ways: Ways) -> list[Evidence]:
    """The largest shifts of its spans, each in its own currency."""
    found = []
    for shift in sorted(place.shifts, key=lambda s: -s.weight)[:3]:
        n = shift.n_before + shift.n_after
        if shift.what:
            claim = (
                f"{shift.operation} of {shift.service}: `{shift.what}` in {share_text(shift.after)} of its spans,"
                f" {share_text(shift.before)} before ({shift.n_after} and {shift.n_before} spans)"
            )
        elif shift.gap:
            claim = f"network time from {shift.service} to {shift.operation} rose from {number(shift.before, 's')} to {number(shift.after, 's')} ({shift.n_after} calls)"
        else:
            claim = f"own time of {shift.service} in {shift.operation} rose from {number(shift.before, 's')} to {number(shift.after, 's')} ({shift.n_after} spans)"
        found.append(fact(claim, ways.spans(shift.service, shift.operation), samples=n))
    return found


def _pattern_evidence(node: str, patterns: Iterable[Pattern], ways: Ways) -> list[Evidence]:
    found = []
    for pattern in patterns:
        if pattern.service == node and pattern.status in ("new", "surged") and pattern.level >= Level.WARN:
            was = "none before" if not pattern.baseline_count else f"{pattern.baseline_count} before"
            claim = f"{pattern.status} in its log: {pattern.template} ({pattern.count} lines, {was})"
            found.append(fact(claim, ways.pattern(pattern), samples=pattern.count))
    return found[:3]


def _next_check(place: Place, kind: str, graph: Graph, healthy: frozenset[str]) -> str:
    users = [u for u in graph.callers.get(place.node, ()) if u in healthy]
    if kind in ("dependency", "shared_dependency", "third_party"):
        if users:
            return f"{users[0]} uses {place.node} too and is well: if its calls to {place.node} are as before, {place.node} is cleared"
        return f"call {place.node} directly, past the services: an answer as fast and as good as before clears it"
    callees = [c for c in graph.callees.get(place.node, ()) if c]
    if callees:
        return f"compare the time {place.node} spends itself with that of its calls to {joined(callees, 2)}: if the calls took it, {place.node} is cleared"
    return f"compare instances of {place.node}: if only one is off, look at its host instead"


def runs_short(leak: Leak, places: list[Place]) -> bool:
    """Whether a leak has nearly used up what there is, in the very service where the trouble begins: memory that runs short
    slows a process down long before it ends it."""
    if not places or places[0].node != leak.service or places[0].rank_value < LEADING_SHARE:
        return False
    return leak.limit is not None and leak.now >= NEARLY_FULL * leak.limit


def leak_draft(
    leak: Leak,
    harmed: bool,
    ways: Ways,
    restarts: Iterable[Restart] = (),
    judged: Iterable[Judged] = (),
    short: bool = False,
) -> Draft:
    """A resource that grows and does not come back; restarts since the onset with nothing left, or nearly nothing left
    where the trouble begins, make it the cause."""
    way = ways.metric(leak.source, leak.service, leak.operation or "", leak.metric, leak.query)
    rate = number(leak.per_hour, "bytes")
    claim = (
        f"{leak.metric} of {leak.service} grew from {number(leak.start, 'bytes')} to {number(leak.now, 'bytes')} since"
        f" {clock_text(leak.since)} UTC, {rate} an hour (tau {leak.tau:.2f}, {leak.bins} intervals)"
    )
    evidence = [replace(fact(claim, way, samples=leak.bins), window=leak.segment)]
    if leak.restarts:
        evidence.append(fact(f"it fell back {leak.restarts} times, as a restart does, and grew again", way))
    killed = [r for r in restarts if r.service == leak.service and r.out_of_memory]
    evidence += [_restart_evidence(r, ways) for r in killed[:2]]
    if short and harmed and leak.limit is not None:
        claim = f"{number(leak.now / leak.limit, 'ratio')} of the {number(leak.limit, 'bytes')} that it may use are gone, and the trouble begins there"
        evidence.append(inference(claim, way))
    standing = Standing.POSSIBLE if harmed and not killed and not short else Standing.LEADING
    weight = 0.6 if standing is Standing.POSSIBLE else 0.97
    began = next(
        (j.change for j in judged if j.growth is not None and j.standing is Standing.LEADING and _of(j, leak)), None
    )
    since = ""
    if leak.origin is not None and began is not None:
        since = f" since {began.id}"
        claim = f"it grows since about {clock_text(leak.origin.at)} UTC; {began.id} took effect at {clock_text(began.at)} UTC"
        evidence.insert(1, inference(claim, ways.change(began)))
    return Draft(
        "memory_leak",
        leak.service,
        leak.service,
        leak.operation,
        f"{leak.service} gains {rate} an hour{since} and does not give it back.",
        standing,
        weight,
        evidence,
        f"restart one instance of {leak.service}: if the new one does not grow from the same point, it is a fill, not a leak",
        first=0 if short and harmed else 1,
    )


def _of(judged: Judged, leak: Leak) -> bool:
    return judged.change.service == leak.service


def telemetry_draft(move: Move, graph: Graph, ways: Ways) -> Draft:
    """A service that is not heard of while its callers are served."""
    callers = [c for c in graph.callers.get(move.service, ()) if c]
    evidence = [
        fact(move_sentence(move), ways.move(move), samples=move.requests),
        inference(
            f"by the call graph, {joined(callers)} call it and fail no more than before",
            ways.served(callers[0]) if callers else ways.move(move),
        ),
    ]
    return Draft(
        "telemetry",
        move.service,
        move.service,
        None,
        f"Nothing is heard of {move.service} while its callers still get answers: its telemetry is lost, not the service.",
        Standing.LEADING,
        0.5,
        evidence,
        f"ask {move.service} itself, by its health address: no answer means that it is down after all",
    )
