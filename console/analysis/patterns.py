"""Log patterns of a window against its baseline: what is new, surged, gone or as usual."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from console.analysis.constants import PATTERN_MOST, PATTERN_NEW_P, PATTERN_RATIO, PATTERN_SURPRISE
from console.analysis.stats import g_squared
from console.analysis.templates import shown, template_id, template_of
from console.domain.instant import Instant, Window
from console.domain.logs import Level, LogRecord, Pattern

LEAST_NEW = 3
"""Lines that a new pattern needs [D]."""
OTHER = "other messages"
_WEIGHTS = {Level.ERROR: 1.5, Level.FATAL: 1.5, Level.WARN: 1.2}


@dataclass(slots=True)
class Count:
    """Lines of one template on both sides."""

    service: str
    level: Level
    template: str
    example: str
    before: int = 0
    during: int = 0
    first: Instant | None = None
    last: Instant | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """All patterns of a window and its baseline; the counts add up to the lines read."""

    window: Window
    baseline: Window | None
    patterns: tuple[Pattern, ...]
    """Most surprising first."""
    lines: int
    baseline_lines: int
    surprise: dict[str, float]
    """By pattern id: signed root of G, weighted by severity."""


def count(records: Iterable[LogRecord], window: Window, baseline: Window | None) -> dict[tuple[str, Level, str], Count]:
    """Lines per (service, level, template); beyond `PATTERN_MOST` templates of a service and level they count as `other`."""
    found: dict[tuple[str, Level, str], Count] = {}
    sizes: dict[tuple[str, Level], int] = {}
    memo: dict[str, str] = {}
    for record in records:
        if record.at is None:
            continue
        inside = record.at in window
        if not inside and (baseline is None or record.at not in baseline):
            continue
        template = memo.get(record.message)
        if template is None:
            template = template_of(record.message)
            if len(memo) < 50_000:
                memo[record.message] = template
        key = (record.service, record.level, template)
        entry = found.get(key)
        if entry is None:
            size = sizes.get(key[:2], 0)
            if size >= PATTERN_MOST:
                key = (record.service, record.level, OTHER)
                entry = found.get(key)
            else:
                sizes[key[:2]] = size + 1
            if entry is None:
                entry = found[key] = Count(record.service, record.level, key[2], record.message)
        if inside:
            entry.during += 1
            entry.first = record.at if entry.first is None else min(entry.first, record.at)
            entry.last = record.at if entry.last is None else max(entry.last, record.at)
        else:
            entry.before += 1
    return found


def compare(
    records: Iterable[LogRecord], window: Window, baseline: Window | None, spans: tuple[float, float] | None = None
) -> Compared:
    """Compare the lines of `window` with those of `baseline`.

    Args:
        records: Lines of both.
        window: Where the trouble is.
        baseline: What is normal; None or empty: everything is `steady`, since nothing is known.
        spans: What the counts are measured against, before and during: requests where they are known, else seconds.
    """
    counts = count(records, window, baseline)
    lines = sum(c.during for c in counts.values())
    before_lines = sum(c.before for c in counts.values())
    if baseline is None or not before_lines:
        judged = [_unknown(c) for c in counts.values() if c.during]
        return Compared(window, None, tuple(sorted(judged, key=lambda p: -p.count)), lines, 0, {})
    before, during = spans or (baseline.seconds, window.seconds)
    surprise: dict[str, float] = {}
    patterns: list[Pattern] = []
    for entry in counts.values():
        pattern, score = _judged(entry, max(before, 1e-9), max(during, 1e-9))
        patterns.append(pattern)
        surprise[pattern.id] = score
    patterns.sort(key=lambda p: (-abs(surprise[p.id]), p.service, p.template))
    return Compared(window, baseline, tuple(patterns), lines, before_lines, surprise)


def _judged(entry: Count, before: float, during: float) -> tuple[Pattern, float]:
    x, y = entry.before, entry.during
    smooth = ((y + 0.5) / during) / ((x + 0.5) / before)
    weight = _WEIGHTS.get(entry.level, 1.0)
    surprise = math.copysign(math.sqrt(g_squared(x, y, before, during)), smooth - 1) * weight
    share = during / (before + during)
    status = "steady"
    if x == 0 and y >= LEAST_NEW and share**y <= PATTERN_NEW_P:
        status = "new"
    elif y == 0 and x >= LEAST_NEW and (1 - share) ** x <= PATTERN_NEW_P:
        status = "gone"
    elif x > 0 and surprise >= PATTERN_SURPRISE and smooth >= PATTERN_RATIO:
        status = "surged"
    ratio = (y / during) / (x / before) if x else None
    return replace(_unknown(entry), status=status, baseline_count=x, ratio=ratio), surprise


def _unknown(entry: Count) -> Pattern:
    return Pattern(
        id=template_id(entry.service, entry.level, entry.template),
        template=shown(entry.template),
        service=entry.service,
        level=entry.level,
        status="steady",
        count=entry.during,
        baseline_count=None,
        ratio=None,
        first_seen=entry.first,
        last_seen=entry.last,
        example=shown(entry.example),
    )
