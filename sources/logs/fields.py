"""Which field of a structured record means what, and the making of a `LogRecord` from it.

Names are compared without regard to case. Where a record has several fields of one meaning, the earliest in the list
stands. Nested objects are read by their dotted path (`{"http": {"route": …}}` is `http.route`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, TypeAlias, TypeVar, cast

from console.domain.instant import Instant
from console.domain.logs import Level, LogRecord
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.sanitise import DEFAULT_LIMIT, safe, safe_lines
from console.query.aliases import CANONICAL
from sources.logs.context import Context
from sources.logs.levels import level_of
from sources.logs.memo import Memo
from sources.logs.operations import LONGEST, literal_digits, operation_name, path_of
from sources.logs.times import Clock, Stamps
from sources.logs.units import latencies_of, latency_of, unit_in_name

_T = TypeVar("_T")
ZEROS = str.maketrans("123456789", "000000000")
_DIGIT = re.compile(r"\d")
Spans: TypeAlias = tuple[tuple[int, int], ...]
"""From where to where, in a text."""
MOST_VERSIONS = 20_000
MOST_FIELDS = 64
"""Fields of one record that are kept for the screen."""
FIELD_LIMIT = 1024
"""Characters of one field that are kept for the screen."""
LONGEST_TRACE = 200
"""Characters of a trace's id that are kept."""


def digits_at(route: str, spans: Spans) -> str:
    """What stands at some places."""
    if len(spans) == 1:
        low, high = spans[0]
        return route[low:high]
    return "/".join([route[low:high] for low, high in spans])


class Meanings:
    """The field names of one source, aliases and configured names together."""

    def __init__(self, context: Context) -> None:
        self._table = dict(CANONICAL)
        names = context.names
        configured = {
            "time": names.time,
            "level": names.level,
            "message": names.message,
            "service": names.service,
            "operation": names.operation,
            "method": names.method,
            "status": names.status,
            "latency": names.latency,
            "trace_id": names.trace_id,
        }
        for meaning, name in configured.items():
            if name is not None:
                self._table[name.lower()] = (meaning, -1)

    def of(self, name: str) -> tuple[str, int] | None:
        """Meaning and rank of a field name (lower rank wins); None where it has no known meaning."""
        return self._table.get(name.lower())

    def names(self, meaning: str) -> list[str]:
        """The field names with a meaning, lower case."""
        return [name for name, (its, _) in self._table.items() if its == meaning]


