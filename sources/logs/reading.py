"""Blocks of complete lines from plain and compressed files, bounded in bytes whatever the file holds.

A live file is read with `pread` and never mapped: reading a mapping whose file was truncated kills the process.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import os
import stat
import zlib
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import IO, Any

from console.guard.sanitise import safe
from sources.base import SourceGarbage, SourceUnavailable
from sources.logs.formats.base import LONGEST_LINE
from sources.logs.inputs import LogFile

BLOCK = 1 << 20
_NEAR_END = 4096
SAMPLE = 64 << 10
MOST_RATIO = 400
"""A compressed file that expands by more is taken for a bomb; logs compress by 5 to 100."""
RATIO_FLOOR = 64 << 20
"""Bytes that any compressed file may expand to."""
MOST_EXPANDED = 8 << 30


class Reader:
    """One open file. `cut_lines` counts lines longer than 1 MiB, of which the beginning was read."""

    def __init__(self, file: LogFile) -> None:
        """
        Raises:
            SourceUnavailable: It cannot be opened, or is not a regular file any more.
        """
        self.file = file
        self.cut_lines = 0
        self.bytes_read = 0
        self.stopped = ""
        """Why the file was not read to its end; empty where it was."""
        self._fd = open_regular(file.path)
        self.size = os.fstat(self._fd).st_size
        begin = b"" if file.compression else self.pread(3, 0)
        self.streamed = bool(file.compression) or begin[:2] in UTF_16
        """Whether it is read from its beginning only, through a decompressor or decoder; offsets are those of what comes out."""
        self._begin = len(_UTF_8_MARK) if begin == _UTF_8_MARK else 0

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the descriptor back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def pread(self, length: int, offset: int) -> bytes:
        """Bytes at a place; fewer where the file ends, which a truncated file may do earlier than its size said."""
        try:
            data = os.pread(self._fd, length, offset)
        except OSError as error:
            raise SourceUnavailable(f"{self.file.path}: {(error.strerror or 'cannot be read').lower()}") from None
        self.bytes_read += len(data)
        return data

    def descriptor(self) -> int:
        """Of the file, whose own position is free to be used: everything here is read from given places."""
        return self._fd

    def head(self, length: int = SAMPLE) -> bytes:
        """The first bytes, decompressed."""
        if not self.streamed:
            return self.pread(length, self._begin)
        for _, block in self.blocks(0, self.size):
            return block[:length]
        return b""

    def blocks(self, start: int, end: int, size: int | None = None) -> Iterator[tuple[int, bytes]]:
        """Blocks of complete lines with their offsets; the last may lack its line break.

        Args:
            start: Must be the beginning of a line. For a file that is `streamed`: 0.
            end: No line that begins here or later is given.
            size: About how long a block is; default: `BLOCK`.
        """
        if self.streamed:
            pieces = self._expanded() if self.file.compression else self._plain(0, BLOCK)
            yield from self._joined(_as_utf_8(pieces), 0, end)
            return
        size = size or BLOCK
        position = max(start, self._begin)
        while position + size < min(end, self.size) and (length := self._whole_lines(position, size)):
            data = self.pread(length, position)
            if len(data) < length or not data.endswith(b"\n"):
                break  # it is being rewritten
            yield position, data
            position += length
        yield from self._joined(self._plain(position, size), position, end)

    def _whole_lines(self, offset: int, size: int) -> int:
        """The length of the whole lines that fill most of a block; 0 where the last line is a long one.

        Reading just these spares copying every block to cut off its last line.
        """
        near = self.pread(_NEAR_END, offset + size - _NEAR_END)
        cut = near.rfind(b"\n")
        return size - _NEAR_END + cut + 1 if cut >= 0 else 0

    def _joined(self, pieces: Iterable[bytes], position: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Blocks of complete lines from pieces of any length."""
        rest = b""
        skipping = False
        for piece in pieces:
            if skipping:
                cut = piece.find(b"\n")
                if cut < 0:
                    position += len(piece)
                    continue
                position += cut + 1
                piece = piece[cut + 1 :]
                skipping = False
            data = rest + piece if rest else piece
            last = data.rfind(b"\n")
            if last < 0:
                if len(data) > LONGEST_LINE:
                    self.cut_lines += 1
                    yield position, data[:LONGEST_LINE] + b"\n"
                    position += len(data)
                    rest, skipping = b"", True
                else:
                    rest = data
                continue
            whole, rest = data[: last + 1], data[last + 1 :]
            if position + len(whole) >= end:
                kept = _until(whole, end - position)
                if kept:
                    yield position, kept
                return
            yield position, whole
            position += len(whole)
        if rest and position < end:
            yield position, rest

    def _plain(self, start: int, size: int) -> Iterator[bytes]:
        offset = start
        while data := self.pread(size, offset):
            yield data
            offset += len(data)
        if offset < self.size:
            self.stopped = f"{safe(self.file.path)}: became shorter while it was read; read up to its new end"

    def _expanded(self) -> Iterator[bytes]:
        allowed = min(max(RATIO_FLOOR, self.size * MOST_RATIO), MOST_EXPANDED)
        produced = 0
        try:
            with _decompressor(self.file.compression, os.dup(self._fd)) as stream:
                while data := stream.read(BLOCK):
                    produced += len(data)
                    self.bytes_read += len(data)
                    yield data
                    if produced > allowed:
                        self.stopped = f"{safe(self.file.path)}: expands to more than {allowed >> 20} MiB from {self.size} bytes; read up to there"
                        return
        except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError) as error:
            self.stopped = f"{safe(self.file.path)}: damaged ({safe(str(error), 80)}); read up to there"
        except Exception as error:  # zstandard raises its own class, imported only where needed
            if type(error).__name__ != "ZstdError":
                raise
            self.stopped = f"{safe(self.file.path)}: damaged ({safe(str(error), 80)}); read up to there"


