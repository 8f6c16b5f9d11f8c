"""Runs a program on a pseudo terminal of a size, answers what a terminal would, and counts what it sends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from types import TracebackType

ANSWERS = ((b"\x1b[?2026$p", b"\x1b[?2026;2$y"), (b"\x1b[c", b"\x1b[?62;c"), (b"\x1b[6n", b"\x1b[1;1R"))


class Terminal:
    """A child on a pty; a context manager that leaves no process behind."""

    def __init__(self, arguments: list[str], columns: int, rows: int, env: dict[str, str] | None = None) -> None:
        self.output = bytearray()
        self.stamps: list[tuple[float, int]] = []
        environment = {
            **os.environ,
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "TEXTUAL_ANIMATIONS": "none",
            **(env or {}),
        }
        environment.pop("NO_COLOR", None)
        environment |= env or {}
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execvpe(sys.executable, [sys.executable, *arguments], environment)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size."""
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys: bytes) -> None:
        """Type."""
        os.write(self.fd, keys)

    def read_for(self, seconds: float, until: bytes = b"") -> bytes:
        """What the child sends in the next seconds, or up to and with `until`."""
        begin = len(self.output)
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select([self.fd], [], [], min(left, 0.05))
            if not ready:
                continue
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                break
            if not data:
                break
            self.output += data
            self.stamps.append((time.monotonic(), len(data)))
            for query, answer in ANSWERS:
                if query in data:
                    os.write(self.fd, answer)
            if until and until in self.output[begin:]:
                break
        return bytes(self.output[begin:])

    def close(self) -> int:
        """End the child; its exit status, as `os.waitpid` tells it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                os.close(self.fd)
                return status
            self.read_for(0.05)
        os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return status
