"""One series, or the number of lines, on the axis of a chart."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from statistics import median

from console.analysis.rates import error_series, rate_series
from console.domain.diagnosis import Diagnosis
from console.domain.instant import Window
from console.domain.logs import LogCounts
from console.domain.observations import Observations
from console.domain.series import SeriesKey
from console.state import (
    Axis,
    Trend,
)
from console.views import (
    mean_of,
    quiet_windows,
    requests_behind,
    trend_of,
)

PERCENTILES = {"latency_p50": 0.5, "latency_p90": 0.9, "latency_p95": 0.95, "latency_p99": 0.99}
SHORT = {"error_rate": "errors", "latency_avg": "mean latency", "request_rate": "traffic"}


def signal_text(metric: str) -> str:
    return SHORT.get(metric, metric.removeprefix("latency_").replace("_", " "))


def series_trend(observations: Observations, diagnosis: Diagnosis | None, key: SeriesKey, axis: Axis) -> Trend | None:
    """One series on the axis; None where no source tells it. Ratios and rates are made from counts where there are some."""
    quiet, found = (
        quiet_windows(axis.window, diagnosis),
        observations.series.get(key.service, key.metric, key.operation),
    )
    if key.metric in ("error_rate", "error_count", "availability"):
        found = error_series(observations.series, key.service, key.operation) or found
    elif key.metric in ("request_count", "request_rate"):
        found = rate_series(observations.series, key.service, key.operation) or found
    if found is None:
        return None
    signal = {"request_count": "traffic", "request_rate": "traffic", "error_count": "error_rate"}.get(key.metric)
    signal = signal or ("memory" if found.unit == "bytes" else key.metric)
    bad = any(
        (s.service, s.operation or "", s.signal) == (key.service, key.operation, signal) and s.end is None
        for s in (diagnosis.symptoms if diagnosis is not None else ())
    )
    unit = {"traffic": "1/s", "error_rate": "ratio", "availability": "ratio"}.get(signal, found.unit or "count")
    trend = trend_of(found, unit, axis, quiet, mean_of if unit == "1/s" else max, bad)
    if key.metric not in PERCENTILES:
        return trend
    return replace(trend, samples=requests_behind(observations.series, key.service, key.operation, axis.window))


def line_trend(counts: Iterable[LogCounts], axis: Axis, quiet: Iterable[Window]) -> Trend:
    """How many log lines there were in each step of the axis."""
    size = max(1, math.ceil(axis.window.seconds / axis.step_s))
    bins = [0.0] * size
    for one in counts:
        for place, levels in enumerate(one.buckets):
            at = int((one.start + place * one.step_s - axis.window.start) // axis.step_s)
            if 0 <= at < size:
                bins[at] += sum(levels.values())
    calm = [
        value
        for place, value in enumerate(bins)
        if any(axis.window.start + place * axis.step_s in stretch for stretch in quiet)
    ]
    complete = bins[:-1] or bins
    return Trend("count", complete[-1], max(bins), median(calm) if calm else None, tuple(bins))
