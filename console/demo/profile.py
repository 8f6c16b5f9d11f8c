"""How the shop behaves when nothing is wrong: its traffic and its latencies.

Live services and the back-filled history draw from the same values, so that nothing changes where one meets the other.
All times are in seconds.
"""

from __future__ import annotations

import math
from random import Random
from statistics import NormalDist
from typing import Literal

Path = Literal["page", "cart", "stock", "order", "read"]
"""What a shopper may do: look at the front page, at a cart, at stock, place an order, read an order."""


_DRAWS = 2048
_NORMAL = tuple(NormalDist().inv_cdf((index + 0.5) / _DRAWS) for index in range(_DRAWS))


class LogNormal:
    """A latency: most draws lie near the median, a few far above it.

    Draws come from a table of the distribution's quantiles, because the history needs half a million of them at start.
    """

    def __init__(self, median: float, sigma: float) -> None:
        self.median = median
        self._table = tuple(median * math.exp(sigma * z) for z in _NORMAL)

    def draw(self, random: Random) -> float:
        """A value in seconds; the largest is the quantile 1 - 1/4096."""
        return self._table[random.getrandbits(11)]


BASE_RATE = 16.0
"""Requests per second at the gateway, averaged over a day."""

MIX: dict[Path, float] = {"page": 0.17, "cart": 0.25, "stock": 0.36, "order": 0.16, "read": 0.06}
"""Share of each path in an ordinary hour."""

PAGE = LogNormal(0.012, 0.40)
CART = LogNormal(0.028, 0.40)
STOCK = LogNormal(0.045, 0.35)
RESERVE = LogNormal(0.020, 0.35)
AUTHORISE = LogNormal(0.010, 0.30)
CARDPAY = LogNormal(0.140, 0.42)
ORDER = LogNormal(0.180, 0.35)
"""The part of an order that is done while a database connection is held."""
READ = LogNormal(0.010, 0.30)

STATEMENTS: dict[str, LogNormal] = {
    "stock.select": LogNormal(0.009, 0.35),
    "stock.reserve": LogNormal(0.011, 0.35),
    "ledger.insert": LogNormal(0.007, 0.35),
    "orders.insert": LogNormal(0.011, 0.35),
    "orders.select": LogNormal(0.008, 0.35),
}
"""What the database needs for each prepared statement."""

SQL: dict[str, str] = {
    "stock.select": "SELECT sku, on_hand FROM stock WHERE sku = ANY($1)",
    "stock.reserve": "UPDATE stock SET on_hand = on_hand - $2 WHERE sku = $1",
    "ledger.insert": "INSERT INTO ledger (order_id, amount) VALUES ($1, $2)",
    "orders.insert": "INSERT INTO orders (id, cart, total) VALUES ($1, $2, $3)",
    "orders.select": "SELECT id, total, state FROM orders WHERE id = $1",
}

HOP = 0.0022
"""What one call between two services costs on loopback; the history adds it, the live system has it."""

UNKNOWN_SKU = 0.012
DECLINED = 0.025
LOCK_LOST = 0.0015
"""Share of stock look-ups that lose a race for a row and fail."""
SESSION_LOST = 0.001
"""Share of carts whose session cannot be read."""
CARDPAY_FAILS = 0.004
"""Share of calls that cardpay answers with 502 on a good day."""

SKUS = 400
BUNDLES = 16
BUNDLE_PARTS = 60
BUNDLE_SHARE = 0.04
"""Share of stock look-ups that ask for a bundle."""

COUNTRIES = (("DE", 0.40), ("FR", 0.14), ("NL", 0.11), ("GB", 0.18), ("CH", 0.11), ("NO", 0.06))
GIFT_CARDS = 0.38
PERCENT_VOUCHERS = 0.12

DATABASE_WORKERS = 4
CHECKOUT_MEMORY_LIMIT = 96 * 1024 * 1024
"""Bytes; a checkout that grows beyond it is killed."""
LEAK_SPAN = 75 * 1024 * 1024
"""Bytes between a fresh checkout and its limit, for the history of a leak."""
RESTART_AFTER = 10.0
"""How long a service that died stays down."""

HISTORY = 2 * 3600.0
SAMPLE_STEP = 10.0
"""How often every service writes its row of metrics."""

BUNDLE_SKUS = {
    f"bundle-{n:02d}": tuple(f"sku-{1000 + (n * 37 + part * 7) % SKUS}" for part in range(BUNDLE_PARTS))
    for n in range(BUNDLES)
}
