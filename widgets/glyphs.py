"""Drawing characters, and their likeness for terminals that know only ASCII.

The translation keeps every character's width, so painters lay out once and the canvas translates the finished line.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from widgets.ink import width_of


class Border(NamedTuple):
    """The characters of a frame."""

    rule: str
    side: str
    top_left: str
    top_right: str
    bottom_left: str
    bottom_right: str


LEVELS = "▁▂▃▄▅▆▇█"
"""Eight steps of a graph of one row."""
ZERO = "_"
"""An exact zero: not the same as a small value, and not the same as a gap, which is blank."""
FRAME = Border("─", "│", "┌", "┐", "└", "┘")
FOCUS_FRAME = Border("━", "┃", "┏", "┓", "┗", "┛")
"""Heavier: which pane has the keys shows without colour."""
BRAILLE = 0x2800

_LIKENESS = {
    "…": "~", "·": ".", "–": "-", "—": "-", "−": "-", "×": "x", "±": "~", "µ": "u", "›": ">", "‹": "<", "▸": ">", "→": ">",
    "←": "<", "↑": "^", "↓": "v", "⏎": "<", "⌫": "<", "⇧": "^", "✖": "X", "▲": "!", "●": "o", "○": ".", "▼": "v", "◆": "*",
    "╎": ":", "┊": ":", "╌": "-", "█": "#", "▁": ".", "▂": ":", "▃": "-", "▄": "=", "▅": "+", "▆": "*", "▇": "%", "▏": "|", "▌": "#",
    "─": "-", "│": "|", "┌": "+", "┐": "+", "└": "+", "┘": "+", "├": "+", "┤": "+", "┬": "+", "┴": "+", "┼": "+",
    "━": "=", "┃": "#", "┏": "#", "┓": "#", "┗": "#", "┛": "#", "✓": "=", "≤": "<", "≥": ">", "≈": "~", "�": "?",
    "“": '"', "”": '"', "‘": "'", "’": "'", "\u00a0": " ", "▒": "#", "░": ".",
}  # fmt: skip
_BRAILLE_INK = " .::-=+*#"


@lru_cache(4096)
def _likeness(character: str) -> str:
    if character.isascii():
        return character
    known = _LIKENESS.get(character)
    if known is not None:
        return known
    if BRAILLE <= ord(character) < BRAILLE + 256:
        return _BRAILLE_INK[(ord(character) - BRAILLE).bit_count()]
    return "?" * width_of(character)


def to_ascii(text: str) -> str:
    """The text in ASCII, as wide as before: known signs by their likeness, anything else as `?` for each cell."""
    if text.isascii():
        return text
    plain = "".join(_likeness(character) for character in text)
    missing = width_of(text) - len(plain)
    return plain + "?" * missing if missing >= 0 else plain[:missing]
