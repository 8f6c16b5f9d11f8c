"""Whatever comes in, the answer is a clear state and a sentence: never an exception, never a confident wrong verdict."""

from __future__ import annotations

import math
import random
from array import array
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.analysis.diagnose import diagnose
from console.analysis.verdict import Known, missing, state_of
from console.domain.changes import CHANGE_KINDS, Change, Running
from console.domain.diagnosis import Diagnosis, Standing, State
from console.domain.instant import Window
from console.domain.logs import Level, LogRecord
from console.domain.observations import ErrorSample, Observations
from console.domain.reading import SourceReport, SourceState
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.spans import Span
from console.domain.text import SafeText
from console.domain.topology import Dependency, Health, ProbeResult, Service, Topology
from console.report.diagnosis_json import diagnosis_json
from console.report.diagnosis_text import human_text, plain_text
from tests.incidents import generate
from tests.incidents.generate import NOW, make

CALM = (State.HEALTHY, State.INCONCLUSIVE)


def judged(seen: Observations) -> Diagnosis:
    """A diagnosis that can also be written, in every form."""
    found = diagnose(seen)
    assert str(found.summary)
    diagnosis_json(found)
    assert plain_text(found) and human_text(found)
    return found


def observations(points: dict[tuple[str, str], list[float]], step: float = 60.0, **more: object) -> Observations:
    """Series that end now."""
    series = [
        Series.of(SeriesKey(service, "", metric), [(NOW - step * (len(v) - 1 - k), x) for k, x in enumerate(v)], "m")
        for (service, metric), v in points.items()
    ]
    names = sorted({service for service, _ in points})
    base = Observations(
        NOW,
        Window(NOW - 1800, NOW),
        Window(NOW - 86400, NOW),
        Topology(tuple(Service(n) for n in names)),
        SeriesSet.of(series),
        sources=(SourceReport("m", "csv", SourceState.OK, role="metrics"),),
    )
    return replace(base, **more)  # type: ignore[arg-type]  # by name, as the caller says


def steady(n: int, level: float = 0.2, seed: int = 1) -> list[float]:
    rng = random.Random(seed)
    return [rng.gauss(level, level * 0.05) for _ in range(n)]


def test_nothing_at_all_is_inconclusive() -> None:
    found = judged(observations({}, sources=()))
    assert found.state is State.INCONCLUSIVE
    assert "history" in found.summary
    assert found.onset is None and not found.suspects and found.change_explains is None


def test_five_minutes_of_history_are_too_little_for_health() -> None:
    found = judged(observations({("a", "latency_p95"): steady(5), ("a", "error_rate"): [0.0] * 5}))
    assert found.state is State.INCONCLUSIVE


def test_holes_are_no_outage() -> None:
    values = [v if k % 7 not in (2, 3) else math.nan for k, v in enumerate(steady(180))]
    assert judged(observations({("a", "latency_p95"): values, ("a", "request_rate"): values})).state in CALM


def test_an_incident_in_the_baseline_does_not_hide_the_one_now() -> None:
    values = steady(60) + steady(8, 1.5) + steady(92) + steady(20, 1.2)
    found = judged(observations({("a", "latency_p95"): values}))
    assert found.state is State.INCIDENT
    assert found.onset == pytest.approx(NOW - 19 * 60, abs=120)


def test_an_incident_that_is_long_over_is_over() -> None:
    values = steady(90) + steady(10, 1.5) + steady(80)
    assert judged(observations({("a", "latency_p95"): values})).state in CALM


def test_counters_that_reset_are_no_outage() -> None:
    totals = [float(k % 60) for k in range(180)]
    found = judged(observations({("a", "failed_jobs_total"): totals, ("a", "latency_p95"): steady(180)}))
    assert found.state in CALM


@pytest.mark.parametrize("value", [0.0, 1.0, 1e12, -5.0])
def test_constant_series_are_calm(value: float) -> None:
    metrics = ("latency_p95", "error_rate", "request_rate", "cpu", "memory_bytes", "queue_depth", "strange")
    found = judged(observations({("a", m): [value] * 180 for m in metrics}))
    assert found.state in CALM


def test_series_without_a_number_are_as_good_as_none() -> None:
    assert judged(observations({("a", "latency_p95"): [math.nan] * 180})).state is State.INCONCLUSIVE


def test_one_request_a_minute_needs_more() -> None:
    counts = {("a", "request_count"): [1.0] * 180, ("a", "error_count"): [0.0] * 178 + [1.0, 1.0]}
    assert judged(observations(counts)).state in CALM


