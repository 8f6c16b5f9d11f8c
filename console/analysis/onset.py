"""When something began: between two instants, since values stand for intervals and clocks differ.

A change is only called earlier or later than an onset where it lies outside of the whole interval.
"""

from __future__ import annotations

from collections.abc import Iterable

from console.analysis.constants import CHANGE_EARLY_S, CLOCK_SKEW_S
from console.domain.instant import Instant
from console.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Onset:
    """A beginning that is known to within an interval."""

    at: Instant
    """The best guess; what is shown."""
    earliest: Instant
    latest: Instant
    """By then it had begun."""

    @classmethod
    def exactly(cls, at: Instant) -> Onset:
        """One that was stamped itself."""
        return cls(at, at, at)

    @classmethod
    def first_of(cls, onsets: Iterable[Onset]) -> Onset | None:
        """When the first of several things began; None where there are none."""
        known = list(onsets)
        if not known:
            return None
        return cls(min(o.at for o in known), min(o.earliest for o in known), min(o.latest for o in known))

    def surely_before(self, instant: Instant) -> bool:
        """Whether it had begun by then, whatever bins and clocks hide."""
        return instant > max(self.at + CHANGE_EARLY_S, self.latest + CLOCK_SKEW_S)

    def surely_after(self, instant: Instant) -> bool:
        """Whether it began later than that, whatever bins and clocks hide."""
        return instant < min(self.at - CHANGE_EARLY_S, self.earliest - CLOCK_SKEW_S)

    def lag(self, instant: Instant) -> float:
        """Seconds from an instant to the interval: positive where the instant lies before it, 0 inside."""
        if instant < self.earliest:
            return self.earliest - instant
        return min(0.0, self.latest - instant)
