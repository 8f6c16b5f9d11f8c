"""An event loop whose clock runs ahead whenever nothing is left to do: what takes minutes is tested in no time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """Instead of waiting for the next timer it moves the clock there."""

    ahead_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now; without a timer it waits, as ever."""
        if timeout is None:
            return super().select(None)
        found = super().select(0)
        if not found:
            self.ahead_s += max(0.0, timeout)
        return found


class AheadLoop(asyncio.SelectorEventLoop):
    """Its time is that of its timers."""

    def __init__(self) -> None:
        self._ahead = _Selector()
        super().__init__(self._ahead)

    def time(self) -> float:
        """Seconds that its timers have taken."""
        return self._ahead.ahead_s


def run_ahead(work: Coroutine[Any, Any, T]) -> T:
    """Run it on such a loop. It must use no thread and no process, for which that clock would not wait."""
    with asyncio.Runner(loop_factory=AheadLoop) as runner:
        return runner.run(work)
