"""Makes the values that the panes show out of observations and a diagnosis. Pure: `now` comes in as an argument."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import replace
from statistics import median

from console.analysis.rates import error_series, rate_series
from console.analysis.verdict import UNSETTLED
from console.domain.consulted import CHANGE_ROLES, not_consulted
from console.domain.diagnosis import Diagnosis, Standing, State, Symptom
from console.domain.instant import Instant, Window, age_step, span_text
from console.domain.observations import Observations
from console.domain.series import Series, SeriesSet
from console.domain.text import SafeText
from console.domain.topology import Health, ProbeResult
from console.state import (
    Axis,
    ChangesView,
    HeaderView,
    Marker,
    OperationRow,
    ServiceRow,
    SignalsView,
    Status,
    SuspectsView,
    Trend,
    UpstreamRow,
    UpstreamsView,
    Word,
    axis_step,
    route_of,
)

RECENT_S = 60.0
"""What "now" means for a number: the last minute, so that one empty bucket does not make it jump."""
NOT_JUDGED = "not judged yet: the first verdict waits until every source has answered"
READING = "reading the sources"
NO_SOURCE = "no data: add [[logs]] or [[metrics]] for it"
STAYS = 0.6
"""Part of the largest share of what went wrong that keeps a symptom in the headline; 0.9 brings it there."""
HEADLINE_SIGNALS = {
    "error_rate": "{what} failing {now} (was {was})",
    "latency_p99": "{what} p99 {now} (was {was})",
    "latency_p95": "{what} p95 {now} (was {was})",
    "latency_p50": "{what} p50 {now} (was {was})",
    "traffic": "{what} traffic {now} (was {was})",
    "memory": "{what} memory {now} (was {was})",
    "saturation": "{what} saturated at {now} (was {was})",
    "silence": "{what} has gone silent (was {was})",
    "log_errors": "{what} error lines {now} (was {was})",
}


def axis_of(window: Window, diagnosis: Diagnosis | None) -> Axis:
    """The shared axis with the moments that matter: deploys, other changes and the onset, inside the window only."""
    markers: list[Marker] = []
    if diagnosis is not None:
        for change in diagnosis.changes:
            if change.at in window:
                deploy = change.kind in ("deploy", "rollback")
                label = change.version or change.id if deploy else change.name
                markers.append(Marker(change.at, "▼" if deploy else "◆", SafeText(label)))
        if diagnosis.onset is not None and diagnosis.onset in window:
            markers.append(Marker(diagnosis.onset, "╎", SafeText("onset")))
    return Axis(window, axis_step(window), tuple(sorted(markers, key=lambda m: m.at)))


def rebin(series: Series | None, axis: Axis, merge: Callable[[list[float]], float]) -> tuple[float | None, ...]:
    """The series on the axis: `merge` of the values in each step, None where there are none.

    A series coarser than the axis fills the steps up to its next point, at most its own step: it is one observation of
    that whole stretch, and not a spike with gaps around it.
    """
    start, step_s = axis.window.start, axis.step_s
    count = max(1, math.ceil(axis.window.seconds / step_s))
    bins: list[float | None] = [None] * count
    if series is None:
        return tuple(bins)
    reach = max(1, round((series.step_s() or step_s) / step_s))
    several: dict[int, list[float]] = {}
    low = bisect_left(series.times, start)
    high = bisect_left(series.times, axis.window.end + reach * step_s)
    for at, value in zip(series.times[low:high], series.values[low:high], strict=True):
        # A point stands for the interval that ends at it; the small number keeps a point on the edge in that interval.
        last = math.ceil((at - start) / step_s - 1e-9) - 1
        for place in range(max(0, last - reach + 1), min(count, last + 1)):
            known = bins[place]
            if known is None:
                bins[place] = value
            else:
                several.setdefault(place, [known]).append(value)
    for place, values in several.items():
        bins[place] = merge(values)
    return tuple(bins)


def mean_of(values: list[float]) -> float:
    """Of one value or more."""
    return sum(values) / len(values)


def _recent(series: Series | None, window: Window) -> Series | None:
    if series is None or not len(series):
        return None
    reach = max(RECENT_S, 1.5 * (series.step_s() or RECENT_S))
    part = series.within(Window(max(window.start, window.end - reach - (series.step_s() or 0)), window.end + 1e-6))
    return part if len(part) else None


def _normal(series: Series | None, quiet: Iterable[Window]) -> float | None:
    """The median over the baseline stretches; None without a point in them."""
    if series is None:
        return None
    values = [value for stretch in quiet for _, value in series.within(stretch)]
    return median(values) if values else None


def quiet_windows(window: Window, diagnosis: Diagnosis | None) -> tuple[Window, ...]:
    """What "normal" is read from: the diagnosis' baselines, else the first half of the window."""
    if diagnosis is not None and diagnosis.baseline:
        return tuple(b.window for b in diagnosis.baseline)
    return (Window(window.start, window.start + window.seconds / 2),)


