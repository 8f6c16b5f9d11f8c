"""Messages to shapes: what becomes a blank, what stays, and that many at once are the same as one by one."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.analysis.mining.mask import BLANK, gaps, masked, tokens

LINE = st.text(st.characters(blacklist_characters="\n\r", blacklist_categories=["Cs"]), max_size=60)


@pytest.mark.parametrize(
    ("message", "shape"),
    [
        ("timeout after 3000ms, 12GB", "timeout after <*>ms, <*>GB"),
        ("took 3.2 s, 12% of -5", "took <*> s, <*>% of <*>"),
        ("id 8f14e45f-ceea-467f-9575-2a3e5b1c0d11 gone", "id <*> gone"),
        ("from 10.0.3.7:8443 and fe80:1::", "from <*> and <*>::"),
        ("at 0xdeadBEEF", "at <*>"),
        ("Mon Jun 3 10:11:12", "<*> <*> <*> <*>"),
        ("user:42:profile", "user:<*>:profile"),
        ("pg-primary-7 down", "pg-primary-<*> down"),
        ("GET /a/list?all=1&since=now HTTP/1.1", "GET /a/list<*> HTTP/<*>"),
        ("why? a=b", "why? a=b"),
        ("SOCKS5 eth0 IPv6 Mayor added", "SOCKS5 eth0 IPv6 Mayor added"),
        ("face dead beef", "face dead beef"),
    ],
)
def test_values_become_blanks_and_words_stay(message: str, shape: str) -> None:
    assert masked([message]) == [shape]


@given(st.lists(LINE, max_size=6))
def test_many_messages_are_masked_as_one(messages: list[str]) -> None:
    assert masked(messages) == [masked([message])[0] for message in messages]


@given(st.text("ab=, \t1<*>", max_size=30))
def test_tokens_and_gaps_make_the_shape_again(shape: str) -> None:
    parts = [text for pair in zip(gaps(shape), tokens(shape), strict=True) for text in pair]
    assert "".join(parts) == shape.rstrip()


def test_a_value_is_parted_from_its_key() -> None:
    assert tokens("id=7,user=bob ok") == ("id=", "7,", "user=", "bob", "ok")


@pytest.mark.parametrize(
    "text", ["a" * 3000, "1" * 3000, "1a" * 1500 + "g", "-" * 3000, "1." * 1500 + "x", "?a=" * 1000]
)
def test_no_message_takes_long(text: str) -> None:
    begin = time.process_time()
    masked([text])
    assert time.process_time() - begin < 0.5


def test_blank_is_what_templates_show() -> None:
    assert masked(["7"]) == [BLANK]
