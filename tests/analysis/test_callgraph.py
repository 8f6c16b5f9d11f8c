"""Who calls whom and how those calls went; what each node added itself."""

from __future__ import annotations

import pytest

from console.analysis.callgraph import FEWEST_CALLS, graph_calls, own_excess
from console.analysis.cascade import Excess
from console.analysis.graph import build_graph
from console.analysis.outbound import Blame, read_outbound
from console.analysis.place import Place
from console.domain.instant import Window
from console.domain.logs import Level, LogRecord
from console.domain.text import SafeText
from console.domain.topology import Dependency, Service, Topology

NOW = 1_790_000_000.0
BEFORE, DURING = Window(NOW - 3600, NOW - 600), Window(NOW - 600, NOW)
SYSTEM = Topology((Service("shop", ("pay",)), Service("pay", ("cards",))), (Dependency("cards", "third_party"),))


def call(at: float, status: int, ms: float) -> LogRecord:
    fields = (("peer", SafeText("cards")), ("peer_status", SafeText(str(status))), ("peer_ms", SafeText(f"{ms}")))
    return LogRecord(at, Level.INFO, "pay", SafeText("charge"), fields=fields)


def test_calls_are_told_by_the_records_of_who_makes_them() -> None:
    records = [call(NOW - 3000 + n, 200, 100) for n in range(100)]
    records += [call(NOW - 500 + n, 504 if n % 2 else 200, 2000) for n in range(40)]
    outbound = read_outbound(records, ("shop", "pay", "cards"))
    graph = build_graph(SYSTEM, None, records, ("shop", "pay", "cards"))
    by_pair = {(c.caller, c.callee): c for c in graph_calls(graph, outbound, BEFORE, DURING)}
    cards = by_pair["pay", "cards"]
    assert (cards.error_rate, cards.baseline_error_rate, cards.samples) == (0.5, 0.0, 40)
    assert cards.latency_avg_s == pytest.approx(2.0) and cards.told_by == "configuration"
    assert by_pair["shop", "pay"].error_rate is None and by_pair["shop", "pay"].samples is None


def test_too_few_calls_say_nothing_of_how_they_went() -> None:
    records = [call(NOW - 10 - n, 504, 10) for n in range(FEWEST_CALLS - 1)]
    outbound = read_outbound(records, ("pay", "cards"))
    (_, cards) = sorted(
        graph_calls(build_graph(SYSTEM, None, (), ()), outbound, None, DURING), key=lambda c: c.callee != "pay"
    )
    assert cards.error_rate is None and cards.latency_avg_s is None and cards.samples == FEWEST_CALLS - 1


def test_what_each_added_itself_is_what_is_left_after_those_it_calls() -> None:
    pay = Place("pay", 0.1, True, NOW)
    pay.excess["failures"] = Excess("pay", 10, 9, 0.9, 0.01, 0.5, 4, ("cards",))
    cards = Place("cards", 1.4, False, NOW)
    cards.blames.append(Blame("pay", "cards", 0.9, 0.2, None, (0.01, 0.1, 100), (0.8, 2.0, 40)))
    found = own_excess([pay, cards, Place("db", 0.0, True, NOW)])
    assert [(e.service, e.share, e.currency) for e in found] == [("cards", 1.0, "failures"), ("pay", 0.1, "failures")]
    assert (found[0].baseline, found[0].observed) == (0.01, 0.8)
    assert (found[1].baseline, found[1].observed) == (0.01, 0.5)
