"""A small shop over days, in numbers: the tide of its traffic, its peaks and nightly jobs, and what happens to it today.

A request to the front calls the basket and the stock, and the basket the bank. What a service does itself takes longer the
closer its load is to what it can take; its callers wait for it and fail with it.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from console.domain.changes import Change
from console.domain.instant import Instant, Window
from console.domain.observations import Observations
from console.domain.reading import SourceReport, SourceState
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.topology import Service, Topology

Numbers: TypeAlias = NDArray[np.float64]
DAY_S = 86400.0
MIDNIGHT = 1_789_948_800.0
"""Of the day that is looked at, a Monday."""
CALLS = {"front": {"basket": 0.5, "stock": 1.0}, "basket": {"bank": 1.0}, "bank": {}, "stock": {}}
"""Calls of a request; callers before callees."""
OWN_S = {"front": 0.015, "basket": 0.05, "bank": 0.12, "stock": 0.03}
ERRORS = 0.001
WAITS = 20.0
"""How many times its own time a request waits where a service gets all that it can take, less `BUSY`."""
BUSY = 0.8


@dataclass
class Fault:
    """What one service does otherwise in a stretch.

    Attributes:
        start: In hours since the midnight before now; below 0: on a day before.
        hours: How long.
        daily: Whether it comes every day, and within how many hours of its time.
    """

    service: str
    start: float
    hours: float
    slower: float = 1.0
    failing: float = 0.0
    daily: bool = False
    jitter_h: float = 0.0
    weekdays: frozenset[int] = frozenset(range(7))
    """0: Monday."""


@dataclass
class Days:
    """Some days of it, the last of which ends at an hour of its own."""

    hour: float
    faults: tuple[Fault, ...] = ()
    days: int = 6
    step_s: float = 60.0
    rate: float = 20.0
    """Requests per second at the front, at their lowest."""
    tide: float = 1.0
    """How many times as much more there are at noon."""
    arrivals: Callable[[Numbers], Numbers] = lambda hours: np.ones_like(hours)
    """By what requests are multiplied, by hours since the last midnight."""
    capacity: Mapping[str, float] = field(default_factory=dict)
    """Requests per second that a service can take."""
    changes: tuple[Change, ...] = ()
    more: Mapping[tuple[str, str], Callable[[Numbers, dict[str, Numbers]], Numbers]] = field(default_factory=dict)
    """Further metrics by service and name, from the hours and the requests per second of each service."""
    seed: int = 1

    @property
    def at(self) -> Instant:
        """Now."""
        return MIDNIGHT + self.hour * 3600.0

    def seen(self) -> Observations:
        """What is known of it now."""
        draw = np.random.default_rng(self.seed)
        count = int(self.days * DAY_S / self.step_s)
        times = self.at - self.step_s * np.arange(count - 1, -1, -1, dtype=np.float64)
        hours = (times - MIDNIGHT) / 3600.0
        noon = np.clip(np.sin((hours % 24.0 - 6.0) / 12.0 * np.pi), 0.0, None)
        rates = {name: np.zeros(count) for name in CALLS}
        rates["front"] = self.rate * (1.0 + self.tide * noon) * self.arrivals(hours)
        for name, calls in CALLS.items():
            for callee, times_called in calls.items():
                rates[callee] = rates[callee] + rates[name] * times_called
        passing: dict[str, Numbers] = {}
        seconds: dict[str, Numbers] = {}
        series = []
        for name in reversed(CALLS):
            slower, failing = self._of(name, hours)
            busy = rates[name] / self.capacity.get(name, np.inf)
            own = OWN_S[name] * slower * (1.0 + WAITS * np.clip(busy - BUSY, 0.0, 1.0))
            seconds[name] = own * draw.lognormal(0.0, 0.05, count)
            passing[name] = (1.0 - ERRORS) * (1.0 - failing) * (1.0 - np.clip(busy - 1.0, 0.0, 0.9))
            for callee, share in CALLS[name].items():
                seconds[name] += share * seconds[callee]
                passing[name] *= 1.0 - share * (1.0 - passing[callee])
            requests = draw.poisson(rates[name] * self.step_s).astype(np.int64)
            told = {
                "request_count": requests.astype(np.float64),
                "error_count": draw.binomial(requests, 1.0 - passing[name]).astype(np.float64),
                "latency_avg": seconds[name],
                "latency_p95": seconds[name] * draw.lognormal(0.8, 0.06, count),
            }
            told |= {m: make(hours, rates) for (owner, m), make in self.more.items() if owner == name}
            series += [_series(name, metric, times, values) for metric, values in told.items()]
        return Observations(
            at=self.at,
            window=Window(self.at - 1800.0, self.at),
            history=Window(float(times[0]), self.at),
            topology=Topology(tuple(Service(name, tuple(calls)) for name, calls in CALLS.items())),
            series=SeriesSet.of(series),
            changes=self.changes,
            sources=tuple(
                SourceReport(n, "csv", SourceState.OK, role=n, file=f"{n}.csv") for n in ("metrics", "changes")
            ),
        )

    def _of(self, service: str, hours: Numbers) -> tuple[Numbers, Numbers]:
        """How much slower a service is itself, and what part of its requests fail, at each time."""
        slower, failing = np.ones_like(hours), np.zeros_like(hours)
        luck = np.random.default_rng(self.seed + 1)
        for fault in self.faults:
            if fault.service != service:
                continue
            for day in range(self.days + 1) if fault.daily else (0,):
                start = fault.start - 24.0 * day + (luck.uniform(-1, 1) * fault.jitter_h if day else 0.0)
                if -day % 7 not in fault.weekdays:
                    continue
                inside = (hours > start) & (hours <= start + fault.hours)
                slower[inside] = np.maximum(slower[inside], fault.slower)
                failing[inside] = np.maximum(failing[inside], fault.failing)
        return slower, failing


def as_asked(seen: Observations, history_s: float, earlier_step_s: float = 600.0) -> Observations:
    """The same as a server tells it: the newest stretch in fine steps, and all days in coarse ones."""
    since = Window(seen.at - history_s, np.nextafter(seen.at, np.inf))
    earlier = [_coarser(one, earlier_step_s) for one in seen.series]
    recent = SeriesSet.of([one.within(since) for one in seen.series])
    return replace(seen, history=Window(since.start, seen.at), series=recent, earlier=SeriesSet.of(earlier))


def _coarser(one: Series, step_s: float) -> Series:
    """Sums of counts, means of everything else, over whole steps."""
    times, values = np.frombuffer(one.times), np.frombuffer(one.values)
    ends = np.ceil(times / step_s) * step_s
    starts = np.flatnonzero(np.diff(ends, prepend=-1.0))
    total = np.add.reduceat(values, starts)
    if not one.key.metric.endswith("_count"):
        total = total / np.diff(starts, append=values.size)
    whole = ends[starts] <= times[-1]
    return replace(
        one,
        times=array("d", ends[starts][whole].tobytes()),
        values=array("d", total[whole].astype(np.float64).tobytes()),
    )


def _series(service: str, metric: str, times: Numbers, values: Numbers) -> Series:
    key = SeriesKey(service, "", metric)
    query = f"grep -F ,{service},,{metric}, metrics.csv"
    return Series(key, array("d", times.tobytes()), array("d", values.astype(np.float64).tobytes()), "metrics", query)
