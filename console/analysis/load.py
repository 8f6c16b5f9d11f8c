"""Load: whether more traffic explains the trouble, and whether a bounded resource ran out under it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from console.analysis.constants import SILENCE_EXPECTED, SURGE_RATIO
from console.analysis.graph import Graph
from console.analysis.moves import Move
from console.analysis.signals import Family
from console.analysis.tracks import Tracks, arrays, step_of
from console.domain.instant import Instant
from console.domain.values import dataclass

if TYPE_CHECKING:
    from console.domain.series import Series, SeriesSet

POOL_FULL = 0.9
"""A pool in use to this share is used up (Coroot) [P]."""
BUSIER = 1.2
"""Load this much above its level is more load [D]."""
DESERTED = 0.1
"""Share of its usual requests below which a service answers hardly anybody [D]."""
OPERATION_PART = 0.5
"""Part of the calls that came on top which an operation's own rise must be able to explain, at a call for each request [D]."""
PEAK_PERCENTILE = 99.0
SURGE_LEAD_S = 120.0
"""A surge may be seen this long after the trouble it causes, and still come first: a queue fills before rates show it [D]."""


@dataclass(frozen=True, slots=True)
class Surge:
    """More arrivals from outside."""

    entry: str
    """Where they enter."""
    move: Move
    spread: tuple[Move, ...]
    """The traffic of services below it that rose too."""


@dataclass(frozen=True, slots=True)
class Exhausted:
    """A pool or another bounded resource that is used up."""

    service: str
    metric: str
    used: float
    size: float
    before: float
    """Share used before the onset."""
    load_ratio: float | None
    """Traffic now over traffic before; None: not known."""
    source: str
    query: str = ""
    load: Series | None = None
    """What tells the traffic."""


def find_surge(moves: list[Move], graph: Graph, onset: Instant, tracks: Tracks) -> Surge | None:
    """The largest rise of traffic that comes from outside, not after the trouble, and beyond any peak seen before.

    A service whose callers are known and did not get more requests themselves is asked more often by them: that is their
    doing, not demand. Where demand enters, the most requests come on top, whether or not calls are known.
    """
    risen = {
        m.service: m
        for m in sorted(moves, key=lambda m: -m.z)
        if m.meaning.family is Family.TRAFFIC
        and not m.meaning.outbound
        and m.operation is None
        and m.direction > 0
        and m.opened
        and m.ongoing
        and m.effect >= SURGE_RATIO - 1
        and m.began.earliest <= onset + SURGE_LEAD_S
        and _beyond_peaks(m, tracks)
    }
    entries = []
    for service, move in risen.items():
        callers = [c for c in graph.callers.get(service, ()) if c != service]
        if not callers or any(c in risen for c in callers):
            entries.append((not any(c in risen for c in callers), _added_per_s(move), service))
    roots = [e for e in entries if e[0]] or entries
    if not roots:
        return None
    _, _, entry = max(roots)
    below = tuple(risen[s] for s in graph.below(entry)[1:] if s in risen)
    return Surge(entry, risen[entry], below)


def _added_per_s(move: Move) -> float:
    """Requests a second that came on top."""
    return (move.observed - move.level) / (move.step_s if move.meaning.unit == "count" else 1.0)


def _beyond_peaks(move: Move, tracks: Tracks) -> bool:
    """Whether the load exceeds what the baseline has seen at its busiest."""
    import numpy as np

    for track in tracks.values:
        if track.service == move.service and track.key.metric == move.metric and track.operation == move.operation:
            before = track.values[track.times < move.onset]
            return before.size == 0 or move.observed >= SURGE_RATIO * float(np.percentile(before, PEAK_PERCENTILE))
    return True


def busier_services(series: SeriesSet, services: Iterable[str], onset: Instant, at: Instant) -> frozenset[str]:
    """Services that get clearly more requests than before."""
    return frozenset(s for s in services if (load_ratio(series, s, onset, at) or 1.0) >= BUSIER)


