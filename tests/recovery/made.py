"""A made-up service around an incident and its fix, minute by minute; benchmarks measure with it as well."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from console.analysis.contract import write_contract
from console.analysis.diagnose import diagnose
from console.analysis.recovery import stretch
from console.analysis.recovery_seasons import Week, weeks_before
from console.domain.changes import Change, Running
from console.domain.instant import Instant, Window
from console.domain.logs import Level
from console.domain.observations import Observations
from console.domain.reading import SourceReport, SourceState
from console.domain.recovery import Contract, Fix
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.shapes import Shape, ShapeCounts
from console.domain.text import SafeText
from console.domain.topology import Service, Topology

MINUTE = 60.0
ONSET: Instant = 1_790_000_000.0 // MINUTE * MINUTE
BAD = ONSET - 40.0
"""When the blamed release went out."""
WRITTEN = ONSET + 15 * MINUTE
"""When the contract is written."""
FIXED = ONSET + 20 * MINUTE
HISTORY_MIN = 180
SERVICE = "checkout"
Curve = Callable[[float], float]
"""A value at so many seconds after the onset."""


def stepped(before: float, during: float, after: float) -> Curve:
    """One level until the onset, one until the fix, one from then on."""
    return lambda at: before if at < 0 else during if at < FIXED - ONSET else after


def flat(value: float) -> Curve:
    """The same at all times."""
    return lambda at: value


@dataclass(frozen=True)
class Made:
    """How the service does; harm sets in at `ONSET` and is mended at `FIXED`, if it is."""

    errors: Curve = field(default_factory=lambda: stepped(0.004, 0.12, 0.004))
    """Share of requests that fail."""
    p95: Curve = field(default_factory=lambda: stepped(0.2, 0.2, 0.2))
    """Seconds."""
    requests: Curve = field(default_factory=lambda: flat(3000.0))
    """A minute."""
    backlog: Curve | None = None
    phi: float = 0.3
    """Lag-1 correlation of the noise."""
    noise: float = 0.12
    """Standard deviation of the noise of latencies; a quarter of it is that of traffic and backlog."""
    seed: int = 1
    gaps: Callable[[float], bool] = lambda at: False
    """Whether nothing is told of a minute."""
    lines: tuple[tuple[str, Callable[[float], int]], ...] = ()
    """Error messages, and how many of each there are in a minute."""


def until(
    made: Made, at: Instant, since: Instant = ONSET - HISTORY_MIN * MINUTE
) -> dict[str, list[tuple[Instant, float]]]:
    """The points of each metric from `since` on; the same minute has the same noise however long the series."""
    rng = random.Random(made.seed)
    points: dict[str, list[tuple[Instant, float]]] = {}
    state = 0.0
    for minute in range(math.ceil((at - since) / MINUTE) + 1):
        when = since + minute * MINUTE
        if when > at:
            break
        state = made.phi * state + math.sqrt(1 - made.phi**2) * rng.gauss(0, 1)
        other = rng.gauss(0, 1)
        draws = rng.random()
        after = when - ONSET - MINUTE / 2  # a point stands for the minute that ends at it
        if made.gaps(after):
            continue
        requests = max(0, round(made.requests(after) * (1 + made.noise / 4 * other)))
        share = min(1.0, made.errors(after) * math.exp(0.15 * state))
        mean, spread = requests * share, math.sqrt(max(0.0, requests * share * (1 - share)))
        failed = min(requests, max(0, math.floor(mean + spread * _normal(draws) + 0.5)))
        points.setdefault("request_count", []).append((when, float(requests)))
        points.setdefault("error_count", []).append((when, float(failed)))
        points.setdefault("latency_p95", []).append((when, made.p95(after) * math.exp(made.noise * state)))
        if made.backlog is not None:
            points.setdefault("queue_depth", []).append(
                (when, max(0.0, made.backlog(after) * (1 + made.noise / 4 * other)))
            )
    return points


def _normal(draw: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(min(1 - 1e-9, max(1e-9, draw)))


def series(made: Made, at: Instant, service: str = SERVICE, since: Instant = ONSET - HISTORY_MIN * MINUTE) -> SeriesSet:
    """The same as series."""
    found = until(made, at, since)
    return SeriesSet.of([Series.of(SeriesKey(service, "", name), points, "prod") for name, points in found.items()])


def deploy(at: Instant, version: str, kind: str = "deploy", service: str = SERVICE) -> Change:
    """A deploy or rollback of the service."""
    return Change(f"deploy/prod/{version}/{at:.0f}", kind, at, service, version, COMMITS[version], source="repo")


COMMITS = {"v41": "a" * 40, "v42": "b" * 40, "v43": "c" * 40}


def running(version: str, instances: int = 4) -> Running:
    """So many instances that say that they run this version."""
    return Running(SERVICE, version, COMMITS[version], "/version", None, None, instances)


def shapes(made: Made, at: Instant) -> tuple[ShapeCounts, ...]:
    """The error lines, counted in steps of a minute."""
    if not made.lines:
        return ()
    start = ONSET - HISTORY_MIN * MINUTE
    found = []
    for text, count in made.lines:
        buckets = {}
        for minute in range(int((at - start) / MINUTE)):
            lines = count(start + minute * MINUTE - ONSET)
            if lines:
                buckets[minute] = lines
        if buckets:
            first, last = start + min(buckets) * MINUTE, start + max(buckets) * MINUTE
            found.append(Shape(SERVICE, Level.ERROR, SafeText(text), buckets, first, last, SafeText(text)))
    return (ShapeCounts(Window(start, at), MINUTE, tuple(found), source="app"),)


def observed(made: Made, at: Instant, changes: tuple[Change, ...] = (), runs: tuple[Running, ...] = ()) -> Observations:
    """All that is known of the service at an instant; the blamed release is always among the changes."""
    known = tuple(c for c in (deploy(BAD, "v42"), *changes) if c.at <= at)
    return Observations(
        at=at,
        window=Window(at - 1800, at),
        history=Window(ONSET - HISTORY_MIN * MINUTE, at),
        topology=Topology((Service(SERVICE),)),
        series=series(made, at),
        changes=known,
        running=runs,
        shapes=shapes(made, at),
        sources=(
            SourceReport("prod", "csv", SourceState.OK, role="metrics"),
            SourceReport("repo", "git", SourceState.OK, role="deploys"),
        ),
    )


ROLLBACK = deploy(FIXED, "v41", "rollback")


def contract_of(made: Made, hold_s: float = 900.0, error_margin: float | None = None) -> Contract:
    """The contract, as it is written during the incident."""
    seen = observed(made, WRITTEN)
    return write_contract(seen, diagnose(seen), hold_s, error_margin)


def after(minutes: float) -> Instant:
    """So many minutes after the fix."""
    return FIXED + minutes * MINUTE


def weeks(made: Made, contract: Contract, at: Instant, curves: dict[int, Made]) -> tuple[Week, ...]:
    """Earlier weeks, each made by its own curves; times of the curves count from the same clock time as the onset."""
    from datetime import UTC

    window = stretch(contract, Fix(FIXED, SafeText("rollback")), at)
    assert window is not None
    found = []
    for number, (before, then) in enumerate(weeks_before(contract, window, UTC), 1):
        if number in curves:
            back = number * 7 * 86400.0
            whole = series(
                replace(curves[number], seed=made.seed * 10 + number), at, since=contract.baseline.start - MINUTE
            )
            moved = [Series.of(s.key, [(t - back, v) for t, v in s], s.source) for s in whole]
            found.append(Week(SeriesSet.of(moved), before, then))
    return tuple(found)
