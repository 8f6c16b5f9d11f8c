"""Folders and files that only their owner can look into: what they hold is evidence, and evidence holds what users sent."""

from __future__ import annotations

import os
import stat
from pathlib import Path

PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600
SHARED_FOLDER, SHARED_FILE = 0o2770, 0o660


def private_folder(path: Path) -> None:
    """Make a folder, and its missing parents, for the owner alone; close one of ours that others could enter.

    A folder that was given to a group on purpose (set-group-id and writable by the group) stays as it is, and what is made
    inside it belongs to the same group: so two accounts share one case.

    Raises:
        OSError: It cannot be made.
    """
    missing = [one for one in (path, *path.parents) if not one.exists()]
    for one in reversed(missing):
        try:
            new_folder(one)
        except FileExistsError:
            continue  # somebody else made it meanwhile
    if not is_shared(path):
        found = path.stat()
        if found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) & 0o077:
            path.chmod(PRIVATE_FOLDER)


def new_folder(path: Path) -> None:
    """Make one folder for the owner alone, or for the group of a shared one.

    Raises:
        FileExistsError: It is there already.
        OSError: It cannot be made.
    """
    shared = is_shared(path.parent)
    path.mkdir(mode=PRIVATE_FOLDER)
    if shared:
        path.chmod(SHARED_FOLDER)


def is_shared(folder: Path) -> bool:
    """Whether a folder was given to a group on purpose."""
    try:
        mode = folder.stat().st_mode
    except OSError:
        return False
    return bool(mode & stat.S_ISGID) and bool(mode & stat.S_IWGRP)


def open_private(path: Path, flags: int) -> int:
    """Open a file that is made for its owner alone, or for the group of a shared folder; a link is never followed.

    Raises:
        OSError: It cannot be opened.
    """
    shared = is_shared(path.parent)
    fresh = bool(flags & os.O_CREAT) and not path.exists()
    descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, SHARED_FILE if shared else PRIVATE_FILE)
    if fresh:
        if shared and os.fstat(descriptor).st_uid == os.geteuid():
            os.fchmod(descriptor, SHARED_FILE)
        _sync_folder(path.parent)
    return descriptor


def _sync_folder(folder: Path) -> None:
    """The name of a new file is on the disk too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some file systems cannot; the file's own sync still holds
    finally:
        os.close(descriptor)
