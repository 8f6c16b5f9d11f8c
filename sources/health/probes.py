"""Probes: one question to one target, read-only, within three seconds, and an answer whatever happens."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from console.domain.instant import Instant, span_text
from console.domain.topology import Health, ProbeResult
from console.domain.values import dataclass
from console.guard.budget import RequestBudget
from console.guard.sanitise import safe
from sources.addresses import OurSide, Resolve, permitted, resolve
from sources.base import SourceError, SourceRefused, SourceThrottled, SourceTimeout, SourceUnavailable
from sources.health import dns
from sources.health.certificate import EXPIRED, NOT_YET, URGENT_S, NoCertificate, ending, refusal, refused_by, validity
from sources.health.ready import Ready, nothing
from sources.health.targets import Target
from sources.health.verdicts import of_answer, of_failure, of_time
from sources.http import Site
from sources.reasons import connect_reason, is_ours, tls_reason

DEADLINE_S = 3.0
"""From the look-up of the name to the last byte."""
KEPT_S = 300.0
"""So long a result stands where the target may not be asked again: an answer with its age says more than none."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What asking the target brought."""

    health: Health
    detail: str
    latency_s: float | None = None
    certificate_ends: Instant | None = None


Ask = Callable[[Instant], Awaitable[Outcome]]


