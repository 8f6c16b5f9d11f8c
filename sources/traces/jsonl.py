"""Spans from a JSON Lines file."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any
from zlib import crc32

import msgspec

from console.analysis.fieldroles import LONGEST_VALUE, Role, named
from console.domain.instant import Instant, Window
from console.domain.reading import Cost, Reading, SourceReport, SourceState
from console.domain.spans import Span
from console.domain.text import SafeText
from console.guard.sanitise import safe
from sources.blocks import Facts, Index, Scan, scan
from sources.stamps import Stamps, instant_of

KINDS = frozenset({"server", "client", "internal", "producer", "consumer"})
ID_LIMIT = 128
NAME_LIMIT = 300
MEMO = 10_000
PLACE_KEYS = ("instance", "host", "pod", "zone", "version", "tenant")
"""Keys of a line that say where a span ran, beside its attributes."""
MOST_FIELDS = 12
SLACK = 1_000
"""Spans held over the limit before traces are left out: thinning costs a pass over all of them."""


class _Line(msgspec.Struct):
    """One line of the file, as the documentation fixes it."""

    trace_id: str
    span_id: str
    service: str
    start: str | float | int
    duration_ms: Annotated[float, msgspec.Meta(ge=0)]
    parent_id: str | None = None
    operation: str = ""
    kind: str = "internal"
    status: str = "ok"
    instance: Any = None
    host: Any = None
    pod: Any = None
    zone: Any = None
    version: Any = None
    tenant: Any = None
    attributes: Any = None
    resource: Any = None
    """Objects of names and values, as OpenTelemetry calls them; what says where the span ran is taken from them."""

    def told(self) -> Iterator[tuple[str, Any]]:
        """Everything that may say where it ran."""
        for name in PLACE_KEYS:
            yield name, getattr(self, name)
        for some in (self.resource, self.attributes):
            if isinstance(some, dict):
                yield from some.items()


class JsonlTraces:
    """One file of spans. It is read again only where it has grown or where a window needs it.

    Args:
        name: The source's name in the configuration.
        path: The file.
    """

    kind = "jsonl"

    def __init__(self, name: str, path: Path, *, clock: Callable[[], Instant] = time.time) -> None:
        self.name = name
        self._path = path
        self._clock = clock
        self._index: Index | None = None
        self._one_at_a_time = asyncio.Lock()

    async def close(self) -> None:
        """Nothing is held open between two readings."""

    async def spans(self, window: Window, limit: int, trace_id: str | None = None) -> Reading[tuple[Span, ...]]:
        """Spans that ended from `window.start` to `window.end`, both included, oldest end first.

        Where there are more than `limit`, whole traces are left out, chosen by a hash of their id: what stays is as
        even over time as what was there, and no trace is torn.

        Args:
            trace_id: Of this trace alone.

        Raises:
            SourceUnavailable: The file is missing or unreadable.
        """
        stop = threading.Event()
        async with self._one_at_a_time:
            taker = _SpanLines(window, limit, trace_id)
            try:
                found, kept = await asyncio.to_thread(self._read, taker, window, stop)
            except asyncio.CancelledError:
                stop.set()
                raise
            self._index = found.index
        return Reading(kept, self._clock(), self._report(found, taker, len(kept)))

    def _read(self, taker: _SpanLines, window: Window, stop: threading.Event) -> tuple[Scan, tuple[Span, ...]]:
        found = scan(self._path, self._index, window, taker, stop)
        return found, taker.kept()

    def _report(self, found: Scan, taker: _SpanLines, kept: int) -> SourceReport:
        notes = []
        if found.facts.bad:
            notes.append(
                f"{found.facts.bad:,} of {found.facts.lines:,} lines not understood, "
                f"the first is line {found.facts.first_bad}: {found.facts.why}"
            )
        if kept < taker.matched:
            notes.append(f"{kept:,} of {taker.matched:,} spans, whole traces chosen evenly by their id")
        return SourceReport(
            self.name,
            self.kind,
            SourceState.PARTIAL if notes else SourceState.OK,
            safe("; ".join(notes), 400),
            records=kept,
            cost=Cost(1, found.bytes_read),
            role="traces",
            file=str(self._path),
        )


class _SpanLines:
    """Understands span lines; keeps at most `limit` spans of the window, in whole traces."""

    def __init__(self, window: Window, limit: int, trace_id: str | None = None) -> None:
        self._window = window
        self._trace_id = trace_id
        self._limit = max(1, limit)
        self._decoder = msgspec.json.Decoder(_Line)
        self._stamps = Stamps()
        self._names: dict[str, str] = {}
        self._fields: dict[tuple[tuple[str, str], ...], tuple[tuple[str, SafeText], ...]] = {}
        self._spans: list[Span] = []
        self._mask = 0
        self.matched = 0
        """Spans that ended inside the window, kept or not."""

    def take(self, data: bytes, first_line: int) -> Facts:
        """Read whole lines; keep the spans of the window."""
        earliest, latest, bad, first_bad, why = math.inf, -math.inf, 0, None, ""
        lines = data.split(b"\n")
        if not lines[-1]:
            lines.pop()
        for number, line in enumerate(lines, first_line):
            if not line.strip():
                continue
            try:
                raw = self._decoder.decode(line)
                end = self._take(raw)
            except (msgspec.DecodeError, ValueError) as error:  # a ValidationError is a DecodeError
                bad += 1
                if first_bad is None:
                    first_bad, why = number, safe(str(error), 120)
                continue
            earliest, latest = min(earliest, end), max(latest, end)
        return Facts(len(lines), earliest, latest, bad, first_bad, why)

    def _take(self, raw: _Line) -> Instant:
        start = self._stamps.read(raw.start) if isinstance(raw.start, str) else instant_of(raw.start)
        if start is None:
            raise ValueError(f"start {safe(str(raw.start), 40)!r} is no time")
        end = start + raw.duration_ms / 1e3
        if self._window.start <= end <= self._window.end and self._trace_id in (None, raw.trace_id):
            self.matched += 1
            if not _hash(raw.trace_id) & self._mask:
                self._spans.append(self._span(raw, start))
                if len(self._spans) > 2 * self._limit + SLACK:
                    self._thin_out()
        return end

    def _thin_out(self) -> None:
        """Leave out traces by further bits of their hash until no more than `limit` spans are left."""
        while len(self._spans) > self._limit:
            mask = self._mask * 2 + 1
            fewer = [s for s in self._spans if not _hash(s.trace_id) & mask]
            if fewer:
                self._mask, self._spans = mask, fewer
            else:  # one trace alone is over the limit: its newest spans are better than none
                self._spans = sorted(self._spans, key=lambda span: span.end)[-self._limit :]

    def _span(self, raw: _Line, start: Instant) -> Span:
        kind = raw.kind.lower()
        return Span(
            trace_id=safe(raw.trace_id, ID_LIMIT),
            span_id=safe(raw.span_id, ID_LIMIT),
            parent_id=safe(raw.parent_id, ID_LIMIT) if raw.parent_id else None,
            service=self._name(raw.service),
            operation=self._name(raw.operation),
            kind=kind if kind in KINDS else "internal",
            start=start,
            duration_s=raw.duration_ms / 1e3,
            failed=raw.status.lower() == "error",
            fields=self._places(raw),
        )

    def _places(self, raw: _Line) -> tuple[tuple[str, SafeText], ...]:
        """What a span says of where it ran; kept once for all spans that say the same."""
        said = tuple([(k, str(v)) for k, v in raw.told() if isinstance(v, (str, int)) and _says_where(k)][:MOST_FIELDS])
        if not said:
            return ()
        found = self._fields.get(said)
        if found is None:
            if len(self._fields) >= MEMO:
                self._fields.clear()
            found = self._fields[said] = tuple([(safe(k, ID_LIMIT), safe(v, LONGEST_VALUE)) for k, v in said])
        return found

    def _name(self, text: str) -> str:
        found = self._names.get(text)
        if found is None:
            if len(self._names) >= MEMO:
                self._names.clear()
            found = self._names[text] = safe(text, NAME_LIMIT)
        return found

    def kept(self) -> tuple[Span, ...]:
        """What was kept, by the time it ended."""
        self._thin_out()
        return tuple(sorted(self._spans, key=lambda span: span.end))


def _says_where(name: str) -> bool:
    about = named(name)
    return about is not None and about.role is not Role.OTHER


def _hash(trace_id: str) -> int:
    return crc32(trace_id.encode("utf-8", "replace"))


def span_of_line(line: bytes) -> Span | None:
    """The span of a single line; None where it is none."""
    taker = _SpanLines(Window(-math.inf, math.inf), 1)
    taker.take(line, 1)
    return next(iter(taker.kept()), None)
