"""Departures from the baseline: found where they are, and nowhere else."""

from __future__ import annotations

import random

import pytest

from console.analysis.constants import Thresholds
from console.analysis.countmoves import judge_errors
from console.analysis.moves import Move, judge
from console.analysis.tracks import build_tracks
from console.domain.instant import Window
from console.domain.series import Series, SeriesKey, SeriesSet

AT = 1_790_000_000.0
WINDOW = Window(AT - 1800, AT)


def moves(points: dict[str, list[float]], step: float = 60.0) -> list[Move]:
    """Judge series of one service that end at `AT`."""
    series = [
        Series.of(
            SeriesKey("a", "", metric), [(AT - step * (len(values) - 1 - k), v) for k, v in enumerate(values)], "m"
        )
        for metric, values in points.items()
    ]
    tracks = build_tracks(SeriesSet.of(series), AT)
    found = [judge_errors(t, AT, WINDOW, Thresholds()) for t in tracks.errors]
    found += [judge(t, AT, WINDOW, Thresholds()) for t in tracks.values]
    return [m for m in found if m is not None]


def opened(points: dict[str, list[float]], step: float = 60.0) -> list[Move]:
    return [m for m in moves(points, step) if m.opened and m.ongoing]


def noisy(level: float, share: float, n: int, seed: int = 1) -> list[float]:
    rng = random.Random(seed)
    return [max(0.0, rng.gauss(level, level * share)) for _ in range(n)]


def test_a_step_in_a_latency_has_its_onset_and_size() -> None:
    (found,) = opened({"latency_p95": noisy(0.2, 0.05, 110) + noisy(0.9, 0.05, 10)})
    assert found.level == pytest.approx(0.2, rel=0.05)
    assert found.observed == pytest.approx(0.9, rel=0.1)
    assert found.onset == pytest.approx(AT - 9 * 60, abs=60)


def test_noise_alone_opens_nothing() -> None:
    for seed in range(40):
        assert not opened({"latency_p95": noisy(0.2, 0.15, 180, seed)})


def test_a_single_high_value_opens_nothing_without_counts() -> None:
    assert not opened({"latency_p99": [*noisy(0.2, 0.05, 119), 0.9]})


def test_a_latency_that_falls_harms_nobody() -> None:
    assert not opened({"latency_p95": noisy(0.5, 0.05, 100) + noisy(0.1, 0.05, 20)})


def test_an_availability_that_falls_is_an_error_rate_that_rises() -> None:
    values = [0.999] * 100 + [0.95] * 8
    (found,) = opened({"availability": values, "request_count": [500.0] * 108})
    assert found.meaning.signal == "error_rate"
    assert found.level == pytest.approx(0.001, abs=1e-4)
    assert found.observed == pytest.approx(0.05, abs=0.002)
    assert found.excess == pytest.approx(8 * 500 * 0.049, rel=0.05)


def test_few_requests_end_in_a_number_that_is_needed_and_not_in_a_symptom() -> None:
    (found,) = moves({"error_count": [0.0] * 100 + [3.0] * 6, "request_count": [4.0] * 106})
    assert not found.opened
    assert "needs 50 requests" in found.short


def test_failures_that_always_were_are_no_departure() -> None:
    rng = random.Random(4)
    failures = [float(sum(rng.random() < 0.06 for _ in range(300))) for _ in range(120)]
    assert not opened({"error_count": failures, "request_count": [300.0] * 120})


def test_a_minute_of_failures_in_quarter_minutes_is_enough() -> None:
    rng = random.Random(9)
    failures = [float(rng.random() < 0.2) for _ in range(476)] + [6.0, 8.0, 7.0, 9.0]
    (found,) = opened({"error_count": failures, "request_count": [30.0] * 480}, step=15.0)
    assert found.onset == pytest.approx(AT - 45, abs=20)


@pytest.mark.parametrize("before", [4, 8, 11])
def test_a_failure_by_chance_a_little_earlier_is_not_where_it_began(before: int) -> None:
    """Pooled over a minute it reaches up to the trouble, of few requests all the more."""
    failures = [0.0] * 480 + [2.0, 3.0, 2.0, 4.0] * 3
    failures[480 - before] = 1.0
    for requests in (10.0, 20.0, 50.0):
        (found,) = opened({"error_count": failures, "request_count": [requests] * 492}, step=5.0)
        assert found.onset == pytest.approx(AT - 11 * 5, abs=5), requests


