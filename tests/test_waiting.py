"""What the stopwatch of the tests counts: what the measured process did, and not how busy the machine was."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from tests.waiting import PATIENCE_S, Stopwatch, counted_s

WORK_S = 0.3
_SPINS = f"""
import os, sys, time
os.sched_setaffinity(0, {{int(sys.argv[1])}})
print("ready", flush=True)
input()
end = time.process_time() + {WORK_S}
while time.process_time() < end:
    pass
print("done", flush=True)
input()
"""
_RIVAL = "import os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nprint('ready', flush=True)\nwhile True: pass"


@contextlib.contextmanager
def child(code: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process of Python that has said that it is ready."""
    command = [sys.executable, "-c", code, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            says(process, "ready")
            yield process
        finally:
            process.kill()


def says(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == word + "\n"


def goes_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


@pytest.mark.parametrize(
    ("passed", "waited", "used", "counted"),
    [
        pytest.param(1.0, 0.0, 0.0, 1.0, id="slept"),
        pytest.param(1.0, 0.4, 0.2, 0.6, id="waited and slept"),
        pytest.param(1.0, 5.0, 0.2, 0.2, id="a wait from before"),
        pytest.param(1.0, 5.0, 0.0, 0.0, id="only a wait from before"),
        pytest.param(1.0, 0.0, 3.0, 1.0, id="threads at once"),
        pytest.param(1.0, -7.0, -2.0, 1.0, id="gone"),
        pytest.param(0.0, 1.0, 1.0, 0.0, id="at once"),
    ],
)
def test_waits_are_left_out_and_work_is_not(passed: float, waited: float, used: float, counted: float) -> None:
    assert counted_s(passed, waited, used) == pytest.approx(counted)


def test_own_work_counts() -> None:
    watch, end = Stopwatch(), time.process_time() + WORK_S
    while time.process_time() < end:
        pass
    assert watch.seconds() >= WORK_S


def test_waiting_for_something_else_than_a_processor_counts() -> None:
    watch, started = Stopwatch(), time.process_time()
    threading.Event().wait(WORK_S)
    assert watch.seconds() >= time.process_time() - started
    with child("print('ready', flush=True); input()") as idle:
        watch, began = Stopwatch(idle.pid), time.monotonic()
        threading.Event().wait(WORK_S)
        assert watch.seconds() > (time.monotonic() - began) / 2


def test_it_is_never_negative_with_many_threads_that_wait() -> None:
    """Eight threads that wait for each other's turn wait several seconds a second together."""
    ends = threading.Event()

    def spins() -> None:
        while not ends.is_set():
            pass

    threads = [threading.Thread(target=spins) for _ in range(8)]
    watch = Stopwatch()
    for thread in threads:
        thread.start()
    counted = [watch.seconds() for _ in range(50)]
    ends.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert min(counted) >= 0


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system does not pin processes to a processor")
def test_a_process_that_waits_for_a_processor_is_not_counted_but_its_work_is() -> None:
    """Three rivals on its one processor: it gets a quarter of it."""
    processor = str(min(os.sched_getaffinity(0)))
    with contextlib.ExitStack() as stack:
        worker = stack.enter_context(child(_SPINS, processor))
        for _ in range(3):
            stack.enter_context(child(_RIVAL, processor))
        started, watch = time.monotonic(), Stopwatch(worker.pid)
        goes_on(worker)
        says(worker, "done")
        counted, passed = watch.seconds(), time.monotonic() - started
    assert counted >= WORK_S
    assert passed - counted > WORK_S


def test_a_process_that_has_ended_is_measured_until_it_is_waited_for() -> None:
    with child("print('ready', flush=True); input(); sum(range(3_000_000))") as process:
        watch, started = Stopwatch(process.pid), time.monotonic()
        goes_on(process)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        ended = watch.seconds()
        process.wait(PATIENCE_S)
        assert 0 < ended <= watch.seconds() <= time.monotonic() - started
