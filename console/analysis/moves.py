"""Departures from the baseline: which series left its level, when, by how much, on how many requests."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from console.analysis.constants import (
    BASELINE_GUARD_S,
    BASELINE_WINDOWS,
    CLEAR_BINS,
    CLEAR_Z,
    LATENCY_EFFECT,
    LATENCY_EFFECT_S,
    LOCAL_HORIZON_S,
    LONE_BIN_EFFECT,
    MIN_NOISE_POINTS,
    OPEN_Z,
    P_RATE,
    SCALE_FLOOR,
    SCALE_FLOOR_RATIO,
    SURGE_RATIO,
    WATCH_Z,
    Thresholds,
)
from console.analysis.onset import Onset
from console.analysis.signals import Family, Meaning
from console.analysis.stats import Ordered, fisher_greater, median_of, samples_needed
from console.analysis.tracks import ErrorTrack, Track
from console.domain.instant import Instant, Window

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from console.analysis.stats import Numbers

    Flags = NDArray[np.bool_]

ERRORS = Meaning(Family.RATIO, "error_rate", "ratio", 1)
"""What an `ErrorTrack` stands for."""
GAUGE_EFFECT = 0.25
"""Smallest relative change of a saturation or an unknown gauge that is worth a word [D]."""
CHANCE = 0.01
"""A departure whose like the baseline shows more often than this is no symptom [D]."""
STALE_STEPS = 3
"""A series whose newest point is older than this many of its steps says nothing about now [D]."""
DENSITY = 0.5
"""Bins of one departure that must be off; where fewer are, it is noise that comes and goes [D]."""
UNHEARD_OF = 3.0
"""A bin that is so many times further off than the worst of the baseline needs no second one [D]."""
LONG_HORIZON_S = 86400.0
"""How far back trouble is followed that fills the whole local stretch [D]."""
LASTING_RATIO = 2.0
"""The local stretch is worse for hours where its middle is this many times what was before [D]."""
POOL_S = 60.0
"""Failures are also judged over this many seconds at once, so that a slow trickle shows [D]."""


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


@dataclass(frozen=True, slots=True)
class Episode:
    """Indices of one departure."""

    start: int
    opened: int
    """First bin that is far enough off to open it; those before it from `start` on may be noise."""
    last: int
    """Last bin that was off."""
    ongoing: bool
    bins: int


def latest_episode(z: Numbers, big: Flags) -> Episode | None:
    """The newest departure: opened by one bin at `OPEN_Z` or two of three at `WATCH_Z`, closed by `CLEAR_BINS` calm bins.

    The start is walked back from the first opening bin while the distance exceeds `CLEAR_Z`; earlier openings belong to it
    where at least half of the bins between are off.
    """
    import numpy as np

    hot = (z >= WATCH_Z) & big
    if not hot.any():
        return None
    padded = np.concatenate([[0, 0], hot.astype(int)])
    of_three = padded[2:] + padded[1:-1] + padded[:-2]
    opening = ((z >= OPEN_Z) & big) | (hot & (of_three >= 2))
    opens = np.flatnonzero(opening)
    if not opens.size:
        return None
    calm = (z < CLEAR_Z) | ~big
    newest = int(opens[-1])
    last, closed = _forward(hot, calm, newest)
    first = k = newest
    run, dense = 0, int(hot[newest : last + 1].sum())
    while k > 0 and run < CLEAR_BINS:
        k -= 1
        run = run + 1 if calm[k] else 0
        dense += int(hot[k])
        if opening[k] and dense >= DENSITY * (last - k + 1):
            first = k
    start = first
    while start > 0 and z[start - 1] >= CLEAR_Z and big[start - 1]:
        start -= 1
    return Episode(start, first, last, not closed, int(hot[start : last + 1].sum()))


def _forward(hot: Flags, calm: Flags, newest: int) -> tuple[int, bool]:
    """The last bin that is off after the newest opening one, and whether enough calm ones follow to close it."""
    last, run = newest, 0
    for k in range(newest + 1, hot.size):
        if hot[k]:
            last, run = k, 0
        elif calm[k]:
            run += 1
            if run >= CLEAR_BINS:
                return last, True
    return last, False


@dataclass(frozen=True, slots=True)
class Base:
    """What a track is compared with."""

    level: float
    scale: float
    exceeded: float
    """Share of the baseline's own bins that count as off: (k + 1) / (n + 1)."""


