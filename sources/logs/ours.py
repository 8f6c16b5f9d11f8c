"""Where log lines are about requests of this program; see `console.domain.ours`."""

from __future__ import annotations

import ctypes
import re
from functools import cache
from typing import Any

from console.domain.ours import AGENT, TRACE

_MARKS = (AGENT.encode(), TRACE.encode())
_OURS = re.compile(rb"(?<![\w/.-])%s|(?<![0-9a-f])%s[0-9a-f]{20}(?![0-9a-f])" % _MARKS)
_LONG = 16 << 10
"""Bytes from which on the C library finds a text sooner than Python does, by two or three times."""


def places_of_ours(text: bytes) -> list[int]:
    """Where a text names this program as the one who asked, or the trace of a reproduction."""
    # Hardly any text holds a mark, and every one is looked through for them.
    return [match.start() for match in _OURS.finditer(text)] if any(_holds(text, mark) for mark in _MARKS) else []


def _holds(text: bytes, mark: bytes) -> bool:
    find = _memmem() if len(text) >= _LONG else None
    return mark in text if find is None else find(text, len(text), mark, len(mark)) is not None


@cache
def _memmem() -> Any:
    """`memmem` of the C library; None where there is none."""
    try:
        found = ctypes.CDLL(None).memmem
    except (OSError, AttributeError):
        return None
    found.restype = ctypes.c_void_p
    found.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    return found
