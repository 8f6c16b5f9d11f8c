"""Spans: own time, network time and what a service does, before and since."""

from __future__ import annotations

import random

from console.analysis.graph import build_graph
from console.analysis.spanmoves import SpanView, judge_spans, trace_shares
from console.analysis.traces import Calls, Currencies, Edge, compare_calls, own_time, read_calls
from console.domain.instant import Window
from console.domain.spans import Span
from console.domain.topology import Service, Topology

NOW = 1_790_000_000.0
ONSET = NOW - 600.0


def trace(at: float, number: int, web: float, gap: float, shop: float) -> list[Span]:
    """`web` calls `shop` once: time of its own, on the way, and of the callee."""
    whole = web + 2 * gap + shop
    name = f"t{number}"
    return [
        Span(name, f"{name}a", None, "web", "GET /", "server", at, whole, False),
        Span(name, f"{name}b", f"{name}a", "web", "call shop", "client", at + web / 2, shop + 2 * gap, False),
        Span(name, f"{name}c", f"{name}b", "shop", "POST /cart", "server", at + web / 2 + gap, shop, False),
    ]


def seen(web: float = 0.02, gap: float = 0.002, shop: float = 0.03) -> tuple[Span, ...]:
    """An hour of traces; since the onset with these times."""
    rng = random.Random(1)
    spans: list[Span] = []
    for k in range(720):
        at = NOW - 3600 + 5 * k
        times = (web, gap, shop) if at >= ONSET else (0.02, 0.002, 0.03)
        spans += trace(at, k, *(t * rng.lognormvariate(0, 0.1) for t in times))
    return tuple(s for s in spans if s.end <= NOW)


def judged(spans: tuple[Span, ...]) -> SpanView | None:
    """Without a known onset."""
    return judge_spans(spans, read_calls(spans), NOW, None, "traces")


def test_calm_spans_are_no_trouble() -> None:
    found = judged(seen())
    assert found is not None
    assert found.moves == ()


def test_the_service_that_takes_longer_itself() -> None:
    found = judged(seen(shop=0.3))
    assert found is not None
    assert {m.service for m in found.moves} == {"shop"}
    assert abs(found.onset - ONSET) <= 60


def test_the_way_between_two() -> None:
    found = judged(seen(gap=0.2))
    assert found is not None
    assert {m.metric for m in found.moves} == {"network time to shop"}


def test_own_time_is_what_no_child_covers() -> None:
    parent, *children = trace(0.0, 1, 0.02, 0.0, 0.03)
    assert abs(own_time(parent, children[:1]) - 0.02) < 1e-9
    assert own_time(parent, [*children[:1], *children[:1]]) > 0.0199  # overlapping children count once


def test_few_or_broken_spans() -> None:
    assert judge_spans((), read_calls(()), NOW, None, "traces") is None
    loop = (
        Span("t", "a", "b", "web", "x", "server", NOW - 2, 1.0, False),
        Span("t", "b", "a", "web", "x", "server", NOW - 2, 1.0, False),
    )
    assert judge_spans(loop, read_calls(loop), NOW, None, "traces") is None


def edges(*timed: tuple[str, str, float, float, int]) -> Calls:
    """Calls as (caller, callee, gap before, gap since, how many on each side)."""
    calls = Calls()
    for caller, callee, before, since, count in timed:
        points = [(ONSET - 10 - k, before) for k in range(count)] + [(ONSET + 10 + k, since) for k in range(count)]
        calls.gaps[Edge(caller, callee)] += sorted(points)
    return calls


def compared(calls: Calls) -> Currencies:
    return compare_calls(calls, Window(NOW - 3600, ONSET), Window(ONSET, NOW + 1))


def test_a_slow_way_is_laid_on_the_end_that_all_ways_of_are_slow() -> None:
    well = [("web", f"shop{n}", 0.003, 0.003, 30) for n in range(8)]
    more = [("pay", f"bank{n}", 0.003, 0.003, 30) for n in range(8)]
    gap = compared(edges(*well, *more, ("web", "pay", 0.003, 2.0, 30))).gap
    assert gap["pay"] > 5 * gap["web"]  # however many it calls itself
    slow = [("web", f"shop{n}", 0.003, 2.0, 30) for n in range(8)]
    gap = compared(edges(*slow, *((other, f"shop{n}", 0.003, 0.003, 30) for n in range(8) for other in "abc"))).gap
    assert max(gap, key=lambda name: gap[name]) == "web"


def test_a_way_that_was_hardly_used_before_is_held_against_the_others_from_there() -> None:
    well = [("web", f"shop{n}", 0.003, 0.003, 30) for n in range(3)]
    rare = edges(*well, ("web", "pay", 0.004, 2.0, 30))
    pay = Edge("web", "pay")
    rare.gaps[pay] = [p for p in rare.gaps[pay] if p[0] >= ONSET or p[0] > ONSET - 12]
    assert max((found := compared(rare)).gap, key=lambda name: found.gap[name]) == "pay"
    rare.gaps[pay] = [(t, 2.0) for t, _ in rare.gaps[pay]]  # the two calls before took as long
    assert compared(rare).gap == {}
    rare.gaps[pay] = [(t, 0.012) for t, _ in rare.gaps[pay] if t >= ONSET]  # another way, a little longer
    assert compared(rare).gap == {}


