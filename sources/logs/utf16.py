"""Growing files in UTF-16: their bytes as UTF-8, and where a place of the one stands in the other.

What is read of a file has its place in the UTF-8 text without the byte order mark, as `sources.logs.reading` gives it too.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator

from sources.logs.reading import UTF_16

_PIECE = 1 << 20
MARK = 2
"""Bytes of the byte order mark, as of every character or half of a pair."""

ReadAt = Callable[[int, int], bytes]
"""Bytes of a file: how many, and from where on."""


class Decoder:
    """Gives UTF-8 for the bytes of one file, piece by piece; a character that is cut waits for its other half."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")

    def text(self, data: bytes) -> bytes:
        """The next piece; what cannot be read is shown as such."""
        return self._decoder.decode(data).encode("utf-8", "replace")


def encoding_of(begin: bytes) -> str:
    """Of a file with these first bytes: `utf-16-le`, `utf-16-be`, or empty where it is none."""
    return UTF_16.get(begin[:MARK], "")


def text_of(head: bytes) -> bytes:
    """The first bytes of a file as text; the same where they are not in UTF-16."""
    encoding = encoding_of(head)
    return Decoder(encoding).text(head[MARK:]) if encoding else head


def behind_last_line(data: bytes, encoding: str) -> int:
    """Where the last line break of some bytes of a file ends; 0 where there is none.

    Args:
        data: In UTF-16 beginning with a whole character.
        encoding: Empty where it is not UTF-16.
    """
    if not encoding:
        return data.rfind(b"\n") + 1
    line_break = "\n".encode(encoding)
    at = data.rfind(line_break)
    while at % MARK == 1:  # made of the halves of two characters
        at = data.rfind(line_break, 0, at + 1)
    return at + len(line_break) if at >= 0 else 0


def text_length(read: ReadAt, encoding: str, end: int) -> int:
    """Bytes of text that stand before byte `end` of the file."""
    decoder = Decoder(encoding)
    return sum(len(decoder.text(piece)) for piece in _pieces(read, end))


def byte_of(read: ReadAt, encoding: str, text: int) -> int | None:
    """The byte of the file at which a character of the text begins; None: the file is shorter."""
    decoder, at, passed = Decoder(encoding), MARK, 0
    for piece in _pieces(read, 1 << 62):
        said = decoder.text(piece)
        if passed + len(said) >= text:
            before = said[: text - passed].decode("utf-8", "replace")
            return at + len(before.encode(encoding, "surrogatepass"))
        at, passed = at + len(piece), passed + len(said)
    return MARK if text == 0 else None


def _pieces(read: ReadAt, end: int) -> Iterator[bytes]:
    """The bytes behind the mark and before `end`."""
    at = MARK
    while at < end and (piece := read(min(_PIECE, end - at), at)):
        yield piece
        at += len(piece)
