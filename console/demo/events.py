"""Changes that are no deploys: what happened to the shop lately, most of it innocent."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

CRON_EVERY = 900.0
"""The catalogue is refreshed this often, in seconds, and nothing ever comes of it."""

_PAST: tuple[tuple[float, str, str | None, str], ...] = (
    (47.2 * 3600, "migration", "inventory", "stock: add column reserved_until, nullable"),
    (26.4 * 3600, "certificate", "gateway", "certificate of shop.example renewed, valid for 90 days"),
    (6.1 * 3600, "infrastructure", "orders-db", "host of orders-db moved to the new kernel"),
    (95 * 60, "scale", "inventory", "inventory: memory request 128 Mi to 192 Mi"),
    (41 * 60, "config", "payments", "payments: log level debug to info"),
    (17 * 60, "flag", "gateway", "flag new-front-page 50 % to 100 %"),
)
"""Seconds ago, kind, service, summary."""


def change(at: float, kind: str, service: str | None, summary: str) -> dict[str, object]:
    """One change as `changes.jsonl` holds it."""
    stamp = datetime.fromtimestamp(at, UTC)
    return {
        "at": stamp.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "kind": kind,
        "id": f"{kind}-{stamp:%m%dT%H%M%S}" + (f"-{service}" if service else ""),
        "service": service,
        "summary": summary,
    }


def past(now: float) -> list[dict[str, object]]:
    """Everything before `now`, oldest first."""
    found = [(now - ago, kind, service, summary) for ago, kind, service, summary in _PAST]
    found += [(now - 212 - n * CRON_EVERY, *CRON) for n in range(1, 24)]
    return [change(*one) for one in sorted(found, key=lambda one: one[0])]


CRON: tuple[str, str | None, str] = ("cron", "inventory", "catalogue-refresh: 400 articles, 16 bundles")


def next_cron(now: float) -> float:
    """When the catalogue is refreshed next."""
    return now - 212 + CRON_EVERY


def append(path: Path, *changes: dict[str, object]) -> None:
    """Add changes at the end of the file, in one write."""
    with open(path, "ab", buffering=0) as file:
        file.write("".join(json.dumps(one) + "\n" for one in changes).encode())
