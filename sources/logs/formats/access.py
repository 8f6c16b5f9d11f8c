"""Access logs of nginx and Apache: common and combined, with the request time where people put it.

The time a request took stands after the agent: as `rt=0.123`, `request_time=0.123`, `"0.123"` or bare. A number with a
decimal point is seconds (nginx). A whole number is what Apache writes: microseconds (`%D`) where the sample's median is
2,000 or more, milliseconds (`%{ms}T`) below, and seconds (`%T`) where most of the sample are 0.
A server error (5xx) counts as level error; everything else is info.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from console.domain.instant import Instant
from console.domain.logs import Level, LogRecord
from console.domain.text import SafeText
from console.guard.sanitise import safe, safe_bytes
from sources.logs.context import Context
from sources.logs.fields import FIELD_LIMIT, Builder
from sources.logs.formats.columns import Columns, Kind, Kinds, Shared, columns_of
from sources.logs.formats.logfmt import pairs_in
from sources.logs.memo import Memo
from sources.logs.units import latency_of, unit_in_name

_LINE = re.compile(
    rb"(?:(\S+?:\d+|\S+\.\S+) (?=\S+ \S+ [^\[]{1,128}\[))?(\S+) (\S+) ([^\[]{1,128}?) \[([^\]]{20,32})\] "
    rb'"([^"\\]*(?:\\.[^"\\]*)*)" (\d{3}|-) (\d+|-)'
    rb'(?: "([^"\\]*(?:\\.[^"\\]*)*)" "([^"\\]*(?:\\.[^"\\]*)*)")?([^\n]*)'
)
_USUAL_LINE = re.compile(
    rb"(\S{1,256}+) \S{1,256}+ ([^\[\n ]{1,127}+) \[(\d\d?/[^\]\n]{18,30}+)\] "
    rb'"([^"\\\n]*+)" (\d{3}|-) (\d++|-)(?: "([^"\\\n]*+)" "([^"\\\n]*+)")?+([^\\\n]*+)\Z'
)
"""The same for lines without a virtual host, with a user of one word and no escapes; no other reading of them is possible."""
_BLOCK_LINE = (
    rb"^(?:\S{1,256}+ \S{1,256}+ [^\[\n ]{1,127}+ \[(\d\d?/[^\]\n]{18,30}+)\] "
    rb'"([^"\\\n]*+)" (\d{3}|-) (?:\d++|-)(?: "[^"\\\n]*+" "[^"\\\n]*+")?+(?:%s|([^\\\n]*+))|(.*+))$'
)
"""The same for many lines at once. The latency's number stands before the tail where it has a place of its own; the last
group is a line that does not fit."""
_START = re.compile(rb"\S{1,256} \S{1,256} [^\[]{1,128}\[\d\d?/")
_TO_THE_SECOND = re.compile(rb"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}")
_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_DIGIT = re.compile(r"\d")
_KEYED_NAMES = (
    b"rt", b"request_time", b"req_time", b"time", b"duration", b"latency", b"took", b"D", b"request_time_ms", b"duration_ms",
    b"rtms",
)  # fmt: skip
_KEYED = re.compile(rb'\b(%s)[=:]"?(\d+(?:\.\d+)?)' % b"|".join(_KEYED_NAMES))
_FIRST_KEYED = re.compile(rb' (%s)="?\d+\.\d' % b"|".join(_KEYED_NAMES))
_PAIR_NAME = re.compile(rb"(?<= )(\w+)=", re.A)
_BARE = re.compile(rb'(?:^|[\s"|])(\d+\.\d+|\d+)(s|ms|us|)(?=[\s"|]|$)')
_ESCAPED = re.compile(rb'\\(?:(["\\])|x([0-9A-Fa-f]{2}))')
"""How Apache (`\\"`) and nginx (`\\x22`) write what would end a quoted value."""
_REQUEST = re.compile(rb"([A-Z]{3,16}) (\S+)(?: HTTP/[\d.]+)?")
_OWN_UNITS = {b"request_time_ms": 1e-3, b"duration_ms": 1e-3, b"rtms": 1e-3, b"D": 1e-6}
_UNITS = {b"s": 1.0, b"ms": 1e-3, b"us": 1e-6}


_HOST, _CLIENT, _USER, _BYTES, _REFERER, _AGENT, _TAIL, _METHOD, _PATH = map(
    SafeText, ("host", "client", "user", "bytes", "referer", "agent", "tail", "method", "path")
)


class _Parts(NamedTuple):
    """The parts of a line; what it does not have is empty."""

    host: bytes
    client: bytes
    user: bytes
    stamp: bytes
    request: bytes
    code: bytes
    size: bytes
    referer: bytes
    agent: bytes
    tail: bytes


def _parts(line: bytes) -> _Parts | None:
    match = _USUAL_LINE.match(line)
    if match is not None:
        return _Parts(b"", *match.groups(b""))
    match = _LINE.match(line)
    if match is None:
        return None
    host, client, _, *others = match.groups(b"")
    return _Parts(host, client, *others)


def _unescaped(value: bytes) -> bytes:
    return _ESCAPED.sub(lambda m: m[1] or bytes.fromhex(m[2].decode()), value) if b"\\" in value else value


def _decoded(value: bytes) -> SafeText:
    return SafeText(value.decode("ascii"))


class AccessFormat:
    """One request per line."""

    name = "access"

    def __init__(self, context: Context, sample: Sequence[bytes] = ()) -> None:
        self._builder = Builder(context)
        self._context = context
        self._service = self._builder.service(None)
        self._stamps = Memo(self._stamp)
        self._minutes = Memo(self._minute)
        self._alike = Memo(self._without_digits)
        self._shared = Shared()
        self._kinds: Kinds[tuple[bytes, bytes]] = Kinds(self._kind)
        self._levels: Kinds[bytes] = Kinds(lambda code: self._shared.kind(_level(_status(code)), self._service))
        tails = [match[11] for line in sample if (match := _LINE.match(line))]
        self._whole_unit = _learned_whole_unit(tails)
        number, unit = _learned_number(tails)
        self._number_unit = unit if context.names.latency_unit is None else self._builder.unit("")
        self._block = re.compile(_BLOCK_LINE % number, re.M)

    def starts(self, line: bytes) -> bool:
        return _START.match(line) is not None

    def light(self, line: bytes) -> LogRecord | None:
        parts = _parts(line)
        return None if parts is None else self._light(parts)

    def narrow(self, line: bytes) -> LogRecord | None:
        parts = _parts(line)
        return None if parts is None else self._light(parts, self._levels[parts.code])

    def _light(self, parts: _Parts, kind: Kind | None = None) -> LogRecord:
        kind = kind or self._kinds[parts.request, parts.code]
        return kind.record(self._stamps[parts.stamp], self._latency(parts.tail) if parts.tail else None)

    def columns(self, text: bytes, narrow: bool) -> Columns | None:
        stamps, requests, codes, numbers, tails, _ = zip(*self._block.findall(text), strict=True)
        kinds: list[Kind | None] = (
            [self._levels[code] for code in codes]
            if narrow
            else [self._kinds[key] for key in zip(requests, codes, strict=True)]
        )
        if b"" in stamps:
            kinds = [kind if stamp else None for kind, stamp in zip(kinds, stamps, strict=True)]
        unit, other = self._number_unit, self._latency
        latencies = [
            float(number) * unit if number else other(tail) if tail else None
            for number, tail in zip(numbers, tails, strict=True)
        ]
        return columns_of([self._stamps[stamp] for stamp in stamps], kinds, latencies)

    def messages(self, text: bytes) -> Sequence[str | None] | None:
        _, requests, codes, *_ = zip(*self._block.findall(text), strict=True)
        return [
            (request + b" " + code).decode("utf-8", "backslashreplace")
            for request, code in zip(requests, codes, strict=True)
        ]

    def full(self, line: bytes, extra: Sequence[bytes] = (), offset: int = -1) -> LogRecord | None:
        parts = _parts(line)
        if parts is None:
            return None
        light = self._light(parts)
        tidy = len(line) <= FIELD_LIMIT and line.isascii() and line.decode("ascii").isprintable() and b"\\" not in line
        shown: Callable[[bytes], SafeText] = _decoded if tidy else safe_bytes
        tail = parts.tail
        pairs = pairs_in(tail) if b"=" in tail else []
        named = (
            (_HOST, parts.host), (_CLIENT, parts.client), (_USER, parts.user), (_BYTES, parts.size),
            (_REFERER, _unescaped(parts.referer)), (_AGENT, _unescaped(parts.agent)), (_TAIL, b"" if pairs else tail.strip()),
        )  # fmt: skip
        request = _REQUEST.match(parts.request)
        fields = [(_METHOD, shown(request[1])), (_PATH, shown(request[2]))] if request else []
        fields += [(name, shown(value)) for name, value in named if value not in (None, b"", b"-")]
        trace = ""
        meaning = self._builder.meanings.of
        for name, value in pairs:
            fields.append((safe(name, 200), safe(str(value), FIELD_LIMIT)))
            if not trace and (meaning(name) or ("",))[0] == "trace_id":
                trace = str(value)
        return LogRecord(
            light.at,
            light.level,
            light.service,
            shown(parts.request + b" " + parts.code),
            light.operation,
            light.status,
            light.latency_s,
            safe(trace, 200),
            tuple([safe_bytes(one) for one in extra]),
            tuple(fields),
            self._context.source,
            self._context.file,
            offset,
        )

    def _stamp(self, raw: bytes) -> Instant | None:
        if _TO_THE_SECOND.fullmatch(raw) and (second := int(raw[18:20])) < 60:
            minute = self._minutes[raw[:18] + b"00" + raw[20:]]
            return None if minute is None else minute + second
        return self._minute(raw)

    def _minute(self, raw: bytes) -> Instant | None:
        return self._builder.clock.text(raw.decode("ascii", "replace"))

    def _kind(self, key: tuple[bytes, bytes]) -> Kind:
        request, code = key
        status = _status(code)
        level = _level(status)
        operation = self._alike[request.translate(_ZEROS)]
        return self._shared.kind(
            level, self._service, self._operation(request) if operation is None else operation, status
        )

    def _without_digits(self, request: bytes) -> str | None:
        """The operation of all requests that differ in digits only; None where its name has digits."""
        operation = self._operation(request)
        return None if _DIGIT.search(operation) else operation

    def _operation(self, request: bytes) -> str:
        match = _REQUEST.fullmatch(request)
        if match is None:
            return ""
        return safe(self._builder.operation(match[1].decode("ascii"), match[2].decode("utf-8", "backslashreplace")))

    def _latency(self, tail: bytes) -> float | None:
        found = _latency_number(tail)
        if found is None:
            return None
        text, unit = found
        configured = self._context.names.latency_unit
        if configured is not None:
            unit = self._builder.unit("")
        elif unit is None:
            unit = 1.0 if b"." in text else self._whole_unit
        return latency_of(float(text), unit)


def _status(code: bytes) -> int | None:
    return int(code) if code.isdigit() else None


def _level(status: int | None) -> Level:
    return Level.ERROR if status is not None and status >= 500 else Level.INFO


def _latency_number(tail: bytes) -> tuple[bytes, float | None] | None:
    """The number that tells how long a request took, and its unit where the tail says it."""
    if b"=" not in tail and b":" not in tail:
        keyed = None
    else:
        keyed = _KEYED.search(tail)
    if keyed:
        own = _OWN_UNITS.get(keyed[1])
        return keyed[2], own if own is not None else unit_in_name(keyed[1].decode("ascii"))
    if bare := _BARE.search(tail):
        return bare[1], _UNITS.get(bare[2])
    return None


def _learned_number(tails: Sequence[bytes]) -> tuple[bytes, float]:
    """An expression for tails with the latency, a number of seconds with a point, as its group, and what it is multiplied by.

    It takes only tails of which `_latency_number` says the same: the number is keyed and comes first, or is bare and comes
    first, and no pair after it can be taken for a latency.
    """
    keyed = Counter(match[1] for tail in tails if (match := _FIRST_KEYED.match(tail)))
    if keyed:
        name = keyed.most_common(1)[0][0]
        told = _OWN_UNITS.get(name) or unit_in_name(name.decode("ascii"))
        return rb' %s="?(\d{1,6}\.\d{1,9})(?!\d)[^\\\n]*+' % name, 1.0 if told is None else told
    others = Counter(name for tail in tails for name in _PAIR_NAME.findall(tail) if name not in _KEYED_NAMES)
    names = rb"|".join(name for name, _ in others.most_common(8)) or rb"(?!)"
    return rb' "?(\d{1,6}\.\d{1,9})(?=[\s"]|$)"?+(?: (?:%s)=[^\s=:\\]*+| [^\s=:\\]*+)*+' % names, 1.0


def _learned_whole_unit(tails: Sequence[bytes]) -> float:
    """Seconds per unit of a whole number, from the tails of a sample."""
    found = [_latency_number(tail) for tail in tails]
    numbers = sorted(int(f[0]) for f in found if f is not None and f[1] is None and b"." not in f[0])
    if not numbers:
        return 1e-6
    median = numbers[len(numbers) // 2]
    return 1.0 if median == 0 else 1e-6 if median >= 2000 else 1e-3
