"""Systems of any number of services with a day of one-minute metrics, and one service at fault at the end."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from console.domain.instant import Instant, Window, rfc3339
from console.domain.observations import Observations
from console.domain.reading import SourceReport, SourceState
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.topology import Service, Topology

Numbers: TypeAlias = NDArray[np.float64]
POINTS = 1440
STEP_S = 60.0
FAULT_MIN = 20
"""So many minutes before the end the fault sets in."""
FAILING = 0.25
"""Share of its requests that the faulty service then fails."""
CALLS = 0.6
"""Calls that a request of a service causes, over all whom it calls."""
REACH = 24
"""A service calls some of so many that stand behind it."""


@dataclass(frozen=True)
class LargeSystem:
    """A day of it: of each service and metric one value a minute.

    Attributes:
        end: The last minute ends here.
        calls: Whom each service calls; callers stand before callees.
        values: By service and metric.
        culprit: Who is at fault.
    """

    end: Instant
    calls: dict[str, tuple[str, ...]]
    values: dict[tuple[str, str], Numbers]
    culprit: str

    @property
    def times(self) -> Numbers:
        """Ends of the minutes."""
        return self.end - STEP_S * np.arange(POINTS - 1, -1, -1, dtype=np.float64)

    @property
    def onset(self) -> Instant:
        """When the fault set in."""
        return self.end - FAULT_MIN * STEP_S


def make(names: Sequence[str], end: Instant, seed: int = 3) -> LargeSystem:
    """Requests enter at the first service; failures and waiting pass from callees to callers.

    Args:
        names: The services, from two on.
    """
    draw = np.random.default_rng(seed)
    calls = _calls(names, draw)
    culprit = names[-1 - len(names) // 4]
    requests = _requests(names, calls, draw)
    passing: dict[str, Numbers] = {}
    latency: dict[str, Numbers] = {}
    values: dict[tuple[str, str], Numbers] = {}
    for name in reversed(names):
        own_errors = np.full(POINTS, draw.uniform(0.0005, 0.003))
        if name == culprit:
            own_errors[-FAULT_MIN:] = FAILING
        passing[name] = 1.0 - own_errors
        latency[name] = draw.uniform(0.005, 0.05) * draw.lognormal(0.0, 0.05, POINTS)
        for callee in calls[name]:
            share = CALLS / len(calls[name])
            passing[name] *= 1.0 - share * (1.0 - passing[callee])
            latency[name] += share * latency[callee]
        count = draw.poisson(requests[name]).astype(np.int64)
        values[name, "request_count"] = count.astype(np.float64)
        values[name, "error_count"] = draw.binomial(count, 1.0 - passing[name]).astype(np.float64)
        values[name, "latency_p95"] = latency[name] * draw.lognormal(0.7, 0.05, POINTS)
    return LargeSystem(end, calls, values, culprit)


def _calls(names: Sequence[str], draw: np.random.Generator) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for place, name in enumerate(names):
        behind = names[place + 1 : place + 1 + REACH]
        wanted = min(len(behind), int(draw.integers(1, 4)))
        found[name] = tuple(str(one) for one in draw.choice(behind, wanted, replace=False)) if wanted else ()
    return found


def _requests(names: Sequence[str], calls: dict[str, tuple[str, ...]], draw: np.random.Generator) -> dict[str, Numbers]:
    """Requests a minute: what enters follows the hours, and everybody is called often enough to be judged."""
    day = 1.0 + 0.3 * np.sin(2 * np.pi * np.arange(POINTS) / POINTS)
    found = {name: draw.uniform(100.0, 400.0) * day for name in names}
    found[names[0]] = 3000.0 * day
    for name in names:
        for callee in calls[name]:
            found[callee] = found[callee] + found[name] * CALLS / len(calls[name])
    return found


def observations(system: LargeSystem) -> Observations:
    """The same as the analysis takes it."""
    times = array("d", system.times.tobytes())
    series = [
        Series(SeriesKey(service, "", metric), times, array("d", values.tobytes()), "metrics")
        for (service, metric), values in system.values.items()
    ]
    return Observations(
        at=system.end,
        window=Window(system.end - 1800.0, system.end),
        history=Window(system.end - POINTS * STEP_S, system.end),
        topology=Topology(tuple(Service(name, callees) for name, callees in system.calls.items())),
        series=SeriesSet.of(series),
        sources=(SourceReport("metrics", "csv", SourceState.OK, role="metrics"),),
    )


def write_metrics(path: Path, system: LargeSystem) -> None:
    """The same as a metrics CSV.

    Raises:
        OSError: It cannot be written.
    """
    stamps = [rfc3339(float(at)) for at in system.times]
    with path.open("w", encoding="utf-8") as out:
        out.write("time,service,operation,metric,value\n")
        for place, stamp in enumerate(stamps):
            for (service, metric), values in system.values.items():
                out.write(f"{stamp},{service},,{metric},{values[place]:.6g}\n")
