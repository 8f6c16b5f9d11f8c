"""Builds the configured sources and gathers what they know into `Observations`: the one path for screen, headless and replay."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass as open_dataclass
from dataclasses import field, replace
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable
from zoneinfo import ZoneInfo

from console.analysis.constants import TREND_STEPS
from console.config.load import Loaded
from console.config.models import Config
from console.domain.changes import Change, ChangeDiff, DeployDetail, Running, merged_running
from console.domain.instant import Instant, Window, parse_span
from console.domain.logs import LogPage
from console.domain.observations import ErrorSample, Observations
from console.domain.parts import PartCounts
from console.domain.reading import Cost, Reading, SourceReport, SourceState
from console.domain.recovery import Strictness
from console.domain.series import Series, SeriesSet, chosen
from console.domain.shapes import ExceptionCounts, ShapeCounts
from console.domain.spans import Span
from console.domain.text import SafeText
from console.domain.topology import Dependency, Health, ProbeResult, Service, Topology
from console.domain.values import dataclass
from console.guard.sanitise import safe
from console.query.ast import Query
from console.state import OriginCost
from sources.base import (
    ChangeSource,
    DeployedSource,
    HealthSource,
    LogSource,
    MetricSource,
    SourceUnavailable,
    TraceSource,
    VersionSource,
)
from sources.rows import UnreadDiff, with_unread, without_days

if TYPE_CHECKING:
    from sources.http import HttpDoor  # httpx costs 100 ms to import, and files need none of it

T = TypeVar("T")

METRIC_HISTORY_S = 2 * 86400.0
"""Metrics reach back over the same hours of the day before, for a seasonal baseline."""
FILE_HISTORY_S = 14 * 86400.0
"""A file of metrics is read anyway; slow leaks and weekly rhythms show only in days."""
LOG_HISTORY_WINDOWS = 3
"""Logs reach back three windows before the one asked for, at least `LOG_HISTORY_S`: their cost grows with the stretch."""
LOG_HISTORY_S = 3600.0
LOG_BYTES = 30_000_000
QUIET_LOG_HISTORY_S = 26 * 3600.0
"""A log that is small is read further back, at most over the same hours of the day before, and at most `LOG_BYTES` of it."""
SPAN_HISTORY_S = 86400.0
PARTS_HISTORY_S, PARTS_STEP_S = 3 * 3600.0, 60.0
"""Requests by instance are as many more values as there are instances: they reach back no further than an onset is looked for."""
EARLIER_S, EARLIER_STEP_S = 14 * 86400.0 + 3 * 3600.0, 600.0
"""What these hours are like is asked of a server over two weeks, so that a weekend is held against weekends, in coarse steps."""
CHANGES_REACH_S = 7 * 86400.0
DEADLINE_S = 30.0
"""For one question to one source; a source that is slower is reported as failed, the others go on."""
PROBE_DEADLINE_S = 15.0
"""For one probe as a whole; it ends by itself before that, unless something is wrong with it."""
ERROR_SAMPLE = 3_000
MESSAGE_SAMPLE = 20_000
MOST_SPANS = 100_000
DIFFS_ASKED = 20
"""Changes nearest to the end of the window whose diffs are read."""


@runtime_checkable
class Diffs(Protocol):
    """A change source that can tell what a deploy brought."""

    @property
    def name(self) -> str: ...

    async def detail(self, change_id: str, service: str | None = None) -> DeployDetail | None:
        """Commits and files since the deploy before."""
        ...

    async def diff(self, change_id: str, service: str | None = None, commit: str | None = None) -> ChangeDiff | None:
        """The lines that it changed; of one that only somebody else tells of, those of its commit."""
        ...


@runtime_checkable
class TellsVolume(Protocol):
    """A log source that knows what a question would cost before it is asked."""

    async def volume(self, window: Window) -> int | None:
        """Bytes that a question about the window would read; None where that cannot be told."""
        ...


@runtime_checkable
class CountsShapes(Protocol):
    """A log source that counts what its lines look like where they are read."""

    @property
    def name(self) -> str: ...

    async def shapes(self, window: Window, step_s: float, query: Query | None) -> Reading[ShapeCounts]:
        """The shapes of all matching messages, counted per bucket; the buckets begin at the window's start."""
        ...


