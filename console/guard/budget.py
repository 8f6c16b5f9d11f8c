"""What this console may cost the systems that it asks.

A sliding window instead of a token bucket: a full bucket beside its refill lets nearly twice the limit through in the first
minute, and the promise on the screen is "never more than N in any minute". Pure: the caller brings the clock, a monotonic
one, so that a wall clock that steps back neither blocks nor floods anybody.
"""

from __future__ import annotations

from collections import deque

MINUTE = 60.0
LONGEST_PAUSE_S = 3600.0
"""A pause that the other side asks for is kept up to this long; a source must not be able to blind us for good."""


class RequestBudget:
    """At most `per_minute` requests in any 60 seconds, and none during a pause that the other side asked for.

    Args:
        per_minute: The limit; at least 1.
    """

    def __init__(self, per_minute: int) -> None:
        self.per_minute = max(1, per_minute)
        self._granted: deque[float] = deque(maxlen=self.per_minute)
        self._paused_until = float("-inf")

    def take(self, now: float) -> float:
        """Grant one request and count it, or tell how long to wait.

        Args:
            now: Monotonic seconds.

        Returns:
            0 when the request may leave; otherwise the seconds until it may, and nothing is counted.
        """
        wait = self._paused_until - now
        if len(self._granted) == self.per_minute:
            wait = max(wait, self._granted[0] + MINUTE - now)
        if wait > 0:
            return wait
        self._granted.append(now)
        return 0.0

    def pause(self, now: float, seconds: float) -> None:
        """No request for `seconds`; a shorter pause never shortens a longer one."""
        self._paused_until = max(self._paused_until, now + min(max(seconds, 0.0), LONGEST_PAUSE_S))

    def paused(self, now: float) -> bool:
        """Whether the other side asked us to wait, and the time is not over."""
        return now < self._paused_until

    def used(self, now: float) -> int:
        """Requests granted in the last 60 seconds."""
        return sum(1 for at in self._granted if at > now - MINUTE)
