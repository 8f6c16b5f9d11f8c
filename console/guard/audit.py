"""The record of everything that was sent: append-only JSON Lines, synced before the first byte leaves, each line bound to the last.

A line names the digest of the line before it, so that nothing can be taken out or changed later without `verify` telling it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from console.domain.values import dataclass
from console.guard.private import open_private, private_folder

FIRST = "0" * 64
"""What the first line names as the digest of the line before it."""
_TAIL = 64 << 10


class AuditFailed(Exception):
    """A line could not be made durable, so nothing may be sent."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a look at the whole record found."""

    lines: int
    broken_at: int | None
    """The first line, from 1, that does not follow from the one before it; None where all do."""
    torn: bool
    """The last line is incomplete: the machine stopped while it was written."""


class Audit:
    """One file.

    Args:
        path: Kept with mode 0600 in a folder with mode 0700, which is made when needed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, entry: Mapping[str, Any]) -> None:
        """Append one line and wait until it is on the disk.

        Raises:
            AuditFailed: It is not there for sure.
        """
        try:
            private_folder(self.path.parent)
            descriptor = open_private(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        except OSError as error:
            raise AuditFailed(f"{self.path}: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            last, whole = _last_line(descriptor)
            line = json.dumps(
                {**entry, "previous": _digest(last) if last else FIRST}, ensure_ascii=False, allow_nan=False
            )
            data = (b"" if whole else b"\n") + line.encode("utf-8", "backslashreplace") + b"\n"
            if os.write(descriptor, data) != len(data):
                raise AuditFailed(f"{self.path}: the disk is full")
            os.fsync(descriptor)
        except OSError as error:
            raise AuditFailed(f"{self.path}: {error.strerror}") from None
        finally:
            os.close(descriptor)


def verify(path: Path) -> Checked:
    """Whether every line follows from the one before it.

    Raises:
        OSError: The file cannot be read.
    """
    data = path.read_bytes()
    torn = bool(data) and not data.endswith(b"\n")
    previous = FIRST
    lines = data.split(b"\n")
    whole = lines[:-1]
    for number, line in enumerate(whole, 1):
        try:
            entry = json.loads(line)
        except ValueError:
            previous = _digest(line)  # a torn line of an earlier stop; the next one names its digest
            continue
        if not isinstance(entry, dict) or entry.get("previous") != previous:
            return Checked(len(whole), number, torn)
        previous = _digest(line)
    return Checked(len(whole), None, torn)


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _last_line(descriptor: int) -> tuple[bytes, bool]:
    """The last line without its end, and whether it has one; an empty file is whole."""
    size = os.fstat(descriptor).st_size
    start, tail = size, b""
    while start > 0:
        take = min(_TAIL, start)
        start -= take
        tail = os.pread(descriptor, take, start) + tail
        whole = tail.endswith(b"\n")
        body = tail[:-1] if whole else tail
        if b"\n" in body or start == 0:
            return body.rpartition(b"\n")[2], whole
    return b"", True
