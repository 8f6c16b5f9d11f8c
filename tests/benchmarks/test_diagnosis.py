"""Large systems with one service at fault, and the shares over many answers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import large_system
from benchmarks.diagnosis import END, totals, verdict, write_system
from benchmarks.large_system import FAULT_MIN, POINTS
from benchmarks.make_logs import SERVICES
from console.analysis.diagnose import diagnose
from console.config.load import load
from console.domain.diagnosis import State
from tests.incidents.score import Score


def test_the_culprit_fails_at_the_end_and_its_callers_a_little() -> None:
    system = large_system.make(SERVICES, END)
    rates = {name: system.values[name, "error_count"] / system.values[name, "request_count"] for name in system.calls}
    assert np.mean(rates[system.culprit][-FAULT_MIN:]) == pytest.approx(0.25, abs=0.03)
    assert np.mean(rates[system.culprit][:-FAULT_MIN]) < 0.02
    callers = [name for name, callees in system.calls.items() if system.culprit in callees]
    assert callers
    for name in callers:
        assert 0.02 < np.mean(rates[name][-FAULT_MIN:]) < 0.25
    assert len(system.times) == POINTS and system.times[-1] == END


def test_the_diagnosis_finds_it() -> None:
    system = large_system.make(SERVICES, END)
    found = diagnose(large_system.observations(system))
    assert found.state is State.INCIDENT
    assert found.suspects[0].service == system.culprit


def test_the_written_system_is_a_valid_configuration(tmp_path: Path) -> None:
    system = large_system.make(SERVICES, END)
    loaded = load(write_system(tmp_path, system, 50_000))
    assert {one.name: one.depends_on for one in loaded.config.service} == system.calls
    rows = (tmp_path / "metrics.csv").read_text().splitlines()
    assert len(rows) == 1 + len(SERVICES) * 3 * POINTS


@pytest.mark.parametrize(
    ("output", "wrong"),
    [
        (b"", "no diagnosis came"),
        (b"[]", "no diagnosis came"),
        (b'{"state": "healthy", "suspects": []}', "healthy is told of an incident"),
        (b'{"state": "incident", "suspects": []}', "[] is named first"),
        (b'{"state": "incident", "suspects": [{"service": "edge"}]}', "['edge'] is named first"),
    ],
)
def test_wrong_answers_are_noticed(output: bytes, wrong: str) -> None:
    assert verdict(output, large_system.make(SERVICES, END)).startswith(wrong)


def test_a_right_answer_is_not_wrong() -> None:
    system = large_system.make(SERVICES, END)
    answer = {"state": "incident", "suspects": [{"service": system.culprit}]}
    assert verdict(json.dumps(answer).encode(), system) == ""


def test_totals_tell_incidents_from_healthy_stretches() -> None:
    found = Score(True, True, True, False, True, None)
    fooled = Score(True, False, True, True, False, None)
    overlooked = Score(False, False, False, False, None, None)
    calm, alarmed = Score(True, None, None, None, None, None), Score(False, None, None, None, None, None)
    rows = {row.what.split(": ")[1]: row for row in totals([found, found, fooled, overlooked, calm, calm, alarmed])}
    assert rows["cause named first"].ours == 0.5
    assert rows["a decoy is leading"].ours == 0.25
    assert rows["onset within 120 s"].ours == pytest.approx(2 / 3)
    assert rows["missed"].ours == 0.25
    assert rows["false alarms"].ours == pytest.approx(1 / 3)
    assert [row.met for row in rows.values()] == [False] * 5
