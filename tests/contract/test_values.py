"""The quick `dataclass` of `console.domain.values` makes what the standard library's makes."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar

import msgspec
import pytest

from console.domain import values

T = TypeVar("T")


def made(decorate: Callable[..., Any]) -> tuple[type, type]:
    """The same two classes by one of the decorators: a value, and one that inherits from it."""

    @decorate(frozen=True, slots=True)
    class Value(Generic[T]):
        """A value."""

        LEAST: ClassVar[int] = 0
        a: int
        b: str = "b"
        c: list[int] = dataclasses.field(default_factory=list)
        hidden: int = dataclasses.field(default=3, repr=False)
        memo: int = dataclasses.field(default=-1, compare=False)

        def __post_init__(self) -> None:
            if self.a < self.LEAST:
                raise ValueError(self.a)

    @decorate(frozen=True, slots=True)
    class More(Value[int]):
        """With one field more and a hash of its own."""

        d: float = 0.5

        def __hash__(self) -> int:
            return 7

    return Value, More


OURS, THEIRS = made(values.dataclass), made(dataclasses.dataclass)


@values.dataclass(frozen=True, slots=True)
class Plain:
    """Two fields."""

    a: int
    b: str


@values.dataclass(frozen=True, slots=True)
class Single:
    """One field."""

    a: int


def outcome(work: Callable[[], object]) -> object:
    """What comes of it, or the kind of error and what it says."""
    try:
        return work()
    except Exception as error:
        return type(error), str(error)


TRIED: dict[str, Callable[[Any], object]] = {
    "text": lambda c: repr(c(1)),
    "all fields": lambda c: dataclasses.astuple(c(1, "x", [2], 4, 5)),
    "names": lambda c: dataclasses.asdict(c(a=1, memo=2)),
    "equal": lambda c: (c(1, memo=1) == c(1, memo=2), c(1) == c(2), c(1) == 1, c(1) != c(1)),
    "hash of what cannot be hashed": lambda c: hash(c(1)),
    "hash": lambda c: hash(c(1, "x", ())) == hash(c(1, "x", (), memo=9)),
    "factory": lambda c: c(1).c is not c(1).c,
    "checked": lambda c: c(-1),
    "replaced": lambda c: repr(dataclasses.replace(c(1), b="y", hidden=8)),
    "replaced badly": lambda c: dataclasses.replace(c(1), a=-1),
    "frozen": lambda c: setattr(c(1), "a", 2),
    "kept": lambda c: delattr(c(1), "a"),
    "closed": lambda c: hasattr(c(1), "__dict__"),
    "too few": lambda c: c(),
    "too many": lambda c: c(*range(9)),
    "unknown": lambda c: c(1, other=2),
    "matched": lambda c: c.__match_args__,
    "slots": lambda c: c.__slots__,
    "names of methods": lambda c: c.__init__.__name__,
    "copied": lambda c: repr(copy.deepcopy(c(1, c=[1]))),
    "as JSON": lambda c: msgspec.json.encode(c(1)),
    "from JSON": lambda c: repr(msgspec.json.decode(b'{"a": 3, "memo": 4}', type=c)),
}


@pytest.mark.parametrize("which", [0, 1], ids=["value", "inherits"])
@pytest.mark.parametrize("name", TRIED)
def test_same_as_the_standard_library(name: str, which: int) -> None:
    assert outcome(lambda: TRIED[name](OURS[which])) == outcome(lambda: TRIED[name](THEIRS[which]))


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_goes_through_a_pipe(protocol: int) -> None:
    for value in (Plain(1, "x"), Single(0)):
        assert pickle.loads(pickle.dumps(value, protocol)) == value


def test_other_dataclasses_are_those_of_the_standard_library() -> None:
    @values.dataclass
    class Open:
        """May be changed."""

        a: int = 1

    one = Open()
    one.a = 2
    assert one == Open(2)
