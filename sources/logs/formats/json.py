"""JSON lines.

Counting reads a handful of fields of very many records. A struct made from the names that a sample of the file has
reads just those, several times faster than a dictionary; a record with a name that the sample did not have, or a value of an
unexpected type, is read the long way, so that both ways always agree.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, TypeAlias, cast

import msgspec

from console.domain.instant import Instant
from console.domain.logs import LogRecord
from console.guard.sanitise import safe_bytes
from console.query.aliases import ALIASES
from sources.logs.bulk import line_breaks, lines_of_objects
from sources.logs.context import Context
from sources.logs.fields import MOST_FIELDS, REQUEST, STACKS, Builder, flat, status_of
from sources.logs.formats.columns import Columns, Kind, Kinds, Shared, columns_of
from sources.logs.levels import level_of
from sources.logs.times import Stamps
from sources.logs.units import latencies_of, latency_of, learned_unit, unit_in_name

_Scalar = str | int | float | None
"""Without truth values, which a dictionary takes for numbers."""
_Text = str | int | None
_MOST_NAMES = 160
_MISSES_BEFORE_LEARNING = 48
_LIGHT = ("time", "level", "service", "operation", "method", "status", "latency")
_NARROW = ("time", "level", "service", "latency")

_PREFIXES = frozenset(name.split(".", 1)[0] for names in ALIASES.values() for name in names if "." in name)
"""Top-level names whose object may hold a field with a meaning, such as `http` with `http.route`."""

_UNFIT = re.compile(r"[\x00-\x1f\"\\\ud800-\udfff]|^\(no ")
"""In a name: what a struct's field cannot be called; records with such a name are read the long way."""
_decode = msgspec.json.Decoder().decode
_decode_lines = msgspec.json.Decoder(dict[str, Any]).decode_lines
_TOGETHER = 128
"""Lines that are made to records at once: where one of them is unusual, all are made one by one."""


_Key: TypeAlias = tuple[_Scalar, _Text, _Scalar, _Scalar, _Scalar]
"""Level, service, method, route and status of a row."""
_key: Callable[[Any], _Key] = attrgetter("level", "service", "method", "operation", "status")
_narrow_key: Callable[[Any], tuple[_Scalar, _Text]] = attrgetter("level", "service")
_level: Callable[[Any], _Scalar] = attrgetter("level")
_service: Callable[[Any], _Text] = attrgetter("service")
_method: Callable[[Any], _Scalar] = attrgetter("method")
_route: Callable[[Any], _Scalar] = attrgetter("operation")
_status: Callable[[Any], _Scalar] = attrgetter("status")
_time: Callable[[Any], _Scalar] = attrgetter("time")
_latency: Callable[[Any], _Scalar] = attrgetter("latency")


