"""logfmt: `key=value key="quoted value"`, as Go services, Heroku and Logrus write it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeVar

from console.domain.instant import Instant
from console.domain.logs import LogRecord
from console.domain.values import dataclass
from console.guard.sanitise import safe_bytes
from sources.logs.context import Context
from sources.logs.fields import FIELD_LIMIT, MESSAGE_PLACE, Builder, Plan, status_of
from sources.logs.formats.columns import Columns, Kind, Kinds, Shared, columns_of, filled
from sources.logs.levels import level_of
from sources.logs.times import Stamps
from sources.logs.units import latency_of, learned_unit, unit_in_name

_PAIR = re.compile(rb'(?<![A-Za-z_@])([A-Za-z_@][\w.@/-]*+)=(?:"([^"\\]*+(?:\\.[^"\\]*+)*+)"|([^\s"]\S*+|))(?=\s|$)')
"""A name begins at the first letter of a word: from any other, what does not fit would only be looked at again."""
_START = re.compile(rb"[A-Za-z_@][\w.@/-]*=")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_VALUE = rb'([^\s"=\\]++)'
_ANY_VALUE = rb'(?:"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"|[^\s"]\S*+|)'
_FIRST_SHAPES = 3
_MOST_SHAPES = 12
_MISSES_BEFORE_LEARNING = 48
_MOST_ORDERS = 512
_MOST_NAMES = 40
_T = TypeVar("_T")
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


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _order(line: bytes) -> tuple[bytes, ...]:
    """The names of a line's pairs."""
    return tuple([name for name, _, _ in _PAIR.findall(line)])


@dataclass(frozen=True, slots=True)
class _Shape:
    """A sequence of names, as expressions that are several times faster than finding pairs one by one."""

    line: re.Pattern[bytes]
    """Matches one line; its groups are the values with a meaning."""
    block: re.Pattern[bytes]
    """The same for every line of a text; its last group is a line that does not fit."""
    message: re.Pattern[bytes]
    """As `block`; its first group is the message."""
    whole: re.Pattern[str]
    """Matches one line without escapes; its groups are all values, with their quotes."""
    plan: Plan
    time: int
    """Which of the groups holds the time."""
    latency: int | None
    meanings: tuple[str, ...]
    """Of the other groups, which make the kind."""
    kinds: Kinds[tuple[bytes, ...]]

    def key(self, values: Sequence[_T]) -> tuple[_T, ...]:
        """What makes the kind, of something that there is for each group."""
        return tuple([value for index, value in enumerate(values) if index not in (self.time, self.latency)])


