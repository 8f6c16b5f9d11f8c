"""Stretches in which a series is off its level: where they open, and where they close."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from console.analysis.constants import CLEAR_BINS, CLEAR_Z, OPEN_Z, WATCH_Z
from console.analysis.stats import rolling_sum
from console.domain.instant import Instant
from console.domain.values import dataclass

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from console.analysis.stats import Numbers

    Flags = NDArray[np.bool_]

DENSITY = 0.5
"""Bins between two openings of one departure that must be off; where fewer are, it is noise that comes and goes [D]."""
FULL_BIN_S = 60.0
"""A bin of this width or more stands for a stretch of its own; in finer ones trouble has to last [D]."""
PERSIST_S = 45.0
"""In finer bins a departure opens once it has lasted this long: a machine that stands still for some seconds makes several
of them hot at once, in every service, and is over before anybody could look [D]."""
LOW = 0.1
"""A beginning below this part of a departure's height belongs to it where it lasts: a step has none, a slow rise does [D]."""
LOW_BINS, LOW_SHARE = 3, 0.8
"""... so many bins, of which this share is beyond what is usual [D]."""
ALIKE = 0.6
"""Part of a departure's height that an earlier stretch of its length must have reached to be like it [D]."""
PARTS = 3
"""Parts of the history, each of which must hold one like it: what happens in all of them is nothing new [D]."""
PERSIST_SHARE = 0.75
"""... in which this share of the bins is off: a percentile of few requests flickers [D]."""


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


def latest_episode(
    z: Numbers, big: Flags, step_s: float, unsure: Flags | None = None, usual: float = 0.0
) -> Episode | None:
    """The newest departure: opened by one bin at `OPEN_Z` or two of three at `WATCH_Z`, closed by `CLEAR_BINS` calm bins.

    In bins finer than `FULL_BIN_S` it opens once it `lasts`; where `unsure` is false it need not.

    The start is walked back from the first opening bin while the distance exceeds `CLEAR_Z`; earlier openings belong to it
    where at least half of the bins from there to the rest of it are off: trouble that lasts does not vouch for a lone bin
    that was off by chance a minute before it.
    """
    import numpy as np

    hot = (z >= WATCH_Z) & big
    if not hot.any():
        return None
    proved = lasts(hot, step_s) if unsure is None else lasts(hot, step_s) | ~unsure
    opening = (((z >= OPEN_Z) & big) | (hot & (rolling_sum(hot, 3) >= 2))) & proved
    opens = np.flatnonzero(opening)
    if not opens.size:
        return None
    calm = (z < CLEAR_Z) | ~big
    newest = int(opens[-1])
    last, closed = _forward(hot, calm, newest)
    first = k = newest
    run, dense = 0, 0
    beyond = z > usual if z[newest] > usual else z >= CLEAR_Z
    while k > 0 and run < CLEAR_BINS:
        k -= 1
        run = run + 1 if calm[k] else 0
        dense += int(hot[k] and beyond[k])
        if opening[k] and beyond[k] and dense >= DENSITY * (first - k):
            first, dense = k, 0
    start = first
    while start > 0 and z[start - 1] >= CLEAR_Z and beyond[start - 1] and big[start - 1]:
        start -= 1
    if usual > 0:
        start = _past_low(z, beyond, start, last)
        first = max(first, start)
    return Episode(start, first, last, not closed, int(hot[start : last + 1].sum()))


def _past_low(z: Numbers, beyond: Flags, start: int, last: int) -> int:
    """The first bin of a departure that is not low, where the low ones before it are too few or come and go: that is noise."""
    import numpy as np

    stretch = z[start : last + 1]
    low = int(np.argmax(stretch >= LOW * float(np.quantile(stretch, 0.75))))
    lasting = low >= LOW_BINS and float(beyond[start : start + low].mean()) >= LOW_SHARE
    return start if lasting else start + low


def lasts(off: Flags, step_s: float) -> Flags:
    """Bins at which trouble has lasted: they are off, and so are most of those of the last `PERSIST_S`.

    Bins of `FULL_BIN_S` or more last by themselves.
    """
    if step_s >= FULL_BIN_S:
        return off
    width = math.ceil(PERSIST_S / max(step_s, 1.0))
    result: Flags = off & (rolling_sum(off, width) >= math.ceil(PERSIST_SHARE * width))
    return result


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


def alike(values: Numbers, weights: Numbers | None, episode: Episode, level: float, scale: float) -> Flags:
    """Whether each earlier stretch that is as long as a departure was like it, from the first stretch to the last before it.

    Like it is a stretch whose mean is at least `ALIKE` as far above the level, less the noise of such a mean. What is higher
    than ever, or goes on for longer, is something else.

    Args:
        values: Of a while that ends with the departure.
        weights: What the mean weighs each value by; None: all alike.
        episode: Where in `values` it lies.
        level: What is usual.
        scale: The noise of one value.
    """
    import numpy as np

    width = episode.last - episode.start + 1
    if episode.start < width:
        return np.zeros(0, dtype=bool)
    known = values[: episode.last + 1]
    weight = np.ones(known.size) if weights is None else weights[: episode.last + 1]
    means = rolling_sum(known * weight, width) / np.maximum(rolling_sum(weight, width), 1e-9)
    noise = scale / math.sqrt(width)
    height = max(float(means[-1]) - level, noise)
    found: Flags = means[width - 1 : episode.start] - level >= max(ALIKE * height - noise, noise)
    return found


def recurs(like: Flags) -> bool:
    """Whether each part of the history holds a stretch like it: a job that slows its database for minutes of every hour."""
    import numpy as np

    return like.size >= PARTS and all(bool(part.any()) for part in np.array_split(like, PARTS))


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