class _Row(msgspec.Struct):
    """Shape of the struct that is made for a file."""

    time: _Scalar
    level: _Scalar
    service: _Text
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
        self._stamps: Stamps[str] = Stamps(self._builder.clock, self._builder.at)
        self._shared = Shared()
        self._kinds: Kinds[_Key] = Kinds(self._kind)
        self._whole: Kinds[tuple[_Scalar, _Text, str, _Scalar]] = Kinds(
            lambda key: self._shared.kind(level_of(key[0]), self._builder.service(key[1]), key[2], status_of(key[3]))
        )
        self._named: Kinds[tuple[_Scalar, _Text]] = Kinds(
            lambda key: self._shared.kind(level_of(key[0]), self._builder.service(key[1]))
        )
        self._seen: dict[str, None] = {}
        self._misses = 0
        self._learn(objects)

    def starts(self, line: bytes) -> bool:
        return line[:1] == b"{" or line.lstrip()[:1] == b"{"

    def keys(self, meaning: str) -> Sequence[str]:
        return self._builder.meanings.names(meaning)

    def light(self, line: bytes) -> LogRecord | None:
        try:
            row = self._rows.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._long_way(line)
        kind = self._kinds[_key(row)]
        return kind.record(self._at(row.time), self._latency(row.latency))

    def narrow(self, line: bytes) -> LogRecord | None:
        try:
            row = self._narrow_rows.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._long_way(line)
        return self._named[row.level, row.service].record(self._at(row.time), self._latency(row.latency))

    def columns(self, text: bytes, narrow: bool) -> Columns | None:
        if text[:1] == b"{" and text[-1:] == b"}":
            size, apart = lines_of_objects(text)
        else:
            size, apart = line_breaks(text) + 1, False
        rows, places = self._decoded(text, size if apart else 0, self._narrow_rows if narrow else self._rows)
        if not rows:
            return None
        if narrow:
            kinds = list(map(self._named.__getitem__, map(_narrow_key, rows)))
        else:
            kinds = self._kinds_of(rows)
        # Others than texts are read slowly.
        stamps: Any = list(map(_time, rows))
        found = columns_of(
            self._stamps.column(stamps),
            kinds,
            latencies_of(list(map(_latency, rows)), self._latency_unit),
        )
        if places is None:
            return found
        columns = Columns.blank(size)
        columns.put(places, found)
        return columns

    def messages(self, text: bytes) -> Sequence[str | None] | None:
        decoder = self._message_rows
        try:
            rows: Sequence[Any] = decoder.decode_lines(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            rows = ()
        if len(rows) != line_breaks(text) + 1:
            rows = [self._message_row(line) for line in text.split(b"\n")]
        found = [row.message0 if row is not None else None for row in rows]
        if None not in found and "" not in found:
            return found
        # An empty field makes way for its alias.
        return [
            None if row is None else next((value for value in msgspec.structs.astuple(row) if value), "")
            for row in rows
        ]

    def texts(self, text: bytes) -> Sequence[Sequence[object]]:
        decoder = self._text_rows
        # An object inside another has fields of its own, and of very many not all are kept.
        if decoder is None or text.count(b"{") != line_breaks(text) + 1:
            return ()
        try:
            rows: Sequence[Any] = decoder.decode_lines(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return ()
        return list(map(self._texts_of, rows)) if len(rows) == line_breaks(text) + 1 else ()

    def _message_row(self, line: bytes) -> Any:
        try:
            return self._message_rows.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def _decoded(
        self, text: bytes, size: int, decoder: msgspec.json.Decoder[_Row]
    ) -> tuple[list[_Row], list[int] | None]:
        """The rows of a text, and the lines they stand on, None: on all.

        Between an object's end and the next one's beginning nothing of an object can be open: where every line break
        stands so, and there are as many objects as lines, each line is one object.

        Args:
            text: Lines.
            size: How many they are, if every line break stands so; else 0.
            decoder: Of one row.
        """
        if size:
            try:
                rows = decoder.decode_lines(text)
                if len(rows) == size:
                    return rows, None
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                pass
        rows, places = [], []
        for place, line in enumerate(text.split(b"\n")):
            if line[:1] == b"{":
                try:
                    rows.append(decoder.decode(line))
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    continue
                places.append(place)
        return rows, places

    def _kinds_of(self, rows: Sequence[_Row]) -> list[Kind]:
        """The kind of each row. Operations are named first: hardly any two routes with identifiers are the same."""
        operations = self._builder.operations(map(_method, rows), map(_route, rows))
        keys = zip(map(_level, rows), map(_service, rows), operations, map(_status, rows), strict=True)
        return list(map(self._whole.__getitem__, keys))

    def _kind(self, key: _Key) -> Kind:
        level, service, method, route, status = key
        return self._shared.kind(
            level_of(level),
            self._builder.service(service),
            self._builder.operation(method, route) if route is not None else "",
            status_of(status),
        )

    def _at(self, stamp: _Scalar) -> Instant | None:
        return self._stamps.one(stamp) if type(stamp) is str else self._builder.at(stamp)

    def _latency(self, value: _Scalar) -> float | None:
        return None if value is None else latency_of(value, self._latency_unit)

    def full(self, line: bytes, extra: Sequence[bytes] = (), offset: int = -1) -> LogRecord | None:
        found = _object(line)
        if found is None:
            return None
        lines = tuple([safe_bytes(one) for one in extra]) if extra else ()
        values = list(found.values())
        if dict in map(type, values):
            return self._builder.record(flat(found), extra=lines, offset=offset)
        return self._builder.filled(self._builder.plans[tuple(found)], values, extra=lines, offset=offset)

    def full_lines(self, lines: Sequence[bytes], offsets: Sequence[int]) -> list[LogRecord | None]:
        text = b"\n".join(lines)
        size, apart = lines_of_objects(text) if text[:1] == b"{" and text[-1:] == b"}" else (0, False)
        objects: list[dict[str, object]] = []
        if apart and size == len(lines):
            try:
                objects = _decode_lines(text)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                pass
        if len(objects) != len(lines):
            return [self.full(line, (), offset) for line, offset in zip(lines, offsets, strict=True)]
        alike: dict[tuple[str, ...], list[int]] = {}
        for place, one in enumerate(objects):
            alike.setdefault(tuple(one), []).append(place)
        found: list[LogRecord | None] = [None] * len(lines)
        for names, places in alike.items():
            for low in range(0, len(places), _TOGETHER):
                some = places[low : low + _TOGETHER]
                for place, record in zip(some, self._fulls(names, some, objects, lines, offsets), strict=True):
                    found[place] = record
        return found

    def _fulls(
        self,
        names: tuple[str, ...],
        places: list[int],
        objects: Sequence[dict[str, object]],
        lines: Sequence[bytes],
        offsets: Sequence[int],
    ) -> Sequence[LogRecord | None]:
        """The records of some lines whose objects have the same names."""
        rows = [list(objects[place].values()) for place in places]
        if names:
            together = self._builder.filled_all(self._builder.plans[names], rows, [offsets[place] for place in places])
            if together is not None:
                return together
        return [self.full(lines[place], (), offsets[place]) for place in places]

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
        names = sorted(
            (known[1], name) for name in self._seen if (known := of(name)) is not None and known[0] == "message"
        )
        names += [(len(names), name) for name in self._seen if name.lower() == REQUEST][:1]
        texts = {f"message{number}": name for number, (_, name) in enumerate(names)} or {"message0": "(no message)"}
        row = msgspec.defstruct("Message", [(field, str | None, None) for field in texts], rename=texts, gc=False)
        self._message_rows: msgspec.json.Decoder[Any] = msgspec.json.Decoder(row)
        self._learn_texts()

    def _learn_texts(self) -> None:
        """Which fields are shown as they stand: those without a meaning, and the traces' ids."""
        self._text_rows: msgspec.json.Decoder[Any] | None = None
        of = self._builder.meanings.of
        shown = [
            f"other{number}"
            for number, name in enumerate(self._seen)
            if ((known := of(name)) is None or known[0] == "trace_id")
            and name.lower() not in (REQUEST, *STACKS)
            and name.lower() not in _PREFIXES
        ]
        if len(self._seen) > MOST_FIELDS or not shown:
            return
        fields = [
            (f"other{number}", Any if f"other{number}" in shown else msgspec.Raw, None)
            for number in range(len(self._seen))
        ]
        rename = {f"other{number}": name for number, name in enumerate(self._seen)}
        row = msgspec.defstruct("Texts", fields, rename=rename, forbid_unknown_fields=True, gc=False)
        self._text_rows = msgspec.json.Decoder(row)
        self._texts_of: Callable[[Any], Sequence[object]] = attrgetter(shown[0], *(shown[1:] or shown))

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
            return _Text if field == "service" else _Scalar
        known = self._builder.meanings.of(name)
        # A second name of a meaning must be null, else the long way decides which of the two stands.
        return None if known is not None and known[0] in wanted else msgspec.Raw


def _named(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    # Two backslashes inside a text of JSON are one.
    return "".join(f"\\\\x{byte:02x}" for byte in error.object[error.start : error.end]), error.end


_VISIBLE = "incident-visible-in-json"
codecs.register_error(_VISIBLE, _named)


def _object(line: bytes) -> dict[str, object] | None:
    """The object on a line; invalid UTF-8 is shown escaped, and what the strict decoder refuses (`NaN`, control
    characters) is tried leniently."""
    try:
        found = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        try:
            found = json.loads(line.decode("utf-8", _VISIBLE), strict=False)
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
