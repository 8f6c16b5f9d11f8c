"""Silence: of services, and of whole sources."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from console.analysis.silence import Hearing, aged_sources, find_silences, hearings, silent_system
from console.domain.instant import Window, span_text
from console.domain.logs import Level, LogRecord
from console.domain.observations import ErrorSample, Observations
from console.domain.reading import SourceReport, SourceState
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.spans import Span
from console.domain.topology import Service, Topology
from console.guard.sanitise import safe

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


def state_of(role: str, state: SourceState = SourceState.OK, detail: str = "", **more: Any) -> SourceReport:
    """What is said of the only source, called `m`, whose evidence is `more`."""
    report = SourceReport("m", "files", state, safe(detail), role=role)
    window = Window(NOW - 1800, NOW)
    base = Observations(
        NOW, window, Window(NOW - 86400, NOW), Topology((Service("a"),)), SeriesSet(), sources=(report,)
    )
    seen = replace(base, **more)
    (found,) = aged_sources(seen.sources, hearings(seen), NOW)
    return found


def lines(agos: list[float], filled: int = 0, step: float = 60.0) -> SeriesSet:
    """A log with lines so many seconds ago, and so many noughts after the last of them."""
    key = SeriesKey("a", "", "log_lines")
    noughts = [(NOW - agos[0] + step * k, 0.0) for k in range(1, filled + 1)]
    return SeriesSet.of([Series.of(key, [*((NOW - ago, 4.0) for ago in agos), *noughts], "m")])


def records(agos: list[float]) -> ErrorSample:
    found = tuple(LogRecord(NOW - ago, Level.INFO, "a", safe("served"), source="m") for ago in sorted(agos)[::-1])
    return ErrorSample(Window(NOW - 86400, NOW), found, len(found))


def spans(agos: list[float]) -> tuple[Span, ...]:
    return tuple(Span("t", str(k), None, "a", "op", "server", NOW - ago - 1, 1.0, False) for k, ago in enumerate(agos))


def poisson(until_s: float, mean_s: float, count: int = 300) -> list[float]:
    """Arrivals by chance, the last one `until_s` ago."""
    rng, ago, found = random.Random(3), until_s, [until_s]
    for _ in range(count):
        ago += rng.expovariate(1 / mean_s)
        found.append(ago)
    return found


def runs(until_s: float, every_s: float = 3600.0, count: int = 20) -> list[float]:
    """Two minutes of lines of a job that comes again and again."""
    return [until_s + every_s * k + 60 * m for k in range(count) for m in range(2)]


def test_a_stale_source_is_said_to_be_stale() -> None:
    old = state_of("metrics", series=SeriesSet.of([series("a", steady(900))]))
    new = state_of("metrics", series=SeriesSet.of([series("a", steady(60))]))
    assert (old.state, new.state) == (SourceState.STALE, SourceState.OK)
    assert "15m" in old.detail


@pytest.mark.parametrize("ago", [240, 3600, 5 * 3600])
def test_a_log_and_spans_that_ended_are_stale(ago: float) -> None:
    agos = steady(ago, count=600)
    for found in (
        state_of("logs", series=lines(agos)),
        state_of("logs", series=lines(agos, filled=4)),
        state_of("logs", records=records(agos)),
        state_of("traces", spans=spans(agos)),
    ):
        assert found.state is SourceState.STALE
        assert f"is {span_text(ago)} old; its longest pause before was 60s" in found.detail


def test_what_was_read_in_part_grows_stale_as_well() -> None:
    found = state_of("logs", SourceState.PARTIAL, "3 lines cannot be read", series=lines(steady(600)))
    assert found.state is SourceState.STALE and found.detail.endswith("; 3 lines cannot be read")
    assert state_of("logs", SourceState.FAILED, "gone", series=lines(steady(600))).state is SourceState.FAILED


@pytest.mark.parametrize(
    "agos",
    [
        steady(0),
        steady(170),
        poisson(600, 180.0),  # one line in three minutes
        runs(3000),  # a job of every hour
        runs(6600),  # one run of it is late
        steady(3600, count=10),  # too few to know its habit
        steady(7000, count=50),  # silent for far longer than it was heard
    ],
)
def test_a_pause_that_fits_the_habit_is_none(agos: list[float]) -> None:
    assert state_of("logs", series=lines(agos)).state is SourceState.OK
    assert state_of("traces", spans=spans(agos)).state is SourceState.OK


def test_warnings_that_stop_are_no_silence() -> None:
    assert state_of("logs", errors=records(steady(1200))).state is SourceState.OK


def hearing(role: str, agos: list[float]) -> Hearing:
    pause = 180.0 if role == "metrics" else None
    return Hearing(role, NOW - max(agos), NOW - min(agos), pause)


@pytest.mark.parametrize(
    ("heard", "silent"),
    [
        ([], False),
        ([hearing("logs", steady(120))], False),
        ([hearing("logs", steady(1700))], False),  # within the window, after a longer while
        ([hearing("logs", steady(1900))], True),  # before the window
        ([hearing("logs", steady(1700, count=10))], True),  # silent for longer than it was heard
        ([hearing("logs", steady(9000)), hearing("metrics", steady(60))], False),
        ([hearing("logs", steady(9000)), hearing("traces", steady(60))], False),
        ([hearing("logs", steady(9000)), hearing("metrics", steady(3000))], True),
    ],
)
def test_nothing_is_heard_where_nobody_told_anything_lately(heard: list[Hearing], silent: bool) -> None:
    found = silent_system(heard, Window(NOW - 1800, NOW), NOW)
    assert bool(found) is silent
    assert not silent or " UTC, " in found


def test_some_seconds_without_a_point_are_a_hiccup_and_a_minute_is_not() -> None:
    fine = steady(step=5.0, count=400)
    assert silent(series("a", fine), series("b", [a + 40 for a in fine])) == []
    assert silent(series("a", fine), series("b", [a + 70 for a in fine])) == ["b"]
