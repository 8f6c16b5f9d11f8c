"""The installed program on a pseudo terminal: what its screen shows, what arrived, who runs below it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import signal
import sys
import termios
import time
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from benchmarks.processes import cpu_seconds, processes_below
from benchmarks.terminal import Terminal
from console.typeahead import WITHIN_S
from tests.waiting import PATIENCE_S
from tests.widgets.vt import Screen

INCIDENT = str(Path(sys.executable).with_name("incident"))
FRAME_END = b"\x1b[?2026l"
"""Every painted frame ends with it, so that what comes before can be read as a whole."""
KEY_S = 0.07
"""Between two keys; what comes faster is taken for a paste."""
CONTINUING = bytes(range(0x80, 0xC0))
"""The bytes of UTF-8 with which no character begins."""
FILTER_PROMPT = "words, /regex/"
USUAL_FILTER = "level:>=warn"
"""Of the log lines, in a console that was just started."""
LEAVING = b"\x1b[?1049l\x1b[?25h"
"""Back to the normal screen, with the cursor shown."""


class Console(Terminal):
    """One program on one pty, with a screen that obeys it."""

    def __enter__(self) -> Console:
        super().__enter__()
        self._seen = Screen(*self.size)
        self._fed = self._joined = self._begun = 0
        self._data = self._shown = b""
        self._text = self._seen.text()
        return self

    def __exit__(self, *details: object) -> None:
        self.paused.clear()
        for pid in self.below():
            _signal(pid, signal.SIGCONT)
        if self.status is None:
            _signal(self.pid, signal.SIGTERM)
        children = self.below()
        super().__exit__(*details)
        for pid in children:
            if is_running(pid):
                _signal(pid, signal.SIGKILL)

    def type(self, *keys: bytes) -> None:
        """Press one key after the other, as fast as a person can; a program that got no processor meanwhile is waited for,
        since keys that it reads together are a paste to it."""
        for key in keys:
            self.send(key)
            select.select([], [], [], KEY_S)
            if self._unread():
                self.until(lambda: not self._unread(), "reading of the keys")
                select.select([], [], [], KEY_S)

    def filter_by(self, text: str) -> None:
        """Filter the log lines by nothing but this."""
        self.send(b"/")
        self.shows(FILTER_PROMPT)
        self.type(b"\x15", b"\x1b[200~" + text.encode() + b"\x1b[201~", b"\r")
        self.shows_no(FILTER_PROMPT)

    def _unread(self) -> bool:
        """Whether what was typed still waits in the terminal."""
        count = array("i", [0])
        with contextlib.suppress(OSError):  # the program ended
            terminal = os.open(f"/proc/{self.pid}/fd/0", os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
            try:
                fcntl.ioctl(terminal, termios.FIONREAD, count)
            finally:
                os.close(terminal)
        return count[0] > 0

    def hands_off(self) -> None:
        """Leave the keys alone for as long as those before count towards a paste."""
        select.select([], [], [], WITHIN_S)

    def data(self) -> bytes:
        """Everything that arrived."""
        if len(self.reads) != self._joined:
            self._joined = len(self.reads)
            self._data = self.stream()
        return self._data

    def begin(self) -> None:
        """From here on is what `arrived` tells, beginning with a whole frame."""
        self._begun = self.data().rfind(FRAME_END) + len(FRAME_END)

    def arrived(self) -> bytes:
        """What arrived since `begin`; where that was never said, everything."""
        return self.data()[self._begun :]

    def screen(self) -> str:
        """What a person sees now, line by line."""
        data = self.data()
        if data is self._shown:
            return self._text
        end = data.rfind(FRAME_END) + len(FRAME_END)
        if end > max(self._fed, len(FRAME_END)):
            # Where looking begins anew after a change of size, a character may have arrived in part.
            self._seen.feed_session(data[self._fed : end].lstrip(CONTINUING).decode())
            self._fed = end
            self._text = self._seen.text()
        self._shown = data
        return self._text

    def forget(self, columns: int, rows: int) -> None:
        """After a change of size: look at what comes from now on, on a screen of that size."""
        self._seen, self._fed = Screen(columns, rows), len(self.data())
        self._text = self._seen.text()

    def until(self, condition: Callable[[], object], what: str, timeout: float = PATIENCE_S) -> None:
        """Wait for a condition, never for a time.

        Raises:
            AssertionError: It did not come; with what the screen shows.
        """
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"no {what} within {timeout:g} s; the screen shows\n{self.screen()}")
            select.select([], [], [], 0.02)

    def shows(self, *words: str, timeout: float = PATIENCE_S) -> None:
        """Wait until all these words stand on the screen."""
        self.until(lambda: all(word in self.screen() for word in words), repr(words), timeout)

    def shows_no(self, word: str, timeout: float = PATIENCE_S) -> None:
        """Wait until a word is gone from the screen."""
        self.until(lambda: word not in self.screen(), f"screen without {word!r}", timeout)

    def judged(self) -> None:
        """Wait for the first verdict with everything around it."""
        self.shows("INCIDENT", "checkout", "not asked", "errors per")

    def ends(self, timeout: float = PATIENCE_S) -> int:
        """The exit code once it ended and everything that it wrote was read.

        Raises:
            AssertionError: It goes on; with what the screen shows.
        """
        self.until(lambda: self.wait(0.01) is not None, "end of the program", timeout)
        if self.fd >= 0:
            self._reader.join(5)
        assert self.status is not None
        return self.status

    def below(self) -> list[int]:
        """The program and every process below it."""
        return list(processes_below(self.pid)) if self.status is None else []

    def hang_up(self) -> None:
        """Close the terminal, as a lost connection does."""
        self._closing.set()
        self._reader.join(5)
        os.close(self.fd)
        self.fd = -1

    def modes(self) -> list[int]:
        """Input and local modes of the terminal, as `stty` shows them."""
        found = termios.tcgetattr(self.fd)
        return [int(found[0]), int(found[3])]

    def stopped(self) -> bool:
        """Whether it was stopped, as ctrl+z does."""
        return _state(self.pid) == "T"


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return ""


def is_running(pid: int) -> bool:
    """Whether a process lives; one that ended and waits for its parent does not."""
    return _state(pid) not in ("", "Z", "X")


def all_end(pids: Sequence[int], timeout: float = 10.0) -> list[int]:
    """Wait for processes to end; returns those that did not."""
    end = time.monotonic() + timeout
    while (left := [pid for pid in pids if is_running(pid)]) and time.monotonic() < end:
        select.select([], [], [], 0.02)
    return left


@contextmanager
def running(
    config: Path,
    size: tuple[int, int] = (120, 40),
    *,
    options: Sequence[str] = (),
    before: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
) -> Iterator[Console]:
    """`incident run` on a configuration.

    Args:
        before: A program that runs it in its turn.
        env: Over the environment of the test.
    """
    argv = [*before, INCIDENT, "run", "--config", str(config), *options]
    with Console(argv, size, env=dict(env or {}), cwd=str(config.parent)) as console:
        yield console


class Kept:
    """A console that one test after another uses and leaves on its overview: to start one costs seconds of the processor's time.

    One that a test failed on may be anywhere: the next test gets another.

    Args:
        start: Starts one; what it yields is ready to be used.
    """

    def __init__(self, start: Callable[[], AbstractContextManager[Console]]) -> None:
        self._start = start
        self._open = ExitStack()
        self._console: Console | None = None

    @contextmanager
    def used(self) -> Iterator[Console]:
        """The console, for one test."""
        if self._console is None:
            self._console = self._open.enter_context(self._start())
        self._console.begin()
        try:
            self._console.hands_off()
            yield self._console
            self._console.shows("1 Signals", "5 Upstreams")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End it."""
        self._console = None
        self._open.close()


