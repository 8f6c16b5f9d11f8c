"""Rows of measurements as a table: ours, the target, the peer, the ratio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One measurement; lower is better. `limit` is the target, `peer` the same work done by another program."""

    what: str
    ours: float
    limit: float | None = None
    peer: float | None = None
    peer_name: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        return None if self.limit is None else self.ours <= self.limit


def show(title: str, rows: Sequence[Row]) -> None:
    """Print the table."""
    print(f"\n{title}")
    print(f"{'what':<44}{'ours':>12}{'target':>12}{'peer':>14}{'ratio':>8}")
    for row in rows:
        peer = f"{row.peer:,.1f} {row.peer_name}" if row.peer is not None else "–"
        ratio = f"{row.ours / row.peer:.2f}" if row.peer else "–"
        target = f"≤ {row.limit:,.10g}" if row.limit is not None else "–"
        verdict = {True: "met", False: "MISSED", None: ""}[row.met]
        print(f"{row.what:<44}{row.ours:>12,.2f}{target:>12}{peer:>14}{ratio:>8}  {verdict}")