def open_regular(path: str) -> int:
    """A descriptor of a regular file, opened so that nothing else can block or be harmed.

    Raises:
        SourceUnavailable: Missing, not permitted, or not a regular file.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise SourceUnavailable(f"{path}: only regular files are read")
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        raise SourceUnavailable(f"{path}: {(error.strerror or 'cannot be opened').lower()}") from None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise SourceUnavailable(f"{path}: only regular files are read")
    return fd


def require_text(path: str, head: bytes) -> None:
    """Refuse what is not a log.

    Raises:
        SourceGarbage: Binary.
    """
    # A file truncated under a writer that does not append begins with zeros; they say nothing about the text after them.
    text = head.lstrip(b"\0")[:8192]
    controls = len(text) - len(text.translate(None, _CONTROLS))
    if controls > len(text) * 0.1:
        raise SourceGarbage(f"{path}: is not text")


_CONTROLS = bytes(b for b in range(32) if b not in b"\t\n\r\x1b\x0c\x08") + b"\x7f"


UTF_16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
"""Encodings by their byte order mark."""
_UTF_8_MARK = b"\xef\xbb\xbf"


def _as_utf_8(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same text without a byte order mark, and in UTF-8 where the mark is one of UTF-16."""
    decoder: codecs.IncrementalDecoder | None = None
    first = True
    for piece in pieces:
        if first:
            first = False
            encoding = UTF_16.get(piece[:2])
            if encoding is not None:
                decoder, piece = codecs.getincrementaldecoder(encoding)("replace"), piece[2:]
            piece = piece.removeprefix(_UTF_8_MARK)
        yield piece if decoder is None else decoder.decode(piece).encode("utf-8", "replace")


def _until(data: bytes, length: int) -> bytes:
    """The lines of `data` that begin before `length`."""
    if length <= 0:
        return b""
    cut = data.find(b"\n", length - 1)
    return data if cut < 0 else data[: cut + 1]


def _decompressor(ending: str, fd: int) -> _Owning:
    raw = os.fdopen(fd, "rb")
    raw.seek(0)
    if ending == ".gz":
        return _Owning(gzip.GzipFile(fileobj=raw), raw)
    if ending == ".bz2":
        return _Owning(bz2.BZ2File(raw), raw)
    if ending == ".xz":
        return _Owning(lzma.LZMAFile(raw), raw)
    import zstandard  # only where a .zst is read

    decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    return _Owning(decompressor.stream_reader(raw, read_across_frames=True), raw)


class _Owning(io.RawIOBase):
    """A decompressing stream that closes the file below it too."""

    def __init__(self, stream: Any, raw: IO[bytes]) -> None:
        self._stream = stream
        self._raw = raw

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._stream.read(size)
        return data

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
            self._raw.close()
        super().close()
