"""What the log panes say of themselves: how old their lines and counts are, what is missing of them, and what is a sample."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

from console.analysis.diagnose import diagnose
from console.analysis.patterns import counted
from console.config.models import Config
from console.domain.diagnosis import Diagnosis
from console.domain.instant import Window
from console.domain.logs import Level, LogPage, LogRecord
from console.domain.observations import ErrorSample, Observations
from console.domain.reading import Reading, SourceState
from console.domain.shapes import OTHER, ShapeCounts
from console.domain.text import SafeText
from console.domain.topology import Service, Topology
from console.live.collector import Collector
from console.live.timeview import TimeView
from console.observe import Sources
from console.query.ast import Query
from console.state import ConsoleState, Word
from sources.base import SourceUnavailable
from tests.tui.fakes import FakeLogs
from tests.waiting import PATIENCE_S

NOW = 1_790_000_000.0


class Clock:
    """Set by the test."""

    now = NOW

    def __call__(self) -> float:
        return self.now


@dataclass
class Logs(FakeLogs):
    """Answers at the test's time, and may be incomplete."""

    clock: Clock = field(default_factory=Clock)
    state: SourceState = SourceState.OK
    detail: str = ""

    def _told(self, reading: Reading[Any]) -> Reading[Any]:
        report = replace(reading.report, state=self.state, detail=SafeText(self.detail))
        return replace(reading, observed_at=self.clock.now, report=report)

    async def page(self, window: Window, query: Query | None, limit: int) -> Reading[LogPage]:
        return self._told(await super().page(window, query, limit))

    async def errors(self, window: Window, limit: int) -> Reading[ErrorSample]:
        return self._told(await super().errors(window, limit))


class Counting(Logs):
    """Counts its lines too."""

    async def shapes(self, window: Window, step_s: float, query: Query | None) -> Reading[ShapeCounts]:
        page = await self.page(window, query, 1 << 30)
        found = counted(page.value.records, window, step_s, sampled=False)
        return Reading(found, page.observed_at, page.report)


async def judge(seen: Observations) -> Diagnosis:
    return diagnose(seen)


def collector_of(source: Logs) -> Collector:
    return Collector(Config(), Sources(Topology((Service("shop"),)), logs=(source,)), judge, source.clock)


async def asked(collector: Collector, *, lines: bool = True) -> None:
    """Ask everything once."""
    if lines:
        await collector._logs._load_unless_asked_again()
    for feed in collector._evidence.feeds():
        await feed.attempt()
    await collector.diagnose_once()


def written(lines: int, before_s: float, text: str = "request {n} done", level: Level = Level.INFO) -> list[LogRecord]:
    """So many lines, evenly over the last seconds."""
    return [
        LogRecord(NOW - before_s * (k + 1) / lines, level, "shop", SafeText(text.format(n=k)), source="app")
        for k in reversed(range(lines))
    ]


async def test_the_lines_are_as_old_as_what_their_sources_said_last() -> None:
    source = Logs(written=written(100, 1000))
    collector = collector_of(source)
    await asked(collector)
    assert collector.state().logs.status.word is Word.LIVE
    source.clock.now += 7.0
    status = collector.state().logs.status
    assert (status.word, status.age_s) == (Word.LIVE, 7.0)
    source.clock.now += 60.0
    assert collector.state().logs.status.word is Word.STALE


async def test_what_is_known_of_lines_that_nobody_writes_to_is_as_new_as_the_look_of_the_tail() -> None:
    source = Logs(written=written(100, 1000))
    collector = collector_of(source)
    growth = collector._evidence.growth[source.name]
    growth.grew(NOW - 60.0)
    await asked(collector)
    source.clock.now += 7.0
    state = collector.state()
    assert (state.logs.status.word, state.logs.status.age_s) == (Word.LIVE, 0.0)
    growth.grew(source.clock.now)
    status = collector.state().logs.status
    assert (status.word, status.age_s) == (Word.LIVE, 7.0), "a line that was written since is in no answer yet"


async def test_a_line_of_the_second_that_runs_is_read_too() -> None:
    source = Logs(written=[LogRecord(NOW + 0.3, Level.ERROR, "shop", SafeText("refused"), source="app")])
    source.clock.now = NOW + 0.7
    collector = collector_of(source)
    await asked(collector)
    logs = collector.state().logs
    assert [str(record.message) for record in logs.records] == ["refused"], "its tail begins behind it"


async def test_what_cannot_be_read_of_the_lines_is_said() -> None:
    source = Logs(written=written(100, 1000), state=SourceState.PARTIAL, detail="b.log: permission denied")
    collector = collector_of(source)
    await asked(collector)
    status = collector.state().logs.status
    assert (status.word, status.detail) == (Word.PARTIAL, "b.log: permission denied")
    source.state = SourceState.OK
    source.clock.now += 5.0
    await asked(collector, lines=False)
    status = collector.state().logs.status
    assert (status.word, status.detail) == (Word.PARTIAL, "app: b.log: permission denied"), (
        "of the lines that are shown"
    )
    source.clock.now += 2000.0
    await asked(collector, lines=False)
    assert collector.state().logs.status.word is Word.LIVE, "they have left the window"


