"""Nothing stamped after the knowledge time has any influence."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from console.analysis.constants import TREND_STEPS
from console.analysis.diagnose import diagnose
from console.analysis.patterns import counted
from console.domain.changes import Change, ChangeDiff, CommitDiff, FileDiff, Running
from console.domain.instant import Window
from console.domain.logs import Level, LogRecord
from console.domain.observations import ErrorSample, Observations
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.spans import Span
from console.domain.text import SafeText
from console.domain.topology import Health, ProbeResult
from console.report.diagnosis_json import diagnosis_json
from tests.diagnose.test_generated import SEEDS, judged
from tests.incidents.generate import CLASSES, NOW, Story, make


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

    tags = [deploy for name in names for deploy in _later_deploys(seen, name, rng)]
    return replace(
        seen,
        series=SeriesSet.of([*series, *_later_builds(names)]),
        earlier=SeriesSet.of([Series.of(s.key, [(t, 1e6) for t in later], s.source) for s in seen.series]),
        changes=(
            *seen.changes,
            *tags,
            *(Change(f"later-{k}", "deploy", t, rng.choice(names)) for k, t in enumerate(later[:5])),
            Change("later-flag", "flag", NOW + 1, rng.choice(names), summary=SafeText("new-cart on->off")),
        ),
        deployed=(*seen.deployed, *tags),
        diffs=(*seen.diffs, *(_loud_diff(change) for change in tags)),
        spans=(*seen.spans, *_later_spans(names, later, rng)),
        running=(*seen.running, Running(names[0], "v999", None, "tomorrow", False, NOW + 5)),
        probes=(*seen.probes, ProbeResult(names[0], SafeText("x"), Health.DOWN, None, SafeText(""), NOW + 5)),
        errors=loud(seen.errors),
        records=loud(seen.records),
    )


def _later_deploys(seen: Observations, service: str, rng: random.Random) -> list[Change]:
    """Tags of tomorrow: a release, and a rollback to each build that was deployed until now."""
    known = [c for c in seen.changes if c.service == service and c.commit]
    new = Change(f"deploy/{service}/later", "deploy", NOW + rng.uniform(1, 60), service, "v9999", "f" * 40)
    back = [
        Change(f"rollback/{service}/{k}", "rollback", NOW + 1 + k, service, one.version, one.commit)
        for k, one in enumerate(known)
    ]
    return [new, *back]


def _loud_diff(change: Change) -> ChangeDiff:
    """Lines that would explain everything."""
    file = FileDiff(SafeText(f"{change.service}/limits.py"), (SafeText("limit = 200"),), (SafeText("limit = 2"),))
    return ChangeDiff(change.id, (CommitDiff("f" * 40, SafeText("tomorrow"), (file,)),))


def _later_builds(names: list[str]) -> list[Series]:
    """Metrics of builds and processes that begin tomorrow."""
    stamps = [NOW + 5.0 * k for k in range(1, 60)]
    builds = [Series.of(SeriesKey(name, "v9999", "build_info"), [(t, 3.0) for t in stamps], "later") for name in names]
    starts = [
        Series.of(SeriesKey(name, "", "process_start_time_seconds"), [(t, t - 1) for t in stamps], "later")
        for name in names
    ]
    return [*builds, *starts]


def _later_spans(names: list[str], later: list[float], rng: random.Random) -> list[Span]:
    """Spans that begin tomorrow, and some that began before now and are not over: nobody has seen those yet."""
    found = [Span("t", str(k), None, rng.choice(names), "op", "server", t, 9.0, True) for k, t in enumerate(later)]
    for k, name in enumerate(names):
        start = NOW - rng.uniform(1, 600)
        found.append(Span(f"open-{k}", "1", None, name, "POST /late", "server", start, NOW - start + 1.0, True))
        found.append(Span(f"open-{k}", "2", "1", "nobody", "POST /late", "client", start, NOW - start + 0.5, True))
    return found


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
def test_the_future_cannot_leak_in(kind: Callable[[random.Random], Story]) -> None:
    incident, found = judged(kind, SEEDS[0])
    assert diagnosis_json(found) == diagnosis_json(diagnose(poisoned(incident.seen, 7)))
