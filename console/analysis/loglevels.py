"""Warnings and errors per service over time, judged like any other series."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from console.analysis.constants import Thresholds
from console.analysis.moves import Move, judge
from console.analysis.signals import Family, Meaning
from console.analysis.stalls import Stalls
from console.analysis.stats import g_squared
from console.analysis.tracks import Track
from console.domain.instant import Instant, Window
from console.domain.logs import Level, LogRecord
from console.domain.series import SeriesKey

if TYPE_CHECKING:
    from console.analysis.stats import Numbers

LOG_ERRORS = Meaning(Family.FAILURES, "log_errors", "count", 1)
FEWEST_LINES = 5
"""Error lines below which no service has a symptom of them [D]."""
LEAST_G = 16.0
"""G of the lines since the onset against those before, 4 squared, as for patterns [D]."""
CANDIDATES = 200
BIN_LEAST_S = 15.0
BINS = 360


def log_moves(
    records: Iterable[LogRecord],
    span: Window,
    at: Instant,
    window: Window,
    thresholds: Thresholds,
    source: str,
    stalls: Stalls,
    every_level: bool = True,
) -> list[Move]:
    """Services whose error lines left their level inside `span`, the stretch that the records cover.

    Where records of every level are at hand, a stretch without any is a gap in the recording and not a calm one.
    """
    import numpy as np

    if span.seconds < 4 * BIN_LEAST_S:
        return []
    times: dict[str, list[Instant]] = defaultdict(list)
    every: list[Instant] = []
    for record in records:
        if record.at is not None and span.start <= record.at <= at:
            every.append(record.at)
        if record.at is not None and record.level >= Level.ERROR and record.service and span.start <= record.at <= at:
            times[record.service].append(record.at)
    step = max(BIN_LEAST_S, float(np.ceil(span.seconds / BINS / BIN_LEAST_S) * BIN_LEAST_S))
    edges = at - step * np.arange(int(span.seconds // step), -1, -1).astype(np.float64)
    if edges.size < 5:
        return []
    covered = np.ones(edges.size - 1, dtype=bool)
    if every_level and every:
        stamps = np.array(sorted(every))
        usual = float(np.quantile(np.diff(stamps), 0.9)) if stamps.size > 1 else step
        reach = int(2 * usual // step)
        seen = np.flatnonzero(np.histogram(stamps, bins=edges)[0])
        near = np.searchsorted(seen, np.arange(covered.size))
        left = np.arange(covered.size) - seen[np.clip(near - 1, 0, None)] if seen.size else np.zeros(covered.size)
        right = seen[np.clip(near, 0, seen.size - 1)] - np.arange(covered.size) if seen.size else np.zeros(covered.size)
        covered = (np.abs(left) <= reach) | (np.abs(right) <= reach)
    if covered.sum() < 5:
        return []
    moves = []
    for service, found in times.items():
        if len(found) < FEWEST_LINES:
            continue
        stamps = np.array(sorted(found))
        counts = np.histogram(stamps, bins=edges)[0].astype(float)
        track = Track(
            SeriesKey(service, "", "error_lines"), LOG_ERRORS, edges[1:][covered], counts[covered], step, source=source
        )
        move = judge(track, at, window, thresholds, stalls)
        if move is None:
            continue
        end = at if move.end is None else move.end
        inside = stamps[(stamps >= move.onset - step) & (stamps <= end)]
        if not inside.size:
            continue
        onset = _densest_start(stamps, inside, span.start, end, step)
        inside = inside[inside >= onset]
        before, lines = int((stamps < onset).sum()), int(inside.size)
        calm_s = max(step * float((edges[1:][covered] <= onset).sum()), step)
        strong = g_squared(before, lines, calm_s, max(end - onset, step)) >= LEAST_G
        moves.append(
            replace(
                move,
                onset=onset,
                earliest=None,
                latest=None,
                requests=lines,
                excess=None,
                level=before / (calm_s / step),
                observed=lines / max((end - onset) / step, 1.0),
                opened=strong and lines >= FEWEST_LINES,
                short="" if strong and lines >= FEWEST_LINES else f"only {lines} error lines",
                step_s=step,
            )
        )
    return moves


def _densest_start(stamps: Numbers, inside: Numbers, start: Instant, end: Instant, step: float) -> Instant:
    """The line from which on lines come most unlike before: the largest G over the lines of the episode."""
    best, found = -1.0, float(inside[0])
    for stamp in inside[:: max(1, inside.size // CANDIDATES)]:
        before, after = int((stamps < stamp).sum()), int(((stamps >= stamp) & (stamps <= end)).sum())
        g = g_squared(before, after, max(float(stamp) - start, step), max(end - float(stamp), step))
        if g > best:
            best, found = g, float(stamp)
    return found
