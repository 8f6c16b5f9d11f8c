"""Plain text: a stamp in a form and place that a sample teaches, a severity near it, and then words.

Reads what Python's logging, log4j, logback, Go, Rails, Postgres, Redis, nginx and Apache (error logs), klog, Tomcat and
java.util.logging write. Pairs (`status=503`), a JSON object at the end and a quoted HTTP request inside the text are
read as fields. A line without the stamp joins the record before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from console.domain.instant import Instant
from console.domain.logs import LogRecord
from console.domain.text import SafeText
from console.guard.sanitise import safe_bytes
from sources.logs.context import Context
from sources.logs.fields import Builder
from sources.logs.formats.base import CONTINUES
from sources.logs.formats.columns import Columns
from sources.logs.formats.logfmt import learned_units, pairs_in
from sources.logs.formats.plainrows import PlainRows
from sources.logs.formats.stamps import STAMPS, Stamp
from sources.logs.formats.words import REACH, completed, in_text, quick_level, split_level

_NOTHING = SafeText("")


class PlainFormat:
    """Lines with a learned stamp."""

    name = "plain"

    def __init__(self, context: Context, sample: Sequence[bytes] = ()) -> None:
        self._builder = Builder(context, learned_units([pairs_in(line) for line in sample], Builder(context)))
        self._service = self._builder.service(None)
        self.stamp, self._column = learned_stamp(sample)
        self._pattern = None if self.stamp is None else self.stamp.within(self._column)
        names = b"|".join(re.escape(name.encode()) for name in self._builder.meanings.names("message"))
        self._named = re.compile(rb'(?i)(?:%s)"?\s*[=:]' % names)
        """Finds what may be a field that stands before the words as the message."""
        self._rows = None if self.stamp is None else PlainRows(self.stamp, self._builder, sample)

    def starts(self, line: bytes) -> bool:
        if self._pattern is not None:
            return self._pattern.match(line[:REACH]) is not None
        return CONTINUES.match(line) is None

    def light(self, line: bytes) -> LogRecord | None:
        at, head, rest = self._parted(line)
        if self._pattern is not None and at is None:
            return None
        level, message = quick_level(head, rest, self.stamp.name if self.stamp else "")
        if (
            b"=" in message
            or b" /" in message
            or b"HTTP/" in message
            or b"Completed " in message
            or message[-1:] == b"}"
        ):
            return self._builder.record(in_text(message.strip()), at=at, level=level)
        return LogRecord(at, level, self._service, _NOTHING)

    def further(self, light: LogRecord, line: bytes, extra: Sequence[bytes]) -> LogRecord:
        """See `ReadsFurther`."""
        told = completed(extra) if light.status is None else []
        if not told:
            return light
        found = self._builder.record(told, at=light.at, level=light.level)
        return msgspec.structs.replace(
            light, level=found.level, status=found.status, latency_s=light.latency_s or found.latency_s
        )

    def _parted(self, line: bytes) -> tuple[Instant | None, bytes, bytes]:
        """Time, and what stands before and after the stamp."""
        if self._pattern is None or self.stamp is None:
            return None, b"", line
        match = self._pattern.match(line[:REACH])
        if match is None:
            return None, b"", b""
        return self.stamp.read(match, self._builder.clock), line[: match.start("stamp")], line[match.end("stamp") :]

    narrow = light

    def columns(self, text: bytes, narrow: bool) -> Columns | None:
        return None if self._rows is None else self._rows.columns(text)

    def messages(self, text: bytes) -> Sequence[str | None] | None:
        return None if self._rows is None else list(map(self._told, self._rows.words(text)))

    def message(self, line: bytes) -> str | None:
        usual = self._rows.begun(line) if self._rows is not None else None
        return None if usual is None else self._told(usual[3])

    def _told(self, words: bytes | None) -> str | None:
        """The words, where none of them is a field that stands before them as the message."""
        if words is None or ((b"=" in words or words[-1:] == b"}") and self._named.search(words) is not None):
            return None
        return words.decode("utf-8", "backslashreplace")

    def full(self, line: bytes, extra: Sequence[bytes] = (), offset: int = -1) -> LogRecord | None:
        at: Instant | None
        usual = self._rows.begun(line) if self._rows is not None else None
        if usual is not None:
            at, level, decoration, message = usual
        else:
            at, head, rest = self._parted(line)
            if self._pattern is not None and at is None:
                return None
            level, decoration, message = split_level(head, rest, self.stamp.name if self.stamp else "")
        pairs: list[tuple[str, object]] = (
            [("context", decoration.decode("utf-8", "backslashreplace"))] if decoration else []
        )
        pairs += in_text(message.strip())
        if extra and (told := completed(extra)) and self._builder.record(pairs, at=at, level=level).status is None:
            pairs += told
        return self._builder.record(
            pairs,
            extra=tuple([safe_bytes(one) for one in extra]) if extra else (),
            at=at,
            level=level,
            message=message.decode("utf-8", "backslashreplace"),
            offset=offset,
        )


def learned_stamp(sample: Sequence[bytes]) -> tuple[Stamp | None, int]:
    """The kind of stamp that most lines of a sample carry, and the last column where it may begin."""
    best: tuple[int, Stamp | None, int] = (0, None, 0)
    for stamp in STAMPS:
        columns = [m.start("stamp") for line in sample if (m := stamp.within(72).match(line[:REACH]))]
        if len(columns) > best[0]:
            best = (len(columns), stamp, sorted(columns)[len(columns) * 9 // 10])
    # A stamp that hardly any line carries is part of the words, unless the rest are stack traces.
    return (best[1], min(72, best[2] + 8)) if best[0] * 20 >= len(sample) else (None, 0)
