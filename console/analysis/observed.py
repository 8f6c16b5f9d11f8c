"""Changes that nobody told and that telemetry shows: other builds that run, and processes that began anew.

They stand beside those of tags and files, marked as observed. What a told change brought about is no change of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from console.analysis.restarts import COUNTERS
from console.analysis.running import DEPLOYS, scheme
from console.analysis.sightings import Arrival, Sightings, is_commit, sightings_of, tells_start, tells_uptime
from console.analysis.tracks import COUNTER_POINTS, arrays
from console.analysis.undone import ChangeKey, key_of
from console.domain.changes import Change, Running, merged_running, same_build
from console.domain.instant import Instant, rfc3339, span_text
from console.domain.logs import LogRecord
from console.domain.series import SeriesSet
from console.domain.text import SafeText
from console.domain.values import dataclass

if TYPE_CHECKING:
    from console.analysis.stats import Numbers

ROLLOUTS = frozenset(("deploy", "rollback", "config", "scale"))
"""Changes for which processes start anew."""
ROLLOUT_BEFORE_S, ROLLOUT_S = 120.0, 900.0
"""A build or a start that is seen within this long before or after a told change of its service belongs to it [D]."""
LOOP_GAP_S = 600.0
"""Starts that follow each other within this long are one story: a rollout of many instances, or a crash loop [D]."""
FIRST_RAN_S = 60.0
"""A tag whose build ran later than this after it took effect when that build ran [D]."""
LATE_LOOK_S = 30.0
"""Clocks of a process and of who looks at it may differ by so much [D]."""
RARE, FEW = 0.05, 10
"""Share of a service's records that may be about its start, or so many: what comes with every request is no start [D]."""
NEARLY_NOTHING = 0.5
"""A running total that fell below this part of what it was counts from zero again [D]."""
_STARTS = re.compile(
    r"\b(?:"
    r"(?:application|server|service|process|worker|daemon|app) (?:has )?(?:started|starting|booted|initiali[sz]ed)\b"
    r"|(?:started|starting|booting|launching) (?:up|application|server|service|process|worker|daemon|app|gunicorn|uvicorn)\b"
    r"|(?:starting|started|booting|running) (?:[\w.-]+ )?version\b"
    r"|started \w+application in\b|application startup complete|boot(?:ed|ing) worker with pid"
    r"|(?:now )?listening (?:on|at)\b"
    r")",
)


@dataclass(frozen=True, slots=True)
class Observed:
    """What telemetry adds to the changes that were told."""

    changes: tuple[Change, ...]
    """Told and observed, each told one at the time at which it is known to have taken effect."""
    running: tuple[Running, ...]
    """Told and seen."""
    until: dict[ChangeKey, Instant]
    """The last of several starts that are one change."""
    ran: dict[ChangeKey, Arrival]
    """When the build of a told deploy was first seen running."""


@dataclass(frozen=True, slots=True)
class _Start:
    """A process that began anew."""

    service: str
    at: Instant
    how: str
    source: str


def observe(
    told: Iterable[Change],
    running: Iterable[Running],
    series: SeriesSet,
    records: Iterable[LogRecord],
    at: Instant,
) -> Observed:
    """Read what changed from telemetry, and join it with what was told. Pure."""
    listed = list(told)
    records = tuple(records)
    seen = sightings_of(series, records, at)
    ran: dict[ChangeKey, Arrival] = {}
    new: list[Change] = []
    for arrival in seen.arrivals:
        owner = _owner(arrival, listed)
        if owner is not None:
            ran.setdefault(key_of(owner), arrival)
        else:
            times = sum(one.service == arrival.service and arrival.build in (one.version, one.commit) for one in new)
            new.append(_deploy(arrival, times + 1))
    effective = [_effective(change, ran.get(key_of(change))) for change in listed]
    starts = sorted((*_by_series(series, at), *_by_records(records, at)), key=lambda s: s.at)
    until: dict[ChangeKey, Instant] = {}
    for group in _groups(starts, [*effective, *new]):
        restart = _restart(group)
        new.append(restart)
        until[key_of(restart)] = group[-1].at
    changes = tuple(sorted((*effective, *new), key=lambda c: (c.at, c.id)))
    asked = tuple(running)
    told_of = {one.service for one in asked}
    found = (one for one in _trusted(seen, listed) if one.service not in told_of)
    return Observed(changes, merged_running((*asked, *found)), until, ran)


def _owner(arrival: Arrival, told: list[Change]) -> Change | None:
    """The told deploy that brought a build: by its name, however long it took; by its time, where it is named otherwise."""
    mine = [c for c in told if c.kind in DEPLOYS and c.service == arrival.service]
    named = [c for c in mine if _brings(c, arrival.build) and c.at <= arrival.at + ROLLOUT_BEFORE_S]
    if named:
        return named[-1]
    near = [
        c
        for c in mine
        if -ROLLOUT_BEFORE_S <= arrival.at - c.at <= ROLLOUT_S and scheme(c.version) != scheme(arrival.build)
    ]
    return near[-1] if near else None


def _brings(change: Change, build: str) -> bool:
    version, commit = (None, build) if is_commit(build) else (build, None)
    if same_build(change.version, change.commit, version, commit):
        return True
    return bool(version and re.search(rf"(?<![\w.]){re.escape(version)}(?![\w.])", change.id))


