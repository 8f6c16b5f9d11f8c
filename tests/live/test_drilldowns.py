"""What drill-downs show, made of observations and a diagnosis: comparison, tree, load, memory, news."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from console.domain.diagnosis import (
    Diagnosis,
    Exhaustion,
    GraphCall,
    JudgedChange,
    OwnExcess,
    Standing,
    State,
    Suspect,
    Symptom,
)
from console.domain.instant import Window
from console.domain.logs import Level, LogCounts
from console.domain.observations import Observations
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.text import SafeText
from console.domain.topology import Dependency, DependencyState, Health, ProbeResult, Service, Topology
from console.drilldowns.calls import MOST_ROWS, dependency_tree
from console.drilldowns.changed import before_after
from console.drilldowns.load import load_view
from console.drilldowns.memory import memory_view
from console.drilldowns.news import news_between
from console.drilldowns.trends import line_trend, series_trend
from console.state import Axis
from console.views import axis_of

NOW = 1_790_000_000.0
ONSET = NOW - 600.0
STEP = 15.0
WINDOW = Window(NOW - 1800, NOW)
MIB = 1024.0**2


def series(service: str, metric: str, before: float, since: float, operation: str = "", hours: float = 2) -> Series:
    times = [NOW - STEP * n for n in range(int(hours * 3600 / STEP))]
    return Series.of(SeriesKey(service, operation, metric), [(t, since if t > ONSET else before) for t in times], "m")


def seen(*given: Series, topology: Topology | None = None, probes: tuple[ProbeResult, ...] = ()) -> Observations:
    return Observations(
        NOW, WINDOW, Window(NOW - 7200, NOW), topology or Topology(), SeriesSet.of(list(given)), probes=probes
    )


def symptom(service: str, signal: str = "error_rate", operation: str | None = None) -> Symptom:
    return Symptom(service, operation, signal, 0.002, 0.1, "ratio", 500, ONSET, None, 0.8)


def suspect(service: str, standing: Standing = Standing.LEADING) -> Suspect:
    return Suspect(1, "service", service, service, None, 0.9, standing, SafeText("it is"), (), None)


def change(at: float = ONSET, service: str | None = "shop", kind: str = "deploy") -> JudgedChange:
    return JudgedChange("v2", kind, service, at, "v2", None, Standing.LEADING, SafeText("why"))


def verdict(**fields: object) -> Diagnosis:
    base = Diagnosis(NOW, State.INCIDENT, SafeText("bad"), ONSET, WINDOW)
    return replace(base, **fields)  # type: ignore[arg-type]


# Before and after


def shop() -> Observations:
    return seen(
        series("shop", "request_count", 150, 100),
        series("shop", "error_count", 0.3, 10),
        series("shop", "latency_p99", 0.3, 3.0),
        series("shop", "request_count", 50, 20, "POST /orders"),
        series("shop", "error_count", 0.0, 10, "POST /orders"),
    )


def test_a_change_is_compared_with_the_requests_behind_both_sides() -> None:
    whole, orders = before_after(shop(), verdict(symptoms=(symptom("shop", operation="POST /orders"),)), change(), NOW)
    assert (whole.operation, orders.operation) == ("", "POST /orders")
    rows = {row.signal: row for row in whole.rows}
    assert rows["errors"].before == pytest.approx(0.002) and rows["errors"].after == pytest.approx(0.1)
    assert (rows["errors"].n_before, rows["errors"].n_after) == (150 * 120, 100 * 40)
    assert (rows["p99"].before, rows["p99"].after, rows["p99"].needed) == (0.3, 3.0, 368)
    assert rows["traffic"].after == pytest.approx(100 / STEP)
    assert {row.signal for row in orders.rows} == {"errors", "traffic"}


def test_a_change_that_is_too_young_is_not_compared_and_one_of_no_service_by_those_in_trouble() -> None:
    assert before_after(shop(), None, change(NOW - 20), NOW) == ()
    assert before_after(shop(), None, change(service="unheard of"), NOW) == ()
    assert before_after(shop(), None, change(service=None), NOW) == ()
    found = before_after(shop(), verdict(symptoms=(symptom("shop"),)), change(service=None), NOW)
    assert found[0].service == "shop"


def test_a_side_without_points_is_unknown_and_not_zero() -> None:
    only_late = Series.of(SeriesKey("shop", "", "latency_p99"), [(NOW - 30, 2.0)], "m")
    rows = {row.signal: row for row in before_after(seen(only_late), None, change(), NOW)[0].rows}
    assert rows["p99"].before is None and rows["p99"].n_before is None and rows["p99"].after == 2.0


# The tree

SYSTEM = Topology(
    (Service("gateway", ("shop",)), Service("shop", ("pay", "db")), Service("pay", ("db", "gateway"))),
    (Dependency("db", "database"),),
)
CALLS = tuple(
    GraphCall(a, b, "configuration")
    for a, b in (("gateway", "shop"), ("shop", "pay"), ("shop", "db"), ("pay", "db"), ("pay", "gateway"))
)


def test_the_tree_grows_from_the_affected_service_and_marks_the_way_to_the_suspect() -> None:
    diagnosis = verdict(
        symptoms=(symptom("gateway"), symptom("shop")),
        calls=(*CALLS[:4], GraphCall("shop", "ghost", "logs", 0.5, 0.0, None, 40)),
        excess=(OwnExcess("pay", "seconds", 0.8, 0.1, 2.0),),
        suspects=(suspect("pay"),),
        dependencies=(DependencyState("db", "database", Health.HEALTHY, None, 0.01, "probe", NOW),),
    )
    probe = ProbeResult("db", SafeText("tcp://db:1"), Health.HEALTHY, 0.01, SafeText("connected"), NOW)
    view = dependency_tree(seen(series("gateway", "request_count", 1, 1), topology=SYSTEM, probes=(probe,)), diagnosis)
    assert [f"{row.trunk}{row.name}" for row in view.rows] == [
        "gateway",
        "└─ shop",
        "   ├─ pay",
        "   │  └─ db",
        "   ├─ db",
        "   └─ ghost",
    ]
    assert [row.name for row in view.rows if row.on_path] == ["gateway", "shop", "pay"]
    by_name = {row.name: row for row in view.rows}
    assert by_name["pay"].share == 0.8 and by_name["pay"].standing is Standing.LEADING
    assert by_name["db"].probe == probe and by_name["db"].by == "probe"
    assert by_name["ghost"].note == "not configured" and any("ghost" in note for note in view.notes)
    assert by_name["shop"].since == ONSET and by_name["db"].since is None
    assert by_name["ghost"].call is not None and by_name["ghost"].call.error_rate == 0.5


def test_the_way_goes_by_known_calls_where_a_log_line_hints_at_a_shorter_one() -> None:
    calls = (*CALLS[:2], GraphCall("pay", "cards", "configuration"), GraphCall("shop", "cards", "logs"))
    view = dependency_tree(
        seen(topology=SYSTEM), verdict(calls=calls, suspects=(suspect("cards"),), symptoms=(symptom("gateway"),))
    )
    assert [row.key for row in view.rows if row.on_path][-1] == "gateway›shop›pay›cards"
    assert [row.name for row in view.rows if row.key.startswith("gateway›shop›")] == ["pay", "cards", "cards"]


def test_a_cycle_is_told_and_ends() -> None:
    view = dependency_tree(seen(topology=SYSTEM), verdict(calls=CALLS, symptoms=(symptom("shop"),)))
    assert "cycle: shop → pay → gateway → shop" in view.notes
    back = next(row for row in view.rows if row.note == "a cycle")
    assert back.name == "shop" and back.key.endswith("gateway›shop")
    assert {row.name for row in view.rows} == {"gateway", "shop", "pay", "db"}


def test_everything_is_in_the_tree_where_nothing_is_wrong_and_a_large_one_is_cut_with_a_count() -> None:
    healthy = dependency_tree(seen(topology=SYSTEM), verdict(state=State.HEALTHY, calls=CALLS[:4]))
    assert "nothing is wrong" in healthy.heading and healthy.rows[0].name == "gateway"
    many = tuple(GraphCall("hub", f"leaf-{n}", "spans") for n in range(2 * MOST_ROWS))
    view = dependency_tree(seen(), verdict(calls=many))
    assert len(view.rows) == MOST_ROWS and any("more rows are not shown" in note for note in view.notes)
    assert dependency_tree(seen(), verdict(calls=())).rows == ()


def test_a_chain_of_a_thousand_calls_does_not_exhaust_the_stack() -> None:
    chain = tuple(GraphCall(f"n{n}", f"n{n + 1}", "spans") for n in range(1500))
    view = dependency_tree(seen(), verdict(calls=chain))
    assert len(view.rows) == MOST_ROWS


# Load and memory


def test_load_shows_the_signal_that_is_off_and_what_is_unknown_is_said() -> None:
    view = load_view(shop(), verdict(symptoms=(symptom("shop"),)), "shop")
    assert (view.what, view.unit) == ("errors", "ratio") and len(view.since) == 40
    assert load_view(shop(), verdict(), "shop").what == "p99"
    assert "not counted" in load_view(seen(), None, "shop").says
    assert "no source measures" in load_view(seen(series("a", "request_rate", 1, 1)), None, "a").says


def test_load_of_what_is_only_watched_is_split_where_that_began() -> None:
    began = shop().window.end - 300.0
    watched = verdict(state=State.HEALTHY, onset=None, symptoms=(replace(symptom("shop"), onset=began),))
    since = len(load_view(shop(), watched, "shop").since)
    assert 0 < since < len(load_view(shop(), verdict(state=State.HEALTHY, onset=None), "shop").since)


def test_a_pool_in_use_is_told_with_its_size() -> None:
    pools = [series("shop", "pool_in_use", 1, 4), series("shop", "pool_size", 4, 4)]
    view = load_view(seen(*shop().series, *pools), verdict(), "shop")
    assert dict(view.facts)["pool_in_use"] == "4 of 4 in use since, 1 before: used up"


def growing(hours: float = 4, start: float = 100 * MIB, per_hour: float = 60 * MIB) -> Series:
    first = NOW - hours * 3600
    points = [
        (first + 60.0 * n, start + per_hour * n / 60 + MIB * math.sin(n * 1.7)) for n in range(int(hours * 60) + 1)
    ]
    return Series.of(SeriesKey("shop", "", "memory_bytes"), points, "m")


def test_memory_that_grows_has_a_fit_up_to_its_limit_and_a_range_for_it() -> None:
    limit = series("shop", "memory_limit_bytes", 512 * MIB, 512 * MIB)
    view = memory_view(seen(growing(), limit), verdict(), "shop")
    assert view.axis is not None and view.limit == 512 * MIB and view.used.bad
    assert "is reached between" in view.says and "if this continues" in view.says
    assert view.axis.window.end > NOW
    ahead = [v for v in view.fit if v is not None]
    assert 340 * MIB < max(ahead) <= 512 * MIB * 1.05 and len(view.fit) == len(view.used.points)
    assert dict(view.facts)["restarts"] == "none on record"


def test_memory_without_a_limit_without_growth_and_without_any_points() -> None:
    assert "no limit is known" in memory_view(seen(growing()), verdict(), "shop").says
    calm = memory_view(seen(growing(per_hour=0.0)), verdict(), "shop")
    assert "does not leak" in calm.says and calm.fit == () and not calm.used.bad
    none = memory_view(seen(), verdict(), "shop")
    assert none.axis is None and "no source measures" in none.says


def test_memory_of_the_wrong_service_names_the_one_that_grows() -> None:
    still = replace(growing(per_hour=0.0), key=SeriesKey("cart", "", "memory_bytes"))
    leaks = verdict(exhaustion=(Exhaustion("shop", "memory_bytes", 512 * MIB, NOW + 600, NOW + 900),))
    assert memory_view(seen(growing(), still), leaks, "cart").says.endswith("That of shop grows: select it, then B.")
    assert "grows" not in memory_view(seen(growing(), still), verdict(), "cart").says.replace("grows steadily", "")


# One series, and lines


def test_a_series_is_drawn_in_its_unit_and_one_that_nobody_tells_is_none() -> None:
    axis = Axis(WINDOW, STEP)
    diagnosis = verdict(symptoms=(symptom("shop"),))
    errors = series_trend(shop(), diagnosis, SeriesKey("shop", "", "error_rate"), axis)
    assert errors is not None and errors.unit == "ratio" and errors.bad and errors.last == pytest.approx(0.1)
    traffic = series_trend(shop(), diagnosis, SeriesKey("shop", "", "request_rate"), axis)
    assert traffic is not None and traffic.unit == "1/s" and traffic.last == pytest.approx(100 / STEP)
    assert series_trend(shop(), diagnosis, SeriesKey("shop", "", "cpu"), axis) is None


def test_lines_of_several_sources_are_added_per_step() -> None:
    axis = Axis(Window(NOW - 60, NOW), 15.0)
    one = LogCounts(NOW - 60, 15.0, ({Level.ERROR: 2}, {}, {Level.WARN: 1}, {Level.ERROR: 9}))
    other = LogCounts(NOW - 75, 15.0, ({Level.ERROR: 50}, {Level.ERROR: 1}))
    trend = line_trend([one, other], axis, [Window(NOW - 60, NOW - 30)])
    assert trend.points == (3.0, 0.0, 1.0, 9.0)
    assert trend.last == 1.0 and trend.baseline == 1.5  # the last step is not complete


# News


def test_only_what_changed_is_news_and_the_verdict_comes_first() -> None:
    before = verdict(state=State.HEALTHY, changes=(replace(change(), standing=Standing.UNLIKELY),))
    after = verdict(at=NOW + 4, symptoms=(symptom("shop"),), suspects=(suspect("shop"),), changes=(change(),))
    news = news_between(before, after)
    assert [one.text for one in news if one.verdict] == [
        "verdict: incident, was healthy",
        "first suspect: shop, was nobody",
    ]
    assert [one.verdict for one in news[:2]] == [True, True]
    assert "errors of shop went off: 10 %" in [one.text for one in news]
    assert "deploy v2 is leading now, was unlikely" in [one.text for one in news]
    assert news_between(None, after) == () == news_between(after, replace(after, at=NOW + 8))


def test_what_went_is_news_too() -> None:
    dependency = DependencyState("db", "database", Health.DOWN, None, None, "probe", NOW)
    before = verdict(symptoms=(symptom("shop"),), suspects=(suspect("shop"),), dependencies=(dependency,))
    after = verdict(state=State.RECOVERING, dependencies=(replace(dependency, health=Health.HEALTHY),))
    said = [one.text for one in news_between(before, after)]
    assert "errors of shop: back to usual" in said and "no longer suspected: service shop" in said
    assert "db is healthy now, was down" in said


def test_who_was_unlikely_and_is_unlikely_or_impossible_is_no_news() -> None:
    weak = replace(change(), standing=Standing.UNLIKELY)
    before = verdict(suspects=(suspect("cart", Standing.UNLIKELY),), changes=(weak,))
    after = verdict(
        at=NOW + 4,
        suspects=(suspect("till", Standing.UNLIKELY),),
        changes=(replace(weak, standing=Standing.IMPOSSIBLE),),
    )
    assert news_between(before, after) == ()
    risen = replace(after, suspects=(suspect("cart", Standing.POSSIBLE),))
    assert "cart is possible now, was unlikely" in [one.text for one in news_between(before, risen)]


def test_a_restart_that_only_telemetry_shows_is_called_by_whom_it_befell() -> None:
    seen_only = replace(change(kind="other"), id="restart/shop@2026-11-28T09:42:13Z", observed="metrics")
    news = news_between(verdict(), verdict(at=NOW + 4, changes=(seen_only,)))
    assert [one.text for one in news] == ["new change: restart of shop (leading)"]
    assert "restart of shop" in [m.label for m in axis_of(WINDOW, verdict(changes=(seen_only,))).markers]


def test_another_window_of_the_user_is_no_news() -> None:
    before = verdict(state=State.HEALTHY)
    end, length = before.window.end, before.window.seconds
    for other in (
        Window(end - 2 * length, end),
        Window(end - length / 2, end),
        Window(end - 1.5 * length, end - length / 2),
    ):
        after = verdict(window=other, symptoms=(symptom("shop"),), suspects=(suspect("shop"),))
        assert news_between(before, after) == ()
    moved_on = Window(before.window.start + 5.0, end + 4.0)
    assert news_between(before, verdict(window=moved_on, symptoms=(symptom("shop"),)))
