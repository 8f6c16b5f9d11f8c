"""Cases in a folder of the test, with a clock that moves a second at each look."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from console.case import entries
from console.case.book import Book

START = 1_795_000_000.0


class Clock:
    """A wall clock that a test sets."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        self.now += 1
        return self.now


MakeBook = Callable[..., Book]


@pytest.fixture
def clock() -> Clock:
    """Begins at `START`."""
    return Clock()


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """Where cases lie."""
    return tmp_path / "state" / "cases"


@pytest.fixture
def make(cases: Path, clock: Clock) -> MakeBook:
    """A new case by alice, with what it begins with."""

    def make(title: str = "Checkout fails", author: str = "alice", **data: Any) -> Book:
        return Book.new(cases, title, author, data, clock)

    return make


@pytest.fixture
def book(make: MakeBook) -> Book:
    """A case of severity P2 about checkout."""
    return make(severity="P2", services=["checkout"])


def recovered(book: Book, verdict: str = "recovered") -> None:
    """Write a recovery verdict."""
    book.write(entries.recovery({"verdict": verdict, "signals": [], "reason": "judged by a test"}))


def seen(book: Book, claim: str = "the log says so", **more: Any) -> str:
    """Write evidence; returns its name."""
    return str(book.write(entries.evidence(claim, **{"kind": "log", **more})).data["name"])
