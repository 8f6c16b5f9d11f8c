"""Latency and failures against load: whether the curve moved, and where it bends."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from console.analysis.loadcurve import LoadCurve, Loaded, Reason, load_curve, load_of, sentence
from console.domain.diagnosis import Symptom
from console.domain.series import Series, SeriesKey, SeriesSet

NOW = 1_790_000_000.0
ONSET = NOW - 900.0
STEP = 15.0


def pair(
    load: Callable[[bool, random.Random], float], value: Callable[[bool, float, random.Random], float], metric: str
) -> tuple[Series, Series]:
    """Two hours of load and of a signal that may depend on it, with the onset 15 minutes before the end."""
    luck = random.Random(7)
    rates, values = [], []
    for number in range(480):
        at = NOW - STEP * number
        late = at >= ONSET
        rate = load(late, luck)
        rates.append((at, rate))
        values.append((at, value(late, rate, luck)))
    return (
        Series.of(SeriesKey("shop", "", "request_rate"), rates, "m"),
        Series.of(SeriesKey("shop", "", metric), values, "m"),
    )


def said(curve: LoadCurve, rate: Series, signal: Series) -> str:
    return sentence(Loaded("shop", "", curve, signal, rate))


def steady(late: bool, luck: random.Random) -> float:
    return luck.uniform(8, 12)


def busier(late: bool, luck: random.Random) -> float:
    return luck.uniform(20, 30) if late else luck.uniform(8, 22)


def bent(late: bool, load: float, luck: random.Random) -> float:
    """Waits from 20 requests per second on, whenever that is."""
    return 0.1 * luck.uniform(0.9, 1.1) + 0.2 * max(0.0, load - 20)


def test_a_curve_that_moved_is_told_from_more_load() -> None:
    rate, p99 = pair(steady, lambda late, load, luck: (0.4 if late else 0.1) * luck.uniform(0.9, 1.1), "latency_p99")
    curve = load_curve(rate, p99, "s", ONSET, NOW)
    assert curve.moved is True and curve.at_equal_load == pytest.approx(4.0, rel=0.1)
    assert curve.equal is not None and min(curve.equal.steps) > 10
    assert curve.reason is Reason.MOVED
    figures = said(curve, rate, p99)
    assert figures.startswith("at 8") and " to 1" in figures and " requests/s p99 latency was " in figures
    assert figures.endswith("the load does not explain it") and " steps before, " in figures


def test_more_load_on_the_same_curve_is_not_called_a_change_and_its_knee_is_found() -> None:
    rate, p99 = pair(busier, bent, "latency_p99")
    curve = load_curve(rate, p99, "s", ONSET, NOW)
    assert curve.moved is False
    assert curve.knee is not None and 18 < curve.knee < 24
    assert curve.reason is Reason.LOAD
    figures = said(curve, rate, p99)
    assert "the curve is the same, and the load rose (1" in figures and "/s it rises steeply" in figures


@pytest.mark.parametrize("minutes", [2, 5, 15])
def test_the_knee_of_a_short_peak_is_found(minutes: int) -> None:
    """Two minutes of two hours: a tenth of all steps would be mostly quiet ones."""
    rate, p99 = pair(steady, bent, "latency_p99")
    luck = random.Random(3)
    peak = [(NOW - STEP * n, luck.uniform(14, 34)) for n in range(minutes * 4)]
    loads = dict(rate) | dict(peak)
    values = dict(p99) | {at: bent(True, load, luck) for at, load in peak}
    curve = load_curve(
        Series.of(rate.key, sorted(loads.items()), "m"),
        Series.of(p99.key, sorted(values.items()), "m"),
        "s",
        ONSET,
        NOW,
    )
    assert curve.knee is not None and 17 < curve.knee < 27


def test_no_knee_where_latency_does_not_follow_the_load() -> None:
    for seed in range(20):
        own = random.Random(seed)
        rate, p99 = pair(busier, lambda *_: 0.1 * own.lognormvariate(0, 0.3), "latency_p99")  # noqa: B023
        assert load_curve(rate, p99, "s", ONSET, NOW).knee is None


def test_a_curve_that_moved_under_more_load_bends_nowhere() -> None:
    rate, p99 = pair(busier, lambda late, load, luck: (0.4 if late else 0.1) * luck.uniform(0.9, 1.1), "latency_p99")
    curve = load_curve(rate, p99, "s", ONSET, NOW)
    assert curve.moved is not False and curve.knee is None


def test_failures_at_equal_load() -> None:
    rate, errors = pair(steady, lambda late, load, luck: 0.08 if late else 0.001, "error_rate")
    curve = load_curve(rate, errors, "ratio", ONSET, NOW)
    assert curve.moved is True and curve.knee is None
    rate, errors = pair(steady, lambda late, load, luck: 0.002 * luck.random(), "error_rate")
    calm = load_curve(rate, errors, "ratio", ONSET, NOW)
    assert calm.moved is False and calm.knee is None


def test_loads_that_were_never_seen_before_are_not_compared() -> None:
    rate, p99 = pair(lambda late, luck: luck.uniform(40, 50) if late else luck.uniform(8, 12), bent, "latency_p99")
    curve = load_curve(rate, p99, "s", ONSET, NOW)
    assert curve.at_equal_load is None and curve.moved is None
    assert curve.reason is Reason.UNKNOWN
    assert "cannot be told" in said(curve, rate, p99)


def test_too_little_is_said_to_be_too_little() -> None:
    rate = Series.of(SeriesKey("shop", "", "request_rate"), [(NOW - 15, 5.0), (NOW, 5.0)], "m")
    p99 = Series.of(SeriesKey("shop", "", "latency_p99"), [(NOW - 15, 0.1), (NOW, 0.1)], "m")
    assert said(load_curve(rate, p99, "s", ONSET, NOW), rate, p99).startswith("too little is known")
    empty = Series.of(SeriesKey("shop", "", "latency_p99"), [], "m")
    assert load_curve(rate, empty, "s", ONSET, NOW).before == ()


def test_nothing_after_the_knowledge_time_counts() -> None:
    rate, p99 = pair(steady, lambda late, load, luck: 9.0 if late else 0.1, "latency_p99")
    early = load_curve(rate, p99, "s", ONSET, ONSET - 60)
    assert early.since == () and max(value for _, value in early.before) < 1


def test_an_incident_before_does_not_make_failures_usual() -> None:
    """A tenth of an hour of failures yesterday, at every load, and a third as many now."""
    rate, errors = pair(steady, lambda late, load, luck: 0.1 if late else 0.001, "error_rate")
    old = [(at, 0.5 if ONSET - 4000 < at < ONSET - 3800 else value) for at, value in errors]
    curve = load_curve(rate, Series.of(errors.key, old, "m"), "ratio", ONSET, NOW)
    assert curve.moved is True and curve.at_equal_load is not None and curve.at_equal_load > 20


def test_more_load_does_not_explain_what_is_there_at_the_old_load_too() -> None:
    """Twice the load on a curve that rises with it, and half of the rise was there at the old load: neither is said."""
    rate, p99 = pair(
        lambda late, luck: luck.uniform(10, 24) if late else luck.uniform(8, 12),
        lambda late, load, luck: 0.1 * (1.35 if late else 1.0) * luck.uniform(0.98, 1.02),
        "latency_p99",
    )
    assert load_curve(rate, p99, "s", ONSET, NOW).reason is Reason.NEITHER


def symptom(signal: str, operation: str | None = None) -> Symptom:
    return Symptom("shop", operation, signal, 0.1, 0.4, "s", 100, ONSET, None, None)


def test_the_signal_that_is_off_is_looked_at_and_its_operation_where_only_that_is_off() -> None:
    rate, p99 = pair(steady, lambda late, load, luck: 0.4 if late else 0.1, "latency_p99")
    part = Series.of(SeriesKey("shop", "GET /a", "latency_p99"), list(p99), "m")
    its = Series.of(SeriesKey("shop", "GET /a", "request_rate"), list(rate), "m")
    failed = Series.of(SeriesKey("shop", "", "error_rate"), [(at, 0.1) for at, _ in rate], "m")
    series = SeriesSet.of([rate, p99, part, its, failed])

    def looked_at(*symptoms: Symptom) -> tuple[str, str]:
        found = load_of(series, "shop", symptoms, ONSET, NOW)
        assert found is not None
        return found.operation, found.curve.metric

    assert looked_at() == ("", "latency_p99")
    assert looked_at(symptom("error_rate"), symptom("latency_p99")) == ("", "error_rate")
    assert looked_at(symptom("latency_p99", "GET /a")) == ("GET /a", "latency_p99")
    assert looked_at(symptom("latency_p99", "GET /b")) == ("", "latency_p99")
    assert looked_at(symptom("memory")) == ("", "latency_p99")
    assert load_of(series, "other", (), ONSET, NOW) is None
