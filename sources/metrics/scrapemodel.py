"""What one scrape says, in the terms of the contract: found by the same conventions as the queries to a Prometheus."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from re import compile as pattern

from console.domain.series import SeriesKey
from console.guard.sanitise import safe
from sources.metrics.conventions import (
    BUILD_INFO,
    COMMIT_LABELS,
    COUNTERS,
    FAILED_STATUS,
    GAUGES,
    HISTOGRAMS,
    NO_ANSWER,
    OUTBOUND_COUNTERS,
    OUTBOUND_HISTOGRAMS,
    PEER_LABELS,
    VERSION_LABELS,
    Gauge,
    LatencyHistogram,
    RequestLabels,
    first_of,
)
from sources.metrics.exposition import Exposition, Sample
from sources.metrics.growth import Growth, Key
from sources.metrics.histogram import QUANTILES, bound_of, bucket_quantile

NAME_LIMIT = 200
MOST_OPERATIONS = 300
"""Further operations only count in the service as a whole."""
MOST_OTHER = 60
"""Gauges of unknown meaning that are kept as evidence."""
RUNTIMES = ("go_", "python_", "process_", "promhttp_", "jvm_", "nodejs_", "dotnet_", "ruby_", "scrape_", "tomcat_")
"""The inner life of a language's runtime says little about an incident."""
_FAILED = pattern(f"(?:{FAILED_STATUS})")
Values = dict[SeriesKey, float]


@dataclass(frozen=True, slots=True)
class Names:
    """Which of the known names a program exposes; the first of each kind is used."""

    counter: str | None
    histogram: LatencyHistogram | None
    outbound: str | None
    outbound_histogram: LatencyHistogram | None
    gauges: tuple[Gauge, ...]

    @classmethod
    def among(cls, names: Iterable[str]) -> Names:
        """Look through the names of a scrape."""
        have = frozenset(names)
        histogram = _first_histogram(HISTOGRAMS, have)
        counter = next((c.name for c in COUNTERS if c.name in have), None)
        outbound_histogram = _first_histogram(OUTBOUND_HISTOGRAMS, have)
        by_metric: dict[str, Gauge] = {}
        for gauge in GAUGES:
            if gauge.name in have:
                by_metric.setdefault(gauge.metric, gauge)
        return cls(
            counter or (f"{histogram.base}_count" if histogram is not None else None),
            histogram,
            next((name for name in OUTBOUND_COUNTERS if name in have), None)
            or (f"{outbound_histogram.base}_count" if outbound_histogram is not None else None),
            outbound_histogram,
            tuple(by_metric.values()),
        )

    @property
    def totals(self) -> frozenset[str]:
        """Names of running totals whose growth is wanted."""
        histograms = (self.histogram, self.outbound_histogram)
        names = {self.counter, self.outbound, *(f"{h.base}_bucket" for h in histograms if h is not None)}
        names |= {gauge.name for gauge in self.gauges if gauge.counter}
        return frozenset(name for name in names if name)


