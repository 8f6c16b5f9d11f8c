"""Which builds a service was seen running, and when: in metrics that tell a build, and in the records of its log.

A version in a log may be anybody's: of a client, of a protocol, of a schema. It counts where the records of a service name one
and nearly only one at a time.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator

from console.analysis.signals import words_of
from console.domain.changes import COMMIT, Running
from console.domain.instant import Instant
from console.domain.logs import LogRecord
from console.domain.series import BUILD_INFO, Series, SeriesKey, SeriesSet
from console.domain.values import dataclass

VERSION_FIELDS = (
    *(
        "service.version",
        "service_version",
        "app.version",
        "app_version",
        "version",
        "release",
        "build",
        "build_version",
    ),
    *("image_tag", "git_sha", "git_commit", "commit", "revision"),
)
"""Fields of records that name the build of who wrote them, the most telling first."""
VERSION_METRICS = frozenset(("version", "app_version", "service_version", "build_number", "release"))
"""Metrics whose value is the build."""
_NUMBERED = re.compile(r"v?\d[\w.+-]*")
ONE_SHARE = 0.95
"""Share of the records before it that must name one build for another to be new [D]."""
NEW_SHARE = 0.2
"""... and share of those after it that must name the new one: a part of the instances at least [D]."""
FEWEST_RECORDS = 20
BEFORE_S, AFTER_S = 1800.0, 600.0
"""How far around its first sighting the records are looked at [D]."""
GONE_S = 300.0
"""A build that was not seen for so long, while another was, has been replaced: seen again, it was brought back [D]."""
RUNS_S, RUNS_RECORDS = 60.0, 50
"""What was seen within so many seconds of the newest sighting, and within so many records, runs [D]."""
MOST_BUILDS = 12
"""Different builds of one service; more are no builds [D]."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A build that was seen running where another had run before."""

    service: str
    build: str
    former: str
    after: Instant
    """The last sighting of the former alone: it began to run after that."""
    at: Instant
    """Its first sighting."""
    how: str
    """`field version in app`, `build_info in prod`."""
    source: str
    back: bool
    """It had run before the former."""


@dataclass(frozen=True, slots=True)
class Sightings:
    """What was seen of the builds of all services."""

    arrivals: tuple[Arrival, ...] = ()
    running: tuple[Running, ...] = ()


@dataclass(frozen=True, slots=True)
class _Told:
    """All that one source tells of one service: which build, and when; oldest first."""

    service: str
    how: str
    source: str
    stamps: list[Instant]
    builds: list[str]
    step_s: float = 0.0


def is_build(series: Series) -> bool:
    """Whether a series tells builds and is no measurement."""
    return _labelled(series.key) or series.key.metric in VERSION_METRICS


def _labelled(key: SeriesKey) -> bool:
    """Whether what stands in the place of an operation is the build."""
    return key.metric.endswith(BUILD_INFO) and bool(key.operation)


def sightings_of(series: SeriesSet, records: Iterable[LogRecord], at: Instant) -> Sightings:
    """Read what ran from metrics and records; the first that tells of a service stands."""
    told = [*_by_metrics(series, at), *_by_records(records, at)]
    arrivals: list[Arrival] = []
    running: list[Running] = []
    known: set[str] = set()
    for one in told:
        if one.service in known or not one.stamps or len(set(one.builds)) > MOST_BUILDS:
            continue
        known.add(one.service)
        arrivals += _arrivals(one)
        running += _running(one)
    return Sightings(tuple(sorted(arrivals, key=lambda a: (a.at, a.service))), tuple(running))


def _by_metrics(series: SeriesSet, at: Instant) -> Iterator[_Told]:
    labelled: dict[tuple[str, str], list[Series]] = {}
    for one in series:
        known = one.until(at)
        if not is_build(known) or not len(known):
            continue
        if _labelled(known.key):
            labelled.setdefault((known.key.service, known.source), []).append(known)
        else:
            stamps, builds = list(known.times), [f"{value:.15g}" for value in known.values]
            how = f"{known.key.metric} in {known.source}"
            yield _Told(known.key.service, how, known.source, stamps, builds, known.step_s() or 0.0)
    for (service, source), found in labelled.items():
        points = sorted((t, one.key.operation) for one in found for t, value in one if value > 0)
        step = max((one.step_s() or 0.0 for one in found), default=0.0)
        yield _Told(
            service, f"{BUILD_INFO} in {source}", source, [t for t, _ in points], [build for _, build in points], step
        )


