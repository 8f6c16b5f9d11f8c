"""Metrics from Prometheus, and from everything that speaks its API.

Without configuration it looks for the names that instrumented programs use (`conventions.py`) and asks for request counts,
failures, latency quantiles and resources of the configured services. Quantiles are computed here from the bucket rates, so
that one query serves all of them, for services and operations alike; the query that is shown gives the same number there.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from console.domain.changes import Running
from console.domain.instant import Instant, Window
from console.domain.parts import PartCounts
from console.domain.reading import Cost, Reading, SourceReport, SourceState
from console.domain.series import REQUEST_METRICS, Series
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.sanitise import safe
from sources.base import SourceError
from sources.http import Site
from sources.metrics.discovery import Plan, discover
from sources.metrics.promapi import MOST_POINTS, PromApi, Result
from sources.metrics.promparts import MOST_PARTS, counts_of, parts_query
from sources.metrics.promqueries import (
    TYPICAL_BUCKETS,
    Asked,
    Grid,
    Step,
    build_query,
    builds_by_service,
    builds_over_time,
    custom_query,
    gauge_query,
    latency_query,
    request_query,
)

MOST_EARLIER, MOST_WIDER = 600_000, 3
"""Values of one answer about many days, and how many times wider than wanted its steps get for that; beyond that operations
are left out."""
LEAST_STEP_S = 15.0
"""Finer than most scrape intervals nothing is to be seen."""
DISCOVER_EVERY_S = 600.0
LOOK_AGAIN_S = 60.0
"""After nothing was found."""
MOST_VALUES = 250_000
"""Values asked for at once; a longer window is asked for in parts."""
MOST_TOTAL = 1_000_000
"""Values that the answer to one question may hold in all; a longer window gets a coarser step."""
SKEW_MATTERS_S = 5.0
BUILDS_EVERY_S = 30.0
"""Who asks more often which builds run gets the last answer again."""
LIVE_S = 60.0
"""A window that ends so close to now is the present, to which a skew measured now applies."""


class PrometheusMetrics:
    """One server.

    Args:
        name: The source's name in the configuration.
        site: Where it is.
        services: Names of services and dependencies to look for; empty: all that it knows.
        dependencies: Those of them that may expose nothing: calls to them are taken as their numbers.
        service_label: The label that names the service; None: found by convention.
        queries: Metric name to PromQL with `$step` in it; replaces what would be asked for that metric.
        clock: Wall clock.
    """

    kind = "prometheus"

    def __init__(
        self,
        name: str,
        site: Site,
        *,
        services: Sequence[str] = (),
        dependencies: Sequence[str] = (),
        service_label: str | None = None,
        queries: dict[str, str] | None = None,
        clock: Callable[[], Instant] = time.time,
    ) -> None:
        self.name = name
        self._site = site
        self._services = tuple(services)
        self._dependencies = tuple(dependencies)
        self._service_label = service_label
        self._queries = dict(queries or {})
        self._clock = clock
        self._api = PromApi(site, site.deadline_s)
        self._plan: Plan | None = None
        self._planned_for: tuple[Instant, Instant] = (-math.inf, -math.inf)
        self._coarser: dict[float, int] = {}
        self._running: tuple[Instant, tuple[Running, ...]] = (-math.inf, ())
        self._one_at_a_time = asyncio.Lock()

    async def close(self) -> None:
        """The door closes the connections."""

    async def series(self, window: Window, step_s: float) -> Reading[tuple[Series, ...]]:
        """Series of the window on whole multiples of the step, which is at least 15 s, and more where the answer would be huge.

        Raises:
            SourceError: Nothing at all could be had. What failed in part is said in the report.
        """
        async with self._one_at_a_time:
            before = self._site.cost
            plan = await self._planned(window)
            result = await self._ask(plan, window, step_s)
            spent = self._site.cost
        cost = Cost(spent.queries - before.queries, spent.bytes - before.bytes)
        return Reading(result.series, self._clock(), self._report(plan, result, cost), result.warnings)

    async def parts(self, window: Window, step_s: float) -> Reading[tuple[PartCounts, ...]]:
        """Requests and failures of the parts of each service, where the counters tell parts apart.

        Raises:
            SourceError: The server could not be asked.
        """
        async with self._one_at_a_time:
            before = self._site.cost
            plan = await self._planned(window)
            skew = self._skew(plan, window)
            step = Step.of(max(step_s, LEAST_STEP_S), plan.scrape_s)
            asked = [] if "request_count" in self._queries else [parts_query(one, step) for one in plan.requests]
            found: list[PartCounts] = []
            for one in asked:
                if one is not None:
                    series = min(one.plan.counter.series, MOST_PARTS)
                    results = [
                        await self._api.range(one.query, start + skew, end + skew, step.seconds)
                        for start, end in _parts(window, step, series)
                    ]
                    found += counts_of(one, results, -skew, self.name)
            spent = self._site.cost
        cost = Cost(spent.queries - before.queries, spent.bytes - before.bytes)
        report = SourceReport(self.name, self.kind, SourceState.OK, records=len(found), cost=cost, role="metrics")
        return Reading(tuple(found), self._clock(), report)

    async def earlier(self, window: Window, step_s: float) -> Reading[tuple[Series, ...]]:
        """Requests, failures and latencies of many days in coarse steps, one request to the server for each kind of them.

        The steps are widened where an answer would be large, and where that is not enough only whole services are asked for.
        Nobody else waits for it.

        Raises:
            SourceError: Nothing at all could be had.
        """
        async with self._one_at_a_time:
            plan = await self._planned(window)
        answered = _Answered(skew=self._skew(plan, window) or None)
        asked = self._of_many_days(plan, window, step_s)
        for one, step in asked:
            try:
                answered = answered.with_result(*await self._ask_one(one, window, step, answered.skew or 0.0))
            except SourceError as error:
                answered = answered.failing(one, error)
        if answered.failures and not answered.answers:
            raise answered.failures[0]
        return Reading(answered.series, self._clock(), self._report(plan, answered, Cost(len(asked))))

    def _of_many_days(self, plan: Plan, window: Window, step_s: float) -> list[tuple[Asked, Step]]:
        """The questions, each with its step."""
        replaced = frozenset(self._queries)
        step = Step.of(step_s, plan.scrape_s)
        found = [
            (custom_query(metric, query, step, self._services, self._service_label), step)
            for metric, query in self._queries.items()
            if metric in REQUEST_METRICS
        ]
        for counted in plan.requests:
            wide, named = _widened(window, step, plan.scrape_s, counted.counter.series)
            if (one := request_query(counted if named else counted.whole, wide, replaced)) is not None:
                found.append((replace(one, series=1), wide))
        for timed in plan.latencies:
            wide, named = _widened(window, step, plan.scrape_s, TYPICAL_BUCKETS * timed.selection.series)
            found.append((replace(latency_query(timed if named else timed.whole, wide, replaced), series=1), wide))
        return found

    async def running(self, now: Instant) -> tuple[Running, ...]:
        """The builds of the configured services in build information, those of most instances first.

        Raises:
            SourceError: Of every kind.
        """
        asked_at, known = self._running
        if not 0 <= now - asked_at < BUILDS_EVERY_S:
            skew = self._plan.skew_s if self._plan is not None else None
            at = now + (skew if skew is not None and abs(skew) > SKEW_MATTERS_S else 0.0)
            result = await self._api.instant(build_query(self._service_label), at)
            told = builds_by_service(result, self._services, self._service_label)
            known = tuple(
                Running(service, version, commit, safe(f"{metric} in {self.name}", 200), None, now, instances)
                for service, (metric, builds) in told.items()
                for (version, commit), instances in builds.most_common()
            )
            self._running = (now, known)
        return known

    async def _planned(self, window: Window) -> Plan:
        """The plan, made anew when it is old or was made for another time."""
        now = self._clock()
        made_at, made_for = self._planned_for
        age = LOOK_AGAIN_S if self._plan is None or self._plan.empty else DISCOVER_EVERY_S
        if self._plan is None or not 0 <= now - made_at < age or abs(window.end - made_for) > DISCOVER_EVERY_S:
            reach = min(window.seconds, 3600.0)
            plan = await self._discover(window.end, reach)
            if self._matters(plan.skew_s, window):  # what lives is then to be found at another moment of its clock
                plan = await self._discover(window.end + (plan.skew_s or 0.0), reach)
            self._plan, self._planned_for = plan, (now, window.end)
        return self._plan

    async def _discover(self, at: Instant, reach_s: float) -> Plan:
        return await discover(self._api, at, reach_s, self._services, self._service_label, self._dependencies)

    def _skew(self, plan: Plan, window: Window) -> int:
        """Seconds by which its clock is ahead, where that matters; whole, so that times shifted there and back are the same."""
        return round(plan.skew_s) if plan.skew_s is not None and self._matters(plan.skew_s, window) else 0

    def _matters(self, skew_s: float | None, window: Window) -> bool:
        return skew_s is not None and abs(skew_s) > SKEW_MATTERS_S and window.end > self._clock() - LIVE_S

    async def _ask(self, plan: Plan, window: Window, step_s: float) -> _Answered:
        skew = self._skew(plan, window) or None
        step, asked = self._affordable(plan, window, max(step_s, LEAST_STEP_S))
        results = await asyncio.gather(
            *(self._ask_one(one, window, step, skew or 0.0) for one in asked), return_exceptions=True
        )
        answered = _Answered(skew=skew)
        for one, result in zip(asked, results, strict=True):
            if isinstance(result, SourceError):
                answered = answered.failing(one, result)
            elif isinstance(result, BaseException):
                raise result
            else:
                answered = answered.with_result(*result)
        if answered.failures and not answered.answers:
            raise answered.failures[0]
        return answered

    def _affordable(self, plan: Plan, window: Window, wanted_s: float) -> tuple[Step, list[Asked]]:
        """The step that keeps the answer to the largest question within bounds, and the questions at that step.

        Once a long window needed a coarser step, shorter ones that ask for the same step get it too: a caller joins their
        answers, and counts per minute do not continue counts per quarter of a minute.
        """
        asked = self._questions(plan, Step.of(wanted_s, plan.scrape_s))
        values = window.seconds / wanted_s * max((one.series for one in asked), default=1)
        factor = max(math.ceil(values / MOST_TOTAL), self._coarser.get(wanted_s, 1))
        if factor == 1:
            return Step.of(wanted_s, plan.scrape_s), asked
        self._coarser[wanted_s] = factor
        step = Step.of(wanted_s * factor, plan.scrape_s)
        return step, self._questions(plan, step)

    def _questions(self, plan: Plan, step: Step) -> list[Asked]:
        replaced = frozenset(self._queries)
        asked = [custom_query(m, q, step, self._services, self._service_label) for m, q in self._queries.items()]
        counted = (request_query(one, step, replaced) for one in plan.requests)
        asked += [one for one in counted if one is not None]
        asked += [latency_query(one, step, replaced) for one in plan.latencies]
        gauges = [g for g in plan.gauges if g.gauge.metric not in replaced]
        if gauges:
            asked.append(gauge_query(gauges, step))
        if plan.builds:
            asked.append(builds_over_time(self._services, self._service_label))
        return asked

    async def _ask_one(
        self, asked: Asked, window: Window, step: Step, skew_s: float
    ) -> tuple[Asked, tuple[Series, ...], tuple[Result, ...]]:
        """One query over the window, in parts where the answer would be large."""
        results: list[Result] = []
        merged: Grid = {}
        for start, end in _parts(window, step, asked.series):
            result = await self._api.range(asked.query, start + skew_s, end + skew_s, step.seconds)
            results.append(result)
            # Quantiles of hundreds of series take longer than a frame.
            grid = await asyncio.to_thread(asked.read, result, step, -skew_s)
            for key, points in grid.items():
                merged.setdefault(key, {}).update(points)
        series = tuple(
            Series.of(key, list(points.items()), self.name, asked.shown(key))
            for key, points in merged.items()
            if points
        )
        return asked, series, tuple(results)

    def _report(self, plan: Plan, result: _Answered, cost: Cost) -> SourceReport:
        notes = [*result.notes, *plan.notes]
        if plan.empty and not self._queries:
            notes.append(
                SafeText("no metric of a known name was found: name what to ask in queries of this [[metrics]] table")
            )
        state = SourceState.PARTIAL if notes else SourceState.OK
        if result.skew is not None:
            side = "ahead of" if result.skew > 0 else "behind"
            notes.append(safe(f"its clock is {abs(result.skew):.0f} s {side} ours; its times are shown in ours"))
        return SourceReport(
            self.name,
            self.kind,
            state,
            safe("; ".join(notes), 500),
            records=sum(len(s) for s in result.series),
            cost=cost,
            role="metrics",
        )


@dataclass(frozen=True, slots=True)
class _Answered:
    """What came of all queries."""

    series: tuple[Series, ...] = ()
    notes: tuple[SafeText, ...] = ()
    """What makes it partial."""
    warnings: tuple[SafeText, ...] = ()
    failures: tuple[SourceError, ...] = ()
    answers: int = 0
    skew: float | None = None

    def failing(self, asked: Asked, error: SourceError) -> _Answered:
        note = safe(f"{asked.about}: {error}", 300)
        return replace(
            self,
            notes=self.notes if note in self.notes else (*self.notes, note),
            failures=(*self.failures, error),
        )

    def with_result(self, asked: Asked, series: tuple[Series, ...], results: tuple[Result, ...]) -> _Answered:
        notes, warnings = list(self.notes), list(self.warnings)
        for result in results:
            for warning in result.warnings:
                if warning not in warnings:
                    warnings.append(warning)
                    notes.append(warning)
            if result.found > len(result.streams):
                note = safe(f"{asked.about}: {len(result.streams):,} of {result.found:,} series taken")
                if note not in notes:
                    notes.append(note)
        gaps = sum(result.not_finite for result in results)
        if gaps:
            warnings.append(safe(f"{asked.about}: {gaps:,} values were not finite and are gaps"))
        return replace(
            self,
            series=(*self.series, *series),
            notes=tuple(notes),
            warnings=tuple(warnings),
            answers=self.answers + 1,
        )


def _widened(window: Window, step: Step, scrape_s: float, series: int) -> tuple[Step, bool]:
    """The step at which one answer about so many series is small enough, and whether it may tell operations apart."""
    factor = max(1, math.ceil(window.seconds / step.seconds * series / MOST_EARLIER))
    return Step.of(step.seconds * min(factor, MOST_WIDER), scrape_s), factor <= MOST_WIDER


def _parts(window: Window, step: Step, series: int) -> list[tuple[Instant, Instant]]:
    """Start and end of each request, on multiples of the step, both ends included; empty where no multiple lies inside."""
    first, last = math.ceil(window.start / step.seconds), math.floor(window.end / step.seconds)
    most = max(1, min(MOST_POINTS, MOST_VALUES // max(1, series)))
    return [
        (place * step.seconds, min(place + most - 1, last) * step.seconds) for place in range(first, last + 1, most)
    ]
