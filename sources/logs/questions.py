"""What can be asked of a source's records in a window. Plain values, so that they can be sent to the worker process."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from console.domain.logs import Level, LogRecord
from console.domain.shapes import ExceptionGroup, Shape


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


class Shapes(msgspec.Struct, frozen=True, tag=True):
    """Shapes of the messages of matching records, per bucket."""

    query: str
    step_s: float


class Exceptions(msgspec.Struct, frozen=True, tag=True):
    """Exceptions in matching records, by type and place."""

    query: str
    step_s: float = 0.0
    """Width of the buckets in which they are counted as well; 0: in none."""


class Sample(msgspec.Struct, frozen=True, tag=True):
    """As `Messages`, of matching records."""

    query: str
    limit: int


Question: TypeAlias = Page | Errors | Messages | Counts | Histogram | Derive | Shapes | Exceptions | Sample


class CellPart(msgspec.Struct, frozen=True, array_like=True):
    """A `sources.logs.derive.Cell`; its values as the bytes of an array of doubles."""

    count: int
    total_s: float
    timed: int
    values: bytes
    stride: int
    failed: int = 0


class DerivedPart(msgspec.Struct, frozen=True, array_like=True):
    """A `sources.logs.derive.Derived`, with its numbers by interval."""

    lines: dict[str, dict[int, int]]
    errors: dict[str, dict[int, int]]
    cells: dict[str, dict[str, dict[int, CellPart]]]


class Part(msgspec.Struct, frozen=True):
    """What a question's answer needs of some part of the records; what it does not need is left out."""

    matched: int = 0
    records: tuple[LogRecord, ...] = ()
    """The newest of those that match, or every `stride`-th."""
    stride: int = 1
    buckets: tuple[dict[Level, int], ...] = ()
    cells: tuple[CellPart, ...] = ()
    shapes: tuple[Shape, ...] = ()
    exceptions: tuple[ExceptionGroup, ...] = ()
    derived: dict[bytes, DerivedPart] = {}
    """By the path of a file."""
