"""The time window that all panes follow."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import tzinfo

from console.domain.instant import Instant, Window, clock_text, span_text
from console.domain.values import dataclass

SHORTEST_S = 60.0
LONGEST_S = 30 * 86400.0


@dataclass(frozen=True, slots=True)
class TimeView:
    """A length and an end; the end moves with the clock while it is None."""

    span_s: float
    end: Instant | None = None

    @property
    def live(self) -> bool:
        """Whether it ends now."""
        return self.end is None

    def window(self, now: Instant, step_s: float = 1.0) -> Window:
        """The window at `now`; a live one ends at the last full step, so that graphs move by whole columns."""
        end = math.floor(now / step_s) * step_s if self.end is None else min(self.end, now)
        return Window(end - self.span_s, end)

    def earlier(self, now: Instant) -> TimeView:
        """Half its length back."""
        return replace(self, end=(self.end if self.end is not None else now) - self.span_s / 2)

    def later(self, now: Instant) -> TimeView:
        """Half its length forward; live again where that reaches now."""
        if self.end is None:
            return self
        end = self.end + self.span_s / 2
        return replace(self, end=None if end >= now else end)

    def wider(self) -> TimeView:
        """Twice as long."""
        return replace(self, span_s=min(LONGEST_S, self.span_s * 2))

    def narrower(self) -> TimeView:
        """Half as long."""
        return replace(self, span_s=max(SHORTEST_S, self.span_s / 2))

    def text(self, now: Instant, zone: tzinfo) -> str:
        """`-30m ▸` while live, else the bounds."""
        if self.end is None:
            return f"-{span_text(self.span_s)} ▸"
        window = self.window(now)
        return f"{clock_text(window.start, zone, now=now, seconds=False)}–{clock_text(window.end, zone, now=now, seconds=False)}"


def parse_view(text: str, now: Instant, zone: tzinfo) -> TimeView:
    """What the time picker takes: `-2h`, `14:00 14:30`, `14:00`, `now`.

    Raises:
        BadTime: The text names no window.
    """
    from console.domain.instant import BadTime, parse_span, parse_time

    words = text.replace("–", " ").replace("..", " ").split()
    if len(words) == 1 and words[0].startswith("-"):
        return TimeView(max(SHORTEST_S, parse_span(words[0][1:])))
    if len(words) == 1:
        start, end = parse_time(words[0], now, zone), now
    elif len(words) == 2:
        start, end = parse_time(words[0], now, zone), parse_time(words[1], now, zone)
    else:
        raise BadTime("write a span such as -2h, a start such as 14:00, or start and end: 14:00 14:30")
    if start >= min(end, now):
        raise BadTime(f"{text!r} ends before it starts, or lies in the future")
    live = len(words) == 1 or words[1] == "now" or end >= now
    return TimeView(max(SHORTEST_S, min(end, now) - start), None if live else end)
