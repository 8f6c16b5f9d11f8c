"""A child process bounded in time and output: its pipes are read as they fill, and an overrun ends its whole group."""

from __future__ import annotations

import os
import selectors
import signal
import threading
import time
from subprocess import Popen, TimeoutExpired  # noqa: TID251 - bounds the children that the door to git starts

from console.domain.values import dataclass

CHUNK = 65536
MOST_STDERR = 65536
TICK_S = 0.1
"""How often a running child is asked whether it is still wanted."""
GRACE_S = 0.5
"""Between SIGTERM and SIGKILL."""


class Overrun(Exception):
    """The child did not end in time."""


class Unwanted(Exception):
    """The caller went away."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a child said."""

    status: int
    out: bytes
    err: bytes
    cut: bool = False
    """There was more than the cap; the child was ended and `status` says nothing."""


def drain(process: Popen[bytes], feed: bytes, deadline: float, most_bytes: int, stop: threading.Event) -> Output:
    """Feed the child, collect what it says, and wait for its end.

    Args:
        process: Started in a session of its own, with pipes.
        feed: For its standard input; closed afterwards.
        deadline: In `time.monotonic` seconds.
        most_bytes: Cap of its standard output.
        stop: Set by whoever no longer wants the answer.

    Raises:
        Overrun: It was ended at the deadline.
        Unwanted: It was ended because `stop` was set.
    """
    pump = _Pump(process, feed, most_bytes)
    try:
        while pump.wanted():
            pump.step(min(TICK_S, max(0.0, deadline - time.monotonic())))
            if stop.is_set():
                raise Unwanted
            if pump.wanted() and time.monotonic() >= deadline:
                raise Overrun
        if not pump.cut:
            process.wait(max(0.01, deadline - time.monotonic()))
    except TimeoutExpired:
        raise Overrun from None
    finally:
        pump.close()
        end(process)
    return Output(process.returncode, b"".join(pump.out), b"".join(pump.err), pump.cut)


def end(process: Popen[bytes]) -> None:
    """End the child and everything it started, if it still runs: SIGTERM first, SIGKILL after `GRACE_S`."""
    if process.poll() is not None:
        return
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            break
        try:
            process.wait(GRACE_S)
            break
        except TimeoutExpired:
            continue
    process.wait()


class _Pump:
    """The three pipes of one child."""

    def __init__(self, process: Popen[bytes], feed: bytes, most_bytes: int) -> None:
        self.out: list[bytes] = []
        self.err: list[bytes] = []
        self.cut = False
        self._room = most_bytes
        self._err_room = MOST_STDERR
        self._feed = memoryview(feed)
        self._process = process
        self._selector = selectors.DefaultSelector()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                self._selector.register(pipe, selectors.EVENT_READ)
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
            self._selector.register(process.stdin, selectors.EVENT_WRITE)

    def wanted(self) -> bool:
        """Whether the child may still say something that is kept."""
        return not self.cut and any(key.events == selectors.EVENT_READ for key in self._selector.get_map().values())

    def step(self, timeout_s: float) -> None:
        """Move what can be moved now."""
        for key, _ in self._selector.select(timeout_s):
            if key.fileobj is self._process.stdin:
                self._write(key.fd)
            else:
                self._read(key.fd, key.fileobj is self._process.stdout)

    def _write(self, pipe: int) -> None:
        try:
            sent = os.write(pipe, self._feed[:CHUNK]) if self._feed else 0
        except BlockingIOError:
            return
        except BrokenPipeError:
            sent = len(self._feed)
        self._feed = self._feed[sent:]
        if not self._feed and self._process.stdin is not None:
            self._selector.unregister(self._process.stdin)
            os.set_blocking(pipe, True)
            self._process.stdin.close()

    def _read(self, pipe: int, is_out: bool) -> None:
        data = os.read(pipe, CHUNK)
        stream = self._process.stdout if is_out else self._process.stderr
        if not data and stream is not None:
            self._selector.unregister(stream)
            return
        if is_out:
            self.out.append(data[: self._room])
            self.cut = len(data) > self._room
            self._room -= len(self.out[-1])
        else:
            self.err.append(data[: self._err_room])
            self._err_room -= len(self.err[-1])

    def close(self) -> None:
        """Close every pipe."""
        self._selector.close()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None and not pipe.closed:
                pipe.close()
