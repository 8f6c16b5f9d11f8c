"""Finding out what a Prometheus knows of our services: which names, which labels, how often scraped.

A handful of queries, made once and then every ten minutes. The first counts series by name and by the labels that could
name a service, so it never moves more than a few rows per service.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from console.domain.instant import Instant
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.sanitise import safe
from sources.metrics.conventions import (
    BUILD_INFO,
    BUILD_SUFFIX,
    COUNTERS,
    FAILED_STATUS,
    GAUGES,
    HISTOGRAMS,
    NO_ANSWER,
    OUTBOUND_COUNTERS,
    OUTBOUND_HISTOGRAMS,
    PEER_LABELS,
    SERVICE_LABELS,
    STARTS,
    Gauge,
    LatencyHistogram,
    RequestLabels,
)
from sources.metrics.promapi import Labels, PromApi, Result, literal, quoted

DEFAULT_SCRAPE_S = 60.0
"""Prometheus' own default, used where the real interval cannot be measured."""
SCRAPE_MEASURED_OVER_S = 300.0
MANY_SERIES = 400
"""From so many series on the operations are counted before they are asked for one by one."""
MOST_OPERATIONS = 300
MOST_MATCHER = 4_000
"""A longer list of services is not spelled out: servers cut long addresses."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A metric, for some services, with the label that names them."""

    name: str
    label: str
    services: tuple[str, ...]
    """Values of the label."""
    series: int = 0
    """How many series stand behind it."""

    def matching(self, suffix: str = "", extra: Iterable[tuple[str, str, str]] = ()) -> str:
        """A PromQL selector."""
        matchers = [f"{k}{op}{quoted(v)}" for k, op, v in extra]
        named = quoted("|".join(literal(service) for service in self.services))
        matchers.insert(0, f"{self.label}=~{named if len(named) <= MOST_MATCHER else quoted('.+')}")
        return f"{self.name}{suffix}{{{','.join(matchers)}}}"


@dataclass(frozen=True, slots=True)
class RequestPlan:
    """Where request counts of some services come from."""

    counter: Selection
    labels: RequestLabels
    failed: str = FAILED_STATUS
    """A failed request's status, as a regular expression over the whole value."""

    @property
    def whole(self) -> RequestPlan:
        """The same without operations."""
        return replace(self, labels=replace(self.labels, route=None))


@dataclass(frozen=True, slots=True)
class LatencyPlan:
    """Where durations of some services come from."""

    histogram: LatencyHistogram
    selection: Selection
    labels: RequestLabels

    @property
    def whole(self) -> LatencyPlan:
        """The same without operations."""
        return replace(self, labels=replace(self.labels, route=None))


