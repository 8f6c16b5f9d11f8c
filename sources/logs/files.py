"""The log source of the kinds `files` and `journald`: the engine behind the protocol of all log sources.

The engine's work is done by a runner: threads of this process for a headless command, a child process
(`sources.logs.client`) for the screen, whose frames must not wait for parsing.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Protocol

from console.domain.instant import Window
from console.domain.logs import LogCounts, LogHistogram, LogPage, NewRecords
from console.domain.observations import ErrorSample
from console.domain.reading import Reading
from console.domain.series import Series
from console.domain.shapes import ExceptionCounts, ShapeCounts
from console.query.ast import Query
from console.query.text import text_of
from sources.logs.engine import Allowance, Engine
from sources.logs.index import Indexes
from sources.logs.questions import (
    Counts,
    Derive,
    Errors,
    Exceptions,
    Histogram,
    Messages,
    Page,
    Question,
    Sample,
    Shapes,
)
from sources.logs.spec import Spec, begins
from sources.logs.tail import Pace, tail_of

ALLOWED_S = 60.0
"""Time that one question may take."""


class Runner(Protocol):
    """Does the engine's work somewhere."""

    async def ask(self, spec: Spec, window: Window, questions: tuple[Question, ...]) -> list[Reading[Any]]:
        """The engine's answers.

        Raises:
            SourceError: What the engine raised, or that it could not be asked.
        """
        ...

    def follow(self, spec: Spec) -> AsyncGenerator[NewRecords]:
        """New records of the source in batches, until the iterator is closed; the first batch, which may be empty, says
        that the positions are taken."""
        ...

    async def close(self) -> None:
        """End what was started."""
        ...


class InProcess:
    """Threads of this process. Each has its own engines, since these learn while they read.

    Args:
        indexes: Those that the console has made; None: none are used.
    """

    def __init__(self, indexes: Indexes | None = None) -> None:
        self._local = threading.local()
        self._indexes = indexes

    async def ask(self, spec: Spec, window: Window, questions: tuple[Question, ...]) -> list[Reading[Any]]:
        """See `Runner`."""
        allowance = Allowance(ALLOWED_S)
        try:
            return await asyncio.to_thread(self._answer, spec, window, questions, allowance)
        finally:
            allowance.end()

    def _answer(
        self, spec: Spec, window: Window, questions: tuple[Question, ...], allowance: Allowance
    ) -> list[Reading[Any]]:
        engines: dict[Spec, Engine] = self._local.__dict__.setdefault("engines", {})
        engine = engines.setdefault(spec, Engine(spec, self._indexes))
        return engine.answer(window, questions, allowance)

    async def follow(self, spec: Spec) -> AsyncGenerator[NewRecords]:
        """See `Runner`."""
        tail = tail_of(spec)
        pace = Pace()
        try:
            yield NewRecords(await asyncio.to_thread(tail.poll), begin=begins(tail.positions()))
            while True:
                await asyncio.sleep(pace.seconds)
                records = await asyncio.to_thread(tail.poll)
                pace.seen(len(records))
                if records:
                    yield NewRecords(records, tail.take_skipped())
        finally:
            tail.close()

    async def close(self) -> None:
        """Nothing was started."""


