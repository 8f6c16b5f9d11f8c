"""Leaving: whatever the terminal does, the program ends soon after it was told to.

A terminal that was closed gives an endless end of file, and reading it spins; a terminal that takes nothing blocks whoever
writes to it. Neither may keep the process alive.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import threading
import time
from collections.abc import Callable

HUNG_UP = 128 + signal.SIGHUP
"""The exit code after the terminal went away, whether a signal said so or not."""
STUCK_S = 1.0
"""How long the terminal may take nothing before what waits for it is thrown away."""
MOST_S = 8.0
"""How long it may take at all."""
LOOK_EVERY_S = 0.05
GIVE_BACK = "\x1b[?2004l\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?1004l\x1b[?7h\x1b[<u\x1b[?1049l\x1b[?25h\x1b[0m"
"""The modes of a shell: no paste, mouse or focus reports, lines that wrap, the normal screen, a cursor."""


def terminal_is_gone() -> bool:
    """Whether the terminal was closed: nothing can be shown any more, and what is read from it is an endless end of file."""
    stdin = sys.__stdin__
    if stdin is None or stdin.closed:
        return True
    try:
        asked = select.poll()
        asked.register(stdin.fileno(), 0)
        return any(event & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, event in asked.poll(0))
    except (OSError, ValueError):
        return False


def terminal_takes_output() -> bool:
    """Whether writing would not wait: somebody reads the other end, or it is gone."""
    try:
        asked = select.poll()
        asked.register(_output(), select.POLLOUT)
        return bool(asked.poll(0))
    except (OSError, ValueError):
        return True


class Insistence:
    """Makes sure of the end. Started when the program is told to end, told when it has.

    Args:
        drop: Throws away what waits for the terminal.
    """

    def __init__(self, drop: Callable[[], None]) -> None:
        self._drop = drop
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, code: int) -> None:
        """From now on the process ends within `MOST_S`, with this exit code where force was needed."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, args=(code,), name="leaving", daemon=True)
            self._thread.start()

    def ended(self) -> None:
        """The screen is closed: what comes afterwards is not the terminal's fault."""
        self._ended.set()

    def _watch(self, code: int) -> None:
        took = begun = time.monotonic()
        while not self._ended.wait(LOOK_EVERY_S):
            now = time.monotonic()
            if now - begun > MOST_S:
                self._drop()
                give_back()
                os._exit(code)
            if terminal_takes_output():
                took = now
            elif now - took > STUCK_S:
                self._drop()


def drop_output() -> None:
    """Throw away what the terminal has not taken yet."""
    with contextlib.suppress(OSError, ValueError, termios.error):
        termios.tcflush(_output(), termios.TCOFLUSH)


def give_back() -> None:
    """Write the modes of a shell, without waiting for the terminal to take them."""
    with contextlib.suppress(OSError, ValueError):
        fd = _output()
        os.set_blocking(fd, False)
        os.write(fd, GIVE_BACK.encode())


def _output() -> int:
    stream = sys.__stderr__
    if stream is None:
        raise ValueError("there is no standard error")
    return stream.fileno()
