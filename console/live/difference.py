"""What one frozen value has that another of its type had not: the screen is sent that, and a still screen costs little.

Parts that stayed are the very same objects on the other side too, so that painters need not look at them again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from console.domain.values import dataclass

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Difference:
    """By the names of the fields that differ: the new value, or what is different inside it."""

    changed: Mapping[str, Any]

    def names(self) -> Iterator[str]:
        """Of the innermost fields that differ."""
        for name, one in self.changed.items():
            if isinstance(one, Difference):
                yield from one.names()
            else:
                yield name


@dataclass(frozen=True, slots=True)
class Slid:
    """A tuple that lost its first elements and got others at its end, as a tail of records does."""

    lost: int
    more: tuple[Any, ...]


def difference(old: T, new: T) -> Difference:
    """What makes `new` of `old`; both are of one dataclass."""
    found: dict[str, Any] = {}
    for field in fields(new):  # type: ignore[arg-type]
        was, now = getattr(old, field.name), getattr(new, field.name)
        if was is now:
            continue
        if type(was) is type(now) and is_dataclass(now) and not isinstance(now, type):
            inner = difference(was, now)
            if inner.changed:
                found[field.name] = inner
        elif was != now:
            found[field.name] = _slid(was, now) or now
    return Difference(found)


def changed(old: T, told: Difference) -> T:
    """The new value.

    Raises:
        AttributeError: The difference is to a value of another type.
    """
    return replace(old, **{name: _changed(getattr(old, name), one) for name, one in told.changed.items()})  # type: ignore[type-var]


def _changed(was: Any, told: Any) -> Any:
    if isinstance(told, Difference):
        return changed(was, told)
    if isinstance(told, Slid):
        return was[told.lost :] + told.more
    return told


def _slid(old: Any, new: Any) -> Slid | None:
    if not (isinstance(old, tuple) and isinstance(new, tuple) and old and new):
        return None
    lost = next((place for place, one in enumerate(old) if one is new[0]), None)
    if lost is None:
        return None
    stayed = old[lost:]
    return Slid(lost, new[len(stayed) :]) if stayed == new[: len(stayed)] else None
