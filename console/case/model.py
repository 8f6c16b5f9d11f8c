"""The record read as a whole: what the events add up to. Nothing here is stored; it is made anew from the journals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from enum import StrEnum
from itertools import pairwise
from typing import Any

from console.case.events import Event
from console.case.journal import Problem
from console.domain.instant import Instant, Window
from console.domain.values import dataclass


class CaseState(StrEnum):
    """How far people have come. It says nothing about the telemetry: that is the diagnosis' own `state`."""

    TRIAGE = "triage"
    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MITIGATING = "mitigating"
    MONITORING = "monitoring"
    RESOLVED = "resolved"
    REVIEW = "review"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    MERGED = "merged"


ACTIVE = frozenset(
    {CaseState.TRIAGE, CaseState.INVESTIGATING, CaseState.IDENTIFIED, CaseState.MITIGATING, CaseState.MONITORING}
)
ENDED = frozenset({CaseState.CLOSED, CaseState.CANCELLED, CaseState.MERGED})
SEVERITIES = ("P0", "P1", "P2", "P3")
ROLES = ("ic", "deputy", "scribe", "ops_lead", "sme", "comms_external", "liaison_internal")


MITIGATIONS = ("rollback", "flag", "scale", "reroute", "restart", "config", "rate_limit", "other")
"""Kinds of what is done to stop the harm."""


class HypothesisState(StrEnum):
    """What the evidence allows to be said."""

    DRAFT = "draft"
    OPEN = "open"
    SUPPORTED = "supported"
    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    PARKED = "parked"
    SUPERSEDED = "superseded"


class Outcome(StrEnum):
    """What became of a prediction."""

    UNKNOWN = "unknown"
    HOLDS = "holds"
    FAILS = "fails"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class EvidenceItem:
    """Something that was seen, with all that is needed to see it again."""

    name: str
    """`E3`: how the record speaks of it."""
    event: Event
    kind: str
    """log | metric | change | trace | diagnosis | repro | fix | recovery | note"""
    claim: str
    source: str
    query: str
    window: Window | None
    excerpt: str
    """What was seen, without its secrets; a part where it was long."""
    digest: str
    """SHA-256 over what is kept; see `console.case.entries.digest_of`."""
    completeness: str
    """COMPLETE | PARTIAL | PREVIEW-ONLY"""
    points: tuple[tuple[Instant, float | None], ...] = ()
    """Of a series: its points, for a chart; None is a gap."""
    unit: str = ""
    supports: bool = True
    fact: bool = True
    """Read directly; False: concluded."""
    samples: int | None = None
    entry: str = ""
    """Id of the entry of the timeline that it keeps."""


@dataclass(frozen=True, slots=True)
class Result:
    """One evaluation of a prediction."""

    at: Instant
    outcome: Outcome
    value: float | None
    samples: int | None
    control: Outcome
    """What the same says in the control window; HOLDS there too: it tells nothing."""
    says: str
    event_id: str
    order: Outcome = Outcome.UNKNOWN
    """Whether it began no later than the trouble; UNKNOWN: nobody looked."""
    dose: Outcome = Outcome.UNKNOWN
    """Whether it is true only where the trouble is."""
    until: Instant | None = None
    """Where the stretch ends that was asked about; None: a person saw it."""
    as_at: Instant | None = None
    """The mitigation at which that stretch ends; None: it ended when it was asked."""

    @property
    def weak(self) -> str:
        """Why it says nothing though it may hold, in words; empty: it says something."""
        if self.control is Outcome.HOLDS:
            return "also true before, so it tells nothing"
        if self.order is Outcome.FAILS:
            return "it began after the trouble, so it is no cause of it"
        return "as true where nothing is wrong, so it tells nothing" if self.dose is Outcome.FAILS else ""


MANUAL = "manual:"
"""How the text of a prediction begins that only a person can judge."""


def is_manual(text: str) -> bool:
    """Whether only a person can see if it holds."""
    return text.strip().lower().startswith(MANUAL)


@dataclass(frozen=True, slots=True)
class Prediction:
    """An observation that could turn out otherwise, bound to a question that can be asked again."""

    name: str
    """`P2`, numbered within its hypothesis."""
    text: str
    """As it was written; see `console.case.predictions`."""
    refutes: str
    """The observation that would refute the hypothesis, in words."""
    must_hold: bool
    min_samples: int
    every_s: float | None
    """How often it is asked again; None: on demand, as is what only a person can see."""
    results: tuple[Result, ...] = ()

    @property
    def manual(self) -> bool:
        """Whether only a person can see if it holds."""
        return is_manual(self.text)

    @property
    def last(self) -> Result | None:
        """The newest evaluation."""
        return self.results[-1] if self.results else None

    @property
    def outcome(self) -> Outcome:
        """Of the newest evaluation."""
        return self.results[-1].outcome if self.results else Outcome.UNKNOWN

    def stale(self, now: Instant) -> bool:
        """Whether the newest evaluation is older than its interval; what was asked as at a mitigation does not age."""
        last = self.last
        return last is not None and last.as_at is None and self.older(now)

    def older(self, now: Instant) -> bool:
        """Whether the interval has passed since it was asked."""
        last = self.last
        return last is not None and self.every_s is not None and now - last.at > self.every_s

    @property
    def discriminates(self) -> bool:
        """Whether it says something."""
        return not self.weak

    @property
    def weak(self) -> str:
        """Why its newest evaluation says nothing though it may hold, in words; empty: it says something."""
        return self.last.weak if self.last is not None else ""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A cause that may be the one, and what must be seen if it is."""

    name: str
    """`H1`."""
    event: Event
    statement: str
    mechanism: str
    explains: tuple[str, ...]
    """Names of symptoms; empty: those of the incident as a whole."""
    prior: str
    """low | med | high"""
    cost: float
    """Of its next test, in minutes of work."""
    rivals: tuple[str, ...]
    parent: str | None
    state: HypothesisState
    predictions: tuple[Prediction, ...]
    evidence: tuple[str, ...]
    interventions: tuple[str, ...]
    """Names of evidence of an intervention, or of the mechanism seen directly."""
    reason: str
    """Of its latest change of state."""
    changed_at: Instant
    changed_by: str = "human"
    """Who made it: a person, or the console by the rules."""
    superseded_by: str = ""
    """The refinement that took its place."""

    @property
    def standing(self) -> str:
        """Its state in words."""
        return f"{self.state} by {self.superseded_by}" if self.superseded_by else str(self.state)


@dataclass(frozen=True, slots=True)
class Override:
    """A soft gate that was passed, and why."""

    rule: str
    says: str
    reason: str
    event: Event


@dataclass(frozen=True, slots=True)
class Handoff:
    """A role that was offered; it changes nothing until it is accepted."""

    role: str
    giver: str
    taker: str
    brief: str
    proposed_at: Instant
    event_id: str


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Something to do after the incident."""

    name: str
    text: str
    type: str
    """prevent | detect | mitigate | process"""
    owner: str
    due: str
    done_when: str
    status: str
    """open | done | declined"""
    event: Event


