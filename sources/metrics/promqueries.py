"""The default queries: what is asked in PromQL, and how the answer becomes series with the names of the contract."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

from console.domain.instant import Instant
from console.domain.series import BUILD_INFO as BUILD
from console.domain.series import SeriesKey
from console.domain.values import dataclass
from console.guard.sanitise import safe
from sources.metrics.builds import Build, build_of, builds_of
from sources.metrics.conventions import (
    BUILD_INFO,
    BUILD_SUFFIX,
    COMMIT_LABELS,
    INSTANCE_LABELS,
    SERVICE_LABELS,
    VERSION_LABELS,
    RequestLabels,
    first_of,
)
from sources.metrics.discovery import GaugePlan, LatencyPlan, RequestPlan, service_of
from sources.metrics.exposition import Sample
from sources.metrics.histogram import QUANTILES, bound_of, bucket_quantile
from sources.metrics.promapi import Labels, Result, quoted

METRIC_LABEL = "incident_metric"
"""Added to the rows of the one query that asks for all gauges."""
NAME_LIMIT = 200
SCRAPES_IN_A_RATE = 3
"""A rate needs two samples, and one scrape may be lost."""
TYPICAL_BUCKETS = 15

Points: TypeAlias = dict[Instant, float]
Grid: TypeAlias = dict[SeriesKey, Points]
Read: TypeAlias = Callable[[Result, "Step", float], Grid]


@dataclass(frozen=True, slots=True)
class Step:
    """The step of the answer, and the stretch that a rate looks back over."""

    seconds: float
    rate_s: float

    @classmethod
    def of(cls, seconds: float, scrape_s: float) -> Step:
        """A rate that is steady although scrapes do not fall onto the steps."""
        return cls(seconds, max(seconds, SCRAPES_IN_A_RATE * scrape_s))

    @property
    def rate(self) -> str:
        """The stretch as PromQL."""
        return f"{self.rate_s:.0f}s"


@dataclass(frozen=True, slots=True)
class Asked:
    """One query, and how its answer is read."""

    about: str
    """For messages: `request_count`."""
    query: str
    read: Read
    shown: Callable[[SeriesKey], str]
    """What to paste into the server to see one series."""
    series: int = 1
    """Rows expected, for the size of the answer."""


def request_query(plan: RequestPlan, step: Step, replaced: Collection[str]) -> Asked | None:
    """Requests and failed requests per service and operation, as counts per step, in one query.

    One answer tells both, so that a service without a single failure is known to have zero of them.
    """
    by = _by(plan.counter.label, plan.labels)
    selectors = {"request_count": plan.counter.matching()}
    if plan.labels.status is not None:
        selectors["error_count"] = plan.counter.matching(extra=[(plan.labels.status, "=~", plan.failed)])
    single = {
        metric: f"sum by ({by}) (rate({selector}[{step.rate}]))"
        for metric, selector in selectors.items()
        if metric not in replaced
    }
    if not single:
        return None
    return Asked(
        "requests",
        joined_queries(single.items()),
        _counts(plan.counter.label, plan.labels, zero_errors="error_count" in single),
        lambda key: single.get(key.metric, ""),
        series=plan.counter.series,
    )


def joined_queries(single: Iterable[tuple[str, str]]) -> str:
    """Several queries as one, whose rows say to which they belong by `METRIC_LABEL`."""
    return " or ".join(f'label_replace({query}, "{METRIC_LABEL}", "{metric}", "", "")' for metric, query in single)


def latency_query(plan: LatencyPlan, step: Step, replaced: Collection[str]) -> Asked:
    """Rates of all buckets, of which the quantiles are made."""
    selector = replace_suffix(plan.selection.matching(), "_count", "_bucket")
    buckets = f"sum by ({_by(plan.selection.label, plan.labels)}, le) (rate({selector}[{step.rate}]))"

    def shown(key: SeriesKey) -> str:
        quantile = dict(QUANTILES)[key.metric]
        by = _by(plan.selection.label, plan.labels) if key.operation else plan.selection.label
        return f"histogram_quantile({quantile:g}, sum by ({by}, le) (rate({selector}[{step.rate}])))"

    wanted = [(m, q) for m, q in QUANTILES if m not in replaced]
    return Asked("latency", buckets, _quantiles(plan, wanted), shown, series=plan.selection.series * TYPICAL_BUCKETS)


def gauge_query(plans: Sequence[GaugePlan], step: Step) -> Asked:
    """All gauges in one query; each row is told apart by a label that is added to it."""
    single = {plan: _gauge(plan, step) for plan in plans}
    joined = joined_queries((plan.gauge.metric, query) for plan, query in single.items())
    label_of: dict[str, list[str]] = {plan.gauge.metric: [] for plan in plans}
    for plan in plans:
        label_of[plan.gauge.metric].append(plan.selection.label)

    def read(result: Result, step: Step, shift_s: float) -> Grid:
        grid: Grid = {}
        for stream in result.streams:
            metric = stream.labels.get(METRIC_LABEL, "")
            label = first_of(stream.labels, label_of.get(metric, ()))
            if label is not None:
                key = SeriesKey(_service(stream.labels[label]), "", metric)
                grid.setdefault(key, {}).update((at + shift_s, value) for at, value in stream.points)
        return grid

    def shown(key: SeriesKey) -> str:
        return " or ".join(q for plan, q in single.items() if plan.gauge.metric == key.metric)

    return Asked("resources", joined, read, shown, series=sum(len(p.selection.services) for p in plans))


def _gauge(plan: GaugePlan, step: Step) -> str:
    selector = plan.selection.matching(extra=plan.gauge.where)
    inner = f"rate({selector}[{step.rate}])" if plan.gauge.counter else selector
    label = plan.selection.label
    if plan.gauge.combine == "worst":
        each = ", ".join(dict.fromkeys((label, *INSTANCE_LABELS)))
        return f"max by ({label}) (sum by ({each}) ({inner}))"
    return f"sum by ({label}) ({inner})"


def custom_query(metric: str, query: str, step: Step, services: Sequence[str], service_label: str | None) -> Asked:
    """A query of the configuration; `$step` becomes the stretch of a rate.

    Its rows are assigned to services by the label that names one, and by the only service where there is just one.
    """
    text = query.replace("$step", step.rate)
    known = frozenset(services)
    # What grew over the stretch of a rate is more than what grew in a step, when a step is shorter.
    scale = step.seconds / step.rate_s if metric in ("request_count", "error_count") and "$step" in query else 1.0

    def read(result: Result, step: Step, shift_s: float) -> Grid:
        grid: Grid = {}
        for stream in result.streams:
            labels = stream.labels
            candidates = (service_label,) if service_label else SERVICE_LABELS
            named = _named(labels, known, candidates)
            if named is None:
                label = first_of(labels, candidates)
                named = labels[label] if label is not None and not known else None
            if named is None and len(services) == 1:
                named = services[0]
            if named is None:
                continue
            key = SeriesKey(_service(named), safe(RequestLabels.of(labels).name(labels), NAME_LIMIT), metric)
            grid.setdefault(key, {}).update((at + shift_s, value * scale) for at, value in stream.points)
        return grid

    return Asked(metric, text, read, lambda key: text)


def _named(labels: Labels, services: Collection[str], candidates: Iterable[str]) -> str | None:
    """The value of the first label that names one of the services."""
    return next((labels[c] for c in candidates if service_of(labels.get(c, "")) in services), None)


def build_query(service_label: str | None) -> str:
    """Instances counted by what their build information says."""
    candidates = (service_label,) if service_label else SERVICE_LABELS
    by = ", ".join(dict.fromkeys(("__name__", *candidates, *VERSION_LABELS, *COMMIT_LABELS)))
    names = "|".join((*BUILD_INFO, f".+{BUILD_SUFFIX}"))
    return f"count by ({by}) ({{__name__=~{quoted(names)}}})"


def builds_over_time(services: Collection[str], service_label: str | None) -> Asked:
    """How many instances run each build of the configured services, over the window: the build stands in the place of the
    operation."""
    query = build_query(service_label)

    def read(result: Result, step: Step, shift_s: float) -> Grid:
        told = builds_by_service(result, services, service_label)
        candidates = (service_label,) if service_label else SERVICE_LABELS
        grid: Grid = {}
        for stream in result.streams:
            named = _named(stream.labels, services, candidates)
            build = build_of(stream.labels)
            if (
                named is None
                or build is None
                or stream.labels.get("__name__", "") != told.get(_service(named), ("",))[0]
            ):
                continue
            points = grid.setdefault(SeriesKey(_service(named), build[0] or build[1] or "", BUILD), {})
            for at, value in stream.points:
                points[at + shift_s] = points.get(at + shift_s, 0.0) + value
        return grid

    return Asked("builds", query, read, lambda key: query, series=len(services))


def builds_by_service(
    result: Result, services: Collection[str], service_label: str | None
) -> dict[str, tuple[str, Counter[Build]]]:
    """Of each service that tells: the metric, and how many instances run each build; without `services` of nobody, since
    then a service cannot be told from an exporter.
    """
    samples: defaultdict[str, list[Sample]] = defaultdict(list)
    for stream in result.streams:
        named = _named(stream.labels, services, (service_label,) if service_label else SERVICE_LABELS)
        if named is not None and stream.points:
            labels = tuple((k, v) for k, v in stream.labels.items() if k != "__name__")
            samples[_service(named)].append(Sample(stream.labels.get("__name__", ""), labels, stream.points[-1][1]))
    told = {service: builds_of(service_of(service), found) for service, found in samples.items()}
    return {service: (metric, builds) for service, (metric, builds) in told.items() if builds}


def _by(label: str, labels: RequestLabels) -> str:
    return ", ".join(dict.fromkeys((label, *labels.operation)))


def _service(value: str) -> str:
    return safe(service_of(value), NAME_LIMIT)


def replace_suffix(selector: str, old: str, new: str) -> str:
    """A selector for another part of the same histogram."""
    name, brace, rest = selector.partition("{")
    return name.removesuffix(old) + new + brace + rest


def _counts(label: str, labels: RequestLabels, *, zero_errors: bool) -> Read:
    def read(result: Result, step: Step, shift_s: float) -> Grid:
        grid: defaultdict[SeriesKey, Points] = defaultdict(dict)
        for stream in result.streams:
            service = _service(stream.labels.get(label, ""))
            if not service:
                continue
            operation = safe(labels.name(stream.labels), NAME_LIMIT)
            metric = stream.labels.get(METRIC_LABEL, "request_count")
            for key in {SeriesKey(service, "", metric), SeriesKey(service, operation, metric)}:
                points = grid[key]
                for at, rate in stream.points:
                    points[at + shift_s] = points.get(at + shift_s, 0.0) + rate * step.seconds
        if zero_errors:
            for key in [k for k in grid if k.metric == "request_count"]:
                failed = grid[SeriesKey(key.service, key.operation, "error_count")]
                for at in grid[key]:
                    failed.setdefault(at, 0.0)
        return grid

    return read


def _quantiles(plan: LatencyPlan, wanted: Sequence[tuple[str, float]]) -> Read:
    """Adds up the buckets of each service and of each operation, and interpolates in them."""

    def read(result: Result, step: Step, shift_s: float) -> Grid:
        buckets: defaultdict[tuple[str, str], defaultdict[Instant, dict[float, float]]]
        buckets = defaultdict(lambda: defaultdict(dict))
        for stream in result.streams:
            service = _service(stream.labels.get(plan.selection.label, ""))
            bound = bound_of(stream.labels.get("le", ""))
            if not service or bound is None:
                continue
            operation: str = safe(plan.labels.name(stream.labels), NAME_LIMIT)
            for name in {"", operation}:
                moments = buckets[service, name]
                for at, rate in stream.points:
                    counts = moments[at]
                    counts[bound] = counts.get(bound, 0.0) + rate
        grid: defaultdict[SeriesKey, Points] = defaultdict(dict)
        for (service, operation), moments in buckets.items():
            for at, counts in moments.items():
                for metric, value in _at_one_moment(counts, wanted):
                    grid[SeriesKey(service, operation, metric)][at + shift_s] = value * plan.histogram.scale
        return grid

    return read


def _at_one_moment(counts: Mapping[float, float], wanted: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    bounds = sorted(counts)
    cumulative = [counts[bound] for bound in bounds]
    found = []
    for metric, quantile in wanted:
        value = bucket_quantile(quantile, bounds, cumulative)
        if value is not None:
            found.append((metric, value))
    return found
