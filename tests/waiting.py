"""How long tests wait for what must come, and how long what they measure took. A busy machine is slow, and not wrong."""

from __future__ import annotations

import os
import time
from pathlib import Path

PATIENCE_S = 60.0
"""Until a condition that does not hold is called a failure: a condition's patience is not the assertion."""


class Stopwatch:
    """Seconds since it was made, without those in which the one process that must answer was kept from a processor.

    What its main thread waited for a processor is left out, and nothing else: not what its other threads waited, which would
    count the same moment twice, nor what its children or the watching test waited. A process that has ended is still measured
    until it is waited for; after that, and where the system does not tell, all seconds count.

    Args:
        pid: The process; that of the test where the test itself does the work.
    """

    def __init__(self, pid: int | None = None) -> None:
        self._pid = os.getpid() if pid is None else pid
        self._waited_s, self._used_s = _waited_s(self._pid), _used_s(self._pid)
        self._started = time.monotonic()

    def seconds(self) -> float:
        """Until now."""
        passed_s = time.monotonic() - self._started
        return counted_s(passed_s, _waited_s(self._pid) - self._waited_s, _used_s(self._pid) - self._used_s)


def counted_s(passed_s: float, waited_s: float, used_s: float) -> float:
    """What counts of a stretch: what passed without what was waited, but at least what was used of the processors.

    The system adds a wait when it ends, so a wait that began before the stretch can be larger than the stretch.
    """
    return max(passed_s - max(waited_s, 0.0), min(max(used_s, 0.0), passed_s))


def _waited_s(pid: int) -> float:
    """How long the main thread of a process could have run and did not get a processor (Linux, sched-stats.rst)."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def _used_s(pid: int) -> float:
    """Processor time of a process, by the clock that clock_getcpuclockid(3) gives for it on Linux."""
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return 0.0


__all__ = ["PATIENCE_S", "Stopwatch", "counted_s"]
