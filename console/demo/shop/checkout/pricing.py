"""Prices an order: its lines, the voucher, the tax."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

ZERO = Decimal("0.00")
CENT = Decimal("0.01")
TAX = {"DE": Decimal("0.19"), "FR": Decimal("0.20"), "NL": Decimal("0.21"), "AT": Decimal("0.20")}


def rounded(amount: Decimal) -> Decimal:
    """To the cent, halves away from zero."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def subtotal(order: Mapping[str, Any]) -> Decimal:
    """The sum of the lines, before voucher and tax."""
    return sum((Decimal(line["price"]) * line["quantity"] for line in order["lines"]), ZERO)


def discount(amount: Decimal, voucher: Mapping[str, Any] | None) -> Decimal:
    """What a voucher takes off: a fixed amount (gift cards) or a percentage."""
    if voucher is None:
        return ZERO
    if "amount_off" in voucher:
        return min(amount, Decimal(voucher["amount_off"]))
    return rounded(amount * Decimal(voucher["percent_off"]) / 100)


def tax(order: Mapping[str, Any], net: Decimal) -> Decimal:
    """Tax on the whole order; exports carry none."""
    return rounded(net * TAX.get(order["country"], ZERO))


def tax_per_line(order: Mapping[str, Any], share: Decimal) -> Decimal:
    """Tax rounded line by line; `share` is what the voucher left of each price."""
    rate = TAX[order["country"]]
    return sum((rounded(Decimal(line["price"]) * line["quantity"] * share * rate) for line in order["lines"]), ZERO)


def total(order: Mapping[str, Any], flags: Mapping[str, bool]) -> Decimal:
    """What the customer pays."""
    amount = subtotal(order)
    net = amount - discount(amount, order.get("voucher"))
    if flags.get("per-line-tax"):
        return net + tax_per_line(order, net / amount)
    return net + tax(order, net)
