"""A database client with a real connection pool: a connection carries one statement at a time, and there are only so many."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from console.demo.http import HOST


class PoolTimeout(Exception):
    """No connection became free in the time allowed."""


class StatementTimeout(Exception):
    """The database did not answer a statement in the time allowed."""


class DatabaseGone(Exception):
    """The database cannot be reached, or closed the connection."""


@dataclass(slots=True)
class Meter:
    """How much of something limited is in use, now and on average."""

    used: int = 0
    waiting: int = 0
    _area: float = 0.0
    _since: float = field(default_factory=time.monotonic)
    _last: float = field(default_factory=time.monotonic)

    def change(self, by: int) -> None:
        """One more (+1) or one less (-1) in use."""
        now = time.monotonic()
        self._area += self.used * (now - self._last)
        self._last = now
        self.used += by

    def average(self) -> float:
        """Mean use since this was last asked."""
        self.change(0)
        mean = self._area / max(1e-6, self._last - self._since)
        self._area, self._since = 0.0, self._last
        return mean


@dataclass(slots=True)
class Connection:
    """One connection to the database."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    timeout_s: float

    async def execute(self, statement: str, parameters: tuple[str, ...] = ()) -> None:
        """Run a prepared statement.

        Raises:
            StatementTimeout, DatabaseGone: It did not complete; the connection is of no more use.
        """
        answer = b""
        try:
            self.writer.write(json.dumps([statement, parameters]).encode() + b"\n")
            async with asyncio.timeout(self.timeout_s):
                answer = await self.reader.readline()
        except TimeoutError:
            raise StatementTimeout(
                f"statement timeout after {self.timeout_s * 1000:.0f} ms on orders-db: {statement}"
            ) from None
        except (ConnectionError, ValueError) as error:
            raise DatabaseGone(f"orders-db: {error}") from None
        finally:
            # Whatever ended the wait: an answer that comes later must not be read as that of the next statement.
            if not answer:
                self.writer.close()
        if not answer:
            raise DatabaseGone("orders-db closed the connection")


class Pool:
    """At most `size` connections; who finds none free waits in line."""

    def __init__(self, port: int, size: int, wait_s: float, timeout_s: float) -> None:
        self.size = size
        self.meter = Meter()
        self._port = port
        self._wait_s = wait_s
        self._timeout_s = timeout_s
        self._slots = asyncio.Semaphore(size)
        self._free: list[Connection] = []

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection for the length of a block.

        Raises:
            PoolTimeout: All are in use, for longer than the wait allowed.
            DatabaseGone: A new one could not be opened.
        """
        await self._slot()
        self.meter.change(+1)
        try:
            connection = await self._take()
            try:
                yield connection
            finally:
                self._give_back(connection)
        finally:
            self.meter.change(-1)
            self._slots.release()

    async def _slot(self) -> None:
        self.meter.waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await self._slots.acquire()
        except TimeoutError:
            raise PoolTimeout(
                f"connection pool of size {self.size} reached: no connection to orders-db within {self._wait_s * 1000:.0f} ms"
            ) from None
        finally:
            self.meter.waiting -= 1

    async def _take(self) -> Connection:
        while self._free:
            kept = self._free.pop()
            if not kept.writer.is_closing() and not kept.reader.at_eof():
                return kept
            kept.writer.close()
        try:
            reader, writer = await asyncio.open_connection(HOST, self._port)
        except OSError as error:
            raise DatabaseGone(f"orders-db: {error.strerror or 'connection refused'}") from None
        return Connection(reader, writer, self._timeout_s)

    def _give_back(self, connection: Connection) -> None:
        if not connection.writer.is_closing():
            self._free.append(connection)

    def close(self) -> None:
        """Close what is free."""
        while self._free:
            self._free.pop().writer.close()
