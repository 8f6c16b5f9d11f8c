"""The shop's code: its past, its faults, and that the faults are in it and nowhere else."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest

from console.demo import profile, source
from console.demo.service import Setup
from console.demo.shoppers import order


def load(folder: Path, tree: dict[str, str], service: str, name: str) -> ModuleType:
    file = folder / service / f"{name}.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(tree[f"{service}/{name}.py"])
    return Setup(service, folder, {}, 1, "", "", folder).module(name)


def total(module: ModuleType, wanted: dict[str, Any], **flags: bool) -> Decimal:
    found: Decimal = module.total(wanted, flags)
    return found


def test_every_past_commit_can_be_taken_back_and_done_again() -> None:
    tree = source.newest()
    states = [tree]
    for work in reversed(source.HISTORY):
        states.append(source.take_back(states[-1], work.edits))
    for work, before, after in zip(source.HISTORY, states[:0:-1], states[-2::-1], strict=True):
        assert source.apply(before, work.edits) == after != before
        assert all(edit.path.startswith(f"{work.service}/") for edit in work.edits)


@pytest.mark.parametrize("work", [source.BAD_VOUCHER, source.QUERY_PER_COMPONENT, source.RECEIPTS_FOREVER])
def test_faults_fit_the_newest_state_and_can_be_undone(work: source.Work) -> None:
    tree = source.newest()
    broken = source.apply(tree, work.edits)
    assert broken != tree
    assert source.take_back(broken, work.edits) == tree


def test_an_edit_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(source.EditMismatch, match="stands 0 times"):
        source.apply(source.newest(), [source.Edit("checkout/pricing.py", "no such text", "")])


def test_the_healthy_release_prices_every_order(tmp_path: Path) -> None:
    pricing = load(tmp_path, source.newest(), "checkout", "pricing")
    random = Random(4)
    for _ in range(300):
        assert total(pricing, order(random)) >= 0


def test_the_bad_release_fails_for_gift_cards_only(tmp_path: Path) -> None:
    good = load(tmp_path / "good", source.newest(), "checkout", "pricing")
    bad = load(tmp_path / "bad", source.apply(source.newest(), source.BAD_VOUCHER.edits), "checkout", "pricing")
    random, failed = Random(5), 0
    for _ in range(400):
        wanted = order(random)
        voucher = wanted.get("voucher")
        if isinstance(voucher, dict) and "amount_off" in voucher:
            failed += 1
            with pytest.raises(KeyError, match="percent_off"):
                total(bad, wanted)
        else:
            assert total(bad, wanted) == total(good, wanted)
    assert failed / 400 == pytest.approx(profile.GIFT_CARDS, abs=0.08)


def test_the_flag_breaks_orders_to_countries_without_a_rate(tmp_path: Path) -> None:
    pricing = load(tmp_path, source.newest(), "checkout", "pricing")
    random, failed = Random(6), set()
    for _ in range(300):
        wanted = order(random)
        try:
            per_line = total(pricing, wanted, **{"per-line-tax": True})
        except KeyError:
            failed.add(wanted["country"])
        else:
            assert abs(per_line - total(pricing, wanted)) <= Decimal("0.05")
    assert failed == {"GB", "CH", "NO"}


def test_a_bundle_costs_one_statement_or_one_per_component(tmp_path: Path) -> None:
    one = load(tmp_path / "one", source.newest(), "inventory", "lookup")
    many = load(
        tmp_path / "many", source.apply(source.newest(), source.QUERY_PER_COMPONENT.edits), "inventory", "lookup"
    )
    assert len(one.statements("bundle-03", profile.BUNDLE_SKUS)) == 1
    assert len(many.statements("bundle-03", profile.BUNDLE_SKUS)) == profile.BUNDLE_PARTS
    assert one.statements("sku-1000", profile.BUNDLE_SKUS) == many.statements("sku-1000", profile.BUNDLE_SKUS)


def test_receipts_are_dropped_or_kept_forever(tmp_path: Path) -> None:
    few = load(tmp_path / "few", source.newest(), "checkout", "receipts")
    all_of_them = load(
        tmp_path / "all", source.apply(source.newest(), source.RECEIPTS_FOREVER.edits), "checkout", "receipts"
    )
    random = Random(7)
    kept: tuple[int, int] = (0, 0)
    for number in range(120):
        wanted = order(random) | {"id": f"o-{number}"}
        kept = few.remember(wanted, Decimal(1)), all_of_them.remember(wanted, Decimal(1))
    assert kept == (few.KEPT, 120)
