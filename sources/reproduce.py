"""Sends reproductions: the only place from which they leave, and the guard stands in it.

Each request is judged again on its final bytes, counted in the shared budget, and written to the audit before its first byte
leaves. The bytes are written as they were judged, so this works below httpx, which would write the address, the method and the
order of headers in its own way. Names are resolved once for a run and the connection goes to that address; TLS is verified against
the name. Redirects are not followed, nothing is tried again, proxies of the environment play no part.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import ssl
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from console.domain.instant import Instant, rfc3339
from console.domain.ours import AGENT
from console.domain.request import HttpRequest, place_of
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.audit import Audit, AuditFailed
from console.guard.ledger import Ledger, LedgerFailed
from console.guard.limits import (
    CONNECT_S,
    MOST_ANSWER,
    MOST_HEAD,
    MOST_RATIO,
    RUN_S,
    TOTAL_S,
    Answered,
    Breaker,
    Limits,
)
from console.guard.policy import Confirmation, Decision, Environment, State, Verdict, decide, without
from console.guard.redact import redact
from console.guard.sanitise import safe
from console.repro.errors import NotAllowed, Stopped
from console.repro.har import through_cache
from console.repro.prepare import digest_of
from console.repro.signature import Outcome
from console.repro.wire import new_trace, path_template, read_back, redacted_query
from sources.addresses import ForbiddenAddress, Resolve, permitted
from sources.answers import http_date
from sources.base import SourceError
from sources.secrets import Token

if TYPE_CHECKING:
    import h11

SLOT_POLL_S = 0.05
SLOT_WAIT_S = 15.0
BUSTER = "_incident_nocache"
_STOPPING = frozenset({"G18", "G19", "G20"})
"""Rules that are about sending at all, not about one request."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the request as it was observed."""

    original: str = ""
    """Digest of its headers; empty where not known, which counts as changed."""
    cacheable: bool = False
    insecure: bool = False
    proxy: bool = False


@dataclass(frozen=True, slots=True)
class Books:
    """Where what is sent is counted and written down."""

    ledger: Ledger
    audit: Audit


@dataclass(frozen=True, slots=True)
class Who:
    """On whose behalf."""

    user: str
    incident: str
    version: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be sent."""

    data: bytes
    """The exact bytes; the value of the environment's credential is replaced by its name."""
    decision: Decision


