"""A real terminal: tmux with the program in it, whose screen is read as a person reads it, and keys as a person presses them."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from tests.waiting import PATIENCE_S

COMMAND_S = 10.0
PERSONAL = frozenset(
    ("TMUX", "LC_ALL", "NO_COLOR", "FORCE_COLOR", "INCIDENT_CONFIG", "INCIDENT_AUTHOR", "COLUMNS", "LINES")
)
"""Settings of the person or the machine that runs the tests."""
LOOK_S = 0.1
"""Between two looks at the screen."""
SETTINGS = "set -g status off\nset -s escape-time 0\nset -g default-terminal tmux-256color\n"
"""The pane has the whole window, and Escape is Escape."""
SHELL = ("sh", "-c", '"$@"; printf "\\nexit code %s\\n" "$?"; exec cat', "sh")
"""Runs a program, and shows with what it ended, as a person's shell would tell; what it left behind stays to be read."""


class Tmux:
    """One program in the only pane of a tmux server of its own.

    Args:
        argv: The program.
        folder: For the server's socket and its settings; also the program's working folder.
        size: Columns and rows.
        env: Over the environment of the test.
    """

    def __init__(
        self, argv: Sequence[str], folder: Path, size: tuple[int, int] = (120, 40), env: Mapping[str, str] | None = None
    ) -> None:
        self._argv = list(argv)
        self._folder = folder
        self._size = size
        kept = {name: value for name, value in os.environ.items() if name not in PERSONAL}
        self._env = {**kept, "LANG": "C.UTF-8", "COLORTERM": "truecolor", **(env or {})}

    def __enter__(self) -> Tmux:
        settings = self._folder / "tmux.conf"
        settings.write_text(SETTINGS)
        columns, rows = self._size
        place = ("-x", str(columns), "-y", str(rows), "-c", str(self._folder))
        self._tmux("-u", "-f", str(settings), "new-session", "-d", "-s", "walk", *place, "--", *SHELL, *self._argv)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tmux("kill-server", check=False)

    def _tmux(self, *arguments: str, check: bool = True) -> str:
        socket = ("-S", str(self._folder / "tmux"))
        done = subprocess.run(
            [shutil.which("tmux") or "tmux", *socket, *arguments],
            env=self._env,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names: `r`, `Enter`, `BSpace`, `Escape`."""
        for key in keys:
            self._tmux("send-keys", "-t", "walk", key)

    def type(self, text: str) -> None:
        """Type a text as it is."""
        self._tmux("send-keys", "-t", "walk", "-l", text)

    def screen(self) -> str:
        """What a person sees now, line by line."""
        return self._tmux("capture-pane", "-p", "-t", "walk")

    def until(self, pattern: str, timeout_s: float = PATIENCE_S) -> re.Match[str]:
        """Wait until an expression is found on the screen.

        Raises:
            AssertionError: It did not come; with what the screen shows.
        """
        end = time.monotonic() + timeout_s
        while True:
            shown = self.screen()
            found = re.search(pattern, shown)
            if found is not None:
                return found
            if time.monotonic() > end:
                raise AssertionError(f"no {pattern!r} within {timeout_s:g} s; the screen shows\n{shown}")
            select.select([], [], [], LOOK_S)

    def shows(self, *words: str, timeout_s: float = PATIENCE_S) -> str:
        """Wait until all these words stand on the screen; returns it."""
        for word in words:
            self.until(re.escape(word), timeout_s)
        shown = self.screen()
        return shown if all(word in shown for word in words) else self.shows(*words, timeout_s=timeout_s)

    def ended(self, timeout_s: float = PATIENCE_S) -> int:
        """The exit code of the program, once it ended."""
        return int(self.until(r"exit code (\d+)", timeout_s)[1])
