"""Frames of stack traces with their lines, and which files of a commit they are. Pure.

Reads what Python, the JVM, JavaScript, .NET, Go, Ruby, PHP and Rust print.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from console.domain.logs import LogRecord
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.sanitise import safe

MOST_FRAMES = 25
"""Of one trace, as Sentry takes them for its suspect commits."""
MOST_LINES = 500
MOST_TRACES = 200

_PYTHON = re.compile(r'\s*File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<name>\S+))?')
_JVM = re.compile(
    r"\s*at (?:[\w.@-]+/)*(?P<name>[\w.$<>]+)\((?P<file>[\w$-]+\.(?:java|kt|kts|scala|groovy|clj)):(?P<line>\d+)\)"
)
_JS = re.compile(
    r"\s*at (?:async )?(?:(?:new )?(?P<name>[^\s(]+)(?: \[as [^\]]+\])? \()?(?P<file>[^\s()]+?):(?P<line>\d+):\d+\)?\s*$"
)
_NET = re.compile(r"\s*at (?P<name>[\w.$<>`\[\],+]+)\([^)]*\) in (?P<file>.+?):line (?P<line>\d+)")
_GO = re.compile(r"\s*(?P<file>\S+\.go):(?P<line>\d+)(?: \+0x[0-9a-f]+)?\s*$")
_RUBY = re.compile(r"\s*(?:from )?(?P<file>[^\s:]+\.rb):(?P<line>\d+):in [`'](?P<name>[^'`]+)'")
_PHP = re.compile(r"\s*#\d+ (?P<file>\S+\.php)\((?P<line>\d+)\): (?P<name>[\w\\:>-]+)")
_RUST = re.compile(r".*panicked at (?:'.*', )?(?P<file>\S+?\.rs):(?P<line>\d+):\d+")
_PLAIN = re.compile(r".*?(?P<file>(?:[\w.@-]+/)+[\w.-]+\.[A-Za-z]{1,5}):(?P<line>\d+)\b")
_FORMS = (_PYTHON, _JVM, _NET, _JS, _GO, _RUBY, _PHP, _RUST, _PLAIN)
_GO_NAME = re.compile(r"(?:[\w./-]+\.)?(?:\(\*?\w+\)\.)?(?P<name>\w+)\(.*\)\s*$")
_BREAK = re.compile(r"\n|\^J")
"""Between the lines of a trace; in a field of a record a line break is shown as `^J`."""
_SCHEME = re.compile(r"^(?:file://|webpack(?:-internal)?://(?:[^/]*/)?)")


@dataclass(frozen=True, slots=True)
class Frame:
    """A place in a stack trace."""

    path: SafeText
    """As the trace names it."""
    line: int
    function: SafeText
    """Without class and package; empty where the trace names none."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A frame in a file of the deployed commit."""

    frame: Frame
    path: str
    """Of the file in the repository; empty where it is not there."""
    place: int
    """Among the frames that are, from 0: innermost first."""
    note: SafeText = SafeText("")
    """Why it is not there, where that is known."""

    @property
    def weight(self) -> float:
        """1, .7, .49 …: the innermost frame of our own says most."""
        return 0.7**self.place


def frames_of(lines: Sequence[str]) -> tuple[Frame, ...]:
    """The frames of one trace, innermost first; the cause's before those of what it caused."""
    texts = [line for text in lines[:MOST_LINES] for line in _BREAK.split(text)][:MOST_LINES]
    python = any("Traceback (most recent call last)" in line or line.lstrip().startswith('File "') for line in texts)
    segments: list[list[Frame]] = [[]]
    name = ""
    for line in texts:
        if line.lstrip().startswith("Caused by:"):
            segments.append([])
        frame = _frame(line, name)
        if frame is not None:
            segments[-1].append(frame)
        match = _GO_NAME.match(line)
        name = match["name"] if match else ""
    ordered = [frame for segment in reversed(segments) for frame in segment]
    if python:
        ordered.reverse()
    return tuple(dict.fromkeys(ordered))[:MOST_FRAMES]


def _frame(line: str, before: str) -> Frame | None:
    for form in _FORMS:
        match = form.match(line)
        if match is None:
            continue
        groups = match.groupdict()
        name, path = groups.get("name") or "", _SCHEME.sub("", groups["file"]).replace("\\", "/")
        if form is _JVM:
            path = "/".join([*name.split(".")[:-2], path])
        if form is _GO:
            name = before
        number = int(groups["line"][:9])
        return Frame(safe(path, 400), number, safe(re.split(r"[.$:>\\#]", name)[-1], 100)) if number else None
    return None


def traces_in(records: Iterable[LogRecord], service: str) -> tuple[tuple[Frame, ...], int]:
    """The most frequent trace in the errors of a service, and how many records printed it; no frames where none did."""
    counted: dict[tuple[Frame, ...], int] = {}
    for taken, record in enumerate(r for r in records if not service or r.service in (service, "")):
        if taken >= MOST_TRACES:
            break
        frames = frames_of((record.message, *record.extra, *(value for _, value in record.fields)))
        if frames:
            counted[frames] = counted.get(frames, 0) + 1
    if not counted:
        return (), 0
    return max(counted.items(), key=lambda item: (item[1], len(item[0])))


def placed(frames: Sequence[Frame], files: Iterable[str], gone: dict[str, str]) -> tuple[Placed, ...]:
    """Each frame with the file it is in: the path of the repository whose end agrees with the frame's in most parts.

    Args:
        files: Of the deployed commit.
        gone: Files of the good deploy that the deployed commit does not have, with the new name, empty where removed.
    """
    by_name: dict[str, list[str]] = {}
    for path in files:
        by_name.setdefault(path.rpartition("/")[2], []).append(path)
    old: dict[str, list[str]] = {}
    for path in gone:
        old.setdefault(path.rpartition("/")[2], []).append(path)
    found, place = [], 0
    for frame in frames:
        path, note = _file_of(frame, by_name, old, gone)
        found.append(Placed(frame, path, place, safe(note, 300)))
        place += bool(path)
    return tuple(found)


def _file_of(
    frame: Frame, by_name: dict[str, list[str]], old: dict[str, list[str]], gone: dict[str, str]
) -> tuple[str, str]:
    name = frame.path.rpartition("/")[2]
    best = list(_best(frame.path, by_name.get(name, [])))
    if len(best) == 1:
        return best[0], ""
    if len(best) > 1:
        return "", f"{frame.path} may be {' or '.join(best[:3])}"
    lost = list(_best(frame.path, old.get(name, [])))
    if len(lost) == 1 and gone[lost[0]]:
        return gone[lost[0]], f"{lost[0]} was renamed to {gone[lost[0]]} since the good deploy"
    if lost:
        return "", f"{lost[0]} is not in the deployed commit: it was removed since the good deploy"
    return "", ""


def _best(path: str, candidates: Sequence[str]) -> Iterator[str]:
    """Those whose end agrees in most parts, from the file's name back. A name alone must stand alone, or be all there is."""
    counted = [(_common(path, one), one) for one in candidates]
    most = max((count for count, _ in counted), default=0)
    for count, one in counted:
        whole = count == len(one.split("/")) or count == len(path.lstrip("./").split("/"))
        if count == most and (count > 1 or whole):
            yield one


def _common(one: str, other: str) -> int:
    count = 0
    for a, b in zip(reversed(one.lstrip("./").split("/")), reversed(other.split("/")), strict=False):
        if a != b:
            break
        count += 1
    return count
