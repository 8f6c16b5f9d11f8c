"""Answers of sources: a value with its age, its completeness and its price."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Generic, TypeVar

from console.domain.instant import Instant
from console.domain.text import SafeText
from console.domain.values import dataclass

T = TypeVar("T")


class SourceState(StrEnum):
    """How far a source's answer can be trusted; the words of `sources[].state`."""

    OK = "ok"
    PARTIAL = "partial"
    STALE = "stale"
    FAILED = "failed"
    NOT_CONSULTED = "not_consulted"


@dataclass(frozen=True, slots=True)
class Cost:
    """What answers have cost the systems asked."""

    queries: int = 0
    bytes: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.queries + other.queries, self.bytes + other.bytes)


@dataclass(frozen=True, slots=True)
class SourceReport:
    """One row of `sources` in the JSON: who was asked and what came of it."""

    name: str
    kind: str
    state: SourceState
    detail: SafeText = SafeText("")
    records: int | None = None
    cost: Cost = Cost()
    role: str = ""
    """logs | metrics | changes | health | traces | deploys: what the source is for."""
    file: str = ""
    """The file that it reads, where it is one file."""


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """A value, when it was observed, and how complete it is."""

    value: T
    observed_at: Instant
    report: SourceReport
    warnings: tuple[SafeText, ...] = ()


class FeedPhase(StrEnum):
    """Where a pane's data stands; each is a different thing to a reader."""

    LOADING = "loading"
    """Asked, no answer yet."""
    EMPTY = "empty"
    """Answered: there is nothing."""
    READY = "ready"
    STALE = "stale"
    """The last good value is older than twice its interval."""
    FAILED = "failed"
    """The last attempt failed; the last good value, if any, is still there."""


@dataclass(frozen=True, slots=True)
class FeedState(Generic[T]):
    """What one feed knows: its phase, the last good reading, and the reason where it failed."""

    phase: FeedPhase = FeedPhase.LOADING
    reading: Reading[T] | None = None
    reason: SafeText = SafeText("")
    failed_since: Instant | None = None
    next_attempt: Instant | None = None

    def succeeded(self, reading: Reading[T], *, empty: bool = False) -> FeedState[T]:
        """After a good answer."""
        return FeedState(FeedPhase.EMPTY if empty else FeedPhase.READY, reading)

    def failed(self, reason: SafeText, now: Instant, next_attempt: Instant | None) -> FeedState[T]:
        """After a failure: the last good reading stays."""
        since = self.failed_since if self.phase is FeedPhase.FAILED and self.failed_since is not None else now
        return FeedState(FeedPhase.FAILED, self.reading, reason, since, next_attempt)

    def aged(self, now: Instant, interval_s: float) -> FeedState[T]:
        """Stale once the reading is older than twice its interval (at least 5 s), an empty one too; otherwise unchanged."""
        good = self.phase in (FeedPhase.READY, FeedPhase.EMPTY)
        if good and self.reading is not None and now - self.reading.observed_at > max(5.0, 2 * interval_s):
            return replace(self, phase=FeedPhase.STALE)
        return self
