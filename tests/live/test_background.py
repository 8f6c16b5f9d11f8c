"""The child process: calls, errors, death and restart."""

from __future__ import annotations

import math
import os
import signal

import pytest

from console.background import Background, ChildDied

pytestmark = pytest.mark.slow


async def test_calls_are_answered_in_another_process_and_errors_travel() -> None:
    child = Background()
    try:
        assert await child.run(math.sqrt, 9.0) == 3.0
        assert await child.run(os.getpid) != os.getpid()
        with pytest.raises(ValueError, match="math domain error"):
            await child.run(math.sqrt, -1.0)
    finally:
        await child.close()


async def test_a_child_that_dies_fails_its_call_and_the_next_call_starts_another() -> None:
    child = Background()
    try:
        first = await child.run(os.getpid)
        with pytest.raises(ChildDied):
            await child.run(os._exit, 3)
        second = await child.run(os.getpid)
        assert second != first
    finally:
        await child.close()


async def test_closing_ends_the_child() -> None:
    child = Background()
    pid = await child.run(os.getpid)
    await child.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
