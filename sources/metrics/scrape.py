"""Metrics straight from a program's `/metrics`, with a history of our own scrapes: no Prometheus is needed."""

from __future__ import annotations

import asyncio
import math
import shlex
import time
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import islice

from console.domain.changes import Running
from console.domain.instant import Instant, Window
from console.domain.reading import Cost, Reading, SourceReport, SourceState
from console.domain.series import BUILD_INFO, Series, SeriesKey
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.sanitise import safe
from sources.answers import Answer, checked, snippet
from sources.base import SourceGarbage
from sources.http import Site
from sources.metrics.builds import Build, builds_of
from sources.metrics.conventions import (
    HISTOGRAMS,
    OUTBOUND_HISTOGRAMS,
    PEER_LABELS,
    LatencyHistogram,
    RequestLabels,
)
from sources.metrics.exposition import MOST_SAMPLES, MOST_SERIES, Exposition, parse
from sources.metrics.growth import START_TOLERANCE_S, Growth, Totaliser
from sources.metrics.scrapemodel import (
    MOST_OPERATIONS,
    MOST_OTHER,
    NAME_LIMIT,
    Names,
    Scope,
    Values,
    gauges,
    rates,
)

MOST_POINTS = 6_000
"""Points kept of one series: a day at 15 s."""
MOST_KEPT = 3_000
"""Series of which points are kept."""
MISSED_SCRAPES = 3.5
"""After so many intervals without a scrape what happened meanwhile is a gap: as one interval it would look like a surge."""
LIVE_S = 60.0
LARGE = 200_000
"""A larger text is parsed off the event loop."""
FRESH = 0.5
"""A scrape younger than this share of the interval answers everybody who asks."""
BUILDS_KEPT = 6
RESTARTS = "restarts"
ACCEPT = "application/openmetrics-text;version=1.0.0;q=0.8, text/plain;version=0.0.4;q=0.9, */*;q=0.1"