def split(times: Numbers, at: Instant, horizon_s: float = LOCAL_HORIZON_S) -> int:
    """Index of the first point of the local stretch."""
    import numpy as np

    return int(np.searchsorted(times, at - horizon_s, side="right"))


def long_horizon(times: Numbers, at: Instant) -> float | None:
    """How far back to look for trouble that has lasted for hours; None: the history is too short for that."""
    span = at - float(times[0]) if times.size else 0.0
    return min(span, LONG_HORIZON_S) if span >= 2 * LOCAL_HORIZON_S else None


def base_of(family: Family, older: Numbers, lead: Numbers) -> Base | None:
    """Level from the leading half of the local stretch, noise from that and all older history; None: too little history."""
    if older.size + lead.size < MIN_NOISE_POINTS:
        return None
    long = Ordered(older)
    lead = undisturbed(family, long, lead)
    near = Ordered(lead)
    if not near.size and not long.size:
        return None
    level = near.median() if near.size else long.median()
    floor = scale_floor(family, level, long, near)
    scale = floor
    for part in (long, near):
        if part.size >= MIN_NOISE_POINTS / 2:
            scale = max(scale, part.scale(floor))
    off = near.size - _rank(near, level + WATCH_Z * scale)
    if long.size:
        off += long.size - _rank(long, long.median() + WATCH_Z * scale)
    return Base(level, scale, (off + 1) / (long.size + near.size + 1))


def before_trouble(local: Numbers, half: int) -> int:
    """End of the leading points less those at their end that belong to what follows: far above the rest, without a break."""
    if half < MIN_NOISE_POINTS:
        return half
    level, end = median_of(local[:half]), half
    if level <= 0 or median_of(local[half:]) < LASTING_RATIO * level:
        return half
    while end > half // 2 and local[end - 1] >= (1 + LASTING_RATIO) / 2 * level:
        end -= 1
    return end


def _before_failures(failures: Numbers, requests: Numbers, half: int, thresholds: Thresholds) -> int:
    """The same for failures: the first half of the leading bins, where the second one fails far more and so does the rest."""
    quarter = half // 2
    if float(requests[:quarter].sum()) < thresholds.min_requests or quarter < MIN_NOISE_POINTS / 2:
        return half
    parts = (slice(quarter), slice(quarter, half), slice(half, None))
    first, second, rest = (float(failures[p].sum() / max(requests[p].sum(), 1.0)) for p in parts)
    return quarter if _failing_longer(min(second, rest), first, thresholds) else half


def _rank(ordered: Ordered, value: float) -> int:
    import numpy as np

    return int(np.searchsorted(ordered.sorted, value))


def undisturbed(family: Family, long: Ordered, lead: Numbers) -> Numbers:
    """The healthiest of a few leading points, where they differ by more than the noise of the long history allows.

    With a handful of points, or where most are far above all history, the trouble may have begun among them; their
    median would hide it.
    """
    if lead.size < 2 or long.size < MIN_NOISE_POINTS:
        return lead
    if lead.size >= MIN_NOISE_POINTS / 2 and not (
        family in (Family.RATIO, Family.LATENCY) and median_of(lead) >= LASTING_RATIO * long.median()
    ):
        return lead
    floor = max(SCALE_FLOOR * abs(float(lead.min())), (long.quantile(0.95) - long.quantile(0.05)) / 3.3)
    calm: Numbers = lead[lead <= lead.min() + WATCH_Z * long.scale(floor)]
    return calm


def scale_floor(family: Family, level: float, long: Ordered, near: Ordered) -> float:
    """The smallest scale that is believed; see the constants."""
    spread = 0.0
    for part in (long, near):
        if part.size >= MIN_NOISE_POINTS:
            spread = max(spread, (part.quantile(0.95) - part.quantile(0.05)) / 3.3 / 2)
        elif part.size:
            spread = max(spread, float(part.sorted[-1] - part.sorted[0]) / 2)
    floor = max(SCALE_FLOOR * abs(level), spread)
    match family:
        case Family.RATIO:
            floor = max(floor, SCALE_FLOOR_RATIO)
        case Family.LATENCY:
            floor = max(floor, LATENCY_EFFECT_S / OPEN_Z)
        case Family.FAILURES if counts_whole(long.sorted) and counts_whole(near.sorted):
            floor = max(floor, math.sqrt(max(level, 1.0)))  # whole numbers vary at least as chance does
        case Family.FAILURES if floor <= 0:
            floor = 1.0
        case Family.TRAFFIC:
            floor = max(floor, math.sqrt(abs(level)) if abs(level) < 1e4 else 0.0, 1.0 if level == 0 else 0.0)
        case Family.SATURATION:
            floor = max(floor, 0.004)
        case _:
            pass
    if floor <= 0:
        largest = max(
            (max(abs(float(p.sorted[0])), abs(float(p.sorted[-1]))) for p in (long, near) if p.size), default=0.0
        )
        floor = largest * SCALE_FLOOR if largest > 0 else 1e-9
    return floor