@runtime_checkable
class GroupsExceptions(Protocol):
    """A log source that groups the exceptions in its lines where they are read."""

    async def exceptions(self, window: Window, query: Query | None, step_s: float) -> Reading[ExceptionCounts]:
        """The exceptions of all matching records by type and place, counted per bucket from the window's start on."""
        ...


@runtime_checkable
class TellsParts(Protocol):
    """A metric source that counts requests by instance, pod or zone."""

    @property
    def name(self) -> str: ...

    async def parts(self, window: Window, step_s: float) -> Reading[tuple[PartCounts, ...]]:
        """Requests and failures of the parts of each service; of services that have several."""
        ...


@runtime_checkable
class TellsEarlier(Protocol):
    """A metric source that is asked for many days by a question of their own: in the steps of a diagnosis they would be too much."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str: ...

    async def earlier(self, window: Window, step_s: float) -> Reading[tuple[Series, ...]]:
        """Requests, failures and latencies in coarse steps, coarser than wanted where the answer would be large."""
        ...


@dataclass(frozen=True, slots=True)
class Sources:
    """Everything that the configuration names, opened lazily."""

    topology: Topology
    logs: tuple[LogSource, ...] = ()
    metrics: tuple[MetricSource, ...] = ()
    changes: tuple[ChangeSource, ...] = ()
    traces: tuple[TraceSource, ...] = ()
    health: tuple[HealthSource, ...] = ()
    versions: tuple[VersionSource, ...] = ()
    """Who tells which versions run: the services themselves first, then what watches them."""
    intervals: dict[str, float] = field(default_factory=dict)
    """Seconds between two questions, for sources that say so."""
    folder: str = ""
    """Folder of the configuration, with a slash; in what can be repeated, paths are given relative to it."""
    strictness: Strictness = Strictness()
    """Of contracts that say what recovered means."""
    zone: tzinfo = UTC
    """By whose clock people come and jobs run."""
    costs: Callable[[], tuple[OriginCost, ...]] = tuple
    closers: tuple[Callable[[], Awaitable[None]], ...] = ()

    async def deploy_detail(self, change_id: str, service: str | None = None) -> DeployDetail | None:
        """What a deploy brought, from the first repository that knows it."""
        for source in self.repositories():
            detail = await source.detail(change_id, service)
            if detail is not None:
                return detail
        return None

    def repositories(self) -> tuple[Diffs, ...]:
        """The change sources that read a repository."""
        return tuple(source for source in self.changes if isinstance(source, Diffs))

    async def close(self) -> None:
        """Release connections, files and child processes; one that fails does not keep the others open."""
        for close in self.closers:
            try:
                await close()
            except Exception:  # nothing is left to be done for it
                continue


def topology_of(loaded: Loaded) -> Topology:
    """Services and dependencies as configured."""
    return Topology(
        tuple(Service(s.name, s.depends_on, s.objective) for s in loaded.config.service),
        tuple(Dependency(d.name, d.kind, d.probe) for d in loaded.config.dependency),
    )


def open_sources(loaded: Loaded, log_runner: Any = None) -> Sources:
    """The sources of a configuration; nothing is asked yet.

    Args:
        loaded: The configuration.
        log_runner: Who parses logs; None for threads of this process.

    Raises:
        ConfigError: A kind that cannot be read.
    """
    import sources.changes
    import sources.logs
    import sources.metrics
    import sources.traces

    config, topology = loaded.config, topology_of(loaded)
    door = _door(config)
    names = [service.name for service in topology.services]
    logs = tuple(sources.logs.build(c, loaded.resolve, names, log_runner) for c in config.logs)
    metrics = tuple(sources.metrics.build(c, loaded.resolve, door, topology) for c in config.metrics)
    changes = sources.changes.build(config.changes, config.service, loaded.resolve, door)
    traces = tuple(sources.traces.build(c, loaded.resolve, door) for c in config.traces)
    health, versions = _present_sources(config, door)
    opened = (*logs, *metrics, *changes, *traces, *health)
    return Sources(
        topology,
        logs,
        metrics,
        changes,
        traces,
        health,
        (*versions, *(source for source in metrics if isinstance(source, VersionSource))),
        {c.name: parse_span(c.interval) for c in config.metrics},
        f"{loaded.folder}/",
        Strictness(parse_span(config.recovery.hold), config.recovery.error_margin),
        UTC if config.console.timezone == "UTC" else ZoneInfo(config.console.timezone),
        door.costs if door is not None else tuple,
        (*(source.close for source in opened), *((door.close,) if door is not None else ())),
    )


def _door(config: Config) -> HttpDoor | None:
    """The door for requests; None where only files and repositories are read, which then need not pay for httpx."""
    addresses = [
        *(c.url for c in config.logs),
        *(c.url for c in config.metrics),
        *(c.url for c in config.changes),
        *(c.url for c in config.traces),
        *(s.probe or s.version_url for s in config.service),
        *(d.probe for d in config.dependency),
    ]
    if not any(addresses):
        return None
    from sources.http import HttpDoor

    return HttpDoor(config.budget)


def _present_sources(config: Config, door: HttpDoor | None) -> tuple[tuple[HealthSource, ...], tuple[Any, ...]]:
    """Probes and version addresses."""
    if door is None:
        return (), ()
    import sources.health

    return (
        sources.health.build(config.service, config.dependency, door),
        sources.health.build_versions(config.service, door),
    )


def compose(
    sources: Sources,
    *,
    at: Instant,
    window: Window,
    history: Window,
    series: Iterable[Series],
    changes: Iterable[Change] = (),
    deployed: Iterable[Change] = (),
    running: Iterable[Running] = (),
    probes: Iterable[ProbeResult] = (),
    spans: Iterable[Span] = (),
    errors: Sequence[ErrorSample] = (),
    records: Sequence[ErrorSample] = (),
    shapes: Iterable[ShapeCounts] = (),
    parts: Iterable[PartCounts] = (),
    diffs: Iterable[ChangeDiff] = (),
    earlier: Iterable[Series] = (),
    reports: Iterable[SourceReport] = (),
) -> Observations:
    """What all sources know, cut at the knowledge time. Pure.

    Where metrics and logs tell the same, the metrics stand: a log holds what somebody chose to write.
    """
    from sources.changes import merge

    from_logs = {source.name for source in sources.logs}
    ordered = sorted(series, key=lambda one: one.source in from_logs)
    return Observations(
        at=at,
        window=window,
        history=history,
        topology=sources.topology,
        series=SeriesSet.of(chosen(_relative(one.until(at), sources.folder) for one in ordered)),
        changes=tuple(change for change in merge(changes) if change.at <= at),
        deployed=tuple(change for change in deployed if change.at <= at),
        running=merged_running(running),
        probes=tuple(probe for probe in probes if probe.at <= at),
        spans=tuple(span for span in spans if span.end <= at),
        errors=_joined(errors, at),
        records=_joined(records, at),
        shapes=tuple(one.until(at) for one in shapes),
        parts=tuple(one.until(at) for one in parts),
        diffs=tuple(diffs),
        earlier=SeriesSet.of([one.until(at) for one in earlier]),
        zone=sources.zone,
        sources=tuple(replace(r, file=r.file.removeprefix(sources.folder)) if r.file else r for r in reports),
    )


def _relative(one: Series, folder: str) -> Series:
    return replace(one, query=one.query.replace(folder, "")) if folder and folder in one.query else one


def _joined(samples: Sequence[ErrorSample], at: Instant) -> ErrorSample | None:
    if not samples:
        return None
    records = sorted(
        (r for sample in samples for r in sample.records if r.at is None or r.at <= at), key=lambda r: r.at or 0.0
    )
    window = Window(min(s.window.start for s in samples), max(s.window.end for s in samples))
    return ErrorSample(window, tuple(records), sum(s.matched for s in samples))


@open_dataclass(slots=True)
class _Gathered:
    """What came in, by role, and a row per source."""

    values: dict[str, list[Any]] = field(default_factory=dict)
    reports: list[SourceReport] = field(default_factory=list)
    missing: dict[str, SafeText] = field(default_factory=dict)
    """Why a source told nothing of what a row of its own does not report, by its name and the role."""

    async def ask(
        self, role: str, name: str, kind: str, question: Awaitable[Reading[Any]], report: bool = True
    ) -> None:
        """Keep the answer, or why there is none."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                reading = await question
        except TimeoutError:
            self._failed(role, name, kind, f"no answer within {DEADLINE_S:g} s", report)
        except Exception as error:  # whatever ends one source must leave the others alone
            self._failed(role, name, kind, str(error) or type(error).__name__, report)
        else:
            self.values.setdefault(role, []).append(reading.value)
            if report:
                self.reports.append(replace(reading.report, role=reading.report.role or role))

    def _failed(self, role: str, name: str, kind: str, why: str, report: bool) -> None:
        if report:
            self.reports.append(SourceReport(name, kind, SourceState.FAILED, safe(why, 400), role=role))
        elif role == "earlier":
            self.missing[name] = safe(why, 200)

    def flat(self, role: str) -> list[Any]:
        """Everything of a role in one list."""
        return [item for value in self.values.get(role, []) for item in value]


