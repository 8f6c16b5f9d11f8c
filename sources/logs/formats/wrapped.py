"""What container runtimes put around the lines of a program: the logs of containerd and CRI-O, and Docker's json-file.

    2026-11-23T14:03:10.123456789Z stderr F the program's line            (Kubernetes' CRI logging format)
    {"log":"the program's line\\n","stream":"stderr","time":"2026-11-23T14:03:10.123456789Z"}

The line inside is read in its own format. Where it tells no time, the runtime's time stands. A line that the runtime cut
into parts (`P`; no line break at its end) is one record again where it is shown whole.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

import msgspec

from console.domain.logs import LogRecord
from console.domain.text import SafeText
from sources.logs.context import Context
from sources.logs.fields import Builder
from sources.logs.formats.base import Format, ReadsFurther
from sources.logs.formats.columns import Columns, ReadsBlocks
from sources.logs.levels import level_in, level_of
from sources.logs.times import Clock, Stamps

_CRI = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) ([FP])(?: |$)")
_CRI_LINES = re.compile(
    rb"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d) (?:stdout|stderr) F (.*)$", re.M
)
_LEVEL = re.compile(rb'"(?:level|lvl|severity|log\.level)" ?: ?"(\w{1,12})"')
_STREAM = SafeText("stream")

Outer = tuple[bytes, bytes, bytes, bool]
"""Of a line: the runtime's stamp, the stream, the line inside, and whether that is a part of a longer one."""


class Wrapping(Protocol):
    """One way to put something around lines."""

    def open(self, line: bytes) -> Outer | None:
        """What stands around a line; None where nothing does."""
        ...

    def open_all(self, text: bytes) -> tuple[int, bytes] | None:
        """How many lines a text has, and their insides as a text; None where one of them is unusual."""
        ...


class Cri:
    """The CRI logging format."""

    def open(self, line: bytes) -> Outer | None:
        match = _CRI.match(line)
        return None if match is None else (match[1], match[2], line[match.end() :], match[3] == b"P")

    def open_all(self, text: bytes) -> tuple[int, bytes] | None:
        insides = _CRI_LINES.findall(text)
        return (len(insides), b"\n".join(insides)) if len(insides) == text.count(b"\n") + 1 else None


class _Line(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    log: str
    time: str
    stream: str = ""
    attrs: msgspec.Raw = msgspec.Raw(b"")


class DockerFile:
    """The json-file of Docker."""

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(_Line)

    def open(self, line: bytes) -> Outer | None:
        if line[:1] != b"{":
            return None
        try:
            one = self._decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        whole = one.log.endswith("\n")
        inside = one.log.removesuffix("\n").removesuffix("\r")
        return _bytes(one.time), _bytes(one.stream), _bytes(inside), not whole

    def open_all(self, text: bytes) -> tuple[int, bytes] | None:
        try:
            lines = self._decoder.decode_lines(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        count = text.count(b"\n") + 1
        inside = _bytes("".join([one.log for one in lines]))
        # Each ends with the one line break in it.
        if len(lines) != count or inside.count(b"\n") != count or not all(one.log.endswith("\n") for one in lines):
            return None
        return count, inside[:-1]


def whole_lines(opened: Sequence[Outer]) -> list[bytes]:
    """The lines inside, those that were cut into parts joined again, each stream for itself; a line without an end is left out."""
    begun: dict[bytes, bytes] = {}
    found: list[bytes] = []
    for _, stream, inside, part in opened:
        begun[stream] = begun.get(stream, b"") + inside
        if not part:
            found.append(begun.pop(stream))
    return found or list(begun.values())


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


WRAPPINGS: tuple[type[Cri] | type[DockerFile], ...] = (Cri, DockerFile)


class WrappedFormat:
    """Lines in some format with something around them.

    Args:
        context: Of the file.
        wrapping: What is around them.
        inner: Reads what is inside.
    """

    def __init__(self, context: Context, wrapping: Wrapping, inner: Format) -> None:
        self._wrapping = wrapping
        self._inner = inner
        clock = Clock(context.zone, context.reference)
        self._stamps: Stamps[bytes] = Stamps(clock, lambda raw: clock.text(raw.decode("ascii", "replace")))
        self._service = Builder(context).service(None)

    @property
    def name(self) -> str:
        """That of the format inside."""
        return self._inner.name

    def inside(self, line: bytes) -> bytes:
        """The line without what is around it."""
        outer = self._wrapping.open(line)
        return line if outer is None else outer[2]

    def starts(self, line: bytes) -> bool:
        return self._inner.starts(self.inside(line))

    def light(self, line: bytes) -> LogRecord | None:
        return self._light(line, narrow=False)

    def narrow(self, line: bytes) -> LogRecord | None:
        return self._light(line, narrow=True)

    def _light(self, line: bytes, *, narrow: bool) -> LogRecord | None:
        outer = self._wrapping.open(line)
        if outer is None:
            return None
        stamp, _, inside, part = outer
        found = self._inner.narrow(inside) if narrow else self._inner.light(inside)
        if found is None and part:
            named = _LEVEL.search(inside)
            level = level_of(named[1].decode("ascii")) if named is not None else level_in(inside[:200])
            found = LogRecord(None, level, self._service, SafeText(""))
        return self._timed(found, stamp)

    def further(self, light: LogRecord, line: bytes, extra: Sequence[bytes]) -> LogRecord:
        """See `ReadsFurther`."""
        outer = self._wrapping.open(line)
        if outer is None:
            return light
        stamp, _, inside, part = outer
        whole = self._timed(self._inner.light(inside + b"".join(extra)), stamp) if part else None
        if whole is not None:
            return whole
        return self._inner.further(light, inside, extra) if isinstance(self._inner, ReadsFurther) else light

    def _timed(self, record: LogRecord | None, stamp: bytes) -> LogRecord | None:
        if record is None or record.at is not None:
            return record
        return msgspec.structs.replace(record, at=self._stamps.one(stamp))

    def columns(self, text: bytes, narrow: bool) -> Columns | None:
        opened = self._wrapping.open_all(text) if isinstance(self._inner, ReadsBlocks) else None
        if opened is None or not isinstance(self._inner, ReadsBlocks):
            return None
        count, insides = opened
        found = self._inner.columns(insides, narrow)
        return found if found is not None and len(found.kinds) == count else None

    def full(self, line: bytes, extra: Sequence[bytes] = (), offset: int = -1) -> LogRecord | None:
        outer = self._wrapping.open(line)
        if outer is None:
            return None
        stamp, stream, inside, part = outer
        record = self._inner.full(inside + b"".join(extra), (), offset) if part else None
        if record is None:
            record = self._inner.full(inside, extra, offset)
        record = self._timed(record, stamp)
        if record is None:
            return self.light(line)
        fields = (*record.fields, (_STREAM, SafeText(stream.decode("ascii", "replace"))))
        return msgspec.structs.replace(record, fields=fields)
