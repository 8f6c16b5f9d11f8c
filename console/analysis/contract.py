"""What "recovered" will mean for an incident, written from its diagnosis before anything is mended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from console.analysis.constants import GATE_REQUESTS, PATTERN_LEAST
from console.analysis.equivalence import blocks_of, requests_needed
from console.analysis.patterns import text_without_secrets
from console.analysis.signals import Family, words_of
from console.analysis.stats import robust_scale
from console.analysis.templates import template_of
from console.analysis.tracks import ErrorTrack, Track, Tracks, build_tracks
from console.analysis.view import known_at
from console.analysis.whole import with_wholes
from console.domain.diagnosis import Diagnosis, Standing, Symptom
from console.domain.instant import Instant, Window
from console.domain.logs import Level
from console.domain.observations import Observations
from console.domain.recovery import HOLD_S, Cause, Contract, Term, TermKind
from console.domain.shapes import OTHER, ShapeCounts
from console.domain.text import SafeText

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from console.analysis.stats import Numbers

WINDOWS = 4
"""The stretch that is judged reaches back at most this many times the hold time: an hour [D]."""
BASELINE_S = 2 * 3600.0
REACHES_S = (BASELINE_S, 4 * 3600.0, 8 * 3600.0, 26 * 3600.0, 8 * 86400.0)
"""How far back the level is looked for, where the two hours before the onset tell too little."""
LEAST_BLOCKS = 6
"""Blocks on each side that a comparison takes [D]."""
BASELINE_ENDS_S = 300.0
"""The level's stretch ends five minutes before the onset [D] and is two hours long: with one, 88 % of healthy services are called
recovered after an hour, with two 96 % [M, made-up latencies with a lag-1 correlation of 0.3 and a noise of 12 %]."""
ERRORS_REACH_S = 26 * 3600.0
"""How far back failures are counted where an hour has too few requests for the margin."""
FIRST_S = 3600.0
MOST_BLOCKS = 120
ERROR_MARGIN = 0.001
ERROR_SHARE = 0.5
"""Margin of an error ratio: 0.1 percentage points, or half of what is expected [D]."""
LATENCY_SHARE = 0.10
LATENCY_SHARE_P99 = 0.15
LATENCY_FLOOR_S = 0.005
"""Margin of a latency: 10 % (P50, P95) or 15 % (P99), at least 5 ms [D]."""
VALUE_SHARE = 0.10
RATIO_FLOOR = 0.02
"""Margin of a use that is given as a share: at least two percentage points [D]."""
COUNT_FLOOR = 1.0
LINES_PER_MINUTE = 0.2
"""Margin of error lines without requests beside them: at least one in five minutes [D]."""
BACKLOG_SCALES = 3.0
"""Margin of a queue, and of memory that grew: at least this many scales of its own noise [D]."""
TRAFFIC_LOW, TRAFFIC_HIGH = 0.7, 1.4
"""Requests must come back to 70 to 140 % of what is expected [D]."""
MOST_CRITICAL = 6
"""Symptoms that must be shown to be back, the largest first; all others must not be shown to be worse. Everything that must be
shown lowers the chance that a healthy system passes [D]."""
MOST_SYMPTOMS = 12
MOST_SERVICES = 4
MOST_ERRORS = 300
"""Templates of error lines that a contract keeps."""
_BACKLOG = frozenset(["queue", "queued", "backlog", "lag", "pending"])
_GUARDS = ("latency_p95", "latency_p90", "latency_p50", "latency_avg")


class NothingToRecover(ValueError):
    """The diagnosis names nothing that could come back; the text says why."""


def write_contract(
    seen: Observations, diagnosis: Diagnosis, hold_s: float = HOLD_S, error_margin: float | None = None
) -> Contract:
    """The contract of an incident.

    Args:
        seen: What the diagnosis was made from.
        hold_s: How long everything must hold, in seconds.
        error_margin: How far an error ratio may be above what is expected; default: 0.1 points, or half of it.

    Raises:
        NothingToRecover: No symptom has a series that can be judged.
    """
    seen = known_at(seen)
    tracks = build_tracks(with_wholes(seen.series), seen.at)
    onset = min(diagnosis.onset if diagnosis.onset is not None else seen.window.start, seen.at)
    level = _stretch_before(tracks, {symptom.service for symptom in diagnosis.symptoms}, onset, hold_s / 3)
    writer = _Writer(tracks, level, Window(onset, max(onset, seen.at)), hold_s, error_margin)
    chosen = list(_of_symptoms(writer, diagnosis))
    cause = cause_of(diagnosis)
    services = list(dict.fromkeys([t.service for t in chosen] + ([cause.service] if cause and cause.service else [])))
    terms = _unique([*chosen, *_guards(writer, services[:MOST_SERVICES])])
    if not any(term.critical for term in terms):
        raise NothingToRecover(_why(diagnosis))
    terms += _burns(writer, services[:MOST_SERVICES], {one.name: one.objective for one in seen.topology.services})
    about = cause.service if cause is not None and cause.service else terms[0].service
    terms.append(Term(f"{about} version", TermKind.VERSION, about, None, "version", "", True))
    if seen.shapes:
        terms.append(Term("error lines", TermKind.SIGNATURES, "", None, "error_lines", "count", True))
    known = error_lines(seen.shapes, Window(min((s.window.start for s in seen.shapes), default=onset), seen.at))
    before = error_lines(seen.shapes, Window(min((s.window.start for s in seen.shapes), default=onset), onset))
    own = {text for (_, text), lines in known.items() if lines >= PATTERN_LEAST} - {text for _, text in before}
    return Contract(
        seen.at,
        onset,
        diagnosis.summary,
        writer.stretch,
        hold_s,
        tuple(terms),
        cause,
        tuple(sorted(own))[:MOST_ERRORS],
        tuple(sorted({text for _, text in known} - own))[:MOST_ERRORS],
    )


def _stretch_before(tracks: Tracks, services: set[str], onset: Instant, block_s: float) -> Window:
    """The stretch of the level: the usual one, or a longer one where most series of what is harmed tell too little in it."""
    end = onset - BASELINE_ENDS_S
    harmed = [(t.times, t.step_s) for t in tracks.values if t.service in services]
    harmed += [(t.times, t.step_s) for t in tracks.errors if t.service in services]
    for reach in REACHES_S:
        window = Window(end - reach, end)
        known = sum(
            points_in(times, window).sum() >= LEAST_BLOCKS * max(1.0, block_s / step / 2) for times, step in harmed
        )
        if 2 * known >= len(harmed):
            return window
    return Window(end - BASELINE_S, end)


def _why(diagnosis: Diagnosis) -> str:
    if not diagnosis.symptoms:
        return f"nothing is wrong that could come back: {diagnosis.summary}"
    return (
        "none of the symptoms has a series that reaches back before the onset, so that there is nothing to come back to"
    )


def cause_of(diagnosis: Diagnosis) -> Cause | None:
    """The leading suspect with the build that it brought; None where none leads."""
    first = next((s for s in diagnosis.suspects if s.standing is Standing.LEADING), None)
    if first is None:
        return None
    change = next((c for c in diagnosis.changes if c.id == first.subject), None)
    if change is None:
        return Cause(first.kind, first.subject, first.service)
    return Cause(first.kind, first.subject, change.service or first.service, change.version, change.commit)


def error_lines(counts: Iterable[ShapeCounts], window: Window) -> dict[tuple[str, SafeText], int]:
    """Lines at error level or worse in the stretch, by service and template; no template holds a secret."""
    found: dict[tuple[str, SafeText], int] = {}
    for one in counts:
        start, end = max(window.start, one.window.start), min(window.end, one.window.end)
        for shape in one.between(start, end) if start < end else ():
            if shape.level >= Level.ERROR and shape.text != OTHER:
                key = (shape.service, SafeText(template_of(text_without_secrets(shape.example))))
                found[key] = found.get(key, 0) + shape.lines
    return found


class _Writer:
    """Makes terms from series.

    Args:
        before: The stretch of the level.
        during: From the onset to the knowledge time.
    """

    def __init__(
        self, tracks: Tracks, before: Window, during: Window, hold_s: float, error_margin: float | None
    ) -> None:
        self.tracks = tracks
        self.stretch = before
        self._during = during
        self._block_s = hold_s / 3
        self._error_margin = error_margin

    def errors(self, track: ErrorTrack, critical: bool) -> Term | None:
        """The term of failures with counts; None where there are no requests before."""
        requests, failures = self._counted(track)
        if not requests:
            return None
        relative, absolute = self._error_limits()
        now = points_in(track.times, self._during)
        sent = float(track.requests[now].sum())
        return Term(
            _name(track.service, track.operation, "error rate"),
            TermKind.ERRORS,
            track.service,
            track.operation,
            "error_rate",
            "ratio",
            critical,
            relative,
            absolute,
            failures / requests,
            float(track.failures[now].sum()) / sent if sent else None,
            failures,
            requests,
        )

    def _counted(self, track: ErrorTrack) -> tuple[float, float]:
        """Requests and failures of the stretch, or of a longer one that agrees with it and carries the margin better."""
        best: tuple[float, float] | None = None
        for reach in (BASELINE_S, 2 * BASELINE_S, 4 * BASELINE_S, 8 * BASELINE_S, ERRORS_REACH_S):
            inside = points_in(track.times, Window(self.stretch.end - reach, self.stretch.end))
            requests, failures = float(track.requests[inside].sum()), float(track.failures[inside].sum())
            if not requests:
                continue
            ratio = failures / requests
            if best is None:
                best = (requests, failures)
            margin = self._margin(best[1] / best[0])
            if abs(ratio - best[1] / best[0]) > margin / 2:
                break
            best = (requests, failures)
            needed = requests_needed(ratio, margin)
            if needed is not None and requests >= 4 * needed:
                break
        return best or (0.0, 0.0)

    def _error_limits(self) -> tuple[float, float]:
        """Relative and absolute part; a margin that is given stands alone."""
        return (0.0, self._error_margin) if self._error_margin is not None else (ERROR_SHARE, ERROR_MARGIN)

    def _margin(self, ratio: float) -> float:
        relative, absolute = self._error_limits()
        return max(absolute, relative * ratio)

    def value(
        self, track: Track, critical: bool, kind: TermKind = TermKind.VALUE, stretch: Window | None = None
    ) -> Term | None:
        """The term of any other series; None where it does not reach back.

        Args:
            stretch: Where its level is taken from; default: the contract's own.
        """
        level = stretch if stretch is not None else self.stretch
        blocks = blocks_of(track.times, levels(track), level.start, level.end, self._width(track))
        if not blocks.size:
            return None
        kept = blocks[-MOST_BLOCKS:]
        relative, absolute = self._limits(track, kind, kept)
        now = levels(track)[points_in(track.times, self._during)]
        return Term(
            value_name(track),
            kind,
            track.service,
            track.operation,
            track.key.metric,
            track.meaning.unit,
            critical,
            relative,
            absolute,
            track.natural(middle(track, kept)),
            track.natural(middle(track, now)) if now.size else None,
            blocks=tuple(float(f"{one:.9g}") for one in kept),
            step_s=track.step_s,
        )

    def _width(self, track: Track) -> float:
        return max(self._block_s, track.step_s)

    def _limits(self, track: Track, kind: TermKind, blocks: Numbers) -> tuple[float, float]:
        if kind is TermKind.BACKLOG:
            return VALUE_SHARE, max(COUNT_FLOOR, BACKLOG_SCALES * robust_scale(blocks, 0.0))
        if track.meaning.family is Family.RATIO:
            return self._error_limits()
        return value_limits(track)

    def traffic(self, service: str) -> Term | None:
        """The term of a service's requests; None where nobody counts them."""
        track = traffic_of(self.tracks, service)
        if track is None:
            return None
        before = rate_in(track, self.stretch)
        if not before or before * self.stretch.seconds < GATE_REQUESTS:
            return None
        now = rate_in(track, self._during)
        low = 1 - TRAFFIC_LOW
        name = _name(service, None, "traffic")
        return Term(
            name, TermKind.TRAFFIC, service, None, track.key.metric, "1/s", True, low, baseline=before, failing=now
        )