async def gather(sources: Sources, window: Window, at: Instant, step_s: float, *, live: bool) -> Observations:
    """Ask every source once.

    Args:
        window: What the user looks at. One that ends before `at` is looked at as it was at its end.
        at: The knowledge time; nothing stamped later is used.
        step_s: The finest step that series need.
        live: `at` is the present, so probes and version addresses can be asked; else they are not consulted.
    """
    got = _Gathered()
    end = min(window.end, at)
    at, live = end, live and end == at
    log_start = end - max(LOG_HISTORY_S, (1 + LOG_HISTORY_WINDOWS) * window.seconds)
    log_window, metric_window = Window(log_start, end), Window(end - METRIC_HISTORY_S, end)
    questions = [
        _ask_logs(sources, got, log_window, step_s, window.seconds / TREND_STEPS),
        *(got.ask("metrics", s.name, s.kind, s.series(_metric_window(s, end), step_s)) for s in sources.metrics),
        *(
            got.ask("parts", s.name, s.kind, s.parts(Window(end - PARTS_HISTORY_S, end), PARTS_STEP_S), False)
            for s in sources.metrics
            if isinstance(s, TellsParts)
        ),
        *(
            got.ask("earlier", s.name, s.kind, s.earlier(Window(end - EARLIER_S, end), EARLIER_STEP_S), False)
            for s in sources.metrics
            if isinstance(s, TellsEarlier)
        ),
        *(
            got.ask("traces", s.name, s.kind, s.spans(Window(end - SPAN_HISTORY_S, end), MOST_SPANS))
            for s in sources.traces
        ),
        *(
            got.ask(_change_role(s), s.name, s.kind, s.changes(Window(end - CHANGES_REACH_S, end)))
            for s in sources.changes
        ),
        *_present(sources, at, got, live),
    ]
    await asyncio.gather(*questions)
    changes = got.flat("changes") + got.flat("deploys")
    diffs, unread = await read_diffs(sources, changes, end)
    return compose(
        sources,
        at=at,
        window=window,
        history=metric_window,
        series=got.flat("logs") + got.flat("metrics"),
        changes=changes,
        deployed=await ask_deployed(sources, at),
        running=got.flat("running"),
        probes=got.flat("health"),
        spans=got.flat("traces"),
        errors=got.values.get("errors", []),
        records=[sample_of(page) for page in got.values.get("records", [])],
        shapes=got.values.get("shapes", []),
        parts=got.flat("parts"),
        diffs=diffs,
        earlier=got.flat("earlier"),
        reports=[
            without_days(with_unread(report, unread), got.missing) for report in _as_configured(got.reports, sources)
        ],
    )


