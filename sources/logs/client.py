"""The screen's side of the log worker: starts it, asks it, starts it anew where it died, and ends it where it hangs."""

from __future__ import annotations

import asyncio
import itertools
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

import sources.base
from console.domain.instant import Window
from console.domain.logs import LogRecord, NewRecords
from console.domain.reading import Reading
from sources.base import SourceError, SourceGarbage, SourceTimeout, SourceUnavailable
from sources.logs.helper import command
from sources.logs.questions import Question
from sources.logs.spec import Positions, Spec, begins
from sources.logs.wire import (
    HEADER,
    MEMORY_MB,
    MOST_FRAME,
    Answers,
    Ask,
    Failed,
    Follow,
    Records,
    Stop,
    ToWorker,
    decode_answer,
    decode_from_worker,
    frame,
)

ALLOWED_S = 60.0
READ_AHEAD = 4 << 20
"""Bytes of the worker's answers that are taken in before somebody wants them: a frame of new records is read at once."""
AHEAD = 2
"""Frames of new records that wait for who follows; what is written meanwhile waits in its file, where it can be counted."""
GRACE_S = 5.0
"""How much longer than allowed a question may take before the worker is taken for hung."""


class _Died(Exception):
    """The worker ended while somebody waited for it."""


class WorkerRunner:
    """Runs the engine in one worker process, shared by all sources that are given this runner.

    Args:
        allowed_s: Seconds that one question may take.
        folder: Where the worker keeps indexes of large files; None: it makes none.
        memory_mb: Megabytes of memory that the worker may use.
    """

    def __init__(self, allowed_s: float = ALLOWED_S, folder: Path | None = None, memory_mb: int = MEMORY_MB) -> None:
        self._allowed_s = allowed_s
        self._arguments = [str(memory_mb), *([str(folder)] if folder is not None else [])]
        self._ids = itertools.count(1)
        self._starting = asyncio.Lock()
        self._link: _Link | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The worker's process id; None where none runs."""
        return self._link.pid if self._link is not None and self._link.alive else None

    async def ask(self, spec: Spec, window: Window, questions: tuple[Question, ...]) -> list[Reading[Any]]:
        """The engine's answers. Where the worker died meanwhile, a new one is asked, once.

        Raises:
            SourceError: What the engine raised; a timeout, after which the worker is a new one; or a worker that dies
                of the question.
        """
        for _ in range(2):
            try:
                return await self._ask(spec, window, questions)
            except _Died:
                continue
        raise SourceUnavailable(
            f"{spec.name}: the log worker died twice of this question; narrow the window or the paths"
        )

    async def _ask(self, spec: Spec, window: Window, questions: tuple[Question, ...]) -> list[Reading[Any]]:
        link = await self._connected()
        id = next(self._ids)
        parts: list[list[LogRecord]] = [[] for _ in questions]
        inbox = link.open(id)
        try:
            await link.send(Ask(id, spec, window, questions, self._allowed_s))
            async with asyncio.timeout(self._allowed_s + GRACE_S):
                while True:
                    message = await inbox.get()
                    match message:
                        case Records(place=place, records=records):
                            parts[place].extend(records)
                        case Answers(answers=answers):
                            return [_whole(*one) for one in zip(questions, answers, parts, strict=True)]
                        case Failed(error=name, sentence=sentence):
                            raise _error(name, sentence)
                        case None:
                            raise _Died
        except TimeoutError:
            # It does not look at its clock any more: only ending it helps.
            await link.end()
            raise SourceTimeout(
                f"{spec.name}: reading the log files took longer than {self._allowed_s:g} s: narrow the window"
            ) from None
        except msgspec.DecodeError:
            raise SourceGarbage(f"{spec.name}: the log worker gave an answer that is none") from None
        finally:
            link.forget(id)
            if link.alive:
                await link.send(Stop(id))

    async def follow(self, spec: Spec) -> AsyncGenerator[NewRecords]:
        """New records in batches; a new worker goes on where the one that died had come to.

        Where they are not taken fast enough the worker waits, and reads only a part of what was written meanwhile.
        """
        positions: Positions = {}
        while not self._closed:
            link = await self._connected()
            id = next(self._ids)
            inbox = link.open(id, AHEAD)
            try:
                await link.send(Follow(id, spec, positions))
                while (message := await inbox.get()) is not None:
                    match message:
                        case Records(records=records, skipped=skipped):
                            yield NewRecords(records, skipped, None if positions else begins(message.positions))
                            positions = message.positions or positions
                        case Failed(error=name, sentence=sentence):
                            raise _error(name, sentence)
            finally:
                link.forget(id)
                if link.alive:
                    await link.send(Stop(id))

    async def close(self) -> None:
        """End the worker."""
        self._closed = True
        if self._link is not None:
            await self._link.end()
            self._link = None

    async def _connected(self) -> _Link:
        async with self._starting:
            if self._closed:
                raise SourceUnavailable("the log worker was ended")
            if self._link is not None and self._link.alive:
                return self._link
            if self._link is not None:
                await self._link.end()
            try:
                process = await asyncio.create_subprocess_exec(  # noqa: TID251 - our own log worker
                    *command("main", *self._arguments), stdin=PIPE, stdout=PIPE, stderr=DEVNULL, limit=READ_AHEAD
                )
            except OSError as error:
                raise SourceUnavailable(f"the log worker cannot be started: {error.strerror}") from None
            self._link = _Link(process)
            return self._link


