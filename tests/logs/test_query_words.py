"""Queries of `incident logs` that begin with a dash, and options that do not exist."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from console.cli import incident

ROWS = (
    '{"ts":"2026-11-23T14:00:00Z","level":"error","msg":"boom","status":503}\n'
    '{"ts":"2026-11-23T14:00:01Z","level":"error","msg":"other","status":500}\n'
)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "app.log"
    path.write_text(ROWS)
    return str(path)


def count(*arguments: str) -> str:
    return CliRunner().invoke(incident, ["logs", *arguments], standalone_mode=False, catch_exceptions=False).output


@pytest.mark.parametrize(
    ("query", "expected"), [("-boom level:error", "1\n"), ("-boom", "1\n"), ("-503", "1\n"), ("-/bo+m/", "1\n")]
)
def test_a_query_may_begin_with_a_dash(file: str, query: str, expected: str) -> None:
    assert count(query, file, "--count") == expected
    assert count("--count", query, file) == expected
    assert count("--since", "2026-11-23T14:00:00Z", "--count", "--", query, file) == expected


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--cuont", "x"], "--count"),
        (["-limit", "5"], "did you mean --limit"),
        (["-f", "x"], "did you mean --follow"),
        (["-q"], "NOT q"),
        (["error", "-boom"], "into one argument"),
        (["x", "--limit"], "requires an argument"),
    ],
)
def test_what_is_meant_as_an_option_is_an_error(file: str, arguments: list[str], words: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        count(*arguments, file) if arguments[-1] != "--limit" else count(*arguments)
    assert words in caught.value.format_message()


def test_a_span_back_is_the_value_of_its_option(file: str) -> None:
    assert count("boom", file, "--since", "-30m", "--at", "2026-11-23T14:10:00Z", "--count") == "1\n"
