"""The warnings and errors of a log source so far: history once, then only what is new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from console.domain.instant import Window
from console.domain.logs import LogRecord
from console.domain.observations import ErrorSample
from console.domain.reading import Cost, Reading
from console.live.secrets import hidden
from sources.base import LogSource

OVERLAP_S = 30.0
"""Asked for again, so that lines that were written late are still seen."""


class SampleStore:
    """Asks a source for its errors once and afterwards only for the newest stretch.

    Args:
        source: Who is asked.
        wanted: The stretch that is needed now.
        limit: Records kept; the oldest go first, and `matched` still counts them.
    """

    def __init__(self, source: LogSource, wanted: Callable[[], Window], limit: int) -> None:
        self._source = source
        self._wanted = wanted
        self._limit = limit
        self._sample: ErrorSample | None = None
        self._cost = Cost()

    async def poll(self) -> Reading[ErrorSample]:
        """Everything known of the wanted stretch, with what is new since the last call."""
        wanted, old = self._wanted(), self._sample
        grows = old is not None and old.window.start <= wanted.start + OVERLAP_S and old.window.end <= wanted.end
        asked = (
            Window(max(wanted.start, old.window.end - OVERLAP_S), wanted.end) if grows and old is not None else wanted
        )
        reading = await self._source.errors(asked, self._limit)
        fresh = replace(reading.value, records=hidden(reading.value.records))
        sample = self._joined(old, fresh, asked, wanted) if grows and old is not None else fresh
        self._sample = sample
        self._cost = self._cost + reading.report.cost
        report = replace(reading.report, records=sample.matched, cost=self._cost)
        return replace(reading, value=sample, report=report)

    def _joined(self, old: ErrorSample, new: ErrorSample, asked: Window, wanted: Window) -> ErrorSample:
        def before(record: LogRecord) -> bool:
            return record.at is not None and wanted.start <= record.at < asked.start

        kept = tuple(record for record in old.records if before(record))
        again = sum(1 for record in old.records if record.at is not None and asked.start <= record.at)
        gone = sum(1 for record in old.records if record.at is not None and record.at < wanted.start)
        matched = max(len(kept), old.matched - again - gone) + new.matched
        return ErrorSample(wanted, (*kept, *new.records)[-self._limit :], matched)
