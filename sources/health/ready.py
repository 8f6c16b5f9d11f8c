"""What must be loaded before a probe is timed: our own loading is not the target's slowness."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sources.http import HttpDoor

Ready = Callable[[], Awaitable[None]]


def loader(http: HttpDoor) -> Ready:
    """Loads the network code and the trusted certificates once: a few hundred ms, mostly outside the event loop."""
    lock, loaded = asyncio.Lock(), False

    async def ready() -> None:
        nonlocal loaded
        async with lock:
            if not loaded:
                await asyncio.to_thread(_load, http)
                import anyio

                anyio.get_cancelled_exc_class()  # loads the backend that the first connection would load
                loaded = True

    return ready


def _load(http: HttpDoor) -> None:
    import sources.http.exchange  # noqa: F401 - for its effect: httpx and httpcore are loaded

    _ = http.context


async def nothing() -> None:
    """For probes that need nothing loaded."""