def deserted_services(series: SeriesSet, services: Iterable[str], onset: Instant, at: Instant) -> frozenset[str]:
    """Services that answer hardly anybody any more, where many more were to be expected.

    What little they still measure says nothing of the calls that do not arrive.
    """
    found = []
    for service in services:
        one = _traffic(series, service)
        told = _medians(one, onset, at) if one is not None else None
        if told is not None and told[1] <= DESERTED * told[0] and told[0] * (at - onset) >= SILENCE_EXPECTED:
            found.append(service)
    return frozenset(found)


def find_exhausted(tracks: Tracks, series: SeriesSet, onset: Instant, at: Instant) -> list[Exhausted]:
    """Pools that are used up since the onset and were not before."""
    import numpy as np

    found = []
    for track in tracks.values:
        name = track.key.metric
        if not name.endswith(("in_use", "_used", "active")) and name != "pool_in_use":
            continue
        size = _size(tracks, track.service, name)
        if size is None or size <= 0:
            continue
        late = track.times >= onset
        if not late.any() or late.all():
            continue
        used = float(np.percentile(track.values[late], 75))
        before = float(np.median(track.values[~late][-200:]))
        if used >= POOL_FULL * size and before < POOL_FULL * size:
            ratio = load_ratio(series, track.service, onset, at)
            traffic = _traffic(series, track.service)
            place = (track.service, name, used, size, before / size, ratio)
            found.append(Exhausted(*place, track.source, track.query, traffic))
    return found


def _size(tracks: Tracks, service: str, metric: str) -> float | None:
    stem = metric.removesuffix("_in_use").removesuffix("_used").removesuffix("_active")
    for (owner, name), series in tracks.limits.items():
        if owner == service and (name.startswith(stem) or name == "pool_size") and len(series):
            return float(series.values[-1])
    return None


def asking_more(
    series: SeriesSet, callees: Iterable[str], callers: dict[str, tuple[str, ...]], onset: Instant, at: Instant
) -> dict[tuple[str, str], float]:
    """Callers and callees where the callee gets more than its callers' own requests explain, with how many times as much.

    It is more for all that is known where no caller's own requests rose as much, nor those of one of its operations:
    repeated calls, or new ones. Whose they are is not known of several callers.
    """
    found = {}
    for callee in callees:
        asked = load_ratio(series, callee, onset, at)
        if asked is None or asked < SURGE_RATIO:
            continue
        one = _traffic(series, callee)
        told = _medians(one, onset, at) if one is not None else None
        added = told[1] - told[0] if told is not None else 0.0
        known = {c: r for c in callers.get(callee, ()) if (r := _most_risen(series, c, onset, at, added)) is not None}
        most = max(known.values(), default=0.0)
        if most > 0 and asked >= SURGE_RATIO * max(1.0, most):
            found.update({(caller, callee): asked / max(1.0, ratio) for caller, ratio in known.items()})
    return found


def _most_risen(series: SeriesSet, service: str, onset: Instant, at: Instant, added: float) -> float | None:
    """How many times as much a service gets as before, or one of its operations that could have `added` so much a second."""
    whole, one = load_ratio(series, service, onset, at), _traffic(series, service)
    if whole is None or one is None:
        return None
    ratios = [whole]
    for part in series:
        key = part.key
        if key.service == service and key.operation and key.metric == one.key.metric:
            told = _medians(part, onset, at)
            if told is not None and told[0] > 0 and told[1] - told[0] >= OPERATION_PART * added:
                ratios.append(told[1] / told[0])
    return max(ratios)


def _traffic(series: SeriesSet, service: str) -> Series | None:
    return series.get(service, "request_rate") or series.get(service, "request_count")


def load_ratio(series: SeriesSet, service: str, onset: Instant, at: Instant) -> float | None:
    """Median traffic of a service since the onset over that before it; None where it is not known."""
    one = _traffic(series, service)
    told = _medians(one, onset, at) if one is not None else None
    return told[1] / told[0] if told is not None and told[0] > 0 else None


def _medians(one: Series, onset: Instant, at: Instant) -> tuple[float, float] | None:
    """(before the onset, since) of requests a second, in the middle; None where too little is known."""
    import numpy as np

    times, values = arrays(one.until(at))
    late, early = values[times >= onset], values[times < onset]
    if late.size < 1 or early.size < 3:
        return None
    each = step_of(one) if one.key.metric == "request_count" else 1.0
    return float(np.median(early[-240:])) / each, float(np.median(late)) / each