async def test_a_source_that_breaks_later_is_down() -> None:
    source = Logs(written=written(100, 1000))
    collector = collector_of(source)
    await asked(collector)
    source.error = SourceUnavailable("no file matches")
    source.clock.now += 5.0
    await asked(collector, lines=False)
    status = collector.state().logs.status
    assert status.word is Word.DOWN and "no file matches" in status.detail


async def test_patterns_are_counts_of_all_lines_and_add_up() -> None:
    lines = written(30_000, 10_000) + written(45, 300, "pool {n} exhausted", Level.WARN)
    source = Counting(written=sorted(lines, key=lambda line: line.at or 0.0))
    collector = collector_of(source)
    await asked(collector)
    logs = collector.state().logs
    assert (logs.patterns_status.word, logs.patterns_status.age_s) == (Word.LIVE, 0.0)
    new = logs.patterns[0]
    assert (new.template, new.status, new.count, new.baseline_count) == ("pool <*> exhausted", "new", 45, 0)
    assert sum(p.count + (p.baseline_count or 0) for p in logs.patterns) == 30_045, "a sample holds 6,000"
    edge = (NOW - 1800.0) // 30.0 * 30.0  # counts are kept in sixtieths of the window, and it begins in one of them
    assert sum(p.count for p in logs.patterns) == sum(line.at is not None and line.at >= edge for line in lines)
    assert all(p.template != OTHER for p in logs.patterns)


async def test_where_a_source_cannot_count_its_sample_is_called_one() -> None:
    collector = collector_of(Logs(written=written(30_000, 10_000)))
    await asked(collector)
    logs = collector.state().logs
    assert (logs.patterns_status.word, logs.patterns_status.detail) == (
        Word.PARTIAL,
        "counted in a sample of the lines",
    )
    assert logs.patterns


async def test_patterns_follow_the_window_and_say_so_while_they_are_counted() -> None:
    source = Counting(written=[*written(30_000, 10_000), *written(45, 300, "pool {n} exhausted", Level.WARN)])
    collector = collector_of(source)
    await asked(collector)
    await collector.set_view(TimeView(600.0, NOW - 3000.0))
    status = collector.state().logs.patterns_status
    assert (status.word, status.detail) == (Word.LOADING, "counting the lines")
    await asked(collector)
    logs = collector.state().logs
    assert logs.patterns_status.word is Word.PAST
    assert {str(p.template) for p in logs.patterns} == {"request <*> done"}, "what came later is not known there"
    assert sum(p.count for p in logs.patterns) == 1800


async def test_counts_that_fail_are_down_and_the_sample_stands_in() -> None:
    class Broken(Counting):
        async def shapes(self, window: Window, step_s: float, query: Query | None) -> Reading[ShapeCounts]:
            raise SourceUnavailable("the log worker died twice")

    collector = collector_of(Broken(written=written(3000, 3000)))
    await asked(collector)
    logs = collector.state().logs
    assert logs.patterns_status.word is Word.DOWN and "died twice" in logs.patterns_status.detail
    assert logs.patterns, "what was read is still told"


async def test_a_window_that_was_moved_is_loading_until_it_is_read_and_asked_for_and_judged_only_then() -> None:
    collector = collector_of(Logs())
    said: list[tuple[Word, Word, Word, bool]] = []
    begun, judged = asyncio.Event(), asyncio.Event()

    async def note(state: ConsoleState) -> None:
        past = state.diagnosis is not None and state.diagnosis.window.end == NOW - 7200
        begun.set()
        said.append((state.logs.status.word, state.suspects.status.word, state.header.status.word, past))
        if past:
            judged.set()

    await asked(collector)
    await collector.diagnose_once()
    await note(collector.state())
    assert said.pop() == (Word.LIVE, Word.LIVE, Word.LIVE, False)
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        begun.clear()
        task = group.create_task(collector.run(note))
        await begun.wait()
        said.clear()
        await collector.set_view(TimeView(1800.0, NOW - 7200))
        while not judged.is_set() or said[-1][0] is Word.LOADING:
            await note(collector.state())  # at every turn of the loop, not only when a state is sent
            await asyncio.sleep(0)
        task.cancel()
    assert said[0][:3] == (Word.LOADING, Word.LOADING, Word.LOADING)
    assert all(word is Word.LOADING or past for _, word, _, past in said if word is not Word.PAST), said
    lines = [word for word, *_ in said]
    assert Word.PAST in lines and lines[lines.index(Word.PAST) :].count(Word.LOADING) == 0, "it loads once"


async def test_what_is_known_of_a_past_window_does_not_go_stale() -> None:
    source = Logs(written=written(100, 1000))
    collector = collector_of(source)
    for end, word in ((NOW - 600.0, Word.PAST), (None, Word.STALE)):
        await collector.set_view(TimeView(1800.0, end))
        await asked(collector)
        await collector.diagnose_once()
        source.clock.now += 120.0
        status = collector.state().suspects.status
        assert status.word is word and (status.age_s or 0.0) >= 120.0, "its age is told"
