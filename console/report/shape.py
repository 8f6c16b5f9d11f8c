"""One description of a JSON document, from which both the document and its JSON Schema are made.

Because there is only one description, the two cannot differ: a field that is written is a field that the schema names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from console.domain.instant import Window, rfc3339
from console.domain.values import dataclass

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One key of an object."""

    name: str
    """The key; also the attribute it is read from, unless `read` says otherwise."""
    kind: str
    """text | number | integer | boolean | time | window | object | list (of objects) | texts | integers | numbers
    | pairs (of texts) | free (an object whose keys are not fixed)"""
    says: str
    """What it means, for the schema."""
    null: bool = False
    """Whether null (not known) is allowed."""
    among: tuple[str, ...] = ()
    """Texts: the only valid values."""
    shape: tuple[Field, ...] = ()
    """object and list: the keys of the object or of each item."""
    read: Callable[[Any], Any] | None = None
    """Takes the value from the owner; default: the attribute of the same name."""


def finite(value: float | None, digits: int = 9) -> float | None:
    """A number that JSON can hold: what is not finite is unknown, hence null; rounded to `digits` significant digits."""
    if value is None or not math.isfinite(value):
        return None
    if value == 0 or isinstance(value, int):
        return value
    return float(f"{value:.{digits}g}")


def window_json(window: Window | None) -> Json | None:
    """A window as its two times."""
    return None if window is None else {"start": rfc3339(window.start), "end": rfc3339(window.end)}


def write(value: Any, shape: Iterable[Field]) -> Json:
    """The JSON object of a value."""
    return {field.name: _one(field, field.read(value) if field.read else getattr(value, field.name)) for field in shape}


def _one(field: Field, value: Any) -> Any:
    if value is None:
        return None
    match field.kind:
        case "time":
            return rfc3339(value) if math.isfinite(value) else None
        case "window":
            return window_json(value)
        case "number":
            return finite(value)
        case "object":
            return write(value, field.shape)
        case "list":
            return [write(item, field.shape) for item in value]
        case "text":
            return str(value)
        case "texts" | "integers":
            return list(value)
        case "numbers":
            return [finite(one) for one in value]
        case "free":
            return dict(value)
    return value


def schema(title: str, shape: Iterable[Field], address: str) -> Json:
    """The JSON Schema (2020-12) of documents of this shape; further keys are allowed, since minor versions add some."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": address,
        "title": title,
        **_object(shape),
    }


def _object(shape: Iterable[Field]) -> Json:
    fields = tuple(shape)
    return {
        "type": "object",
        "properties": {field.name: _property(field) for field in fields},
        "required": [field.name for field in fields],
    }


_TYPES: dict[str, Json] = {
    "text": {"type": "string"},
    "number": {"type": "number"},
    "integer": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "time": {"type": "string", "format": "date-time"},
    "free": {"type": "object"},
}


def _property(field: Field) -> Json:
    match field.kind:
        case "window":
            inner: Json = _object(
                (Field("start", "time", "First instant."), Field("end", "time", "First instant after it."))
            )
        case "object":
            inner = _object(field.shape)
        case "list":
            inner = {"type": "array", "items": _object(field.shape)}
        case "texts" | "integers" | "numbers":
            inner = {"type": "array", "items": dict(_TYPES[field.kind[:-1]])}
        case "pairs":
            inner = {
                "type": "array",
                "items": {"type": "array", "prefixItems": [dict(_TYPES["text"])] * 2, "minItems": 2, "maxItems": 2},
            }
        case _:
            inner = dict(_TYPES[field.kind])
    if field.among:
        inner["enum"] = list(field.among)
    if field.null:
        inner["type"] = [inner["type"], "null"]
        if "enum" in inner:
            inner["enum"].append(None)
    return {"description": field.says, **inner}
