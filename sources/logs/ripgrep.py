"""Words looked for by ripgrep, where it is installed: it compares many characters at once, and on a core of its own.

It is told words, and never an expression as a user wrote it, so that no difference between two dialects can matter: what it
finds are places at which the sieve would have found the same, and whoever asked looks at each again. It reads the open descriptor:
no name of a file is handed over, and nothing is mapped into memory.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess  # noqa: TID251 - ripgrep is a program
import threading
from array import array
from collections.abc import Iterable

WORTH = 64 << 20
"""Bytes from which on starting it pays."""
MOST_PLACES = 3_000_000
"""Of more, which take 24 MB, reading all lines is quicker."""
_READ = 1 << 18
_PLACE = re.compile(rb"^(\d+):", re.M)
_OPTIONS = (
    "--no-config", "--no-messages", "--color=never", "--no-heading", "--no-filename", "--no-line-number", "--threads=1",
    "--text", "--encoding=none", "--only-matching", "--byte-offset",
)  # fmt: skip


@functools.cache
def program() -> str | None:
    """Where ripgrep is; looked for once."""
    return shutil.which("rg")


class Ripgrep:
    """One search that runs by itself.

    Args:
        descriptor: Of a file; is read from its position to its end.
        start: That position.
        end: Nothing from here on is of interest.
        words: ASCII; found whatever their case.
        expressions: Of bytes; ours, and read alike by Python and ripgrep.

    Raises:
        OSError: It cannot be started.
    """

    def __init__(
        self, descriptor: int, start: int, end: int, words: Iterable[bytes], expressions: Iterable[bytes] = ()
    ) -> None:
        found = program()
        if found is None:
            raise FileNotFoundError("rg")
        sought = [f"(?i-u:{re.escape(word.decode('ascii'))})" for word in words]
        sought += [f"(?-u:{one.decode('ascii')})" for one in expressions]
        patterns = [part for one in sought for part in ("-e", one)]
        self._start, self._end = start, end
        self._places: array[int] | None = array("Q")
        os.lseek(descriptor, start, os.SEEK_SET)
        self._process = subprocess.Popen(
            [found, *_OPTIONS, *patterns, "--", "-"],
            stdin=descriptor,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        self._reading = threading.Thread(target=self._read, daemon=True, name="ripgrep")
        self._reading.start()

    def wait(self, seconds: float) -> bool:
        """Wait so long at most; returns whether it has ended."""
        self._reading.join(seconds)
        return not self._reading.is_alive()

    def places(self) -> array[int] | None:
        """Offsets in the file, ascending, when it has ended; None where it failed or found too many.

        Every line with one of the words holds at least one of them.
        """
        return self._places

    def close(self) -> None:
        """End it, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        self._reading.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None and self._places is not None
        output, rest, ended = self._process.stdout.fileno(), b"", False
        places = self._places
        while data := os.read(output, _READ):
            data = rest + data
            cut = data.rfind(b"\n") + 1
            places.extend([self._start + int(place) for place in _PLACE.findall(data[:cut])])
            rest = data[cut:]
            if (places and places[-1] >= self._end) or len(places) > MOST_PLACES:
                ended = len(places) <= MOST_PLACES
                self._process.kill()
                break
        # 1: nothing was found.
        if self._process.wait() not in (0, 1) and not ended:
            self._places = None
