"""Nothing stamped after the knowledge time has any influence."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from console.analysis.constants import TREND_STEPS
from console.analysis.diagnose import diagnose
from console.analysis.patterns import counted
from console.domain.changes import Change, Running
from console.domain.instant import Window
from console.domain.logs import Level, LogRecord
from console.domain.observations import ErrorSample, Observations
from console.domain.series import Series, SeriesSet
from console.domain.spans import Span
from console.domain.text import SafeText
from console.domain.topology import Health, ProbeResult
from console.report.diagnosis_json import diagnosis_json
from tests.incidents.generate import CLASSES, NOW, make


def poisoned(seen: Observations, seed: int) -> Observations:
    """The same with a loud future: failures, errors, spans, changes and versions that nobody could know yet."""
    rng = random.Random(seed)
    later = [NOW + rng.uniform(1, 4000) for _ in range(40)]
    series = [
        Series.of(s.key, [*s, *((t, rng.choice([0.0, 1.0, 1e6])) for t in later)], s.source, s.query)
        for s in seen.series
    ]
    names = [s.name for s in seen.topology.services]
    lines = tuple(LogRecord(t, Level.ERROR, rng.choice(names), SafeText("the future fails")) for t in sorted(later))

    def loud(sample: ErrorSample | None) -> ErrorSample | None:
        return None if sample is None else replace(sample, records=(*sample.records, *lines))

    return replace(
        seen,
        series=SeriesSet.of(series),
        changes=(
            *seen.changes,
            *(Change(f"later-{k}", "deploy", t, rng.choice(names)) for k, t in enumerate(later[:5])),
        ),
        spans=(
            *seen.spans,
            *(Span("t", str(k), None, rng.choice(names), "op", "server", t, 9.0, True) for k, t in enumerate(later)),
        ),
        running=(*seen.running, Running(names[0], "v999", None, "tomorrow", False, NOW + 5)),
        probes=(*seen.probes, ProbeResult(names[0], SafeText("x"), Health.DOWN, None, SafeText(""), NOW + 5)),
        errors=loud(seen.errors),
        records=loud(seen.records),
    )


def with_counts(seen: Observations, end: float) -> Observations:
    """The same with the lines of its sample counted by their source until `end`, in buckets of which one ends now."""
    assert seen.records is not None
    step = seen.window.seconds / TREND_STEPS
    start = NOW - step * math.ceil((NOW - seen.history.start) / step)
    counts = counted(seen.records.records, Window(start, end), step, sampled=False)
    return replace(seen, shapes=(replace(counts, source=seen.records.records[0].source),))


def test_lines_that_were_counted_later_have_no_influence() -> None:
    seen = make(CLASSES[0], 4).seen
    every = replace(seen, records=seen.records or seen.errors)
    known, later = with_counts(every, NOW), with_counts(poisoned(every, 7), NOW + 4000.0)
    assert any(shape.text == "the future fails" for shape in later.shapes[0].shapes)
    document = diagnosis_json(diagnose(known))
    assert document["patterns"] and document == diagnosis_json(diagnose(later))


@pytest.mark.parametrize("kind", CLASSES, ids=lambda k: k.__name__)
def test_the_future_cannot_leak_in(kind: object) -> None:
    incident = make(kind, 4)  # type: ignore[arg-type]  # one of CLASSES
    assert diagnosis_json(diagnose(incident.seen)) == diagnosis_json(diagnose(poisoned(incident.seen, 7)))
