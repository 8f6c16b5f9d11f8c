"""A mean that rose while its median stayed: the slowest requests became slower, and it is they that are to be named.

The mean stands on every request, so it also vouches for a percentile that has too few requests to be sure by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from console.analysis.constants import MIN_NOISE_POINTS, Thresholds
from console.analysis.moves import Move, requests_lacking
from console.analysis.signals import Family
from console.analysis.tracks import Tracks

MIDDLE = 0.5
TAIL = 0.9
"""The lowest percentile that counts as the tail."""


def tails_named(moves: Iterable[Move], tracks: Tracks, thresholds: Thresholds) -> list[Move]:
    """The departures, with each mean whose median stayed given to the highest percentile that left its level with it."""
    listed = list(moves)
    measured = {
        (t.service, t.operation)
        for t in tracks.values
        if t.meaning.family is Family.LATENCY and t.meaning.quantile == MIDDLE and t.times.size >= MIN_NOISE_POINTS
    }
    moved = {_place(m) for m in listed if _is_latency(m) and m.meaning.quantile == MIDDLE and m.opened and m.ongoing}
    for k, mean in enumerate(listed):
        is_mean = _is_latency(mean) and mean.meaning.quantile is None and mean.meaning.certain
        if not (is_mean and mean.opened and mean.ongoing and _place(mean) in measured - moved):
            continue
        tail = _tail(listed, mean, thresholds)
        if tail is not None:
            listed[k] = replace(mean, meaning=replace(mean.meaning, signal=listed[tail].meaning.signal))
            listed[tail] = replace(listed[tail], opened=True, short="")
    return listed


def _tail(moves: list[Move], mean: Move, thresholds: Thresholds) -> int | None:
    """Index of the highest percentile of the same place that is off as well; None where none is."""
    fits = [
        k
        for k, m in enumerate(moves)
        if _is_latency(m)
        and _place(m) == _place(mean)
        and (m.meaning.quantile or 0.0) >= TAIL
        and m.ongoing
        and m.bins >= 2
        and (m.opened or requests_lacking(m, thresholds) is not None)
    ]
    return max(fits, key=lambda k: moves[k].meaning.quantile or 0.0, default=None)


def _is_latency(move: Move) -> bool:
    return move.meaning.family is Family.LATENCY and not move.meaning.outbound


def _place(move: Move) -> tuple[str, str | None]:
    return move.service, move.operation