def value_limits(track: Track) -> tuple[float, float]:
    """Relative and absolute part of the margin of a series that is no error ratio."""
    match track.meaning.family:
        case Family.LATENCY:
            high = (track.meaning.quantile or 0.0) >= 0.99
            return LATENCY_SHARE_P99 if high else LATENCY_SHARE, LATENCY_FLOOR_S
        case Family.FAILURES:
            return ERROR_SHARE, LINES_PER_MINUTE
    floor = {"ratio": RATIO_FLOOR, "count": COUNT_FLOOR}.get(track.meaning.unit, 0.0)
    return VALUE_SHARE, floor


def levels(track: Track) -> Numbers:
    """The values of a series so that they compare whatever its interval: failures of an interval as failures a minute."""
    per_interval = track.meaning.family is Family.FAILURES and track.meaning.unit == "count" and track.step_s > 0
    return track.values * (60 / track.step_s) if per_interval else track.values


def middle(track: Track, values: Numbers) -> float:
    """The level of values: their median; of counts that are mostly zero their mean."""
    import numpy as np

    return float(values.mean()) if track.meaning.family is Family.FAILURES else float(np.median(values))


def value_name(track: Track) -> str:
    """`checkout POST /orders latency p95`, `checkout log errors a minute`."""
    what = track.key.metric.replace("_", " ")
    return _name(
        track.service, track.operation, f"{what} a minute" if track.meaning.family is Family.FAILURES else what
    )


