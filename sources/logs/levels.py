"""Severity as log libraries write it, as a `Level`."""

from __future__ import annotations

import math
import re

from console.domain.logs import Level

WORDS: dict[str, Level] = {
    **dict.fromkeys(("trace", "trc", "finest", "finer", "verbose", "silly", "t", "v"), Level.TRACE),
    **dict.fromkeys(
        ("debug", "dbg", "debu", "fine", "d", "debug1", "debug2", "debug3", "debug4", "debug5"), Level.DEBUG
    ),
    **dict.fromkeys(("info", "inf", "information", "informational", "log", "config", "http", "i", "ok"), Level.INFO),
    **dict.fromkeys(("notice", "note", "n", "success"), Level.NOTICE),
    **dict.fromkeys(("warn", "warning", "wrn", "w", "deprecated"), Level.WARN),
    **dict.fromkeys(("error", "err", "erro", "eror", "severe", "e", "failure", "failed"), Level.ERROR),
    **dict.fromkeys(
        ("fatal", "ftl", "critical", "crit", "panic", "pnc", "dpanic", "alert", "emerg", "emergency", "f", "c", "p"),
        Level.FATAL,
    ),
}
"""Lower-case words of Python, log4j, slf4j, java.util.logging, zap, zerolog, logrus, pino, winston, Serilog, Postgres."""

_SYSLOG = (Level.FATAL, Level.FATAL, Level.FATAL, Level.ERROR, Level.WARN, Level.NOTICE, Level.INFO, Level.DEBUG)

_PLAIN = re.compile(
    rb"(?<![A-Za-z0-9_/.-])(?:"
    rb"(TRACE|FINEST|FINER|VERBOSE|DEBUG[1-5]?|FINE|INFO|INFORMATION|CONFIG|NOTICE|WARNING|WARN|ERROR|SEVERE|ERR|FATAL|CRITICAL|CRIT|"
    rb"PANIC|ALERT|EMERG|LOG|DBG|INF|WRN|FTL)(?![A-Za-z0-9_/-])"
    rb"|\[(trace[1-8]?|debug|info|notice|warn|warning|error|err|crit|critical|alert|emerg|fatal|panic)\]"
    rb"|(?:[a-z_0-9]+:)(trace[1-8]|debug|info|notice|warn|error|crit|alert|emerg)\]"
    rb"|(trace|debug|info|notice|warning|warn|error|fatal|critical|panic)(?=[:\t]| - |  )"
    rb")"
)
"""A severity near the start of a plain line: upper case anywhere, lower case only where it is set apart."""

_cache: dict[object, Level] = {}


def level_of(value: object) -> Level:
    """The level that a field's value names: a word, or a number as pino (10 to 60) or syslog (0 to 7) write it.

    Anything else is `UNKNOWN`, never a guess.
    """
    # A truth value is equal to a number, and would be found in its place.
    cached = type(value) in (str, int)
    if cached:
        known = _cache.get(value)
        if known is not None:
            return known
    found = _level_of(value)
    if cached and len(_cache) < 512:
        _cache[value] = found
    return found


def _level_of(value: object) -> Level:
    if isinstance(value, bool):
        return Level.UNKNOWN
    if isinstance(value, (int, float)):
        return _number(int(value)) if math.isfinite(value) else Level.UNKNOWN
    if not isinstance(value, str):
        return Level.UNKNOWN
    word = value.strip().strip("[]<>:").lower()
    if word.isdecimal() and len(word) < 4:
        return _number(int(word))
    return WORDS.get(word, Level.UNKNOWN)


def _number(number: int) -> Level:
    if 0 <= number <= 7:
        return _SYSLOG[number]
    if 10 <= number < 100:
        for limit, level in (
            (20, Level.TRACE),
            (30, Level.DEBUG),
            (40, Level.INFO),
            (50, Level.WARN),
            (60, Level.ERROR),
        ):
            if number < limit:
                return level
        return Level.FATAL
    return Level.UNKNOWN


def syslog_level(priority: int) -> Level:
    """The level in a syslog PRI value, which is facility × 8 + severity (RFC 5424, section 6.2.1)."""
    return _SYSLOG[priority & 7]


def level_in(text: bytes) -> Level:
    """The level that a plain line names near its start; `UNKNOWN` where it names none."""
    match = _PLAIN.search(text)
    if match is None:
        return Level.UNKNOWN
    word = (match[1] or match[2] or match[3] or match[4]).decode("ascii").lower().rstrip("12345678")
    return WORDS.get(word, Level.UNKNOWN)
