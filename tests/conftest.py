"""What every test process begins with, however it was started."""

from __future__ import annotations

import gc
import os
import signal

import pytest

# A worker of a divided run is told a size, which programs on a pseudo terminal of their own would believe.
for name in ("COLUMNS", "LINES"):
    os.environ.pop(name, None)

# A shell in the background ignores ctrl+c for its children, and they for theirs.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Go through what is there now no more: looking for garbage among all that was imported and collected, at the pace that suits
    a small program, takes a quarter of the processor's time of tests that run a screen."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let half of the workers begin with tests that wait for minutes: while they wait, the others have the machine, and none is
    left alone at the end. A worker begins with what stands where its share of the order begins, and takes from others later.
    Those of one file follow each other: what each of them must tell within a minute would not be told beside its like."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0"))
    long = [item for item in items if item.get_closest_marker("long") is not None]
    if workers < 2 or len(long) == len(items):
        return
    items[:] = [item for item in items if item.get_closest_marker("long") is None]
    total, waiting, begin = len(items) + len(long), workers // 2, 0
    for number in range(waiting):
        files = list(dict.fromkeys(item.path for item in long))[number::waiting]
        items[begin:begin] = [item for item in long if item.path in files]
        begin += (total - begin) // (workers - number)
