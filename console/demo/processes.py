"""Forked children that cannot outlive their parent.

Every child holds the read end of a pipe whose write end only the parent has: the parent's death, however sudden, is an end of
file there. On Linux the kernel is also asked to kill the child, for the case that it no longer reads.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

_PR_SET_PDEATHSIG = 1


class NotReady(Exception):
    """A child ended, or said nothing, before it was ready."""


@dataclass(slots=True)
class Child:
    """A forked process."""

    name: str
    pid: int
    ready: int
    """Read end of the pipe on which it says that it is ready."""

    def wait_ready(self, timeout_s: float) -> dict[str, Any]:
        """What the child says when it is ready.

        Raises:
            NotReady: It never did.
        """
        try:
            if not select.select([self.ready], [], [], timeout_s)[0]:
                os.kill(self.pid, signal.SIGKILL)
                raise NotReady(f"{self.name} was not ready within {timeout_s:.0f} s")
            said = os.read(self.ready, 4096)
        finally:
            os.close(self.ready)
        if not said:
            raise NotReady(f"{self.name} ended before it was ready")
        found: dict[str, Any] = json.loads(said)
        return found


Main = Callable[[Callable[[], None], int], Coroutine[Any, Any, None]]
"""Given "I am ready" and the pipe that ends with the parent: what the child does."""


class Nursery:
    """Forks children and reaps them. The parent must have one thread and no event loop."""

    def __init__(self) -> None:
        self._life_read, self._life_write = os.pipe()
        self._parent = os.getpid()
        self.children: dict[int, Child] = {}

    def start(self, name: str, main: Callable[[], Main], told: Callable[[], dict[str, Any]]) -> Child:
        """Fork a child that runs `main()`; `told` is what it reports when it is ready."""
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            self._in_child(main, lambda: _say(write, told()))
        os.close(write)
        child = Child(name, pid, read)
        self.children[pid] = child
        return child

    def _in_child(self, main: Callable[[], Main], ready: Callable[[], None]) -> None:
        """Run and leave the process; never returns."""
        code = 1
        try:
            os.close(self._life_write)
            _reset_signals()
            _die_with(self._parent)
            asyncio.run(main()(ready, self._life_read))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            # Exit handlers and buffers belong to the parent.
            os._exit(code)

    def reap(self) -> list[Child]:
        """Children that ended since the last call."""
        ended: list[Child] = []
        while self.children:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            if child := self.children.pop(pid, None):
                ended.append(child)
        return ended

    def end(self, child: Child) -> None:
        """Ask a child to finish what it does and end."""
        if child.pid in self.children:
            os.kill(child.pid, signal.SIGTERM)

    def end_all(self, grace_s: float) -> None:
        """End every child, without mercy after `grace_s`."""
        for child in list(self.children.values()):
            self.end(child)
        deadline = time.monotonic() + grace_s
        while self.children and time.monotonic() < deadline:
            self.reap()
            select.select([], [], [], 0.02)
        for child in self.children.values():
            os.kill(child.pid, signal.SIGKILL)
        while self.children:
            self.reap()
            select.select([], [], [], 0.005)


def _say(pipe: int, told: dict[str, Any]) -> None:
    os.write(pipe, json.dumps(told).encode())
    os.close(pipe)


def _reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)
