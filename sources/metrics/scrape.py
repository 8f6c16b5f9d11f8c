"""Metrics straight from a program's `/metrics`, with a history of our own scrapes: no Prometheus is needed."""

from __future__ import annotations

import asyncio
import shlex
import time
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter, deque
from collections.abc import Callable, Iterable

from console.domain.changes import Running
from console.domain.instant import Instant, Window
from console.domain.reading import Cost, Reading, SourceReport, SourceState
from console.domain.series import Series, SeriesKey
from console.domain.text import SafeText
from console.guard.sanitise import safe
from sources.answers import Answer, checked, snippet
from sources.base import SourceGarbage
from sources.http import Site
from sources.metrics.exposition import MOST_SAMPLES, MOST_SERIES, Exposition, parse
from sources.metrics.growth import Totaliser
from sources.metrics.scrapemodel import Names, Scope, build_of, gauges, rates

MOST_POINTS = 6_000
"""Points kept of one series: a day at 15 s."""
MOST_KEPT = 3_000
"""Series of which points are kept."""
MISSED_SCRAPES = 3.5
"""After so many intervals without a scrape what happened meanwhile is a gap: as one interval it would look like a surge."""
LIVE_S = 60.0
LARGE = 200_000
"""A larger text is parsed off the event loop."""
BUILDS_KEPT = 6
ACCEPT = "application/openmetrics-text;version=1.0.0;q=0.8, text/plain;version=0.0.4;q=0.9, */*;q=0.1"


