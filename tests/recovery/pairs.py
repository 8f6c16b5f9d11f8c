"""A canary and its control, made up minute by minute."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from console.domain.instant import Instant, Window
from console.domain.observations import Observations
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.topology import Service, Topology

CANARY, CONTROL = "checkout-canary", "checkout-control"
NOW: Instant = 1_790_000_000.0 // 60 * 60
Errors = Callable[[int], float]


def beginning(minutes: int) -> Instant:
    """When both were started."""
    return NOW - 60.0 * minutes


def pair(
    seed: int,
    factor: float = 1.0,
    phi: float = 0.3,
    minutes: int = 70,
    errors: tuple[Errors, Errors] = (lambda minute: 0.004, lambda minute: 0.004),
    noise: float = 0.12,
    requests: float = 1500.0,
) -> Observations:
    """Both until `NOW`: the canary takes `factor` times as long; `errors` are the shares that fail, the canary's first."""
    rng = random.Random(seed)
    found = []
    for service, level, fails in ((CANARY, 0.2 * factor, errors[0]), (CONTROL, 0.2, errors[1])):
        state = rng.gauss(0, 1)
        points: dict[str, list[tuple[Instant, float]]] = {"request_count": [], "error_count": [], "latency_p95": []}
        for minute in range(minutes + 1):
            state = phi * state + math.sqrt(1 - phi**2) * rng.gauss(0, 1)
            sent = round(requests * (1 + 0.03 * rng.gauss(0, 1)))
            share = fails(minute)
            mean, spread = sent * share, math.sqrt(sent * share * (1 - share))
            at = beginning(minutes) + 60.0 * minute
            points["request_count"].append((at, float(sent)))
            points["error_count"].append((at, float(max(0, round(mean + spread * rng.gauss(0, 1))))))
            points["latency_p95"].append((at, level * math.exp(noise * state)))
        found += [Series.of(SeriesKey(service, "", name), values, "prod") for name, values in points.items()]
    return Observations(
        at=NOW,
        window=Window(beginning(minutes), NOW),
        history=Window(beginning(minutes), NOW),
        topology=Topology((Service(CANARY), Service(CONTROL))),
        series=SeriesSet.of(found),
    )
