"""Rows of the two CSV layouts, from bytes to points. The loops here see every line of files of hundreds of megabytes."""

from __future__ import annotations

import csv
import math
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from console.domain.instant import Window
from console.domain.series import SeriesKey
from console.guard.sanitise import safe
from sources.blocks import Facts
from sources.metrics.points import number
from sources.metrics.wide import WideColumn
from sources.stamps import Stamps

COLUMNS = ("time", "service", "operation", "metric", "value")
MOST_SERIES = 20_000
"""Different series of one file; rows of further ones count as not understood."""
NAME_LIMIT = 200

Points: TypeAlias = "tuple[array[float], array[float]]"


class Columns(NamedTuple):
    """Where each column of the long layout stands."""

    time: int
    service: int
    operation: int
    metric: int
    value: int


def split_fields(line: str) -> list[str]:
    """The fields of one CSV line, quoted or not.

    Raises:
        csv.Error: A field is too long.
    """
    return next(csv.reader([line]), [])


_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"PK\x03\x04", b"\xfd7zXZ")


def header_fields(line: bytes) -> list[str]:
    """The names of the columns.

    Raises:
        ValueError: It is no line of text; the message says what it is instead.
    """
    if line.startswith(_COMPRESSED):
        raise ValueError("is compressed; unpack it, since it is read as text")
    if _BINARY.search(line):
        raise ValueError("holds binary data, so it is no CSV file")
    try:
        return [name.strip() for name in split_fields(line.decode("utf-8-sig", "replace"))]
    except csv.Error:
        raise ValueError("its first line is too long to be a header") from None


def _why_not(line: bytes, fields: int, wanted: int) -> str:
    """Why a line is no row."""
    if _BINARY.search(line):
        return "binary data instead of text"
    return f"{fields} fields instead of {wanted}" if fields else "a quoted field without an end, or too long"


@dataclass(slots=True)
class _Tally:
    """Facts of a block while it is read."""

    first_line: int
    lines: int = 0
    earliest: float = math.inf
    latest: float = -math.inf
    bad: int = 0
    first_bad: int | None = None
    why: str = ""

    def wrong(self, line: int, why: str) -> None:
        self.bad += 1
        if self.first_bad is None:
            self.first_bad, self.why = line, why

    def stamped(self, at: float) -> None:
        if at < self.earliest:
            self.earliest = at
        if at > self.latest:
            self.latest = at

    def facts(self) -> Facts:
        return Facts(self.lines, self.earliest, self.latest, self.bad, self.first_bad, self.why)


def _lines(data: bytes) -> list[bytes]:
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    lines = data.split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    return lines


def _fields(line: bytes, quoted: bool) -> list[bytes]:
    if quoted and b'"' in line:
        try:
            return [f.encode("utf-8", "surrogateescape") for f in split_fields(line.decode("utf-8", "surrogateescape"))]
        except csv.Error:
            return []
    return line.split(b",")


