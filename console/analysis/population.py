"""The requests or lines of a service as far as they are at hand: which of them are bad, and what each says of where it was served.

Nothing is read for it: it takes the records and spans that the diagnosis has.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import TypeAlias

import msgspec

from console.analysis.fieldroles import named as named_field
from console.analysis.fieldroles import said
from console.analysis.view import View, usable
from console.domain.instant import Instant, Window
from console.domain.logs import Level, LogRecord, record_id
from console.domain.observations import ErrorSample
from console.domain.spans import Span
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.query.ast import FieldTest, Query

FEWEST_TIMED = 40
"""Requests of before that say which time is usual [D]."""
SLOW_QUANTILE, SLOW_TIMES = 0.95, 1.5
"""Slow is what takes so many times as long as all but a twentieth did before [D]."""
FEWEST_REQUESTS = 50
"""Records of requests below which the lines of a service are looked at instead [D]."""
FEWEST_ERRORS = 20
"""Errors in an even sample that tell which part of all it is [D]."""
OPERATION = "operation"
SERVING = frozenset(("server", "consumer"))


class Item(msgspec.Struct, frozen=True, gc=False):
    """One request, or one line."""

    at: Instant
    bad: bool
    even: bool
    """Part of a sample that is even over everything: what is only read because it is bad is not."""
    told: dict[str, SafeText]
    """What it says of where it was served, by the names of fields."""
    weight: int = 1
    """So many alike."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of some requests were bad."""

    bad: int
    of: int

    @property
    def share(self) -> float:
        """0 to 1; 0 of none."""
        return self.bad / self.of if self.of else 0.0


@dataclass(frozen=True, slots=True)
class Population:
    """What is at hand of one service, in one currency."""

    service: str
    bad: str
    """What is counted: failures, error lines, slow requests."""
    whole: str
    """Of what: requests, lines."""
    source: str
    """Name of the source in the configuration."""
    query: Query | None
    """What finds the bad ones in a log; None: they are spans, or counted by metrics."""
    during: tuple[Item, ...]
    before: Callable[[], tuple[Item, ...]]
    """Those of before, of an even sample: most of what is at hand, and seldom asked for."""
    sampled: bool
    """There are more than these."""
    stride: float = 1.0
    """Of so many good ones since the onset one is at hand, and every bad one; 1: the same part of both."""
    repeat: str = ""
    """What shows the bad ones where they are counted by metrics."""

    def rate(self, items: Iterable[Item]) -> Rate:
        """How many of some items since the onset are bad, of all that they stand for."""
        bad = good = 0
        for item in items:
            if item.bad:
                bad += item.weight
            elif item.even:
                good += item.weight
        return Rate(bad, bad + round(good * self.stride))


Row: TypeAlias = tuple[Instant, bool, bool, str, tuple[tuple[str, SafeText], ...]]
"""Time, bad, even, operation and fields of what becomes an item."""


class _Known:
    """The records of each service that are at hand, each once; those beyond the even sample only where they are errors.

    Errors beyond it count only where all of them are known since the onset: of a flood the newest are known, which are late.
    """

    def __init__(self, view: View, services: frozenset[str], since: Instant = math.inf) -> None:
        at, every, errors = view.seen.at, view.seen.records, view.seen.errors
        self.even: dict[str, list[LogRecord]] = defaultdict(list)
        self.more: dict[str, list[LogRecord]] = defaultdict(list)
        self.sampled = every is not None and every.matched > len(every.records)
        self._strides: dict[str, float] = {}
        if every is None:
            return
        for record in every.records:
            if record.service in services and record.at is not None and usable(record.at, at):
                self.even[record.service].append(record)
        if not self.sampled or errors is None or not _covers(errors, since):
            return
        self._strides = _strides(every, errors, since)
        known = {record_id(record) for records in self.even.values() for record in records}
        for record in errors.records:
            wanted = record.service in services and record.at is not None and since <= record.at <= at
            if wanted and record.source in self._strides and record_id(record) not in known:
                self.more[record.service].append(record)

    def stride(self, source: str) -> float:
        """Of how many good records of a source one is at hand, where all bad ones are; 1: all of both, or an even part of both."""
        return self._strides.get(source, 1.0)


