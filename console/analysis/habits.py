"""Parts that fell silent while the rest goes on: endpoints that get no requests, jobs that miss their run, hosts that stop.

Each is held against its own habit: what an endpoint or a host did not do is counted in arrivals that were to be expected, what
a job did not do in its own period. Few arrivals prove nothing, and then it is said how much longer it takes.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from console.analysis.constants import LOCAL_HORIZON_S, SILENCE_EXPECTED, SILENCE_GAPS
from console.analysis.fieldroles import Role, named, said
from console.analysis.moves import Move
from console.analysis.seasons import DAY_S, LEAST_DAYS, MOST_DAYS
from console.analysis.signals import Family, Meaning
from console.analysis.stats import median_of
from console.analysis.tracks import arrays, step_of
from console.domain.changes import Change
from console.domain.instant import Instant, clock_text, span_text
from console.domain.logs import Level, LogRecord
from console.domain.series import Series, SeriesSet
from console.domain.shapes import OTHER, ShapeCounts
from console.domain.values import dataclass

if TYPE_CHECKING:
    from console.analysis.stats import Numbers

QUIET = Meaning(Family.GAUGE, "silence", "count", -1)
"""An endpoint that gets no requests, or a job that did not run, while the rest goes on."""
GONE_HOST = Meaning(Family.GAUGE, "silence", "count", -1, certain=False)
"""A host of several that stopped: its service goes on with the others."""
FEWEST_ARRIVALS = 20
"""Arrivals that make a habit [D]."""
LEAST_S = 120.0
"""Less without an arrival is a pause [D]."""
RECENT_S = 3600.0
"""What an endpoint gets now is told by so many seconds before it fell silent: at night it is less than at noon [D]."""
RENAMED_S = 300.0
"""Who begins within so many seconds of where another ended took its place [D]."""
RENAMED_SHARE = 0.3
"""... where it gets at least this share of what the other got [D]."""
NEAR_ENOUGH = 1 / 3
"""Share of the arrivals that must be missing before it is said how much longer it takes [D]."""
LEAST_RUNS = 6
"""Runs that show a period [D]."""
LEAST_PERIOD_S = 300.0
JITTER = 0.1
"""Share of its period by which a run may come early or late and still be one of a periodic job [D]."""
LATE = 0.25
"""Share of its period after which a run that did not come is missed [D]."""
STEADY = 0.5
"""What happens in more than this share of the intervals is no job [D]."""
ROLLED_S = 600.0
ROLLS = frozenset(("deploy", "rollback", "config", "scale", "infrastructure"))
"""Changes for which hosts come and go."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """A part that fell silent."""

    service: str
    part: str
    """The operation, the job or the host."""
    kind: str
    """endpoint | job | host"""
    since: Instant
    """Of an endpoint and a host: after its last sign; of a job: when its run was due."""
    per_min: float
    """What it used to do."""
    expected: float
    """Arrivals or runs that were to be expected since."""
    samples: int
    """Arrivals or runs that its habit is known by."""
    said: str
    """The figures, in words."""
    step_s: float = 60.0
    waits_s: float = 0.0
    """How much longer it takes until that is no chance; 0: it is none."""
    metric: str = ""
    source: str = ""
    query: str = ""


# -- endpoints --------------------------------------------------------------------------------------------------------


def quiet_endpoints(series: SeriesSet, at: Instant, ended: frozenset[str] = frozenset()) -> list[Quiet]:
    """Operations that get no requests any more while their service gets others.

    Args:
        series: Of all services.
        at: The knowledge time.
        ended: Sources that tell nothing about now.
    """
    parts: dict[tuple[str, str], list[Series]] = defaultdict(list)
    for one in series:
        if one.key.operation and one.source not in ended and len(one) and _counts(series, one):
            parts[one.source, one.key.service].append(one)
    found = []
    for told in parts.values():
        if len(told) > 1:
            newest = max(one.times[-1] for one in told)
            found += [q for one in told if (q := _quiet_endpoint(one, told, newest, at)) is not None]
    return found


def _counts(series: SeriesSet, one: Series) -> bool:
    """Whether a series tells requests; rates stand in where nobody counts."""
    key = one.key
    if key.metric == "request_count":
        return True
    return key.metric == "request_rate" and series.get(key.service, "request_count", key.operation) is None


def _arrivals(one: Series) -> tuple[Numbers, Numbers, float]:
    """(ends, arrivals, width) of the intervals of a series of requests."""
    times, values = arrays(one)
    step = step_of(one)
    return times, values * step if one.key.metric == "request_rate" else values, step


def _quiet_endpoint(one: Series, told: list[Series], newest: Instant, at: Instant) -> Quiet | None:
    import numpy as np

    if one.values[-1] > 0 and newest - one.times[-1] < LEAST_S:
        return None
    times, counts, step = _arrivals(one)
    hits = np.flatnonzero(counts > 0)
    if hits.size < 2:
        return None
    last = float(times[hits[-1]])
    gap = newest - last
    if gap < max(LEAST_S, 2 * step) or gap > LOCAL_HORIZON_S or float(counts.sum()) < FEWEST_ARRIVALS:
        return None
    span = last - float(times[0]) + step
    others = [other for other in told if other is not one]
    if span < 2 * gap or not any(_since(other, last) for other in others):
        return None
    recent = min(span, max(RECENT_S, 2 * gap))
    lately = float(counts[(times > last - recent) & (times <= last)].sum()) / recent
    rate = min(float(counts.sum()) / span, lately)
    longest = float(np.diff(times[hits]).max())
    expected, needed = rate * gap, SILENCE_EXPECTED + math.log(len(told))
    if _often_quiet(times, counts, last, newest) or any(_takes_over(other, last, rate) for other in others):
        return None
    wait = max(needed / rate, SILENCE_GAPS * longest) - gap
    if wait > 0 and expected < NEAR_ENOUGH * needed:
        return None
    words = (
        f"{one.key.operation} of {one.key.service} got no request since {clock_text(last, now=at)} UTC, for {span_text(gap)},"
        f" where {expected:,.0f} were to be expected ({rate * 60:.3g} a minute before, its longest pause {span_text(longest)})"
    )
    return Quiet(
        one.key.service,
        one.key.operation,
        "endpoint",
        last,
        rate * 60,
        expected,
        round(float(counts.sum())),
        words,
        step,
        max(0.0, wait),
        one.key.metric,
        one.source,
        one.query,
    )


def _since(one: Series, at: Instant) -> bool:
    times, values = arrays(one)
    return bool((values[times > at] > 0).any())


def _often_quiet(times: Numbers, counts: Numbers, begin: Instant, end: Instant) -> bool:
    """Whether the same hours of earlier days are quiet as well, on half of them or more."""
    known = quiet = 0
    for days in range(1, MOST_DAYS + 1):
        low, high = begin - days * DAY_S, end - days * DAY_S
        if low < float(times[0]):
            break
        part = counts[(times > low) & (times <= high)]
        known += 1
        quiet += not part.size or float(part.sum()) <= 0
    return known >= LEAST_DAYS and 2 * quiet >= known


def _takes_over(other: Series, ended: Instant, rate: float) -> bool:
    """Whether another began as this one ended: the same requests under another name."""
    times, values = arrays(other)
    hits = times[values > 0]
    if not hits.size or float(hits[0]) < ended - RENAMED_S:
        return False  # as of most: what they got need not be counted
    times, counts, step = _arrivals(other)
    if float(hits[0]) <= float(times[0]) - step:
        return False
    seconds = max(float(hits[-1] - hits[0]) + step, step)
    return float(counts.sum()) / seconds >= RENAMED_SHARE * rate


# -- jobs -------------------------------------------------------------------------------------------------------------


def missed_runs(
    series: SeriesSet,
    changes: Iterable[Change],
    shapes: Iterable[ShapeCounts],
    at: Instant,
    ended: frozenset[str] = frozenset(),
) -> list[Quiet]:
    """Jobs of a period of their own whose run is missing; of each service and period the first that tells of it."""
    found: dict[tuple[str, int], Quiet] = {}
    for one in [
        *_jobs_of_changes(changes, at),
        *_jobs_of_series(series, at, ended),
        *_jobs_of_lines(shapes, at, ended),
    ]:
        found.setdefault((one.service, round(math.log(1 / one.per_min) / JITTER)), one)
    return list(found.values())


def _jobs_of_changes(changes: Iterable[Change], at: Instant) -> list[Quiet]:
    runs: dict[tuple[str | None, str, str], list[Change]] = defaultdict(list)
    for change in changes:
        if change.kind == "cron":
            runs[change.service, change.id.split("/")[0], change.source].append(change)
    found = []
    for (service, name, source), several in runs.items():
        starts = sorted(c.at for c in several)
        job = str(several[-1].summary) or name
        found.append(_missed(starts, at, 1.0, service or "", job, at, source=source, metric="cron"))
    return [one for one in found if one is not None]


def _jobs_of_series(series: SeriesSet, at: Instant, ended: frozenset[str]) -> list[Quiet]:
    """Of endpoints and logs that are busy for moments only."""
    import numpy as np

    newest: dict[str, Instant] = {}
    for one in series:
        if len(one):
            newest[one.source] = max(newest.get(one.source, 0.0), one.times[-1])
    found = []
    for one in series:
        if one.source in ended or len(one) < LEAST_RUNS or one.key.metric not in ("request_count", "log_lines"):
            continue
        times, counts = arrays(one)
        runs, span = int(np.count_nonzero(counts > 0)), float(times[-1] - times[0])
        least = float(np.diff(times[-9:]).min())
        if runs < LEAST_RUNS or runs * least > STEADY * (span + least):
            continue
        step, busy = step_of(one), times[counts > 0]
        if runs * step > STEADY * (span + step):
            continue
        starts = busy[np.concatenate([[True], np.diff(busy) > 3 * step])] - step
        job = one.key.operation
        known = _missed(
            starts.tolist(),
            newest[one.source],
            step,
            one.key.service,
            job,
            at,
            source=one.source,
            metric=one.key.metric,
            query=one.query,
        )
        found.append(known)
    return [one for one in found if one is not None]


def _jobs_of_lines(shapes: Iterable[ShapeCounts], at: Instant, ended: frozenset[str]) -> list[Quiet]:
    """Of messages that come again and again; one that is new in its service since may be the same in other words."""
    found = []
    for counts in shapes:
        if counts.source in ended:
            continue
        step, newest = counts.step_s, min(at, counts.window.end)
        every = max(1, round((newest - counts.zero) / step))
        first_said: dict[str, Instant] = {}
        for shape in counts.shapes:
            first_said[shape.service] = max(first_said.get(shape.service, 0.0), shape.first)
        for shape in counts.shapes:
            if (
                shape.text == OTHER
                or shape.level < Level.INFO
                or not LEAST_RUNS <= len(shape.buckets) <= STEADY * every
            ):
                continue
            numbers = sorted(shape.buckets)
            starts = [counts.zero + n * step for k, n in enumerate(numbers) if k == 0 or n - numbers[k - 1] > 3]
            one = _missed(
                starts, newest, step, shape.service, str(shape.text), at, source=counts.source, metric="lines"
            )
            if one is not None and first_said[shape.service] < one.since - ROLLED_S:
                found.append(one)
    return found


def _missed(
    starts: list[Instant],
    newest: Instant,
    step: float,
    service: str,
    job: str,
    at: Instant,
    *,
    source: str,
    metric: str,
    query: str = "",
) -> Quiet | None:
    """A run that is missing by the job's own period; None: it has none, is not late, or was retired."""
    import numpy as np

    if len(starts) < LEAST_RUNS:
        return None
    apart = np.diff(np.array(starts[-100:]))
    period = median_of(apart)
    jitter = max(JITTER * period, step)
    off = np.abs(apart - period)
    if period < max(LEAST_PERIOD_S, 5 * step) or int((off > jitter).sum()) > off.size // 10:
        return None
    due = starts[-1] + period
    late = newest - due
    if late < max(LATE * period, LEAST_S, 2 * step) or late > max(LOCAL_HORIZON_S, 3 * period):
        return None
    name = f"{job} of {service}" if job and service else job or service
    words = (
        f"{name} runs every {span_text(period)} ({len(starts)} runs, each within {span_text(max(float(off[off <= jitter].max()), 1.0))}"
        f" of it), and the run that was due at {clock_text(due, now=at)} UTC is {span_text(late)} late"
    )
    runs = 1 + late / period
    return Quiet(
        service or job, job, "job", due, 60 / period, runs, len(starts), words, step, 0.0, metric, source, query
    )


