"""Departures from the baseline: which series left its level, when, by how much, on how many requests."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from console.analysis.baseline import (
    LASTING_RATIO,
    Base,
    base_of,
    before_trouble,
    big_enough,
    least_change,
    long_horizon,
    split,
)
from console.analysis.constants import (
    BASELINE_GUARD_S,
    BASELINE_WINDOWS,
    LOCAL_HORIZON_S,
    LONE_BIN_EFFECT,
    MIN_NOISE_POINTS,
    WATCH_Z,
    Thresholds,
)
from console.analysis.episodes import ALIKE, Episode, alike, begun_by, latest_episode, onset_at, recurs
from console.analysis.onset import Onset
from console.analysis.seasons import Season, lately, season_of, without_season
from console.analysis.signals import Family, Meaning
from console.analysis.stalls import UNKNOWN, Stalls
from console.analysis.stats import median_of, samples_needed
from console.analysis.tracks import Track
from console.domain.instant import Instant, Window
from console.domain.values import dataclass

if TYPE_CHECKING:
    from console.analysis.episodes import Flags
    from console.analysis.stats import Numbers

CHANCE = 0.01
"""A departure whose like the baseline shows more often than this is no symptom [D]."""
RECURS = "it has done the same again and again before"
OFTEN = "the baseline does the same now and then"
UNUSUAL_RATIO = 1.5
"""A level so many times that of these hours on earlier days is looked at, however long it lasts [D]."""
LOST = 0.9
"""Share of the requests of these hours that must be missing [D]."""
STALE_STEPS = 3
"""A series whose newest point is older than this many of its steps says nothing about now [D]."""


@dataclass(frozen=True, slots=True)
class Move:
    """One series that left its level."""

    service: str
    operation: str | None
    metric: str
    meaning: Meaning
    direction: int
    """+1: it rose as the source states it; -1: it fell."""
    onset: Instant
    end: Instant | None
    """None while it lasts."""
    level: float
    """The value before, as the source states it."""
    observed: float
    """The median while it was off its level; for failures with counts, their share."""
    z: float
    """Largest distance from the level in scales; detail only, never a rank."""
    effect: float
    """Relative change, observed over level minus one; infinite from a level of zero."""
    bins: int
    """Bins that were off."""
    step_s: float
    requests: int | None = None
    """Requests while it was off; None where the source does not tell."""
    excess: float | None = None
    """Failed requests, or added seconds, beyond the baseline; None where no count tells."""
    opened: bool = True
    """False: worth watching, not enough for a symptom; `short` says what is missing."""
    short: str = ""
    source: str = ""
    query: str = ""
    first: bool = False
    """It was off from the first point read: the onset is not known."""
    chance: float = 0.0
    """How often so many bins in a row are off in the baseline by itself: (share of the baseline's bins) ** bins."""
    since_bins: int = 0
    """Bins since the last one that was off."""
    earliest: Instant | None = None
    """It did not begin before that; None: a step before `onset`."""
    latest: Instant | None = None
    """It had begun by then; None: a step after `onset`."""
    said: str = ""
    """What it says, where that is told by whoever found it."""
    usual: Season | None = None
    """What the same hours of earlier days were like, where enough of them are known; its level as the source states it."""

    @property
    def ongoing(self) -> bool:
        """Whether it lasts."""
        return self.end is None

    @property
    def began(self) -> Onset:
        """The interval in which it began."""
        earliest = self.onset - self.step_s if self.earliest is None else self.earliest
        latest = self.onset + self.step_s if self.latest is None else self.latest
        return Onset(self.onset, min(earliest, self.onset), max(latest, self.onset))


def judge(track: Track, at: Instant, window: Window, thresholds: Thresholds, stalls: Stalls = UNKNOWN) -> Move | None:
    """The newest departure of a series in the direction that harms; either direction where neither does by itself.

    Args:
        stalls: When everything was slow at once: what departs then has to last.
    """
    moves = [
        move
        for sign in ((1, -1) if track.meaning.harm == 0 else (1,))
        if (move := _judge(track, sign, at, window, thresholds, stalls)) is not None
    ]
    best = max(moves, key=lambda m: (m.ongoing, m.opened, m.z), default=None)
    if best is not None and best.ongoing and (best.opened or _is_ordinary(best)):
        return best
    if _worse_for_hours(track, at):
        horizon_s = long_horizon(track.times, at) or LOCAL_HORIZON_S
        lasting = _judge(track, 1, at, window, thresholds, stalls, horizon_s)
        if lasting is not None and lasting.ongoing and (lasting.opened or _is_ordinary(lasting)):
            return lasting
    return _at_unusual_hours(track, at, window, thresholds, stalls) or best


_MULTIPLIED = frozenset((Family.LATENCY, Family.TRAFFIC))


def _is_ordinary(move: Move) -> bool:
    return move.usual is not None and move.usual.ordinary


def _at_unusual_hours(track: Track, at: Instant, window: Window, thresholds: Thresholds, stalls: Stalls) -> Move | None:
    """A level that is usual at other hours than these: the minutes before may be like it, and all history as well.

    Judged as if every hour were like the present one; of traffic the loss of nearly all counts, since a rise is no harm.
    """
    family = track.meaning.family
    if family not in (Family.RATIO, Family.LATENCY, Family.FAILURES, Family.TRAFFIC):
        return None
    sign = -1 if family is Family.TRAFFIC else 1
    known = lately(track.times, track.values, at, track.earlier)
    if known is None:
        return None
    now, usual = known
    off = now <= (1 - LOST) * usual if sign < 0 else now >= UNUSUAL_RATIO * usual
    if not off or abs(now - usual) < least_change(family, usual, thresholds):
        return None
    level = without_season(track.times, track.values, at, LOCAL_HORIZON_S, family in _MULTIPLIED, earlier=track.earlier)
    if level is None:
        return None
    levelled = replace(track, values=level[0], earlier=level[1])
    for horizon_s in (LOCAL_HORIZON_S, long_horizon(track.times, at) or LOCAL_HORIZON_S):
        found = _judge(levelled, sign, at, window, thresholds, stalls, horizon_s)
        if found is not None and found.ongoing and found.opened and found.usual is not None and found.usual.unusual:
            return found
    return None


def _worse_for_hours(track: Track, at: Instant) -> bool:
    """Whether the whole local stretch is far above all that was before it: then its own beginning is no baseline."""
    if track.meaning.family not in (Family.RATIO, Family.LATENCY) or long_horizon(track.times, at) is None:
        return False
    cut = split(track.times, at)
    older, local = track.values[:cut], track.values[cut:]
    lead = local[: local.size // 4]
    if older.size < 2 * MIN_NOISE_POINTS or lead.size < MIN_NOISE_POINTS / 2:
        return False
    return min(median_of(lead), median_of(local)) >= LASTING_RATIO * median_of(older[-2000:])


def _judge(
    track: Track,
    sign: int,
    at: Instant,
    window: Window,
    thresholds: Thresholds,
    stalls: Stalls,
    horizon_s: float = LOCAL_HORIZON_S,
) -> Move | None:
    family = track.meaning.family
    cut = split(track.times, at, horizon_s)
    values = track.values if sign > 0 else -track.values
    older, local, times = values[:cut], values[cut:], track.times[cut:]
    half = local.size // 2
    if not local.size:
        return None
    if family in (Family.RATIO, Family.LATENCY):
        half = before_trouble(local, half)
    base = base_of(family, older[-2000:], local[:half])
    if base is None:
        return None
    z = (local - base.level) / base.scale
    big = big_enough(family, local, base.level, thresholds)
    episode = latest_episode(z, big, track.step_s, stalls.lately(times, track.step_s), base.usual)
    if episode is None:
        return None
    current = episode.ongoing and at - times[-1] <= max(STALE_STEPS * track.step_s, 120.0)
    level = _level_before(times, local, episode.start, window, base.level)
    stretch = slice(episode.start, episode.last + 1)
    off = local[stretch][big[stretch]] if big[stretch].any() else local[stretch]
    observed = median_of(off)
    requests = _requests(track.requests, cut, stretch)
    height = (observed - base.level) / base.scale
    like = alike(local, None, episode, base.level, base.scale)
    orient = (lambda v: track.natural(float(v) * sign)) if not track.meaning.complement else float
    before, now = orient(level), orient(observed)
    whole = episode.start + cut, episode.last + cut
    least = least_change(family, base.level, thresholds)
    usual = season_of(track.times, values, None, whole, base.level, base.scale, least, track.earlier.times(sign))
    unusual = usual is not None and usual.unusual
    move = Move(
        service=track.service,
        operation=track.operation,
        metric=track.key.metric,
        meaning=track.meaning,
        direction=1 if now >= before else -1,
        onset=onset_at(times, episode.start, track.step_s),
        earliest=float(times[episode.start]) - track.step_s,
        latest=begun_by(times, episode.start, episode.opened, track.step_s),
        end=None if current else float(times[min(episode.last + 1, times.size - 1)]),
        level=before,
        observed=now,
        z=float(z[stretch].max()),
        effect=(now - before) / abs(before) if before else math.copysign(math.inf, now - before),
        bins=episode.bins,
        step_s=track.step_s,
        requests=requests,
        excess=_excess(track, cut, stretch, local, level),
        source=track.source,
        query=track.query,
        first=episode.start == 0,
        chance=max(
            base.exceeded(max(WATCH_Z, ALIKE * height), unusual) ** episode.bins, _share(like[:half], base.incident)
        ),
        since_bins=int(local.size - 1 - episode.last),
        usual=replace(usual, level=orient(usual.level)) if usual is not None else None,
    )
    move = _gate(move, thresholds)
    if move.opened and usual is not None and usual.ordinary:
        return replace(move, opened=False, short=f"as {usual.words}")
    if not move.opened or unusual:
        return move
    if recurs(like) or (cut > 0 and recurs(_alike_ever(values, cut, episode, base))):
        return replace(move, opened=False, short=RECURS)
    return move


def _share(like: Flags, incident: bool) -> float:
    """How many of the leading stretches are like it: noise that comes in bursts makes long ones likely.

    One incident among them is no noise: where it is all that is like it, nothing is.
    """
    if incident and int((like[1:] & ~like[:-1]).sum()) + int(like[:1].sum()) == 1:
        return 0.0
    return float(like.mean()) if like.size else 0.0


def _alike_ever(values: Numbers, cut: int, episode: Episode, base: Base) -> Flags:
    whole = replace(episode, start=episode.start + cut, last=episode.last + cut)
    return alike(values, None, whole, base.level, base.scale)


def _level_before(times: Numbers, local: Numbers, start: int, window: Window, level: float) -> float:
    """The median of the stretch just before the onset, where that is long enough; else the level used so far."""
    end = times[start] - BASELINE_GUARD_S
    begin = end - BASELINE_WINDOWS * max(window.seconds, 900.0)
    low, high = times.searchsorted((begin, end))
    part = local[low:high]
    return median_of(part) if part.size >= MIN_NOISE_POINTS / 2 else level


def _requests(requests: Numbers | None, cut: int, stretch: slice) -> int | None:
    import numpy as np

    if requests is None:
        return None
    part = requests[cut:][stretch]
    known = part[np.isfinite(part)]
    return round(float(known.sum())) if known.size else None


def _excess(track: Track, cut: int, stretch: slice, local: Numbers, level: float) -> float | None:
    import numpy as np

    if track.meaning.family is Family.FAILURES and track.meaning.unit == "count":
        return float(np.clip(local[stretch] - level, 0, None).sum())
    if track.meaning.family is not Family.LATENCY or track.requests is None:
        return None
    requests = track.requests[cut:][stretch]
    if not np.isfinite(requests).all():
        requests = np.nan_to_num(requests)
    return float((np.maximum(local[stretch] - level, 0.0) * requests).sum())


def requests_lacking(move: Move, thresholds: Thresholds) -> int | None:
    """How many requests a latency needs to be judged, where it has fewer; None where it has enough, or nobody counts them."""
    if move.requests is None or move.meaning.family is not Family.LATENCY:
        return None
    needed = max(thresholds.min_requests, samples_needed(move.meaning.quantile or 0.5))
    return needed if move.requests < needed else None


def _gate(move: Move, thresholds: Thresholds) -> Move:
    """Whether a departure is enough for a symptom; what is missing is said."""
    family, counted = move.meaning.family, move.requests is not None
    if (needed := requests_lacking(move, thresholds)) is not None:
        return replace(move, opened=False, short=f"needs {needed} requests, has {move.requests}")
    if (
        family is Family.FAILURES
        and move.meaning.unit == "count"
        and (move.excess or 0.0) < thresholds.min_excess_failures
    ):
        return replace(move, opened=False, short=f"only {move.excess or 0:.0f} beyond the baseline")
    if move.bins < 2 and not (counted and move.effect >= LONE_BIN_EFFECT):
        return replace(move, opened=False, short="only one interval so far")
    if move.chance > CHANCE:
        return replace(move, opened=False, short=OFTEN)
    return move
