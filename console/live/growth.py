"""Whether a log source brought something new: what did not grow is asked again only when the axis moved on by a step, or
after a while.

A log that nobody writes to then costs next to nothing, while one that grows is asked as often as ever. It is the tail that
tells; of a source whose tail is broken nothing is known, so that it is always asked. An answer that stands is as new as the
tail's last look, which is taken to be now, for half a minute at most: then the source itself is asked. A window that ended in
the past is asked only after a while whatever comes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Generic, TypeVar

from console.domain.instant import Instant, Window
from console.domain.reading import Reading, SourceReport, SourceState

T = TypeVar("T")

STANDS_S = 30.0
"""So long an answer stands at most, however long a step of the axis is: a tail may be wrong too."""
SKEW_S = 5.0
"""A line may be stamped so far ahead of its arrival: it stands in an answer only once the window has come so far."""


class Growth:
    """What the tail of one source tells."""

    def __init__(self) -> None:
        self._at: Instant = float("inf")

    def grew(self, now: Instant) -> None:
        """Records came, or the tail took its place: what was written before that may not have been seen."""
        self._at = now

    def lost(self) -> None:
        """Nothing follows the source."""
        self._at = float("inf")

    def unseen_at(self, end: Instant) -> bool:
        """Whether an answer that reaches to `end` may lack something that came."""
        return end < self._at + SKEW_S


class WhenGrown(Generic[T]):
    """A question to a log source that is asked where it can bring something new; else the last answer still stands.

    Args:
        poll: Asks.
        growth: Of the source.
        now: The clock, by which an answer that stands is as new as the tail that tells so.
        window: What the question is about now.
        axis: What graphs show now.
    """

    def __init__(
        self,
        poll: Callable[[], Awaitable[Reading[T]]],
        growth: Growth,
        now: Callable[[], Instant],
        window: Callable[[], Window],
        axis: Callable[[], Window],
    ) -> None:
        self._poll = poll
        self._growth = growth
        self._now = now
        self._window = window
        self._axis = axis
        self._last: Reading[T] | None = None
        self._report: SourceReport | None = None
        self._asked: tuple[Instant, Instant, Window] | None = None
        """When, up to where, and for which axis."""
        self.news = False
        """Whether the last answer may hold something that the one before did not, apart from the time that went by."""

    def again(self) -> None:
        """Ask at the next turn, whatever is known."""
        self._asked = None

    async def poll(self) -> Reading[T]:
        """The answer.

        Raises:
            SourceError: As the question does; it is then asked again at the next turn.
        """
        now, end, axis = self._now(), self._window().end, self._axis()
        stands = self.stands()
        if stands and self._last is not None and self._asked is not None and self._asked[2] == axis:
            self.news = False
            self._last = replace(self._last, observed_at=now)
            return self._last
        unseen = self._unseen()
        self._asked = None
        reading = await self._poll()
        self.news = unseen or self._report is None or _told(reading.report) != _told(self._report)
        self._last, self._report = reading, reading.report
        self._asked = (now, end, axis)
        return reading

    def stands(self) -> bool:
        """Whether nothing came since the last answer that it could lack."""
        return self._asked is not None and self._now() - self._asked[0] < STANDS_S and not self._unseen()

    def _unseen(self) -> bool:
        if self._asked is None:
            return True
        past = self._now() - self._window().end > SKEW_S
        return not past and self._growth.unseen_at(self._asked[1])


def _told(report: SourceReport) -> tuple[object, ...]:
    """What is news in a report: of one that is complete, the detail only describes what was read."""
    return report.state, report.detail if report.state is SourceState.PARTIAL else None
