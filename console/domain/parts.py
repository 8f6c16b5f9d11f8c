"""How many requests each part of a service served and failed, where a source of metrics tells its parts apart."""

from __future__ import annotations

from array import array
from bisect import bisect_right

from console.domain.instant import Instant
from console.domain.text import SafeText
from console.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class PartCounts:
    """Requests of one instance, pod or zone per interval that ends at each of `times`; the arrays stand beside each other."""

    service: str
    fields: tuple[tuple[str, SafeText], ...]
    """What tells the part: names and values of labels."""
    times: array[float]
    requests: array[float]
    failed: array[float]
    source: str = ""
    """Name of the source in the configuration."""
    query: str = ""
    """What to paste into that system to see the failures of all parts."""

    def until(self, at: Instant) -> PartCounts:
        """Only what was known at `at`."""
        if not self.times or self.times[-1] <= at:
            return self
        end = bisect_right(self.times, at)
        cut = self.times[:end], self.requests[:end], self.failed[:end]
        return PartCounts(self.service, self.fields, *cut, self.source, self.query)
