"""What the shop's developers did: the commits of the last days, and the ones that a scenario adds.

The folder `shop` holds the newest healthy state of every file. An earlier state follows by taking later edits back.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from console.domain.values import dataclass

SHOP = Path(__file__).parent / "shop"
SERVICES = ("gateway", "checkout", "payments", "inventory")


class EditMismatch(Exception):
    """An edit does not fit the file it is made for."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement in one file; `before` is None where the edit adds the file."""

    path: str
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class Work:
    """One commit and the deploy that brought it to production."""

    service: str
    hours_ago: float
    """When the deploy happened; the commit is 20 to 40 minutes older."""
    author: str
    subject: str
    edits: tuple[Edit, ...]


def _whole(path: str) -> Edit:
    return Edit(path, None, (SHOP / path).read_text())


HISTORY: tuple[Work, ...] = (
    Work(
        "checkout",
        97.6,
        "Mira Okafor",
        "Round halves away from zero, as the tax office does",
        (Edit("checkout/pricing.py", "quantize(CENT)", "quantize(CENT, ROUND_HALF_UP)"),),
    ),
    Work(
        "gateway",
        74.1,
        "Jonas Lindqvist",
        "Give an upstream 5 s, not 10",
        (Edit("gateway/gateway.toml", "upstream_timeout_ms = 10000", "upstream_timeout_ms = 5000"),),
    ),
    Work(
        "inventory",
        70.3,
        "Ana Ribeiro",
        "Answer for a bundle by its components",
        (
            Edit(
                "inventory/lookup.py",
                'return [("stock.select", (sku,))]',
                'return [("stock.select", bundles.get(sku, (sku,)))]',
            ),
        ),
    ),
    Work(
        "payments",
        51.2,
        "Tomasz Zielinski",
        "Keep eight connections to cardpay",
        (Edit("payments/payments.toml", "cardpay_connections = 4", "cardpay_connections = 8"),),
    ),
    Work("checkout", 49.7, "Mira Okafor", "Show the same receipt after a reload", (_whole("checkout/receipts.py"),)),
    Work(
        "checkout",
        29.4,
        "Lea Brandt",
        "Round tax line by line behind the flag per-line-tax",
        (
            Edit(
                "checkout/pricing.py",
                "    return net + tax(order, net)\n",
                '    if flags.get("per-line-tax"):\n'
                "        return net + tax_per_line(order, net / amount)\n"
                "    return net + tax(order, net)\n",
            ),
        ),
    ),
    Work(
        "payments",
        22.9,
        "Tomasz Zielinski",
        "Give up on a ledger statement after 2 s",
        (Edit("payments/payments.toml", "statement_timeout_ms = 5000", "statement_timeout_ms = 2000"),),
    ),
    Work(
        "inventory",
        5.2,
        "Ana Ribeiro",
        "Run two workers",
        (Edit("inventory/inventory.toml", "workers = 1", "workers = 2"),),
    ),
    Work(
        "checkout",
        2.7,
        "Mira Okafor",
        "Say that exports carry no tax",
        (
            Edit(
                "checkout/pricing.py",
                '"""Tax on the whole order."""',
                '"""Tax on the whole order; exports carry none."""',
            ),
        ),
    ),
    Work(
        "gateway",
        0.7,
        "Jonas Lindqvist",
        "Say what the number in gateway.toml is",
        (Edit("gateway/gateway.toml", "# ms\n", "# Milliseconds.\n"),),
    ),
)
"""Oldest first. Times differ from the hour so that nothing lines up by chance."""

BAD_VOUCHER = Work(
    "checkout",
    0.0,
    "Lea Brandt",
    "Cap percentage vouchers at 50 %",
    (
        Edit(
            "checkout/pricing.py",
            '    if "amount_off" in voucher:\n'
            '        return min(amount, Decimal(voucher["amount_off"]))\n'
            '    return rounded(amount * Decimal(voucher["percent_off"]) / 100)\n',
            '    percent = min(Decimal(voucher["percent_off"]), MOST_PERCENT)\n'
            "    return rounded(amount * percent / 100)\n",
        ),
        Edit("checkout/pricing.py", 'CENT = Decimal("0.01")\n', 'CENT = Decimal("0.01")\nMOST_PERCENT = Decimal(50)\n'),
    ),
)
"""Forgets gift cards, which have an amount and no percentage."""

QUERY_PER_COMPONENT = Work(
    "inventory",
    0.0,
    "Ana Ribeiro",
    "Tell which component of a bundle runs short",
    (
        Edit(
            "inventory/lookup.py",
            '    return [("stock.select", bundles.get(sku, (sku,)))]\n',
            '    return [("stock.select", (component,)) for component in bundles.get(sku, (sku,))]\n',
        ),
    ),
)
"""One statement for each of a bundle's components, where there was one for all."""

RECEIPTS_FOREVER = Work(
    "checkout",
    2.2,
    "Lea Brandt",
    "Keep receipts for the support desk",
    (
        Edit(
            "checkout/receipts.py",
            '    _made[order["id"]] = receipt(order, total)\n    while len(_made) > KEPT:\n        del _made[next(iter(_made))]\n',
            '    _made[order["id"]] = receipt(order, total)\n',
        ),
        Edit("checkout/receipts.py", "; the oldest makes room. Returns", " for the support desk. Returns"),
        Edit("checkout/receipts.py", "KEPT = 50\nROWS = 180\n", "ROWS = 180\n"),
    ),
)
"""Nothing is ever dropped again: a leak."""


def newest() -> dict[str, str]:
    """Path to content of every file, in the newest healthy state."""
    found = (p for p in sorted(SHOP.rglob("*")) if p.is_file() and p.suffix in {".py", ".toml", ".md"})
    return {str(p.relative_to(SHOP)): p.read_text() for p in found}


def apply(tree: dict[str, str], edits: Sequence[Edit]) -> dict[str, str]:
    """The tree after the edits.

    Raises:
        EditMismatch: The text to replace does not stand exactly once in its file.
    """
    changed = dict(tree)
    for edit in edits:
        if edit.before is None:
            changed[edit.path] = edit.after
        else:
            changed[edit.path] = _replaced(changed, edit.path, edit.before, edit.after)
    return changed


def take_back(tree: dict[str, str], edits: Sequence[Edit]) -> dict[str, str]:
    """The tree before the edits.

    Raises:
        EditMismatch: The result of an edit does not stand exactly once in its file.
    """
    changed = dict(tree)
    for edit in reversed(edits):
        if edit.before is None:
            del changed[edit.path]
        else:
            changed[edit.path] = _replaced(changed, edit.path, edit.after, edit.before)
    return changed


def _replaced(tree: dict[str, str], path: str, old: str, new: str) -> str:
    content = tree.get(path, "")
    if content.count(old) != 1:
        raise EditMismatch(f"{path}: {old!r} stands {content.count(old)} times, not once")
    return content.replace(old, new)
