"""syslog: RFC 5424, and RFC 3164 with or without its priority. A JSON object or logfmt pairs as the message are read too."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from console.domain.instant import Instant
from console.domain.logs import Level, LogRecord
from console.guard.sanitise import safe_bytes
from sources.logs.context import Context
from sources.logs.fields import Builder, flat
from sources.logs.formats.logfmt import pairs_in
from sources.logs.levels import level_in, syslog_level
from sources.logs.times import MONTHS

_NEW = re.compile(
    rb"<(\d{1,3})>1 (\S+) (\S+) (\S+) (\S+) (\S+) (-|(?:\[[^\]\\]*(?:\\.[^\]\\]*)*\])+)(?: (?:\xef\xbb\xbf)?(.*))?",
    re.S,
)
_OLD = re.compile(
    rb"(?:<(\d{1,3})>)?(?:([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d)(?:\.\d+)?|(\d{4}-\d\d-\d\dT\S{8,24}))"
    rb" (\S+) ([^\s:\[]{1,64})(?:\[([^\]]{1,32})\])?: ?(.*)",
    re.S,
)
_DATA = re.compile(rb'([\w.@-]+)="([^"\\\]]*(?:\\.[^"\\\]]*)*)"')
_ESCAPED = re.compile(rb'\\(["\\\]])')
"""What RFC 5424 (section 6.3.3) escapes in a value."""
_CEE = b"@cee:"


class SyslogFormat:
    """One record per line with a syslog header."""

    name = "syslog"

    def __init__(self, context: Context, sample: Sequence[bytes] = ()) -> None:
        self._builder = Builder(context)

    def starts(self, line: bytes) -> bool:
        return _OLD.match(line) is not None or _NEW.match(line) is not None

    def light(self, line: bytes) -> LogRecord | None:
        return self.full(line)

    narrow = light

    def full(self, line: bytes, extra: Sequence[bytes] = (), offset: int = -1) -> LogRecord | None:
        if new := _NEW.match(line):
            at = self._builder.clock.text(new[2].decode("ascii", "replace"))
            header = [("host", new[3]), ("syslog_identifier", new[4]), ("procid", new[5]), ("msgid", new[6])]
            header += [
                (name.decode("ascii", "replace"), _ESCAPED.sub(rb"\1", value)) for name, value in _DATA.findall(new[7])
            ]
            return self._record(int(new[1]), at, header, new[8] or b"", extra, offset)
        old = _OLD.match(line)
        if old is None:
            return None
        header = [("host", old[8]), ("syslog_identifier", old[9]), ("pid", old[10] or b"")]
        priority = int(old[1]) if old[1] else None
        return self._record(priority, self._old_stamp(old), header, old[11], extra, offset)

    def _old_stamp(self, old: re.Match[bytes]) -> Instant | None:
        if old[7]:
            return self._builder.clock.text(old[7].decode("ascii", "replace"))
        month = MONTHS.get(old[2].decode("ascii").lower())
        if month is None:
            return None
        return self._builder.clock.yearless(month, int(old[3]), int(old[4]), int(old[5]), int(old[6]))

    def _record(
        self,
        priority: int | None,
        at: Instant | None,
        header: list[tuple[str, bytes]],
        message: bytes,
        extra: Sequence[bytes],
        offset: int,
    ) -> LogRecord:
        pairs: list[tuple[str, object]] = [
            (name, value.decode("utf-8", "backslashreplace")) for name, value in header if value not in (b"", b"-")
        ]
        level = syslog_level(priority) if priority is not None else level_in(message[:80])
        pairs += embedded(message)
        return self._builder.record(
            pairs,
            extra=tuple(safe_bytes(one) for one in extra),
            at=at,
            level=level if level is not Level.UNKNOWN else Level.INFO,
            message=message.decode("utf-8", "backslashreplace"),
            offset=offset,
        )


def embedded(message: bytes) -> list[tuple[str, object]]:
    """Fields inside a message: a JSON object that is all of it or its end, or logfmt pairs. Their times do not count."""
    text = message.strip()
    brace = 0 if text[:1] == b"{" else text.find(b" {") + 1 or text.find(b"\t{") + 1
    if text[-1:] == b"}" and (brace or text[:1] == b"{" or text.startswith(_CEE)):
        try:
            found = msgspec.json.decode(text[brace:].removeprefix(_CEE))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            found = None
        if isinstance(found, dict):
            return [
                (n, v) for n, v in flat(found) if n.lower() not in ("ts", "time", "timestamp", "@timestamp", "date")
            ]
    if b"=" in text:
        return [
            (n, v)
            for n, v in pairs_in(text)
            if n.lower() not in ("ts", "time", "timestamp", "date", "error", "err", "event", "text", "log")
        ]
    return []
