"""The collector in a process of its own: the link to it, and its main.

    python -m console.live.process CONFIG     reads commands from standard input, writes states and answers to standard output

It ends when its input ends, however the screen's process died. One that dies is started again, and told the window, the
filter and whether the screen is frozen again.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Callable
from pathlib import Path
from typing import Any

from console.config.load import ConfigError, load
from console.live.difference import Difference, changed, difference
from console.live.frames import framed, read_value
from console.live.session import LinkDown
from console.state import ConsoleState

RESTART_S = 1.0
LONGEST_RESTART_S = 30.0
"""A collector that dies again and again is started again after pauses that double up to this."""
ANSWER_S = 60.0
NICENESS = 5
AGES = frozenset({"now", "age_s", "cost", "rate_per_min"})
"""What moves on although nothing happened."""
TIME = frozenset({"now"})
"""What moves on even where nothing is known."""
AGES_EVERY_S = 2.0
"""Where nothing else is new, that is told no more often."""
ALIVE_EVERY_S = 4.0
"""Where not even that is new, the time alone is told, so that the screen knows that the collector lives."""
_START = "import sys; sys.path.insert(0, sys.argv[2]); from console.live.process import main; main(sys.argv[1])"
_ROOT = str(Path(__file__).resolve().parents[2])


class CollectorFailed(Exception):
    """The collector cannot start; the text says why, and starting it again would not help."""


class ProcessLink:
    """Keeps one collector process running.

    Args:
        config: The configuration file.
    """

    def __init__(self, config: Path) -> None:
        self._config = config
        self._process: Process | None = None
        """The one that can be asked."""
        self._running: Process | None = None
        """The one that must be ended."""
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._again: dict[str, tuple[Any, ...]] = {}

    async def run(self, take: Callable[[ConsoleState], None]) -> None:
        """Hand over every state; restart what dies.

        Raises:
            CollectorFailed: It says itself that it cannot start.
        """
        pause = RESTART_S
        while True:
            process = self._process = self._running = await self._start()
            try:
                for command, arguments in self._again.items():
                    self._write(process, (next(self._numbers), command, arguments))
                await self._read(process, take)
            finally:
                self._process = None
            await _end(process)
            await asyncio.sleep(pause)
            pause = min(LONGEST_RESTART_S, 2 * pause)

    async def close(self) -> None:
        """See `Link`."""
        running, self._running = self._running, None
        if running is not None:
            await _end(running)

    async def _start(self) -> Process:
        return await asyncio.create_subprocess_exec(  # noqa: TID251 - our own collector
            sys.executable,
            "-P",  # nothing is imported from the folder that the program happens to be started in
            "-c",
            _START,
            str(self._config),
            _ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # the terminal's ctrl+c and hang-up are the screen's business
        )

    async def _read(self, process: Process, take: Callable[[ConsoleState], None]) -> None:
        assert process.stdout is not None
        last: ConsoleState | None = None
        try:
            while True:
                match await read_value(process.stdout):
                    case ("state", told):
                        last = changed(last, told) if isinstance(told, Difference) and last is not None else told
                        take(last)
                    case ("answer", number, value):
                        self._settle(number, value)
                    case ("error", number, error):
                        self._settle(number, error)
                    case ("failed", sentence):
                        raise CollectorFailed(sentence)
        except EOFError:
            pass
        finally:
            self._process = None
            waiting, self._waiting = self._waiting, {}
            for answer in waiting.values():
                if not answer.done():
                    answer.set_exception(LinkDown("the collector ended"))

    def _settle(self, number: int, value: object) -> None:
        answer = self._waiting.pop(number, None)
        if answer is not None and not answer.done():
            answer.set_exception(value) if isinstance(value, Exception) else answer.set_result(value)

    async def ask(self, command: str, *arguments: Any) -> Any:
        """See `Link`."""
        if command in ("set_view", "set_filter", "set_frozen"):
            self._again[command] = arguments
        process = self._process
        if process is None:
            raise LinkDown("the collector is starting")
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._write(process, (number, command, arguments))
        try:
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except TimeoutError:
            self._waiting.pop(number, None)
            raise LinkDown(f"the collector gave no answer within {ANSWER_S:g} s") from None

    def _write(self, process: Process, call: tuple[int, str, tuple[Any, ...]]) -> None:
        if process.stdin is not None and not process.stdin.is_closing():
            process.stdin.write(framed(call))


async def _end(process: Process) -> None:
    """Close its input, which ends it; kill it where that does not."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(2.0):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


