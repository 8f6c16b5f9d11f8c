"""Trouble that comes with each run of a job on record: whose it is is known; a run that harms nobody, or another job, is as ever."""

from __future__ import annotations

from random import Random

import pytest

from console.analysis.diagnose import diagnose
from console.domain.changes import Change
from console.domain.diagnosis import Diagnosis, Standing, State
from console.domain.instant import Window
from console.domain.observations import Observations
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.text import SafeText
from console.domain.topology import Dependency, Service, Topology

NOW = 1_790_000_000.0
HOURS = 8
EVERY_S, TAKES_S = 3600.0, 360.0
BEGAN = NOW - 240.0
"""When the newest run began."""
RATE = 600
"""Requests a minute."""


def seen(failing: float, slower: float, jobs: tuple[tuple[str, float], ...], seed: int) -> Observations:
    """A shop over a database that a job of another service loads for some minutes of every hour."""
    rng = Random(seed)
    ends = [NOW - 60.0 * k for k in range(HOURS * 60, -1, -1)]
    busy = [min(60.0, max(0.0, TAKES_S - (end - 60.0 - BEGAN) % EVERY_S)) / 60.0 for end in ends]
    shares = [0.002 + failing * b for b in busy]
    bad = [sum(rng.random() < share for _ in range(RATE)) for share in shares]
    waits = [0.1 * rng.uniform(0.96, 1.04) * (1 + (slower - 1) * b) for b in busy]
    columns = {"request_count": [float(RATE)] * len(ends), "error_count": map(float, bad), "latency_p95": waits}
    runs = tuple(
        Change(
            f"{name}/{k}",
            "cron",
            BEGAN + late - k * EVERY_S,
            "reports",
            summary=SafeText(f"{name} started"),
            source="changes",
        )
        for name, late in jobs
        for k in range(HOURS)
        if BEGAN + late - k * EVERY_S <= NOW
    )
    return Observations(
        at=NOW,
        window=Window(NOW - 1800, NOW),
        history=Window(NOW - 2 * 86400, NOW),
        topology=Topology((Service("shop", ("db",)), Service("reports", ("db",))), (Dependency("db", "database"),)),
        series=SeriesSet.of(
            [
                Series.of(SeriesKey("shop", "", metric), list(zip(ends, values, strict=True)), "metrics")
                for metric, values in columns.items()
            ]
        ),
        changes=tuple(sorted(runs, key=lambda run: run.at)),
    )


def leading(found: Diagnosis) -> list[str]:
    return [s.subject for s in found.suspects if s.standing is Standing.LEADING]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("failing", "slower"), [(0.2, 1.0), (0.0, 4.0)], ids=["fails", "slows"])
def test_trouble_with_every_run_is_the_jobs(failing: float, slower: float, seed: int) -> None:
    found = diagnose(seen(failing, slower, (("rebuild", 0.0), ("sitemap", -1500.0)), seed))
    assert found.state is State.INCIDENT
    assert leading(found)[:1] == ["rebuild/0"]
    assert found.change_explains


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("failing", "slower", "jobs"),
    [
        (0.2, 1.0, ()),
        (0.2, 1.0, (("sitemap", -1500.0),)),
        (0.0, 1.15, (("rebuild", 0.0),)),
        (0.0, 1.0, (("rebuild", 0.0),)),
    ],
    ids=["nobody-knows", "another-job", "hardly-slower", "harmless"],
)
def test_what_is_as_ever_is_no_incident(
    failing: float, slower: float, jobs: tuple[tuple[str, float], ...], seed: int
) -> None:
    found = diagnose(seen(failing, slower, jobs, seed))
    assert (found.state, leading(found)) == (State.HEALTHY, [])
