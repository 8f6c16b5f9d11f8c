"""Many operations with few requests each begin to fail at one moment: that moment is the onset, not a failure before it."""

from __future__ import annotations

import random
from array import array
from dataclasses import replace

import pytest

from console.analysis.diagnose import diagnose
from console.analysis.patterns import counted
from console.domain.diagnosis import Standing, State
from console.domain.instant import Window
from console.domain.logs import Level, LogRecord
from console.domain.observations import Observations
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.text import SafeText
from console.domain.topology import Service, Topology

START, STEP_S, BEFORE, DURING = 1_790_000_000.0, 8.0, 480, 75
FAULT = START + BEFORE * STEP_S
SERVICES, OPERATIONS = 12, 24


def shop(seed: int, failing: int = SERVICES) -> Observations:
    """Each operation has three requests per step, of which 0.6 % fail, and 8 % from the fault on in the first services."""
    rng = random.Random(seed)
    times = array("d", (START + STEP_S * n for n in range(BEFORE + DURING)))
    found: list[Series] = []
    services = [f"s{n}" for n in range(SERVICES)]
    for place, service in enumerate(services):
        later = 0.08 if place < failing else 0.006
        for number in range(OPERATIONS):
            requests = [float(rng.choice((2, 3, 4))) for _ in times]
            errors = [
                float(sum(rng.random() < (later if at >= FAULT else 0.006) for _ in range(int(count))))
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


@pytest.mark.parametrize("seed", range(3))
def test_none_of_many_that_fail_together_leads_where_no_call_connects_them(seed: int) -> None:
    found = diagnose(shop(seed))
    assert found.suspects and all(one.standing is Standing.POSSIBLE for one in found.suspects)
    first = found.suspects[0]
    assert "one of 12 that went off together" in first.summary
    assert any("what they share is not known" in e.claim and not e.supports for e in first.evidence)


@pytest.mark.parametrize("failing", [1, 2])
def test_one_that_fails_among_others_that_are_well_leads(failing: int) -> None:
    """Two may be two faults."""
    found = diagnose(shop(0, failing))
    named = [one.subject for one in found.suspects]
    assert sorted(named) == [f"s{n}" for n in range(failing)]
    assert found.suspects[0].standing is Standing.LEADING


def test_what_all_their_logs_begin_to_say_is_told_as_a_lead() -> None:
    seen = shop(0)
    window = Window(START, seen.at)
    records = [
        LogRecord(START + 4.0 * n, Level.INFO, f"s{n % SERVICES}", SafeText(f"sold {n}")) for n in range(BEFORE * 2)
    ]
    records += [
        LogRecord(FAULT + n, Level.ERROR, f"s{n % SERVICES}", SafeText(f"pool of orders-db exhausted, {n} waiting"))
        for n in range(480)
    ]
    found = diagnose(replace(seen, shapes=(counted(records, window, STEP_S, sampled=False),)))
    assert "new in the log of 12 services, 480 times: pool of orders-db exhausted, <*> waiting" in found.summary
