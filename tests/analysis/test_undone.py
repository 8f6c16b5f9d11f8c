"""What counts as taking a change back, beside what looks like it and does not."""

from __future__ import annotations

from typing import Any

import pytest

from console.analysis.undone import turn_of, undos_of
from console.domain.changes import Change, ChangeDiff, CommitDiff, FileDiff
from console.domain.text import SafeText

START = 1_790_000_000.0


def change(kind: str, minute: float, said: str = "", **more: Any) -> Change:
    """A change of the shop, minutes after the start."""
    name = more.pop("id", f"{kind}/shop/{minute:g}")
    service = more.pop("service", "shop")
    return Change(name, kind, START + 60 * minute, service, summary=SafeText(said), source="changes", **more)


def diff(of: Change, removed: str = "", added: str = "", subject: str = "a change") -> ChangeDiff:
    """One line that became another."""
    file = FileDiff(SafeText("shop/cart.py"), *(((SafeText(one),) if one else ()) for one in (removed, added)))
    return ChangeDiff(of.id, (CommitDiff("c" * 40, SafeText(subject), (file,)),))


def back(*changes: Change, diffs: tuple[ChangeDiff, ...] = ()) -> dict[str, str]:
    """What was taken back by what."""
    return {undo.change.id: undo.by.id for undo in undos_of(changes, changes, diffs).values()}


def test_the_build_that_ran_before_takes_back_all_that_came_since() -> None:
    old, one, two = (change("deploy", k, version=f"v{k}") for k in (1, 2, 3))
    assert back(old, one, two, change("deploy", 4, version="v1")) == {one.id: "deploy/shop/4", two.id: "deploy/shop/4"}
    assert back(old, one, two, change("rollback", 4, version="2")) == {two.id: "rollback/shop/4"}
    assert back(old, one, two, change("rollback", 4)) == {two.id: "rollback/shop/4"}, (
        "the newest, where no build is told"
    )
    assert back(old, one, two, change("deploy", 4, version="v4")) == {}
    assert back(old, one, change("deploy", 4, version="v2")) == {}, "the same again takes nothing back"
    other = change("rollback", 4, service="mail", version="v1", id="rollback/mail/4")
    assert back(old, one, two, other) == {}


def test_what_was_taken_back_and_comes_again_takes_back_the_rollback() -> None:
    old, bad = change("deploy", 1, version="v1"), change("deploy", 2, version="v2")
    undo, again = change("rollback", 3, version="v1"), change("deploy", 4, version="v2")
    assert back(old, bad, undo, again) == {bad.id: undo.id, undo.id: again.id}


def test_a_build_from_before_the_reach_is_known_from_the_history() -> None:
    old, bad, undo = change("deploy", 1, commit="a" * 40), change("deploy", 90, commit="b" * 40), change("deploy", 95)
    undo = change("deploy", 95, commit="a" * 12)
    assert list(undos_of((bad, undo), (old, bad, undo))) == [(bad.id, "shop")]
    assert not undos_of((bad, undo), (bad, undo))


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("new-cart off->on by amir", "new-cart on->off by lena"),
        ("flag per-line-tax off to on for all customers", "flag per-line-tax on to off for all customers"),
        ("enabled new-cart", "disabled the flag new-cart"),
        ("new-cart is now on", "new-cart switched off"),
        ("flag new-cart 5 % to 50 %", "flag new-cart 50 % to 0 %"),
        ("flag new-cart 0% -> 100%", "flag new-cart on -> off"),
        ("pool_size: 50 -> 10", "pool_size: 10 -> 50"),
        ("set timeout from 5s to 500ms", "timeout from 500ms to 5s"),
        ("replicas 8 → 3", "replicas 3 → 8"),
        ("new_cart=true", "new_cart=false"),
        ("ramp new-cart to 50 %", "set new-cart to 0%"),
    ],
)
def test_a_flag_or_setting_at_its_former_value(first: str, then: str) -> None:
    one, two = change("flag", 1, first), change("flag", 5, then)
    assert back(one, two) == {one.id: two.id}
    assert back(one, change("flag", 5, then, service="mail")) == {}


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("new-cart off->on", "old-cart on->off"),
        ("new-cart off->on", "new-cart off->on"),
        ("flag new-cart 5 % to 50 %", "flag new-cart 50 % to 100 %"),
        ("flag new-cart 0 % to 50 %", "flag new-cart 50 % to 20 %"),
        ("pool_size: 50 -> 10", "pool_size: 10 -> 20"),
        ("timeout from 5s to 500ms", "timeout from 500ms to 2s"),
        ("add an index to the table", "add a table to the index"),
        ("", ""),
        ("enabled for all", "disabled for all"),
        ("ramp new-cart to 50 %", "ramp new-cart to 80 %"),
        ("move the traffic to 2 zones", "move the traffic to 3 zones"),
    ],
)
def test_what_is_not_back_at_its_former_value(first: str, then: str) -> None:
    assert back(change("config", 1, first), change("config", 5, then)) == {}


