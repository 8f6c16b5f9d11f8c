"""Requests and failures by instance, pod, zone and version: one query more for each counter, over a short stretch."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping

from console.domain.instant import Instant
from console.domain.parts import PartCounts
from console.domain.values import dataclass
from console.guard.sanitise import safe
from sources.metrics.conventions import PEER_LABELS, SERVICE_LABELS
from sources.metrics.discovery import RequestPlan, service_of
from sources.metrics.promapi import Result
from sources.metrics.promqueries import METRIC_LABEL, NAME_LIMIT, Step, joined_queries

PART_LABELS = ("instance", "pod", "node", "host", "zone", "availability_zone", "region", "version")
MOST_PARTS = 2_000
"""Parts of all services together; more are not told apart."""
_FAILED, _ALL = "error_count", "request_count"


@dataclass(frozen=True, slots=True)
class PartsAsked:
    """The query about one counter, and who its numbers belong to."""

    plan: RequestPlan
    query: str
    step: Step

    def shown(self, service: str) -> str:
        """What shows the failures of a service by part."""
        plan = self.plan
        failed = (plan.labels.status or "", "=~", plan.failed)
        value = next((v for v in plan.counter.services if service_of(v) == service), service)
        selector = plan.counter.matching(extra=[failed, (plan.counter.label, "=", value)])
        return f"sum by ({', '.join(PART_LABELS)}) (rate({selector}[{self.step.rate}]))"


def parts_query(plan: RequestPlan, step: Step) -> PartsAsked | None:
    """The query about a counter; None where no label tells what failed, or where callers counted: their parts are others."""
    label = plan.counter.label
    if plan.labels.status is None or (label in PEER_LABELS and label not in SERVICE_LABELS):
        return None
    by = ", ".join(dict.fromkeys((label, *PART_LABELS)))
    selectors = {
        _ALL: plan.counter.matching(),
        _FAILED: plan.counter.matching(extra=[(plan.labels.status, "=~", plan.failed)]),
    }
    single = {metric: f"sum by ({by}) (rate({selector}[{step.rate}]))" for metric, selector in selectors.items()}
    return PartsAsked(plan, joined_queries(single.items()), step)


def counts_of(asked: PartsAsked, results: Iterable[Result], shift_s: float, source: str) -> list[PartCounts]:
    """The parts in the answers; of services that have several."""
    grid: dict[tuple[str, tuple[tuple[str, str], ...]], dict[str, dict[Instant, float]]] = defaultdict(
        lambda: {_ALL: {}, _FAILED: {}}
    )
    for result in results:
        for stream in result.streams:
            service = safe(service_of(stream.labels.get(asked.plan.counter.label, "")), NAME_LIMIT)
            metric = stream.labels.get(METRIC_LABEL, "")
            if service and metric in (_ALL, _FAILED):
                points = grid[service, _part(stream.labels, asked.plan.counter.label)][metric]
                points.update((at + shift_s, rate * asked.step.seconds) for at, rate in stream.points)
    told: dict[str, list[PartCounts]] = defaultdict(list)
    for (owner, part), by_metric in grid.items():
        every, bad = by_metric[_ALL], by_metric[_FAILED]
        times = array("d", sorted(every))
        requests = array("d", [every[at] for at in times])
        failed = array("d", [min(bad.get(at, 0.0), every[at]) for at in times])
        fields = tuple((name, safe(value, NAME_LIMIT)) for name, value in part)
        if times and fields:
            told[owner].append(PartCounts(owner, fields, times, requests, failed, source, asked.shown(owner)))
    found = [one for parts in told.values() if len(parts) > 1 for one in parts]
    return found if len(found) <= MOST_PARTS else []


def _part(labels: Mapping[str, str], service_label: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, labels[name]) for name in PART_LABELS if labels.get(name) and name != service_label)