class LongRows:
    """`time,service,operation,metric,value`, in any order of columns.

    Args:
        columns: Where each stands.
        window: Points from its start to its end, both included, are kept.
        most: Points kept in all.
    """

    def __init__(self, columns: Columns, window: Window, most: int) -> None:
        self._columns = columns
        self._window = window
        self._left = most
        self._stamps = Stamps()
        self._found: dict[tuple[bytes, bytes, bytes], Points] = {}

    def take(self, data: bytes, first_line: int) -> Facts:
        """Read whole lines; keep the points of the window."""
        tally = _Tally(first_line)
        quoted = b'"' in data
        t, s, o, m, v = self._columns
        found = self._found
        start, end = self._window.start, self._window.end
        last_raw, at, inside = b"", None, False
        lines = _lines(data)
        tally.lines = len(lines)
        for line_number, line in enumerate(lines, first_line):
            fields = _fields(line, quoted) if quoted else line.split(b",")
            if len(fields) != 5:
                if line.strip():
                    tally.wrong(line_number, _why_not(line, len(fields), 5))
                continue
            raw = fields[t]
            if raw != last_raw:
                last_raw, at = raw, self._stamps.read(raw.decode("utf-8", "replace"))
                if at is not None:
                    tally.stamped(at)
                    inside = start <= at <= end
            if at is None:
                tally.wrong(line_number, f"{safe(raw.decode('utf-8', 'replace'), 40)!r} is no time")
                continue
            raw_value = fields[v]
            try:
                value = float(raw_value)
                if b"_" in raw_value:
                    raise ValueError
            except ValueError:
                if raw_value.strip():
                    tally.wrong(line_number, f"{safe(raw_value.decode('utf-8', 'replace'), 40)!r} is no number")
                continue
            if inside and value - value == 0.0 and self._left > 0:  # infinity and NaN are gaps
                key = (fields[s], fields[o], fields[m])
                points = found.get(key) or self._points(key)
                if points is None:
                    tally.wrong(line_number, f"more than {MOST_SERIES:,} different series")
                    continue
                points[0].append(at)
                points[1].append(value)
                self._left -= 1
        return tally.facts()

    def _points(self, key: tuple[bytes, bytes, bytes]) -> Points | None:
        found = self._found.get(key)
        if found is None and len(self._found) < MOST_SERIES:
            found = self._found[key] = (array("d"), array("d"))
        return found

    def points(self) -> Iterator[tuple[SeriesKey, Points]]:
        """What was kept, by series."""
        for raw, points in self._found.items():
            service, operation, metric = (safe(part.decode("utf-8", "replace").strip(), NAME_LIMIT) for part in raw)
            yield SeriesKey(service, operation, metric), points


class WideRows:
    """A time column and one column per service and metric.

    Args:
        columns: What each column holds; None for one that is not a metric.
        window: Rows from its start to its end, both included, are kept.
        most: Points kept in all.
    """

    def __init__(self, columns: Sequence[WideColumn | None], window: Window, most: int) -> None:
        self._width = len(columns)
        self._time = next(i for i, c in enumerate(columns) if c is not None and c.is_time)
        self._window = window
        self._left = most
        self._stamps = Stamps()
        self._kept = [
            (i, SeriesKey(c.service, "", c.metric), (array("d"), array("d")))
            for i, c in enumerate(columns)
            if c is not None and not c.is_time
        ]

    def take(self, data: bytes, first_line: int) -> Facts:
        """Read whole lines; keep the points of the window."""
        tally = _Tally(first_line)
        quoted = b'"' in data
        lines = _lines(data)
        tally.lines = len(lines)
        for line_number, line in enumerate(lines, first_line):
            fields = _fields(line, quoted)
            if len(fields) != self._width:
                if line.strip():
                    tally.wrong(line_number, _why_not(line, len(fields), self._width))
                continue
            raw = fields[self._time].decode("utf-8", "replace")
            at = self._stamps.read(raw)
            if at is None:
                tally.wrong(line_number, f"{safe(raw, 40)!r} is no time")
                continue
            tally.stamped(at)
            wrong = self._keep(fields, at, self._window.start <= at <= self._window.end)
            if wrong is not None:
                tally.wrong(line_number, f"{safe(wrong.decode('utf-8', 'replace'), 40)!r} is no number")
        return tally.facts()

    def _keep(self, fields: list[bytes], at: float, inside: bool) -> bytes | None:
        """Keep the values of a row; returns the first field that is no number."""
        wrong = None
        for column, _, (times, values) in self._kept:
            value = number(fields[column])
            if value is None:
                wrong = wrong if wrong is not None else fields[column]
            elif inside and value == value and self._left > 0:
                times.append(at)
                values.append(value)
                self._left -= 1
        return wrong

    def points(self) -> Iterator[tuple[SeriesKey, Points]]:
        """What was kept, by series."""
        for _, key, points in self._kept:
            yield key, points
