"""Who stopped reporting while others of the same source go on, and sources that stopped altogether."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from console.analysis.constants import LOCAL_HORIZON_S, SILENCE_EXPECTED, SILENCE_GAPS
from console.analysis.graph import Graph
from console.analysis.moves import Move
from console.analysis.signals import Family, Meaning
from console.analysis.stats import median_of
from console.analysis.tracks import arrays, step_of
from console.analysis.view import usable
from console.domain.instant import Instant, Window, clock_text, span_text
from console.domain.observations import ErrorSample, Observations
from console.domain.reading import SourceReport, SourceState
from console.domain.series import SeriesSet
from console.domain.values import dataclass
from console.guard.sanitise import safe

if TYPE_CHECKING:
    from console.analysis.stats import Numbers
    from console.domain.series import Series

SILENT = Meaning(Family.GAUGE, "silence", "count", -1)
"""Nothing comes, and the callers fail or nobody calls: it may be down."""
UNHEARD = Meaning(Family.GAUGE, "silence", "count", -1, certain=False)
"""Nothing comes, and its callers still get answers: only its telemetry is lost."""
REGULAR = 1.6
"""Longest gap over usual step up to which points count as regular; of those, three missing are enough [D]."""
REGULAR_MISSING = 3.5
LEAST_S = 60.0
"""Less is a hiccup of whoever reports or of whoever asks [D]."""
FEWEST_POINTS = 20
STALE_STEPS = 3.0
STALE_LEAST_S = 180.0
HEARD = 2.0
"""A silence of more than so many times the stretch in which a source was heard says nothing: it may come now and then [D]."""
RECENT_POINTS = 400
LINES = "log_lines"
NEWEST = {"metrics": "point", "logs": "record", "traces": "span"}
"""What a source of each role tells."""


@dataclass(frozen=True, slots=True)
class Silence:
    """One service of one source that stopped reporting."""

    service: str
    source: str
    since: Instant
    step_s: float
    points: int


def find_silences(series: SeriesSet, at: Instant) -> list[Silence]:
    """Services without a point for longer than their habit explains, though their source goes on.

    Only the time in which the source itself was heard counts as missing; who stopped hours ago was retired, not lost.
    """
    import numpy as np

    stamps: dict[tuple[str, str], list[Numbers]] = defaultdict(list)
    heard: dict[str, list[Numbers]] = defaultdict(list)
    for one in series:
        if len(one) and one.times[-1] <= at:
            times, _ = arrays(one)
            stamps[one.source, one.key.service].append(times[-RECENT_POINTS:])
            heard[one.source].append(times[-RECENT_POINTS:])
    whole = {source: np.unique(np.concatenate(parts)) for source, parts in heard.items()}
    found = []
    for (source, service), parts in stamps.items():
        merged = np.unique(np.concatenate(parts))
        if merged.size < FEWEST_POINTS:
            continue
        gaps = np.diff(merged)
        step = median_of(gaps)
        last = float(merged[-1])
        if step <= 0 or at - last > LOCAL_HORIZON_S:
            continue
        if float(merged[-1] - merged[0]) < at - last:
            continue  # heard for a shorter time than it has been silent: which of the two is its habit cannot be told
        others = whole[source][whole[source] >= last]
        missing = float(np.minimum(np.diff(others), step).sum())
        if missing >= max(_unusual_pause(gaps), LEAST_S):
            found.append(Silence(service, source, last + step, step, int(merged.size)))
    return found


def silence_moves(silences: Iterable[Silence], moves: Iterable[Move], graph: Graph) -> list[Move]:
    """Silences as departures: trouble where callers fail too or nobody calls; lost telemetry where they are served."""
    failing = {
        m.service for m in moves if m.opened and m.ongoing and m.meaning.family in (Family.RATIO, Family.LATENCY)
    }
    found = []
    for one in silences:
        callers = graph.callers.get(one.service, ())
        down = not callers or any(c in failing for c in callers)
        found.append(
            Move(
                service=one.service,
                operation=None,
                metric="reports",
                meaning=SILENT if down else UNHEARD,
                direction=-1,
                onset=one.since,
                end=None,
                level=60.0 / one.step_s,
                observed=0.0,
                z=0.0,
                effect=-1.0,
                bins=FEWEST_POINTS,
                step_s=one.step_s,
                requests=one.points,
                source=one.source,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Hearing:
    """When one source told something: records that were written, spans that ended, points that were measured."""

    role: str
    first: Instant
    newest: Instant
    pause_s: float | None
    """A silence as long as this is not its habit; None: it has told too little to know."""
    longest_s: float = 0.0
    """Its longest pause so far."""

    def stopped(self, at: Instant) -> bool:
        """Whether it is silent for longer than its habit explains. One that was heard for a short time only has shown none."""
        age = at - self.newest
        known = self.pause_s is not None and (self.role == "metrics" or age <= HEARD * (self.newest - self.first))
        return known and age > STALE_LEAST_S and age > (self.pause_s or 0.0)


def hearings(seen: Observations) -> dict[str, Hearing]:
    """When each source of logs, metrics and traces was heard, by its name; who was not heard at all is left out.

    A log is heard by its lines: counts of none are its silence. Spans do not tell which of several sources they are from.
    """
    points: dict[str, list[Series]] = defaultdict(list)
    for one in seen.series:
        if len(one):
            points[one.source].append(one)
    found: dict[str, Hearing | None] = {}
    for report in seen.sources:
        if report.role == "metrics":
            found[report.name] = _measured(points[report.name], seen.at)
        elif report.role == "logs":
            found[report.name] = _logged(report.name, points[report.name], seen)
        elif report.role == "traces":
            found[report.name] = _heard("traces", [s.end for s in seen.spans if usable(s.end, seen.at)], [])
    return {name: one for name, one in found.items() if one is not None}


def _measured(told: list[Series], at: Instant) -> Hearing | None:
    told = [one for one in told if len(one) >= 2]
    if not told:
        return None
    first, newest = min(one.times[0] for one in told), max(one.times[-1] for one in told)
    due = STALE_STEPS * min(step_of(one) for one in told) if at - newest > STALE_LEAST_S else None
    return Hearing("metrics", first, newest, due)


def _logged(name: str, told: list[Series], seen: Observations) -> Hearing | None:
    """By all its lines where they are counted, else by those at hand; warnings alone are no habit."""
    lines, failed = _stamps(seen.records, name, seen.at), _stamps(seen.errors, name, seen.at)
    return _heard("logs", _written(told) or lines, [*lines, *failed])


def _written(told: list[Series]) -> list[Instant]:
    """The ends of the intervals in which a log was written."""
    return [t for one in told if one.key.metric == LINES for t, lines in one if lines > 0]


def _stamps(sample: ErrorSample | None, source: str, at: Instant) -> list[Instant]:
    """The stamps of a log's records that are at hand."""
    mine = (r.at for r in sample.records if r.source == source) if sample is not None else ()
    return [stamp for stamp in mine if stamp is not None and usable(stamp, at)]


