"""Which files a source has: globs, rotated and compressed siblings in the order they were written, regular files only."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from itertools import islice

from console.domain.values import dataclass
from console.guard.sanitise import safe

COMPRESSED = (".gz", ".zst", ".bz2", ".xz")
MOST_FILES = 2000
"""Files of one source that are read; more are named in the report."""
_MOST_ENTRIES = 20_000

_ROTATION = re.compile(
    r"(?:\.(?P<number>\d{1,4})|[-._](?P<date>\d{4}-?\d\d-?\d\d(?:[-_T.]?\d{2,6})*)(?:\.(?P<part>\d{1,4}))?)$"
)
_DATE_INSIDE = re.compile(
    r"(?P<head>.+?)[-._](?P<date>\d{4}-\d\d-\d\d(?:[-_T]\d{2,6})*)(?:[-.](?P<part>\d{1,4}))?(?P<tail>\.[A-Za-z]+)$"
)


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file of a source."""

    path: str
    base: str
    """The path that its rotated siblings share: that of the live file."""
    order: tuple[int, str, int]
    """Sorts the siblings by age, oldest first."""
    compression: str
    """`.gz`, `.zst`, `.bz2`, `.xz` or empty."""
    identity: tuple[int, int]
    """Device and inode."""
    size: int
    changed: float
    """Time of the last write, epoch seconds."""

    @property
    def live(self) -> bool:
        """Whether it may still grow: not a rotated or compressed one."""
        return self.order[0] == 2 and not self.compression


@dataclass(frozen=True, slots=True)
class Found:
    """What the globs of a source led to."""

    files: tuple[LogFile, ...]
    """By set, and inside a set from the oldest to the live one."""
    refused: tuple[str, ...]
    """A sentence for each path that is not read."""


def split_name(path: str) -> tuple[str, tuple[int, str, int], str]:
    """Base, order and compression that a path's name tells.

    `app.log.2.gz` belongs to `app.log` and is older than `app.log.1`; `app.log-20261123` and `app-2026-11-23.log` carry
    their day. The live file, which has no mark, is the newest.
    """
    folder, name = os.path.split(path)
    compression = next((ending for ending in COMPRESSED if name.endswith(ending)), "")
    stem = name.removesuffix(compression)
    if match := _ROTATION.search(stem):
        base = os.path.join(folder, stem[: match.start()])
        if match["number"]:
            return base, (1, "", -int(match["number"])), compression
        return base, (0, re.sub(r"\D", "", match["date"]), int(match["part"] or 0)), compression
    if match := _DATE_INSIDE.fullmatch(stem):
        base = os.path.join(folder, match["head"] + match["tail"])
        return base, (0, re.sub(r"\D", "", match["date"]), int(match["part"] or 0)), compression
    return os.path.join(folder, stem), (2, "", 0), compression


def find(patterns: Iterable[str], *, exact: bool = False) -> Found:
    """The regular files that the patterns and their rotated siblings lead to, each once.

    Args:
        patterns: Globs.
        exact: They are paths, and their siblings are not meant.
    """
    files: dict[tuple[int, int], LogFile] = {}
    refused: list[str] = []
    for pattern in patterns:
        before = len(files) + len(refused)
        for path in (pattern,) if exact else _candidates(pattern):
            if not exact and glob.has_magic(pattern) and os.path.isdir(path):
                continue  # `logs/*` means the files in it
            one = _examine(path)
            if isinstance(one, str):
                refused.append(one)
            else:
                files.setdefault(one.identity, one)
        if len(files) + len(refused) == before and not any(_fits(f.path, pattern) for f in files.values()):
            refused.append(f"{safe(pattern)}: no file matches")
    kept = list(files.values()) if exact else _without_twins(files.values())
    if len(kept) > MOST_FILES:
        newest = sorted(kept, key=lambda one: one.changed)[-MOST_FILES:]
        refused.append(f"{len(kept)} files match; the {MOST_FILES} written last are read: narrow the paths")
        kept = newest
    return Found(tuple(sorted(kept, key=lambda one: (one.base, one.order, one.path))), tuple(dict.fromkeys(refused)))


def _candidates(pattern: str) -> Iterator[str]:
    seen: set[str] = set()
    for path in islice(glob.iglob(pattern, recursive=True), _MOST_ENTRIES):
        seen.add(path)
        yield path
    if pattern.endswith(("*", "/")):
        return
    for path in islice(glob.iglob(pattern + "[-._]*", recursive=True), _MOST_ENTRIES):
        if path not in seen and _fits(split_name(path)[0], pattern):
            seen.add(path)
            yield path


def _fits(path: str, pattern: str) -> bool:
    return fnmatchcase(path, pattern.replace("**/", "*"))


def _examine(path: str) -> LogFile | str:
    """A log file, or the sentence that says why it is none."""
    shown = safe(path)
    try:
        status = os.stat(path)
    except OSError as error:
        return f"{shown}: {(error.strerror or 'cannot be read').lower()}"
    mode = status.st_mode
    if not stat.S_ISREG(mode):
        return f"{shown}: is {_sort_of(mode)}, and only regular files are read"
    if not os.access(path, os.R_OK):
        return f"{shown}: may not be read by this user; make it readable, or run as a user who may"
    base, order, compression = split_name(path)
    return LogFile(path, base, order, compression, (status.st_dev, status.st_ino), status.st_size, status.st_mtime)


def _sort_of(mode: int) -> str:
    for test, words in (
        (stat.S_ISDIR, "a directory"),
        (stat.S_ISFIFO, "a FIFO"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    ):
        if test(mode):
            return words
    return "no regular file"


def _without_twins(files: Iterable[LogFile]) -> list[LogFile]:
    """Leave out the compressed copy of a file that is still there uncompressed, as while logrotate compresses it."""
    listed = list(files)
    plain = {(one.base, one.order) for one in listed if not one.compression}
    return [one for one in listed if not one.compression or (one.base, one.order) not in plain]
