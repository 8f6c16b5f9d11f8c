"""Which statements answer a question about stock."""

from __future__ import annotations

from collections.abc import Mapping

Statement = tuple[str, tuple[str, ...]]
"""Name of a prepared statement, and its parameters."""


def statements(sku: str, bundles: Mapping[str, tuple[str, ...]]) -> list[Statement]:
    """For `GET /stock/{sku}`: a bundle is in stock when all of its components are."""
    return [("stock.select", bundles.get(sku, (sku,)))]
