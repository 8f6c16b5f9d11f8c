"""Places that can be gone to from anywhere, as items to open."""

from __future__ import annotations

from dataclasses import dataclass


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
class LoadOf:
    """How a service answers under load."""

    service: str


@dataclass(frozen=True, slots=True)
class MemoryOf:
    """The memory of a service."""

    service: str


PLACES = (AllChanges, AllCalls, AllNews, LoadOf, MemoryOf)
