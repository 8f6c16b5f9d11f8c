"""Where a time window lies in a file, found by bisection, so that the cost follows the window and not the file.

Sixteen probes spread over the file tell whether it is in order of time, and by how much it is not. A file in order is
bisected; the result is widened by the largest disorder seen, five seconds at least. Any other file is read whole.
"""

from __future__ import annotations

from console.domain.instant import Instant, Window
from console.domain.values import dataclass
from sources.logs.formats.base import Format
from sources.logs.reading import Reader

_PROBES = 16
_PROBE_BYTES = 16 << 10
_PROBE_REACH = 1 << 20
"""How far a probe looks for a stamped line before it gives up."""
_NEAR = 64 << 10
"""Bisection ends when the two ends are this close."""
SLACK_S = 5.0
_TOO_SMALL = 512 << 10
"""A file below this is read whole: a bisection would cost as much."""


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes of a file to read for a window."""

    start: int
    end: int
    first: Instant | None = None
    """Stamp of the file's first record, where it was looked at."""


def locate(reader: Reader, form: Format, window: Window) -> Range:
    """The bytes that hold every record of the window, except those more out of order than the probes showed."""
    size = reader.size
    first = probe(reader, form, 0, size)
    if first is None:
        return Range(0, size)
    if first[1] - SLACK_S >= window.end and size < _TOO_SMALL:
        return Range(0, size, first[1])
    if size < _TOO_SMALL:
        return Range(0, size, first[1])
    slack = _disorder(reader, form, size)
    if slack is None:
        return Range(0, size, first[1])
    slack = max(SLACK_S, 2 * slack)
    start = _bisect(reader, form, window.start - slack, 0, size)
    end = _bisect(reader, form, window.end + slack, start, size, after=True)
    return Range(start, end, first[1])


def probe(reader: Reader, form: Format, offset: int, end: int) -> tuple[int, Instant] | None:
    """Offset and stamp of the first stamped record that begins at `offset` or later (at a line's beginning)."""
    limit = min(end, offset + _PROBE_REACH)
    # One byte earlier, so that a line that begins exactly at `offset` is seen to begin there.
    position = max(0, offset - 1)
    data = b""
    whole_lines = offset == 0
    while position + len(data) < limit or data:
        more = reader.pread(_PROBE_BYTES, position + len(data))
        data += more
        if not whole_lines:
            cut = data.find(b"\n")
            if cut >= 0:
                position += cut + 1
                data = data[cut + 1 :]
                whole_lines = True
        if whole_lines:
            while (cut := data.find(b"\n")) >= 0:
                line = data[:cut]
                if position >= limit:
                    return None
                at = _stamp(form, line)
                if at is not None:
                    return position, at
                position += cut + 1
                data = data[cut + 1 :]
        if not more:
            at = _stamp(form, data) if whole_lines and data and position < limit else None
            return (position, at) if at is not None else None
        if position >= limit or len(data) > _PROBE_REACH:
            return None
    return None


def _stamp(form: Format, line: bytes) -> Instant | None:
    record = form.light(line)
    return record.at if record is not None else None


def _disorder(reader: Reader, form: Format, size: int) -> float | None:
    """The largest step back in time between probes; None where the file is not in order of time."""
    stamps: list[Instant] = []
    for number in range(_PROBES):
        found = probe(reader, form, size * number // _PROBES, size)
        if found is not None:
            stamps.append(found[1])
    highest = stamps[0] if stamps else 0.0
    back = 0.0
    for at in stamps:
        back = max(back, highest - at)
        highest = max(highest, at)
    span = highest - stamps[0] if stamps else 0.0
    return None if len(stamps) < 4 or back > 0.1 * span else back


def _bisect(reader: Reader, form: Format, at: Instant, low: int, high: int, *, after: bool = False) -> int:
    """The beginning of a record before which every stamp is below `at`; with `after`, one from which none is below."""
    while high - low > _NEAR:
        middle = (low + high) // 2
        found = probe(reader, form, middle, high)
        if found is None or found[1] >= at:
            high = middle
        else:
            low = found[0]
    if not after:
        return low
    found = probe(reader, form, high, reader.size)
    return found[0] if found is not None else reader.size