class ScrapedMetrics:
    """One address that exposes metrics of one service.

    Args:
        name: The source's name in the configuration.
        site: The address.
        service: Whose metrics these are.
        dependencies: Names under which calls of the service are shown as numbers of what it calls.
        interval_s: Between two questions; who asks within half of it gets the same scrape.
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
        self._builds: deque[tuple[str, Build, float | None]] = deque(maxlen=BUILDS_KEPT)
        """Of the last scrapes: the metric that told it, the build, and the start of the process."""
        self._restarts = _Restarts()
        self._crowded = False
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
            if live and self._is_due(now):
                await self._scrape(min(now, window.end))
            spent = self._site.cost
        series = tuple(one for key in self._points if len(one := self._within(key, window)))
        cost = Cost(spent.queries - before.queries, spent.bytes - before.bytes)
        return Reading(series, self._scraped_at or now, self._report(series, cost, live))

    def _is_due(self, now: Instant) -> bool:
        """Half an interval old is old; a clock of ours that stepped back would keep the last scrape young for long."""
        age = math.inf if self._scraped_at is None else now - self._scraped_at
        return not 0 <= age < FRESH * self._interval_s

    async def running(self, now: Instant) -> tuple[Running, ...]:
        """The versions in the build information of the last scrapes, the most frequent first; empty where there is none.

        Raises:
            SourceError: Nothing was scraped lately, and the address does not answer.
        """
        async with self._one_at_a_time:
            if self._scraped_at is None or not 0 <= now - self._scraped_at <= MISSED_SCRAPES * self._interval_s:
                await self._scrape(now)
            builds, at = tuple(self._builds), self._scraped_at
        counted = Counter(build for _, build, _ in builds)
        found = []
        for (version, commit), times in counted.most_common():
            metric = next(name for name, build, _ in builds if build == (version, commit))
            share = f" ({times} of {len(builds)} scrapes)" if len(counted) > 1 else ""
            instances = len({process for _, build, process in builds if build == (version, commit)})
            where = safe(f"{metric} in /metrics{share}", 200)
            found.append(Running(self._scope.service, version, commit, where, None, at, instances))
        return tuple(found)

    async def _scrape(self, at: Instant) -> None:
        answer = checked(await self._site.ask(headers={"Accept": ACCEPT}))
        if len(answer.body) > LARGE:
            scraped = await asyncio.to_thread(_understood, answer)
        else:
            scraped = _understood(answer)
        self._take(at, scraped)

    def _take(self, at: Instant, scraped: Exposition) -> None:
        have = frozenset(sample.name for sample in scraped.samples)
        names, timed = _with_sums(Names.among(have), have)
        parts = frozenset(f"{t.histogram.base}{suffix}" for t in timed for suffix in ("_sum", "_count"))
        growth = self._totals.add(at, scraped, names.totals | parts)
        plain = gauges(scraped, names, self._scope)
        found, operations_left_out = dict(plain.values), 0
        if growth is not None and 0 < growth.seconds <= MISSED_SCRAPES * self._interval_s:
            grown = rates(growth, names, self._scope)
            found.update(grown.values)
            operations_left_out = grown.left_out
            for one in timed:
                found.update(_averages(growth, one, self._scope))
        known = len(found)
        self._count_restarts(found, growth)
        for key, value in found.items():
            self._keep(key, at, value)
        if growth is not None and growth.restarted:
            self._builds.clear()  # what ran before is gone
        metric, builds = builds_of(self._scope.service, scraped.samples)
        self._builds.extend((metric, build, self._totals.process) for build, _ in builds.most_common(1))
        for (version, commit), processes in builds.items():
            self._keep(SeriesKey(self._scope.service, version or commit or "", BUILD_INFO), at, processes)
        self._scraped_at = at
        limits = _limits(operations_left_out, plain.left_out, self._crowded)
        self._notes = (*_notes(scraped, known), *limits)

    def _count_restarts(self, found: Values, growth: Growth | None) -> None:
        """Where nobody else counts them, restarts are what we saw of them."""
        key = SeriesKey(self._scope.service, "", RESTARTS)
        if key in found:
            return
        seen = self._restarts.add(self._totals.process, growth is not None and growth.restarted)
        if seen is None:
            self._points.pop(key, None)
        else:
            found[key] = seen

    def _keep(self, key: SeriesKey, at: Instant, value: float) -> None:
        if not math.isfinite(value):
            return
        if key not in self._points and len(self._points) >= MOST_KEPT:
            self._crowded = True
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


class _Restarts:
    """Restarts of the one process behind an address; of several, which took turns, nothing can be told."""

    def __init__(self) -> None:
        self._count = 0
        self._newest: float | None = None
        self._several = False

    def add(self, started: float | None, restarted: bool) -> float | None:
        """Take a scrape: how often the process was started anew so far.

        Args:
            started: When the process says that it began.
            restarted: Whether its totals say that it began anew since the scrape before.

        Returns:
            None where the program tells no start time, or where an older process answered after a younger one: what
            looked like a restart was another process.
        """
        if started is None or not math.isfinite(started):
            return None
        self._several |= self._newest is not None and started < self._newest - START_TOLERANCE_S
        self._newest = max(started, self._newest if self._newest is not None else started)
        self._count += restarted
        return None if self._several else float(self._count)


@dataclass(frozen=True, slots=True)
class _Timed:
    """Durations of which sum and number are told."""

    histogram: LatencyHistogram
    outbound: bool


def _with_sums(names: Names, have: frozenset[str]) -> tuple[Names, tuple[_Timed, ...]]:
    """Where mean durations come from; a summary without buckets has them as well, and tells how many requests there were."""

    def first(chosen: LatencyHistogram | None, known: Iterable[LatencyHistogram]) -> LatencyHistogram | None:
        candidates = known if chosen is None else (chosen,)
        return next((h for h in candidates if {f"{h.base}_sum", f"{h.base}_count"} <= have), None)

    inbound, outbound = first(names.histogram, HISTOGRAMS), first(names.outbound_histogram, OUTBOUND_HISTOGRAMS)
    if names.counter is None and inbound is not None:
        names = replace(names, counter=f"{inbound.base}_count")
    if names.outbound is None and outbound is not None:
        names = replace(names, outbound=f"{outbound.base}_count")
    return names, tuple(_Timed(h, h is outbound) for h in (inbound, outbound) if h is not None)


def _averages(growth: Growth, timed: _Timed, scope: Scope) -> Values:
    """Mean durations, in seconds, of what was answered between two scrapes; of the busiest operations where there are many."""
    base = timed.histogram.base
    grown = [(key, value) for key, value in growth.by.items() if key[0] in (f"{base}_sum", f"{base}_count")]
    labels_of = RequestLabels.of({label for (_, labels), _ in grown for label, _ in labels})
    sums: defaultdict[tuple[str, str], float] = defaultdict(float)
    counts: defaultdict[tuple[str, str], float] = defaultdict(float)
    for (name, pairs), value in grown:
        part = sums if name.endswith("_sum") else counts
        for place in _places(dict(pairs), labels_of, timed, scope):
            part[place] += value
    busiest = sorted(counts, key=lambda place: (bool(place[1]), -counts[place]))[: MOST_OPERATIONS + 1]
    return {
        SeriesKey(service, operation, "latency_avg"): timed.histogram.scale * sums[service, operation] / count
        for service, operation in busiest
        if (count := counts[service, operation]) > 0
    }


def _places(
    labels: Mapping[str, str], labels_of: RequestLabels, timed: _Timed, scope: Scope
) -> Iterable[tuple[str, str]]:
    """Service and operation that a duration belongs to: the service as a whole, and the operation where there is one."""
    if timed.outbound:
        peers = (labels[label] for label in PEER_LABELS if labels.get(label) in scope.dependencies)
        return [(peer, "") for peer in islice(peers, 1)]
    return {(scope.service, ""), (scope.service, safe(labels_of.name(labels), NAME_LIMIT))}


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


def _limits(operations: int, others: int, crowded: bool) -> Iterable[SafeText]:
    """What was left out because there was too much, in sentences."""
    if operations:
        yield safe(
            f"{operations:,} of {MOST_OPERATIONS + operations:,} operations are not shown one by one, "
            "only in the numbers of the service"
        )
    if others:
        yield safe(f"{MOST_OTHER:,} of {MOST_OTHER + others:,} gauges of unknown meaning taken")
    if crowded:
        yield safe(f"only the first {MOST_KEPT:,} series that were found are kept")


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
