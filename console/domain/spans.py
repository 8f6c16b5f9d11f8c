"""Spans of distributed traces."""

from __future__ import annotations

import msgspec

from console.domain.instant import Instant


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

    @property
    def end(self) -> Instant:
        """When it ended."""
        return self.start + self.duration_s
