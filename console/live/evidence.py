"""One feed for everything a diagnosis needs, and the observations composed of their latest readings."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

from console.domain.observations import Observations
from console.domain.reading import FeedPhase, FeedState, Reading, SourceReport, SourceState
from console.domain.topology import ProbeResult
from console.feeds import Feed
from console.live.scope import TimeScope
from console.live.series_store import SeriesStore
from console.observe import Sources, compose

T = TypeVar("T")

SERIES_EVERY_S = 2.0
PROBES_EVERY_S = 10.0
CHANGES_EVERY_S = 10.0
ERRORS_EVERY_S = 5.0
SPANS_EVERY_S = 10.0
DEADLINE_S = 20.0
ERROR_SAMPLE = 3_000
MOST_SPANS = 20_000
PROBES_KEPT = 60
"""Probe results kept per target, for its drill-down."""


class Evidence:
    """All feeds by role, and what they know.

    Args:
        sources: What to ask.
        scope: For which time.
        changed: Called after every answer; must be cheap.
    """

    def __init__(self, sources: Sources, scope: TimeScope, changed: Callable[[], None]) -> None:
        self._sources = sources
        self._scope = scope
        self._changed = changed
        self._probes: dict[str, tuple[ProbeResult, ...]] = {}
        self._feeds: dict[str, list[Feed[Any]]] = {
            "series": [self._series_feed(s) for s in (*sources.logs, *sources.metrics)],
            "changes": [
                self._feed(s.name, lambda s=s: s.changes(scope.reach()), CHANGES_EVERY_S) for s in sources.changes
            ],
            "errors": [
                self._feed(s.name, lambda s=s: s.errors(scope.history(), ERROR_SAMPLE), ERRORS_EVERY_S)
                for s in sources.logs
            ],
            "spans": [
                self._feed(s.name, lambda s=s: s.spans(scope.history(), MOST_SPANS), SPANS_EVERY_S)
                for s in sources.traces
            ],
            "probes": [self._feed("probes", self._probe_all, PROBES_EVERY_S)] if sources.health else [],
            "running": [self._feed("running versions", self._ask_versions, PROBES_EVERY_S)] if sources.versions else [],
        }

    def _feed(self, name: str, poll: Callable[[], Awaitable[Reading[T]]], interval_s: float) -> Feed[T]:
        return Feed(
            name, poll, interval_s=interval_s, deadline_s=DEADLINE_S, on_change=self._changed, clock=self._scope.now
        )

    def _series_feed(self, source: Any) -> Feed[Any]:
        store = SeriesStore(source, self._scope.history, lambda: self._scope.step_s)
        return self._feed(source.name, store.poll, self._sources.intervals.get(source.name, SERIES_EVERY_S))

    def feeds(self, *roles: str) -> list[Feed[Any]]:
        """The feeds of some roles; without an argument, all."""
        return [feed for role, feeds in self._feeds.items() if not roles or role in roles for feed in feeds]

    def states(self, *roles: str) -> list[tuple[str, FeedState[Any]]]:
        """Name and state of those feeds, aged to now."""
        now = self._scope.now()
        return [(feed.name, feed.state.aged(now, feed.interval_s)) for feed in self.feeds(*roles)]

    def kick(self) -> None:
        """Ask every source again now."""
        for feed in self.feeds():
            feed.kick()

    def complete(self) -> bool:
        """Whether every feed has answered or failed once: a verdict on half the data would only be taken back."""
        return all(feed.state.phase is not FeedPhase.LOADING for feed in self.feeds())

    def probes(self) -> tuple[ProbeResult, ...]:
        """The last results of every probe, oldest first."""
        return tuple(result for results in self._probes.values() for result in results)

    async def _probe_all(self) -> Reading[tuple[ProbeResult, ...]]:
        now = self._scope.now()
        results = await asyncio.gather(*(source.probe(now) for source in self._sources.health))
        for result in results:
            self._probes[result.name] = (*self._probes.get(result.name, ()), result)[-PROBES_KEPT:]
        return Reading(
            tuple(results), now, SourceReport("probes", "probe", SourceState.OK, records=len(results), role="health")
        )

    async def _ask_versions(self) -> Reading[tuple[Any, ...]]:
        now = self._scope.now()
        answers = await asyncio.gather(*(source.running(now) for source in self._sources.versions))
        known = tuple(answer for answer in answers if answer is not None)
        return Reading(
            known, now, SourceReport("running versions", "version", SourceState.OK, records=len(known), role="health")
        )

    def observations(self) -> Observations:
        """What all sources know, as far as they have answered."""
        live = self._scope.view.live
        return compose(
            self._sources,
            at=self._scope.window().end,
            window=self._scope.window(),
            history=self._scope.history(),
            series=self._all("series"),
            changes=self._all("changes"),
            running=self._all("running") if live else (),
            probes=self._all("probes") if live else (),
            spans=self._all("spans"),
            errors=tuple(feed.state.reading.value for feed in self._feeds["errors"] if feed.state.reading),
            reports=self.reports(),
        )

    def _all(self, role: str) -> tuple[Any, ...]:
        return tuple(item for feed in self._feeds[role] if feed.state.reading for item in feed.state.reading.value)

    def reports(self) -> tuple[SourceReport, ...]:
        """One row per source; what failed says why."""
        return tuple(self._report(role, feed) for role, feeds in self._feeds.items() for feed in feeds)

    def _report(self, role: str, feed: Feed[Any]) -> SourceReport:
        reading, phase = feed.state.reading, feed.state.phase
        known = (
            reading.report
            if reading is not None
            else SourceReport(feed.name, role, SourceState.NOT_CONSULTED, role=role)
        )
        if phase is FeedPhase.FAILED:
            return replace(known, state=SourceState.FAILED, detail=feed.state.reason)
        return known
