"""Trouble that comes with a job that is on record: at each of its runs, and not in between."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING

from console.analysis.moves import OFTEN, RECURS, Move
from console.analysis.routine import routine_key
from console.analysis.signals import Family
from console.analysis.stats import median_of
from console.analysis.tracks import Tracks
from console.domain.changes import Change
from console.domain.instant import Instant
from console.domain.values import dataclass

if TYPE_CHECKING:
    from console.analysis.stats import Numbers

LEAST_RUNS = 3
"""Earlier runs with trouble that make it the job's [P, as few as a person would ask for]."""
WITH_RUNS, BETWEEN_RUNS = 0.7, 0.3
"""Share of the earlier runs that trouble followed, at least, and of the instants half a period later, at most [D]."""
LEAST_PERIOD_S = 600.0
"""What runs more often than this fits any onset [D]."""
FOLLOWS_S = 120.0
"""Trouble of a job begins within this time of its run [D]."""
LEAST_FACTOR = 2.0
"""How many times as long answers must take, where none fail, for a job to be trouble and no nuisance [D]."""
AS_BAD = 0.5
"""Part of the present rise that an earlier run must have brought to count [D]."""
CALM_S = 900.0
LOOKED_AT = 12
"""The newest of the earlier runs, which are looked at."""
MOST_MOVES = 4


@dataclass(frozen=True, slots=True)
class Scheduled:
    """What followed the runs of a job, the newest of which began with the trouble."""

    run: Change
    looked: int
    followed: int
    between: int
    """Instants half a period after a run at which the same was seen."""

    @property
    def reason(self) -> str:
        """The figures, in words."""
        return (
            f"the same trouble followed {self.followed} of the {self.looked} earlier runs that could be looked at,"
            f" and {self.between or 'none'} of the instants half way between them"
        )


def scheduled_trouble(
    changes: Iterable[Change], moves: Iterable[Move], tracks: Tracks, at: Instant
) -> dict[str, Scheduled]:
    """Runs that the trouble of now began with, as it did with those before, by their ids."""
    jobs: dict[tuple[str, str | None, str], list[Change]] = defaultdict(list)
    for change in changes:
        if change.kind == "cron" and change.at <= at:
            jobs[routine_key(change)].append(change)
    harmed = [m for m in moves if harms_like_a_job(m)]
    found = {}
    for runs in jobs.values():
        runs.sort(key=lambda run: run.at)
        run = runs[-1]
        earlier = [r.at for r in runs[:-1]][-LOOKED_AT:]
        if len(earlier) < LEAST_RUNS:
            continue
        fitting = [(m, s) for m in harmed if fits(m, run) and (s := _series(m, tracks)) is not None]
        told = [(m, s) for m, s in fitting if float(s[0][0]) < earlier[-LEAST_RUNS]]
        told.sort(key=lambda pair: (float(pair[1][0][0]), -pair[0].z))  # who tells of the most runs, then the plainest
        if told:
            one = _looked_at(run, earlier, told[:MOST_MOVES], at)
            if one is not None:
                found[run.id] = one
    return found


def harms_like_a_job(move: Move) -> bool:
    """Whether a departure goes on, is trouble for users, and lacks nothing but being new."""
    if not move.ongoing or move.short not in ("", RECURS, OFTEN):
        return False
    if move.meaning.family is Family.LATENCY:
        return not move.meaning.outbound and move.effect >= LEAST_FACTOR - 1
    return move.meaning.family is Family.RATIO


def fits(move: Move, run: Change) -> bool:
    """Whether a departure began as a run did."""
    return move.began.latest >= run.at and move.began.lag(run.at) <= FOLLOWS_S


def _looked_at(
    run: Change, earlier: list[Instant], moves: list[tuple[Move, tuple[Numbers, Numbers]]], at: Instant
) -> Scheduled | None:
    every = median_of_gaps([*earlier, run.at])
    if every < LEAST_PERIOD_S:
        return None
    lasted = at - run.at
    told = [_answers(move, series, earlier, every, lasted) for move, series in moves]
    with_runs = [any(a for a in answers if a) for answers in zip(*(t[0] for t in told), strict=True) if _known(answers)]
    between = [any(a for a in answers if a) for answers in zip(*(t[1] for t in told), strict=True) if _known(answers)]
    one = Scheduled(run, len(with_runs), sum(with_runs), sum(between))
    often = one.followed >= max(LEAST_RUNS, WITH_RUNS * one.looked)
    return one if often and one.between <= BETWEEN_RUNS * max(1, len(between)) else None


def _known(answers: tuple[bool | None, ...]) -> bool:
    return any(a is not None for a in answers)


def median_of_gaps(times: list[Instant]) -> float:
    """The middle distance between instants in order."""
    gaps = sorted(b - a for a, b in pairwise(times))
    return gaps[len(gaps) // 2] if gaps else 0.0


def _answers(
    move: Move, series: tuple[Numbers, Numbers], runs: list[Instant], every: float, lasted: float
) -> tuple[list[bool | None], list[bool | None]]:
    """Whether the series of a departure rose after each run, and half a period later; None where it does not tell."""
    least = AS_BAD * abs(move.observed - move.level)
    width = max(2 * move.step_s, min(lasted, every / 4))
    return (
        [_rose(series, run, width, move.step_s, least) for run in runs],
        [_rose(series, run + every / 2, width, move.step_s, least) for run in runs],
    )


def _series(move: Move, tracks: Tracks) -> tuple[Numbers, Numbers] | None:
    import numpy as np

    if move.metric == "error_rate":
        for errors in tracks.errors:
            if errors.service == move.service and errors.operation == move.operation:
                return errors.times, errors.failures / np.maximum(errors.requests, 1)
    for track in tracks.values:
        if (track.service, track.operation, track.key.metric) == (move.service, move.operation, move.metric):
            return track.times, track.values
    return None


def _rose(series: tuple[Numbers, Numbers], since: Instant, width: float, step_s: float, least: float) -> bool | None:
    times, values = series
    before = values[(times > since - CALM_S) & (times < since - step_s)]
    after = values[(times > since) & (times <= since + width + step_s)]
    if not before.size or not after.size:
        return None
    return bool(float(after.max()) - median_of(before) >= least)