def _heard(role: str, marks: list[Instant], others: list[Instant]) -> Hearing | None:
    """Its habit as its marks show it; what else is known of it tells only that it was heard then."""
    import numpy as np

    if not marks and not others:
        return None
    first, newest = min((*marks, *others)), max((*marks, *others))
    gaps = np.diff(np.unique(np.array(marks, dtype=np.float64)))
    if gaps.size < FEWEST_POINTS - 1:
        return Hearing(role, first, newest, None)
    return Hearing(role, first, newest, max(_unusual_pause(gaps), LEAST_S), float(gaps.max()))


def _unusual_pause(gaps: Numbers) -> float:
    """How long a pause must be to be none of those that came before."""
    step, longest = median_of(gaps), float(gaps.max())
    if longest <= REGULAR * step:
        return REGULAR_MISSING * step
    return max(SILENCE_EXPECTED * float(gaps.mean()), SILENCE_GAPS * longest)


def aged_sources(
    sources: tuple[SourceReport, ...], heard: Mapping[str, Hearing], at: Instant
) -> tuple[SourceReport, ...]:
    """The accounts of the sources, with those marked stale that tell nothing about now any more."""
    return tuple(_aged(report, heard[report.name], at) if report.name in heard else report for report in sources)


def _aged(report: SourceReport, hearing: Hearing, at: Instant) -> SourceReport:
    if report.state not in (SourceState.OK, SourceState.PARTIAL) or not hearing.stopped(at):
        return report
    said = f"its newest {NEWEST[hearing.role]} is {span_text(at - hearing.newest)} old"
    if hearing.longest_s:
        said += f"; its longest pause before was {span_text(hearing.longest_s)}"
    if report.state is SourceState.PARTIAL and report.detail:
        said += f"; {report.detail}"
    return replace(report, state=SourceState.STALE, detail=safe(said, 500))


def without_filling(series: SeriesSet, sources: Iterable[SourceReport], heard: Mapping[str, Hearing]) -> SeriesSet:
    """The same without the noughts that stand for the silence of a log that ended: nobody counted them."""
    ended = {one.name for one in sources if one.role == "logs" and one.state is SourceState.STALE and one.name in heard}
    if not ended:
        return series
    return SeriesSet.of([one.until(heard[one.source].newest) if one.source in ended else one for one in series])


def silent_system(heard: Iterable[Hearing], window: Window, at: Instant) -> str:
    """That nothing at all is heard of the system, as a clause; empty: something is, or nothing ever was.

    Nothing is heard where nobody told anything in the window, or for a longer time than before it; a measurement counts
    until the next one is due.
    """
    known = list(heard)
    if not known:
        return ""
    first, newest = min(one.first for one in known), max(one.newest for one in known)
    due = any(one.role == "metrics" and not one.stopped(at) for one in known)
    if due or at - newest <= STALE_LEAST_S or (newest >= window.start and newest - first >= at - newest):
        return ""
    return f"nothing was heard since {clock_text(newest, now=at)} UTC, {span_text(at - newest)} ago"
