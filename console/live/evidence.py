"""One feed for everything a diagnosis needs, and the observations composed of their latest readings."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar

from console.analysis.constants import TREND_STEPS
from console.domain.changes import Change, ChangeDiff, Running
from console.domain.instant import Instant, Window
from console.domain.observations import ErrorSample, Observations
from console.domain.parts import PartCounts
from console.domain.reading import FeedPhase, FeedState, Reading, SourceReport, SourceState
from console.domain.shapes import ExceptionGroup
from console.domain.spans import Span
from console.domain.text import SafeText
from console.domain.topology import ProbeResult
from console.feeds import Feed, IsNews
from console.guard.sanitise import safe
from console.live.earlier_days import DEADLINE_S as EARLIER_DEADLINE_S
from console.live.earlier_days import EarlierDays
from console.live.growth import Growth, WhenGrown
from console.live.record_store import RecordStore
from console.live.sample_store import SampleStore
from console.live.scope import TimeScope
from console.live.series_store import SeriesStore
from console.live.shape_store import ShapeStore
from console.live.source_reach import SourceReach
from console.live.status import combined
from console.observe import (
    PARTS_HISTORY_S,
    PARTS_STEP_S,
    CountsShapes,
    Sources,
    TellsEarlier,
    TellsParts,
    ask_deployed,
    ask_probes,
    ask_versions,
    compose,
    read_diffs,
)
from console.state import Status, Word
from sources.base import LogSource, TraceSource
from sources.rows import UnreadDiff, with_unread, without_days

T = TypeVar("T")
_BESIDE = frozenset(("earlier",))
"""Roles that no verdict and no pane waits for: they come when they come."""
Poll: TypeAlias = Callable[[], Awaitable[Reading[T]]]

SERIES_EVERY_S = 2.0
PROBES_EVERY_S = 10.0
CHANGES_EVERY_S = 10.0
ERRORS_EVERY_S = 5.0
SPANS_EVERY_S = 10.0
DEADLINE_S = 20.0
ERROR_SAMPLE = 3_000
RECORDS_EVERY_S = 10.0
"""Records of every level: who calls whom, and what failing ones have in common."""
RECORD_SAMPLE = 6_000
SAMPLED_BYTES = 200_000_000
"""Samples of records are taken of the newest stretch that is no larger."""
TURN_S = 4.0
"""So long a feed goes on reading further back before it gives what it knows."""
PATTERNS_EVERY_S = 10.0
"""Counts of all lines, for patterns: new messages are told as soon as new records."""
EARLIER_EVERY_S = 1800.0
"""Pause between two looks whether what is known of earlier days still serves; also after they could not be asked for."""
PARTS_EVERY_S = 60.0
"""Requests by instance: as many more values as there are instances, and of use only once something is wrong."""
MOST_SPANS = 20_000
DIFF_AGAIN_S = 60.0
"""After so long a deploy whose lines could not be read is asked for once more."""
PROBES_KEPT = 60
"""Probe results kept per target, for its drill-down."""


class Evidence:
    """All feeds by role, and what they know.

    Args:
        sources: What to ask.
        scope: For which time.
        changed: Called after every answer that brought something new; must be cheap.
    """

    def __init__(self, sources: Sources, scope: TimeScope, changed: Callable[[], None]) -> None:
        self._sources = sources
        self._scope = scope
        self._changed = changed
        self.growth = {source.name: Growth() for source in sources.logs}
        """By log source; whoever follows them tells it."""
        self._when_grown: dict[Feed[Any], WhenGrown[Any]] = {}
        self._probes: dict[str, tuple[ProbeResult, ...]] = {}
        self._deployed: tuple[Change, ...] = ()
        self._diffs: tuple[ChangeDiff, ...] = ()
        self._diffs_asked: dict[str, Instant] = {}
        self._unread: tuple[UnreadDiff, ...] = ()
        self._shapes = {
            s.name: ShapeStore(s, scope.compared, lambda: scope.window().seconds / TREND_STEPS)
            for s in sources.logs
            if isinstance(s, CountsShapes)
        }
        self._days = [EarlierDays(s, scope.history) for s in sources.metrics if isinstance(s, TellsEarlier)]
        self._feeds: dict[str, list[Feed[Any]]] = {
            "series": [
                *(self._log_feed(s.name, self._series(s), self._series_every_s(s.name)) for s in sources.logs),
                *(self._feed(s.name, self._series(s), self._series_every_s(s.name)) for s in sources.metrics),
            ],
            "changes": [
                self._feed(s.name, self._asks(s.changes, scope.reach), CHANGES_EVERY_S, _differ)
                for s in sources.changes
            ],
            "errors": [self._log_feed(s.name, self._errors(s), ERRORS_EVERY_S) for s in sources.logs],
            "records": [self._log_feed(s.name, self._records(s), RECORDS_EVERY_S) for s in sources.logs],
            "patterns": [self._log_feed(name, store.poll, PATTERNS_EVERY_S) for name, store in self._shapes.items()],
            "parts": [
                self._feed(s.name, self._parts(s), PARTS_EVERY_S) for s in sources.metrics if isinstance(s, TellsParts)
            ],
            "earlier": [
                self._feed(one.name, one.poll, EARLIER_EVERY_S, _differ, EARLIER_DEADLINE_S) for one in self._days
            ],
            "traces": [self._feed(s.name, self._spans(s), SPANS_EVERY_S) for s in sources.traces],
            "probes": [self._feed("probes", self._probe_all, PROBES_EVERY_S)] if sources.health else [],
            "running": (
                [self._feed("running versions", self._ask_versions, PROBES_EVERY_S, _differ)]
                if sources.versions
                else []
            ),
        }

    def _feed(
        self,
        name: str,
        poll: Poll[T],
        interval_s: float,
        is_news: IsNews[T] = lambda last, reading: True,
        deadline_s: float = DEADLINE_S,
    ) -> Feed[T]:
        return Feed(
            name,
            poll,
            interval_s=interval_s,
            deadline_s=deadline_s,
            on_change=self._changed,
            is_news=is_news,
            clock=self._scope.now,
        )

    def _log_feed(self, name: str, poll: Poll[T], interval_s: float) -> Feed[T]:
        scope = self._scope
        when = WhenGrown(poll, self.growth[name], scope.now, scope.window, scope.axis_window)
        feed = self._feed(name, when.poll, interval_s, lambda last, reading: when.news)
        self._when_grown[feed] = when
        return feed

    def _series_every_s(self, name: str) -> float:
        return self._sources.intervals.get(name, SERIES_EVERY_S)

    def _series(self, source: Any) -> Poll[Any]:
        reach = SourceReach(source, self._scope.history)
        return _step_by_step(SeriesStore(source, reach.known, lambda: self._scope.step_s).poll, reach)

    def feeds(self, *roles: str) -> list[Feed[Any]]:
        """The feeds of some roles; without an argument, all that a verdict waits for."""
        return [
            feed
            for role, feeds in self._feeds.items()
            if role in roles or (not roles and role not in _BESIDE)
            for feed in feeds
        ]

    def every_feed(self) -> list[Feed[Any]]:
        """All of them."""
        return [feed for feeds in self._feeds.values() for feed in feeds]

    def states(self, now: Instant, *roles: str) -> list[tuple[str, FeedState[Any]]]:
        """Name and state of those feeds, aged to now; what is known of a past window does not go stale."""
        live = self._scope.view.live
        states = [(feed, self._state(feed, now)) for feed in self.feeds(*roles)]
        return [(feed.name, state.aged(now, feed.interval_s) if live else state) for feed, state in states]

    def _state(self, feed: Feed[Any], now: Instant) -> FeedState[Any]:
        """Of a feed; an answer that stands is of now, and a repository that could not give the lines of a deploy incomplete."""
        reading = feed.state.reading
        if reading is None:
            return feed.state
        if feed in self._when_grown and self._when_grown[feed].stands():
            return replace(feed.state, reading=replace(reading, observed_at=now))
        if not self._unread or feed not in self._feeds["changes"]:
            return feed.state
        return replace(feed.state, reading=replace(reading, report=with_unread(reading.report, self._unread)))

    def signal_states(self, now: Instant) -> list[tuple[str, FeedState[Any]]]:
        """Of the feeds that the signals pane stands on: metrics, and logs that tell of requests (all, where no metrics are)."""
        metrics = {source.name for source in self._sources.metrics}
        states = self.states(now, "series")
        telling = [(name, state) for name, state in states if name in metrics or _tells_requests(state)]
        return telling or states

    def pattern_status(self, now: Instant, *, live: bool) -> Status:
        """Of the counts that patterns are compared by, and of the samples of sources that cannot count."""
        sampled = [(name, state) for name, state in self.states(now, "records") if name not in self._shapes]
        status = combined([*self.states(now, "patterns"), *sampled], now, live=live)
        waiting = any(store.counting() for store in self._shapes.values())
        if status.word is Word.LOADING or (waiting and status.word is not Word.DOWN):
            told = [progress for store in self._shapes.values() if (progress := store.progress())]
            return Status(Word.LOADING, status.age_s, detail=told[0] if told else SafeText("counting the lines"))
        return status

    def raised(
        self, baseline: Window | None
    ) -> tuple[list[Sequence[ExceptionGroup]], list[Sequence[ExceptionGroup]] | None]:
        """The exceptions of each source since the baseline's end, else in the window, and those of the baseline."""
        stores = self._shapes.values()
        if baseline is None:
            return [store.exceptions(self._scope.window().start) for store in stores], None
        before: list[Sequence[ExceptionGroup]] = [store.exceptions(baseline.start, baseline.end) for store in stores]
        return [store.exceptions(baseline.end) for store in stores], before

    def kick(self) -> None:
        """Ask every source again now."""
        self._ask(Feed.kick)

    def anew(self) -> None:
        """Ask every source for the window that was moved; until it has answered, its panes say that they load."""
        self._ask(Feed.anew)

    def _ask(self, how: Callable[[Feed[Any]], None]) -> None:
        for when in self._when_grown.values():
            when.again()
        for feed in self.every_feed():
            how(feed)

    def complete(self) -> bool:
        """Whether every feed has answered or failed once: a verdict on half the data would only be taken back."""
        return all(feed.state.phase is not FeedPhase.LOADING for feed in self.feeds())

    def probes(self) -> tuple[ProbeResult, ...]:
        """The last results of every probe, oldest first."""
        return tuple(result for results in self._probes.values() for result in results)

    async def _probe_all(self) -> Reading[tuple[ProbeResult, ...]]:
        reading = await ask_probes(self._sources, self._scope.now())
        for result in reading.value:
            self._probes[result.name] = (*self._probes.get(result.name, ()), result)[-PROBES_KEPT:]
        return reading

    async def _ask_versions(self) -> Reading[tuple[Running, ...]]:
        now = self._scope.now()
        self._deployed = await ask_deployed(self._sources, now)
        return await ask_versions(self._sources, now)

    def _asks(self, question: Callable[[Window], Awaitable[Reading[T]]], window: Callable[[], Window]) -> Poll[T]:
        return lambda: question(window())

    def _errors(self, source: LogSource) -> Poll[ErrorSample]:
        reach = SourceReach(source, self._scope.history, SAMPLED_BYTES, SAMPLED_BYTES)
        return _within(SampleStore(source, reach.known, ERROR_SAMPLE).poll, reach)

    def _records(self, source: LogSource) -> Poll[ErrorSample]:
        reach = SourceReach(source, self._scope.history, SAMPLED_BYTES, SAMPLED_BYTES)
        return _within(RecordStore(source, reach.known, RECORD_SAMPLE).poll, reach)

    def _parts(self, source: TellsParts) -> Poll[tuple[PartCounts, ...]]:
        def stretch() -> Window:
            end = self._scope.history().end
            return Window(end - PARTS_HISTORY_S, end)

        return lambda: source.parts(stretch(), PARTS_STEP_S)

    def _spans(self, source: TraceSource) -> Poll[tuple[Span, ...]]:
        return lambda: source.spans(self._scope.history(), MOST_SPANS)

    async def read_diffs(self) -> None:
        """Read what new deploys changed. What was read once is kept; what could not be read is tried again later."""
        now = self._scope.now()
        unread = {one.change_id for one in self._unread}
        fresh = [
            change
            for change in self._all("changes")
            if change.id not in self._diffs_asked
            or (change.id in unread and now - self._diffs_asked[change.id] >= DIFF_AGAIN_S)
        ]
        if fresh:
            asked = {change.id for change in fresh}
            self._diffs_asked |= dict.fromkeys(asked, now)
            read, failed = await read_diffs(self._sources, fresh, self._scope.history().end)
            self._diffs += read
            self._unread = (*(one for one in self._unread if one.change_id not in asked), *failed)

    def observations(self) -> Observations:
        """What all sources know, as far as they have answered."""
        live, window = self._scope.view.live, self._scope.window()
        return compose(
            self._sources,
            at=self._scope.now() if live else window.end,  # what was probed in this very second is known
            window=window,
            history=self._scope.history(),
            series=self._all("series"),
            changes=self._all("changes"),
            deployed=self._deployed if live else (),
            running=self._all("running") if live else (),
            probes=self._all("probes") if live else (),
            spans=self._all("traces"),
            errors=self._each("errors"),
            records=self._each("records"),
            shapes=self._each("patterns"),
            parts=self._all("parts"),
            diffs=self._diffs,
            earlier=self._all("earlier"),
            reports=self.reports(),
        )

    def _all(self, role: str) -> tuple[Any, ...]:
        return tuple(item for feed in self._feeds[role] if feed.state.reading for item in feed.state.reading.value)

    def _each(self, role: str) -> tuple[Any, ...]:
        return tuple(feed.state.reading.value for feed in self._feeds[role] if feed.state.reading)

    def reports(self) -> tuple[SourceReport, ...]:
        """One row per source; what failed says why."""
        reported = (
            role for role in self._feeds if role not in ("errors", "records", "patterns", "parts", *_BESIDE)
        )  # the same sources as their series
        missing = {one.name: one.why for one in self._days if one.why}
        return tuple(without_days(self._report(role, feed), missing) for role in reported for feed in self._feeds[role])

    def _report(self, role: str, feed: Feed[Any]) -> SourceReport:
        reading, phase = self._state(feed, self._scope.now()).reading, feed.state.phase
        known = (
            reading.report
            if reading is not None
            else SourceReport(feed.name, role, SourceState.NOT_CONSULTED, role=role)
        )
        if phase is FeedPhase.FAILED:
            return replace(known, state=SourceState.FAILED, detail=feed.state.reason)
        return known


def _differ(last: Reading[Any], reading: Reading[Any]) -> bool:
    """Of answers that are small, and often the same."""
    return bool(last.value != reading.value) or last.report.state is not reading.report.state


def _tells_requests(state: FeedState[Any]) -> bool:
    return state.reading is not None and any(one.key.metric == "request_count" for one in state.reading.value)


def _within(poll: Poll[T], reach: SourceReach) -> Poll[T]:
    """Ask no further back than the source's size allows."""

    async def asked() -> Reading[T]:
        await reach.look()
        return await poll()

    return asked


def _step_by_step(poll: Poll[T], reach: SourceReach) -> Poll[T]:
    """The newest stretch first; then further back, for a moment at each turn, with how far it came."""

    async def asked() -> Reading[T]:
        until = time.monotonic() + TURN_S
        await reach.look()
        reading = await poll()
        while time.monotonic() < until and reach.grow():
            reading = await poll()
        told = reach.missing()
        if not told or reading.report.state is not SourceState.OK:
            return reading
        return replace(reading, report=replace(reading.report, state=SourceState.PARTIAL, detail=safe(told)))

    return asked
