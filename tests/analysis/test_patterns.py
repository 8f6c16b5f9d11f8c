"""Templates and their comparison: what is new, surged, gone, steady, and that the counts add up."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from console.analysis.constants import TREND_STEPS
from console.analysis.patterns import Compared, compare_since, counted, special
from console.analysis.templates import template_of
from console.domain.instant import Window
from console.domain.logs import Level, LogRecord
from console.domain.shapes import OTHER
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


def compared(
    records: list[LogRecord], shown: Window = WINDOW, counted_from: float = BASELINE.start, step_s: float = 5.0
) -> Compared:
    """The lines since the window began against those before, of a source that counted from some moment on."""
    counts = counted(records, Window(counted_from, WINDOW.end), step_s, sampled=False)
    return compare_since([counts], WINDOW.start, shown)


def statuses(records: list[LogRecord]) -> dict[str, str]:
    return {str(p.template): p.status for p in compared(records).patterns}


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


def test_more_lines_of_everything_are_steady() -> None:
    records = lines("slow {n}", 0, 1000, 500, Level.WARN) + lines("slow {n}", 1000, 1300, 600, Level.WARN)
    records += lines("steady work {n}", 0, 1000, 3000) + lines("steady work {n}", 1000, 1300, 3600)
    assert set(statuses(records).values()) == {"steady"}


def test_of_few_lines_not_their_share_but_how_long_there_was_none_says_what_is_new() -> None:
    records = (
        lines("processing {n}", 1000, 1300, 50) + lines("disk full {n}", 1100, 1300, 5) + lines("ok {n}", 0, 1300, 13)
    )
    assert statuses(records)["disk full <*>"] == "new"


def test_the_counts_add_up() -> None:
    rng = random.Random(3)
    records = [r for k in range(400) for r in lines(f"kind{k % 37} {{n}} thing", 0, 1300, rng.randint(1, 4))]
    found = compared(records)
    assert sum(p.count for p in found.patterns) == found.lines == sum(r.at in WINDOW for r in records)
    assert sum(p.baseline_count or 0 for p in found.patterns) == found.baseline_lines


def test_beyond_the_limit_templates_count_as_other() -> None:
    words = ["alpha", "beta", "gamma", "delta", "omega", "sigma", "kappa", "theta", "iota", "zeta"]
    records = [
        LogRecord(1100.0, Level.INFO, "a", SafeText(f"{x} {y} {z} went")) for x in words for y in words for z in words
    ]
    found = compared(records)
    assert len(found.patterns) <= 301
    assert sum(p.count for p in found.patterns) == 1000


def test_without_a_baseline_nothing_is_called_new() -> None:
    found = compared(lines("broken {n}", 1000, 1300, 50), counted_from=WINDOW.start)
    assert [p.status for p in found.patterns] == ["steady"]
    assert found.patterns[0].baseline_count is None and found.patterns[0].ratio is None


def test_a_trend_counts_the_lines_of_a_pattern_over_any_window_and_adds_up() -> None:
    records = lines("steady work {n}", 0, 1300, 600, Level.INFO) + lines("broken pipe {n}", 1050, 1300, 90)
    shown = Window(700.0, 1300.0)
    trends = {str(p.template): p.trend for p in compared(records, shown, step_s=10.0).patterns}
    broken = trends["broken pipe <*>"]
    assert len(broken) == TREND_STEPS and sum(broken) == 90
    assert not any(broken[: TREND_STEPS * 350 // 600 - 1])
    assert sum(trends["steady work <*>"]) == len([r for r in records if r.level is Level.INFO and r.at in shown])


def test_a_pattern_without_lines_in_the_window_has_no_trend() -> None:
    records = lines("steady work {n}", 0, 900, 600, Level.INFO) + lines("broken pipe {n}", 1050, 1300, 9)
    trends = {str(p.template): p.trend for p in compared(records).patterns}
    assert trends["steady work <*>"] == () and sum(trends["broken pipe <*>"]) == 9


def test_a_bucket_that_just_began_is_in_the_trend() -> None:
    records = [*lines("tick {n}", 1010, 1300, 290), LogRecord(1300.5, Level.ERROR, "a", SafeText("tick 1"))]
    shown = Window(1001.0, 1301.0)
    counts = counted(records, Window(0.0, 1301.0), 10.0, sampled=False)
    (pattern,) = compare_since([counts], shown.start, shown).patterns
    assert pattern.trend[-1] and sum(pattern.trend) == pattern.count == 291


def test_what_is_not_worth_a_row_is_told_in_one_so_that_counts_add_up() -> None:
    records = [
        *(r for k in range(30) for r in lines("alpha " * k + "{n} thing", 0, 1300, 60)),
        *lines("broken pipe {n}", 1050, 1300, 90),
        *lines("then silent {n}", 0, 1000, 1),
    ]
    found = compared(records)
    rows = special(found, 5)
    assert rows[0].template == "broken pipe <*>" and len(rows) == 6
    assert (rows[-1].template, rows[-1].service, rows[-1].status) == (OTHER, "", "steady")
    assert sum(p.count for p in rows) == found.lines == sum(r.at in WINDOW for r in records)
    assert sum(p.baseline_count or 0 for p in rows) == found.baseline_lines
    assert sum(sum(p.trend) for p in rows) == found.lines
    assert special(found, 500)[-1].count == 0, "what is only told of the time before keeps the sums right"


def test_secrets_in_patterns_are_hidden() -> None:
    records = lines("login with password=hunter2{n} failed", 1000, 1300, 50)
    (row,) = special(compared(records), 5)
    assert "hunter2" not in row.example + row.template
    assert row.example == "login with password=‹redacted:password› failed", "it is the same in every run"


def test_a_source_of_which_less_is_known_is_compared_over_what_is_known_of_all() -> None:
    long = counted(lines("job {n}", 0, 1300, 5200, service="a"), Window(0.0, 1300.0), 5.0, sampled=False)
    short = counted(lines("call {n}", 900, 1300, 1600, service="b"), Window(900.0, 1300.0), 5.0, sampled=True)
    found = compare_since([long, short], WINDOW.start, WINDOW)
    assert {p.status for p in found.patterns} == {"steady"} and found.sampled
    assert found.baseline is not None and found.baseline.start >= 900.0


def test_nothing_later_is_left_when_counts_are_cut() -> None:
    records = lines("job {n}", 0, 1300, 600) + lines("later {n}", 1201, 1300, 50)
    counts = counted(records, Window(0.0, 1300.0), 10.0, sampled=False)
    cut = counts.until(1204.0)
    assert cut.window == Window(0.0, 1200.0)
    assert {str(shape.text) for shape in cut.shapes} == {"job <*>"}
    assert cut.lines == sum(1 for r in records if r.at is not None and r.at < 1200.0)
    assert max(shape.last for shape in cut.shapes) <= 1204.0
    assert counts.until(1300.0) is counts
