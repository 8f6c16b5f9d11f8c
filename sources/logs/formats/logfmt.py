"""logfmt: `key=value key="quoted value"`, as Go services, Heroku and Logrus write it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from console.domain.instant import Instant
from console.domain.logs import Level, LogRecord
from console.domain.text import SafeText
from console.guard.sanitise import safe_bytes
from sources.logs.context import Context
from sources.logs.fields import Builder, status_of
from sources.logs.levels import level_of
from sources.logs.memo import Memo
from sources.logs.units import latency_of, learned_unit, unit_in_name

_PAIR = re.compile(rb'([A-Za-z_@][\w.@/-]*)=(?:"([^"\\]*(?:\\.[^"\\]*)*)"|([^\s"]\S*|))(?=\s|$)')
_START = re.compile(rb"[A-Za-z_@][\w.@/-]*=")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_ANY_VALUE = rb'(?:"[^"\\]*(?:\\.[^"\\]*)*"|[^\s"]\S*|)'
_SHAPES = 3
_NOTHING = SafeText("")
_LIGHT = frozenset(("time", "level", "service", "operation", "method", "status", "latency"))


def pairs_in(line: bytes) -> list[tuple[str, object]]:
    """The pairs of a line; what is not a pair is passed over."""
    return [
        (name.decode("ascii", "replace"), _unquoted(quoted) if quoted else bare.decode("utf-8", "backslashreplace"))
        for name, quoted, bare in _PAIR.findall(line)
    ]


def _unquoted(value: bytes) -> str:
    text = value.decode("utf-8", "backslashreplace")
    return _ESCAPE.sub(lambda m: _ESCAPES.get(m[1], m[1]), text) if "\\" in text else text


def learned_units(objects: Sequence[Sequence[tuple[str, object]]], builder: Builder) -> dict[str, float]:
    """Seconds per unit of the bare latency fields of a sample, whose numbers may be text."""
    values: dict[str, list[float]] = {}
    for pairs in objects:
        for name, value in pairs:
            known = builder.meanings.of(name)
            if known is not None and known[0] == "latency" and unit_in_name(name) is None:
                try:
                    number = float(str(value))
                except ValueError:
                    continue
                values.setdefault(name.lower(), []).append(number)
    return {name: learned_unit(numbers) for name, numbers in values.items()}


def _text(raw: bytes | None) -> str:
    return "" if raw is None else raw.decode("utf-8", "backslashreplace")


class LogfmtFormat:
    """One record per line that begins with a pair."""

    name = "logfmt"

    def __init__(self, context: Context, sample: Sequence[bytes] = ()) -> None:
        pairs = [pairs_in(line) for line in sample]
        builder = self._builder = Builder(context, learned_units(pairs, Builder(context)))
        self._levels: Memo[bytes | None, Level] = Memo(lambda raw: level_of(_text(raw)))
        self._services: Memo[bytes | None, str] = Memo(lambda raw: builder.service(_text(raw) or None))
        self._statuses: Memo[bytes, int | None] = Memo(lambda raw: status_of(_text(raw)))
        self._operations: Memo[tuple[bytes | None, bytes], str] = Memo(
            lambda key: builder.operation(_text(key[0]), _text(key[1])), 20_000
        )
        self._latency_unit = 1e-3
        self._latency_names: tuple[str, ...] = ()
        self._shapes = self._learned_shapes(sample)

    def starts(self, line: bytes) -> bool:
        return _START.match(line) is not None

    def _learned_shapes(self, sample: Sequence[bytes]) -> tuple[re.Pattern[bytes], ...]:
        """Expressions for the most frequent sequences of names, several times faster than finding pairs one by one."""
        orders = Counter(tuple(name for name, _, _ in _PAIR.findall(line)) for line in sample)
        shapes = [self._shape(order) for order, _ in orders.most_common(_SHAPES)]
        return tuple(shape for shape in shapes if shape is not None)

    def _shape(self, order: tuple[bytes, ...]) -> re.Pattern[bytes] | None:
        """None where a meaning has no field or several: then only the long way tells which stands."""
        groups: dict[int, str] = {}
        for index, name in enumerate(order):
            known = self._builder.meanings.of(name.decode("ascii"))
            if known is not None and known[0] in _LIGHT:
                groups[index] = known[0]
        meanings = list(groups.values())
        if "time" not in meanings or len(set(meanings)) < len(meanings) or len(order) > 40:
            return None
        latency = next((order[i].decode("ascii") for i, m in groups.items() if m == "latency"), None)
        unit = self._builder.unit(latency) if latency is not None else self._latency_unit
        if self._latency_names and latency is not None and latency not in self._latency_names:
            return None
        if latency is not None:
            self._latency_names, self._latency_unit = (latency,), unit
        parts = [
            rb"%s=%s" % (re.escape(name), rb"(?P<%s>[^\s\"=\\]+)" % groups[i].encode() if i in groups else _ANY_VALUE)
            for i, name in enumerate(order)
        ]
        return re.compile(rb" ".join(parts) + rb"\s*\Z")

    def _stamps(self, raw: bytes) -> Instant | None:
        return self._builder.clock.text(raw.decode("ascii", "replace"))

    def light(self, line: bytes) -> LogRecord | None:
        for shape in self._shapes:
            match = shape.match(line)
            if match is not None:
                return self._quick(match)
        pairs = pairs_in(line)
        of = self._builder.meanings.of
        telling = [(name, value) for name, value in pairs if (known := of(name)) is not None and known[0] in _LIGHT]
        return self._builder.record(telling) if pairs else None

    def _quick(self, match: re.Match[bytes]) -> LogRecord:
        found = match.groupdict()
        latency, status, route = found.get("latency"), found.get("status"), found.get("operation")
        return LogRecord(
            self._stamps(found["time"]),
            self._levels[found.get("level")],
            self._services[found.get("service")],
            _NOTHING,
            self._operations[found.get("method"), route] if route else "",
            self._statuses[status] if status else None,
            latency_of(latency.decode("ascii", "replace"), self._latency_unit) if latency else None,
        )

    narrow = light

    def full(self, line: bytes, extra: Sequence[bytes] = (), offset: int = -1) -> LogRecord | None:
        pairs = pairs_in(line)
        if not pairs:
            return None
        return self._builder.record(pairs, extra=tuple(safe_bytes(one) for one in extra), offset=offset)
