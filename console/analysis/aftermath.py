"""Whether trouble ended after a change was taken back, or went on: the strongest evidence for it or against it.

Trouble that had ended before tells nothing, and neither does trouble that had no time, or too few requests, to show either.
"""

from __future__ import annotations

from collections.abc import Iterable

from console.analysis.constants import CLOCK_SKEW_S, GATE_REQUESTS
from console.analysis.moves import Move
from console.analysis.sides import FAILING, Side, side_of
from console.analysis.signals import Family
from console.analysis.stats import samples_needed
from console.analysis.symptoms import harms_users, samples_of
from console.analysis.words import metric_name, number, place_name
from console.domain.changes import Change
from console.domain.instant import Instant, Window, clock_text, span_text
from console.domain.series import SeriesSet
from console.domain.values import dataclass

SETTLE_S = 60.0
"""Taking something back takes effect within that time on most instances: what is read in it belongs to neither side [D]."""
ENDS_WITHIN_S = 600.0
"""Trouble that ends later than this after it has another reason to end [D]."""
WENT_ON_S = 300.0
"""Trouble that lasts longer than this speaks against what was taken back [D]."""
HOLD_S = 600.0
"""... and this long clears it (the hold time of a recovery, `HELD_S`) [D]."""
BACK, STILL = 0.25, 0.5
"""Part of the height that is left where it is back, at most, and where it goes on, at least [D]."""
LEAST_BINS = 3


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What became of the trouble after one change."""

    ended: bool
    """False: it went on."""
    claim: str
    """`… went from 41 % (2,310 requests) to 0.2 % (1,950 requests) within 2 min`"""
    move: Move
    """The trouble."""
    stretch: Window
    """What was compared."""
    samples: int | None
    seconds: float
    """From the change to the end, or to now."""

    @property
    def clears(self) -> bool:
        """Whether it went on for so long that what was taken back had no part in it."""
        return not self.ended and self.seconds >= HOLD_S


def aftermath(
    by: Change, service: str | None, moves: Iterable[Move], series: SeriesSet, at: Instant
) -> Aftermath | None:
    """What became of the trouble of a service after a change; of all trouble, where the service has none of its own.

    None where none was there when the change was made, or where it is too early to tell.

    Args:
        by: What may have ended it.
        service: Whose trouble; None: everybody's.
        moves: All departures.
        series: What the figures are read of.
        at: The knowledge time.
    """
    harmful = [m for m in moves if harms_users(m) and m.began.earliest < by.at]
    own = [m for m in harmful if m.service == service] or harmful
    there = [m for m in own if _last_seen(m, at) >= by.at - CLOCK_SKEW_S]
    if not there:
        return None
    main = max(there, key=lambda m: (m.meaning.family is Family.RATIO, m.operation is None, m.excess or 0.0, m.z))
    if _ended(main, by, series, at):
        last = min(_last_seen(main, at), at)
        if last - by.at > ENDS_WITHIN_S or any(not _ended(m, by, series, at) for m in there):
            return None
        return _told(main, by, series, at, ended=True)
    return _told(main, by, series, at, ended=False) if _went_on(main, by, series, at) else None


def _last_seen(move: Move, at: Instant) -> Instant:
    """The last instant at which it was known to be off."""
    return at - move.since_bins * move.step_s if move.end is None else move.end - move.step_s


def _after(move: Move, by: Change, at: Instant) -> Window:
    start = by.at + max(SETTLE_S, move.step_s)
    if move.end is not None:
        start = max(by.at, _last_seen(move, at))  # it is known when it was over
    return Window(min(start, at), at)


def _side(move: Move, series: SeriesSet, stretch: Window) -> Side | None:
    metric = "error_rate" if move.meaning.signal == "error_rate" and move.meaning.certain else move.metric
    return side_of(series, move.service, move.operation or "", metric, stretch)


def _enough(move: Move, side: Side) -> bool:
    """Whether what was read after it can tell: requests as for any verdict, or intervals where nobody counts them."""
    if side.bins < LEAST_BINS:
        return False
    if side.requests is None:
        return True
    needed = samples_needed(move.meaning.quantile or 0.5) if move.metric not in FAILING else 0
    return side.requests >= max(GATE_REQUESTS, needed)


def _part_left(move: Move, side: Side) -> float:
    """What is left of its height: 1 as bad as it was, 0 at its level."""
    height = move.observed - move.level
    return (side.value - move.level) / height if height else 0.0


def _ended(move: Move, by: Change, series: SeriesSet, at: Instant) -> bool:
    """Whether it is back by now: it was closed, or what came since is at its level again."""
    if move.end is not None:
        return True
    side = _side(move, series, _after(move, by, at))
    return side is not None and _enough(move, side) and _part_left(move, side) <= BACK


def _went_on(move: Move, by: Change, series: SeriesSet, at: Instant) -> bool:
    if move.end is not None or at - by.at < WENT_ON_S:
        return False
    side = _side(move, series, _after(move, by, at))
    if side is None:
        return True
    return _enough(move, side) and _part_left(move, side) >= STILL


def _told(move: Move, by: Change, series: SeriesSet, at: Instant, *, ended: bool) -> Aftermath:
    """The figures of both sides, as far as somebody counts."""
    unit = move.meaning.unit
    during, after = Window(min(move.onset, by.at), by.at), _after(move, by, at)
    one, other = _side(move, series, during), _side(move, series, after)
    what = f"{metric_name(move.metric)} of {place_name(move)}"
    span = max(0.0, (min(_last_seen(move, at), at) if ended else at) - by.at)
    when = clock_text(by.at)
    if one is None or other is None:
        was = f"{number(move.observed, unit)}, normally {number(move.level, unit)}"
        became = f"was back {span_text(span)} later" if ended else f"goes on {span_text(span)} later"
        claim = f"{what} was off until then ({was}) and {became}"
        return Aftermath(ended, f"at {when} UTC, {claim}", move, Window(during.start, at), samples_of(move), span)
    samples = one.requests + other.requests if one.requests is not None and other.requests is not None else None
    if ended:
        claim = f"{what} went from {one.told(unit)} to {other.told(unit)} {_within(span)}, {number(move.level, unit)} before the trouble"
    else:
        claim = f"{what} was {one.told(unit)} until then and is {other.told(unit)} in the {span_text(span)} since"
    return Aftermath(ended, f"at {when} UTC, {claim}", move, Window(during.start, at), samples, span)


def _within(seconds: float) -> str:
    return "at once" if seconds < SETTLE_S else f"within {span_text(seconds)}"
