"""The few statistics of repeated tries. Exact where exact is cheap; scipy is the oracle in the tests."""

from __future__ import annotations

import math
from collections.abc import Callable

from console.analysis.stats import binomial_tail

CONFIDENCE = 0.95


def interval(failures: int, tries: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The two-sided Clopper-Pearson interval of a failure rate; (0, 1) without tries."""
    if tries <= 0:
        return 0.0, 1.0
    tail = (1 - confidence) / 2
    return lower_bound(failures, tries, tail), upper_bound(failures, tries, tail)


def lower_bound(failures: int, tries: int, tail: float = 1 - CONFIDENCE) -> float:
    """The rate below which so many failures have at most the chance `tail`."""
    if failures <= 0:
        return 0.0
    return _root(lambda p: binomial_tail(failures, tries, p) - tail)


def upper_bound(failures: int, tries: int, tail: float = 1 - CONFIDENCE) -> float:
    """The rate above which so few failures have at most the chance `tail`."""
    if failures >= tries:
        return 1.0
    return _root(lambda p: tail - (1 - binomial_tail(failures + 1, tries, p)))


def _root(rising: Callable[[float], float]) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if rising(middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def passes_needed(failures: int, tries: int, confidence: float = CONFIDENCE) -> int | None:
    """Passes in a row, without a failure, that show with `confidence` that the earlier failure is gone.

    From the one-sided lower 95 % bound of the earlier rate: with that rate still in force, so many passes have at most the chance
    1 - confidence. None where nothing failed before.
    """
    rate = lower_bound(failures, tries)
    if rate <= 0:
        return None
    if rate >= 1:
        return 1
    return max(1, math.ceil(math.log(1 - confidence) / math.log1p(-rate) - 1e-9))


def detectable(tries: int, confidence: float = CONFIDENCE) -> float:
    """The failure rate at and above which no failure in so many tries would be a surprise: 0.45 for five."""
    return 1 - (1 - confidence) ** (1 / tries) if tries > 0 else 1.0


def fisher(k1: int, n1: int, k2: int, n2: int) -> float:
    """The two-sided Fisher exact test: the chance of a table at least as unlikely as this one, were both rates equal."""
    k = k1 + k2
    fixed = _log_choose(n1 + n2, k)
    chances = {
        i: math.exp(_log_choose(n1, i) + _log_choose(n2, k - i) - fixed) for i in range(max(0, k - n2), min(k, n1) + 1)
    }
    seen = chances[k1]
    return min(1.0, sum(chance for chance in chances.values() if chance <= seen * (1 + 1e-9)))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


class Sequential:
    """Wald's sequential test of "fails at rate p1" against "fails at rate p0".

    Args:
        alpha: Chance to call failing what is not.
        beta: Chance to call passing what fails.
    """

    def __init__(self, p0: float, p1: float, alpha: float, beta: float) -> None:
        self._fail = math.log(p1 / p0)
        self._pass = math.log((1 - p1) / (1 - p0)) if p1 < 1 else -math.inf
        self._failing = math.log((1 - beta) / alpha)
        self._passing = math.log(beta / (1 - alpha))
        self._sum = 0.0

    def saw(self, failed: bool) -> bool | None:
        """Add one try: True, it fails; False, it passes; None, not decided yet."""
        self._sum += self._fail if failed else self._pass
        if self._sum >= self._failing:
            return True
        return False if self._sum <= self._passing else None
