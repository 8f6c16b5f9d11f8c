"""Questions about the files of one source: a page of records, counts, derived series. Synchronous, and the same in the
worker process as in a headless command.

Only records stamped inside the window are used, and of a file only the bytes that can hold them are read.
"""

from __future__ import annotations

import math
import os
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from console.domain.instant import Window, rfc3339, span_text
from console.domain.logs import Level
from console.domain.reading import Cost, Reading, SourceReport, SourceState
from console.domain.text import SafeText
from console.guard.sanitise import safe, safe_bytes
from sources.base import SourceError, SourceTimeout, SourceUnavailable
from sources.logs import bulk
from sources.logs.batch import Batch, Beginnings, batches, sifted_batches
from sources.logs.collect import Buckets, Collector, collector
from sources.logs.derive import Memory
from sources.logs.formats import Format, make
from sources.logs.formats.base import CONTINUES
from sources.logs.garbage import no_collection
from sources.logs.helper import Helper, cores
from sources.logs.index import SMALLEST, Indexes
from sources.logs.inputs import Found, LogFile, find
from sources.logs.journald import JOURNAL, JournalFormat, blocks
from sources.logs.questions import Question
from sources.logs.reading import SAMPLE, Reader, require_text
from sources.logs.records import Tally
from sources.logs.searched import Searched, needed
from sources.logs.seek import locate, probe
from sources.logs.sieve import Apart, Sieve, Sifted, Sought
from sources.logs.sifting import Sifting, sifting_of
from sources.logs.spec import Spec
from sources.logs.wire import Share, Shared

TOO_LONG = "reading the log files took longer than allowed: narrow the window or the paths"
SAMPLE_LINES = 256
_T = TypeVar("_T")
_KNOWN_FORMATS = 4096
DIVIDED = 64 << 20
"""Bytes of one file from which on a second process pays: starting it takes as long as reading a tenth of them."""
CLOCKS_DIFFER_S = 60.0
"""Clocks that are kept in step differ by less; a stamp that is further ahead is a wrong one."""
_BEYOND = 1 << 20
"""Bytes behind a window in which records of the future are counted."""
_OWN_SHARE = 0.53
"""Of such a file this process reads a little more than half, since the other one has to start first."""
_EXPANDS = 10
"""Logs compress by about so much; only for telling beforehand how much a question would read."""


class Allowance:
    """The time that one question may take, and the memory of its process; can be ended early from another thread.

    Args:
        seconds: From now on.
        most_bytes: Resident memory of the process; 0: as much as there is.
    """

    def __init__(self, seconds: float = 60.0, most_bytes: int = 0) -> None:
        self._end = time.monotonic() + seconds
        self._most_bytes = most_bytes

    def end(self) -> None:
        """Nobody waits for the answer any more."""
        self._end = 0.0

    def left(self) -> float:
        """Seconds that are left."""
        return self._end - time.monotonic()

    def check(self) -> None:
        """
        Raises:
            SourceTimeout: The time is used up.
            MemoryError: The process has more memory than it may.
        """
        if self._most_bytes and resident_bytes() > self._most_bytes:
            raise MemoryError
        if time.monotonic() > self._end:
            raise SourceTimeout(TOO_LONG)


def resident_bytes() -> int:
    """Memory of this process; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as told:
            return int(told.read().split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 0


@dataclass(slots=True)
class Pass:
    """One reading of a source's files for a window, and what it met."""

    window: Window
    questions: tuple[Question, ...]
    allowance: Allowance
    refused: list[str] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    bytes: int = 0
    formats: set[str] = field(default_factory=set)
    sought: tuple[Sought, ...] = ()
    """Each finds the lines that the questions need; empty: they need all."""
    sieves: dict[int, tuple[Format, list[Sieve]]] = field(default_factory=dict)
    """What finds them in files of a format, by the identity of the format, which is kept with it so that no other gets it."""
    narrow: bool = False
    """Time, level, service and latency are all that is needed of the light records."""
    counted: Buckets | None = None
    """Takes counts by level instead of the records; None: the records themselves are needed."""
    only: frozenset[Level] | None = None
    """Every record that the questions need has one of these levels; None: any."""
    divides: bool = False
    """Parts of a file can be read elsewhere."""
    divided: bool = False
    """Some parts are read elsewhere."""
    shared: list[Shared] = field(default_factory=list)
    """What was read elsewhere."""
    complete: bool = True
    """False where something that belongs to the window could not be read."""
    present: float = field(init=False)
    """From here on a stamp is one of the future, and its record is left out."""

    def __post_init__(self) -> None:
        self.present = max(self.window.end, time.time() + CLOCKS_DIFFER_S)

    def inside(self, batch: Batch) -> Batch:
        """The records of a batch that lie in the window; of the others, those of the future are counted."""
        self.tally.note_future(batch.times, self.present)
        return batch.inside(self.window)


