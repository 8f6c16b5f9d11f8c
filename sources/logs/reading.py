"""Blocks of complete lines from plain and compressed files, bounded in bytes whatever the file holds.

A live file is read with `pread` and never mapped: reading a mapping whose file was truncated kills the process.
"""

from __future__ import annotations

import bz2
import codecs
import lzma
import os
import re
import stat
import zlib
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any

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
_PIECE = 1 << 10
"""Compressed bytes taken at once. What a library made of a piece is lost where the piece is damaged, so that it is small; and
zstd, which cannot be told how much to give, makes at most 32 MiB of one."""
_GZIP = 16 + zlib.MAX_WBITS
"""Tells zlib that a gzip header stands in front."""


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
        self._torn = False
        """What came out of the archive ends in the middle of a line, which would be taken for a whole one."""
        self._fd = open_regular(file.path)
        self.size = os.fstat(self._fd).st_size
        begin = self.pread(_LONGEST_MAGIC, 0)
        self.compression = _compression(begin)
        """`.gz`, `.zst`, `.bz2`, `.xz` or empty, by its first bytes: its name may be wrong."""
        self.streamed = bool(self.compression) or begin[:2] in UTF_16
        """Whether it is read from its beginning only, through a decompressor or decoder; offsets are those of what comes out."""
        self._begin = len(_UTF_8_MARK) if begin.startswith(_UTF_8_MARK) else 0

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

    def pread_into(self, target: memoryview, offset: int) -> None:
        """As `pread`, into memory that is there already; what the file does not have is left as it was."""
        try:
            self.bytes_read += os.preadv(self._fd, [target], offset)
        except OSError as error:
            raise SourceUnavailable(f"{self.file.path}: {(error.strerror or 'cannot be read').lower()}") from None

    def descriptor(self) -> int:
        """Of the file, whose own position is free to be used: everything here is read from given places."""
        return self._fd

    def another_descriptor(self) -> int:
        """A descriptor of the file with a position of its own, for who asks to close.

        Raises:
            OSError: It cannot be opened, or its path leads to another file by now.
        """
        try:
            descriptor = open_regular(self.file.path)
        except SourceUnavailable as error:
            raise FileNotFoundError(str(error)) from None
        if not os.path.samestat(os.fstat(descriptor), os.fstat(self._fd)):
            os.close(descriptor)
            raise FileNotFoundError(self.file.path)
        return descriptor

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
            pieces = self._expanded() if self.compression else self._plain(0, BLOCK)
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

    def outlines(self, start: int, end: int) -> list[tuple[int, int]] | None:
        """Where the blocks of a part begin and how long they are, mostly without reading them; None where a line is too long
        for that. For files that are not `streamed`.

        Args:
            start, end: As for `blocks`.
        """
        found: list[tuple[int, int]] = []
        position = max(start, self._begin)
        while position + BLOCK < min(end, self.size):
            length = self._whole_lines(position, BLOCK)
            if not length:
                return None
            found.append((position, length))
            position += length
        return found + [(offset, len(block)) for offset, block in self.blocks(position, end)]

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
        if rest and position < end and not self._torn:
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
        produced, gathered = 0, bytearray()
        unpacked = self._unpacked()
        while True:
            try:
                piece = next(unpacked, None)
            except (OSError, EOFError, ValueError, MemoryError, zlib.error, lzma.LZMAError) as error:
                piece = None
                self._damaged(error)
            except Exception as error:  # zstandard raises its own class, imported only where needed
                if type(error).__name__ != "ZstdError":
                    raise
                piece = None
                self._damaged(error)
            gathered += piece or b""
            if gathered and (piece is None or len(gathered) >= BLOCK):
                produced += len(gathered)
                self.bytes_read += len(gathered)
                yield bytes(gathered)
                gathered.clear()
            if piece is None:
                return
            if produced > allowed:
                self.stopped = f"{safe(self.file.path)}: expands to more than {allowed >> 20} MiB from {self.size} bytes; read up to there"
                return

    def _damaged(self, error: Exception) -> None:
        """Note that the archive cannot be read further; the whole lines that came out before are read."""
        self._torn = True
        self.stopped = f"{safe(self.file.path)}: damaged ({safe(str(error), 80)}); read up to there"

    def _unpacked(self) -> Iterator[bytes]:
        """What the archive holds, stream after stream. Zeros behind one are padding; anything else is no part of it.

        Raises:
            EOFError: It ends in the middle of a stream.
            Exception: What the decompressor raises; everything before the damage was given.
        """
        data, offset, streams = b"", 0, 0
        while True:
            while len(data) < _LONGEST_MAGIC and (more := self.pread(_PIECE, offset)):
                offset += len(more)
                data = (data + more).lstrip(b"\0") if streams else data + more
            if not data:
                return
            if _compression(data) != self.compression:
                self.stopped = (
                    f"{safe(self.file.path)}: what stands behind its last stream is no part of it and was left out"
                )
                return
            stream = _decompressor(self.compression)
            streams += 1
            while True:
                yield from _output(self.compression, stream, data)
                if stream.eof:
                    data = stream.unused_data.lstrip(b"\0")
                    break
                data = self.pread(_PIECE, offset)
                offset += len(data)
                if not data:
                    raise EOFError("it ends in the middle")


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
    # A file truncated under a writer that does not append begins with zeros, and one that was open when the machine stopped
    # has them in its middle; they say nothing about the text around them.
    text = _ZEROS.sub(b"", head)[:8192]
    controls = len(text) - len(text.translate(None, _CONTROLS))
    if controls > len(text) * 0.1:
        raise SourceGarbage(f"{path}: is not text")


_ZEROS = re.compile(rb"\0{16,}")
"""More than stand between the letters of any encoding."""
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


_MAGIC = {b"\x1f\x8b": ".gz", b"BZh": ".bz2", b"\xfd7zXZ\0": ".xz", b"\x28\xb5\x2f\xfd": ".zst"}
"""First bytes of compressed streams."""
_LONGEST_MAGIC = 6
_SKIPPED = b"\x2a\x4d\x18"
"""Second to fourth byte of a frame that zstd passes over; the first is 0x50 to 0x5f."""


def _compression(begin: bytes) -> str:
    """How a file or a part of it is compressed, by its first bytes; empty: not."""
    if begin[1:4] == _SKIPPED and begin[0] >> 4 == 5:
        return ".zst"
    return next((ending for magic, ending in _MAGIC.items() if begin.startswith(magic)), "")


def _decompressor(ending: str) -> Any:
    """For one stream."""
    if ending == ".gz":
        return zlib.decompressobj(_GZIP)
    if ending == ".bz2":
        return bz2.BZ2Decompressor()
    if ending == ".xz":
        return lzma.LZMADecompressor(lzma.FORMAT_XZ)
    import zstandard  # only where a .zst is read

    return zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()


def _output(ending: str, stream: Any, data: bytes) -> Iterator[bytes]:
    """What comes out for a piece of what goes in, at most about a block at a time where the library can be told so."""
    if ending in (".bz2", ".xz"):
        yield stream.decompress(data, BLOCK)
        while not (stream.eof or stream.needs_input):
            yield stream.decompress(b"", BLOCK)
    elif ending == ".gz":
        while data and not stream.eof:
            yield stream.decompress(data, BLOCK)
            data = stream.unconsumed_tail
    else:
        yield stream.decompress(data)
