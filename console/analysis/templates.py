"""Log messages as templates: what varies becomes `<*>`, so that lines that mean the same count as one."""

from __future__ import annotations

import re
from hashlib import blake2s

from console.analysis.constants import PATTERN_TOKENS
from console.domain.text import SafeText

LONGEST = 3000
"""Characters of a message that are looked at (Loki's limit) [P]."""

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


def template_id(service: str, level: int, template: str) -> str:
    """A stable short name of a template of a service."""
    return blake2s(f"{service}\0{level}\0{template}".encode(), digest_size=5).hexdigest()


def shown(template: str) -> SafeText:
    """A template as text for the screen; its parts were sanitised where they entered."""
    return SafeText(template)
