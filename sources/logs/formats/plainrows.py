"""Many lines of plain text at once: those with the stamp in front, a severity near it, and simple words or one request.

Everything that the careful way finds by looking a line up and down must be excluded or found here too: a line is taken
only where nothing else in it can have a meaning.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from console.domain.instant import Instant
from console.domain.logs import Level
from sources.logs.fields import Builder, status_of
from sources.logs.formats.columns import MOST_KINDS, Columns, Kind, Shared, columns_of, filled
from sources.logs.formats.stamps import Stamp
from sources.logs.formats.words import QUICK_LEVELS, quick_level, split_level
from sources.logs.memo import Memo
from sources.logs.times import Stamps

_MARKED = ("klog", "redis")
"""Stamps whose severity is a mark, and no word."""
_LEVELS = rb"(?:%s)\]?|\[(?:trace|debug|info|notice|warn|warning|error|crit|alert|emerg|fatal)\]" % b"|".join(
    sorted(QUICK_LEVELS, reverse=True)
)
_SIMPLE = rb"[^=/}\n]*+"
"""Words without a field: no pair, path or object."""
_REQUEST = (
    rb"[ :\t]++(?:[^\s=/\"{}]++[ \t]++)*?(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) (/[^\s=\"{}]*+) (\d{3})"
    rb"(?: (\d{1,6}(?:\.\d{1,9})?) ?(ms|us|s)(?= |$)(?: (?:%s)=[^\s=\"{}]*+| [^\s=/\"{}]*+)*+|(?: (?:%s)=[^\s=\"{}]*+)*+)"
)
"""One request, with or without the time it took, and then words and pairs without a meaning."""
_MARKS = b" \t\r\n\f\v]|:,-"
"""What sets severity and message apart."""
_UNITS = {b"s": 1.0, b"ms": 1e-3, b"us": 1e-6}
_PAIR_NAME = re.compile(rb"(?<= )([A-Za-z_]\w*)=")


class PlainRows:
    """Reads many lines of one file.

    Args:
        stamp: The stamp that its lines carry.
        builder: Makes its records.
        sample: Lines of it.
    """

    def __init__(self, stamp: Stamp, builder: Builder, sample: Sequence[bytes]) -> None:
        self._stamp = stamp
        self._builder = builder
        self._shared = Shared()
        self._stamps: Stamps[bytes] = Stamps(builder.clock, self._at)
        self._instants: Memo[bytes, Instant | None] = Memo(self._at)
        self._levels: Memo[tuple[bytes, bytes], Level | None] = Memo(self._level)
        self._decorations: Memo[tuple[bytes, bytes], tuple[Level, bytes] | None] = Memo(self._decoration)
        self._kinds: Memo[tuple[bytes, bytes, bytes, bytes, bytes], Kind | None] = Memo(self._kind, MOST_KINDS)
        meaning = builder.meanings.of
        counted = Counter(name for line in sample for name in _PAIR_NAME.findall(line))
        names = [
            n for n, _ in counted.most_common(16) if (meaning(n.decode("ascii")) or ("trace_id",))[0] == "trace_id"
        ]
        usual = all((meaning(name) or ("",))[0] == name for name in ("method", "status")) and (
            (meaning("path") or ("",))[0],
            (meaning("duration") or ("",))[0],
        ) == ("operation", "latency")
        pairs = b"|".join(re.escape(name) for name in names) or b"(?!)"
        request = _REQUEST % (pairs, pairs) if usual else rb"(?!)()()()()()"
        head = rb"^(?:([\[(]?)((?>%s))([^\n]{0,60}?(?<![A-Za-z0-9_/.-])(?:%s))(?=[ :\t])" % (stamp.bare, _LEVELS)
        self._begin = re.compile(head.removeprefix(b"^(?:"))
        self._block = re.compile(head + rb"(?:%s|%s)|(.*+))$" % (_SIMPLE, request), re.M)
        self._words = re.compile(head + rb"(.*+)|.*+)$", re.M)
        self._wary = re.compile(head + rb"(?:(?![^\n]*Completed )%s|%s)|(.*+))$" % (_SIMPLE, request), re.M)

    def columns(self, text: bytes) -> Columns | None:
        """See `ReadsBlocks`."""
        if self._stamp.name in _MARKED:
            return None
        pattern = self._wary if b"Completed " in text else self._block
        heads, stamps, prefixes, methods, paths, codes, numbers, units, _ = zip(*pattern.findall(text), strict=True)
        kinds = [self._kinds[key] for key in zip(heads, prefixes, methods, paths, codes, strict=True)]
        latencies = [
            float(number) * _UNITS[unit] if number else None for number, unit in zip(numbers, units, strict=True)
        ]
        if self._stamp.name != "iso":
            return columns_of([self._instants[stamp] for stamp in stamps], kinds, latencies)
        return columns_of(self._stamps.column(filled(stamps)), kinds, latencies)

    def begun(self, line: bytes) -> tuple[Instant, Level, bytes, bytes] | None:
        """Time, severity, decoration and message of a line with a usual beginning; None for any other."""
        match = self._begin.match(line) if self._stamp.name not in _MARKED else None
        if match is None:
            return None
        head, stamp, prefix = match.groups()
        found = self._decorations[head, prefix]
        at = self._stamps.one(stamp) if self._stamp.name == "iso" else self._instants[stamp]
        message = line[match.end() :].lstrip(_MARKS).rstrip()
        return None if found is None or at is None or not message else (at, *found, message)

    def words(self, text: bytes) -> list[bytes | None]:
        """The message of each line with a usual beginning, as `begun` has it for those that carry a time."""
        if self._stamp.name in _MARKED:
            return [None] * (text.count(b"\n") + 1)
        known = self._decorations
        return [
            (rest.lstrip(_MARKS).rstrip() or None) if stamp and known[head, prefix] is not None else None
            for head, stamp, prefix, rest in self._words.findall(text)
        ]

    def _decoration(self, key: tuple[bytes, bytes]) -> tuple[Level, bytes] | None:
        head, prefix = key
        level, decoration, message = split_level(head, prefix + b" x", self._stamp.name)
        return (level, decoration) if message == b"x" else None

    def _at(self, raw: bytes) -> Instant | None:
        match = self._stamp.alone().fullmatch(raw)
        return None if match is None else self._stamp.read(match, self._builder.clock)

    def _kind(self, key: tuple[bytes, bytes, bytes, bytes, bytes]) -> Kind | None:
        head, prefix, method, path, code = key
        level = self._levels[head, prefix]
        if level is None:
            return None
        if not method:
            return self._shared.kind(level, self._builder.service(None))
        operation = self._builder.operation(method.decode("ascii"), path.decode("utf-8", "backslashreplace"))
        return self._shared.kind(level, self._builder.service(None), operation, status_of(int(code)))

    def _level(self, key: tuple[bytes, bytes]) -> Level | None:
        """The severity at the end of what stands before the message; None where it is not what severity is read from."""
        head, prefix = key
        level, message = quick_level(head, prefix + b" x", self._stamp.name)
        return level if prefix and message.strip() == b"x" else None
