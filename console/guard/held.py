"""The credentials that the console itself holds: wherever one stands in a text, in whatever common writing, it is found.

Whoever reads one tells it here, once: the configuration, of the variables that it names, and what reads tokens, of every one that
it hands out. A service that answers with the token that it was sent, under no word that says so, then cannot bring it into a
record, a report or a copy.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import lru_cache

MOST = 32
"""Credentials that are known at once; the one that was used longest ago goes first, as with files that are replaced."""
SHORTEST = 6
"""Characters; what is shorter would hide ordinary text and protects nothing."""
WHOLE_WORD = 12
"""Characters below which one is looked for as a whole word only: `123456` is a part of many numbers."""

_SCHEMES = ("basic", "bearer", "apikey", "token")
_URL_SAFE = str.maketrans("+/", "-_")
TOKEN = r"‹redacted:[a-z]+:[0-9a-f]{4}(?:[0-9a-f]{4})?›"
"""What stands for a secret; the shorter ones stand in records of before."""
_DONE = re.compile(f"({TOKEN})")

_known: tuple[str, ...] = ()
_needles: tuple[str, ...] = ()
"""What stands in every text that holds one, where no sign of it is written in another way."""
_rare: re.Pattern[str] | None = None
"""One sign of each needle, the one that logs hold least: a text without any of them holds no needle."""
_signs = False
"""Whether one holds a sign that addresses, JSON or HTML write in another way."""
_SELDOM = "YVjQWBZXUzGKHAJqDPCRwLyEMTIFxOShkvNbgfuplsdmacintore"
"""Letters by how many lines of the eight systems of loghub hold them, the fewest first; what is none comes last."""
_PLAIN = frozenset("-_.~")
"""Signs that they all write as they are."""


def hold(text: str | None) -> None:
    """Know a credential from now on, as it stands in `Authorization` or alone."""
    global _known, _needles, _rare, _signs
    new = _parts(text.strip()) if text else ()
    if not new or _known[-len(new) :] == new:
        return
    _known = (*(one for one in _known if one not in new), *new)[-MOST:]
    _needles = tuple(needle for one in _known for needle in (one, *_in_base64(one)))
    _rare = re.compile("[" + "".join({re.escape(min(one, key=_seldom)) for one in _needles}) + "]")
    _signs = any(not sign.isalnum() and sign not in _PLAIN for one in _known for sign in one)


def forget() -> None:
    """Know none any more."""
    global _known, _needles, _rare, _signs
    _known, _needles, _rare, _signs = (), (), None, False


def without_held(text: str, token: Callable[[str], str]) -> str:
    """The text, with what `token` makes of it in the place of each credential. Tokens that stand there already stay as they are."""
    if _rare is None or not (_may_hold(text) or (_signs and ("%" in text or "\\" in text or "&" in text))):
        return text
    parts = _DONE.split(text)
    for one in sorted(_known, key=len, reverse=True):  # one may be a part of another
        if any(_pattern(one).search(part) for part in parts[::2]):
            instead = token(one)
            parts[::2] = [_pattern(one).sub(lambda _, instead=instead: instead, part) for part in parts[::2]]
            parts = _DONE.split("".join(parts))
    return "".join(parts)


def _may_hold(text: str) -> bool:
    return _rare is not None and _rare.search(text) is not None and any(map(text.__contains__, _needles))


def _seldom(sign: str) -> int:
    return _SELDOM.find(sign) % (len(_SELDOM) + 1)


def _parts(text: str) -> tuple[str, ...]:
    """The credential without its scheme; of `Basic`, the user's password too."""
    scheme, _, rest = text.partition(" ")
    named = rest.strip() if scheme.lower() in _SCHEMES else ""
    found = [named or text]
    if named and scheme.lower() == "basic":
        try:
            found += [b64decode(named).decode().partition(":")[2]]
        except ValueError:  # no base64, or no text in it
            pass
    return tuple(dict.fromkeys(one for one in found if len(one) >= SHORTEST and "‹" not in one))


def _in_base64(text: str) -> tuple[str, ...]:
    """What stands in every base64 of a text that holds this one, at whichever of the three places in a group it begins."""
    data = text.encode("utf-8", "surrogatepass")
    found = []
    for before in range(3):
        whole = b64encode(b"\0" * before + data).decode()
        found.append(whole[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6])
    return tuple(dict.fromkeys([*found, *(one.translate(_URL_SAFE) for one in found)]))


@lru_cache(maxsize=MOST)
def _pattern(text: str) -> re.Pattern[str]:
    """Plainly, as addresses, JSON and HTML write it, and in base64."""
    plain = "".join(one if one.isalnum() else _sign(one) for one in text)
    if len(text) < WHOLE_WORD:
        plain = rf"(?<![A-Za-z0-9]){plain}(?![A-Za-z0-9])"
    in_base64 = "|".join(map(re.escape, _in_base64(text)))
    return re.compile(rf"{plain}|(?:{in_base64})(?:[A-Za-z0-9+/_-]?={{1,2}})?")


_NAMED = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}


def _sign(one: str) -> str:
    """A character that is no letter or digit, in every way that it is commonly written."""
    number = ord(one)
    ways = [rf"\\{{0,3}}{re.escape(one)}", rf"(?i:\\{{1,3}}u{number:04x})", rf"(?i:&#(?:x0*{number:x}|0*{number});)"]
    ways += ["(?i:" + "".join(f"%(?:25)?{byte:02x}" for byte in one.encode("utf-8", "surrogatepass")) + ")"]
    ways += [rf"&{_NAMED[one]};"] if one in _NAMED else []
    ways += [r"\+"] if one == " " else []
    return f"(?:{'|'.join(ways)})"
