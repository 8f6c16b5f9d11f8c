"""A sparse index of a log file: of every 256 KiB of records, where they begin, how many, from when to when, how many by level.

It tells which parts of a file can hold records of a window, whatever order the file is in, and counts the parts that lie
wholly inside a bucket without reading them. It covers whole records only, and grows with its file. It is kept in a
folder of the user's own, and holds no text of the log: only numbers, and hashes by which a rewritten file is known.
"""

from __future__ import annotations

import hashlib
import math
import os
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heappop, heappush
from pathlib import Path

import msgspec

from console.domain.instant import Window
from console.domain.logs import Level
from sources.logs.batch import measured
from sources.logs.collect import Buckets
from sources.logs.formats.base import Format
from sources.logs.reading import Reader
from sources.logs.records import Tally
from sources.logs.spec import Spec

VERSION = 2
BLOCK = 256 << 10
SMALLEST = 4 << 20
"""Bytes of a file from which on it is indexed; a smaller one is read as quickly."""
KEPT_S = 30 * 86400.0
MOST_BLOCKS = 400_000
"""100 GB."""
_HEAD = 1024
_MOST_LOADED = 256
LEVELS = tuple(Level)


@dataclass(slots=True)
class Index:
    """What is known of a file's records up to `end`; all arrays are of one length, but `counts`, which has one row of levels each."""

    device: int
    inode: int
    form: str
    end: int = 0
    """Offset of the first record that is not covered."""
    head: bytes = b""
    """Hash of the first bytes."""
    tail: bytes = b""
    """Hash of the bytes before `end`."""
    begins: array[int] = field(default_factory=lambda: array("Q"))
    earliest: array[float] = field(default_factory=lambda: array("d"))
    latest: array[float] = field(default_factory=lambda: array("d"))
    counts: array[int] = field(default_factory=lambda: array("I"))
    unreadable: array[int] = field(default_factory=lambda: array("I"))
    """Lines that could not be read."""
    timeless: array[int] = field(default_factory=lambda: array("I"))
    """Records without a time."""

    def fits(self, reader: Reader, form: Format) -> bool:
        """Whether it is of this file, which only grew since."""
        if (self.device, self.inode) != reader.file.identity or self.form != form.name or reader.size < self.end:
            return False
        return (self.head, self.tail) == _hashes(reader, self.end)

    def extend(self, reader: Reader, form: Format, rest: Callable[[], None]) -> int:
        """Cover what the file has grown by; returns how many bytes that is.

        Args:
            reader: Of the file.
            form: Of its records.
            rest: Called after every block; what it raises ends the work.
        """
        before = self.end
        tally = Tally()
        for begin, batch, after in measured(form, reader.blocks(before, reader.size, BLOCK), tally):
            if len(self.begins) >= MOST_BLOCKS:
                break
            if after > begin:
                self.begins.append(begin)
                self.earliest.append(min(batch.times, default=math.inf))
                self.latest.append(max(batch.times, default=-math.inf))
                found = Counter([kind.level for kind in batch.kinds])
                self.counts.extend([found[level] for level in LEVELS])
                self.unreadable.append(tally.unreadable)
                self.timeless.append(tally.timeless)
                tally.unreadable = tally.timeless = 0
                self.end = after
            rest()
        self.head, self.tail = _hashes(reader, self.end)
        return self.end - before

    def ranges(self, window: Window, size: int, levels: Collection[Level] | None = None) -> list[tuple[int, int]]:
        """The parts of a file of this size that can hold records of the window and of some levels, of any where None is given, in
        its order; the uncovered end is one."""
        return self._parts([place for place in self._touched(window) if self._count(place, levels)], size)

    def split(
        self, window: Window, buckets: Buckets, size: int
    ) -> tuple[list[tuple[int, int]], Iterator[tuple[int, dict[Level, int]]]]:
        """The parts of a file of this size that must be read for counts and the newest records, and the buckets and counts of those
        that need not be."""
        whole: dict[int, int] = {}
        touched = list(self._touched(window))
        for place in touched:
            first, latest = self.earliest[place], self.latest[place]
            inside = first >= window.start and latest < window.end
            if inside and (bucket := buckets.bucket_of(first)) == buckets.bucket_of(latest):
                whole[place] = bucket
        for place in self._newest(whole, buckets.levels, buckets.newest):
            del whole[place]
        parts = self._parts([place for place in touched if place not in whole], size)
        return parts, ((bucket, self._levels(place)) for place, bucket in whole.items())

    def passed_over(self, window: Window, parts: Iterable[tuple[int, int]]) -> Tally:
        """What was met beside records in the blocks that can hold records of a window and are not read.

        Args:
            parts: What is read, as `ranges` or `split` told.
        """
        met = Tally()
        read = iter(parts)
        begin = end = -1
        for place in self._touched(window):
            while end <= self.begins[place]:
                begin, end = next(read, (1 << 62, 1 << 63))
            if self.begins[place] < begin:
                met.unreadable += self.unreadable[place]
                met.timeless += self.timeless[place]
        return met

    def _touched(self, window: Window) -> Iterator[int]:
        """The blocks that can hold records of a window, in the order of the file."""
        for place, (first, latest) in enumerate(zip(self.earliest, self.latest, strict=True)):
            if first < window.end and latest >= window.start:
                yield place

    def _newest(self, places: Iterable[int], levels: Collection[Level], number: int) -> list[int]:
        """Of some blocks those that hold so many of their newest records of some levels."""
        found: list[int] = []
        later: list[tuple[float, int]] = []
        """Minus the earliest stamp of a block that was found, and how many it has: the block that begins latest first."""
        for place in sorted(places, key=self.latest.__getitem__, reverse=True) if number else ():
            # Of the blocks found, those that begin behind this one's end hold nothing older than what it holds.
            while later and -later[0][0] > self.latest[place]:
                number -= heappop(later)[1]
            if number <= 0:
                break
            if count := self._count(place, levels):
                found.append(place)
                heappush(later, (-self.earliest[place], count))
        return found

    def _parts(self, places: Iterable[int], size: int) -> list[tuple[int, int]]:
        """Where some blocks lie in a file of this size; its uncovered end is one more."""
        parts: list[tuple[int, int]] = []
        for place in places:
            _append(parts, self.begins[place], self._after(place))
        if size > self.end:
            _append(parts, self.end, size)
        return parts

    def _count(self, place: int, levels: Collection[Level] | None) -> int:
        """How many records of some levels a block has."""
        return sum(count for level, count in self._levels(place).items() if levels is None or level in levels)

    def beyond(self, at: float) -> tuple[int, float] | None:
        """How many records stand in blocks that begin at an instant or later, and the earliest stamp; None where none do."""
        places = [place for place, first in enumerate(self.earliest) if at <= first < math.inf]
        if not places:
            return None
        return sum(sum(self._levels(place).values()) for place in places), min(self.earliest[p] for p in places)

    def _after(self, place: int) -> int:
        return self.begins[place + 1] if place + 1 < len(self.begins) else self.end

    def _levels(self, place: int) -> dict[Level, int]:
        row = self.counts[place * len(LEVELS) : (place + 1) * len(LEVELS)]
        return {level: count for level, count in zip(LEVELS, row, strict=True) if count}


