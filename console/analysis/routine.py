"""What is done again and again: how often before, and whether trouble followed the earlier times, as far as history tells."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from console.analysis.comparing import compared_of, worse
from console.analysis.constants import CHANGE_LAG_S, ROUTINE_TIMES
from console.domain.changes import Change
from console.domain.instant import Instant
from console.domain.series import SeriesSet
from console.domain.values import dataclass

_DIGITS = re.compile(r"\d+")
_MADE_UP = re.compile(r"\w+-[0-9a-f]{10}")
"""An id that was made of the content, where a file gives none."""
LOOKED_AT = 12
"""The newest of the earlier times, which are looked at."""
FOLLOWS_S = 600.0
"""Trouble of a routine shows within this time after it [D]."""
FOLLOWED = 0.5
"""Share of the earlier times after which trouble followed, from which it is no routine without effect [D]."""
FEWEST_FOLLOWED = 2


@dataclass(frozen=True, slots=True)
class Routine:
    """What the earlier times of a change were."""

    times: int
    looked: int
    """Of which it is known what followed."""
    followed: int
    """After which failures or a latency rose."""

    @property
    def harmless(self) -> bool:
        """Whether it was done often and did nothing, as far as anybody can look."""
        harmful = self.followed >= max(FEWEST_FOLLOWED, FOLLOWED * self.looked)
        return self.times >= ROUTINE_TIMES and not harmful

    @property
    def reason(self) -> str:
        """What was done, and what was looked at."""
        said = f"done {self.times} times before"
        if not self.looked:
            return f"{said}; what followed then is not at hand"
        if not self.followed:
            return f"{said}; of the {self.looked} that could be looked at none was followed by trouble"
        return f"{said}; of the {self.looked} that could be looked at {self.followed} {'was' if self.followed == 1 else 'were'} followed by trouble"


def routine_key(change: Change) -> tuple[str, str | None, str]:
    """What makes a change the same as an earlier one."""
    name = change.id
    if change.kind in ("cron", "scale"):
        told = change.summary if change.summary and _MADE_UP.fullmatch(change.id) else change.id.split("/")[0]
        name = _DIGITS.sub("0", told)  # a run is numbered, or named after its time
    return change.kind, change.service, name


def routines_of(
    reach: Iterable[Change],
    history: Sequence[Change],
    onset: Instant,
    series: SeriesSet,
    callers: dict[str, tuple[str, ...]],
) -> dict[tuple[str, str | None, str], Routine]:
    """The routines among the changes in reach, by their keys.

    Args:
        reach: The changes that are judged.
        history: All that are known.
        onset: Earlier times lie long enough before it that its trouble is none of theirs.
        series: What followed is read of it: of the service, else of those that call it.
        callers: Who calls whom.
    """
    earlier = [c for c in history if c.at < onset - CHANGE_LAG_S]
    often = {key for key, times in Counter(map(routine_key, earlier)).items() if times >= ROUTINE_TIMES}
    wanted = often & {routine_key(c) for c in reach}
    return {key: _looked_at([c for c in earlier if routine_key(c) == key], key[1], series, callers) for key in wanted}


def _looked_at(
    earlier: list[Change], service: str | None, series: SeriesSet, callers: dict[str, tuple[str, ...]]
) -> Routine:
    places = (service, *callers.get(service, ())) if service is not None else ()
    answers = [_followed(change, places, series) for change in earlier[-LOOKED_AT:]]
    known = [answer for answer in answers if answer is not None]
    return Routine(len(earlier), len(known), sum(known))


def _followed(change: Change, places: Iterable[str], series: SeriesSet) -> bool | None:
    """Whether trouble followed one time; None where nothing tells."""
    answers = [
        answer
        for place in places
        for row in compared_of(series, change.at, change.at + FOLLOWS_S, place, ())
        if (answer := worse(row)) is not None
    ]
    return any(answers) if answers else None
