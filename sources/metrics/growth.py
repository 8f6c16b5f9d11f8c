"""From running totals to what happened between two scrapes.

A total that is smaller than before belongs to a process that was started anew: then all of its totals count from zero.
Behind a load balancer each scrape may reach another process; the start time of the process tells them apart, so that the
totals of one are never subtracted from those of another.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass as open_dataclass

from console.domain.instant import Instant
from console.domain.values import dataclass
from sources.metrics.exposition import Exposition, Sample

START_TIME = "process_start_time_seconds"
MOST_PROCESSES = 16
"""Processes remembered behind one address."""
START_TOLERANCE_S = 2.0
"""Clocks of scraper and process may differ by so much when it is judged whether a process began since the last scrape."""

Key = tuple[str, tuple[tuple[str, str], ...]]
Totals = dict[Key, float]


@dataclass(frozen=True, slots=True)
class Growth:
    """What totals grew by."""

    by: Mapping[Key, float]
    seconds: float
    """Since the scrape before of the same process."""
    restarted: bool = False


@open_dataclass(slots=True)
class _Process:
    at: Instant
    totals: Totals


class Totaliser:
    """Remembers the totals of the last scrape of each process behind an address."""

    def __init__(self) -> None:
        self._processes: OrderedDict[float | None, _Process] = OrderedDict()
        self._last: Instant | None = None
        self.process: float | None = None
        """Start time of the process that was scraped last, which tells it from others; None where it does not say."""

    def add(self, at: Instant, scraped: Exposition, wanted: frozenset[str]) -> Growth | None:
        """Take a scrape; what the totals named in `wanted` grew by, or None where there is nothing to compare with."""
        started = self.process = next((s.value for s in scraped.samples if s.name == START_TIME), None)
        totals = {key_of(s): s.value for s in scraped.samples if s.name in wanted and math.isfinite(s.value)}
        before, last, self._last = self._processes.get(started), self._last, at
        grown = _growth(before, totals, at) if before is not None else None
        # A total that is missing this once is remembered, else all of it would count again when it is back.
        missing = before.totals if before is not None and grown is not None and not grown.restarted else {}
        self._processes[started] = _Process(at, {**missing, **totals})
        self._processes.move_to_end(started)
        while len(self._processes) > MOST_PROCESSES:
            self._processes.popitem(last=False)
        if grown is not None:
            return grown
        if last is not None and started is not None and started >= last - START_TOLERANCE_S:
            return Growth(totals, at - last, restarted=True)  # it began after the last scrape: all it counted is new
        return None


def _growth(before: _Process, totals: Totals, at: Instant) -> Growth:
    restarted = any(value < before.totals.get(key, value) for key, value in totals.items())
    if restarted:
        return Growth(totals, at - before.at, restarted=True)
    # A label set that was not there before has counted from zero since.
    return Growth({key: value - before.totals.get(key, 0.0) for key, value in totals.items()}, at - before.at)


def key_of(sample: Sample) -> Key:
    """What makes a series: its name and its labels, in one order."""
    return sample.name, tuple(sorted(sample.labels))
