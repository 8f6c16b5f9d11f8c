"""Questions about the files of one source: a page of records, counts, derived series. Synchronous, and the same in the
worker process as in a headless command.

Only records stamped inside the window are used, and of a file only the bytes that can hold them are read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import ceil
from operator import itemgetter
from typing import TypeVar

from console.domain.instant import Window, span_text
from console.domain.logs import Level, LogCounts, LogHistogram, LogPage, LogRecord
from console.domain.observations import ErrorSample
from console.domain.reading import Cost, Reading, SourceReport, SourceState
from console.domain.series import Series
from console.domain.text import SafeText
from console.guard.sanitise import safe, safe_bytes
from console.query.ast import Query
from sources.base import SourceError, SourceTimeout, SourceUnavailable
from sources.logs.derive import Cell, Derived, series_of
from sources.logs.formats import Format, make
from sources.logs.formats.base import CONTINUES
from sources.logs.inputs import Found, LogFile, find
from sources.logs.matching import Matcher
from sources.logs.reading import SAMPLE, Reader, require_text
from sources.logs.records import Entry, Tally, entries, full, newest_first_key
from sources.logs.seek import locate, probe
from sources.logs.spec import Spec

SAMPLE_LINES = 256
_T = TypeVar("_T")
MOST_PAGE = 50_000
"""Records of one page; more are counted, not given."""
_KNOWN_FORMATS = 4096


class Allowance:
    """The time that one question may take; can be ended early from another thread."""

    def __init__(self, seconds: float = 60.0) -> None:
        self._end = time.monotonic() + seconds

    def end(self) -> None:
        """Nobody waits for the answer any more."""
        self._end = 0.0

    def check(self) -> None:
        """
        Raises:
            SourceTimeout: It is used up.
        """
        if time.monotonic() > self._end:
            raise SourceTimeout("reading the log files took longer than allowed: narrow the window or the paths")


@dataclass(slots=True)
class Pass:
    """One reading of a source's files for a window, and what it met."""

    window: Window
    allowance: Allowance
    refused: list[str] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    bytes: int = 0
    formats: set[str] = field(default_factory=set)
    complete: bool = True
    """False where something that belongs to the window could not be read."""


