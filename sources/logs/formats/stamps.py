"""The forms of stamps in plain text, each with how it is found in a line and read."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from console.domain.instant import Instant
from sources.logs.times import MONTHS, Clock, zone_of

Reader = Callable[[re.Match[bytes], Clock], Instant | None]


class Stamp:
    """One form of stamp."""

    def __init__(self, name: str, pattern: bytes, read: Reader) -> None:
        self.name = name
        self._pattern = pattern
        self._guard = b"" if name == "klog" else rb"(?<![\w.:/-])"
        self.read = read
        """From a match of `within`: the instant, or None where there is no such time."""

    @lru_cache(maxsize=128)  # noqa: B019 - the forms are constants of this module
    def within(self, column: int) -> re.Pattern[bytes]:
        """Matches a line whose stamp, as group `stamp`, begins no later than `column`."""
        return re.compile(rb"[^\n]{0,%d}?%s(?P<stamp>%s)" % (column, self._guard, self._pattern))

    @property
    def bare(self) -> bytes:
        """The expression of a stamp at a line's beginning, or behind a bracket there, without groups."""
        return re.sub(rb"\(\?P<\w+>", b"(?:", self._pattern)

    @lru_cache(maxsize=16)  # noqa: B019
    def alone(self) -> re.Pattern[bytes]:
        """Matches a stamp by itself, for `read`."""
        return re.compile(rb"(?P<stamp>%s)" % self._pattern)


def _fraction(text: bytes | None) -> float:
    return float(b"0." + text) if text else 0.0


def _plus(base: Instant | None, fraction: bytes | None) -> Instant | None:
    return None if base is None else base + _fraction(fraction)


def _month(text: bytes) -> int:
    return MONTHS.get(text.decode("ascii").lower(), 0)


def _iso(match: re.Match[bytes], clock: Clock) -> Instant | None:
    base = clock.stamps[match["sec"], match["zone"] or b""]
    return _plus(base, match["f"])


def _day_first(match: re.Match[bytes], clock: Clock) -> Instant | None:
    zone = match["zone"]
    base = clock.civil(
        int(match["y"]), _month(match["mon"]), int(match["d"]), int(match["h"]), int(match["m"]), int(match["s"]),
        zone_of(zone.decode("ascii")) if zone else None,
    )  # fmt: skip
    return _plus(base, match["f"])


def _month_first(match: re.Match[bytes], clock: Clock) -> Instant | None:
    hour = int(match["h"])
    if match["half"]:
        hour = hour % 12 + (12 if match["half"].upper() == b"PM" else 0)
    base = clock.civil(int(match["y"]), _month(match["mon"]), int(match["d"]), hour, int(match["m"]), int(match["s"]))
    return _plus(base, None)


def _ctime(match: re.Match[bytes], clock: Clock) -> Instant | None:
    base = clock.civil(
        int(match["y"]), _month(match["mon"]), int(match["d"]), int(match["h"]), int(match["m"]), int(match["s"])
    )
    return _plus(base, match["f"])


def _short_year(match: re.Match[bytes], clock: Clock) -> Instant | None:
    base = clock.civil(
        2000 + int(match["y"]), int(match["mo"]), int(match["d"]), int(match["h"]), int(match["m"]), int(match["s"])
    )
    return _plus(base, match["f"])


def _klog(match: re.Match[bytes], clock: Clock) -> Instant | None:
    base = clock.yearless(int(match["mo"]), int(match["d"]), int(match["h"]), int(match["m"]), int(match["s"]))
    return _plus(base, match["f"])


def _syslog(match: re.Match[bytes], clock: Clock) -> Instant | None:
    month = _month(match["mon"])
    base = clock.yearless(month, int(match["d"]), int(match["h"]), int(match["m"]), int(match["s"])) if month else None
    return _plus(base, match["f"])


def _epoch(match: re.Match[bytes], clock: Clock) -> Instant | None:
    return clock.number(float(match["stamp"]))


_TIME = rb"(?P<h>\d\d):(?P<m>\d\d):(?P<s>\d\d)"
_MON = rb"(?P<mon>[A-Z][a-z]{2})"

STAMPS = (
    Stamp(
        "iso",
        rb"(?P<sec>\d{4}[-/.]\d\d[-/.]\d\d[T _]\d\d:\d\d:\d\d)(?:[.,:](?P<f>\d{1,9}))?"
        rb"(?: ?(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d|[+-]\d\d\b))?",
        _iso,
    ),
    Stamp("common", rb"(?P<d>\d\d)/" + _MON + rb"/(?P<y>\d{4}):" + _TIME + rb"(?:\.(?P<f>\d+))?(?: (?P<zone>[+-]\d{4}))?", _day_first),
    Stamp("redis", rb"(?P<d>\d{1,2})[ -]" + _MON + rb"[ -](?P<y>\d{4}) " + _TIME + rb"(?:[.,](?P<f>\d+))?(?: (?P<zone>[+-]\d{4}|UTC|GMT))?", _day_first),
    Stamp("ctime", rb"[A-Z][a-z]{2} " + _MON + rb"  ?(?P<d>\d{1,2}) " + _TIME + rb"(?:\.(?P<f>\d+))? (?P<y>\d{4})", _ctime),
    Stamp("klog", rb"(?<=[IWEF])(?P<mo>\d\d)(?P<d>\d\d) " + _TIME + rb"\.(?P<f>\d{6})", _klog),
    Stamp("jul", _MON + rb" (?P<d>\d{1,2}), (?P<y>\d{4}) (?P<h>\d{1,2}):(?P<m>\d\d):(?P<s>\d\d)(?: (?P<half>[AP]M))?", _month_first),
    Stamp("syslog", _MON + rb" {1,2}(?P<d>\d{1,2}) " + _TIME + rb"(?:\.(?P<f>\d+))?", _syslog),
    Stamp("short", rb"(?P<y>\d\d)/(?P<mo>\d\d)/(?P<d>\d\d) " + _TIME + rb"(?:[.,](?P<f>\d+))?", _short_year),
    Stamp("epoch", rb"1\d{9}(?:\d{3}|\d{6}|\d{9})?(?:\.\d{1,9})?(?![\w.-])", _epoch),
)  # fmt: skip
"""In the order in which they are preferred."""
