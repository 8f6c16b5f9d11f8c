"""Line files that stamp every line: read once, then only the blocks that a window needs and what was appended.

The order of the lines is never trusted: each block of about a megabyte keeps the earliest and the latest stamp that it
holds, so a later window skips a block only when nothing in it can belong. The file is read with `pread`, never mapped: a
mapped file that is truncated kills the process.
"""

from __future__ import annotations

import errno
import math
import os
import stat
import threading
import time
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

from console.domain.instant import Window
from console.domain.values import dataclass
from sources.base import SourceError, SourceUnavailable

BLOCK = 1 << 20
"""Bytes read at once."""
MOST_LINE = 4 << 20
"""A longer line is skipped and counted as not understood."""
SETTLED_S = 2.0
"""A last line without its line feed counts once the file has been left alone for so long: before, it may be cut."""
FINGERPRINT = 1024


@dataclass(frozen=True, slots=True)
class Facts:
    """What a block of lines turned out to hold."""

    lines: int = 0
    earliest: float = math.inf
    latest: float = -math.inf
    bad: int = 0
    """Lines that could not be understood."""
    first_bad: int | None = None
    """Line number of the first of them, counted from 1."""
    why: str = ""

    def __add__(self, other: Facts) -> Facts:
        first = self if self.first_bad is not None else other
        return Facts(
            self.lines + other.lines,
            min(self.earliest, other.earliest),
            max(self.latest, other.latest),
            self.bad + other.bad,
            first.first_bad,
            first.why,
        )


class Taker(Protocol):
    """Understands lines; keeps what belongs to its window."""

    def take(self, data: bytes, first_line: int) -> Facts:
        """Read whole lines; `first_line` is the number of the first, for messages. Facts never depend on the window."""
        ...


@dataclass(frozen=True, slots=True)
class Block:
    """Where a block lies, and what it holds."""

    offset: int
    size: int
    facts: Facts


@dataclass(frozen=True, slots=True)
class Index:
    """What is known of a file: valid while it only grows."""

    device: int
    inode: int
    modified_ns: int
    covered: int
    """Bytes that the blocks cover."""
    edges: bytes
    """A fingerprint of the first and the last bytes covered."""
    blocks: tuple[Block, ...]

    @property
    def lines(self) -> int:
        """Lines that the blocks cover."""
        return sum(block.facts.lines for block in self.blocks)


@dataclass(frozen=True, slots=True)
class Scan:
    """What a reading of the file brought."""

    index: Index
    facts: Facts
    """Of the whole file, whatever the window."""
    bytes_read: int


class Stopped(SourceError):
    """The caller no longer wants the answer."""


def scan(
    path: Path, known: Index | None, window: Window, taker: Taker, stop: threading.Event, *, skip_lines: int = 0
) -> Scan:
    """Hand every line that can belong to `window` to `taker`. Blocks, so it is called in a thread.

    Args:
        known: The index of an earlier scan; what it proves to be elsewhere is not read again.
        stop: When set, the scan ends between two blocks.
        skip_lines: Header lines at the start, not handed on.

    Raises:
        SourceUnavailable: The file is missing, unreadable, or no regular file.
        Stopped: `stop` was set.
    """
    descriptor = open_regular(path)
    try:
        status = os.fstat(descriptor)
        if known is not None and not _only_grew(descriptor, status, known):
            known = None
        return _scan(descriptor, status, known, window, taker, stop, skip_lines)
    except OSError as error:
        raise SourceUnavailable(f"{path}: cannot be read: {error.strerror}") from None
    finally:
        os.close(descriptor)


