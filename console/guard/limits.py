"""How much a reproduction may ask, by tier, and when a run must stop. Pure: the caller brings the clock."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from console.domain.values import dataclass

CONNECT_S = 3.0
TOTAL_S = 15.0
RUN_S = 120.0
MOST_ANSWER = 1 << 20
"""Bytes of an answer after decompression."""
MOST_RATIO = 100
MOST_HEAD = 64 << 10

OTHER_FAILURES = 3
SLOW_FACTOR = 3.0
SLOW_S = 2.0
ERROR_RATE_UP = 0.02
LOCKOUT_PAUSE_S = 300.0
"""After one 401 or 403: accounts are locked by repeated failures, so the pause holds for every console."""
FAILURE_PAUSE_S = 60.0
LONGEST_PAUSE_S = 3600.0
OBSERVED_SHARE = 0.01
"""Of the route's own traffic, at most this share."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one environment bears."""

    per_second: float
    concurrent: int
    per_run: int
    per_incident: int
    after_confirmation: int
    """Requests per incident once a person has confirmed that more are needed."""


_BY_TIER = {
    "production": Limits(1.0, 1, 20, 60, 200),
    "staging": Limits(5.0, 2, 60, 300, 300),
    "local": Limits(20.0, 4, 200, 2000, 2000),
}


def limits_of(tier: str, observed_per_s: float | None = None) -> Limits:
    """The limits of a tier; a route that is asked rarely lowers the rate to a hundredth of its own.

    Args:
        observed_per_s: Requests a second that the route gets; None where it is not known.
    """
    limits = _BY_TIER[tier]
    if observed_per_s is not None and observed_per_s > 0:
        return replace(limits, per_second=min(limits.per_second, OBSERVED_SHARE * observed_per_s))
    return limits


class Answered(Protocol):
    """What a breaker looks at."""

    @property
    def status(self) -> int | None:
        """None where no answer came."""
        ...

    @property
    def elapsed_s(self) -> float: ...

    @property
    def retry_after_s(self) -> float | None:
        """What `Retry-After` asks for."""
        ...


@dataclass(frozen=True, slots=True)
class Trip:
    """Why a run stops, and for how long nobody may go on."""

    reason: str
    pause_s: float


class Breaker:
    """Watches the answers of one run."""

    def __init__(self) -> None:
        self._first_s: float | None = None
        self._others = 0
        self._error_rate: float | None = None

    def saw(self, answer: Answered, expected: bool) -> Trip | None:
        """Look at one answer.

        Args:
            expected: It is the failure that is being reproduced, or no failure.
        """
        if answer.status == 429 or answer.retry_after_s is not None:
            wait = min(answer.retry_after_s or FAILURE_PAUSE_S, LONGEST_PAUSE_S)
            return Trip(f"the server asks to wait {wait:.0f} s ({answer.status})", wait)
        if answer.status in (401, 403):
            return Trip(f"{answer.status}: more of these could lock the account", LOCKOUT_PAUSE_S)
        failed = answer.status is None or answer.status >= 400
        self._others = self._others + 1 if failed and not expected else 0
        if self._others >= OTHER_FAILURES:
            return Trip(f"{OTHER_FAILURES} other failures in a row", FAILURE_PAUSE_S)
        if self._first_s is None:
            self._first_s = answer.elapsed_s
        elif answer.elapsed_s > SLOW_FACTOR * self._first_s and answer.elapsed_s > SLOW_S:
            return Trip(
                f"answers have become slow: {answer.elapsed_s:.1f} s after {self._first_s:.1f} s", FAILURE_PAUSE_S
            )
        return None

    def error_rate(self, rate: float) -> Trip | None:
        """Look at the target's own error rate, 0 to 1, as its metrics tell it during the run."""
        if self._error_rate is None:
            self._error_rate = rate
        elif rate > self._error_rate + ERROR_RATE_UP:
            return Trip(f"the target's error rate rose from {self._error_rate:.1%} to {rate:.1%}", FAILURE_PAUSE_S)
        return None
