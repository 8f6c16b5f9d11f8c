"""What the lines of a log source look like, and the exceptions in them, counted over window and baseline: history once, then
only what is new."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec

from console.analysis.mining.shapes import MOST_SHAPES
from console.domain.instant import Instant, Window
from console.domain.logs import Level
from console.domain.reading import Cost, Reading, SourceReport, SourceState
from console.domain.shapes import OTHER, ExceptionGroup, Shape, ShapeCounts
from console.domain.text import SafeText
from console.guard.sanitise import safe
from console.live.raised import Raised
from console.observe import CountsShapes, GroupsExceptions, TellsVolume, named_shapes

LATE_S = 10.0
"""Lines that were written so long after their stamp are still counted."""
STRETCH_BYTES = 50_000_000
"""A question reads at most about so much, which takes half a second: between two of them it is seen whether the window
moved, and shorter questions of others get their turn."""
MOST_BYTES = 1_000_000_000
"""The stretch before the window is shortened where more would have to be read for it."""
UNKNOWN_STRETCHES = 6
"""Of a source that cannot tell how much it has to read."""
TURN_S = 8.0
"""After so long what is counted so far is given; the rest follows with the next turn."""
TRIM = 1 / 8
"""Buckets that are no longer wanted are dropped when they are this share of all: not at every turn, which costs."""


class ShapeStore:
    """Asks a source for the newest stretch first, then for what lies before it, and afterwards only for what is new.

    Each line is counted once: stretches meet at the edges of buckets, and the newest buckets are counted again whole.

    Args:
        source: Who counts.
        wanted: The stretch that is needed now.
        step_s: Width of a bucket.
        monotonic: Tells how long a turn takes.
    """

    def __init__(
        self,
        source: CountsShapes,
        wanted: Callable[[], Window],
        step_s: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._wanted = wanted
        self._wanted_step_s = step_s
        self._monotonic = monotonic
        self._shapes: dict[tuple[str, Level, str], Shape] = {}
        self._lines: int | None = 0
        """Of all shapes; None: to be added up again."""
        self._newest: Instant = -math.inf
        """When the last of the lines was written."""
        self._raised = Raised()
        self._have: Window | None = None
        self._step_s = 0.0
        self._zero = 0.0
        self._begin = 0.0
        """Where the stretch to be counted begins; it moves with the wanted one."""
        self._reach_s = 0.0
        """Length of that stretch."""
        self._stretch_s = 0.0
        self._shortened = False
        self._incomplete: list[tuple[Window, SourceReport]] = []
        self._cost = Cost()

    def progress(self) -> SafeText:
        """`40% of 3h are counted`; empty when all is."""
        return SafeText("") if self._have is None else self._told(self._have)

    def _told(self, have: Window) -> SafeText:
        missing, whole = have.start - self._begin, have.end - self._begin
        return (
            safe(f"{1 - missing / whole:.0%} of the lines are counted") if missing > 0 and whole > 0 else SafeText("")
        )

    def counting(self) -> bool:
        """Whether what is wanted now is not what was counted: the window moved, and its count is under way."""
        return not self._continues(self._wanted())

    async def poll(self) -> Reading[ShapeCounts]:
        """All lines of the wanted stretch by their shapes, or of its newest part where counting it takes longer.

        Raises:
            SourceError: The source could not count; what is known stays.
        """
        until = self._monotonic() + TURN_S
        grown = False
        while True:
            wanted = self._wanted()
            if not self._continues(wanted):
                await self._start(wanted)
                grown = False
            asked = self._next(wanted, grown)
            if asked is None:
                break
            grown = True
            reading, groups = await self._asked(asked)
            self._take(asked, reading, groups)
            if self._monotonic() >= until:
                break
        assert self._have is not None
        self._drop_old()
        return self._reading(self._have, reading)

    def exceptions(self, start: Instant, end: Instant | None = None) -> tuple[ExceptionGroup, ...]:
        """Those of the counted lines from the bucket of `start` to the one before that of `end`, or to the last."""
        if self._have is None:
            return ()
        low, high = self._bucket(max(start, self._have.start)), self._bucket(end) if end is not None else None
        return self._raised.between(low, high, self._zero, self._step_s)

    def _bucket(self, at: Instant) -> int:
        return math.floor((at - self._zero) / self._step_s + 1e-9)

    async def _asked(self, window: Window) -> tuple[Reading[ShapeCounts], Sequence[ExceptionGroup]]:
        """Both questions at once: a source answers them from one reading."""
        shapes = named_shapes(self._source, window, self._step_s)
        if not isinstance(self._source, GroupsExceptions):
            return await shapes, ()
        counted, raised = await asyncio.gather(shapes, self._source.exceptions(window, None, self._step_s))
        return counted, raised.value.groups

    def _continues(self, wanted: Window) -> bool:
        """Whether the counts at hand can grow into what is wanted."""
        have = self._have
        return (
            have is not None
            and self._wanted_step_s() == self._step_s
            and have.end <= wanted.end
            and have.end > wanted.start
        )

    async def _start(self, wanted: Window) -> None:
        """Forget everything: the window moved."""
        self._step_s = self._wanted_step_s()
        volume = await self._source.volume(wanted) if isinstance(self._source, TellsVolume) else None
        seconds, parts = wanted.seconds, UNKNOWN_STRETCHES
        self._shortened = False
        if volume is not None:
            self._shortened = volume > MOST_BYTES
            seconds *= min(1.0, MOST_BYTES / max(1, volume))
            parts = max(1, math.ceil(min(volume, MOST_BYTES) / STRETCH_BYTES))
        self._stretch_s = max(1, math.ceil(seconds / parts / self._step_s)) * self._step_s
        self._reach_s = seconds
        self._zero = self._begin = self._edge(wanted.end - seconds)
        self._shapes, self._raised, self._incomplete, self._have = {}, Raised(), [], None
        self._lines, self._newest = 0, -math.inf

    def _edge(self, at: float) -> float:
        """The last edge of a bucket until an instant."""
        return math.floor(at / self._step_s) * self._step_s

    def _next(self, wanted: Window, grown: bool) -> Window | None:
        """What is to be asked next; None: everything is counted."""
        self._begin = max(self._begin, self._edge(wanted.end - self._reach_s))
        have = self._have
        if have is None:
            return Window(max(self._begin, self._edge(wanted.end - self._stretch_s)), wanted.end)
        if not grown:
            return Window(max(have.start, self._edge(have.end - LATE_S)), wanted.end)
        if have.start > self._begin:
            return Window(max(self._begin, have.start - self._stretch_s), have.start)
        return None

    def _take(self, asked: Window, reading: Reading[ShapeCounts], groups: Sequence[ExceptionGroup]) -> None:
        have = self._have
        first = round((asked.start - self._zero) / self._step_s)
        newer = have is None or asked.end > have.end or asked.start >= have.start
        if newer and have is not None:
            self._forget_from(asked.start, first)
            self._raised.forget_from(first)
        self._raised.take(groups, first)
        for shape in reading.value.shapes:
            key = (shape.service, shape.level, shape.text)
            buckets = {first + bucket: lines for bucket, lines in shape.buckets.items()}
            fresh = msgspec.structs.replace(shape, buckets=buckets)
            known = self._shapes.get(key)
            self._shapes[key] = fresh if known is None else _both(known, fresh) if newer else _both(fresh, known)
            self._newest, self._lines = max(self._newest, shape.last), None
        self._have = asked if have is None else Window(min(have.start, asked.start), max(have.end, asked.end))
        if reading.report.state is not SourceState.OK:
            self._incomplete.append((asked, reading.report))
        self._cost += reading.report.cost
        if len(self._shapes) > 2 * MOST_SHAPES:
            self._shapes = _bounded(self._shapes)

    def _forget_from(self, at: float, first: int) -> None:
        """Drop the buckets that are counted again."""
        if self._newest < at:
            return
        self._lines = None
        for key, shape in list(self._shapes.items()):
            if shape.last < at:
                continue
            buckets = dict(shape.buckets)
            while buckets and next(reversed(buckets)) >= first:
                buckets.popitem()
            if buckets:
                self._shapes[key] = msgspec.structs.replace(shape, buckets=buckets)
            else:
                del self._shapes[key]

    def _drop_old(self) -> None:
        assert self._have is not None
        have = self._have = Window(max(self._have.start, self._begin), self._have.end)
        self._incomplete = [one for one in self._incomplete if one[0].end > have.start]
        if have.start - self._zero <= TRIM * have.seconds:
            return
        moved = round((have.start - self._zero) / self._step_s)
        self._raised.begin_at(moved)
        counts = ShapeCounts(have, self._step_s, tuple(self._shapes.values()), begins=self._zero)
        self._zero, self._lines = have.start, None
        self._shapes = {
            (shape.service, shape.level, shape.text): msgspec.structs.replace(
                shape, buckets={bucket - moved: lines for bucket, lines in shape.buckets.items()}
            )
            for shape in counts.between(have.start)
        }

    def _reading(self, have: Window, newest: Reading[ShapeCounts]) -> Reading[ShapeCounts]:
        if self._lines is None:
            self._lines = sum(shape.lines for shape in self._shapes.values())
        counts = ShapeCounts(
            have, self._step_s, tuple(self._shapes.values()), begins=self._zero, source=self._source.name
        )
        report = self._incomplete[-1][1] if self._incomplete else newest.report
        told = [self._told(have)] if have.start > self._begin else []
        if self._shortened:
            told.append(SafeText("the time before is shortened: more would be too much to read"))
        if told:
            report = replace(report, state=SourceState.PARTIAL, detail=safe("; ".join(told), 300))
        report = replace(report, records=self._lines, cost=self._cost)
        return Reading(counts, newest.observed_at, report, newest.warnings)


def _both(older: Shape, newer: Shape) -> Shape:
    """The lines of two stretches that do not overlap."""
    first = older if older.first <= newer.first else newer
    return msgspec.structs.replace(
        older,
        buckets={**older.buckets, **newer.buckets},
        first=first.first,
        example=first.example,
        last=max(older.last, newer.last),
    )


def _bounded(shapes: dict[tuple[str, Level, str], Shape]) -> dict[tuple[str, Level, str], Shape]:
    """The most frequent shapes; the lines of the others are counted as `OTHER`, each of its service and level."""
    ranked = sorted(shapes.values(), key=lambda one: (one.text != OTHER, -one.lines, one.text))
    kept = {(one.service, one.level, str(one.text)): one for one in ranked[:MOST_SHAPES]}
    for one in ranked[MOST_SHAPES:]:
        key = (one.service, one.level, OTHER)
        rest = kept.get(key)
        if rest is None:
            kept[key] = msgspec.structs.replace(one, text=SafeText(OTHER))
            continue
        buckets = dict(rest.buckets)
        for bucket, lines in one.buckets.items():
            buckets[bucket] = buckets.get(bucket, 0) + lines
        kept[key] = msgspec.structs.replace(
            rest,
            buckets=dict(sorted(buckets.items())),
            first=min(rest.first, one.first),
            last=max(rest.last, one.last),
        )
    return kept
