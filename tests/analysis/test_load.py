"""More load as a cause, pools that run out, and restarts."""

from __future__ import annotations

import math

import pytest

from console.analysis.constants import Thresholds
from console.analysis.graph import build_graph
from console.analysis.load import (
    Surge,
    asking_more,
    busier_services,
    deserted_services,
    find_exhausted,
    find_surge,
    load_ratio,
)
from console.analysis.loaddrafts import contention_draft
from console.analysis.moves import judge
from console.analysis.outbound import Blame, longest_held
from console.analysis.restarts import find_restarts
from console.analysis.tracks import build_tracks
from console.analysis.ways import Ways
from console.analysis.whole import with_wholes
from console.domain.diagnosis import Standing
from console.domain.instant import Window
from console.domain.observations import Observations
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.topology import Service, Topology

NOW = 1_790_000_000.0
ONSET = NOW - 900.0
GRAPH = build_graph(Topology((Service("web", ("shop",)), Service("shop"))), None, (), ())


def points(service: str, metric: str, before: float, since: float, operation: str = "") -> Series:
    """Three hours by the minute, with a step at the onset and a little noise."""
    values = [
        (t, (since if t > ONSET else before) * (1 + 0.02 * math.sin(t))) for t in (NOW - 60.0 * k for k in range(180))
    ]
    return Series.of(SeriesKey(service, operation, metric), values, "m")


def surge_in(series: SeriesSet) -> Surge | None:
    """The surge that is found."""
    tracks = build_tracks(series, NOW)
    moves = [judge(t, NOW, Window(NOW - 1800, NOW), Thresholds()) for t in tracks.values]
    return find_surge([m for m in moves if m is not None], GRAPH, ONSET, tracks)


def test_arrivals_that_multiply() -> None:
    found = surge_in(
        SeriesSet.of([points("web", "request_count", 100, 420), points("shop", "request_count", 200, 800)])
    )
    assert found is not None
    assert (found.entry, [m.service for m in found.spread]) == ("web", ["shop"])


def test_of_services_that_no_call_connects_the_entry_is_where_the_most_came_on_top() -> None:
    series = SeriesSet.of([points("front", "request_count", 400, 1400), points("side", "request_count", 20, 110)])
    found = surge_in(series)
    assert found is not None and found.entry == "front"


def test_a_peak_like_others_is_none() -> None:
    assert surge_in(SeriesSet.of([points("web", "request_count", 100, 130)])) is None
    peak = [(t, 100.0 + 300.0 * (math.sin(t / 3000) > 0.7)) for t in (NOW - 60.0 * k for k in range(1500))]
    assert surge_in(SeriesSet.of([Series.of(SeriesKey("web", "", "request_count"), peak, "m")])) is None


def test_callers_that_ask_again_are_no_demand() -> None:
    assert (
        surge_in(SeriesSet.of([points("web", "request_count", 100, 100), points("shop", "request_count", 200, 800)]))
        is None
    )


def test_who_asks_more_than_its_own_requests_explain() -> None:
    def found(web: float, shop: float) -> dict[tuple[str, str], float]:
        series = SeriesSet.of([points("web", "request_rate", 100.0, web), points("shop", "request_rate", 50.0, shop)])
        return asking_more(series, ["shop"], {"shop": ("web",)}, ONSET, NOW)

    assert found(100.0, 150.0) == {("web", "shop"): pytest.approx(3.0, rel=0.05)}
    assert not found(100.0, 55.0)
    assert not found(300.0, 150.0), "its own requests rose as much"
    one = points("web", "request_rate", 20.0, 80.0, "GET /sale")
    told = SeriesSet.of([points("web", "request_rate", 100.0, 160.0), one, points("shop", "request_rate", 20.0, 80.0)])
    assert not asking_more(told, ["shop"], {"shop": ("web",)}, ONSET, NOW), "those of one operation did"


def test_who_answers_hardly_anybody_is_deserted() -> None:
    def found(before: float, since: float, metric: str = "request_count") -> frozenset[str]:
        return deserted_services(SeriesSet.of([points("shop", metric, before, since)]), ["shop"], ONSET, NOW)

    assert found(11.0, 0.0) == {"shop"}, "too few a minute for one minute to tell, many in all"
    assert found(0.2, 0.0, "request_rate") == {"shop"}
    assert not found(11.0, 6.0)
    assert not found(0.3, 0.0), "hardly any were to be expected"


