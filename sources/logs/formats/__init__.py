"""Record formats: which one a file has, and the parser of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sources.logs.context import Context
from sources.logs.formats.access import AccessFormat
from sources.logs.formats.base import CONTINUES, Format
from sources.logs.formats.json import JsonFormat
from sources.logs.formats.logfmt import LogfmtFormat, pairs_in
from sources.logs.formats.plain import PlainFormat
from sources.logs.formats.syslog import SyslogFormat
from sources.logs.formats.wrapped import WRAPPINGS, DockerFile, WrappedFormat, whole_lines

FORMATS: dict[str, Callable[[Context, Sequence[bytes]], Format]] = {
    "json": JsonFormat,
    "access": AccessFormat,
    "syslog": SyslogFormat,
    "logfmt": LogfmtFormat,
    "plain": PlainFormat,
}
"""By the name that the configuration's `format` forces."""

_ENOUGH = 0.6
"""Share of the sampled lines (those of stack traces left out) that must read as a format for it to be taken."""


def detect(context: Context, sample: Sequence[bytes]) -> Format:
    """The format of a file, from lines of its beginning and end.

    A line of a stack trace says nothing about the format. Where no structured format fits, the file is plain text,
    which every file is.
    """
    telling = [line for line in sample if line.strip() and CONTINUES.match(line) is None]
    for name in ("json", "access", "syslog", "logfmt"):
        candidate = FORMATS[name](context, sample)
        read = sum(1 for line in telling if _reads(candidate, line))
        if telling and read >= _ENOUGH * len(telling):
            return candidate
    return PlainFormat(context, sample)


def _reads(candidate: Format, line: bytes) -> bool:
    if not candidate.starts(line):
        return False
    if candidate.name == "logfmt":
        return len(pairs_in(line)) >= 2
    return candidate.light(line) is not None


def make(name: str, context: Context, sample: Sequence[bytes]) -> Format:
    """The parser that the configuration's `format` asks for; `auto` detects.

    What a container runtime puts around lines is told by itself; the format asked for is that of the lines inside.
    """
    for kind in WRAPPINGS:
        wrapping = kind()
        opened = [outer for line in sample if (outer := wrapping.open(line)) is not None]
        if opened and len(opened) >= _ENOUGH * len(sample):
            asked = "auto" if name == "json" and isinstance(wrapping, DockerFile) else name
            return WrappedFormat(context, wrapping, _plainly(asked, context, whole_lines(opened)))
    return _plainly(name, context, sample)


def _plainly(name: str, context: Context, sample: Sequence[bytes]) -> Format:
    return detect(context, sample) if name == "auto" else FORMATS[name](context, sample)


__all__ = ["FORMATS", "Format", "detect", "make"]
