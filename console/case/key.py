"""The key of a case: by it the tokens that stand for its secrets are made, so that one secret has one token in all of the case.

It lies beside the journals, for their readers alone, and goes into no report and no copy. Before a case is opened the key that it
will get lies with the cases, so that what a console already shows has the same tokens as what it then keeps.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from console.guard.private import open_private, private_folder
from console.guard.redact import keyed

FILE = "redaction.key"
NEXT = f".{FILE}"
LENGTH = 16
"""Bytes."""


def key_of(case: Path) -> bytes:
    """The key of a case, made where it has none yet.

    Raises:
        OSError: It can be neither read nor made.
    """
    return _key(case / FILE)


def next_key(cases: Path) -> bytes:
    """The key of the case that is opened next; raises as `key_of`."""
    private_folder(cases)
    return _key(cases / NEXT)


def take_next(cases: Path, case: Path) -> None:
    """Give the next key to a case that was just made; where another one was quicker, it gets its own when it is needed."""
    with suppress(OSError):
        (cases / NEXT).rename(case / FILE)


@contextmanager
def keyed_by(case: Path) -> Iterator[None]:
    """With the tokens of a case; where its key cannot be had, with those of this run: a note is never lost for it."""
    try:
        key = _known(case)
    except OSError:
        yield
        return
    with keyed(key):
        yield


@lru_cache(maxsize=64)
def _known(case: Path) -> bytes:
    return key_of(case)


def _key(path: Path) -> bytes:
    """A key is on the disk as a whole or not at all: two consoles that make one at once agree on the first."""
    with suppress(FileNotFoundError):
        return _read(path)
    made = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    descriptor = open_private(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        if os.write(descriptor, secrets.token_bytes(LENGTH)) != LENGTH:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(made))
        os.fsync(descriptor)
        with suppress(FileExistsError):
            os.link(made, path)
    finally:
        os.close(descriptor)
        made.unlink()
    return _read(path)


def _read(path: Path) -> bytes:
    descriptor = open_private(path, os.O_RDONLY)
    try:
        key = os.read(descriptor, LENGTH + 1)
    finally:
        os.close(descriptor)
    if len(key) != LENGTH:
        raise OSError(errno.EINVAL, "this is no key", str(path))
    return key
