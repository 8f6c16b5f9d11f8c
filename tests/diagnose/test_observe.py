"""Gathering: one source that fails takes down its own row only, and nothing later than the knowledge time enters."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console import observe
from console.analysis.diagnose import diagnose
from console.domain.changes import Change, Running
from console.domain.instant import Window
from console.domain.logs import LogCounts, LogPage, LogRecord
from console.domain.observations import ErrorSample, Observations
from console.domain.reading import Reading, SourceReport, SourceState
from console.domain.series import Series, SeriesKey
from console.domain.spans import Span
from console.domain.text import SafeText
from console.domain.topology import Health, ProbeResult, Service, Topology
from console.observe import Sources, compose, gather
from console.query.ast import Query
from sources.logs.files import FileLogSource
from sources.logs.spec import Spec

NOW = 1_790_000_000.0
WINDOW = Window(NOW - 1800, NOW)


def report(name: str, role: str) -> SourceReport:
    """All is well."""
    return SourceReport(name, "fake", SourceState.OK, role=role)


@dataclass
class Metrics:
    """Points before and after now."""

    name: str = "metrics"
    kind: str = "fake"
    broken: bool = False
    slow: bool = False
    late_s: float = 0.0

    async def series(self, window: Window, step_s: float) -> Reading[tuple[Series, ...]]:
        await asyncio.sleep(self.late_s)
        if self.broken:
            raise ValueError("line 7: no number \x1b[31m")
        if self.slow:
            await asyncio.sleep(30)
        points = [(NOW + 60.0 * k, 1.0) for k in range(-100, 50)]
        return Reading((Series.of(SeriesKey("shop", "", "cpu"), points, self.name),), NOW, report(self.name, "metrics"))

    async def close(self) -> None:
        return None


@dataclass
class Changes:
    """One change before and one after now."""

    name: str = "changes"
    kind: str = "fake"

    async def changes(self, window: Window) -> Reading[tuple[Change, ...]]:
        found = tuple(Change(f"c{d:g}", "flag", NOW + d, "shop", source=self.name) for d in (-60.0, 60.0))
        return Reading(found, NOW, report(self.name, "changes"))

    async def close(self) -> None:
        return None


@dataclass
class Logs:
    """A log of so many bytes a second, which notes what it is asked for."""

    rate: float
    hours: float = 1000.0
    """How far back it goes."""
    refuses: bool = False
    name: str = "logs"
    kind: str = "fake"
    asked: list[tuple[str, Window]] = field(default_factory=list)

    async def volume(self, window: Window) -> int | None:
        if self.refuses:
            raise OSError("no such folder")
        return round(self.rate * min(window.seconds, self.hours * 3600.0))

    async def series(self, window: Window, step_s: float) -> Reading[tuple[Series, ...]]:
        self.asked.append(("series", window))
        return Reading((), NOW, report(self.name, "logs"))

    async def errors(self, window: Window, limit: int) -> Reading[ErrorSample]:
        self.asked.append(("errors", window))
        return Reading(ErrorSample(window, (), 0), NOW, report(self.name, "logs"))

    async def messages(self, window: Window, limit: int) -> Reading[LogPage]:
        self.asked.append(("messages", window))
        return Reading(LogPage(window, (), 0, 0), NOW, report(self.name, "logs"))

    async def page(self, window: Window, query: Query | None, limit: int) -> Reading[LogPage]:
        raise NotImplementedError

    async def counts(self, window: Window, step_s: float, query: Query | None) -> Reading[LogCounts]:
        raise NotImplementedError

    def follow(self) -> AsyncIterator[tuple[LogRecord, ...]]:
        raise NotImplementedError

    async def close(self) -> None:
        return None


def sources(*metrics: Metrics) -> Sources:
    """Fakes only."""
    return Sources(Topology((Service("shop"),)), metrics=metrics, changes=(Changes(),))


def ask(*metrics: Metrics) -> Observations:
    """As of now."""
    return asyncio.run(gather(sources(*metrics), WINDOW, NOW, 60.0, live=False))


def test_nothing_from_the_future() -> None:
    seen = ask(Metrics())
    assert max(t for s in seen.series for t in s.times) <= NOW
    assert [c.id for c in seen.changes] == ["c-60"]


def test_a_broken_source_is_a_row() -> None:
    seen = ask(Metrics(), Metrics("other", broken=True))
    states = {r.name: r.state for r in seen.sources}
    assert states == {"metrics": SourceState.OK, "other": SourceState.FAILED, "changes": SourceState.OK}
    (failed,) = (r for r in seen.sources if r.name == "other")
    assert "line 7" in failed.detail
    assert "\x1b" not in failed.detail
    assert len(seen.series.by_key) == 1


def test_rows_stand_in_the_order_of_the_configuration_whoever_answers_first() -> None:
    seen = ask(Metrics("slow", late_s=0.05), Metrics("broken", broken=True), Metrics("b"), Metrics("a"))
    assert [r.name for r in seen.sources] == ["slow", "broken", "b", "a", "changes"]


def test_a_slow_source_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observe, "DEADLINE_S", 0.05)
    seen = ask(Metrics(slow=True))
    (row,) = (r for r in seen.sources if r.name == "metrics")
    assert row.state is SourceState.FAILED
    assert "no answer" in row.detail


@pytest.mark.parametrize(
    ("log", "seconds"),
    [
        (Logs(10.0), observe.QUIET_LOG_HISTORY_S),
        (Logs(1_000.0), pytest.approx(0.9 * observe.LOG_BYTES / 1_000.0)),
        (Logs(1_000.0, hours=0.5), observe.QUIET_LOG_HISTORY_S),
        (Logs(1e9), 7200.0),
        (Logs(1.0, refuses=True), 7200.0),
    ],
    ids=["quiet", "as far as it is cheap", "small", "busy", "not known"],
)
def test_a_log_is_read_once_and_as_far_back_as_that_is_cheap(log: Logs, seconds: float) -> None:
    asyncio.run(gather(Sources(Topology((Service("shop"),)), logs=(log,)), WINDOW, NOW, 60.0, live=False))
    assert sorted(what for what, _ in log.asked) == ["errors", "messages", "series"]
    (window,) = {window for _, window in log.asked}
    assert (window.seconds, window.end) == (seconds, NOW)


def test_composing_cuts_everything() -> None:
    late = NOW + 1
    seen = compose(
        sources(),
        at=NOW,
        window=WINDOW,
        history=WINDOW,
        series=(),
        running=(Running("shop", "v1", None, "/version", True, NOW),),
        probes=(ProbeResult("shop", SafeText("tcp://x"), Health.HEALTHY, 0.1, SafeText(""), late),),
        spans=(Span("t", "a", None, "shop", "x", "server", NOW - 1, 5.0, False),),
    )
    assert (seen.probes, seen.spans) == ((), ())


async def test_patterns_are_counted_of_all_lines_however_few_records_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observe, "MESSAGE_SAMPLE", 50)
    path = tmp_path / "app.jsonl"
    lines = [(NOW - 3000 + k, "info", f"request {k} done") for k in range(2999)]
    lines += [(NOW - 40 + k, "warn", f"pool {k} exhausted") for k in range(40)]
    lines += [(NOW + 5, "warn", "told too early")] * 20
    rows = [
        {"ts": datetime.fromtimestamp(at, UTC).isoformat(), "level": level, "msg": message, "service": "shop"}
        for at, level, message in lines
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = FileLogSource(Spec("app", (str(path),), format="json"))
    opened = Sources(Topology((Service("shop"),)), logs=(source,))
    seen = await gather(opened, Window(NOW - 600, NOW), NOW, 5.0, live=False)
    found = diagnose(seen)
    assert not found.patterns_sampled
    assert sum(p.count + (p.baseline_count or 0) for p in found.patterns) == 3039
    assert [(p.template, p.status, p.count) for p in found.patterns][:1] == [("pool <*> exhausted", "new", 40)]
