"""JSON lines.

Counting reads a handful of fields of very many records. A struct made from the names that a sample of the file has
reads just those, several times faster than a dictionary; a record with a name that the sample did not have, or a value of an
unexpected type, is read the long way, so that both ways always agree.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from console.domain.logs import LogRecord
from console.domain.text import SafeText
from console.guard.sanitise import safe_bytes
from sources.logs.context import Context
from sources.logs.fields import ALIASES, Builder, flat, status_of
from sources.logs.levels import level_of
from sources.logs.memo import Memo
from sources.logs.units import latency_of, learned_unit, unit_in_name

_Scalar = str | int | float | bool | None
_MOST_NAMES = 160
_MISSES_BEFORE_LEARNING = 48
_LIGHT = ("time", "level", "service", "operation", "method", "status", "latency")
_NARROW = ("time", "level", "latency")

_PREFIXES = frozenset(name.split(".", 1)[0] for names in ALIASES.values() for name in names if "." in name)
"""Top-level names whose object may hold a field with a meaning, such as `http` with `http.route`."""

_UNFIT = re.compile(r"[\x00-\x1f\"\\\ud800-\udfff]|^\(no ")
"""In a name: what a struct's field cannot be called; records with such a name are read the long way."""
_NOTHING = SafeText("")
_decode = msgspec.json.Decoder().decode


class _Row(msgspec.Struct):
    """Shape of the struct that is made for a file."""

    time: _Scalar
    level: _Scalar
    service: _Scalar
    operation: _Scalar
    method: _Scalar
    status: _Scalar
    latency: _Scalar


