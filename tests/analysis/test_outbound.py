"""What records of a service say of those it calls."""

from __future__ import annotations

from console.analysis.outbound import Blame, blame, read_outbound
from console.domain.instant import Window
from console.domain.logs import Level, LogRecord
from console.domain.text import SafeText

BEFORE, DURING = Window(0, 3000), Window(3000, 3600)
NAMES = ("shop", "bank", "store")


def call(at: float, ms: float, status: str, failed: bool = False, took: float | None = None) -> LogRecord:
    """One request of `shop` that calls `bank`."""
    fields = (("peer", SafeText("bank")), ("peer_ms", SafeText(str(ms))), ("peer_status", SafeText(status)))
    level = Level.ERROR if failed else Level.INFO
    return LogRecord(at, level, "shop", SafeText("request"), "POST /pay", 500 if failed else 200, took, fields=fields)


def line(at: float, level: Level, text: str) -> LogRecord:
    """A line of `shop`."""
    return LogRecord(at, level, "shop", SafeText(text))


def judged(
    records: list[LogRecord], callee: str = "bank", added_s: float | None = None, load: float = 1.0
) -> Blame | None:
    """What they say of a callee."""
    return blame(read_outbound(records, NAMES), "shop", callee, BEFORE, DURING, added_s, load)


def usual(took: float | None = 0.2) -> list[LogRecord]:
    """Calls that go well."""
    return [call(10.0 * k, 100 + k % 7, "200", took=took) for k in range(300)]


def test_failures_of_the_callee() -> None:
    bad = [call(3000 + 10 * k, 100, "503", failed=True) for k in range(40)]
    found = judged(usual() + bad)
    assert found is not None
    assert found.failures is not None and found.failures > 0.9
    assert not found.clears


def test_failures_that_are_our_own() -> None:
    found = judged(usual() + [call(3000 + 10 * k, 103, "200", failed=True) for k in range(40)])
    assert found is not None
    assert found.failures is not None and found.failures < 0.05
    assert found.clears


def test_time_of_the_callee_by_requests_or_by_other_measurement() -> None:
    slow = [call(3000 + 10 * k, 1100 + k, "200", took=1.2) for k in range(40)]
    found = judged(usual() + slow)
    assert found is not None and found.time is not None and found.time > 0.9
    slow = [call(3000 + 10 * k, 1100 + k, "200") for k in range(40)]
    found = judged(usual(None) + slow, added_s=1.0)
    assert found is not None and found.time is not None and found.time > 0.9
    found = judged(usual(None) + slow, added_s=10.0)
    assert found is not None and found.time is not None and found.time < 0.2


def test_complaints_count_only_on_top_of_the_usual() -> None:
    habit = [line(10.0 * k, Level.ERROR, "bank refused: try later") for k in range(360)]
    found = judged(habit)
    assert found is None or found.errors is None
    more = [line(3000 + 2 * k, Level.ERROR, "bank refused: try later") for k in range(200)]
    found = judged(habit + more)
    assert found is not None and found.errors is not None and found.errors > 0.9


def test_more_requests_bring_more_of_the_usual_complaints() -> None:
    habit = [line(10.0 * k, Level.ERROR, "bank refused: try later") for k in range(360)]
    twice = habit + [line(3003 + 10 * k, Level.ERROR, "bank refused: try later") for k in range(60)]
    found = judged(twice)
    assert found is not None and found.errors == 1.0
    found = judged(twice, load=2.0)
    assert found is None or found.errors is None


def test_warnings_speak_where_nothing_fails() -> None:
    found = judged([line(3000 + 10 * k, Level.WARN, "no answer from bank within 2 s") for k in range(30)])
    assert found is not None and found.errors == 1.0


def test_a_limit_of_ones_own_blames_nobody() -> None:
    own = [line(3000 + 10 * k, Level.ERROR, "pool for bank exhausted, 20 requests wait") for k in range(30)]
    found = judged(own)
    assert found is not None and found.errors == 0.0
