"""How often the judges are wrong, on services of which the truth is known; `make bench ARGS=recovery` measures more of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.recovery import LEFT, canaries, failing, share, slow, verdicts
from console.domain.recovery import Verdict
from tests.recovery.made import Made

RUNS = 100
MAKERS = pytest.mark.parametrize("make", [failing, slow], ids=["errors", "p95"])


@MAKERS
def test_with_15_percent_left_over_it_is_not_called_recovered(make: Callable[[float, float, int], Made]) -> None:
    left = verdicts(lambda seed: make(LEFT, 0.3, seed), RUNS)
    assert left["no contract"] == 0
    assert (share(left, Verdict.RECOVERED) or 0.0) <= 0.01


@MAKERS
def test_what_is_healthy_again_is_called_recovered_after_60_samples(make: Callable[[float, float, int], Made]) -> None:
    back = verdicts(lambda seed: make(0.0, 0.3, seed), RUNS)
    assert (share(back, Verdict.RECOVERED) or 0.0) >= 0.9
    assert (share(back, Verdict.NOT_RECOVERED) or 0.0) <= 0.02


def test_healthy_canaries_are_not_stopped_and_those_half_as_slow_again_are() -> None:
    assert (share(canaries(1.0, RUNS, 0.3), Verdict.NOT_RECOVERED) or 0.0) <= 0.02
    worse = canaries(1.5, RUNS, 0.3)
    assert (share(worse, Verdict.NOT_RECOVERED) or 0.0) >= 0.9
    assert worse[Verdict.RECOVERED] == 0