def counts_whole(values: Numbers) -> bool:
    """Whether all of them are whole numbers."""
    import numpy as np

    return bool((values == np.floor(values)).all())


def big_enough(family: Family, values: Numbers, level: float, thresholds: Thresholds) -> Flags:
    """Which values differ from the level by enough to matter, whatever the noise."""
    shift = values - level
    match family:
        case Family.RATIO:
            least = max(thresholds.min_effect_ratio, thresholds.min_effect * abs(level))
        case Family.LATENCY:
            least = max(LATENCY_EFFECT * abs(level), LATENCY_EFFECT_S)
        case Family.TRAFFIC:
            least = (SURGE_RATIO - 1) * abs(level)
        case Family.FAILURES | Family.MEMORY:
            least = thresholds.min_effect * abs(level)
        case _:
            least = GAUGE_EFFECT * abs(level)
    result: Flags = (shift >= least) & (shift > 0)
    return result


def judge(track: Track, at: Instant, window: Window, thresholds: Thresholds) -> Move | None:
    """The newest departure of a series in the direction that harms; either direction where neither does by itself."""
    moves = [
        move
        for sign in ((1, -1) if track.meaning.harm == 0 else (1,))
        if (move := _judge(track, sign, at, window, thresholds)) is not None
    ]
    best = max(moves, key=lambda m: (m.ongoing, m.opened, m.z), default=None)
    if (best is None or not (best.ongoing and best.opened)) and _worse_for_hours(track, at):
        lasting = _judge(track, 1, at, window, thresholds, long_horizon(track.times, at) or LOCAL_HORIZON_S)
        if lasting is not None and lasting.ongoing and lasting.opened:
            return lasting
    return best


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
    track: Track, sign: int, at: Instant, window: Window, thresholds: Thresholds, horizon_s: float = LOCAL_HORIZON_S
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
    episode = latest_episode(z, big)
    if episode is None:
        return None
    current = episode.ongoing and at - times[-1] <= max(STALE_STEPS * track.step_s, 120.0)
    level = _level_before(times, local, episode.start, window, base.level)
    stretch = slice(episode.start, episode.last + 1)
    off = local[stretch][big[stretch]] if big[stretch].any() else local[stretch]
    observed = median_of(off)
    requests = _requests(track.requests, cut, stretch)
    orient = (lambda v: track.natural(float(v) * sign)) if not track.meaning.complement else float
    before, now = orient(level), orient(observed)
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
        chance=max(base.exceeded**episode.bins, _runs(z[:half], big[:half], episode.bins)),
        since_bins=int(local.size - 1 - episode.last),
    )
    return _gate(move, thresholds)


def _runs(z: Numbers, big: Flags, bins: int) -> float:
    """Share of the leading bins that end a run of so many bins off: noise that comes in bursts makes long runs likely."""
    import numpy as np

    if bins < 2 or z.size <= bins:
        return 0.0
    hot = ((z >= WATCH_Z) & big).astype(int)
    total = np.concatenate([[0], np.cumsum(hot)])
    return float((total[bins:] - total[:-bins] == bins).sum()) / z.size


def onset_at(times: Numbers, start: int, step_s: float) -> Instant:
    """When it began: the first bin that is off; its stamp ends the interval, so half a step earlier at most a minute."""
    return float(times[start]) - min(step_s, 60.0) / 2 if start else float(times[0])


