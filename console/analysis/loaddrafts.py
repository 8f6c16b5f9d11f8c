"""Drafts of suspects that are about load: more traffic, a pool that is used up, a service that gets more than it can take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from console.analysis.graph import Graph
from console.analysis.load import BUSIER, Exhausted, Surge
from console.analysis.loadcurve import Loaded, Reason, load_of, sentence
from console.analysis.moves import Move
from console.analysis.place import Place
from console.analysis.suspects import LEADING_SHARE, Draft, fact, inference, share_text
from console.analysis.view import View
from console.analysis.ways import Way, Ways
from console.analysis.words import joined, move_sentence, number
from console.domain.diagnosis import Evidence, Standing, Symptom
from console.domain.instant import Instant

PLACES_LOOKED_AT = 3
"""Likeliest places whose curve is looked at."""


def curves_of(view: View, symptoms: tuple[Symptom, ...], names: Iterable[str], onset: Instant) -> dict[str, Loaded]:
    """The load curves of those services whose latency or failures are off."""
    off = {s.service for s in symptoms if s.end is None and s.signal.startswith(("latency", "error"))}
    found = {}
    for name in dict.fromkeys(names):
        one = load_of(view.seen.series, name, symptoms, onset, view.seen.at) if name in off else None
        if one is not None:
            found[name] = one
    return found


def curve_way(loaded: Loaded, ways: Ways) -> Way:
    """Where the signal of a curve can be looked up."""
    signal = loaded.signal
    return ways.metric(signal.source, loaded.service, loaded.operation, loaded.curve.metric, signal.query)


def curve_evidence(loaded: Loaded, ways: Ways, supports: Reason) -> list[Evidence]:
    """What the curve says for the reason that is asked about, or against it; nothing where it says neither."""
    if loaded.curve.reason not in (Reason.MOVED, Reason.LOAD):
        return []
    return [inference(sentence(loaded), curve_way(loaded, ways), supports=loaded.curve.reason is supports)]


def traffic_draft(
    surge: Surge,
    harmed: list[Move],
    places: list[Place],
    curves: Mapping[str, Loaded],
    graph: Graph,
    ways: Ways,
) -> Draft:
    """More arrivals than before, and trouble that follows them, unless the trouble is there at equal load too."""
    move = surge.move
    evidence = [fact(move_sentence(move), ways.move(move), samples=move.bins)]
    if surge.spread:
        names = joined([m.service for m in surge.spread])
        evidence.append(fact(f"traffic of {names} rose with it", ways.move(surge.spread[0])))
    before = [m for m in harmed if m.began.latest < move.began.earliest]
    after = [m for m in harmed if m not in before]
    if after:
        earliest = min(after, key=lambda m: m.onset)
        claim = f"the trouble began with it or after it: {move_sentence(earliest)}"
        evidence.append(inference(claim, ways.move(earliest)))
    if before:
        earliest = min(before, key=lambda m: m.onset)
        claim = f"trouble began before the traffic rose: {move_sentence(earliest)}"
        evidence.append(inference(claim, ways.move(earliest), supports=False))
    reached = graph.below(surge.entry)
    told = next((curves[p.node] for p in places if p.node in curves and p.node in reached), curves.get(surge.entry))
    moved = told is not None and told.curve.reason is Reason.MOVED
    if told is not None:
        evidence += curve_evidence(told, ways, Reason.LOAD)
    standing = Standing.POSSIBLE if before or moved else Standing.LEADING
    times = move.observed / move.level if move.level > 0 else float("inf")
    can = "the load alone cannot explain the trouble" if moved else "the load alone can explain the trouble"
    return Draft(
        "traffic",
        surge.entry,
        surge.entry,
        None,
        f"Arrivals at {surge.entry} are {times:.1f} x what they were; {can}.",
        standing,
        0.95 if not moved else 0.3,
        evidence,
        f"compare failures at equal load: if {surge.entry} fails at the old load too, traffic is cleared",
    )


def contention_draft(
    found: Exhausted,
    place_share: float,
    ways: Ways,
    held: tuple[str, float] | None = None,
    loaded: Loaded | None = None,
) -> Draft:
    """A bounded resource that is used up since the onset.

    What is in use is arrivals times the time that each holds it (Little's law): where calls to another, `held`, became
    slower by more than the load rose, the other is the cause and the limit is where it shows. Where the service answers
    worse at equal load, it is not the load that used it up.
    """
    pool = ways.metric(found.source, found.service, "", found.metric, found.query)
    traffic = pool
    if found.load is not None:
        one = found.load
        traffic = ways.metric(one.source, found.service, "", one.key.metric, one.query)
    evidence = [
        fact(
            f"{found.metric} of {found.service} is {found.used:.0f} of {found.size:.0f} since the onset, {share_text(found.before)} before",
            pool,
        )
    ]
    load = found.load_ratio
    if load is not None and load >= BUSIER:
        evidence.append(fact(f"{found.service} gets {load:.1f} x the requests it got before", traffic))
    elif load is not None:
        claim = f"it gets {load:.1f} x the requests it got before: the load did not rise"
        evidence.append(inference(claim, traffic, supports=False))
    moved = loaded is not None and loaded.curve.reason is Reason.MOVED
    if loaded is not None:
        evidence += curve_evidence(loaded, ways, Reason.LOAD)
    leads = load is not None and load >= BUSIER and place_share >= 0.3 and not moved
    if held is not None and held[1] >= (load or 1.0):
        claim = f"calls of {found.service} to {held[0]} take {held[1]:.1f} x as long: each holds it longer, which says more than the load"
        evidence.append(inference(claim, ways.mentions(found.service, held[0]), supports=False))
        leads = False
    return Draft(
        "contention",
        found.service,
        found.service,
        None,
        f"{found.metric} of {found.service} is used up; requests wait for it.",
        Standing.LEADING if leads else Standing.POSSIBLE,
        max(0.5, place_share),
        evidence,
        f"enlarge the pool or lower the load of {found.service} for a minute: if waits stay, it is cleared",
    )


def load_draft(place: Place, loaded: Loaded, ways: Ways) -> Draft | None:
    """A service that answers as ever at each load, and gets more than it can take; None: nothing shows that.

    A load that was never reached before may be more than it can take, or may not: then it is possible only.
    """
    curve = loaded.curve
    if curve.reason is Reason.UNKNOWN:
        return _unknown_draft(place, loaded, ways) if curve.busier and curve.beyond else None
    if curve.reason is not Reason.LOAD:
        return None
    now = number(curve.load_since or 0.0, "1/s")
    past = curve.knee is not None and (curve.load_since or 0.0) >= curve.knee
    least = number(curve.knee if past and curve.knee is not None else curve.load_before or 0.0, "1/s")
    what = f"more than the {least} from which its {loaded.what} rises steeply" if past else f"{least} before"
    return Draft(
        "contention",
        place.node,
        place.node,
        loaded.operation or None,
        f"{place.node} gets {now}, {what}; at equal load it answers as before.",
        Standing.LEADING if place.own >= LEADING_SHARE else Standing.POSSIBLE,
        min(1.0, max(0.5, place.own)),
        curve_evidence(loaded, ways, Reason.LOAD),
        f"lower the load of {place.node} to {least} for a minute: if it stays as it is, load is cleared",
    )


def _unknown_draft(place: Place, loaded: Loaded, ways: Ways) -> Draft:
    curve = loaded.curve
    summary = f"Possibly the load: {place.node} gets {number(curve.load_since or 0.0, '1/s')}, more than ever before; what it can take is not known."
    return Draft(
        "contention",
        place.node,
        place.node,
        loaded.operation or None,
        summary,
        Standing.POSSIBLE,
        0.3,
        [inference(sentence(loaded), curve_way(loaded, ways))],
        f"lower the load of {place.node} to {number(curve.load_before or 0.0, '1/s')} for a minute: if it stays as it is, load is cleared",
    )
