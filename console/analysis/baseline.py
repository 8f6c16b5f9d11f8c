"""What a series is compared with: its level from the minutes before, its noise from all history, and what matters beside it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from console.analysis.constants import (
    LATENCY_EFFECT,
    LATENCY_EFFECT_S,
    LOCAL_HORIZON_S,
    MAD_TO_SIGMA,
    MIN_NOISE_POINTS,
    OPEN_Z,
    SCALE_FLOOR,
    SCALE_FLOOR_RATIO,
    SURGE_RATIO,
    WATCH_Z,
    Thresholds,
)
from console.analysis.signals import Family
from console.analysis.stats import Ordered, median_of, rolling_sum
from console.domain.instant import Instant
from console.domain.values import dataclass

if TYPE_CHECKING:
    from console.analysis.episodes import Flags
    from console.analysis.stats import Numbers

GAUGE_EFFECT = 0.25
"""Smallest relative change of a saturation or an unknown gauge that is worth a word [D]."""
LONG_HORIZON_S = 86400.0
"""How far back trouble is followed that fills the whole local stretch [D]."""
INCIDENT_SHARE = 0.45
"""Share of a baseline that one incident may fill and still be left out of its noise [D]."""
DENSE = 5
"""Bins that must be off among twice as many for a stretch that stands out [D]."""
USUAL_SHARE = 0.98
"""What this share of the bins before stay below is usual: one bin above it may be chance, several in a row are none [D]."""
LASTING_RATIO = 2.0
"""The local stretch is worse for hours where its middle is this many times what was before [D]."""


@dataclass(frozen=True, slots=True)
class Base:
    """What a track is compared with."""

    level: float
    scale: float
    long: Ordered
    near: Ordered
    incident: bool = False
    """Whether the leading points hold an incident of the past."""
    usual: float = 0.0
    """Scales above the level up to which the leading points go by themselves: `USUAL_SHARE` of them."""

    def exceeded(self, z: float, near_only: bool = False) -> float:
        """Share of the baseline's own bins that lie so many scales above their level: (k + 1) / (n + 1).

        Args:
            near_only: Other hours do not count.
        """
        off, size = self.near.size - _rank(self.near, self.level + z * self.scale), self.near.size
        if self.long.size and not near_only:
            off += self.long.size - _rank(self.long, self.long.median() + z * self.scale)
            size += self.long.size
        return (off + 1) / (size + 1)


def split(times: Numbers, at: Instant, horizon_s: float = LOCAL_HORIZON_S) -> int:
    """Index of the first point of the local stretch."""
    return int(times.searchsorted(at - horizon_s, side="right"))


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
    calm = calmed(older, long), calmed(lead, near)
    floor = scale_floor(family, level, *calm)
    scale = floor
    for part in calm:
        if part.size >= MIN_NOISE_POINTS / 2:
            scale = max(scale, part.scale(floor))
    usual = (calm[1].quantile(USUAL_SHARE) - level) / scale if calm[1].size >= 2 * MIN_NOISE_POINTS else 0.0
    return Base(level, scale, long, near, calm[1].size < near.size, usual)


def calmed(values: Numbers, ordered: Ordered) -> Ordered:
    """Without the one stretch that stands out of them, where there is one: an incident of the past is no noise.

    What stands out again and again stays: that is how it always is.
    """
    import numpy as np

    size = ordered.size
    middle = ordered.median() if size >= 2 * MIN_NOISE_POINTS else 0.0
    if middle <= 0 or ordered.sorted[-max(DENSE, size // 50)] < LASTING_RATIO * middle:
        return ordered
    scale = max(median_of(np.abs(values - middle)) * MAD_TO_SIGMA, SCALE_FLOOR * middle)
    off = values > max(middle + OPEN_Z * scale, (1 + LASTING_RATIO) / 2 * middle)
    dense = np.flatnonzero(rolling_sum(off, 2 * DENSE - 1) >= DENSE)
    if not dense.size:
        return ordered
    begin, last = max(0, int(dense[0]) - 2 * DENSE + 2), int(dense[-1])
    first = begin + int(np.argmax(off[begin:]))
    length = last - first + 1
    if length > INCIDENT_SHARE * size or int(off[first : last + 1].sum()) < length / 2 - DENSE:
        return ordered
    return Ordered(np.concatenate([values[:first], values[last + 1 :]]))


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
    return int(ordered.sorted.searchsorted(value))


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


def least_change(family: Family, level: float, thresholds: Thresholds) -> float:
    """The smallest distance from the level that matters, whatever the noise."""
    match family:
        case Family.RATIO:
            return max(thresholds.min_effect_ratio, thresholds.min_effect * abs(level))
        case Family.LATENCY:
            return max(LATENCY_EFFECT * abs(level), LATENCY_EFFECT_S)
        case Family.TRAFFIC:
            return (SURGE_RATIO - 1) * abs(level)
        case Family.FAILURES | Family.MEMORY:
            return thresholds.min_effect * abs(level)
        case _:
            return GAUGE_EFFECT * abs(level)


def big_enough(family: Family, values: Numbers, level: float, thresholds: Thresholds) -> Flags:
    """Which values differ from the level by enough to matter, whatever the noise."""
    shift = values - level
    result: Flags = (shift >= least_change(family, level, thresholds)) & (shift > 0)
    return result
