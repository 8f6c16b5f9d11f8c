"""The frozen state that goes down to the screen: one value, made anew whenever something changed.

Widgets paint these values and compute nothing; `console.views` makes them from observations and diagnosis.
"""

from __future__ import annotations

import re
from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING

from console.domain.changes import DeployDetail, Running
from console.domain.diagnosis import Diagnosis, GraphCall, JudgedChange, Standing, State, Suspect
from console.domain.instant import Instant, Window
from console.domain.logs import LogCounts, LogRecord, Pattern
from console.domain.reading import Cost
from console.domain.shapes import ExceptionGroup, FieldExcess
from console.domain.text import SafeText
from console.domain.topology import DependencyState, Health, ProbeResult
from console.domain.values import dataclass

if TYPE_CHECKING:
    from console.domain.recovery import Contract, Recovery

AXIS_POINTS = 120
"""Most points of a graph: two braille columns a cell on the widest sparkline that a pane draws."""
STEPS_S = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
DEFAULT_FILTER = "level:>=warn"
"""The filter that the log pane opens with."""
_PART = re.compile(r"\{[^{}/]*\}")


class Word(StrEnum):
    """The one state word that every pane carries."""

    LOADING = "LOADING"
    LIVE = "LIVE"
    STALE = "STALE"
    PARTIAL = "PARTIAL"
    THROTTLED = "THROTTLED"
    DOWN = "DOWN"
    NO_DATA = "NO DATA"
    FROZEN = "FROZEN"
    PAST = "PAST"
    """The window was moved away from now: the pane shows the past on purpose."""


@dataclass(frozen=True, slots=True)
class Status:
    """Whether a pane's data can be trusted: the word, its age, and the reason where it is not LIVE."""

    word: Word = Word.LOADING
    age_s: float | None = None
    """Seconds since the observation; None where there is none."""
    since: Instant | None = None
    """DOWN: since when. FROZEN: the instant shown."""
    detail: SafeText = SafeText("")
    """`2/3 sources`, `retry 20s`, the error's sentence."""


@dataclass(frozen=True, slots=True)
class Marker:
    """A moment that goes through every graph."""

    at: Instant
    glyph: str
    """`▼` a deploy, `◆` another change, `╎` the onset."""
    label: SafeText


@dataclass(frozen=True, slots=True)
class Axis:
    """The one time axis that all graphs share."""

    window: Window
    step_s: float
    """Width of one point of every `Trend`."""
    markers: tuple[Marker, ...] = ()


def axis_step(window: Window, points: int = AXIS_POINTS) -> float:
    """The smallest round step that covers the window with at most `points` points."""
    wanted = window.seconds / points
    return float(next((step for step in STEPS_S if step >= wanted), STEPS_S[-1]))


@dataclass(frozen=True, slots=True)
class Trend:
    """One signal over the axis: numbers first, then the points of its graph."""

    unit: str
    """ratio | s | 1/s | bytes | count"""
    last: float | None = None
    """The newest complete value; None: not known."""
    peak: float | None = None
    """Highest value inside the window."""
    baseline: float | None = None
    """Its normal value, from the stretch before the window or onset."""
    points: tuple[float | None, ...] = ()
    """One per step of the axis; None is a gap, never zero."""
    samples: int | None = None
    """Requests behind `last`; None where the source does not tell."""
    bad: bool = False
    """An open symptom says that this left its baseline."""


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """One service of the signals pane."""

    name: str
    state: State | None
    """incident where a symptom of its own is open; None: nothing known."""
    traffic: Trend
    errors: Trend
    p50: Trend
    p95: Trend
    p99: Trend
    memory: Trend | None = None
    note: SafeText = SafeText("")
    """`no traffic`, `no data: add logs or metrics`."""


@dataclass(frozen=True, slots=True)
class OperationRow:
    """One operation, worst first: ordered by its share of all excess failures, then of added time."""

    service: str
    operation: str
    share_of_bad: float | None
    failed: int | None
    total: int | None
    error_rate: float | None
    error_baseline: float | None
    p99_s: float | None
    p99_baseline_s: float | None


def route_of(operation: str) -> str:
    """The operation without the names of its parts, which metrics and logs may call differently: `/cart/{cart}`, `/cart/{id}`."""
    return _PART.sub("{}", operation)


@dataclass(frozen=True, slots=True)
class SignalsView:
    """The signals pane."""

    axis: Axis
    services: tuple[ServiceRow, ...] = ()
    operations: tuple[OperationRow, ...] = ()
    status: Status = Status()


