"""New records as they are written, through everything that happens to log files.

    renamed and made anew     the old file is read to its end, as long as anything is written to it, then the new one from
                              its first byte; files that came and went between two looks are found among the siblings
    copied and truncated      seen by its size, or by first bytes that changed; what the copy holds beyond the last look is
                              read from the copy
    deleted, made anew        as renamed; a deleted file is let go after ten quiet seconds, since an open descriptor keeps its space
    permission lost           reading goes on through the open descriptor; a new file waits until it can be opened
    handle gone stale         opened again, under the name that it has now, and read on from where it was
    half-written last line    waits for its end
    records of several lines  wait for the next record, or half a second

A line that was read is never read again, and a file that was there when following began is read from its end.
"""

from __future__ import annotations

import os
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field

from console.domain.logs import LogRecord
from sources.base import SourceError
from sources.logs.engine import Engine
from sources.logs.followed import FINGERPRINT, FollowedFile, try_open
from sources.logs.inputs import LogFile, split_name
from sources.logs.journald import JournalTail
from sources.logs.reading import Reader
from sources.logs.spec import Positions, Spec

MOST_BYTES = 8 << 20
"""Bytes of one file that one look reads, so that other files have their turn."""
MOST_RESCUED = 64 << 20
"""Bytes that are read from the copy of a truncated file."""
SHORTEST_WAIT_S = 0.1
LONGEST_WAIT_S = 0.3
LOOK_AROUND_S = 1.0
"""How often new files are looked for."""
LET_GO_S = 10.0
_TELLING = 256
"""First bytes by which siblings are told apart."""
_MOST_REMEMBERED = 4096


@dataclass(slots=True)
class _Place:
    """A path that the source's patterns lead to."""

    current: FollowedFile | None = None
    old: list[FollowedFile] = field(default_factory=list)
    """Files that the path named before, read until they are quiet."""
    siblings: set[tuple[tuple[int, int], bytes]] = field(default_factory=set)
    """The rotated files that need not be looked at again: identity (which is used anew after a deletion) and first bytes."""
    signature: frozenset[tuple[object, ...]] = frozenset()
    """Names, identities and times of the siblings when they were looked at; where nothing of it changed, they are not opened."""
    generations: deque[bytes] = field(default_factory=lambda: deque(maxlen=64))
    """First bytes of what was read and is gone: copies of it are told by them."""
    waiting: tuple[tuple[int, int], int] | None = None
    """Identity and size, when first seen, of a file that may not be opened."""
    problem: str = ""


class Pace:
    """How long to wait before the next look: short while something is written, longer the longer nothing is."""

    def __init__(self) -> None:
        self.seconds = SHORTEST_WAIT_S

    def seen(self, records: int) -> None:
        """Note what the last look found."""
        self.seconds = SHORTEST_WAIT_S if records else min(LONGEST_WAIT_S, self.seconds * 1.1)


