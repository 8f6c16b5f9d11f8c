"""What a signal was within a stretch, and on how many requests: the figures of every comparison of before with after."""

from __future__ import annotations

import math
from statistics import fmean, median

from console.analysis.words import number
from console.domain.instant import Window
from console.domain.series import Series, SeriesSet
from console.domain.values import dataclass

FAILING = ("error_rate", "error_count", "availability")
"""Metrics that tell which share of the requests failed."""


@dataclass(frozen=True, slots=True)
class Side:
    """A signal within one stretch."""

    value: float
    requests: int | None
    """None where nobody counts them."""
    bins: int
    """Intervals that it was read in."""

    def told(self, unit: str) -> str:
        """`8.4 % (5,120 requests)`."""
        counted = f"{self.requests:,} requests" if self.requests is not None else f"{self.bins} intervals"
        return f"{number(self.value, unit)} ({counted})"


def side_of(series: SeriesSet, service: str, operation: str, metric: str, stretch: Window) -> Side | None:
    """A signal of a service or operation within a stretch; None where nothing tells it there.

    The share of failures is that of all requests where both are counted; of everything else the median of its intervals.
    """
    requests = requests_of(series, service, operation, stretch)
    if metric in FAILING:
        share, bins = failed_share(series, service, operation, stretch), 0
        for name in FAILING:
            bins = bins or len(points(series.get(service, name, operation), stretch))
        return Side(share, requests, bins) if share is not None else None
    values = points(series.get(service, metric, operation), stretch)
    return Side(median(values), requests, len(values)) if values else None


def inside(one: Series | None, stretch: Window) -> Series | None:
    """A series within a stretch. Each point stands for the interval that ends at it, so the last one belongs to it and what is
    stamped at its first instant does not."""
    if one is None:
        return None
    return one.within(Window(math.nextafter(stretch.start, math.inf), math.nextafter(stretch.end, math.inf)))


def points(one: Series | None, stretch: Window) -> list[float]:
    """The values of a series within a stretch."""
    found = inside(one, stretch)
    return list(found.values) if found is not None else []


def requests_of(series: SeriesSet, service: str, operation: str, stretch: Window) -> int | None:
    """Requests within a stretch; None where nobody counts them."""
    counts = series.get(service, "request_count", operation)
    if counts is not None:
        return round(sum(points(counts, stretch)))
    rates = inside(series.get(service, "request_rate", operation), stretch)
    return round(sum(rates.values) * (rates.step_s() or 0.0)) if rates is not None else None


def rate_of(series: SeriesSet, service: str, operation: str, stretch: Window) -> float | None:
    """Requests per second within a stretch, as measured, else from counts; None where nobody counts them."""
    measured = inside(series.get(service, "request_rate", operation), stretch)
    if measured is not None:
        return fmean(measured.values) if len(measured) else None
    counts = inside(series.get(service, "request_count", operation), stretch)
    return fmean(counts.values) / (counts.step_s() or 60.0) if counts is not None and len(counts) else None


def failed_share(series: SeriesSet, service: str, operation: str, stretch: Window) -> float | None:
    """Share of the requests within a stretch that failed; None without requests, or where nobody tells."""
    failed, total = (series.get(service, name, operation) for name in ("error_count", "request_count"))
    if failed is not None and total is not None:
        requests = sum(points(total, stretch))
        return min(1.0, sum(points(failed, stretch)) / requests) if requests else None
    shares = points(series.get(service, "error_rate", operation), stretch)
    if not shares:
        shares = [1 - value for value in points(series.get(service, "availability", operation), stretch)]
    return fmean(shares) if shares else None