def _effective(change: Change, arrival: Arrival | None) -> Change:
    """A deploy at the time before which its build did not run yet, where that is later than what was told."""
    if arrival is None or arrival.after - change.at <= FIRST_RAN_S:
        return change
    return replace(change, at=arrival.after)


def _deploy(arrival: Arrival, time: int) -> Change:
    """A build that arrived for the first, second, … time; its name stays the same however well its first sighting is known."""
    kind = "rollback" if arrival.back else "deploy"
    version, commit = (None, arrival.build) if is_commit(arrival.build) else (arrival.build, None)
    return Change(
        f"seen/{arrival.service}/{arrival.build}" + (f"#{time}" if time > 1 else ""),
        kind,
        (arrival.after + arrival.at) / 2 if arrival.at - arrival.after > FIRST_RAN_S else arrival.at,
        arrival.service,
        version,
        commit,
        SafeText(f"{arrival.build} runs where {arrival.former} ran"),
        arrival.source,
        observed=arrival.how,
    )


def _trusted(seen: Sightings, told: list[Change]) -> Iterator[Running]:
    """What was seen running, where it can be compared with the tags: it names one of their builds, or is numbered like them and
    has moved. Else it is no build, or one by another name."""
    moved = {arrival.service for arrival in seen.arrivals}
    for one in seen.running:
        mine = [c for c in told if c.kind in DEPLOYS and c.service == one.service]
        known = any(_brings(c, one.version or one.commit or "") for c in mine)
        alike = one.service in moved and any(scheme(c.version) == scheme(one.version) for c in mine)
        if known or alike or not mine:
            yield one


def _by_series(series: SeriesSet, at: Instant) -> Iterator[_Start]:
    for one in series:
        known = one.until(at)
        if len(known) < 2:
            continue
        how = f"{known.key.metric} in {known.source or 'metrics'}"
        times, values = arrays(known)
        for moment in _starts_in(known.key.metric, times, values):
            yield _Start(known.key.service, moment, how, known.source)


def _starts_in(metric: str, times: Numbers, values: Numbers) -> list[Instant]:
    """When processes began anew, by what one metric is."""
    import numpy as np

    moved = np.diff(values)
    if metric in COUNTERS:
        return [float(t) for t in times[1:][moved > 0]]
    if tells_start(metric) or tells_uptime(metric):
        began = values if tells_start(metric) else times - values
        # Of several processes that take turns the one that is older than the last look is no new one.
        new = (np.diff(began) > 1.0) & (began[1:] >= times[:-1] - LATE_LOOK_S) & (began[1:] <= times[1:] + LATE_LOOK_S)
        return [float(moment) for moment in began[1:][new]]
    if not metric.endswith("_total") or values.size < COUNTER_POINTS:
        return []
    resets = np.flatnonzero(moved < 0) + 1
    if resets.size > max(1, values.size // 20) or (values[resets] > NEARLY_NOTHING * values[resets - 1]).any():
        return []  # a gauge by another name
    return [float(t) for t in times[resets]]


def _by_records(records: Iterable[LogRecord], at: Instant) -> list[_Start]:
    """Lines that a process writes as it starts, of services where they are rare."""
    lines: Counter[str] = Counter()
    found: dict[str, list[_Start]] = {}
    for record in records:
        if record.at is None or record.at > at or not record.service:
            continue
        lines[record.service] += 1
        low = record.message.lower()
        if _may_tell_start(low) and _STARTS.search(low):
            how = f"a line of its start in {record.source or 'the log'}"
            found.setdefault(record.service, []).append(_Start(record.service, record.at, how, record.source))
    return [
        one for service, starts in found.items() if len(starts) <= max(FEW, RARE * lines[service]) for one in starts
    ]


def _may_tell_start(low: str) -> bool:
    """Whether a line need be looked at closely; each test takes less time than an expression with all of them."""
    return (
        "start" in low
        or "boot" in low
        or "launching" in low
        or "initiali" in low
        or "listening" in low
        or "running" in low
    )


def _groups(starts: list[_Start], changes: list[Change]) -> Iterator[list[_Start]]:
    """Starts of one service that follow each other, without those that a change of it brought about."""
    rollouts: dict[str | None, list[Instant]] = {}
    for change in changes:
        if change.kind in ROLLOUTS:
            rollouts.setdefault(change.service, []).append(change.at)
    groups: dict[str, list[list[_Start]]] = {}
    for one in starts:
        if any(-ROLLOUT_BEFORE_S <= one.at - told <= ROLLOUT_S for told in rollouts.get(one.service, ())):
            continue
        mine = groups.setdefault(one.service, [])
        if mine and one.at - mine[-1][-1].at <= LOOP_GAP_S:
            mine[-1].append(one)
        else:
            mine.append([one])
    for found in groups.values():
        yield from found


def _restart(group: list[_Start]) -> Change:
    first, last = group[0], group[-1]
    hows = sorted({one.how for one in group})
    length = last.at - first.at
    again = f" again and again for {span_text(length)}" if length > FIRST_RAN_S else ""
    return Change(
        f"restart/{first.service}@{rfc3339(round(first.at))}",
        "other",
        first.at,
        first.service,
        summary=SafeText(f"it began anew{again}"),
        source=first.source,
        observed=hows[0],
    )