def trend_of(
    series: Series | None,
    unit: str,
    axis: Axis,
    quiet: tuple[Window, ...],
    merge: Callable[[list[float]], float],
    bad: bool,
) -> Trend:
    """A series on the axis with its newest, normal and highest value; `merge` makes one of what falls into a step."""
    points = rebin(series, axis, merge)
    recent = _recent(series, axis.window)
    known = [p for p in points if p is not None]
    last = median(recent.values) if recent is not None else None
    return Trend(unit, last, max(known, default=None), _normal(series, quiet), points, None, bad)


def _ratio_trend(observations: Observations, service: str, axis: Axis, quiet: tuple[Window, ...], bad: bool) -> Trend:
    """Errors: the last minute's failures over its requests, which a median of small buckets would get wrong."""
    series = error_series(observations.series, service)
    trend = trend_of(series, "ratio", axis, quiet, max, bad)
    failed, total = (observations.series.get(service, name) for name in ("error_count", "request_count"))
    part = _recent(total, axis.window)
    if failed is None or part is None or total is None:
        return trend
    errors = dict(failed)
    requests = sum(part.values)
    failures = sum(errors.get(at, 0.0) for at in part.times)
    before = [(errors.get(at, 0.0), count) for stretch in quiet for at, count in total.within(stretch)]
    normal = sum(e for e, _ in before) / sum(c for _, c in before) if sum(c for _, c in before) else trend.baseline
    last = failures / requests if requests else None
    return Trend("ratio", last, trend.peak, normal, trend.points, int(requests), bad)


def requests_behind(series: SeriesSet, service: str, operation: str, window: Window) -> int | None:
    """Requests of the last minute: what its percentiles rest on; None where no source counts them."""
    part = _recent(series.get(service, "request_count", operation), window)
    return round(sum(part.values)) if part is not None else None


def _symptoms_of(diagnosis: Diagnosis | None, service: str) -> dict[str, Symptom]:
    found: dict[str, Symptom] = {}
    for symptom in diagnosis.symptoms if diagnosis is not None else ():
        if symptom.service == service and symptom.end is None:
            found.setdefault(symptom.signal, symptom)
    return found


def service_row(
    observations: Observations, name: str, axis: Axis, diagnosis: Diagnosis | None, missing: str = NO_SOURCE
) -> ServiceRow:
    """One line of the signals pane; `missing` is what it says of a service that no source knows."""
    series = observations.series
    quiet = quiet_windows(axis.window, diagnosis)
    open_symptoms = _symptoms_of(diagnosis, name)

    def latency(metric: str) -> Trend:
        found = series.get(name, metric)
        if found is None and metric == "latency_p50":
            found = series.get(name, "latency_avg")
        trend = trend_of(found, "s", axis, quiet, max, metric in open_symptoms)
        return replace(trend, samples=requests_behind(series, name, "", axis.window))

    traffic = trend_of(
        rate_series(series, name), "1/s", axis, quiet, mean_of, "traffic" in open_symptoms or "silence" in open_symptoms
    )
    memory = series.get(name, "memory_bytes")
    errors = _ratio_trend(observations, name, axis, quiet, "error_rate" in open_symptoms)
    note = ""
    if not any(key.service == name for key in series.by_key):
        note = missing
    elif traffic.last == 0:
        note = "no traffic"
    state = None if note == missing else _state_of(name, diagnosis, open_symptoms)
    return ServiceRow(
        name,
        state,
        traffic,
        errors,
        latency("latency_p50"),
        latency("latency_p95"),
        latency("latency_p99"),
        trend_of(memory, "bytes", axis, quiet, max, "memory" in open_symptoms) if memory is not None else None,
        SafeText(note),
    )