def _covers(errors: ErrorSample, since: Instant) -> bool:
    """Whether all warnings and errors since an instant are known."""
    if errors.matched <= len(errors.records):
        return errors.window.start <= since
    first: dict[str, Instant] = {}
    for record in errors.records:
        if record.at is not None:
            first[record.source] = min(record.at, first.get(record.source, record.at))
    return bool(first) and max(first.values()) <= since


def _strides(every: ErrorSample, errors: ErrorSample, since: Instant) -> dict[str, float]:
    """Of how many records of each source one is in the even sample; without those of which that cannot be told."""
    sources = {record.source for record in every.records}
    if len(sources) == 1:
        return dict.fromkeys(sources, every.matched / len(every.records))
    known = Counter(r.source for r in errors.records if r.at is not None and r.at >= since)
    even = Counter(r.source for r in every.records if r.level >= Level.WARN and r.at is not None and r.at >= since)
    return {source: max(1.0, known[source] / n) for source, n in even.items() if n >= FEWEST_ERRORS and known[source]}


def populations(view: View, failing: Iterable[str], slow: Iterable[str], during: Window) -> list[Population]:
    """The populations of services that fail, and of those that are slow, over a stretch and before it.

    Args:
        failing, slow: Names of services.
        during: Since the onset.
    """
    failing, slow = frozenset(failing), frozenset(slow)
    known = _Known(view, failing | slow, during.start)
    spans = _served(view, failing | slow)
    found = [_failed(service, known, during) for service in sorted(failing)]
    found += [_failed_spans(service, spans.get(service, ()), view, during) for service in sorted(failing)]
    found += [_counted(service, view, during) for service in sorted(failing)]
    found += [_slow(service, known, during) for service in sorted(slow)]
    found += [_slow_spans(service, spans.get(service, ()), view, during) for service in sorted(slow)]
    return [one for one in found if one is not None and any(item.bad for item in one.during)]


def _failed(service: str, known: _Known, during: Window) -> Population | None:
    """Requests of which some failed, where the log tells of requests; else lines, of which some are errors."""
    even, more = known.even.get(service, []), known.more.get(service, [])
    if not even:
        return None
    source = even[0].source
    requests = [r for r in even if r.is_request and r.status is not None]
    rows = [_row(r, r.failed, True) for r in requests]
    # A log may write failed requests as it writes all others: then they are no more complete than these.
    every = all(r.level >= Level.WARN for r in requests if r.failed)
    rows += [_row(r, True, False) for r in more if every and r.is_request and r.status is not None and r.failed]
    stride = known.stride(source)
    recent = [row for row in rows if row[0] in during]
    if len(recent) >= FEWEST_REQUESTS and any(bad for _, bad, *_ in recent):
        query, all_bad = FieldTest("status", ">=", "500"), stride if every else 1.0
        return _population(service, ("failures", "requests"), source, query, rows, during, known.sampled, all_bad)
    rows = [_row(r, r.level >= Level.ERROR, True) for r in even]
    rows += [_row(r, True, False) for r in more if r.level >= Level.ERROR]
    query = FieldTest("level", ">=", "error")
    return _population(service, ("error lines", "lines"), source, query, rows, during, known.sampled, stride)


def _slow(service: str, known: _Known, during: Window) -> Population | None:
    timed = [(r, r.latency_s) for r in known.even.get(service, []) if r.is_request and r.latency_s is not None]
    limits = _limits([(r.operation, seconds) for r, seconds in timed if (r.at or 0.0) < during.start and not r.failed])
    if not limits:
        return None
    rows = [_row(r, seconds > limits.get(r.operation, limits[""]), True) for r, seconds in timed]
    query = FieldTest("latency", ">", f"{limits[''] * 1000:.0f}ms")
    source = timed[0][0].source
    return _population(service, ("slow requests", "requests"), source, query, rows, during, known.sampled)


