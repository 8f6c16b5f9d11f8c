"""What a case remembers at a moment, put together from the states that consoles kept in it: so that drill-downs of a replay are
answered by the same functions as live ones. What was on no screen is not known, and said to be so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from console.domain.diagnosis import Diagnosis
from console.domain.instant import Instant, Window
from console.domain.logs import LogRecord, record_id
from console.domain.observations import Observations
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.topology import Dependency, Service, Topology
from console.domain.values import dataclass
from console.live.seen import Frame
from console.query.evaluate import compile_query
from console.query.parse import parse
from console.state import Axis, ConsoleState, ServiceRow, Trend

MOST_LOADED = 60
"""States that are read for one moment beside the newest, in even steps."""
SOURCE = "recording"
OF_SERVICE = {
    "errors": "error_rate",
    "p50": "latency_p50",
    "p95": "latency_p95",
    "p99": "latency_p99",
    "traffic": "request_rate",
    "memory": "memory_bytes",
}
"""Which metric the trends of a service's row are."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """Everything that was on the screens by a moment."""

    state: ConsoleState
    """The newest."""
    observations: Observations
    records: tuple[LogRecord, ...]
    """Log lines, oldest first; each once."""

    @property
    def diagnosis(self) -> Diagnosis | None:
        """As it was then."""
        return self.state.diagnosis

    def matching(self, query_text: str, window: Window | None = None) -> list[LogRecord]:
        """The lines that match a query, of a stretch or all.

        Raises:
            QueryError: The text is no query.
        """
        query = parse(query_text) if query_text.strip() else None
        matches = compile_query(query).matches
        inside = (r for r in self.records if window is None or (r.at is not None and r.at in window))
        return [record for record in inside if matches(record)]


def recall(found: Sequence[Frame], at: Instant, load: Callable[[Frame], ConsoleState] = Frame.load) -> Recalled | None:
    """What the states by then add up to; None where there is none, or none can be read.

    Args:
        load: Reads a state; raises as `Frame.load`.
    """
    chosen = _thinned([frame for frame in found if frame.at <= at])
    states: list[ConsoleState] = []
    for frame in reversed(chosen):
        try:
            states.append(load(frame))
        except (OSError, ValueError):
            continue  # a state that cannot be read tells nothing; the moment itself says so on the screen
    if not states:
        return None
    newest = states[0]
    return Recalled(newest, _observations(states), _records(states))


def _thinned(frames: list[Frame]) -> list[Frame]:
    """Every so many from the first on, so that a moment later asks for the same ones; and the newest."""
    if not frames:
        return []
    stride = -(-len(frames) // MOST_LOADED)
    return [*frames[:-1:stride], frames[-1]]


def _observations(states: Sequence[ConsoleState]) -> Observations:
    """Series, probes and names as the screens showed them.

    Args:
        states: The newest first.
    """
    newest = states[0]
    series = SeriesSet.of(_series(states))
    start = min((one.times[0] for one in series), default=newest.window.start)
    services = [row.name for row in newest.signals.services] if newest.signals is not None else []
    needed = [
        Dependency(row.state.name, row.state.kind) for row in newest.upstreams.rows if row.state.kind != "service"
    ]
    return Observations(
        newest.now,
        newest.window,
        Window(min(start, newest.window.start), newest.now),
        Topology(tuple(Service(name) for name in services), tuple(needed)),
        series,
        running=newest.changes.running,
        probes=tuple(probe for row in newest.upstreams.rows for probe in row.probes),
        sources=newest.diagnosis.sources if newest.diagnosis is not None else (),
    )


def _series(states: Sequence[ConsoleState]) -> list[Series]:
    """Of services from the graphs, each moment from the newest that shows it; of operations a value for each state."""
    found: dict[SeriesKey, dict[Instant, float]] = {}
    covered: dict[SeriesKey, Instant] = {}
    for state in states:
        if state.signals is None:
            continue
        axis = state.signals.axis
        for row in state.signals.services:
            for key, trend in _trends(row):
                end = covered.get(key, float("inf"))
                found.setdefault(key, {}).update((at, value) for at, value in _points(trend, axis) if at <= end)
                covered[key] = min(end, axis.window.start)
        for one in state.signals.operations:
            for metric, value in (("error_rate", one.error_rate), ("latency_p99", one.p99_s)):
                if value is not None:
                    found.setdefault(SeriesKey(one.service, one.operation, metric), {})[state.now] = value
    return [Series.of(key, sorted(points.items()), SOURCE) for key, points in found.items()]


def _trends(row: ServiceRow) -> Iterable[tuple[SeriesKey, Trend]]:
    for name, metric in OF_SERVICE.items():
        trend = getattr(row, name)
        if trend is not None:
            yield SeriesKey(row.name, "", metric), trend


def _points(trend: Trend, axis: Axis) -> Iterable[tuple[Instant, float]]:
    """A value stands for the step that ends at its time."""
    for n, value in enumerate(trend.points):
        if value is not None:
            yield axis.window.start + axis.step_s * (n + 1), value


def _records(states: Sequence[ConsoleState]) -> tuple[LogRecord, ...]:
    known = {record_id(record): record for state in states for record in state.logs.records}
    return tuple(sorted(known.values(), key=lambda record: record.at or 0.0))
