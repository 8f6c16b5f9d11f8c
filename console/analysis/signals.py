"""What a metric means: which signal it feeds, which direction harms, and whether it is about the service's own work.

The metrics of the contract have fixed meanings. Any other name is read by its words, the way an engineer reads it who sees
a foreign dashboard; what cannot be read stays a gauge, which is evidence and never opens an incident.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache

from console.domain.values import dataclass


class Family(StrEnum):
    """How a series is judged."""

    RATIO = "ratio"
    """Share of requests that failed, 0 to 1."""
    FAILURES = "failures"
    """Failures per interval or per second."""
    LATENCY = "latency"
    TRAFFIC = "traffic"
    SATURATION = "saturation"
    MEMORY = "memory"
    LIMIT = "limit"
    """A size or limit: context, never judged."""
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Meaning:
    """How to read one metric."""

    family: Family
    signal: str
    """One of the signals of a symptom; empty for what opens none."""
    unit: str
    """ratio | s | 1/s | bytes | count"""
    harm: int
    """+1: a rise harms; -1: a fall harms; 0: neither by itself."""
    quantile: float | None = None
    """Latency percentiles: which."""
    outbound: bool = False
    """About calls that the service makes, not about requests that it serves: points at its callees."""
    by_caller: bool = False
    """Counts requests that the caller gave up on: points at the callers."""
    complement: bool = False
    """1 - value is the share of failures."""
    certain: bool = True
    """False: concluded from the words of the name."""


_KNOWN: dict[str, Meaning] = {
    "request_rate": Meaning(Family.TRAFFIC, "traffic", "1/s", 0),
    "request_count": Meaning(Family.TRAFFIC, "traffic", "count", 0),
    "error_count": Meaning(Family.FAILURES, "error_rate", "count", 1),
    "error_rate": Meaning(Family.RATIO, "error_rate", "ratio", 1),
    "availability": Meaning(Family.RATIO, "error_rate", "ratio", 1, complement=True),
    "latency_avg": Meaning(Family.LATENCY, "latency_p50", "s", 1),
    "latency_p50": Meaning(Family.LATENCY, "latency_p50", "s", 1, quantile=0.5),
    "latency_p90": Meaning(Family.LATENCY, "latency_p95", "s", 1, quantile=0.9),
    "latency_p95": Meaning(Family.LATENCY, "latency_p95", "s", 1, quantile=0.95),
    "latency_p99": Meaning(Family.LATENCY, "latency_p99", "s", 1, quantile=0.99),
    "cpu": Meaning(Family.SATURATION, "saturation", "ratio", 1),
    "memory_bytes": Meaning(Family.MEMORY, "memory", "bytes", 1),
    "memory_limit_bytes": Meaning(Family.LIMIT, "", "bytes", 0),
    "in_flight": Meaning(Family.SATURATION, "saturation", "count", 1),
    "pool_in_use": Meaning(Family.SATURATION, "saturation", "count", 1),
    "pool_size": Meaning(Family.LIMIT, "", "count", 0),
    "queue_depth": Meaning(Family.SATURATION, "saturation", "count", 1),
    "restarts": Meaning(Family.GAUGE, "", "count", 1),
    "log_errors": Meaning(Family.FAILURES, "log_errors", "count", 1),
    "log_lines": Meaning(Family.GAUGE, "", "count", 0),
}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[0-9]+x{2}|\d+|[A-Z]+")
_FAILURE = _words(
    "error errors err failed failure failures fail fails panic panics crash crashes exception exceptions servfail rejected rejections"
    " dropped drops timeout timeouts timedout unavailable 5xx refused abort aborted evicted oom deadlock deadlocks retries"
    " cancelled canceled cancellations throttled unhealthy"
)
_CANCEL = _words("cancelled canceled cancellations")
_LATENCY = _words("latency duration elapsed delay rtt took")
_TRAFFIC = _words("requests request queries query calls rps qps tps throughput messages lps ops operations arrivals")
_RATE = _words("rate second sec per qps rps tps lps throughput")
_SATURATION = _words(
    "cpu used usage utilization utilisation saturation depth backlog lag queue queued inflight flight busy pending waiting load"
    " connections threads pool buffer disk fds descriptors swap"
)
_MEMORY = _words("memory heap rss mem")
_GOOD = _words("success succeeded hit hits ok healthy available ready free remaining idle")
_LIMIT = _words("limit max maximum capacity size quota total_bytes request_limit")
_OUTBOUND = _words("client outbound egress upstream downstream outgoing")
_RATIO_WORDS = _words("ratio percent pct fraction share")
_QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "median": 0.5}


@cache
def words_of(name: str) -> frozenset[str]:
    """The words of an identifier, lower case: `db_queryCount` gives db, query, count."""
    return frozenset(word.lower() for word in _WORD.findall(name))


@cache
def meaning_of(metric: str) -> Meaning:
    """The meaning of a metric's name; a gauge where nothing is known."""
    known = _KNOWN.get(metric)
    return known if known is not None else _read(metric)


def _read(metric: str) -> Meaning:
    words = words_of(metric)
    quantile = next((q for text, q in _QUANTILES.items() if text in metric.lower()), None)
    outbound = bool(words & _OUTBOUND)
    share = bool(words & _RATIO_WORDS)
    if words & _FAILURE:
        ratio = share or ("rate" in words and not words & {"per", "sec", "second"})
        return Meaning(
            Family.RATIO if ratio else Family.FAILURES,
            "error_rate",
            "ratio" if ratio else "count",
            1,
            outbound=outbound,
            by_caller=bool(words & _CANCEL),
            certain=False,
        )
    if words & _LATENCY or (quantile is not None and words & {"seconds", "ms", "time"}):
        signal = {0.5: "latency_p50", 0.9: "latency_p95", 0.95: "latency_p95", 0.99: "latency_p99"}.get(
            quantile or 0.5, "latency_p50"
        )
        return Meaning(Family.LATENCY, signal, "s", 1, quantile, outbound=outbound, certain=False)
    if words & _GOOD:
        return Meaning(
            Family.SATURATION, "saturation", "ratio" if share or "rate" in words else "count", -1, certain=False
        )
    if words & _MEMORY:
        return Meaning(Family.LIMIT if words & _LIMIT else Family.MEMORY, "memory", "bytes", 1, certain=False)
    if words & _LIMIT:
        return Meaning(Family.LIMIT, "", "count", 0, certain=False)
    if words & _SATURATION:
        unit = "ratio" if share else "bytes" if "bytes" in words else "count"
        return Meaning(Family.SATURATION, "saturation", unit, 1, certain=False)
    if words & _TRAFFIC and words & _RATE and "per_request" not in metric:
        return Meaning(Family.TRAFFIC, "traffic", "1/s", 0, outbound=outbound, certain=False)
    return Meaning(Family.GAUGE, "", "count", 0, certain=False)
