"""The orders database's stand-in: prepared statements over TCP, a fixed number of them at work at a time, the rest in line."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import Any

from console.demo import lines, profile
from console.demo.http import HOST
from console.demo.pool import Meter
from console.demo.service import Service

SLOW_MS = 250.0
MAX_LINE = 16 * 1024
CHECKPOINT_S = 150.0
POLL_S = 0.5
LOCK_EVERY_S = 12.0


class Database(Service):
    """Executes statements in order of arrival; upkeep inside the database takes capacity from them."""

    async def begin(self) -> None:
        self._workers = asyncio.Semaphore(profile.DATABASE_WORKERS)
        self._meter = Meter()
        self._slower = 1.0
        self._unlocked = asyncio.Event()
        self._unlocked.set()
        port = self.setup.ports["orders-db:sql"]
        self._server = await asyncio.start_server(self._session, HOST, port, limit=MAX_LINE, reuse_port=True)
        self.metrics.gauge("db_statements_active", "Statements at work.", lambda: self._meter.used)
        self.metrics.gauge("db_statements_waiting", "Statements in line.", lambda: self._meter.waiting)
        self.metrics.describe("db_statement_duration_seconds", "histogram", "Time to the result, waiting included.")

    def background(self) -> list[Any]:
        return [self._upkeep(), self._truncation(), self._checkpoints()]

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                name, parameters = json.loads(line)
                await self._execute(str(name), len(parameters))
                writer.write(b"ok\n")
                await writer.drain()
        except (OSError, ValueError, KeyError):
            pass
        finally:
            writer.close()

    async def _execute(self, name: str, parameters: int) -> None:
        began = time.monotonic()
        self._meter.waiting += 1
        try:
            await self._workers.acquire()
        finally:
            self._meter.waiting -= 1
        self._meter.change(+1)
        try:
            await self._unlocked.wait()
            cost = profile.STATEMENTS[name].draw(self.random) * (1.0 + 0.002 * parameters)
            await asyncio.sleep(cost * self._slower)
        finally:
            self._meter.change(-1)
            self._workers.release()
        seconds = time.monotonic() - began
        self.metrics.observe("db_statement_duration_seconds", (("statement", name),), seconds)
        if seconds * 1000 >= SLOW_MS:
            self.log.write(slow_line(time.time(), name, seconds))

    async def _upkeep(self) -> None:
        """While the world's dial says so, a vacuum holds workers and the disk, and statements pay for it."""
        held = 0
        while True:
            wanted = int(self.world.get("vacuum_workers", 0))
            self._slower = self.world.get("vacuum_slowdown", 1.0)
            if wanted > held:
                self.log.write(
                    lines.database(
                        time.time(),
                        "LOG",
                        "automatic aggressive vacuum of table shop.public.orders: started (to prevent wraparound)",
                    )
                )
            while held < wanted:
                await self._workers.acquire()
                held += 1
            while held > wanted:
                self._workers.release()
                held -= 1
            await asyncio.sleep(POLL_S)

    async def _truncation(self) -> None:
        """The vacuum's last step, again and again: it returns empty pages to the disk, and nobody may touch the tables."""
        while True:
            await asyncio.sleep(LOCK_EVERY_S)
            if seconds := self.world.get("vacuum_lock_s", 0.0):
                self._unlocked.clear()
                await asyncio.sleep(seconds)
                self._unlocked.set()
                message = f'table "orders": truncated 412 to 388 pages; exclusive lock held for {seconds * 1000:.0f} ms'
                self.log.write(lines.database(time.time(), "LOG", message))

    async def _checkpoints(self) -> None:
        while True:
            await asyncio.sleep(CHECKPOINT_S)
            self.log.write(checkpoint_line(time.time(), self.random.randrange(180, 420)))

    def samples(self) -> dict[str, float]:
        return {"queue_depth": self._meter.waiting, "statements_active": round(self._meter.average(), 3)}

    async def run(self, *arguments: Any) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await super().run(*arguments)
        self._server.close()


def slow_line(at: float, statement: str, seconds: float) -> str:
    """A statement that took long."""
    return lines.database(
        at, "LOG", f"duration: {seconds * 1000:.3f} ms  execute {statement}: {profile.SQL[statement]}"
    )


def checkpoint_line(at: float, buffers: int) -> str:
    """What the database says every few minutes of a good day."""
    return lines.database(
        at,
        "LOG",
        f"checkpoint complete: wrote {buffers} buffers (1.{buffers % 10}%); write={buffers / 100:.3f} s, sync=0.004 s",
    )
