"""Widths, cutting, and the cells that changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.guard.sanitise import UNSAFE
from tests.widgets.samples import HOSTILE, WIDE
from widgets.cells import cells_of, changed_spans
from widgets.glyphs import to_ascii
from widgets.ink import Line, cut, cut_middle, head, pad, right, tail, width_of, wrap

ALPHABET = "ab 12…漢字👍🏽한🇩🇪e\u0301ﷺ─▁⣿éक्षि"
TEXTS = st.one_of(st.text(ALPHABET, max_size=40), st.text(max_size=30).map(lambda t: UNSAFE.sub("", t)))
LINES = st.lists(st.tuples(TEXTS, st.sampled_from(("text", "bad", "muted"))), max_size=6).map(
    lambda spans: Line.of(*spans)
)


@given(TEXTS, st.integers(0, 50))
def test_cutting_never_exceeds_the_width(text: str, cells: int) -> None:
    for shorten in (head, tail, cut, cut_middle):
        assert width_of(shorten(text, cells)) <= cells
    assert width_of(pad(text, cells)) == cells


@given(TEXTS, st.integers(0, 50))
def test_what_fits_is_not_touched(text: str, extra: int) -> None:
    cells = width_of(text) + extra
    assert head(text, cells) == cut(text, cells) == cut_middle(text, cells) == tail(text, cells) == text or not cells


@given(TEXTS, st.integers(1, 30), st.integers(1, 6))
def test_wrapped_lines_fit_and_say_when_something_is_missing(text: str, cells: int, most: int) -> None:
    lines = wrap(text, cells, most)
    assert len(lines) <= most
    assert all(width_of(line) <= cells for line in lines)
    kept = "".join(lines).replace(" ", "")
    assert kept == text.replace(" ", "") or any(line.endswith("…") for line in lines) or cells < 2


def test_wrapping_breaks_at_spaces() -> None:
    assert wrap("send the same calls from zone b", 16, 3) == ["send the same", "calls from zone", "b"]
    assert wrap("one two", 3, 2) == ["one", "two"]


@given(LINES, st.integers(0, 60))
def test_a_fitted_line_is_exactly_as_wide(line: Line, cells: int) -> None:
    fitted = line.fit(cells)
    assert fitted.width == cells == sum(width_of(text) for text, _ in fitted.spans)


@given(LINES, LINES, st.integers(1, 60))
def test_beside_is_exactly_as_wide(left: Line, other: Line, cells: int) -> None:
    assert left.beside(other, cells).width == cells


def test_a_number_is_never_cut() -> None:
    assert right("4,787", 7) == "  4,787"
    assert right("4,787", 3) == "###"


@pytest.mark.parametrize("text", HOSTILE)
def test_no_line_holds_what_a_terminal_obeys(text: str) -> None:
    line = Line.of(text, (text, "bad"))
    assert not UNSAFE.search(line.text)
    assert line.width == width_of(line.text)


def test_markup_is_text() -> None:
    assert Line.of("[@click=app.exit]x[/]").text == "[@click=app.exit]x[/]"


@given(TEXTS)
def test_ascii_keeps_the_width(text: str) -> None:
    plain = to_ascii(text)
    assert plain.isascii()
    assert len(plain) == width_of(text)


def test_ascii_knows_the_signs_of_the_screen() -> None:
    assert to_ascii("✖ ▲ ● ▼ ╎ ▁█ ┌─┐ …") == "X ! o v : .# +-+ ~"


def _applied(old: Line, new: Line) -> list[tuple[str, object]]:
    screen = cells_of(old.spans)
    target = cells_of(new.spans)
    for begin, end in changed_spans(screen, target):
        screen[begin:end] = target[begin:end]
    return screen


@given(LINES, LINES, st.integers(1, 60))
def test_sending_the_changed_cells_gives_the_new_line(old: Line, new: Line, cells: int) -> None:
    old, new = old.fit(cells), new.fit(cells)
    assert _applied(old, new) == cells_of(new.spans)


@given(LINES, LINES, st.integers(1, 60))
def test_no_change_begins_or_ends_inside_a_wide_character(old: Line, new: Line, cells: int) -> None:
    before, after = cells_of(old.fit(cells).spans), cells_of(new.fit(cells).spans)
    for begin, end in changed_spans(before, after):
        assert after[begin][0] and before[begin][0]
        assert end == len(after) or (after[end][0] and before[end][0])


def test_one_changed_digit_is_one_cell() -> None:
    old, new = Line.of("errors  8.4 %  was 0.2").fit(40), Line.of("errors  8.5 %  was 0.2").fit(40)
    assert changed_spans(cells_of(old.spans), cells_of(new.spans)) == [(10, 11)]


def test_far_changes_are_apart_and_near_ones_joined() -> None:
    old, new = Line.of("1 2                    3"), Line.of("7 8                    9")
    assert changed_spans(cells_of(old.spans), cells_of(new.spans)) == [(0, 3), (23, 24)]


def test_the_same_text_in_another_style_is_a_change() -> None:
    old, new = Line.of(("ab", "text")), Line.of(("ab", "bad"))
    assert changed_spans(cells_of(old.spans), cells_of(new.spans)) == [(0, 2)]


def test_cells_of_wide_text_are_as_many_as_its_width() -> None:
    assert len(cells_of([(WIDE, "text")])) == width_of(WIDE)


@pytest.mark.parametrize("text", [WIDE, *HOSTILE, "🏳\ufe0f\u200d🌈" * 9])
@pytest.mark.parametrize("cells", [2, 7, 30])
def test_what_is_cut_fits_also_once_its_unsafe_characters_are_replaced(text: str, cells: int) -> None:
    pieces = [cut(text, cells), cut_middle(text, cells), pad(text, cells), *wrap(text, cells, 4)]
    assert all(Line.of(piece).width <= cells for piece in pieces)