def _state_of(service: str, diagnosis: Diagnosis | None, open_symptoms: Iterable[str]) -> State | None:
    """Of one service, by the signals of it that left their level. Well is only what a verdict says is well, and failing what
    it calls an incident; who merely gets more or fewer requests than usual, or fills up, does not fail yet.
    """
    left = set(open_symptoms)
    if left:
        failing = diagnosis is not None and diagnosis.state is State.INCIDENT and left != {"traffic"}
        return State.INCIDENT if failing else State.DEGRADING
    if diagnosis is None or diagnosis.state is State.INCONCLUSIVE:
        return diagnosis.state if diagnosis is not None else None
    fills = any(one.service == service for one in diagnosis.exhaustion)
    return State.DEGRADING if fills else State.HEALTHY


def operation_rows(
    observations: Observations, window: Window, diagnosis: Diagnosis | None, most: int = 30
) -> tuple[OperationRow, ...]:
    """Operations, worst first: by share of the excess failures, then of added time, then by failures in the window."""
    quiet = quiet_windows(window, diagnosis)
    since = (
        diagnosis.onset
        if diagnosis is not None and diagnosis.onset is not None and diagnosis.onset in window
        else window.start
    )
    bad = Window(since + 1e-6, window.end + 1e-6)  # a point stands for the interval that ends at it
    shares = {
        (s.service, s.operation): s.share_of_bad
        for s in reversed(diagnosis.symptoms if diagnosis is not None else ())
        if s.operation is not None and s.share_of_bad is not None
    }
    rows = _one_per_route(
        _operation_row(observations.series, service, operation, bad, quiet, shares.get((service, operation)))
        for service in observations.series.services()
        for operation in observations.series.operations(service)
    )
    rows.sort(key=lambda row: (-(row.share_of_bad or 0), -(row.failed or 0), -_added(row), row.service, row.operation))
    return tuple(rows[:most])


def _one_per_route(rows: Iterable[OperationRow]) -> list[OperationRow]:
    """Metrics and logs may name the parts of one route differently, `/cart/{cart}` and `/cart/{id}`: the row that the verdict
    names stands, else the one with more requests.
    """
    found: dict[tuple[str, str], OperationRow] = {}
    for row in rows:
        route = (row.service, route_of(row.operation))
        known = found.get(route)
        if known is None or (row.share_of_bad or 0, row.total or 0) > (known.share_of_bad or 0, known.total or 0):
            found[route] = row
    return list(found.values())


def _added(row: OperationRow) -> float:
    return max(0.0, (row.p99_s or 0) - (row.p99_baseline_s or 0)) if row.p99_baseline_s is not None else 0.0


def _operation_row(
    series: SeriesSet, service: str, operation: str, bad: Window, quiet: tuple[Window, ...], share: float | None
) -> OperationRow:
    failed, total, p99 = (series.get(service, m, operation) for m in ("error_count", "request_count", "latency_p99"))
    failures = int(sum(failed.within(bad).values)) if failed is not None else None
    requests = int(sum(total.within(bad).values)) if total is not None else None
    counted = failed is not None and total is not None
    rate = error_series(series, service, operation) if not counted or not requests else None
    recent_p99 = p99.within(bad) if p99 is not None else None
    measured = rate.within(bad) if rate is not None else None
    observed = (
        failures / requests
        if failures is not None and requests
        else (mean_of(list(measured.values)) if measured else None)
    )
    return OperationRow(
        service,
        operation,
        share,
        failures,
        requests,
        observed,
        _pooled_rate(failed, total, quiet) if failed is not None and total is not None else _normal(rate, quiet),
        median(recent_p99.values) if recent_p99 is not None and len(recent_p99) else None,
        _normal(p99, quiet),
    )


