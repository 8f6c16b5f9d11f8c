"""What is kept of a selected thing as evidence: its claim, where it was seen, what finds it again, the stretch, its numbers. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from console.case import entries
from console.case.events import Draft, Event
from console.domain.diagnosis import Diagnosis, Evidence, JudgedChange, Suspect, Symptom
from console.domain.instant import Instant, Window, rfc3339
from console.domain.logs import FieldValue, LogRecord, Pattern
from console.live.details import quoted
from console.live.repeat import Repeat
from console.query.about import lines_of
from console.report.snapshot import Line, drafts_of, quantity
from console.state import ConsoleState, OperationRow, ServiceRow, TreeRow, Trend, UpstreamRow

KEEPABLE = (
    LogRecord,
    Pattern,
    Suspect,
    Evidence,
    JudgedChange,
    ServiceRow,
    OperationRow,
    UpstreamRow,
    TreeRow,
    FieldValue,
    Event,
)
"""What can be kept as evidence."""
TREND_OF = {
    "error_rate": "errors",
    "latency_p50": "p50",
    "latency_p95": "p95",
    "latency_p99": "p99",
    "traffic": "traffic",
    "memory": "memory",
}
"""Which trend of a service's row a signal is."""


def draft_of(item: object, state: ConsoleState, repeat: Repeat, case_id: str = "") -> Draft | None:
    """The evidence that a selected thing is; None where it is none."""
    window = state.window
    match item:
        case LogRecord():
            around = Window(item.at - 1, item.at + 1) if item.at is not None else window
            return entries.of_record(item, _logs(_words(item.message), around), around)
        case Pattern(template=template, service=service, count=count):
            claim = f"{service or 'a service'}: {count} lines {template} ({item.status}; {item.baseline_count} before)"
            return entries.evidence(
                claim,
                kind="log",
                source="logs",
                query=_logs(lines_of(item), window),
                window=window,
                excerpt=item.example or template,
                samples=count,
            )
        case Event():
            return entries.of_entry(item, case_id)
        case Evidence():
            return entries.of_evidence(item, repeat.command(item))
        case Suspect(subject=subject, summary=summary):
            told = "\n".join(f"{'for' if e.supports else 'against'}: {e.claim}" for e in item.evidence)
            claim = f"{item.standing} suspect {item.kind} {subject}: {summary}"
            return entries.evidence(
                claim,
                kind="diagnosis",
                source="diagnosis",
                query=_diagnose(state),
                window=window,
                excerpt=told,
                fact=False,
            )
        case JudgedChange(id=change_id, service=service):
            claim = f"{item.kind} {change_id}{f' of {service}' if service else ''} at {rfc3339(item.at)}: {item.standing}, {item.reason}"
            return entries.evidence(
                claim,
                kind="change",
                source="changes",
                query=f"incident changes --since {rfc3339(item.at - 60)} --until {rfc3339(item.at + 60)}",
                window=Window(item.at, item.at),
                occurred_at=item.at,
            )
        case ServiceRow():
            return _service(item, state)
        case OperationRow():
            rate, before = quantity(item.error_rate, "ratio"), quantity(item.error_baseline, "ratio")
            claim = f"{item.service} {item.operation}: {rate} of requests fail ({before} before), p99 {quantity(item.p99_s, 's')} ({quantity(item.p99_baseline_s, 's')} before)"
            return entries.evidence(
                claim, kind="metric", source="signals", query=_diagnose(state), window=window, samples=item.total
            )
        case UpstreamRow(state=known):
            claim = f"{known.kind} {known.name} is {known.health} ({known.evidence}){f': {known.detail}' if known.detail else ''}"
            probes = "\n".join(f"{rfc3339(p.at)} {p.health} {p.detail}" for p in item.probes[-10:])
            return entries.evidence(
                claim, kind="note", source="upstreams", query="incident health", window=window, excerpt=probes
            )
        case TreeRow():
            claim = f"{item.name} is {item.health}: error rate {quantity(item.error_rate, 'ratio')}, p95 {quantity(item.latency_p95_s, 's')} (by {item.by})"
            return entries.evidence(claim, kind="trace", source="dependencies", query=_diagnose(state), window=window)
        case FieldValue(name=name, value=value):
            return entries.evidence(
                f"{name} is {value}",
                kind="log",
                source="logs",
                query=_logs(f"{name}:{quoted(value)}", window),
                window=window,
            )
    return None


def _service(row: ServiceRow, state: ConsoleState) -> Draft:
    """A service's signals now, with the points of the one that is bad, else of its failures."""
    told = [
        f"{name} {quantity(trend.last, trend.unit)} ({quantity(trend.baseline, trend.unit)} before)"
        for name, trend in (("errors", row.errors), ("p99", row.p99), ("traffic", row.traffic))
    ]
    trend = next((one for one in (row.errors, row.p99, row.p95, row.traffic) if one.bad), row.errors)
    return entries.evidence(
        f"{row.name}: {', '.join(told)}", kind="metric", source="signals", query=_diagnose(state), window=state.window,
        points=_points(trend, state), unit=trend.unit, samples=trend.samples,
    )  # fmt: skip


def _points(trend: Trend, state: ConsoleState) -> Sequence[tuple[Instant, float | None]]:
    if state.signals is None:
        return ()
    axis = state.signals.axis
    return [(axis.window.start + axis.step_s * n, value) for n, value in enumerate(trend.points)]


def snapshot_of(diagnosis: Diagnosis, state: ConsoleState, repeat: Repeat) -> list[Draft]:
    """The diagnosis on the screen, with its symptoms and claims as evidence."""
    rows = {row.name: row for row in (state.signals.services if state.signals is not None else ())}

    def line(symptom: Symptom) -> Line:
        row = rows.get(symptom.service)
        trend = (
            getattr(row, TREND_OF.get(symptom.signal, ""), None) if row is not None and not symptom.operation else None
        )
        return Line(_points(trend, state), "signals") if isinstance(trend, Trend) else Line()

    return drafts_of(diagnosis, line, repeat.command)


def _words(message: str) -> str:
    """A query that finds lines like this one: its first words, literally."""
    return quoted(message[:80])


def _logs(query: str, window: Window) -> str:
    return f"incident logs {shlex.quote(query)} --since {rfc3339(window.start)} --until {rfc3339(window.end)}"


def _diagnose(state: ConsoleState) -> str:
    return f"incident diagnose --at {rfc3339(state.window.end)} --since {rfc3339(state.window.start)}"
