"""What the log lines of one try say of its error: services often answer every failure with the same words and log the cause."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from console.domain.instant import Instant, Window
from console.domain.logs import LogRecord
from console.domain.request import HttpRequest
from console.query.ast import Literal
from console.repro.run import Send
from console.repro.signature import Outcome, errors_told, logged_error
from sources.base import LogSource, SourceError

WAIT_S = 1.5
"""For the lines of a try to reach their file."""
POLL_S = 0.1
MOST_MISSES = 2
"""After so many failing tries in a row without lines the logs are of another system, and nobody waits for them any more."""
SLACK_S = 30.0
"""How far the clocks of the log lines may be off."""
MOST_RECORDS = 50


class Traced:
    """Sends through another sender, and looks up the error of every failing try by its trace id.

    Args:
        send: Sends.
        sources: Where the lines are looked for; with none of them this changes nothing.
        failing: Which outcomes are worth a look.
    """

    def __init__(
        self,
        send: Send,
        sources: Sequence[LogSource],
        failing: Callable[[Outcome], bool],
        *,
        clock: Callable[[], Instant] = time.time,
        wait_s: float = WAIT_S,
    ) -> None:
        self._send = send
        self._sources = sources
        self._failing = failing
        self._clock = clock
        self._wait_s = wait_s
        self._misses = 0
        self._found = False

    async def __call__(self, request: HttpRequest) -> Outcome:
        """As the sender's, with `logged` filled in where lines were found.

        Raises:
            Stopped: As the sender's.
        """
        started = self._clock()
        outcome = await self._send(request)
        if not self._sources or not self._failing(outcome) or self._given_up():
            return outcome
        logged = await self._looked_up(outcome.trace_id, started)
        self._misses = 0 if logged else self._misses + 1
        self._found = self._found or bool(logged)
        return replace(outcome, logged=logged)

    def _given_up(self) -> bool:
        return not self._found and self._misses >= MOST_MISSES

    async def _looked_up(self, trace_id: str, started: Instant) -> str:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._wait_s
        while True:
            records = await self._records(trace_id, started)
            texts = errors_told(records)
            if texts or loop.time() >= until:
                return logged_error(texts)
            await asyncio.sleep(POLL_S)

    async def _records(self, trace_id: str, started: Instant) -> list[LogRecord]:
        """Records of a trace, oldest first."""
        window = Window(started - SLACK_S, self._clock() + SLACK_S)
        found: list[LogRecord] = []
        for source in self._sources:
            try:
                found += (await source.page(window, Literal(trace_id), MOST_RECORDS)).value.records
            except SourceError:
                continue
        return sorted(found, key=lambda record: record.at or 0.0)
