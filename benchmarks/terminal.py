"""A terminal made of a pty and a reader thread: counts bytes, stamps each read, answers queries as a terminal would."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

_ESCAPE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][0-9A-Za-z]|[=>78cDEHMNOZ])")
_ANSWERS = ((b"\x1b[?2026$p", b"\x1b[?2026;2$y"), (b"\x1b[c", b"\x1b[?62;22c"), (b"\x1b[6n", b"\x1b[1;1R"))
"""What a terminal answers: synchronised output is known, it is a VT220, the cursor is at home."""


def plain(data: bytes) -> str:
    """The text of a stream without its escape sequences; positions are lost, words stay."""
    return _ESCAPE.sub(b" ", data).decode("utf-8", "replace")


@dataclass
class Terminal:
    """One program on one pty.

    Args:
        argv: The program.
        size: Columns and rows.
        rate: Bytes per second that the terminal takes; None for as fast as they come.
    """

    argv: Sequence[str]
    size: tuple[int, int]
    rate: int | None = None
    env: dict[str, str] | None = None
    cwd: str | None = None
    reads: list[tuple[float, bytes]] = field(default_factory=list)

    def __enter__(self) -> Terminal:
        self.started = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(self.cwd or ".")
                environ = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(self.env or {})}
                os.execvpe(self.argv[0], list(self.argv), environ)
            finally:
                os._exit(127)
        self.resize(*self.size)
        self.status: int | None = None
        self.paused = threading.Event()
        self._closing = threading.Event()
        self._reader = threading.Thread(target=self._read, name="pty reader", daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        for number, patience_s in ((signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0)):
            if self.wait(0.0) is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, number)
                self.wait(patience_s)
        self._reader.join(5)
        with contextlib.suppress(OSError):
            os.close(self.fd)

    def resize(self, columns: int, rows: int) -> None:
        """Change the size, as dragging a window does."""
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _read(self) -> None:
        while not self._closing.is_set():
            if self.paused.is_set():
                self._closing.wait(0.02)
                continue
            ready, _, _ = select.select([self.fd], [], [], 0.05)
            if not ready or self.paused.is_set():
                continue
            try:
                data = os.read(self.fd, 1024 if self.rate else 65536)
            except OSError:
                return
            if not data:
                return
            self.reads.append((time.monotonic(), data))
            for query, answer in _ANSWERS:
                if query in data:
                    with contextlib.suppress(OSError):
                        os.write(self.fd, answer)
            if self.rate:
                self._closing.wait(len(data) / self.rate)

    def wait(self, timeout: float) -> int | None:
        """The exit code, or None while it runs; a signal's number is negative."""
        end = time.monotonic() + timeout
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            elif time.monotonic() >= end:
                return None
            else:
                self._closing.wait(0.01) if not self._closing.is_set() else select.select([], [], [], 0.01)
        return self.status

    def send(self, keys: bytes) -> float:
        """Type; returns when: taken before, since the answer can be read before the writer goes on."""
        moment = time.monotonic()
        os.write(self.fd, keys)
        return moment

    def bytes_between(self, start: float, end: float) -> int:
        """Bytes that arrived in a stretch of the monotonic clock."""
        return sum(len(data) for at, data in list(self.reads) if start <= at < end)

    def stream(self, since: float = 0.0) -> bytes:
        """Everything that arrived since a moment."""
        return b"".join(data for at, data in list(self.reads) if at >= since)

    def wait_for(self, text: str, timeout: float, since: float = 0.0) -> float | None:
        """When `text` had arrived, or None; words may be cut by cursor movement, so ask for one word."""
        return self.wait_until(lambda seen: text in seen, timeout, since)

    def wait_until(self, holds: Callable[[str], bool], timeout: float, since: float = 0.0) -> float | None:
        """When the text that arrived since a moment first satisfied `holds`, or None."""
        end = time.monotonic() + timeout
        seen, taken = b"", 0
        while time.monotonic() < end:
            for at, data in self.reads[taken:]:
                taken += 1
                if at < since:
                    continue
                seen += data
                if holds(plain(seen)):
                    return at
            select.select([], [], [], 0.005)
        return None

    def rest(self, quiet_s: float, timeout: float) -> bool:
        """Wait until nothing arrived for a while; False: something always did."""
        end = time.monotonic() + timeout
        since = time.monotonic()
        while time.monotonic() < end:
            last = max(since, self.reads[-1][0]) if self.reads else since
            if time.monotonic() - last >= quiet_s:
                return True
            select.select([], [], [], 0.02)
        return False
