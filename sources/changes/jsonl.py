"""Changes from a JSON Lines file: `{"at": TIME, "kind": "deploy", "id": "…", "service": "…", …}`; only `at` and `kind` are required."""

from __future__ import annotations

import asyncio
import hashlib
import math
import os
import re
import stat
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import msgspec

from console.domain.changes import CHANGE_KINDS, Change
from console.domain.instant import BadTime, Instant, Window, epoch_of_number, parse_time
from console.domain.reading import Cost, Reading, SourceReport, SourceState
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.sanitise import safe
from sources.base import SourceUnavailable

MOST_BYTES = 16 * 2**20
"""Read from one file at most; of a longer one, the end."""
MOST_LINE = 64 * 2**10
NAME_CHARS = 200
SUMMARY_CHARS = 500
AHEAD_S = 300.0
"""A stamp further ahead of this machine's clock than this is wrong, or a plan: when the change was made is not known."""
LATEST = 253402300799.0
"""The last second that RFC 3339 can write."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]")
_NUMBER = re.compile(r"\d{1,19}(?:\.\d+)?")


class BadChange(ValueError):
    """A line that is no change; the text says why."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file holds."""

    changes: tuple[Change, ...]
    """Oldest first; ids unique."""
    bad: int = 0
    example: SafeText = SafeText("")
    """The first bad line: its number and what is wrong with it."""


