"""Messages as shapes: numbers, identifiers, addresses and dates become `<*>` by one expression, and words stay.

A shape is cheap to make, and a log has far fewer shapes than lines; everything after this works on shapes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

BLANK = "<*>"
LONGEST = 3000
"""Characters of a message that is mined; a longer one is counted only (Loki's limit) [P]."""
MOST_TOKENS = 128
"""Tokens of a message that is mined; one of more is counted only [P, as above]."""
_HEX = "[0-9A-Fa-f]"
_END = "(?![A-Za-z])"
_NUMBER = rf"{_HEX}*+(?:[.:,/_-]{_HEX}++)*+(?=(?:[mun]?s|[KMGT]i?B)?{_END})"
"""The rest of a number; a unit that follows stays."""
_DAYS_AND_MONTHS = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun",
)  # fmt: skip
_NAMES = "|".join(f"(?<={name[0]}){name[1:]}" for name in _DAYS_AND_MONTHS)
# Every alternative begins behind the first character: an expression that begins with a set of characters is searched for
# three times as fast as one that begins with a look behind.
_VALUE = re.compile(
    rf"""
    [0-9A-Fa-fJMNOSTW+-](?<![A-Za-z0-9].)(?:
          (?<=[0-9])(?:{_NUMBER})
        | (?<=[a-f])(?=[A-Fa-f]*+[0-9]){_NUMBER}
        | (?<=[A-Z])(?:(?<=[A-F])(?=[A-Fa-f]*+[0-9]){_NUMBER} | (?:{_NAMES}){_END})
        | (?<=0)x{_HEX}++{_END}
        | (?<=[+-])(?=[0-9]){_NUMBER}
    )
    """,
    re.VERBOSE,
)
"""Hexadecimal, decimal and dotted numbers with sign and unit, UUIDs, network addresses, times; names of months and days."""
_QUERY_STRING = re.compile(r"""\?(?<=[\w/]\?)[\w.%-]+=[^\s"']*+""")
"""What stands behind the question mark of an address: how many pairs there are must not make another statement of it."""
_PIECE = re.compile(r"[^\s=,]*[=,]|[^\s=,]+")


def masked(messages: Sequence[str]) -> list[str]:
    """The shape of each message; the messages must hold no line breaks.

    All are masked in one go, which saves a call for each of them.
    """
    if not messages:
        return []
    text = "\n".join(messages)
    if "?" in text:
        text = _QUERY_STRING.sub(BLANK, text)
    return _VALUE.sub(BLANK, text).split("\n")


def tokens(shape: str) -> tuple[str, ...]:
    """The words of a shape. A value is parted from its key: `id=<*>,user=bob` has four."""
    return tuple(_PIECE.findall(shape))


def gaps(shape: str) -> list[str]:
    """What stands before each of its tokens: white space or nothing."""
    found, end = [], 0
    for match in _PIECE.finditer(shape):
        found.append(shape[end : match.start()])
        end = match.end()
    return found


def first_line(message: str) -> str:
    """What of a message is mined: its first line."""
    if "\n" not in message:
        return message
    lines = message.splitlines()
    return lines[0] if lines else ""
