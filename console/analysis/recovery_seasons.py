"""How the signals of a contract move between the same hours of earlier weeks, so that a Monday is compared with Mondays. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from console.analysis.contract import margin_of, points_in, rate_in, traffic_of
from console.analysis.stats import robust_scale
from console.analysis.tracks import Track, Tracks, build_tracks
from console.analysis.whole import with_wholes
from console.domain.instant import Window
from console.domain.recovery import Contract, Term, TermKind
from console.domain.series import SeriesSet
from console.domain.values import dataclass

SEASON_WEEKS = 4
LEAST_WEEKS = 2
WEEK_TRAFFIC = 0.5
"""A week with less than this share of the others' requests was a holiday, or something was broken [D]."""
WEEK_ODD = 3.0
"""A week in which a signal moved this many times as much as in the others held an incident of its own [D]."""
SEASON_FAILURES = 20
"""Failures on both sides, over all weeks, below which no season of an error ratio is told [D]."""


@dataclass(frozen=True, slots=True)
class Week:
    """The same hours of an earlier week."""

    series: SeriesSet
    baseline: Window
    """The contract's baseline, on the same clock."""
    after: Window
    """The stretch that is judged, on the same clock."""


@dataclass(frozen=True, slots=True)
class Season:
    """How a signal moves between the two stretches in other weeks."""

    ratio: float = 1.0
    error: float = 0.0
    """Standard error of the ratio."""
    weeks: int = 0
    """0: nothing is known of other weeks."""


def weeks_before(contract: Contract, after: Window, zone: tzinfo) -> tuple[tuple[Window, Window], ...]:
    """The baseline's stretch and `after` in earlier weeks, by the clock on the wall: daylight saving moves people, not UTC."""
    return tuple(
        (_on_clock(contract.baseline, 7 * n, zone), _on_clock(after, 7 * n, zone)) for n in range(1, SEASON_WEEKS + 1)
    )


def _on_clock(window: Window, days: int, zone: tzinfo) -> Window:
    start = datetime.fromtimestamp(window.start, zone).replace(tzinfo=None) - timedelta(days=days)
    first = start.replace(tzinfo=zone).timestamp()
    return Window(first, first + window.seconds)


def seasons_of(contract: Contract, weeks: Sequence[Week]) -> dict[str, Season]:
    """How each signal moves between the two stretches in the weeks that can be compared."""
    read = [(week, build_tracks(with_wholes(week.series), week.after.end)) for week in weeks]
    found: dict[str, Season] = {}
    for service in dict.fromkeys(term.service for term in contract.terms if term.service):
        kept = _busy(service, read)
        for term in contract.terms:
            if term.service == service and len(kept) >= LEAST_WEEKS:
                season = _season(term, kept)
                if season is not None:
                    found[term.name] = season
    return found


def _busy(service: str, read: list[tuple[Week, Tracks]]) -> list[tuple[Week, Tracks]]:
    """Without weeks of few requests; all where nobody counts them."""
    rates: list[tuple[float, tuple[Week, Tracks]]] = []
    for week, tracks in read:
        track = traffic_of(tracks, service)
        if track is None:
            return read
        rate = rate_in(track, week.after)
        if rate:
            rates.append((rate, (week, tracks)))
    usual = sorted(rate for rate, _ in rates)
    return [one for rate, one in rates if rate >= WEEK_TRAFFIC * usual[len(usual) // 2]]


def _season(term: Term, weeks: list[tuple[Week, Tracks]]) -> Season | None:
    if term.kind in (TermKind.VERSION, TermKind.SIGNATURES):
        return None
    if term.kind is TermKind.ERRORS:
        return _season_of_errors(term, weeks)
    ratios = []
    for week, tracks in weeks:
        track = next(
            (
                t
                for t in tracks.values
                if (t.service, t.operation, t.key.metric) == (term.service, term.operation, term.signal)
            ),
            None,
        )
        ratio = _moved(track, week) if track is not None else None
        if ratio is not None:
            ratios.append(ratio)
    return _of_ratios(ratios)


def _moved(track: Track, week: Week) -> float | None:
    before = track.values[points_in(track.times, week.baseline)]
    after = track.values[points_in(track.times, week.after)]
    if not before.size or not after.size:
        return None
    level = float(before.mean())
    ratio = float(after.mean()) / level if level else math.nan
    return ratio if math.isfinite(ratio) and ratio > 0 else None


def _of_ratios(ratios: list[float]) -> Season | None:
    """Median of the weeks' ratios without those that are odd, and how well it is known."""
    import numpy as np

    if len(ratios) < LEAST_WEEKS:
        return None
    usual = float(np.median(ratios))
    kept = np.asarray([r for r in ratios if usual / WEEK_ODD <= r <= usual * WEEK_ODD])
    if kept.size < LEAST_WEEKS:
        return None
    middle = float(np.median(kept))
    return Season(middle, robust_scale(kept, 0.0) / middle / math.sqrt(kept.size), int(kept.size))


def _season_of_errors(term: Term, weeks: list[tuple[Week, Tracks]]) -> Season | None:
    """The pooled ratio of the weeks' error ratios; 1 where so few fail that no season can be told."""
    sums = [0.0, 0.0, 0.0, 0.0]
    known = 0
    for week, tracks in weeks:
        track = next((t for t in tracks.errors if (t.service, t.operation) == (term.service, term.operation)), None)
        if track is None:
            continue
        counts = [
            float(part[points_in(track.times, window)].sum())
            for window in (week.baseline, week.after)
            for part in (track.failures, track.requests)
        ]
        broken = max(margin_of(term, term.baseline or 0.0) * WEEK_ODD + (term.baseline or 0.0), 0.0)
        if not counts[1] or not counts[3] or max(counts[0] / counts[1], counts[2] / counts[3]) > broken:
            continue
        known += 1
        sums = [total + count for total, count in zip(sums, counts, strict=True)]
    if known < LEAST_WEEKS:
        return None
    if min(sums[0], sums[2]) < SEASON_FAILURES:
        return Season(1.0, 0.0, known)
    return Season((sums[2] / sums[3]) / (sums[0] / sums[1]), 0.0, known)
