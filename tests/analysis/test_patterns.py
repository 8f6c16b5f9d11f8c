"""Templates and their comparison: what is new, surged, gone, steady, and that the counts add up."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from console.analysis.patterns import TREND_STEPS, compare, with_trends
from console.analysis.templates import template_of
from console.domain.instant import Window
from console.domain.logs import Level, LogRecord
from console.domain.text import SafeText

WINDOW, BASELINE = Window(1000.0, 1300.0), Window(0.0, 1000.0)


def lines(
    text: str, start: float, end: float, n: int, level: Level = Level.ERROR, service: str = "a"
) -> list[LogRecord]:
    rng = random.Random(text)
    return [
        LogRecord(rng.uniform(start, end), level, service, SafeText(text.format(n=rng.randrange(10**6))))
        for _ in range(n)
    ]


def statuses(records: list[LogRecord]) -> dict[str, str]:
    return {str(p.template): p.status for p in compare(records, WINDOW, BASELINE).patterns}


def test_values_become_blanks() -> None:
    assert template_of("timeout after 3000 ms calling pay") == template_of("timeout after 12 ms calling pay")
    assert template_of("id 8f14e45f-ceea-467f-9575-2a3e5b1c0d11 gone") == "id <*> gone"
    assert template_of("from 10.0.3.7:8443 to [fe80::1]").startswith("from <*>")
    assert template_of("user alice@example.com") == "user <*>"


def test_words_stay() -> None:
    assert template_of("connection refused by peer") == "connection refused by peer"
    assert "deadbeef" not in template_of("hash 0xdeadbeef")


@given(st.text(max_size=4000))
def test_any_text_has_a_template_and_the_same_one_twice(text: str) -> None:
    assert template_of(text) == template_of(text)


def test_a_new_error_is_new() -> None:
    records = lines("steady work {n}", 0, 1300, 600, Level.INFO) + lines("broken pipe {n}", 1050, 1300, 9)
    assert statuses(records)["broken pipe <*>"] == "new"


def test_an_error_that_was_always_there_is_steady() -> None:
    records = lines("steady work {n}", 0, 1300, 600, Level.INFO) + lines("broken pipe {n}", 0, 1300, 130)
    assert set(statuses(records).values()) == {"steady"}


def test_two_lines_are_not_new_yet() -> None:
    records = lines("steady work {n}", 0, 1300, 600, Level.INFO) + lines("broken pipe {n}", 1050, 1300, 2)
    assert statuses(records)["broken pipe <*>"] == "steady"


def test_many_times_more_is_surged_and_none_is_gone() -> None:
    records = (
        lines("retry {n}", 0, 1000, 40)
        + lines("retry {n}", 1000, 1300, 90)
        + lines("beat {n}", 0, 1000, 200, Level.INFO)
    )
    found = statuses(records)
    assert found["retry <*>"] == "surged"
    assert found["beat <*>"] == "gone"


def test_more_lines_in_proportion_to_traffic_are_steady() -> None:
    records = lines("slow {n}", 0, 1000, 50, Level.WARN) + lines("slow {n}", 1000, 1300, 60, Level.WARN)
    by_requests = compare(records, WINDOW, BASELINE, spans=(1000.0, 1200.0))
    assert [p.status for p in by_requests.patterns] == ["steady"]


def test_the_counts_add_up() -> None:
    rng = random.Random(3)
    records = [r for k in range(400) for r in lines(f"kind{k % 37} {{n}} thing", 0, 1300, rng.randint(1, 4))]
    found = compare(records, WINDOW, BASELINE)
    assert sum(p.count for p in found.patterns) == found.lines == sum(r.at in WINDOW for r in records)
    assert sum(p.baseline_count or 0 for p in found.patterns) == found.baseline_lines


def test_beyond_the_limit_templates_count_as_other() -> None:
    words = ["alpha", "beta", "gamma", "delta", "omega", "sigma", "kappa", "theta", "iota", "zeta"]
    records = [
        LogRecord(1100.0, Level.INFO, "a", SafeText(f"{x} {y} {z} went")) for x in words for y in words for z in words
    ]
    found = compare(records, WINDOW, BASELINE)
    assert len(found.patterns) <= 301
    assert sum(p.count for p in found.patterns) == 1000


def test_without_a_baseline_nothing_is_called_new() -> None:
    found = compare(lines("broken {n}", 1000, 1300, 50), WINDOW, None)
    assert [p.status for p in found.patterns] == ["steady"]
    assert found.patterns[0].baseline_count is None and found.patterns[0].ratio is None


def test_a_trend_counts_the_lines_of_a_pattern_over_any_window_and_adds_up() -> None:
    records = lines("steady work {n}", 0, 1300, 600, Level.INFO) + lines("broken pipe {n}", 1050, 1300, 90)
    shown = Window(700.0, 1300.0)
    trends = {str(p.template): p.trend for p in with_trends(compare(records, WINDOW, BASELINE), records, shown)}
    broken = trends["broken pipe <*>"]
    assert len(broken) == TREND_STEPS and sum(broken) == 90
    assert not any(broken[: TREND_STEPS * 350 // 600 - 1])
    assert sum(trends["steady work <*>"]) == len([r for r in records if r.level is Level.INFO and r.at in shown])


def test_a_pattern_without_lines_in_the_window_has_no_trend() -> None:
    records = lines("steady work {n}", 0, 900, 600, Level.INFO) + lines("broken pipe {n}", 1050, 1300, 9)
    trends = {str(p.template): p.trend for p in with_trends(compare(records, WINDOW, BASELINE), records, WINDOW)}
    assert trends["steady work <*>"] == () and sum(trends["broken pipe <*>"]) == 9