def margin_of(term: Term, expected: float) -> float:
    """How much worse than expected a signal may be."""
    return max(term.absolute, term.relative * abs(expected))


def traffic_of(tracks: Tracks, service: str) -> Track | None:
    """The series of a service's own requests."""
    for metric in ("request_count", "request_rate"):
        for track in tracks.values:
            if (track.service, track.operation, track.key.metric) == (service, None, metric):
                return track
    return None


def rate_in(track: Track, window: Window) -> float | None:
    """Requests per second in a stretch; None: nothing was told there. A gap is no zero."""
    values = track.values[points_in(track.times, window)]
    if not values.size:
        return None
    mean = float(values.mean())
    return mean / track.step_s if track.meaning.unit == "count" else mean


def points_in(times: Numbers, window: Window) -> NDArray[np.bool_]:
    """Which points stand for intervals that end inside the stretch: after its start, at its end at the latest."""
    found: NDArray[np.bool_] = (times > window.start + 1e-6) & (times <= window.end + 1e-6)
    return found


def _name(service: str, operation: str | None, what: str) -> str:
    return f"{service} {operation} {what}" if operation else f"{service} {what}"


def _of_symptoms(writer: _Writer, diagnosis: Diagnosis) -> Iterator[Term]:
    """A term for each series behind the symptoms; the largest symptoms come first."""
    critical = 0
    for symptom in diagnosis.symptoms[:MOST_SYMPTOMS]:
        for term in _of_symptom(writer, symptom, critical < MOST_CRITICAL) if symptom.signal != "memory" else ():
            critical += term.critical
            yield term
    growing = [one.service for one in diagnosis.symptoms if one.signal == "memory"]
    for service in dict.fromkeys([*growing, *(one.service for one in diagnosis.exhaustion)]):
        for track in writer.tracks.values:
            if track.service == service and track.meaning.family is Family.MEMORY:
                grown = _grown(writer, track)
                if grown is not None:
                    yield grown