@dataclass(frozen=True, slots=True)
class SuspectsView:
    """The suspects pane."""

    suspects: tuple[Suspect, ...] = ()
    empty_reason: SafeText = SafeText("")
    """What to say where there is none: nothing is wrong, or nothing explains it and what was consulted."""
    status: Status = Status()


@dataclass(frozen=True, slots=True)
class LogsView:
    """The log pane: counts over the axis, patterns, and the newest records that match the filter."""

    filter_text: SafeText = SafeText("")
    """What counts and records match."""
    counts: LogCounts | None = None
    patterns: tuple[Pattern, ...] = ()
    records: tuple[LogRecord, ...] = ()
    """Newest last; a bounded tail."""
    total: int = 0
    """Records that match inside the window, as far as counted."""
    rate_per_min: float | None = None
    skipped: int = 0
    """Records that arrived faster than they can be shown; all are counted and kept on disk."""
    estimated: bool = False
    """Whether `counts` and `total` are taken from a part of the records: others came too fast to be looked at."""
    newer_held_back: bool = False
    """Newer records than the last of `records` are known, and not shown since the reader does not follow."""
    status: Status = Status()
    baseline_s: float | None = None
    """Length of the stretch that `patterns` are compared with, in seconds; None: with nothing."""
    excess: tuple[FieldExcess, ...] = ()
    """Field values that failing records of the window have more often than others, the clearest first."""
    excess_sample: int | None = None
    """Records that `excess` was found in, where they are a sample of those of the window; None: it was found in all."""
    exceptions: tuple[ExceptionGroup, ...] = ()
    """What was raised by type and place, counted and compared over the same stretches as the patterns: unknown ones first."""
    wanted_text: SafeText | None = None
    """The filter that is being read while what is shown still matches `filter_text`; None: nothing is being read."""
    patterns_status: Status = Status()
    """Of `patterns` and `exceptions`: how old their counts are, how far they are counted, whether they are those of a sample."""


@dataclass(frozen=True, slots=True)
class ChangesView:
    """The timeline of changes, newest first, and what runs now."""

    changes: tuple[JudgedChange, ...] = ()
    running: tuple[Running, ...] = ()
    onset: Instant | None = None
    coverage: SafeText = SafeText("")
    """Which sources were consulted and which were not."""
    empty_reason: SafeText = SafeText("")
    status: Status = Status()
    heading: SafeText = SafeText("")
    """How many of the changes can explain what happened, and which kinds of change nobody was asked for."""
    onset_error_s: float | None = None
    """Seconds by which `onset` may be off, either way; None where that is not known."""


@dataclass(frozen=True, slots=True)
class UpstreamRow:
    """One dependency or upstream service."""

    state: DependencyState
    age_s: float | None
    """Of the observation behind `state`."""
    probes: tuple[ProbeResult, ...] = ()
    """Newest last; what the drill-down lists."""


@dataclass(frozen=True, slots=True)
class UpstreamsView:
    """The upstreams pane, worst first."""

    rows: tuple[UpstreamRow, ...] = ()
    empty_reason: SafeText = SafeText("")
    status: Status = Status()


@dataclass(frozen=True, slots=True)
class OriginCost:
    """What this console has cost one origin: the observer-effect meter."""

    origin: SafeText
    used_per_min: int
    allowed_per_min: int
    total: Cost = Cost()


@dataclass(frozen=True, slots=True)
class HeaderView:
    """The two lines that are always there."""

    state: State | None = None
    """None: not diagnosed yet."""
    headline: SafeText = SafeText("")
    """The worst signal in words, with its baseline; or how healthy was earned."""
    since: Instant | None = None
    verdict: SafeText = SafeText("")
    """Who is suspected, or what is missing, in one sentence."""
    window_text: str = ""
    """`-30m ▸`, or the bounds where the window lies in the past."""
    now: Instant = 0.0
    status: Status = Status()
    cost: tuple[OriginCost, ...] = ()
    mode: str = "RO"
    since_error_s: float | None = None
    """Seconds by which `since` may be off, either way; None where that is not known."""
    watching: bool = False
    """Signals left their level, and that is too small or too short so far to be called trouble."""


@dataclass(frozen=True, slots=True)
class BeforeAfterRow:
    """One signal before and after a change, with the requests behind both."""

    signal: str
    """`errors`, `p99`, `traffic`."""
    unit: str
    before: float | None
    after: float | None
    n_before: int | None
    n_after: int | None
    needed: int = 0
    """Requests on a side below which its value says little; 0: any number will do."""


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """A service, or one of its operations, before and after a change."""

    service: str
    operation: str
    before: Window
    after: Window
    rows: tuple[BeforeAfterRow, ...]