# The child's side.


class Said:
    """What the screen knows already."""

    def __init__(self) -> None:
        self._last: ConsoleState | None = None
        self._at = float("-inf")

    def of(self, state: ConsoleState, at: float) -> ConsoleState | Difference | None:
        """What is to be told of a state at that moment of a monotonic clock; None: nothing that could not wait."""
        last = self._last
        told = difference(last, state) if last is not None else None
        if told is not None and at < self._at + _pause_s(frozenset(told.names())):
            return None
        self._last, self._at = state, at
        return told or state


def _pause_s(names: frozenset[str]) -> float:
    """How long news of these fields may wait."""
    if names <= TIME:
        return ALIVE_EVERY_S
    return AGES_EVERY_S if names <= AGES else 0.0


async def serve(config: Path) -> None:
    """Collect, and answer commands, until the input ends."""
    reader, writer = await _pipes()

    async def send(value: object) -> None:
        writer.write(framed(value))
        await writer.drain()

    try:
        loaded = load(config)
        from console.analysis.diagnose import diagnose
        from console.config.effective import index_folder, state_folder
        from console.live.collector import Collector
        from console.live.secrets import use_tokens
        from console.observe import open_sources
        from sources.logs.client import WorkerRunner

        runner = WorkerRunner(folder=index_folder(loaded), memory_mb=loaded.config.console.log_memory_mb)
        sources = open_sources(loaded, runner)
    except ConfigError as error:
        await send(("failed", str(error)))
        return
    try:
        folder = state_folder(loaded)
    except ConfigError:  # without a home folder contracts cannot be kept, and everything else works
        folder = None
    if folder is not None:
        await asyncio.to_thread(use_tokens, folder)
    collector = Collector(loaded.config, sources, lambda seen: asyncio.to_thread(diagnose, seen), folder=folder)

    said = Said()

    async def publish(state: ConsoleState) -> None:
        told = said.of(state, time.monotonic())
        if told is not None:
            await send(("state", told))

    try:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(collector.run(publish), name="collector")
            await _answer(reader, collector, send, group)
            running.cancel()
    finally:
        await sources.close()
        await runner.close()


async def _answer(reader: asyncio.StreamReader, collector: Any, send: Any, group: asyncio.TaskGroup) -> None:
    from console.live.collector import COMMANDS

    async def carry_out(number: int, command: str, arguments: tuple[Any, ...]) -> None:
        try:
            value = await getattr(collector, command)(*arguments)
        except Exception as error:  # told to who asked; the collection goes on
            await send(("error", number, LinkDown(f"{type(error).__name__}: {error}")))
        else:
            await send(("answer", number, value))

    with contextlib.suppress(EOFError):
        while True:
            number, command, arguments = await read_value(reader)
            if command in COMMANDS:
                group.create_task(carry_out(number, command, arguments), name=command)


async def _pipes() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Standard input and output as streams; afterwards a stray print cannot disturb them."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(0, "rb", closefd=False))
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, out)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


def main(config: str) -> None:
    """Serve with lower priority than the screen."""
    os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(asyncio.CancelledError, BrokenPipeError, ConnectionResetError):
        asyncio.run(serve(Path(config)))


if __name__ == "__main__":
    main(sys.argv[1])
