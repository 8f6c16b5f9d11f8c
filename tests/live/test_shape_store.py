"""Counts of all lines: each once, however the window grows, jumps or is read in stretches."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.analysis.patterns import counted
from console.domain.instant import Window
from console.domain.logs import Level, LogRecord
from console.domain.reading import Cost, Reading, SourceReport, SourceState
from console.domain.shapes import OTHER, ShapeCounts
from console.domain.text import SafeText
from console.live import shape_store
from console.live.shape_store import LATE_S, STRETCH_BYTES, ShapeStore
from console.query.ast import Query
from sources.base import SourceUnavailable
from sources.logs.client import WorkerRunner
from sources.logs.files import FileLogSource
from sources.logs.spec import Spec

STEP = 10.0
WORDS = ("job {n} done", "cache miss {n}", "call of {n} failed")


@dataclass
class Counting:
    """Counts what the test has written."""

    written: list[LogRecord] = field(default_factory=list)
    bytes_per_line: int = 100
    asked: list[Window] = field(default_factory=list)
    state: SourceState = SourceState.OK
    error: Exception | None = None
    name: str = "app"

    async def shapes(self, window: Window, step_s: float, query: Query | None) -> Reading[ShapeCounts]:
        self.asked.append(window)
        if self.error is not None:
            raise self.error
        found = counted(self.written, window, step_s, sampled=False)
        report = SourceReport(self.name, "fake", self.state, SafeText("said"), cost=Cost(1, 100), role="logs")
        return Reading(found, window.end, report)

    async def volume(self, window: Window) -> int | None:
        return self.bytes_per_line * sum(1 for r in self.written if r.at is not None and r.at in window)

    def write(self, start: float, end: float, lines: int, seed: int = 1) -> None:
        rng = random.Random(seed)
        for _ in range(lines):
            text = rng.choice(WORDS).format(n=rng.randrange(10**6))
            level = rng.choice((Level.INFO, Level.ERROR))
            self.written.append(LogRecord(rng.uniform(start, end), level, rng.choice("ab"), SafeText(text)))


def told(counts: ShapeCounts) -> Counter[tuple[str, Level, str, int]]:
    """Lines per shape and bucket of absolute time, inside of what is counted."""
    found: Counter[tuple[str, Level, str, int]] = Counter()
    for shape in counts.between(counts.window.start):
        for bucket, lines in shape.buckets.items():
            at = round((counts.zero + bucket * counts.step_s) / counts.step_s)
            found[shape.service, shape.level, str(shape.text), at] += lines
    return found


def expected(source: Counting, window: Window) -> Counter[tuple[str, Level, str, int]]:
    return told(counted(source.written, window, STEP, sampled=False))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 150), st.integers(0, 40)), min_size=1, max_size=12), st.integers(1, 9))
async def test_every_line_is_counted_once_while_the_window_moves(turns: list[tuple[int, int]], stretches: int) -> None:
    source = Counting()
    source.write(0.0, 600.0, 400)
    source.bytes_per_line = max(1, stretches * STRETCH_BYTES // 400)
    now = 600.0
    store = ShapeStore(source, lambda: Window(now - 600.0, now), lambda: STEP)
    for number, (seconds, lines) in enumerate(turns):
        source.write(now - LATE_S, now + seconds, lines, number)  # some were written late
        now += seconds
        reading = await store.poll()
        counts = reading.value
        assert reading.report.records == counts.lines
        assert counts.window.end == now and counts.window.start <= now - 600.0 < counts.window.start + STEP
        assert told(counts) == expected(source, counts.window)
        for shape in counts.between(counts.window.start):
            assert shape.first <= shape.last < now


async def test_only_the_newest_buckets_are_asked_again() -> None:
    source = Counting()
    source.write(0.0, 600.0, 400)
    now = 600.0
    store = ShapeStore(source, lambda: Window(now - 600.0, now), lambda: STEP)
    await store.poll()
    now = 625.0
    await store.poll()
    assert source.asked == [Window(0.0, 600.0), Window(590.0, 625.0)]


async def test_a_window_that_jumps_is_counted_anew_and_knows_nothing_of_what_came_later() -> None:
    source = Counting()
    source.write(0.0, 900.0, 900)
    source.written.append(LogRecord(880.0, Level.ERROR, "a", SafeText("told too early")))
    wanted = Window(300.0, 900.0)
    store = ShapeStore(source, lambda: wanted, lambda: STEP)
    assert store.counting()
    await store.poll()
    assert not store.counting()
    wanted = Window(0.0, 600.0)
    assert store.counting(), "what was counted is of another window"
    counts = (await store.poll()).value
    assert not store.counting() and told(counts) == expected(source, wanted)
    assert "told too early" not in {shape.text for shape in counts.shapes}


async def test_a_window_that_jumps_during_a_count_is_not_waited_for() -> None:
    windows = [Window(300.0, 900.0)]

    class Moving(Counting):
        async def shapes(self, window: Window, step_s: float, query: Query | None) -> Reading[ShapeCounts]:
            windows[0] = Window(0.0, 600.0)
            return await super().shapes(window, step_s, query)

    source = Moving()
    source.write(0.0, 900.0, 900)
    source.bytes_per_line = STRETCH_BYTES // 100
    counts = (await ShapeStore(source, lambda: windows[0], lambda: STEP).poll()).value
    assert counts.window == windows[0] and told(counts) == expected(source, windows[0])
    assert sum(window.end > 600.0 for window in source.asked) == 1


async def test_the_newest_stretch_comes_first_and_what_is_missing_is_told() -> None:
    source = Counting()
    source.write(0.0, 600.0, 400)
    source.bytes_per_line = 4 * STRETCH_BYTES // 400
    clock = iter(range(0, 1000, 5))
    wanted = Window(0.0, 600.0)
    store = ShapeStore(source, lambda: wanted, lambda: STEP, lambda: float(next(clock)))
    reading = await store.poll()
    assert reading.value.window == Window(300.0, 600.0)
    assert (reading.report.state, reading.report.detail) == (SourceState.PARTIAL, "50% of the lines are counted")
    assert store.progress() == "50% of the lines are counted"
    assert told(reading.value) == expected(source, Window(300.0, 600.0))
    for _ in range(3):
        reading = await store.poll()
    assert reading.report.state is SourceState.OK and store.progress() == ""
    assert told(reading.value) == expected(source, wanted)


async def test_what_would_be_too_much_to_read_shortens_the_time_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shape_store, "MOST_BYTES", 20_000)
    source = Counting()
    source.write(0.0, 600.0, 400)
    reading = await ShapeStore(source, lambda: Window(0.0, 600.0), lambda: STEP).poll()
    assert reading.value.window == Window(300.0, 600.0)
    assert reading.report.state is SourceState.PARTIAL and "shortened" in reading.report.detail


async def test_too_many_shapes_are_counted_as_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shape_store, "MOST_SHAPES", 10)
    source = Counting()
    letters = "ghijklmnopqrstuvwxyz"
    now = 100.0
    store = ShapeStore(source, lambda: Window(now - 3000.0, now), lambda: STEP)
    for x in letters:
        source.written += [LogRecord(now - 1, Level.INFO, "a", SafeText(f"only {x}{y}")) for y in letters[:5]]
        now += 100.0
        counts = (await store.poll()).value
        assert counts.lines == len(source.written) and len(counts.shapes) <= 21 + 5
    assert OTHER in {shape.text for shape in counts.shapes}


async def test_what_was_incomplete_is_told_as_long_as_it_is_in_the_window() -> None:
    source = Counting(state=SourceState.PARTIAL)
    source.write(0.0, 2000.0, 400)
    now = 600.0
    store = ShapeStore(source, lambda: Window(now - 600.0, now), lambda: STEP)
    assert (await store.poll()).report.detail == "said"
    source.state = SourceState.OK
    now = 900.0
    assert (await store.poll()).report.state is SourceState.PARTIAL
    now = 1300.0
    assert (await store.poll()).report.state is SourceState.OK


async def test_a_count_that_failed_begins_again() -> None:
    source = Counting(error=SourceUnavailable("gone"))
    source.write(0.0, 600.0, 400)
    store = ShapeStore(source, lambda: Window(0.0, 600.0), lambda: STEP)
    with pytest.raises(SourceUnavailable):
        await store.poll()
    source.error = None
    assert (await store.poll()).value.lines == 400


async def test_the_worker_counts_the_lines_of_a_growing_file(tmp_path: Path) -> None:
    rng = random.Random(5)
    path, start = tmp_path / "app.jsonl", 1_790_000_000.0
    written: list[LogRecord] = []

    def write(low: float, high: float, lines: int) -> None:
        with path.open("a") as file:
            for _ in range(lines):
                at = round(rng.uniform(low, high), 3)
                text = rng.choice(WORDS).format(n=rng.randrange(10**6))
                stamp = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
                print(json.dumps({"ts": stamp, "level": "info", "msg": text, "service": "a"}), file=file)
                written.append(LogRecord(at, Level.INFO, "a", SafeText(text)))

    write(start, start + 600, 3000)
    runner, now = WorkerRunner(), start + 600
    source = FileLogSource(Spec("app", (str(path),), format="json"), runner)
    store = ShapeStore(source, lambda: Window(now - 600, now), lambda: STEP)
    try:
        for _ in range(3):
            counts = (await store.poll()).value
            assert told(counts) == told(counted(written, counts.window, STEP, sampled=False))
            assert sum(told(counts).values()) > 2000 and counts.source == "app"
            write(now - 5, now + 20, 100)
            now += 20
    finally:
        await runner.close()
