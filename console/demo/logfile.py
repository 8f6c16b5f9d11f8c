"""A log file as a service writes it: appended line by line, rotated by size."""

from __future__ import annotations

import os
from pathlib import Path

ROTATE_BYTES = 24 * 1024 * 1024
KEPT = 4


class LogFile:
    """Appends whole lines, and makes the file with the first of them; one write per line, so that a reader never sees lines of two writers mixed."""

    def __init__(self, path: Path, rotate_bytes: int = ROTATE_BYTES) -> None:
        self.path = path
        self._rotate_bytes = rotate_bytes
        self._file = -1
        self._size = 0

    def _open(self) -> None:
        self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._file).st_size

    def write(self, text: str) -> None:
        """Append `text`, which ends in a newline."""
        raw = text.encode("utf-8", "replace")
        if self._file < 0:
            self._open()
        if self._size + len(raw) > self._rotate_bytes:
            self._rotate()
        self._size += os.write(self._file, raw)

    def _rotate(self) -> None:
        os.close(self._file)
        for number in range(KEPT - 1, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            if older.exists():
                older.replace(self.path.with_name(f"{self.path.name}.{number + 1}"))
        self.path.replace(self.path.with_name(f"{self.path.name}.1"))
        self._open()

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
