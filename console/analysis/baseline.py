"""What a series is compared with: its level from the minutes before, its noise from all history, and what matters beside it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from console.analysis.constants import (
    LATENCY_EFFECT,
    LATENCY_EFFECT_S,
    LOCAL_HORIZON_S,
    MIN_NOISE_POINTS,
    OPEN_Z,
    SCALE_FLOOR,
    SCALE_FLOOR_RATIO,
    SURGE_RATIO,
    WATCH_Z,
    Thresholds,
)
from console.analysis.signals import Family
from console.analysis.stats import Ordered, median_of
from console.domain.instant import Instant
from console.domain.values import dataclass

if TYPE_CHECKING:
    from console.analysis.episodes import Flags
    from console.analysis.stats import Numbers

GAUGE_EFFECT = 0.25
"""Smallest relative change of a saturation or an unknown gauge that is worth a word [D]."""
LONG_HORIZON_S = 86400.0
"""How far back trouble is followed that fills the whole local stretch [D]."""
LASTING_RATIO = 2.0
"""The local stretch is worse for hours where its middle is this many times what was before [D]."""


@dataclass(frozen=True, slots=True)
class Base:
    """What a track is compared with."""

    level: float
    scale: float
    long: Ordered
    near: Ordered

    def exceeded(self, z: float) -> float:
        """Share of the baseline's own bins that lie so many scales above their level: (k + 1) / (n + 1)."""
        off = self.near.size - _rank(self.near, self.level + z * self.scale)
        if self.long.size:
            off += self.long.size - _rank(self.long, self.long.median() + z * self.scale)
        return (off + 1) / (self.long.size + self.near.size + 1)


def split(times: Numbers, at: Instant, horizon_s: float = LOCAL_HORIZON_S) -> int:
    """Index of the first point of the local stretch."""
    import numpy as np

    return int(np.searchsorted(times, at - horizon_s, side="right"))


def long_horizon(times: Numbers, at: Instant) -> float | None:
    """How far back to look for trouble that has lasted for hours; None: the history is too short for that."""
    span = at - float(times[0]) if times.size else 0.0
    return min(span, LONG_HORIZON_S) if span >= 2 * LOCAL_HORIZON_S else None


def base_of(family: Family, older: Numbers, lead: Numbers) -> Base | None:
    """Level from the leading half of the local stretch, noise from that and all older history; None: too little history."""
    if older.size + lead.size < MIN_NOISE_POINTS:
        return None
    long = Ordered(older)
    lead = undisturbed(family, long, lead)
    near = Ordered(lead)
    if not near.size and not long.size:
        return None
    level = near.median() if near.size else long.median()
    floor = scale_floor(family, level, long, near)
    scale = floor
    for part in (long, near):
        if part.size >= MIN_NOISE_POINTS / 2:
            scale = max(scale, part.scale(floor))
    return Base(level, scale, long, near)


def before_trouble(local: Numbers, half: int) -> int:
    """End of the leading points less those at their end that belong to what follows: far above the rest, without a break."""
    if half < MIN_NOISE_POINTS:
        return half
    level, end = median_of(local[:half]), half
    if level <= 0 or median_of(local[half:]) < LASTING_RATIO * level:
        return half
    while end > half // 2 and local[end - 1] >= (1 + LASTING_RATIO) / 2 * level:
        end -= 1
    return end


def _rank(ordered: Ordered, value: float) -> int:
    import numpy as np

    return int(np.searchsorted(ordered.sorted, value))


def undisturbed(family: Family, long: Ordered, lead: Numbers) -> Numbers:
    """The healthiest of a few leading points, where they differ by more than the noise of the long history allows.

    With a handful of points, or where most are far above all history, the trouble may have begun among them; their
    median would hide it.
    """
    if lead.size < 2 or long.size < MIN_NOISE_POINTS:
        return lead
    if lead.size >= MIN_NOISE_POINTS / 2 and not (
        family in (Family.RATIO, Family.LATENCY) and median_of(lead) >= LASTING_RATIO * long.median()
    ):
        return lead
    floor = max(SCALE_FLOOR * abs(float(lead.min())), (long.quantile(0.95) - long.quantile(0.05)) / 3.3)
    calm: Numbers = lead[lead <= lead.min() + WATCH_Z * long.scale(floor)]
    return calm


def scale_floor(family: Family, level: float, long: Ordered, near: Ordered) -> float:
    """The smallest scale that is believed; see the constants."""
    spread = 0.0
    for part in (long, near):
        if part.size >= MIN_NOISE_POINTS:
            spread = max(spread, (part.quantile(0.95) - part.quantile(0.05)) / 3.3 / 2)
        elif part.size:
            spread = max(spread, float(part.sorted[-1] - part.sorted[0]) / 2)
    floor = max(SCALE_FLOOR * abs(level), spread)
    match family:
        case Family.RATIO:
            floor = max(floor, SCALE_FLOOR_RATIO)
        case Family.LATENCY:
            floor = max(floor, LATENCY_EFFECT_S / OPEN_Z)
        case Family.FAILURES if counts_whole(long.sorted) and counts_whole(near.sorted):
            floor = max(floor, math.sqrt(max(level, 1.0)))  # whole numbers vary at least as chance does
        case Family.FAILURES if floor <= 0:
            floor = 1.0
        case Family.TRAFFIC:
            floor = max(floor, math.sqrt(abs(level)) if abs(level) < 1e4 else 0.0, 1.0 if level == 0 else 0.0)
        case Family.SATURATION:
            floor = max(floor, 0.004)
        case _:
            pass
    if floor <= 0:
        largest = max(
            (max(abs(float(p.sorted[0])), abs(float(p.sorted[-1]))) for p in (long, near) if p.size), default=0.0
        )
        floor = largest * SCALE_FLOOR if largest > 0 else 1e-9
    return floor


def counts_whole(values: Numbers) -> bool:
    """Whether all of them are whole numbers."""
    import numpy as np

    return bool((values == np.floor(values)).all())


def big_enough(family: Family, values: Numbers, level: float, thresholds: Thresholds) -> Flags:
    """Which values differ from the level by enough to matter, whatever the noise."""
    shift = values - level
    match family:
        case Family.RATIO:
            least = max(thresholds.min_effect_ratio, thresholds.min_effect * abs(level))
        case Family.LATENCY:
            least = max(LATENCY_EFFECT * abs(level), LATENCY_EFFECT_S)
        case Family.TRAFFIC:
            least = (SURGE_RATIO - 1) * abs(level)
        case Family.FAILURES | Family.MEMORY:
            least = thresholds.min_effect * abs(level)
        case _:
            least = GAUGE_EFFECT * abs(level)
    result: Flags = (shift >= least) & (shift > 0)
    return result