def test_a_flag_that_is_told_twice_without_its_value_may_be_anything() -> None:
    assert back(change("flag", 1, id="flag/new-cart"), change("flag", 5, id="flag/new-cart#2")) == {}


def test_a_flag_that_only_its_id_names() -> None:
    for first, then in (
        ("on", "off"),
        ("enabled for all by amir", "disabled for all by amir"),
        ("flag on", "flag off"),
    ):
        one, two = change("flag", 1, first, id="flag/new-cart"), change("flag", 5, then, id="flag/new-cart#2")
        assert back(one, two) == {one.id: two.id}, first
        assert back(one, change("flag", 5, then, id="flag/other")) == {}, first


def test_a_lower_version_goes_back_and_a_higher_one_does_not() -> None:
    bad = change("deploy", 1, version="v2026.11.20-10")
    assert back(bad, change("deploy", 5, version="v2026.11.20-9")) == {bad.id: "deploy/shop/5"}
    assert back(bad, change("deploy", 5, version="v2026.11.20-11")) == {}
    assert back(bad, change("deploy", 5, version="4")) == {}, "numbered otherwise"


def test_a_rollback_where_nothing_was_deployed_is_one_of_what_else_was_changed() -> None:
    limits = change("config", 1, "limits of the cart")
    assert back(limits, change("rollback", 5)) == {limits.id: "rollback/shop/5"}
    released = change("deploy", 0, version="v1")
    assert back(released, limits, change("rollback", 5)) == {released.id: "rollback/shop/5"}


def test_who_names_what_it_takes_back() -> None:
    bad = change("config", 1, id="config/limits")
    assert back(bad, change("config", 5, "revert config/limits")) == {bad.id: "config/shop/5"}
    assert back(bad, change("config", 5, "config/limits again")) == {}
    deploy = change("deploy", 1, version="v41", commit="abcdef0123")
    assert back(deploy, change("deploy", 5, "roll back v41", version="v42")) == {deploy.id: "deploy/shop/5"}
    assert back(deploy, change("deploy", 5, "reverts abcdef0", version="v42")) == {deploy.id: "deploy/shop/5"}
    assert back(deploy, change("deploy", 5, "roll back v410", version="v42")) == {}


def test_lines_that_are_as_they_were() -> None:
    bad, fix = change("deploy", 1, version="v2"), change("deploy", 5, version="v3")
    told = diff(bad, "limit = 200", "limit = 2")
    assert back(bad, fix, diffs=(told, diff(fix, "limit = 2", "limit = 200"))) == {bad.id: fix.id}
    assert back(bad, fix, diffs=(told, diff(fix, "limit = 2", "limit = 100"))) == {}
    assert back(bad, fix, diffs=(told, diff(fix, "}", "}"))) == {}
    reverted = diff(fix, "x = 1", "x = 2", subject='Revert "a change"')
    assert back(bad, fix, diffs=(told, reverted)) == {bad.id: fix.id}


def test_deploys_and_migrations_turn_nothing() -> None:
    assert turn_of(change("deploy", 1, "cart off->on")) is None
    assert turn_of(change("migration", 1, "cart off->on")) is None
