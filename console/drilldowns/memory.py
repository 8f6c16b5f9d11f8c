"""The memory of a service: the stretches between restarts, its growth, and where that leads."""

from __future__ import annotations

import math
from collections.abc import Iterable

from console.analysis.leak import Leak, envelope, find_leak, segments
from console.analysis.restarts import find_restarts
from console.analysis.signals import Family
from console.analysis.tracks import Track, build_tracks
from console.analysis.words import joined
from console.domain.diagnosis import Diagnosis
from console.domain.instant import Instant, Window, clock_text, span_text
from console.domain.observations import Observations
from console.domain.series import SeriesSet
from console.domain.text import SafeText
from console.state import (
    Axis,
    Marker,
    MemoryView,
    Trend,
    axis_step,
)
from console.views import (
    axis_of,
    quantity,
    rebin,
)

LIMIT_SHOWN = 1.05
"""A forecast is drawn up to this much of the limit: nothing grows beyond it."""
AHEAD = 0.5
"""The memory chart reaches this part of its past into the future, at most."""


def memory_view(observations: Observations, diagnosis: Diagnosis | None, service: str) -> MemoryView:
    """The memory of a service: what was used, the stretches between restarts, the growth and where it leads."""
    own = SeriesSet.of([one for one in observations.series if one.key.service == service])
    at, tracks = observations.at, build_tracks(own, observations.at)
    memory = [t for t in tracks.values if t.meaning.family is Family.MEMORY and t.meaning.harm >= 0]
    if not memory:
        return MemoryView(service, says=SafeText(f"no source measures the memory of {service}"))
    track = min(memory, key=lambda t: (t.operation is not None, t.key.metric != "memory_bytes", t.key.metric))
    restarts = [r.at for r in find_restarts(own, at)]
    limits = tracks.limits.get((service, "memory_limit_bytes"))
    limit = float(limits.values[-1]) if limits is not None and len(limits) and limits.values[-1] > 0 else None
    leak = find_leak(track, at, limit, restarts)
    axis = _memory_axis(track, at, leak, diagnosis, restarts)
    series = own.by_key[track.key].until(at)
    points = rebin(series, axis, max)
    known = [p for p in points if p is not None]
    used = Trend(
        "bytes",
        float(track.values[-1]),
        max(known, default=None),
        limit,
        points,
        int(track.times.size),
        leak is not None,
    )
    return MemoryView(
        service,
        axis,
        used,
        _fit(leak, axis, at) if leak is not None else (),
        limit,
        SafeText(
            _memory_sentence(service, leak, track, at)
            + (_growing_elsewhere(service, diagnosis) if leak is None else "")
        ),
        tuple((name, SafeText(value)) for name, value in _memory_facts(track, leak, limit, restarts, at)),
    )


def _memory_axis(
    track: Track, at: Instant, leak: Leak | None, diagnosis: Diagnosis | None, restarts: list[Instant]
) -> Axis:
    start = float(track.times[0])
    end = at
    if leak is not None:
        span = max(at - start, 600.0)
        end = min(at + AHEAD * span, max(at, leak.latest or math.inf))
    window = Window(start, max(end, start + 60.0))
    own = {c.at for c in (diagnosis.changes if diagnosis is not None else ()) if c.service == track.service}
    markers = [m for m in axis_of(window, diagnosis).markers if m.glyph == "╎" or (m.glyph == "▼" and m.at in own)]
    markers += [Marker(r, "◆", SafeText("restart")) for r in restarts if r in window]
    return Axis(window, axis_step(window), tuple(sorted(markers, key=lambda m: m.at)))


def _fit(leak: Leak, axis: Axis, at: Instant) -> tuple[float | None, ...]:
    """The growth over the stretch that was judged; and from what is used now on, up to the limit, if this continues."""
    per_s, top = leak.per_hour / 3600, leak.limit * LIMIT_SHOWN if leak.limit is not None else math.inf
    count = max(1, math.ceil(axis.window.seconds / axis.step_s))

    def expected(t: Instant) -> float | None:
        if leak.segment.start <= t <= leak.segment.end:
            return leak.start + (t - leak.segment.start) * per_s
        ahead = leak.now + (t - at) * per_s
        return ahead if t >= at and ahead <= top else None

    return tuple(expected(axis.window.start + (place + 1) * axis.step_s) for place in range(count))


def _memory_sentence(service: str, leak: Leak | None, track: Track, at: Instant) -> str:
    if leak is None:
        return f"{service} does not leak by what is known: no stretch grows steadily to the end."
    said = f"{service} has gained {quantity(leak.per_hour, 'bytes')} an hour since {clock_text(leak.since, now=at)} UTC (tau {leak.tau:.2f}, {leak.bins} intervals)"
    if leak.limit is None:
        return f"{said}; no limit is known, so when it runs out cannot be told."
    if leak.earliest is None:
        return f"{said}; the limit is not reached by this."
    between = _between(leak.earliest, leak.latest, at)
    return f"{said}; the limit of {quantity(leak.limit, 'bytes')} is reached {between} if this continues."


def _growing_elsewhere(service: str, diagnosis: Diagnosis | None) -> str:
    """Whose memory does grow, for whoever looks at the wrong service."""
    if diagnosis is None:
        return ""
    others = {one.service for one in diagnosis.exhaustion if "memory" in one.metric}
    others |= {s.service for s in diagnosis.symptoms if s.signal == "memory" and s.end is None}
    names = sorted(others - {service})
    return f" That of {joined(names)} grows: select it, then B." if names else ""


def _between(earliest: Instant, latest: Instant | None, at: Instant) -> str:
    """A range in full minutes, rounded outwards: a forecast to the second would be a pretence."""
    first = clock_text(math.floor(earliest / 60) * 60, now=at, seconds=False)
    if latest is None:
        return f"at {first} UTC at the soonest, and perhaps never"
    return f"between {first} and {clock_text(math.floor(latest / 60) * 60 + 60, now=at, seconds=False)} UTC"


def _memory_facts(
    track: Track, leak: Leak | None, limit: float | None, restarts: list[Instant], at: Instant
) -> Iterable[tuple[str, str]]:
    yield "metric", track.key.metric
    yield (
        "used now",
        f"{quantity(float(track.values[-1]), 'bytes')}" + (f" of {quantity(limit, 'bytes')}" if limit else ""),
    )
    if track.times.size >= 2:
        _, low, width = envelope(track.times, track.values, track.step_s)
        stretches = segments(low)
        count = len(stretches)
        last = stretches[-1]
        yield (
            "stretches",
            f"{count} between falls; the last: {span_text((last.stop - last.start) * width)},"
            f" {quantity(float(low[last.start]), 'bytes')} to {quantity(float(low[last.stop - 1]), 'bytes')}",
        )
    yield "restarts", ", ".join(clock_text(r, now=at) for r in restarts[-5:]) or "none on record"
    if leak is not None and leak.earliest is not None:
        soonest = span_text(math.floor((leak.earliest - at) / 60) * 60)
        latest = (
            f"to {span_text(math.floor((leak.latest - at) / 60) * 60 + 60)}" if leak.latest is not None else "or never"
        )
        yield "runs out", f"in {soonest} {latest}, if this continues"