def _pooled_rate(failed: Series, total: Series, quiet: tuple[Window, ...]) -> float | None:
    requests = sum(sum(total.within(stretch).values) for stretch in quiet)
    return sum(sum(failed.within(stretch).values) for stretch in quiet) / requests if requests else None


def operation_trends(
    observations: Observations, diagnosis: Diagnosis | None, service: str, operation: str, axis: Axis
) -> tuple[Trend, Trend, Trend]:
    """Errors, p99 and traffic of one operation on the axis."""
    series, quiet = observations.series, quiet_windows(axis.window, diagnosis)
    open_signals = {
        s.signal for s in (diagnosis.symptoms if diagnosis else ()) if (s.service, s.operation) == (service, operation)
    }
    return (
        trend_of(error_series(series, service, operation), "ratio", axis, quiet, max, "error_rate" in open_signals),
        replace(
            trend_of(
                series.get(service, "latency_p99", operation), "s", axis, quiet, max, "latency_p99" in open_signals
            ),
            samples=requests_behind(series, service, operation, axis.window),
        ),
        trend_of(rate_series(series, service, operation), "1/s", axis, quiet, mean_of, "traffic" in open_signals),
    )


def signals_view(
    observations: Observations, diagnosis: Diagnosis | None, window: Window, status: Status
) -> SignalsView:
    """The signals pane. Services in trouble first, then as configured; the order changes only with the verdict."""
    axis = axis_of(window, diagnosis)
    names = [service.name for service in observations.topology.services]
    dependencies = {d.name for d in observations.topology.dependencies}
    names += [n for n in observations.series.services() if n not in names and n not in dependencies]
    missing = READING if status.word is Word.LOADING else NO_SOURCE
    if status.word in (Word.DOWN, Word.PARTIAL, Word.LOADING) and status.detail:
        missing = status.detail
    rows = [service_row(observations, name, axis, diagnosis, missing) for name in names]
    troubled = (State.INCIDENT, State.DEGRADING)
    rows.sort(key=lambda row: (troubled.index(row.state) if row.state in troubled else 2, names.index(row.name)))
    return SignalsView(axis, tuple(rows), operation_rows(observations, window, diagnosis), status)


def suspects_view(diagnosis: Diagnosis | None, status: Status, problem: SafeText | None = None) -> SuspectsView:
    """The suspects pane; where there is none it says whether that is good news, or the `problem` that kept it from being
    known.
    """
    if diagnosis is None:
        return SuspectsView((), problem or SafeText(NOT_JUDGED), status)
    reasons = {
        State.HEALTHY: "nothing is wrong, so nobody is suspected",
        State.RECOVERING: "recovering; no suspect left standing",
        State.INCONCLUSIVE: "the data cannot carry a verdict: see the header",
    }
    reason = reasons.get(diagnosis.state, "no evidence points at anything yet")
    if is_watching(diagnosis):
        reason = "a signal left its level: nobody is suspected until that is an incident"
    if diagnosis.state in (State.INCIDENT, State.DEGRADING) and diagnosis.change_explains is False:
        reason = f"0 of {len(diagnosis.changes)} changes can explain this, and no other cause has evidence"
    return SuspectsView(diagnosis.suspects, SafeText(reason), status)


