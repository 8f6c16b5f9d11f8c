"""What "recovered" means for one incident, written down before the fix, and what a check of it found."""

from __future__ import annotations

from enum import StrEnum

from console.domain.diagnosis import BaselineWindow
from console.domain.instant import Instant, Window
from console.domain.reading import SourceReport
from console.domain.text import SafeText
from console.domain.values import dataclass

HOLD_S = 900.0
"""Three evaluations, five minutes apart [D]."""
HOLD_LEAST_S, HOLD_MOST_S = 15.0, 86_400.0


@dataclass(frozen=True, slots=True)
class Strictness:
    """What a contract asks for."""

    hold_s: float = HOLD_S
    """How long everything must hold."""
    error_margin: float | None = None
    """How far an error ratio may be above what is expected; None: 0.1 points, or half of it."""


class Verdict(StrEnum):
    """Of one signal and of the whole. Only `RECOVERED` lets an incident be called resolved."""

    RECOVERED = "recovered"
    """Shown to be inside its margin; that nothing was seen to be wrong is not enough."""
    NOT_RECOVERED = "not_recovered"
    """Shown to be outside its margin."""
    INCONCLUSIVE = "inconclusive"
    """The data cannot tell yet."""
    NO_DATA = "no_data"


class TermKind(StrEnum):
    """How a signal is judged."""

    ERRORS = "errors"
    """Failed requests of all requests, as totals."""
    VALUE = "value"
    """A latency, ratio or gauge: not worse than expected by more than the margin."""
    BACKLOG = "backlog"
    """A queue or lag: as `VALUE`, and it must not rise."""
    TRAFFIC = "traffic"
    """Requests per second, both ways: users that are gone are no recovery."""
    VERSION = "version"
    """The blamed build runs nowhere, the fix everywhere, and nothing restarts."""
    SIGNATURES = "signatures"
    """The incident's own error lines are gone, and no new ones came."""
    BURN = "burn"
    """The error budget lasts: failures as multiples of what the objective allows are below 1, over an hour and over 5 minutes."""
    REPRODUCTION = "reproduction"
    """What failed on demand passes since the deploy, as often in a row as its failure rate asks for."""


@dataclass(frozen=True, slots=True)
class Term:
    """One signal of a contract: what it was before the incident, and how far from that it may be."""

    name: str
    """Unique in its contract; what a person reads."""
    kind: TermKind
    service: str
    operation: str | None
    signal: str
    """Name of the metric as its source gives it; `error_rate` for failures with counts."""
    unit: str
    """ratio | s | 1/s | bytes | count | empty"""
    critical: bool
    """Whether it must be shown to be back. One that is not critical must only not be shown to be worse."""
    relative: float = 0.0
    absolute: float = 0.0
    """The margin is the larger of `relative` times what is expected and `absolute`."""
    baseline: float | None = None
    """Its level before the incident; None: not known."""
    failing: float | None = None
    """Its level during the incident, when the contract was written."""
    failures: float = 0.0
    requests: float = 0.0
    """Errors: what `baseline` was counted from."""
    blocks: tuple[float, ...] = ()
    """Values: the mean of each block of the baseline's stretch, harm upwards; counts of intervals as counts a minute."""
    step_s: float = 0.0
    """Values: the interval that each stood for; 0: not known."""
    budget: float = 0.0
    """Burn: the share of requests that may fail."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What the diagnosis held responsible, as its leading suspect."""

    kind: str
    subject: str
    service: str | None
    version: str | None = None
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """What must hold for an incident to be over; written from a diagnosis, before anything is mended."""

    at: Instant
    """The knowledge time it was written at."""
    onset: Instant
    summary: SafeText
    """The diagnosis in words."""
    baseline: Window
    """The stretch before the onset that the levels come from."""
    hold_s: float
    """How long everything must hold: three evaluations, a third of this apart, over blocks of that length."""
    terms: tuple[Term, ...]
    cause: Cause | None = None
    own_errors: tuple[SafeText, ...] = ()
    """Templates of the error lines that the incident brought."""
    known_errors: tuple[SafeText, ...] = ()
    """Templates of all other error lines that had been seen."""

    @property
    def block_s(self) -> float:
        """Length of a block, time between two evaluations, and what is ignored after the fix."""
        return self.hold_s / 3

    @property
    def services(self) -> tuple[str, ...]:
        """Everything it is about, in the order of its terms."""
        return tuple(dict.fromkeys(term.service for term in self.terms if term.service))


@dataclass(frozen=True, slots=True)
class Fix:
    """From when on it is judged."""

    at: Instant
    what: SafeText
    """The change that is taken for the fix, in words."""
    change: str | None = None
    """Its id."""
    deploys: bool = False
    """Whether it brings another build."""
    service: str | None = None
    """Of which service; None: not told, or of all."""
    version: str | None = None
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """What a reproduction showed, as a case has it."""

    at: Instant
    state: str
    """FIXED | STILL FAILING | INCONCLUSIVE of a verification, REPRODUCED of a run in which it failed."""
    where: SafeText = SafeText("")
    """The environment that answered; empty: not told."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One signal against its term."""

    term: Term
    verdict: Verdict
    baseline: float | None
    """What is expected now: the level before the incident, with the season's ratio."""
    observed: float | None
    margin: float | None
    """How much worse than `baseline` it may be, in its own unit."""
    samples: int | None
    """Requests or points behind `observed`."""
    needed: int | None
    """Of the same, how many a verdict takes; None: not known, or more would not help."""
    low: float | None = None
    high: float | None = None
    """Between these the true difference lies: each with 95 % confidence."""
    wait_s: float | None = None
    """Until there are `needed`, at the present rate."""
    note: SafeText = SafeText("")
    """What is missing, or what was seen."""
    seasonal: bool = False
    """Whether the same hours of earlier weeks tell what is expected."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All signals as known at one instant."""

    at: Instant
    window: Window | None
    """The stretch after the fix that was judged; None: it has not begun."""
    verdict: Verdict
    signals: tuple[Judged, ...]


@dataclass(frozen=True, slots=True)
class Recovery:
    """The answer of a check."""

    at: Instant
    verdict: Verdict
    reason: SafeText
    signals: tuple[Judged, ...] = ()
    """As the newest evaluation has them; what decides stands first."""
    passes: int = 0
    """Evaluations in a row, the newest last, in which everything held; three are needed."""
    passes_needed: int = 3
    wait_s: float | None = None
    """Until there can be a verdict, if what is seen goes on; None: not known, or waiting does not help."""
    window: Window | None = None
    baseline: tuple[BaselineWindow, ...] = ()
    fix: Fix | None = None
    evaluations: tuple[Evaluation, ...] = ()
    """Oldest first."""
    contract_at: Instant | None = None
    """When what it is judged by was written; None: there is no contract."""
    written: bool = True
    """False: nobody wrote a contract, and it was made from what was known just before the fix."""
    sources: tuple[SourceReport, ...] = ()
