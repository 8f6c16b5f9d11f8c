"""The one place where text from outside becomes `SafeText`.

A terminal obeys the bytes it is sent: a log line can set the clipboard, the title or clear the screen, and bidi or
zero-width characters make text read as what it is not. Nothing is dropped silently: what cannot be shown is shown as
its name. Called by sources, once per string; a line filter on the screen is the second layer.
"""

from __future__ import annotations

import re

from console.domain.text import SafeText

UNSAFE_CLASS = (
    "\x00-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff"
)
"""C0, DEL, C1, soft hyphen, bidi controls and isolates, zero-width and invisible fillers, variation selectors, surrogates, tags."""

UNSAFE = re.compile(f"[{UNSAFE_CLASS}]")
TAB_WIDTH = 4
DEFAULT_LIMIT = 4096
"""Characters of one string that are kept for the screen; the whole text stays in its file."""


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code == 0x7F:
        return "^?"
    if code == 0x09:
        return " " * TAB_WIDTH
    if code < 0x20:
        return "^" + chr(code + 0x40)
    return f"<U+{code:04X}>"


def safe(text: str, limit: int = DEFAULT_LIMIT) -> SafeText:
    """One line of text that no terminal can be driven by.

    Args:
        text: Anything. A tab becomes spaces; line breaks are shown as `^J`, since a break inside a record would forge another.
        limit: Characters kept; what follows is counted: `…[+120 chars]`.
    """
    if len(text) > limit:
        text = f"{text[:limit]}…[+{len(text) - limit} chars]"
    if text.isascii() and text.isprintable():
        return SafeText(text)
    return SafeText(UNSAFE.sub(_visible, text))


def safe_bytes(data: bytes, limit: int = DEFAULT_LIMIT) -> SafeText:
    """The same for bytes: UTF-8, with anything invalid shown as `\\xNN`."""
    return safe(
        data[: limit * 4].decode("utf-8", "backslashreplace")
        if len(data) <= limit * 4
        else data[: limit * 4].decode("utf-8", "backslashreplace") + f"…[+{len(data) - limit * 4} bytes]",
        limit * 4,
    )


def safe_lines(text: str, limit: int = DEFAULT_LIMIT, most: int = 500) -> tuple[SafeText, ...]:
    """Each line of a text, sanitised; lines over `most` are counted, not shown."""
    lines = text.splitlines()
    shown = tuple(safe(line, limit) for line in lines[:most])
    return shown if len(lines) <= most else (*shown, SafeText(f"…[+{len(lines) - most} lines]"))