def test_a_service_that_appears_during_the_window() -> None:
    new = [math.nan] * 170 + steady(10, 0.4)
    found = judged(observations({("a", "latency_p95"): steady(180), ("b", "latency_p95"): new}))
    assert found.state in CALM


def test_circular_calls_and_unknown_names() -> None:
    topology = Topology((Service("a", ("b", "ghost")), Service("b", ("a",))), (Dependency("ghost", "other"),))
    values = {("a", "latency_p95"): steady(170) + steady(10, 2.0), ("b", "latency_p95"): steady(170) + steady(10, 2.0)}
    found = judged(observations(values, topology=topology, changes=(Change("x", "deploy", NOW - 700, "nobody"),)))
    assert found.state is State.INCIDENT
    assert {d.name: d.health for d in found.dependencies}["ghost"] is Health.UNKNOWN


def test_changes_stamped_in_the_future_do_not_exist() -> None:
    values = {("a", "error_rate"): [0.001] * 170 + [0.3] * 10}
    later = Change("deploy/later", "deploy", NOW + 60, "a")
    found = judged(observations(values, changes=(later,)))
    assert not found.changes


def test_a_tag_without_a_commit() -> None:
    values = {("a", "error_rate"): [0.001] * 170 + [0.3] * 10}
    found = judged(observations(values, changes=(Change("v1", "deploy", NOW - 700, "a", None, None),)))
    assert [c.id for c in found.changes] == ["v1"]


def test_skewed_clocks_do_not_clear_the_guilty() -> None:
    incident = make(generate.bad_deploy_errors, 1)
    skewed = tuple(replace(c, at=c.at + 45) for c in incident.seen.changes)
    found = judged(replace(incident.seen, changes=skewed))
    guilty = next(c for c in found.changes if c.id == incident.truth.change)
    assert guilty.standing is not Standing.IMPOSSIBLE


def test_one_source_in_the_wrong_zone_convicts_nobody() -> None:
    incident = make(generate.bad_deploy_errors, 2)
    shifted = tuple(replace(c, at=c.at - 3600) for c in incident.seen.changes)
    found = judged(replace(incident.seen, changes=shifted))
    assert not [s for s in found.suspects if s.subject in incident.truth.decoys and s.standing is Standing.LEADING]


def test_a_source_that_failed_is_named_and_nothing_is_called_healthy() -> None:
    quiet = make(generate.quiet, 1).seen
    down = tuple(replace(s, state=SourceState.FAILED) if s.role == "metrics" else s for s in quiet.sources)
    found = judged(replace(quiet, sources=down))
    assert found.state is State.INCONCLUSIVE
    assert "metrics" in found.summary


def test_a_change_source_that_failed_leaves_the_question_open() -> None:
    incident = make(generate.host_trouble, 1).seen
    down = tuple(replace(s, state=SourceState.FAILED) if s.role == "changes" else s for s in incident.sources)
    assert judged(replace(incident, changes=(), sources=down)).change_explains is None
    assert judged(replace(incident, changes=())).change_explains is False
    assert judged(replace(incident, changes=(), sources=())).change_explains is None


@pytest.mark.parametrize("state", [s for s in SourceState if s is not SourceState.OK])
def test_a_change_source_that_did_not_tell_all_leaves_the_question_open_and_says_why(state: SourceState) -> None:
    incident = make(generate.host_trouble, 1).seen
    bad = SafeText("2 lines are no change")
    part = tuple(replace(s, state=state, detail=bad) if s.role == "changes" else s for s in incident.sources)
    found = judged(replace(incident, changes=(), sources=part))
    assert found.change_explains is None
    assert "Whether a change explains it is not known: changes " in found.summary and bad in found.summary
    assert "None of the" not in found.summary
    assert f"Source changes (csv) is {state.value.replace('_', ' ')}: {bad}." in plain_text(found)
    guilty = make(generate.bad_deploy_errors, 1)
    part = tuple(replace(s, state=state) if s.role == "changes" else s for s in guilty.seen.sources)
    assert judged(replace(guilty.seen, sources=part)).change_explains is True, "what is known can still explain it"


def test_metrics_without_counts_do_not_tell_of_how_many_requests_they_are() -> None:
    values = {("a", m): steady(160) + steady(20, 1.2) for m in ("latency_p95", "error_rate", "queue_depth")}
    found = judged(observations(values))
    samples = {s.signal: s.samples for s in found.symptoms}
    assert samples["latency_p95"] is None and samples["error_rate"] is None
    assert any(s.evidence for s in found.suspects)
    assert not any(e.samples for s in found.suspects for e in s.evidence if "latency" in e.claim)
    assert not any(" samples" in row for row in plain_text(found).splitlines() if "latency" in row)


