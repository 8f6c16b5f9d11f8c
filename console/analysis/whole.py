"""Services that tell their operations only: the whole of each, added up, so that the call graph has one node for it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from console.analysis.tracks import arrays
from console.domain.series import Series, SeriesKey, SeriesSet

if TYPE_CHECKING:
    from console.analysis.stats import Numbers

SUMS = ("request_count", "request_rate", "error_count")
MEANS = ("error_rate", "availability", "latency_avg")
"""Means weighted by requests; percentiles of parts make no percentile of the whole."""
ALIGNED = 1.5
"""Stamps of all parts over those of the longest part, above which the parts were not read at the same times [D]."""


def with_wholes(series: SeriesSet) -> SeriesSet:
    """The same series, and those of whole services where only operations were given."""
    parts: dict[tuple[str, str, str], list[Series]] = defaultdict(list)
    whole: set[tuple[str, str]] = set()
    for one in series:
        service, metric = one.key.service, one.key.metric
        if metric not in SUMS and metric not in MEANS:
            continue
        if one.key.operation:
            parts[service, metric, one.source].append(one)
        else:
            whole.add((service, metric))
    added = []
    for (service, metric, source), found in parts.items():
        if (service, metric) not in whole and (made := _whole(series, service, metric, source, found)) is not None:
            added.append(made)
            whole.add((service, metric))
    return SeriesSet.of([*series, *added]) if added else series


def _whole(series: SeriesSet, service: str, metric: str, source: str, found: list[Series]) -> Series | None:
    import numpy as np

    weights = None if metric in SUMS else _weights(series, found)
    if metric in MEANS and weights is None:
        return None
    times = np.concatenate([arrays(one)[0] for one in found])
    values = np.concatenate([arrays(one)[1] for one in found])
    found_at = np.unique(times, return_inverse=True)
    stamps: Numbers = found_at[0]
    place = found_at[1]
    if not stamps.size or stamps.size > ALIGNED * max(map(len, found)):
        return None
    if weights is None:
        total: Numbers = np.bincount(place, weights=values).astype(np.float64)
    else:
        known = np.where(np.isfinite(values), weights, 0.0)
        counts = np.bincount(place, weights=known)
        total = np.bincount(place, weights=np.where(known > 0, values, 0.0) * known).astype(np.float64)
        stamps, total, counts = stamps[counts > 0], total[counts > 0], counts[counts > 0]
        total = total / counts
    return Series.of(SeriesKey(service, "", metric), list(zip(stamps.tolist(), total.tolist(), strict=True)), source)


def _weights(series: SeriesSet, found: list[Series]) -> Numbers | None:
    """Requests behind every value of the parts; None where a part tells none."""
    import numpy as np

    weights = []
    for one in found:
        key = one.key
        counts = series.get(key.service, "request_count", key.operation)
        counts = counts or series.get(key.service, "request_rate", key.operation)
        if counts is None or not len(counts):
            return None
        at, known = arrays(counts)
        times, _ = arrays(one)
        index = np.clip(np.searchsorted(at, times), 0, at.size - 1)
        weights.append(np.where(at[index] == times, np.maximum(known[index], 0.0), 0.0))
    merged: Numbers = np.nan_to_num(np.concatenate(weights))
    return merged
