"""Leaks are found, warm-ups, sawteeth and noise are not."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from console.analysis.evidence import leak_draft, runs_short
from console.analysis.leak import Leak, find_leaks, segments
from console.analysis.place import Place
from console.analysis.restarts import Restart
from console.analysis.symptoms import leak_symptoms
from console.analysis.tracks import build_tracks
from console.analysis.ways import Ways
from console.domain.diagnosis import Standing
from console.domain.instant import Window
from console.domain.series import Series, SeriesKey, SeriesSet

AT = 1_790_000_000.0


def leaks(
    values: list[float], step: float = 60.0, limit: float | None = None, restarts: Iterable[Restart] = ()
) -> list[Leak]:
    points = [(AT - step * (len(values) - 1 - k), v) for k, v in enumerate(values)]
    found = [Series.of(SeriesKey("a", "", "memory_bytes"), points, "m")]
    if limit is not None:
        found.append(Series.of(SeriesKey("a", "", "memory_limit_bytes"), [(AT, limit)], "m"))
    return find_leaks(build_tracks(SeriesSet.of(found), AT), AT, restarts)


def test_steady_growth_is_a_leak_with_a_range_of_exhaustion() -> None:
    rng = random.Random(1)
    (found,) = leaks([3e8 + 1e6 * k + rng.gauss(0, 4e6) for k in range(300)], limit=1e9)
    assert found.per_hour == pytest.approx(60e6, rel=0.15)
    true_end = AT + (1e9 - 6e8) / 1e6 * 60
    assert found.earliest is not None and found.latest is not None
    assert AT < found.earliest <= true_end * 1.0001
    assert found.latest >= found.earliest


def test_growth_after_each_restart_is_a_leak_of_the_last_segment() -> None:
    rng = random.Random(2)
    (found,) = leaks([3e8 + 2.5e6 * (k % 240) + rng.gauss(0, 3e6) for k in range(3 * 240 - 10)])
    assert found.restarts == 2
    assert found.since > AT - 245 * 60


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("calm", [0, 40, 90])
def test_the_origin_is_found_over_restarts_and_from_the_rate_where_it_lies_before_the_data(
    calm: int, seed: int
) -> None:
    """Minutes at the level of a fresh process, then growth, cut back by restarts; of no calm minutes, 15 of growth are unseen."""
    rng = random.Random(seed)
    hidden = 15 if not calm else 0
    grown = [8e7 + 3e6 * ((hidden + k) % 80) for k in range(230)]
    ended = [Restart("a", AT - k * 60.0, None, None, "m") for k, v in enumerate(reversed(grown)) if v == 8e7]
    (found,) = leaks([v + rng.gauss(0, 5e5) for v in [8e7] * calm + grown], restarts=ended)
    assert found.origin is not None
    began = AT - (len(grown) + hidden - 1) * 60.0
    assert found.origin.earliest <= began <= found.origin.latest
    assert found.origin.latest - found.origin.earliest <= 4 * 300.0


def test_growth_since_before_all_that_is_known_has_no_origin() -> None:
    rng = random.Random(3)
    (found,) = leaks([3e8 + 1e6 * k + rng.gauss(0, 2e6) for k in range(300)])
    assert found.origin is None


@pytest.mark.parametrize("seed", range(12))
def test_noise_is_no_leak(seed: int) -> None:
    rng = random.Random(seed)
    assert not leaks([5e8 + rng.gauss(0, 2e7) for _ in range(400)])


@pytest.mark.parametrize("seed", range(12))
def test_a_collector_that_saws_is_no_leak(seed: int) -> None:
    rng = random.Random(seed)
    period = rng.randint(10, 60)
    assert not leaks([4e8 + 3e8 * (k % period) / period + rng.gauss(0, 5e6) for k in range(500)])


@pytest.mark.parametrize("tau", [10, 20, 40])
def test_a_warm_up_that_levels_off_is_no_leak(tau: int) -> None:
    rng = random.Random(tau)
    assert not leaks([8e8 * (1 - 0.7 * 2.718 ** (-k / tau)) + rng.gauss(0, 2e6) for k in range(240)])


def test_one_step_is_no_leak() -> None:
    rng = random.Random(6)
    assert not leaks([(3e8 if k < 150 else 6e8) + rng.gauss(0, 2e6) for k in range(300)])


def test_a_day_curve_is_no_leak() -> None:
    import math

    rng = random.Random(8)
    assert not leaks([5e8 + 1e8 * math.sin(k / 288 * 6.283) + rng.gauss(0, 4e6) for k in range(3 * 288)], step=300)


def test_short_or_stale_series_say_nothing() -> None:
    assert not leaks([1e8 + 1e7 * k for k in range(8)])
    points = [(AT - 7200 - 60 * k, 9e8 - 1e6 * k) for k in range(300)]
    series = SeriesSet.of([Series.of(SeriesKey("a", "", "memory_bytes"), points, "m")])
    assert not find_leaks(build_tracks(series, AT), AT)


def test_restarts_split() -> None:
    import numpy as np

    values = np.array([1.0, 2.0, 3.0, 0.5, 1.0, 2.0, 0.4, 0.5])
    assert [(s.start, s.stop) for s in segments(values)] == [(0, 3), (3, 6), (6, 8)]


def test_what_grows_is_a_symptom_from_where_it_began_to_what_it_is() -> None:
    rng = random.Random(1)
    (found,) = leaks([3e8 + 1e6 * k + rng.gauss(0, 4e6) for k in range(300)])
    (symptom,) = leak_symptoms([found])
    assert (symptom.service, symptom.signal, symptom.unit, symptom.end) == ("a", "memory", "bytes", None)
    assert symptom.baseline == pytest.approx(3e8, rel=0.05) and symptom.observed == pytest.approx(6e8, rel=0.05)
    assert symptom.onset == found.since and symptom.samples == found.bins


def test_memory_that_runs_short_where_the_trouble_begins_is_its_cause() -> None:
    """A process that is short of memory is slow before it dies; one that has plenty left, or is not where it begins, is not."""
    rng = random.Random(1)
    grown = [3e8 + 1e6 * k + rng.gauss(0, 4e6) for k in range(300)]
    (short,), (roomy,) = leaks(grown, limit=6.5e8), leaks(grown, limit=2e9)
    here, elsewhere = ([Place(name, 1.0, True, AT - 900.0, rank_value=1.0)] for name in ("a", "b"))
    told = {
        name: leak_draft(leak, True, Ways(Window(AT - 900, AT)), short=runs_short(leak, places)).standing
        for name, leak, places in (("short", short, here), ("roomy", roomy, here), ("elsewhere", short, elsewhere))
    }
    assert told == {"short": Standing.LEADING, "roomy": Standing.POSSIBLE, "elsewhere": Standing.POSSIBLE}
