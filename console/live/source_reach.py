"""How far back a log source is asked: the newest stretch first, and what lies before it step by step."""

from __future__ import annotations

from collections.abc import Callable

from console.domain.instant import Window
from console.observe import TellsVolume

FIRST_BYTES = 60_000_000
"""A first answer reads at most about so much, which takes about a second on an idle core."""
MOST_BYTES = 1_000_000_000
"""More than this is not read for the history of one source, however far back it is wanted."""


class SourceReach:
    """The stretch of a source that is asked for now.

    Sources that cannot tell how much they would read are asked for all of it at once: those answer from an index.

    Args:
        source: Who is asked.
        wanted: The stretch that would be good to know.
        most_bytes: The stretch never grows beyond what reads so much.
        first_bytes: What is read at first, and for each growth.
    """

    def __init__(
        self,
        source: object,
        wanted: Callable[[], Window],
        most_bytes: int = MOST_BYTES,
        first_bytes: int = FIRST_BYTES,
    ) -> None:
        self._source = source
        self._wanted = wanted
        self._most_bytes = most_bytes
        self._first_bytes = first_bytes
        self._looked_at: Window | None = None
        self._step_s = self._most_s = self._seconds = float("inf")

    async def look(self) -> None:
        """Find out how much there is to read; asked again only where the stretch was moved or resized."""
        wanted, seen = self._wanted(), self._looked_at
        drifts = seen is not None and abs(wanted.seconds - seen.seconds) < 1.0 and wanted.end >= seen.end
        if drifts and seen is not None and wanted.end <= seen.end + seen.seconds:
            return
        volume = await self._source.volume(wanted) if isinstance(self._source, TellsVolume) else None
        self._looked_at = wanted
        share = wanted.seconds / volume if volume else float("inf")
        self._step_s, self._most_s = self._first_bytes * share, self._most_bytes * share
        # What was read of a window that only moves on with the clock is known still.
        self._seconds = min(self._seconds if drifts else self._step_s, self._most_s)

    def known(self) -> Window:
        """What is to be known now."""
        wanted = self._wanted()
        return Window(max(wanted.start, wanted.end - self._seconds), wanted.end)

    def grow(self) -> bool:
        """Reach further back from now on; False: nothing more is wanted or allowed."""
        wanted = self._wanted()
        if self._seconds >= min(wanted.seconds, self._most_s):
            return False
        self._seconds = min(self._seconds + self._step_s, self._most_s)
        return True

    def missing(self) -> str:
        """`62 % of 3h are read`, or why not all of it ever is; empty where all is known."""
        wanted = self._wanted()
        if self._seconds >= wanted.seconds:
            return ""
        if self._seconds >= self._most_s:
            return f"the newest {self._seconds / wanted.seconds:.0%} of the time are read: more would be too much"
        return f"the newest {self._seconds / wanted.seconds:.0%} of the time are read so far"
