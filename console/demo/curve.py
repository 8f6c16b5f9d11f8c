"""The day of the shop, compressed to minutes: how many requests arrive when."""

from __future__ import annotations

import math

from console.demo.profile import BASE_RATE, MIX, Path
from console.domain.values import dataclass

DAY = 2400.0
"""Length of a day, in seconds."""
SWING = 0.12
"""How far the rate moves from its mean, up and down, over an ordinary day."""


@dataclass(frozen=True, slots=True)
class Rush:
    """A stretch with more of something than the day has; it ramps up, stays, and ramps down.

    Times are seconds from the moment the live traffic starts; history is negative.
    """

    start: float
    end: float
    factor: dict[Path, float]
    """How many times the ordinary rate, per path."""
    ramp: float = 12.0

    def strength(self, at: float) -> float:
        """0 outside, 1 in full, between on the ramps."""
        if not self.start < at < self.end:
            return 0.0
        return min(1.0, (at - self.start) / self.ramp, (self.end - at) / self.ramp)


def daily(at: float) -> float:
    """The share of the mean rate at `at` seconds from the start of live traffic: its mean there, and rising slowly."""
    return 1.0 + SWING * (0.8 * math.sin(2 * math.pi * at / DAY) + 0.2 * math.sin(4 * math.pi * at / DAY))


def rates(at: float, rushes: tuple[Rush, ...] = ()) -> dict[Path, float]:
    """Requests per second of each path."""
    level = BASE_RATE * daily(at)
    found = {path: level * share for path, share in MIX.items()}
    for rush in rushes:
        strength = rush.strength(at)
        if strength:
            for path, factor in rush.factor.items():
                found[path] *= 1.0 + (factor - 1.0) * strength
    return found
