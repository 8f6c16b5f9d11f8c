"""Where cases lie on the disk, and how one is found by what a person types."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console.case.journal import FOLDER, SUFFIX, NotSaved
from console.domain.instant import BadTime, Instant, parse_time, rfc3339
from console.guard.private import new_folder, open_private, private_folder

CASES = "cases"
PREFIX = "inc"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


class NoSuchCase(Exception):
    """No case, or more than one, answers to what was typed; the text names those there are."""


def cases_folder(state_folder: Path) -> Path:
    """Where the cases of a state folder lie."""
    return state_folder / CASES


def case_ids(folder: Path) -> list[str]:
    """The ids of all cases, the newest first."""
    if not folder.is_dir():
        return []
    return sorted((one.name for one in folder.iterdir() if is_case(folder, one.name)), reverse=True)


def is_case(folder: Path, name: str) -> bool:
    """Whether a case has exactly this id."""
    return _ID.fullmatch(name) is not None and _has_entries(folder / name / FOLDER)


def _has_entries(journals: Path) -> bool:
    """Whether anything was written; a case that a full disk kept from being opened is none."""
    return any(path.stat().st_size for path in journals.glob(f"*{SUFFIX}"))


def find_case(folder: Path, typed: str) -> str:
    """The id of the case that was meant: its id, a part of it that only one has, or `latest`.

    Raises:
        NoSuchCase: None or several answer to it.
    """
    known = case_ids(folder)
    if typed in known:
        return typed
    if typed == "latest" and known:
        return known[0]
    fitting = [one for one in known if typed and typed.lower() in one.lower()]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise NoSuchCase(f"{typed!r} may be any of {', '.join(fitting[:5])}")
    listed = f"; there are {', '.join(known[:5])}" if known else "; there is none yet: `incident case new TITLE`"
    raise NoSuchCase(f"no case {typed!r}{listed}")


def make_case(folder: Path, now: Instant, title: str) -> str:
    """The folder of a new case; its id sorts by time and says what it is about. Two at once never get the same.

    Raises:
        NotSaved: It cannot be made.
    """
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:24].strip("-")
    stamp = re.sub(r"[-:]", "", rfc3339(float(int(now))))[:15].replace("T", "-")
    try:
        private_folder(folder)
        for n in range(1, 100):
            name = "-".join(part for part in (PREFIX, stamp, words, str(n) if n > 1 else "") if part)
            try:
                new_folder(folder / name)
            except FileExistsError:
                continue
            private_folder(folder / name / FOLDER)
            return name
    except OSError as error:
        raise NotSaved(f"{error.filename or folder}: {error.strerror}", title) from None
    raise NotSaved(f"{folder}: no free name", title)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Only one writer at a time gives names or decides from what the record says.

    Raises:
        OSError: The lock cannot be had.
    """
    descriptor = open_private(folder / "lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def looked_at(folder: Path, reader: str) -> Instant | None:
    """When somebody last looked at the case; None: never."""
    try:
        return parse_time((folder / "looked" / reader).read_text("utf-8").strip(), 0.0)
    except (OSError, BadTime, UnicodeDecodeError):
        return None


def set_looked(folder: Path, reader: str, now: Instant) -> None:
    """Remember it; a record that cannot be written to is still read, so failing is no failure."""
    try:
        private_folder(folder / "looked")
        descriptor = open_private(folder / "looked" / reader, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            os.write(descriptor, rfc3339(now).encode())
        finally:
            os.close(descriptor)
    except OSError:
        return