def _grown(writer: _Writer, track: Track) -> Term | None:
    """The term of memory that grows: of before it did; where it always has, of the first hour that is known."""
    before = writer.value(track, True, TermKind.BACKLOG)
    if before is not None:
        return before
    first = float(track.times[0])
    return writer.value(track, True, TermKind.BACKLOG, Window(first, first + FIRST_S))


def _of_symptom(writer: _Writer, symptom: Symptom, critical: bool) -> list[Term]:
    place = (symptom.service, symptom.operation)
    if symptom.signal in ("traffic", "silence"):
        term = writer.traffic(symptom.service)
        return [term] if term is not None else []
    if symptom.signal == "error_rate":
        for counted in writer.tracks.errors:
            if (counted.service, counted.operation) == place:
                term = writer.errors(counted, critical)
                if term is not None:
                    return [term]
    if symptom.signal == "log_errors" and any(t.service == symptom.service for t in writer.tracks.errors):
        critical = (
            False  # its requests are counted: they say whether it fails, and lines only how much is written of it
        )
    found = [t for t in writer.tracks.values if (t.service, t.operation) == place]
    found = [t for t in found if t.meaning.signal == symptom.signal]
    found.sort(key=lambda t: -_moved(writer, t))
    made = (writer.value(track, critical) for track in found[:1])
    return [term for term in made if term is not None]


