"""Feeds: one supervised loop per source.

A feed asks its source at an interval, within a deadline, never twice at once; after failures it backs off with jitter, and
after three it only knocks now and then. It never raises: what went wrong is its state. Loading, empty, ready, stale and failed
are different things.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Generic, TypeAlias, TypeVar

from console.domain.instant import Instant
from console.domain.reading import FeedPhase, FeedState, Reading
from console.domain.text import SafeText
from console.guard.sanitise import safe
from sources.base import SourceError, SourceThrottled

T = TypeVar("T")
IsNews: TypeAlias = Callable[[Reading[T], Reading[T]], bool]
"""Whether the second of two answers tells something that the first did not."""

BREAKER_OPENS_AFTER = 3
"""Failures in a row after which a source is asked only every `BREAKER_PAUSE_S`."""
BREAKER_PAUSE_S = 30.0
FIRST_RETRY_S = 1.0


def next_delay(failures: int, interval_s: float, retry_after_s: float | None, jitter: float) -> float:
    """Seconds until the next attempt.

    Args:
        failures: How many attempts in a row failed; 0 after a success.
        interval_s: The feed's usual interval.
        retry_after_s: What the source asked for; always honoured.
        jitter: From 0 to 1; spreads the retries of many consoles over ± 20 %.
    """
    if failures == 0:
        return interval_s
    pause = BREAKER_PAUSE_S if failures >= BREAKER_OPENS_AFTER else FIRST_RETRY_S * 2 ** (failures - 1)
    spread = pause * (0.8 + 0.4 * jitter)
    return max(spread, retry_after_s or 0.0)


class Feed(Generic[T]):
    """One source, asked again and again.

    Args:
        name: The source's name in the configuration.
        poll: Asks once. May raise `SourceError`; anything else is a bug, shown as a failure of this feed alone.
        interval_s: Between the end of one attempt and the start of the next.
        deadline_s: For one attempt as a whole.
        on_change: Called in the event loop after every attempt that told something new: a failure, an answer after one, or
            one of which `is_news` says so.
        is_news: Compares an answer with the last good one.
        is_empty: Whether a value means "asked, nothing there".
    """

    def __init__(
        self,
        name: str,
        poll: Callable[[], Awaitable[Reading[T]]],
        *,
        interval_s: float,
        deadline_s: float,
        on_change: Callable[[], None],
        is_news: IsNews[T] = lambda last, reading: True,
        is_empty: Callable[[T], bool] = lambda value: not value,
        clock: Callable[[], Instant] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self.interval_s = interval_s
        self._state: FeedState[T] = FeedState()
        self._wanted = self._answered = 0
        """How often the question changed, and which change the last answer knew of."""
        self._poll = poll
        self._deadline_s = deadline_s
        self._on_change = on_change
        self._is_news = is_news
        self._is_empty = is_empty
        self._clock = clock
        self._jitter = jitter
        self._failures = 0
        self._wake = asyncio.Event()

    @property
    def state(self) -> FeedState[T]:
        """What is known; it is loading while the question is another one than that of the last answer."""
        if self._answered < self._wanted:
            return replace(self._state, phase=FeedPhase.LOADING)
        return self._state

    def anew(self) -> None:
        """The question is another one from now on: ask it at once, and after an attempt at the old one that is under way."""
        self._wanted += 1
        self.kick()

    def kick(self) -> None:
        """Ask again now; an attempt that is under way counts as that."""
        self._wake.set()

    async def run(self) -> None:
        """Loop until cancelled."""
        while True:
            delay = await self.attempt()
            if self._answered < self._wanted:
                continue
            self._wake.clear()
            try:
                async with asyncio.timeout(delay):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def attempt(self) -> float:
        """Ask once, set the state, and tell how long to wait."""
        wanted = self._wanted
        retry_after: float | None = None
        try:
            async with asyncio.timeout(self._deadline_s):
                reading = await self._poll()
        except TimeoutError:
            reason = safe(f"no answer within {self._deadline_s:g} s")
        except SourceThrottled as error:
            reason, retry_after = SafeText(str(error)), error.retry_after_s
        except SourceError as error:
            reason = SafeText(str(error))
        except Exception as error:  # a bug in one source must not end the others
            reason = safe(f"internal error in this source: {type(error).__name__}: {error}", 200)
        else:
            self._failures = 0
            before = self.state
            self._state, self._answered = before.succeeded(reading, empty=self._is_empty(reading.value)), wanted
            if before.reading is None or before.phase is not self.state.phase or self._is_news(before.reading, reading):
                self._on_change()
            return self.interval_s
        self._failures += 1
        delay = next_delay(self._failures, self.interval_s, retry_after, self._jitter())
        now = self._clock()
        self._state, self._answered = self._state.failed(reason, now, now + delay), wanted
        self._on_change()
        return delay
