"""Tells typing from a paste, or from keys typed while nobody looked: neither may carry out actions.

Seven printable keys within three tenths of a second come from no person. A key that is held down repeats faster than that,
so repeats of a key that only moves are not counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

MOST_KEYS = 6
WITHIN_S = 0.3
ALWAYS = frozenset({"ctrl+c", "escape"})
"""Keys that are obeyed in any case: whoever wants out must get out."""


class TypeAhead:
    """Judges keys in the order in which they come.

    Args:
        repeating: Keys that may be held down.
    """

    def __init__(self, repeating: Iterable[str] = ()) -> None:
        self._repeating = frozenset(repeating)
        self._times: deque[float] = deque()
        self._last = ""
        self._swallowing_until = float("-inf")

    def together(self, keys: Sequence[str], at: float) -> None:
        """These printable keys came in one piece, and are given to `swallows` next."""
        if sum(1 for before, key in zip(("", *keys), keys, strict=False) if not self._repeats(before, key)) > MOST_KEYS:
            self._swallowing_until = at + WITHIN_S

    def swallows(self, key: str, at: float, *, printable: bool) -> bool:
        """Whether a key outside an input must do nothing.

        Args:
            key: Its name.
            at: When it was read, in seconds; any clock that does not go back.
            printable: It stands for a character that can be seen, and so counts.
        """
        last, self._last = self._last, key
        if key in ALWAYS:
            return False
        if printable and not self._repeats(last, key):
            self._times.append(at)
        while self._times and at - self._times[0] >= WITHIN_S:
            self._times.popleft()
        if len(self._times) > MOST_KEYS or at < self._swallowing_until:
            self._swallowing_until = at + WITHIN_S
            return True
        return False

    def forget(self) -> None:
        """An input has the keys now."""
        self._times.clear()
        self._last = ""

    def _repeats(self, before: str, key: str) -> bool:
        return key == before and key in self._repeating
