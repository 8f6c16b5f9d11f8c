"""Work on whole blocks by numpy, which takes a tenth of a second to load: only where very much is read.

Each function gives what its plain counterpart gives, or nothing where it cannot take the input in its stride.
"""

from __future__ import annotations

import ctypes
import functools
import os
import re
from collections.abc import Callable, Sequence
from typing import Any

BULK = 32 << 20
"""Bytes to read from which on loading numpy pays."""
_FEWEST = 256
_SHORT = 128 << 10
"""Bytes below which numpy gains nothing, and lets other threads go first."""
_STAMP = re.compile(rb"\d{4}[-/.]\d\d[-/.]\d\d[T _]\d\d:\d\d:\d\d(?:[.,:](\d{1,9}))?(.*)", re.S)
_MINUTE = 17
"""Characters of a stamp up to its seconds."""
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""`M_TRIM_THRESHOLD` and `M_MMAP_THRESHOLD` of glibc's malloc.h."""
_numpy: Any = None


def load(size: int) -> None:
    """Use numpy from now on, if so many bytes are to be read that it pays."""
    global _numpy
    if _numpy is not None or size < BULK:
        return
    # Nothing here calculates with matrices, and a thread for every core would each reserve memory for it.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        import numpy  # see above
    except (ImportError, MemoryError):
        return  # everything works without it, only slower
    _numpy = numpy
    keep_memory()


@functools.cache
def keep_memory() -> None:
    """Let freed blocks stay with this process, up to 64 MB: the C library of Linux gives each back to the system, and getting the
    next one page by page costs a third of the time of reading it."""
    try:
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, 32 << 20)
        library.mallopt(_TRIM_THRESHOLD, 64 << 20)
    except (OSError, AttributeError):
        pass  # another system's library


def loaded() -> Any:
    """numpy, where it is used; else None."""
    return _numpy


def line_breaks(text: bytes) -> int:
    """How many there are."""
    if _numpy is None or len(text) < _SHORT:
        return text.count(b"\n")
    return int(_numpy.count_nonzero(_numpy.frombuffer(text, _numpy.uint8) == 10))


def lines_of_objects(text: bytes) -> tuple[int, bool]:
    """How many lines a text has, and whether every line break in it stands between a closing and an opening brace.

    Args:
        text: Begins and ends with other characters than a line break.
    """
    if _numpy is None or len(text) < _SHORT:
        breaks = text.count(b"\n")
        return breaks + 1, text.count(b"}\n{") == breaks
    characters = _numpy.frombuffer(text, _numpy.uint8)
    places = _numpy.flatnonzero(characters == 10)
    apart = (characters[places - 1] == 125) & (characters[places + 1] == 123)
    return len(places) + 1, bool(apart.all())


def instants(
    stamps: Sequence[str] | Sequence[bytes], zone: bytes, minute: Callable[[str], float]
) -> list[float] | None:
    """The instants of ISO-like stamps that are all of one length and in one zone; None where they are not.

    Args:
        stamps: As they stand in lines.
        zone: What stands behind their fraction.
        minute: The instant of a stamp's first 17 characters; raises ValueError where there is none.
    """
    if _numpy is None or len(stamps) < _FEWEST:
        return None
    try:
        first = stamps[0]
        joined = "".join(stamps).encode("ascii") if isinstance(first, str) else b"".join(stamps)  # type: ignore[arg-type]
        begin = first.encode("ascii") if isinstance(first, str) else first
    except (TypeError, UnicodeEncodeError, AttributeError):
        return None
    shape = _STAMP.fullmatch(begin)
    if shape is None or shape[2] != zone or len(joined) != len(stamps) * len(begin):
        return None
    rows = _numpy.frombuffer(joined, _numpy.uint8).reshape(len(stamps), len(begin))
    variable = [48 <= byte < 58 for byte in begin[: len(begin) - len(zone)]] + [False] * len(zone)
    digits = rows[:, variable] - 48
    constant = [not one for one in variable]
    if not ((digits < 10).all() and (rows[:, constant] == rows[0, constant]).all()):
        return None
    changes = _numpy.flatnonzero((rows[1:, :_MINUTE] != rows[:-1, :_MINUTE]).any(axis=1)) + 1
    if len(changes) * 8 > len(stamps):
        return None
    begins = [0, *changes.tolist()]
    try:
        minutes = [minute(begin_of(stamps[one])) for one in begins]
    except ValueError:
        return None
    seconds = digits[:, 12].astype(_numpy.float64) * 10 + digits[:, 13]
    if (seconds >= 60).any():
        return None
    lengths = _numpy.diff([*begins, len(stamps)])
    found = _numpy.repeat(_numpy.array(minutes), lengths) + seconds
    if shape[1]:
        size = len(shape[1])
        weights = _numpy.array([10 ** (8 - place) for place in range(size)], _numpy.int64)
        found += (digits[:, 14 : 14 + size].astype(_numpy.int64) @ weights) / 1e9
    result: list[float] = found.tolist()
    return result


def begin_of(stamp: str | bytes) -> str:
    """A stamp up to its seconds, as text."""
    head = stamp[:_MINUTE]
    return head if isinstance(head, str) else head.decode("ascii")
