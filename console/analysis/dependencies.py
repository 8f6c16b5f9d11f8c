"""How the things that services need are doing: from our own calls, then their own metrics, then the probe, else unknown."""

from __future__ import annotations

from console.analysis.constants import DEGRADED_ERROR_RATE, DOWN_ERROR_RATE
from console.analysis.graph import Graph
from console.analysis.moves import Move
from console.analysis.stats import median_of
from console.analysis.symptoms import harms_users
from console.analysis.traces import Calls
from console.analysis.tracks import arrays
from console.domain.instant import Instant, Window
from console.domain.series import SeriesSet
from console.domain.text import SafeText
from console.domain.topology import DependencyState, Health, ProbeResult, Topology

FEWEST_CALLS = 5


def dependency_states(
    topology: Topology,
    graph: Graph,
    series: SeriesSet,
    probes: tuple[ProbeResult, ...],
    moves: list[Move],
    calls: Calls | None,
    window: Window,
    at: Instant,
) -> tuple[DependencyState, ...]:
    """One row for everything that is needed by something: configured dependencies, and services that are called."""
    names = [d.name for d in topology.dependencies]
    names += [s.name for s in topology.services if graph.callers.get(s.name)]
    names += sorted({callee for _, callee in graph.told_by} - set(names))
    newest = {p.name: p for p in sorted(probes, key=lambda p: p.at) if p.at <= at}
    stamps: dict[str, float] = {}
    for one in series:
        if len(one) and one.times[-1] <= at:
            stamps[one.key.service] = max(one.times[-1], stamps.get(one.key.service, 0.0))
    kinds = {d.name: d.kind for d in topology.dependencies} | {s.name: "service" for s in topology.services}
    bad: dict[str, list[Move]] = {}
    for move in moves:
        if move.ongoing and harms_users(move):
            bad.setdefault(move.service, []).append(move)
    return tuple(
        _state(
            name,
            kinds.get(name, "other"),
            series,
            stamps.get(name),
            newest.get(name),
            bad.get(name, []),
            calls,
            window,
            at,
        )
        for name in names
    )


def _state(
    name: str,
    kind: str,
    series: SeriesSet,
    stamp: Instant | None,
    probe: ProbeResult | None,
    bad: list[Move],
    calls: Calls | None,
    window: Window,
    at: Instant,
) -> DependencyState:
    own = _outbound(name, calls, window)
    if own is not None:
        failed, total, p95 = own
        rate = failed / total
        health = _by_rate(rate)
        if bad and health is Health.HEALTHY:
            health = Health.DEGRADED
        return DependencyState(
            name, kind, health, rate, p95, "own outbound calls", at, SafeText(f"{total} calls, {failed} failed")
        )
    metrics = _metrics(name, series, stamp, bad, window)
    if metrics is not None and metrics[0] is not Health.UNKNOWN:
        return metrics_state(name, kind, metrics)
    if probe is not None:
        return DependencyState(name, kind, probe.health, None, probe.latency_s, "probe", probe.at, probe.detail)
    return DependencyState(name, kind, Health.UNKNOWN, None, None, "none", None)


def _by_rate(rate: float) -> Health:
    if rate >= DOWN_ERROR_RATE:
        return Health.DOWN
    return Health.DEGRADED if rate >= DEGRADED_ERROR_RATE else Health.HEALTHY


def _outbound(name: str, calls: Calls | None, window: Window) -> tuple[int, int, float] | None:
    """(failed, calls, p95 seconds) of requests that others sent to it, as the spans show them."""
    if calls is None:
        return None
    served = [
        (seconds, failed)
        for (service, _), points in calls.served.items()
        if service == name
        for t, seconds, failed in points
        if t in window
    ]
    if len(served) < FEWEST_CALLS:
        return None
    times = sorted(s for s, _ in served)
    return sum(f for _, f in served), len(served), times[min(len(times) - 1, int(0.95 * len(times)))]


def _metrics(
    name: str, series: SeriesSet, stamp: Instant | None, bad: list[Move], window: Window
) -> tuple[Health, float | None, float | None, Instant, str] | None:
    """State by its own metrics: health, error rate, p95, when, why."""
    if stamp is None or stamp < window.start:
        return None
    rate = _error_rate(name, series, window)
    p95 = _last(name, series, ("latency_p95", "latency_p99", "latency_avg"), window)
    # What has no earlier level cannot leave it: failing as our own calls would call it is trouble all the same.
    health = _by_rate(rate) if rate is not None else Health.HEALTHY
    why = f"{bad[0].metric.replace('_', ' ')} left its level" if bad else ""
    if bad:
        health = Health.DOWN if health is Health.DOWN else Health.DEGRADED
    elif health is not Health.HEALTHY:
        limit = DEGRADED_ERROR_RATE if health is Health.DEGRADED else DOWN_ERROR_RATE
        why = f"at least {limit * 100:g} % of its requests fail"
    elif not any(
        series.get(name, m)
        for m in (
            "error_rate",
            "availability",
            "error_count",
            "latency_avg",
            "latency_p95",
            "latency_p99",
            "latency_p50",
        )
    ):
        health = Health.UNKNOWN
    return health, rate, p95, stamp, why


def metrics_state(
    name: str, kind: str, found: tuple[Health, float | None, float | None, Instant, str]
) -> DependencyState:
    """The row for a state that its own metrics tell."""
    health, rate, p95, stamp, why = found
    return DependencyState(name, kind, health, rate, p95, "own metrics", stamp, SafeText(why))


def _error_rate(name: str, series: SeriesSet, window: Window) -> float | None:
    errors, requests = series.get(name, "error_count"), series.get(name, "request_count")
    if errors is not None and requests is not None:
        total = sum(requests.within(window).values)
        return min(1.0, sum(errors.within(window).values) / total) if total else None
    rate = _last(name, series, ("error_rate",), window)
    if rate is not None:
        return rate
    available = _last(name, series, ("availability",), window)
    return None if available is None else 1 - available


def _last(name: str, series: SeriesSet, metrics: tuple[str, ...], window: Window) -> float | None:
    for metric in metrics:
        one = series.get(name, metric)
        if one is not None:
            _, values = arrays(one.within(window))
            if values.size:
                return median_of(values[-5:])
    return None