def _as_configured(reports: Iterable[SourceReport], sources: Sources) -> list[SourceReport]:
    """In the order of the configuration, whoever answered first: the same answer is then the same text."""
    named = [s.name for s in (*sources.logs, *sources.metrics, *sources.traces, *sources.changes)]
    places = {name: place for place, name in reversed(list(enumerate(named)))}
    return sorted(reports, key=lambda report: (places.get(report.name, len(named)), report.name))


async def _ask_logs(sources: Sources, got: _Gathered, window: Window, step_s: float, pattern_step_s: float) -> None:
    """Ask log sources one after the other: parsing takes the processor, and threads at once would only take turns."""
    for source in sources.logs:
        await _ask_log(source, got, await _log_window(source, window), step_s, pattern_step_s)


async def _log_window(source: LogSource, window: Window) -> Window:
    """The window, or a longer one where that is cheap to read; it is found without reading, so that nothing is read twice."""
    if not isinstance(source, TellsVolume):
        return window
    far = Window(window.end - QUIET_LOG_HISTORY_S, window.end)
    for _ in range(3):  # the same stretch holds more lines at some hours than at others
        try:
            async with asyncio.timeout(DEADLINE_S):
                volume = await source.volume(far)
        except Exception:  # the question itself will say what is wrong
            return window
        if volume is None or far.seconds <= window.seconds:
            return window
        if volume <= LOG_BYTES:
            return far
        far = Window(far.end - far.seconds * 0.9 * LOG_BYTES / volume, far.end)
    return window


