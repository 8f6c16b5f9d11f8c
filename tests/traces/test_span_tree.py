"""The spans of one trace as a tree, and read out of a file that holds many."""

from __future__ import annotations

from pathlib import Path

from console.domain.spans import Span
from console.drilldowns.spans import MOST_ROWS, span_tree
from sources.traces.jsonl import JsonlTraces
from tests.traces.test_jsonl import ALL, span, write


def made(name: str, parent: str | None, start: float, duration_s: float) -> Span:
    return Span("t", name, parent, "checkout", name, "server", start, duration_s, False)


def test_a_span_stands_below_the_one_that_waited_for_it_and_tells_what_it_took_itself() -> None:
    view = span_tree([made("db", "pay", 2.2, 0.5), made("orders", None, 2.0, 1.0), made("pay", "orders", 2.1, 0.7)])
    assert [(row.trunk, row.operation) for row in view.rows] == [("", "orders"), ("└─ ", "pay"), ("   └─ ", "db")]
    assert [round(row.own_s, 3) for row in view.rows] == [0.3, 0.2, 0.5]
    assert [round(row.start_s, 3) for row in view.rows] == [0.0, 0.1, 0.2] and round(view.total_s, 3) == 1.0


def test_siblings_stand_in_the_order_of_their_beginning() -> None:
    view = span_tree(
        [made("a", None, 0, 9), made("late", "a", 5, 1), made("early", "a", 1, 1), made("x", "early", 1, 1)]
    )
    assert [f"{row.trunk}{row.operation}" for row in view.rows] == ["a", "├─ early", "│  └─ x", "└─ late"]


def test_spans_without_a_known_parent_and_those_of_a_circle_are_shown() -> None:
    view = span_tree([made("lost", "gone", 0, 1), made("a", "b", 1, 1), made("b", "a", 2, 1), made("own", "own", 3, 1)])
    assert sorted(row.operation for row in view.rows) == ["a", "b", "lost", "own"]


def test_a_deep_trace_and_a_long_one_are_shown_in_part() -> None:
    deep = [made(f"s{n}", f"s{n - 1}" if n else None, n, 1) for n in range(5_000)]
    view = span_tree(deep)
    assert len(view.rows) == MOST_ROWS and "4,700 more spans are not shown" in view.says


async def test_one_trace_is_read_whole_however_many_others_there_are(tmp_path: Path) -> None:
    others = "".join(span(trace_id=f"t{n}", span_id=f"s{n}", start=100.0 + n / 1e4) for n in range(5_000))
    path = write(tmp_path / "s.jsonl", others + span(trace_id="mine", span_id="a") + span(trace_id="mine", span_id="b"))
    reading = await JsonlTraces("t", path).spans(ALL, 10, "mine")
    assert [one.span_id for one in reading.value] == ["a", "b"]
