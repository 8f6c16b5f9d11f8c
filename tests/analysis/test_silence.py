"""Silence: of services, and of whole sources."""

from __future__ import annotations

from console.analysis.silence import aged_sources, find_silences
from console.domain.reading import SourceReport, SourceState
from console.domain.series import Series, SeriesKey, SeriesSet

NOW = 1_790_000_000.0


def series(service: str, agos: list[float]) -> Series:
    """Points so many seconds ago."""
    return Series.of(SeriesKey(service, "", "cpu"), [(NOW - a, 0.5) for a in agos], "m")


def steady(until_s: float = 0.0, step: float = 60.0, count: int = 120) -> list[float]:
    """One point every step, the last one `until_s` ago."""
    return [until_s + step * k for k in range(count)]


def silent(*all_series: Series) -> list[str]:
    """Who fell silent."""
    return [s.service for s in find_silences(SeriesSet.of(list(all_series)), NOW)]


def test_one_that_stops_while_others_go_on() -> None:
    assert silent(series("a", steady()), series("b", steady(600))) == ["b"]


def test_none_where_all_report_or_the_source_itself_stops() -> None:
    assert silent(series("a", steady()), series("b", steady(90))) == []
    assert silent(series("a", steady(600)), series("b", steady(600))) == []


def test_one_that_always_has_gaps() -> None:
    rare = [float(k * k % 7) * 60 + 420 * k for k in range(2, 60)]
    assert silent(series("a", steady()), series("b", rare)) == []


def test_who_stopped_hours_ago_was_retired() -> None:
    assert silent(series("a", steady(count=600)), series("b", steady(5 * 3600))) == []


def test_time_in_which_the_source_was_not_heard_does_not_count() -> None:
    gap = [a for a in steady(count=300) if a < 60 or a > 3600]
    assert silent(series("a", gap), series("b", [a for a in gap if a > 3600])) == []


def test_a_stale_source_is_said_to_be_stale() -> None:
    report = SourceReport("m", "csv", SourceState.OK, role="metrics")
    (old,) = aged_sources((report,), SeriesSet.of([series("a", steady(900))]), NOW)
    (new,) = aged_sources((report,), SeriesSet.of([series("a", steady(60))]), NOW)
    assert (old.state, new.state) == (SourceState.STALE, SourceState.OK)
    assert "15m" in old.detail


def test_some_seconds_without_a_point_are_a_hiccup_and_a_minute_is_not() -> None:
    fine = steady(step=5.0, count=400)
    assert silent(series("a", fine), series("b", [a + 40 for a in fine])) == []
    assert silent(series("a", fine), series("b", [a + 70 for a in fine])) == ["b"]
