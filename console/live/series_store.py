"""What a source of series has told so far: history once, then only what is new."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from console.domain.instant import Window
from console.domain.reading import Cost, Reading, SourceReport
from console.domain.series import Series, SeriesKey

OVERLAP_STEPS = 6
"""Steps that are asked for again, so that late lines and late samples still count."""
MOST_POINTS = 20_000
"""Points kept of one series; the oldest go first."""


class AnswersSeries(Protocol):
    """Metric sources, and log sources through what is derived from their records."""

    async def series(self, window: Window, step_s: float) -> Reading[tuple[Series, ...]]:
        """Series of a window."""
        ...


class SeriesStore:
    """Asks a source for a stretch once and afterwards only for its growing end.

    Args:
        source: Who is asked.
        wanted: The stretch that is needed now; it may start earlier than before, then the missing part is asked for too.
        step_s: The finest useful step.
    """

    def __init__(self, source: AnswersSeries, wanted: Callable[[], Window], step_s: Callable[[], float]) -> None:
        self._source = source
        self._wanted = wanted
        self._step_s = step_s
        self._have: Window | None = None
        self._step: float | None = None
        self._series: dict[SeriesKey, Series] = {}
        self._cost = Cost()

    async def poll(self) -> Reading[tuple[Series, ...]]:
        """Everything known of the wanted stretch, with what is new since the last call."""
        wanted, step = self._wanted(), self._step_s()
        if self._step != step or self._have is None or wanted.end < self._have.start:
            self._have, self._series, self._step = None, {}, step
        for missing in self._missing(wanted, step):
            reading = await self._source.series(missing, step)
            for one in reading.value:
                self._series[one.key] = merged(self._series.get(one.key), one, missing, step)
            self._have = missing if self._have is None else _hull(self._have, missing)
            self._cost = self._cost + reading.report.cost
        series = tuple(s for s in self._series.values() if len(s))
        return replace(reading, value=series, report=self._report(reading.report, series))

    def _missing(self, wanted: Window, step: float) -> list[Window]:
        """What to ask: what lies before the known stretch, if more is wanted than was, and always its growing end."""
        have = self._have
        if have is None:
            return [wanted]
        end = Window(max(wanted.start, min(have.end, wanted.end) - OVERLAP_STEPS * step), wanted.end)
        if wanted.start >= have.start - step:
            return [end]
        joint = math.floor(have.start / step + OVERLAP_STEPS) * step
        return [end, Window(wanted.start, joint)] if joint < end.start else [wanted]

    def _report(self, report: SourceReport, series: tuple[Series, ...]) -> SourceReport:
        return replace(report, records=sum(len(s) for s in series), cost=self._cost)


def _hull(one: Window, other: Window) -> Window:
    return Window(min(one.start, other.start), max(one.end, other.end))


def merged(old: Series | None, new: Series, asked: Window, step: float) -> Series:
    """`old` with the stretch that was asked again replaced by what `new` says of it.

    A point within the first step of the stretch may stand for an interval that began before it, of which the source can
    tell nothing: there the old points stay, up to the first new one.
    """
    if old is None or not len(old):
        return new
    low = bisect_left(old.times, asked.start + max(step - 1e-6, 1e-9))
    if len(new):
        low = min(low, bisect_left(old.times, new.times[0]))
    high = max(bisect_left(old.times, asked.end + 1e-6), low)
    times = old.times[:low] + new.times + old.times[high:]
    values = old.values[:low] + new.values + old.values[high:]
    return Series(new.key, _tail(times), _tail(values), new.source, new.query)


def _tail(points: array[float]) -> array[float]:
    return points[-MOST_POINTS:]
