"""Exceptions in records: their type, and the application's own frames, by which they are grouped.

Reads what Python, the JVM, Go, JavaScript, .NET, Ruby and Rust print. Line numbers are left out, so that a release that
only moves lines keeps its groups; frames of libraries and runtimes are left out, as long as any other is there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass as open_dataclass

import msgspec

from console.domain.instant import Instant
from console.domain.logs import LogRecord
from console.domain.shapes import ExceptionGroup, joined_lines
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.sanitise import safe

MOST_FRAMES = 5
MOST_GROUPS = 1_000
MOST_LINES = 500
UNKNOWN_TYPE = "exception"
OTHER_TYPES = "other exceptions"
"""Stands for all beyond the bound."""

_NAME = r"[A-Za-z_][\w$]*(?:(?:\.|::)[A-Za-z_][\w$]*)*"
_HEAD = re.compile(
    rf"(?:Caused by: |Exception in thread \"[^\"]*\" |Uncaught |Unhandled exception\. |\[?(?:ERROR|error)\]?:? )?"
    rf"(?P<type>{_NAME}(?:Error|Exception|Failure|Fault|Interrupt|Exit|Warning|Throwable))(?:: (?P<text>.*)|$)"
)
_PYTHON_HEAD = re.compile(rf"(?P<type>{_NAME})(?:: (?P<text>.*))?$")
_RUBY_HEAD = re.compile(rf"\S+\.rb:\d+:in .*?: (?P<text>.*) \((?P<type>{_NAME})\)$")
_RAILS_HEAD = re.compile(rf"(?P<type>{_NAME}) \((?P<text>.*)\):?$")
_RUBY_FRAME = re.compile(r"\.rb:\d+:in ")
_TAGS = re.compile(r"(?:\[[^\[\]\s]+\] )+")
"""What Rails writes in front of every line of a request."""
_PANIC = re.compile(r"(?:(?:panic|fatal error)|http: panic serving \S+): (?P<text>.*)")
_RUST = re.compile(
    r"thread '[^']*'(?: \(\d+\))? panicked at (?:'(?P<text>.*)', )?(?P<file>\S+?):\d+:\d+(?P<below>:?)\s*$", re.S
)
"""Until Rust 1.72 the message stood in the same line, since then it stands in those below."""
_RUST_END = re.compile(r"note: |stack backtrace:")
_GROUP = "Exception Group Traceback (most recent"
_GROUP_RULE = re.compile(r"\s*\+-[-+]+(?: (?:\d+|\.\.\.) -+)?\s*$")
_GROUP_EDGE = re.compile(r"\s*[|+] ?")
"""Around each of the exceptions of a group of Python's, and in front of each line."""
_CAUSE = re.compile(
    r"\s*Caused by: |\s*\[cause\]: |\s*--->|The above exception was the direct cause|During handling of the above"
)
_PYTHON_FRAME = re.compile(r'\s*File "(?P<file>[^"]+)", line \d+, in (?P<name>.+)')
_FRAME = re.compile(
    r"\s+at (?P<name>[\w.$<>/@`\[\]\s-]+?)\s*\((?P<file>[^()]*?)(?::\d+)*\)[\s{]*$"  # JVM, JavaScript
    r"|\s+at (?P<net>[\w.$<>`\[\],+]+)\([^)]*\)(?: in (?P<netfile>.+?):line \d+)?\s*$"  # .NET
    r"|\s+at (?P<bare>(?!\S+\.rs:)\S+?)(?::\d+)+[\s{]*$"  # JavaScript without a function; Rust's names stand above
    r"|\s*(?:from )?(?P<rubyfile>\S+\.rb):\d+:in [`'](?P<ruby>[^'`]+)'"
    r"|\s*(?:\d+: +)?(?P<rust>[a-z_][\w]*(?:::[\w<>{}#]+)+)\s*$"
    r"|(?P<go>[\w./*()-]+\.[\w.*()\[\]-]+)\(.*\)\s*$"
)
_LIBRARY = re.compile(
    r"(?:^|/)(?:site-packages|dist-packages|node_modules|gems|vendor|rustc|\.cargo)/|/lib/python\d|<frozen |^node:|internal/"
    r"|^(?:java|javax|jdk|sun|com\.sun|jakarta|kotlin|kotlinx|scala|akka|clojure|groovy|org\.(?:springframework|apache|hibernate"
    r"|eclipse|jboss|junit)|io\.(?:netty|grpc|reactivex|micronaut|undertow|vertx)|reactor|com\.(?:fasterxml|zaxxer|google\.common"
    r"|mysql)|System|Microsoft|runtime|net/http|net|reflect|std|core|alloc|tokio|hyper|process|Module|Object\.<anonymous>)(?:\.|::|/|$)"
)
TELLING = re.compile(
    rb"Traceback \(most|(?:\\n|^)(?:\\t|\s)+at |goroutine \d|panicked at|(?:Error|Exception): [^\"]*(?:\\n|\n)|\.rb:\d+:in "
)
"""What a raw line with an exception in it holds."""


