"""Carts, prices and orders. Prices and receipts come from the release that is deployed, out of the repository. Logs JSON lines."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from console.demo import lines, profile
from console.demo.http import CallError, Response, TimedOut
from console.demo.metrics import resident_bytes
from console.demo.pool import Pool
from console.demo.service import Call, Endpoint, Failure, Service

POLL_S = 0.25
RECEIPTS_AT_A_TIME = 10


class Checkout(Service):
    """Takes an order through price, payment, and one database transaction that also reserves the stock."""

    async def begin(self) -> None:
        self._settings = self.setup.settings
        self._pricing = self.setup.module("pricing")
        self._receipts = self.setup.module("receipts")
        settings = self._settings
        self._pool: Pool = self.open_pool(
            settings["pool_size"], settings["pool_timeout_ms"], settings["statement_timeout_ms"]
        )

    def background(self) -> list[Any]:
        return [self._grow_old()] if self.setup.first else []

    async def _grow_old(self) -> None:
        """Grow to the memory that the history says this process has by now."""
        memory = 0.0
        while not memory:
            await asyncio.sleep(POLL_S)
            memory = self.world.get("checkout_memory", 0.0)
        while resident_bytes() < memory:
            for _ in range(RECEIPTS_AT_A_TIME):
                self._keep_old_receipt()
            await asyncio.sleep(0)

    def _keep_old_receipt(self) -> None:
        """One receipt of the time before the live traffic, kept by the release's own code."""
        order = {"id": f"o-{self.random.getrandbits(40):010x}", "lines": [{"sku": "sku-1000", "quantity": 1}]}
        self._receipts.remember(order, 0)

    def routes(self) -> dict[str, Endpoint]:
        return {"GET /cart/{cart}": self._cart, "POST /orders": self._order, "GET /orders/{order}": self._read}

    async def _cart(self, call: Call) -> Response:
        await asyncio.sleep(profile.CART.draw(self.random))
        if self.random.random() < profile.SESSION_LOST:
            raise Failure(500, "session store: unexpected end of data")
        return Response.of(200, {"cart": call.parameter, "lines": 1 + len(call.parameter) % 4})

    async def _read(self, call: Call) -> Response:
        await asyncio.sleep(profile.READ.draw(self.random))
        async with self._pool.connection() as connection:
            await connection.execute("orders.select", (call.parameter,))
        return Response.of(200, {"order": call.parameter, "state": "placed"})

    async def _order(self, call: Call) -> Response:
        order = call.request.json()
        order["id"] = f"o-{self.random.getrandbits(40):010x}"
        total = self._pricing.total(order, {name: value > 0 for name, value in self.flags.read().items()})
        if await self._pay(call, order["id"], str(total)):
            return Response.of(402, {"error": "card declined"})
        await self._place(call, order)
        self._receipts.remember(order, total)
        return Response.of(201, {"order": order["id"], "total": str(total)})

    async def _pay(self, call: Call, order: str, amount: str) -> bool:
        """Have the card charged; whether it was declined."""
        body = json.dumps({"order": order, "amount": amount}).encode()
        answer = await self._ask(call, "payments", "POST /authorise", self._settings["payments_timeout_ms"], body)
        if answer.status >= 500:
            raise Failure(answer.status, f"payments answered {answer.status}: {_reason(answer)}")
        return answer.status == 402

    async def _place(self, call: Call, order: dict[str, Any]) -> None:
        """Write the order and reserve its stock in one transaction."""
        body = json.dumps({"lines": order["lines"]}).encode()
        async with self._pool.connection() as connection:
            await asyncio.sleep(profile.ORDER.draw(self.random))
            timeout_ms = self._settings["inventory_timeout_ms"]
            answer = await self._ask(call, "inventory", "POST /reservations", timeout_ms, body)
            if answer.status >= 400:
                raise Failure(502, f"inventory answered {answer.status}: {_reason(answer)}")
            await connection.execute("orders.insert", (order["id"],))

    async def _ask(self, call: Call, peer: str, line: str, timeout_ms: int, body: bytes) -> Response:
        try:
            return await self.outbound(call, peer, line, timeout_ms, body)
        except TimedOut:
            raise Failure(504, f"timeout after {timeout_ms} ms calling {peer}") from None
        except CallError as error:
            raise Failure(502, f"calling {peer}: {error}") from None

    def record(self, call: Call, status: int, seconds: float, size: int) -> None:
        method, _, route = call.route.partition(" ")
        now, version, body = time.time(), self.setup.version, call.request.body
        self.log.write(lines.json_request(now, "checkout", version, method, route, status, seconds, call.trace, body))

    def complain(self, call: Call, status: int, message: str, trace: str | None) -> None:
        fields = {"route": call.route.partition(" ")[2], "trace_id": call.trace}
        if trace is not None:
            fields["exc"] = trace
        self.log.write(lines.json_event(time.time(), "error", "checkout", message, **fields))


def _reason(answer: Response) -> str:
    try:
        return str(answer.json().get("error", "no reason given"))
    except (CallError, AttributeError):
        return "no reason given"
