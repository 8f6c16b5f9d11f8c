"""Shapes to templates: statements stay apart, their values come together, in whatever order the lines came."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.analysis.mining import cluster, mine
from console.analysis.mining.brain import is_value


def names(n: int, length: int = 7, seed: int = 1) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices(string.ascii_lowercase, k=length)) for _ in range(n)]


def test_random_names_are_values_not_statements() -> None:
    found = mine([f"user {a} logged in from {b}" for a, b in zip(names(400), names(400, 6, 2), strict=True)])
    assert set(found) == {"user <*> logged in from <*>"}


def test_random_names_in_front_are_values_too() -> None:
    assert set(mine([f"{name} logged in" for name in names(300)])) == {"<*> logged in"}


def test_statements_that_begin_with_different_words_stay_apart() -> None:
    words = ["boot", "wait", "halt", "join", "leave", "probe"]
    found = mine([f"{word} (command {n})" for word in words for n in range(20)])
    assert set(found) == {f"{word} (command <*>)" for word in words}


def test_what_was_done_is_no_value() -> None:
    words = ["Resumed", "Started", "Paused", "Stopped", "Suspended"]
    found = mine([f"[instance: {n}] VM {word} (event)" for word in words for n in range(20)])
    assert len(set(found)) == len(words)


def test_a_list_of_any_length_is_one_statement() -> None:
    found = mine(
        ["ask to delete " + " ".join(f"blk_{n}{k}" for k in range(length)) for length in range(1, 9) for n in range(3)]
    )
    assert set(found) == {"ask to delete <*>"}


def test_an_optional_unit_makes_no_other_statement() -> None:
    found = mine(
        [f"closed, {n} bytes sent, lifetime 00:0{n}" for n in range(5)]
        + [f"closed, {n} bytes (1.{n} KB) sent, lifetime 00:01" for n in range(5)]
        + [f"closed, {n} bytes sent, lifetime <1 sec" for n in range(5)]
    )
    assert len(set(found)) == 1


def test_a_query_string_makes_no_other_statement() -> None:
    found = mine(
        [f'"GET /v2/{n}/servers HTTP/1.1" 200' for n in range(9)] + ['"GET /v2/1/servers?a=b&c=d HTTP/1.1" 200']
    )
    assert len(set(found)) == 1


def test_what_all_values_share_is_put_back() -> None:
    assert set(mine([f"session (uid={n}) of pg-primary-{n}" for n in range(9)])) == {
        "session (uid=<*>) of pg-primary-<*>"
    }


@pytest.mark.parametrize(
    ("word", "value"), [("<*>:", True), ("abc", False), ("a1b2", True), ("node17,", True), ("eth0", False)]
)
def test_words_that_are_values_by_themselves(word: str, value: bool) -> None:
    assert is_value(word) is value


def test_every_fixed_part_of_a_template_stands_in_each_message() -> None:
    messages = [f"closed, {n} bytes (1.{n} KB) sent to {name}" for n, name in enumerate(names(9))]
    messages += [f"closed, {n} bytes sent to {name}" for n, name in enumerate(names(9, seed=3))]
    for message, template in zip(messages, mine(messages), strict=True):
        place = 0
        for part in filter(None, (part.strip() for part in template.split("<*>"))):
            place = message.index(part, place) + len(part)


WORDS = st.sampled_from(["get", "put", "user", "bob", "eve", "7", "id=3", "x,", "done", "failed", "10.0.0.1", "ms"])
MESSAGES = st.lists(st.lists(WORDS, min_size=0, max_size=6).map(" ".join), min_size=1, max_size=40)


@settings(deadline=None)
@given(MESSAGES, st.randoms(use_true_random=False))
def test_the_order_of_lines_has_no_influence(messages: list[str], rng: random.Random) -> None:
    shuffled = list(messages)
    rng.shuffle(shuffled)
    assert dict(zip(messages, mine(messages), strict=True)) == dict(zip(shuffled, mine(shuffled), strict=True))


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=30), st.integers(1, 99), max_size=20))
def test_every_shape_has_a_template(shapes: dict[str, int]) -> None:
    assert set(cluster(shapes)) == set(shapes)
