"""Latencies as records write them, in seconds.

The rule, in order: the unit that the configuration gives; the unit in the value (`12ms`, `1.5s`, `1m2s`, a duration of
Go); the unit in the field's name (`latency_ms`, `duration_us`, `elapsed_seconds`); what the name means by convention
(`request_time` of nginx: seconds; `responseTime` of pino: milliseconds; `event.duration` of ECS: nanoseconds). A bare
number in a bare field (`duration`, `latency`, `elapsed`) is milliseconds, unless the numbers themselves say otherwise:
fractions with a median below 1 are seconds, whole numbers with a median of 100,000 or more are nanoseconds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

_CONVENTION = {
    "request_time": 1.0,
    "upstream_response_time": 1.0,
    "responsetime": 1e-3,
    "response_time": 1e-3,
    "event.duration": 1e-9,
    "time_taken": 1e-3,
    "runtime": 1.0,
}
_SUFFIX = re.compile(
    r"(?:[_.-](ms|msec|msecs|millis|milliseconds|s|sec|secs|seconds|us|usec|micros|microseconds|ns|nsec|nanos|nanoseconds)"
    r"|(Ms|Millis|Milliseconds|MS|Sec|Secs|Seconds|Us|Micros|Microseconds|Ns|Nanos|Nanoseconds))$"
)
_PART = re.compile(
    r"(\d+(?:\.\d+)?|\.\d+)\s*(h|ms|msec|millis|milliseconds|m|min|seconds|secs?|s|us|µs|μs|usec|ns)(?![a-z])", re.I
)
_PART_SECONDS = {"h": 3600.0, "m": 60.0, "min": 60.0, "s": 1.0, "sec": 1.0, "secs": 1.0, "seconds": 1.0,
                 "ms": 1e-3, "msec": 1e-3, "millis": 1e-3, "milliseconds": 1e-3,
                 "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "usec": 1e-6, "ns": 1e-9}  # fmt: skip
_ONE_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|ns|s|m|h)", re.A)
_LONGEST_S = 31 * 86400.0
"""What takes longer than a month is no latency but a number of another meaning."""


def unit_in_name(name: str) -> float | None:
    """Seconds per unit that a field's name tells, by suffix or by convention; None where it tells nothing."""
    convention = _CONVENTION.get(name.lower())
    if convention is not None:
        return convention
    match = _SUFFIX.search(name)
    if match is None:
        return None
    word = (match[1] or match[2]).lower()
    if word.startswith("m") and not word.startswith("micro"):
        return 1e-3
    return {"s": 1.0, "u": 1e-6, "n": 1e-9, "m": 1e-6}[word[0]]


def learned_unit(values: Sequence[float]) -> float:
    """Seconds per unit of a bare field, from a sample of its numbers."""
    positive = sorted(v for v in values if v > 0 and math.isfinite(v))
    if not positive:
        return 1e-3
    median = positive[len(positive) // 2]
    whole = all(float(v).is_integer() for v in positive)
    if whole:
        return 1e-9 if median >= 1e5 else 1e-3
    return 1.0 if median < 1 else 1e-3


def span_in(text: str) -> float | None:
    """Seconds in a text with units (`12ms`, `1m2.5s`); None where it has none or more than a span."""
    if _PART.sub("", text).strip():
        return None
    total = sum(float(number) * _PART_SECONDS[unit.lower()] for number, unit in _PART.findall(text))
    return total if _PART.search(text) else None


def latency_of(value: object, unit: float) -> float | None:
    """Seconds that a field's value means, `unit` being what a bare number counts; None where it is no latency."""
    if isinstance(value, str):
        match = _ONE_PART.fullmatch(value)
        if match is not None:
            told = float(match[1]) * _PART_SECONDS[match[2]]
            return told if told < _LONGEST_S else None
        bare = _float(value)
        seconds = span_in(value) if bare is None else bare * unit
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = value * unit
    else:
        return None
    return seconds if seconds is not None and 0 <= seconds < _LONGEST_S else None


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def latencies_of(values: Sequence[object], unit: float) -> list[float | None]:
    """As `latency_of`, of many values."""
    return [
        value * unit
        if type(value) is float and 0.0 <= value < 1e6
        else None
        if value is None
        else latency_of(value, unit)
        for value in values
    ]