NAMES = st.sampled_from(["a", "b", "web", "", "a b\u00e9", "x" * 300])
TIMES = st.one_of(
    st.floats(NOW - 90_000, NOW + 90_000), st.sampled_from([0.0, -1.0, 1e18, NOW, math.nan, math.inf, -math.inf])
)
NUMBERS = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([0.0, 1.0, 1e308, -1e308, 1e-320]))
TEXTS = st.one_of(st.text(max_size=60), st.sampled_from(["timeout calling web", "[/x]", "\x1b[2J", "a" * 5000]))


@st.composite
def anything(draw: st.DrawFn) -> Observations:
    """Observations with whatever a source could let through."""
    metrics = st.sampled_from(
        [
            "latency_p95",
            "error_rate",
            "error_count",
            "request_count",
            "memory_bytes",
            "cpu",
            "restarts",
            "odd",
            "availability",
            "pool_in_use",
            "pool_size",
            "memory_limit_bytes",
        ]
    )
    series = [
        Series.of(
            SeriesKey(draw(NAMES), draw(st.sampled_from(["", "GET /"])), draw(metrics)),
            draw(st.lists(st.tuples(TIMES, NUMBERS), max_size=60)),
            "m",
        )
        for _ in range(draw(st.integers(0, 6)))
    ]
    records = tuple(
        LogRecord(
            draw(st.one_of(st.none(), TIMES)), draw(st.sampled_from(list(Level))), draw(NAMES), SafeText(draw(TEXTS))
        )
        for _ in range(draw(st.integers(0, 12)))
    )
    spans = tuple(
        Span(
            "t",
            draw(st.sampled_from("123456")),
            draw(st.sampled_from(["1", "2", "3", None])),
            draw(NAMES),
            "op",
            draw(st.sampled_from(["server", "client", "internal"])),
            draw(TIMES),
            abs(draw(NUMBERS)),
            draw(st.booleans()),
        )
        for _ in range(draw(st.integers(0, 12)))
    )
    changes = tuple(
        Change(
            f"c{k}",
            draw(st.sampled_from(CHANGE_KINDS)),
            draw(st.floats(NOW - 1e6, NOW + 1e6)),
            draw(st.one_of(st.none(), NAMES)),
        )
        for k in range(draw(st.integers(0, 6)))
    )
    services = tuple(
        Service(n, tuple(draw(st.lists(NAMES, max_size=3)))) for n in draw(st.lists(NAMES, max_size=4, unique=True))
    )
    sample = ErrorSample(Window(NOW - 7200, NOW), records, draw(st.integers(0, 100)))
    return Observations(
        NOW,
        Window(NOW - draw(st.sampled_from([0.0, 60.0, 1800.0, 1e6])), NOW),
        Window(NOW - 1e7, NOW),
        Topology(services, (Dependency("ghost", "third_party"),)),
        SeriesSet.of(series),
        changes,
        (Running("a", None, None, "x", None),),
        (ProbeResult("ghost", SafeText("x"), Health.DOWN, None, SafeText(""), NOW),),
        spans,
        sample,
        records=draw(st.sampled_from([None, sample])),
        sources=(
            SourceReport(
                "m",
                "csv",
                draw(st.sampled_from(list(SourceState))),
                role=draw(st.sampled_from(["metrics", "logs", "changes", ""])),
            ),
        ),
    )


@given(anything())
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_anything_ends_in_an_answer(seen: Observations) -> None:
    judged(seen)


def test_unsorted_and_doubled_times_cannot_be_built() -> None:
    series = Series.of(SeriesKey("a", "", "cpu"), [(3.0, 1.0), (1.0, 2.0), (3.0, 4.0)])
    assert series.times == array("d", [1.0, 3.0]) and series.values == array("d", [2.0, 4.0])


def test_a_handful_of_requests_does_not_earn_the_word_healthy() -> None:
    few = Known(
        at=3600.0,
        window=Window(1800.0, 3600.0),
        moves=(),
        leaks=(),
        sources=(),
        judged_series=8,
        requests=3,
        services=1,
    )
    assert state_of(few) is State.INCONCLUSIVE
    assert "50 requests are needed in the window, 3 are there" in missing(few)[0]
    assert state_of(replace(few, requests=50)) is State.HEALTHY
    assert state_of(replace(few, requests=None)) is State.HEALTHY
