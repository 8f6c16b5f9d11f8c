"""What the text of a plain line tells: severity, message, and the fields inside its words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from console.domain.logs import Level
from sources.logs.formats.syslog import embedded
from sources.logs.levels import WORDS, level_in

_DECORATION = re.compile(
    rb"[\s\[\](){}<>|:;,#*/=-]*(?:(?:\[[^\]]{0,64}\]|\([^)]{0,64}\)|#?\d+|[\w.$@/-]{1,64})[\s\[\](){}|:;,#*-]*){0,3}"
)
"""What may stand between stamp and severity: brackets, a process id, a thread or host name; no running text."""
_LEVEL_WORD = re.compile(
    rb"(?<![A-Za-z0-9_/.-])\[?(?:[a-z_0-9]+:)?([A-Za-z]{3,11}[1-8]?)(?:\]|:|(?=[\s|,]|$))[\s\]|:,-]*"
)
_REQUEST = re.compile(rb'"([A-Z]{3,7}) (/\S*) HTTP/[\d.]+"?[ ,:]+"?(\d{3})\b')
_SHORT_REQUEST = re.compile(
    rb"\b(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) (/\S*)(?: HTTP/[\d.]+)?[ ,:]+(?:status[=: ])?(\d{3})\b"
    rb"(?:[ ,:-]+(?:in |took |after )?(\d+(?:\.\d+)?) ?(ms|us|s|\xc2\xb5s)\b)?"
)
"""`GET /path 200 12.5ms`, as many middlewares write it."""
_RAILS = re.compile(rb"Completed (\d{3}) [\w ]+ in (\d+(?:\.\d+)?)ms")
_QUICK = re.compile(rb"[ \t|:,-]*\[?([A-Z]{4,8})\]?(?=[ :\t])")
"""A severity right behind the stamp, as most lines have it."""
QUICK_LEVELS = {word.upper().encode(): level for word, level in WORDS.items() if len(word) > 3}
_REDIS = {b".": Level.DEBUG, b"-": Level.DEBUG, b"*": Level.NOTICE, b"#": Level.WARN}
_KLOG = {b"I": Level.INFO, b"W": Level.WARN, b"E": Level.ERROR, b"F": Level.FATAL}
REACH = 200
"""Bytes of a line in which stamp and severity are looked for."""


def quick_level(head: bytes, rest: bytes, stamp: str) -> tuple[Level, bytes]:
    """Severity and message of a line, as `split_level`; the message may have marks around it."""
    quick = _QUICK.match(rest) if not head else None
    level = QUICK_LEVELS.get(quick[1]) if quick is not None else None
    if quick is not None and level is not None:
        return level, rest[quick.end() :]
    level, _, message = split_level(head, rest, stamp)
    return level, message


def split_level(head: bytes, rest: bytes, stamp: str) -> tuple[Level, bytes, bytes]:
    """Severity, decoration and message of a line, from what stands before and after its stamp."""
    if stamp == "klog":
        where, bracket, message = rest.partition(b"] ")
        return (
            _KLOG.get(head[-1:], Level.INFO),
            where.strip() if bracket else b"",
            message if bracket else where.strip(),
        )
    if stamp == "redis" and rest[:1] == b" " and rest[1:2] in _REDIS and rest[2:3] == b" ":
        return _REDIS[rest[1:2]], head.strip(), rest[3:]
    before = level_in(head) if head else Level.UNKNOWN
    decoration = _DECORATION.match(rest[:REACH])
    reach = decoration.end() if decoration else 0
    for word in _LEVEL_WORD.finditer(rest[:REACH]):
        if word.start(1) > reach:
            break
        text = word[1]
        level = WORDS.get(text.decode("ascii").lower().rstrip("12345678"), Level.UNKNOWN)
        set_apart = (
            text.isupper()
            or rest[word.end(1) : word.end(1) + 1] in (b":", b"]", b"|")
            or rest[word.start(1) - 1 : word.start(1)] in (b"[", b":")
        )
        if level is not Level.UNKNOWN and len(text) > 2 and (set_apart or word.start(1) < 3):
            message = _message(rest[word.end() :])
            return (level, _tidy(rest[: word.start()]), message) if message else (level, b"", _message(rest))
    message = _message(rest)
    if not message:
        return before, b"", _message(head)  # the stamp is at the end
    return before, _tidy(head) if before is Level.UNKNOWN else b"", message


def _tidy(text: bytes) -> bytes:
    return text.strip(b" \t-|:,[]")


def _message(text: bytes) -> bytes:
    """The words, without the marks that set them apart."""
    return text.lstrip(b" \t-|:,]").rstrip() or text.strip()


_ONE_REQUEST = re.compile(
    rb"(?:[^\s=/\"{}]++ )*?(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) (/[^\s=\"{}]*+) (\d{3})"
    rb"(?: (\d+(?:\.\d+)? ?(?:ms|us|s))(?= |\Z)|(?=\Z| [A-Za-z_]+=))((?: [^\s\"{}]*+)*+)"
)
"""Words with a request as `_SHORT_REQUEST` finds it, and nothing else with a meaning but pairs behind it."""


def in_text(message: bytes) -> list[tuple[str, object]]:
    """Fields inside the words."""
    one = _ONE_REQUEST.fullmatch(message)
    if one is not None:
        method, path, status, took, rest = one.groups()
        found = embedded(rest) if b"=" in rest else []
        found += _named(("method", method), ("path", path), ("status", status))
        if took:
            found += _named(("duration", took))
        return (
            [(name, value) for name, value in found if name.lower() not in ("msg", "message")]
            if b"=" in rest
            else found
        )
    pairs = embedded(message) if b"=" in message or message[-1:] == b"}" else []
    if b"HTTP/" in message and (request := _REQUEST.search(message)):
        pairs += _named(("method", request[1]), ("path", request[2]), ("status", request[3]))
    elif b" /" in message and (request := _SHORT_REQUEST.search(message)):
        pairs += _named(("method", request[1]), ("path", request[2]), ("status", request[3]))
        if request[4]:
            pairs += _named(("duration", message[request.start(4) : request.end(5)]))
    elif b"Completed " in message and (rails := _RAILS.search(message)):
        pairs += _named(("status", rails[1]), ("duration_ms", rails[2]))
    return [(name, value) for name, value in pairs if name.lower() not in ("msg", "message")]


def completed(lines: Sequence[bytes]) -> list[tuple[str, object]]:
    """Status and time of a request that the first of some lines with them tells, as Rails writes below the line of its start."""
    for line in lines:
        if b"Completed " in line and (rails := _RAILS.search(line)):
            return _named(("status", rails[1]), ("duration_ms", rails[2]))
    return []


def _named(*pairs: tuple[str, bytes]) -> list[tuple[str, object]]:
    return [(name, value.decode("utf-8", "backslashreplace")) for name, value in pairs]
