"""What the benchmarks are told on the command line."""

from __future__ import annotations

import argparse

import pytest

from benchmarks.options import GROUPS, Options, parse, size


@pytest.mark.parametrize(
    ("text", "number"), [("1GB", 10**9), ("200 MB", 2 * 10**8), ("1.5kB", 1500), ("1GiB", 2**30), ("7", 7)]
)
def test_sizes(text: str, number: int) -> None:
    assert size(text) == number


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "1 elephant", "0", "nan"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no size"):
        size(text)


def test_without_arguments_every_group_is_measured_in_full() -> None:
    assert parse([]) == Options()
    assert parse([]).groups == tuple(GROUPS)


def test_arguments_change_what_they_name_only() -> None:
    found = parse(["logs", "screen", "logs", "--size", "2GB", "--keys", "30", "--no-tenfold"])
    assert found == Options(groups=("logs", "screen"), size=2 * 10**9, keys=30, tenfold=False)


def test_a_short_run_can_be_made_longer_again() -> None:
    short, longer = parse(["--short"]), parse(["--short", "--keys", "50"])
    assert short.size < Options().size and short.keys < 50
    assert (longer.keys, longer.size) == (50, short.size)


@pytest.mark.parametrize("arguments", [["speed"], ["--keys", "0"], ["--size", "much"], ["--runs", "-1"]])
def test_mistakes_end_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err