def give(collectors: Sequence[Collector], file: LogFile, batch: Batch) -> None:
    """Let every collector have the records that it takes."""
    others: Batch | None = None
    for one in collectors:
        if one.takes_ours:
            one.add(file, batch)
        else:
            others = batch.of_others() if others is None else others
            one.add(file, others)


class Engine:
    """Answers for one source. Keeps what it learned of the files' formats between questions."""

    def __init__(self, spec: Spec, indexes: Indexes | None = None) -> None:
        self.spec = spec
        self.indexes = indexes
        self._formats: dict[tuple[object, ...], Format] = {}
        self._memory = Memory()

    def answer(
        self, window: Window, questions: Sequence[Question], allowance: Allowance | None = None
    ) -> list[Reading[Any]]:
        """The answers to several questions about one window, from one pass over it.

        Raises:
            SourceError: No file can be read, or the time allowed has passed.
            QueryError: A query cannot be understood.
        """
        run, collectors = self._begun(window, questions, allowance or Allowance())

        def begin(file: LogFile) -> None:
            for one in collectors:
                one.begin(file)

        with no_collection():
            try:
                for file, batch in self._batches(run, begin):
                    give(collectors, file, batch)
            except SourceTimeout:
                raise SourceTimeout(self._how_far(run)) from None
            for shared in run.shared:
                run.bytes += shared.bytes
                run.tally.add(shared.tally)
                for one, part in zip(collectors, shared.parts, strict=True):
                    one.join(part)
            return [self._reading(*one.answer(run.bytes), run) for one in collectors]

    def _how_far(self, run: Pass) -> str:
        """What is said of a question whose time is over."""
        try:
            volume = self.volume(run.window)
        except SourceError:
            volume = None
        if not run.bytes or not volume:
            return TOO_LONG
        read = min(run.bytes, volume)
        half = ", a second process reads the other half" if run.divided else ""
        return f"{TOO_LONG} ({max(1, read >> 20)} of {max(1, volume >> 20)} MiB were read{half})"

    def _begun(
        self, window: Window, questions: Sequence[Question], allowance: Allowance
    ) -> tuple[Pass, list[Collector]]:
        given = self._given()
        collectors = [collector(one, window, self.spec.name, self._memory, given) for one in questions]
        run = Pass(window, tuple(questions), allowance)
        sought = {one.sought for one in collectors}
        run.sought = sought.pop() if len(sought) == 1 else ()
        run.narrow = all(one.narrow for one in collectors)
        run.counted = collectors[0].counted if len(collectors) == 1 else None
        run.divides = all(one.divides for one in collectors)
        only = [one.only for one in collectors if one.only is not None]
        run.only = frozenset().union(*only) if len(only) == len(collectors) else None
        return run, collectors

    def share(self, share: Share) -> Shared:
        """The part of a question that lies in a part of one file.

        Raises:
            SourceError: It cannot be read, or the time allowed has passed.
        """
        run, collectors = self._begun(share.window, share.questions, Allowance(share.allowed_s))
        path = os.fsdecode(share.path)
        file = next((one for one in self.files().files if one.path == path), None)
        if file is None:
            raise SourceUnavailable(f"{path}: is gone")
        for one in collectors:
            one.begin(file)
        with no_collection(), Reader(file) as reader:
            form = self.format_of(reader)
            run.divides = False
            for batch in self._read_part(reader, form, share.start, share.end, run):
                give(collectors, file, run.inside(batch))
            run.tally.cut += reader.cut_lines
        return Shared(tuple(one.part() for one in collectors), run.tally, run.bytes)

    def reach(self) -> Window | None:
        """From the earliest of the files' first stamps to the latest of their last ones; None where none carries one."""
        files = self.files().files
        stamps = [at for file in files for at in (self._first_stamp(file), self._last_stamp(file)) if at is not None]
        return Window(min(stamps), max(stamps)) if stamps else None

    def _last_stamp(self, file: LogFile) -> float | None:
        """The stamp of the last record that carries one, looked for in the last lines."""
        try:
            with Reader(file) as reader:
                form = self.format_of(reader)
                if reader.streamed:
                    data = b""
                    for _, block in reader.blocks(0, 1 << 62):
                        data = block
                else:
                    data = reader.pread(SAMPLE, max(0, reader.size - SAMPLE))
                for line in reversed(data.split(b"\n")):
                    light = form.light(line) if form.starts(line) else None
                    if light is not None and light.at is not None:
                        return light.at
        except SourceError:
            return None
        return None

    def volume(self, window: Window) -> int | None:
        """Bytes that a question about the window would read, told without reading them; None where that cannot be told.

        Raises:
            SourceUnavailable: No file matches.
        """
        if self.spec.kind == "journald":
            return None
        found = self.files()
        if not found.files:
            raise SourceUnavailable("; ".join(found.refused[:3]) or "no file matches the paths")
        total = 0
        for file in self._in_reach(found.files, Pass(window, (), Allowance())):
            if file.compression:
                total += _EXPANDS * file.size
                continue
            try:
                with Reader(file) as reader:
                    where = locate(reader, self.format_of(reader), window)
                    total += min(where.end, reader.size) - where.start
            except SourceError:
                continue  # whoever reads it will say so
        return total

    def files(self) -> Found:
        """The files that the source has now."""
        return find(self.spec.patterns, exact=self.spec.exact)

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

    def _given(self) -> set[str]:
        """Names of services that records get from the configuration or their file's path."""
        names = {self.spec.service, self.spec.fallback_service}
        if self.spec.service_from_path and self.spec.kind == "files":
            names |= {self.spec.context(one.path, "", 0.0).service for one in self.files().files}
        return names - {""}

    def _batches(self, run: Pass, begin: Callable[[LogFile], None]) -> Iterator[tuple[LogFile, Batch]]:
        """The records inside the window, file by file."""
        if self.spec.kind == "journald":
            begin(JOURNAL)
            yield from self._journal(run)
            return
        found = self.files()
        run.refused += found.refused
        if not found.files:
            raise SourceUnavailable("; ".join(found.refused[:3]) or "no file matches the paths")
        read = 0
        for file in self._in_reach(found.files, run):
            try:
                with Reader(file) as reader:
                    form = self.format_of(reader)
                    run.formats.add(form.name)
                    begin(file)
                    for batch in self._read(reader, form, run):
                        yield file, run.inside(batch)
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

    def _journal(self, run: Pass) -> Iterator[tuple[LogFile, Batch]]:
        form = JournalFormat(self.spec.context("", "", run.window.end))
        run.formats.add("journal")
        start, end = run.window.start, run.window.end

        def counted() -> Iterator[tuple[int, bytes]]:
            for offset, block in blocks(self.spec, start, end, run.allowance.check):
                run.bytes += len(block)
                yield offset, block

        # Its lines may hold a text as a list of numbers, in which no needle can be found.
        for batch in batches(form, counted(), run.tally, run.narrow):
            yield JOURNAL, run.inside(batch)

    def _read(self, reader: Reader, form: Format, run: Pass) -> Iterator[Batch]:
        """The records of the bytes of one file that the window needs."""
        for low, high in self._parts(reader, form, run):
            yield from self._read_part(reader, form, low, high, run)

    def _parts(self, reader: Reader, form: Format, run: Pass) -> list[tuple[int, int]]:
        """Where the records of the window lie in a file, as far as that can be told without reading all of it."""
        if reader.streamed:
            return [(0, 1 << 62)]
        index = None
        if self.indexes is not None and reader.size >= SMALLEST:
            index = self.indexes.load(self.spec, reader, form)
        if index is None:
            where = locate(reader, form, run.window)
            self._look_beyond(reader, form, where.end, run)
            return [(where.start, where.end)]
        beyond = index.beyond(run.present)
        if beyond is not None:
            run.tally.add(Tally(future=beyond[0], first_future=beyond[1]))
        if run.counted is None:
            parts = index.ranges(run.window, reader.size, run.only)
        else:
            parts, counts = index.split(run.window, run.counted, reader.size)
            for bucket, levels in counts:
                run.tally.records += sum(levels.values())
                run.counted.add_counts(bucket, levels)
        run.tally.add(index.passed_over(run.window, parts))
        return parts

    def _look_beyond(self, reader: Reader, form: Format, end: int, run: Pass) -> None:
        """Count the records of the future behind the part of a file that is read."""
        found = probe(reader, form, end, reader.size) if end < reader.size else None
        if found is None or found[1] < run.present:
            return
        stop = found[0] + _BEYOND
        for batch in batches(form, reader.blocks(found[0], min(stop, reader.size)), Tally(), True):
            run.tally.note_future(batch.times, run.present)
        run.tally.more_future = run.tally.more_future or stop < reader.size

    def _read_part(self, reader: Reader, form: Format, low: int, high: int, run: Pass) -> Iterator[Batch]:
        size = _EXPANDS * reader.size if reader.streamed else min(high, reader.size) - low
        sifting = self._sifting(reader, form, low, size, run)
        alone = sifting is not None and sifting.alone
        if not alone and run.divides and not reader.streamed and size >= DIVIDED and cores() > 1:
            yield from self._divided(reader, form, low, high, run, sifting)
        else:
            yield from self._undivided(reader, form, low, high, run, sifting)

    def _undivided(
        self, reader: Reader, form: Format, low: int, high: int, run: Pass, sifting: Sifting | None
    ) -> Iterator[Batch]:
        size = _EXPANDS * reader.size if reader.streamed else min(high, reader.size) - low
        if sifting is None:
            bulk.load(size)
            yield from batches(form, self._blocks(reader, low, high, run), run.tally, run.narrow)
            return
        if sifting.much:
            bulk.load(size)
        sieve = sifting.sieve
        sifted = self._sifted(reader, form, low, high, sifting, run)
        yield from sifted_batches(form, sifted, run.tally, sieve, run.narrow)

    def _sifting(self, reader: Reader, form: Format, low: int, size: int, run: Pass) -> Sifting | None:
        """How the lines that the questions need are found in a part of a file; None where reading all lines is as quick."""
        if id(form) not in run.sieves:
            made = [one for sought in run.sought if (one := sought.sieve(form)) is not None]
            run.sieves[id(form)] = form, made
        return sifting_of(run.sieves[id(form)][1], reader, low, size)

    def _sifted(
        self,
        reader: Reader,
        form: Format,
        low: int,
        high: int,
        sifting: Sifting,
        run: Pass,
    ) -> Iterator[Sifted | Apart | None]:
        """The blocks of a part of a file with what the sieve finds in them."""
        sieve = sifting.sieve
        size = _EXPANDS * reader.size if reader.streamed else min(high, reader.size) - low
        search = Searched.begin(sieve, reader, low, high, sure=sifting.sure) if sifting.by_ripgrep else None
        if search is not None:
            try:
                found = search.found(run.allowance.check)
            finally:
                search.close()
            if found is not None:
                run.bytes += sum(length for _, length, _ in found)
                yield from search.sift(found, Beginnings(form), run.allowance.check)
                return
        yield from needed(sieve.sift(self._blocks(reader, low, high, run), size, rare=sifting.rare), Beginnings(form))

    def _divided(
        self, reader: Reader, form: Format, low: int, high: int, run: Pass, sifting: Sifting | None
    ) -> Iterator[Batch]:
        """As `_undivided`, with the second half read by another process at the same time."""
        end = min(high, reader.size)
        second = probe(reader, form, low + int((end - low) * _OWN_SHARE), end)
        middle = second[0] if second is not None else high
        try:
            path, left = os.fsencode(reader.file.path), run.allowance.left()
            helper = Helper(Share(self.spec, run.window, run.questions, left, path, middle, high)) if second else None
        except OSError:
            helper = None
        run.divided = run.divided or helper is not None
        try:
            yield from self._undivided(reader, form, low, middle, run, sifting)
            shared = helper.answer(run.allowance.check) if helper is not None else None
        finally:
            if helper is not None:
                helper.close()
        if shared is not None:
            run.shared.append(shared)
        elif middle < high:
            yield from self._undivided(reader, form, middle, high, run, sifting)

    def _blocks(self, reader: Reader, low: int, high: int, run: Pass) -> Iterator[tuple[int, bytes]]:
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
                if not reader.streamed:
                    found = probe(reader, form, 0, reader.size)
                    return found[1] if found is not None else None
                for line in reader.head().split(b"\n")[:-1]:
                    light = form.light(line)
                    if light is not None and light.at is not None:
                        return light.at
        except SourceError:
            return None
        return None

    def _reading(self, value: _T, records: int, run: Pass) -> Reading[_T]:
        tally = run.tally
        notes = [safe(sentence, 300) for sentence in run.refused if not sentence.endswith("no file matches")]
        if tally.unreadable:
            share = tally.unreadable / max(1, tally.unreadable + tally.records)
            form = " or ".join(sorted(run.formats)) or self.spec.format
            # Of lines that only an index knows there is no text.
            example = f", for example: {safe_bytes(tally.example, 120)}" if tally.example else ""
            notes.append(safe(f"{tally.unreadable} lines ({share:.1%}) cannot be read as {form}{example}", 400))
        if tally.timeless:
            notes.append(SafeText(f"{tally.timeless} records carry no time and are left out"))
        if tally.future:
            number = f"{tally.future} or more" if tally.more_future else f"{tally.future}"
            first = rfc3339(math.floor(tally.first_future))
            notes.append(SafeText(f"{number} records are stamped in the future (first: {first}) and are left out"))
        if tally.cut:
            notes.append(SafeText(f"{tally.cut} lines are longer than 1 MiB; their beginnings were read"))
        partial = not run.complete or len(notes) > bool(tally.unreadable) or tally.unreadable * 100 > tally.records
        report = SourceReport(
            name=self.spec.name,
            kind=self.spec.kind,
            state=SourceState.PARTIAL if partial and notes else SourceState.OK,
            detail=SafeText("; ".join(notes))
            if notes
            else SafeText(f"{', '.join(sorted(run.formats))}, {span_text(run.window.seconds)}"),
            records=records,
            cost=Cost(1, run.bytes),
            role="logs",
        )
        return Reading(value, time.time(), report, tuple(notes))
