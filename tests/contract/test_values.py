"""The quick `dataclass` of `console.domain.values`: it makes what the standard library's makes, and every frozen value."""

from __future__ import annotations

import ast
import copy
import dataclasses
import pickle
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Generic, TypeVar

import msgspec
import pytest

from console.domain import values
from tests.contract.test_promises import modules

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
    "what it tells of itself": lambda c: repr(c.__dataclass_params__),
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


@pytest.mark.parametrize("base", [values.dataclass, dataclasses.dataclass], ids=["ours", "theirs"])
@pytest.mark.parametrize("further", [values.dataclass, dataclasses.dataclass], ids=["ours", "theirs"])
def test_each_inherits_from_the_other(base: Callable[..., Any], further: Callable[..., Any]) -> None:
    @base(frozen=True, slots=True)
    class Base:
        """A value."""

        a: int

    @further(frozen=True, slots=True)
    class Further(Base):
        """With a field more."""

        b: int = 2

    plain: Any = Base
    more: Any = Further
    one = more(1)
    assert dataclasses.astuple(one) == (1, 2) and one == more(1, 2) and one != plain(1) and hash(one) == hash(more(1))
    assert repr(one).endswith("Further(a=1, b=2)")
    for name in ("a", "b"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(one, name, 1)
    assert not hasattr(one, "__dict__") and copy.copy(one) == one


def test_what_changes_and_what_does_not_inherit_nothing_from_each_other() -> None:
    with pytest.raises(TypeError, match="cannot inherit non-frozen dataclass from a frozen one"):
        dataclasses.dataclass(type("Changes", (Plain,), {"__annotations__": {"c": int}}))
    changes = dataclasses.make_dataclass("Changes", ["a"])
    with pytest.raises(TypeError, match="cannot inherit frozen dataclass from a non-frozen one"):
        values.dataclass(frozen=True, slots=True)(type("Value", (changes,), {}))


def unhashable(decorate: Callable[..., Any]) -> list[object]:
    def __eq__(self: Any, other: object) -> bool:
        return True

    methods: tuple[dict[str, object], ...] = (
        {"__hash__": None},
        {"__eq__": __eq__},
        {"__eq__": __eq__, "__hash__": None},
    )
    classes = [decorate(frozen=True, slots=True)(type("V", (), {"__annotations__": {"a": int}, **m})) for m in methods]
    return [(c.__hash__ is None, c(1) == c(2)) for c in classes]


def test_a_class_may_say_how_it_is_compared_and_whether_it_is_hashed() -> None:
    assert unhashable(values.dataclass) == unhashable(dataclasses.dataclass)


def test_values_in_an_order_are_made_by_the_standard_library() -> None:
    @values.dataclass(frozen=True, slots=True, order=True)
    class Ordered:
        """May be sorted."""

        a: int

    assert Ordered(1) < Ordered(2)


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "not in init": (
        {"__annotations__": {"a": "int"}, "a": dataclasses.field(init=False, default=1)},
        "V.a: no init=False",
    ),
    "by name only": ({"__annotations__": {"a": "int"}, "a": dataclasses.field(kw_only=True)}, "V.a: no init=False"),
    "all by name": ({"__annotations__": {"_": dataclasses.KW_ONLY, "a": "int"}}, "V.a: no init=False"),
    "in hash": ({"__annotations__": {"a": "int"}, "a": dataclasses.field(hash=True)}, "V.a: no init=False"),
    "not in hash": ({"__annotations__": {"a": "int"}, "a": dataclasses.field(hash=False)}, "V.a: no init=False"),
    "only for init": ({"__annotations__": {"a": dataclasses.InitVar[int]}}, "V.a: no init=False"),
    "sets itself": ({"__setattr__": lambda self, name, value: None}, "frozen and defines __setattr__"),
    "deletes itself": ({"__delattr__": lambda self, name: None}, "frozen and defines __delattr__"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_be_made_differently_is_refused(name: str) -> None:
    body, why = REFUSED[name]
    with pytest.raises(TypeError, match=why):
        values.dataclass(frozen=True, slots=True)(type("V", (), body))


@pytest.mark.parametrize("options", [{}, {"frozen": True}, {"slots": True}, {"frozen": False, "slots": True}], ids=str)
def test_what_changes_is_refused(options: dict[str, bool]) -> None:
    with pytest.raises(TypeError, match=r"dataclasses\.dataclass makes what changes"):
        values.dataclass(type("V", (), {}), **options)


def decorated(tree: ast.Module) -> Iterator[tuple[str, str, bool]]:
    """Of every dataclass of a module: its name, the decorator with its module, and whether it is frozen."""
    known = {"dataclasses": "dataclasses", "values": "console.domain.values"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            known |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    for node in (one for one in ast.walk(tree) if isinstance(one, ast.ClassDef)):
        for one in node.decorator_list:
            call = one if isinstance(one, ast.Call) else ast.Call(one, [], [])
            first, *rest = ast.unparse(call.func).split(".")
            maker = ".".join([known.get(first, first), *rest])
            if maker.rpartition(".")[2] == "dataclass":
                on = {k.arg for k in call.keywords if isinstance(k.value, ast.Constant) and k.value.value is True}
                yield node.name, maker, "frozen" in on


def test_every_frozen_value_is_made_here_and_nothing_else_is() -> None:
    """What is frozen comes from here, which refuses it without slots; what changes comes from the standard library."""
    found = [(path, *one) for path, tree in modules("dataclass") for one in decorated(tree)]
    assert len(found) > 350
    makers = {True: "console.domain.values.dataclass", False: "dataclasses.dataclass"}
    assert [one for one in found if one[2] != makers[one[3]]] == []
