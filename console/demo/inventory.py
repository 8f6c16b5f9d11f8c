"""Stock and reservations, by a few workers that take one request at a time. Logs plain text with tracebacks."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from console.demo import lines, profile
from console.demo.http import Response
from console.demo.pool import Connection, Meter
from console.demo.service import Call, Endpoint, Failure, Service, stack_text


class RowLockLost(Exception):
    """Another transaction changed the row first."""


def lock_row(sku: str, lost: bool) -> None:
    """Take the row of an article.

    Raises:
        RowLockLost: Somebody was faster.
    """
    if lost:
        _give_way(sku)


def _give_way(sku: str) -> None:
    raise RowLockLost(f"row of {sku} was changed by another transaction")


def check_row(sku: str, lost: bool) -> None:
    """Look at an article's row with its lock held.

    Raises:
        RowLockLost: Somebody was faster.
    """
    lock_row(sku, lost)


def lost_row_stack(sku: str) -> str:
    """The traceback of a lost row, for the history."""
    try:
        check_row(sku, lost=True)
    except RowLockLost:
        return stack_text()
    raise AssertionError("a lost row raises")


class Inventory(Service):
    """A request waits for a worker; when the line is full it is turned away."""

    async def begin(self) -> None:
        self._settings = settings = self.setup.settings
        self._lookup = self.setup.module("lookup")
        self._workers = asyncio.Semaphore(settings["workers"])
        self._busy = Meter()
        self._pool = self.open_pool(
            settings["pool_size"], settings["pool_timeout_ms"], settings["statement_timeout_ms"]
        )
        self.metrics.gauge("workers_busy", "Workers that serve a request.", lambda: self._busy.used)
        self.metrics.gauge("workers_total", "Workers.", lambda: settings["workers"])
        self.metrics.gauge("queue_depth", "Requests that wait for a worker.", lambda: self._busy.waiting)

    def routes(self) -> dict[str, Endpoint]:
        return {"GET /stock/{sku}": self._stock, "POST /reservations": self._reserve}

    async def _stock(self, call: Call) -> Response:
        sku = call.parameter
        if sku not in profile.BUNDLE_SKUS and not _known(sku):
            return Response.of(404, {"error": f"no such article: {sku}"})
        async with self._worker():
            await asyncio.sleep(profile.STOCK.draw(self.random))
            check_row(sku, self.random.random() < profile.LOCK_LOST)
            async with self._pool.connection() as connection:
                await self._ask(connection, self._lookup.statements(sku, profile.BUNDLE_SKUS))
        return Response.of(200, {"sku": sku, "on_hand": 3 + len(sku)})

    async def _reserve(self, call: Call) -> Response:
        skus = tuple(line["sku"] for line in call.request.json()["lines"])
        async with self._worker():
            await asyncio.sleep(profile.RESERVE.draw(self.random))
            async with self._pool.connection() as connection:
                await connection.execute("stock.reserve", skus)
        return Response.of(200, {"reserved": len(skus)})

    async def _ask(self, connection: Connection, statements: list[tuple[str, tuple[str, ...]]]) -> None:
        for name, parameters in statements:
            await connection.execute(name, parameters)

    @contextlib.asynccontextmanager
    async def _worker(self) -> AsyncIterator[None]:
        if self._busy.waiting >= self._settings["backlog"]:
            raise Failure(503, f"backlog full: {self._busy.waiting} requests wait for a worker")
        self._busy.waiting += 1
        try:
            await self._workers.acquire()
        finally:
            self._busy.waiting -= 1
        self._busy.change(+1)
        try:
            yield
        finally:
            self._busy.change(-1)
            self._workers.release()

    def samples(self) -> dict[str, float]:
        return {"queue_depth": self._busy.waiting, "workers_busy": round(self._busy.average(), 3)}

    def record(self, call: Call, status: int, seconds: float, size: int) -> None:
        asked = call.request
        self.log.write(inventory_line(time.time(), asked.method, asked.path, status, seconds, call.trace))

    def complain(self, call: Call, status: int, message: str, trace: str | None) -> None:
        self.log.write(inventory_error(time.time(), call.request.method, call.request.path, message, trace, call.trace))


def inventory_line(at: float, method: str, path: str, status: int, seconds: float, trace: str) -> str:
    """One answered request."""
    level = "ERROR" if status >= 500 else "WARNING" if status >= 400 else "INFO"
    return lines.plain(at, level, "inventory.http", f"{method} {path} {status} {seconds * 1000:.1f}ms trace_id={trace}")


def inventory_error(at: float, method: str, path: str, message: str, stack: str | None, trace: str) -> str:
    """Why a request failed, with the traceback on lines of its own."""
    if stack is None:
        return lines.plain(at, "ERROR", "inventory.http", f"{method} {path} failed: {message} trace_id={trace}")
    head = lines.plain(at, "ERROR", "inventory.http", f"unhandled exception in {method} {path} trace_id={trace}")
    return head + stack.rstrip("\n") + "\n"


def _known(sku: str) -> bool:
    number = sku.removeprefix("sku-")
    return number.isascii() and number.isdigit() and 1000 <= int(number) < 1000 + profile.SKUS