class JsonFormat:
    """One JSON object per line; other lines join the record before."""

    name = "json"

    def __init__(self, context: Context, sample: Sequence[bytes] = ()) -> None:
        objects = [found for line in sample if (found := _object(line)) is not None]
        self._builder = Builder(context, _units(objects, Builder(context)))
        self._seconds = Memo(self._builder.clock.second)
        self._levels = Memo(level_of)
        self._services = Memo(self._builder.service)
        self._operations: Memo[tuple[object, object], str] = Memo(lambda key: self._builder.operation(*key), 20_000)
        self._seen: dict[str, None] = {}
        self._misses = 0
        self._learn(objects)

    def starts(self, line: bytes) -> bool:
        return line[:1] == b"{" or line.lstrip()[:1] == b"{"

    def light(self, line: bytes) -> LogRecord | None:
        # Runs once per line of every window that is counted: every look-up goes through a dictionary, not a function.
        try:
            row = self._rows.decode(line)
            stamp, status, latency, route = row.time, row.status, row.latency, row.operation
            if type(stamp) is str and stamp[-1:] == "Z" and stamp[19:20] == ".":
                at: float | None = self._seconds[stamp[:19]] + float(stamp[19:-1])
            else:
                at = self._builder.at(stamp)
            level = self._levels[row.level]
            service = self._services[row.service]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
            return self._long_way(line)
        if latency is not None:
            if type(latency) is float and 0.0 <= latency < 1e6:
                latency *= self._latency_unit
            else:
                latency = latency_of(latency, self._latency_unit)
        if status is not None and not (type(status) is int and 100 <= status <= 599):
            status = status_of(status)
        operation = self._operations[row.method, route] if route is not None else ""
        return LogRecord(at, level, service, _NOTHING, operation, status, latency)

    def narrow(self, line: bytes) -> LogRecord | None:
        try:
            row = self._narrow_rows.decode(line)
            stamp, latency = row.time, row.latency
            if type(stamp) is str and stamp[-1:] == "Z" and stamp[19:20] == ".":
                at: float | None = self._seconds[stamp[:19]] + float(stamp[19:-1])
            else:
                at = self._builder.at(stamp)
            level = self._levels[row.level]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
            return self._long_way(line)
        if latency is not None:
            if type(latency) is float and 0.0 <= latency < 1e6:
                latency *= self._latency_unit
            else:
                latency = latency_of(latency, self._latency_unit)
        return LogRecord(at, level, "", _NOTHING, "", None, latency)

    def full(self, line: bytes, extra: Sequence[bytes] = (), offset: int = -1) -> LogRecord | None:
        found = _object(line)
        if found is None:
            return None
        lines = tuple(safe_bytes(one) for one in extra)
        return self._builder.record(flat(found), extra=lines, offset=offset)

    def _long_way(self, line: bytes) -> LogRecord | None:
        found = _object(line)
        if found is None:
            return None
        self._misses += 1
        if self._misses >= _MISSES_BEFORE_LEARNING and len(self._seen) < _MOST_NAMES:
            self._misses = 0
            self._learn([found])
        return self._builder.record(flat(found))

    def _learn(self, objects: Sequence[Mapping[str, object]]) -> None:
        """Make the struct anew, of every name seen so far."""
        for found in objects:
            for name in found:
                if len(self._seen) < _MOST_NAMES and _UNFIT.search(name) is None:
                    self._seen[name] = None
        of = self._builder.meanings.of
        best: dict[str, tuple[int, str]] = {}
        for name in self._seen:
            known = of(name)
            if known is not None and known[0] in _LIGHT:
                best[known[0]] = min(best.get(known[0], (999, "")), (known[1], name))
        chosen = {meaning: name for meaning, (_, name) in best.items()}
        self._latency_unit = self._builder.unit(chosen.get("latency", ""))
        self._rows = msgspec.json.Decoder(self._struct(chosen, _LIGHT))
        self._narrow_rows = msgspec.json.Decoder(self._struct(chosen, _NARROW))

    def _struct(self, chosen: Mapping[str, str], wanted: tuple[str, ...]) -> type[_Row]:
        """A struct that reads the wanted meanings. In the order of the file, in which the decoder looks names up."""
        meaning_of = {name: meaning for meaning, name in chosen.items() if meaning in wanted}
        fields: list[tuple[str, Any, Any]] = []
        rename: dict[str, str] = {}
        for number, name in enumerate(self._seen):
            field = meaning_of.get(name, f"other{number}")
            fields.append((field, self._type(name, field, wanted), None))
            rename[field] = name
        for meaning in wanted:
            if meaning not in chosen:
                fields.append((meaning, None, None))
                rename[meaning] = f"(no {meaning})"
        made = msgspec.defstruct("Row", fields, rename=rename, forbid_unknown_fields=True, gc=False)
        return cast("type[_Row]", made)

    def _type(self, name: str, field: str, wanted: tuple[str, ...]) -> Any:
        """What a value may be without sending the record the long way."""
        if field in wanted or name.lower() in _PREFIXES:
            return _Scalar
        known = self._builder.meanings.of(name)
        # A second name of a meaning must be null, else the long way decides which of the two stands.
        return None if known is not None and known[0] in wanted else msgspec.Raw


def _object(line: bytes) -> dict[str, object] | None:
    """The object on a line; invalid UTF-8 is shown escaped, and what the strict decoder refuses (`NaN`) is tried leniently."""
    try:
        found = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        try:
            found = json.loads(line.decode("utf-8", "backslashreplace"))
        except (ValueError, RecursionError):
            return None
    except RecursionError:
        return None
    return found if isinstance(found, dict) else None


def _units(objects: Sequence[Mapping[str, object]], builder: Builder) -> dict[str, float]:
    """Seconds per unit of the bare latency fields of a sample."""
    values: dict[str, list[float]] = {}
    for found in objects:
        for name, value in flat(found):
            known = builder.meanings.of(name)
            if known is None or known[0] != "latency" or unit_in_name(name) is not None:
                continue
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                values.setdefault(name.lower(), []).append(float(value))
    return {name: learned_unit(numbers) for name, numbers in values.items()}
