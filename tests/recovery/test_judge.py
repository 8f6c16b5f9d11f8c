"""The judge of recoveries: every case that a hasty judge gets wrong, by its number in the list of hostile cases."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.analysis import recovery, recovery_rules
from console.analysis.contract import NothingToRecover, write_contract
from console.analysis.diagnose import diagnose
from console.analysis.recovery import find_fix, judge
from console.analysis.recovery_seasons import Week, weeks_before
from console.domain.changes import Change, Running
from console.domain.instant import Instant, Window
from console.domain.observations import Observations
from console.domain.recovery import Cause, Contract, Judged, Recovery, TermKind, Verdict
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.shapes import Shape, ShapeCounts
from console.domain.text import SafeText
from tests.recovery.made import (
    BAD,
    COMMITS,
    FIXED,
    ONSET,
    ROLLBACK,
    SERVICE,
    WRITTEN,
    Made,
    after,
    contract_of,
    deploy,
    flat,
    observed,
    running,
    series,
    stepped,
    weeks,
)

HEALTHY = Made()
SLOW = Made(errors=flat(0.004), p95=stepped(0.2, 0.5, 0.2), noise=0.05)
LATER = 45.0
"""Minutes after the fix at which everything can be known."""


def check(
    made: Made,
    minutes: float = LATER,
    contract: Contract | None = None,
    changes: tuple[Change, ...] = (ROLLBACK,),
    runs: tuple[Running, ...] = (running("v41"),),
    earlier: tuple[Week, ...] = (),
) -> Recovery:
    contract = contract if contract is not None else contract_of(made)
    return judge(contract, observed(made, after(minutes), changes, runs), earlier)


def signal(answer: Recovery, kind: TermKind, name: str = "") -> Judged:
    return next(one for one in answer.signals if one.term.kind is kind and name in one.term.name)


def blamed(contract: Contract) -> Contract:
    """The same, where the release is what leads."""
    return replace(contract, cause=Cause("deploy", deploy(BAD, "v42").id, SERVICE, "v42", COMMITS["v42"]))


# -- the four verdicts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("made", [HEALTHY, SLOW], ids=["failures", "latency"])
def test_a_service_that_is_back_has_recovered_and_every_signal_says_by_how_much(made: Made) -> None:
    answer = check(made, 60)
    assert answer.verdict is Verdict.RECOVERED, answer.reason
    assert answer.passes == 3 and answer.wait_s is None
    for one in answer.signals:
        assert one.verdict is Verdict.RECOVERED, one
        if one.term.kind in (TermKind.ERRORS, TermKind.VALUE):
            assert one.high is not None and one.margin is not None and one.high <= one.margin
            assert one.samples is not None and one.needed is not None and one.samples >= one.needed


@pytest.mark.parametrize(
    "made",
    [
        Made(errors=stepped(0.004, 0.12, 0.004 + 0.15 * 0.116)),
        Made(errors=flat(0.004), p95=stepped(0.2, 0.5, 0.2 + 0.15 * 0.3), noise=0.05),
        Made(errors=stepped(0.004, 0.12, 0.12)),
    ],
    ids=["15 % of the failures are left", "15 % of the waiting is left", "nothing changed"],
)
def test_a_service_that_is_not_back_has_not_recovered(made: Made) -> None:
    answer = check(made, 60)
    assert answer.verdict is Verdict.NOT_RECOVERED
    assert "expected" in answer.reason


def test_before_there_is_enough_the_answer_says_what_is_missing_and_how_long_it_takes() -> None:
    waits = []
    for minutes in (2.0, 12.0, 18.0, 24.0):
        answer = check(HEALTHY, minutes)
        assert answer.verdict is Verdict.INCONCLUSIVE
        assert answer.wait_s is not None and "more" in answer.reason
        waits.append(minutes * 60 + answer.wait_s)
    assert max(waits) - min(waits) < 60  # each foresees the same moment
    assert check(HEALTHY, max(waits) / 60 + 1).verdict is Verdict.RECOVERED


def test_before_the_fix_trouble_that_goes_on_is_told_and_right_after_it_nothing_is_judged() -> None:
    during = check(HEALTHY, -1)
    assert during.verdict is Verdict.NOT_RECOVERED and during.window is None
    settling = check(HEALTHY, 3)
    assert settling.verdict is Verdict.INCONCLUSIVE
    assert "is judged" in settling.reason
    assert signal(settling, TermKind.ERRORS).observed is not None


def test_a_margin_that_an_hour_of_this_traffic_cannot_show_is_said_to_be_too_narrow() -> None:
    quiet = Made(requests=flat(60.0))
    failures = signal(check(quiet, 45), TermKind.ERRORS)
    assert failures.verdict is Verdict.INCONCLUSIVE
    assert failures.wait_s is None
    assert "wider margin" in failures.note or "too few" in failures.note
    wide = check(quiet, 45, contract_of(quiet, error_margin=0.02))
    assert wide.verdict is Verdict.RECOVERED, wide.reason


def test_three_passes_in_a_row_are_needed() -> None:
    early = check(HEALTHY, 23)
    assert early.verdict is Verdict.INCONCLUSIVE and early.passes == 1
    assert "1 of 3" in early.reason
    assert [one.verdict for one in early.evaluations][-1] is Verdict.RECOVERED
    assert check(HEALTHY, 33).passes == 3


def test_failures_that_come_back_at_the_end_are_no_recovery_whatever_the_hour_before() -> None:
    again = FIXED - ONSET + 52 * 60
    relapse = Made(errors=lambda at: 0.03 if at > again else HEALTHY.errors(at))
    assert check(relapse, 50).verdict is Verdict.RECOVERED
    assert check(relapse, 58).verdict is Verdict.NOT_RECOVERED


def test_waiting_that_comes_back_at_the_end_is_no_recovery() -> None:
    again = FIXED - ONSET + 52 * 60
    relapse = replace(SLOW, p95=lambda at: 0.45 if at > again else SLOW.p95(at))
    assert check(relapse, 50).verdict is Verdict.RECOVERED
    assert check(relapse, 60).verdict is Verdict.NOT_RECOVERED


def test_failures_of_an_interval_compare_whatever_the_interval() -> None:
    """The contract read lines in steps of a minute, the check in steps of half a minute: the same lines, and still the same."""

    def lines(at: Instant, step: float) -> Series:
        times = [ONSET - 7200 + step * n for n in range(1, int((at - ONSET + 7200) / step) + 1)]
        rate = [0.1 if t <= ONSET or t > FIXED else 1.0 for t in times]
        noise = random.Random(2)
        points = [(t, r * step * noise.uniform(0.9, 1.1)) for t, r in zip(times, rate, strict=True)]
        return Series.of(SeriesKey(SERVICE, "", "log_errors"), points, "app")

    seen = replace(observed(HEALTHY, WRITTEN), series=SeriesSet.of([lines(WRITTEN, 60.0)]))
    contract = write_contract(seen, diagnose(seen))
    assert [t.signal for t in contract.terms if t.kind is TermKind.VALUE and t.critical] == ["log_errors"]
    later = replace(observed(HEALTHY, after(60), (ROLLBACK,)), series=SeriesSet.of([lines(after(60), 30.0)]))
    answer = judge(contract, later)
    one = signal(answer, TermKind.VALUE)
    assert one.baseline == pytest.approx(6.0, rel=0.05) and one.observed == pytest.approx(6.0, rel=0.05)
    assert answer.verdict is Verdict.RECOVERED, answer.reason


def test_percentiles_of_other_intervals_are_not_compared() -> None:
    contract = guarding_latency(contract_of(HEALTHY))
    seen = observed(HEALTHY, after(60), (ROLLBACK,), (running("v41"),))
    coarse = [Series.of(s.key, list(s)[::5], s.source) if s.key.metric == "latency_p95" else s for s in seen.series]
    answer = judge(contract, replace(seen, series=SeriesSet.of(coarse)))
    assert answer.verdict is Verdict.INCONCLUSIVE
    assert "do not compare" in signal(answer, TermKind.VALUE).note


# -- hostile cases ----------------------------------------------------------------------------------------------------


def test_case_62_one_of_twenty_before_and_none_of_twenty_after_is_inconclusive() -> None:
    few = Made(requests=flat(1.0), errors=stepped(0.05, 0.9, 0.0), noise=0.0)
    busy = contract_of(HEALTHY)
    terms = tuple(
        replace(term, failures=1.0, requests=20.0, baseline=0.05) for term in busy.terms if term.kind is TermKind.ERRORS
    )
    answer = judge(replace(busy, terms=terms), observed(few, after(27), (ROLLBACK,)))
    one = signal(answer, TermKind.ERRORS)
    assert one.samples == 20 and one.observed == 0
    assert answer.verdict is Verdict.INCONCLUSIVE
    assert one.needed is None or one.needed >= 300


def without(seen: Observations, metric: str) -> Observations:
    return replace(seen, series=SeriesSet.of([s for s in seen.series if s.key.metric != metric]))


def changed(seen: Observations, metric: str, change: Callable[[Instant, float], float]) -> Observations:
    """The same, where a metric is another from the fix on."""
    found = [
        Series.of(s.key, [(t, change(t, v) if t > FIXED else v) for t, v in s], s.source)
        if s.key.metric == metric
        else s
        for s in seen.series
    ]
    return replace(seen, series=SeriesSet.of(found))


def test_case_63_no_requests_after_the_fix_are_no_recovery() -> None:
    silent = Made(requests=stepped(3000, 3000, 0))
    answer = check(silent)
    assert answer.verdict in (Verdict.NOT_RECOVERED, Verdict.NO_DATA)
    assert signal(answer, TermKind.ERRORS).verdict is Verdict.NO_DATA


def test_case_63_values_that_are_no_numbers_are_no_recovery() -> None:
    seen = observed(HEALTHY, after(LATER), (ROLLBACK,))
    for metric in ("error_count", "request_count"):
        answer = judge(contract_of(HEALTHY), changed(seen, metric, lambda at, value: math.nan))
        assert answer.verdict in (Verdict.NO_DATA, Verdict.INCONCLUSIVE), metric


def test_case_63_a_missing_series_is_no_recovery() -> None:
    seen = observed(HEALTHY, after(LATER), (ROLLBACK,))
    for metric in ("error_count", "request_count"):
        answer = judge(contract_of(HEALTHY), without(seen, metric))
        assert answer.verdict is not Verdict.RECOVERED, metric
    nothing = judge(contract_of(HEALTHY), replace(seen, series=SeriesSet()))
    assert nothing.verdict is Verdict.NO_DATA
    assert "missing" in nothing.reason


def test_case_63_a_counter_that_is_reset_is_a_gap_and_no_success() -> None:
    seen = observed(HEALTHY, after(LATER), (ROLLBACK,))
    answer = judge(contract_of(HEALTHY), changed(seen, "request_count", lambda at, value: -value))
    assert answer.verdict is not Verdict.RECOVERED


def test_case_63_values_that_ended_are_no_recovery() -> None:
    over = FIXED - ONSET + 30 * 60
    answer = check(Made(gaps=lambda at: at > over), LATER)
    assert answer.verdict is Verdict.INCONCLUSIVE
    assert "end at" in signal(answer, TermKind.ERRORS).note


def test_case_63_mostly_gaps_are_no_recovery() -> None:
    seldom = Made(gaps=lambda at: at > FIXED - ONSET and round(at / 60) % 4 != 0)
    answer = check(seldom, LATER)
    assert answer.verdict is not Verdict.RECOVERED


def test_case_64_errors_are_gone_because_the_users_are() -> None:
    answer = check(Made(requests=stepped(3000, 3000, 1200)))
    assert answer.verdict is Verdict.NOT_RECOVERED
    assert "users are gone" in answer.reason
    assert signal(answer, TermKind.ERRORS).verdict is Verdict.RECOVERED


def test_case_65_bursts_in_less_than_half_of_the_minutes_are_counted_where_ranks_are_blind() -> None:
    rng = random.Random(3)
    bursts = {minute for minute in range(-300, 300) if rng.random() < 0.47}

    def errors(at: float) -> float:
        if at < FIXED - ONSET:
            return stepped(0.0, 0.12, 0.0)(at)
        return 50 / 3000 if math.floor(at / 60) in bursts else 0.0

    answer = check(Made(errors=errors, noise=0.0))
    assert answer.verdict is Verdict.NOT_RECOVERED
    assert signal(answer, TermKind.ERRORS).verdict is Verdict.NOT_RECOVERED


PEAK = Made(
    errors=stepped(0.004, 0.12, 0.004),
    p95=stepped(0.2, 0.2, 0.3),
    requests=stepped(3000, 3000, 6000),
    noise=0.03,
)
"""After the fix comes the Monday peak: twice the requests, half as slow again; so it is on every Monday."""


def test_case_66_a_peak_against_a_quiet_hour_is_inconclusive_where_no_other_week_is_known() -> None:
    contract = guarding_latency(contract_of(PEAK))
    answer = check(PEAK, 60, contract)
    assert answer.verdict is Verdict.INCONCLUSIVE
    assert "not comparable" in signal(answer, TermKind.TRAFFIC).note
    assert "no season" in answer.baseline[0].why


def test_case_66_with_the_same_hours_of_earlier_weeks_the_peak_is_what_is_expected() -> None:
    contract = guarding_latency(contract_of(PEAK))
    every = dict.fromkeys((1, 2, 3, 4), replace(PEAK, errors=flat(0.004)))
    answer = check(PEAK, 60, contract, earlier=weeks(PEAK, contract, after(60), every))
    assert answer.verdict is Verdict.RECOVERED, answer.reason
    latency = signal(answer, TermKind.VALUE)
    assert latency.seasonal and latency.baseline == pytest.approx(0.3, rel=0.05)
    slower = replace(PEAK, p95=stepped(0.2, 0.2, 0.45))
    assert check(slower, 60, contract, earlier=weeks(PEAK, contract, after(60), every)).verdict is Verdict.NOT_RECOVERED


def test_case_66_a_week_of_holidays_is_left_out_and_too_few_weeks_tell_no_season() -> None:
    contract = guarding_latency(contract_of(PEAK))
    usual, holiday = (
        replace(PEAK, errors=flat(0.004)),
        replace(PEAK, errors=flat(0.004), requests=flat(900.0), p95=flat(0.1)),
    )
    some = weeks(PEAK, contract, after(60), {1: usual, 2: holiday, 3: usual, 4: usual})
    assert check(PEAK, 60, contract, earlier=some).verdict is Verdict.RECOVERED
    one = weeks(PEAK, contract, after(60), {1: usual, 2: holiday})
    assert check(PEAK, 60, contract, earlier=one).verdict is Verdict.INCONCLUSIVE


def test_case_66_an_earlier_week_that_was_broken_itself_teaches_nothing() -> None:
    contract = contract_of(HEALTHY)
    broken = Made(errors=stepped(0.004, 0.12, 0.05))
    some = weeks(HEALTHY, contract, after(60), {1: broken, 2: replace(HEALTHY, errors=flat(0.004)), 3: broken})
    leftover = Made(errors=stepped(0.004, 0.12, 0.02))
    assert check(leftover, 60, contract, earlier=some).verdict is Verdict.NOT_RECOVERED


def test_case_66_weeks_are_those_on_the_clock_of_the_wall_across_a_change_of_time() -> None:
    zone = ZoneInfo("Europe/Berlin")
    nine = datetime(2026, 10, 26, 9, 0, tzinfo=zone).timestamp()  # the day after the clocks went back
    contract = replace(contract_of(HEALTHY), baseline=Window(nine - 7200, nine - 3600))
    found = weeks_before(contract, Window(nine, nine + 3600), zone)
    assert [datetime.fromtimestamp(then.start, zone).strftime("%a %H:%M") for _, then in found] == ["Mon 09:00"] * 4
    assert nine - found[0][1].start == 7 * 86400 + 3600
    assert [(then.start - before.start) for before, then in found] == [7200.0] * 4


def guarding_latency(contract: Contract) -> Contract:
    """The same with the latency among what must be back."""
    return replace(
        contract, terms=tuple(replace(t, critical=True) if t.kind is TermKind.VALUE else t for t in contract.terms)
    )


def test_case_67_half_of_the_instances_on_the_old_version_is_no_recovery() -> None:
    for contract in (contract_of(HEALTHY), blamed(contract_of(HEALTHY))):
        answer = check(HEALTHY, contract=contract, runs=(running("v41", 2), running("v42", 2)))
        assert answer.verdict is Verdict.NOT_RECOVERED
        assert "2 of 4" in signal(answer, TermKind.VERSION).note


def test_the_blamed_release_that_still_runs_is_no_recovery_though_nothing_fails() -> None:
    answer = check(HEALTHY, contract=blamed(contract_of(HEALTHY)), changes=(), runs=(running("v42"),))
    assert answer.verdict is Verdict.NOT_RECOVERED
    assert "still run v42" in answer.reason


def test_a_flag_that_was_switched_off_is_a_fix_that_brings_no_build() -> None:
    off = Change("flag/gift-cards", "flag", FIXED, SERVICE, source="changes")
    answer = check(HEALTHY, 60, blamed(contract_of(HEALTHY)), (off,), (running("v42"),))
    assert answer.verdict is Verdict.RECOVERED, answer.reason
    assert answer.fix is not None and answer.fix.change == "flag/gift-cards"


def test_a_service_that_restarts_after_the_fix_has_not_recovered() -> None:
    seen = observed(HEALTHY, after(LATER), (ROLLBACK,), (running("v41"),))
    counter = [(FIXED + 60.0 * n, 0.0 if n < 20 else 1.0) for n in range(-60, 44)]
    restarts = Series.of(SeriesKey(SERVICE, "", "restarts"), counter, "prod")
    answer = judge(contract_of(HEALTHY), replace(seen, series=SeriesSet.of([*seen.series, restarts])))
    assert answer.verdict is Verdict.NOT_RECOVERED
    assert "restarted" in answer.reason


def test_case_68_half_a_percent_slower_with_little_noise_has_recovered() -> None:
    tiny = Made(errors=flat(0.004), p95=stepped(0.2, 0.5, 0.201), noise=0.001)
    answer = check(tiny, 60)
    assert answer.verdict is Verdict.RECOVERED, answer.reason
    latency = signal(answer, TermKind.VALUE)
    assert latency.low is not None and latency.low > 0  # it is slower, and so little that it does not matter


def test_case_69_the_queue_grows_while_latency_is_fine() -> None:
    growing = replace(HEALTHY, backlog=lambda at: 20.0 + max(0.0, (at - (FIXED - ONSET)) / 60) * 2)
    answer = check(growing, 60)
    assert answer.verdict is Verdict.NOT_RECOVERED
    assert "rises" in signal(answer, TermKind.BACKLOG).note
    assert signal(answer, TermKind.VALUE).verdict is Verdict.RECOVERED


def test_a_queue_that_is_being_worked_off_says_so() -> None:
    falling = replace(HEALTHY, backlog=lambda at: 20.0 if at < 0 else max(100.0, 3000 - at / 4))
    answer = check(falling, 60)
    assert answer.verdict is Verdict.NOT_RECOVERED
    assert "falls" in signal(answer, TermKind.BACKLOG).note
    level = replace(HEALTHY, backlog=flat(20.0))
    assert check(level, 60).verdict is Verdict.RECOVERED


def test_case_70_a_judge_that_fails_is_inconclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Judged:
        raise ZeroDivisionError("a mistake")

    monkeypatch.setitem(recovery_rules.RULES, TermKind.ERRORS, broken)
    answer = check(HEALTHY, 60)
    assert answer.verdict is Verdict.INCONCLUSIVE
    assert "a mistake" in answer.reason
    monkeypatch.setattr(recovery, "_evaluate", broken)
    whole = check(HEALTHY, 60)
    assert whole.verdict is Verdict.INCONCLUSIVE and whole.passes == 0
    assert "the judge failed" in whole.reason


# -- error lines ------------------------------------------------------------------------------------------------------

OWN = "KeyError: 'percent_off' in apply_voucher"
ORDINARY = "card was declined by its bank"


def logged(**lines: Callable[[float], int]) -> Made:
    names = {"own": OWN, "ordinary": ORDINARY, "fresh": "no such table: receipts_v2"}
    return replace(HEALTHY, lines=tuple((names[name], count) for name, count in lines.items()))


def during(at: float) -> int:
    return 12 if 0 <= at < FIXED - ONSET else 0


def test_error_lines_that_stopped_and_those_that_were_always_there_are_no_obstacle() -> None:
    answer = check(logged(own=during, ordinary=lambda at: 2), 60)
    assert answer.verdict is Verdict.RECOVERED, answer.reason


def test_a_new_error_line_after_the_fix_is_no_recovery() -> None:
    made = logged(own=during, ordinary=lambda at: 2, fresh=lambda at: 1 if at > FIXED - ONSET else 0)
    answer = check(made, 60)
    assert answer.verdict is Verdict.NOT_RECOVERED
    assert "receipts_v2" in answer.reason


def test_three_lines_of_a_new_error_may_be() -> None:
    few = {round((FIXED - ONSET) / 60) + n for n in (10, 20, 30)}
    made = logged(own=during, fresh=lambda at: 1 if round(at / 60) in few else 0)
    assert check(made, 60).verdict is Verdict.RECOVERED


def test_the_incidents_own_error_lines_must_be_gone() -> None:
    made = logged(own=lambda at: 12 if at >= 0 else 0)
    answer = check(made, 60)
    assert answer.verdict is Verdict.NOT_RECOVERED
    assert "apply_voucher" in signal(answer, TermKind.SIGNATURES).note


def leaking(at: Instant) -> Observations:
    """Memory that has grown since three hours before the contract, and is level again from the fix on."""
    rng = random.Random(3)
    points, limits = [], []
    for minute in range(int((at - ONSET) / 60) + 6 * 60 + 1):
        when = ONSET - 6 * 3600 + 60.0 * minute
        grown = max(0.0, when - (ONSET - 3 * 3600)) / 3600 * 60 if when < FIXED else 5.0
        points.append((when, (200 + grown + rng.gauss(0, 2)) * 1e6))
        limits.append((when, 512e6))
    seen = observed(Made(errors=flat(0.004)), at, (ROLLBACK,), (running("v41"),) if at > FIXED else ())
    memory = [Series.of(SeriesKey(SERVICE, "", "memory_bytes"), points, "prod")]
    memory.append(Series.of(SeriesKey(SERVICE, "", "memory_limit_bytes"), limits, "prod"))
    history = Window(ONSET - 6 * 3600, at)
    return replace(seen, series=SeriesSet.of([*seen.series, *memory]), history=history)


def test_memory_that_grew_must_be_down_and_level() -> None:
    seen = leaking(WRITTEN)
    contract = write_contract(seen, diagnose(seen))
    assert any(t.kind is TermKind.BACKLOG and t.signal == "memory_bytes" and t.critical for t in contract.terms)
    assert judge(contract, leaking(after(60))).verdict is Verdict.RECOVERED
    unmended = replace(leaking(after(60)), changes=())
    grows = [
        Series.of(s.key, [(t, v + max(0.0, t - FIXED) * 2e4) for t, v in s], s.source)
        if s.key.metric == "memory_bytes"
        else s
        for s in unmended.series
    ]
    answer = judge(contract, replace(unmended, series=SeriesSet.of(grows)))
    assert answer.verdict is Verdict.NOT_RECOVERED
    assert "rises" in signal(answer, TermKind.BACKLOG).note


# -- the contract -----------------------------------------------------------------------------------------------------


def test_a_contract_names_levels_of_before_the_incident_and_its_margins() -> None:
    contract = contract_of(HEALTHY)
    assert contract.at == WRITTEN and abs(contract.onset - ONSET) < 180
    assert contract.baseline.end == contract.onset - 300 and contract.baseline.seconds == 7200
    failures = next(t for t in contract.terms if t.kind is TermKind.ERRORS)
    assert failures.critical and failures.baseline == pytest.approx(0.004, rel=0.1)
    assert failures.failing == pytest.approx(0.12, rel=0.2)
    assert any(t.kind is TermKind.TRAFFIC and t.critical for t in contract.terms)


def test_where_the_hours_before_tell_too_little_the_level_is_that_of_the_day_before() -> None:
    """Nothing is told of the hours until a quarter of one before the onset."""
    gap = Made(errors=flat(0.004), p95=SLOW.p95, noise=0.05)
    seen = observed(gap, WRITTEN)
    far = [
        Series.of(s.key, [(t if t > ONSET - 900 else t - 12 * 3600, v) for t, v in s], s.source) for s in seen.series
    ]
    seen = replace(seen, series=SeriesSet.of(far), history=Window(ONSET - 86400, WRITTEN))
    contract = write_contract(seen, diagnose(seen))
    latency = next(t for t in contract.terms if t.kind is TermKind.VALUE)
    assert latency.baseline == pytest.approx(0.2, rel=0.1) and len(latency.blocks) >= 6
    assert contract.baseline.seconds > 12 * 3600


def test_a_margin_that_is_given_stands_in_the_contract() -> None:
    failures = next(t for t in contract_of(HEALTHY, error_margin=0.02).terms if t.kind is TermKind.ERRORS)
    assert (failures.relative, failures.absolute) == (0.0, 0.02)


def test_a_healthy_system_has_nothing_to_recover() -> None:
    calm = Made(errors=flat(0.004))
    with pytest.raises(NothingToRecover, match="nothing is wrong"):
        contract_of(calm)


def test_the_fix_is_the_newest_change_of_what_the_contract_is_about() -> None:
    contract = blamed(contract_of(HEALTHY))
    other = deploy(FIXED + 60, "v43", service="search")
    again = deploy(FIXED + 120, "v43")
    cron = Change("nightly", "cron", FIXED + 180, SERVICE, source="changes")
    known = (deploy(BAD, "v42"), ROLLBACK, again, other, cron)
    assert find_fix(contract, known, after(60)) is not None
    assert (find_fix(contract, known, after(60)) or pytest.fail()).change == again.id
    assert (find_fix(contract, known, FIXED + 90) or pytest.fail()).change == ROLLBACK.id
    assert find_fix(contract, known, FIXED - 1) is None


def test_without_a_change_of_ours_an_hour_of_health_is_a_recovery_too() -> None:
    answer = check(HEALTHY, 90, changes=())
    assert answer.verdict is Verdict.RECOVERED
    assert answer.fix is None and "no change of ours is known" in answer.reason


# -- the knowledge clock ----------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    minutes=st.integers(8, 60),
    value=st.floats(0, 5000),
    lines=st.integers(0, 500),
    version=st.sampled_from(["v41", "v43"]),
)
def test_nothing_that_is_stamped_later_has_any_influence(minutes: int, value: float, lines: int, version: str) -> None:
    """Values, deploys, error lines and versions of afterwards: the answer is the same to the last digit."""
    at = after(minutes)
    made = logged(own=during)
    contract = contract_of(made)
    seen = observed(made, at, (ROLLBACK,))
    later = [Series.of(s.key, [*s, *((at + 60.0 * n + 1, value) for n in range(40))], s.source) for s in seen.series]
    start = seen.shapes[0].window.start
    shouted = Shape(
        SERVICE,
        seen.shapes[0].shapes[0].level,
        SafeText("later"),
        {int((at - start) / 60) + 2: lines},
        at + 120,
        at + 180,
        SafeText("later"),
    )
    one = seen.shapes[0]
    grown = ShapeCounts(Window(start, at + 3600), one.step_s, (*one.shapes, shouted), source=one.source)
    future = replace(
        seen,
        series=SeriesSet.of(later),
        changes=(*seen.changes, deploy(at + 60, version)),
        shapes=(grown,),
        running=(replace(running("v42"), observed_at=at + 30),),
    )
    plain, told = judge(contract, seen), judge(contract, future)
    assert replace(told, signals=()).verdict is plain.verdict
    assert told == plain


def test_a_contract_does_not_change_with_what_comes_later() -> None:
    seen = observed(HEALTHY, WRITTEN)
    known = replace(observed(HEALTHY, after(60), (ROLLBACK,)), at=WRITTEN, window=seen.window, history=seen.history)
    assert write_contract(known, diagnose(known)) == write_contract(seen, diagnose(seen))


def test_times_are_those_of_utc_in_words() -> None:
    answer = check(Made(gaps=lambda at: at > FIXED - ONSET + 1800), LATER)
    end = datetime.fromtimestamp(FIXED + 1800, UTC)
    assert f"{end:%H:%M}" in signal(answer, TermKind.ERRORS).note
    assert len(series(HEALTHY, WRITTEN)) == 3
