"""Counts shapes: how many lines of each service and level have one, per bucket of time. Bounded, and exact in its sums."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import le

from console.analysis.mining.mask import BLANK, LONGEST, MOST_TOKENS, first_line, masked, tokens
from console.domain.instant import Instant, Window
from console.domain.logs import Level, LogRecord
from console.domain.shapes import OTHER, Shape
from console.guard.sanitise import safe

MOST_SHAPES = 20_000
MOST_CHARACTERS = 8_000_000
"""Of all shapes together."""


@dataclass(slots=True)
class _Entry:
    """One shape of one group, so far."""

    group: int
    shape: str
    first: Instant = math.inf
    last: Instant = -math.inf
    example: str = ""
    buckets: dict[int, int] = field(default_factory=dict)

    @property
    def lines(self) -> int:
        return sum(self.buckets.values())

    def take(self, other: _Entry) -> None:
        """Add the lines of another."""
        for bucket, lines in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + lines
        if (other.first, other.example) < (self.first, self.example):
            self.first, self.example = other.first, other.example
        self.last = max(self.last, other.last)


class _Numbers(dict[tuple[int, str], int]):
    """The number of the entry of each group and shape; entries are made as they are met."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[_Entry] = []
        self.characters = 0

    def __missing__(self, key: tuple[int, str]) -> int:
        group, shape = key
        if shape != OTHER and shape.count(" ") >= MOST_TOKENS / 2 and len(tokens(shape)) > MOST_TOKENS:
            return self[group, OTHER]
        number = self[key] = len(self.entries)
        self.entries.append(_Entry(group, shape))
        self.characters += len(shape)
        return number


class ShapeTable:
    """Shapes of a window's records, in the making.

    As long as there are no more than `most` shapes, the order of the records has no influence on any count. Beyond twice
    as many, the rarest so far are taken together as `OTHER`.

    Args:
        window: Whose records come in; bucket 0 begins with it.
        step_s: Width of a bucket.
        most: Shapes that are kept.
        most_characters: The same for the length of all of them.
    """

    def __init__(
        self, window: Window, step_s: float, most: int = MOST_SHAPES, most_characters: int = MOST_CHARACTERS
    ) -> None:
        self._start, self._step_s = window.start, step_s
        self._last = max(1, math.ceil(window.seconds / step_s - 1e-9)) - 1
        self._most, self._most_characters = most, most_characters
        self._groups: list[tuple[str, Level]] = []
        self._group_numbers: dict[tuple[str, Level], int] = {}
        self._numbers = _Numbers()

    def group(self, service: str, level: Level) -> int:
        """The number of a service and level, for `add`."""
        number = self._group_numbers.setdefault((service, level), len(self._groups))
        if number == len(self._groups):
            self._groups.append((service, level))
        return number

    def add_records(self, records: Iterable[LogRecord]) -> None:
        """Count records that carry a time."""
        rows = [(self.group(r.service, r.level), r.at, r.message) for r in records if r.at is not None]
        if rows:
            self.add(*zip(*rows, strict=True))

    def add_shapes(self, shapes: Iterable[Shape]) -> None:
        """Take over what another table of the same window counted."""
        for one in shapes:
            number = self._numbers[self.group(one.service, one.level), one.text]
            entry = _Entry(0, one.text, one.first, one.last, one.example, one.buckets)
            self._numbers.entries[number].take(entry)
        self._bound(2)

    def add(self, groups: Sequence[int], times: Sequence[Instant], messages: Sequence[str]) -> None:
        """Count records.

        Args:
            groups: From `group`.
            times: When they happened, each inside the window.
            messages: Of which the first line is mined.
        """
        if not times:
            return
        numbers = list(map(self._numbers.__getitem__, zip(groups, _shapes_of(messages), strict=True)))
        if not all(map(le, times, times[1:])):
            order = sorted(range(len(times)), key=times.__getitem__)
            times = [times[place] for place in order]
            numbers = [numbers[place] for place in order]
            messages = [messages[place] for place in order]
        low = 0
        while low < len(times):
            # Neighbours share their bucket, so buckets are counted by stretches and not by records.
            bucket = self._bucket(times[low])
            high = bisect_right(times, bucket, low + 1, key=self._bucket) if bucket < self._last else len(times)
            self._count(bucket, numbers[low:high], times[low:high], messages[low:high])
            low = high
        self._bound(2)

    def _bucket(self, at: Instant) -> int:
        return min(self._last, int((at - self._start) / self._step_s))

    def _count(self, bucket: int, numbers: list[int], times: Sequence[Instant], messages: Sequence[str]) -> None:
        """Count records of one bucket, in the order of time."""
        entries = self._numbers.entries
        size = len(numbers)
        lasts = dict(zip(numbers, times, strict=True))
        firsts = dict(zip(reversed(numbers), range(size - 1, -1, -1), strict=True))
        for number, lines in Counter(numbers).items():
            entry = entries[number]
            entry.buckets[bucket] = entry.buckets.get(bucket, 0) + lines
            place = firsts[number]
            at = times[place]
            if at <= entry.first:
                # Of several at one time their words decide, whatever order they come in.
                same = range(place, bisect_right(times, at, place))
                example = min(messages[one] for one in same if numbers[one] == number)
                if at < entry.first or example < entry.example:
                    entry.first, entry.example = at, example
            if lasts[number] > entry.last:
                entry.last = lasts[number]

    def _bound(self, slack: int) -> None:
        """Where there are `slack` times too many shapes, keep the most frequent, equally frequent ones by their words."""
        numbers = self._numbers
        if len(numbers.entries) <= slack * self._most and numbers.characters <= slack * self._most_characters:
            return
        found = self._numbers = _Numbers()
        for entry in sorted(numbers.entries, key=lambda one: (one.shape != OTHER, -one.lines, one.shape, one.group)):
            fits = len(found.entries) < self._most and found.characters + len(entry.shape) <= self._most_characters
            number = found[entry.group, entry.shape if fits else OTHER]
            found.entries[number].take(entry)

    def shapes(self) -> tuple[Shape, ...]:
        """What was counted, sanitised, the most frequent first."""
        self._bound(1)
        found = [
            Shape(
                *self._groups[entry.group],
                safe(entry.shape, LONGEST + len(BLANK)),
                dict(sorted(entry.buckets.items())),
                entry.first,
                entry.last,
                safe(first_line(entry.example)),
            )
            for entry in self._numbers.entries
        ]
        return tuple(sorted(found, key=lambda one: (-one.lines, one.service, one.level, one.text)))


def _shapes_of(messages: Sequence[str]) -> list[str]:
    """The shape of each message, `OTHER` for one that is too long to be mined."""
    if max(map(len, messages)) > LONGEST:
        messages = [message if len(message) <= LONGEST else OTHER for message in messages]
    shapes = masked(messages)
    return shapes if len(shapes) == len(messages) else masked([first_line(message) for message in messages])
