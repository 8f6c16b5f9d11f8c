"""Numbers as they stand on the screen."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.instant import AGE_STEPS_S, age_step
from widgets.numbers import UNKNOWN, age_text, bare_text, number_text, percent, short_count

UNITS = ("ratio", "s", "1/s", "bytes", "count", "")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.084, "ratio", "8.4 %"),
        (0.0021, "ratio", "0.21 %"),
        (0.00001, "ratio", "<0.01 %"),
        (0.0, "ratio", "0 %"),
        (1.0, "ratio", "100 %"),
        (0.031, "s", "31ms"),
        (0.9, "s", "0.90s"),
        (2.44, "s", "2.4s"),
        (190.0, "s", "3m10s"),
        (7500.0, "s", "2h05m"),
        (48.2, "1/s", "48/s"),
        (0.3, "1/s", "0.3/s"),
        (64e6, "bytes", "61MiB"),
        (1.5 * 2**30, "bytes", "1.5GiB"),
        (4787.0, "count", "4,787"),
        (None, "s", UNKNOWN),
        (math.nan, "ratio", UNKNOWN),
        (math.inf, "s", UNKNOWN),
    ],
)
def test_values_by_unit(value: float | None, unit: str, text: str) -> None:
    assert number_text(value, unit) == text


def test_a_column_leaves_the_unit_to_its_heading() -> None:
    assert bare_text(0.084, "ratio") == "8.4"
    assert bare_text(48.0, "1/s") == "48"
    assert bare_text(0.031, "s") == "31ms"


@given(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from(UNITS))
def test_every_float_has_a_short_text(value: float, unit: str) -> None:
    assert 0 < len(number_text(value, unit)) <= 14


@given(st.floats(1e-12, 1e6))
def test_what_is_above_zero_never_reads_as_zero(ratio: float) -> None:
    assert percent(ratio) not in ("0", "0.0", "0.00")


@given(st.floats(0, 1e5), st.sampled_from(("ratio", "s", "1/s")))
def test_a_table_cell_holds_usual_values(value: float, unit: str) -> None:
    if unit == "ratio":
        value = min(value, 9.99)
    assert len(bare_text(value, unit)) <= 6


@given(st.floats(0, 1e6))
def test_an_age_is_never_older_than_it_says(age: float) -> None:
    text = age_text(age)
    factor = {"s": 1, "m": 60, "h": 3600, "d": 86400}[text[-1]]
    said = int(text[:-1]) * factor
    assert said <= age


def test_ages_move_in_steps() -> None:
    assert [age_text(a) for a in (None, 0.4, 2.0, 4.9, 5.0, 44.0, 45.0, 119.0, 200.0, 7200.0, 200000.0)] == [
        "", "0s", "2s", "3s", "5s", "30s", "45s", "90s", "3m", "2h", "2d",
    ]  # fmt: skip
    assert list(AGE_STEPS_S) == sorted(AGE_STEPS_S)
    assert [age_step(a) for a in (0.0, 4.9, 119.0, 3599.0, 3600.0, 9000.0)] == [0.0, 3.0, 90.0, 2700.0, 3600.0, 7200.0]


def test_counts_stay_short() -> None:
    assert [short_count(n) for n in (0, 412, 4787, 12340, 3_200_000)] == ["0", "412", "4,787", "12k", "3.2M"]
