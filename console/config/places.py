"""In which line of a TOML text a value stands. The parser of the standard library does not tell, so it is asked about beginnings."""

from __future__ import annotations

import tomllib
from typing import Any, TypeAlias

KeyPath: TypeAlias = tuple[int | str, ...]
"""Where a value stands in the document: `("logs", 0, "paths")`."""


class Places:
    """The lines of one text.

    Args:
        text: Valid TOML.
    """

    def __init__(self, text: str) -> None:
        self._lines = text.replace("\r\n", "\n").split("\n")
        self._parsed: dict[int, Any] = {}

    def line_of(self, path: KeyPath) -> int | None:
        """The line, from 1, in which the statement begins that sets the value; of what is missing, its table's.

        None where not even its table is there.
        """
        whole = self._beginning(len(self._lines))
        while path and not _has(whole, path):
            path = path[:-1]
        if not path:
            return None
        low, high = 1, len(self._lines)
        while low < high:
            middle = (low + high) // 2
            if _has(self._beginning(middle), path):
                high = middle
            else:
                low = middle + 1
        return low

    def _beginning(self, number: int) -> Any:
        """The document of the first `number` lines, and of as many more as end the last statement."""
        for end in range(number, len(self._lines) + 1):
            if end not in self._parsed:
                try:
                    self._parsed[end] = tomllib.loads("\n".join(self._lines[:end]))
                except tomllib.TOMLDecodeError:
                    self._parsed[end] = None
            if self._parsed[end] is not None:
                return self._parsed[end]
        return {}


def _has(document: Any, path: KeyPath) -> bool:
    for part in path:
        if isinstance(part, int):
            if not isinstance(document, list) or part >= len(document):
                return False
        elif not isinstance(document, dict) or part not in document:
            return False
        document = document[part]
    return True
