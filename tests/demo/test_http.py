"""The small HTTP server and client, on real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.demo.http import (
    HOST,
    MAX_BODY,
    MAX_HEAD,
    Broken,
    Client,
    Refused,
    Request,
    Response,
    Server,
    TimedOut,
)
from tests.waiting import PATIENCE_S


class Echo:
    """A server that answers with what it was asked; `/wait` answers when told to."""

    def __init__(self) -> None:
        self.server = Server(self.answer)
        self.go = asyncio.Event()
        self.arrived = asyncio.Event()
        self.seen: list[Request] = []
        self.port = 0

    async def answer(self, request: Request) -> Response:
        self.seen.append(request)
        self.arrived.set()
        if request.path == "/wait":
            await self.go.wait()
        return Response.of(200, {"method": request.method, "path": request.path, "size": len(request.body)})

    async def start(self, port: int = 0) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((HOST, port))
        listener.setblocking(False)
        self.port = listener.getsockname()[1]
        await self.server.start(listener)


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    found = Echo()
    await found.start()
    yield found
    found.go.set()
    await found.server.stop(1.0)
    await settled()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    found = Client()
    yield found
    found.close()
    await settled()


async def settled() -> None:
    """Let closed transports finish closing."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_an_exchange_carries_method_path_headers_and_body(echo: Echo, client: Client) -> None:
    response = await client.call(
        echo.port, "POST", "/orders", timeout_s=2, headers={"X-Real-IP": "203.0.113.9"}, body=b"0123456789"
    )
    assert response.status == 200
    assert response.json() == {"method": "POST", "path": "/orders", "size": 10}
    assert echo.seen[0].headers["x-real-ip"] == "203.0.113.9"


async def test_connections_are_kept_and_used_again(echo: Echo, client: Client) -> None:
    for number in range(5):
        assert (await client.call(echo.port, "GET", f"/{number}", timeout_s=2)).status == 200
    assert len(client._free[echo.port]) == 1


async def test_nobody_there(client: Client) -> None:
    with socket.socket() as held:
        held.bind((HOST, 0))
        with pytest.raises(Refused):
            await client.call(held.getsockname()[1], "GET", "/", timeout_s=2)


async def test_no_answer_in_time(echo: Echo, client: Client) -> None:
    with pytest.raises(TimedOut, match="50 ms"):
        await client.call(echo.port, "GET", "/wait", timeout_s=0.05)
    assert not client._free[echo.port]


async def test_a_kept_connection_that_the_server_closed_is_no_failure(client: Client) -> None:
    first = Echo()
    await first.start()
    assert (await client.call(first.port, "GET", "/", timeout_s=2)).status == 200
    await first.server.stop(1.0)
    second = Echo()
    await second.start(first.port)
    assert (await client.call(first.port, "GET", "/", timeout_s=2)).status == 200
    await second.server.stop(1.0)
    await settled()


async def test_stopping_finishes_what_is_under_way(echo: Echo, client: Client) -> None:
    async with asyncio.TaskGroup() as group:
        under_way = group.create_task(client.call(echo.port, "GET", "/wait", timeout_s=5))
        await echo.arrived.wait()
        stopping = group.create_task(echo.server.stop(5.0))
        await asyncio.sleep(0)
        echo.go.set()
    assert under_way.result().status == 200
    assert stopping.done()
    with pytest.raises(Refused):
        await client.call(echo.port, "GET", "/", timeout_s=2)


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nfew"]
)
async def test_a_peer_that_does_not_speak_http_is_broken(client: Client, answer: bytes) -> None:
    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(rude, HOST, 0) as server:
        with pytest.raises(Broken):
            await client.call(server.sockets[0].getsockname()[1], "GET", "/", timeout_s=2)


async def test_what_is_too_large_is_not_read(echo: Echo) -> None:
    for wire in (
        b"GET / HTTP/1.1\r\nA: " + b"a" * (2 * MAX_HEAD) + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1),
        b"POST / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n",
    ):
        assert await spoken(echo.port, wire) == b""
    assert echo.seen == []


async def spoken(port: int, wire: bytes) -> bytes:
    """What a server says to these bytes before it closes; reset counts as closed."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(wire)
        writer.write_eof()
        async with asyncio.timeout(PATIENCE_S):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_bring_the_server_down(wire: bytes) -> None:
    async def run() -> None:
        echo = Echo()
        await echo.start()
        echo.go.set()
        client = Client()
        await spoken(echo.port, wire)
        assert (await client.call(echo.port, "GET", "/", timeout_s=2)).status == 200
        client.close()
        await echo.server.stop(1.0)
        await settled()

    asyncio.run(run())
