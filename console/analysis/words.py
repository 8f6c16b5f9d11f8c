"""Sentences about numbers, each with its unit; one place, so that screen, text and JSON say the same."""

from __future__ import annotations

import math

from console.analysis.moves import Move
from console.domain.instant import clock_text


def number(value: float, unit: str) -> str:
    """A value with its unit, to three figures: `8.4 %`, `192 ms`, `2.4 s`, `840 req/s`, `61 MB`."""
    if not math.isfinite(value):
        return "unknown"
    match unit:
        case "ratio":
            return f"{value * 100:.3g} %"
        case "s":
            return f"{value * 1000:.3g} ms" if abs(value) < 1 else f"{value:.3g} s"
        case "1/s":
            return f"{value:.3g}/s" if abs(value) < 1000 else f"{value:,.0f}/s"
        case "bytes":
            return size(value)
    return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def size(value: float) -> str:
    """Bytes in the largest fitting unit, powers of 1,000."""
    for limit, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if abs(value) >= limit:
            return f"{value / limit:.3g} {unit}"
    return f"{value:.0f} B"


_NAMES = {
    "error_rate": "error rate",
    "latency_avg": "mean latency",
    "latency_p50": "median latency",
    "latency_p90": "p90 latency",
    "latency_p95": "p95 latency",
    "latency_p99": "p99 latency",
    "request_rate": "traffic",
    "request_count": "requests per interval",
    "error_lines": "error lines per interval",
    "cpu": "CPU use",
    "memory_bytes": "memory",
}


def metric_name(metric: str) -> str:
    """A metric in words."""
    return _NAMES.get(metric, metric)


def place_name(move: Move) -> str:
    """`POST /orders of checkout`, or the service."""
    return f"{move.operation} of {move.service}" if move.operation else move.service


def move_sentence(move: Move) -> str:
    """`error rate of checkout rose from 0.2 % to 8.4 % at 14:03:10; 5,120 requests`."""
    if move.said:
        return move.said
    if move.meaning.signal == "silence":
        return f"{move.service} has reported nothing since {clock_text(move.onset)} UTC, {move.level:.3g} points a minute before"
    unit = move.meaning.unit
    verb = "rose" if move.direction > 0 else "fell"
    count = ""
    if move.requests is not None:
        noun = "lines" if move.meaning.signal == "log_errors" else "requests"
        count = f"; {move.requests:,} {noun}"
    end = "" if move.end is None else f", and was back at {clock_text(move.end)}"
    if move.usual is not None:
        count += f"; {move.usual.words} {number(move.usual.level, unit)}"
    return (
        f"{metric_name(move.metric)} of {place_name(move)} {verb} from {number(move.level, unit)} to"
        f" {number(move.observed, unit)} at {clock_text(move.onset)} UTC{end}{count}"
    )


def owner(name: str) -> str:
    """`checkout's`, `payments'`."""
    return f"{name}'" if name.endswith("s") else f"{name}'s"


def as_sentence(text: str) -> str:
    """With a capital, except where it begins with a name that is no plain word: `db_pool_wait` stays as it is written."""
    first = text.split(" ", 1)[0]
    return text if not first.isalpha() else text[0].upper() + text[1:]


def joined(items: list[str], most: int = 3) -> str:
    """`a, b and c`; what does not fit is counted."""
    shown = items[:most]
    rest = len(items) - len(shown)
    if rest:
        return f"{', '.join(shown)} and {rest} more"
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"