def open_regular(path: Path) -> int:
    """A descriptor of a regular file; a pipe or device is refused instead of waited for.

    Raises:
        SourceUnavailable: In words what is wrong.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        why = {errno.ENOENT: "no such file", errno.EACCES: "permission denied: let your user read it"}
        raise SourceUnavailable(f"{path}: {why.get(error.errno or 0, error.strerror)}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise SourceUnavailable(f"{path}: no regular file")
    return descriptor


def head_line(path: Path) -> bytes:
    """The first line, without its end; what follows the first `BLOCK` bytes is cut.

    Raises:
        SourceUnavailable: It cannot be opened or read.
    """
    descriptor = open_regular(path)
    try:
        start = os.pread(descriptor, 8192, 0)
        if b"\n" not in start:
            start = os.pread(descriptor, BLOCK, 0)
        return start.split(b"\n", 1)[0].rstrip(b"\r")
    except OSError as error:
        raise SourceUnavailable(f"{path}: cannot be read: {error.strerror}") from None
    finally:
        os.close(descriptor)


def _only_grew(descriptor: int, status: os.stat_result, known: Index) -> bool:
    if (status.st_dev, status.st_ino) != (known.device, known.inode) or status.st_size < known.covered:
        return False
    return status.st_mtime_ns == known.modified_ns or _edges(descriptor, known.covered) == known.edges


def _edges(descriptor: int, covered: int) -> bytes:
    size = min(FINGERPRINT, covered)
    return blake2b(os.pread(descriptor, size, 0) + os.pread(descriptor, size, covered - size)).digest()


def _scan(
    descriptor: int,
    status: os.stat_result,
    known: Index | None,
    window: Window,
    taker: Taker,
    stop: threading.Event,
    skip_lines: int,
) -> Scan:
    blocks: list[Block] = []
    bytes_read = 0
    line = 1
    for block in known.blocks if known is not None else ():
        _check(stop)
        if block.facts.earliest <= window.end and block.facts.latest >= window.start:
            data = os.pread(descriptor, block.size, block.offset)
            bytes_read += len(data)
            if block.offset == 0:
                data = _without_header(data, skip_lines)
            taker.take(data, line + (skip_lines if block.offset == 0 else 0))
        blocks.append(block)
        line += block.facts.lines
    offset = blocks[-1].offset + blocks[-1].size if blocks else 0
    rest = b""
    for piece in _pieces(descriptor, offset):
        _check(stop)
        bytes_read += piece.size
        if not piece.whole:
            rest = piece.data
            break
        skipped = skip_lines if piece.offset == 0 else 0
        facts = Facts(skipped) + taker.take(_without_header(piece.data, skipped), line + skipped)
        blocks.append(Block(piece.offset, piece.size, facts))
        line += facts.lines
        offset = piece.offset + piece.size
    total = sum((block.facts for block in blocks), Facts())
    if rest and time.time() - status.st_mtime > SETTLED_S:
        skipped = skip_lines if offset == 0 else 0
        total = total + taker.take(_without_header(rest + b"\n", skipped), line + skipped)
    edges = _edges(descriptor, offset)
    index = Index(status.st_dev, status.st_ino, status.st_mtime_ns, offset, edges, tuple(blocks))
    return Scan(index, total, bytes_read)


def _check(stop: threading.Event) -> None:
    if stop.is_set():
        raise Stopped("no longer wanted")


def _without_header(data: bytes, lines: int) -> bytes:
    for _ in range(lines):
        data = data.partition(b"\n")[2]
    return data


@dataclass(frozen=True, slots=True)
class _Piece:
    offset: int
    size: int
    data: bytes
    whole: bool
    """False: a last line without its line feed."""


NOT_UNDERSTOOD = b"\x00\n"
"""Stands for an over-long line: its length is kept, its text is not."""


def _pieces(descriptor: int, offset: int) -> Iterator[_Piece]:
    carried = b""
    while True:
        chunk = os.pread(descriptor, BLOCK, offset + len(carried))
        data = carried + chunk
        cut = data.rfind(b"\n") + 1
        if cut:
            yield _Piece(offset, cut, data[:cut], True)
            offset, carried = offset + cut, data[cut:]
        elif len(data) > MOST_LINE:
            end = _next_line(descriptor, offset + len(data))
            if end is None:
                return
            yield _Piece(offset, end - offset, NOT_UNDERSTOOD, True)
            offset, carried = end, b""
        else:
            carried = data
        if not chunk:
            if carried:
                yield _Piece(offset, len(carried), carried, False)
            return


def _next_line(descriptor: int, offset: int) -> int | None:
    """Where the line after the one that holds `offset` starts; None where the file ends before."""
    while chunk := os.pread(descriptor, BLOCK, offset):
        found = chunk.find(b"\n")
        if found >= 0:
            return offset + found + 1
        offset += len(chunk)
    return None
