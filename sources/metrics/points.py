"""Points in the order they were found, as a series."""

from __future__ import annotations

import math
from array import array
from itertools import pairwise

from console.domain.series import Series, SeriesKey


def series_of(key: SeriesKey, times: array[float], values: array[float], source: str = "", query: str = "") -> Series:
    """A series from points that are finite already. Times in order are taken as they are; of equal times the last stands."""
    if all(a < b for a, b in pairwise(times)):
        return Series(key, times, values, source, query)
    # A dict keeps the place of the first of equal times, so the last is put in by sorting stably and overwriting.
    kept = dict(sorted(zip(times, values, strict=True), key=lambda point: point[0]))
    return Series(key, array("d", kept.keys()), array("d", kept.values()), source, query)


def number(raw: str | bytes) -> float | None:
    """A finite number; NaN for the words and marks of a gap; None where it is no number at all.

    Python reads `1_000` as a number, which nobody else does.
    """
    try:
        value = float(raw)
    except ValueError:
        return math.nan if not raw.strip() else None
    if b"_" in raw if isinstance(raw, bytes) else "_" in raw:
        return None
    return value if math.isfinite(value) else math.nan
