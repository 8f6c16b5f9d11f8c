"""Onsets are intervals: wherever inside its bucket a change falls, it is not judged to have come after what it caused."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from console.analysis.diagnose import diagnose
from console.analysis.onset import Onset
from console.domain.changes import Change
from console.domain.diagnosis import Diagnosis, JudgedChange, Standing, State
from console.domain.instant import Window, rfc3339, span_text
from console.domain.observations import Observations
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.topology import Service, Topology
from console.report.diagnosis_json import diagnosis_json
from console.report.diagnosis_text import plain_text
from tests.incidents.generate import bad_deploy_errors, healthy_day, make

NOW = 1_790_000_000.0
RATE = 10.0
"""Requests a second."""
SEEDS = range(12)


def bins(step_s: float, trouble_at: float, stamped: str, value: Callable[[float], float]) -> list[tuple[float, float]]:
    """Values of the bins of the last hours; `value` gets the share of a bin that lies after the trouble began."""
    width = max(7200.0, 60 * step_s)
    starts = [NOW // step_s * step_s - k * step_s for k in range(int(width / step_s), 0, -1)]
    late = [min(1.0, max(0.0, (start + step_s - trouble_at) / step_s)) for start in starts]
    return [
        (start + (step_s if stamped == "end" else 0.0), value(share)) for start, share in zip(starts, late, strict=True)
    ]


def seen(step_s: float, trouble_at: float, stamped: str, signal: str, rng: Random, *changes: Change) -> Observations:
    """One service that fails, or waits, from an instant on."""

    def made(metric: str, value: Callable[[float], float]) -> Series:
        return Series.of(SeriesKey("shop", "", metric), bins(step_s, trouble_at, stamped, value), "metrics")

    requests = made("request_count", lambda late: RATE * step_s)
    if signal == "failures":
        bad = made(
            "error_count", lambda late: float(sum(rng.random() < 0.002 + 0.2 * late for _ in range(int(RATE * step_s))))
        )
    else:
        bad = made("latency_avg", lambda late: 0.1 * rng.uniform(0.97, 1.03) + 0.2 * late)
    return Observations(
        at=NOW,
        window=Window(NOW - 1800, NOW),
        history=Window(NOW - 2 * 86400, NOW),
        topology=Topology((Service("shop"),)),
        series=SeriesSet.of([requests, bad]),
        changes=changes,
    )


def deploy(at: float, name: str = "guilty") -> Change:
    """A release of the service."""
    return Change(name, "deploy", at, "shop", "v2", "abcdef0", source="git")


def change(found: Diagnosis, name: str) -> JudgedChange:
    """What is said of a change."""
    return next(c for c in found.changes if c.id == name)


@pytest.mark.parametrize("signal", ["failures", "seconds"])
@pytest.mark.parametrize("stamped", ["end", "start"])
@pytest.mark.parametrize("step_s", [15.0, 60.0, 300.0])
def test_a_change_inside_the_bucket_of_the_onset_is_no_later_than_it(step_s: float, stamped: str, signal: str) -> None:
    for seed in SEEDS:
        rng = Random(f"{seed} {step_s} {stamped} {signal}")
        at = NOW // step_s * step_s - max(4, 300 // step_s) * step_s - rng.random() * step_s
        innocent = deploy(at + 2.5 * step_s + 120.0, "innocent")
        found = diagnose(seen(step_s, at, stamped, signal, rng, deploy(at), innocent))
        assert found.state is State.INCIDENT
        assert change(found, "guilty").standing in (Standing.LEADING, Standing.POSSIBLE), (seed, found.changes)
        assert change(found, "innocent").reason.startswith("after-onset")


def test_an_instant_is_before_or_after_only_outside_of_the_interval() -> None:
    onset = Onset(1000.0, 850.0, 1150.0)
    assert [onset.lag(t) for t in (700.0, 850.0, 1000.0, 1150.0, 1200.0)] == [150.0, 0.0, 0.0, 0.0, -50.0]
    assert [onset.surely_before(t) for t in (1000.0, 1180.0, 1181.0)] == [False, False, True]
    assert [onset.surely_after(t) for t in (1000.0, 820.0, 819.0)] == [False, False, True]
    sharp = Onset.exactly(1000.0)
    assert [sharp.surely_before(t) for t in (1090.0, 1091.0)] == [False, True]


def test_the_first_of_several_is_known_as_well_as_the_best_of_them() -> None:
    coarse, fine = Onset(1000.0, 700.0, 1300.0), Onset(1005.0, 998.0, 1013.0)
    assert Onset.first_of([coarse, fine]) == Onset(1000.0, 700.0, 1013.0)
    assert Onset.first_of([]) is None


def test_the_answer_says_between_which_instants_it_began_and_the_text_how_far_that_is() -> None:
    found = diagnose(make(bad_deploy_errors, 1).seen)
    assert found.onset is not None and found.onset_between is not None
    assert found.onset_between.start <= found.onset <= found.onset_between.end
    assert found.onset_error_s is not None and 0 < found.onset_error_s <= 120
    assert f"(± {span_text(found.onset_error_s)})" in plain_text(found)
    assert diagnosis_json(found)["onset_between"]["start"] == rfc3339(found.onset_between.start)
    healthy = diagnose(make(healthy_day, 1).seen)
    assert healthy.onset_between is None and "±" not in plain_text(healthy).splitlines()[2]
