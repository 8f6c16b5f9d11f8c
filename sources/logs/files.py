"""The log source of kind `files`: the engine behind the protocol of all log sources.

The engine's work is done by a runner: threads of this process for a headless command, a child process for the screen,
whose frames must not wait for parsing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Any, Protocol

from console.domain.instant import Window
from console.domain.logs import LogCounts, LogHistogram, LogPage, LogRecord
from console.domain.observations import ErrorSample
from console.domain.reading import Reading
from console.domain.series import Series
from console.query.ast import Query
from sources.logs.engine import Allowance, Engine
from sources.logs.spec import Spec
from sources.logs.tail import Pace, Tail

ALLOWED_S = 60.0
"""Time that one question may take."""


class Runner(Protocol):
    """Does the engine's work somewhere."""

    async def ask(self, spec: Spec, question: str, arguments: tuple[Any, ...]) -> Reading[Any]:
        """Call the method `question` of the engine for `spec`.

        Raises:
            SourceError: What the engine raised, or that it could not be asked.
        """
        ...

    def follow(self, spec: Spec) -> AsyncGenerator[tuple[LogRecord, ...]]:
        """New records of the source in batches, until the iterator is closed; the first batch, which may be empty, says
        that the positions are taken."""
        ...

    async def close(self) -> None:
        """End what was started."""
        ...


class InProcess:
    """Threads of this process."""

    def __init__(self) -> None:
        self._engines: dict[Spec, Engine] = {}

    async def ask(self, spec: Spec, question: str, arguments: tuple[Any, ...]) -> Reading[Any]:
        """See `Runner`."""
        engine = self._engines.setdefault(spec, Engine(spec))
        allowance = Allowance(ALLOWED_S)
        try:
            answer: Reading[Any] = await asyncio.to_thread(partial(getattr(engine, question), *arguments, allowance))
        finally:
            allowance.end()
        return answer

    async def follow(self, spec: Spec) -> AsyncGenerator[tuple[LogRecord, ...]]:
        """See `Runner`."""
        tail = Tail(Engine(spec))
        pace = Pace()
        try:
            yield tuple(await asyncio.to_thread(tail.poll))
            while True:
                await asyncio.sleep(pace.seconds)
                records = await asyncio.to_thread(tail.poll)
                pace.seen(len(records))
                if records:
                    yield tuple(records)
        finally:
            tail.close()

    async def close(self) -> None:
        """Nothing was started."""


class FileLogSource:
    """Log files of this machine."""

    kind = "files"

    def __init__(self, spec: Spec, runner: Runner | None = None) -> None:
        self.spec = spec
        self._own = runner is None
        self._runner: Runner = runner or InProcess()

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self.spec.name

    async def page(self, window: Window, query: Query | None, limit: int) -> Reading[LogPage]:
        """The newest `limit` matching records of the window, oldest first, and how many match in all.

        Raises:
            SourceError: No file can be read, or it took too long.
        """
        return await self._runner.ask(self.spec, "page", (window, query, limit))

    async def counts(self, window: Window, step_s: float, query: Query | None) -> Reading[LogCounts]:
        """Matching records per bucket and level; the buckets begin at the window's start.

        Raises:
            SourceError: As `page`.
        """
        return await self._runner.ask(self.spec, "counts", (window, step_s, query))

    async def histogram(self, window: Window, step_s: float, query: Query | None) -> Reading[LogHistogram]:
        """As `counts`, with the latencies of the matching records.

        Raises:
            SourceError: As `page`.
        """
        return await self._runner.ask(self.spec, "histogram", (window, step_s, query))

    async def series(self, window: Window, step_s: float) -> Reading[tuple[Series, ...]]:
        """Requests, errors and latencies per service and operation; see `sources.logs.derive`.

        Raises:
            SourceError: As `page`.
        """
        return await self._runner.ask(self.spec, "series", (window, step_s))

    async def errors(self, window: Window, limit: int) -> Reading[ErrorSample]:
        """The newest `limit` records at level warning and worse, and how many there are.

        Raises:
            SourceError: As `page`.
        """
        return await self._runner.ask(self.spec, "errors", (window, limit))

    async def messages(self, window: Window, limit: int) -> Reading[LogPage]:
        """At most `limit` records of every level, spread evenly over the window, and how many there are.

        Raises:
            SourceError: As `page`.
        """
        return await self._runner.ask(self.spec, "messages", (window, limit))

    async def follow(self) -> AsyncGenerator[tuple[LogRecord, ...]]:
        """New records in batches, as they are written, until the iterator is closed.

        The first batch, which may be empty, comes when the positions are taken: what is written later is given.
        """
        async with aclosing(self._runner.follow(self.spec)) as batches:
            async for batch in batches:
                yield batch

    async def close(self) -> None:
        """End what this source started; a runner that was handed in belongs to whoever made it."""
        if self._own:
            await self._runner.close()
