"""Numbers as people read them at three in the morning: short, with unit, never cut, unknown is `–`."""

from __future__ import annotations

import math

from console.domain.instant import age_step

UNKNOWN = "–"


def number_text(value: float | None, unit: str) -> str:
    """A value of `unit` (ratio, s, 1/s, bytes, count) with its unit, at most about seven cells."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if unit == "ratio":
        return f"{percent(value)} %"
    if unit == "s":
        return seconds(value)
    if unit == "1/s":
        return f"{plain(value)}/s"
    if unit == "bytes":
        return size(value)
    return count(value)


def bare_text(value: float | None, unit: str) -> str:
    """The same without the unit, for a column whose heading says it: ratios in percent, rates per second."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if unit == "ratio":
        return percent(value)
    if unit == "1/s":
        return plain(value)
    return number_text(value, unit)


def percent(ratio: float) -> str:
    """A ratio in percent without the sign: `0`, `0.02`, `0.21`, `8.4`, `81`; what is above zero never reads as zero."""
    value = ratio * 100
    size_ = abs(value)
    if size_ == 0:
        return "0"
    if size_ < 0.005:
        return "<0.01" if value > 0 else ">-0.01"
    if size_ < 0.995:
        return f"{value:.2f}".rstrip("0") if size_ >= 0.1 else f"{value:.2f}"
    if size_ < 9.95:
        return f"{value:.1f}"
    if size_ < 1e6:
        return f"{value:.0f}"
    return plain(value)


def seconds(value: float) -> str:
    """A duration: `0.4ms`, `31ms`, `0.95s`, `2.4s`, `45s`, `3m10s`, `2h05m`, `3d`."""
    size_ = abs(value)
    sign = "-" if value < 0 else ""
    if size_ == 0:
        return "0s"
    if size_ < 0.00095:
        return f"{sign}{size_ * 1e6:.0f}µs"
    if size_ < 0.00995:
        return f"{sign}{size_ * 1e3:.1f}ms"
    if size_ < 0.0995:
        return f"{sign}{size_ * 1e3:.0f}ms"
    if size_ < 0.995:
        return f"{sign}{size_:.2f}s"
    if size_ < 9.95:
        return f"{sign}{size_:.1f}s"
    if size_ < 119.5:
        return f"{sign}{size_:.0f}s"
    if size_ < 3600:
        return f"{sign}{int(size_ // 60)}m{int(size_ % 60):02d}s"
    if size_ < 172800:
        return f"{sign}{int(size_ // 3600)}h{int(size_ % 3600 // 60):02d}m"
    return f"{sign}{plain(size_ / 86400)}d"


def plain(value: float) -> str:
    """A number without unit: `0.4`, `12`, `1,204`, `38k`, `2.1M`."""
    size_ = abs(value)
    if size_ == 0:
        return "0"
    if size_ < 0.005:
        return "<0.01" if value > 0 else ">-0.01"
    if size_ < 0.0995:
        return f"{value:.2f}"
    if size_ < 9.95:
        return f"{value:.1f}".removesuffix(".0")
    if size_ < 9999.5:
        return f"{value:,.0f}"
    for limit, unit in ((1e6, "k"), (1e9, "M"), (1e12, "G"), (1e15, "T")):
        if size_ < limit * 0.9995:
            scaled = value / (limit / 1e3)
            return f"{scaled:.1f}{unit}" if abs(scaled) < 9.95 else f"{scaled:.0f}{unit}"
    return f"{value:.0e}"


def size(value: float) -> str:
    """Bytes in binary units: `512B`, `61MiB`, `1.4GiB`."""
    size_ = abs(value)
    if size_ < 1023.5:
        return f"{value:.0f}B"
    for power, unit in ((1, "KiB"), (2, "MiB"), (3, "GiB"), (4, "TiB")):
        scaled = value / 1024**power
        if abs(scaled) < 1023.5:
            return f"{scaled:.1f}{unit}" if abs(scaled) < 9.95 else f"{scaled:.0f}{unit}"
    return f"{value / 1024**5:.0f}PiB" if size_ < 1e21 else f"{value:.0e}B"


def count(value: float) -> str:
    """A count with thousands commas: `4,787`; above ten million shortened."""
    if abs(value) < 1e7 and abs(value - round(value)) < 1e-9:
        return f"{round(value):,}"
    return plain(value)


def lines_text(number: int, *, about: bool = False) -> str:
    """`1 line`, `4,787 lines`; `about 4,800 lines` where they were not all looked at, and more digits would say too much."""
    if about:
        number = int(float(f"{number:.2g}"))
    return f"{'about ' if about else ''}{number:,} line{'s' if number != 1 else ''}"


def short_count(value: float) -> str:
    """A count in at most five cells: `412`, `4,787`, `12k`."""
    return plain(round(value))


def age_text(age_s: float | None) -> str:
    """An age in steps, so that a title is not repainted every second: `0s`, `3s`, `10s`, `45s`, `2m`, `15m`, `3h`, `2d`.

    Rounded down, so never older than it says by more than a step; empty where there is none.
    """
    if age_s is None or not math.isfinite(age_s):
        return ""
    step = age_step(age_s)
    for unit, seconds, limit in (("s", 1, 120), ("m", 60, 3600), ("h", 3600, 172_800)):
        if step < limit:
            return f"{step // seconds:.0f}{unit}"
    return f"{step // 86400:.0f}d"
