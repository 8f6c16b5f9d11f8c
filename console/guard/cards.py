"""Numbers of payment cards: as long as their issuer makes them, with its first digits and the right check digit.

Many other numbers are as long: a time in nanoseconds begins with a 1, as no card does, and one in ten of the rest has the right
check digit by chance. So a number in one piece is left alone behind a word that says what it is (`order_id=`, `span`, `blk_`).
"""

from __future__ import annotations

import re
from collections.abc import Callable

# What stands before a number is looked at only where there is one: a search skips from digit to digit.
_NUMBER = re.compile(r"[2-6]\d\d\d(?:\d{9,15}|([ -])\d{3,6}(?:\1\d{3,6}){1,4})(?![A-Za-z0-9]|[.-]\d)")
_BEFORE = 32
"""Characters in which a word before a number stands."""
_NO_CARD = re.compile(
    r"(?:(?<![A-Za-z])|_|(?-i:(?<=[a-z])(?=[A-Z])))(?:id|order|span|trace|request|session|offset|seq|sequence|block|blk|time|stamp|timestamp"
    r"|ts|ns|us|version|build|size|bytes|count)s?[\"']?[\s=:#/>_-]{0,4}[\"']?\Z",
    re.IGNORECASE,
)
"""A word that says that what follows is another number: alone, after `_`, or as in `orderId`."""

_ISSUERS: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("2200", "2204", (16, 17, 18, 19)),  # Mir
    ("2221", "2720", (16,)),  # Mastercard
    ("3000", "3059", (14, 16)),  # Diners Club
    ("3400", "3499", (15,)),  # American Express
    ("3528", "3589", (16, 17, 18, 19)),  # JCB
    ("3600", "3699", (14, 16)),  # Diners Club
    ("3700", "3799", (15,)),  # American Express
    ("3800", "3999", (14, 16)),  # Diners Club
    ("4000", "4999", (13, 16, 19)),  # Visa
    ("5000", "5099", (13, 14, 15, 16, 17, 18, 19)),  # Maestro
    ("5100", "5599", (16,)),  # Mastercard
    ("5600", "6999", (13, 14, 15, 16, 17, 18, 19)),  # Maestro, Discover, UnionPay, RuPay
)
"""The first four digits, from and to, and how many digits there are in all (ISO/IEC 7812 and the issuers' own ranges)."""


def without_cards(text: str, token: Callable[[str], str]) -> str:
    """The text, with what `token` makes of its digits in the place of each card's number."""
    found = _NUMBER.search(text)
    if found is None:
        return text
    parts, done = [], 0
    while found is not None:
        digits, end = _number(text, found)
        if digits:
            parts += [text[done : found.start()], token(digits)]
            done = end
        found = _NUMBER.search(text, end)
    return "".join([*parts, text[done:]])


def _number(text: str, found: re.Match[str]) -> tuple[str, int]:
    """The digits of the card that begins here and where it ends; none, and where to look on."""
    start, mark = found.start(), found[1]
    if start and (
        text[start - 1].isalnum()
        or text[start - 1] == "."
        or (text[start - 1] == "-" and text[start - 2 : start - 1].isdigit())
    ):
        return "", start + 1
    if mark is None:
        plausible = _is_card(found[0]) and _NO_CARD.search(text[max(0, start - _BEFORE) : start]) is None
        return (found[0] if plausible else ""), found.end()
    groups = found[0].split(mark)
    for most in range(len(groups), 2, -1):  # a check number or a date may follow
        if _is_card("".join(groups[:most])):
            return "".join(groups[:most]), found.start() + len(mark.join(groups[:most]))
    return "", found.start() + len(groups[0])


def _is_card(digits: str) -> bool:
    issued = any(first <= digits[:4] <= last and len(digits) in lengths for first, last, lengths in _ISSUERS)
    return issued and _checked(digits)


def _checked(digits: str) -> bool:
    """By the check digit of Luhn (ISO/IEC 7812-1, annex B)."""
    odd, even = digits[-1::-2], digits[-2::-2]
    return (sum(map(int, odd)) + sum(sum(divmod(2 * int(one), 10)) for one in even)) % 10 == 0
