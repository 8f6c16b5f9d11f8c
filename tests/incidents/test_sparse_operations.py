"""Many operations with few requests each begin to fail at one moment: that moment is the onset, not a failure before it."""

from __future__ import annotations

import random
from array import array

import pytest

from console.analysis.diagnose import diagnose
from console.domain.diagnosis import State
from console.domain.instant import Window
from console.domain.observations import Observations
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.topology import Service, Topology

START, STEP_S, BEFORE, DURING = 1_790_000_000.0, 8.0, 480, 75
FAULT = START + BEFORE * STEP_S
SERVICES, OPERATIONS = 12, 24


def shop(seed: int) -> Observations:
    """Each operation has three requests per step, of which 0.6 % fail, and 8 % from the fault on."""
    rng = random.Random(seed)
    times = array("d", (START + STEP_S * n for n in range(BEFORE + DURING)))
    found: list[Series] = []
    services = [f"s{n}" for n in range(SERVICES)]
    for service in services:
        for number in range(OPERATIONS):
            requests = [float(rng.choice((2, 3, 4))) for _ in times]
            errors = [
                float(sum(rng.random() < (0.08 if at >= FAULT else 0.006) for _ in range(int(count))))
                for at, count in zip(times, requests, strict=True)
            ]
            for metric, values in (("request_count", requests), ("error_count", errors)):
                key = SeriesKey(service, f"GET /{number}", metric)
                found.append(Series(key, times, array("d", values), "app"))
    end = times[-1] + STEP_S
    topology = Topology(tuple(Service(name) for name in services))
    return Observations(end, Window(FAULT - 300.0, end), Window(START, end), topology, SeriesSet.of(found))


@pytest.mark.parametrize("seed", range(3))
def test_the_onset_is_that_of_the_services(seed: int) -> None:
    found = diagnose(shop(seed))
    assert found.state is State.INCIDENT
    assert found.onset == pytest.approx(FAULT, abs=30.0)
