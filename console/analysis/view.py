"""What the analysis works on: the observations cut at the knowledge time, oriented, sorted, with the calls between services."""

from __future__ import annotations

from dataclasses import replace

from console.analysis.graph import Graph, build_graph
from console.analysis.observed import Observed, observe
from console.analysis.restarts import Restart, find_restarts
from console.analysis.running import running_of
from console.analysis.sightings import is_build, tells_start
from console.analysis.traces import Calls, read_calls
from console.analysis.tracks import Tracks, build_tracks, with_earlier
from console.domain.changes import Change, ChangeDiff
from console.domain.instant import Instant, Window
from console.domain.logs import Level, LogRecord
from console.domain.observations import ErrorSample, Observations
from console.domain.series import SeriesSet
from console.domain.spans import Span
from console.domain.values import dataclass

OLDEST_S = 366 * 86400.0
"""Stamps further back than a year are mistakes."""
LONGEST_SPAN_S = 7 * 86400.0


@dataclass(frozen=True, slots=True)
class View:
    """The observations, cut at the knowledge time and sorted for the analysis."""

    seen: Observations
    tracks: Tracks
    spans: tuple[Span, ...]
    calls: Calls | None
    records: tuple[LogRecord, ...]
    """Every level where the source gave them, else warnings and errors; oldest first."""
    covered: Window | None
    """The stretch that `records` cover without a gap at its start."""
    complete: bool
    """Whether `records` are all of every level."""
    changes: tuple[Change, ...]
    """Told and observed, at the times at which they took effect."""
    graph: Graph
    names: frozenset[str]
    restarts: tuple[Restart, ...]
    observed: Observed
    """What telemetry says of changes."""


def known_at(seen: Observations) -> Observations:
    """The same without anything stamped after the knowledge time, whoever put it there."""
    at = seen.at
    return replace(
        seen,
        series=_known_series(seen.series, at),
        earlier=_known_series(seen.earlier, at),
        changes=tuple(c for c in seen.changes if c.at <= at),
        running=tuple(r for r in seen.running if r.observed_at is None or r.observed_at <= at),
        deployed=tuple(c for c in seen.deployed if c.at <= at),
        diffs=_known_diffs(seen),
        spans=tuple(s for s in seen.spans if s.end <= at),
        probes=tuple(p for p in seen.probes if p.at <= at),
        shapes=tuple(one.until(at) for one in seen.shapes),
    )


def _known_series(series: SeriesSet, at: Instant) -> SeriesSet:
    late = any(len(one) and one.times[-1] > at for one in series)
    return SeriesSet.of([one.until(at) for one in series]) if late else series


def _known_diffs(seen: Observations) -> tuple[ChangeDiff, ...]:
    """Without those of changes that were made later: a diff has no time of its own."""
    later = {c.id for c in (*seen.changes, *seen.deployed) if c.at > seen.at}
    later -= {c.id for c in (*seen.changes, *seen.deployed) if c.at <= seen.at}
    return tuple(d for d in seen.diffs if d.change_id not in later)


def read_view(seen: Observations) -> View:
    """Orient and sort, and see what changed and what runs by telemetry; what is stamped absurdly is left out."""
    at = seen.at
    spans = tuple(s for s in seen.spans if s.end <= at and usable(s.start, at) and 0 <= s.duration_s < LONGEST_SPAN_S)
    sample = _sample(seen)
    records = tuple(
        sorted(
            (r for r in (sample.records if sample else ()) if r.at is not None and usable(r.at, at)),
            key=lambda r: r.at or 0.0,
        )
    )
    calls = read_calls(spans, records) if spans else None
    names = {s.name for s in seen.topology.services} | {d.name for d in seen.topology.dependencies}
    names |= {key.service for key in seen.series.by_key} | {s.service for s in spans}
    names.discard("")
    covered = None
    if sample is not None:
        start = sample.window.start
        if records and (sample.matched > len(sample.records) or seen.records is not None):
            start = max(start, records[0].at or start)
        covered = Window(min(start, at), at)
    observed = observe(seen.changes, seen.running, seen.series, records, at)
    seen = replace(seen, running=running_of(replace(seen, running=observed.running)))
    return View(
        seen,
        with_earlier(build_tracks(_measured(seen.series), at), seen.earlier, at, seen.zone),
        spans,
        calls,
        records,
        covered,
        seen.records is not None and seen.records.matched <= len(seen.records.records),
        observed.changes,
        build_graph(seen.topology, calls, records, names),
        frozenset(names),
        tuple(find_restarts(seen.series, at)),
        observed,
    )


def _measured(series: SeriesSet) -> SeriesSet:
    """Without what tells of processes and their builds: those are no measurements."""
    told = {key for key, one in series.by_key.items() if is_build(one) or tells_start(key.metric)}
    return SeriesSet({key: one for key, one in series.by_key.items() if key not in told}) if told else series


def usable(stamp: Instant, at: Instant) -> bool:
    """Whether a stamp is known at that time, and no mistake."""
    return at - OLDEST_S <= stamp <= at


def _sample(seen: Observations) -> ErrorSample | None:
    """The records that count: all of them; else every warning and error with a part of the rest; else a part of all."""
    every, bad = seen.records, seen.errors
    if every is None or bad is None:
        return every or bad
    if every.matched <= len(every.records) and every.window.start <= bad.window.start:
        return every
    if bad.matched > len(bad.records):
        return every if every.window.start <= bad.window.start else ErrorSample(bad.window, bad.records, bad.matched)
    rest = tuple(r for r in every.records if r.level < Level.WARN)
    return ErrorSample(bad.window, (*bad.records, *rest), len(bad.records) + len(rest))
