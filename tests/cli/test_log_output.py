"""Values of records in text and in JSON, and how many records a pipe gets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from console.cli.logs import IN_A_PIPE
from tests.cli.conftest import Run


@pytest.mark.parametrize(
    ("stamp", "text", "document"),
    [
        ("09:18:00.1236", "2026-06-20 09:18:00.124", "2026-06-20T09:18:00.124Z"),
        ("09:18:59.9996", "2026-06-20 09:19:00.000", "2026-06-20T09:19:00Z"),
        ("09:18:00.001", "2026-06-20 09:18:00.001", "2026-06-20T09:18:00.001Z"),
    ],
)
def test_text_and_json_round_alike(incident: Run, tmp_path: Path, stamp: str, text: str, document: str) -> None:
    (tmp_path / "a.jsonl").write_text(
        f'{{"ts": "2026-06-20T{stamp}Z", "msg": "m", "latency_ms": 26.000000000000002}}\n'
    )
    assert incident("logs", "", "a.jsonl").out.startswith(text)
    record = json.loads(incident("logs", "", "a.jsonl", "--json").out)
    assert (record["time"], record["latency_s"]) == (document, 0.026)


@pytest.mark.slow
def test_a_pipe_gets_all_where_the_limit_says_so(incident: Run, tmp_path: Path) -> None:
    line = '{"ts": "2026-06-20T09:18:00Z", "msg": "m"}\n'
    number = IN_A_PIPE + 10
    (tmp_path / "a.jsonl").write_text(line * number)
    ran = incident("logs", "", "a.jsonl", "--json")
    assert (ran.code, ran.out.count("\n")) == (0, IN_A_PIPE)
    assert ran.err == f"the newest {IN_A_PIPE} of {number} matching records; --limit {number} shows all\n"
    ran = incident("logs", "", "a.jsonl", "--json", "--limit", str(number))
    assert (ran.code, ran.out.count("\n"), ran.err) == (0, number, "")


@pytest.mark.parametrize("step", ["", "abc", "-5s"])
def test_a_step_that_is_none_names_its_option(incident: Run, tmp_path: Path, step: str) -> None:
    (tmp_path / "a.jsonl").write_text('{"ts": "2026-06-20T09:18:00Z", "msg": "m"}\n')
    ran = incident("logs", "", "a.jsonl", f"--histogram={step}")
    assert ran.code == 2 and ran.err.startswith(f"--histogram: {step!r} is no span")