@dataclass(frozen=True, slots=True)
class GaugePlan:
    """Where one gauge of some services comes from."""

    gauge: Gauge
    selection: Selection


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask, and how."""

    requests: tuple[RequestPlan, ...] = ()
    latencies: tuple[LatencyPlan, ...] = ()
    gauges: tuple[GaugePlan, ...] = ()
    scrape_s: float = DEFAULT_SCRAPE_S
    notes: tuple[SafeText, ...] = ()
    """What the reader must know of it: services not found, operations left out."""
    skew_s: float | None = None
    builds: bool = False
    """Whether some service tells its build."""

    @property
    def empty(self) -> bool:
        """Whether no metric of a known name was found."""
        return not (self.requests or self.latencies or self.gauges)


def is_build_info(name: str) -> bool:
    """Whether a metric tells the build of a program, or of a library."""
    return name in BUILD_INFO or name.endswith(BUILD_SUFFIX)


def service_of(value: str) -> str:
    """The service in a label's value: OpenTelemetry's `job` is `namespace/service`."""
    return value.rpartition("/")[2] or value


async def discover(
    api: PromApi,
    at: Instant,
    reach_s: float,
    services: Sequence[str],
    service_label: str | None,
    dependencies: Sequence[str] = (),
) -> Plan:
    """Look around.

    Args:
        at: The moment that is asked about.
        reach_s: How far back a name counts that is silent at `at`: what has just died is what matters most.
        services: Names of the configuration; empty: everything is wanted.
        service_label: The label that names the service, where the configuration says so.
        dependencies: Those of `services` that may expose nothing: calls to them are taken as their numbers.

    Raises:
        SourceError: Of every kind.
    """
    found = await _names(api, at, reach_s, service_label)
    every = [(s.labels, max((v for _, v in s.points), default=0.0)) for s in found.streams]
    rows = [row for row in every if not is_build_info(row[0].get("__name__", ""))]
    candidates = (service_label,) if service_label else SERVICE_LABELS
    builds = any(
        service_of(labels.get(one, "")) in services
        for labels, _ in every
        if is_build_info(labels.get("__name__", ""))
        for one in candidates
    )
    if not rows:
        return Plan(skew_s=found.skew_s)
    notes: list[SafeText] = []
    chooser = _Chooser(rows, services, candidates)
    if services and not chooser.known:
        notes.append(chooser.strangers())
    counters, latencies = await _requests(api, at, reach_s, chooser, notes)
    if dependencies:
        called = await _calls(api, at, reach_s, rows, dependencies, counters)
        counters, latencies = (*counters, *called[0]), (*latencies, *called[1])
    gauges = tuple(
        GaugePlan(next(g for g in (*GAUGES, *STARTS) if g.metric == metric and g.name == selection.name), selection)
        for metric in dict.fromkeys(g.metric for g in (*GAUGES, *STARTS))
        for selection in chooser.spread(g.name for g in (*GAUGES, *STARTS) if g.metric == metric)
    )
    names = [
        *(p.counter.name for p in counters),
        *(p.selection.name for p in latencies),
        *(p.selection.name for p in gauges),
    ]
    scrape_s = await _scrape_interval(api, at, names[0]) if names else DEFAULT_SCRAPE_S
    return Plan(counters, latencies, gauges, scrape_s, tuple(notes), found.skew_s, builds)


async def _names(api: PromApi, at: Instant, reach_s: float, service_label: str | None) -> Result:
    """Series counted by name and by every label that could name a service."""
    names = [c.name for c in COUNTERS] + [f"{h.base}_count" for h in HISTOGRAMS] + [g.name for g in (*GAUGES, *STARTS)]
    names += [*OUTBOUND_COUNTERS, *(f"{h.base}_count" for h in OUTBOUND_HISTOGRAMS)]
    names += [*BUILD_INFO, f".+{BUILD_SUFFIX}"]
    own = [service_label] if service_label else []
    by = ", ".join(dict.fromkeys(["__name__", *own, *SERVICE_LABELS, *PEER_LABELS]))
    selector = f"{{__name__=~{quoted('|'.join(names))}}}"
    counted = f"count by ({by}) ({selector})"
    now = await api.instant(counted, at)
    # What has died since is what matters most, and it is no longer there now.
    earlier = await api.instant(counted, at - reach_s)
    rows = {tuple(sorted(s.labels.items())): s for s in (*earlier.streams, *now.streams)}
    if rows:
        return replace(now, streams=tuple(rows.values()))
    return await api.instant(f"count by ({by}) (last_over_time({selector}[{max(60, reach_s):.0f}s]))", at)


class _Chooser:
    """Which label names the service in each metric, and which metric serves which service."""

    def __init__(self, rows: list[tuple[Labels, float]], services: Sequence[str], candidates: Sequence[str]) -> None:
        self._rows = rows
        self._wanted = frozenset(services)
        self._candidates = candidates
        self.known = any(
            service_of(v) in self._wanted for row, _ in rows for k, v in row.items() if k in self._candidates
        )
        """Whether any label names a configured service."""

    def strangers(self) -> SafeText:
        """What the labels name instead of configured services."""
        seen = {service_of(v) for row, _ in self._rows for k, v in row.items() if k in self._candidates and v}
        return safe(
            f"no label names a configured service; {', '.join(self._candidates[:1] if len(self._candidates) == 1 else ['the labels'])}"
            f" say {', '.join(sorted(seen)[:8]) or 'nothing'}: set service_label, or name services so",
            300,
        )

    def spread(self, names: Iterable[str], done: frozenset[str] = frozenset()) -> list[Selection]:
        """Each wanted service that is not in `done` to the first of these metrics that has it.

        One metric is selected more than once where its instances name their service by different labels.
        """
        found: list[Selection] = []
        for name in names:
            rows = [row for row in self._rows if row[0].get("__name__") == name]
            while (best := self._best(name, rows, done)) is not None:
                found.append(best)
                done |= {service_of(v) for v in best.services}
                rows = [row for row in rows if row[0].get(best.label) not in best.services]
        return found

    def _best(self, name: str, rows: list[tuple[Labels, float]], done: frozenset[str]) -> Selection | None:
        """By the label that names the most configured services; where none does, by the most telling label."""
        best: tuple[int, int, Selection] | None = None
        for order, label in enumerate(self._candidates):
            values = {v for labels, _ in rows if (v := labels.get(label, "")) and self._is_open(v, done)}
            if not values:
                continue
            series = int(sum(n for labels, n in rows if labels.get(label) in values))
            rank = (len({service_of(v) for v in values}) if self.known else 0, -order)
            if best is None or rank > best[:2]:
                best = (*rank, Selection(name, label, tuple(sorted(values)), series))
        return best[2] if best else None

    def _is_open(self, value: str, done: frozenset[str]) -> bool:
        service = service_of(value)
        return service not in done and (not self.known or service in self._wanted)


async def _requests(
    api: PromApi, at: Instant, reach_s: float, chooser: _Chooser, notes: list[SafeText]
) -> tuple[tuple[RequestPlan, ...], tuple[LatencyPlan, ...]]:
    by_name = {f"{h.base}_count": h for h in HISTOGRAMS}
    latencies = [
        LatencyPlan(by_name[selection.name], selection, await _labels(api, selection, at, reach_s, notes))
        for selection in chooser.spread(by_name)
    ]
    requests = [
        RequestPlan(selection, await _labels(api, selection, at, reach_s, notes))
        for selection in chooser.spread(c.name for c in COUNTERS)
    ]
    counted = frozenset(service_of(v) for plan in requests for v in plan.counter.services)
    known = {(plan.selection.name, plan.selection.label): plan.labels for plan in latencies}
    for selection in chooser.spread(by_name, counted):  # a histogram counts requests too, where nothing better does
        labels = known.get((selection.name, selection.label))
        if labels is None:
            labels = await _labels(api, selection, at, reach_s, notes)
        requests.append(RequestPlan(selection, labels))
    return tuple(requests), tuple(latencies)


async def _calls(
    api: PromApi,
    at: Instant,
    reach_s: float,
    rows: list[tuple[Labels, float]],
    dependencies: Sequence[str],
    known: Sequence[RequestPlan],
) -> tuple[list[RequestPlan], list[LatencyPlan]]:
    """Calls to dependencies whose own requests nobody counts, as their callers measured them."""
    chooser = _Chooser(rows, dependencies, PEER_LABELS)
    if not chooser.known:
        return [], []
    counted = frozenset(service_of(v) for plan in known for v in plan.counter.services)
    by_name = {f"{h.base}_count": h for h in OUTBOUND_HISTOGRAMS}
    requests = []
    for selection in chooser.spread((*OUTBOUND_COUNTERS, *by_name), counted):
        names = await api.labels([selection.matching()], at - max(60.0, reach_s), at)
        status = RequestLabels.of(names, selection.label).status
        failed = "|".join([FAILED_STATUS, *sorted(NO_ANSWER)])
        requests.append(RequestPlan(selection, RequestLabels(None, None, status), failed))
    latencies = [
        LatencyPlan(by_name[selection.name], selection, RequestLabels(None, None, None))
        for selection in chooser.spread(by_name, counted)
    ]
    return requests, latencies


async def _labels(
    api: PromApi, selection: Selection, at: Instant, reach_s: float, notes: list[SafeText]
) -> RequestLabels:
    names = await api.labels([selection.matching()], at - max(60.0, reach_s), at)
    labels = RequestLabels.of(names, selection.label)
    if labels.operation and selection.series > MANY_SERIES:
        by = ", ".join((selection.label, *labels.operation))
        counted = await api.instant(f"count(count by ({by}) ({selection.matching()}))", at)
        operations = max((v for s in counted.streams for _, v in s.points), default=0.0)
        if operations > MOST_OPERATIONS:
            notes.append(
                safe(
                    f"{selection.name}: {operations:,.0f} operations are more than {MOST_OPERATIONS}, so only services are shown"
                )
            )
            return RequestLabels(None, None, labels.status)
    return labels


async def _scrape_interval(api: PromApi, at: Instant, name: str) -> float:
    """How often a metric is scraped, measured: the samples of its best-kept series in five minutes."""
    over = SCRAPE_MEASURED_OVER_S
    result = await api.instant(f"max(count_over_time({name}[{over:.0f}s]))", at)
    samples = max((v for s in result.streams for _, v in s.points), default=0.0)
    return over / samples if samples >= 2 else DEFAULT_SCRAPE_S
