"""One request on the wire and the head of its answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import httpx  # noqa: TID251 - this is the door

from sources.http.transport import PinnedTransport, explained


@asynccontextmanager
async def sent(
    transport: PinnedTransport,
    method: str,
    url: str,
    params: Sequence[tuple[str, str]],
    headers: Mapping[str, str],
    where: str,
    limit: float,
) -> AsyncIterator[httpx.Response]:
    """An answer whose body is still to be read; every failure becomes an error of our tree.

    The transport is used without httpx's client, which keeps cookies, and which reads the target of a redirect even when it
    is not to be followed.

    Args:
        where: The address as errors show it.
        limit: For the connection, in seconds.

    Raises:
        SourceError: Of every kind but throttling; see `sources.base`.
    """
    try:
        # httpx drops a query that stands in the URL when it is given parameters, even an empty list.
        request = httpx.Request(
            method,
            url,
            params=list(params) or None,
            headers={"Accept": "*/*", "Accept-Encoding": "gzip", **headers},
            extensions={"timeout": {"connect": limit}},
        )
        response = await _responded(transport, request)
        try:
            yield response
        finally:
            await response.aclose()
    except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
        raise explained(error, where) from None


async def _responded(transport: PinnedTransport, request: httpx.Request) -> httpx.Response:
    """The head of the answer. A kept connection that the other side closed just now is no failure: it is tried anew."""
    fresh = False

    async def trace(event: str, _: object) -> None:
        nonlocal fresh
        fresh = fresh or event == "connection.connect_tcp.started"

    request.extensions["trace"] = trace
    while True:
        try:
            return await transport.handle_async_request(request)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            if fresh:
                raise
