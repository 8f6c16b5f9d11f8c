"""Where a claim can be looked up again: the configured source that told it, and what to type to see it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from shlex import quote

from console.analysis.moves import Move
from console.domain.changes import COMMIT, Change
from console.domain.instant import Window, rfc3339
from console.domain.logs import LogRecord, Pattern
from console.domain.observations import Observations
from console.domain.series import SeriesKey
from console.domain.topology import ProbeResult
from console.domain.values import dataclass
from console.query.about import lines_of
from console.query.ast import And, FieldTest, Literal, Query
from console.query.text import text_of

COUNTED = {"error_rate": ("error_rate", "error_count", "availability")}
"""What tells a metric that was computed from it, the best first."""
AROUND_S = 60.0
"""A change is shown with what else changed within so many seconds."""


@dataclass(frozen=True, slots=True)
class Way:
    """A source by its name in the answer's list of sources, and a query or command."""

    source: str
    query: str | None
    """None: it was computed, and no one query repeats it."""
    series: SeriesKey | None = None
    """The series that it leads to, where it leads to one."""


@dataclass(frozen=True, slots=True)
class Ways:
    """Finds the way for each kind of claim of one diagnosis."""

    window: Window
    """The stretch that claims are about: since the onset."""
    roles: dict[str, str] = field(default_factory=dict)
    """What each source is for, by name."""
    files: dict[str, str] = field(default_factory=dict)
    """The file that a source reads, where it is one."""
    logs_of: dict[str, str] = field(default_factory=dict)
    """The log source of each service."""
    series: dict[tuple[str, str], list[tuple[str, str, str]]] = field(default_factory=dict)
    """(operation, metric, query) of every series, by service and source."""

    @classmethod
    def of(cls, seen: Observations, records: Iterable[LogRecord], window: Window) -> Ways:
        """The ways of what was seen."""
        roles = {report.name: report.role for report in seen.sources}
        logs_of = {one.key.service: one.source for one in seen.series if roles.get(one.source) == "logs"}
        logs_of |= {record.service: record.source for record in records if record.service and record.source}
        series: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
        for one in seen.series:
            if one.query:
                told = series.setdefault((one.key.service, one.source), [])
                told.append((one.key.operation, one.key.metric, one.query))
        return cls(window, roles, {r.name: r.file for r in seen.sources if r.file}, logs_of, series)

    def move(self, move: Move) -> Way:
        """The series, the lines or the spans that a departure was seen in."""
        role = self.roles.get(move.source, "")
        if move.meaning.signal == "log_errors":
            return self.logs(move.service, FieldTest("level", ">=", "error"))
        if move.meaning.signal == "silence":
            return self._silent(move)
        if role == "traces":
            return self.spans(move.service, move.operation or "")
        return self.metric(move.source, move.service, move.operation or "", move.metric, move.query)

    def _silent(self, move: Move) -> Way:
        """Where somebody was heard before: a source, the lines of a host or job, the runs among the changes, a series."""
        match move.metric:
            case "reports":
                return self.heard(move.source, move.service)
            case "host" | "lines":
                return self.mentions(move.service, max(move.query.split("<*>"), key=len).strip())
            case "cron":
                return Way(move.source, f"incident changes {_stretch(self.window)}")
        return self.metric(move.source, move.service, move.operation or "", move.metric, move.query)

    def heard(self, source: str, service: str) -> Way:
        """What a source tells of a service; any of its series shows when the last point came."""
        if self.roles.get(source) == "logs":
            return Way(source, self._lines(text_of(FieldTest("service", "=", service))))
        operation, metric, query = next(iter(self.series.get((service, source), ())), ("", "", ""))
        return Way(source, query or None, SeriesKey(service, operation, metric) if query else None)

    def served(self, service: str) -> Way:
        """How a service's requests end, by whatever source tells of them."""
        for metric in ("error_rate", "error_count", "availability"):
            for (owner, source), told in self.series.items():
                if owner == service and any(m == metric for _, m, _ in told):
                    return self.metric(source, service, "", metric)
        return self.logs(service, FieldTest("level", ">=", "error"))

    def measured(self, service: str, operation: str, metric: str) -> Way:
        """A series by whichever source tells it."""
        for name in COUNTED.get(metric, (metric,)):
            for (owner, source), told in self.series.items():
                if owner == service and any(m == name for _, m, _ in told):
                    return self.metric(source, service, operation, metric)
        return self.metric("", service, operation, metric)

    def metric(self, source: str, service: str, operation: str, metric: str, query: str = "") -> Way:
        """A series, by the query that gives it and no other; none where it was computed from several.

        A whole that was added up from operations is repeated by all of their rows, where they stand in a file.
        """
        source = source or self._named("metrics")
        known = self.series.get((service, source), [])
        names = COUNTED.get(metric, (metric,))
        behind = next((name for name in names if any(m == name for _, m, _ in known)), metric)
        parts = [q for o, m, q in known if m == behind and o]
        text = query or next((q for o, m, q in known if (o, m) == (operation, behind)), "")
        if not text and not operation and len(parts) == 1:
            text = parts[0]
        key = SeriesKey(service, operation, metric)
        if self.roles.get(source) == "logs":
            return Way(source, self._lines(text) if text else None, key)
        if not text and not operation and parts and source in self.files:
            text = f"grep -F {quote(f',{service},')} {quote(self.files[source])} | grep -F {quote(f',{behind},')}"
        return Way(source, text or None, key)

    def logs(self, service: str, more: Query) -> Way:
        """The lines of a service, narrowed by a further query."""
        query = And((FieldTest("service", "=", service), more))
        return Way(self._log_source(service), self._lines(text_of(query)))

    def mentions(self, service: str, text: str) -> Way:
        """The lines of a service that name something."""
        return self.logs(service, Literal(text))

    def pattern(self, pattern: Pattern) -> Way:
        """The lines of a pattern."""
        return Way(self._log_source(pattern.service), self._lines(lines_of(pattern)))

    def spans(self, service: str, operation: str) -> Way:
        """The spans of an operation, of a whole service where none is named."""
        source = self._named("traces")
        text = quote(operation or service)
        return Way(source, f"grep -F {text} {quote(self.files[source])}" if source in self.files else text)

    def probe(self, result: ProbeResult) -> Way:
        """The address that was probed."""
        return Way(next((name for name, role in self.roles.items() if role == "health"), "probes"), result.target)

    def change(self, change: Change) -> Way:
        """What shows the change again. Names come from outside and are quoted: somebody will paste this into a shell."""
        source = change.source or self._named("changes")
        around = Window(change.at - AROUND_S, change.at + AROUND_S)
        if change.observed:  # no repository knows it
            return Way(source, f"incident changes {_stretch(around)}")
        if change.commit and COMMIT.fullmatch(change.commit):
            return Way(source, f"git show {change.commit[:12]}")
        if change.kind in ("deploy", "rollback") and "/" in change.id and not change.id.startswith("-"):
            return Way(source, f"git show {quote(change.id)}")
        return Way(source, f"incident changes {_stretch(around)}")

    def _log_source(self, service: str) -> str:
        return self.logs_of.get(service) or self._named("logs")

    def _named(self, role: str) -> str:
        return next((name for name, its in self.roles.items() if its == role), role)

    def _lines(self, query: str) -> str:
        return f"incident logs {quote(query)} {_stretch(self.window)}"


def _stretch(window: Window) -> str:
    return f"--since {rfc3339(window.start)} --until {rfc3339(window.end)}"
