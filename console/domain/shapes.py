"""What the messages of a window look like: shapes with their counts, exceptions, and what both say against a baseline."""

from __future__ import annotations

import math
from dataclasses import replace

import msgspec

from console.domain.diagnosis import BaselineWindow
from console.domain.instant import Instant, Window
from console.domain.logs import Level, LogRecord, Pattern
from console.domain.reading import SourceReport
from console.domain.text import SafeText
from console.domain.values import dataclass

OTHER = "other messages"
"""Stands for what is counted only: overlong messages, and the rarest ones where there are too many."""


class Shape(msgspec.Struct, frozen=True, gc=False):
    """The lines of one service and level whose messages differ in numbers and identifiers only."""

    service: str
    level: Level
    text: SafeText
    """The message with `<*>` in the place of each value."""
    buckets: dict[int, int]
    """Lines by number of the bucket of time, in that order; zeros are left out."""
    first: Instant
    last: Instant
    example: SafeText
    """The first of the messages."""

    @property
    def lines(self) -> int:
        """In all buckets."""
        return sum(self.buckets.values())


@dataclass(frozen=True, slots=True)
class ShapeCounts:
    """All shapes of a window; their lines add up to the lines read."""

    window: Window
    step_s: float
    """Bucket `i` covers `zero + i * step_s` up to the next."""
    shapes: tuple[Shape, ...]
    sampled: bool = False
    """True where the lines are a sample of those of the window."""
    source: str = ""
    """Whose lines they are, where that is to be told."""
    begins: Instant | None = None
    """Where bucket 0 begins; None: with the window. What lies in buckets before the window is to be left out."""

    @property
    def zero(self) -> Instant:
        """Where bucket 0 begins."""
        return self.window.start if self.begins is None else self.begins

    @property
    def lines(self) -> int:
        """Of all shapes."""
        return sum(shape.lines for shape in self.shapes)

    def bucket(self, at: Instant) -> int:
        """The number of the bucket that an instant falls into."""
        return math.floor((at - self.zero) / self.step_s + 1e-9)

    def until(self, at: Instant) -> ShapeCounts:
        """The same without anything later: a bucket that `at` divides is left out, since its lines cannot be told apart."""
        if self.window.end <= at:
            return self
        end = max(self.window.start, self.zero + self.bucket(at) * self.step_s)
        return replace(self, window=Window(self.window.start, end), shapes=self.between(self.window.start, end))

    def between(self, start: Instant, end: Instant | None = None) -> tuple[Shape, ...]:
        """The shapes with their lines of the buckets from the one of `start` to the one before that of `end`, or to the last.

        Where a shape has lines on both sides of `start` or `end`, when its first or last line was is known to a bucket.
        """
        low, high = self.bucket(start), math.inf if end is None else self.bucket(end)
        found = []
        for shape in self.shapes:
            least, most = next(iter(shape.buckets), low), next(reversed(shape.buckets), low)
            if low <= least and most < high:
                found.append(shape)
                continue
            buckets = {number: lines for number, lines in shape.buckets.items() if low <= number < high}
            if not buckets:
                continue
            first, last = (
                self.zero + next(iter(buckets)) * self.step_s,
                self.zero + (next(reversed(buckets)) + 1) * self.step_s,
            )
            cut = {"buckets": buckets, "first": max(shape.first, first), "last": min(shape.last, last)}
            found.append(msgspec.structs.replace(shape, **cut))
        return tuple(found)


class ExceptionGroup(msgspec.Struct, frozen=True, gc=False):
    """Exceptions of one type that were raised in one place."""

    type: SafeText
    """As its language names it: `java.sql.SQLException`; that of the innermost cause."""
    frames: tuple[SafeText, ...]
    """The application's own frames, innermost first, at most five: module and function, no line numbers."""
    message: SafeText
    """What the first of them said."""
    count: int
    first_seen: Instant
    last_seen: Instant
    services: tuple[str, ...]
    example: tuple[SafeText, ...]
    """The whole text of the first, line by line."""
    baseline_count: int | None = None
    """None: there is no baseline."""
    buckets: dict[int, int] = {}
    """Its records by number of the bucket of time, in that order; empty where they were not counted so."""


@dataclass(frozen=True, slots=True)
class ExceptionCounts:
    """The exceptions of a window by type and place."""

    window: Window
    groups: tuple[ExceptionGroup, ...]
    """The most frequent first; what is beyond the bound of groups stands in one without a place."""


@dataclass(frozen=True, slots=True)
class FieldExcess:
    """A value of a field that failing records have more often than others."""

    field: str
    value: SafeText
    failing: int
    """Failing records with this value, of `failing_of` that have the field."""
    failing_of: int
    others: int
    others_of: int
    ratio: float | None
    """Share among failing records over share among others; None: no other record has it."""


@dataclass(frozen=True, slots=True)
class PatternReport:
    """What is special to a window: patterns, exceptions and field values against a baseline."""

    generated_at: Instant
    at: Instant
    """The knowledge time."""
    window: Window
    baseline: tuple[BaselineWindow, ...]
    """The stretches that the window is compared with."""
    patterns: tuple[Pattern, ...]
    """The most special first; their lines add up to `lines` and `baseline_lines`."""
    trend_step_s: float
    """Width of a step of the patterns' trends."""
    lines: int
    baseline_lines: int
    baseline_too_small: bool
    """Then nothing is called new or gone."""
    exceptions: tuple[ExceptionGroup, ...]
    """Those that the baseline has none of first, then the most frequent."""
    fields: tuple[FieldExcess, ...]
    """The clearest first."""
    sampled: bool
    """Whether counts of patterns are taken from a sample of the lines."""
    sources: tuple[SourceReport, ...]


def joined_lines(record: LogRecord) -> tuple[SafeText, ...]:
    """All lines of a record: its message and what follows it."""
    return (record.message, *record.extra)