def _by_records(records: Iterable[LogRecord], at: Instant) -> Iterator[_Told]:
    """The most telling field of each service and source; a build without a digit is none."""
    found: dict[tuple[str, str, int], list[tuple[Instant, str]]] = {}
    places: dict[str, int | None] = {}
    named: dict[str, bool] = {}
    for record in records:
        if record.at is None or record.at > at or not record.service:
            continue
        for name, value in record.fields:
            if name not in places:  # there are few names, and many records
                low = name.lower()
                places[name] = VERSION_FIELDS.index(low) if low in VERSION_FIELDS else None
            place = places[name]
            if place is None:
                continue
            if value not in named:
                named[value] = bool(_NUMBERED.fullmatch(value) or COMMIT.fullmatch(value))
            if named[value]:
                found.setdefault((record.service, record.source, place), []).append((record.at, str(value)))
    for (service, source, place), pairs in sorted(found.items(), key=lambda item: item[0][2]):
        pairs.sort()
        how = f"field {VERSION_FIELDS[place]} in {source or 'the log'}"
        yield _Told(service, how, source, [t for t, _ in pairs], [build for _, build in pairs])


def _arrivals(told: _Told) -> Iterator[Arrival]:
    """Each first sighting of a build beside one former build alone, and each that is back after it was gone."""
    exact, gone_s = told.step_s > 0, max(GONE_S, 3 * told.step_s)
    last: dict[str, Instant] = {}
    for place, (at, build) in enumerate(zip(told.stamps, told.builds, strict=True)):
        seen = last.get(build)
        last[build] = at
        if seen is not None and at - seen < gone_s:
            continue
        before = max((t for other, t in last.items() if other != build), default=None)
        if before is None:
            continue
        former = _alone_before(told, place, build)
        if former is not None and (exact or _stays(told, place, build)):
            yield Arrival(
                told.service, build, former, min(before, at - told.step_s), at, told.how, told.source, seen is not None
            )


def _alone_before(told: _Told, place: int, build: str) -> str | None:
    """The one build that ran just before; None where there were several, or too little was seen."""
    low = bisect_left(told.stamps, told.stamps[place] - BEFORE_S)
    if told.step_s > 0:
        low = max(low, place - 3)  # what runs is told again at every step
    counted = Counter(told.builds[low:place])
    if not counted:
        return None
    (former, most), total = counted.most_common(1)[0], sum(counted.values())
    if former == build or (told.step_s <= 0 and (total < FEWEST_RECORDS or most < ONE_SHARE * total)):
        return None
    return former


def _stays(told: _Told, place: int, build: str) -> bool:
    high = bisect_right(told.stamps, told.stamps[place] + AFTER_S)
    since = told.builds[place:high]
    return since.count(build) >= max(3.0, NEW_SHARE * len(since))


def _running(told: _Told) -> list[Running]:
    """What was seen lately; a version in a log only where the records agree as far as those of one service would."""
    newest = told.stamps[-1]
    low = bisect_left(told.stamps, newest - (1.5 * told.step_s or RUNS_S))
    low = max(low, len(told.stamps) - RUNS_RECORDS) if told.step_s <= 0 else low
    counted = Counter(told.builds[low:])
    if told.step_s <= 0 and (len(told.stamps) < FEWEST_RECORDS or len(counted) > 2):
        return []
    found = []
    for build, _ in counted.most_common():
        seen = max(t for t, one in zip(told.stamps[low:], told.builds[low:], strict=True) if one == build)
        version, commit = (None, build) if is_commit(build) else (build, None)
        found.append(Running(told.service, version, commit, told.how, None, seen))
    return found


def is_commit(build: str) -> bool:
    """Whether a build is named by a commit: a number of digits alone is a version."""
    return bool(COMMIT.fullmatch(build)) and not build.isdigit()


def tells_start(metric: str) -> bool:
    """Whether a metric is the instant at which a process began."""
    words = words_of(metric)
    return {"start", "time"} <= words or "started_at" in metric


def tells_uptime(metric: str) -> bool:
    """Whether a metric is for how long a process has run."""
    return "uptime" in words_of(metric)
