"""What can be asked of a source's records in a window. Plain values, so that they can be sent to the worker process."""

from __future__ import annotations

from typing import TypeAlias

import msgspec


class Page(msgspec.Struct, frozen=True, tag=True):
    """The newest matching records, and how many match."""

    query: str
    limit: int


class Errors(msgspec.Struct, frozen=True, tag=True):
    """The newest records at level warning and worse, and how many there are."""

    limit: int


class Messages(msgspec.Struct, frozen=True, tag=True):
    """Records of every level, spread evenly over the window, and how many there are."""

    limit: int


class Counts(msgspec.Struct, frozen=True, tag=True):
    """Matching records per bucket and level."""

    query: str
    step_s: float


class Histogram(msgspec.Struct, frozen=True, tag=True):
    """As `Counts`, with latencies."""

    query: str
    step_s: float


class Derive(msgspec.Struct, frozen=True, tag=True):
    """Series per service and operation."""

    step_s: float


Question: TypeAlias = Page | Errors | Messages | Counts | Histogram | Derive
