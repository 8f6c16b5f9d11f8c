"""Log records as lines: time, level as a word, service, message; marked words, folded stack traces."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator
from dataclasses import dataclass as open_dataclass
from dataclasses import field
from functools import lru_cache
from typing import TYPE_CHECKING

from console.domain.instant import clock_text, rfc3339
from console.domain.logs import Level, LogRecord, RecordId, record_id
from console.domain.values import dataclass
from console.state import LogsView
from widgets.body import Look, Row
from widgets.ink import Line, cut_middle, pad, width_of
from widgets.numbers import UNKNOWN, number_text
from widgets.words import level_style, level_word

if TYPE_CHECKING:
    from console.query.ast import Query

SHORT_TIMES_BELOW = 70
MOST_SERVICE = 14
MARK = "◆"
"""Stands before the level of a record that is marked as evidence."""


@dataclass(frozen=True, slots=True)
class Hints:
    """What is pointed out in the records."""

    search_text: str = ""
    """A query whose words are marked where they occur, besides those of the filter."""
    marks: frozenset[RecordId] = frozenset()
    """Records marked as evidence."""


NO_HINTS = Hints()


@open_dataclass
class Memo:
    """Painted records of the last time: a tail of thousands changes by a few."""

    layout: tuple[object, ...] = ()
    """Width, zone and words to mark: with another one everything is painted anew."""
    service_width: int = 0
    """Only grows while the layout stays, so that the columns do not jump."""
    rows: dict[str, tuple[LogRecord, bool, bool, Row]] = field(default_factory=dict)


def record_keys(records: tuple[LogRecord, ...]) -> list[str]:
    """A name for each record that stays when the tail moves on; equal records are numbered."""
    seen: dict[str, int] = {}
    keys = []
    for record in records:
        if record.offset >= 0:
            base = f"log:{record.source}:{record.file}:{record.offset}"
        else:
            base = f"log:{record.source}:{record.at}:{record.service}:{record.message[:80]}"
        count = seen.get(base, 0)
        seen[base] = count + 1
        keys.append(f"{base}#{count}" if count else base)
    return keys


def record_rows(
    view: LogsView, width: int, look: Look, unfolded: frozenset[str], memo: Memo, hints: Hints = NO_HINTS
) -> list[Row]:
    """Every record as a row, oldest first; what was painted before is taken from `memo`."""
    needles = _needles(view.filter_text) + _needles(hints.search_text)
    if memo.layout != (width, look.zone, needles):
        memo.rows.clear()
        memo.layout, memo.service_width = (width, look.zone, needles), 0
    widest = min(MOST_SERVICE, max((width_of(r.service) for r in view.records[-200:]), default=0))
    if widest > memo.service_width:
        memo.rows.clear()
        memo.service_width = widest
    kept: dict[str, tuple[LogRecord, bool, bool, Row]] = {}
    for key, record in zip(record_keys(view.records), view.records, strict=True):
        is_open = key in unfolded
        is_marked = bool(hints.marks) and record_id(record) in hints.marks
        old = memo.rows.get(key)
        if old is not None and old[0] is record and old[1:3] == (is_open, is_marked):
            kept[key] = old
        else:
            row = _record(record, key, width, look, is_open, is_marked, memo.service_width, needles)
            kept[key] = (record, is_open, is_marked, row)
    memo.rows = kept
    return [kept_row[3] for kept_row in kept.values()]


@lru_cache(64)
def _needles(filter_text: str) -> tuple[str, ...]:
    """The words that the filter asks for, to be marked where they occur; none of a filter that cannot be read."""
    from console.query.parse import parse  # not for the first frame

    try:
        query = parse(filter_text)
    except ValueError:
        return ()
    return tuple(_literals(query)) if query is not None else ()


def _literals(query: Query) -> Iterator[str]:
    from console.query.ast import And, Literal, Or  # not for the first frame

    if isinstance(query, Literal):
        yield query.text.lower()
    elif isinstance(query, (And, Or)):
        for part in query.parts:
            yield from _literals(part)


def _record(
    record: LogRecord,
    key: str,
    width: int,
    look: Look,
    is_open: bool,
    is_marked: bool,
    service_width: int,
    needles: tuple[str, ...],
) -> Row:
    time_width = 8 if width < SHORT_TIMES_BELOW else 12
    style = level_style(record.level)
    lead = Line.of(
        (pad(_time(record, look)[:time_width], time_width), "label"),
        (MARK if is_marked else " ", "marker"),
        (level_word(record.level), style),
        " ",
    )
    if service_width:
        lead = lead + Line.of((pad(cut_middle(record.service, service_width), service_width), "accent"), " ")
    lines = [_first_line(record, lead, width, is_open, needles)]
    if is_open:
        lines += [(Line.of("  ") + marked(text, "muted", needles)).cut(width) for text in record.extra]
    copy = "\n".join((record.message, *record.extra))
    return Row(tuple(lines), record, key, copy)


def _first_line(record: LogRecord, lead: Line, width: int, is_open: bool, needles: tuple[str, ...]) -> Line:
    style = "text" if record.level < Level.ERROR else "strong"
    text = marked(record.message, style, needles)
    if record.operation and record.operation not in record.message:
        status = str(record.status) if record.status is not None and str(record.status) not in record.message else ""
        latency = number_text(record.latency_s, "s") if record.latency_s is not None else ""
        about = " ".join(part for part in (record.operation, status, latency) if part)
        text = marked(about, "text", needles) + Line.of("  ") + text
    if not record.extra:
        return (lead + text).cut(width)
    count = len(record.extra)
    hidden = Line.of((f"[+{count} line{'s' if count > 1 else ''}]" if not is_open else "[open]", "label"))
    if width <= lead.width + hidden.width + 8:
        return (lead + text).cut(width)
    return (lead + text).beside(hidden, width)


def marked(text: str, style: str, needles: tuple[str, ...]) -> Line:
    """The text with every occurrence of the words marked, whatever their case."""
    lowered = text.lower()
    if not needles or len(lowered) != len(text):
        return Line.of((text, style))
    spans: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        found = [(place, len(needle)) for needle in needles if (place := lowered.find(needle, at)) >= 0]
        if not found:
            break
        place, length = min(found, key=lambda hit: (hit[0], -hit[1]))
        spans += [(text[at:place], style), (text[place : place + length], "match")]
        at = place + length
    spans.append((text[at:], style))
    return Line.of(*spans)


def _time(record: LogRecord, look: Look) -> str:
    if record.at is None:
        return UNKNOWN
    millis = int(record.at * 1000 + 1e-6) % 1000
    return f"{clock_text(record.at, look.zone)}.{millis:03d}"[:12]


def command_of(record: LogRecord) -> str:
    """The records of this file in this very millisecond: of files that rotate and are packed, no byte place stays true."""
    from console.query.ast import FieldTest  # not for the first frame
    from console.query.text import text_of

    if record.file and record.at is not None:
        start = math.floor(record.at * 1000 + 1e-6) / 1000
        query = shlex.quote(text_of(FieldTest("file", "=", record.file)))
        return f"incident logs {query} --since {rfc3339(start)} --until {rfc3339(start + 0.001)}"
    return f"incident logs 'trace:{record.trace_id}'" if record.trace_id.isalnum() else ""