class Session:
    """One run against one environment.

    Args:
        most: Requests of this run; never more than the tier's.
        expected: Whether an outcome is the failure that is looked for; the breaker counts only others.
        full_marks: False: the User-Agent alone marks our requests, where the other marks would change the outcome.
        cache_buster: A fresh parameter goes with every request, so that no cache keeps its answer.
        blocked: Why nothing may be sent at all, such as read-only mode; asked before every request, since a case may be closed by
            somebody else while a run goes on.
        error_rate: The target's own error rate, 0 to 1, as its metrics tell it now; None where they do not.
    """

    def __init__(
        self,
        env: Environment,
        limits: Limits,
        books: Books,
        who: Who,
        resolve: Resolve,
        context: Callable[[], ssl.SSLContext],
        token: Token | None = None,
        *,
        most: int | None = None,
        facts: Facts | None = None,
        confirmation: Confirmation | None = None,
        expected: Callable[[Outcome], bool] = lambda _: False,
        full_marks: bool = True,
        cache_buster: bool = False,
        blocked: Callable[[], str | None] = lambda: None,
        error_rate: Callable[[], float | None] = lambda: None,
        clock: Callable[[], Instant] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.env = env
        self.limits = limits
        self.most = min(most if most is not None else limits.per_run, limits.per_run)
        self.sent = 0
        self.facts = facts or Facts()
        self.expected = expected
        self.cache_buster = cache_buster
        self.buster_proven = False
        self.run = secrets.token_hex(4)
        self._books = books
        self._who = who
        self._resolve = resolve
        self._context = context
        self._token = token
        self._confirmation = confirmation
        self._full_marks = full_marks
        self._blocked = blocked
        self._error_rate = error_rate
        self._clock = clock
        self._monotonic = monotonic
        self._started: float | None = None
        self._addresses: tuple[str, ...] | None = None
        self._peer: str | None = None
        self._breaker = Breaker()
        self._stop: str | None = None

    @property
    def host(self) -> str:
        """Host and port, under which requests are counted."""
        return place_of(self.env.origin).hostport

    def left(self) -> int:
        """Requests that this incident may still send here.

        Raises:
            Stopped: The budget cannot be read.
        """
        try:
            return self._books.ledger.left(self._clock(), self._who.incident, self.host, self.limits)
        except LedgerFailed as error:
            raise Stopped("G20", str(error)) from None

    def confirm(self, typed: Confirmation) -> None:
        """What a person typed; the guard checks that it is for this request."""
        self._confirmation = typed

    def extend(self) -> None:
        """The incident may use the larger budget, as a person confirmed.

        Raises:
            Stopped: The budget cannot be kept.
        """
        try:
            self._books.ledger.extend(self._who.incident)
        except LedgerFailed as error:
            raise Stopped("G20", str(error)) from None

    async def __call__(self, request: HttpRequest) -> Outcome:
        """Send one request, once.

        Raises:
            NotAllowed: The guard does not let this request out.
            Stopped: It lets none out.
        """
        self._may_go_on()
        if self._addresses is None:
            self._addresses = await self._pinned()
        trace, traceparent = new_trace()
        final, ours = self._final(request, traceparent)
        data = final.wire()
        decision = self._judged(data, ours, self._addresses)
        if decision.most_tries is not None and self.sent >= decision.most_tries:
            raise Stopped(decision.rule or "G18", f"at most {decision.most_tries} tries of such a request")
        return await self._counted(request, data, decision, trace)

    def preview(self, request: HttpRequest) -> Preview:
        """What would be sent, and the decision on it; nothing is resolved or sent."""
        final, ours = self._final(request, new_trace()[1])
        decision = self._decided(final.wire(), ours, None)
        if self._token is not None and "authorization" in ours:
            shown = tuple(
                (n, f"‹credential of {self.env.name}, from {self._token.where}›") if n == "Authorization" else (n, v)
                for n, v in final.headers
            )
            masked = replace(final, headers=tuple((n, v.encode().decode("latin-1")) for n, v in shown))
            return Preview(masked.wire(), decision)
        return Preview(final.wire(), decision)

    def _may_go_on(self) -> None:
        now = self._monotonic()
        self._started = now if self._started is None else self._started
        if self._stop is not None:
            raise Stopped("G18", self._stop)
        if self.sent >= self.most:
            raise Stopped("G18", f"the {self.most} requests of this run are sent")
        if now - self._started > RUN_S:
            raise Stopped("G18", f"the run has taken {RUN_S:.0f} s")

    async def _pinned(self) -> tuple[str, ...]:
        place = place_of(self.env.origin)
        try:
            return tuple(await permitted(place.host, place.port or 0, self._resolve, CONNECT_S))
        except ForbiddenAddress as error:
            raise Stopped("G3", str(error)) from None
        except SourceError as error:
            raise Stopped("", str(error)) from None

    def _final(self, request: HttpRequest, traceparent: str) -> tuple[HttpRequest, frozenset[str]]:
        """The request with credential and marks, and the names of the headers that were added."""
        ours = {"user-agent"}
        headers = [h for h in request.headers if h[0].lower() != "user-agent"]
        if self._token is not None and not request.values("authorization"):
            headers.append(("Authorization", self._token.header()))
            ours.add("authorization")
        incident = re.sub(r"[^A-Za-z0-9._-]", "_", self._who.incident)[:64]
        headers.append(("User-Agent", f"{AGENT}{self._who.version} (synthetic; incident={incident})"))
        if self._full_marks:
            headers += [
                ("X-Synthetic", "1"),
                ("X-Incident-Repro", f"{incident}/{self.run}/{self.sent + 1}"),
                ("traceparent", traceparent),
            ]
            ours |= {"x-synthetic", "x-incident-repro", "traceparent"}
        url = request.url
        if self.cache_buster:
            url += ("&" if "?" in url else "?") + f"{BUSTER}={secrets.token_hex(6)}"
        return HttpRequest(request.method, url, tuple(headers), request.body), frozenset(ours)

    def _decided(self, data: bytes, ours: frozenset[str], addresses: tuple[str, ...] | None) -> Decision:
        try:
            final = read_back(data, place_of(self.env.origin).scheme)
            stopped = self._books.ledger.stopped(self._clock(), self.host)
        except (ValueError, LedgerFailed) as error:
            return Decision(Verdict.REFUSE, "G13" if isinstance(error, ValueError) else "G20", safe(str(error), 300))
        bare = without(final, ours)
        return decide(
            final,
            self.env,
            State(
                now=self._clock(),
                incident=self._who.incident,
                addresses=addresses,
                ours=ours,
                cacheable=self.facts.cacheable,
                altered=digest_of(bare.headers) != self.facts.original,
                buster_proven=self.cache_buster and self.buster_proven,
                insecure=self.facts.insecure,
                proxy=self.facts.proxy,
                stopped=stopped,
                blocked=self._blocked(),
                confirmation=self._confirmation,
            ),
        )

    def _judged(self, data: bytes, ours: frozenset[str], addresses: tuple[str, ...]) -> Decision:
        decision = self._decided(data, ours, addresses)
        if decision.verdict is Verdict.ALLOW:
            return decision
        kind = Stopped if decision.rule in _STOPPING else NotAllowed
        raise kind(decision.rule, decision.reason)

    async def _counted(self, request: HttpRequest, data: bytes, decision: Decision, trace: str) -> Outcome:
        waited = 0.0
        try:
            while True:
                with self._books.ledger.slot(self.host, self.limits) as free:
                    if free:
                        left = await self._granted()
                        return await self._audited(request, data, decision, trace, left)
                if waited >= SLOT_WAIT_S:
                    raise Stopped("G18", f"other consoles keep all {self.limits.concurrent} places at {self.host}")
                waited += SLOT_POLL_S
                await asyncio.sleep(SLOT_POLL_S)
        except LedgerFailed as error:
            raise Stopped("G20", str(error)) from None

    async def _granted(self) -> int:
        while True:
            grant = self._books.ledger.take(self._clock(), self._who.incident, self.host, self.limits)
            if grant.reason is not None:
                raise Stopped("G18", grant.reason)
            if grant.wait_s <= 0:
                return grant.left
            if self._monotonic() - (self._started or 0.0) + grant.wait_s > RUN_S:
                raise Stopped("G18", f"the next may leave in {grant.wait_s:.0f} s, after the {RUN_S:.0f} s of a run")
            await asyncio.sleep(min(grant.wait_s, 1.0))

    async def _audited(self, request: HttpRequest, data: bytes, decision: Decision, trace: str, left: int) -> Outcome:
        assert self._addresses is not None
        entry = self._entry(request, data, decision, trace, left)
        self._write({"event": "intent", **entry})
        self._peer = None
        self.sent += 1
        outcome = Outcome(None, 0.0, problem=safe("cancelled"), trace_id=trace)
        try:
            outcome = replace(await self._exchanged(data, request.method), trace_id=trace)
        except Stopped as stop:
            outcome = replace(outcome, problem=stop.reason)
            raise
        finally:
            result = {"status": outcome.status, "bytes": outcome.bytes, "ms": round(outcome.elapsed_s * 1000, 1)}
            told = {"event": "outcome", "time": rfc3339(self._clock()), "request_sha256": entry["request_sha256"]}
            self._write({**told, "trace_id": trace, "address": self._peer, **result, "problem": outcome.problem})
        self._watch(outcome)
        return outcome

    def _watch(self, outcome: Outcome) -> None:
        if through_cache(list(outcome.headers)):
            self.facts = replace(self.facts, cacheable=True)
        seen: Answered = outcome
        rate = self._error_rate()
        trip = self._breaker.saw(seen, outcome.status is not None and self.expected(outcome))
        if trip is None and rate is not None:
            trip = self._breaker.error_rate(rate)
        if trip is not None:
            self._stop = trip.reason
            try:
                self._books.ledger.pause(self._clock(), self.host, trip.pause_s, trip.reason)
            except LedgerFailed as error:
                self._stop = str(error)

    def _entry(self, request: HttpRequest, data: bytes, decision: Decision, trace: str, left: int) -> dict[str, Any]:
        place = request.place
        typed = self._confirmation
        return {
            "time": rfc3339(self._clock()),
            "user": self._who.user,
            "incident": self._who.incident,
            "environment": self.env.name,
            "rule": decision.rule,
            "decision": str(decision.verdict),
            "confirmation": typed.text if typed else None,
            "reason": redact(typed.reason) if typed else None,
            "method": request.method,
            "host": self.host,
            "address": self._addresses[0] if self._addresses else None,
            "path": path_template(place.path),
            "query": redacted_query(place.query),
            "request_sha256": request.sha256(),
            "size": len(data),
            "trace_id": trace,
            "budget_left": left,
        }

    def _write(self, entry: dict[str, Any]) -> None:
        try:
            self._books.audit.write(entry)
        except AuditFailed as error:
            self._stop = f"the audit cannot be written: {error}"
            raise Stopped("G20", self._stop) from None

    async def _exchanged(self, data: bytes, method: str) -> Outcome:
        """Write the bytes to the pinned address and read the answer within every limit."""
        started = self._monotonic()
        writer: asyncio.StreamWriter | None = None
        reading = _Reading(method)
        try:
            async with asyncio.timeout(TOTAL_S):
                reader, writer = await self._connected()
                started = self._monotonic()
                writer.write(data)
                await writer.drain()
                await reading.read(reader)
        except TimeoutError:
            told = f" (status {reading.status} came)" if reading.status else ""
            return self._nothing(started, f"no complete answer within {TOTAL_S:g} s{told}", reading)
        except ssl.SSLCertVerificationError as error:
            return self._nothing(started, f"TLS certificate refused: {error.verify_message}", reading)
        except (OSError, EOFError, _Broken) as error:
            return self._nothing(started, str(error) or type(error).__name__, reading)
        finally:
            if writer is not None:
                writer.transport.abort()
        return reading.outcome(self._monotonic() - started, self._clock())

    def _nothing(self, started: float, why: str, reading: _Reading) -> Outcome:
        return Outcome(None, self._monotonic() - started, problem=safe(why, 200), bytes=reading.raw)

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        place = place_of(self.env.origin)
        assert self._addresses is not None
        context = self._tls() if place.scheme == "https" else None
        failure: OSError | None = None
        for address in self._addresses:
            try:
                async with asyncio.timeout(CONNECT_S):
                    reader, writer = await asyncio.open_connection(
                        address,
                        place.port,
                        ssl=context,
                        server_hostname=place.host if context else None,
                        limit=MOST_HEAD,
                    )
            except ssl.SSLError:
                raise
            except TimeoutError:
                failure = failure or OSError(f"no connection within {CONNECT_S:g} s")
                continue
            except OSError as error:
                failure = failure or error
                continue
            peer = writer.get_extra_info("peername")
            if not peer or str(peer[0]).partition("%")[0] != address.partition("%")[0]:
                writer.transport.abort()
                raise Stopped("G4", f"the peer {safe(str(peer), 60)} is not the pinned address {address}")
            self._peer = address
            return reader, writer
        raise failure or OSError("the name has no address")

    def _tls(self) -> ssl.SSLContext:
        if not self.facts.insecure:
            return self._context()
        context = ssl.create_default_context()  # G16: confirmed, and never in production
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context


class _Broken(Exception):
    """The answer is no HTTP, or ends too early."""


class _Reading:
    """Reads one answer, bounded in its head, its body and what the body unfolds to."""

    def __init__(self, method: str) -> None:
        self.status: int | None = None
        self.raw = 0
        self._method = method
        self._headers: tuple[tuple[str, str], ...] = ()
        self._body = bytearray()
        self._cut = False
        self._unfold: Any = None

    async def read(self, reader: asyncio.StreamReader) -> None:
        """Everything up to the end of the answer or a limit."""
        import h11

        connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_HEAD)
        connection.send(h11.Request(method=self._method, target="/", headers=[("Host", "-")]))
        connection.send(h11.EndOfMessage())
        try:
            while not self._cut:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    data = await reader.read(MOST_HEAD)
                    self.raw += len(data)
                    if not self.raw:
                        raise _Broken("the connection was closed before an answer came")
                    connection.receive_data(data)
                elif isinstance(event, h11.Response):
                    self._head(event)
                elif isinstance(event, h11.Data):
                    self._take(bytes(event.data))
                elif isinstance(event, h11.EndOfMessage) or event is h11.PAUSED:
                    return
        except h11.RemoteProtocolError as error:
            raise _Broken(f"the answer is cut or no HTTP: {error}") from None
        except zlib.error as error:
            raise _Broken(f"the answer is no valid {self._value('content-encoding')}: {error}") from None

    def _head(self, event: h11.Response) -> None:
        if sum(len(name) + len(value) + 4 for name, value in event.headers) > MOST_HEAD:
            raise _Broken(f"the answer is no HTTP that is read: its head is larger than {MOST_HEAD >> 10} KiB")
        self.status = event.status_code
        self._headers = tuple((k.decode("latin-1").lower(), v.decode("latin-1")) for k, v in event.headers)
        coding = self._value("content-encoding").strip().lower()
        if coding in ("gzip", "x-gzip", "deflate"):
            self._unfold = zlib.decompressobj(47)  # gzip or zlib, by its first bytes

    def _take(self, data: bytes) -> None:
        if self._unfold is None:
            self._body += data
        else:
            while data and not self._cut:
                room = MOST_ANSWER + 1 - len(self._body)
                self._body += self._unfold.decompress(data, max(1, room))
                data = self._unfold.unconsumed_tail
                self._cut = len(self._body) > MOST_ANSWER or len(self._body) > MOST_RATIO * max(self.raw, 1024)
        if len(self._body) > MOST_ANSWER:
            del self._body[MOST_ANSWER:]
            self._cut = True

    def _value(self, name: str) -> str:
        return next((v for k, v in self._headers if k == name), "")

    def outcome(self, elapsed_s: float, now: Instant) -> Outcome:
        """What came."""
        return Outcome(
            self.status,
            elapsed_s,
            self._headers,
            bytes(self._body),
            self._cut,
            retry_after_s=_retry_after(self._value("retry-after"), now),
            location=safe(self._value("location"), 300) if self.status and 300 <= self.status < 400 else SafeText(""),
            bytes=self.raw,
        )


def _retry_after(text: str, now: Instant) -> float | None:
    stripped = text.strip()
    if stripped.isascii() and stripped.isdigit():
        return float(stripped[:9])
    at = http_date(stripped) if stripped else None
    return max(0.0, at - now) if at is not None else None
