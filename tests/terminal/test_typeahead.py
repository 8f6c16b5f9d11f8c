"""What comes faster than a person types is no key press; and what is pasted is none, whatever is in it."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser

from console.keyboard import Reader
from console.typeahead import MOST_KEYS, WITHIN_S, TypeAhead

ORDINARY = "abcdefghijklmnopqrstuvwxyz"


def obeyed(ahead: TypeAhead, keys: str, begin: float, gap: float) -> str:
    """The keys that act, typed one after the other."""
    return "".join(
        key for number, key in enumerate(keys) if not ahead.swallows(key, begin + number * gap, printable=True)
    )


def test_the_seventh_key_within_the_time_is_one_too_many() -> None:
    assert obeyed(TypeAhead(), ORDINARY[:6], 10.0, 0.01) == ORDINARY[:6]
    assert obeyed(TypeAhead(), ORDINARY[:9], 10.0, 0.01) == ORDINARY[:6]


def test_a_fast_person_is_never_ignored() -> None:
    """Ten keys a second is the fastest that anybody types."""
    assert obeyed(TypeAhead(), ORDINARY, 10.0, 0.1) == ORDINARY


def test_after_a_pause_keys_act_again_and_not_before() -> None:
    ahead = TypeAhead()
    obeyed(ahead, ORDINARY, 10.0, 0.01)
    last = 10.0 + 25 * 0.01
    assert ahead.swallows("x", last + WITHIN_S - 0.01, printable=True)
    assert ahead.swallows("x", last + 2 * WITHIN_S - 0.02, printable=True)
    assert not ahead.swallows("x", last + 3 * WITHIN_S, printable=True)


def test_a_key_that_moves_may_be_held_down_and_one_that_acts_may_not() -> None:
    ahead = TypeAhead("j")
    assert obeyed(ahead, "j" * 100, 10.0, 0.03) == "j" * 100
    ahead.together("j" * 50, 20.0)
    assert obeyed(ahead, "j" * 50, 20.0, 0.0) == "j" * 50
    assert obeyed(TypeAhead("j"), "z" * 100, 10.0, 0.03) == "z" * MOST_KEYS


def test_of_keys_that_come_in_one_piece_not_even_the_first_acts() -> None:
    ahead = TypeAhead("j")
    ahead.together(ORDINARY, 10.0)
    assert obeyed(ahead, ORDINARY, 10.0, 0.0) == ""
    assert ahead.swallows("enter", 10.1, printable=False)
    assert not ahead.swallows("enter", 11.0, printable=False)


def test_whoever_wants_out_gets_out() -> None:
    ahead = TypeAhead()
    ahead.together(ORDINARY, 10.0)
    assert not ahead.swallows("ctrl+c", 10.0, printable=False)
    assert not ahead.swallows("escape", 10.0, printable=False)


def test_keys_without_a_character_are_not_counted() -> None:
    ahead = TypeAhead()
    assert not any(ahead.swallows("left", 10.0 + n / 1000, printable=False) for n in range(50))


@given(st.lists(st.tuples(st.sampled_from("abcj"), st.floats(0, 0.5)), max_size=60))
def test_no_seven_keys_that_act_lie_within_the_time(typed: list[tuple[str, float]]) -> None:
    ahead, at, times = TypeAhead(), 10.0, []
    for key, gap in typed:
        at += gap
        if not ahead.swallows(key, at, printable=True):
            times.append(at)
    assert all(times[n + MOST_KEYS] - times[n] >= WITHIN_S - 1e-9 for n in range(len(times) - MOST_KEYS))


def read(data: bytes, cuts: list[int]) -> tuple[list[str], int]:
    """Keys and pastes of these bytes, arriving in these pieces."""
    reader = Reader(XTermParser())
    found = []
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for begin, end in pairwise(places):
        found += reader.feed(data[begin:end])
    return [m.key for m in found if isinstance(m, events.Key)], sum(isinstance(m, events.Paste) for m in found)


HOSTILE = st.text(st.sampled_from("\x1b\r\t\x03[]0123456789;~OABPqzé\u202e<u"), max_size=80)


@given(HOSTILE.filter(lambda text: BRACKETED_PASTE_END not in text), st.lists(st.integers(0, 400), max_size=8))
def test_nothing_in_a_paste_presses_a_key(text: str, cuts: list[int]) -> None:
    data = f"a{BRACKETED_PASTE_START}{text}{BRACKETED_PASTE_END}b".encode()
    keys, pastes = read(data, cuts)
    assert keys == ["a", "b"]
    assert pastes == 1


@given(st.binary(max_size=60), st.lists(st.integers(0, 100), max_size=4))
def test_any_bytes_can_be_typed(data: bytes, cuts: list[int]) -> None:
    read(data, cuts)