def _whole(question: Question, answer: msgspec.Raw, parts: list[LogRecord]) -> Reading[Any]:
    reading = decode_answer(question, answer)
    return replace(reading, value=replace(reading.value, records=tuple(parts))) if parts else reading


def _error(name: str, sentence: str) -> SourceError:
    kind = getattr(sources.base, name, SourceError)
    made: SourceError = kind(sentence)
    return made


class _Link:
    """One running worker and the inboxes of those who wait for it; None in an inbox: it died."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._inboxes: dict[int, asyncio.Queue[Records | Answers | Failed | None]] = {}
        self._reader = asyncio.ensure_future(self._read())

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still answers."""
        return self._process.returncode is None and not self._reader.done()

    def open(self, id: int, most: int = 64) -> asyncio.Queue[Records | Answers | Failed | None]:
        """An inbox for what is said about `id`, of at most so many messages."""
        inbox: asyncio.Queue[Records | Answers | Failed | None] = asyncio.Queue(most)
        self._inboxes[id] = inbox
        return inbox

    def forget(self, id: int) -> None:
        """Nobody reads the inbox any more."""
        self._inboxes.pop(id, None)

    async def send(self, message: ToWorker) -> None:
        """Say something; a worker that died is noticed by the one who waits for its answer."""
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(frame(message))
            await stdin.drain()
        except (ConnectionError, BrokenPipeError):
            self._tell_all()

    async def end(self) -> None:
        """Kill it, and wait until it is gone."""
        if self._process.returncode is None:
            try:
                self._process.kill()
            except ProcessLookupError:
                pass
        await self._process.wait()
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        self._tell_all()
        transport = getattr(self._process, "_transport", None)
        if transport is not None:
            transport.close()

    async def _read(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        try:
            while True:
                (length,) = HEADER.unpack(await stdout.readexactly(HEADER.size))
                if length > MOST_FRAME:
                    break
                message = decode_from_worker(await stdout.readexactly(length))
                inbox = self._inboxes.get(message.id)
                if inbox is not None:
                    await inbox.put(message)
        except (asyncio.IncompleteReadError, ConnectionError, msgspec.DecodeError):
            pass
        finally:
            self._tell_all()

    def _tell_all(self) -> None:
        for inbox in self._inboxes.values():
            if inbox.full():
                inbox.get_nowait()
            inbox.put_nowait(None)
