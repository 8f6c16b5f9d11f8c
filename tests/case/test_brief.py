"""Short texts: what happened since somebody last looked, in twenty lines whatever happened."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from console.case.book import Book
from console.case.brief import SINCE_LINES, since_you_looked
from tests.case.conftest import Clock, MakeBook

UTC = ZoneInfo("UTC")


def since(book: Book, clock: Clock, looked: float) -> list[str]:
    return since_you_looked(book.read(), looked, clock.now, UTC)


@pytest.mark.parametrize("count", [0, 1, 18, 19, 20, 200, 2000])
def test_it_never_takes_more_than_twenty_lines_and_ends_with_the_newest(book: Book, clock: Clock, count: int) -> None:
    looked = clock.now
    for n in range(count):
        book.note(f"note {n}")
    lines = since(book, clock, looked)
    assert len(lines) <= SINCE_LINES == 20
    assert lines[0].startswith("since you last looked")
    if count:
        assert lines[-1].endswith(f"note {count - 1}")
        assert f"{count} entr" in lines[0]
    else:
        assert "nothing new" in lines[0]
    shown = sum("note " in line for line in lines[1:])
    if shown < count:
        assert f"{count - shown} more" in "\n".join(lines)


def test_what_changed_the_case_is_not_pushed_out_by_notes(make: MakeBook, clock: Clock) -> None:
    book = make()
    looked = clock.now
    book.severity("P1", "")
    book.mitigation("rolled back", {"kind": "rollback"}, None)
    for n in range(300):
        book.note(f"note {n}")
    told = "\n".join(since(book, clock, looked))
    assert "severity not set to P1" in told and "rolled back" in told and "note 299" in told


def test_warnings_come_first_and_lines_of_a_note_stay_one(make: MakeBook, clock: Clock) -> None:
    book = make(severity="P1")
    looked = clock.now
    book.note("first\nsecond\nthird")
    lines = since(book, clock, looked)
    assert lines[-1].endswith("first…") and not any("\n" in line for line in lines)