def _limits(timed: Sequence[tuple[str, float]]) -> dict[str, float]:
    """From how many seconds on a request is slow, by operation, and by an empty name for those that are rare; empty: not known."""
    by_operation: dict[str, list[float]] = defaultdict(list)
    for operation, seconds in timed:
        by_operation[operation].append(seconds)
        if operation:
            by_operation[""].append(seconds)
    limits = {}
    for operation, times in by_operation.items():
        if len(times) >= FEWEST_TIMED:
            times.sort()
            limits[operation] = SLOW_TIMES * times[int(SLOW_QUANTILE * (len(times) - 1))]
    return limits if "" in limits else {}


def _served(view: View, services: frozenset[str]) -> dict[str, list[Span]]:
    """The spans of requests that services served, of those that say where."""
    found: dict[str, list[Span]] = defaultdict(list)
    for span in view.spans:
        if span.service in services and span.fields and (span.kind in SERVING or span.parent_id is None):
            found[span.service].append(span)
    return found


def _failed_spans(service: str, spans: Sequence[Span], view: View, during: Window) -> Population | None:
    rows = [_span_row(span, span.failed) for span in spans]
    return _population(service, ("failures", "requests"), _traces(view), None, rows, during, False) if rows else None


def _slow_spans(service: str, spans: Sequence[Span], view: View, during: Window) -> Population | None:
    limits = _limits([(s.operation, s.duration_s) for s in spans if s.end < during.start and not s.failed])
    if not limits:
        return None
    rows = [_span_row(s, s.duration_s > limits.get(s.operation, limits[""])) for s in spans]
    return _population(service, ("slow requests", "requests"), _traces(view), None, rows, during, False)


def _traces(view: View) -> str:
    return next((report.name for report in view.seen.sources if report.role == "traces"), "traces")


def _population(
    service: str,
    nouns: tuple[str, str],
    source: str,
    query: Query | None,
    rows: Sequence[Row],
    during: Window,
    sampled: bool,
    stride: float = 1.0,
) -> Population:
    @cache
    def before() -> tuple[Item, ...]:
        return tuple([_item(row) for row in rows if row[2] and row[0] < during.start])

    inside = tuple([_item(row) for row in rows if row[0] in during])
    return Population(service, *nouns, source, query, inside, before, sampled, stride)


def _row(record: LogRecord, bad: bool, even: bool) -> Row:
    return record.at or 0.0, bad, even, record.operation, record.fields


def _span_row(span: Span, bad: bool) -> Row:
    return span.end, bad, True, span.operation, span.fields


def _item(row: Row) -> Item:
    at, bad, even, operation, fields = row
    told: dict[str, SafeText] = {}
    for name, value in fields:
        if named_field(name) is not None and said(value):
            told.setdefault(name, value)
    if operation:
        told[OPERATION] = SafeText(operation)
    return Item(at, bad, even, told)


def _counted(service: str, view: View, during: Window) -> Population | None:
    """The requests that metrics count by instance or zone; each interval as so many bad and so many good ones."""
    parts = [part for part in view.seen.parts if part.service == service]
    if not parts:
        return None
    items: dict[bool, list[Item]] = {True: [], False: []}
    for part in parts:
        told = {name: value for name, value in part.fields if named_field(name) is not None and said(value)}
        due = [0.0, 0.0]
        for at, requests, failed in zip(part.times, part.requests, part.failed, strict=True):
            if at > view.seen.at:
                break
            # What a rate gives is no whole number: what is left of one interval counts in the next.
            due[0], due[1] = due[0] + failed, due[1] + max(0.0, requests - failed)
            for bad, place in ((True, 0), (False, 1)):
                whole = math.floor(due[place])
                if whole > 0:
                    due[place] -= whole
                    items[at in during].append(Item(at, bad, True, told, whole))
    before = tuple(item for item in items[False] if item.at < during.start)
    first = parts[0]
    return Population(
        service, "failures", "requests", first.source, None, tuple(items[True]), lambda: before, False, 1.0, first.query
    )


def by_value(items: Iterable[Item], field: str) -> Mapping[SafeText, list[Item]]:
    """The items that have a field, by what they say in it."""
    found: dict[SafeText, list[Item]] = defaultdict(list)
    for item in items:
        value = item.told.get(field)
        if value is not None:
            found[value].append(item)
    return found
