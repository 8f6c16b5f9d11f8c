"""The user's keymap: what it may change, and how mistakes are told."""

from __future__ import annotations

import pytest

from console.actions import ACTIONS, BadKeymap, by_key, meant, with_keymap


def test_a_moved_key_replaces_the_standard_ones_and_ctrl_c_stays() -> None:
    moved = {a.id: a.keys for a in with_keymap({"zoom": "Z, f5", "quit_now": "Q"})}
    assert moved["zoom"] == ("Z", "f5")
    assert moved["quit_now"] == ("ctrl+c", "Q")
    assert moved["help"] == next(a.keys for a in ACTIONS if a.id == "help")


@pytest.mark.parametrize(
    ("keymap", "sentence"),
    [
        ({"zom": "Z"}, "did you mean 'zoom'"),
        ({"zoom": "ctrl+b"}, "ctrl.b cannot be used"),
        ({"zoom": "P"}, "bound to both"),
    ],
)
def test_mistakes_are_told_in_words(keymap: dict[str, str], sentence: str) -> None:
    with pytest.raises(BadKeymap, match=sentence):
        with_keymap(keymap)


def test_a_key_may_mean_different_things_in_different_panes_but_one_in_each() -> None:
    for key, bound in by_key(ACTIONS).items():
        panes = [action.pane for action in bound]
        assert len(set(panes)) == len(panes) and ("" not in panes or len(panes) == 1), key
    with pytest.raises(BadKeymap, match="bound to both role and confirm"):
        with_keymap({"role": "c"})
    assert with_keymap({"role": "b"}), "in the pane of reproductions b is something else"


@pytest.mark.parametrize(
    ("key", "pane", "action"),
    [
        ("c", "logs", "context"),
        ("c", "case", "confirm"),
        ("c", "signals", "context"),
        ("r", "case", "refute"),
        ("A", "reproduction", "compare"),
        ("q", "case", "quit"),
        ("f12", "case", None),
    ],
)
def test_the_pane_decides_what_a_key_means(key: str, pane: str, action: str | None) -> None:
    found = meant(by_key(ACTIONS).get(key, ()), pane)
    assert (found.id if found is not None else None) == action


def test_moving_an_action_leaves_the_others_of_its_key_where_they_are() -> None:
    bound = by_key(with_keymap({"confirm": "Z"}))
    assert [action.id for action in bound["c"]] == ["context"] and [action.id for action in bound["Z"]] == ["confirm"]
