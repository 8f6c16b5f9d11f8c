"""What every record format offers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from console.domain.logs import LogRecord

LONGEST_LINE = 1 << 20
"""Bytes of one line that are read; the rest of a longer line is skipped, and counted as cut."""


class Format(Protocol):
    """Reads the records of one file. A record is its first line and the lines that follow it."""

    @property
    def name(self) -> str:
        """json | logfmt | access | syslog | plain"""
        ...

    def starts(self, line: bytes) -> bool:
        """Whether `line` begins a record; any other line belongs to the record before it."""
        ...

    def light(self, line: bytes) -> LogRecord | None:
        """Only time, level, service, operation, status and latency of a record, from its first line: for counting.

        None where the line cannot be read as a record of this format.
        """
        ...

    def narrow(self, line: bytes) -> LogRecord | None:
        """As `light`; of operation and status nothing need be read."""
        ...

    def full(self, line: bytes, extra: Sequence[bytes] = (), offset: int = -1) -> LogRecord | None:
        """The whole record, every text of it sanitised; None as for `light`."""
        ...


@runtime_checkable
class Wraps(Protocol):
    """A format whose lines have something around them."""

    def inside(self, line: bytes) -> bytes:
        """The line without what is around it."""
        ...


@runtime_checkable
class ReadsFurther(Protocol):
    """A format in which the lines after the first may tell what is counted."""

    def further(self, light: LogRecord, line: bytes, extra: Sequence[bytes]) -> LogRecord:
        """The light record of a line with what its further lines tell."""
        ...


UNCAUGHT = re.compile(
    rb"(Traceback \(most recent call last\)|Exception in thread|Unhandled [Ee]xception|Uncaught |panic: |fatal error: "
    rb"|thread '[^']*'(?: \(\d+\))? panicked at|node:internal/|/\S+\.[cm]?[jt]s:\d+$"
    rb"|\S+\.rb:\d+:in [`'].{0,2000}\([A-Z][\w:]*\)$|[A-Za-z.]*(?:Error|Exception): )"
)
"""Begins the text of an exception that nobody logged: a line without a stamp that is a record of its own."""
CONTINUES = re.compile(
    rb"\s|\}|\)|\]|at |Caused by|Traceback |During handling |The above exception |goroutine \d|created by |\.\.\. \d+ more|--- End|Suppressed:"
    rb"|[A-Za-z_][\w.$]*(?:Error|Exception|Warning|Exit|Interrupt|Fault)\b|exit status |stack backtrace:|note: run with|\[signal |rax |==|-->|$"
)
"""What a line of a stack trace begins with, where it is not indented."""
