"""Stamps of log lines, to epoch seconds.

A stamp is read in two steps: its second, which neighbouring lines share and which is therefore remembered, and its
fraction. A stamp without a zone is taken in the configured zone; one without a year gets the year that puts it closest
to the time the file was last written, and never more than a day after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from console.domain.instant import Instant, epoch_of_number
from sources.logs.bulk import instants
from sources.logs.memo import Memo

MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
_T = TypeVar("_T", str, bytes)
_REMEMBERED = 4096
"""Seconds kept; forgotten all at once, which costs one parse per second of log."""
_ISO = re.compile(
    r"(\d{4})[-/.](\d\d)[-/.](\d\d)(?:[T _]|T )(\d\d):(\d\d):(\d\d)(?:[.,:](\d{1,9}))? ?(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?|[A-Z]{3,4})?"
)
_HEAD = re.compile(r"\d{4}[-/.]\d\d[-/.]\d\d[T _]\d\d:\d\d:\d\d", re.A)
_TAIL = re.compile(r"(?:[.,:](\d{1,9}))? ?(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?|[A-Z]{3,4})?", re.A)
"""The two parts of `_ISO`, for stamps whose second takes 19 characters."""
_FIRST = re.compile(r"[.,:](\d{3})", re.A)
_INNER = re.compile(r"(\d{3})", re.A)
_COMMON = re.compile(r"(\d\d)/([A-Za-z]{3})/(\d{4}):(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?: ([+-]\d{4}))?", re.A)
"""The stamp of access logs, which JSON made by the same servers has too (`$time_local`)."""
_ZONED = re.compile(r"([+-])(\d\d):?(\d\d)?")


def zone_of(text: str) -> tzinfo | None:
    """The zone that `Z`, `UTC`, `+0200`, `+02:00` or `+02` names; None for anything else, such as an abbreviation."""
    if text in ("Z", "z", "UTC", "GMT"):
        return UTC
    if match := _ZONED.fullmatch(text):
        sign = -1 if match[1] == "-" else 1
        minutes = int(match[2]) * 60 + int(match[3] or 0)
        return timezone(sign * timedelta(minutes=minutes)) if minutes < 1440 else None
    return None


class Clock:
    """Reads stamps for one file."""

    def __init__(self, zone: str = "UTC", reference: Instant = 0.0) -> None:
        self._zone: tzinfo = UTC if zone in ("UTC", "Z", "") else ZoneInfo(zone)
        self._reference = reference
        self._seconds: dict[str, float] = {}
        self.stamps: Memo[tuple[bytes, bytes], Instant | None] = Memo(self._whole_second)
        """Epoch seconds of an ISO-like second and a zone (may be empty), both as bytes; None where there is no such time."""

    def text(self, text: str) -> Instant | None:
        """A stamp in any ISO-like form or that of access logs, or a number as text; None where it is none of these.

        `2026-11-23T14:03:10.123Z`, `2026-11-23 14:03:10,123`, `2026/11/23 14:03:10`, `23/Nov/2026:14:03:10 +0000`,
        `1764000000`, `1764000000123`.
        """
        match = _ISO.match(text)
        if match is None:
            return self._common(text) if text[2:3] == "/" else self._number(text)
        zone = match[8]
        named = zone_of(zone) if zone else None
        key = text[:19] if named is UTC else f"{match[0][:19]}|{zone}"
        base = self._seconds.get(key)
        if base is None:
            year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
            base = self.civil(year, month, day, hour, minute, second, named)
            if base is None:
                return None
            self._remember(key, base)
        return base + (float(f"0.{match[7]}") if match[7] else 0.0)

    def _common(self, text: str) -> Instant | None:
        match = _COMMON.fullmatch(text)
        if match is None:
            return None
        day, year, hour, minute, second = (int(match[i]) for i in (1, 3, 4, 5, 6))
        zone = zone_of(match[8]) if match[8] else None
        at = self.civil(year, MONTHS.get(match[2].lower(), 0), day, hour, minute, second, zone)
        return at + float(f"0.{match[7]}") if at is not None and match[7] else at

    def second(self, text: str) -> Instant:
        """The UTC second that `2026-11-23T14:03:10` names.

        Raises:
            ValueError: It names none.
        """
        if len(text) != 19 or text[10] not in "T ":
            raise ValueError(text)
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()

    def _whole_second(self, key: tuple[bytes, bytes]) -> Instant | None:
        return self.text(b"".join(key).decode("ascii"))

    def _number(self, text: str) -> Instant | None:
        if not text[:1].isdigit() or len(text) < 9 or len(text) > 24:
            return None
        try:
            return self.number(float(text))
        except ValueError:
            return None

    def number(self, value: float) -> Instant | None:
        """Epoch seconds, ms, us or ns; None for a number that is no time after 1973."""
        return epoch_of_number(value) if 1e8 <= value < 1e20 else None

    def civil(
        self, year: int, month: int, day: int, hour: int, minute: int, second: int, zone: tzinfo | None = None
    ) -> Instant | None:
        """A calendar time; None where there is no such time. A leap second counts as the second after."""
        leap = 1 if second == 60 else 0
        try:
            moment = datetime(year, month, day, hour, minute, second - leap, tzinfo=zone or self._zone)
            return moment.timestamp() + leap
        except (ValueError, OverflowError):
            return None

    def yearless(self, month: int, day: int, hour: int, minute: int, second: int) -> Instant | None:
        """A calendar time without a year, as syslog and klog write it."""
        key = f"{month}-{day} {hour}:{minute}:{second}"
        known = self._seconds.get(key)
        if known is not None:
            return known
        year = datetime.fromtimestamp(self._reference, self._zone).year
        candidates = [self.civil(y, month, day, hour, minute, second) for y in (year + 1, year, year - 1)]
        fitting = [c for c in candidates if c is not None and c <= self._reference + 86400]
        if not fitting:
            return None
        self._remember(key, fitting[0])
        return fitting[0]

    def _remember(self, key: str, base: float) -> None:
        if len(self._seconds) >= _REMEMBERED:
            self._seconds.clear()
        self._seconds[key] = base


class Stamps(Generic[_T]):
    """Reads the stamps of many lines, all as text or all as bytes.

    Neighbouring lines share their second, three digits of a fraction occur again and again, and all stamps of a file end
    in the same zone: where that holds, a stamp costs two to four looks into memories. Any other is read by `slow`, which
    decides what all of them mean. Whole nanoseconds divided by 1e9 are the very number that their digits stand for.
    """

    def __init__(self, clock: Clock, slow: Callable[[_T], Instant | None]) -> None:
        self._clock = clock
        self._slow: Callable[[_T], Instant | None] = slow
        self._zone: str | None = None
        self._heads: Memo[_T, Instant] = Memo(self._head)
        self._tails: Memo[_T, float] = Memo(self._tail)
        self._minutes: Memo[str, Instant] = Memo(self._minute)
        self._first: Memo[_T, int] = Memo(lambda part: self._digits(part, _FIRST, 1_000_000))
        self._second: Memo[_T, int] = Memo(lambda part: self._digits(part, _INNER, 1000))
        self._second_last: Memo[_T, int] = Memo(lambda part: self._digits(part, self._last, 1000))
        self._third_last: Memo[_T, int] = Memo(lambda part: self._digits(part, self._last, 1))
        self._last = _INNER

    def column(self, stamps: Sequence[_T]) -> list[Instant] | list[Instant | None]:
        """The instants of stamps; None for those that name none."""
        for _ in range(2):
            try:
                if self._zone is not None:
                    found = instants(stamps, self._zone.encode(), self._minutes.__getitem__)
                    if found is not None:
                        return found
                return self._column(stamps)
            except (TypeError, ValueError):
                if not self._learned(stamps):
                    break
        return [self.one(stamp) for stamp in stamps]

    def _column(self, stamps: Sequence[_T]) -> list[Instant]:
        heads, tails = self._heads, self._tails
        short = 23 + len(self._zone or "")
        longer = short + 3
        length = len(stamps[0]) if stamps else 0
        if length <= short:
            return [heads[s[:19]] + tails[s[19:]] for s in stamps]
        first, last = self._first, self._second_last
        if length <= longer:
            return [
                heads[s[:19]] + (tails[s[19:]] if len(s) <= short else (first[s[19:23]] + last[s[23:]]) / 1e9)
                for s in stamps
            ]
        second, third = self._second, self._third_last
        return [
            heads[s[:19]]
            + (
                (first[s[19:23]] + second[s[23:26]] + third[s[26:]]) / 1e9
                if len(s) > longer
                else tails[s[19:]]
                if len(s) <= short
                else (first[s[19:23]] + last[s[23:]]) / 1e9
            )
            for s in stamps
        ]

    def one(self, stamp: _T) -> Instant | None:
        """The instant of one stamp."""
        if self._zone is None:
            self._learned([stamp])
        try:
            return self._column((stamp,))[0]
        except (TypeError, ValueError):
            return self._slow(stamp)

    def _learned(self, stamps: Sequence[_T]) -> bool:
        """Whether the first stamp is in a zone that was not known, and now is."""
        first = stamps[0] if stamps else None
        if not isinstance(first, (str, bytes)):
            return False
        zone = _TAIL.match(_text(first[19:]))
        if zone is None or (zone[2] or "") == self._zone:
            return False
        self._zone = zone[2] or ""
        self._last = re.compile(r"(\d{0,3}) ?" + re.escape(self._zone), re.A)
        for memory in (self._heads, self._tails, self._minutes, self._second_last, self._third_last):
            memory.clear()
        return True

    def _head(self, head: _T) -> Instant:
        text = _text(head)
        if self._zone is None or not _HEAD.fullmatch(text):
            raise ValueError(text)
        second = int(text[17:])
        # No clock is set within a minute; a leap second is left to those who know of it.
        at = self._minutes[text[:17]] + second if second < 60 else self._clock.text(text + self._zone)
        if at is None:
            raise ValueError(text)
        return at

    def _minute(self, text: str) -> Instant:
        at = self._clock.text(f"{text}00{self._zone}")
        if at is None:
            raise ValueError(text)
        return at

    def _tail(self, tail: _T) -> float:
        match = _TAIL.match(_text(tail))
        if match is None or (match[2] or "") != self._zone:
            raise ValueError
        return float(f"0.{match[1]}") if match[1] else 0.0

    def _digits(self, part: _T, form: re.Pattern[str], nanoseconds: int) -> int:
        """Three digits of a fraction, of which the last may be left out and are zeros."""
        match = form.fullmatch(_text(part))
        if match is None:
            raise ValueError
        return int(match[1].ljust(3, "0")) * nanoseconds


def _text(part: str | bytes) -> str:
    return part if isinstance(part, str) else part.decode("ascii", "replace")