def _moved(writer: _Writer, track: Track) -> float:
    """How far a series is from its level, in margins; several may stand behind one symptom."""
    term = writer.value(track, False)
    if term is None or term.baseline is None or term.failing is None:
        return -1.0
    margin = max(term.absolute, term.relative * abs(term.baseline))
    return abs(term.failing - term.baseline) / margin if margin > 0 else 0.0


def _guards(writer: _Writer, services: list[str]) -> Iterator[Term]:
    """What must not be worse afterwards: a fix that stops failures by losing users, or by a growing queue, is none."""
    for service in services:
        traffic = writer.traffic(service)
        if traffic is not None:
            yield traffic
        for counted in writer.tracks.errors:
            if (counted.service, counted.operation) == (service, None):
                term = writer.errors(counted, False)
                if term is not None:
                    yield term
        own = [t for t in writer.tracks.values if t.service == service]
        whole = {t.key.metric: t for t in own if t.operation is None}
        latency = next((whole[name] for name in _GUARDS if name in whole), None)
        made = [] if latency is None else [writer.value(latency, False)]
        made += [writer.value(t, True, TermKind.BACKLOG) for t in own if words_of(t.key.metric) & _BACKLOG]
        yield from (term for term in made if term is not None)


def _burns(writer: _Writer, services: list[str], objectives: Mapping[str, float | None]) -> Iterator[Term]:
    """The error budgets of services that had kept theirs: one that burned too fast before cannot come back to less."""
    for track in writer.tracks.errors:
        objective = objectives.get(track.service)
        if objective is None or track.operation is not None or track.service not in services:
            continue
        term, budget = writer.errors(track, True), 1 - objective
        if term is None or term.baseline is None or term.baseline >= budget:
            continue
        burn = term.baseline / budget
        yield replace(
            term,
            name=f"{track.service} error budget burn",
            kind=TermKind.BURN,
            signal="burn",
            unit="",
            relative=0.0,
            absolute=1 - burn,
            baseline=burn,
            failing=None if term.failing is None else term.failing / budget,
            budget=budget,
        )


def with_reproduction(contract: Contract) -> Contract:
    """The same for an incident that was reproduced: what failed on demand must pass once the fix is deployed."""
    if any(term.kind is TermKind.REPRODUCTION for term in contract.terms):
        return contract
    term = Term("reproduction", TermKind.REPRODUCTION, "", None, "reproduction", "", True)
    return replace(contract, terms=(*contract.terms, term))


def _unique(terms: Iterable[Term]) -> list[Term]:
    """Each series once, the backlog's rule and what is critical before the rest."""
    found: dict[tuple[str, str | None, str], Term] = {}
    for term in terms:
        key = (term.service, term.operation, term.signal)
        known = found.get(key)
        if known is None:
            found[key] = term
        elif term.kind is TermKind.BACKLOG or (term.critical and not known.critical):
            found[key] = replace(term, critical=term.critical or known.critical)
    return list(found.values())
