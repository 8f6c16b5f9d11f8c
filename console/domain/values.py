"""`dataclass` for frozen values with slots, made quickly.

The standard library writes and compiles six methods for each such class, which is most of what importing a module of values
costs: 60 classes of the first frame took a tenth of a second. Here only `__init__` is compiled; the other methods are the
same for all classes. A value behaves as one of the standard library, which a test holds by comparing both. What is not made
here is not made differently: a class with `order` and one that inherits from another dataclass are handed to the standard
library, and fields that are not plain (`init=False`, `kw_only`, `hash`, `InitVar`) and classes that change are refused.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
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
        if not (options.get("frozen") and options.get("slots")):
            raise TypeError("only frozen values with slots are made here; dataclasses.dataclass makes what changes")
        if cls is None:
            return partial(dataclass, **options)
        if len(options) > 2 or dataclasses.is_dataclass(cls):  # which it is before it is made if it inherits from one
            return dataclasses.dataclass(cls, **options)
        return _frozen(cls)


def _frozen(cls: type) -> Any:
    made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    _refuse_what_is_not_plain(made)
    all_fields = dataclasses.fields(made)
    own: dict[str, Any] = {
        "__init__": _init(made, all_fields),
        "__repr__": _repr([f.name for f in all_fields if f.repr]),
        "__setattr__": _refuses("assign to"),
        "__delattr__": _refuses("delete"),
        **_comparing(_all_of([f.name for f in all_fields if f.compare])),
        **_pickling([f.name for f in all_fields]),
    }
    if "__eq__" in made.__dict__ and made.__hash__ is None:  # so Python has it for a class that defines only `__eq__`
        del made.__hash__
    for name, method in own.items():
        if name not in made.__dict__:
            method.__qualname__ = f"{made.__qualname__}.{name}"
            setattr(made, name, method)
    told = made.__dataclass_params__
    told.init = told.repr = told.eq = told.frozen = True
    return made


def _refuse_what_is_not_plain(made: Any) -> None:
    for name in ("__setattr__", "__delattr__"):
        if name in made.__dict__:
            raise TypeError(f"{made.__qualname__} is frozen and defines {name}")
    for one in made.__dataclass_fields__.values():
        variable = one._field_type.name == "_FIELD_INITVAR"  # the standard library tells it nowhere else
        if variable or not one.init or one.kw_only is True or one.hash is not None:
            raise TypeError(
                f"{made.__qualname__}.{one.name}: no init=False, kw_only, hash or InitVar in values made here"
            )


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
