"""Series made ready to be judged: oriented so that more is worse, aligned with the counts behind them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from console.analysis.signals import Family, Meaning, meaning_of, words_of
from console.analysis.stats import median_of
from console.domain.instant import Instant
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.values import dataclass

if TYPE_CHECKING:
    from console.analysis.stats import Numbers

LARGEST = 1e100
OLDEST_S = 366 * 86400.0
"""Stamps further back than a year are mistakes."""
COUNTER_POINTS = 8
"""A running total is recognised from this many points that never fall."""


@dataclass(frozen=True, slots=True)
class Past:
    """A series on earlier days in steps of its own; values as those of its track."""

    times: Numbers
    values: Numbers
    step_s: float
    weights: Numbers | None = None
    """Requests behind each value; None: all count alike."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """Earlier days: by whose clock they are told, and what is known of them beside the track itself."""

    zone: tzinfo = UTC
    past: Past | None = None

    def with_values(self, values: Numbers) -> Earlier:
        """The same days with other values."""
        return self if self.past is None else Earlier(self.zone, replace(self.past, values=values))

    def times(self, sign: int) -> Earlier:
        """The same with the sign of the values turned, where it is negative."""
        return self if sign > 0 or self.past is None else self.with_values(-self.past.values)


NO_DAYS = Earlier()


@dataclass(frozen=True, slots=True)
class Track:
    """One series ready to be judged."""

    key: SeriesKey
    meaning: Meaning
    times: Numbers
    """Epoch seconds, ascending."""
    values: Numbers
    """Harm points upwards: an availability stands here as the share of failures, a fall that harms with its sign turned."""
    step_s: float
    requests: Numbers | None = None
    """Requests behind each value; None where the source does not tell."""
    source: str = ""
    query: str = ""
    earlier: Earlier = NO_DAYS

    @property
    def service(self) -> str:
        """Whose series it is."""
        return self.key.service

    @property
    def operation(self) -> str | None:
        """The endpoint; None for the service as a whole."""
        return self.key.operation or None

    def natural(self, value: float) -> float:
        """A value as the source states it, with its own sign."""
        return -value if self.meaning.harm < 0 and not self.meaning.complement else value


@dataclass(frozen=True, slots=True)
class ErrorTrack:
    """Failures and requests of one service or operation, bin by bin."""

    service: str
    operation: str | None
    times: Numbers
    failures: Numbers
    requests: Numbers
    step_s: float
    source: str = ""
    query: str = ""
    earlier: Earlier = NO_DAYS


@dataclass(frozen=True, slots=True)
class Tracks:
    """Everything that can be judged."""

    errors: tuple[ErrorTrack, ...]
    """Failures with counts: the best kind."""
    values: tuple[Track, ...]
    """All else, error ratios without counts included."""
    limits: dict[tuple[str, str], Series]
    """Sizes and limits by (service, metric)."""


def build_tracks(series: SeriesSet, at: Instant) -> Tracks:
    """Orient, align and pair; nothing stamped after `at` is kept."""
    errors: list[ErrorTrack] = []
    values: list[Track] = []
    limits: dict[tuple[str, str], Series] = {}
    paired: set[tuple[str, str]] = set()
    for one in series:
        known = _usable(one, at)
        if not len(known):
            continue
        meaning = meaning_of(known.key.metric)
        if meaning.family is Family.LIMIT:
            limits[known.key.service, known.key.metric] = known
            continue
        place = (known.key.service, known.key.operation)
        if known.key.metric in ("error_count", "error_rate", "availability"):
            if place in paired:
                continue
            track = _error_track(series, known, at)
            if track is not None:
                paired.add(place)
                errors.append(track)
                continue
        values.append(_value_track(series, known, meaning, at))
    kept = (
        t for t in values if not (t.key.metric in ("error_count", "error_rate", "availability") and _place(t) in paired)
    )
    return Tracks(tuple(errors), tuple(kept), limits)


def with_earlier(tracks: Tracks, earlier: SeriesSet, at: Instant, zone: tzinfo) -> Tracks:
    """The same with what their own sources know of earlier days in coarse steps."""
    if not len(earlier) and zone is UTC:
        return tracks
    coarse = build_tracks(earlier, at)
    failing = {(one.service, one.operation, one.source): one for one in coarse.errors}
    known = {(one.key, one.source): one for one in coarse.values}

    def failures_of(track: ErrorTrack) -> Past | None:
        import numpy as np

        one = failing.get((track.service, track.operation, track.source))
        if one is None:
            return None
        return Past(one.times, one.failures / np.maximum(one.requests, 1), one.step_s, one.requests)

    def values_of(track: Track) -> Past | None:
        one = known.get((track.key, track.source))
        if one is None:
            return None
        per_step = track.key.metric in ("request_count", "error_count")
        return Past(one.times, one.values * (track.step_s / one.step_s) if per_step else one.values, one.step_s)

    return Tracks(
        tuple([replace(t, earlier=Earlier(zone, failures_of(t))) for t in tracks.errors]),
        tuple([replace(t, earlier=Earlier(zone, values_of(t))) for t in tracks.values]),
        tracks.limits,
    )


def _usable(one: Series, at: Instant) -> Series:
    """Without what is stamped later, absurdly early, or no number that can be squared."""
    known = one.until(at) if len(one) and one.times[-1] > at else one
    if not len(known):
        return known
    _, values = arrays(known)
    absurd = not (values.min() > -LARGEST and values.max() < LARGEST)
    if known.times[0] < at - OLDEST_S or absurd:
        points = [(t, v) for t, v in known if t >= at - OLDEST_S and -LARGEST < v < LARGEST]
        return Series.of(known.key, points, known.source, known.query)
    return known


def _place(track: Track) -> tuple[str, str]:
    return track.key.service, track.key.operation


def _error_track(series: SeriesSet, one: Series, at: Instant) -> ErrorTrack | None:
    """Failures with requests, from any pair of metrics that gives both."""
    import numpy as np

    service, operation = one.key.service, one.key.operation
    times, values = arrays(one)
    step = step_of(one)
    requests = requests_at(series, one, times, step, at)
    if requests is None:
        return None
    match one.key.metric:
        case "error_count":
            failures = values
        case "availability":
            failures = (1 - np.clip(values, 0, 1)) * requests
        case _:
            failures = np.clip(values, 0, 1) * requests
    known = np.isfinite(requests) & (requests >= 0) & np.isfinite(failures)
    if not known.any():
        return None
    failures = np.clip(np.where(known, failures, 0), 0, None)[known]
    return ErrorTrack(
        service,
        operation or None,
        times[known],
        np.minimum(failures, np.maximum(requests[known], failures)),
        requests[known],
        step,
        one.source,
        one.query,
    )


def requests_at(series: SeriesSet, one: Series, times: Numbers, step_s: float, at: Instant) -> Numbers | None:
    """Requests behind `one`, whose step is `step_s`, in the interval that ends at each of `times`; NaN where it is not known.

    None where its own source does not tell: the lines of a sampled log say nothing about the requests of a metric.
    """
    import numpy as np

    service, operation = one.key.service, one.key.operation
    count = series.get(service, "request_count", operation)
    if count is not None and count.source != one.source:
        count = None
    rate = series.get(service, "request_rate", operation) if count is None else None
    if rate is not None and rate.source != one.source:
        rate = None
    chosen = count if count is not None else rate
    if chosen is None:
        return None
    known_times, known = arrays(chosen.until(at))
    if not known_times.size:
        return None
    if known_times.size == times.size and (known_times == times).all():
        return known if count is not None else known * step_s  # as of most pairs: no place needs to be looked for
    place = np.clip(np.searchsorted(known_times, times), 0, known_times.size - 1)
    before = np.clip(place - 1, 0, None)
    place = np.where(np.abs(known_times[before] - times) < np.abs(known_times[place] - times), before, place)
    near = np.abs(known_times[place] - times) <= step_s * 0.51
    found = np.where(near, known[place], np.nan)
    result: Numbers = found if count is not None else found * step_s
    return result


def _value_track(series: SeriesSet, one: Series, meaning: Meaning, at: Instant) -> Track:
    import numpy as np

    times, values = arrays(one)
    if meaning.family is Family.FAILURES and "total" in words_of(one.key.metric):
        values = without_running_total(values)
    if meaning.complement:
        values = 1 - np.clip(values, 0, 1)
    elif meaning.harm < 0:
        values = -values
    step = step_of(one)
    requests = None
    if meaning.family in (Family.LATENCY, Family.RATIO):
        requests = requests_at(series, one, times, step, at)
    if requests is not None and meaning.family is Family.LATENCY:
        idle = requests == 0
        if idle.any() and not idle.all():  # a latency of no requests is no latency
            times, values, requests = times[~idle], values[~idle], requests[~idle]
    return Track(one.key, meaning, times, values, step, requests, one.source, one.query)


def without_running_total(values: Numbers) -> Numbers:
    """Increments of a running total; what is no running total stays as it is. A reset counts from zero."""
    import numpy as np

    moved = np.diff(values)
    if values.size < COUNTER_POINTS or values[-1] <= values[0]:
        return values
    resets = moved < 0
    if resets.sum() > max(1, values.size // 50) or (resets.any() and not (moved == 0).any()):
        return values
    if resets.any() and (values[1:][resets] > values[:-1][resets] * 0.5).any():
        return values
    return np.concatenate([[0.0], np.where(resets, values[1:], moved)])


def arrays(one: Series) -> tuple[Numbers, Numbers]:
    """Times and values of a series as numpy sees them, without a copy."""
    import numpy as np

    return np.frombuffer(one.times, dtype=np.float64), np.frombuffer(one.values, dtype=np.float64)


def step_of(one: Series) -> float:
    """Usual distance between the points of a series, in seconds; 60 where there are too few to tell."""
    import numpy as np

    if len(one) < 2:
        return 60.0
    times = np.frombuffer(one.times, dtype=np.float64)[-200:]
    return median_of(times[1:] - times[:-1])