def test_load_ratios() -> None:
    series = SeriesSet.of([points("web", "request_count", 100, 420), points("shop", "request_rate", 5, 5)])
    assert load_ratio(series, "web", ONSET, NOW) == pytest.approx(4.2, rel=0.05)
    assert busier_services(series, ("web", "shop", "other"), ONSET, NOW) == {"web"}


def test_a_pool_that_runs_out_and_one_that_does_not() -> None:
    size = points("shop", "pool_size", 20, 20)

    def used(now: float, before: float = 5.0) -> list[str]:
        series = SeriesSet.of([size, points("shop", "pool_in_use", before, now)])
        return [e.service for e in find_exhausted(build_tracks(series, NOW), series, ONSET, NOW)]

    assert used(20) == ["shop"]
    assert used(12) == []
    assert used(20, before=20) == []  # always full: no news


def test_a_pool_that_slow_calls_hold_is_no_cause() -> None:
    """In use is arrivals times the time held: the larger of the two rises is the cause."""
    size, pool = points("shop", "pool_size", 20, 20), points("shop", "pool_in_use", 5, 20)
    series = SeriesSet.of([size, pool, points("shop", "request_count", 100, 150)])
    (found,) = find_exhausted(build_tracks(series, NOW), series, ONSET, NOW)
    seen = Observations(NOW, Window(NOW - 1800, NOW), Window(NOW - 10800, NOW), Topology(()), series)
    ways = Ways.of(seen, (), seen.window)

    def drafted(before_s: float, since_s: float) -> tuple[Standing, bool]:
        one = Blame("shop", "bank", None, None, None, (0.0, before_s, 900), (0.0, since_s, 300))
        draft = contention_draft(found, 1.0, ways, longest_held([one], "shop"))
        return draft.standing, any("bank" in e.claim for e in draft.evidence if not e.supports)

    assert drafted(0.1, 0.1) == (Standing.LEADING, False)
    assert drafted(0.1, 0.13) == (Standing.LEADING, False)  # by less than the load
    assert drafted(0.1, 3.0) == (Standing.POSSIBLE, True)
    assert longest_held([Blame("shop", "bank", None, None, None, (0.0, 0.1, 3), (0.0, 3.0, 300))], "shop") is None


def test_restarts_and_what_memory_was_before() -> None:
    count = Series.of(SeriesKey("shop", "", "restarts"), [(NOW - 60.0 * k, float(k < 5)) for k in range(30)], "m")
    memory = Series.of(
        SeriesKey("shop", "", "memory_bytes"), [(NOW - 60.0 * k, 2e8 if k < 5 else 9.7e8) for k in range(30)], "m"
    )
    limit = Series.of(SeriesKey("shop", "", "memory_limit_bytes"), [(NOW - 60.0 * k, 1e9) for k in range(30)], "m")
    (found,) = find_restarts(SeriesSet.of([count, memory, limit]), NOW)
    assert found.service == "shop"
    assert found.out_of_memory
    assert find_restarts(SeriesSet.of([memory, limit]), NOW) == []


def test_operations_make_a_whole() -> None:
    series = SeriesSet.of(
        [
            points("shop", "request_count", 100, 100, "GET /a"),
            points("shop", "request_count", 300, 300, "GET /b"),
            points("shop", "error_count", 1, 50, "GET /a"),
            points("shop", "error_count", 3, 3, "GET /b"),
            points("shop", "latency_avg", 0.1, 0.9, "GET /a"),
            points("shop", "latency_avg", 0.1, 0.1, "GET /b"),
        ]
    )
    whole = with_wholes(series)
    now = {m: whole.get("shop", m) for m in ("request_count", "error_count", "latency_avg")}
    last = {m: s.values[-1] for m, s in now.items() if s is not None}
    assert last["request_count"] == pytest.approx(400, rel=0.03)
    assert last["error_count"] == pytest.approx(53, rel=0.03)
    assert last["latency_avg"] == pytest.approx(0.3, rel=0.05)


def test_no_whole_where_one_is_given_or_parts_were_read_apart() -> None:
    given = SeriesSet.of([points("shop", "request_count", 5, 5), points("shop", "request_count", 1, 1, "GET /a")])
    assert with_wholes(given) is given
    apart = [
        Series.of(SeriesKey("shop", op, "request_count"), [(NOW - 60.0 * k - shift, 1.0) for k in range(60)], "m")
        for op, shift in (("GET /a", 0.0), ("GET /b", 7.0))
    ]
    assert with_wholes(SeriesSet.of(apart)).get("shop", "request_count") is None
