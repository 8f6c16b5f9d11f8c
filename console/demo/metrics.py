"""Counters, gauges and histograms, and the Prometheus text format 0.0.4."""

from __future__ import annotations

import os
import resource
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the latency histogram, in seconds."""
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Histogram:
    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(BUCKETS, value)] += 1
        self.total += value


@dataclass
class Registry:
    """The metrics of one service."""

    _help: dict[str, tuple[str, str]] = field(default_factory=dict)
    _counters: dict[str, dict[Labels, float]] = field(default_factory=dict)
    _histograms: dict[str, dict[Labels, _Histogram]] = field(default_factory=dict)
    _gauges: dict[str, tuple[Labels, Callable[[], float]]] = field(default_factory=dict)

    def describe(self, name: str, kind: str, text: str) -> None:
        """Type and help line of a metric."""
        self._help[name] = (kind, text)

    def count(self, name: str, labels: Labels) -> None:
        """Add one to a counter."""
        family = self._counters.setdefault(name, {})
        family[labels] = family.get(labels, 0.0) + 1.0

    def observe(self, name: str, labels: Labels, seconds: float) -> None:
        """Put a value into a histogram."""
        family = self._histograms.setdefault(name, {})
        if labels not in family:
            family[labels] = _Histogram()
        family[labels].observe(seconds)

    def gauge(self, name: str, text: str, read: Callable[[], float], labels: Labels = ()) -> None:
        """A value that is read when the metrics are asked for."""
        self.describe(name, "gauge", text)
        self._gauges[name] = (labels, read)

    def text(self) -> str:
        """Everything, in the exposition format."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        for name, counters in self._counters.items():
            yield from self._head(name, "counter")
            for labels, value in counters.items():
                yield f"{name}{_braces(labels)} {value:g}" if value < 1e5 else f"{name}{_braces(labels)} {value:.0f}"
        for name, histograms in self._histograms.items():
            yield from self._head(name, "histogram")
            for labels, histogram in histograms.items():
                yield from _histogram_lines(name, labels, histogram)
        for name, (labels, read) in self._gauges.items():
            yield from self._head(name, "gauge")
            yield f"{name}{_braces(labels)} {read():.17g}"

    def _head(self, name: str, kind: str) -> Iterator[str]:
        described, text = self._help.get(name, (kind, name))
        yield f"# HELP {name} {text}"
        yield f"# TYPE {name} {described}"


def _histogram_lines(name: str, labels: Labels, histogram: _Histogram) -> Iterator[str]:
    running = 0
    for bound, count in zip((*(f"{b:g}" for b in BUCKETS), "+Inf"), histogram.counts, strict=True):
        running += count
        yield f"{name}_bucket{_braces((*labels, ('le', bound)))} {running}"
    yield f"{name}_sum{_braces(labels)} {histogram.total:.6f}"
    yield f"{name}_count{_braces(labels)} {running}"


def _braces(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def resident_bytes() -> int:
    """Memory that this process holds now; where the system cannot tell, the most it ever held."""
    try:
        with open("/proc/self/statm", "rb") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def process_metrics(registry: Registry, service: str, version: str, commit: str, restarts: int) -> None:
    """What every service tells about its process and its build."""
    started = time.time()
    registry.gauge("process_resident_memory_bytes", "Resident memory.", resident_bytes)
    registry.gauge("process_start_time_seconds", "When the process began, epoch seconds.", lambda: started)
    registry.gauge("process_cpu_seconds_total", "CPU time, user and system.", time.process_time)
    registry.describe("process_cpu_seconds_total", "counter", "CPU time, user and system.")
    registry.gauge("service_restarts_total", "How often the service died and was started again.", lambda: restarts)
    registry.describe("service_restarts_total", "counter", "How often the service died and was started again.")
    build = (("service", service), ("version", version), ("revision", commit))
    registry.gauge("app_build_info", "The build that runs.", lambda: 1.0, build)
