"""Departures as symptoms: worst first, with each one's share of everything that went wrong."""

from __future__ import annotations

from collections.abc import Iterable

from console.analysis.constants import ONSET_OWN_SHARE
from console.analysis.leak import Leak
from console.analysis.moves import Move
from console.analysis.signals import Family
from console.domain.diagnosis import Symptom
from console.domain.instant import Window

SATURATED = 0.9
"""Use of a bounded resource, as a share, from which it counts as exhausted (Coroot: connections 90 %) [P]."""
LATENCY_HARM = 0.5
"""Relative growth of a latency that harms at once; less harms when it lasts [D]."""
LASTING_S = 300.0
LOST_TRAFFIC = 0.9
"""Share of its requests that a service must lose, and for how many seconds, before that alone is trouble [D]."""
LOST_S = 120.0
MOST_SYMPTOMS = 60
UNITS = frozenset(("ratio", "s", "1/s", "bytes", "count"))


def is_symptom(move: Move) -> bool:
    """Whether a departure is shown as a symptom: enough of it, and of a kind that harms."""
    if not move.opened or not move.meaning.signal:
        return False
    if move.meaning.family is Family.MEMORY:
        return False
    return move.meaning.family is not Family.TRAFFIC or move.direction < 0 or move.effect >= 1.0


def harms_users(move: Move) -> bool:
    """Whether a departure is trouble by itself: failures, waiting, silence, lost traffic, a bounded resource used up."""
    if not move.opened:
        return False
    match move.meaning.family:
        case Family.RATIO:
            return True
        case Family.LATENCY:
            lasting = move.bins * move.step_s >= LASTING_S
            return not move.meaning.outbound and (move.effect >= LATENCY_HARM or lasting)
        case Family.FAILURES:
            return True
        case Family.SATURATION:
            return move.meaning.unit == "ratio" and move.meaning.harm > 0 and move.observed >= SATURATED
        case _:
            if move.meaning.signal == "silence":
                return move.meaning.certain
            lost = move.meaning.family is Family.TRAFFIC and move.effect <= -LOST_TRAFFIC and not move.meaning.outbound
            return lost and move.bins * move.step_s >= LOST_S


def symptoms_of(moves: Iterable[Move], window: Window) -> tuple[Symptom, ...]:
    """The symptoms of a window, the largest contribution first; those that ended before it are left out."""
    chosen = [m for m in moves if is_symptom(m) and (m.end is None or m.end >= window.start)]
    shares = contributions(chosen)
    chosen.sort(
        key=lambda m: (m.end is not None, not harms_users(m), -(shares.get(id(m)) or 0.0), m.onset, m.service, m.metric)
    )
    told: dict[tuple[str, str | None, str], Move] = {}
    share: dict[tuple[str, str | None, str], float | None] = {}
    for (
        move
    ) in chosen:  # a mean and the percentile that it is given to are one symptom, told by the percentile's numbers
        key = (move.service, move.operation, move.meaning.signal)
        known = told.setdefault(key, move)
        if share.get(key) is None:
            share[key] = shares.get(id(move))
        if known.meaning.family is Family.LATENCY and known.meaning.quantile is None:
            told[key] = move
    return tuple(_symptom(move, share[key]) for key, move in list(told.items())[:MOST_SYMPTOMS])


def contributions(moves: Iterable[Move]) -> dict[int, float]:
    """Own excess over the sum of excesses, by identity of the departure.

    Failures compare with failures and seconds with seconds, services among services and operations among operations.
    Of a latency only the mean or the median counts: added seconds of a higher percentile are not what everybody waited.
    """
    groups: dict[tuple[str, bool], list[Move]] = {}
    counted: set[tuple[str, str | None, str]] = set()
    for move in moves:
        if move.excess is None or move.excess <= 0:
            continue
        if move.meaning.family is Family.LATENCY and (move.meaning.quantile or 0.5) != 0.5:
            continue
        currency = "seconds" if move.meaning.family is Family.LATENCY else move.meaning.signal
        place = (move.service, move.operation, currency)
        if place in counted:
            continue
        counted.add(place)
        groups.setdefault((currency, move.operation is None), []).append(move)
    shares = {}
    for group in groups.values():
        total = sum(m.excess or 0.0 for m in group)
        for move in group:
            shares[id(move)] = (move.excess or 0.0) / total if total > 0 else 0.0
    return shares


def samples_of(move: Move) -> int | None:
    """What a departure rests on: requests where they are counted, else the points of its series.

    A rate or a latency is made of requests: where nobody counts them, how many is not known, and its points tell nothing.
    """
    if move.requests is not None or move.meaning.family in (Family.LATENCY, Family.RATIO):
        return move.requests
    return move.bins


def _symptom(move: Move, share: float | None) -> Symptom:
    unit = move.meaning.unit if move.meaning.unit in UNITS else "count"
    return Symptom(
        service=move.service,
        operation=move.operation,
        signal=move.meaning.signal,
        baseline=move.level,
        observed=move.observed,
        unit=unit,
        samples=samples_of(move),
        onset=move.onset,
        end=move.end,
        share_of_bad=share,
    )


def telling(moves: list[Move]) -> list[Move]:
    """Those that tell when it began: an operation only where most of its service's excess is its own.

    Else the service as a whole, which has more requests, tells it better: of many operations with few requests, one is off by
    chance some minutes before, and the first of all onsets would be that.
    """
    wholes: dict[tuple[str, Family], float] = {}
    for move in moves:
        if move.operation is None and move.excess is not None:
            key = move.service, move.meaning.family
            wholes[key] = max(wholes.get(key, 0.0), move.excess)

    def tells(move: Move) -> bool:
        whole = wholes.get((move.service, move.meaning.family)) if move.operation is not None else None
        return whole is None or move.excess is None or move.excess >= ONSET_OWN_SHARE * whole

    return [move for move in moves if tells(move)]


def leak_symptoms(leaks: Iterable[Leak]) -> tuple[Symptom, ...]:
    """What grows and does not come back, from where its growth began to what it is now; the fastest first."""
    return tuple(
        Symptom(one.service, one.operation, "memory", one.start, one.now, "bytes", one.bins, one.since, None, None)
        for one in sorted(leaks, key=lambda leak: -leak.per_hour)
    )