class FileLogSource:
    """Log files, or the journal, of this machine.

    Questions about the same window that are asked at the same time are answered from one pass over the files.
    """

    def __init__(self, spec: Spec, runner: Runner | None = None) -> None:
        self.spec = spec
        self._own = runner is None
        self._runner: Runner = runner or InProcess()
        self._waiting: dict[Window, _Pass] = {}

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self.spec.name

    @property
    def kind(self) -> str:
        """files | journald"""
        return self.spec.kind

    async def page(self, window: Window, query: Query | None, limit: int) -> Reading[LogPage]:
        """The newest `limit` matching records of the window, oldest first, and how many match in all.

        Raises:
            SourceError: No file can be read, or it took too long.
        """
        return await self._ask(window, Page(text_of(query), limit))

    async def counts(self, window: Window, step_s: float, query: Query | None) -> Reading[LogCounts]:
        """Matching records per bucket and level; the buckets begin at the window's start.

        Raises:
            SourceError: As `page`.
        """
        return await self._ask(window, Counts(text_of(query), step_s))

    async def histogram(self, window: Window, step_s: float, query: Query | None) -> Reading[LogHistogram]:
        """As `counts`, with the latencies of the matching records.

        Raises:
            SourceError: As `page`.
        """
        return await self._ask(window, Histogram(text_of(query), step_s))

    async def series(self, window: Window, step_s: float) -> Reading[tuple[Series, ...]]:
        """Requests, errors and latencies per service and operation; see `sources.logs.derive`.

        Raises:
            SourceError: As `page`.
        """
        return await self._ask(window, Derive(step_s))

    async def errors(self, window: Window, limit: int) -> Reading[ErrorSample]:
        """The newest `limit` records at level warning and worse, and how many there are.

        Raises:
            SourceError: As `page`.
        """
        return await self._ask(window, Errors(limit))

    async def messages(self, window: Window, limit: int) -> Reading[LogPage]:
        """At most `limit` records of every level, spread evenly over the window, and how many there are.

        Raises:
            SourceError: As `page`.
        """
        return await self._ask(window, Messages(limit))

    async def reach(self) -> Window | None:
        """From the first to the last stamp of the files; None where none carries one."""
        return await asyncio.to_thread(Engine(self.spec).reach)

    async def volume(self, window: Window) -> int | None:
        """Bytes that a question about the window would read, told without reading them; None where that cannot be told.

        Raises:
            SourceError: No file matches.
        """
        return await asyncio.to_thread(Engine(self.spec).volume, window)

    async def shapes(self, window: Window, step_s: float, query: Query | None) -> Reading[ShapeCounts]:
        """The shapes of all matching messages, counted per bucket; the buckets begin at the window's start.

        Raises:
            SourceError: As `page`.
        """
        return await self._ask(window, Shapes(text_of(query), step_s))

    async def exceptions(self, window: Window, query: Query | None, step_s: float = 0.0) -> Reading[ExceptionCounts]:
        """The exceptions in all matching records, by type and place; with a step also per bucket from the window's start on.

        Raises:
            SourceError: As `page`.
        """
        return await self._ask(window, Exceptions(text_of(query), step_s))

    async def sample(self, window: Window, query: Query | None, limit: int) -> Reading[LogPage]:
        """At most `limit` matching records, spread evenly over the window, and how many match.

        Raises:
            SourceError: As `page`.
        """
        return await self._ask(window, Sample(text_of(query), limit))

    async def follow(self) -> AsyncGenerator[NewRecords]:
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

    async def _ask(self, window: Window, question: Question) -> Reading[Any]:
        """One answer. The first to ask about a window waits for others a moment, and then asks for all of them."""
        joined = self._waiting.get(window)
        if joined is None:
            joined = self._waiting[window] = _Pass()
            place = joined.join(question)
            try:
                await asyncio.sleep(0)
                self._waiting.pop(window, None)
                joined.answers.set_result(await self._runner.ask(self.spec, window, tuple(joined.questions)))
            except BaseException as error:
                self._waiting.pop(window, None)
                joined.fail(error)
                raise
            return joined.answers.result()[place]
        place = joined.join(question)
        try:
            return (await asyncio.shield(joined.answers))[place]
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if joined.answers.cancelled() and task is not None and not task.cancelling():
                return await self._ask(window, question)  # only the one who asked for all was cancelled
            raise


class _Pass:
    """Questions that share one pass, and the answers to come."""

    def __init__(self) -> None:
        self.questions: list[Question] = []
        self.answers: asyncio.Future[list[Reading[Any]]] = asyncio.get_running_loop().create_future()

    def join(self, question: Question) -> int:
        """Add a question; returns its place among the answers."""
        self.questions.append(question)
        return len(self.questions) - 1

    def fail(self, error: BaseException) -> None:
        """Tell those who joined; the one who asked gets the error itself."""
        if len(self.questions) == 1 or not isinstance(error, Exception):
            self.answers.cancel()
            return
        self.answers.set_exception(error)
        self.answers.exception()  # seen: whoever joined may have been cancelled meanwhile
