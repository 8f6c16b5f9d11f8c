"""Quantiles of bucketed durations, as Prometheus computes them."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

QUANTILES = (("latency_p50", 0.5), ("latency_p95", 0.95), ("latency_p99", 0.99))


def bucket_quantile(quantile: float, bounds: Sequence[float], cumulative: Sequence[float]) -> float | None:
    """The value below which a share of the observations lies, interpolated linearly within its bucket.

    The algorithm of Prometheus' `histogram_quantile` (promql/quantile.go): the lowest bucket starts at 0 where its bound is
    positive, and what falls into the last bucket counts as its lower bound, since nothing more is known.

    Args:
        bounds: Upper bounds, ascending, the last one infinite.
        cumulative: Observations, or their rate, up to each bound. Where a count is below one before it, as rates of parts
            that were scraped at different moments can be, the larger one stands.

    Returns:
        None without observations, without an infinite bucket, or with fewer than two buckets.
    """
    if len(bounds) < 2 or not math.isinf(bounds[-1]):
        return None
    rising: list[float] = []
    for count in cumulative:
        rising.append(max(count, rising[-1]) if rising else count)
    total = rising[-1]
    if not total > 0 or not math.isfinite(total):
        return None
    rank = quantile * total
    place = min(bisect_left(rising, rank), len(bounds) - 1)
    if place == len(bounds) - 1:
        return bounds[-2]
    upper = bounds[place]
    if place == 0 and upper <= 0:
        return upper
    lower, below = (bounds[place - 1], rising[place - 1]) if place else (0.0, 0.0)
    inside = rising[place] - below
    return lower + (upper - lower) * ((rank - below) / inside) if inside > 0 else upper


def bound_of(text: str) -> float | None:
    """The bound in an `le` label; None where it is no number."""
    try:
        bound = float(text)
    except ValueError:
        return None
    return None if math.isnan(bound) else bound
