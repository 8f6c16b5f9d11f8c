"""Which stretch of time is asked for: the user's window, the history behind it, and the width of a step."""

from __future__ import annotations

import time
from collections.abc import Callable

from console.analysis.constants import PATTERN_BASELINE_WINDOWS
from console.domain.instant import Instant, Window
from console.live.timeview import TimeView
from console.state import axis_step

HISTORY_FACTOR = 6
"""The history holds six windows, and at least `LEAST_HISTORY_S`."""
LEAST_HISTORY_S = 3600.0
CHANGES_REACH_S = 7 * 86400.0
"""Changes are looked for a week back: the newest deploy may be days old."""


class TimeScope:
    """The one place that holds the time window; panes and feeds read it, the session moves it."""

    def __init__(self, view: TimeView, clock: Callable[[], Instant] = time.time) -> None:
        self.view = view
        self.now = clock

    @property
    def step_s(self) -> float:
        """Width of one step of every graph and series."""
        return axis_step(Window(0.0, self.view.span_s))

    def axis_window(self) -> Window:
        """What graphs show: ends at the last full step, so that they move by whole columns."""
        return self.view.window(self.now(), self.step_s)

    def window(self) -> Window:
        """What the user looks at, up to the last full second: feeds that ask together ask for the same stretch, and a
        source can answer them from one reading."""
        return self.view.window(self.now(), 1.0)

    def history(self) -> Window:
        """What a diagnosis needs to see: the window and what lies before it."""
        window = self.window()
        reach = max(LEAST_HISTORY_S, HISTORY_FACTOR * window.seconds)
        return Window(window.end - reach, window.end)

    def compared(self) -> Window:
        """What log patterns are counted in: the window, and six times its length before it, as `incident patterns` does."""
        window = self.window()
        return Window(window.start - max(LEAST_HISTORY_S, PATTERN_BASELINE_WINDOWS * window.seconds), window.end)

    def reach(self) -> Window:
        """Where changes are looked for."""
        end = self.window().end
        return Window(end - CHANGES_REACH_S, end)