def _first_histogram(known: Iterable[LatencyHistogram], have: frozenset[str]) -> LatencyHistogram | None:
    return next((h for h in known if f"{h.base}_bucket" in have), None)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose metrics these are."""

    service: str
    dependencies: frozenset[str] = frozenset()
    """What calls of the service are shown as the numbers of, since nobody else measures it."""


def gauges(scraped: Exposition, names: Names, scope: Scope) -> Values:
    """Values that need no scrape before: those of known meaning, and plain gauges of unknown meaning."""
    found: Values = {}
    known = {gauge.name: gauge for gauge in names.gauges if not gauge.counter}
    for sample in scraped.samples:
        if not math.isfinite(sample.value):
            continue
        gauge = known.get(sample.name)
        if gauge is not None and _belongs(sample, gauge):
            key = SeriesKey(scope.service, "", gauge.metric)
            found[key] = found.get(key, 0.0) + sample.value
    taken = {gauge.name for gauge in GAUGES} | {f"{h.base}" for h in HISTOGRAMS}
    others = (s for s in scraped.samples if not s.labels and s.name not in taken and math.isfinite(s.value))
    plain = (s for s in others if scraped.types.get(s.name) == "gauge" and not s.name.startswith(RUNTIMES))
    for sample, _ in zip(plain, range(MOST_OTHER), strict=False):
        found[SeriesKey(scope.service, "", safe(sample.name, NAME_LIMIT))] = sample.value
    return found


def _belongs(sample: Sample, gauge: Gauge) -> bool:
    return all((sample.label(label) == value) is (operator == "=") for label, operator, value in gauge.where)


def rates(growth: Growth, names: Names, scope: Scope) -> Values:
    """What happened between two scrapes: counts, quantiles, and growth per second."""
    found: Values = {}
    if names.counter is not None:
        for labels_of, key, grown in _of(growth.by, names.counter):
            _count(found, scope.service, labels_of.name(dict(key[1])), grown, _failed(labels_of, key))
    if names.histogram is not None:
        buckets: defaultdict[str, defaultdict[float, float]] = defaultdict(lambda: defaultdict(float))
        for labels_of, key, grown in _of(growth.by, f"{names.histogram.base}_bucket"):
            labels = dict(key[1])
            for operation in {"", labels_of.name(labels)}:
                _bucket(buckets[operation], labels, grown)
        for operation, counts in _most(buckets):
            _quantiles(found, scope.service, operation, counts, names.histogram.scale)
    _outbound(found, growth, names, scope)
    for gauge in names.gauges:
        if gauge.counter and growth.seconds > 0:
            grown = sum(g for (name, _), g in growth.by.items() if name == gauge.name)
            found[SeriesKey(scope.service, "", gauge.metric)] = grown / growth.seconds
    return found


def _of(grown: Mapping[Key, float], name: str) -> Iterator[tuple[RequestLabels, Key, float]]:
    keys = [key for key in grown if key[0] == name]
    labels = RequestLabels.of({k for _, pairs in keys for k, _ in pairs} - {"le"})
    return ((labels, key, grown[key]) for key in keys)


def _failed(labels_of: RequestLabels, key: Key) -> bool | None:
    """Whether these requests failed; None where no label tells."""
    if labels_of.status is None:
        return None
    return _FAILED.fullmatch(dict(key[1]).get(labels_of.status, "")) is not None


def _count(found: Values, service: str, operation: str, grown: float, failed: bool | None) -> None:
    for place in {"", safe(operation, NAME_LIMIT)}:
        if place and SeriesKey(service, place, "request_count") not in found and _operations(found) >= MOST_OPERATIONS:
            continue
        _add(found, SeriesKey(service, place, "request_count"), grown)
        if failed is not None:
            _add(found, SeriesKey(service, place, "error_count"), grown if failed else 0.0)


def _operations(found: Values) -> int:
    return sum(1 for key in found if key.operation and key.metric == "request_count")


def _add(found: Values, key: SeriesKey, value: float) -> None:
    found[key] = found.get(key, 0.0) + value


def _bucket(counts: defaultdict[float, float], labels: Mapping[str, str], grown: float) -> None:
    bound = bound_of(labels.get("le", ""))
    if bound is not None:
        counts[bound] += grown


def _most(buckets: Mapping[str, Mapping[float, float]]) -> Iterator[tuple[str, Mapping[float, float]]]:
    """The busiest operations, the service as a whole first."""
    ordered = sorted(buckets.items(), key=lambda item: (bool(item[0]), -max(item[1].values(), default=0.0)))
    yield from ordered[: MOST_OPERATIONS + 1]


def _quantiles(found: Values, service: str, operation: str, counts: Mapping[float, float], scale: float) -> None:
    bounds = sorted(counts)
    cumulative = [counts[bound] for bound in bounds]
    for metric, quantile in QUANTILES:
        value = bucket_quantile(quantile, bounds, cumulative)
        if value is not None:
            found[SeriesKey(service, safe(operation, NAME_LIMIT), metric)] = value * scale


def _outbound(found: Values, growth: Growth, names: Names, scope: Scope) -> None:
    """Calls to dependencies that expose nothing themselves, as the caller measured them."""
    if names.outbound is not None:
        for labels_of, key, grown in _of(growth.by, names.outbound):
            labels = dict(key[1])
            peer = _peer(labels, scope)
            if peer is None:
                continue
            _add(found, SeriesKey(peer, "", "request_count"), grown)
            if labels_of.status is not None:
                status = labels.get(labels_of.status, "")
                bad = status in NO_ANSWER or _FAILED.fullmatch(status) is not None
                _add(found, SeriesKey(peer, "", "error_count"), grown if bad else 0.0)
    if names.outbound_histogram is not None:
        buckets: defaultdict[str, defaultdict[float, float]] = defaultdict(lambda: defaultdict(float))
        for _, key, grown in _of(growth.by, f"{names.outbound_histogram.base}_bucket"):
            labels = dict(key[1])
            peer = _peer(labels, scope)
            if peer is not None:
                _bucket(buckets[peer], labels, grown)
        for peer, counts in buckets.items():
            _quantiles(found, peer, "", counts, names.outbound_histogram.scale)


def _peer(labels: Mapping[str, str], scope: Scope) -> str | None:
    return next((labels[label] for label in PEER_LABELS if labels.get(label) in scope.dependencies), None)


def build_of(scraped: Exposition) -> tuple[str | None, str | None]:
    """Version and commit in a `*_build_info` metric."""
    for name in BUILD_INFO:
        for sample in scraped.samples:
            if sample.name != name:
                continue
            labels = dict(sample.labels)
            version, commit = first_of(labels, VERSION_LABELS), first_of(labels, COMMIT_LABELS)
            if version or commit:
                return (
                    safe(labels[version], NAME_LIMIT) if version and labels[version] else None,
                    safe(labels[commit], NAME_LIMIT) if commit and labels[commit] else None,
                )
    return None, None