@dataclass(frozen=True, slots=True)
class TreeRow:
    """One node of the tree of calls, where it hangs under one of its callers."""

    name: str
    key: str
    """The names from the root down: the same node may hang in several places."""
    trunk: str
    """What is drawn before the name: `│  ├─ `."""
    kind: str
    health: Health
    by: str
    """What the state rests on."""
    share: float | None
    """Of what went wrong, what it added itself; None: nothing that is known."""
    error_rate: float | None
    latency_p95_s: float | None
    call: GraphCall | None
    """The caller's calls to it; None for a root."""
    probe: ProbeResult | None
    since: Instant | None
    standing: Standing | None
    """Where it is suspected, how it stands."""
    on_path: bool
    """Between the root and the first suspect, both included."""
    note: SafeText = SafeText("")
    """`a cycle`, `shown above`, `not configured`."""


@dataclass(frozen=True, slots=True)
class TreeView:
    """The calls as a tree from where the trouble shows."""

    rows: tuple[TreeRow, ...] = ()
    heading: SafeText = SafeText("")
    notes: tuple[SafeText, ...] = ()
    """Cycles, and names that nothing is known of."""


@dataclass(frozen=True, slots=True)
class SpanRow:
    """One span of a trace, where it hangs under the one that waited for it."""

    key: str
    trunk: str
    """What is drawn before its name: `│  ├─ `."""
    service: SafeText
    operation: SafeText
    kind: str
    start_s: float
    """Since the trace began."""
    duration_s: float
    own_s: float
    """Of it, what no span below it took."""
    failed: bool


@dataclass(frozen=True, slots=True)
class SpansView:
    """The spans of one trace."""

    rows: tuple[SpanRow, ...] = ()
    total_s: float = 0.0
    """From the start of the first to the end of the last."""
    says: SafeText = SafeText("")
    """Why there are none, or not all."""


@dataclass(frozen=True, slots=True)
class LoadView:
    """A signal of a service against its load."""

    service: str
    what: str
    """`p99`, `errors`."""
    unit: str
    before: tuple[tuple[float, float], ...] = ()
    """(requests per second, value), one for each step before the onset."""
    since: tuple[tuple[float, float], ...] = ()
    knee: float | None = None
    says: SafeText = SafeText("")
    facts: tuple[tuple[str, SafeText], ...] = ()
    """Names and values below the chart: load before and since, pools."""


@dataclass(frozen=True, slots=True)
class MemoryView:
    """The memory of a service over everything that is known of it."""

    service: str
    axis: Axis | None = None
    """From the first point to where the limit may be reached; None: no memory is known."""
    used: Trend = Trend("bytes")
    fit: tuple[float | None, ...] = ()
    """The growth of the stretch that was judged, and what it leads to if this continues; one per step of the axis."""
    limit: float | None = None
    says: SafeText = SafeText("")
    facts: tuple[tuple[str, SafeText], ...] = ()


@dataclass(frozen=True, slots=True)
class News:
    """One thing that a new diagnosis says otherwise than the one before."""

    at: Instant
    text: SafeText
    verdict: bool = False
    """The state or the first suspect changed: said once, wherever one is."""


@dataclass(frozen=True, slots=True)
class RecoveryView:
    """Whether the incident is over, by what was written down before the fix."""

    contract: Contract | None = None
    """None: none is written and none can be."""
    recovery: Recovery | None = None
    """None: there is no contract to judge by."""
    draft: bool = False
    """The contract is not written yet: this is what it would be."""
    says: SafeText = SafeText("")
    """Why there is nothing, or what the reader must know of the contract."""
    fixed: bool = False
    """A change since the contract is taken for the fix."""


@dataclass(frozen=True, slots=True)
class ConsoleState:
    """Everything the overview shows at one moment."""

    now: Instant
    window: Window
    live: bool = True
    """The window ends now and moves with it."""
    frozen_at: Instant | None = None
    header: HeaderView = HeaderView()
    signals: SignalsView | None = None
    suspects: SuspectsView = SuspectsView()
    logs: LogsView = LogsView()
    changes: ChangesView = ChangesView()
    upstreams: UpstreamsView = UpstreamsView()
    diagnosis: Diagnosis | None = None
    timezone: str = "UTC"
    details: tuple[DeployDetail, ...] = field(default=())
    """Deploy details that were asked for by drilling down."""
    news: tuple[News, ...] = ()
    """What changed from one diagnosis to the next, newest first; bounded."""
