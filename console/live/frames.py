"""Values over a pipe between two processes of this program: a length, then a pickle. Nobody else can write there."""

from __future__ import annotations

import asyncio
import pickle
import struct
from typing import Any

_LENGTH = struct.Struct(">Q")
MOST_BYTES = 1 << 30


def framed(value: object) -> bytes:
    """The bytes of one value."""
    body = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(body)) + body


async def read_value(reader: asyncio.StreamReader) -> Any:
    """The next value.

    Raises:
        EOFError: The other side is gone.
    """
    try:
        (size,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if size > MOST_BYTES:
            raise EOFError
        return pickle.loads(await reader.readexactly(size))
    except (asyncio.IncompleteReadError, ConnectionError, pickle.UnpicklingError):
        raise EOFError from None