def test_failures_of_every_second_bin_began_with_the_first_of_them() -> None:
    failures = [0.0] * 460 + [4.0, 0.0] * 12
    (found,) = opened({"error_count": failures, "request_count": [20.0] * 484}, step=5.0)
    assert found.onset == pytest.approx(AT - 23 * 5, abs=5)


@pytest.mark.parametrize("before", [3, 4, 5])
def test_a_slow_bin_by_chance_a_little_earlier_is_not_where_it_began(before: int) -> None:
    values = noisy(0.2, 0.05, 110) + noisy(0.6, 0.05, 9)
    values[110 - before] = 0.6
    (found,) = opened({"latency_p95": values})
    assert found.onset == pytest.approx(AT - 8 * 60, abs=60)


def test_a_slowness_that_pauses_began_before_the_pause() -> None:
    values = noisy(0.2, 0.05, 100) + noisy(0.6, 0.05, 6) + noisy(0.2, 0.05, 3) + noisy(0.6, 0.05, 9)
    (found,) = opened({"latency_p95": values})
    assert found.onset == pytest.approx(AT - 17 * 60, abs=60)


def test_what_ended_has_an_end() -> None:
    values = noisy(0.2, 0.05, 80) + noisy(1.0, 0.05, 10) + noisy(0.2, 0.05, 30)
    (found,) = [m for m in moves({"latency_p95": values}) if m.opened]
    assert found.end is not None
    assert found.end == pytest.approx(AT - 29 * 60, abs=90)


def test_a_gap_is_no_zero() -> None:
    values = noisy(300.0, 0.05, 100) + [float("nan")] * 20
    assert not [m for m in opened({"request_rate": values}) if m.direction < 0]


def test_traffic_that_stops_is_seen() -> None:
    found = [m for m in opened({"request_rate": noisy(300.0, 0.05, 110) + [0.0] * 8}) if m.direction < 0]
    assert found and found[0].observed == 0


def test_too_little_history_says_nothing() -> None:
    assert not moves({"latency_p95": [0.1, 0.1, 0.9, 0.9]})


@pytest.mark.parametrize("values", [[0.0] * 100, [1e9] * 100, [1e-12] * 100])
def test_constant_series_are_calm(values: list[float]) -> None:
    for metric in ("latency_p95", "error_rate", "cpu", "memory_bytes", "queue_depth", "request_rate", "anything"):
        assert not moves({metric: values})


def test_the_unit_does_not_matter() -> None:
    values = noisy(0.3, 0.1, 100) + noisy(0.9, 0.1, 10)
    one = moves({"some_gauge": values})
    million = moves({"some_gauge": [v * 1e6 for v in values]})
    assert [m.z for m in one] == pytest.approx([m.z for m in million])


@pytest.mark.parametrize("seed", range(8))
def test_noise_that_comes_and_goes_is_not_where_a_step_began(seed: int) -> None:
    """The median of fast and slow requests jumps between the two; a step far above both began where it is."""
    rng = random.Random(seed)
    mixed = [rng.choice([0.009, 0.011, 0.012, 0.029, 0.043]) * rng.uniform(0.9, 1.1) for _ in range(125)]
    (found,) = opened({"latency_p50": mixed + noisy(1.4, 0.1, 10, seed)})
    assert found.onset == pytest.approx(AT - 9 * 60, abs=60)


def test_a_slow_rise_began_where_it_left_what_is_usual() -> None:
    rise = [0.2 + 0.02 * k for k in range(1, 41)]
    (found,) = opened({"latency_p50": [*noisy(0.2, 0.03, 120), *rise]})
    assert found.onset == pytest.approx(AT - 39 * 60, abs=180)


def test_trouble_that_gets_much_worse_began_with_its_first_part() -> None:
    (found,) = opened({"latency_p50": noisy(0.01, 0.05, 120) + noisy(0.04, 0.05, 8) + noisy(2.0, 0.05, 8)})
    assert found.onset == pytest.approx(AT - 15 * 60, abs=60)


@pytest.mark.parametrize("minutes", [2, 3])
def test_a_failure_by_chance_minutes_before_few_and_bad_requests_is_not_where_it_began(minutes: int) -> None:
    """Of few requests a lone failure looks nearly like the trouble; what is hardly likelier is no beginning."""
    bad = [0.0] * 110 + [1.0] + [0.0] * (minutes - 1) + [2.0, 2.0, 1.0, 2.0, 2.0, 1.0]
    bad[20] = bad[70] = 1.0
    (found,) = opened({"request_count": [18.0] * len(bad), "error_count": bad})
    assert found.onset == pytest.approx(AT - 5 * 60, abs=60)
