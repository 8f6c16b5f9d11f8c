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


def judged(*agos: float, known_s: int = 3600) -> list[Move]:
    """An hour of ordinary lines, or less, and an error that came so many seconds ago."""
    lines = [line(ago, Level.INFO, "served") for ago in range(known_s, 0, -5)]
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


def test_lines_that_all_came_close_to_each_other_tell_where_little_is_known_of_before() -> None:
    """As many lines spread over all that is known but a minute may be chance, and close to each other they are not."""
    (close,) = judged(*range(180, 80, -9), known_s=330)
    assert close.requests == 12
    assert judged(*range(260, 0, -22), known_s=330) == []