class Probe:
    """One probe of one service or dependency.

    Args:
        name: Of the service or dependency.
        target: What is asked.
        ask: Asks it once; a `SourceError` is an answer too.
        budget: Of the target. A probe over it is not made: the result is the last one with its own time, or `unknown`.
        ready: Loads what the whole program needs for probes; waited for before the first is timed.
    """

    def __init__(
        self,
        name: str,
        target: Target,
        ask: Ask,
        budget: RequestBudget | None = None,
        *,
        ready: Ready = nothing,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.kind: str = target.scheme
        self.target = target
        self._ask = ask
        self._budget = budget
        self._ready = ready
        self._monotonic = monotonic
        self._last: ProbeResult | None = None

    async def close(self) -> None:
        """Nothing is held open between two probes."""

    async def probe(self, now: Instant) -> ProbeResult:
        """Ask once. A target that is down is an answer, not an error."""
        await self._ready()
        try:
            self._spend()
            outcome = await self._ask(now)
        except SourceThrottled as error:
            if self._last is not None and 0 <= now - self._last.at <= KEPT_S:
                return replace(self._last, detail=safe(f"{self._last.detail}; since then {self._said(error)}", 300))
            return self._result(Outcome(Health.UNKNOWN, self._said(error)), now)
        except SourceError as error:
            outcome = Outcome(of_failure(error), self._said(error))
        self._last = self._result(outcome, now)
        return self._last

    def _result(self, outcome: Outcome, now: Instant) -> ProbeResult:
        ends, health = outcome.certificate_ends, outcome.health
        note = ending(ends, now) if ends is not None else ""
        detail = outcome.detail if not note or note in outcome.detail else f"{outcome.detail}; {note}"
        if health is Health.HEALTHY and ends is not None and ends - now < URGENT_S:
            health = Health.DEGRADED
        return ProbeResult(self.name, self.target.shown, health, outcome.latency_s, safe(detail, 300), now, ends)

    def _spend(self) -> None:
        wait = self._budget.take(self._monotonic()) if self._budget is not None else 0.0
        if wait > 0 and self._budget is not None:
            raise SourceThrottled(
                f"not asked: the budget of {self._budget.per_minute} requests a minute is used up", wait
            )

    def _said(self, error: SourceError) -> str:
        """The reason alone: the target stands beside it already."""
        text = str(error)
        for known in (self.target.shown, self.target.host):
            text = text.removeprefix(f"{known}: ") if known else text
        return text.partition(": ")[2] if text.startswith(("http://", "https://")) else text


def http_probe(
    site: Site, target: Target, turn: asyncio.Semaphore, resolver: Resolve = resolve, deadline_s: float = DEADLINE_S
) -> Ask:
    """GET of the address as it was configured.

    Args:
        turn: Of the origin. The wait for it is not the target's slowness, so it has a deadline of its own.
    """

    async def ask(now: Instant) -> Outcome:
        started = time.monotonic()
        async with _in_turn(turn, deadline_s):
            try:
                answer = await site.ask(deadline_s=deadline_s)
            except SourceRefused as error:
                refused = refused_by(error)
                if refused is None:
                    raise
                left = max(0.1, deadline_s - (time.monotonic() - started))
                return await _refused_certificate(target, refused, now, resolver, left)
        health, words = of_answer(answer)
        return Outcome(health, words, answer.elapsed_s, answer.certificate_ends)

    return ask


@asynccontextmanager
async def _in_turn(turn: asyncio.Semaphore, deadline_s: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(deadline_s):
            await turn.acquire()
    except TimeoutError:
        raise SourceThrottled("not asked: other probes of the same origin took all the time") from None
    try:
        yield
    finally:
        turn.release()


def tcp_probe(target: Target, resolver: Resolve = resolve, deadline_s: float = DEADLINE_S) -> Ask:
    """Whether a connection can be made; it is closed at once and nothing is sent."""

    async def ask(_: Instant) -> Outcome:
        started = time.monotonic()
        writer = await _connected(target, resolver, deadline_s)
        took = time.monotonic() - started
        await _closed(writer)
        health, words = of_time(took, f"connected in {took * 1000:.0f} ms")
        return Outcome(health, words, took)

    return ask


def tls_probe(
    target: Target, context: Callable[[], ssl.SSLContext], resolver: Resolve = resolve, deadline_s: float = DEADLINE_S
) -> Ask:
    """Whether a verified TLS connection can be made, and until when the certificate is valid."""

    async def ask(now: Instant) -> Outcome:
        started = time.monotonic()
        try:
            writer = await _connected(target, resolver, deadline_s, context())
        except ssl.SSLCertVerificationError as error:
            left = max(0.1, deadline_s - (time.monotonic() - started))
            return await _refused_certificate(target, error, now, resolver, left)
        except ssl.SSLError as error:
            return Outcome(Health.DOWN, f"no TLS: {tls_reason(error)}")
        took = time.monotonic() - started
        ends = _ends(writer)
        await _closed(writer)
        health, words = of_time(took, f"verified in {took * 1000:.0f} ms")
        return Outcome(health, words, took, ends)

    return ask


async def _refused_certificate(
    target: Target, error: ssl.SSLCertVerificationError, now: Instant, resolver: Resolve, deadline_s: float
) -> Outcome:
    """The exact reason; the dates come from a second connection, over which nothing is sent."""
    reason = refusal(error, target.host)
    unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    try:
        writer = await _connected(target, resolver, deadline_s, unverified)
    except (SourceError, ssl.SSLError):
        return Outcome(Health.DOWN, f"certificate refused: {reason}")
    starts, ends = _validity(writer)
    await _closed(writer)
    if error.verify_code == EXPIRED and ends is not None and ends <= now:
        return Outcome(Health.DOWN, ending(ends, now), certificate_ends=ends)
    if error.verify_code == NOT_YET and starts is not None and starts > now:
        return Outcome(Health.DOWN, f"certificate is only valid in {span_text(starts - now)}", certificate_ends=ends)
    return Outcome(Health.DOWN, f"certificate refused: {reason}", certificate_ends=ends)


def dns_probe(target: Target, resolver: Resolve = resolve, deadline_s: float = DEADLINE_S) -> Ask:
    """Whether a name resolves: at the server in the address, or with the system's resolver where there is none."""

    async def ask(_: Instant) -> Outcome:
        started = time.monotonic()
        if target.host:
            addresses = await permitted(target.host, target.port, resolver, deadline_s)
            left = max(0.05, deadline_s - (time.monotonic() - started))
            try:
                answer = await dns.ask(addresses, target.port, target.question, target.record, left)
            except TimeoutError:
                raise SourceTimeout(f"no answer within {deadline_s:g} s") from None
            except OSError as error:
                raise _unavailable(error) from None
            failure, count = answer.failure, answer.answers
        else:
            failure, count = await _resolved(target, resolver, deadline_s)
        took = time.monotonic() - started
        if failure:
            return Outcome(Health.DOWN, failure, took)
        records = "1 record" if count == 1 else f"{count} records"
        health, words = of_time(took, f"{records} in {took * 1000:.0f} ms")
        return Outcome(health, words, took)

    return ask


async def _resolved(target: Target, resolver: Resolve, deadline_s: float) -> tuple[str, int]:
    try:
        async with asyncio.timeout(deadline_s):
            return "", len(await resolver(target.question, 0))
    except TimeoutError:
        raise SourceTimeout(f"no answer within {deadline_s:g} s") from None
    except OurSide:
        raise
    except SourceUnavailable as error:
        return str(error).partition(": ")[2], 0


async def _connected(
    target: Target, resolver: Resolve, deadline_s: float, context: ssl.SSLContext | None = None
) -> asyncio.StreamWriter:
    """A connection to the first address that takes it.

    Raises:
        SourceError: There is none.
        ssl.SSLError: The TLS handshake failed.
    """
    until = time.monotonic() + deadline_s
    addresses = await permitted(target.host, target.port, resolver, deadline_s)
    name = target.host if context is not None else None
    share = max(0.05, until - time.monotonic()) / len(addresses)
    failure: SourceError | None = None
    for address in addresses:
        try:
            async with asyncio.timeout(share):
                _, writer = await asyncio.open_connection(address, target.port, ssl=context, server_hostname=name)
            return writer
        except ssl.SSLError:
            raise
        except TimeoutError:
            failure = failure or SourceTimeout(f"no connection within {deadline_s:g} s")
        except OSError as error:
            failure = failure or _unavailable(error)
    assert failure is not None  # `permitted` never gives an empty answer
    raise failure


def _unavailable(error: OSError) -> SourceError:
    return (OurSide if is_ours(error) else SourceUnavailable)(connect_reason(error))


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    try:
        await writer.wait_closed()
    except OSError:
        pass  # the other side was faster


def _ends(writer: asyncio.StreamWriter) -> Instant | None:
    return _validity(writer)[1]


def _validity(writer: asyncio.StreamWriter) -> tuple[Instant | None, Instant | None]:
    connection = writer.get_extra_info("ssl_object")
    der = connection.getpeercert(binary_form=True) if connection is not None else None
    try:
        return validity(der) if der else (None, None)
    except NoCertificate:
        return None, None
