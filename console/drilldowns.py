"""Makes the values that drill-downs show out of observations and a diagnosis: what is too much to send with every state."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from statistics import median

from console.analysis.leak import Leak, envelope, find_leak, segments
from console.analysis.load import POOL_FULL
from console.analysis.loadcurve import load_curve, sentence
from console.analysis.restarts import find_restarts
from console.analysis.signals import Family
from console.analysis.stats import samples_needed
from console.analysis.tracks import Track, build_tracks
from console.domain.diagnosis import Diagnosis, GraphCall, JudgedChange, Standing, State
from console.domain.instant import Instant, Window, clock_text, span_text
from console.domain.logs import LogCounts
from console.domain.observations import Observations
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.text import SafeText
from console.domain.topology import DependencyState, Health
from console.state import (
    Axis,
    BeforeAfter,
    BeforeAfterRow,
    LoadView,
    Marker,
    MemoryView,
    News,
    TreeRow,
    TreeView,
    Trend,
)
from console.views import (
    axis_of,
    axis_step,
    error_series,
    mean_of,
    quantity,
    quiet_windows,
    rate_series,
    rebin,
    requests_behind,
    trend_of,
    worst_symptom,
)

PERCENTILES = {"latency_p50": 0.5, "latency_p90": 0.9, "latency_p95": 0.95, "latency_p99": 0.99}
SIDE_S = 1800.0
"""How much before and after a change is compared, at most."""
LEAST_SIDE_S = 60.0
SHOWN_OPERATIONS = 4
SHOWN_SERVICES = 3
HINTED = "logs"
"""How a call is known that a log line only hints at."""
MOST_ROWS = 300
"""Rows of a tree; what is beyond is counted."""
EDGE = 1e-6
"""A point stands for the interval that ends at it."""
LOAD_SIGNALS = ("latency_p99", "latency_p95", "latency_p90", "latency_p50", "latency_avg")
MOST_POINTS = 600
"""Points of each side of a scatter; more would hide each other."""
LIMIT_SHOWN = 1.05
"""A forecast is drawn up to this much of the limit: nothing grows beyond it."""
AHEAD = 0.5
"""The memory chart reaches this part of its past into the future, at most."""
NEWS_KEPT = 60
SHORT = {"error_rate": "errors", "latency_avg": "mean latency", "request_rate": "traffic"}


def _signal_text(metric: str) -> str:
    return SHORT.get(metric, metric.removeprefix("latency_").replace("_", " "))


# -- one series -------------------------------------------------------------------------------------------------------


def series_trend(observations: Observations, diagnosis: Diagnosis | None, key: SeriesKey, axis: Axis) -> Trend | None:
    """One series on the axis; None where no source tells it. Ratios and rates are made from counts where there are some."""
    quiet, found = (
        quiet_windows(axis.window, diagnosis),
        observations.series.get(key.service, key.metric, key.operation),
    )
    if key.metric in ("error_rate", "error_count", "availability"):
        found = error_series(observations.series, key.service, key.operation) or found
    elif key.metric in ("request_count", "request_rate"):
        found = rate_series(observations.series, key.service, key.operation) or found
    if found is None:
        return None
    signal = {"request_count": "traffic", "request_rate": "traffic", "error_count": "error_rate"}.get(key.metric)
    signal = signal or ("memory" if found.unit == "bytes" else key.metric)
    bad = any(
        (s.service, s.operation or "", s.signal) == (key.service, key.operation, signal) and s.end is None
        for s in (diagnosis.symptoms if diagnosis is not None else ())
    )
    unit = {"traffic": "1/s", "error_rate": "ratio", "availability": "ratio"}.get(signal, found.unit or "count")
    trend = trend_of(found, unit, axis, quiet, mean_of if unit == "1/s" else max, bad)
    if key.metric not in PERCENTILES:
        return trend
    return replace(trend, samples=requests_behind(observations.series, key.service, key.operation, axis.window))


def line_trend(counts: Iterable[LogCounts], axis: Axis, quiet: Iterable[Window]) -> Trend:
    """How many log lines there were in each step of the axis."""
    size = max(1, math.ceil(axis.window.seconds / axis.step_s))
    bins = [0.0] * size
    for one in counts:
        for place, levels in enumerate(one.buckets):
            at = int((one.start + place * one.step_s - axis.window.start) // axis.step_s)
            if 0 <= at < size:
                bins[at] += sum(levels.values())
    calm = [
        value
        for place, value in enumerate(bins)
        if any(axis.window.start + place * axis.step_s in stretch for stretch in quiet)
    ]
    complete = bins[:-1] or bins
    return Trend("count", complete[-1], max(bins), median(calm) if calm else None, tuple(bins))


# -- before and after a change ----------------------------------------------------------------------------------------


def before_after(
    observations: Observations, diagnosis: Diagnosis | None, change: JudgedChange, now: Instant
) -> tuple[BeforeAfter, ...]:
    """What a change touched, before and after it: its service and the worst of its operations.

    A change of no one service is compared by the services in trouble. Empty where it is too young, or nothing is measured.
    """
    length = min(SIDE_S, now - change.at)
    if length < LEAST_SIDE_S:
        return ()
    after = Window(change.at + EDGE, change.at + length + EDGE)
    before = Window(change.at - SIDE_S + EDGE, change.at + EDGE)
    open_ones = [s for s in (diagnosis.symptoms if diagnosis is not None else ()) if s.end is None]
    services = [change.service] if change.service else list(dict.fromkeys(s.service for s in open_ones))
    series = observations.series
    found = []
    for service in services[:SHOWN_SERVICES]:
        bad = list(dict.fromkeys(s.operation for s in open_ones if s.service == service and s.operation))
        busy = sorted(series.operations(service), key=lambda o: -_requests(series, service, o, after))
        for operation in ["", *dict.fromkeys([*bad, *busy])][: SHOWN_OPERATIONS + 1]:
            rows = tuple(_both_sides(series, service, operation, before, after))
            if any(row.before is not None or row.after is not None for row in rows):
                found.append(BeforeAfter(service, operation, before, after, rows))
    return tuple(found)


def _requests(series: SeriesSet, service: str, operation: str, window: Window) -> float:
    counts = series.get(service, "request_count", operation)
    if counts is not None:
        return sum(counts.within(window).values)
    rate = series.get(service, "request_rate", operation)
    return sum(rate.within(window).values) * (rate.step_s() or 0.0) if rate is not None else 0.0


def _both_sides(
    series: SeriesSet, service: str, operation: str, before: Window, after: Window
) -> Iterable[BeforeAfterRow]:
    n = [round(_requests(series, service, operation, side)) or None for side in (before, after)]
    errors = [_failed_share(series, service, operation, side) for side in (before, after)]
    yield BeforeAfterRow("errors", "ratio", errors[0], errors[1], n[0], n[1])
    for metric, q in PERCENTILES.items():
        one = series.get(service, metric, operation)
        if one is not None:
            values = [_median(one, side) for side in (before, after)]
            yield BeforeAfterRow(_signal_text(metric), "s", values[0], values[1], n[0], n[1], samples_needed(q))
    rate = rate_series(series, service, operation)
    if rate is not None:
        rates = [_mean_within(rate, side) for side in (before, after)]
        yield BeforeAfterRow("traffic", "1/s", rates[0], rates[1], n[0], n[1])


def _failed_share(series: SeriesSet, service: str, operation: str, side: Window) -> float | None:
    failed, total = (series.get(service, name, operation) for name in ("error_count", "request_count"))
    if failed is not None and total is not None:
        requests = sum(total.within(side).values)
        return min(1.0, sum(failed.within(side).values) / requests) if requests else None
    measured = error_series(series, service, operation)
    return _mean_within(measured, side) if measured is not None else None


def _median(one: Series, side: Window) -> float | None:
    values = one.within(side).values
    return median(values) if values else None


def _mean_within(one: Series, side: Window) -> float | None:
    values = list(one.within(side).values)
    return mean_of(values) if values else None


# -- the tree of calls ------------------------------------------------------------------------------------------------


def dependency_tree(observations: Observations, diagnosis: Diagnosis) -> TreeView:
    """The calls as a tree, worst branches first; what the affected service does not reach hangs below it by itself."""
    return _Tree(observations, diagnosis).view()


class _Tree:
    """Walks the graph once; a node that calls back into its own path ends there, and one that was shown is not shown again."""

    def __init__(self, observations: Observations, diagnosis: Diagnosis) -> None:
        self._diagnosis = diagnosis
        topology = observations.topology
        self._calls: dict[str, list[GraphCall]] = {}
        for call in diagnosis.calls:
            self._calls.setdefault(call.caller, []).append(call)
        self._states = {state.name: state for state in diagnosis.dependencies}
        self._kinds = {s.name: "service" for s in topology.services} | {d.name: d.kind for d in topology.dependencies}
        self._configured = set(self._kinds)
        self._measured = set(observations.series.services())
        self._names = [s.name for s in topology.services] + [d.name for d in topology.dependencies]
        self._names += [n for c in diagnosis.calls for n in (c.caller, c.callee) if n not in self._names]
        self._names += sorted(self._measured - set(self._names))
        self._names = list(dict.fromkeys(self._names))
        self._share: dict[str, float] = {}
        for excess in reversed(diagnosis.excess):
            self._share[excess.service] = max(excess.share, self._share.get(excess.service, 0.0))
        self._since: dict[str, Instant] = {}
        for symptom in diagnosis.symptoms:
            if symptom.onset is not None and symptom.end is None:
                self._since[symptom.service] = min(symptom.onset, self._since.get(symptom.service, symptom.onset))
        self._standings = {s.service: s.standing for s in reversed(diagnosis.suspects) if s.service}
        self._probes = {probe.name: probe for probe in sorted(observations.probes, key=lambda p: p.at)}
        self._rows: list[TreeRow] = []
        self._shown: set[str] = set()
        self._cycles: list[str] = []
        self._path: tuple[str, ...] = ()

    def view(self) -> TreeView:
        """All of it."""
        roots = self._roots()
        lead = next((s.service for s in self._diagnosis.suspects if s.service), None)
        self._path = self._between(roots[0], lead) if roots and lead else ()
        for root in roots:
            if root not in self._shown:
                self._walk(root, None, (), "", "")
        rows, hidden = self._rows[:MOST_ROWS], len(self._rows) - MOST_ROWS
        notes = [f"cycle: {text}" for text in dict.fromkeys(self._cycles)]
        unknown = [n for n in self._names if n not in self._configured]
        if unknown:
            notes.append(f"not configured, known from calls or measurements alone: {', '.join(unknown)}")
        if hidden > 0:
            notes.append(f"{hidden} more rows are not shown")
        return TreeView(tuple(rows), SafeText(self._heading(roots)), tuple(SafeText(note) for note in notes))

    def _heading(self, roots: list[str]) -> str:
        if not roots:
            return "no service and no dependency is known"
        if self._diagnosis.state is State.HEALTHY:
            return "nothing is wrong: every service with what it calls"
        callers = sorted({c.caller for c in self._diagnosis.calls if c.callee == roots[0]})
        called = f", which {', '.join(callers)} call{'s' if len(callers) == 1 else ''}" if callers else ""
        return f"from {roots[0]}{called}; share: what each added itself to what went wrong"

    def _roots(self) -> list[str]:
        """The affected service, or above it whoever calls it and is affected; then what nobody calls; then the rest."""
        called = {c.callee for c in self._diagnosis.calls}
        worst = worst_symptom(self._diagnosis)
        first = [self._top(worst.service)] if worst is not None and worst.end is None else []
        free = [n for n in self._names if n not in called]
        return list(dict.fromkeys([*first, *free, *self._names]))

    def _top(self, name: str) -> str:
        seen = {name}
        while True:
            above = [
                c.caller
                for c in self._diagnosis.calls
                if c.callee == name and c.caller in self._since and c.caller not in seen
            ]
            if not above:
                return name
            name = min(above, key=lambda n: self._since[n])
            seen.add(name)

    def _between(self, start: str, end: str) -> tuple[str, ...]:
        """The nodes on a shortest way through the calls; by way of calls that only logs hint at where there is no other."""
        for hints in (False, True):
            before: dict[str, str | None] = {start: None}
            order = [start]
            for node in order:
                for call in self._calls.get(node, ()):
                    if call.callee not in before and (hints or call.told_by != HINTED):
                        before[call.callee] = node
                        order.append(call.callee)
            if end in before:
                return self._way(before, end)
        return (end,)

    @staticmethod
    def _way(before: dict[str, str | None], end: str) -> tuple[str, ...]:
        found, above = [end], before[end]
        while above is not None:
            found.append(above)
            above = before[above]
        return tuple(reversed(found))

    def _walk(self, name: str, call: GraphCall | None, above: tuple[str, ...], lead: str, branch: str) -> None:
        again = name in above
        shown = name in self._shown and not again and bool(self._calls.get(name))
        if again:
            self._cycles.append(" → ".join((*above[above.index(name) :], name)))
        note = "a cycle" if again else "shown above" if shown else self._known(name)
        self._rows.append(self._row(name, call, above, f"{lead}{branch}", note))
        if again or shown or len(self._rows) > 2 * MOST_ROWS:
            return
        self._shown.add(name)
        below = sorted(
            self._calls.get(name, ()),
            key=lambda c: (c.told_by == HINTED, -self._share.get(c.callee, 0.0), self._names.index(c.callee)),
        )
        deeper = lead + {"": "", "├─ ": "│  ", "└─ ": "   "}[branch]
        for place, one in enumerate(below):
            self._walk(one.callee, one, (*above, name), deeper, "└─ " if place == len(below) - 1 else "├─ ")

    def _known(self, name: str) -> str:
        if name not in self._configured:
            return "not configured"
        if name not in self._measured and name not in self._probes and name not in self._states:
            return "not measured"
        return ""

    def _row(self, name: str, call: GraphCall | None, above: tuple[str, ...], trunk: str, note: str) -> TreeRow:
        state = self._states.get(name) or self._own(name)
        return TreeRow(
            name,
            "›".join((*above, name)),
            trunk,
            self._kinds.get(name, "unknown"),
            state.health,
            state.evidence,
            self._share.get(name),
            state.error_rate,
            state.latency_p95_s,
            call,
            self._probes.get(name),
            self._since.get(name),
            self._standings.get(name),
            (*above, name) == self._path[: len(above) + 1],
            SafeText(note),
        )

    def _own(self, name: str) -> DependencyState:
        """The state of a service that nobody calls: by its own symptoms."""
        known = name in self._measured
        health = Health.DEGRADED if name in self._since else Health.HEALTHY if known else Health.UNKNOWN
        rates = [
            s for s in self._diagnosis.symptoms if s.service == name and s.signal == "error_rate" and not s.operation
        ]
        rate = rates[0].observed if rates else None
        return DependencyState(name, "service", health, rate, None, "own metrics" if known else "none", None)


# -- load -------------------------------------------------------------------------------------------------------------


def load_view(observations: Observations, diagnosis: Diagnosis | None, service: str) -> LoadView:
    """The signal of the service that is off, else its slowest percentile, against its requests per second."""
    series, at = observations.series, observations.at
    rate = rate_series(series, service)
    if rate is None:
        return LoadView(service, "", "", says=SafeText(f"the requests of {service} are not counted by any source"))
    chosen = _load_signal(series, diagnosis, service)
    if chosen is None:
        return LoadView(service, "", "", says=SafeText(f"no source measures the latency or failures of {service}"))
    metric, signal, unit = chosen
    onset = diagnosis.onset if diagnosis is not None else None
    split = onset if onset is not None else observations.window.start
    curve = load_curve(rate, signal, unit, split, at)
    what = _signal_text(metric)
    number = f"{quantity(curve.load_before, '1/s')} before, {quantity(curve.load_since, '1/s')} since"
    facts = [
        (
            "before",
            f"{len(curve.before)} steps to {clock_text(split)} UTC, median {quantity(curve.load_before, '1/s')}",
        ),
        ("since", f"{len(curve.since)} steps, median {quantity(curve.load_since, '1/s')}"),
        ("knee", quantity(curve.knee, "1/s") if curve.knee is not None else "none found"),
        *_pools(series, service, split, at),
    ]
    return LoadView(
        service,
        what,
        unit,
        curve.before[-MOST_POINTS:],
        curve.since[-MOST_POINTS:],
        curve.knee,
        SafeText(sentence(curve, what, number, quantity(curve.knee, "1/s"))),
        tuple((name, SafeText(value)) for name, value in facts),
    )


def _load_signal(series: SeriesSet, diagnosis: Diagnosis | None, service: str) -> tuple[str, Series, str] | None:
    bad = [
        s.signal for s in (diagnosis.symptoms if diagnosis is not None else ()) if s.service == service and not s.end
    ]
    for metric in (*bad, *LOAD_SIGNALS, "error_rate"):
        if metric == "error_rate":
            found = error_series(series, service)
            if found is not None:
                return metric, found, "ratio"
        elif metric in LOAD_SIGNALS:
            one = series.get(service, metric)
            if one is not None:
                return metric, one, "s"
    return None


def _pools(series: SeriesSet, service: str, split: Instant, at: Instant) -> Iterable[tuple[str, str]]:
    """Bounded resources: how much of each was in use before and is since."""
    for key in sorted(series.by_key):
        if key.service != service or key.operation or not key.metric.endswith(("in_use", "_used", "active")):
            continue
        stem = key.metric.removesuffix("_in_use").removesuffix("_used").removesuffix("_active")
        size = next((s for k, s in series.by_key.items() if k.service == service and k.metric == f"{stem}_size"), None)
        used = series.by_key[key].until(at)
        old, new = (_median(used, Window(a, b)) for a, b in ((0.0, split), (split, math.nextafter(at, math.inf))))
        of = f" of {size.values[-1]:g}" if size is not None and len(size) else ""
        full = size is not None and len(size) and new is not None and new >= POOL_FULL * size.values[-1]
        yield (
            key.metric,
            f"{quantity(new, 'count')}{of} in use since, {quantity(old, 'count')} before{': used up' if full else ''}",
        )


# -- memory -----------------------------------------------------------------------------------------------------------


def memory_view(observations: Observations, diagnosis: Diagnosis | None, service: str) -> MemoryView:
    """The memory of a service: what was used, the stretches between restarts, the growth and where it leads."""
    own = SeriesSet.of([one for one in observations.series if one.key.service == service])
    at, tracks = observations.at, build_tracks(own, observations.at)
    memory = [t for t in tracks.values if t.meaning.family is Family.MEMORY and t.meaning.harm >= 0]
    if not memory:
        return MemoryView(service, says=SafeText(f"no source measures the memory of {service}"))
    track = min(memory, key=lambda t: (t.operation is not None, t.key.metric != "memory_bytes", t.key.metric))
    restarts = [r.at for r in find_restarts(own, at)]
    limits = tracks.limits.get((service, "memory_limit_bytes"))
    limit = float(limits.values[-1]) if limits is not None and len(limits) and limits.values[-1] > 0 else None
    leak = find_leak(track, at, limit, restarts)
    axis = _memory_axis(track, at, leak, diagnosis, restarts)
    series = own.by_key[track.key].until(at)
    points = rebin(series, axis, max)
    known = [p for p in points if p is not None]
    used = Trend(
        "bytes",
        float(track.values[-1]),
        max(known, default=None),
        limit,
        points,
        int(track.times.size),
        leak is not None,
    )
    return MemoryView(
        service,
        axis,
        used,
        _fit(leak, axis, at) if leak is not None else (),
        limit,
        SafeText(_memory_sentence(service, leak, track, at)),
        tuple((name, SafeText(value)) for name, value in _memory_facts(track, leak, limit, restarts, at)),
    )


def _memory_axis(
    track: Track, at: Instant, leak: Leak | None, diagnosis: Diagnosis | None, restarts: list[Instant]
) -> Axis:
    start = float(track.times[0])
    end = at
    if leak is not None:
        span = max(at - start, 600.0)
        end = min(at + AHEAD * span, max(at, leak.latest or math.inf))
    window = Window(start, max(end, start + 60.0))
    own = {c.at for c in (diagnosis.changes if diagnosis is not None else ()) if c.service == track.service}
    markers = [m for m in axis_of(window, diagnosis).markers if m.glyph == "╎" or (m.glyph == "▼" and m.at in own)]
    markers += [Marker(r, "◆", SafeText("restart")) for r in restarts if r in window]
    return Axis(window, axis_step(window), tuple(sorted(markers, key=lambda m: m.at)))


def _fit(leak: Leak, axis: Axis, at: Instant) -> tuple[float | None, ...]:
    """The growth over the stretch that was judged; and from what is used now on, up to the limit, if this continues."""
    per_s, top = leak.per_hour / 3600, leak.limit * LIMIT_SHOWN if leak.limit is not None else math.inf
    count = max(1, math.ceil(axis.window.seconds / axis.step_s))

    def expected(t: Instant) -> float | None:
        if leak.segment.start <= t <= leak.segment.end:
            return leak.start + (t - leak.segment.start) * per_s
        ahead = leak.now + (t - at) * per_s
        return ahead if t >= at and ahead <= top else None

    return tuple(expected(axis.window.start + (place + 1) * axis.step_s) for place in range(count))


def _memory_sentence(service: str, leak: Leak | None, track: Track, at: Instant) -> str:
    if leak is None:
        return f"{service} does not leak by what is known: no stretch grows steadily to the end."
    said = f"{service} has gained {quantity(leak.per_hour, 'bytes')} an hour since {clock_text(leak.since, now=at)} UTC (tau {leak.tau:.2f}, {leak.bins} intervals)"
    if leak.limit is None:
        return f"{said}; no limit is known, so when it runs out cannot be told."
    if leak.earliest is None:
        return f"{said}; the limit is not reached by this."
    between = _between(leak.earliest, leak.latest, at)
    return f"{said}; the limit of {quantity(leak.limit, 'bytes')} is reached {between} if this continues."


def _between(earliest: Instant, latest: Instant | None, at: Instant) -> str:
    """A range in full minutes, rounded outwards: a forecast to the second would be a pretence."""
    first = clock_text(math.floor(earliest / 60) * 60, now=at, seconds=False)
    if latest is None:
        return f"at {first} UTC at the soonest, and perhaps never"
    return f"between {first} and {clock_text(math.floor(latest / 60) * 60 + 60, now=at, seconds=False)} UTC"


def _memory_facts(
    track: Track, leak: Leak | None, limit: float | None, restarts: list[Instant], at: Instant
) -> Iterable[tuple[str, str]]:
    yield "metric", track.key.metric
    yield (
        "used now",
        f"{quantity(float(track.values[-1]), 'bytes')}" + (f" of {quantity(limit, 'bytes')}" if limit else ""),
    )
    if track.times.size >= 2:
        _, low, width = envelope(track.times, track.values, track.step_s)
        stretches = segments(low)
        count = len(stretches)
        last = stretches[-1]
        yield (
            "stretches",
            f"{count} between falls; the last: {span_text((last.stop - last.start) * width)},"
            f" {quantity(float(low[last.start]), 'bytes')} to {quantity(float(low[last.stop - 1]), 'bytes')}",
        )
    yield "restarts", ", ".join(clock_text(r, now=at) for r in restarts[-5:]) or "none on record"
    if leak is not None and leak.earliest is not None:
        soonest = span_text(math.floor((leak.earliest - at) / 60) * 60)
        latest = (
            f"to {span_text(math.floor((leak.latest - at) / 60) * 60 + 60)}" if leak.latest is not None else "or never"
        )
        yield "runs out", f"in {soonest} {latest}, if this continues"


# -- what a new diagnosis says otherwise ------------------------------------------------------------------------------


def news_between(before: Diagnosis | None, after: Diagnosis) -> tuple[News, ...]:
    """What changed, the verdict first. The first diagnosis of all is no news: it is on the screen."""
    if before is None:
        return ()
    return tuple(News(after.at, SafeText(text), verdict) for text, verdict in _differences(before, after))


def _differences(before: Diagnosis, after: Diagnosis) -> Iterable[tuple[str, bool]]:
    if before.state is not after.state:
        yield f"verdict: {after.state.value}, was {before.state.value}", True
    old, new = _lead(before), _lead(after)
    if old != new:
        yield (f"first suspect: {new or 'nobody'}, was {old or 'nobody'}", True)
    stood, stands = ({(s.kind, s.subject): s.standing for s in d.suspects} for d in (before, after))
    for (kind, subject), standing in stands.items():
        if (kind, subject) not in stood:
            yield f"new suspect: {kind.replace('_', ' ')} {subject} ({standing})", False
        elif stood[kind, subject] is not standing:
            yield f"{subject} is {standing} now, was {stood[kind, subject]}", False
    for kind, subject in stood.keys() - stands.keys():
        yield f"no longer suspected: {kind.replace('_', ' ')} {subject}", False
    were, are = ({(s.service, s.operation, s.signal): s for s in d.symptoms if s.end is None} for d in (before, after))
    for place in sorted(are.keys() - were.keys(), key=str):
        yield f"{_symptom_text(place)} went off: {quantity(are[place].observed, are[place].unit)}", False
    for place in sorted(were.keys() - are.keys(), key=str):
        yield f"{_symptom_text(place)} is back", False
    judged = {(c.id, c.service): c.standing for c in before.changes}
    for change in after.changes:
        known = judged.get((change.id, change.service))
        if known is None:
            yield f"new change: {change.kind} {change.id} ({change.standing})", False
        elif known is not change.standing:
            yield f"{change.kind} {change.id} is {change.standing} now, was {known}", False
    health = {d.name: d.health for d in before.dependencies}
    for one in after.dependencies:
        if one.name in health and health[one.name] is not one.health:
            yield f"{one.name} is {one.health} now, was {health[one.name]}", False


def _lead(diagnosis: Diagnosis) -> str:
    return next((s.subject for s in diagnosis.suspects if s.standing is not Standing.UNLIKELY), "")


def _symptom_text(place: tuple[str, str | None, str]) -> str:
    service, operation, signal = place
    return f"{_signal_text(signal)} of {f'{operation} of ' if operation else ''}{service}"
