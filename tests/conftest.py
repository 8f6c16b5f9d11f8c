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


SPREAD = 0.8
"""Part of the run over which long tests are spread, so that none is left alone at its end."""


def pytest_collection_finish() -> None:
    """Go through what is there now no more: looking for garbage among all that was imported and collected, at the pace that suits
    a small program, takes a quarter of the processor's time of tests that run a screen."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin tests that wait for minutes here and there among the others: while they wait, other workers have the machine."""
    long = [item for item in items if item.get_closest_marker("long") is not None]
    if not long or len(long) == len(items):
        return
    others = [item for item in items if item.get_closest_marker("long") is None]
    step = max(1, int(SPREAD * len(others) / len(long)))
    for number, item in enumerate(long):
        others.insert(number * (step + 1), item)
    items[:] = others