@dataclass(frozen=True, slots=True)
class Cycle:
    """One run from investigating to resolved; a case that is reopened has several."""

    started_at: Instant
    mitigated_at: Instant | None = None
    resolved_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """The whole record at one moment."""

    id: str
    title: str = ""
    summary: str = ""
    services: tuple[str, ...] = ()
    severity: str | None = None
    state: CaseState = CaseState.TRIAGE
    impact: Mapping[str, Any] = field(default_factory=dict)
    """users_pct, journeys, regions, data_risk, workaround, statement, lingering."""
    detection: str = "other"
    """alert | user | support | other"""
    times: Mapping[str, Instant] = field(default_factory=dict)
    """impact_started_at, detected_at, acknowledged_at, declared_at, identified_at, mitigated_at, resolved_at, closed_at;
    what is not known is missing."""
    cycles: tuple[Cycle, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    handoffs: tuple[Handoff, ...] = ()
    """Offered and not accepted yet."""
    events: tuple[Event, ...] = ()
    """In the order in which they were written."""
    corrected: frozenset[str] = frozenset()
    """Ids of events that a later one supersedes."""
    evidence: tuple[EvidenceItem, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    blocks: tuple[tuple[str, Instant], ...] = ()
    """Soft gates that said no since the last change of state, and when."""
    overrides: tuple[Override, ...] = ()
    mitigations: tuple[Event, ...] = ()
    contract: Mapping[str, Any] | None = None
    """What "recovered" means for this case."""
    recovery: Event | None = None
    """The newest verdict; its data holds `verdict`."""
    repros: tuple[Event, ...] = ()
    fixes: tuple[Event, ...] = ()
    updates: tuple[Event, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    snapshots: tuple[Event, ...] = ()
    review: str = ""
    """Status of the post-mortem: Draft, In review, Reviewed, Closed; empty: none."""
    merged_into: str | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def active(self) -> bool:
        """Whether the incident goes on."""
        return self.state in ACTIVE

    @property
    def opened_at(self) -> Instant:
        """When the record begins."""
        return self.events[0].recorded_at if self.events else 0.0

    @property
    def authors(self) -> tuple[str, ...]:
        """Everybody who wrote in it, sorted."""
        return tuple(sorted({event.author for event in self.events}))

    @property
    def recovered(self) -> bool:
        """Whether the newest verdict says so; inconclusive and no data are never that."""
        return self.recovery is not None and self.recovery.data.get("verdict") == "recovered"

    @property
    def reopened(self) -> int:
        """How often it was taken up again."""
        return max(0, len(self.cycles) - 1)

    def hypothesis(self, name: str) -> Hypothesis | None:
        """The one of that name, in any case."""
        return next((one for one in self.hypotheses if one.name.lower() == name.lower()), None)

    def item(self, name: str) -> EvidenceItem | None:
        """The evidence of that name, in any case."""
        return next((one for one in self.evidence if one.name.lower() == name.lower()), None)

    def keeping(self, event: Event) -> EvidenceItem | None:
        """The evidence that an entry is, or is kept as; what was taken back is none."""
        standing = (one for one in self.evidence if one.event.id not in self.corrected)
        return next((one for one in standing if event.id in (one.entry, one.event.id)), None)

    @property
    def repeated(self) -> frozenset[str]:
        """Ids of evaluations that said what the one before them said: they are asked again and again, and no news."""
        return frozenset(
            now.event_id
            for one in self.hypotheses
            for prediction in one.predictions
            for before, now in pairwise(prediction.results)
            if (before.outcome, before.weak) == (now.outcome, now.weak)
        )

    def timeline(self) -> tuple[Event, ...]:
        """By when things happened; corrected events, evaluations that say nothing new and mere bookkeeping left out.

        Evidence that the console took with a snapshot stands behind the entry of the snapshot, evidence that keeps an entry behind that.
        """
        hidden, repeated = {"gate", "prediction"}, self.repeated
        shown = (
            e
            for e in self.events
            if e.kind not in hidden
            and e.id not in self.corrected
            and e.id not in repeated
            and (e.kind, e.source) != ("evidence", "console")
            and not (e.kind == "evidence" and e.data.get("entry"))
        )
        return tuple(sorted(shown, key=lambda event: event.occurred_at))

    def with_problems(self, problems: tuple[Problem, ...]) -> Case:
        """The case as read from files some of whose lines are no entries."""
        return replace(self, problems=problems)
