"""Records of every level so far, an even sample of them where there are many: history once, then only what is new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from console.domain.instant import Window
from console.domain.logs import LogPage, LogRecord
from console.domain.observations import ErrorSample
from console.domain.reading import Cost, Reading
from console.live.secrets import hidden
from sources.base import LogSource


class RecordStore:
    """Asks a source for an even sample once and afterwards only for the newest stretch.

    Every part is thinned to the share that was kept of the others, so that counts of patterns stay comparable between
    the window and what lies before it.

    Args:
        source: Who is asked.
        wanted: The stretch that is needed now.
        limit: Records kept.
    """

    def __init__(self, source: LogSource, wanted: Callable[[], Window], limit: int) -> None:
        self._source = source
        self._wanted = wanted
        self._limit = limit
        self._have: Window | None = None
        self._share = 1.0
        self._records: tuple[LogRecord, ...] = ()
        self._matched = 0
        self._cost = Cost()

    async def poll(self) -> Reading[ErrorSample]:
        """An even sample of the wanted stretch, and how many records it stands for."""
        wanted, have = self._wanted(), self._have
        grows = have is not None and have.start <= wanted.start + 1.0 and have.end <= wanted.end
        asked = Window(max(wanted.start, have.end), wanted.end) if grows and have is not None else wanted
        reading = await self._source.messages(asked, self._limit)
        self._take(replace(reading.value, records=hidden(reading.value.records)), fresh=not grows)
        self._drop(wanted)
        self._have = wanted
        self._cost = self._cost + reading.report.cost
        sample = ErrorSample(wanted, self._records, self._matched)
        return Reading(sample, reading.observed_at, replace(reading.report, cost=self._cost), reading.warnings)

    def _take(self, page: LogPage, *, fresh: bool) -> None:
        share = len(page.records) / page.matched if page.matched else 1.0
        if fresh:
            self._records, self._matched, self._share = page.records, page.matched, share
            return
        kept = thinned(page.records, self._share / share if share > self._share else 1.0)
        self._records = (*self._records, *kept)
        self._matched += page.matched
        if share < self._share and page.matched:
            self._records = (*thinned(self._records[: -len(kept) or None], share / self._share), *kept)
            self._share = share
        if len(self._records) > self._limit:
            self._records = thinned(self._records, 0.5)
            self._share /= 2

    def _drop(self, wanted: Window) -> None:
        first = next(
            (i for i, r in enumerate(self._records) if r.at is None or r.at >= wanted.start), len(self._records)
        )
        if first:
            self._records = self._records[first:]
            self._matched = max(len(self._records), self._matched - round(first / self._share))


def thinned(records: tuple[LogRecord, ...], share: float) -> tuple[LogRecord, ...]:
    """An even part of the records: with a share of 0.25 every fourth."""
    if share >= 1.0:
        return records
    return tuple(r for i, r in enumerate(records) if int((i + 1) * share) > int(i * share))