@dataclass(frozen=True, slots=True)
class Raised:
    """One exception: the innermost cause of what was printed."""

    type: str
    message: str
    frames: tuple[str, ...]
    """Innermost first."""


def read(lines: Sequence[str]) -> Raised | None:
    """The exception in the lines of a record; None where there is none with at least one frame."""
    lines = lines[:MOST_LINES]
    if any(map(_RUBY_FRAME.search, lines)):
        lines = [_TAGS.sub("", line, count=1) if line.startswith("[") else line for line in lines]
    parts = _parts(lines)
    for part in parts:
        found = _raised(part)
        if found is not None:
            return found
    return None


def _parts(lines: Sequence[str]) -> list[Sequence[str]]:
    """The lines of each cause, the innermost first.

    The JVM, .NET and Node print causes after what they caused; Python prints them before, and the exceptions of a group
    after the group.
    """
    if _is_group(lines):
        return _parts_of_group(lines)
    starts = [0, *(number for number, line in enumerate(lines) if number and _CAUSE.match(line))]
    parts = [lines[low:high] for low, high in zip(starts, [*starts[1:], len(lines)], strict=True)]
    return parts if any(_is_python(line) for line in lines) else parts[::-1]


def _is_group(lines: Sequence[str]) -> bool:
    return any(_GROUP in line for line in lines)


def _parts_of_group(lines: Sequence[str]) -> list[Sequence[str]]:
    """The lines of each exception in a group, the causes of each before it; groups are the last."""
    rules = [number for number, line in enumerate(lines) if _GROUP_RULE.match(line)]
    members = [
        [_GROUP_EDGE.sub("", line, count=1) for line in lines[low:high] if not _GROUP_RULE.match(line)]
        for low, high in zip([0, *rules], [*rules, len(lines)], strict=True)
    ]
    single = [member for member in members if not _is_group(member)]
    groups = [[line.replace(_GROUP, "Traceback (most recent") for line in one] for one in members if _is_group(one)]
    return [part for member in single + groups for part in _parts(member)]


def _is_python(line: str) -> bool:
    return line.lstrip().startswith("Traceback (most recent call last)")


def _raised(lines: Sequence[str]) -> Raised | None:
    python = any(_is_python(line) for line in lines)
    frames = [frame for line in lines if (frame := _frame(line)) is not None]
    if all(map(_is_library, frames)):
        # Without a backtrace, or with one of the runtime alone, the file of a Rust panic is all that tells its place.
        frames += [(match["file"], match["file"]) for line in lines if (match := _RUST.search(line))][:1]
    if not frames:
        return None
    if python:
        frames.reverse()
    own = [frame[0] for frame in frames if not _is_library(frame)]
    kept = own or [name for name, _ in frames]
    type_, message = _head(lines, python)
    return Raised(type_, message, tuple(kept[:MOST_FRAMES]))


def _is_library(frame: tuple[str, str]) -> bool:
    return any(map(_LIBRARY.search, frame))


def _frame(line: str) -> tuple[str, str] | None:
    """Name and file of a frame."""
    if match := _PYTHON_FRAME.match(line):
        module = match["file"].rsplit("/", 1)[-1].removesuffix(".py")
        return f"{module}.{match['name']}", match["file"]
    match = _FRAME.match(line)
    if match is None:
        return None
    for name, file in (("name", "file"), ("net", "netfile"), ("ruby", "rubyfile")):
        if match[name]:
            where = match[file] or ""
            short = where.rsplit("/", 1)[-1]
            told = match[name].removeprefix("async ").removeprefix("new ")
            return (f"{short.removesuffix('.rb')}.{told}" if name == "ruby" else told), where
    told = match["bare"] or match["rust"] or match["go"]
    return told, told


def _head(lines: Sequence[str], python: bool) -> tuple[str, str]:
    """Type and message: in Python the last line that is not indented names them, elsewhere the first that can."""
    if python:
        heads = [match for line in lines if not _is_python(line) and (match := _PYTHON_HEAD.match(line))]
        if heads:
            return heads[-1]["type"], heads[-1]["text"] or ""
    rails = any(map(_RUBY_FRAME.search, lines))
    for number, line in enumerate(lines):
        if match := _RUST.search(line):
            return "panic", _rust_message(match, lines[number + 1 :])
        stripped = line.strip()
        match = _HEAD.match(stripped) or _RUBY_HEAD.match(stripped) or _searched(stripped)
        if match is None and rails:
            match = _RAILS_HEAD.match(stripped)
        if match is not None:
            return match["type"], match["text"] or ""
        if match := _PANIC.search(stripped):
            return "panic", match["text"]
    return UNKNOWN_TYPE, next((line.strip() for line in lines if line.strip()), "")