class Builder:
    """Makes the records of one file from field values."""

    def __init__(self, context: Context, latency_units: Mapping[str, float] | None = None) -> None:
        """`latency_units` are what a sample taught of bare latency fields: seconds per unit, by field name."""
        self.context = context
        self.clock = Clock(context.zone, context.reference)
        self.meanings = Meanings(context)
        self._route_as_is = context.names.operation is not None
        self._learned = dict(latency_units or {})
        self._units: dict[str, float] = {}
        self.plans = Memo(self._plan, 512)
        """Plans by the names of fields, in their order."""
        self._stamps: Stamps[str] = Stamps(self.clock, self.clock.text)
        self._operations = Memo(self._operation, 20_000)
        self._alike = Memo(self._alike_of)
        self._versions: dict[tuple[str, str, str], str] = {}
        self._services: Memo[str, str] = Memo(self._service, 512)

    def unit(self, name: str) -> float:
        """Seconds per unit of the latency field `name`, by the rule of `sources.logs.units`."""
        known = self._units.get(name)
        if known is None:
            known = self._unit(name)
            if len(self._units) < 64:
                self._units[name] = known
        return known

    def _unit(self, name: str) -> float:
        configured = self.context.names.latency_unit
        if configured is not None:
            return {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}[configured]
        told = unit_in_name(name)
        return told if told is not None else self._learned.get(name.lower(), 1e-3)

    def at(self, value: object) -> Instant | None:
        """The instant that a time field's value names."""
        if isinstance(value, str):
            return self._stamps.one(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return self.clock.number(float(value))
        return None

    def service(self, value: object) -> str:
        """The service: the one that configuration or path names, else the field's value, else the fallback."""
        return self._services[value] if type(value) is str else self._service(value)

    def _service(self, value: object) -> str:
        context = self.context
        return context.service or ("" if value is None else safe(text_of(value), 200)) or context.fallback_service

    def operation(self, method: object, route: object) -> str:
        """The operation's name from the values of a method and a route field."""
        if not isinstance(route, str):
            return ""
        method = method if isinstance(method, str) else ""
        known = self._operations.get((method, route))
        if known is not None or self._route_as_is:
            return known if known is not None else self._operations[method, route]
        return self._named(method, route, route.translate(ZEROS))

    def operations(self, methods: Iterable[object], routes: Iterable[object]) -> list[str]:
        """As `operation`, of many at once."""
        verbs = [method if type(method) is str else "" for method in methods]
        paths = [route if type(route) is str else "" for route in routes]
        zeroed = "\n".join(paths).translate(ZEROS).split("\n")
        if len(zeroed) != len(paths) or self._route_as_is:
            return [self.operation(verb, path) for verb, path in zip(verbs, paths, strict=True)]
        alike = list(map(self._alike.__getitem__, zip(verbs, zeroed, strict=True)))
        if set(map(type, alike)) == {str}:
            return cast("list[str]", alike)
        named, versions = self._named, self._versions
        found: list[str] = []
        for name, verb, path, zeros in zip(alike, verbs, paths, zeroed, strict=True):
            if isinstance(name, tuple):
                found.append(versions.get((verb, zeros, digits_at(path, name))) or named(verb, path, zeros))
            else:
                found.append(name or named(verb, path, zeros))
        return found

    def _named(self, method: str, route: str, zeroed: str) -> str:
        """The operation of a route that is not a name itself.

        Identifiers make many routes of one operation, and which digits they are made of tells nothing: routes that differ in
        digits only are one. Where digits belong to the name (`/v1/…`), those that have the same ones there are.

        Args:
            zeroed: The route with zeros in place of all digits.
        """
        alike = self._alike[method, zeroed]
        if isinstance(alike, str):
            return alike
        if alike is None:
            return self._operations[method, route]
        key = method, zeroed, digits_at(route, alike)
        found = self._versions.get(key)
        if found is None:
            if len(self._versions) >= MOST_VERSIONS:
                self._versions.clear()
            found = self._versions[key] = self._operation((method, route))
        return found

    def _operation_of(self, named: tuple[object, object]) -> str:
        return self.operation(*named)

    def _alike_of(self, key: tuple[str, str]) -> str | Spans | None:
        """The one operation of all routes that are this one with other digits; or where digits stand that belong to its name;
        None where the whole route has to be known."""
        name, route = self._operation(key), key[1]
        if not _DIGIT.search(name):
            return name
        plain = route.startswith("/") and len(name) < LONGEST and path_of(route) == route
        return literal_digits(route) if plain else None

    def _operation(self, key: tuple[str, str]) -> str:
        name = operation_name(*key, as_is=self._route_as_is)
        return name if name.isascii() and name.isprintable() else safe(name)

    def record(
        self,
        pairs: Sequence[tuple[str, object]],
        *,
        extra: tuple[SafeText, ...] = (),
        at: Instant | None = None,
        level: Level = Level.UNKNOWN,
        message: str = "",
        offset: int = -1,
    ) -> LogRecord:
        """A record from its fields, each by its own name.

        Args:
            pairs: Names (dotted where nested) and values.
            extra: Lines that follow it.
            at, level, message: What the format itself told; a field of that meaning stands before them.
            offset: Where the record starts in its file.
        """
        plan = self.plans[tuple([name for name, _ in pairs])]
        values = [value for _, value in pairs]
        return self.filled(plan, values, extra=extra, at=at, level=level, message=message, offset=offset)

    def filled(
        self,
        plan: Plan,
        values: Sequence[object],
        *,
        texts: Sequence[str] | None = None,
        extra: tuple[SafeText, ...] = (),
        at: Instant | None = None,
        level: Level = Level.UNKNOWN,
        message: str = "",
        offset: int = -1,
    ) -> LogRecord:
        """A record from the values of fields whose names have a plan.

        Args:
            plan: From `plans`.
            values: Of the fields, in its order.
            texts: Their texts, where these are known to need no cleaning; None: not known.
            extra, at, level, message, offset: As for `record`.
        """
        if None in values or "" in values:
            for index in plan.telling:
                if values[index] is None or values[index] == "":
                    plan = self._plan_without(plan.names, values)
                    break
        tidy = texts is not None
        if texts is None:
            texts = _texts(values)
            # Most records are short and have nothing to be made visible: one look at all of it spares one at every field.
            together = "".join(texts)
            tidy = len(together) <= FIELD_LIMIT and together.isascii() and together.isprintable()
        i_time, i_level, i_service, i_message, i_operation, i_method, i_status, i_latency, i_trace = plan.places
        if i_message >= 0:
            message = texts[i_message]
        elif tidy:
            tidy = len(message) <= FIELD_LIMIT and message.isascii() and message.isprintable()
        when = self.at(values[i_time]) if i_time >= 0 else None
        trace = texts[i_trace] if i_trace >= 0 else ""
        if tidy:
            first, more = SafeText(message), extra
            clean_texts = cast("Sequence[SafeText]", texts)
            fields = tuple([(name, clean_texts[index]) for index, name in plan.shown])
        else:
            first, more, fields = self._cleaned(values, texts, plan, message, extra)
        status = status_of(values[i_status]) if i_status >= 0 else None
        if status is None and plan.own_status:
            # `ok` and exit codes are no HTTP status, and shown nowhere else.
            fields = (*fields, (SafeText("status"), clean(texts[i_status], FIELD_LIMIT)))
        return LogRecord(
            when if when is not None else at,
            level_of(values[i_level]) if i_level >= 0 else level,
            self.context.service or self.service(values[i_service] if i_service >= 0 else None),
            first,
            self.operation(values[i_method] if i_method >= 0 else None, values[i_operation])
            if i_operation >= 0
            else "",
            status,
            latency_of(values[i_latency], plan.unit) if i_latency >= 0 else None,
            trace if tidy and len(trace) <= LONGEST_TRACE else clean(trace, LONGEST_TRACE),
            more,
            fields,
            self.context.source,
            self.context.file,
            offset,
        )

    def filled_all(
        self, plan: Plan, rows: Sequence[Sequence[object]], offsets: Sequence[int]
    ) -> list[LogRecord] | None:
        """As `filled` for many records with the same names of fields; None where one of them is unusual (holds an object, something
        that must be made visible or cut, or nothing under a name that has a meaning).

        Args:
            plan: From `plans`.
            rows: The values of each.
            offsets: Where each starts in its file.
        """
        columns = list(zip(*rows, strict=True))
        kinds = [set(map(type, column)) for column in columns]
        if any(dict in kind for kind in kinds):
            return None
        texts = [
            cast("Sequence[str]", column) if kind == {str} else _texts(column)
            for kind, column in zip(kinds, columns, strict=True)
        ]
        together = "".join(map("".join, texts))
        if not (together.isascii() and together.isprintable()):
            return None
        if sum([max(map(len, column)) for column in texts]) > FIELD_LIMIT:
            return None
        for index in plan.telling:
            if None in columns[index] or "" in columns[index]:
                return None
        i_time, i_level, i_service, i_message, i_operation, i_method, i_status, i_latency, i_trace = plan.places
        if i_trace >= 0 and max(map(len, texts[i_trace])) > LONGEST_TRACE:
            return None
        statuses = list(_each(status_of, columns[i_status])) if i_status >= 0 else []
        if plan.own_status and None in statuses:
            return None
        nothing, empty = repeat(None), repeat("")
        when: Iterable[Instant | None] = nothing
        if i_time >= 0:
            stamps = cast("Sequence[str]", columns[i_time])
            when = self._stamps.column(stamps) if kinds[i_time] == {str} else map(self.at, stamps)
        named = columns[i_service] if i_service >= 0 and not self.context.service else repeat(None)
        methods = columns[i_method] if i_method >= 0 else [None] * len(rows)
        shown = [name for _, name in plan.shown]
        values = zip(*[texts[i] for i, _ in plan.shown], strict=True)
        fields = [tuple(zip(shown, row, strict=True)) for row in values] if shown else repeat(())
        return list(
            map(
                LogRecord,
                when,
                _each(level_of, columns[i_level]) if i_level >= 0 else repeat(Level.UNKNOWN),
                map(self.service, named),
                cast("Iterable[SafeText]", texts[i_message] if i_message >= 0 else empty),
                _each(self._operation_of, list(zip(methods, columns[i_operation], strict=True)))
                if i_operation >= 0
                else empty,
                statuses if i_status >= 0 else nothing,
                latencies_of(columns[i_latency], plan.unit) if i_latency >= 0 else nothing,
                texts[i_trace] if i_trace >= 0 else empty,
                repeat(()),
                cast("Iterable[tuple[tuple[str, SafeText], ...]]", fields),
                repeat(self.context.source),
                repeat(self.context.file),
                offsets,
            )
        )

    def _cleaned(
        self, values: Sequence[object], texts: Sequence[str], plan: Plan, message: str, extra: tuple[SafeText, ...]
    ) -> tuple[SafeText, tuple[SafeText, ...], tuple[tuple[SafeText, SafeText], ...]]:
        """First line, further lines and fields of a record in which something may have to be made visible."""
        lines = safe_lines(message) if "\n" in message else (clean(message, DEFAULT_LIMIT),)
        stacks = [index for index in plan.stacks if "\n" in texts[index] and type(values[index]) is str]
        stack = safe_lines(texts[stacks[0]]) if stacks else ()
        fields = [(name, clean(texts[index], FIELD_LIMIT)) for index, name in plan.shown if index not in stacks]
        return lines[0] if lines else SafeText(""), lines[1:] + stack + extra, tuple(fields)

    def _plan_without(self, names: Sequence[str], values: Sequence[object]) -> Plan:
        """The plan where some fields are empty: an empty field has no meaning, and makes way for its alias."""
        full = [index for index, value in enumerate(values) if value is not None and value != ""]
        plan = self._plan(tuple([names[index] for index in full]))
        shown = [(full[index], name) for index, name in plan.shown]
        # A meaning without a value is no text that could be found; an empty text stays what it is.
        shown += [
            (index, safe(name, 200))
            for index, name in enumerate(names)
            if index not in full and not (values[index] is None and self.meanings.of(name))
        ]
        places = tuple([full[index] if index >= 0 else -1 for index in plan.places])
        stacks = tuple([full[index] for index in plan.stacks])
        return Plan(tuple(names), places, tuple(shown[:MOST_FIELDS]), (), stacks, plan.unit, plan.own_status)

    def _plan(self, names: tuple[str, ...]) -> Plan:
        found: dict[str, int] = {}
        ranks: dict[str, int] = {}
        telling: list[int] = []
        for index, name in enumerate(names):
            known = self.meanings.of(name)
            if known is None:
                continue
            telling.append(index)
            meaning, rank = known
            if meaning not in found or rank < ranks[meaning]:
                found[meaning], ranks[meaning] = index, rank
        # A request line says what happened where nothing else does; it stays a field as well.
        message = found.get("message", min((i for i in range(len(names)) if names[i].lower() == REQUEST), default=-1))
        # What a record has under a name of its own is shown by that name too, so that a query finds both names.
        hidden = {i for m, i in found.items() if m in ("time", "message") or (m in _KEPT and names[i].lower() == m)}
        first = [
            i for m in ("method", "operation", "latency", "status") if (i := found.get(m, -1)) >= 0 and i not in hidden
        ]
        order = first + [i for i in range(len(names)) if i not in hidden and i not in first]
        return Plan(
            names,
            tuple([found.get(meaning, -1) if meaning != "message" else message for meaning in _PLACES]),
            tuple((i, safe(names[i], 200)) for i in order[:MOST_FIELDS]),
            tuple(telling),
            tuple([index for index, name in enumerate(names) if name.lower() in STACKS]),
            self.unit(names[found["latency"]]) if "latency" in found else 0.0,
            found.get("status", -1) in hidden,
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """How the records with some sequence of field names are read."""

    names: tuple[str, ...]
    places: tuple[int, ...]
    """Where the fields with the meanings of `_PLACES` stand; -1: nowhere."""
    shown: tuple[tuple[int, SafeText], ...]
    telling: tuple[int, ...]
    """Where the fields with a meaning stand."""
    stacks: tuple[int, ...]
    """Which fields may hold a stack trace."""
    unit: float
    """Seconds per unit of the latency."""
    own_status: bool
    """The status is not among the shown fields, since it has the record's own name."""


REQUEST = "request"
"""Name of the field that stands for the message of a record without one: `GET /x HTTP/1.1`."""
_PLACES = ("time", "level", "service", "message", "operation", "method", "status", "latency", "trace_id")
MESSAGE_PLACE = _PLACES.index("message")
_KEPT = ("status", "level", "service", "trace_id")
"""Meanings that are hidden among the fields where the record itself calls them so."""


def _texts(values: Sequence[object]) -> list[str]:
    return [
        value if type(value) is str else str(value) if type(value) in _NUMBERS else text_of(value) for value in values
    ]


_NUMBERS = frozenset((int, float))
_SIMPLE = ({str}, {int}, {tuple})


def _each(function: Callable[[Any], _T], values: Sequence[Any]) -> Iterable[_T]:
    """The function of each value; of equal ones of one type, called once."""
    if set(map(type, values)) in _SIMPLE:
        try:
            known = {value: function(value) for value in set(values)}
        except TypeError:
            return map(function, values)  # something in them cannot be a key
        return map(known.__getitem__, values)
    return map(function, values)


def clean(value: object, limit: int) -> SafeText:
    """A field's value as one line of safe text."""
    text = value if type(value) is str else text_of(value)
    if len(text) <= limit and text.isascii() and text.isprintable():
        return SafeText(text)
    return safe(text, limit)


STACKS = frozenset(
    ("stack", "stacktrace", "stack_trace", "exc_info", "exception", "traceback", "error.stack", "err.stack",
     "error.stack_trace", "exception.stacktrace", "error.stacktrace")
)  # fmt: skip
"""Fields that hold a stack trace, which is read as further lines of the record."""


def status_of(value: object) -> int | None:
    """An HTTP status, 100 to 599, from a number or a text; None for anything else, such as `ok` or an exit code."""
    if isinstance(value, str):
        if len(value) != 3 or not value.isascii() or not value.isdecimal():
            return None
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599 else None


def text_of(value: object) -> str:
    """A field's value as its file would write it, lists and objects with a blank behind each comma and colon."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else str(value)


def flat(record: Mapping[str, object], depth: int = 4) -> list[tuple[str, object]]:
    """The fields of a nested object by dotted names; what lies deeper than `depth`, and lists, become text."""
    pairs: list[tuple[str, object]] = []
    for name, value in record.items():
        if type(value) is dict and depth > 1 and value:
            pairs += [(f"{name}.{inner}", v) for inner, v in flat(value, depth - 1)]
        else:
            pairs.append((name, value))
    return pairs