def changes_view(observations: Observations, diagnosis: Diagnosis | None, status: Status) -> ChangesView:
    """The change timeline, newest first."""
    asked = [s for s in observations.sources if s.role in CHANGE_ROLES]
    failed = [s.name for s in asked if s.state.value in ("failed", "not_consulted")]
    consulted = ", ".join(s.name for s in asked if s.name not in failed)
    coverage = f"consulted: {consulted}" if consulted else ""
    if failed:
        coverage += ("; " if coverage else "") + f"not consulted: {', '.join(failed)}"
    empty = "" if asked else 'no change source: add repository = "…" to a [[service]], or [[changes]]'
    if asked and not (diagnosis and diagnosis.changes):
        empty = "no change in reach" if diagnosis is not None else NOT_JUDGED
    judged = diagnosis.changes if diagnosis is not None else ()
    return ChangesView(
        tuple(sorted(judged, key=lambda c: -c.at)),
        diagnosis.running if diagnosis is not None else observations.running,
        diagnosis.onset if diagnosis is not None else None,
        SafeText(coverage),
        SafeText(empty),
        status,
        SafeText(_changes_heading(observations, diagnosis)),
        diagnosis.onset_error_s if diagnosis is not None else None,
    )


def _changes_heading(observations: Observations, diagnosis: Diagnosis | None) -> str:
    """`0 of 6 changes can explain this; feature flags were not consulted`, and which source did not tell all it knows."""
    if diagnosis is None:
        return ""
    asked = [s for s in observations.sources if s.role in CHANGE_ROLES]
    count = len(diagnosis.changes)
    able = sum(change.standing in (Standing.LEADING, Standing.POSSIBLE) for change in diagnosis.changes)
    said = f"{count} change{'s' if count != 1 else ''} in reach"
    if diagnosis.onset is not None and diagnosis.state in (State.INCIDENT, State.DEGRADING, State.RECOVERING):
        said = f"{able} of {count} change{'s' if count != 1 else ''} can explain this"
    if missing := not_consulted(asked):
        said += f"; {' and '.join(missing)} were not consulted"
    if partial := [s.name for s in asked if s.state.value == "partial"]:
        said += f"; {', '.join(partial)} did not tell all"
    return said


_WORST_FIRST = {Health.DOWN: 0, Health.DEGRADED: 1, Health.UNKNOWN: 2, Health.HEALTHY: 3}


def upstreams_view(
    diagnosis: Diagnosis | None, probes: tuple[ProbeResult, ...], now: Instant, status: Status
) -> UpstreamsView:
    """Dependencies, worst first; within a state as configured."""
    if diagnosis is None:
        return UpstreamsView((), SafeText(NOT_JUDGED), status)
    rows = [
        UpstreamRow(
            state,
            age_step(now - state.checked_at) if state.checked_at is not None else None,
            tuple(probe for probe in probes if probe.name == state.name),
        )
        for state in diagnosis.dependencies
    ]
    order = {row.state.name: place for place, row in enumerate(rows)}
    rows.sort(key=lambda row: (_WORST_FIRST[row.state.health], order[row.state.name]))
    empty = "" if rows else "no dependency configured: add [[dependency]] with a probe, or depends_on"
    return UpstreamsView(tuple(rows), SafeText(empty), status)


def quantity(value: float | None, unit: str) -> str:
    """A number in words for a sentence: `8.4 %`, `2.4 s`, `48/s`, `61 MiB`; unknown is `unknown`."""
    if value is None:
        return "unknown"
    if unit == "ratio":
        return f"{value * 100:.2g} %" if value < 0.1 else f"{value * 100:.0f} %"
    if unit == "s":
        return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"
    if unit == "1/s":
        return f"{value:.3g}/s"
    if unit == "bytes":
        return f"{value / 2**20:.0f} MiB" if value < 2**30 else f"{value / 2**30:.1f} GiB"
    return f"{value:.3g}"


def header_view(
    diagnosis: Diagnosis | None, now: Instant, window_text: str, status: Status, worst: Symptom | None = None
) -> HeaderView:
    """The worst signal in words, and the verdict in one sentence.

    Args:
        diagnosis: The newest; None before the first.
        now: What the ages are counted from.
        window_text: The window in words.
        status: Of all sources together.
        worst: The symptom to tell, of this diagnosis; None: `worst_symptom`'s.
    """
    if diagnosis is None:
        return HeaderView(headline=SafeText(READING), window_text=window_text, now=now, status=status)
    headline, verdict = _headline(diagnosis, worst or worst_symptom(diagnosis)), _verdict(diagnosis)
    watched = is_watching(diagnosis)
    return HeaderView(
        diagnosis.state,
        SafeText(headline),
        min((s.onset for s in diagnosis.symptoms if s.end is None and s.onset is not None), default=None)
        if watched
        else diagnosis.onset,
        SafeText(verdict),
        window_text,
        now,
        status,
        since_error_s=diagnosis.onset_error_s,
        watching=watched,
    )


