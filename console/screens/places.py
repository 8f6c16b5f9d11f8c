"""Places that can be gone to from anywhere, as items to open."""

from __future__ import annotations

from console.domain.logs import LogRecord
from console.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class AllChanges:
    """The timeline of every change in reach."""

    select: str = ""
    """Key of the change to begin at; empty: the first."""


@dataclass(frozen=True, slots=True)
class AllCalls:
    """The calls between services as a tree."""


@dataclass(frozen=True, slots=True)
class AllNews:
    """What each new verdict said otherwise than the one before."""


@dataclass(frozen=True, slots=True)
class WhetherRecovered:
    """The contract of the incident, and how far it holds."""


@dataclass(frozen=True, slots=True)
class LoadOf:
    """How a service answers under load."""

    service: str


@dataclass(frozen=True, slots=True)
class MemoryOf:
    """The memory of a service."""

    service: str


@dataclass(frozen=True, slots=True)
class RequestOf:
    """The request that a record is about, to be sent again."""

    record: LogRecord


@dataclass(frozen=True, slots=True)
class FixOf:
    """The commits of a deploy, and a fix branch from what is deployed."""

    service: str
    deploy: str
    """Its tag; empty: the newest."""
    at: float
    """When it was deployed, epoch seconds; 0: not known."""
    commit: str = ""
    """What it deployed; empty where that is not known."""
    provider: bool = False
    """It is none of our services but a provider, and nothing of it is deployed by us."""


@dataclass(frozen=True, slots=True)
class TheCase:
    """The incident's record."""


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines that match a query, to be opened as a log screen of their own."""

    query: str
    crumb: str


@dataclass(frozen=True, slots=True)
class AllLines:
    """The lines of the filter, to be opened as the log screen."""


@dataclass(frozen=True, slots=True)
class Around:
    """The unfiltered lines around a record, to be opened as a screen of their own."""

    record: LogRecord


PLACES = (TheCase, AllChanges, AllCalls, AllNews, WhetherRecovered, LoadOf, MemoryOf, RequestOf, FixOf)
