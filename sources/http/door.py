"""The door and its sites: who may be asked, how often, how much, and what it has cost."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from console.config.models import Budget
from console.domain.instant import Instant, parse_span
from console.domain.ours import AGENT
from console.domain.reading import Cost
from console.guard.budget import RequestBudget
from console.guard.sanitise import safe
from console.state import OriginCost
from sources.addresses import Resolve, resolve
from sources.answers import Answer, checked, http_date, retry_after
from sources.base import SourceRefused, SourceThrottled, SourceTimeout
from sources.bodies import bounded
from sources.secrets import Token

if TYPE_CHECKING:
    from sources.http.transport import PinnedTransport

MOST_URL = 16_384
"""Longer requests are refused here, since servers cut or refuse them there."""
DEFAULT_PORTS = {"http": 80, "https": 443}

Params = Sequence[tuple[str, str]]


def _version() -> str:
    try:
        return version("incident-console")
    except PackageNotFoundError:
        return "0"


USER_AGENT = f"{AGENT}{_version()}"


class _Tally:
    """What requests have cost so far."""

    def __init__(self) -> None:
        self.cost = Cost()


class _Origin:
    """What is shared by everything that asks one scheme, host and port: budget, slots, and what it has cost."""

    def __init__(self, name: str, budget: Budget) -> None:
        self.name = name
        self.budget = RequestBudget(budget.requests_per_minute)
        self.slots = asyncio.Semaphore(budget.concurrent)
        self.tally = _Tally()


class HttpDoor:
    """Everything that leaves this program as HTTP passes here.

    Args:
        budget: Requests a minute, concurrent requests and the deadline, per origin.
        context: For TLS; the system's certificates by default. Tests give their own authority.
        resolve: Addresses of a host name.
        clock: Wall clock, for the skew of the other side's clock.
        monotonic: For budgets and durations; never steps back.
    """

    def __init__(
        self,
        budget: Budget | None = None,
        *,
        context: ssl.SSLContext | None = None,
        resolve: Resolve = resolve,
        clock: Callable[[], Instant] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.budget = budget or Budget()
        self.deadline_s = parse_span(self.budget.timeout)
        self._context = context
        self._resolve = resolve
        self._clock = clock
        self._monotonic = monotonic
        self._origins: dict[str, _Origin] = {}
        self._transport: PinnedTransport | None = None

    def site(self, url: str, token: Token | None = None) -> Site:
        """A handle on one origin. Paths of its requests are below the path of `url`.

        Raises:
            SourceRefused: The address is no http(s) address, or holds a user or password.
        """
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            raise SourceRefused(f"{safe(url, 200)} holds no valid port") from None
        if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
            raise SourceRefused(f"{safe(url, 200)} is no address that starts with http:// or https://")
        if parts.username is not None or parts.password is not None:
            raise SourceRefused(
                f"the address of {parts.hostname} holds a user or password; use token_env or token_file"
            )
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        default = DEFAULT_PORTS[parts.scheme]
        name = f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, default) else "")
        origin = self._origins.setdefault(name, _Origin(safe(name, 200), self.budget))
        return Site(self, origin, name + parts.path.rstrip("/"), parts.query, token)

    @property
    def context(self) -> ssl.SSLContext:
        """What TLS is verified against; for probes that speak TLS without HTTP."""
        if self._context is None:
            from sources.http.transport import trust

            self._context = trust()
        return self._context

    @property
    def resolver(self) -> Resolve:
        """Where names are looked up."""
        return self._resolve

    def costs(self) -> tuple[OriginCost, ...]:
        """What this program has cost every origin that it has asked: the observer-effect meter."""
        now = self._monotonic()
        return tuple(
            OriginCost(safe(o.name.partition("://")[2]), o.budget.used(now), o.budget.per_minute, o.tally.cost)
            for o in self._origins.values()
        )

    async def close(self) -> None:
        """Close every connection."""
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.aclose()

    async def __aenter__(self) -> HttpDoor:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _opened(self) -> PinnedTransport:
        if self._transport is None:
            from sources.http.transport import PinnedTransport

            self._transport = PinnedTransport(self.context, self._resolve)
        return self._transport

    async def _ask(
        self,
        origin: _Origin,
        asker: _Tally,
        method: Literal["GET", "HEAD"],
        url: str,
        params: Params,
        headers: Mapping[str, str],
        deadline_s: float | None,
    ) -> Answer:
        """One request, one answer.

        Raises:
            SourceError: Of every kind; see `sources.base`.
        """
        limit = self.deadline_s if deadline_s is None else deadline_s
        where = safe(url.partition("?")[0], 300)
        try:
            async with asyncio.timeout(limit), origin.slots:
                self._spend(origin, asker)
                return await self._exchange(origin, asker, method, url, params, headers, where, limit)
        except TimeoutError:
            raise SourceTimeout(f"{where}: no complete answer within {limit:g} s") from None

    def _spend(self, origin: _Origin, asker: _Tally) -> None:
        now = self._monotonic()
        wait = origin.budget.take(now)
        if wait > 0:
            why = (
                "it asked us to wait"
                if origin.budget.paused(now)
                else f"the budget of {origin.budget.per_minute} requests a minute is used up"
            )
            raise SourceThrottled(f"{origin.name}: {why}, next request in {wait:.0f} s", wait)
        for tally in (origin.tally, asker):
            tally.cost += Cost(1, 0)

    async def _exchange(
        self,
        origin: _Origin,
        asker: _Tally,
        method: str,
        url: str,
        params: Params,
        headers: Mapping[str, str],
        where: str,
        limit: float,
    ) -> Answer:
        from sources.http.exchange import sent

        started, asked_at = self._monotonic(), self._clock()
        every = {"User-Agent": USER_AGENT, **headers}
        async with sent(self._opened(), method, url, params, every, where, limit) as response:
            headed_after = self._monotonic() - started
            chunks = _counted(response.aiter_raw(), (origin.tally, asker))
            body, _ = await bounded(chunks, response.headers.get("content-encoding", ""), where)
            answer = Answer(
                url=safe(where),
                status=response.status_code,
                headers={k.lower(): v for k, v in response.headers.items()},
                body=body,
                elapsed_s=self._monotonic() - started,
                skew_s=_skew(response.headers, asked_at + headed_after / 2),
                skew_margin_s=0.5 + headed_after / 2,
                certificate_ends=_certificate_ends(response.extensions.get("network_stream")),
            )
        if answer.status in (429, 503):
            origin.budget.pause(self._monotonic(), retry_after(answer, self._clock()) or 0.0)
        return answer


class Site:
    """One origin, one base path, one credential."""

    def __init__(self, door: HttpDoor, origin: _Origin, base: str, query: str, token: Token | None) -> None:
        self._door = door
        self._origin = origin
        self._token = token
        self._tally = _Tally()
        self._query = query
        self.base = base
        """The address that was configured, without query and trailing slash."""

    @property
    def name(self) -> str:
        """The origin, fit to be shown."""
        return self._origin.name

    @property
    def cost(self) -> Cost:
        """What requests through this handle have cost so far."""
        return self._tally.cost

    @property
    def deadline_s(self) -> float:
        """The deadline of a request that names none."""
        return self._door.deadline_s

    async def ask(
        self,
        path: str = "",
        *,
        params: Params = (),
        headers: Mapping[str, str] | None = None,
        deadline_s: float | None = None,
        method: Literal["GET", "HEAD"] = "GET",
    ) -> Answer:
        """One request; the answer whatever its status.

        Args:
            path: Appended to the base path, `/api/v1/query`; empty: the address as it was configured, with its query.
            deadline_s: For everything from the name's resolution to the last byte.

        Raises:
            SourceThrottled: The budget is used up, or the other side asked us to wait.
            SourceTimeout: No complete answer within the deadline.
            SourceUnavailable: No connection.
            SourceRefused: TLS, a forbidden address, or a request that we do not send.
            SourceGarbage: The answer is too large, cut, or no HTTP.
        """
        url = self._url(path)
        sent = dict(headers or {})
        if self._token is not None:
            sent["Authorization"] = self._token.header()
        if len(url) + sum(len(k) + len(v) + 2 for k, v in params) > MOST_URL:
            raise SourceRefused(f"{self.name}: a request of more than {MOST_URL} characters is not sent")
        return await self._door._ask(self._origin, self._tally, method, url, params, sent, deadline_s)

    async def get(
        self,
        path: str = "",
        *,
        params: Params = (),
        headers: Mapping[str, str] | None = None,
        deadline_s: float | None = None,
    ) -> Answer:
        """Like `ask`, for a caller who can only use an answer of status 2xx.

        Raises:
            SourceError: As `ask`, and as `sources.answers.checked` for every other status.
        """
        return checked(await self.ask(path, params=params, headers=headers, deadline_s=deadline_s))

    def _url(self, path: str) -> str:
        if not path:
            return self.base + (f"?{self._query}" if self._query else "")
        if not path.startswith("/") or ".." in path.split("/"):
            raise SourceRefused(f"{safe(path, 100)!r} is no path below {self.name}")
        return self.base + path


async def _counted(chunks: AsyncIterator[bytes], tallies: Sequence[_Tally]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        for tally in tallies:
            tally.cost += Cost(0, len(chunk))
        yield chunk


def _certificate_ends(stream: Any) -> Instant | None:
    connection = stream.get_extra_info("ssl_object") if stream is not None else None
    if connection is None:
        return None
    ends = (connection.getpeercert() or {}).get("notAfter")
    return float(ssl.cert_time_to_seconds(ends)) if isinstance(ends, str) else None


def _skew(headers: Mapping[str, str], middle: Instant) -> float | None:
    """How far the other clock is ahead. `Date` is cut to whole seconds; a cached answer tells the age of the cache."""
    at = http_date(headers.get("date", "")) if "age" not in headers else None
    return None if at is None else at + 0.5 - middle