async def _ask_log(source: LogSource, got: _Gathered, window: Window, step_s: float, pattern_step_s: float) -> None:
    """Ask one log source; the questions are about one window, so that it answers them from one pass over its files."""
    name, kind = source.name, source.kind
    questions = [
        got.ask("logs", name, kind, source.series(window, step_s)),
        got.ask("errors", name, kind, source.errors(window, ERROR_SAMPLE), False),
        got.ask("records", name, kind, source.messages(window, MESSAGE_SAMPLE), False),
    ]
    if isinstance(source, CountsShapes) and pattern_step_s > 0:
        questions.append(got.ask("shapes", name, kind, named_shapes(source, window, pattern_step_s), False))
    await asyncio.gather(*questions)


async def named_shapes(source: CountsShapes, window: Window, step_s: float) -> Reading[ShapeCounts]:
    """What the source's lines look like, under its name."""
    reading = await source.shapes(window, step_s, None)
    return replace(reading, value=replace(reading.value, source=source.name))


def _metric_window(source: MetricSource, end: Instant) -> Window:
    return Window(end - (FILE_HISTORY_S if source.kind == "csv" else METRIC_HISTORY_S), end)


def sample_of(page: LogPage) -> ErrorSample:
    """A page of records of every level, as the analysis takes it."""
    return ErrorSample(page.window, page.records, page.matched)


def _change_role(source: ChangeSource) -> str:
    return "deploys" if isinstance(source, Diffs) else "changes"


def _present(sources: Sources, at: Instant, got: _Gathered, live: bool) -> list[Awaitable[None]]:
    """Questions that only the present can answer."""
    if live:
        asked: list[Awaitable[None]] = []
        if sources.health:
            asked.append(got.ask("health", "probes", "probe", ask_probes(sources, at)))
        if sources.versions:
            asked.append(got.ask("running", "running versions", "version", ask_versions(sources, at)))
        return asked
    for name, kind, present in (("probes", "probe", sources.health), ("running versions", "version", sources.versions)):
        if present:
            why = safe("probes see the present, and the knowledge time lies in the past")
            got.reports.append(SourceReport(name, kind, SourceState.NOT_CONSULTED, why, role="health"))
    return []


