"""Which network addresses may be asked: a name is resolved once, every answer is checked, and the checked address is used.

Link-local addresses hand out the credentials of cloud machines to whoever asks, so no configuration, no redirect and no DNS
answer may lead there.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from console.guard.networks import forbidden
from sources.base import SourceRefused, SourceTimeout, SourceUnavailable
from sources.reasons import is_ours

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Addresses of a host, as text, in the order to try."""


class ForbiddenAddress(SourceRefused):
    """We do not ask such addresses."""


class OurSide(SourceUnavailable):
    """Nothing could be asked, for a reason on this machine: it says nothing about the other side."""


MOST_ADDRESSES = 8


async def resolve(host: str, port: int) -> Sequence[str]:
    """Addresses of a host from the system's resolver.

    In a thread of its own: the resolver has no deadline, and a thread of the common pool that hangs in it would
    delay the end of the program.

    Raises:
        SourceUnavailable: The name does not resolve.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[Any]] = loop.create_future()

    def settle(result: list[Any] | None, error: OSError | UnicodeError | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result or [])

    def ask() -> None:
        try:
            found, error = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), None
        except (OSError, UnicodeError) as failure:
            found, error = None, failure
        try:
            loop.call_soon_threadsafe(settle, found, error)
        except RuntimeError:
            pass  # the loop has ended: nobody waits any more

    threading.Thread(target=ask, name=f"resolve {host}", daemon=True).start()
    try:
        found = await answer
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        kind = OurSide if isinstance(error, OSError) and is_ours(error) else SourceUnavailable
        raise kind(f"{host}: the name does not resolve: {why}") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))[:MOST_ADDRESSES]


async def permitted(host: str, port: int, resolve: Resolve = resolve, deadline_s: float | None = None) -> Sequence[str]:
    """Addresses of a host that may be asked, in the order to try.

    Raises:
        SourceUnavailable: The name does not resolve.
        SourceTimeout: The resolver does not answer in time.
        ForbiddenAddress: It resolves to an address that may not be asked; one is enough, since a name with both a
            harmless and a metadata address is an attack or a mistake.
    """
    try:
        ipaddress.ip_address(host.partition("%")[0])
        addresses: Sequence[str] = [host]
    except ValueError:
        try:
            async with asyncio.timeout(deadline_s):
                addresses = await resolve(host, port)
        except TimeoutError:
            raise SourceTimeout(f"{host}: the name was not resolved within {deadline_s:g} s") from None
    for address in addresses:
        why = forbidden(address)
        if why is not None:
            raise ForbiddenAddress(f"{host} leads to {address}, {why}: such addresses are never asked")
    if not addresses:
        raise SourceUnavailable(f"{host}: the name has no address")
    return addresses
