"""The network below the HTTP door: names are resolved once, addresses checked, and the checked address is connected to."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore  # noqa: TID251 - this is the door
import httpx  # noqa: TID251 - this is the door

from sources.addresses import OurSide, Resolve, permitted
from sources.base import SourceError, SourceGarbage, SourceRefused, SourceTimeout, SourceUnavailable
from sources.reasons import connect_reason, is_ours, tls_reason

MOST_CONNECTIONS = 32
KEPT_ALIVE_S = 30.0


class PinnedBackend(httpcore.AsyncNetworkBackend):
    """Connects to addresses that `permitted` let through, and to nothing else."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the name that httpcore calls it by
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await permitted(host, port, self._resolve, timeout)
        share = None if timeout is None else timeout / len(addresses)
        failure: Exception | None = None
        for address in addresses:
            try:
                return await self._inner.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = failure or error
        assert failure is not None  # `permitted` never gives an empty answer
        raise failure

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class PinnedTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport over a pool with our backend; its constructor has no argument for one."""

    def __init__(self, context: ssl.SSLContext, resolve: Resolve) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=MOST_CONNECTIONS,
            max_keepalive_connections=MOST_CONNECTIONS,
            keepalive_expiry=KEPT_ALIVE_S,
            network_backend=PinnedBackend(resolve),
        )


def trust() -> ssl.SSLContext:
    """Verifies against the system's certificates, `SSL_CERT_FILE` included, and where it has none against certifi's."""
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:
        import certifi  # only on machines without certificates of their own

        context.load_verify_locations(cafile=certifi.where())
    return context


def explained(error: Exception, where: str) -> SourceError:
    """What a failed request means, as an error of the tree in `sources.base`."""
    if isinstance(error, SourceError):
        return error
    causes = list(_chain(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return SourceRefused(f"{where}: TLS certificate refused: {cause.verify_message or cause.reason}")
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            return SourceRefused(f"{where}: no TLS connection: {tls_reason(cause)}")
    if isinstance(error, httpx.TimeoutException):
        return SourceTimeout(f"{where}: no connection in time")
    for cause in causes:
        if isinstance(cause, OSError) and cause.errno is not None:
            kind = OurSide if is_ours(cause) else SourceUnavailable
            return kind(f"{where}: {connect_reason(cause)}")
    if isinstance(error, httpx.RemoteProtocolError):
        return SourceGarbage(f"{where}: the answer is cut or no HTTP: {error}")
    return SourceUnavailable(f"{where}: {str(error) or 'the connection was lost'}")


def _chain(error: BaseException) -> Iterable[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
        waiting += [one.__cause__, one.__context__]
