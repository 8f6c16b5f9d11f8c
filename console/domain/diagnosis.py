"""The answer: state, symptoms, suspects and everything they rest on. Field names follow the published JSON."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum

from console.domain.changes import Running
from console.domain.instant import Instant, Window
from console.domain.logs import Pattern, PatternNames
from console.domain.reading import SourceReport
from console.domain.series import SeriesKey
from console.domain.text import SafeText
from console.domain.topology import DependencyState
from console.domain.values import dataclass

SIGNALS = (
    "error_rate",
    "latency_p50",
    "latency_p95",
    "latency_p99",
    "traffic",
    "saturation",
    "memory",
    "silence",
    "log_errors",
)
SUSPECT_KINDS = (
    "deploy",
    "config",
    "flag",
    "cron",
    "scale",
    "migration",
    "infrastructure",
    "certificate",
    "traffic",
    "service",
    "dependency",
    "third_party",
    "shared_dependency",
    "memory_leak",
    "contention",
    "telemetry",
)


class State(StrEnum):
    """The verdict about the telemetry of the window."""

    HEALTHY = "healthy"
    DEGRADING = "degrading"
    INCIDENT = "incident"
    RECOVERING = "recovering"
    INCONCLUSIVE = "inconclusive"


class Standing(StrEnum):
    """How a change or suspect stands after every rule was tried."""

    LEADING = "leading"
    POSSIBLE = "possible"
    UNLIKELY = "unlikely"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class BaselineWindow:
    """A stretch that the window is compared with, and why this one."""

    window: Window
    why: SafeText


@dataclass(frozen=True, slots=True)
class Symptom:
    """One signal of one service or operation that left its baseline in the harmful direction."""

    service: str
    operation: str | None
    signal: str
    """One of `SIGNALS`."""
    baseline: float | None
    observed: float | None
    unit: str
    """ratio | s | 1/s | bytes | count"""
    samples: int | None
    """Requests (or points, or lines) behind `observed`; None where the source does not tell."""
    onset: Instant | None
    end: Instant | None
    """None while it lasts."""
    share_of_bad: float | None
    """Its share of all excess failures, or of all added seconds; None where that cannot be computed."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One checkable claim for or against a suspect."""

    claim: SafeText
    kind: str
    """fact: read directly | inference: concluded"""
    supports: bool
    source: str
    query: str | None = None
    """What to paste into the source, or the command to repeat."""
    window: Window | None = None
    samples: int | None = None
    series: SeriesKey | None = None
    """The series that shows it, where it was read from one."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """Something that may be at fault, with the evidence for and against it."""

    rank: int
    kind: str
    """One of `SUSPECT_KINDS`."""
    subject: str
    service: str | None
    operation: str | None
    score: float | None
    """Mirrors the order (0.7 to 1 leading, 0.3 to 0.7 possible, below unlikely); it is no probability."""
    standing: Standing
    summary: SafeText
    evidence: tuple[Evidence, ...]
    next_check: SafeText | None


@dataclass(frozen=True, slots=True)
class Compared:
    """One signal of a service or operation before and after a change."""

    service: str
    operation: str | None
    metric: str
    """error_rate | latency_p50 | latency_p90 | latency_p95 | latency_p99 | latency_avg | request_rate"""
    unit: str
    before: float | None
    after: float | None
    samples_before: int | None
    """Requests; None where nobody counts them."""
    samples_after: int | None
    before_window: Window
    after_window: Window
    """Until half an hour later, until now, or until the change was taken back."""


@dataclass(frozen=True, slots=True)
class JudgedChange:
    """A change with its standing and the rule that decided."""

    id: str
    kind: str
    service: str | None
    at: Instant
    version: str | None
    commit: str | None
    standing: Standing
    reason: SafeText
    summary: SafeText = SafeText("")
    source: str = ""
    """Who told it, by its name in the configuration."""
    observed: str = ""
    """What showed it, where no source of changes told it; see `Change`."""
    compared: tuple[Compared, ...] = ()
    """Its service, and the operations of it that are in trouble, before and after it; empty where nothing measures them."""

    @property
    def word(self) -> str:
        """The kind in a word; what telemetry shows of other kinds are processes that began anew."""
        return "restart" if self.observed and self.kind == "other" else self.kind

    @property
    def name(self) -> str:
        """What a person calls it: its id, with the kind where the id does not begin with it; of a restart, of whom."""
        if self.word == "restart" and self.service:
            return f"restart of {self.service}"
        return self.id if self.id.startswith(self.kind) else f"{self.kind} {self.id}"


@dataclass(frozen=True, slots=True)
class Exhaustion:
    """When a resource runs out if this continues: a range, never one clock time."""

    service: str
    metric: str
    limit: float | None
    earliest: Instant | None
    latest: Instant | None


@dataclass(frozen=True, slots=True)
class GraphCall:
    """One service calls another: how that is known, and how the calls went by the caller's own records."""

    caller: str
    callee: str
    told_by: str
    """configuration | spans | logs"""
    error_rate: float | None = None
    """Share of the calls that failed since the onset; None: too few are recorded."""
    baseline_error_rate: float | None = None
    """The same before."""
    latency_avg_s: float | None = None
    samples: int | None = None
    """Calls since the onset; None: the caller's records tell of none."""


@dataclass(frozen=True, slots=True)
class OwnExcess:
    """What a service or dependency added itself to what went wrong, after what those explain that it calls."""

    service: str
    currency: str
    """failures | seconds"""
    share: float
    """Of everything that was added where the trouble shows, 0 to 1."""
    baseline: float | None
    observed: float | None
    """Its error rate, or its seconds per request; None: only others tell of it."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The whole answer at one knowledge time."""

    at: Instant
    state: State
    summary: SafeText
    onset: Instant | None
    window: Window
    onset_between: Window | None = None
    """It began within this stretch: values stand for intervals. None: no onset, or one that was stamped itself."""
    baseline: tuple[BaselineWindow, ...] = ()
    symptoms: tuple[Symptom, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    changes: tuple[JudgedChange, ...] = ()
    change_explains: bool | None = None
    running: tuple[Running, ...] = ()
    dependencies: tuple[DependencyState, ...] = ()
    calls: tuple[GraphCall, ...] = ()
    excess: tuple[OwnExcess, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    pattern_baseline: Window | None = None
    """What `patterns` are compared with; None: with nothing."""
    patterns_sampled: bool = False
    """Whether counts of `patterns` are taken from a sample of the lines, where a source cannot count all."""
    exhaustion: tuple[Exhaustion, ...] = ()
    sources: tuple[SourceReport, ...] = ()
    generated_at: Instant = 0.0
    pattern_names: PatternNames = field(default_factory=dict, compare=False, repr=False)
    """For the next diagnosis, so that patterns keep their ids."""

    @property
    def onset_error_s(self) -> float | None:
        """Seconds by which the onset may be off, either way; None where that is not known."""
        if self.onset is None or self.onset_between is None:
            return None
        return max(self.onset - self.onset_between.start, self.onset_between.end - self.onset)
