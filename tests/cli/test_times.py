"""TIMEs of the command line: what is understood, and what is said of the rest."""

from __future__ import annotations

import pytest

from console.domain.instant import LATEST, BadTime, clock_text, parse_span, parse_time
from tests.cli.conftest import Run

NOW = 1_782_000_000.0


@pytest.mark.parametrize(("text", "at"), [("0", 0.0), ("86400", 86400.0), ("1.5", 1.5), ("1782000000000", NOW)])
def test_digits_alone_are_epoch_seconds(text: str, at: float) -> None:
    assert parse_time(text, NOW) == at


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "'' is no time"),
        ("abc", "'abc' is no time"),
        ("-5", "'-5' is no span of time: write -30s, -10m, -2h or -3d"),
        ("-abc", "'-abc' is no span of time"),
        ("-", "'-' is no span of time"),
        ("-99999999d", "'-99999999d' is longer than a hundred years"),
        (f"-{'9' * 400}s", "is longer than a hundred years"),
        ("-90w-", "is no span of time"),
        ("-5000w", "'-5000w' lies before the year 1970"),
        ("0001-01-01T00:00:00Z", "lies before the year 1970"),
        ("0001-01-01", "0001-01-01"),
        ("9999-12-31T23:59:59Z", "lies too far in the future"),
        ("１４:０３", "is no time"),
        ("-３０m", "is no span of time"),
        ("１７８２００００００", "is no time"),
    ],
)
def test_what_is_no_time(text: str, says: str) -> None:
    with pytest.raises(BadTime) as told:
        parse_time(text, NOW)
    assert says in str(told.value)


def test_full_width_digits_are_no_span() -> None:
    with pytest.raises(BadTime):
        parse_span("３０m")
    assert parse_span("1h30m") == 5400.0


def test_the_latest_number_is_still_seconds() -> None:
    assert parse_time(f"{LATEST - 1:.0f}", NOW) == LATEST - 1


@pytest.mark.parametrize("option", ["--at", "--since", "--until"])
@pytest.mark.parametrize("value", ["abc", "", "-5", "-99999999d", "0001-01-01"])
@pytest.mark.parametrize("command", ["diagnose", "changes", "health"])
def test_what_is_no_time_names_its_option(incident: Run, command: str, option: str, value: str) -> None:
    ran = incident(command, f"{option}={value}")
    assert ran.code == 2 and ran.err.startswith(f"{option}: {value!r} ") and ran.out == ""


def test_the_epoch_itself_is_a_time(incident: Run) -> None:
    ran = incident("logs", "--at", "0")
    assert ran.code == 2 and "there is no [[logs]] table" in ran.err


def test_a_moment_says_its_date_where_it_is_of_another_day_and_its_year_where_of_another_year() -> None:
    now = 1_795_818_492.0
    assert clock_text(now - 60, now=now) == "22:27:12"
    assert clock_text(now - 86400, now=now) == "11-26 22:28:12"
    assert clock_text(1_577_836_800.0, now=now) == "2020-01-01 00:00:00"