def _append(parts: list[tuple[int, int]], begin: int, end: int) -> None:
    """Add a part, as one with the part before where they touch."""
    if parts and parts[-1][1] == begin:
        parts[-1] = (parts[-1][0], end)
    else:
        parts.append((begin, end))


def _hashes(reader: Reader, end: int) -> tuple[bytes, bytes]:
    size = min(_HEAD, end)
    return tuple(hashlib.sha256(reader.pread(size, at)).digest() for at in (0, end - size))  # type: ignore[return-value]


class _Stored(msgspec.Struct, array_like=True):
    """An index in its file; MessagePack."""

    version: int
    device: int
    inode: int
    form: str
    end: int
    head: bytes
    tail: bytes
    begins: bytes
    earliest: bytes
    latest: bytes
    counts: bytes
    unreadable: bytes
    timeless: bytes


_ARRAYS = ("begins", "earliest", "latest", "counts", "unreadable", "timeless")
_decoder = msgspec.msgpack.Decoder(_Stored)


def _read(path: Path) -> Index | None:
    """The index in a file; None where there is none, or it is damaged."""
    try:
        stored = _decoder.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return None
    if stored.version != VERSION:
        return None
    index = Index(stored.device, stored.inode, stored.form, stored.end, stored.head, stored.tail)
    try:
        for name in _ARRAYS:
            getattr(index, name).frombytes(getattr(stored, name))
    except ValueError:
        return None
    size = len(index.begins)
    right = all(len(getattr(index, name)) == size * (len(LEVELS) if name == "counts" else 1) for name in _ARRAYS)
    return index if right else None


class Indexes:
    """The indexes in one folder.

    Args:
        folder: Made where it is missing, for its owner only. What cannot be written there is not kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loaded: dict[Path, tuple[int, Index]] = {}

    def load(self, spec: Spec, reader: Reader, form: Format) -> Index | None:
        """The index of an open file; None where there is none that fits."""
        path = self._path(spec, reader.file.path)
        try:
            written = path.stat().st_mtime_ns
            known = self._loaded.get(path)
            index = known[1] if known is not None and known[0] == written else _read(path)
        except OSError:
            return None
        if index is None:
            return None
        if len(self._loaded) >= _MOST_LOADED:
            self._loaded.clear()
        self._loaded[path] = (written, index)
        return index if index.fits(reader, form) else None

    def keep(self, spec: Spec, path: str, index: Index) -> None:
        """Write an index; a disk that is full or not ours is no error, since any index can be made again."""
        stored = _Stored(
            VERSION, index.device, index.inode, index.form, index.end, index.head, index.tail,
            *(getattr(index, name).tobytes() for name in _ARRAYS),
        )  # fmt: skip
        target = self._path(spec, path)
        draft = target.with_suffix(f".{os.getpid()}")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.chmod(0o700)
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as out:
                out.write(msgspec.msgpack.encode(stored))
            draft.replace(target)
        except OSError:
            with suppress(OSError):
                draft.unlink()

    def forget_old(self, now: float) -> None:
        """Delete what nobody wrote for `KEPT_S`: its files are gone, or are read no more."""
        with suppress(OSError):
            for path in self._folder.glob("*.index"):
                if path.stat().st_mtime < now - KEPT_S:
                    path.unlink()

    def update(self, spec: Spec, reader: Reader, form: Format, rest: Callable[[], None]) -> Index:
        """The index of an open file, made or extended, and kept where it grew."""
        # Its own copy: the one in memory is read by others.
        index = _read(self._path(spec, reader.file.path))
        if index is None or not index.fits(reader, form):
            index = Index(*reader.file.identity, form.name)
        if index.extend(reader, form, rest):
            self.keep(spec, reader.file.path, index)
        return index

    def _path(self, spec: Spec, path: str) -> Path:
        """Named by a hash of all that its content depends on."""
        names = msgspec.msgpack.encode((os.fsencode(path), spec.format, spec.zone, spec.names))
        return self._folder / f"{hashlib.sha256(names).hexdigest()[:40]}.index"
