"""The connection pool, against a database that is told when to answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from console.demo.http import HOST
from console.demo.pool import DatabaseGone, Meter, Pool, PoolTimeout, StatementTimeout


class Slow:
    """Answers each statement when `go` is set; counts connections and statements."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.go.set()
        self.arrivals = asyncio.Semaphore(0)
        self.connections = 0
        self.statements: list[str] = []
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        while line := await reader.readline():
            self.statements.append(json.loads(line)[0])
            self.arrivals.release()
            await self.go.wait()
            writer.write(b"ok\n")
        writer.close()

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.close()


@pytest.fixture
async def slow() -> AsyncIterator[Slow]:
    found = Slow()
    async with await asyncio.start_server(found.session, HOST, 0) as server:
        found.port = server.sockets[0].getsockname()[1]
        yield found
        found.go.set()
        found.hang_up()
        await asyncio.sleep(0.01)


async def test_connections_are_reused(slow: Slow) -> None:
    pool = Pool(slow.port, 3, 1.0, 1.0)
    for _ in range(5):
        async with pool.connection() as connection:
            await connection.execute("orders.select", ("o-1",))
    assert slow.connections == 1
    assert slow.statements == ["orders.select"] * 5
    pool.close()


async def test_no_more_than_its_size_and_the_rest_wait_or_give_up(slow: Slow) -> None:
    pool = Pool(slow.port, 2, 0.05, 5.0)
    slow.go.clear()

    async def use() -> None:
        async with pool.connection() as connection:
            await connection.execute("orders.insert")

    async with asyncio.TaskGroup() as group:
        first = [group.create_task(use()) for _ in range(2)]
        await slow.arrivals.acquire()
        await slow.arrivals.acquire()
        assert pool.meter.used == 2
        with pytest.raises(PoolTimeout, match="pool of size 2"):
            await use()
        slow.go.set()
    assert all(task.done() for task in first)
    assert slow.connections == 2
    assert pool.meter.used == pool.meter.waiting == 0
    pool.close()


async def test_a_late_answer_is_never_read_as_the_next_ones(slow: Slow) -> None:
    pool = Pool(slow.port, 1, 1.0, 0.05)
    slow.go.clear()
    with pytest.raises(StatementTimeout, match=r"50 ms on orders-db: ledger\.insert"):
        async with pool.connection() as connection:
            await connection.execute("ledger.insert")
    slow.go.set()
    async with pool.connection() as connection:
        await connection.execute("orders.select")
    assert slow.connections == 2
    pool.close()


async def test_a_database_that_hangs_up_is_told_and_come_back_to(slow: Slow) -> None:
    pool = Pool(slow.port, 1, 1.0, 2.0)
    slow.go.clear()

    async def use() -> None:
        async with pool.connection() as connection:
            await connection.execute("orders.insert")

    async with asyncio.TaskGroup() as group:
        task = group.create_task(failing(use()))
        await slow.arrivals.acquire()
        slow.hang_up()
    assert isinstance(task.result(), DatabaseGone)
    slow.go.set()
    await use()
    pool.close()


async def failing(work: object) -> BaseException | None:
    try:
        await work  # type: ignore[misc]
    except DatabaseGone as error:
        return error
    return None


def test_a_meter_averages_over_time() -> None:
    meter = Meter()
    meter.change(+1)
    meter.change(+1)
    assert 0.0 <= meter.average() <= 2.0
    assert meter.average() == pytest.approx(2.0)
    meter.change(-2)
    meter.average()
    assert meter.average() == pytest.approx(0.0)
