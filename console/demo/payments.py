"""Authorises cards at cardpay, outside, and keeps the ledger. Logs logfmt."""

from __future__ import annotations

import asyncio
import json
import time

from console.demo import lines, profile
from console.demo.http import CallError, Response, TimedOut
from console.demo.pool import Meter
from console.demo.service import Call, Endpoint, Failure, Service


class Payments(Service):
    """Has a fixed number of connections to the provider, and a patience for each call."""

    async def begin(self) -> None:
        self._settings = settings = self.setup.settings
        self._card = self.setup.module("card")
        self._slots = asyncio.Semaphore(settings["cardpay_connections"])
        self._used = Meter()
        self._peers: dict[str, tuple[int, float]] = {}
        self._pool = self.open_pool(
            settings["pool_size"], settings["pool_timeout_ms"], settings["statement_timeout_ms"]
        )
        self.metrics.gauge("cardpay_connections_in_use", "Connections to cardpay.", lambda: self._used.used)

    def routes(self) -> dict[str, Endpoint]:
        return {"POST /authorise": self._authorise}

    async def _authorise(self, call: Call) -> Response:
        body = json.dumps(self._card.authorisation(call.request.json())).encode()
        await asyncio.sleep(profile.AUTHORISE.draw(self.random))
        answer = await self._cardpay(call, body)
        if answer.status == 402:
            return Response.of(402, {"error": "card declined"})
        if answer.status != 200:
            raise Failure(502, f"cardpay answered {answer.status}")
        async with self._pool.connection() as connection:
            await connection.execute("ledger.insert")
        return Response.of(200, {"authorised": True})

    async def _cardpay(self, call: Call, body: bytes) -> Response:
        wait_ms, timeout_ms = self._settings["cardpay_wait_ms"], self._settings["cardpay_timeout_ms"]
        try:
            async with asyncio.timeout(wait_ms / 1000):
                await self._slots.acquire()
        except TimeoutError:
            raise Failure(
                503,
                f"no free connection to cardpay within {wait_ms} ms: all {self._settings['cardpay_connections']} in use",
            ) from None
        self._used.change(+1)
        began = time.monotonic()
        status = 0
        try:
            answer = await self.outbound(call, "cardpay", "POST /v1/authorisations", timeout_ms, body)
            status = answer.status
            return answer
        except TimedOut:
            raise Failure(504, f"timeout after {timeout_ms} ms calling cardpay") from None
        except CallError as error:
            raise Failure(502, f"calling cardpay: {error}") from None
        finally:
            self._peers[call.trace] = (status, time.monotonic() - began)
            self._used.change(-1)
            self._slots.release()

    def record(self, call: Call, status: int, seconds: float, size: int) -> None:
        peer_status, peer_seconds = self._peers.pop(call.trace, (0, 0.0))
        self.log.write(payments_line(time.time(), status, seconds, peer_status, peer_seconds, call.trace))

    def complain(self, call: Call, status: int, message: str, trace: str | None) -> None:
        fields: dict[str, object] = {"route": "/authorise", "trace_id": call.trace}
        if trace is not None:
            fields["exc"] = trace
        self.log.write(lines.logfmt(time.time(), "error", message, **fields))


def payments_line(at: float, status: int, seconds: float, peer_status: int, peer_seconds: float, trace: str) -> str:
    """One answered request, with what cardpay did; status 0: it gave no answer, or was not asked."""
    level = "error" if status >= 500 else "info"
    return (
        f"ts={lines.iso(at)} level={level} msg=request method=POST route=/authorise status={status} "
        f"duration_ms={seconds * 1000:.1f} peer=cardpay peer_status={peer_status} peer_ms={peer_seconds * 1000:.1f} "
        f"trace_id={trace}\n"
    )
