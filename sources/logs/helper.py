"""A second process for the half of a very large file: what takes one core seconds is done by two in half of them.

Started for one question and ended with it. Where it cannot be started, or dies, whoever asked reads that half itself.
"""

from __future__ import annotations

import os
import select
import subprocess  # noqa: TID251 - our own log worker
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from sources.logs.wire import HEADER, MOST_FRAME, Share, Shared, decode_from_helper, frame

ROOT = str(Path(__file__).resolve().parents[2])
_PATIENCE_S = 0.25
"""How long one wait for output lasts, so that the allowed time is looked at."""


def command(entry: str, *arguments: str) -> list[str]:
    """What starts this program's log worker: the arguments of a process, which calls `entry` of its module."""
    start = f"import sys; sys.path.insert(0, sys.argv[1]); from sources.logs.worker import {entry}; {entry}()"
    return [sys.executable, "-P", "-c", start, ROOT, *arguments]


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Helper:
    """A process that works on one share."""

    def __init__(self, share: Share) -> None:
        """
        Raises:
            OSError: It cannot be started.
        """
        self._process = subprocess.Popen(
            command("help_out"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(frame(share))
            self._process.stdin.flush()
        except OSError:
            self.close()
            raise

    def answer(self, check: Callable[[], None]) -> Shared | None:
        """What it found; None where it could not: then its share is still to be read.

        Args:
            check: Called again and again while waiting; what it raises ends the waiting.
        """
        header = self._read(HEADER.size, check)
        length = HEADER.unpack(header)[0] if len(header) == HEADER.size else 0
        body = self._read(length, check) if 0 < length <= MOST_FRAME else b""
        try:
            found = decode_from_helper(body)
        except msgspec.DecodeError:
            return None
        return found if isinstance(found, Shared) else None

    def _read(self, length: int, check: Callable[[], None]) -> bytes:
        assert self._process.stdout is not None
        fd = self._process.stdout.fileno()
        data = bytearray()
        while len(data) < length:
            check()
            if select.select([fd], [], [], _PATIENCE_S)[0]:
                more = os.read(fd, min(length - len(data), 1 << 20))
                if not more:
                    break
                data += more
        return bytes(data)

    def close(self) -> None:
        """End it, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    pass
