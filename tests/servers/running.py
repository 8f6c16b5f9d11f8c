"""Real server programs as child processes: a free port, a check for readiness, and a sure end."""

from __future__ import annotations

import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from threading import Event
from time import monotonic

from tests.servers import fetch

READY_S = 15.0
STOP_S = 10.0


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], bool], what: str, limit_s: float = READY_S) -> None:
    """Wait for a condition.

    Raises:
        AssertionError: It did not become true in time.
    """
    end, pause = monotonic() + limit_s, Event()
    while not condition():
        assert monotonic() < end, f"{what} within {limit_s:g} s"
        pause.wait(0.02)


def answers(url: str) -> bool:
    """Whether an address answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


class Program:
    """One server process; its output goes to a file for the failure message."""

    def __init__(self, command: list[str], ready: Callable[[], bool], folder: Path, root: Path) -> None:
        self.command = command
        self._ready = ready
        self._log = folder / f"{Path(command[0]).name}.log"
        self._folder = folder
        self._root = root
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=fetch.environment(self._root),
            )
        until(lambda: self._alive() and self._ready(), f"{self.command[0]} answers")

    def _alive(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"{self.command[0]} ended: {self._log.read_text(errors='replace')[-2000:]}")
        return True

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_S)
            self._process = None

    def stop(self) -> None:
        """Ask it to end, and see to it that it does."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_S)
        self._process = None
