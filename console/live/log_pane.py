"""The log pane behind the screen: the filter, its first read of the window, and the records that arrive after."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from console.domain.diagnosis import Diagnosis
from console.domain.instant import Instant, Window, span_text
from console.domain.logs import LogRecord
from console.domain.reading import SourceState
from console.domain.shapes import ExceptionGroup, FieldExcess
from console.domain.text import SafeText
from console.guard.sanitise import safe
from console.live.growth import Growth
from console.live.log_tail import LogTail
from console.live.scope import TimeScope
from console.query.evaluate import compile_query
from console.query.parse import parse
from console.state import DEFAULT_FILTER, LogsView, Status, Word
from sources.base import LogSource

FIRST_PAGE = 500
READ_DEADLINE_S = 20.0
RESTART_S = 1.0
REMEMBERED_S = 5.0
"""Records that arrived this long before a read are looked at again after it: one whose stamp is later than the read is not
in what was read."""
MOST_REMEMBERED = 20_000
"""Records per source that are remembered for that."""


def steady_length(seconds: float) -> float:
    """A length in whole minutes, from ten minutes on: 7,199 s and 7,201 s are both told as two hours."""
    return 60.0 * round(seconds / 60.0) if seconds >= 600.0 else seconds


@dataclass(slots=True)
class Lines:
    """What matches one filter in one window; it grows source by source."""

    filter_text: str
    tail: LogTail
    window: Window
    started: Instant
    answered: dict[str, SafeText] = field(default_factory=dict)
    """Sources that have answered, each with what went wrong; empty where nothing did."""
    incomplete: dict[str, SafeText] = field(default_factory=dict)
    """Sources that gave a part of the window, each with why."""
    observed: Instant | None = None
    """When the first of them was read."""


class LogPane:
    """The matching records of every log source.

    Args:
        sources: Where records come from.
        scope: The time window.
        changed: Called when there is something new to show; must be cheap.
        growth: By source; told of what its tail brings.
    """

    def __init__(
        self,
        sources: Sequence[LogSource],
        scope: TimeScope,
        changed: Callable[[], None],
        growth: Mapping[str, Growth],
    ) -> None:
        self._sources = sources
        self._growth = growth
        self._scope = scope
        self._changed = changed
        self.filter_text = DEFAULT_FILTER
        self._lines: Lines | None = None
        """What is shown."""
        self._next: Lines | None = None
        """What is being read; it is shown from the first source that answers on."""
        self._down_since: Instant | None = None
        self._broken: dict[str, SafeText] = {}
        self._recent: dict[str, deque[tuple[Instant, LogRecord]]] = {
            source.name: deque(maxlen=MOST_REMEMBERED) for source in sources
        }
        self._reload = asyncio.Event()
        self._busy = False
        """From a wish to read on until all is read."""

    def set_filter(self, text: str) -> None:
        """Show only what matches.

        Raises:
            QueryError: The text is no query; the old filter stays.
        """
        parse(text)
        self.filter_text = text.strip()
        self.reload()

    def reload(self) -> None:
        """Read the window again: it moved, or the filter changed. The old lines stay until the first new ones are there; a
        read that is under way is given up."""
        self._reload.set()
        self._busy = True
        self._changed()

    async def follow(self, source: LogSource) -> None:
        """Take new records of one source until cancelled; a source that breaks is opened again."""
        while True:
            try:
                async for records in source.follow():
                    self._growth[source.name].grew(self._scope.now())
                    self._broken.pop(source.name, None)
                    self._arrived(source.name, records)
            except Exception as error:  # whatever breaks one source's tail must leave the others alone
                self._broken[source.name] = safe(f"{source.name}: {error}", 200)
                self._changed()
            self._growth[source.name].lost()
            await asyncio.sleep(RESTART_S)

    def _arrived(self, name: str, records: Sequence[LogRecord]) -> None:
        now = self._scope.now()
        recent = self._recent[name]
        oldest = (self._next.started if self._next is not None else now) - REMEMBERED_S
        while recent and recent[0][0] < oldest:
            recent.popleft()
        recent.extend((now, record) for record in records)
        if self._lines is not None and name in self._lines.answered and self._lines.tail.add(records, now):
            self._changed()

    async def keep_loaded(self) -> None:
        """Read the window whenever `reload` was called, until cancelled."""
        while True:
            self._reload.clear()
            self._busy = True
            await self._load_unless_asked_again()
            self._busy = self._reload.is_set()
            self._changed()
            await self._reload.wait()

    async def _load_unless_asked_again(self) -> None:
        async with asyncio.TaskGroup() as group:
            loading = group.create_task(self._load(), name="read the window")
            again = group.create_task(self._reload.wait(), name="asked again")
            await asyncio.wait((loading, again), return_when=asyncio.FIRST_COMPLETED)
            loading.cancel()
            again.cancel()
        self._next = None

    async def _load(self) -> None:
        query = parse(self.filter_text)
        now, window = self._scope.now(), self._scope.window()
        if self._scope.view.live:
            # Up to this moment: a tail begins at the end of its file, and does not give what the last second brought.
            window = Window(window.start, now)
        lines = Lines(self.filter_text, LogTail(compile_query(query).matches, self._scope.step_s), window, now)
        self._next = lines
        if self._lines is None or not self._sources:
            self._lines = lines
        async with asyncio.TaskGroup() as group:
            for source in self._sources:
                group.create_task(self._read(source, lines), name=f"read {source.name}")
        self._lines = lines
        failed = all(lines.answered.values()) and bool(self._sources)
        self._down_since = (self._down_since or self._scope.now()) if failed else None

    async def _read(self, source: LogSource, lines: Lines) -> None:
        """Fill in what one source has of the window, and what it sent meanwhile."""
        problem = await self._preload(source, lines)
        lines.answered[source.name] = problem or SafeText("")
        for at, record in self._recent[source.name]:
            beyond = record.at is not None and record.at > lines.window.end
            if beyond or at >= lines.started:  # what came before the read is in it, unless it is beyond its end
                lines.tail.add((record,), at)
        if problem is None:
            self._lines = lines
        self._changed()

    async def _preload(self, source: LogSource, lines: Lines) -> SafeText | None:
        """Fill the tail from one source; returns what went wrong."""
        query = parse(lines.filter_text)
        try:
            async with asyncio.timeout(READ_DEADLINE_S):
                page, counts = await asyncio.gather(  # together, so that a source reads its lines once for both
                    source.page(lines.window, query, FIRST_PAGE),
                    source.counts(lines.window, self._scope.step_s, query),
                )
            lines.tail.preload(page.value, counts.value)
            lines.observed = min(page.observed_at, lines.observed or page.observed_at)
            if page.report.state is SourceState.PARTIAL:
                lines.incomplete[source.name] = safe(f"{source.name}: {page.report.detail}", 400)
        except TimeoutError:
            return safe(f"{source.name}: no answer within {READ_DEADLINE_S:g} s")
        except Exception as error:  # a source error, or a bug in one source: the pane says so and lives
            return safe(f"{source.name}: {error}", 200)
        return None

    def view(
        self,
        diagnosis: Diagnosis | None,
        excess: tuple[tuple[FieldExcess, ...], int | None],
        exceptions: tuple[ExceptionGroup, ...],
        patterns_status: Status,
        sources_status: Status,
    ) -> LogsView:
        """What the pane shows now.

        Args:
            diagnosis: The last one, whose patterns are shown.
            excess: What failing records have in common, and in how many records that was found, where it is a sample.
            exceptions: What was raised, compared.
            patterns_status: Of the patterns.
            sources_status: Of what the log sources were last asked: as old as that is what is known of their lines.
        """
        patterns = diagnosis.patterns if diagnosis is not None else ()
        baseline = diagnosis.pattern_baseline if diagnosis is not None else None
        now, live, lines = self._scope.now(), self._scope.view.live, self._lines
        window = self._scope.axis_window()
        shown = Window(window.start, now) if live else window
        status = self._status(now, live, shown, sources_status)
        view = LogsView(
            patterns=patterns,
            status=status,
            baseline_s=baseline.seconds if baseline is not None else None,
            patterns_status=patterns_status,
            excess=excess[0],
            excess_sample=excess[1],
            exceptions=exceptions,
            wanted_text=safe(self.filter_text) if self._reading() else None,
        )
        if lines is None:
            return view
        counts = lines.tail.counts(shown)
        return replace(
            view,
            filter_text=safe(lines.filter_text),
            counts=counts,
            records=lines.tail.records(shown),
            total=counts.total,
            rate_per_min=lines.tail.rate_per_min(now) if live else None,
            skipped=lines.tail.dropped,
            estimated=lines.tail.estimated,
        )

    def _reading(self) -> bool:
        return bool(self._sources) and (self._busy or self._lines is None)

    def _status(self, now: Instant, live: bool, shown: Window, sources: Status) -> Status:
        """The worst of what is known: of the read, of the tails, of what the sources said when they were last asked."""
        if not self._sources:
            return Status(Word.NO_DATA)
        if self._reading() or self._lines is None:
            return Status(Word.LOADING, detail=self._progress(now))
        problems = [problem for problem in self._lines.answered.values() if problem]
        if problems and len(problems) == len(self._sources):
            return Status(Word.DOWN, since=self._down_since, detail=problems[0])
        age = sources.age_s
        if age is None and self._lines.observed is not None:
            age = now - self._lines.observed
        problems += self._broken.values()
        if problems:
            return Status(Word.PARTIAL, age, detail=problems[0])
        if live and (one_in := self._lines.tail.one_in(now)) > 1:
            said = f"showing 1 in {one_in}: records come faster than they can be read"
            return Status(Word.PARTIAL, age, detail=SafeText(said))
        if sources.word in (Word.DOWN, Word.PARTIAL) or (live and sources.word is Word.STALE):
            return sources
        if self._lines.incomplete and self._lines.window.end > shown.start:
            return Status(Word.PARTIAL, age, detail=next(iter(self._lines.incomplete.values())))
        return Status(Word.LIVE if live else Word.PAST, age)

    def _progress(self, now: Instant) -> SafeText:
        """`reading the window: 1 of 3 sources, 4s`."""
        reading, many = self._next, len(self._sources)
        told = "reading the window"
        if reading is None:
            return SafeText(told)
        if many > 1:
            told += f": {len(reading.answered)} of {many} sources"
        waited = now - reading.started
        return SafeText(f"{told}, {span_text(waited)}" if waited >= 1.0 else told)
