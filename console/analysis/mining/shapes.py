"""Counts shapes: how many lines of each service and level have one, per bucket of time. Bounded, and exact in its sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import le

from console.analysis.mining.mask import BLANK, LONGEST, MOST_TOKENS, first_line, masked, tokens
from console.domain.instant import Instant, Window
from console.domain.logs import Level, LogRecord
from console.domain.shapes import Shape
from console.guard.sanitise import safe

OTHER = "other messages"
"""Stands for what is counted only: overlong messages, and the rarest shapes where there are too many."""
MOST_SHAPES = 20_000
MOST_CHARACTERS = 8_000_000
"""Of all shapes together."""


@dataclass(slots=True)
class _Entry:
    """One shape of one group, so far."""

    first: Instant
    last: Instant
    example: str
    lines: int = 0
    buckets: dict[int, int] = field(default_factory=dict)

    def take(self, other: _Entry) -> None:
        """Add the lines of another."""
        self.lines += other.lines
        for bucket, lines in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + lines
        if (other.first, other.example) < (self.first, self.example):
            self.first, self.example = other.first, other.example
        self.last = max(self.last, other.last)


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
        self._last = max(1, round(window.seconds / step_s)) - 1
        self._most, self._most_characters = most, most_characters
        self._groups: list[tuple[str, Level]] = []
        self._numbers: dict[tuple[str, Level], int] = {}
        self._entries: dict[tuple[int, str], _Entry] = {}
        self._characters = 0

    def group(self, service: str, level: Level) -> int:
        """The number of a service and level, for `add`."""
        number = self._numbers.setdefault((service, level), len(self._groups))
        if number == len(self._groups):
            self._groups.append((service, level))
        return number

    def add_records(self, records: Iterable[LogRecord]) -> None:
        """Count records that carry a time."""
        rows = [(self.group(r.service, r.level), r.at, r.message) for r in records if r.at is not None]
        if rows:
            self.add(*zip(*rows, strict=True))

    def add(self, groups: Sequence[int], times: Sequence[Instant], messages: Sequence[str]) -> None:
        """Count records.

        Args:
            groups: From `group`.
            times: When they happened, each inside the window.
            messages: Of which the first line is mined.
        """
        if not times:
            return
        if not all(map(le, times, times[1:])):
            order = sorted(range(len(times)), key=times.__getitem__)
            groups = [groups[place] for place in order]
            times = [times[place] for place in order]
            messages = [messages[place] for place in order]
        start, step_s, last = self._start, self._step_s, self._last
        buckets = [min(last, int((at - start) / step_s)) for at in times]
        keys = list(zip(groups, _shapes_of(messages), buckets, strict=True))
        lasts = dict(zip(keys, times, strict=True))
        firsts = dict(zip(reversed(keys), range(len(keys) - 1, -1, -1), strict=True))
        for key, lines in Counter(keys).items():
            group, shape, bucket = key
            place = firsts[key]
            one = _Entry(times[place], lasts[key], messages[place], lines, {bucket: lines})
            self._put(group, shape, one)
        if len(self._entries) > 2 * self._most or self._characters > 2 * self._most_characters:
            self._cut()

    def _put(self, group: int, shape: str, one: _Entry) -> None:
        entry = self._entries.get((group, shape))
        if entry is None and shape.count(" ") >= MOST_TOKENS / 2 and len(tokens(shape)) > MOST_TOKENS:
            shape = OTHER
            entry = self._entries.get((group, shape))
        if entry is None:
            self._entries[group, shape] = one
            self._characters += len(shape)
        else:
            entry.take(one)

    def _cut(self) -> None:
        """Keep the most frequent shapes; equally frequent ones in the order of their words."""
        ordered = sorted(
            self._entries.items(), key=lambda one: (one[0][1] != OTHER, -one[1].lines, one[0][1], one[0][0])
        )
        self._entries, self._characters = {}, 0
        for number, ((group, shape), entry) in enumerate(ordered):
            fits = number < self._most and self._characters + len(shape) <= self._most_characters
            self._put(group, shape if fits or shape == OTHER else OTHER, entry)

    def shapes(self) -> tuple[Shape, ...]:
        """What was counted, sanitised, the most frequent first."""
        if len(self._entries) > self._most or self._characters > self._most_characters:
            self._cut()
        found = [
            Shape(
                *self._groups[group],
                safe(shape, LONGEST + len(BLANK)),
                dict(sorted(entry.buckets.items())),
                entry.first,
                entry.last,
                safe(first_line(entry.example)),
            )
            for (group, shape), entry in self._entries.items()
        ]
        return tuple(sorted(found, key=lambda one: (-one.lines, one.service, one.level, one.text)))


def _shapes_of(messages: Sequence[str]) -> list[str]:
    """The shape of each message, `OTHER` for one that is too long to be mined."""
    if max(map(len, messages)) > LONGEST:
        messages = [message if len(message) <= LONGEST else OTHER for message in messages]
    shapes = masked(messages)
    return shapes if len(shapes) == len(messages) else masked([first_line(message) for message in messages])
