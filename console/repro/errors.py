"""What reproduction can end with before anything is sent."""

from __future__ import annotations

from console.guard.sanitise import safe


class Unclear(ValueError):
    """An input that cannot be understood exactly; the sentence names the option or the position."""

    def __init__(self, sentence: str) -> None:
        super().__init__(safe(sentence, 400))
