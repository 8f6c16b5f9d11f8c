"""Doors that are closed at the end of each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Protocol

import pytest

from console.config.models import Budget
from sources.http import HttpDoor


class MakeDoor(Protocol):
    """Opens a door with the arguments of `HttpDoor`."""

    def __call__(self, budget: Budget | None = None, **given: Any) -> HttpDoor: ...


@pytest.fixture
async def make_door() -> AsyncIterator[MakeDoor]:
    """Opens doors, and closes them all at the end."""
    opened: list[HttpDoor] = []

    def make(budget: Budget | None = None, **given: Any) -> HttpDoor:
        opened.append(HttpDoor(budget, **given))
        return opened[-1]

    yield make
    for one in opened:
        await one.close()


@pytest.fixture
def door(make_door: MakeDoor) -> HttpDoor:
    """A door with a large budget and a deadline of two seconds."""
    return make_door(Budget(requests_per_minute=600, timeout="2s"))
