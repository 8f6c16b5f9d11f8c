"""Rows of measurements as a table: ours, the target, the peer, the ratio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_COLUMNS = "{:<72}{:>14}{:>15}{:>24}{:>9}{:>8}  {}"


@dataclass(frozen=True)
class Peer:
    """Another program that does the same work in the same run.

    Args:
        value: Its figure; None: there is none, and `why` tells the reason.
        limit: The most that our figure may be of this one, or the least where higher is better.
    """

    name: str
    value: float | None = None
    limit: float | None = None
    why: str = "not installed"


@dataclass(frozen=True)
class Row:
    """One measurement.

    Args:
        what: What was measured.
        ours: The figure; None: it could not be had, which misses every target.
        limit: The most that is allowed, or the least where `higher` is set.
        higher: Higher is better.
        note: What a reader must know to compare, such as unequal work.
        wrong: How the answer differs from what is true; a quick wrong answer misses every target.
    """

    what: str
    ours: float | None
    unit: str = ""
    limit: float | None = None
    peers: tuple[Peer, ...] = ()
    higher: bool = False
    note: str = ""
    wrong: str = ""

    def ratio(self, peer: Peer) -> float | None:
        """Ours over the peer's."""
        return self.ours / peer.value if self.ours is not None and peer.value else None

    @property
    def met(self) -> bool | None:
        """Whether every target is met; None where there is none. A target against a peer without a figure is none."""
        if self.wrong:
            return False
        targets = [(self.ours, self.limit)] + [(self.ratio(peer), peer.limit) for peer in self.peers]
        if self.ours is None:
            return False if any(limit is not None for _, limit in targets) else None
        judged = [
            value >= limit if self.higher else value <= limit
            for value, limit in targets
            if value is not None and limit is not None
        ]
        return all(judged) if judged else None


def _amount(value: float | None, unit: str = "") -> str:
    if value is None:
        return "none"
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 3 if abs(value) < 10 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()


def _peer_cells(row: Row, peer: Peer) -> tuple[str, str, str]:
    ratio = row.ratio(peer)
    return (
        f"{peer.name} {peer.why if peer.value is None else _amount(peer.value)}",
        "–" if ratio is None else f"{ratio:.3f}",
        "–" if peer.limit is None else f"{'≥' if row.higher else '≤'} {peer.limit:g}",
    )


def line(row: Row) -> str:
    """The row as text: a line, one for each further peer, and the note."""
    limit = "–" if row.limit is None else f"{'≥' if row.higher else '≤'} {row.limit:,.10g} {row.unit}".rstrip()
    verdict = {True: "met", False: "MISSED", None: ""}[row.met]
    cells = [_peer_cells(row, peer) for peer in row.peers] or [("–", "–", "–")]
    texts = [_COLUMNS.format(row.what, _amount(row.ours, row.unit), limit, *cells[0], verdict)]
    texts += [_COLUMNS.format("", "", "", *more, "") for more in cells[1:]]
    texts += [f"    {remark}" for remark in (row.note, row.wrong and f"WRONG: {row.wrong}") if remark]
    return "\n".join(text.rstrip() for text in texts)


def heading(title: str) -> str:
    """The title, and the names of the columns."""
    return f"\n{title}\n" + _COLUMNS.format("what", "ours", "target", "peer", "ratio", "target", "").rstrip()


def missed(rows: Sequence[Row]) -> int:
    """How many rows miss a target."""
    return sum(row.met is False for row in rows)
