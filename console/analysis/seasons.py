"""What is usual at this hour: the same hours of earlier days, of the same days of the week where enough of them are known.

The minutes before tell what is new; they cannot tell a daily peak or a nightly job from trouble, nor the level of noon from
trouble at night. Each earlier day counts once and the middle one of them stands, so that an incident on one of them neither
hides the present one nor makes a calm hour suspicious.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING

from console.analysis.constants import OPEN_Z, SCALE_FLOOR, WATCH_Z
from console.analysis.episodes import ALIKE
from console.analysis.stats import median_of, robust_scale, rolling_sum
from console.analysis.tracks import NO_DAYS, Earlier, Past
from console.domain.instant import Instant
from console.domain.values import dataclass

if TYPE_CHECKING:
    from console.analysis.stats import Numbers

DAY_S = 86400.0
LEAST_DAYS = 3
"""Earlier days on which the hours must be known: the middle of fewer could be an incident itself [D]."""
MOST_DAYS = 28
NEAR_S = 1800.0
"""A peak or a job comes so much earlier or later than on other days [D]."""
AROUND_S = 7200.0
"""What happens within so many seconds of this time of day on other days belongs to these hours [D]."""
LONGEST_S = 20 * 3600.0
"""A departure that lasts longer belongs to no hours."""
COVERED = 0.5
"""Share of the points of a stretch that must be known on a day [D]."""
FEW = 1 / 3
"""Where no more than this share of the days shows the like at these hours, it is not usual for them [D]."""
PEAK_SPREAD = 0.1
"""The height of a daily peak varies at least so much from day to day [D]."""
REGULAR = 0.15
"""A peak whose height varies no more than so much is known well enough to say that one is higher than it should be [D]."""
RECENT_S = 900.0
"""The newest stretch that is held against the same one of earlier days [D]."""
HOURS = 24
SEASON_LEAST = 3.0
"""The level follows the hours where they differ by so many times the noise that is left without them [D]."""
WEEKEND = frozenset((5, 6))
_DAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


@dataclass(frozen=True, slots=True)
class Season:
    """What the same hours of earlier days were like, beside a departure of now."""

    days: int
    """Earlier days on which these hours are known."""
    ordinary: bool
    """The same happens at this hour on earlier days, as a rule."""
    unusual: bool
    """These hours are known and hardly ever like that, or like that and never as bad."""
    level: float
    """The middle of the earlier days at this hour, at its highest within `NEAR_S`; as harm points upwards."""
    kind: str
    """`days`, `Saturdays`, `working days`."""
    nearest: int
    """How many days ago the last of them was."""

    @property
    def words(self) -> str:
        """`at this hour on 6 earlier days`."""
        return f"at this hour on {self.days} earlier {self.kind}"


def season_of(
    times: Numbers,
    values: Numbers,
    weights: Numbers | None,
    stretch: tuple[int, int],
    level: float,
    scale: float,
    least: float,
    earlier: Earlier = NO_DAYS,
) -> Season | None:
    """Compare a departure with the same hours of earlier days; None where too few of them are known.

    Args:
        times: Ends of the bins, epoch seconds, ascending.
        values: Harm points upwards.
        weights: What the mean weighs each value by; None: all alike.
        stretch: First and last index of the departure.
        level: What was usual just before it.
        scale: The noise of one value.
        least: The smallest change that matters.
        earlier: What is known of earlier days where the series itself does not reach back far enough.
    """
    first, last = stretch
    begin, end = float(times[first]), float(times[last])
    if end - begin > LONGEST_S:
        return None
    width = last - first + 1
    lasted = (end - begin) * width / (width - 1) if width > 1 else 0.0
    known, bins, brief = Past(times, values, 0.0, weights), width, False
    if begin - float(times[0]) < LEAST_DAYS * DAY_S - AROUND_S:
        if earlier.past is None:
            return None
        known, brief = earlier.past, lasted < earlier.past.step_s
        bins = max(1, round(lasted / known.step_s))
        if not known.times.size or begin - float(known.times[0]) < LEAST_DAYS * DAY_S - AROUND_S:
            return None
    now = _mean(values[first : last + 1], None if weights is None else weights[first : last + 1])
    noise = scale / math.sqrt(width)
    enough = max(ALIKE * max(now - level, noise) - noise, noise)
    near: dict[int, float] = {}
    around: dict[int, float] = {}
    for days in range(1, MOST_DAYS + 1):
        back = back_s(begin, days, earlier.zone)
        if begin - back - AROUND_S < float(known.times[0]) - NEAR_S:
            break
        since = begin if known.times is times else end - (bins - 1) * known.step_s
        highest = _highest(known, (since - back, end - back), bins)
        if highest is not None:
            near[days], around[days] = highest
    chosen, kind = _alike_days(begin, near, earlier.zone)
    if len(chosen) < LEAST_DAYS:
        return None
    import numpy as np

    peaks = np.array([near[d] for d in chosen])
    usual = median_of(peaks)
    spread = max(_spread(peaks), noise, PEAK_SPREAD * abs(usual - level), SCALE_FLOOR * abs(usual))
    beyond = now - usual
    ordinary = usual - level >= noise and (beyond < WATCH_Z * spread or beyond < least)
    few = sum(around[d] - level >= enough for d in chosen) <= FEW * len(chosen)
    regular = _spread(peaks) <= REGULAR * (usual - level)
    worse = regular and beyond >= OPEN_Z * spread and beyond >= least
    if brief and few:
        return None  # in steps that are longer than itself nothing like it can be seen
    return Season(len(chosen), ordinary and not few, (few or worse) and not brief, usual, kind, min(chosen))


def lately(times: Numbers, values: Numbers, at: Instant, earlier: Earlier = NO_DAYS) -> tuple[float, float] | None:
    """(mean of the newest stretch, middle of its means on earlier days); None where too few of them are known."""
    import numpy as np

    reach = _reaching(times, values, at, earlier)
    if reach is None or not times.size:
        return None
    newest = values[times.searchsorted(at - RECENT_S, side="right") : times.searchsorted(at, side="right")]
    if not newest.size:
        return None
    days = range(1, min(MOST_DAYS, int((at - float(reach.times[0])) // DAY_S)) + 1)
    back = np.array([back_s(at, day, earlier.zone) for day in days])
    low = reach.times.searchsorted(at - back - RECENT_S, side="right")
    high = reach.times.searchsorted(at - back, side="right")
    total = np.concatenate([[0.0], np.cumsum(reach.values)])
    known = {d: float((total[b] - total[a]) / (b - a)) for d, a, b in zip(days, low, high, strict=True) if b > a}
    now = float(newest.mean())
    chosen, _ = _alike_days(at, known, earlier.zone)
    if len(chosen) < LEAST_DAYS:
        return None
    return now, median_of(np.array([known[d] for d in chosen]))


def without_season(
    times: Numbers, values: Numbers, at: Instant, recent_s: float, multiplied: bool, earlier: Earlier = NO_DAYS
) -> tuple[Numbers, Earlier] | None:
    """The values as they would be if every hour were like the present one, and so earlier days; None where the level does not
    follow the hours.

    Args:
        recent_s: The stretch before `at` that does not shape what is usual.
        multiplied: An hour has so many times as much as another, and not so much more.
    """
    import numpy as np

    reach = _reaching(times, values, at - recent_s, earlier)
    if reach is None:
        return None
    old = reach.times < at - recent_s
    hour = (reach.times[old] % DAY_S // (DAY_S / HOURS)).astype(int)
    order = np.argsort(hour, kind="stable")
    parts = np.split(reach.values[old][order], np.searchsorted(hour[order], np.arange(1, HOURS)))
    if not all(part.size for part in parts):
        return None
    level = np.array([median_of(part) for part in parts])
    centres = (np.arange(-1, HOURS + 1) + 0.5) * DAY_S / HOURS
    heights = np.concatenate([level[-1:], level, level[:1]])
    here = float(np.interp(at % DAY_S, centres, heights))

    def usual(when: Numbers) -> Numbers:
        found: Numbers = np.interp(when % DAY_S, centres, heights)
        return found

    rest: Numbers = reach.values - usual(reach.times)
    if float(level.max() - level.min()) < SEASON_LEAST * robust_scale(rest[old][-2000:], 0.0):
        return None

    def levelled(when: Numbers, known: Numbers) -> Numbers:
        return known / usual(when) * here if multiplied and level.min() > 0 else known - usual(when) + here

    past = earlier.past
    return levelled(times, values), earlier if past is None else earlier.with_values(levelled(past.times, past.values))


def _reaching(times: Numbers, values: Numbers, at: Instant, earlier: Earlier) -> Past | None:
    """What reaches back over days enough: the series itself, else what is known of it beside; None: neither does."""
    if times.size and at - float(times[0]) >= LEAST_DAYS * DAY_S:
        return Past(times, values, 0.0)
    past = earlier.past
    return past if past is not None and past.times.size and at - float(past.times[0]) >= LEAST_DAYS * DAY_S else None


@lru_cache(maxsize=4096)
def back_s(at: Instant, days: int, zone: tzinfo) -> float:
    """Seconds from the same time of day so many days earlier, by the clock of a zone, which may have been put forward since."""
    if zone is UTC:
        return days * DAY_S
    then = datetime.fromtimestamp(at, zone).replace(tzinfo=None) - timedelta(days=days)
    return at - then.replace(tzinfo=zone).timestamp()


def _spread(peaks: Numbers) -> float:
    """Between the days, by the median alone: one day with an incident is not to widen it."""
    import numpy as np

    return 1.4826 * median_of(np.abs(peaks - median_of(peaks)))


def _mean(values: Numbers, weights: Numbers | None) -> float:
    if weights is None:
        return float(values.mean())
    return float((values * weights).sum() / max(float(weights.sum()), 1e-9))


def _highest(known: Past, stretch: tuple[Instant, Instant], width: int) -> tuple[float, float] | None:
    """The highest mean of `width` bins on one day, close to a stretch and around it; None where it is not known."""
    import numpy as np

    times, values, weights = known.times, known.values, known.weights
    begin, end = stretch
    step = (end - begin) / (width - 1) if width > 1 else 0.0
    edges = np.searchsorted(
        times, (begin - AROUND_S - step, begin - NEAR_S - step, end + NEAR_S, end + AROUND_S), side="right"
    )
    low, near_low, near_high, high = (int(edge) for edge in edges)
    if near_high - near_low < max(width, 1) * (1 + COVERED) and near_high - near_low < width + 2:
        return None
    if width > 1 and (near_high - near_low) * step < COVERED * (end - begin + 2 * NEAR_S):
        return None
    part = values[low:high]
    weight = np.ones(part.size) if weights is None else weights[low:high]
    if part.size < width:
        return None
    means = (rolling_sum(part * weight, width) / np.maximum(rolling_sum(weight, width), 1e-9))[width - 1 :]
    close = means[near_low - low : max(near_low - low + 1, near_high - low - width + 1)]
    return float(close.max()), float(means.max())


def _alike_days(at: Instant, known: dict[int, float], zone: tzinfo) -> tuple[list[int], str]:
    """The days that an instant is compared with: the same day of the week, working days or weekends, where enough are known."""
    weekday = _weekday(at, zone)
    same = [d for d in known if d % 7 == 0]
    if len(same) >= LEAST_DAYS:
        return same, _DAYS[weekday]
    weekend = weekday in WEEKEND
    like = [d for d in known if ((weekday - d) % 7 in WEEKEND) is weekend]
    if len(like) >= LEAST_DAYS and len(like) < len(known):
        return like, "days of a weekend" if weekend else "working days"
    return list(known), "days"


def _weekday(at: Instant, zone: tzinfo) -> int:
    """0: Monday. The epoch began on a Thursday."""
    return int(at // DAY_S + 3) % 7 if zone is UTC else datetime.fromtimestamp(at, zone).weekday()
