"""What a process and all below it cost, read from /proc; and one command run to its end."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
SAMPLE_S = 0.02
"""Pause between two looks at the memory of a command; a shorter peak can be missed."""


def processes_below(pid: int) -> Iterator[int]:
    """The process and all its descendants."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from processes_below(int(child))


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []


def cpu_seconds(pid: int) -> float:
    """User and system time of one process so far; 0 when it is gone."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS if fields else 0.0


def tree_cpu_seconds(pid: int) -> float:
    """The same of the process and all below it, those that ended and were waited for included."""
    return sum(sum(map(int, fields[11:15])) for fields in map(_stat, processes_below(pid)) if fields) / _CLOCK_TICKS


def rss_bytes(pid: int) -> int:
    """Resident memory of one process; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except OSError:
        return 0


def share_bytes(pid: int) -> int:
    """Resident memory, of pages that several processes share its part only; without that account, `rss_bytes`."""
    try:
        for text in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if text.startswith("Pss:"):
                return int(text.split()[1]) * 1024
    except OSError:
        pass
    return rss_bytes(pid)


def tree_bytes(pid: int) -> int:
    """Memory of the process and all below it; shared pages count once."""
    return sum(map(share_bytes, processes_below(pid)))


@dataclass(frozen=True)
class Cost:
    """What one command needed.

    Attributes:
        wall_s: From start to exit.
        cpu_s: User and system time of it and of the children it waited for.
        peak_bytes: The most memory at one sampled moment, over all its processes.
        code: Its exit code; None: it was ended because it took too long.
        output: What it wrote to standard output.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int
    code: int | None
    output: bytes


class _Sampler(threading.Thread):
    """Follows the memory of a process tree until told to stop."""

    def __init__(self, pid: int) -> None:
        super().__init__(name="memory sampler", daemon=True)
        self.pid, self.peak, self.stop = pid, 0, threading.Event()

    def run(self) -> None:
        while not self.stop.wait(SAMPLE_S):
            self.peak = max(self.peak, tree_bytes(self.pid))


def run(
    command: Sequence[str], *, timeout_s: float = 600.0, memory: bool = False, env: Mapping[str, str] | None = None
) -> Cost:
    """Run a command to its end. Sampling its memory takes time from it, so times are taken without.

    Raises:
        OSError: It cannot be started.
    """
    with tempfile.TemporaryFile() as out:  # a file: some programs stop at the first match when nobody reads
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, **(env or {})},
        )
        late = threading.Event()

        def stop() -> None:
            late.set()
            os.killpg(process.pid, signal.SIGKILL)

        timer = threading.Timer(timeout_s, stop)
        timer.start()
        sampler = _Sampler(process.pid)
        if memory:
            sampler.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            timer.cancel()
            sampler.stop.set()
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if memory:
            sampler.join()
        out.seek(0)
        code = None if late.is_set() else process.returncode
        return Cost(wall, usage.ru_utime + usage.ru_stime, sampler.peak, code, out.read())


@dataclass(frozen=True)
class Measured:
    """A command after several runs: the medians of its times, its highest peak, and the last output."""

    wall_s: float
    cpu_s: float
    peak_bytes: int
    code: int | None
    output: bytes


def measure(command: Sequence[str], runs: int, env: Mapping[str, str] | None = None) -> Measured:
    """One run that warms the caches and is sampled for memory, then `runs` that are timed."""
    warm = run(command, memory=True, env=env)
    costs = [run(command, env=env) for _ in range(runs)] if warm.code is not None else [warm]
    return Measured(
        statistics.median(cost.wall_s for cost in costs),
        statistics.median(cost.cpu_s for cost in costs),
        warm.peak_bytes,
        costs[-1].code,
        costs[-1].output,
    )