def begun_by(times: Numbers, start: int, opened: int, step_s: float) -> Instant:
    """When it had begun for certain: the end of the first bin that is off, or of the next where the first may be noise.

    A stamp may stand for the step before it or the step after it: sources do not say which. A slow rise begins where it is
    first seen, so that no more than one bin is taken for noise.
    """
    certain = start if opened <= start else min(start + 1, times.size - 1)
    return float(times[certain]) + step_s


def _level_before(times: Numbers, local: Numbers, start: int, window: Window, level: float) -> float:
    """The median of the stretch just before the onset, where that is long enough; else the level used so far."""
    import numpy as np

    end = times[start] - BASELINE_GUARD_S
    begin = end - BASELINE_WINDOWS * max(window.seconds, 900.0)
    low, high = np.searchsorted(times, (begin, end))
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
    requests = np.nan_to_num(track.requests[cut:][stretch])
    return float((np.clip(local[stretch] - level, 0, None) * requests).sum())


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
        return replace(move, opened=False, short="the baseline does the same now and then")
    return move


def judge_errors(track: ErrorTrack, at: Instant, window: Window, thresholds: Thresholds) -> Move | None:
    """The newest departure of a failure rate that has counts behind it."""
    best = _judge_errors(track, at, window, thresholds, LOCAL_HORIZON_S)
    if best is not None and best.ongoing and best.opened:
        return best
    horizon = long_horizon(track.times, at)
    if horizon is None:
        return best
    cut = split(track.times, at)
    lead = cut + (track.times.size - cut) // 4
    parts = (slice(cut), slice(cut, lead), slice(cut, None))
    older, early, local = (float(track.failures[p].sum() / max(track.requests[p].sum(), 1.0)) for p in parts)
    if not _failing_longer(min(early, local), older, thresholds):
        return best
    lasting = _judge_errors(track, at, window, thresholds, horizon)
    return lasting if lasting is not None and lasting.ongoing and lasting.opened else best


def _failing_longer(lead: float, older: float, thresholds: Thresholds) -> bool:
    """Whether what should be the baseline is already far worse than what was before it."""
    return lead >= LASTING_RATIO * older and lead - older >= thresholds.min_effect_ratio


