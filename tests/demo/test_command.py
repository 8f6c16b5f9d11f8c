"""`incident demo`, without starting anything."""

from __future__ import annotations

import pytest

from console.cli import main
from console.demo import scenarios

WANTED = {
    "bad-deploy",
    "flag-flip",
    "third-party-slow",
    "shared-database",
    "memory-leak",
    "peak-contention",
    "slow-endpoint",
    "traffic-surge",
    "healthy",
}


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["demo", *arguments])
    code = ended.value.code
    assert isinstance(code, int)
    return code


def test_the_list_explains_every_scenario_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines} == WANTED
    assert all(len(line) <= 120 and len(line.split()) > 3 for line in lines)


@pytest.mark.parametrize(
    ("typed", "meant"), [("bad-deplo", "bad-deploy"), ("memory", "memory-leak"), ("helthy", "healthy")]
)
def test_an_unknown_scenario_is_a_usage_error_with_the_nearest_name(
    typed: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(typed) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert f"did you mean '{meant}'?" in said.err


def test_a_scenario_like_no_other_is_sent_to_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("zzzzzz") == 2
    assert "--list" in capsys.readouterr().err


def test_only_healthy_breaks_nothing() -> None:
    assert [scenario.name for scenario in scenarios.SCENARIOS if not scenario.breaks] == ["healthy"]
