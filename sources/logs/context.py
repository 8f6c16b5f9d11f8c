"""What a parser must know about the file it reads: plain values, cheap to send to the worker process."""

from __future__ import annotations

import msgspec


class Names(msgspec.Struct, frozen=True):
    """Record fields as the configuration names them; None: the common aliases hold."""

    time: str | None = None
    level: str | None = None
    message: str | None = None
    service: str | None = None
    operation: str | None = None
    method: str | None = None
    status: str | None = None
    latency: str | None = None
    latency_unit: str | None = None
    trace_id: str | None = None


class Context(msgspec.Struct, frozen=True):
    """One file of one source."""

    source: str = ""
    """Name of the source in the configuration."""
    file: str = ""
    """Name of the file, as records carry it."""
    service: str = ""
    """The service that the configuration or the path names; empty: the record itself may name one."""
    names: Names = Names()
    zone: str = "UTC"
    """Zone of stamps that carry none."""
    reference: float = 0.0
    """When the file was last written: gives stamps without a year their year."""
    fallback_service: str = ""
    """The service of records that name none, where `service` is empty too."""