def stamp(value: object) -> Instant:
    """The instant of an `at`: RFC 3339 (without an offset, UTC) or epoch seconds, ms, us or ns.

    Raises:
        BadChange: It is neither, or no time that can be written again.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise BadChange("`at` is neither a time nor a number")
    try:
        if isinstance(value, str):
            at = epoch_of_number(float(value)) if _NUMBER.fullmatch(value.strip()) else _calendar(value)
        else:
            at = epoch_of_number(float(value))
    except (BadTime, OverflowError):
        raise BadChange(f"`at` is no time: {safe(str(value), 60)}") from None
    if not math.isfinite(at) or not 0 <= at <= LATEST:
        raise BadChange(f"`at` is out of range: {safe(str(value), 60)}")
    return at


def _calendar(text: str) -> Instant:
    if not _DATE.match(text.strip()):
        raise BadTime(text)  # a span or a time of day means something on the command line and nothing in a file
    return parse_time(text, 0.0)


def parse_line(line: bytes, source: str) -> Change:
    """One change of one line. An id that is missing is made of the content, so that it stays the same on every read.

    Raises:
        BadChange: The line is no JSON object, or `at` or `kind` is missing or wrong.
    """
    if len(line) > MOST_LINE:
        raise BadChange(f"longer than {MOST_LINE // 1024} KiB")
    try:
        entry = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadChange(f"not JSON: {safe(str(error), 100)}") from None
    if not isinstance(entry, dict):
        raise BadChange("not a JSON object")
    for needed in ("at", "kind"):
        if entry.get(needed) is None:
            raise BadChange(f"no `{needed}`")
    at, kind = stamp(entry["at"]), _kind(entry["kind"])
    digest = hashlib.sha256(msgspec.json.encode(entry, order="deterministic")).hexdigest()
    return Change(
        id=_text(entry, "id") or f"{kind}-{digest[:10]}",
        kind=kind,
        at=at,
        service=_text(entry, "service"),
        version=_text(entry, "version"),
        commit=_text(entry, "commit"),
        summary=_text(entry, "summary", SUMMARY_CHARS) or SafeText(""),
        source=source,
    )


def _kind(value: object) -> str:
    if not isinstance(value, str):
        raise BadChange("`kind` is no text")
    word = value.strip().lower()
    return word if word in CHANGE_KINDS else "other"


def _text(entry: dict[str, object], key: str, limit: int = NAME_CHARS) -> SafeText | None:
    value = entry.get(key)
    if value is None or value == "":
        return None
    if isinstance(value, (dict, list)):
        raise BadChange(f"`{key}` is no text")
    return safe(str(value), limit)


def parse(data: bytes, source: str, *, cut: bool = False) -> Parsed:
    """All changes of a file's bytes.

    Args:
        data: The file, or its end.
        source: Name of the source in the configuration.
        cut: The first line lacks its beginning and is left out.

    A last line without a line break may still be written: it counts where it is whole and is no error where it is not.
    Two lines that say the same are one change; another change under an id that was used before gets `#2` after it.
    """
    lines = data.split(b"\n")
    found: list[Change] = []
    bad, example = 0, SafeText("")
    for number, line in enumerate(lines, start=1):
        if (cut and number == 1) or not line.strip():
            continue
        try:
            found.append(parse_line(line.strip(), source))
        except BadChange as error:
            if number == len(lines):
                continue
            bad += 1
            example = example or safe(f"{'' if cut else f'line {number}: '}{error}", 200)
    return Parsed(_unique(found), bad, example)


def _unique(found: list[Change]) -> tuple[Change, ...]:
    seen: set[Change] = set()
    used: dict[str, int] = {}
    kept: list[Change] = []
    for change in found:
        if change in seen:
            continue
        seen.add(change)
        used[change.id] = times = used.get(change.id, 0) + 1
        kept.append(change if times == 1 else replace(change, id=f"{change.id}#{times}"))
    return tuple(sorted(kept, key=lambda change: change.at))


class JsonlChanges:
    """A changes file as a source. It is read again only when it changed."""

    kind = "jsonl"

    def __init__(self, name: str, path: Path, clock: Callable[[], Instant] = time.time) -> None:
        self.name = name
        self._path = path
        self._clock = clock
        self._version: tuple[int, int, int] | None = None
        self._parsed = Parsed(())
        self._cut = False
        self._lock = asyncio.Lock()

    async def close(self) -> None:
        """Nothing is held open."""

    async def changes(self, window: Window) -> Reading[tuple[Change, ...]]:
        """Every change stamped inside the window, oldest first.

        Raises:
            SourceUnavailable: The file cannot be read.
        """
        async with self._lock:
            read = await asyncio.to_thread(self._refresh)
        inside = tuple(change for change in self._parsed.changes if change.at in window)
        detail = self._detail()  # of changes whose time is wrong, nobody knows where they belong
        report = SourceReport(
            self.name,
            self.kind,
            SourceState.PARTIAL if detail else SourceState.OK,
            detail,
            len(inside),
            Cost(1, read),
            "changes",
        )
        return Reading(inside, self._clock(), report)

    def _detail(self) -> SafeText:
        """Why not every change is at hand; empty: all of them are."""
        parts: list[str] = []
        if self._parsed.bad:
            lines = "line is" if self._parsed.bad == 1 else "lines are"
            parts.append(f"{self._parsed.bad} {lines} no change ({self._parsed.example})")
        if self._cut:
            parts.append(f"only the last {MOST_BYTES // 2**20} MiB were read")
        limit = self._clock() + AHEAD_S
        ahead = sum(change.at > limit for change in self._parsed.changes)
        if ahead:
            parts.append(f"{ahead} stamped in the future")
        return safe("; ".join(parts), 400)

    def _refresh(self) -> int:
        """Read the file if it changed; returns how many bytes that took."""
        try:
            # Without O_NONBLOCK, opening a FIFO that nobody writes to would wait for ever.
            with open(self._path, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK)) as file:
                return self._read(file)
        except OSError as error:
            raise SourceUnavailable(f"{self._path}: cannot be read: {error.strerror}") from None

    def _read(self, file: BinaryIO) -> int:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise SourceUnavailable(f"{self._path}: is no regular file")
        version = (about.st_ino, about.st_size, about.st_mtime_ns)
        if version == self._version:
            return 0
        start = max(0, about.st_size - MOST_BYTES)
        file.seek(start)
        data = file.read(MOST_BYTES)
        self._parsed, self._cut = parse(data, self.name, cut=start > 0), start > 0
        self._version = version
        return len(data)
