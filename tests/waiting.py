"""How long tests wait for what must come, and how long what they measure took. A busy machine is slow, and not wrong."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

PATIENCE_S = 60.0
"""Until a condition that does not hold is called a failure: a condition's patience is not the assertion."""


class Stopwatch:
    """Seconds since it was made, without those in which the processors were busy with the work of others.

    Args:
        pids: Processes that are measured besides that of the test.
    """

    def __init__(self, *pids: int) -> None:
        self._pids = (os.getpid(), *pids)
        self._kept_waiting_s = self._waits()
        self._started = time.monotonic()

    def seconds(self) -> float:
        """Until now."""
        return time.monotonic() - self._started - (self._waits() - self._kept_waiting_s)

    def _waits(self) -> float:
        return sum(map(_kept_waiting_s, self._pids))


def _kept_waiting_s(pid: int) -> float:
    """How long the threads of a process could have run and did not get a processor; 0 where the system does not tell."""
    waited_ns = 0
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError, IndexError):
                waited_ns += int((thread / "schedstat").read_text().split()[1])
    return waited_ns / 1e9


__all__ = ["PATIENCE_S", "Stopwatch"]
