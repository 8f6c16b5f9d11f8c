"""A door that is closed at the end of each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from console.config.models import Budget
from sources.http import HttpDoor


@pytest.fixture
async def door() -> AsyncIterator[HttpDoor]:
    """A door with a large budget and a deadline of two seconds."""
    async with HttpDoor(Budget(requests_per_minute=600, timeout="2s")) as opened:
        yield opened
