"""Instants and windows.

Inside the program an instant is a float: seconds since the Unix epoch, UTC. It has one meaning, no zone that could be
forgotten, and compares without cost; aware datetimes exist only where a person or a file format needs one.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from typing import TypeAlias

from console.domain.values import dataclass

Instant: TypeAlias = float
"""Seconds since 1970-01-01T00:00:00Z."""

_SPAN_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|[smhdw])")
_SPAN_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")
_EPOCH = re.compile(r"[0-9]{1,19}(?:\.[0-9]+)?")
LONGEST_S = 100 * 365.25 * 86400.0
"""The longest span that is understood; a longer one is a slip of the pen."""
LATEST: Instant = 1e11
"""The end of what a TIME can name, in the year 5138; from there on a number of seconds would be one of milliseconds."""


class BadTime(ValueError):
    """A text that names no instant or span; the message says which forms are understood."""


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open stretch of time, `start <= t < end`, in epoch seconds.

    Raises:
        ValueError: `end` lies before `start`.
    """

    start: Instant
    end: Instant

    def __post_init__(self) -> None:
        if not self.start <= self.end:
            raise ValueError(f"a window cannot end ({self.end}) before it starts ({self.start})")

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start

    def __contains__(self, at: object) -> bool:
        return isinstance(at, (int, float)) and self.start <= at < self.end

    def before(self, seconds: float) -> Window:
        """The stretch of `seconds` that ends where this one starts."""
        return Window(self.start - seconds, self.start)


def parse_span(text: str) -> float:
    """Seconds in a span such as `30s`, `10m`, `1h30m`, `250ms`.

    Raises:
        BadTime: The text is no span, or longer than `LONGEST_S`.
    """
    return _seconds(text.strip(), text)


def _seconds(span: str, written: str, sign: str = "") -> float:
    """Seconds in a span; in messages it stands as it was written, with its sign."""
    if not span or _SPAN_PART.sub("", span):
        raise BadTime(f"{written!r} is no span of time: write {sign}30s, {sign}10m, {sign}2h or {sign}3d")
    seconds = sum(float(n) * _SPAN_SECONDS[unit] for n, unit in _SPAN_PART.findall(span))
    if seconds > LONGEST_S:
        raise BadTime(f"{written!r} is longer than a hundred years")
    return seconds


def epoch_of_number(value: float) -> Instant:
    """Epoch seconds of a number stamped in seconds, milli-, micro- or nanoseconds, told apart by its size.

    The four scales do not overlap for any instant between 1973 and 5138.
    """
    size = abs(value)
    if size < 1e11:
        return value
    if size < 1e14:
        return value / 1e3
    if size < 1e17:
        return value / 1e6
    return value / 1e9


def parse_time(text: str, now: Instant, zone: tzinfo = UTC) -> Instant:
    """The instant that a TIME of the command line names.

    Args:
        text: RFC 3339, `HH:MM[:SS]` (today in `zone`), epoch seconds (or ms, us, ns), or a span back from now: `-30m`.
        now: What "now" and "today" mean.
        zone: The display zone; also used for an RFC 3339 time that carries no offset.

    Raises:
        BadTime: None of the forms fits, or it lies before 1970 or after `LATEST`.
    """
    at = _instant(text, now, zone)
    if not 0 <= at < LATEST:
        raise BadTime(f"{text!r} lies {'before the year 1970' if at < 0 else 'too far in the future'}")
    return at


def _instant(text: str, now: Instant, zone: tzinfo) -> Instant:
    stripped = text.strip()
    if stripped == "now":
        return now
    if stripped.startswith("-"):
        return now - _seconds(stripped[1:], text, "-")
    if _EPOCH.fullmatch(stripped):
        return epoch_of_number(float(stripped))
    if clock := _CLOCK.fullmatch(stripped):
        hour, minute, second = (int(part or 0) for part in clock.groups())
        try:
            today = datetime.fromtimestamp(now, zone)
            return today.replace(hour=hour, minute=minute, second=second, microsecond=0).timestamp()
        except ValueError:
            raise BadTime(f"{text!r} is no time of day") from None
    try:
        parsed = datetime.fromisoformat(stripped)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError):  # a year that has no instant in the zone overflows
        raise BadTime(
            f"{text!r} is no time: write 2026-11-23T14:03:10Z, 14:03, epoch seconds, or a span back such as -30m"
        ) from None


def rfc3339(at: Instant) -> str:
    """UTC, with milliseconds only where there are any: `2026-11-23T14:03:10Z`."""
    moment = datetime.fromtimestamp(round(at, 3), UTC)
    text = moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
    return text.replace("+00:00", "Z")


def clock_text(at: Instant, zone: tzinfo = UTC, *, now: Instant | None = None, seconds: bool = True) -> str:
    """Time of day for a person: `14:03:10`, with the date in front where it is not the day of `now`, and the year with it
    where it is another one.
    """
    moment = datetime.fromtimestamp(at, zone)
    text = moment.strftime("%H:%M:%S" if seconds else "%H:%M")
    if now is None or (today := datetime.fromtimestamp(now, zone).date()) == moment.date():
        return text
    return f"{moment:%m-%d} {text}" if today.year == moment.year else f"{moment:%Y-%m-%d} {text}"


def span_text(seconds: float) -> str:
    """A length of time in its largest fitting unit: `45s`, `11m`, `3h`, `2d`; below a second in ms."""
    size = abs(seconds)
    if size < 1:
        return f"{size * 1000:.0f}ms"
    for limit, unit, divisor in ((120, "s", 1), (7200, "m", 60), (172800, "h", 3600)):
        if size < limit:
            return f"{size / divisor:.0f}{unit}"
    return f"{size / 86400:.0f}d"


AGE_STEPS_S = (0, 1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 900, 1800, 2700)


def age_step(age_s: float) -> float:
    """An age rounded down to the steps in which ages are told, so that what only grows older changes seldom; hours are whole."""
    if age_s >= 3600:
        return age_s // 3600 * 3600
    return float(max((step for step in AGE_STEPS_S if step <= age_s), default=0))
