"""Collectors for log patterns: shapes of messages, exceptions, and an even sample of some records."""

from __future__ import annotations

from collections.abc import Sequence

from console.analysis.exceptions import TELLING, ExceptionTable, joined
from console.analysis.mining.shapes import ShapeTable
from console.domain.instant import Window
from console.domain.logs import Level, LogPage
from console.domain.shapes import ExceptionCounts, ExceptionGroup, ShapeCounts
from sources.logs.batch import Batch
from sources.logs.collect import Buckets, Collector, Spread
from sources.logs.formats.columns import MOST_KINDS, Kind
from sources.logs.inputs import LogFile
from sources.logs.matching import Matcher
from sources.logs.memo import Memo
from sources.logs.questions import Exceptions, Part, Sample, Shapes
from sources.logs.records import full


def mined(question: Shapes | Exceptions | Sample, window: Window, matcher: Matcher) -> Collector:
    """The collector for a question about patterns."""
    match question:
        case Shapes(step_s=step_s):
            return _Shapes(window, step_s, matcher)
        case Exceptions(step_s=step_s):
            return _Exceptions(window, step_s, matcher)
        case Sample(limit=limit):
            return _Sample(window, limit, matcher)


class _Matching:
    """Takes the matching records of each batch."""

    divides = True
    takes_ours = False
    counted: Buckets | None = None

    def __init__(self, matcher: Matcher) -> None:
        self._matcher = matcher
        self.narrow = matcher.narrow
        self.sought, self.only = matcher.sought, matcher.only

    def begin(self, file: LogFile) -> None:
        pass

    def matching(self, batch: Batch) -> Batch:
        """The matching records of a batch."""
        return batch if self._matcher.everything else batch.picked(self._matcher.places(batch))


class _Shapes(_Matching):
    def __init__(self, window: Window, step_s: float, matcher: Matcher) -> None:
        super().__init__(matcher)
        self._window, self._step_s = window, step_s
        self._table = table = ShapeTable(window, step_s)
        self._groups: Memo[Kind, int] = Memo(lambda kind: table.group(kind.service, kind.level), MOST_KINDS)
        self._lines = 0

    def part(self) -> Part:
        return Part(self._lines, shapes=self._table.shapes())

    def join(self, part: Part) -> None:
        self._lines += part.matched
        self._table.add_shapes(part.shapes)

    def add(self, file: LogFile, batch: Batch) -> None:
        batch = self.matching(batch)
        self._lines += len(batch)
        groups = self._groups
        self._table.add([groups[kind] for kind in batch.kinds], batch.times, batch.messages())

    def answer(self, scanned_bytes: int) -> tuple[ShapeCounts, int]:
        return ShapeCounts(self._window, self._step_s, self._table.shapes()), self._lines


class _Exceptions(_Matching):
    def __init__(self, window: Window, step_s: float, matcher: Matcher) -> None:
        super().__init__(matcher)
        self._window = window
        self._table = ExceptionTable(window.start, step_s)
        self._records = 0
        self._groups: list[Sequence[ExceptionGroup]] = []

    def part(self) -> Part:
        return Part(self._records, exceptions=self._table.groups())

    def join(self, part: Part) -> None:
        self._records += part.matched
        self._groups.append(part.exceptions)

    def add(self, file: LogFile, batch: Batch) -> None:
        batch = self.matching(batch)
        self._records += len(batch)
        joined = set(batch.joined())
        for place, kind in enumerate(batch.kinds):
            if kind.level < Level.WARN and place not in joined:
                continue
            entry = batch.entry(place)
            if entry.extra or TELLING.search(entry.line):
                self._table.add(full(batch.form, entry))

    def answer(self, scanned_bytes: int) -> tuple[ExceptionCounts, int]:
        return ExceptionCounts(self._window, joined([self._table.groups(), *self._groups])), self._records


class _Sample(_Matching):
    def __init__(self, window: Window, limit: int, matcher: Matcher) -> None:
        super().__init__(matcher)
        self._spread = Spread(window, limit)

    def add(self, file: LogFile, batch: Batch) -> None:
        self._spread.add(file, self.matching(batch))

    def part(self) -> Part:
        return self._spread.part()

    def join(self, part: Part) -> None:
        self._spread.join(part)

    def answer(self, scanned_bytes: int) -> tuple[LogPage, int]:
        return self._spread.answer(scanned_bytes)
