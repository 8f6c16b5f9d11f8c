"""Failures with counts behind them: when they rise above what was before, tested exactly."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from console.analysis.baseline import LASTING_RATIO, long_horizon, split
from console.analysis.constants import LOCAL_HORIZON_S, MIN_NOISE_POINTS, OPEN_Z, P_RATE, WATCH_Z, Thresholds
from console.analysis.episodes import FULL_BIN_S, Episode, alike, begun_by, latest_episode, onset_at, recurs
from console.analysis.moves import RECURS, Move
from console.analysis.seasons import Season, season_of
from console.analysis.signals import Family, Meaning
from console.analysis.stalls import UNKNOWN, Stalls
from console.analysis.stats import fisher_greater, median_of, rolling_sum
from console.analysis.tracks import ErrorTrack
from console.domain.instant import Instant, Window

if TYPE_CHECKING:
    from console.analysis.stats import Numbers

ERRORS = Meaning(Family.RATIO, "error_rate", "ratio", 1)
"""What an `ErrorTrack` stands for."""
UNHEARD_OF = 3.0
"""A bin that is so many times further off than the worst of the baseline needs no second one [D]."""
SPARSE_S = 600.0
"""Where requests are few, bins are taken together up to this long [D]."""
POOL_S = 60.0
"""Failures are also judged over this many seconds at once, so that a slow trickle shows [D]."""
OUTAGE = 0.5
"""Where so many requests fail it is an outage, however often there was one before [D]."""
INCIDENT_TIMES = 5.0
"""A part of the baseline that fails so many times as often as its calmer half was an incident [D]."""
LEAD_PARTS, PAST_PARTS = 8, 48
"""Parts of the local baseline and of all history that are looked at for one."""
HARDLY_LIKELIER = 1.0
"""Logarithm of how many times as likely a start must be to be taken for a later one [D]."""
BURST_S = 30.0
"""Failures that all came within so many seconds, in bins finer than a minute, are one hiccup [D]."""
BURST_FAILURES = 50
"""So many failures beyond the baseline count however short they came [D]."""


def judge_errors(
    track: ErrorTrack, at: Instant, window: Window, thresholds: Thresholds, stalls: Stalls = UNKNOWN
) -> Move | None:
    """The newest departure of a failure rate that has counts behind it.

    Args:
        stalls: When everything was slow at once: failures of some seconds then are one hiccup.
    """
    best = _judge_errors(track, at, window, thresholds, stalls, LOCAL_HORIZON_S)
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
    lasting = _judge_errors(track, at, window, thresholds, stalls, horizon)
    return lasting if lasting is not None and lasting.ongoing and lasting.opened else best


def _judge_errors(
    track: ErrorTrack, at: Instant, window: Window, thresholds: Thresholds, stalls: Stalls, horizon_s: float
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
    lead_f, lead_n = failures[:half], requests[:half]
    past_f, past_n = track.failures[:cut], track.requests[:cut]
    lead, past = float(lead_f.sum()) * float(past_n.sum()), float(past_f.sum()) * float(lead_n.sum())
    if lead > LASTING_RATIO * past or past > LASTING_RATIO * lead or not past_f.size:
        lead_f, lead_n = _calm(lead_f, lead_n, LEAD_PARTS, thresholds)
        past_f, past_n = _calm(past_f, past_n, PAST_PARTS, thresholds)
    base_f, base_n = float(lead_f.sum()), float(lead_n.sum())
    old_f, old_n = float(past_f.sum()), float(past_n.sum())
    if base_n < thresholds.min_requests:
        base_f, base_n = base_f + old_f, base_n + old_n
    elif old_n >= thresholds.min_requests and _failing_longer(base_f / base_n, old_f / old_n, thresholds):
        base_f, base_n = old_f, old_n
    if base_n < thresholds.min_requests or half + cut < 2:
        return None
    p0 = (base_f + 0.5) / (base_n + 1)
    phi = _overdispersion(np.concatenate([past_f[-2000:], lead_f]), np.concatenate([past_n[-2000:], lead_n]))
    z = _count_z(failures, requests, p0, phi)
    rate = failures / np.maximum(requests, 1)
    for width in _widths(requests, track.step_s, thresholds.min_requests):
        pooled_f, pooled_n = rolling_sum(failures, width), rolling_sum(requests, width)
        z = np.maximum(z, _count_z(pooled_f, pooled_n, p0, phi))
        rate = np.maximum(rate, pooled_f / np.maximum(pooled_n, 1))
    big = rate - p0 >= max(thresholds.min_effect_ratio, thresholds.min_effect * p0)
    episode = latest_episode(z, big, FULL_BIN_S)  # the distance is pooled already; whether it lasts is asked below
    if episode is None:
        return None
    start = _first_failing(failures, requests, p0, episode)
    stretch = slice(start, episode.last + 1)
    stalled = bool(stalls.lately(times[stretch], track.step_s).any())
    brief = stalled and _brief(
        failures[stretch], requests[stretch], p0, phi, track.step_s, thresholds.min_excess_failures
    )
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
    if brief and excess < BURST_FAILURES:
        return replace(move, opened=False, short=f"came within {BURST_S:.0f} s")
    if fisher_greater(round(bad), round(total), round(base_f), round(base_n)) > P_RATE:
        return replace(move, opened=False, short="as many failures may be chance")
    whole = replace(episode, start=start + cut, last=episode.last + cut)
    usual = _at_this_hour(track, whole, p0, move.observed, thresholds)
    move = replace(move, usual=usual)
    if move.observed >= OUTAGE or (usual is not None and usual.unusual):
        return move
    if usual is not None and usual.ordinary:
        return replace(move, opened=False, short=f"as {usual.words}")
    if _usual(track, cut, whole, p0, move.observed):
        return replace(move, opened=False, short=RECURS)
    return move


def _widths(requests: Numbers, step_s: float, least: int) -> list[int]:
    """Bins that are taken together: those of `POOL_S`, and where these hold few requests as many as hold enough of them."""
    step = max(step_s, 1.0)
    known = requests[requests > 0]
    each = float(known.mean()) * known.size / requests.size if known.size else 0.0
    short = max(1, round(POOL_S / step))
    enough = min(math.ceil(least / each), int(SPARSE_S / step)) if each > 0 else 1
    return [width for width in dict.fromkeys((short, max(short, enough))) if width > 1]


def _at_this_hour(track: ErrorTrack, whole: Episode, p0: float, share: float, thresholds: Thresholds) -> Season | None:
    """The same hours of earlier days, by the noise of such a share among so many requests."""
    import numpy as np

    scale = math.sqrt(share * max(1 - share, 0.0) / max(median_of(track.requests), 1.0))
    least = max(thresholds.min_effect_ratio, thresholds.min_effect * p0)
    rate = track.failures / np.maximum(track.requests, 1)
    return season_of(track.times, rate, track.requests, (whole.start, whole.last), p0, scale, least, track.earlier)


def _calm(failures: Numbers, requests: Numbers, parts: int, thresholds: Thresholds) -> tuple[Numbers, Numbers]:
    """Without the one stretch of them that fails far more than the rest, where it is a half at most: an old incident."""
    import numpy as np

    if failures.size < 2 * parts:
        return failures, requests
    starts = np.arange(parts) * failures.size // parts
    bad, total = np.add.reduceat(failures, starts), np.add.reduceat(requests, starts)
    rate = bad / np.maximum(total, 1)
    if rate.max() < thresholds.min_effect_ratio:
        return failures, requests
    calm = np.argsort(rate, kind="stable")[: parts // 2]
    p = (float(bad[calm].sum()) + 0.5) / (float(total[calm].sum()) + 1)
    far = (
        (rate >= INCIDENT_TIMES * p)
        & (rate - p >= thresholds.min_effect_ratio)
        & (_count_z(bad, total, p, 1.0) >= 2 * OPEN_Z)
    )
    off = np.flatnonzero(far)
    if not off.size or off[-1] - off[0] >= parts // 2 or off.size < off[-1] - off[0] + 1:
        return failures, requests
    kept = np.ones(failures.size, dtype=bool)
    kept[starts[max(off[0] - 1, 0)] : starts[off[-1] + 2] if off[-1] + 2 < parts else failures.size] = False
    return failures[kept], requests[kept]


def _usual(track: ErrorTrack, cut: int, whole: Episode, p0: float, share: float) -> bool:
    """Whether the local stretch, or all history, shows as high a share of failures again and again.

    Two stretches with the same cause differ by chance: by the noise of two such shares.
    """
    import numpy as np

    rate = track.failures / np.maximum(track.requests, 1)
    scale = math.sqrt(2 * share * max(1 - share, 0.0) / max(median_of(track.requests), 1.0))
    local = replace(whole, start=whole.start - cut, last=whole.last - cut)
    if recurs(alike(rate[cut:], track.requests[cut:], local, p0, scale)):
        return True
    return cut > 0 and recurs(alike(rate, track.requests, whole, p0, scale))


def _before_failures(failures: Numbers, requests: Numbers, half: int, thresholds: Thresholds) -> int:
    """The same for failures: the first half of the leading bins, where the second one fails far more and so does the rest."""
    quarter = half // 2
    if float(requests[:quarter].sum()) < thresholds.min_requests or quarter < MIN_NOISE_POINTS / 2:
        return half
    parts = (slice(quarter), slice(quarter, half), slice(half, None))
    first, second, rest = (float(failures[p].sum() / max(requests[p].sum(), 1.0)) for p in parts)
    return quarter if _failing_longer(min(second, rest), first, thresholds) else half


def _failing_longer(lead: float, older: float, thresholds: Thresholds) -> bool:
    """Whether what should be the baseline is already far worse than what was before it."""
    return lead >= LASTING_RATIO * older and lead - older >= thresholds.min_effect_ratio


def _brief(failures: Numbers, requests: Numbers, p0: float, phi: float, step_s: float, least: int) -> bool:
    """Whether failures came in one short burst: without the densest `BURST_S` of them, the rest is no more than the baseline's.

    The rest must itself be the `least` that counts, until twice `POOL_S` is seen: a few by chance before a burst are no beginning.
    """
    import numpy as np

    if step_s >= FULL_BIN_S:
        return False
    width = max(1, math.ceil(BURST_S / max(step_s, 1.0)))
    end = int(rolling_sum(failures, width).argmax()) + 1
    rest = np.ones(failures.size, dtype=bool)
    rest[max(0, end - width) : end] = False
    bad, total = np.array([failures[rest].sum()]), np.array([requests[rest].sum()])
    if float(_count_z(bad, total, p0, phi)[0]) < WATCH_Z:
        return True
    return failures.size * step_s < 2 * POOL_S and float(bad[0] - p0 * total[0]) < least


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
    """The bin of the episode from which on its failures part best from the baseline's: the pooled distance smears the start.

    The change point of the greatest likelihood of Poisson counts: the sum from there on of f ln(p1 / p0) - (p1 - p0) n is
    the largest, p1 being the share since the episode opened. A lone failure before many good answers does not count, nor
    does an earlier start that is hardly likelier.
    """
    import numpy as np

    opened = slice(episode.opened, episode.last + 1)
    p1 = float(failures[opened].sum()) / max(float(requests[opened].sum()), 1.0)
    if p1 <= p0:
        return episode.start
    stretch = slice(episode.start, episode.last + 1)
    gain = failures[stretch] * math.log(p1 / p0) - (p1 - p0) * requests[stretch]
    since = np.cumsum(gain[::-1])[::-1]
    return episode.start + int(np.flatnonzero(since >= since.max() - HARDLY_LIKELIER)[-1])


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
