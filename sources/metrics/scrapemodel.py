"""What one scrape says, in the terms of the contract: found by the same conventions as the queries to a Prometheus."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from re import compile as pattern

from console.domain.series import SeriesKey
from console.domain.values import dataclass
from console.guard.sanitise import safe
from sources.metrics.conventions import (
    COUNTERS,
    FAILED_STATUS,
    GAUGES,
    HISTOGRAMS,
    NO_ANSWER,
    OUTBOUND_COUNTERS,
    OUTBOUND_HISTOGRAMS,
    PEER_LABELS,
    RUNTIMES,
    Gauge,
    LatencyHistogram,
    RequestLabels,
)
from sources.metrics.exposition import Exposition
from sources.metrics.growth import Growth, Key
from sources.metrics.histogram import QUANTILES, bound_of, bucket_quantile

NAME_LIMIT = 200
MOST_OPERATIONS = 300
"""Further operations only count in the service as a whole."""
MOST_OTHER = 100
"""Gauges of unknown meaning that are kept as evidence."""
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


@dataclass(frozen=True, slots=True)
class Made:
    """Values, and how much was left out at a limit."""

    values: Values
    left_out: int = 0


def gauges(scraped: Exposition, names: Names, scope: Scope) -> Made:
    """Values that need no scrape before: those of known meaning, and plain gauges of unknown meaning, of which some may be
    left out.

    A gauge of several parts is unknown where one of them is no number.
    """
    known = {gauge.name: gauge for gauge in names.gauges if not gauge.counter}
    found: Values = {}
    for sample in scraped.samples:
        gauge = known.get(sample.name)
        if gauge is not None and _belongs(dict(sample.labels), gauge):
            _add(found, SeriesKey(scope.service, "", gauge.metric), sample.value)
    found = {key: value for key, value in found.items() if math.isfinite(value)}
    taken = {gauge.name for gauge in GAUGES} | {f"{h.base}" for h in HISTOGRAMS}
    others = (s for s in scraped.samples if not s.labels and s.name not in taken and math.isfinite(s.value))
    plain = [s for s in others if scraped.types.get(s.name) == "gauge" and not s.name.startswith(RUNTIMES)]
    for sample in plain[:MOST_OTHER]:
        found[SeriesKey(scope.service, "", safe(sample.name, NAME_LIMIT))] = sample.value
    return Made(found, max(0, len(plain) - MOST_OTHER))


def _belongs(labels: Mapping[str, str], gauge: Gauge) -> bool:
    return all((labels.get(label, "") == value) is (operator == "=") for label, operator, value in gauge.where)


def rates(growth: Growth, names: Names, scope: Scope) -> Made:
    """What happened between two scrapes: counts, quantiles, and growth per second. Operations may be left out; they are in
    the numbers of the service as a whole.
    """
    found: Values = {}
    operations, shown = {""}, {""}
    if names.counter is not None:
        for labels_of, key, grown in _of(growth.by, names.counter):
            operation = safe(labels_of.name(dict(key[1])), NAME_LIMIT)
            operations.add(operation)
            if len(shown) <= MOST_OPERATIONS:
                shown.add(operation)
            for place in {"", operation} & shown:
                _count(found, scope.service, place, grown, _failed(labels_of, key))
    if names.histogram is not None:
        buckets: defaultdict[str, defaultdict[float, float]] = defaultdict(lambda: defaultdict(float))
        for labels_of, key, grown in _of(growth.by, f"{names.histogram.base}_bucket"):
            labels = dict(key[1])
            for name in {"", labels_of.name(labels)}:
                _bucket(buckets[name], labels, grown)
        operations |= {safe(name, NAME_LIMIT) for name in buckets}
        for name, counts in _most(buckets):
            _quantiles(found, scope.service, name, counts, names.histogram.scale)
    _outbound(found, growth, names, scope)
    for gauge in names.gauges:
        if gauge.counter and growth.seconds > 0:
            parts = [g for (name, pairs), g in growth.by.items() if name == gauge.name and _belongs(dict(pairs), gauge)]
            if parts:  # a total that is no number has not grown by nothing: nothing is known
                found[SeriesKey(scope.service, "", gauge.metric)] = sum(parts) / growth.seconds
    return Made(found, max(0, len(operations) - 1 - MOST_OPERATIONS))


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
    _add(found, SeriesKey(service, operation, "request_count"), grown)
    if failed is not None:
        _add(found, SeriesKey(service, operation, "error_count"), grown if failed else 0.0)


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
