"""What every source has in common: the protocols by role, and the error tree.

    SourceError                 anything a source can end with; its text is one sentence, already sanitised
    ├── SourceUnavailable       refused, unreachable, name does not resolve, file missing, permission
    ├── SourceTimeout           no complete answer within the deadline
    ├── SourceThrottled         the other side, or our own budget, said "later"; carries the time to wait
    ├── SourceRefused           401, 403, TLS verification, a redirect, a forbidden address: waiting does not help
    └── SourceGarbage           an answer that is not what it should be: a login page, cut JSON, an unknown form

A source never returns half an answer as a whole one: what is incomplete is marked in the `SourceReport` of its reading.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol, runtime_checkable

from console.domain.changes import Change, Running
from console.domain.instant import Instant, Window
from console.domain.logs import LogCounts, LogPage, LogRecord
from console.domain.observations import ErrorSample
from console.domain.reading import Reading
from console.domain.series import Series
from console.domain.spans import Span
from console.domain.topology import ProbeResult
from console.guard.sanitise import safe
from console.query.ast import Query


class SourceError(Exception):
    """A source could not answer."""

    def __init__(self, sentence: str) -> None:
        super().__init__(safe(sentence, 400))


class SourceUnavailable(SourceError):
    """It cannot be reached or opened."""


class SourceTimeout(SourceError):
    """It did not answer in time."""


class SourceThrottled(SourceError):
    """It, or our own budget, asks to wait."""

    def __init__(self, sentence: str, retry_after_s: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after_s = retry_after_s


class SourceRefused(SourceError):
    """It will not answer us, and asking again changes nothing."""


class SourceGarbage(SourceError):
    """Its answer cannot be understood."""


class Source(Protocol):
    """Common to all: a name from the configuration, and a kind."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str: ...

    async def close(self) -> None:
        """Release connections, files and child processes."""
        ...


class MetricSource(Source, Protocol):
    """Metric series of a window."""

    async def series(self, window: Window, step_s: float) -> Reading[tuple[Series, ...]]:
        """Every series it has for the configured services.

        Args:
            window: What is wanted; a source may answer less and says so.
            step_s: The finest step the caller can use; the source may answer coarser.
        """
        ...


class LogSource(Source, Protocol):
    """Records of a window, and new ones as they come."""

    async def page(self, window: Window, query: Query | None, limit: int) -> Reading[LogPage]:
        """The newest `limit` matching records of the window, oldest first, and how many match in all."""
        ...

    async def counts(self, window: Window, step_s: float, query: Query | None) -> Reading[LogCounts]:
        """Matching records per bucket and level."""
        ...

    async def series(self, window: Window, step_s: float) -> Reading[tuple[Series, ...]]:
        """Request and error counts and latency percentiles per service and operation, derived from the records."""
        ...

    async def errors(self, window: Window, limit: int) -> Reading[ErrorSample]:
        """The newest `limit` records at level warning and worse, and how many there are."""
        ...

    async def messages(self, window: Window, limit: int) -> Reading[LogPage]:
        """At most `limit` records of every level, spread evenly over the window, and how many there are."""
        ...

    def follow(self) -> AsyncIterator[tuple[LogRecord, ...]]:
        """New records in batches, as they are written, until the iterator is closed."""
        ...


class ChangeSource(Source, Protocol):
    """Changes of a window."""

    async def changes(self, window: Window) -> Reading[tuple[Change, ...]]:
        """Every change stamped inside the window, oldest first."""
        ...


@runtime_checkable
class DeployedSource(Source, Protocol):
    """A change source that knows what was deployed last."""

    async def deployed(self, at: Instant) -> tuple[Change, ...]:
        """The newest deploy of each service until `at`, however long ago.

        Raises:
            SourceError: Of every kind.
        """
        ...


class TraceSource(Source, Protocol):
    """Spans of a window."""

    async def spans(self, window: Window, limit: int, trace_id: str | None = None) -> Reading[tuple[Span, ...]]:
        """Spans that ended inside the window; at most `limit`, and the report says when there were more.

        Args:
            trace_id: Of this trace alone.
        """
        ...


class HealthSource(Source, Protocol):
    """One probe of one target."""

    async def probe(self, now: Instant) -> ProbeResult:
        """Ask once. A target that is down is an answer, not an error."""
        ...


@runtime_checkable
class VersionSource(Source, Protocol):
    """Who can tell which versions run."""

    async def running(self, now: Instant) -> tuple[Running, ...]:
        """What runs now, one entry for each service and build; empty where nothing here tells versions.

        Whether deploys agree is left open.
        """
        ...
