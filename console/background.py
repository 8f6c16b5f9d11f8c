"""A niced child process for work that would hold the event loop: diagnosis, parsing, statistics.

It keeps numpy and its memory out of the screen's process, ends with it (its input closes, however the parent died), and is
started again when it dies. Values travel as pickles over its own pipes: both ends are this program, and nothing else can
write there.

    python -m console.background      reads calls from standard input, writes answers to standard output
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import pickle
import signal
import struct
import sys
from asyncio.subprocess import Process
from collections.abc import Callable
from typing import Any, BinaryIO, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_LENGTH = struct.Struct(">Q")
MOST_BYTES = 1 << 30
NICENESS = 10


class ChildDied(Exception):
    """The child process ended before it answered."""


class Background:
    """Runs module-level functions in the child, one at a time, in the order of the calls."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._next = 0
        self._starting = asyncio.Lock()
        self._reader: asyncio.Task[None] | None = None

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The result of `function(*args)`, computed in the child. A caller that is cancelled leaves the child at work.

        Raises:
            ChildDied: It died on this call; the next call starts a new one.
            Exception: Whatever the function raises.
        """
        process = await self._started()
        number, self._next = self._next, self._next + 1
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        call = pickle.dumps((number, function.__module__, function.__qualname__, args, kwargs), pickle.HIGHEST_PROTOCOL)
        assert process.stdin is not None
        try:
            process.stdin.write(_LENGTH.pack(len(call)) + call)
            await process.stdin.drain()
            result: R = await answer
        except (BrokenPipeError, ConnectionResetError):
            raise ChildDied("the background process ended") from None
        finally:
            self._answers.pop(number, None)
        return result

    async def _started(self) -> Process:
        async with self._starting:
            if self._process is None:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "console.background",
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.DEVNULL,
                    start_new_session=True,  # the terminal's ctrl+c and hang-up are the parent's business
                )
                self._reader = asyncio.ensure_future(self._read(self._process))
            return self._process

    async def _read(self, process: Process) -> None:
        assert process.stdout is not None
        try:
            while True:
                (size,) = _LENGTH.unpack(await process.stdout.readexactly(_LENGTH.size))
                number, good, value = pickle.loads(await process.stdout.readexactly(size))
                answer = self._answers.pop(number, None)
                if answer is not None and not answer.done():
                    answer.set_result(value) if good else answer.set_exception(value)
        except (asyncio.IncompleteReadError, ConnectionResetError):
            pass
        finally:
            if self._process is process:
                self._process = None  # its exit may be noticed later than the end of its output
            waiting, self._answers = list(self._answers.values()), {}
            for answer in waiting:
                if not answer.done():
                    answer.set_exception(ChildDied("the background process ended"))

    async def close(self) -> None:
        """End the child; calls under way end with `ChildDied`."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        if self._reader is not None:
            await self._reader


def serve(calls: BinaryIO, answers: BinaryIO) -> None:
    """The child's loop: answer calls until the input ends."""
    while len(head := calls.read(_LENGTH.size)) == _LENGTH.size:
        (size,) = _LENGTH.unpack(head)
        if size > MOST_BYTES:
            return
        number, module, name, args, kwargs = pickle.loads(calls.read(size))
        try:
            function = getattr(importlib.import_module(module), name)
            answer = _pickled(number, True, function(*args, **kwargs))
        except Exception as error:
            answer = _pickled(number, False, error)
        answers.write(_LENGTH.pack(len(answer)) + answer)
        answers.flush()


def _pickled(number: int, good: bool, value: object) -> bytes:
    try:
        return pickle.dumps((number, good, value), pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # an exception that cannot travel is told in words
        return pickle.dumps((number, False, RuntimeError(f"{type(value).__name__}: {value} ({error})")))


def main() -> None:
    """Serve with low priority, on pipes that no print can disturb."""
    os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
