"""A user's checkout as it is to the byte and time stamp, without asking git: what is compared before and after a change.

A file whose inode, size, modification and status-change times are as before was not written; the status-change time cannot be
set back. The few files of a repository that say what is checked out are read as well.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TypeAlias

from console.domain.values import dataclass

Stamp: TypeAlias = tuple[int, int, int, int, int, str]
"""Mode, inode, size, modification and status-change time (ns); for some files a digest."""

READ_WHOLE = ("HEAD", "index", "config", "config.worktree", "packed-refs", "logs/refs/stash", "refs/stash")
LEFT_OUT = ("objects",)
"""Contents by name: one that is there cannot change."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every file and folder of a checkout, and every file of its repository but for objects."""

    checkout: dict[str, Stamp]
    repository: dict[str, Stamp]


def snapshot(top: Path | None, git_dirs: Collection[Path]) -> Snapshot:
    """Take it.

    Args:
        top: Of the checkout; None for a bare repository.
        git_dirs: Of the checkout, and the one that it shares with others.

    Raises:
        OSError: A folder cannot be listed.
    """
    checkout = dict(_walk(str(top), (".git",))) if top is not None else {}
    repository: dict[str, Stamp] = {}
    for folder in git_dirs:
        for name, stamp in _walk(str(folder), LEFT_OUT):
            if not _is_folder(stamp):
                whole = name in READ_WHOLE
                repository[f"{folder}/{name}"] = (*stamp[:5], _digest(f"{folder}/{name}")) if whole else stamp
    return Snapshot(checkout, repository)


def differences(before: Snapshot, after: Snapshot, ours: Collection[str]) -> list[str]:
    """Paths that differ, sorted.

    Args:
        ours: Prefixes of paths of the repository that the change itself makes or takes away; one that is there before and
            after must be the same all the same.
    """
    found = _unequal(before.checkout, after.checkout)
    for name in _unequal(before.repository, after.repository):
        both = name in before.repository and name in after.repository
        if both or not name.startswith(tuple(ours)):
            found.append(name)
    return sorted(name or "." for name in found)


def _unequal(before: dict[str, Stamp], after: dict[str, Stamp]) -> list[str]:
    return [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]


def _is_folder(stamp: Stamp) -> bool:
    return (stamp[0] & 0o170000) == 0o040000


def _walk(top: str, skip: Collection[str]) -> Iterator[tuple[str, Stamp]]:
    """The folder itself (as an empty name) and everything below it, without following links; `skip` are names at the top."""
    yield "", _stamp(os.lstat(top))
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        try:
            entries = os.scandir(f"{top}/{prefix}")
        except (PermissionError, FileNotFoundError):
            continue  # such as another user's data: what we cannot list we cannot write to either
        with entries:
            for entry in entries:
                if not prefix and entry.name in skip:
                    continue
                try:
                    stamp = _stamp(entry.stat(follow_symlinks=False))
                except FileNotFoundError:
                    continue  # it went away meanwhile: the other snapshot tells
                yield prefix + entry.name, stamp
                if _is_folder(stamp):
                    waiting.append(f"{prefix}{entry.name}/")


def _stamp(about: os.stat_result) -> Stamp:
    return about.st_mode, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns, ""


def _digest(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
