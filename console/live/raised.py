"""The exceptions of a log source over the stretch whose lines were counted, each once; kept beside the counts of its lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from console.analysis.exceptions import MOST_GROUPS, both, compared, joined
from console.domain.instant import Instant
from console.domain.shapes import ExceptionGroup
from console.domain.text import SafeText
from console.live.secrets import hidden_exception

MOST_SHOWN = 50
"""Groups that a screen is sent."""
MOST_EXAMPLE = 200
"""Lines of an example that a screen is sent; the records themselves hold all."""
_Key: TypeAlias = tuple[str, tuple[SafeText, ...]]


class Raised:
    """Groups of exceptions with their counts per bucket of time, taken stretch by stretch."""

    def __init__(self) -> None:
        self._groups: dict[_Key, ExceptionGroup] = {}

    def forget_from(self, first: int) -> None:
        """Drop what lies in this bucket and later: it is counted again."""
        self._keep({key: _within(group, high=first) for key, group in self._groups.items()})

    def take(self, groups: Sequence[ExceptionGroup], first: int) -> None:
        """Add those of one stretch, whose bucket 0 is bucket `first` here."""
        for group in groups:
            key = group.type, group.frames
            fresh = _moved(group, first)
            known = self._groups.get(key)
            if known is not None:
                self._groups[key] = both(known, fresh)
            elif len(self._groups) < MOST_GROUPS:
                self._groups[key] = fresh

    def begin_at(self, bucket: int) -> None:
        """Drop what lies before this bucket, and call it 0 from now on."""
        self._keep({key: _moved(_within(group, low=bucket), -bucket) for key, group in self._groups.items()})

    def between(self, low: int, high: int | None, zero: Instant, step_s: float) -> tuple[ExceptionGroup, ...]:
        """The groups of the buckets from `low` to the one before `high`, or to the last.

        Where a group has others before, when its first was raised is known to a bucket.

        Args:
            zero: Where bucket 0 begins.
        """
        found = []
        for group in self._groups.values():
            cut = _within(group, low, high)
            if cut.count:
                first = zero + next(iter(cut.buckets)) * step_s
                found.append(cut if first <= cut.first_seen else msgspec.structs.replace(cut, first_seen=first))
        return tuple(found)

    def _keep(self, groups: dict[_Key, ExceptionGroup]) -> None:
        self._groups = {key: group for key, group in groups.items() if group.count}


def _within(group: ExceptionGroup, low: int | None = None, high: int | None = None) -> ExceptionGroup:
    """The group with its records of some buckets; the same object where these are all."""
    buckets = {
        bucket: count
        for bucket, count in group.buckets.items()
        if (low is None or bucket >= low) and (high is None or bucket < high)
    }
    if len(buckets) == len(group.buckets):
        return group
    return msgspec.structs.replace(group, buckets=buckets, count=sum(buckets.values()))


def _moved(group: ExceptionGroup, by: int) -> ExceptionGroup:
    if not by:
        return group
    return msgspec.structs.replace(group, buckets={bucket + by: count for bucket, count in group.buckets.items()})


def told(
    now: Sequence[Sequence[ExceptionGroup]], before: Sequence[Sequence[ExceptionGroup]] | None
) -> tuple[ExceptionGroup, ...]:
    """What a screen shows of the exceptions of all sources: unknown ones first, then the most frequent, without secrets.

    Args:
        before: Those of the baseline; None: there is none.
    """
    found = joined(now) if before is None else compared(now, before)
    return tuple([_short(hidden_exception(group)) for group in found[:MOST_SHOWN]])


def _short(group: ExceptionGroup) -> ExceptionGroup:
    more = len(group.example) - MOST_EXAMPLE
    if more <= 0:
        return group
    example = (*group.example[:MOST_EXAMPLE], SafeText(f"+{more:,} further lines: the records hold them"))
    return msgspec.structs.replace(group, example=example)
