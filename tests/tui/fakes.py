"""Fakes at the source boundary: the real app, session, analysis and widgets run over them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from console.analysis.diagnose import diagnose
from console.app import IncidentConsole
from console.config.load import Loaded
from console.config.models import Config
from console.domain.changes import Change, Commit, DeployDetail, FileChange
from console.domain.diagnosis import Diagnosis
from console.domain.instant import Window
from console.domain.logs import Level, LogCounts, LogPage, LogRecord
from console.domain.observations import ErrorSample, Observations
from console.domain.reading import Cost, Reading, SourceReport, SourceState
from console.domain.series import Series, SeriesKey
from console.domain.text import SafeText
from console.domain.topology import Dependency, Health, ProbeResult, Service, Topology
from console.guard.sanitise import safe
from console.live.collector import Collector
from console.live.session import Direct
from console.observe import Sources
from console.query.ast import Query
from console.query.evaluate import compile_query
from sources.base import SourceError, TraceSource
from tests.waiting import PATIENCE_S

NOW = 1_780_000_000.0
ONSET = NOW - 600.0
STEP = 15.0


def report(name: str, role: str) -> SourceReport:
    return SourceReport(name, "fake", SourceState.OK, records=1, cost=Cost(1, 100), role=role)


@dataclass
class FakeMetrics:
    """Two services; checkout's orders fail from `ONSET` on, until they are healed."""

    name: str = "prod"
    kind: str = "fake"
    error: SourceError | None = None
    hostile: str = ""
    healed: float = float("inf")

    async def series(self, window: Window, step_s: float) -> Reading[tuple[Series, ...]]:
        if self.error is not None:
            raise self.error
        found: list[Series] = []
        for service in ("gateway", "checkout"):
            for operation in ("", "POST /orders" + self.hostile):
                found += self._of(service, operation, window)
        return Reading(tuple(found), window.end, report(self.name, "metrics"))

    def _of(self, service: str, operation: str, window: Window) -> list[Series]:
        times = [t * STEP for t in range(int(window.start // STEP) + 1, int(window.end // STEP) + 1)]
        bad = [ONSET < t <= self.healed and service == "checkout" for t in times]
        values = {
            "request_count": [150.0 + 10 * (int(t) // 15 % 3) for t in times],
            "error_count": [20.0 if b else float(int(t) // 15 % 2) for t, b in zip(times, bad, strict=True)],
            "latency_p50": [0.04 + 0.001 * (int(t) // 15 % 5) for t in times],
            "latency_p95": [(1.9 if b else 0.11) + 0.002 * (int(t) // 15 % 5) for t, b in zip(times, bad, strict=True)],
            "latency_p99": [(3.1 if b else 0.31) + 0.003 * (int(t) // 15 % 5) for t, b in zip(times, bad, strict=True)],
        }
        return [
            Series.of(SeriesKey(service, operation, metric), list(zip(times, points, strict=True)), self.name)
            for metric, points in values.items()
        ]

    async def close(self) -> None:
        return None


@dataclass
class FakeLogs:
    """A log whose records the test gives; new ones through `arrive`."""

    name: str = "app"
    kind: str = "fake"
    written: list[LogRecord] = field(default_factory=list)
    error: SourceError | None = None
    _news: asyncio.Queue[tuple[LogRecord, ...]] = field(default_factory=asyncio.Queue)

    def arrive(self, *records: LogRecord) -> None:
        self.written += records
        self._news.put_nowait(records)

    def _matching(self, window: Window, query: Query | None) -> list[LogRecord]:
        if self.error is not None:
            raise self.error
        matches = compile_query(query).matches
        return [r for r in self.written if r.at is not None and window.start <= r.at <= window.end and matches(r)]

    async def page(self, window: Window, query: Query | None, limit: int) -> Reading[LogPage]:
        found = self._matching(window, query)
        return Reading(LogPage(window, tuple(found[-limit:]), len(found)), window.end, report(self.name, "logs"))

    async def counts(self, window: Window, step_s: float, query: Query | None) -> Reading[LogCounts]:
        buckets: list[dict[Level, int]] = [{} for _ in range(max(1, int(window.seconds // step_s) + 1))]
        for record in self._matching(window, query):
            into = buckets[int(((record.at or 0.0) - window.start) // step_s)]
            into[record.level] = into.get(record.level, 0) + 1
        return Reading(LogCounts(window.start, step_s, tuple(buckets)), window.end, report(self.name, "logs"))

    async def series(self, window: Window, step_s: float) -> Reading[tuple[Series, ...]]:
        return Reading((), window.end, report(self.name, "logs"))

    async def errors(self, window: Window, limit: int) -> Reading[ErrorSample]:
        found = [r for r in self._matching(window, None) if r.level >= Level.WARN]
        return Reading(ErrorSample(window, tuple(found[-limit:]), len(found)), window.end, report(self.name, "logs"))

    async def messages(self, window: Window, limit: int) -> Reading[LogPage]:
        return await self.page(window, None, limit)

    async def follow(self) -> AsyncIterator[tuple[LogRecord, ...]]:
        while True:
            yield await self._news.get()

    async def close(self) -> None:
        return None


@dataclass
class FakeChanges:
    """One deploy, seventy seconds before the onset, with its commits."""

    name: str = "git:repo"
    kind: str = "git"
    hostile: str = ""

    def deploy(self) -> Change:
        return Change(
            "deploy/prod/v41",
            "deploy",
            ONSET - 70,
            "checkout",
            "v41",
            "a" * 40,
            safe("Round totals" + self.hostile),
            self.name,
        )

    async def changes(self, window: Window) -> Reading[tuple[Change, ...]]:
        return Reading((self.deploy(),), window.end, report(self.name, "deploys"))

    async def detail(self, change_id: str, service: str | None = None) -> DeployDetail | None:
        if change_id != "deploy/prod/v41":
            return None
        files = (FileChange(SafeText("checkout/pricing.py"), 3, 1),)
        commit = Commit("b" * 40, ONSET - 400, safe("Ada"), safe("Round totals at the end" + self.hostile), files)
        return DeployDetail(self.deploy(), None, (commit,), files)

    async def diff(self, change_id: str, service: str | None = None, commit: str | None = None) -> None:
        return None

    async def close(self) -> None:
        return None


@dataclass
class FakeProbe:
    """A dependency that answers."""

    name: str = "orders-db"
    kind: str = "tcp"

    async def probe(self, now: float) -> ProbeResult:
        return ProbeResult(
            self.name, SafeText("tcp://127.0.0.1:5432"), Health.HEALTHY, 0.001, SafeText("connected"), now
        )

    async def close(self) -> None:
        return None


@dataclass
class System:
    """Everything a test may turn."""

    metrics: FakeMetrics = field(default_factory=FakeMetrics)
    logs: FakeLogs = field(default_factory=FakeLogs)
    changes: FakeChanges = field(default_factory=FakeChanges)
    traces: tuple[TraceSource, ...] = ()
    now: float = NOW
    folder: Path | None = None
    """The state folder; None: contracts cannot be kept."""

    def sources(self) -> Sources:
        topology = Topology(
            (Service("gateway", ("checkout",)), Service("checkout", ("orders-db",))),
            (Dependency("orders-db", "database"),),
        )
        return Sources(
            topology,
            (self.logs,),
            (self.metrics,),
            (self.changes,),
            traces=self.traces,
            health=(FakeProbe(),),
            intervals={"prod": 0.2},
        )

    def app(
        self,
        keys: dict[str, str] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        environments: Sequence[Mapping[str, object]] = (),
        **console: object,
    ) -> IncidentConsole:
        async def judge(seen: Observations) -> Diagnosis:
            return diagnose(seen)

        async def close() -> None:
            return None

        config = Config.model_validate({"console": console, "keys": keys or {}, "environment": list(environments)})
        collector = Collector(config, self.sources(), judge, lambda: self.now, self.folder)
        loaded = Loaded(config, Path("incident.toml"), "test")
        return IncidentConsole(loaded, Direct(collector, close), clock=lambda: self.now, monotonic=monotonic)


def line(message: str, at: float = NOW - 30, level: Level = Level.ERROR, **fields: object) -> LogRecord:
    """A record of checkout."""
    base = LogRecord(
        at, level, "checkout", safe(message), operation="POST /orders", status=504, source="app", file="app.log"
    )
    return replace_record(base, **fields)


def replace_record(record: LogRecord, **fields: object) -> LogRecord:
    import msgspec

    return msgspec.structs.replace(record, **fields)


async def until(condition: Callable[[], object], timeout_s: float = PATIENCE_S) -> None:
    """Wait for a condition, never for a time; to look at a whole screen again and again takes at most a quarter of the processor."""
    async with asyncio.timeout(timeout_s):
        begun = time.thread_time()
        while not condition():
            await asyncio.sleep(max(0.02, 3 * (time.thread_time() - begun)))
            begun = time.thread_time()


__all__ = ["NOW", "ONSET", "System", "line", "until"]