# -- hosts ------------------------------------------------------------------------------------------------------------


def quiet_hosts(
    records: Iterable[LogRecord], changes: Iterable[Change], at: Instant, ended: frozenset[str]
) -> list[Quiet]:
    """Hosts that write nothing any more while others of their service go on, and that nobody replaced or took away."""
    stamps: dict[tuple[str, str], dict[str, list[Instant]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        if record.at is not None and record.service and record.fields and record.source not in ended:
            host = host_of(record)
            if host:
                stamps[record.source, record.service][host].append(record.at)
    rolled = [c for c in changes if c.kind in ROLLS]
    found = []
    for (source, service), hosts in stamps.items():
        if len(hosts) > 1:
            mine = [c.at for c in rolled if c.service in (service, None)]
            found += _quiet_hosts(source, service, hosts, mine, at)
    return found


def host_of(record: LogRecord) -> str:
    """The instance that wrote a record, by the first of its fields that names one; empty: none does."""
    for name, value in record.fields:
        known = named(name)
        if known is not None and known.role is Role.INSTANCE and said(value):
            return str(value)
    return ""


def _quiet_hosts(
    source: str, service: str, hosts: dict[str, list[Instant]], rolled: list[Instant], at: Instant
) -> list[Quiet]:
    import numpy as np

    newest = max(stamps[-1] for stamps in hosts.values())
    begin = min(stamps[0] for stamps in hosts.values())
    ended = {host: stamps[-1] for host, stamps in hosts.items() if len(stamps) >= FEWEST_ARRIVALS}
    found = []
    for host, last in ended.items():
        stamps = np.array(hosts[host])
        gap = newest - last
        span = last - float(stamps[0])
        if gap < LEAST_S or gap > LOCAL_HORIZON_S or span < 2 * gap:
            continue
        recent = min(span, max(RECENT_S, 2 * gap))
        rate = min(stamps.size / span, float((stamps > last - recent).sum()) / recent)
        longest = float(np.diff(stamps).max())
        if rate * gap < SILENCE_EXPECTED + math.log(len(hosts)) or gap < SILENCE_GAPS * longest:
            continue
        replaced = any(s[0] >= last - ROLLED_S and s[0] > begin + RENAMED_S for h, s in hosts.items() if h != host)
        taken = any(-LEAST_S <= last - change <= ROLLED_S for change in rolled)
        come_and_go = any(other < last - ROLLED_S for h, other in ended.items() if h != host)
        if replaced or taken or come_and_go:
            continue
        words = (
            f"{host} of {service} has written nothing since {clock_text(last, now=at)} UTC, for {span_text(gap)}, where"
            f" {rate * gap:,.0f} lines were to be expected; {len(hosts) - 1} more of its hosts go on"
        )
        found.append(
            Quiet(
                service, host, "host", last, rate * 60, rate * gap, int(stamps.size), words, 60.0, 0.0, "host", source
            )
        )
    return found


# -- as departures ----------------------------------------------------------------------------------------------------


def quiet_parts(
    series: SeriesSet,
    changes: Iterable[Change],
    records: Iterable[LogRecord],
    shapes: Iterable[ShapeCounts],
    at: Instant,
    ended: frozenset[str],
) -> list[Quiet]:
    """Every part that fell silent, and those of which it is not yet sure."""
    changes = list(changes)
    return [
        *quiet_endpoints(series, at, ended),
        *missed_runs(series, changes, shapes, at, ended),
        *quiet_hosts(records, changes, at, ended),
    ]


def quiet_moves(parts: Iterable[Quiet], moves: Iterable[Move]) -> list[Move]:
    """The same as departures, but for what is told already: a service that is silent as a whole, traffic that was lost."""
    told = {(m.service, m.operation) for m in moves if m.opened and m.ongoing and _is_lost(m)}
    return [_move(one) for one in parts if not {(one.service, None), (one.service, one.part)} & told]


def _is_lost(move: Move) -> bool:
    return move.meaning.signal == "silence" or (move.meaning.family is Family.TRAFFIC and move.direction < 0)


def _move(one: Quiet) -> Move:
    in_series = one.kind != "host" and one.metric not in ("cron", "lines")
    return Move(
        service=one.service,
        operation=(one.part or None) if in_series else None,
        metric=one.metric,
        meaning=GONE_HOST if one.kind == "host" else QUIET,
        direction=-1,
        onset=one.since,
        end=None,
        level=one.per_min,
        observed=0.0,
        z=0.0,
        effect=-1.0,
        bins=max(1, round(one.expected)),
        step_s=one.step_s,
        requests=one.samples,
        opened=not one.waits_s,
        short=f"needs {math.ceil(one.waits_s / 60)} more minutes" if one.waits_s else "",
        source=one.source,
        query=one.query or one.part,
        said=one.said,
    )
