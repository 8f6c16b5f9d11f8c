"""Names of the columns of a wide metrics file: `SERVICE_METRIC`, as the public root-cause data sets ship them."""

from __future__ import annotations

from collections.abc import Sequence

from console.domain.series import UNITS
from console.domain.values import dataclass
from console.guard.sanitise import safe

TIME_NAMES = ("time", "timestamp", "ts", "date", "datetime")

ALIASES = {
    "mem": "memory_bytes",
    "memory": "memory_bytes",
    "mem_bytes": "memory_bytes",
    "load": "request_rate",
    "workload": "request_rate",
    "rps": "request_rate",
    "qps": "request_rate",
    "latency": "latency_avg",
    "latency-50": "latency_p50",
    "latency-90": "latency_p90",
    "latency-95": "latency_p95",
    "latency-99": "latency_p99",
    "p50": "latency_p50",
    "p90": "latency_p90",
    "p95": "latency_p95",
    "p99": "latency_p99",
}
"""Other spellings of known metrics. `error` is not among them: it is a rate in one data set and a count in another."""


@dataclass(frozen=True, slots=True)
class WideColumn:
    """What a column holds."""

    service: str = ""
    metric: str = ""
    is_time: bool = False


def wide_columns(names: Sequence[str], services: Sequence[str] = ()) -> list[WideColumn | None] | None:
    """What each column of a wide header holds, None for one that holds no metric; None where there is no time.

    A column belongs to the configured service with the longest name that it begins with. Without one, a known metric at
    the end decides where the service's name ends; without that, the first `_` does.
    """
    folded = [name.lower() for name in names]
    time_at = next((folded.index(name) for name in TIME_NAMES if name in folded), None)
    if time_at is None:
        return None
    by_length = sorted(services, key=len, reverse=True)
    return [WideColumn(is_time=True) if i == time_at else _metric(name, by_length) for i, name in enumerate(names)]


def _metric(name: str, services: Sequence[str]) -> WideColumn | None:
    service, metric = _split(name, services)
    if not service or not metric:
        return None
    return WideColumn(safe(service, 200), safe(ALIASES.get(metric.lower(), metric), 200))


def _split(name: str, services: Sequence[str]) -> tuple[str, str]:
    for service in services:
        if name.startswith(service + "_"):
            return service, name[len(service) + 1 :]
    known = [m for m in (*UNITS, *ALIASES) if name.lower().endswith("_" + m)]
    if known:
        metric = max(known, key=len)
        return name[: -len(metric) - 1], name[-len(metric) :]
    service, _, metric = name.partition("_")
    return service, metric
