"""Canaries against their control: what must stop, what may go on, and what is too little to tell."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats as oracle

from console.analysis import canary as judge
from console.analysis.canary import effective, judge_canary, ranked
from console.domain.observations import Observations
from console.domain.recovery import Judged, Recovery, TermKind, Verdict
from console.domain.series import Series, SeriesKey, SeriesSet
from tests.recovery.pairs import CANARY, CONTROL, NOW, beginning, pair


def check(seen: Observations, minutes: int = 70, fresh: bool = True) -> Recovery:
    return judge_canary(seen, CANARY, CONTROL, beginning(minutes), fresh=fresh)


def test_a_canary_like_its_control_may_go_on() -> None:
    answer = check(pair(1))
    assert answer.verdict is Verdict.RECOVERED, answer.reason
    assert answer.passes == 3


def test_a_canary_that_is_half_as_slow_again_is_stopped_by_the_first_evaluation_that_can_tell() -> None:
    answer = check(pair(1, factor=1.5, minutes=32), 32)
    assert answer.verdict is Verdict.NOT_RECOVERED
    assert "latency p95" in answer.reason


def test_a_canary_whose_failures_come_in_bursts_is_stopped_where_ranks_are_blind() -> None:
    """50 failures a minute in 47 % of the minutes, none else: the shift of the ranks is zero."""
    rng = random.Random(1)
    bursts = {minute for minute in range(200) if rng.random() < 0.47}
    seen = pair(1, errors=(lambda minute: 50 / 1500 if minute in bursts else 0.0, lambda minute: 0.0))
    answer = check(seen)
    assert answer.verdict is Verdict.NOT_RECOVERED
    assert answer.signals[0].term.kind is TermKind.ERRORS


def test_too_early_is_inconclusive_and_says_how_long_it_takes() -> None:
    answer = check(pair(1, minutes=12), 12)
    assert answer.verdict is Verdict.INCONCLUSIVE
    assert answer.wait_s is not None and answer.wait_s >= 60 * 18
    short = check(pair(1, minutes=4), 4)
    assert short.verdict is Verdict.INCONCLUSIVE and "1 of 3 evaluations" in short.reason


def without(seen: Observations, service: str, metric: str = "") -> Observations:
    kept = [s for s in seen.series if s.key.service != service or (metric and s.key.metric != metric)]
    return replace(seen, series=SeriesSet.of(kept))


@pytest.mark.parametrize("service", [CANARY, CONTROL])
def test_no_data_on_one_side_is_never_a_success(service: str) -> None:
    for metric in ("", "latency_p95", "error_count", "request_count"):
        answer = check(without(pair(1), service, metric))
        assert answer.verdict is not Verdict.RECOVERED, metric


def test_values_that_are_no_numbers_are_no_success() -> None:
    seen = pair(1)
    blind = [
        Series.of(s.key, [(t, math.nan) for t, _ in s], s.source)
        if s.key == SeriesKey(CANARY, "", "latency_p95")
        else s
        for s in seen.series
    ]
    assert check(replace(seen, series=SeriesSet.of(blind))).verdict is not Verdict.RECOVERED


def test_identical_values_of_zero_are_judged_by_the_margin_and_not_by_a_ratio() -> None:
    seen = pair(1)
    idle = [(t, 0.0) for t, _ in next(iter(seen.series))]
    both = [Series.of(SeriesKey(name, "", "queue_depth"), idle, "prod") for name in (CANARY, CONTROL)]
    assert check(replace(seen, series=SeriesSet.of([*seen.series, *both]))).verdict is Verdict.RECOVERED
    filling = Series.of(SeriesKey(CANARY, "", "queue_depth"), [(t, 30.0) for t, _ in idle], "prod")
    assert check(replace(seen, series=SeriesSet.of([*seen.series, filling, both[1]]))).verdict is Verdict.NOT_RECOVERED


def test_an_old_control_is_told_as_a_weakness() -> None:
    answer = check(pair(1), fresh=False)
    assert "no fresh one" in answer.reason
    assert "run for long" in answer.baseline[0].why


def test_a_judge_that_fails_is_inconclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Judged:
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr(judge, "_values", broken)
    assert check(pair(1)).verdict is Verdict.INCONCLUSIVE
    monkeypatch.setattr(judge, "_evaluate", broken)
    assert check(pair(1)).verdict is Verdict.INCONCLUSIVE


def test_nothing_that_is_stamped_later_has_any_influence() -> None:
    seen = pair(3)
    later = [Series.of(s.key, [*s, *((NOW + 60.0 * n, 9e3) for n in range(1, 30))], s.source) for s in seen.series]
    assert check(replace(seen, series=SeriesSet.of(later))) == check(seen)


def test_ranks_agree_with_scipy_where_nothing_follows_the_value_before() -> None:
    rng = np.random.default_rng(2)
    before, after = rng.normal(0, 1, 60), rng.normal(0.5, 1, 50)
    shuffled = ranked(np.sort(before)[rng.permutation(60)], after)
    expected = oracle.mannwhitneyu(after, before, alternative="greater", method="asymptotic", use_continuity=False)
    factor = effective(before) / 60
    assert factor <= 1
    assert shuffled.chance == pytest.approx(expected.pvalue, rel=0.6)
    assert shuffled.delta == pytest.approx(2 * expected.statistic / 3000 - 1)


def test_samples_that_follow_each_other_count_for_less() -> None:
    rng = np.random.default_rng(4)
    values = [0.0]
    for _ in range(400):
        values.append(0.8 * values[-1] + rng.normal())
    assert effective(np.asarray(values)) < 100
    assert effective(rng.normal(0, 1, 400)) > 300
