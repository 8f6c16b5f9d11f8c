"""Counting shapes: nothing is lost, whatever the order, and however many there are."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from console.analysis.mining.shapes import ShapeTable
from console.domain.instant import Window
from console.domain.logs import Level, LogRecord
from console.domain.shapes import OTHER, Shape
from console.domain.text import SafeText

WINDOW = Window(1000.0, 1100.0)


def record(at: float, message: str, service: str = "a", level: Level = Level.INFO) -> LogRecord:
    return LogRecord(at, level, service, SafeText(message))


def counted(records: list[LogRecord], parts: int = 1, **bounds: int) -> tuple[Shape, ...]:
    table = ShapeTable(WINDOW, 10.0, **bounds)
    size = -(-len(records) // parts) if records else 1
    for low in range(0, len(records), size):
        table.add_records(records[low : low + size])
    return table.shapes()


RECORDS = st.lists(
    st.builds(
        record,
        st.floats(1000.0, 1099.0),
        st.sampled_from(["get 1", "get 2", "put 3", "", "two\nlines 7", "7"]),
        st.sampled_from(["a", "b"]),
        st.sampled_from([Level.INFO, Level.ERROR]),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(RECORDS, st.integers(1, 5), st.randoms(use_true_random=False))
def test_neither_order_nor_batches_have_influence(records: list[LogRecord], parts: int, rng: random.Random) -> None:
    shuffled = list(records)
    rng.shuffle(shuffled)
    assert counted(records) == counted(shuffled, parts)


def test_of_several_at_one_time_the_first_by_its_words_is_the_example() -> None:
    both = [record(1000.0, "get 1", "a", Level.INFO), record(1000.0, "get 2", "a", Level.INFO)]
    for records in (both, both[::-1], [both[1], record(1000.0, "put 3", "a", Level.INFO), both[0]]):
        assert [shape.example for shape in counted(records) if shape.text.startswith("get")] == ["get 1"]


@settings(deadline=None)
@given(RECORDS)
def test_lines_add_up_per_bucket_service_and_level(records: list[LogRecord]) -> None:
    expected = Counter((r.service, r.level, int((r.at - 1000.0) // 10)) for r in records if r.at is not None)
    found: Counter[tuple[str, Level, int]] = Counter()
    for shape in counted(records):
        for bucket, lines in shape.buckets.items():
            found[shape.service, shape.level, bucket] += lines
    assert found == expected


@settings(deadline=None)
@given(RECORDS)
def test_two_tables_make_one(records: list[LogRecord]) -> None:
    half = len(records) // 2
    table = ShapeTable(WINDOW, 10.0)
    table.add_records(records[:half])
    table.add_shapes(counted(records[half:]))
    assert table.shapes() == counted(records)


def words(n: int) -> str:
    return "".join(chr(97 + int(digit)) for digit in str(n))


def test_beyond_the_bound_the_rarest_count_as_other() -> None:
    often = [record(1000.0 + k, "usual thing") for k in range(50)]
    rare = [record(1001.0, f"odd {words(n)}") for n in range(1000)]
    shapes = counted(often + rare, parts=20, most=10)
    assert len(shapes) <= 11
    by_text = {shape.text: shape for shape in shapes}
    assert by_text[SafeText("usual thing")].lines == 50
    assert sum(shape.lines for shape in shapes) == 1050
    assert by_text[SafeText(OTHER)].lines >= 900


def test_the_text_of_all_shapes_is_bounded_too() -> None:
    shapes = counted([record(1001.0, f"{words(n)} " + "x" * 500) for n in range(100)], most_characters=5_000)
    assert sum(len(shape.text) for shape in shapes) < 6_000
    assert sum(shape.lines for shape in shapes) == 100


def test_overlong_messages_are_counted_and_not_mined() -> None:
    shapes = counted([record(1001.0, "y" * 3001), record(1002.0, "w " * 129), record(1003.0, "w " * 128)])
    assert {shape.text: shape.lines for shape in shapes}[SafeText(OTHER)] == 2
    assert sum(shape.lines for shape in shapes) == 3


def test_first_last_and_example_are_those_of_the_shape() -> None:
    (shape,) = counted([record(1050.0, "n 2"), record(1010.5, "n 1"), record(1099.0, "n 3")], parts=3)
    assert (shape.first, shape.last, shape.example) == (1010.5, 1099.0, "n 1")
    assert shape.buckets == {1: 1, 5: 1, 9: 1}


def test_what_drives_a_terminal_is_made_visible() -> None:
    (shape,) = counted([LogRecord(1001.0, Level.INFO, "a", SafeText("\x1b]52;c;x\x07 evil"))])
    assert shape.text.isprintable() and shape.example.isprintable()
