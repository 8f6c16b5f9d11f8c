"""A shop request by request, in fine steps: what its services show while the machine below all of them stands still.

A stall stops every process at once, or leaves them a part of their speed. Who is served then takes so much longer; who arrives
meanwhile waits for a free worker, so that the queue takes a while to go. A caller that waits too long gives up: a failure.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from random import Random
from statistics import fmean

from console.domain.instant import Instant, Window
from console.domain.observations import Observations
from console.domain.reading import SourceReport, SourceState
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.topology import Service, Topology

START = 1_790_000_000.0
BEFORE_S = 2400.0
"""Seconds of traffic before anything happens."""
RATE = 16.0
"""Requests per second at the entry."""
WORKERS = 24
LOOK_EVERY_S = 5
QUANTILES = {"latency_p50": 0.5, "latency_p95": 0.95, "latency_p99": 0.99}
CALLS = {"front": {"basket": 0.4, "stock": 0.5}, "basket": {"bank": 0.5, "stock": 0.4}, "bank": {}, "stock": {}}
"""Calls of a request to each callee; callers before callees."""
OWN_S = {"front": 0.012, "basket": 0.06, "bank": 0.14, "stock": 0.03}


@dataclass(frozen=True)
class Fault:
    """What one service does otherwise from `since` on, in seconds after the calm stretch."""

    service: str
    since: float
    slower: float = 1.0
    """Its own time, as a multiple."""
    failing: float = 0.0
    """Share of its requests that fail."""
    until: float = float("inf")


@dataclass(frozen=True)
class Stall:
    """A stretch, in seconds after the calm one, in which the whole machine is slow."""

    start: float
    end: float
    speed: float = 0.0
    """Of its usual one; 0: it stands still."""


STALLS = {
    "ten seconds": (Stall(3, 13),),
    "twenty seconds": (Stall(7, 27),),
    "twenty slow seconds": (Stall(5, 25, 0.2),),
    "four of four seconds": (Stall(5, 9), Stall(25, 29), Stall(45, 49), Stall(65, 69)),
}
FAULTS = {
    "a slower service": Fault("basket", 7, slower=3.0),
    "a slower leaf": Fault("bank", 3, slower=2.5),
    "failures": Fault("bank", 5, failing=0.2),
    "a few failures": Fault("front", 1, failing=0.03),
}


Answer = tuple[Instant, float, bool]
"""When it ended, how many seconds it took, and whether it failed."""


@dataclass(frozen=True)
class Shop:
    """Requests of a while, and what a monitoring system would have made of them at any moment.

    Args:
        seed: Of all chance in it.
        stalls: When the whole machine is slow; none overlaps another.
        faults: What is really wrong.
        patience_s: After so long a caller gives up.
        length_s: How long it goes on after the calm stretch.
    """

    seed: int
    stalls: tuple[Stall, ...] = ()
    faults: tuple[Fault, ...] = ()
    patience_s: float = 5.0
    length_s: float = 240.0

    @property
    def served(self) -> dict[str, list[Answer]]:
        """What each service answered, in order."""
        return _served(self)

    def seen(self, after_s: float, step_s: float) -> Observations:
        """What is known so many seconds after the calm stretch, in steps of this width."""
        at = START + BEFORE_S + after_s
        edges = [START + k * step_s for k in range(int((BEFORE_S + after_s) // step_s) + 1)]
        series = [one for name in CALLS for one in self._series(name, edges)]
        return Observations(
            at=at,
            window=Window(edges[-1] - 1800, edges[-1]),
            history=Window(START, edges[-1]),
            topology=Topology(
                tuple(Service(name, depends_on=tuple(callees)) for name, callees in CALLS.items()),
                (),
            ),
            series=SeriesSet.of(series),
            sources=tuple(SourceReport(n, "csv", SourceState.OK, role=n) for n in ("metrics", "changes")),
        )

    def looks(self, step_s: float) -> Iterator[tuple[int, Observations]]:
        """What is known every few seconds from when something happens on, and after how many of them."""
        return ((after, self.seen(after, step_s)) for after in range(0, int(self.length_s) + 1, LOOK_EVERY_S))

    def _series(self, name: str, edges: list[Instant]) -> list[Series]:
        """What is known of a service at the last of these edges."""
        steps = max(len(edges) - 1, int((BEFORE_S + self.length_s) // (edges[1] - edges[0])))
        found = []
        for whole in _measured(self, name, edges[1] - edges[0], steps):
            known = bisect_right(whole.times, edges[-1])
            found.append(replace(whole, times=whole.times[:known], values=whole.values[:known]))
        return found


class _Service:
    """One of them while requests are served.

    Args:
        faults: Those of it.
    """

    def __init__(self, name: str, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        self.own_s = OWN_S[name]
        self.calls = tuple(CALLS[name].items())
        self.free = [0.0] * WORKERS
        self.answers: list[Answer] = []

    def fault(self, at: float) -> Fault | None:
        """What is wrong with it at so many seconds."""
        return next((f for f in self.faults if f.since <= at - BEFORE_S < f.until), None)


@lru_cache(maxsize=8)
def _served(shop: Shop) -> dict[str, list[Answer]]:
    """What each service answered, in order; kept, since many tests look at the same shop."""
    random = Random(shop.seed)
    chance, lognormal = random.random, random.lognormvariate
    services = {name: _Service(name, tuple(f for f in shop.faults if f.service == name)) for name in CALLS}

    def serve(name: str, at: float) -> tuple[float, bool]:
        """When a request that arrives is answered, and whether it fails."""
        service = services[name]
        fault = service.fault(at) if service.faults else None
        own = service.own_s * lognormal(0, 0.4) * (fault.slower if fault else 1.0)
        start = max(at, service.free[0])
        end = _awake(shop.stalls, start, own) if shop.stalls else start + own
        failed = chance() < (fault.failing if fault else 0.001)
        for callee, share in service.calls:
            if chance() < share:
                called = end
                end, bad = serve(callee, called)
                failed = failed or bad or end - called > shop.patience_s
        heapq.heapreplace(service.free, end)
        service.answers.append((end, end - at, failed))
        return end, failed

    at = 0.0
    while at < BEFORE_S + shop.length_s:
        at += random.expovariate(RATE)
        serve("front", at)
    return {name: sorted(service.answers) for name, service in services.items()}


def _awake(stalls: tuple[Stall, ...], start: float, seconds: float) -> float:
    """When work of so many seconds is done; a stall leaves a part of its length for it, or nothing."""
    at, left = start, seconds
    for stall in stalls:
        low, high = max(at, stall.start + BEFORE_S), stall.end + BEFORE_S
        if high <= at:
            continue
        if at + left <= low:
            break
        left -= low - at
        slow = (high - low) * stall.speed
        if slow >= left:
            return low + left / stall.speed
        at, left = high, left - slow
    return at + left


@lru_cache(maxsize=64)
def _measured(shop: Shop, name: str, step_s: float, steps: int) -> list[Series]:
    """The metrics of a service over so many steps; kept, since what was measured up to a moment does not change later."""
    points: dict[str, list[tuple[Instant, float]]] = defaultdict(list)
    answers = iter(shop.served[name])
    one = next(answers, None)
    for low, high in pairwise(START + k * step_s for k in range(steps + 1)):
        inside: list[tuple[float, bool]] = []
        while one is not None and START + one[0] <= high:
            if START + one[0] > low:
                inside.append(one[1:])
            one = next(answers, None)
        points["request_count"].append((high, float(len(inside))))
        points["error_count"].append((high, float(sum(bad for _, bad in inside))))
        if inside:
            times = sorted(seconds for seconds, _ in inside)
            points["latency_avg"].append((high, fmean(times)))
            for metric, q in QUANTILES.items():
                points[metric].append((high, times[min(len(times) - 1, int(q * len(times)))]))
    return [Series.of(SeriesKey(name, "", metric), found, "metrics", "q") for metric, found in points.items()]
