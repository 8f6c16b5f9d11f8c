"""Who stopped reporting while others of the same source go on, and sources that stopped altogether."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from console.analysis.constants import LOCAL_HORIZON_S, SILENCE_EXPECTED, SILENCE_GAPS
from console.analysis.graph import Graph
from console.analysis.moves import Move
from console.analysis.signals import Family, Meaning
from console.analysis.stats import median_of
from console.analysis.tracks import arrays
from console.domain.instant import Instant, span_text
from console.domain.reading import SourceReport, SourceState
from console.domain.values import dataclass
from console.guard.sanitise import safe

if TYPE_CHECKING:
    from console.analysis.stats import Numbers
    from console.domain.series import Series, SeriesSet

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
RECENT_POINTS = 400


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
        step, longest = median_of(gaps), float(gaps.max())
        last = float(merged[-1])
        if step <= 0 or at - last > LOCAL_HORIZON_S:
            continue
        if float(merged[-1] - merged[0]) < at - last:
            continue  # heard for a shorter time than it has been silent: which of the two is its habit cannot be told
        others = whole[source][whole[source] >= last]
        missing = float(np.minimum(np.diff(others), step).sum())
        regular = longest <= REGULAR * step
        needed = (
            REGULAR_MISSING * step if regular else max(SILENCE_EXPECTED * float(gaps.mean()), SILENCE_GAPS * longest)
        )
        if missing >= max(needed, LEAST_S):
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


def aged_sources(sources: tuple[SourceReport, ...], series: SeriesSet, at: Instant) -> tuple[SourceReport, ...]:
    """The accounts of the sources, with those marked stale whose newest point is too old to say anything about now."""
    told: dict[str, list[Series]] = defaultdict(list)
    for one in series:
        if len(one) >= 2:
            told[one.source].append(one)
    return tuple(_aged(report, told[report.name], at) if report.name in told else report for report in sources)


def _aged(report: SourceReport, told: list[Series], at: Instant) -> SourceReport:
    if report.state is not SourceState.OK or report.role != "metrics":
        return report
    age = at - max(one.times[-1] for one in told)
    if age <= STALE_LEAST_S or age <= STALE_STEPS * min(one.step_s() or 60.0 for one in told):
        return report
    return replace(report, state=SourceState.STALE, detail=safe(f"its newest point is {span_text(age)} old"))
