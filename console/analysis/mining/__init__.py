"""Log templates: masks, shapes and their clustering. Pure; works the same in the log worker and in tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from console.analysis.mining.brain import cluster
from console.analysis.mining.mask import first_line, masked

__all__ = ["cluster", "first_line", "masked", "mine"]


def mine(messages: Sequence[str]) -> list[str]:
    """The template of each message, by one fixed configuration; in the messages' order, which has no other influence."""
    shapes = masked([first_line(message) for message in messages])
    templates = cluster(Counter(shapes))
    return [templates[shape] for shape in shapes]