def is_watching(diagnosis: Diagnosis) -> bool:
    """Whether signals left their level while the verdict is that nothing is wrong: marks and word then say the same."""
    return diagnosis.state is State.HEALTHY and any(s.end is None for s in diagnosis.symptoms)


def worst_symptom(diagnosis: Diagnosis, shown: Symptom | None = None) -> Symptom | None:
    """The one for the headline: failures before slowness before the rest; of equals, the larger share, then the operation.

    Args:
        diagnosis: Whose symptoms they are.
        shown: What stood there before. It stays while no other is clearly worse, or tells the operation where it told only
            the service: a headline that changes its place with every request that fails reads as news.
    """
    open_ones = [s for s in diagnosis.symptoms if s.end is None] or list(diagnosis.symptoms)
    if not open_ones:
        return None
    order = {signal: place for place, signal in enumerate(HEADLINE_SIGNALS)}
    first = min(order.get(s.signal, len(order)) for s in open_ones)
    same = [s for s in open_ones if order.get(s.signal, len(order)) == first]
    most = max(s.share_of_bad or 0.0 for s in same)
    leading = [s for s in same if (s.share_of_bad or 0.0) >= 0.9 * most]
    best = next((s for s in leading if s.operation), leading[0])
    kept = [s for s in same if shown and _place(s) == _place(shown) and (s.share_of_bad or 0.0) >= STAYS * most]
    closer = bool(kept) and kept[0].operation is None and best.operation is not None
    return kept[0] if kept and not closer else best


def _place(symptom: Symptom) -> tuple[str, str | None, str]:
    return symptom.service, symptom.operation, symptom.signal


def _headline(diagnosis: Diagnosis, worst: Symptom | None) -> str:
    if worst is None:
        return diagnosis.summary
    what = f"{worst.service} · {worst.operation}" if worst.operation else worst.service
    template = HEADLINE_SIGNALS.get(worst.signal, "{what} {now} (was {was})")
    return template.format(
        what=what, now=quantity(worst.observed, worst.unit), was=quantity(worst.baseline, worst.unit)
    )


def _verdict(diagnosis: Diagnosis) -> str:
    if is_watching(diagnosis):
        return "; ".join(part for part in (UNSETTLED, _yet_unwell(diagnosis)) if part)
    lead = next((s for s in diagnosis.suspects if s.standing is not Standing.UNLIKELY), None)
    if lead is not None:
        return lead.summary
    return diagnosis.summary if diagnosis.symptoms else _explained(diagnosis)


def _explained(diagnosis: Diagnosis) -> str:
    if diagnosis.change_explains is False:
        return f"0 of {len(diagnosis.changes)} changes explain it"
    quiet = diagnosis.baseline[0] if diagnosis.baseline else None
    compared = f"compared with {quiet.why} ({span_text(quiet.window.seconds)})" if quiet is not None else ""
    return "; ".join(part for part in (_yet_unwell(diagnosis), compared) if part)


def _yet_unwell(diagnosis: Diagnosis) -> str:
    """What answers badly while no signal has left its level so far: who looks must not read well from top to bottom."""
    unwell = [d for d in diagnosis.dependencies if d.health in (Health.DOWN, Health.DEGRADED)]
    if not unwell:
        return ""
    first, *others = sorted(unwell, key=lambda d: _WORST_FIRST[d.health])
    more = f"{others[0].name} {others[0].health}" if len(others) == 1 else f"{len(others)} more"
    return f"yet {first.name} is {first.health}" + (f" and {more}" if others else "")