class Tail:
    """Follows the live files of one source.

    The first `poll` takes the positions: it gives nothing, and everything written after it is given once.

    Args:
        engine: Knows the source's files and formats.
        positions: What an earlier tail had come to: it is gone on with from there.
    """

    def __init__(self, engine: Engine, positions: Positions | None = None) -> None:
        self._engine = engine
        self._resume = positions or {}
        self._places: dict[str, _Place] = {}
        self._newest: dict[str, tuple[int, str, int]] = {}
        self._read_before: dict[tuple[int, int], tuple[int, bytes]] = {}
        self._files: tuple[LogFile, ...] | None = None
        self._looked_at = float("-inf")
        self._began = False
        self._skipped_before = 0

    def problems(self) -> tuple[str, ...]:
        """A sentence for each file that cannot be followed now."""
        return tuple(place.problem for place in self._places.values() if place.problem)

    def poll(self, now: float | None = None) -> list[LogRecord]:
        """Records that were completed since the last look, in the order of each file.

        Args:
            now: Monotonic seconds; default: the clock's.
        """
        now = time.monotonic() if now is None else now
        self._files = None
        found: list[LogRecord] = []
        look_around = now - self._looked_at >= LOOK_AROUND_S
        if look_around:
            self._looked_at = now
            self._look_around(now)
        for path, place in self._places.items():
            found += self._poll_place(path, place, now)
            if look_around and self._began:
                found += self._never_read(path, place, now)
        self._began = True
        return found

    def take_skipped(self) -> int:
        """How many records were counted and not read since the last call."""
        total = self._skipped_before
        self._skipped_before = 0
        for place in self._places.values():
            for one in (place.current, *place.old):
                if one is not None:
                    total += one.skipped
                    one.skipped = 0
        return total

    def positions(self) -> Positions:
        """How far each file was given, for a tail that goes on with it."""
        return {
            _key(path): (*one.identity, one.given()) for path, place in self._places.items() if (one := place.current)
        }

    def close(self) -> None:
        """Close every file."""
        for place in self._places.values():
            for one in (place.current, *place.old):
                if one is not None:
                    one.close()
        self._places.clear()

    def _look_around(self, now: float) -> None:
        """Find paths to follow: of each set of siblings the live file, or the newest where none is named as live."""
        newest: dict[str, LogFile] = {}
        for file in self._engine.files().files:
            if not file.compression:
                newest[file.base] = file
        followed = {one.identity for place in self._places.values() for one in (place.current, *place.old) if one}
        for base, file in newest.items():
            known = self._newest.get(base)
            # When the live file is missing for a moment, an old sibling is no new file.
            if known is None or file.order >= known:
                self._newest[base] = file.order
                if file.path not in self._places and file.identity not in followed:
                    place = self._places[file.path] = _Place()
                    before = self._resume.pop(_key(file.path), None)
                    known_before = before is not None and before[:2] == file.identity
                    start = before[2] if before and known_before else 0 if self._began or before else None
                    self._open(file.path, place, start, now)
                    place.siblings = self._heads(file.path)
        for path in [path for path, place in self._places.items() if self._done(path, place, newest, now)]:
            del self._places[path]

    def _done(self, path: str, place: _Place, newest: dict[str, LogFile], now: float) -> bool:
        """Whether a path can be forgotten: it leads nowhere, or to a dated file after which a newer one has begun."""
        if place.old:
            return False
        if place.current is None:
            return _identity(path) is None
        following = newest.get(split_name(path)[0])
        newer = following is not None and following.order > split_name(path)[1]
        if not newer or now - place.current.active_at < LET_GO_S:
            return False
        self._let_go(place, place.current)
        return True

    def _let_go(self, place: _Place, one: FollowedFile) -> None:
        """Close a file, and remember how far it was read in case a path leads to it again."""
        if len(self._read_before) > _MOST_REMEMBERED:
            self._read_before.clear()
        self._skipped_before += one.skipped
        place.generations.append(one.begins)
        self._read_before[one.identity] = (one.offset, one.first)
        one.close()

    def _poll_place(self, path: str, place: _Place, now: float) -> list[LogRecord]:
        found: list[LogRecord] = []
        for old in list(place.old):
            try:
                found += old.read(now, MOST_BYTES)
                ended = now - old.active_at >= LET_GO_S and old.offset >= old.size()
            except OSError:
                ended = not self._reopened(path, old)
            if ended:
                found += old.finish()
                self._let_go(place, old)
                place.old.remove(old)
        current = place.current
        identity = _identity(path)
        if current is not None:
            found += self._read(path, place, current, now)
            # What could not be read may have been truncated before it was renamed: one more look tells.
            if identity != current.identity and current.failures != 1:
                current.active_at = max(current.active_at, now - LET_GO_S / 2)
                place.old.append(current)
                place.current = None
        if place.current is None and identity is not None and (opened := self._open(path, place, 0, now)) is not None:
            found += self._never_read(path, place, now)
            found += self._read(path, place, opened, now)
        return found

    def _read(self, path: str, place: _Place, one: FollowedFile, now: float) -> list[LogRecord]:
        """What was written to the current file; one that cannot be read is opened again, to go on where it was."""
        found: list[LogRecord] = []
        try:
            if one.rewritten():
                found += self._copied_since(path, place, one, now)
                found += one.restart()
                found += self._never_read(path, place, now)
                one.active_at = now
            found += one.read(now, MOST_BYTES)
            place.problem, one.failures = "", 0
        except OSError as error:
            one.failures += 1
            place.problem = f"{path}: {(error.strerror or 'cannot be read').lower()}"
            self._reopened(path, one)
        return found

    def _reopened(self, path: str, one: FollowedFile) -> bool:
        """Whether a file whose descriptor is of no use any more can be read again, under whatever name it has now."""
        one.close()
        for file in self._siblings(path):
            if file.identity == one.identity:
                try:
                    return one.reopen(file.path)
                except (OSError, SourceError):
                    return False
        return False

    def _copied_since(self, path: str, place: _Place, one: FollowedFile, now: float) -> list[LogRecord]:
        """After a truncation: what was written between the last look and the copy, read from the copy."""
        found: list[LogRecord] = []
        for file in reversed(self._siblings(path)):
            if file.identity != one.identity and _is_copy(file, one):
                found += one.take_over(_text_from(file, one.text_offset), now)
                place.siblings.add((file.identity, _head(file)[:_TELLING]))
                break
        place.generations.append(one.begins)
        return found

    def _never_read(self, path: str, place: _Place, now: float) -> list[LogRecord]:
        """Records of siblings that came since the last time and begin like nothing that was read: files that the path
        named, or held, for a while between two looks."""
        opened = [one for one in (place.current, *place.old) if one]
        # Without a descriptor nothing keeps the system from giving the inode to another file.
        known = {one.identity for one in opened if one.is_open}
        signature = frozenset((f.path, f.identity, f.changed) for f in self._siblings(path) if f.path != path)
        if signature == place.signature:
            return []
        place.signature = signature
        # What the path names now will be read, if it was not yet: a copy of it is no file of its own.
        begins = (
            [one.begins for one in opened]
            + list(place.generations)
            + [_head(f) for f in self._siblings(path) if f.path == path]
        )
        siblings = {(file.identity, _head(file)[:_TELLING]): file for file in self._siblings(path) if file.path != path}
        found: list[LogRecord] = []
        missed: set[tuple[tuple[int, int], bytes]] = set()
        for (identity, head), file in siblings.items():
            if (identity, head) in place.siblings or identity in known or file.compression:
                continue
            if any(len(first) >= _TELLING // 8 and head.startswith(first[:_TELLING]) for first in begins):
                continue
            one = self._try(file.path, place, 0)
            if isinstance(one, FollowedFile):
                one.active_at = now
                place.old.append(one)
                with suppress(OSError):  # the next look opens it again
                    found += one.read(now, 1 << 62)
            else:
                missed.add((identity, head))
        place.siblings = set(siblings) - missed
        if missed:
            place.signature = frozenset()  # so that they are tried again
        return found

    def _heads(self, path: str) -> set[tuple[tuple[int, int], bytes]]:
        return {(file.identity, _head(file)[:_TELLING]) for file in self._siblings(path) if file.path != path}

    def _siblings(self, path: str) -> list[LogFile]:
        """The files of the path's set, as they are during this look."""
        if self._files is None:
            self._files = self._engine.files().files
        base = split_name(path)[0]
        return [file for file in self._files if file.base == base]

    def _open(self, path: str, place: _Place, start: int | None, now: float) -> FollowedFile | None:
        back = next((old for old in place.old if old.identity == _identity(path)), None)
        if back is not None:
            place.old.remove(back)
            place.current = back
            return back
        opened = self._try(path, place, start)
        if isinstance(opened, str):
            self._wait(path, place, opened, start)
            return None
        opened.skip_to(self._read_already(place, opened))
        opened.active_at = now
        place.current, place.waiting, place.problem = opened, None, ""
        return opened

    def _try(self, path: str, place: _Place, start: int | None) -> FollowedFile | str:
        before = place.old[-1].form if place.old else self._engine.empty_format(path)
        return try_open(path, self._engine.format_from, before, start)

    def _read_already(self, place: _Place, opened: FollowedFile) -> int:
        """How much of a file was read before, or was there before following began and could not be opened."""
        if place.waiting is not None and place.waiting[0] == opened.identity:
            return place.waiting[1]
        offset, first = self._read_before.get(opened.identity, (0, b""))
        return offset if first and opened.first.startswith(first) and opened.opened_size >= offset else 0

    def _wait(self, path: str, place: _Place, problem: str, start: int | None) -> None:
        place.problem = problem
        try:
            status = os.stat(path)
        except OSError:
            return
        identity = (status.st_dev, status.st_ino)
        if place.waiting is None or place.waiting[0] != identity:
            place.waiting = (identity, status.st_size if start is None else start)


def _head(file: LogFile) -> bytes:
    """The first bytes of a sibling; none where it cannot be read."""
    try:
        with Reader(file) as reader:
            return reader.head(FINGERPRINT)
    except SourceError:
        return b""


def _key(path: str) -> str:
    """A path as text that can be sent to another process: names of files need not be UTF-8."""
    return path.encode("utf-8", "backslashreplace").decode()


def tail_of(spec: Spec, positions: Positions | None = None) -> Tail | JournalTail:
    """What follows a source of either kind."""
    return JournalTail(spec) if spec.kind == "journald" else Tail(Engine(spec), positions)


def _is_copy(file: LogFile, one: FollowedFile) -> bool:
    """Whether a rotated file begins as a followed one did, and holds what was read of it."""
    if not one.begins or not one.offset or file.live:
        return False
    try:
        with Reader(file) as reader:
            enough = reader.streamed or reader.size >= one.offset
            return enough and reader.head(len(one.begins)) == one.begins
    except SourceError:
        return False


def _text_from(file: LogFile, offset: int) -> bytes:
    """The text that a copy holds from `offset` on, within the bound."""
    try:
        with Reader(file) as reader:
            if not reader.streamed:
                return reader.pread(MOST_RESCUED, offset)
            rest = b""
            for begin, block in reader.blocks(0, 1 << 62):
                if begin + len(block) > offset:
                    rest += block[max(0, offset - begin) :]
                if len(rest) >= MOST_RESCUED:
                    break
            return rest
    except SourceError:
        return b""


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
