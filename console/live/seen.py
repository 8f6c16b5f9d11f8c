"""What the console saw, kept in the case: every few seconds the state on the screen, without its secrets, to be replayed.

One file for each console that was open. A state is a header (length and moment) and a compressed JSON document, never a
pickle: somebody else's case can be replayed without trusting it. A file that ends within a state was cut by a stop, and the
states before it stand.
"""

from __future__ import annotations

import functools
import os
import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from console.case.events import cleaned
from console.case.key import keyed_by
from console.domain.instant import Instant
from console.domain.values import dataclass
from console.guard.private import open_private, private_folder
from console.guard.redact import key_in_use, redact_wholly
from console.state import ConsoleState

FOLDER, SUFFIX = "seen", ".states"
EVERY_S = 10.0
MOST_RECORDS = 60
"""Log lines of a state that are kept; the newest."""
MOST_BYTES = 256 << 20
"""Of one case; then nothing more is recorded, and the console says so."""
MOST_STATE = 32 << 20
_HEAD = struct.Struct(">Id")
_LEVEL = 6


class NotRecorded(Exception):
    """What is seen cannot be kept; the text says why."""


@functools.lru_cache(maxsize=8192)
def _redacted(text: str, key: bytes) -> str:
    """By the key that is in use, which the tokens come from."""
    return redact_wholly(text)


def without_secrets(value: Any) -> Any:
    """As `redact_json`; most texts of a state stood in the one before too, so that they are looked at once."""
    return _without_secrets(value, key_in_use())


def _without_secrets(value: Any, by: bytes) -> Any:
    if isinstance(value, str):
        return _redacted(value, by) if len(value) > 5 else value
    if isinstance(value, dict):
        return {key: _without_secrets(inner, by) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_secrets(inner, by) for inner in value]
    return value


def packed(state: ConsoleState) -> bytes:
    """A state as it is kept."""
    slim = replace(state, logs=replace(state.logs, records=state.logs.records[-MOST_RECORDS:]), details=())
    if slim.diagnosis is not None:
        slim = replace(slim, diagnosis=replace(slim.diagnosis, pattern_names={}))
    document = msgspec.json.encode(without_secrets(msgspec.to_builtins(slim, builtin_types=(), str_keys=True)))
    return zstandard.ZstdCompressor(level=_LEVEL).compress(document)


def unpacked(data: bytes) -> ConsoleState:
    """A state that was kept, its text made safe to show.

    Raises:
        ValueError: It is none.
    """
    try:
        document = zstandard.ZstdDecompressor().decompress(data, max_output_size=MOST_STATE)
        return msgspec.convert(cleaned(msgspec.json.decode(document)), ConsoleState, strict=False)
    except (zstandard.ZstdError, msgspec.MsgspecError, TypeError, ValueError) as error:
        raise ValueError(f"no state of this program: {error}") from None


class Recorder:
    """Keeps what one console sees.

    Args:
        folder: Of the case.
        author: Whose console it is.
        now: When it began; names the file.
    """

    def __init__(self, folder: Path, author: str, now: Instant) -> None:
        self.folder = folder
        self._folder = folder / FOLDER
        self._path = self._folder / f"{int(now)}-{author}-{os.getpid()}{SUFFIX}"
        self._last: Instant = float("-inf")

    def due(self, now: Instant) -> bool:
        """Whether it is time for the next state."""
        return now - self._last >= EVERY_S

    def keep(self, state: ConsoleState) -> None:
        """Keep one state.

        Raises:
            NotRecorded: It cannot be kept.
        """
        self._last = state.now
        with keyed_by(self.folder):
            data = packed(state)
        try:
            private_folder(self._folder)
            if sum(path.stat().st_size for path in self._folder.iterdir()) > MOST_BYTES:
                raise NotRecorded(f"{MOST_BYTES >> 20} MiB were recorded in this case: nothing more is")
            descriptor = open_private(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            try:
                whole = _HEAD.pack(len(data), state.now) + data
                size = os.fstat(descriptor).st_size
                if os.write(descriptor, whole) != len(whole):
                    os.ftruncate(descriptor, size)
                    raise NotRecorded("the disk is full")
            finally:
                os.close(descriptor)
        except OSError as error:
            raise NotRecorded(f"{error.strerror} ({self._path})") from None


@dataclass(frozen=True, slots=True)
class Frame:
    """Where one state lies."""

    at: Instant
    path: Path
    offset: int
    length: int

    def load(self) -> ConsoleState:
        """The state.

        Raises:
            OSError, ValueError: It cannot be read.
        """
        with self.path.open("rb") as file:
            file.seek(self.offset)
            return unpacked(file.read(self.length))


def frames(folder: Path) -> list[Frame]:
    """Every state that was kept in a case, by its moment; those of several consoles one among the other."""
    found = [frame for path in sorted((folder / FOLDER).glob(f"*{SUFFIX}")) for frame in _frames_of(path)]
    return sorted(found, key=lambda frame: frame.at)


def _frames_of(path: Path) -> Iterator[Frame]:
    size = path.stat().st_size
    with path.open("rb") as file:
        place = 0
        while place + _HEAD.size <= size:
            file.seek(place)
            length, at = _HEAD.unpack(file.read(_HEAD.size))
            start = place + _HEAD.size
            if start + length > size or length > MOST_STATE or not 0 <= at < 1e11:
                return  # cut by a stop, or no file of ours
            yield Frame(at, path, start, length)
            place = start + length


def frame_at(found: list[Frame], at: Instant) -> Frame | None:
    """The newest state that was seen by then; None: there is none that early."""
    place = bisect_right(found, at, key=lambda frame: frame.at)
    return found[place - 1] if place else None
