"""Metrics from a CSV file: `time,service,operation,metric,value`, or wide with one column per `SERVICE_METRIC`."""

from __future__ import annotations

import asyncio
import shlex
import threading
import time
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path

from console.domain.instant import Instant, Window
from console.domain.reading import Cost, Reading, SourceReport, SourceState
from console.domain.series import Series, SeriesKey
from console.guard.sanitise import safe
from sources.base import SourceGarbage
from sources.blocks import Facts, Index, Scan, head_line, scan
from sources.metrics.points import series_of
from sources.metrics.rows import COLUMNS, Columns, LongRows, WideRows, header_fields
from sources.metrics.wide import WideColumn, wide_columns

MOST_POINTS = 8_000_000
"""Points of one answer; what a window holds beyond that is left out, and the report says so."""


class CsvMetrics:
    """One metrics file. It is read again only where it has grown or where a window needs it.

    Args:
        name: The source's name in the configuration.
        path: The file.
        wide: One column per service and metric instead of one row per value.
        services: Names that a wide column may begin with; a name with `_` in it is only found through them.
    """

    kind = "csv"

    def __init__(
        self,
        name: str,
        path: Path,
        *,
        wide: bool = False,
        services: Sequence[str] = (),
        clock: Callable[[], Instant] = time.time,
    ) -> None:
        self.name = name
        self._path = path
        self._wide = wide
        self._services = tuple(services)
        self._clock = clock
        self._index: Index | None = None
        self._header = b""
        self._one_at_a_time = asyncio.Lock()

    async def close(self) -> None:
        """Nothing is held open between two readings."""

    async def series(self, window: Window, step_s: float) -> Reading[tuple[Series, ...]]:
        """Every series of the file, with the points from `window.start` to `window.end`, both included.

        Raises:
            SourceUnavailable: The file is missing or unreadable.
            SourceGarbage: Its header is not that of a metrics file.
        """
        stop = threading.Event()
        async with self._one_at_a_time:
            try:
                found, series = await asyncio.to_thread(self._read, window, stop)
            except asyncio.CancelledError:
                stop.set()
                raise
            self._index = found.index
        return Reading(series, self._clock(), self._report(found, series))

    def _read(self, window: Window, stop: threading.Event) -> tuple[Scan, tuple[Series, ...]]:
        header = head_line(self._path)
        known = self._index if header == self._header else None
        self._header = header
        rows = self._rows(header, window)
        found = scan(self._path, known, window, rows, stop, skip_lines=1)
        return found, self._series(rows)

    def _rows(self, header: bytes, window: Window) -> LongRows | WideRows:
        try:
            names = header_fields(header)
        except ValueError as error:
            raise SourceGarbage(f"{self._path}: {error}") from None
        if self._wide:
            return WideRows(self._wide_header(names), window, MOST_POINTS)
        folded = [n.lower() for n in names]
        if sorted(folded) != sorted(COLUMNS):
            raise SourceGarbage(
                f"{self._path}: line 1: the header is {safe(','.join(names), 120)!r}, expected {','.join(COLUMNS)}"
                + ('; layout = "wide" reads one column per SERVICE_METRIC' if folded[:1] == ["time"] else "")
            )
        return LongRows(Columns(*(folded.index(c) for c in COLUMNS)), window, MOST_POINTS)

    def _wide_header(self, names: list[str]) -> list[WideColumn | None]:
        columns = wide_columns(names, self._services)
        if columns is None:
            raise SourceGarbage(
                f"{self._path}: line 1: no column is called time or timestamp, so this is no wide metrics file"
            )
        return columns

    def _series(self, rows: LongRows | WideRows) -> tuple[Series, ...]:
        merged: dict[SeriesKey, tuple[array[float], array[float]]] = {}
        for key, points in rows.points():
            if key in merged:  # two spellings of one name
                merged[key][0].extend(points[0])
                merged[key][1].extend(points[1])
            else:
                merged[key] = points
        return tuple(series_of(k, t, v, self.name, self._repeat(k)) for k, (t, v) in merged.items() if len(t))

    def _repeat(self, key: SeriesKey) -> str:
        path = shlex.quote(str(self._path))
        if self._wide:
            return f"column {key.service}_{key.metric} of {path}"
        return f"grep -F {shlex.quote(f',{key.service},{key.operation},{key.metric},')} {path}"

    def _report(self, found: Scan, series: tuple[Series, ...]) -> SourceReport:
        notes = _notes(found.facts, sum(len(s) for s in series))
        return SourceReport(
            self.name,
            self.kind,
            SourceState.PARTIAL if notes else SourceState.OK,
            safe("; ".join(notes), 400),
            records=sum(len(s) for s in series),
            cost=Cost(1, found.bytes_read),
            role="metrics",
        )


def _notes(facts: Facts, points: int) -> list[str]:
    notes = []
    if facts.bad:
        notes.append(
            f"{facts.bad:,} of {facts.lines:,} lines not understood, the first is line {facts.first_bad}: {facts.why}"
        )
    if points >= MOST_POINTS:
        notes.append(f"only the first {MOST_POINTS:,} points of the window were taken: ask for a shorter window")
    return notes
