"""Moving, resizing and typing the time window."""

from __future__ import annotations

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.instant import BadTime
from console.live.timeview import LONGEST_S, SHORTEST_S, TimeView, parse_view

NOW = 1_780_000_000.0


def test_a_live_window_ends_at_the_last_full_step() -> None:
    window = TimeView(600.0).window(NOW + 7.3, 10.0)
    assert window.end == NOW
    assert window.seconds == 600.0


def test_earlier_leaves_the_present_and_later_comes_back_to_it() -> None:
    earlier = TimeView(600.0).earlier(NOW)
    assert not earlier.live
    assert earlier.window(NOW).end == NOW - 300.0
    assert earlier.later(NOW).live


@given(st.lists(st.sampled_from(["wider", "narrower"]), max_size=40))
def test_resizing_stays_in_bounds(moves: list[str]) -> None:
    view = TimeView(1800.0)
    for move in moves:
        view = getattr(view, move)()
    assert SHORTEST_S <= view.span_s <= LONGEST_S


@pytest.mark.parametrize(
    ("text", "span", "live"),
    [
        ("-2h", 7200.0, True),
        ("-5s", SHORTEST_S, True),
        ("1779999000", 1000.0, True),
        ("1779996400 1779998200", 1800.0, False),
    ],
)
def test_what_the_time_picker_takes(text: str, span: float, live: bool) -> None:
    view = parse_view(text, NOW, UTC)
    assert (view.span_s, view.live) == (span, live)


@pytest.mark.parametrize("text", ["", "yesterday", "14:30 14:00 13:00", "1779998200 1779996400", "1790000000"])
def test_what_it_refuses(text: str) -> None:
    with pytest.raises(BadTime):
        parse_view(text, NOW, UTC)


def test_a_window_in_the_past_is_named_by_its_bounds() -> None:
    assert TimeView(1800.0).text(NOW, UTC) == "-30m ▸"
    assert TimeView(1800.0, NOW - 3600).text(NOW, UTC).count(":") == 2
