"""Error lines that nobody wrote before: a burst of some seconds is none, and what stopped is over."""

from __future__ import annotations

from console.analysis.moves import Move
from console.analysis.spanmoves import new_errors
from console.domain.instant import Window
from console.domain.logs import Level, LogRecord
from console.domain.text import SafeText

NOW = 1_790_000_000.0
WINDOW = Window(NOW - 1800, NOW)


def line(ago: float, level: Level, text: str) -> LogRecord:
    return LogRecord(at=NOW - ago, level=level, message=SafeText(text), service="a", source="app")


def judged(*agos: float) -> list[Move]:
    """An hour of ordinary lines, and an error that came so many seconds ago."""
    lines = [line(ago, Level.INFO, "served") for ago in range(3600, 0, -5)]
    lines += [line(ago, Level.ERROR, "no route to the bank") for ago in agos]
    return new_errors(sorted(lines, key=lambda r: r.at or 0.0), NOW, WINDOW, "app")


def test_a_new_error_that_keeps_coming_is_one() -> None:
    (found,) = judged(*range(120, 0, -10))
    assert found.ongoing
    assert (found.onset, found.requests) == (NOW - 120, 12)


def test_a_burst_of_some_seconds_is_none() -> None:
    assert judged(*range(20, 0, -1)) == []
    assert judged(*range(420, 400, -1)) == []


def test_one_that_stopped_is_over_and_a_pause_in_its_rhythm_is_no_end() -> None:
    (over,) = judged(*range(600, 300, -10))
    assert over.end == NOW - 310
    (slow,) = judged(*range(800, 120, -40))
    assert slow.ongoing
