"""Whether something is back: limits of differences, so that "inside the margin" can be shown and not only not refuted.

Proportions after Newcombe (1998, method 10, from Wilson's limits); continuous values by the Hodges-Lehmann shift with limits from
the ranks of the pairwise differences, widened for autocorrelation. All limits are one-sided, each at 95 % unless told otherwise.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from console.domain.values import dataclass

if TYPE_CHECKING:
    from console.analysis.stats import Numbers

Z_LIMIT = 1.6449
"""One-sided 95 % of the normal distribution."""
Z_POWER = 0.8416
"""80 %: the power that sample sizes are told for [P, textbook]."""
LAG_LEAST = 0.3
"""From this lag-1 correlation of blocks on, limits are widened: less cannot be told from none with a dozen blocks [D]."""
INFLATION_MOST = 4.0
"""Limits are widened as for at most this many times the variance: the correlation of few blocks is itself uncertain [D]."""


@dataclass(frozen=True, slots=True)
class Limits:
    """A difference, later less earlier, and the limits between which the true one lies."""

    low: float
    estimate: float
    high: float


def wilson(failures: float, n: float, z: float = Z_LIMIT) -> tuple[float, float]:
    """Limits of a proportion; (0, 1) where nothing was counted."""
    if n <= 0:
        return 0.0, 1.0
    p = min(1.0, max(0.0, failures / n))
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def proportions(k1: float, n1: float, k0: float, n0: float, z: float = Z_LIMIT) -> Limits:
    """Limits of k1/n1 - k0/n0; n1 and n0 must be above zero."""
    p1, p0 = k1 / n1, k0 / n0
    low1, high1 = wilson(k1, n1, z)
    low0, high0 = wilson(k0, n0, z)
    down = math.hypot(p1 - low1, high0 - p0)
    up = math.hypot(high1 - p1, p0 - low0)
    return Limits(p1 - p0 - down, p1 - p0, p1 - p0 + up)


def requests_needed(p: float, margin: float, baseline: float = math.inf) -> int | None:
    """Requests after the fix with which an unchanged error ratio `p` is shown to be within `margin`, with a power of 80 %.

    Args:
        baseline: Requests that `p` is known from.

    Returns:
        None where the baseline is too small for this margin, however long is waited.
    """
    if margin <= 0:
        return None
    p = min(0.5, max(p, 0.0))
    spread = (Z_LIMIT + Z_POWER) ** 2 * p * (1 - p)
    left = margin * margin - spread / baseline
    if left <= 0:
        return None
    return math.ceil(max(spread / left, Z_LIMIT**2 / margin))


def lag_one(values: Numbers) -> float:
    """Correlation of each value with the next; 0 where there are too few or they do not vary."""
    if values.size < 4:
        return 0.0
    rest = values - values.mean()
    spread = float((rest * rest).sum())
    return float((rest[:-1] * rest[1:]).sum()) / spread if spread > 0 else 0.0


def inflation(*parts: Numbers) -> float:
    """By how much the autocorrelation of blocks inflates the variance of a mean; 1 where it is slight.

    The correlation is that of all parts together, weighted by their sizes.
    """
    total = sum(part.size for part in parts)
    if not total:
        return 1.0
    phi = sum(lag_one(part) * part.size for part in parts) / total
    if phi <= LAG_LEAST:
        return 1.0
    return min(INFLATION_MOST, (1 + phi) / max(1e-9, 1 - phi))


def shift(before: Numbers, after: Numbers, z: float = Z_LIMIT) -> Limits:
    """Hodges-Lehmann shift from `before` to `after` with its limits; both must hold values.

    The limits are the pairwise differences at the ranks that the Mann-Whitney statistic allows (Lehmann 1975), its variance
    inflated for autocorrelation. Where there are too few values for a limit, it is infinite.
    """
    import numpy as np

    differences = np.sort((after[:, None] - before[None, :]).ravel())
    n0, n1 = before.size, after.size
    spread = math.sqrt(n0 * n1 * (n0 + n1 + 1) / 12 * inflation(before, after))
    rank = math.floor(n0 * n1 / 2 - z * spread)
    estimate = float(np.median(differences))
    if rank < 1:
        return Limits(-math.inf, estimate, math.inf)
    return Limits(float(differences[rank - 1]), estimate, float(differences[-rank]))


def widened(limits: Limits, error: float, z: float = Z_LIMIT) -> Limits:
    """The same, where what it is compared with is itself known with this standard error only."""
    if error <= 0:
        return limits
    down = math.hypot(limits.estimate - limits.low, z * error)
    up = math.hypot(limits.high - limits.estimate, z * error)
    return Limits(limits.estimate - down, limits.estimate, limits.estimate + up)


def samples_for(limits: Limits, n: int, margin: float) -> int | None:
    """How many samples bring the upper limit inside the margin if nothing else changes; None: the shift itself is outside.

    Limits narrow with the square root of n.
    """
    room = margin - limits.estimate
    half = limits.high - limits.estimate
    if room <= 0 or not math.isfinite(half):
        return None
    return max(n, math.ceil(n * (half / room) ** 2))


def blocks_of(times: Numbers, values: Numbers, start: float, end: float, block_s: float) -> Numbers:
    """Mean of each whole block of `block_s` that ends at or before `end`, counted back from there, oldest first.

    A value stands for the interval that ends at its time. Blocks with less than half as many values as the fullest are left out:
    a mean of few is no mean of many.
    """
    import numpy as np

    count = int((end - start) / block_s + 1e-9)
    inside = (times > end - count * block_s + 1e-6) & (times <= end + 1e-6)
    place = np.clip(((end - times[inside]) / block_s + 1e-9).astype(int), 0, max(0, count - 1))
    if not count or not place.size:
        return np.empty(0)
    sizes = np.bincount(place, minlength=count)
    sums = np.bincount(place, weights=values[inside], minlength=count)
    full = sizes >= max(1.0, sizes.max() / 2)
    means: Numbers = (sums[full] / sizes[full])[::-1]
    return means
