"""logfmt: `key=value key="quoted value"`, as Go services, Heroku and Logrus write it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from console.domain.logs import LogRecord
from console.guard.sanitise import safe_bytes
from sources.logs.context import Context
from sources.logs.fields import Builder
from sources.logs.units import learned_unit, unit_in_name

_PAIR = re.compile(rb'([A-Za-z_@][\w.@/-]*)=(?:"([^"\\]*(?:\\.[^"\\]*)*)"|([^\s"]\S*|))(?=\s|$)')
_START = re.compile(rb"[A-Za-z_@][\w.@/-]*=")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
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


class LogfmtFormat:
    """One record per line that begins with a pair."""

    name = "logfmt"

    def __init__(self, context: Context, sample: Sequence[bytes] = ()) -> None:
        self._builder = Builder(context, learned_units([pairs_in(line) for line in sample], Builder(context)))

    def starts(self, line: bytes) -> bool:
        return _START.match(line) is not None

    def light(self, line: bytes) -> LogRecord | None:
        of = self._builder.meanings.of
        pairs = [
            (name, value) for name, value in pairs_in(line) if (known := of(name)) is not None and known[0] in _LIGHT
        ]
        return self._builder.record(pairs) if pairs else None

    def full(self, line: bytes, extra: Sequence[bytes] = (), offset: int = -1) -> LogRecord | None:
        pairs = pairs_in(line)
        if not pairs:
            return None
        return self._builder.record(pairs, extra=tuple(safe_bytes(one) for one in extra), offset=offset)
