"""One niced child process for work that would hold the event loop: diagnosis, statistics.

It keeps numpy and its memory out of the screen's process, dies with it, and is restarted when it dies.
"""

from __future__ import annotations

import asyncio
import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
_PR_SET_PDEATHSIG = 1


def _begin(parent: int) -> None:
    """In the child: lower priority, no reaction to the terminal's signals, and no life without the parent."""
    os.nice(10)
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGTSTP):
        signal.signal(ignored, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


class Background:
    """Runs module-level functions in the child, one at a time."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The result of `function(*args)`, computed in the child.

        Raises:
            BrokenProcessPool: The child died twice in a row on this call.
            Exception: Whatever the function raises.
        """
        try:
            return await asyncio.wrap_future(self._started().submit(function, *args, **kwargs))
        except BrokenProcessPool:
            self.close()
            return await asyncio.wrap_future(self._started().submit(function, *args, **kwargs))

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # spawn: a forked child would inherit the terminal and every open connection
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_begin, initargs=(os.getpid(),))
        return self._pool

    def close(self) -> None:
        """End the child; a call under way is abandoned."""
        pool, self._pool = self._pool, None
        if pool is not None:
            processes = list((pool._processes or {}).values())
            pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.terminate()
