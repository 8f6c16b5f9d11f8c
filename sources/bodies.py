"""Bodies of answers, bounded twice: as they come, and as they unfold. 306 KB of gzip can unfold to 300 MB."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator

from sources.base import SourceGarbage

MOST_RAW = 8 << 20
MOST_DECODED = 32 << 20
PIECE = 256 << 10
"""Unfolded at once, so that a bomb never needs the memory of the cap twice."""
BOMB_FROM = 4 << 20
BOMB_RATIO = 200
"""Metrics and logs fold by 10 to 50; what folds by more than this and is not small was made to hurt."""


async def bounded(
    chunks: AsyncIterator[bytes],
    encoding: str,
    where: str,
    *,
    most_raw: int = MOST_RAW,
    most_decoded: int = MOST_DECODED,
) -> tuple[bytes, int]:
    """The decoded body, and how many bytes came over the network.

    Args:
        encoding: The `Content-Encoding` header; only gzip was asked for.
        where: For messages.

    Raises:
        SourceGarbage: It is larger than a cap, cut, or in an encoding that nobody asked for.
    """
    form = encoding.strip().lower()
    if form in ("", "identity"):
        return await _plain(chunks, where, most_raw)
    if form in ("gzip", "x-gzip"):
        return await _gzip(chunks, where, most_raw, most_decoded)
    raise SourceGarbage(f"{where}: the answer is encoded as {encoding}, and only gzip was asked for")


async def _plain(chunks: AsyncIterator[bytes], where: str, most: int) -> tuple[bytes, int]:
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > most:
            raise SourceGarbage(f"{where}: the answer is larger than {most >> 20} MB and was not read to its end")
    return bytes(body), len(body)


async def _gzip(chunks: AsyncIterator[bytes], where: str, most_raw: int, most_decoded: int) -> tuple[bytes, int]:
    body = bytearray()
    raw = 0
    member = zlib.decompressobj(16 + zlib.MAX_WBITS)
    started = False
    async for chunk in chunks:
        raw += len(chunk)
        if raw > most_raw:
            raise SourceGarbage(f"{where}: the answer is larger than {most_raw >> 20} MB and was not read to its end")
        while chunk:
            if member.eof:
                member = zlib.decompressobj(16 + zlib.MAX_WBITS)
            started = True
            try:
                # One byte over the cap is enough to know; the rest stays compressed and is thrown away.
                body += member.decompress(chunk, min(PIECE, most_decoded + 1 - len(body)))
            except zlib.error as error:
                raise SourceGarbage(f"{where}: the answer is no valid gzip: {error}") from None
            if len(body) > most_decoded or (len(body) > BOMB_FROM and len(body) > BOMB_RATIO * raw):
                raise SourceGarbage(
                    f"{where}: the answer unfolds to more than {len(body) >> 20} MB and was not read to its end"
                )
            chunk = member.unused_data if member.eof else member.unconsumed_tail
    if started and not member.eof:
        raise SourceGarbage(f"{where}: the answer ends in the middle of its gzip stream")
    return bytes(body), raw
