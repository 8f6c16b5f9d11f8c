"""The user's keymap: what it may change, and how mistakes are told."""

from __future__ import annotations

import pytest

from console.actions import ACTIONS, BadKeymap, with_keymap


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
