"""Git's own formats: raw commits and tags, `cat-file --batch`, `diff-tree --numstat -z`. Pure; everything shown becomes SafeText."""

from __future__ import annotations

import re
from collections.abc import Iterator

from console.domain.changes import Commit, FileChange
from console.domain.instant import Instant
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.sanitise import safe, safe_bytes

SUBJECT_CHARS = 300
NAME_CHARS = 200
PATH_CHARS = 1000
LATEST = 253402300799
"""The last second that RFC 3339 can write; git stores later ones."""

OID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_PERSON = re.compile(rb"(.*?) ?<[^>]*> (-?\d{1,20}) [+-]\d{4}")


@dataclass(frozen=True, slots=True)
class Checked:
    """One answer of `cat-file --batch-check`."""

    oid: str
    type: str
    """commit | tag | tree | blob"""
    size: int


@dataclass(frozen=True, slots=True)
class RawTag:
    """A tag object."""

    target: str
    target_type: str
    tagger: SafeText
    tagged_at: Instant | None
    subject: SafeText


def checked(out: bytes, asked: int) -> list[Checked | None]:
    """Answers of `cat-file --batch-check`, in the order of the questions; None for a missing object."""
    answers: list[Checked | None] = []
    for line in out.decode("utf-8", "surrogateescape").splitlines()[:asked]:
        parts = line.split(" ")
        whole = len(parts) == 3 and OID.fullmatch(parts[0]) is not None and parts[2].isdigit()
        answers.append(Checked(parts[0], parts[1], int(parts[2])) if whole else None)
    return answers + [None] * (asked - len(answers))


def batch(out: bytes) -> dict[str, tuple[str, bytes]]:
    """Objects of `cat-file --batch`: id to type and content. A last one that is cut is left out."""
    found: dict[str, tuple[str, bytes]] = {}
    place = 0
    while (end := out.find(b"\n", place)) >= 0:
        parts = out[place:end].decode("ascii", "replace").split(" ")
        place = end + 1
        if len(parts) != 3 or not parts[2].isdigit():
            continue  # "… missing"
        size = int(parts[2])
        if place + size > len(out):
            break
        found[parts[0]] = (parts[1], out[place : place + size])
        place += size + 1
    return found


def _split(raw: bytes) -> tuple[dict[bytes, bytes], bytes]:
    """First value of each header, and the message."""
    head, _, message = raw.partition(b"\n\n")
    headers: dict[bytes, bytes] = {}
    for line in head.split(b"\n"):
        if not line.startswith(b" "):  # a continuation, as of a signature
            name, _, value = line.partition(b" ")
            headers.setdefault(name, value)
    return headers, message


def _person(value: bytes) -> tuple[SafeText, Instant | None]:
    match = _PERSON.fullmatch(value)
    if match is None:
        return safe_bytes(value.partition(b"<")[0].strip(), NAME_CHARS), None
    at = int(match[2])
    return safe_bytes(match[1].strip(), NAME_CHARS), float(at) if 0 <= at <= LATEST else None


def _subject(message: bytes) -> SafeText:
    lines = (line.strip() for line in message.split(b"\n"))
    first = next((line for line in lines if line), b"")
    return SafeText("") if first.startswith(b"-----BEGIN ") else safe_bytes(first, SUBJECT_CHARS)


def commit_of(oid: str, raw: bytes, files: tuple[FileChange, ...] = ()) -> Commit:
    """A commit from its raw content; a date that cannot be read is the epoch."""
    headers, message = _split(raw)
    author, _ = _person(headers.get(b"author", b""))
    _, at = _person(headers.get(b"committer", b""))
    return Commit(oid, at or 0.0, author, _subject(message), files)


def tag_of(raw: bytes) -> RawTag:
    """A tag from its raw content."""
    headers, message = _split(raw)
    tagger, at = _person(headers.get(b"tagger", b""))
    target, kind = (headers.get(name, b"").decode("ascii", "replace") for name in (b"object", b"type"))
    return RawTag(target, kind, tagger, at, _subject(message))


def numstat(out: bytes, *, cut: bool = False) -> Iterator[tuple[str, FileChange]]:
    """Commit id and file, of `diff-tree -z --numstat` with or without --stdin; the id is empty where git names none.

    A rename is shown as its new path. With `cut` the last record is incomplete and left out.
    """
    records = out.split(b"\0")[:-1]
    current, place = "", 0
    while place < len(records):
        record = records[place].lstrip(b"\n")
        place += 1
        parts = record.split(b"\t", 2)
        if len(parts) < 3:
            current = record.decode("ascii", "replace")
            continue
        path = parts[2]
        if not path:  # a rename: the old and the new path follow
            if place + 1 >= len(records):
                return
            path = records[place + 1]
            place += 2
        if cut and place >= len(records):
            return
        yield current, FileChange(safe_bytes(path, PATH_CHARS), _count(parts[0]), _count(parts[1]))


def _count(text: bytes) -> int | None:
    return int(text) if text.isdigit() else None


def first_line(err: bytes) -> SafeText:
    """What git said, for a sentence: its first line without `fatal: `."""
    line = err.decode("utf-8", "backslashreplace").strip().split("\n")[0]
    return safe(line.removeprefix("fatal: ").removeprefix("error: "), 250)
