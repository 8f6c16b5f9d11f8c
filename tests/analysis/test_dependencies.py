"""How dependencies do, by what is known of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.analysis.diagnose import diagnose
from console.domain.instant import Window
from console.domain.observations import Observations
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.topology import Dependency, Health, Service, Topology

NOW = 1_790_000_000.0


def seen(failing: float, points: int) -> Observations:
    """Calls to a provider: 100 a step, of which a share has failed as long as anything is known."""
    times = [NOW - 15.0 * n for n in range(points, 0, -1)]
    values = {"request_count": 100.0, "error_count": 100.0 * failing}
    series = [Series.of(SeriesKey("cardpay", "", m), [(t, v) for t in times], "own") for m, v in values.items()]
    window = Window(NOW - 1800, NOW)
    topology = Topology((Service("payments", ("cardpay",)),), (Dependency("cardpay", "third_party"),))
    return Observations(NOW, window, window, topology, SeriesSet.of(series))


@pytest.mark.parametrize(
    ("failing", "health", "detail"),
    [
        (0.0, Health.HEALTHY, ""),
        (0.004, Health.HEALTHY, ""),
        (0.3, Health.DEGRADED, "at least 1 % of its requests fail"),
        (0.6, Health.DOWN, "at least 50 % of its requests fail"),
    ],
)
@pytest.mark.parametrize("points", [8, 120])
def test_what_fails_is_not_healthy_for_want_of_an_earlier_level(
    failing: float, health: Health, detail: str, points: int
) -> None:
    (state,) = diagnose(seen(failing, points)).dependencies
    assert (state.health, state.evidence, state.detail) == (health, "own metrics", detail)
    assert state.error_rate == pytest.approx(failing)


def test_what_is_not_known_is_not_healthy() -> None:
    nothing = replace(seen(0.0, 8), series=SeriesSet.of([]))
    (state,) = diagnose(nothing).dependencies
    assert (state.health, state.error_rate, state.evidence) == (Health.UNKNOWN, None, "none")
