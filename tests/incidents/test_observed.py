"""What only metrics and logs show of changes is judged beside the rest, and what the trouble itself brought about is no cause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from console.analysis.diagnose import diagnose
from console.domain.changes import Change
from console.domain.diagnosis import Diagnosis, JudgedChange, Standing, State
from console.domain.logs import Level, LogRecord
from console.domain.observations import ErrorSample, Observations
from console.domain.reading import SourceReport, SourceState
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.text import SafeText
from console.report.diagnosis_json import diagnosis_json
from console.report.diagnosis_text import plain_text
from tests.incidents.shop import BEFORE_S, START, Fault, Shop

ONSET = START + BEFORE_S
STEPS_S = (5.0, 15.0)
FAILS = Shop(7, faults=(Fault("bank", 0.0, failing=0.3),), length_s=320.0)
CALM = Shop(7, length_s=320.0)


def with_gauge(
    seen: Observations, metric: str, value: Callable[[float], float | None], operation: str = ""
) -> Observations:
    """The same with a metric of the bank, by seconds since the onset."""
    stamps = [START + 15.0 * k for k in range(int((seen.at - START) // 15) + 1)]
    points = [(at, v) for at in stamps if (v := value(at - ONSET)) is not None]
    one = Series.of(SeriesKey("bank", operation, metric), points, "metrics", "q")
    return replace(seen, series=SeriesSet.of([*seen.series, one]))


def with_builds(seen: Observations, since: float) -> Observations:
    """The bank runs v41, and v42 from so many seconds after the onset on."""
    seen = with_gauge(seen, "build_info", lambda t: 2.0 if t < since else None, "v41")
    return with_gauge(seen, "build_info", lambda t: 2.0 if t >= since else None, "v42")


def with_lines(seen: Observations, version: Callable[[float], str], error: str = "") -> Observations:
    """A record of the bank every five seconds that names its version; errors since the onset, where some are wanted."""
    stamps = [START + 5.0 * k for k in range(int((seen.at - START) // 5) + 1)]
    records = [
        LogRecord(
            at,
            Level.ERROR if error and at >= ONSET else Level.INFO,
            "bank",
            SafeText(error if error and at >= ONSET else "transfer done"),
            fields=(("version", SafeText(version(at - ONSET))),),
            source="logs",
        )
        for at in stamps
    ]
    bad = tuple(r for r in records if r.level >= Level.WARN)
    return replace(
        seen,
        records=ErrorSample(seen.history, tuple(records), len(records)),
        errors=ErrorSample(seen.history, bad, len(bad)),
        sources=(*seen.sources, SourceReport("logs", "files", SourceState.OK, role="logs")),
    )


def observed(found: Diagnosis) -> list[JudgedChange]:
    return [c for c in found.changes if c.observed]


@pytest.mark.parametrize("step_s", STEPS_S)
def test_a_release_that_nobody_tagged_is_found_by_the_build_that_runs(step_s: float) -> None:
    seen = with_builds(FAILS.seen(300.0, step_s), -30.0)
    decoy = Change("deploy/front/9", "deploy", ONSET - 240.0, "front", "v9", source="changes")
    found = diagnose(replace(seen, changes=(decoy,)))
    (change,) = observed(found)
    assert (change.kind, change.version, change.service) == ("deploy", "v42", "bank")
    assert change.standing in (Standing.POSSIBLE, Standing.LEADING)
    assert (change.observed, change.source) == ("build_info in metrics", "metrics")
    (suspect,) = (s for s in found.suspects if s.kind == "deploy")
    assert (suspect.subject, change.id) == ("seen/bank/v42", "seen/bank/v42")
    told = {e.query.split(" --")[0] for e in suspect.evidence if e.query}
    assert told <= {"incident changes", "q"}, "no repository knows it"
    document = diagnosis_json(found)
    assert [c["observed"] for c in document["changes"] if c["id"] == change.id] == ["build_info in metrics"]
    assert "observed by build_info in metrics" in plain_text(found)


@pytest.mark.parametrize("step_s", STEPS_S)
def test_a_version_in_the_log_leads_to_the_release_whose_errors_are_new(step_s: float) -> None:
    seen = with_lines(FAILS.seen(300.0, step_s), lambda t: "v41" if t < -20 else "v42", "rate table is empty")
    found = diagnose(seen)
    (change,) = observed(found)
    assert (change.version, change.observed) == ("v42", "field version in logs")
    assert found.suspects[0].subject in (change.id, "bank")
    assert change.id in [s.subject for s in found.suspects]


@pytest.mark.parametrize("step_s", STEPS_S)
def test_a_release_that_ran_only_after_the_onset_is_not_the_cause_whatever_its_tag_says(step_s: float) -> None:
    tag = Change("deploy/bank/42", "deploy", ONSET - 40.0, "bank", "v42", source="changes")
    late = with_lines(FAILS.seen(300.0, step_s), lambda t: "v41" if t < 180 else "v42")
    found = diagnose(replace(late, changes=(tag,)))
    (change,) = (c for c in found.changes if c.id == tag.id)
    assert change.standing is Standing.IMPOSSIBLE, change.reason
    assert change.at == pytest.approx(ONSET + 175.0, abs=10.0)
    early = with_lines(FAILS.seen(300.0, step_s), lambda t: "v41" if t < -35 else "v42")
    (change,) = (c for c in diagnose(replace(early, changes=(tag,))).changes if c.id == tag.id)
    assert change.standing in (Standing.POSSIBLE, Standing.LEADING)
    assert "v42 was first seen running at" in change.reason


@pytest.mark.parametrize("step_s", STEPS_S)
def test_a_build_that_disagrees_with_the_tag_is_said(step_s: float) -> None:
    tags = (
        Change("deploy/bank/41", "deploy", ONSET - 2000.0, "bank", "v41", source="changes"),
        Change("deploy/bank/42", "deploy", ONSET - 30.0, "bank", "v42", source="changes"),
    )
    found = diagnose(replace(with_lines(FAILS.seen(300.0, step_s), lambda t: "v41"), changes=tags))
    assert [(r.version, r.agrees, r.source) for r in found.running if r.service == "bank"] == [
        ("v41", False, "field version in logs")
    ]
    (change,) = (c for c in found.changes if c.id == "deploy/bank/42")
    assert change.reason.startswith("not-running: bank runs v41, not v42")
    assert "bank runs v41, by field version in logs: its newest deploy says another." in plain_text(found)


@pytest.mark.parametrize("step_s", STEPS_S)
@pytest.mark.parametrize("starts", [[20.0], [-10.0, 60.0, 120.0, 180.0], [-400.0, -200.0, -60.0, 60.0, 150.0]])
def test_a_process_that_dies_of_the_trouble_is_no_cause(step_s: float, starts: list[float]) -> None:
    seen = with_gauge(FAILS.seen(300.0, step_s), "restarts", lambda t: float(sum(t >= one for one in starts)))
    tag = Change("deploy/bank/42", "deploy", ONSET - 1500.0, "bank", "v42", source="changes")
    found = diagnose(replace(seen, changes=(tag,)))
    (change,) = observed(found)
    assert (change.kind, change.standing) == ("other", Standing.IMPOSSIBLE), change.reason
    assert change.reason.startswith("symptom: bank beg")
    assert change.id not in [s.subject for s in found.suspects]
    assert found.change_explains is False


@pytest.mark.parametrize("step_s", STEPS_S)
def test_a_restart_before_the_onset_is_judged_and_one_long_before_is_late(step_s: float) -> None:
    near = with_gauge(
        FAILS.seen(300.0, step_s), "process_start_time_seconds", lambda t: ONSET + (-120.0 if t >= -115 else -9e4)
    )
    (change,) = observed(diagnose(near))
    assert change.standing is Standing.POSSIBLE, change.reason
    far = with_gauge(
        FAILS.seen(300.0, step_s), "process_start_time_seconds", lambda t: ONSET + (-1200.0 if t >= -1195 else -9e4)
    )
    (change,) = observed(diagnose(far))
    assert change.reason.startswith("late: ")


@pytest.mark.parametrize("step_s", STEPS_S)
def test_a_restart_of_a_healthy_system_is_told_and_nothing_else(step_s: float) -> None:
    seen = with_builds(CALM.seen(300.0, step_s), -60.0)
    found = diagnose(with_gauge(seen, "restarts", lambda t: float(t >= -600)))
    assert found.state is State.HEALTHY
    assert not found.suspects
    assert sorted((c.kind, c.version) for c in observed(found)) == [("deploy", "v42"), ("other", None)]
