"""Spans of distributed traces."""

from __future__ import annotations

import msgspec

from console.domain.instant import Instant
from console.domain.text import SafeText


class Span(msgspec.Struct, frozen=True, gc=False):
    """One unit of work in one service. It counts as known when it ended, not when it started."""

    trace_id: str
    span_id: str
    parent_id: str | None
    service: str
    operation: str
    kind: str
    """server | client | internal | producer | consumer"""
    start: Instant
    duration_s: float
    failed: bool
    fields: tuple[tuple[str, SafeText], ...] = ()
    """What it says of where it ran, by its own names: host, zone, version, tenant and the like."""

    @property
    def end(self) -> Instant:
        """When it ended."""
        return self.start + self.duration_s
