"""Trouble that spans show and metrics do not: added own time, added network time, errors that are new."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

from console.analysis.graph import Graph
from console.analysis.moves import Move
from console.analysis.signals import Family, Meaning
from console.analysis.templates import template_of
from console.analysis.traces import OWN_BEFORE, OWN_DURING, Calls, Currencies, Shift, compare_calls
from console.domain.instant import Instant, Window
from console.domain.logs import Level, LogRecord
from console.domain.spans import Span
from console.domain.values import dataclass

OWN_TIME = Meaning(Family.LATENCY, "latency_p50", "s", 1)
NEW_ERRORS = Meaning(Family.FAILURES, "log_errors", "count", 1)
BLOCK_GAP_S = 120.0
"""Spans further apart than this belong to different recordings [D]."""
STEP_S = 15.0
MOST_STEPS = 8
LEAST_SIDE_S = 45.0
LEAST_ROOTS = 10
"""Requests on each side of a candidate onset."""
ADDED_SHARE = 0.03
"""Share of all time served that must be added before spans alone show trouble [D]."""
BIG_SHIFT = 0.05
"""A shift carries it only where it adds this share of the mean time served to one span, so that a slower host, which adds a
little everywhere, is no incident [D]."""
SHIFT_P = 1e-3
SHIFT_P_HUGE = 0.05
HUGE_RATIO = 10.0
"""Rank-sum p of a shift that carries it; few spans suffice where the median grew tenfold [D]."""
CARRY_SPANS = 5
NEW_P = 1e-3
NEW_LINES = "new error lines"
FEWEST_NEW = 5
NEW_LASTING_S = 20.0
"""Lines of a new error come for longer than this, or they are one hiccup [D]."""
NEW_OVER = 5.0
"""A new error is over where no line came for so many times the longest pause between its lines, and a minute [D]."""
NEW_OVER_S = 60.0
COVER_S = 10.0
CLIP = 3.0
"""Times beyond this many of the shifted median count as that [D]."""


@dataclass(frozen=True, slots=True)
class SpanView:
    """What spans tell about one onset."""

    onset: Instant
    currencies: Currencies
    added_share: float
    """Added seconds over all seconds served since the onset."""
    moves: tuple[Move, ...]
    """Shifts that carry it, if it is trouble; else empty."""
    seen: frozenset[str] = frozenset()
    """Services with enough spans on both sides to be judged."""
    carried: float = 0.0
    """The same for the shifts that are large and sure."""


def judge_spans(
    spans: tuple[Span, ...], calls: Calls, at: Instant, onset: Instant | None, source: str
) -> SpanView | None:
    """Compare the spans since the onset with those before; without an onset, look for the one that adds most time."""
    roots = sorted((s.end, s.duration_s) for s in spans if s.parent_id is None)
    if len(roots) < 2 * LEAST_ROOTS:
        return None
    best: SpanView | None = None
    for candidate in [onset] if onset is not None else _candidates(roots, at):
        view = _view(roots, calls, at, candidate, source)
        if view is not None and (best is None or _weight(view) > _weight(best)):
            best = view
    if best is None:
        return None
    if onset is None and (sharper := _sharper(best, calls, at)) is not None:
        best = _view(roots, calls, at, sharper, source) or best
    start = min(roots[0][0], best.onset)
    whole = compare_calls(calls, Window(start, best.onset), Window(best.onset, max(at, best.onset) + 1e-3))
    return replace(best, currencies=whole)


def _sharper(view: SpanView, calls: Calls, at: Instant) -> Instant | None:
    """Where the heaviest shift sets in: the split of its times that parts them best (the lowest cumulative deviation).

    Medians alone would put it too early: they stay shifted while fewer than half of the times are of before.
    """
    shifts = [*view.currencies.own_shifts, *view.currencies.gap_shifts]
    if not shifts:
        return None
    heaviest = max(shifts, key=lambda s: (s.weight, s.service, s.operation))
    if heaviest.gap:
        found = [
            p
            for e, ps in calls.gaps.items()
            if (e.caller, e.callee) == (heaviest.service, heaviest.operation)
            for p in ps
        ]
    else:
        found = [p for key, ps in calls.own.items() if key[:2] == (heaviest.service, heaviest.operation) for p in ps]
    points = sorted((t, min(v, CLIP * heaviest.after)) for t, v in found if t <= at)
    if len(points) < 2 * OWN_DURING:
        return None
    mean = sum(v for _, v in points) / len(points)
    total = lowest = 0.0
    onset = None
    for k, (_, value) in enumerate(points[:-1]):
        total += value - mean
        if total < lowest:
            lowest, onset = total, points[k + 1][0]
    return onset


def _weight(view: SpanView) -> tuple[float, float]:
    return view.carried, view.added_share


def _candidates(roots: list[tuple[Instant, float]], at: Instant) -> list[Instant]:
    """Instants of the newest recording, 15 s apart or wider, that leave enough on both sides."""
    start = roots[-1][0]
    for earlier, later in zip(reversed(roots[:-1]), reversed(roots), strict=False):
        if later[0] - earlier[0] > BLOCK_GAP_S:
            break
        start = earlier[0]
    first = start if start > roots[0][0] else start + LEAST_SIDE_S
    last = min(at, roots[-1][0]) - LEAST_SIDE_S
    if last < first:
        return []
    step = max(STEP_S, (last - first) / MOST_STEPS)
    return [first + k * step for k in range(int((last - first) / step) + 1)]


def _view(
    roots: list[tuple[Instant, float]], calls: Calls, at: Instant, onset: Instant, source: str
) -> SpanView | None:
    before = Window(min(roots[0][0], onset), onset)
    during = Window(onset, max(at, onset) + 1e-3)
    served = [seconds for end, seconds in roots if end in during]
    if len(served) < LEAST_ROOTS or len(roots) - len(served) < LEAST_ROOTS:
        return None
    found = compare_calls(calls, before, during, function=False)
    shifts = [*found.own_shifts, *found.gap_shifts]
    added = sum(s.weight for s in shifts)
    share = added / sum(served) if sum(served) > 0 else 0.0
    least = BIG_SHIFT * sum(served) / len(served)
    own = [s for s in found.own_shifts if _carries(s, least)]
    gap = [s for s in found.gap_shifts if _carries(s, least)]
    carried = sum(s.weight for s in (*own, *gap)) / sum(served) if sum(served) > 0 else 0.0
    moves: list[Move] = []
    if carried >= ADDED_SHARE:
        moves += [_time_move(s, onset, "own_time", source) for s in own]
        moves += [_time_move(s, onset, f"network time to {s.operation}", source) for s in gap]
    return SpanView(onset, found, share, tuple(moves), _judged_services(calls, before, during), carried)


def _judged_services(calls: Calls, before: Window, during: Window) -> frozenset[str]:
    old: dict[str, int] = {}
    new: dict[str, int] = {}
    for (service, _), points in calls.served.items():
        old[service] = old.get(service, 0) + sum(t in before for t, _, _ in points)
        new[service] = new.get(service, 0) + sum(t in during for t, _, _ in points)
    return frozenset(s for s in old if old[s] >= OWN_BEFORE and new[s] >= OWN_DURING)


def _carries(shift: Shift, least: float) -> bool:
    """Whether a shift is large and sure enough to be trouble by itself."""
    grown = shift.after - shift.before
    sure = shift.chance <= SHIFT_P or (shift.after >= HUGE_RATIO * shift.before and shift.chance <= SHIFT_P_HUGE)
    return sure and shift.n_after >= CARRY_SPANS and grown >= least


@dataclass(frozen=True, slots=True)
class TraceShares:
    """What each service adds itself, by the spans: shares of all added time, and of all changed function."""

    time: dict[str, float]
    function: dict[str, float]
    seen: frozenset[str]
    shifts: tuple[Shift, ...] = ()
    """Of time: own time, and network time with the callee as the operation."""
    functions: tuple[Shift, ...] = ()
    settled: bool = True
    """False: the spans show a change and no trouble; shares then only order what is possible."""


def trace_shares(view: SpanView | None, graph: Graph, *, unsettled: bool = False) -> TraceShares | None:
    """Own time and network gap as shares of all that was added; function less what that of its callees explains.

    Args:
        view: What spans tell.
        graph: Who calls whom.
        unsettled: Also where spans show a change and no trouble.
    """
    if view is None:
        return None
    time: dict[str, float] = {}
    if view.moves or (unsettled and view.added_share >= ADDED_SHARE / 3):
        for part in (view.currencies.own, view.currencies.gap):
            for service, seconds in part.items():
                time[service] = time.get(service, 0.0) + seconds
    function: dict[str, float] = {}
    for severe in (True, False):
        for service, weight in _unexplained(view.currencies.function_shifts, graph, severe=severe).items():
            function[service] = function.get(service, 0.0) + weight
    shifts = (*view.currencies.own_shifts, *view.currencies.gap_shifts)
    return TraceShares(
        _shares(time),
        _shares(function),
        view.seen,
        shifts,
        view.currencies.function_shifts,
        bool(view.moves) or not unsettled,
    )


def _unexplained(shifts: Iterable[Shift], graph: Graph, *, severe: bool) -> dict[str, float]:
    """Changed function of each service less that of its callees: errors pass on errors, and nothing else explains them."""
    total: dict[str, float] = {}
    for shift in shifts:
        if shift.severe is severe:
            total[shift.service] = total.get(shift.service, 0.0) + shift.weight
    return {
        service: max(
            0.0,
            weight
            - sum(
                total.get(callee, 0.0)
                for callee in graph.callees.get(service, ())
                if service not in graph.callees.get(callee, ())
            ),
        )
        for service, weight in total.items()
    }


def recorded_before(spans: tuple[Span, ...], onset: Instant) -> float:
    """Seconds before an onset, without the gaps between recordings, that spans cover."""
    cells = {int(s.end // COVER_S) for s in spans if s.end < onset}
    return len(cells) * COVER_S


def _shares(weights: dict[str, float]) -> dict[str, float]:
    total = sum(weights.values())
    return {k: v / total for k, v in weights.items()} if total > 0 else {}


def _time_move(shift: Shift, onset: Instant, metric: str, source: str) -> Move:
    operation = shift.operation if metric == "own_time" else None
    return Move(
        service=shift.service,
        operation=operation,
        metric=metric,
        meaning=OWN_TIME,
        direction=1,
        onset=onset,
        end=None,
        level=shift.before,
        observed=shift.after,
        z=0.0,
        effect=(shift.after - shift.before) / shift.before if shift.before > 0 else 1.0,
        bins=shift.n_after,
        step_s=STEP_S,
        requests=shift.n_after,
        excess=shift.weight,
        source=source,
        chance=shift.chance,
    )


def new_errors(records: Iterable[LogRecord], at: Instant, window: Window, source: str) -> list[Move]:
    """Error templates that nobody wrote before: one departure per service, from its first line on.

    With y lines in the stretch W since the first one and none in the covered stretch B before, chance alone puts the
    other y - 1 there with (W / (B + W)) ** (y - 1). Lines that all came within a shorter stretch E are as telling where they
    stopped again: of y uniform points all lie in some such stretch with y (E / (B + W)) ** (y - 1) at most (the scan
    statistic of Naus). Stretches count as far as any record covers them.
    """
    known_records = [r for r in records if r.at is not None and r.at <= at]
    width = cover_width(known_records)
    cells: set[int] = set()
    memo: dict[str, str] = {}
    stamps: dict[tuple[str, str], list[Instant]] = {}
    for record in known_records:
        if record.at is None:
            continue
        cells.add(int(record.at // width))
        if record.level < Level.ERROR or not record.service:
            continue
        template = memo.get(record.message)
        if template is None:
            template = memo[record.message] = template_of(record.message)
        stamps.setdefault((record.service, template), []).append(record.at)
    covered = sorted(cells)
    found: dict[str, list[_NewLines]] = {}
    for (service, _), lines in stamps.items():
        if len(lines) < FEWEST_NEW or lines[0] < window.start or lines[-1] - lines[0] <= NEW_LASTING_S:
            continue
        after = sum(c * width >= lines[0] - width for c in covered)
        chance = min(
            _within(after, len(covered), lines), len(lines) * _within(_cells(lines, width), len(covered), lines)
        )
        if len(covered) - after >= 3 and chance <= NEW_P:
            found.setdefault(service, []).append(_NewLines(lines[0], _end_of(lines, at), len(lines), after, chance))
    return [_new_move(service, kinds, width, source) for service, kinds in found.items()]


def _within(cells: int, covered: int, lines: list[Instant]) -> float:
    return (min(cells, covered) / covered) ** (len(lines) - 1)


def _cells(lines: list[Instant], width: float) -> int:
    return int(lines[-1] // width) - int(lines[0] // width) + 1


@dataclass(frozen=True, slots=True)
class _NewLines:
    """Lines of one new error."""

    start: Instant
    end: Instant | None
    lines: int
    cells: int
    chance: float


def _end_of(lines: list[Instant], at: Instant) -> Instant | None:
    """When lines that came in some rhythm ended; None where the next one may still come."""
    pause = max(later - earlier for earlier, later in pairwise(lines))
    return lines[-1] if at - lines[-1] > max(NEW_OVER_S, NEW_OVER * pause) else None


def _new_move(service: str, kinds: list[_NewLines], width: float, source: str) -> Move:
    first = min(kinds, key=lambda one: one.start)
    count = sum(one.lines for one in kinds)
    ends = [one.end for one in kinds if one.end is not None]
    return Move(
        service=service,
        operation=None,
        metric=NEW_LINES,
        meaning=NEW_ERRORS,
        direction=1,
        onset=first.start,
        end=max(ends) if len(ends) == len(kinds) else None,
        level=0.0,
        observed=float(count),
        z=0.0,
        effect=float("inf"),
        bins=first.cells,
        step_s=width,
        requests=count,
        source=source,
        chance=first.chance,
    )


def cover_width(records: list[LogRecord]) -> float:
    """Width of a cell that counts as covered where any record lies in it: twice the usual distance of records, at least 10 s."""
    stamps = [r.at for r in records if r.at is not None]
    gaps = sorted(b - a for a, b in pairwise(stamps))
    usual = gaps[int(0.9 * (len(gaps) - 1))] if gaps else 0.0
    return max(COVER_S, 2 * usual)
