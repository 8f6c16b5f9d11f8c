"""A bounded memory of a pure function's answers, as fast as a dictionary on a hit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Memo(dict[K, V]):
    """`memo[key]` is `function(key)`, computed once; all answers are forgotten when there are `most`."""

    __slots__ = ("_function", "_most")

    def __init__(self, function: Callable[[K], V], most: int = 8192) -> None:
        super().__init__()
        self._function = function
        self._most = most

    def __missing__(self, key: K) -> V:
        value = self._function(key)
        if len(self) >= self._most:
            self.clear()
        self[key] = value
        return value