def acts(before: list[set[str]], since: list[set[str]], severe: set[str]) -> Calls:
    calls = Calls()
    points = [(ONSET - 10 - k, frozenset(a)) for k, a in enumerate(before)]
    points += [(ONSET + 10 + k, frozenset(a)) for k, a in enumerate(since)]
    calls.acts["shop", "POST /cart"] += sorted(points)
    calls.severe |= severe
    return calls


def test_a_service_whose_errors_are_gone_is_not_changed_for_the_worse() -> None:
    bad, good = {"error: no stock", "call shop error page"}, {"call bank", "info: sold"}
    assert compared(acts([bad] * 6 + [good] * 6, [good] * 12, {"error: no stock"})).function == {}
    assert compared(acts([good] * 12, [bad] * 6 + [good] * 6, {"error: no stock"})).function["shop"] > 0
    both = acts([bad] * 6 + [good] * 6, [good, {"error: no bank"}] * 6, {"error: no stock", "error: no bank"})
    assert compared(both).function["shop"] > 0  # another error came instead


def test_other_words_in_the_same_line_are_no_change_and_a_line_that_is_gone_is_one() -> None:
    near, far = {"info: Trips queried stations [a, b]"}, {"info: Trips queried stations [x, y, z]"}
    assert compared(acts([near] * 9 + [far] * 3, [near] * 3 + [far] * 9, set())).function == {}
    assert compared(acts([near] * 9 + [far] * 3, [far] * 3 + [set()] * 9, set())).function["shop"] > 0
    assert compared(acts([near] * 12, [far] * 12, set())).function["shop"] > 0  # words that nobody wrote before


def test_a_line_whose_words_always_varied_says_nothing_by_new_ones() -> None:
    rng = random.Random(3)
    towns = ["a", "b", "c", "d"]

    def lines(names: list[str]) -> list[set[str]]:
        return [{f"info: Trips queried stations [{rng.choice(names)}]"} for _ in range(12)]

    assert compared(acts(lines(towns), lines(["y"]), set())).function == {}
    assert compared(acts(lines(["a"]), lines(["y"]), set())).function["shop"] > 0


def test_whom_a_span_calls_is_no_change_and_that_it_calls_one_less_is_one() -> None:
    near, far = {"call bank GET /near"}, {"call bank GET /far"}
    assert compared(acts([near] * 9 + [far] * 3, [near] * 3 + [far] * 9, set())).function == {}
    both = near | far
    assert compared(acts([both] * 12, [near] * 12, set())).function["shop"] > 0
    assert compared(acts([near, far] * 6, [{"call bank GET /new"}] * 12, set())).function["shop"] > 0


def failing(page: str, ended: float) -> tuple[Span, ...]:
    """Requests that from some instant on end on another page of the service itself, each with a call behind it."""
    spans: list[Span] = []
    for k in range(40):
        at, name = NOW - 600 + 15 * k, f"t{k}"
        spans.append(Span(name, f"{name}a", None, "shop", "POST /cart", "server", at, 0.02, False))
        spans.append(Span(name, f"{name}b", f"{name}a", "bank", "POST /pay", "server", at, 0.01, False))
        if at >= ended:
            spans.append(Span(name, f"{name}c", f"{name}a", "shop", page, "internal", at, 0.001, False))
    return tuple(spans)


def test_a_request_that_goes_where_failures_go_has_failed() -> None:
    def shifts(page: str) -> list[bool]:
        found = compare_calls(
            read_calls(failing(page, NOW - 300)), Window(NOW - 700, NOW - 300), Window(NOW - 300, NOW)
        )
        return [shift.severe for shift in found.function_shifts]

    assert shifts("BasicErrorController.error") == [True]
    assert shifts("CartController.show") == [False]


def test_only_errors_of_a_callee_explain_the_errors_of_its_caller() -> None:
    """A callee that merely writes another line than before is no reason for its caller to fail."""
    graph = build_graph(Topology((Service("shop", ("bank",)), Service("bank"))), None, (), ())

    def shares(bank: str) -> dict[str, float]:
        calls = acts([{"info: sold"}] * 12, [{"error: cannot sell"}] * 12, {"error: cannot sell", "error: no money"})
        calls.acts["bank", "POST /pay"] += [(ONSET - 10 - k, frozenset(("info: paid",))) for k in range(12, 0, -1)]
        calls.acts["bank", "POST /pay"] += [(ONSET + 10 + k, frozenset((bank,))) for k in range(12)]
        view = SpanView(ONSET, compared(calls), 0.0, ())
        found = trace_shares(view, graph)
        assert found is not None
        return found.function

    assert shares("info: paid twice")["shop"] > 0.4
    assert shares("error: no money")["bank"] > shares("info: paid twice")["bank"]
    assert shares("error: no money")["shop"] < 0.1