def _judge_errors(
    track: ErrorTrack, at: Instant, window: Window, thresholds: Thresholds, horizon_s: float
) -> Move | None:
    """Distance of a bin: (failures - p0 n) / sqrt(phi p0 (1 - p0) n), where p0 = (failures + 0.5) / (n + 1) of the baseline.

    phi is the baseline's own overdispersion; the distance is also taken over `POOL_S` at once.
    """
    import numpy as np

    cut = split(track.times, at, horizon_s)
    failures, requests, times = track.failures[cut:], track.requests[cut:], track.times[cut:]
    if not failures.size:
        return None
    half = _before_failures(failures, requests, failures.size // 2, thresholds)
    base_f, base_n = float(failures[:half].sum()), float(requests[:half].sum())
    old_f, old_n = float(track.failures[:cut].sum()), float(track.requests[:cut].sum())
    if base_n < thresholds.min_requests:
        base_f, base_n = base_f + old_f, base_n + old_n
    elif old_n >= thresholds.min_requests and _failing_longer(base_f / base_n, old_f / old_n, thresholds):
        base_f, base_n = old_f, old_n
    if base_n < thresholds.min_requests or half + cut < 2:
        return None
    p0 = (base_f + 0.5) / (base_n + 1)
    phi = _overdispersion(
        np.concatenate([track.failures[:cut][-2000:], failures[:half]]),
        np.concatenate([track.requests[:cut][-2000:], requests[:half]]),
    )
    z = _count_z(failures, requests, p0, phi)
    width = max(1, round(POOL_S / max(track.step_s, 1.0)))
    rate = failures / np.maximum(requests, 1)
    if width > 1:
        pooled_f, pooled_n = rolling_sum(failures, width), rolling_sum(requests, width)
        z = np.maximum(z, _count_z(pooled_f, pooled_n, p0, phi))
        rate = np.maximum(rate, pooled_f / np.maximum(pooled_n, 1))
    big = rate - p0 >= max(thresholds.min_effect_ratio, thresholds.min_effect * p0)
    episode = latest_episode(z, big)
    if episode is None:
        return None
    start = _first_failing(failures, requests, p0, episode)
    stretch = slice(start, episode.last + 1)
    bad, total = float(failures[stretch].sum()), float(requests[stretch].sum())
    excess = bad - p0 * total
    move = Move(
        service=track.service,
        operation=track.operation,
        metric="error_rate",
        meaning=ERRORS,
        direction=1,
        onset=onset_at(times, start, track.step_s),
        earliest=float(times[start]) - track.step_s,
        latest=begun_by(times, start, episode.opened, track.step_s),
        end=None if episode.ongoing else float(times[min(episode.last + 1, times.size - 1)]),
        level=base_f / base_n,
        observed=bad / total if total else 0.0,
        z=float(z[stretch].max()),
        effect=(bad / total - p0) / p0 if total else 0.0,
        bins=episode.bins,
        step_s=track.step_s,
        requests=round(total),
        excess=excess,
        source=track.source,
        query=track.query,
        first=start == 0,
        chance=_count_chance(_count_noise(track, cut, half, p0, phi), z, episode, thresholds),
        since_bins=int(failures.size - 1 - episode.last),
    )
    if total < thresholds.min_requests:
        return replace(move, opened=False, short=f"needs {thresholds.min_requests} requests, has {round(total)}")
    if excess < thresholds.min_excess_failures:
        return replace(move, opened=False, short=f"only {excess:.0f} failures beyond the baseline")
    if fisher_greater(round(bad), round(total), round(base_f), round(base_n)) > P_RATE:
        return replace(move, opened=False, short="as many failures may be chance")
    return move


def _count_noise(track: ErrorTrack, cut: int, half: int, p0: float, phi: float) -> tuple[Numbers, Numbers]:
    """(distance, rate above its own level) of every bin of the baseline, the long history against its own level."""
    import numpy as np

    old_f, old_n = track.failures[:cut][-2000:], track.requests[:cut][-2000:]
    old_p = (float(old_f.sum()) + 0.5) / (float(old_n.sum()) + 1)
    lead_f, lead_n = track.failures[cut : cut + half], track.requests[cut : cut + half]
    z = np.concatenate([_count_z(old_f, old_n, old_p, phi), _count_z(lead_f, lead_n, p0, phi)])
    above = np.concatenate([old_f / np.maximum(old_n, 1) - old_p, lead_f / np.maximum(lead_n, 1) - p0])
    return z, above


def _count_chance(noise: tuple[Numbers, Numbers], z: Numbers, episode: Episode, thresholds: Thresholds) -> float:
    """How often the baseline shows as much: its share of bins off, to the power of bins; squared where nothing came near."""
    base, above = noise
    if not base.size:
        return 0.0
    exceeded = (int(((base >= WATCH_Z) & (above >= thresholds.min_effect_ratio)).sum()) + 1) / (base.size + 1)
    peak = float(z[episode.start : episode.last + 1].max())
    unheard_of = peak >= UNHEARD_OF * max(OPEN_Z, float(base.max()))
    return float(exceeded ** (episode.bins + (2 if unheard_of else 0)))


def _first_failing(failures: Numbers, requests: Numbers, p0: float, episode: Episode) -> int:
    """The pooled distance smears the start; the first bin of the episode with failures above the baseline is the onset."""
    for k in range(episode.start, episode.last + 1):
        if failures[k] > 0 and failures[k] > 2 * p0 * requests[k]:
            return k
    return episode.start


def _count_z(failures: Numbers, requests: Numbers, p0: float, phi: float) -> Numbers:
    import numpy as np

    spread = np.sqrt(np.maximum(phi * p0 * (1 - p0) * requests, 0.25))
    result: Numbers = (failures - p0 * requests) / spread
    return result


def _overdispersion(failures: Numbers, requests: Numbers) -> float:
    """How much more the baseline's failures vary than chance, at least 1; trimmed, so that one old incident counts little."""
    import numpy as np

    served = requests > 0
    if served.sum() < MIN_NOISE_POINTS:
        return 1.0
    f, n = failures[served], requests[served]
    p = float(f.sum() + 0.5) / float(n.sum() + 1)
    square = np.sort((f - p * n) ** 2 / np.maximum(p * (1 - p) * n, 0.25))
    kept = square[: max(1, int(square.size * 0.98))]
    return max(1.0, float(kept.mean()))


def rolling_sum(values: Numbers, width: int) -> Numbers:
    """Sum of each value and up to `width - 1` before it."""
    import numpy as np

    total = np.cumsum(values)
    return np.concatenate([total[:width], total[width:] - total[:-width]])
