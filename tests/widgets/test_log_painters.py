"""The painters of the log screen: numbers, words and what is left out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.logs import FieldValue, Level, LogCounts, LogRecord, Pattern, record_id
from console.domain.shapes import FieldExcess
from console.domain.text import SafeText
from console.guard.sanitise import safe
from console.query.evaluate import compile_query
from console.query.parse import parse
from console.state import LogsView, Status, Word
from tests.widgets.samples import LOOK, NOW, incident, logs, record
from tests.widgets.test_painters import text_of
from widgets import fields, filter_line, histogram, patterns
from widgets import logs as log_pane
from widgets.frame import Frame
from widgets.log_lines import Hints
from widgets.sparkline import bars


def pattern(status: str, count: int, before: int | None, ratio: float | None) -> Pattern:
    return Pattern("p", SafeText("a <*> b"), "x", Level.ERROR, status, count, before, ratio, None, None, SafeText(""))


def test_each_level_has_its_graph_with_total_and_peak_the_worst_at_the_axis() -> None:
    body = histogram.paint(logs(), 118, 8, LOOK, incident().signals.axis.markers)  # type: ignore[union-attr]
    told = [line.text for row in body.rows for line in row.lines]
    named = [line for line in told if line.strip().startswith(("info", "warn", "error"))]
    assert [line.split()[0] for line in named] == ["info", "warn", "error"]
    assert " 1,300 lines, peak    20 per 10s" in named[1]
    counts = logs().counts
    assert counts is not None
    errors = [bucket.get(Level.ERROR, 0) for bucket in counts.buckets]
    assert f"{sum(errors):,} lines, peak {max(errors):>5} per 10s" in named[2]
    assert "▼" in told[-1] and "╎" in told[-1]


@pytest.mark.parametrize("height", [1, 2, 3, 5, 9, 30])
@pytest.mark.parametrize("width", [1, 20, 49, 76, 196])
def test_a_histogram_never_needs_more_lines_than_it_has_and_keeps_the_errors(width: int, height: int) -> None:
    body = histogram.paint(logs(), width, height, LOOK)
    assert sum(len(row.lines) for row in body.rows) <= height
    if width >= 20:
        assert "error" in text_of(body)


def test_a_histogram_without_lines_says_zero_and_one_without_counts_why() -> None:
    view = replace(logs(), counts=LogCounts(NOW - 100, 10.0, tuple({} for _ in range(10))))
    assert "0 lines, peak     0" in text_of(histogram.paint(view, 118, 5, LOOK))
    down = LogsView(status=Status(Word.DOWN, detail=SafeText("app: permission denied")))
    assert "permission denied" in text_of(histogram.paint(down, 80, 5, LOOK))
    assert "[[logs]]" in text_of(histogram.paint(LogsView(status=Status(Word.NO_DATA)), 80, 5, LOOK))


def test_bars_stand_on_each_other() -> None:
    assert bars([0.0, 1.0, 4.0, 8.0, None], 8.0, 2) == ["   █ ", "_▂██ "]
    assert bars([8.0], 8.0, 4) == ["█"] * 4


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=50), st.integers(1, 6))
def test_a_bar_has_no_hole_and_grows_with_its_value(values: list[float], height: int) -> None:
    lines = bars(values, 1000.0, height)

    def ink(column: int) -> int:
        return sum("_▁▂▃▄▅▆▇█".index(line[column]) for line in lines if line[column] != " ")

    order = sorted(range(len(values)), key=values.__getitem__)
    assert [ink(i) for i in order] == sorted(ink(i) for i in order)
    for column in range(len(values)):
        stack = [line[column] for line in lines]
        first = next((n for n, c in enumerate(stack) if c != " "), height)
        assert all(c == "█" for c in stack[first + 1 :])


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (pattern("new", 412, 0, None), "412 now, 0 in 3h before: only now"),
        (pattern("surged", 88, 40, 6.2), "88 now, 40 in 3h before: 6.2 × more"),
        (pattern("gone", 0, 211, 0.0), "0 now, 211 in 3h before: stopped"),
        (pattern("steady", 940, 5600, 1.02), "940 now, 5,600 in 3h before: as before"),
        (pattern("steady", 10, 5600, 0.25), "10 now, 5,600 in 3h before: 4 × less"),
        (pattern("steady", 1, 0, None), "1 now, 0 in 3h before: too few"),
        (pattern("steady", 7, None, None), "7 now, the time before is not known"),
    ],
)
def test_a_pattern_is_compared_in_plain_words(one: Pattern, said: str) -> None:
    assert patterns.sentence(one, 10_800.0) == said


def test_patterns_stand_new_first_and_the_table_drops_columns_before_it_cuts_templates() -> None:
    view = replace(logs(), patterns=(*reversed(logs().patterns), pattern("odd", 3, 1, 1.0)))
    words = [row.value.status for row in patterns.paint(view, 120, 12, LOOK).rows if isinstance(row.value, Pattern)]
    assert words == ["new", "new", "surged", "steady", "odd"]
    wide, usual, narrow = (text_of(patterns.paint(logs(), width, 12, LOOK)) for width in (150, 68, 50))
    for word in ("trend", "service", "412", "0 in 3h", "only now", "6.2 × more"):
        assert word in wide
    for word in ("trend", "412", "0 in 3h", "6.2 × more", "timeout after <*> ms calling paym"):
        assert word in usual
    assert "trend" not in narrow and "timeout after <*> ms calling p" in narrow and "412" in narrow


def test_the_trend_of_a_pattern_is_as_long_as_the_longest() -> None:
    rows = text_of(patterns.paint(logs(), 150, 12, LOOK)).splitlines()
    place = rows[0].index("trend")
    assert rows[1][place : place + 6].strip() == "_____" and rows[3][place + 1] not in "_ "


def test_copying_a_pattern_gives_its_sentence_and_a_command_for_its_lines() -> None:
    row = patterns.row(logs().patterns[0], [], 10_800.0)
    assert row.text == "NEW timeout after <*> ms calling payments-gateway (412 now, 0 in 3h before: only now)"
    assert (
        row.command == """incident logs 'service:checkout level:error "timeout after" "ms calling payments-gateway"'"""
    )
    hostile = replace(logs().patterns[0], template=SafeText("it's $(rm -rf) `x`"))
    query = patterns.row(hostile, [], None).command.removeprefix("incident logs ")
    assert query.startswith("'") and query.endswith("'") and "'\"'\"'" in query


def test_the_fields_of_a_line_are_values_that_a_query_can_ask_for() -> None:
    one = LogRecord(NOW, Level.ERROR, "x", SafeText("m"), status=504, latency_s=3.0, trace_id="t1",
                    fields=(("host", SafeText("h1")), ("host", SafeText("h2"))), source="app", file="a.log", offset=7)  # fmt: skip
    rows = fields.paint(one, LogsView(), 60, 20, LOOK).rows
    values = [row.value for row in rows if isinstance(row.value, FieldValue)]
    assert {(v.name, str(v.value)) for v in values} == {
        ("level", "error"), ("service", "x"), ("status", "504"), ("trace_id", "t1"), ("message", "m"),
        ("host", "h1"), ("host", "h2"), ("source", "app"), ("file", "a.log"),
    }  # fmt: skip
    for value in values:
        assert compile_query(parse(f'{value.name}:"{value.value}"')).matches(one), value
    assert len({row.key for row in rows}) == len(rows)


@pytest.mark.parametrize("width", [24, 44, 80])
def test_what_failing_lines_have_more_often_is_said_beside_the_value_and_listed(width: int) -> None:
    one = replace_fields(record(1), version="v41")
    body = fields.paint(one, logs(), width, 30, LOOK)
    text = text_of(body)
    assert text.count("100 % of failing, no other"[: width - 8]) == 2
    assert "95 % of failing, 3.8 × over"[: width - 8] in text
    assert all(line.width <= width for row in body.rows for line in row.lines)
    assert fields.share_text(FieldExcess("a", SafeText("b"), 0, 0, 0, 0, None)) == "failing, no other"


@pytest.mark.parametrize("width", [24, 40, 80])
def test_values_in_excess_that_come_from_a_sample_say_so(width: int) -> None:
    known = LogsView(excess=(FieldExcess("host", safe("web-2"), 30, 31, 5, 90, 17.4),))
    said = text_of(fields.paint(None, known, width, 20, LOOK))
    assert "failing lines have mor" in said and "sample" not in said
    sampled = text_of(fields.paint(None, replace(known, excess_sample=6012), width, 20, LOOK))
    assert "in a sample of 6,012" in sampled


def replace_fields(one: LogRecord, **said: str) -> LogRecord:
    import msgspec

    return msgspec.structs.replace(one, fields=tuple((name, SafeText(value)) for name, value in said.items()))


def test_marked_lines_carry_a_sign_and_search_words_are_marked_like_those_of_the_filter() -> None:
    view = replace(logs(), filter_text=SafeText(""))
    hints = Hints("calling", frozenset({record_id(view.records[0])}))
    rows = log_pane.paint(view, 118, 30, LOOK, hints=hints, bare=True).rows
    assert "◆ERROR" in rows[0].lines[0].text and "◆" not in rows[1].lines[0].text
    assert ("calling", "match") in rows[0].lines[0].spans
    plain = log_pane.paint(view, 118, 30, LOOK, bare=True).rows
    assert plain[0].lines[0].width == rows[0].lines[0].width


def test_the_bare_pane_shows_records_and_what_was_skipped_only() -> None:
    body = log_pane.paint(replace(logs(), skipped=12), 118, 30, LOOK, bare=True)
    assert len(body.head) == 1 and "+12 lines skipped" in body.head[0].lines[0].text
    assert all(isinstance(row.value, LogRecord) for row in body.rows)


@pytest.mark.parametrize("width", [1, 20, 40, 80, 120])
def test_the_filter_line_always_shows_the_filter_first(width: int) -> None:
    line = filter_line.paint(logs(), width, "level:>=warn", "timeout", 3)
    assert line.width == width
    if width >= 20:
        assert line.text.startswith(" / level")
    if width >= 80:
        assert "412 lines" in line.text and "3 marked" in line.text and "find timeout" in line.text


def test_the_filter_line_tells_what_is_being_read_and_what_is_frozen() -> None:
    reading = replace(logs(), status=Status(Word.LOADING, detail=SafeText("reading the window: 1 of 3 sources, 4s")))
    assert "1 of 3 sources, 4s · Esc gives up" in filter_line.paint(reading, 120, "x").text
    frozen = replace(logs(), status=Status(Word.FROZEN))
    assert "frozen: P shows it" in filter_line.paint(frozen, 120, "other").text
    assert "412 lines" in filter_line.paint(frozen, 120, "level:>=warn").text
    assert "no filter: every line" in filter_line.paint(logs(), 120, "").text


def test_a_title_drops_the_least_important_facts_first() -> None:
    facts = "412 lines · 2 marked · not following · 61/min"
    status = Status(Word.LIVE, 3.0)
    tops = [Frame(w, 5, 4, "Lines", "", facts, status).around([], [])[0].text for w in (120, 80, 60, 44, 30)]
    assert ["61/min" in top for top in tops] == [True, False, False, False, False]
    assert ["2 marked" in top for top in tops] == [True, True, False, False, False]
    assert ["412 lines" in top for top in tops] == [True, True, True, True, False]
    assert all("LIVE 3s" in top for top in tops)


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_why_a_pane_is_partial_stands_on_its_border_wherever_there_is_room(width: int) -> None:
    status = Status(Word.PARTIAL, 10.0, detail=safe("40% of the lines are counted"))
    top, *_, bottom = Frame(width, 6, 2, "Patterns", "", "12, 3 new", status).around([], [], "+48 more")
    assert (top.text + bottom.text).count("of the lines are counted"[: 7 if width < 60 else None]) == 1
    assert top.width == bottom.width == width and "+48 more" in bottom.text
    live = Frame(width, 6, 2, "Patterns", "", "", replace(status, word=Word.LIVE)).around([], [])[-1]
    assert "counted" not in live.text


@pytest.mark.parametrize("width", [66, 70, 76, 110])
def test_patterns_that_say_the_same_in_several_services_tell_whose_they_are(width: int) -> None:
    some = [replace(pattern("new", 40, 0, None), service=name, trend=(1, 2)) for name in ("checkout", "payments")]
    said = text_of(patterns.paint(LogsView(patterns=tuple(some), baseline_s=600.0), width, 12, LOOK))
    assert "checkout" in said and "payments" in said and said.count("NEW") == 2


def test_counts_that_are_taken_from_a_part_of_the_lines_are_not_told_to_the_last_one() -> None:
    known = replace(logs(), total=151_905, status=Status(Word.LIVE, 0.0))
    assert "151,905 lines" in filter_line.paint(known, 120, "x").text
    assert "about 150,000 lines" in filter_line.paint(replace(known, estimated=True), 120, "x").text
    pane = log_pane.LogsPane()
    pane.view = replace(known, estimated=True)
    assert pane.facts().startswith("about 150,000 lines")
