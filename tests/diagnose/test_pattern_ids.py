"""A pattern keeps its id from one diagnosis to the next, also when more lines teach what of it varies."""

from __future__ import annotations

from dataclasses import replace

from console.analysis.diagnose import diagnose
from console.domain.instant import Window
from console.domain.logs import Level, LogRecord
from console.domain.observations import ErrorSample, Observations
from console.domain.series import SeriesSet
from console.domain.text import SafeText
from console.domain.topology import Service, Topology

HISTORY, WINDOW = Window(0.0, 4000.0), Window(3000.0, 4000.0)


def seen(*names: str) -> Observations:
    usual = [LogRecord(at * 2.0, Level.INFO, "shop", SafeText(f"request {at} done")) for at in range(2000)]
    failed = [
        LogRecord(
            3500.0 + at, Level.ERROR, "shop", SafeText(f"login of {names[0 if at < 60 else at % len(names)]} failed")
        )
        for at in range(100)
    ]
    records = tuple(sorted([*usual, *failed], key=lambda record: record.at or 0.0))
    topology = Topology((Service("shop"),))
    sample = ErrorSample(HISTORY, records, len(records))
    return Observations(4000.0, WINDOW, HISTORY, topology, SeriesSet(), records=sample)


def test_a_template_that_becomes_more_general_keeps_its_id() -> None:
    first = diagnose(seen("bob"))
    later = replace(seen("bob", "eve", "kim", "lee", "pat"), pattern_names=first.pattern_names)
    ids = {pattern.template: pattern.id for pattern in first.patterns}
    after = {pattern.template: pattern.id for pattern in diagnose(later).patterns}
    assert after[SafeText("login of <*> failed")] == ids[SafeText("login of bob failed")]
    assert after[SafeText("request <*> done")] == ids[SafeText("request <*> done")]
