"""The collector: everything that watches, behind one `ConsoleState`. Knows nothing of Textual, and runs in a process of its
own while the screen is up, so that neither parsing nor a diagnosis nor a stalled terminal disturbs the other.

What happens outside arrives in feeds; what the user wants arrives as commands (`COMMANDS`); `publish` sends the newest state
whenever there is one.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from console.analysis.contrast import excess_of
from console.config.models import Config
from console.domain.changes import DeployDetail
from console.domain.diagnosis import Diagnosis, JudgedChange, Symptom
from console.domain.instant import Instant, Window, parse_span
from console.domain.observations import Observations
from console.domain.series import SeriesKey
from console.domain.shapes import ExceptionGroup, FieldExcess
from console.domain.text import SafeText
from console.drilldowns.calls import dependency_tree
from console.drilldowns.changed import before_after
from console.drilldowns.load import load_view
from console.drilldowns.memory import memory_view
from console.drilldowns.news import NEWS_KEPT, news_between
from console.drilldowns.trends import line_trend, series_trend
from console.guard.sanitise import safe
from console.live.details import Details, Found
from console.live.evidence import Evidence
from console.live.log_pane import LogPane
from console.live.raised import told
from console.live.recovery import RecoveryDesk
from console.live.scope import TimeScope
from console.live.status import combined
from console.live.timeview import TimeView
from console.observe import Sources
from console.state import (
    Axis,
    BeforeAfter,
    ChangesView,
    ConsoleState,
    HeaderView,
    LoadView,
    MemoryView,
    News,
    RecoveryView,
    SignalsView,
    SpansView,
    Status,
    TreeView,
    Trend,
    Word,
)
from console.views import (
    axis_of,
    changes_view,
    header_view,
    operation_trends,
    quiet_windows,
    signals_view,
    suspects_view,
    upstreams_view,
    worst_symptom,
)

DIAGNOSIS_EVERY_S = 4.0
"""Least pause between two diagnoses where evidence arrives."""
QUIET_S, LONGEST_QUIET_S, QUIET_SHARE = 15.0, 120.0, 0.5
"""Where none arrives, time alone can change a verdict: what stopped is silent for longer. The next one is then made after a
share of the time that it is quiet already, from the first of these pauses to the second: a silence that lasts long enough to
be told is told within half as long again."""
PUBLISH_EVERY_S = 0.5
"""Least pause between two states that are sent to the screen."""
PUBLISH_AT_LEAST_S = 2.0
"""Ages move on although nothing arrives."""
PUBLISH_FROZEN_S = 5.0
"""Pause between two states while the screen shows none of them: enough to tell that the collector lives."""
_AS_TOLD = (Word.LIVE, Word.PAST, Word.PARTIAL)
"""Words of counts to which it belongs that those on the screen are of a sample, until the next verdict."""
COMMANDS = frozenset(
    (
        *("set_view", "set_filter", "set_frozen", "refresh", "records", "deploy", "trends"),
        *("series", "line_counts", "before_after", "tree", "load", "memory", "spans"),
        *("recovery", "write_contract"),
    )
)
"""What the screen may ask for, by name."""


class Collector:
    """One console's sources, watched.

    Args:
        config: For the display zone and the window to begin with.
        sources: What to ask; the caller closes them.
        diagnose: Makes a diagnosis.
        folder: The state folder, where recovery contracts are kept; None: none can be.
    """

    def __init__(
        self,
        config: Config,
        sources: Sources,
        diagnose: Callable[[Observations], Awaitable[Diagnosis]],
        clock: Callable[[], Instant] = time.time,
        folder: Path | None = None,
    ) -> None:
        self._zone = ZoneInfo(config.console.timezone)
        self._zone_name = config.console.timezone
        self._sources = sources
        self._diagnose = diagnose
        self._scope = TimeScope(TimeView(parse_span(config.console.window)), clock)
        self._changed = asyncio.Event()
        self._news = asyncio.Event()
        self._moved = asyncio.Event()
        """Set from a move of the window until it is judged."""
        self._shown = asyncio.Event()
        """Set while the screen shows what is sent."""
        self._shown.set()
        self._evidence = Evidence(sources, self._scope, self._arrived)
        self._logs = LogPane(sources.logs, self._scope, self._changed.set, self._evidence.growth)
        self._details = Details(sources, self._scope)
        self._recovery = RecoveryDesk(sources, self._zone, folder)
        self._diagnosis: Diagnosis | None = None
        self._worst: Symptom | None = None
        self._judged_view = self._scope.view
        """What the diagnosis is about."""
        self._observations: Observations | None = None
        self._excess: tuple[tuple[FieldExcess, ...], int | None] = (), None
        self._exceptions: tuple[ExceptionGroup, ...] = ()
        self._problem = SafeText("")
        self._changes_told: tuple[News, ...] = ()
        self._signals: tuple[tuple[Axis, Status, int, int], SignalsView] | None = None

    # Commands of the screen.

    async def set_view(self, view: TimeView) -> None:
        """Move or resize the time window of every pane."""
        self._scope.view = view
        self._logs.reload()
        self._evidence.anew()
        self._moved.set()
        self._arrived()

    async def set_filter(self, text: str) -> None:
        """Filter the log pane.

        Raises:
            QueryError: The text is no query; the old filter stays.
        """
        self._logs.set_filter(text)

    async def set_frozen(self, frozen: bool) -> None:
        """Send states rarely while the screen is frozen; collection goes on."""
        self._shown.clear() if frozen else self._shown.set()

    async def refresh(self) -> None:
        """Ask every source again now; budgets still hold."""
        self._evidence.kick()
        self._arrived()

    async def records(self, query_text: str, window: Window | None = None) -> Found:
        """The newest matching records of a window; without one, of the window that all panes follow."""
        return await self._details.records(query_text, window)

    async def spans(self, trace_id: str, window: Window) -> SpansView:
        """The spans of one trace."""
        return await self._details.spans(trace_id, window)

    async def deploy(self, change: JudgedChange) -> DeployDetail | SafeText:
        """What a deploy brought, or why that cannot be told."""
        return await self._details.deploy(change)

    async def trends(self, service: str, operation: str) -> tuple[Trend, Trend, Trend] | None:
        """Errors, p99 and traffic of one operation on the axis; None before the first answers."""
        if self._observations is None:
            return None
        return operation_trends(self._observations, self._diagnosis, service, operation, self._axis())

    async def series(self, key: SeriesKey) -> Trend | None:
        """One series on the axis; None where it is not known."""
        if self._observations is None:
            return None
        return series_trend(self._observations, self._diagnosis, key, self._axis())

    async def line_counts(self, query_text: str) -> Trend | None:
        """How many lines match a query, on the axis; None where no log source can tell."""
        axis = self._axis()
        counts = await self._details.counts(query_text, axis.window, axis.step_s)
        return line_trend(counts, axis, quiet_windows(axis.window, self._diagnosis)) if counts else None

    async def before_after(self, change: JudgedChange) -> tuple[BeforeAfter, ...]:
        """What a change touched, before and after it."""
        if self._observations is None:
            return ()
        return before_after(self._observations, self._diagnosis, change, self._observations.at)

    async def tree(self) -> TreeView | None:
        """The calls as a tree; None before the first verdict."""
        if self._observations is None or self._diagnosis is None:
            return None
        return dependency_tree(self._observations, self._diagnosis)

    async def load(self, service: str) -> LoadView | None:
        """A signal of a service against its load; None before the first answers."""
        seen = self._observations
        return await asyncio.to_thread(load_view, seen, self._diagnosis, service) if seen is not None else None

    async def memory(self, service: str) -> MemoryView | None:
        """The memory of a service; None before the first answers."""
        seen = self._observations
        return await asyncio.to_thread(memory_view, seen, self._diagnosis, service) if seen is not None else None

    async def recovery(self) -> RecoveryView:
        """Whether the incident is over, by the contract that was kept."""
        return await self._recovery.view(self._observations, self._diagnosis)

    async def write_contract(self) -> SafeText:
        """Write down what recovered means for the incident that is diagnosed; what came of it, in a sentence."""
        return await self._recovery.write(self._observations, self._diagnosis)

    def _axis(self) -> Axis:
        return axis_of(self._scope.axis_window(), self._diagnosis)

    # The loops.

    async def run(self, send: Callable[[ConsoleState], Awaitable[None]]) -> None:
        """Watch, and send the newest state whenever there is one, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._publish(send), name="publish")
            for feed in self._evidence.every_feed():
                group.create_task(feed.run(), name=f"feed {feed.name}")
            for source in self._sources.logs:
                group.create_task(self._logs.follow(source), name=f"tail {source.name}")
            group.create_task(self._logs.keep_loaded(), name="log pane")
            group.create_task(self._keep_diagnosed(), name="diagnosis")

    async def _publish(self, send: Callable[[ConsoleState], Awaitable[None]]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._changed.clear()
            sent = loop.time()
            await send(self.state())  # waits while the screen does not read: collection goes on, old states are skipped
            if self._shown.is_set():
                await _wait(self._changed, PUBLISH_AT_LEAST_S)
            else:
                await _wait(self._shown, PUBLISH_FROZEN_S)
            rest = sent + PUBLISH_EVERY_S - loop.time()
            if rest > 0:
                await asyncio.sleep(rest)

    def _arrived(self) -> None:
        self._news.set()
        self._changed.set()

    async def _keep_diagnosed(self) -> None:
        if not self._evidence.feeds():
            self._news.set()  # nothing will ever arrive, and that is what there is to say
        loop = asyncio.get_running_loop()
        due = quiet_since = -math.inf
        while True:
            await _wait(self._news, min(self._scope.step_s, LONGEST_QUIET_S) if self._scope.view.live else None)
            news = self._news.is_set()
            self._news.clear()
            if not self._evidence.complete() or not (news or loop.time() >= due):
                self._observations = self._evidence.observations()
                continue
            self._moved.clear()
            await self.diagnose_once()
            now = loop.time()
            quiet_since = now if news else quiet_since
            due = now + min(max(QUIET_S, QUIET_SHARE * (now - quiet_since)), LONGEST_QUIET_S)
            await _wait(self._moved, DIAGNOSIS_EVERY_S)

    async def diagnose_once(self) -> None:
        """Judge what is known now. A failure is shown in the header; the last good answer stays."""
        view = self._scope.view
        try:
            await self._evidence.read_diffs()
            observations = self._evidence.observations()
            if self._diagnosis is not None:
                observations = replace(observations, pattern_names=self._diagnosis.pattern_names)
            diagnosis = await self._diagnose(observations)
            self._changes_told = (*news_between(self._diagnosis, diagnosis), *self._changes_told)[:NEWS_KEPT]
            self._diagnosis = diagnosis
            self._worst = worst_symptom(diagnosis, self._worst)
            self._excess = await asyncio.to_thread(excess_of, observations)
            self._exceptions = await asyncio.to_thread(told, *self._evidence.raised(diagnosis.pattern_baseline))
            self._problem = SafeText("")
        except Exception as error:  # the judge must not take the collection down with it
            self._problem = safe(f"diagnosis failed: {type(error).__name__}: {error}", 200)
            observations = self._evidence.observations()
        self._observations, self._judged_view = observations, view
        self._changed.set()

    # The state.

    def state(self) -> ConsoleState:
        """What is known now."""
        now, live, diagnosis = self._scope.now(), self._scope.view.live, self._diagnosis
        status = combined(self._evidence.states(now), now, live=live)
        return ConsoleState(
            now=now,
            window=self._scope.axis_window(),
            live=live,
            header=self._header(now, status),
            signals=self._signals_view(combined(self._evidence.signal_states(now), now, live=live)),
            suspects=suspects_view(diagnosis, replace(self._judged(status, now), detail=SafeText("")), self._problem),
            logs=self._logs.view(
                diagnosis,
                self._excess,
                self._exceptions,
                self._patterns_status(now),
                combined(self._evidence.states(now, "errors"), now, live=live),
            ),
            changes=self._changes_view(combined(self._evidence.states(now, "changes"), now, live=live)),
            upstreams=upstreams_view(
                diagnosis,
                self._evidence.probes(),
                now,
                combined(self._evidence.states(now, "probes", "series"), now, live=live),
            ),
            diagnosis=diagnosis,
            timezone=self._zone_name,
            news=self._changes_told,
        )

    def _header(self, now: Instant, status: Status) -> HeaderView:
        window_text, judged = self._scope.view.text(now, self._zone), self._judged(status, now)
        view = header_view(self._diagnosis, now, window_text, judged, self._worst)
        if self._problem:
            headline = view.headline if self._diagnosis is not None else SafeText("no verdict")
            view = replace(view, headline=headline, verdict=self._problem)
        return replace(view, cost=self._sources.costs())

    def _judged(self, status: Status, now: Instant) -> Status:
        """Of what a verdict is told: where none could be made, the last one grows old however fresh the data is; where the
        window was moved, the next one is awaited."""
        if self._judged_view != self._scope.view and status.word is not Word.DOWN:
            return Status(
                Word.LOADING, status.age_s, detail=status.detail if status.word is Word.LOADING else SafeText("")
            )
        if not self._problem:
            return status
        return Status(
            Word.STALE, now - self._diagnosis.at if self._diagnosis is not None else None, detail=self._problem
        )

    def _patterns_status(self, now: Instant) -> Status:
        """Of the counts, until they are compared of the last verdict."""
        counts = self._evidence.pattern_status(now, live=self._scope.view.live)
        if self._diagnosis is None and counts.word not in (Word.DOWN, Word.NO_DATA):
            counts = replace(counts, word=Word.LOADING)
        status = self._judged(counts, now)
        if self._diagnosis is not None and self._diagnosis.patterns_sampled and status.word in _AS_TOLD:
            return replace(status, word=Word.PARTIAL, detail=SafeText("counted in a sample of the lines"))
        return status

    def _changes_view(self, status: Status) -> ChangesView:
        if self._observations is None:
            return ChangesView(status=Status(Word.LOADING))
        return changes_view(self._observations, self._diagnosis, status)

    def _signals_view(self, status: Status) -> SignalsView | None:
        """Made anew only when the axis moved or something arrived: it is the one costly view."""
        window = self._scope.axis_window()
        if self._observations is None:
            return None
        key = (
            Axis(window, self._scope.step_s),
            replace(status, age_s=None),
            id(self._observations),
            id(self._diagnosis),
        )
        if self._signals is None or self._signals[0] != key:
            self._signals = (key, signals_view(self._observations, self._diagnosis, window, status))
        return replace(self._signals[1], status=status)


async def _wait(event: asyncio.Event, at_most_s: float | None) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(at_most_s):
            await event.wait()