def _rust_message(head: re.Match[str], below: Sequence[str]) -> str:
    if not head["below"]:
        return head["text"] or ""
    return next((line.strip() for line in below if line.strip() and not _RUST_END.match(line.strip())), "")


def _searched(line: str) -> re.Match[str] | None:
    """A head behind other words: `request failed: java.io.IOException: broken pipe`."""
    place = re.search(rf"(?<![\w.]){_NAME}(?:Error|Exception)(?=: |$)", line)
    return _HEAD.match(line, place.start()) if place is not None else None


@open_dataclass(slots=True)
class _Group:
    message: str
    count: int
    first: Instant
    last: Instant
    services: set[str]
    example: tuple[SafeText, ...]
    buckets: dict[int, int]


class ExceptionTable:
    """Groups the exceptions of records by type and place; bounded.

    Args:
        start: Where bucket 0 begins.
        step_s: Width of a bucket; 0: they are not counted by time.
        most: Groups that are kept.
    """

    def __init__(self, start: Instant = 0.0, step_s: float = 0.0, most: int = MOST_GROUPS) -> None:
        self._start, self._step_s = start, step_s
        self._most = most
        self._groups: dict[tuple[str, tuple[str, ...]], _Group] = {}

    def add(self, record: LogRecord) -> None:
        """Count the exception of a record with a time, if it holds one."""
        if record.at is None:
            return
        lines = joined_lines(record)
        raised = read(lines)
        if raised is None:
            return
        key = (raised.type, raised.frames)
        group = self._groups.get(key)
        if group is None:
            if len(self._groups) >= self._most:
                key = (OTHER_TYPES, ())
            group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = _Group(raised.message, 0, record.at, record.at, set(), lines, {})
        group.count += 1
        if self._step_s:
            bucket = math.floor((record.at - self._start) / self._step_s + 1e-9)
            group.buckets[bucket] = group.buckets.get(bucket, 0) + 1
        group.services.add(record.service)
        if (record.at, lines) < (group.first, group.example):
            group.first, group.example, group.message = record.at, lines, raised.message
        group.last = max(group.last, record.at)

    def groups(self) -> tuple[ExceptionGroup, ...]:
        """The most frequent first."""
        found = [
            ExceptionGroup(
                safe(type_, 400),
                tuple([safe(frame, 400) for frame in frames]),
                safe(group.message, 1000),
                group.count,
                group.first,
                group.last,
                tuple(sorted(group.services)),
                group.example,
                buckets=dict(sorted(group.buckets.items())),
            )
            for (type_, frames), group in self._groups.items()
        ]
        return tuple(sorted(found, key=_most_frequent))


def _most_frequent(group: ExceptionGroup) -> tuple[object, ...]:
    return (-group.count, group.type, group.frames)


def joined(parts: Iterable[Sequence[ExceptionGroup]]) -> tuple[ExceptionGroup, ...]:
    """The groups of several sources as one, the most frequent first."""
    found: dict[tuple[str, tuple[SafeText, ...]], ExceptionGroup] = {}
    for group in (group for part in parts for group in part):
        key = (group.type, group.frames)
        known = found.get(key)
        found[key] = group if known is None else both(known, group)
    return tuple(sorted(found.values(), key=_most_frequent))


def both(a: ExceptionGroup, b: ExceptionGroup) -> ExceptionGroup:
    """Two groups of one type and place as one; their buckets begin at the same moment."""
    buckets = dict(a.buckets)
    for bucket, count in b.buckets.items():
        buckets[bucket] = buckets.get(bucket, 0) + count
    first = min(a, b, key=lambda group: (group.first_seen, group.example))
    return ExceptionGroup(
        first.type,
        first.frames,
        first.message,
        a.count + b.count,
        first.first_seen,
        max(a.last_seen, b.last_seen),
        tuple(sorted({*a.services, *b.services})),
        first.example,
        buckets=dict(sorted(buckets.items())),
    )


def compared(
    now: Iterable[Sequence[ExceptionGroup]], before: Iterable[Sequence[ExceptionGroup]]
) -> tuple[ExceptionGroup, ...]:
    """The groups of a window, each with how often it occurred in the baseline: unknown ones first, then by count."""
    counts = {(group.type, group.frames): group.count for group in joined(before)}
    found = [
        msgspec.structs.replace(group, baseline_count=counts.get((group.type, group.frames), 0))
        for group in joined(now)
    ]
    return tuple(sorted(found, key=lambda group: (bool(group.baseline_count), *_most_frequent(group))))
