"""One message by itself as a template: what varies becomes `<*>`, so that messages that mean the same have the same.

Where many messages can be compared, `console.analysis.mining` learns from them what varies, and does better.
"""

from __future__ import annotations

import re

from console.analysis.constants import PATTERN_TOKENS
from console.analysis.mining.mask import LONGEST

_MASK = re.compile(
    r"""
      "[^"]*" | '[^'\s][^']*'                                              # quoted
    | \b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b             # UUID
    | \b[\w.+-]+@[\w-]+\.[\w.]+\b                                          # mail address
    | \beyJ[\w-]+\.[\w-]+\.[\w-]*                                          # JSON web token
    | (?<=\w=)[^\s,;&)\]}"'\[({]+                                           # what stands behind key=
    | (?<=\w:[ ])[^\s,;:)\]}"'\[({]+(?=\s*[,)\]}])                            # and behind key: where a list goes on or ends
    | (?<![A-Za-z0-9])(?:0x[0-9A-Fa-f]+
        | [+-]?[0-9A-Fa-f]*\d[0-9A-Fa-f]*(?:[.:,/_T-][0-9A-Fa-f]+)*Z?(?:ms|us|ns|s|%|[KMGT]i?B|B)?)(?![A-Za-z0-9])
    """,
    re.VERBOSE,
)
_HOLDS_DIGITS = re.compile(r"(?=\S*\d)\S{4,}")
_MANY = re.compile(r"<\*>(?:[\s,;:|/.\-]*<\*>)+")


def template_of(message: str) -> str:
    """The message with its variable parts as `<*>`, cut after 24 tokens."""
    masked = _MASK.sub("<*>", message[:LONGEST])
    tokens = masked.split(maxsplit=PATTERN_TOKENS)
    cut = len(tokens) > PATTERN_TOKENS
    kept = [_token(token) for token in tokens[:PATTERN_TOKENS]]
    text = _MANY.sub("<*>", " ".join(kept))
    return f"{text} …" if cut else text


def _token(token: str) -> str:
    """A token of which at least three in ten characters are digits is a value."""
    if "<*>" in token or not _HOLDS_DIGITS.fullmatch(token):
        return token
    digits = sum(c.isdigit() for c in token)
    return "<*>" if digits >= 0.3 * len(token) else token
