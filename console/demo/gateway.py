"""The way in: the front page, and a proxy for the rest. Logs as nginx does: an access log and an error log."""

from __future__ import annotations

import asyncio
import time

from console.demo import lines, profile
from console.demo.http import Broken, CallError, Refused, Response, TimedOut
from console.demo.logfile import LogFile
from console.demo.service import Call, Endpoint, Failure, Service

UPSTREAM = {
    "GET /cart/{cart}": "checkout",
    "GET /stock/{sku}": "inventory",
    "POST /orders": "checkout",
    "GET /orders/{order}": "checkout",
}
PAGE_BYTES = 5120


class Gateway(Service):
    """Passes requests on and gives up on an upstream that takes too long."""

    async def begin(self) -> None:
        self._timeout_ms = self.setup.settings["upstream_timeout_ms"]
        self._errors = LogFile(self.setup.folder / "logs" / "gateway.error.log")
        self._number = self.random.randrange(10_000, 90_000)

    def routes(self) -> dict[str, Endpoint]:
        found: dict[str, Endpoint] = dict.fromkeys(UPSTREAM, self._proxy)
        return found | {"GET /": self._page}

    async def _page(self, call: Call) -> Response:
        await asyncio.sleep(profile.PAGE.draw(self.random))
        return Response(200, b"<!doctype html>".ljust(PAGE_BYTES), "text/html")

    async def _proxy(self, call: Call) -> Response:
        line = f"{call.request.method} {call.request.path}"
        try:
            return await self.outbound(call, UPSTREAM[call.route], line, self._timeout_ms, call.request.body)
        except TimedOut:
            raise Failure(
                504, "upstream timed out (110: Connection timed out) while reading response header from upstream"
            ) from None
        except Refused:
            raise Failure(502, "connect() failed (111: Connection refused) while connecting to upstream") from None
        except (Broken, CallError):
            raise Failure(
                502, "upstream prematurely closed connection while reading response header from upstream"
            ) from None

    def record(self, call: Call, status: int, seconds: float, size: int) -> None:
        asked = call.request
        agent = asked.headers.get("user-agent", "-").replace('"', "%22")
        client = asked.headers.get("x-real-ip", "127.0.0.1")
        line = lines.access(time.time(), client, asked.method, asked.path, status, size, agent, seconds, call.trace)
        self.log.write(line)

    def complain(self, call: Call, status: int, message: str, trace: str | None) -> None:
        self._number += 1
        client = call.request.headers.get("x-real-ip", "127.0.0.1")
        upstream = f"http://127.0.0.1:{self.setup.ports[UPSTREAM.get(call.route, 'checkout')]}"
        self._errors.write(
            lines.proxy_error(
                time.time(), self._number, client, call.request.method, call.request.path, message, upstream
            )
        )
