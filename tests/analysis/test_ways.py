"""The query beside a claim gives what the claim says, or it is said that none does."""

from __future__ import annotations

from console.analysis.suspects import fact
from console.analysis.ways import Ways
from console.domain.instant import Window
from console.domain.observations import Observations
from console.domain.reading import SourceReport, SourceState
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.topology import Topology

NOW = 1_790_000_000.0


def series(operation: str, metric: str, source: str, query: str) -> Series:
    return Series.of(SeriesKey("shop", operation, metric), [(NOW, 1.0)], source, query)


def ways(*known: Series, file: str = "", role: str = "metrics") -> Ways:
    reports = (SourceReport("prom", "prometheus", SourceState.OK, role=role, file=file),)
    window = Window(NOW - 1800, NOW)
    return Ways.of(
        Observations(NOW, window, window, Topology(), SeriesSet.of(list(known)), sources=reports), (), window
    )


LIST = series("GET /list", "error_count", "prom", "errors of list")
ITEM = series("GET /item", "error_count", "prom", "errors of item")
CPU = series("", "cpu", "prom", "cpu of shop")


def test_a_series_is_repeated_by_its_own_query_only() -> None:
    assert ways(LIST, ITEM).metric("prom", "shop", "GET /item", "error_count").query == "errors of item"
    assert ways(LIST, CPU).metric("prom", "shop", "GET /item", "error_count").query is None
    assert ways(LIST, CPU).metric("prom", "shop", "", "latency_p99").query is None


def test_what_was_added_up_has_no_query_unless_all_its_rows_stand_in_a_file() -> None:
    assert ways(LIST, ITEM).metric("prom", "shop", "", "error_count").query is None
    assert ways(LIST, CPU).metric("prom", "shop", "", "error_count").query == "errors of list"  # of one part only
    told = ways(LIST, ITEM, file="my metrics.csv").metric("prom", "shop", "", "error_count").query
    assert told == "grep -F ,shop, 'my metrics.csv' | grep -F ,error_count,"


def test_lines_of_another_metric_are_no_way_either() -> None:
    requests = series("GET /list", "request_count", "prom", 'service:"shop"')
    assert ways(requests, role="logs").metric("prom", "shop", "", "error_count").query is None
    told = ways(LIST, role="logs").metric("prom", "shop", "GET /list", "error_count").query
    assert told is not None and told.startswith("incident logs 'errors of list' --since ")


def test_evidence_without_a_query_says_so() -> None:
    way = ways(LIST, ITEM).metric("prom", "shop", "", "error_count")
    assert fact("fails more", way).query is None


def test_a_silence_is_repeated_by_any_series_of_who_is_silent() -> None:
    way = ways(CPU, LIST).heard("prom", "shop")
    assert (way.query, way.series) == ("cpu of shop", CPU.key)
    assert ways(CPU).heard("prom", "other").query is None