async def ask_probes(sources: Sources, now: Instant) -> Reading[tuple[ProbeResult, ...]]:
    """Probe everything once. What a broken probe is about is unknown; it does not take the others with it.

    Raises:
        SourceUnavailable: No probe works.
    """
    answers = await asyncio.gather(*(_probed(source, now) for source in sources.health))
    results = [answer if isinstance(answer, ProbeResult) else answer[0] for answer in answers]
    broken = [answer[1] for answer in answers if not isinstance(answer, ProbeResult)]
    if broken and len(broken) == len(answers):
        raise SourceUnavailable(broken[0])
    state = SourceState.PARTIAL if broken else SourceState.OK
    detail = safe(f"{len(broken)} of {len(answers)} probes broke; {broken[0]}", 400) if broken else SafeText("")
    report = SourceReport("probes", "probe", state, detail, len(results), Cost(len(results)), "health")
    return Reading(tuple(results), now, report)


async def _probed(source: HealthSource, now: Instant) -> ProbeResult | tuple[ProbeResult, str]:
    """One probe's answer; of one that hangs or breaks, that nothing is known, and why."""
    try:
        async with asyncio.timeout(PROBE_DEADLINE_S):
            return await source.probe(now)
    except TimeoutError:
        why = f"the probe gave no answer within {PROBE_DEADLINE_S:g} s"
    except Exception as error:
        why = f"the probe broke: {type(error).__name__}: {error}"
    nothing = ProbeResult(source.name, SafeText(source.kind), Health.UNKNOWN, None, safe(why, 200), now)
    return nothing, f"{source.name}: {why}"


async def ask_deployed(sources: Sources, at: Instant) -> tuple[Change, ...]:
    """The newest deploy of each service; of who cannot tell, the report of its changes says why."""

    async def ask(source: DeployedSource) -> tuple[Change, ...]:
        try:
            async with asyncio.timeout(DEADLINE_S):
                return await source.deployed(at)
        except Exception:  # the same repository is asked for its changes, and fails there in words
            return ()

    answers = await asyncio.gather(*(ask(source) for source in sources.changes if isinstance(source, DeployedSource)))
    return tuple(change for answer in answers for change in answer)


async def ask_versions(sources: Sources, now: Instant) -> Reading[tuple[Running, ...]]:
    """Ask everyone who can tell which versions run; who fails is counted, and the first of them says why."""
    answers = await asyncio.gather(*(source.running(now) for source in sources.versions), return_exceptions=True)
    found: list[Running] = []
    failed: list[str] = []
    for source, answer in zip(sources.versions, answers, strict=True):
        if isinstance(answer, Exception):
            failed.append(f"{source.name}: {answer}")
        elif isinstance(answer, BaseException):
            raise answer
        else:
            found += answer
    known = merged_running(found)
    state = SourceState.OK if not failed else SourceState.PARTIAL if len(failed) < len(answers) else SourceState.FAILED
    detail = f"{len(failed)} of {len(answers)} did not tell which version runs; {failed[0]}" if failed else ""
    report = SourceReport(
        "running versions", "version", state, safe(detail, 400), len(known), Cost(len(answers)), "health"
    )
    return Reading(known, now, report)


async def read_diffs(
    sources: Sources, changes: Iterable[Change], end: Instant
) -> tuple[tuple[ChangeDiff, ...], tuple[UnreadDiff, ...]]:
    """What the newest deploys changed, line by line, as far as a repository tells; and what could not be read, with why."""
    deploys = sorted((c for c in changes if (c.commit or c.kind == "deploy") and c.at <= end), key=lambda c: -c.at)
    found: list[ChangeDiff] = []
    unread: list[UnreadDiff] = []
    for change in deploys[:DIFFS_ASKED]:
        for source in sources.repositories():
            try:
                async with asyncio.timeout(DEADLINE_S):
                    diff = await source.diff(change.id, change.service, change.commit)
            except Exception as error:  # the deploy stays known without its lines
                why = f"no answer within {DEADLINE_S:g} s" if isinstance(error, TimeoutError) else str(error)
                unread.append(UnreadDiff(source.name, change.id, safe(why or type(error).__name__, 200)))
                continue
            if diff is not None:
                found.append(diff)
                break
    read = {diff.change_id for diff in found}
    return tuple(found), tuple(one for one in unread if one.change_id not in read)
