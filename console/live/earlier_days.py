"""What a metric source knows of earlier days: asked once for many of them, and again when a good part of a day has passed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from console.domain.instant import Instant, Window
from console.domain.reading import Reading, SourceReport, SourceState
from console.domain.series import Series
from console.domain.text import SafeText
from console.guard.sanitise import safe
from console.observe import EARLIER_S, EARLIER_STEP_S, TellsEarlier
from sources.base import SourceError

SERVES_S = 6 * 3600.0
"""So long after its end an answer serves: the same hours of yesterday ended before."""
BEFORE_S = 43200.0
"""... and for a window that ends so much earlier it reaches far enough back."""
DEADLINE_S = 60.0
"""A server reads two weeks of samples for one answer; nobody waits for it."""


class EarlierDays:
    """One source's earlier days, kept for the session.

    Args:
        source: Who is asked.
        wanted: The stretch that a diagnosis sees; its end counts.
    """

    def __init__(self, source: TellsEarlier, wanted: Callable[[], Window]) -> None:
        self.name = source.name
        self.why = SafeText("")
        """Why they could not be asked for; empty: they could, or were not yet."""
        self._source = source
        self._wanted = wanted
        self._end: Instant | None = None
        self._known: tuple[Series, ...] = ()

    async def poll(self) -> Reading[tuple[Series, ...]]:
        """The series of earlier days. A source that cannot tell them is left alone until the next turn."""
        end = self._wanted().end
        if self._end is None or not self._end - BEFORE_S <= end <= self._end + SERVES_S:
            try:
                async with asyncio.timeout(DEADLINE_S - 1):
                    self._known = (await self._source.earlier(Window(end - EARLIER_S, end), EARLIER_STEP_S)).value
            except (SourceError, TimeoutError) as error:
                self.why = safe(str(error) or f"no answer within {DEADLINE_S:g} s", 200)
            else:
                self._end, self.why = end, SafeText("")
        records = sum(map(len, self._known))
        report = SourceReport(self.name, self._source.kind, SourceState.OK, records=records, role="earlier")
        return Reading(self._known, time.time(), report)