@contextmanager
def command(folder: Path, *arguments: str, size: tuple[int, int] = (120, 40)) -> Iterator[Console]:
    """`incident` with these arguments on a terminal, in a folder."""
    with Console([INCIDENT, *arguments], size, cwd=str(folder)) as console:
        yield console


OURS = re.compile(
    rb"\x1b\[\?(?:1049|25|1004|2004|2026|7)[hl]"  # the screen, cursor, focus, paste, frames, wrapping
    rb"|\x1b\[\?(?:2026|2048)\$p"  # questions about frames and sizes
    rb"|\x1b\[>\d+u|\x1b\[<u"  # keys
    rb"|\x1b\[\d+;\d+H|\x1b\[\d+G"  # the cursor
    rb"|\x1b\[[0-9;]*m"  # colours
    rb"|\x1b\]22;default\x07"  # the shape of the mouse pointer
)
"""Every sequence that the console has a reason to write."""
COPY = re.compile(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07")
"""What `y` writes besides."""


def strays(data: bytes, *, ours: re.Pattern[bytes] = OURS) -> list[str]:
    """What a terminal would obey in `data` beyond what is ours: control characters, bidi, zero-width, C1."""
    from console.guard.sanitise import UNSAFE

    rest = ours.sub(b"", data).replace(b"\r\n", b"").decode("utf-8", "surrogateescape")
    return [repr(rest[max(0, m.start() - 20) : m.end() + 20]) for m in UNSAFE.finditer(rest)]


__all__ = [
    "COPY",
    "INCIDENT",
    "LEAVING",
    "OURS",
    "USUAL_FILTER",
    "Console",
    "Kept",
    "all_end",
    "command",
    "cpu_seconds",
    "is_running",
    "running",
    "strays",
]
