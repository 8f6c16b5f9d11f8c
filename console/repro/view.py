"""What the screen of a reproduction shows: the exact request with the guard's decision, the tries, and what was left out."""

from __future__ import annotations

from console.domain.instant import Instant
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.policy import Verdict


@dataclass(frozen=True, slots=True)
class RequestView:
    """A request as it would be sent now."""

    environment: str
    tier: str
    origin: str
    verdict: Verdict
    rule: str = ""
    reason: SafeText = SafeText("")
    phrase: str = ""
    """What must be typed before it is sent; empty: nothing."""
    head: tuple[SafeText, ...] = ()
    """Request line and headers, byte for byte; the environment's credential by its name."""
    body: tuple[SafeText, ...] = ()
    notes: tuple[SafeText, ...] = ()
    """What was done to the request that was observed."""
    observed: SafeText = SafeText("")
    """What came of it when it was observed."""
    left: int = 0
    """Requests that this incident may still send there."""
    tries: int = 0
    """Tries of one run."""
    pace: SafeText = SafeText("")
    """How seldom requests leave, where the route's own rate sets it; empty: as the tier allows."""
    environments: tuple[str, ...] = ()
    """All that are configured."""
    smallest: bool = False
    """It is what the minimiser left."""
    search: SafeText = SafeText("")
    """How far a search for the smallest request came before it was stopped; empty: none was, or it is through."""


@dataclass(frozen=True, slots=True)
class TryView:
    """One request that was sent."""

    number: int
    answer: SafeText
    """The status, or why no answer came."""
    elapsed_s: float
    failing: bool
    """It is the failure that is looked for."""
    error: SafeText
    trace_id: str
    at: Instant = 0.0
    """When it was sent."""
    side: str = ""
    """The environment, where two are asked in turn."""


@dataclass(frozen=True, slots=True)
class TriesView:
    """What was sent, and what it showed."""

    under_way: SafeText = SafeText("")
    """What is being done; empty: nothing."""
    tries: tuple[TryView, ...] = ()
    said: tuple[SafeText, ...] = ()
    """The result, in sentences."""
    bad: bool = False
    """The failure was reproduced."""