class ScrapedMetrics:
    """One address that exposes metrics of one service.

    Args:
        name: The source's name in the configuration.
        site: The address.
        service: Whose metrics these are.
        dependencies: Names under which calls of the service are shown as numbers of what it calls.
        interval_s: Between two scrapes; asked more often, the history answers alone.
        clock: Wall clock.
    """

    kind = "scrape"

    def __init__(
        self,
        name: str,
        site: Site,
        service: str,
        *,
        dependencies: Iterable[str] = (),
        interval_s: float = 15.0,
        clock: Callable[[], Instant] = time.time,
    ) -> None:
        self.name = name
        self._site = site
        self._scope = Scope(safe(service, 200), frozenset(dependencies))
        self._interval_s = interval_s
        self._clock = clock
        self._totals = Totaliser()
        self._points: dict[SeriesKey, tuple[array[float], array[float]]] = {}
        self._builds: deque[tuple[tuple[str | None, str | None], float | None]] = deque(maxlen=BUILDS_KEPT)
        self._scraped_at: Instant | None = None
        self._notes: tuple[SafeText, ...] = ()
        self._one_at_a_time = asyncio.Lock()

    async def close(self) -> None:
        """The door closes the connections."""

    async def series(self, window: Window, step_s: float) -> Reading[tuple[Series, ...]]:
        """What the scrapes so far have shown inside the window; scrapes first, where the window is the present.

        The first scrape shows gauges alone: what happened can only be told from two.

        Raises:
            SourceError: The address does not answer, or not with metrics.
        """
        async with self._one_at_a_time:
            before = self._site.cost
            now = self._clock()
            live = window.end > now - LIVE_S
            if live and (self._scraped_at is None or now - self._scraped_at >= 0.8 * self._interval_s):
                await self._scrape(min(now, window.end))
            spent = self._site.cost
        series = tuple(one for key in self._points if len(one := self._within(key, window)))
        cost = Cost(spent.queries - before.queries, spent.bytes - before.bytes)
        return Reading(series, self._scraped_at or now, self._report(series, cost, live))

    async def running(self, now: Instant) -> Running | None:
        """The version in the build information of the last scrapes; None where there is none."""
        async with self._one_at_a_time:
            if self._scraped_at is None:
                await self._scrape(now)
        if not self._builds:
            return None
        counted = Counter(build for build, _ in self._builds)
        instances = len({process for _, process in self._builds})
        (version, commit), _ = counted.most_common(1)[0]
        where = "build information in /metrics"
        if len(counted) > 1:
            where += ": mixed: " + ", ".join(f"{v or c} {n}x" for (v, c), n in counted.most_common())
        return Running(self._scope.service, version, commit, safe(where, 200), None, self._scraped_at, instances)

    async def _scrape(self, at: Instant) -> None:
        answer = checked(await self._site.ask(headers={"Accept": ACCEPT}))
        if len(answer.body) > LARGE:
            scraped = await asyncio.to_thread(_understood, answer)
        else:
            scraped = _understood(answer)
        self._take(at, scraped)

    def _take(self, at: Instant, scraped: Exposition) -> None:
        names = Names.among(sample.name for sample in scraped.samples)
        growth = self._totals.add(at, scraped, names.totals)
        found = gauges(scraped, names, self._scope)
        if growth is not None and 0 < growth.seconds <= MISSED_SCRAPES * self._interval_s:
            found.update(rates(growth, names, self._scope))
        for key, value in found.items():
            self._keep(key, at, value)
        if growth is not None and growth.restarted:
            self._builds.clear()  # what ran before is gone
        build = build_of(scraped)
        if build != (None, None):
            self._builds.append((build, self._totals.process))
        self._scraped_at = at
        self._notes = tuple(_notes(scraped, len(found)))

    def _keep(self, key: SeriesKey, at: Instant, value: float) -> None:
        if key not in self._points and len(self._points) >= MOST_KEPT:
            return
        times, values = self._points.setdefault(key, (array("d"), array("d")))
        if times and at <= times[-1]:
            return  # our own clock stepped back
        times.append(at)
        values.append(value)
        if len(times) > MOST_POINTS:
            del times[0], values[0]

    def _within(self, key: SeriesKey, window: Window) -> Series:
        times, values = self._points[key]
        low, high = bisect_left(times, window.start), bisect_right(times, window.end)
        return Series(key, times[low:high], values[low:high], self.name, f"curl -s {shlex.quote(self._site.base)}")

    def _report(self, series: tuple[Series, ...], cost: Cost, live: bool) -> SourceReport:
        notes, state = self._notes, SourceState.PARTIAL if self._notes else SourceState.OK
        if not live and self._scraped_at is None:
            state = SourceState.NOT_CONSULTED
            notes = (SafeText("a scrape sees the present, and the window lies in the past"),)
        return SourceReport(
            self.name,
            self.kind,
            state,
            safe("; ".join(notes), 400),
            records=sum(len(s) for s in series),
            cost=cost,
            role="metrics",
        )


def _notes(scraped: Exposition, found: int) -> Iterable[SafeText]:
    if scraped.bad:
        yield safe(
            f"{scraped.bad:,} of {scraped.lines:,} lines not understood, "
            f"the first is line {scraped.first_bad}: {scraped.why}",
            200,
        )
    if scraped.series > MOST_SERIES:
        yield safe(f"{MOST_SERIES:,} of {scraped.series:,} series taken")
    if scraped.unread:
        yield safe(f"only the first {MOST_SAMPLES:,} of {scraped.lines:,} lines were read")
    if scraped.cut:
        yield safe("the answer ends without # EOF, so its rest is missing")
    if not found:
        yield safe("no metric of a known name is exposed")


def _understood(answer: Answer) -> Exposition:
    """The metrics in an answer.

    Raises:
        SourceGarbage: It is a page, or holds nothing that is a sample.
    """
    if answer.is_html:
        raise SourceGarbage(f"{answer.url}: not Prometheus metrics: {snippet(answer)}")
    openmetrics = "openmetrics" in answer.headers.get("content-type", "")
    scraped = parse(answer.body.decode("utf-8", "replace"), openmetrics=openmetrics)
    if scraped.bad and not scraped.samples:
        raise SourceGarbage(f"{answer.url}: not Prometheus metrics: line {scraped.first_bad}: {scraped.why}")
    return scraped
