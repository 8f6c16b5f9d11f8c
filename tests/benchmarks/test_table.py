"""Rows of measurements: when a target is met, and what is printed."""

from __future__ import annotations

import pytest

from benchmarks.table import Peer, Row, line, missed


@pytest.mark.parametrize(
    ("row", "met"),
    [
        (Row("no target", 3.0), None),
        (Row("at the limit", 3.0, limit=3.0), True),
        (Row("over it", 3.1, limit=3.0), False),
        (Row("higher is better", 3.1, limit=3.0, higher=True), True),
        (Row("too low", 2.9, limit=3.0, higher=True), False),
        (Row("not measured, no target", None), None),
        (Row("not measured", None, limit=3.0), False),
        (Row("not measured against a peer", None, peers=(Peer("lnav", 10.0, 0.5),)), False),
        (Row("quick enough beside the peer", 5.0, peers=(Peer("lnav", 10.0, 0.5),)), True),
        (Row("too slow beside it", 5.1, peers=(Peer("lnav", 10.0, 0.5),)), False),
        (Row("peer not installed", 5.0, peers=(Peer("lnav", None, 0.5),)), None),
        (Row("one of two peers is missed", 5.0, peers=(Peer("a", 10.0, 0.5), Peer("b", 6.0, 0.5))), False),
        (Row("limit met, ratio missed", 5.0, limit=9.0, peers=(Peer("lnav", 6.0, 0.5),)), False),
        (Row("times the peer's rate", 80.0, peers=(Peer("drain", 10.0, 7.0),), higher=True), True),
        (Row("quick and wrong", 1.0, limit=3.0, wrong="7 of 9 lines"), False),
        (Row("wrong without a target", 1.0, wrong="7 of 9 lines"), False),
    ],
    ids=lambda value: value.what if isinstance(value, Row) else "",
)
def test_targets(row: Row, met: bool | None) -> None:
    assert row.met is met
    assert missed([row, row]) == (2 if met is False else 0)


def test_a_line_tells_unit_target_ratio_and_verdict() -> None:
    text = line(Row("first paint", 0.5, "s", 0.8, (Peer("lnav", 0.25, 3.0),)))
    assert text.split() == ["first", "paint", "0.500", "s", "≤", "0.8", "s", "lnav", "0.250", "2.000", "≤", "3", "met"]


def test_a_peer_that_is_not_installed_is_said_to_be() -> None:
    text = line(Row("search", 0.5, "s", peers=(Peer("rg", 0.1, 6.0), Peer("toolong"))))
    first, second = text.splitlines()
    assert "rg 0.100" in first and "5.000" in first
    assert second.split() == ["toolong", "not", "installed", "–", "–"]


def test_notes_and_errors_stand_below() -> None:
    text = line(Row("counts", 1234.5, limit=2000.0, higher=True, note="unequal work", wrong="7 of 9"))
    assert "1,234" in text and "≥ 2,000" in text and "MISSED" in text
    assert [one.strip() for one in text.splitlines()[1:]] == ["unequal work", "WRONG: 7 of 9"]