class Engine:
    """Answers for one source. Keeps what it learned of the files' formats between questions."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self._formats: dict[tuple[object, ...], Format] = {}

    def page(
        self, window: Window, query: Query | None, limit: int, allowance: Allowance | None = None
    ) -> Reading[LogPage]:
        """The newest `limit` matching records of the window, oldest first, and how many match in all.

        Raises:
            SourceError: No file can be read, or the time allowed has passed.
        """
        run = Pass(window, allowance or Allowance())
        kept, matched = self._newest(run, Matcher(query), min(limit, MOST_PAGE))
        page = LogPage(window, kept, matched, run.bytes)
        return self._reading(page, run, matched)

    def errors(self, window: Window, limit: int, allowance: Allowance | None = None) -> Reading[ErrorSample]:
        """The newest `limit` records at level warning and worse.

        Raises:
            SourceError: As `page`.
        """
        run = Pass(window, allowance or Allowance())
        kept, matched = self._newest(run, None, min(limit, MOST_PAGE))
        return self._reading(ErrorSample(window, kept, matched), run, matched)

    def messages(self, window: Window, limit: int, allowance: Allowance | None = None) -> Reading[LogPage]:
        """At most `limit` records of every level, spread evenly over the records of the window, and how many there are.

        Raises:
            SourceError: As `page`.
        """
        run = Pass(window, allowance or Allowance())
        limit = min(limit, MOST_PAGE)
        stride, matched = 1, 0
        kept: list[tuple[Format, Entry]] = []
        for form, entry in self._entries(run, None):
            matched += 1
            if matched % stride == 0:
                kept.append((form, entry))
                if len(kept) > limit:
                    kept = kept[1::2]
                    stride *= 2
        records = sorted((full(form, entry) for form, entry in kept), key=newest_first_key)
        page = LogPage(window, tuple(records), matched, run.bytes, sampled=matched > len(records))
        return self._reading(page, run, matched)

    def counts(
        self, window: Window, step_s: float, query: Query | None, allowance: Allowance | None = None
    ) -> Reading[LogCounts]:
        """Matching records per bucket and level; the buckets begin at the window's start.

        Raises:
            SourceError: As `page`.
        """
        run = Pass(window, allowance or Allowance())
        buckets, _ = self._bucketed(run, step_s, query)
        counts = LogCounts(window.start, step_s, tuple(buckets))
        return self._reading(counts, run, counts.total)

    def _bucketed(self, run: Pass, step_s: float, query: Query | None) -> tuple[list[dict[Level, int]], list[Cell]]:
        matcher = Matcher(query)
        start = run.window.start
        number = max(1, ceil(run.window.seconds / step_s - 1e-9))
        buckets: list[dict[Level, int]] = [{} for _ in range(number)]
        cells = [Cell() for _ in range(number)]
        for form, entry in self._entries(run, matcher.maybe):
            record = entry.light if matcher.all else matcher.take(form, entry)
            if record is None or record.at is None:
                continue
            index = min(number - 1, int((record.at - start) / step_s))
            bucket = buckets[index]
            bucket[record.level] = bucket.get(record.level, 0) + 1
            if record.latency_s is not None:
                cells[index].add(False, record.latency_s)
        return buckets, cells

    def histogram(
        self, window: Window, step_s: float, query: Query | None, allowance: Allowance | None = None
    ) -> Reading[LogHistogram]:
        """As `counts`, with the latencies of the matching records.

        Raises:
            SourceError: As `page`.
        """
        run = Pass(window, allowance or Allowance())
        buckets, cells = self._bucketed(run, step_s, query)
        counts = LogCounts(window.start, step_s, tuple(buckets))
        return self._reading(LogHistogram(counts, tuple(cell.values for cell in cells)), run, counts.total)

    def series(self, window: Window, step_s: float, allowance: Allowance | None = None) -> Reading[tuple[Series, ...]]:
        """Series per service and operation, as `sources.logs.derive` describes them.

        Raises:
            SourceError: As `page`.
        """
        run = Pass(window, allowance or Allowance())
        parts: dict[str, Derived] = {}
        count = 0
        for _ in self._entries(run, None, lambda file: parts.setdefault(file.path, Derived(step_s))):
            count += 1
        found = series_of(list(parts.values()), window, step_s, self.spec.name)
        return self._reading(found, run, count)

    def files(self) -> Found:
        """The files that the source has now."""
        return find(self.spec.patterns)

    def empty_format(self, path: str) -> Format:
        """The parser for a file that holds nothing yet."""
        context = self.spec.context(path, path.rsplit("/", 1)[-1], time.time())
        return make("plain" if self.spec.format == "auto" else self.spec.format, context, ())

    def format_of(self, reader: Reader) -> Format:
        """The parser of an open file.

        Raises:
            SourceGarbage: It is no text.
        """
        return self.format_from(reader.file.path, reader.head(SAMPLE), reader.file.identity, reader.file.changed)

    def format_from(self, path: str, head: bytes, identity: tuple[int, int], changed: float) -> Format:
        """The parser of a file by its first bytes; remembered as long as it begins with the same ones.

        Args:
            path: Names the file, and maybe the service.
            head: Its first bytes, at most `SAMPLE`.
            identity: Device and inode.
            changed: Time of the last write.

        Raises:
            SourceGarbage: It is no text.
        """
        require_text(path, head)
        # A file that has doubled its first lines since is looked at again: more lines tell more.
        key = (path, identity, head[:256], min(head.count(b"\n"), SAMPLE_LINES).bit_length())
        known = self._formats.get(key)
        if known is None:
            lines = [line.rstrip(b"\r").lstrip(b"\0") for line in head.split(b"\n")]
            sample = [line for line in (lines[:-1] if len(lines) > 1 else lines) if line.strip()][:SAMPLE_LINES]
            context = self.spec.context(path, path.rsplit("/", 1)[-1], changed)
            known = make(self.spec.format, context, sample)
            if len(self._formats) >= _KNOWN_FORMATS:
                self._formats.clear()
            if any(CONTINUES.match(line) is None for line in sample):
                self._formats[key] = known
        return known

    def _newest(self, run: Pass, matcher: Matcher | None, limit: int) -> tuple[tuple[LogRecord, ...], int]:
        """The newest matching records, oldest first, and how many match; without a matcher, warnings and worse."""
        newest: list[tuple[float, Format, Entry, LogRecord]] = []
        matched, floor = 0, float("-inf")
        most = 2 * limit + 1000
        maybe = matcher.maybe if matcher is not None else None
        for form, entry in self._entries(run, maybe):
            if matcher is None:
                record = entry.light if entry.light.level >= Level.WARN else None
            else:
                record = entry.light if matcher.all else matcher.take(form, entry)
            if record is None or record.at is None:
                continue
            matched += 1
            if record.at >= floor:
                newest.append((record.at, form, entry, record))
                if len(newest) >= most:
                    floor = _keep_newest(newest, limit)
        _keep_newest(newest, limit)
        records = [record if record is not entry.light else full(form, entry) for _, form, entry, record in newest]
        return tuple(sorted(records, key=newest_first_key)), matched

    def _entries(
        self,
        run: Pass,
        maybe: Callable[[bytes], bool] | None,
        part: Callable[[LogFile], Derived] | None = None,
    ) -> Iterator[tuple[Format, Entry]]:
        """Every entry inside the window, file by file. `part` gives what a file's records are added to, if anything."""
        found = self.files()
        run.refused += found.refused
        if not found.files:
            raise SourceUnavailable("; ".join(found.refused[:3]) or "no file matches the paths")
        start, end = run.window.start, run.window.end
        read = 0
        for file in self._in_reach(found.files, run):
            derived = part(file) if part is not None else None
            try:
                with Reader(file) as reader:
                    form = self.format_of(reader)
                    run.formats.add(form.name)
                    for entry in entries(form, self._blocks(reader, form, run), run.tally, maybe):
                        at = entry.light.at
                        if at is not None and start <= at < end:
                            if derived is not None:
                                derived.add(entry.light)
                            yield form, entry
                    read += 1
                    run.tally.cut += reader.cut_lines
                    if reader.stopped:
                        run.refused.append(reader.stopped)
                        run.complete = False
            except SourceTimeout:
                raise
            except SourceError as error:
                run.refused.append(str(error))
                run.complete = False
        if not read and not run.complete:
            raise SourceUnavailable("; ".join(run.refused[:3]))

    def _blocks(self, reader: Reader, form: Format, run: Pass) -> Iterator[tuple[int, bytes]]:
        if reader.file.compression:
            low, high = 0, 1 << 62
        else:
            where = locate(reader, form, run.window)
            low, high = where.start, where.end
        for offset, block in reader.blocks(low, high):
            run.allowance.check()
            run.bytes += len(block)
            yield offset, block

    def _in_reach(self, files: tuple[LogFile, ...], run: Pass) -> Iterator[LogFile]:
        """The files that can hold records of the window.

        Rotation writes one file after the other: where a file begins before the window, with a minute to spare, those
        before it in its set have nothing to tell.
        """
        skipped: set[str] = set()
        for file in reversed(files):
            if file.base in skipped:
                continue
            yield file
            if file.order[0] != 2 or any(other.base == file.base and other is not file for other in files):
                first = self._first_stamp(file)
                if first is not None and first < run.window.start - 60.0:
                    skipped.add(file.base)

    def _first_stamp(self, file: LogFile) -> float | None:
        try:
            with Reader(file) as reader:
                form = self.format_of(reader)
                if not file.compression:
                    found = probe(reader, form, 0, reader.size)
                    return found[1] if found is not None else None
                for line in reader.head().split(b"\n")[:-1]:
                    light = form.light(line)
                    if light is not None and light.at is not None:
                        return light.at
        except SourceError:
            return None
        return None

    def _reading(self, value: _T, run: Pass, records: int) -> Reading[_T]:
        tally = run.tally
        notes = [safe(sentence, 300) for sentence in run.refused if not sentence.endswith("no file matches")]
        if tally.unreadable:
            share = tally.unreadable / max(1, tally.unreadable + tally.records)
            form = " or ".join(sorted(run.formats)) or self.spec.format
            notes.append(
                safe(
                    f"{tally.unreadable} lines ({share:.1%}) cannot be read as {form}, for example: {safe_bytes(tally.example, 120)}",
                    400,
                )
            )
        if tally.timeless:
            notes.append(SafeText(f"{tally.timeless} records carry no time and are left out"))
        if tally.cut:
            notes.append(SafeText(f"{tally.cut} lines are longer than 1 MiB; their beginnings were read"))
        partial = not run.complete or len(notes) > bool(tally.unreadable) or tally.unreadable * 100 > tally.records
        report = SourceReport(
            name=self.spec.name,
            kind="files",
            state=SourceState.PARTIAL if partial and notes else SourceState.OK,
            detail=SafeText("; ".join(notes))
            if notes
            else SafeText(f"{', '.join(sorted(run.formats))}, {span_text(run.window.seconds)}"),
            records=records,
            cost=Cost(1, run.bytes),
            role="logs",
        )
        return Reading(value, time.time(), report, tuple(notes))


def _keep_newest(found: list[tuple[float, Format, Entry, LogRecord]], limit: int) -> float:
    """Leave the newest `limit`, in order; returns the time of the oldest left."""
    found.sort(key=itemgetter(0))
    del found[: max(0, len(found) - limit)]
    return found[0][0] if found else float("-inf")
