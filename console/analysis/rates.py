"""Requests per second and the share of them that failed, out of whatever metrics a source gives."""

from __future__ import annotations

from console.domain.series import Series, SeriesSet


def rate_series(series: SeriesSet, service: str, operation: str = "") -> Series | None:
    """Requests per second: as measured, else from counts per interval."""
    direct = series.get(service, "request_rate", operation)
    counts = series.get(service, "request_count", operation)
    if direct is not None or counts is None:
        return direct
    step = counts.step_s() or 60.0
    points = [(at, value / step) for at, value in counts]
    return Series.of(counts.key, points, counts.source, counts.query)


def error_series(series: SeriesSet, service: str, operation: str = "") -> Series | None:
    """Share of requests that failed: from counts where both exist, else as measured. No traffic is a gap."""
    failed, total = (series.get(service, name, operation) for name in ("error_count", "request_count"))
    if failed is not None and total is not None:
        errors = dict(failed)
        points = [(at, errors.get(at, 0.0) / count) for at, count in total if count > 0]
        return Series.of(failed.key, points, failed.source, failed.query)
    measured = series.get(service, "error_rate", operation)
    if measured is not None:
        return measured
    available = series.get(service, "availability", operation)
    if available is None:
        return None
    return Series.of(available.key, [(at, 1 - value) for at, value in available], available.source, available.query)
