"""A signal of a service against its load."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from console.analysis.load import POOL_FULL
from console.analysis.loadcurve import load_of, sentence
from console.analysis.rates import rate_series
from console.analysis.whole import with_wholes
from console.domain.diagnosis import Diagnosis
from console.domain.instant import Instant, Window, clock_text
from console.domain.observations import Observations
from console.domain.series import SeriesSet
from console.domain.text import SafeText
from console.drilldowns.changed import median_within
from console.drilldowns.trends import signal_text
from console.state import (
    LoadView,
)
from console.views import (
    quantity,
)

MOST_POINTS = 600
"""Points of each side of a scatter; more would hide each other."""


def load_view(observations: Observations, diagnosis: Diagnosis | None, service: str) -> LoadView:
    """The signal of the service that is off, else its slowest percentile, against its requests per second.

    The curve and what is said of it are those of the verdict.
    """
    series, at = with_wholes(observations.series), observations.at
    symptoms = diagnosis.symptoms if diagnosis is not None else ()
    onset = diagnosis.onset if diagnosis is not None else None
    if onset is None:  # what is only watched has no onset of its own
        began = [one.onset for one in symptoms if one.service == service and one.end is None and one.onset is not None]
        onset = min(began, default=observations.window.start)
    loaded = load_of(series, service, symptoms, onset, at)
    if loaded is None:
        if rate_series(series, service) is None:
            return LoadView(service, "", "", says=SafeText(f"the requests of {service} are not counted by any source"))
        return LoadView(service, "", "", says=SafeText(f"no source measures the latency or failures of {service}"))
    curve = loaded.curve
    what = signal_text(curve.metric) + (f" of {loaded.operation}" if loaded.operation else "")
    said = sentence(loaded)
    facts = [
        (
            "before",
            f"{_steps(curve.before)} to {clock_text(onset)} UTC, median {quantity(curve.load_before, '1/s')}",
        ),
        ("since", f"{_steps(curve.since)}, median {quantity(curve.load_since, '1/s')}"),
        ("knee", quantity(curve.knee, "1/s") if curve.knee is not None else "none found"),
        *_pools(series, service, onset, at),
    ]
    return LoadView(
        service,
        what,
        curve.unit,
        curve.before[-MOST_POINTS:],
        curve.since[-MOST_POINTS:],
        curve.knee,
        SafeText(f"{said[0].upper()}{said[1:]}."),
        tuple((name, SafeText(value)) for name, value in facts),
    )


def _steps(points: Sequence[object]) -> str:
    """How many steps there are, and how many of them are drawn."""
    drawn = f" (the newest {MOST_POINTS} are drawn)" if len(points) > MOST_POINTS else ""
    return f"{len(points)} steps{drawn}"


def _pools(series: SeriesSet, service: str, split: Instant, at: Instant) -> Iterable[tuple[str, str]]:
    """Bounded resources: how much of each was in use before and is since."""
    for key in sorted(series.by_key):
        if key.service != service or key.operation or not key.metric.endswith(("in_use", "_used", "active")):
            continue
        stem = key.metric.removesuffix("_in_use").removesuffix("_used").removesuffix("_active")
        size = next((s for k, s in series.by_key.items() if k.service == service and k.metric == f"{stem}_size"), None)
        used = series.by_key[key].until(at)
        old, new = (median_within(used, Window(a, b)) for a, b in ((0.0, split), (split, math.nextafter(at, math.inf))))
        of = f" of {size.values[-1]:g}" if size is not None and len(size) else ""
        full = size is not None and len(size) and new is not None and new >= POOL_FULL * size.values[-1]
        yield (
            key.metric,
            f"{quantity(new, 'count')}{of} in use since, {quantity(old, 'count')} before{': used up' if full else ''}",
        )
