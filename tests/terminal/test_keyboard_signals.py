"""A signal of the terminal that comes while a line is handed to its writer is acted on afterwards, not in between."""

from __future__ import annotations

import asyncio
import os
import queue
import signal
from collections.abc import Iterator

import pytest

from console.keyboard import Keyboard
from tests.tui.fakes import until


@pytest.fixture(params=[signal.SIGCONT, signal.SIGTSTP], ids=["continue", "stop"])
def number(request: pytest.FixtureRequest) -> Iterator[int]:
    """One that is handled as before when the test is over."""
    before = signal.getsignal(request.param)
    yield request.param
    signal.signal(request.param, before)


class Terminal(Keyboard):
    """A driver without a terminal, which notes whether it could write when it was to."""

    def __init__(self) -> None:  # no terminal is there to be taken
        self._loop = asyncio.get_running_loop()
        self._auto_restart = True
        self.writes: queue.Queue[str] = queue.Queue()
        self.wrote: list[bool] = []

    def _write(self) -> None:
        free = self.writes.mutex.acquire(timeout=1.0)
        if free:
            self.writes.mutex.release()
        self.wrote.append(free)

    suspend_application_mode = resume_application_mode = _write


async def test_it_waits_until_the_writer_can_take_something(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    kill = os.kill
    monkeypatch.setattr(os, "kill", lambda pid, sent: kill(pid, sent) if sent != signal.SIGSTOP else None)
    acts = terminal._sigcont_application if number == signal.SIGCONT else terminal._sigtstp_application
    signal.signal(
        number, lambda *given: acts(*given)
    )  # a driver without an app cannot be told in words, as `signal` wants to
    with terminal.writes.mutex:
        signal.raise_signal(number)
        assert terminal.wrote == []
    await until(lambda: terminal.wrote)
    assert terminal.wrote == [True]
