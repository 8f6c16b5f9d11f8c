"""Receipts that were made lately, so that a customer who reloads the page sees the same one."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

KEPT = 50
ROWS = 180

_made: dict[str, str] = {}


def receipt(order: Mapping[str, Any], total: Decimal) -> str:
    """The receipt of an order, as the HTML table that is also sent by mail."""
    lines = "".join(f"<tr><td>{line['sku']}</td><td>{line['quantity']}</td></tr>" for line in order["lines"])
    padding = "<tr class='rule'><td colspan='2'>&nbsp;</td></tr>" * ROWS
    return f"<table id='{order['id']}'>{lines}{padding}<tr><th>total</th><td>{total}</td></tr></table>" * 2


def remember(order: Mapping[str, Any], total: Decimal) -> int:
    """Keep the receipt of an order; the oldest makes room. Returns how many are kept."""
    _made[order["id"]] = receipt(order, total)
    while len(_made) > KEPT:
        del _made[next(iter(_made))]
    return len(_made)
