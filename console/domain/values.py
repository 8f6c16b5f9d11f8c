"""`dataclass` as the standard library has it, but made quickly where it is frozen and has slots.

The standard library writes and compiles six methods for each such class, which is most of what importing a module of values
costs: 60 classes of the first frame took a tenth of a second. Here only `__init__` is compiled; the other methods are the
same for all classes. What can be seen is the same, and held by a test that compares both.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

_set = object.__setattr__
_MISSING = dataclasses.MISSING

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls: type | None = None, /, **options: bool) -> Any:
        """See `dataclasses.dataclass`."""
        if options != {"frozen": True, "slots": True}:
            return dataclasses.dataclass(cls, **options)
        return _frozen(cls) if cls is not None else _frozen


def _frozen(cls: type) -> Any:
    made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    all_fields = dataclasses.fields(made)
    own: dict[str, Any] = {
        "__init__": _init(made, all_fields),
        "__repr__": _repr([f.name for f in all_fields if f.repr]),
        "__setattr__": _refuses("assign to"),
        "__delattr__": _refuses("delete"),
        **_comparing(_all_of([f.name for f in all_fields if f.compare])),
        **_pickling([f.name for f in all_fields]),
    }
    for name, method in own.items():
        if made.__dict__.get(name) is None:  # a class that defines `__eq__` has None as `__hash__`
            method.__qualname__ = f"{made.__qualname__}.{name}"
            setattr(made, name, method)
    return made


def _init(made: type, all_fields: tuple[dataclasses.Field[Any], ...]) -> Callable[..., None]:
    """The one method that is compiled, since its parameters are the fields."""
    known: dict[str, Any] = {"_set": _set, "_missing": _MISSING}
    parameters, lines = ["self"], []
    for one in all_fields:
        name, value = one.name, one.name
        if one.default is not _MISSING:
            known[f"_default_{name}"] = one.default
        if one.default_factory is not _MISSING:
            known[f"_make_{name}"] = one.default_factory
            value = f"_make_{name}() if {name} is _missing else {name}"
        parameters.append(f"{name}=_default_{name}" if one.default is not _MISSING else name)
        if one.default_factory is not _MISSING:
            parameters[-1] = f"{name}=_missing"
        lines.append(f" _set(self, {name!r}, {value})")
    if hasattr(made, "__post_init__"):
        lines.append(" self.__post_init__()")
    exec(f"def __init__({', '.join(parameters)}):\n" + ("\n".join(lines) or " pass"), known)
    init: Callable[..., None] = known["__init__"]
    return init


def _all_of(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """The values of these fields."""
    if len(names) > 1:
        return attrgetter(*names)
    if not names:
        return lambda self: ()
    only = attrgetter(names[0])
    return lambda self: (only(self),)


def _repr(names: list[str]) -> Callable[[Any], str]:
    @recursive_repr()
    def __repr__(self: Any) -> str:
        return f"{self.__class__.__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    return __repr__


def _comparing(values: Callable[[Any], tuple[Any, ...]]) -> dict[str, Callable[..., Any]]:
    def __eq__(self: Any, other: object) -> bool:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: Any) -> int:
        return hash(values(self))

    return {"__eq__": __eq__, "__hash__": __hash__}


def _pickling(names: list[str]) -> dict[str, Callable[..., Any]]:
    values = _all_of(names)

    def __getstate__(self: Any) -> tuple[Any, ...]:
        return values(self)

    def __setstate__(self: Any, state: tuple[Any, ...]) -> None:
        for name, value in zip(names, state, strict=True):
            _set(self, name, value)

    return {"__getstate__": __getstate__, "__setstate__": __setstate__}


def _refuses(what: str) -> Callable[..., None]:
    def refuse(self: Any, name: str, *_: object) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot {what} field {name!r}")

    return refuse
