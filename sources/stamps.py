"""Time stamps of the file forms: RFC 3339 or epoch numbers, as bytes or as decoded JSON values."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from console.domain.instant import Instant, epoch_of_number

MEMO = 4096
"""Stamps remembered: in a metrics file the same one stands on many lines."""


class Stamps:
    """Reads stamps, remembering the last ones."""

    def __init__(self) -> None:
        self._memo: dict[str, Instant | None] = {}

    def read(self, text: str) -> Instant | None:
        """The instant of `2026-11-23T14:03:10Z` (without an offset: UTC) or of epoch seconds, ms, us or ns; else None."""
        try:
            return self._memo[text]
        except KeyError:
            if len(self._memo) >= MEMO:
                self._memo.clear()
            found = self._memo[text] = instant_of(text)
            return found


def instant_of(value: str | float | int) -> Instant | None:
    """The instant that a stamp names, or None where it names none."""
    try:
        number = float(value)
    except ValueError:
        return _of_rfc3339(str(value))
    except OverflowError:
        return None
    return epoch_of_number(number) if math.isfinite(number) else None


def _of_rfc3339(text: str) -> Instant | None:
    try:
        parsed = datetime.fromisoformat(text.strip())
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