class LogfmtFormat:
    """One record per line that begins with a pair."""

    name = "logfmt"

    def __init__(self, context: Context, sample: Sequence[bytes] = ()) -> None:
        pairs = [pairs_in(line) for line in sample]
        self._builder = Builder(context, learned_units(pairs, Builder(context)))
        self._stamps: Stamps[bytes] = Stamps(self._builder.clock, self._stamp)
        self._shared = Shared()
        self._latency_unit = 1e-3
        self._latency_name = b""
        orders = Counter(_order(line) for line in sample)
        shapes = [self._shape(order) for order, _ in orders.most_common(_FIRST_SHAPES)]
        self._shapes = [shape for shape in shapes if shape is not None]
        self._misses: Counter[tuple[bytes, ...]] = Counter()

    def starts(self, line: bytes) -> bool:
        return _START.match(line) is not None

    def _shape(self, order: tuple[bytes, ...]) -> _Shape | None:
        """None where a meaning has no field or several: then only the long way tells which stands."""
        groups: dict[int, str] = {}
        for index, name in enumerate(order):
            known = self._builder.meanings.of(name.decode("ascii"))
            if known is not None and known[0] in _LIGHT:
                groups[index] = known[0]
        meanings = list(groups.values())
        if "time" not in meanings or len(set(meanings)) < len(meanings) or len(order) > _MOST_NAMES:
            return None
        if "latency" in meanings:
            name = next(order[index] for index, meaning in groups.items() if meaning == "latency")
            if self._latency_name not in (b"", name):
                return None
            self._latency_name, self._latency_unit = name, self._builder.unit(name.decode("ascii"))
        parts = [
            rb"%s=%s" % (re.escape(name), _VALUE if index in groups else _ANY_VALUE) for index, name in enumerate(order)
        ]
        whole = rb" ".join(parts) + rb"[^\S\n]*+"
        names = tuple([name.decode("ascii") for name in order])
        others = tuple(meaning for meaning in meanings if meaning not in ("time", "latency"))
        return _Shape(
            re.compile(rb"%s\Z" % whole),
            re.compile(rb"^(?:%s|(.*+))$" % whole, re.M),
            re.compile(rb"^(?:%s|(.*+))$" % self._telling_message(order), re.M),
            re.compile(" ".join([rf'{re.escape(name)}=("[^"\\]*+"|[^\s"]\S*+|)' for name in names]) + r"\s*\Z", re.A),
            self._builder.plans[names],
            meanings.index("time"),
            meanings.index("latency") if "latency" in meanings else None,
            others,
            Kinds(lambda key: self._kind(dict(zip(others, key, strict=True)))),
        )

    def _telling_message(self, order: tuple[bytes, ...]) -> bytes:
        """An expression for lines with these names; its group is the message, and is empty where there is none."""
        place = self._builder.plans[tuple([name.decode("ascii") for name in order])].places[MESSAGE_PLACE]
        parts = [
            rb"%s=%s" % (re.escape(name), rb"(%s)" % _ANY_VALUE if index == place else _ANY_VALUE)
            for index, name in enumerate(order)
        ]
        return (b"" if place >= 0 else b"()") + rb" ".join(parts) + rb"[^\S\n]*+"

    def _kind(self, raw: Mapping[str, bytes]) -> Kind:
        found = {meaning: _text(value) for meaning, value in raw.items()}
        return self._shared.kind(
            level_of(found.get("level", "")),
            self._builder.service(found.get("service")),
            self._builder.operation(found.get("method", ""), found["operation"]) if "operation" in found else "",
            status_of(found.get("status")),
        )

    def _stamp(self, raw: bytes) -> Instant | None:
        return self._builder.clock.text(raw.decode("ascii", "replace"))

    def _latency(self, raw: bytes) -> float | None:
        return latency_of(raw.decode("ascii", "replace"), self._latency_unit)

    def light(self, line: bytes) -> LogRecord | None:
        for shape in self._shapes:
            match = shape.line.match(line)
            if match is not None:
                values = match.groups()
                latency = self._latency(values[shape.latency]) if shape.latency is not None else None
                return shape.kinds[shape.key(values)].record(self._stamps.one(values[shape.time]), latency)
        pairs = pairs_in(line)
        if not pairs:
            return None
        self._learn(line)
        of = self._builder.meanings.of
        telling = [(name, value) for name, value in pairs if (known := of(name)) is not None and known[0] in _LIGHT]
        return self._builder.record(telling)

    def _learn(self, line: bytes) -> None:
        """Note a line of no known shape; a sequence of names that comes often becomes a shape."""
        order = _order(line)
        if len(self._shapes) >= _MOST_SHAPES or (order not in self._misses and len(self._misses) >= _MOST_ORDERS):
            return
        self._misses[order] += 1
        if self._misses[order] == _MISSES_BEFORE_LEARNING:
            shape = self._shape(order)
            if shape is not None and shape.line.match(line) is not None:
                self._shapes.append(shape)

    narrow = light

    def columns(self, text: bytes, narrow: bool) -> Columns | None:
        if not self._shapes:
            return None
        columns: Columns | None = None
        places: Sequence[int] = range(text.count(b"\n") + 1)
        for shape in self._shapes:
            part, unread = self._read(shape, text, narrow)
            if columns is None and not unread:
                return part
            columns = columns or Columns.blank(len(places))
            columns.put(places, part)
            if not unread:
                break
            places = [places[index] for index, _ in unread]
            text = b"\n".join([line for _, line in unread])
        return columns

    def _read(self, shape: _Shape, text: bytes, narrow: bool) -> tuple[Columns, list[tuple[int, bytes]]]:
        """The rows of a text by one shape, and the lines that it does not fit, by number."""
        *values, others = zip(*shape.block.findall(text), strict=True)
        stamps = values[shape.time]
        # Of kinds without any value there is one for all.
        telling = shape.key(values)
        if narrow:
            # Routes with identifiers make very many kinds, which nobody asked for.
            nothing = (b"",) * len(stamps)
            telling = tuple(
                [
                    column if meaning in ("level", "service") else nothing
                    for meaning, column in zip(shape.meanings, telling, strict=True)
                ]
            )
        keys = zip(*telling, strict=True) if shape.meanings else [()] * len(stamps)
        latencies: list[float | None] = [None] * len(stamps)
        if shape.latency is not None:
            latencies = self._latencies(values[shape.latency])
        times = self._stamps.column(filled(stamps))
        if b"" not in stamps:
            return columns_of(times, [shape.kinds[key] for key in keys], latencies), []
        kinds = [shape.kinds[key] if stamp else None for stamp, key in zip(stamps, keys, strict=True)]
        unread = [(index, line) for index, (stamp, line) in enumerate(zip(stamps, others, strict=True)) if not stamp]
        return columns_of(times, kinds, latencies), unread

    def messages(self, text: bytes) -> Sequence[str | None] | None:
        found: list[str | None] = [None] * (text.count(b"\n") + 1)
        places: Sequence[int] = range(len(found))
        for shape in self._shapes:
            rows = shape.message.findall(text)
            for place, (value, _) in zip(places, rows, strict=True):
                told = value[1:-1] if value[:1] == b'"' else value
                # An empty message makes way for an alias, and an escape must be read.
                if told and b"\\" not in told:
                    found[place] = told.decode("utf-8", "backslashreplace")
            unread = [(place, line) for place, (_, line) in zip(places, rows, strict=True) if line]
            if not unread:
                break
            places = [place for place, _ in unread]
            text = b"\n".join([line for _, line in unread])
        return found

    def _latencies(self, raw: Sequence[bytes]) -> list[float | None]:
        unit = self._latency_unit
        try:
            return [
                None if not value else number * unit if 0.0 <= (number := float(value)) < 1e6 else self._latency(value)
                for value in raw
            ]
        except ValueError:
            return [self._latency(value) if value else None for value in raw]

    def full(self, line: bytes, extra: Sequence[bytes] = (), offset: int = -1) -> LogRecord | None:
        more = tuple([safe_bytes(one) for one in extra]) if extra else ()
        if b"\\" not in line and line.isascii():
            text = line.decode("ascii")
            for shape in self._shapes:
                match = shape.whole.match(text)
                if match is not None:
                    values = [value[1:-1] if value[:1] == '"' else value for value in match.groups()]
                    tidy = len(text) <= FIELD_LIMIT and text.isprintable()
                    return self._builder.filled(
                        shape.plan, values, texts=values if tidy else None, extra=more, offset=offset
                    )
        pairs = pairs_in(line)
        return self._builder.record(pairs, extra=more, offset=offset) if pairs else None
