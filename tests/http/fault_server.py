"""A server on loopback that misbehaves as it is told, and counts what it was asked."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Behave = Callable[["Asked", asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Asked:
    """One request, as it came."""

    method: str
    target: str
    headers: dict[str, str]


@dataclass
class FaultServer:
    """Its address, what it does next, and what it has seen."""

    behave: Behave
    port: int = 0
    scheme: str = "http"
    asked: list[Asked] = field(default_factory=list)
    open_now: int = 0
    most_open: int = 0

    @property
    def url(self) -> str:
        """The origin."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: requests until somebody hangs up."""
        try:
            while head := await _head(reader):
                first, *lines = head.split("\r\n")
                method, target, _ = first.split(" ", 2)
                headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
                asked = Asked(method, target, headers)
                self.asked.append(asked)
                self.open_now += 1
                self.most_open = max(self.most_open, self.open_now)
                try:
                    await self.behave(asked, writer)
                    await writer.drain()
                finally:
                    self.open_now -= 1
                if writer.is_closing():
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def _head(reader: asyncio.StreamReader) -> str:
    try:
        return (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip("\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return ""


@asynccontextmanager
async def serving(behave: Behave, context: ssl.SSLContext | None = None) -> AsyncIterator[FaultServer]:
    """A running server; at the end every connection is closed, also one that is still being served."""
    server = FaultServer(behave, scheme="https" if context else "http")
    at_work: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        at_work.add(task)
        try:
            await server.serve(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            at_work.discard(task)

    listener = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in list(at_work):
            task.cancel()
        await asyncio.gather(*at_work, return_exceptions=True)
        await listener.wait_closed()


def answer(body: bytes = b"ok", status: str = "200 OK", **headers: str) -> Behave:
    """A behaviour: the same whole answer every time. Underscores in header names become hyphens."""
    lines = {"content-length": str(len(body)), **{k.replace("_", "-"): v for k, v in headers.items()}}
    head = "".join(f"{k}: {v}\r\n" for k, v in lines.items())
    data = f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1") + body

    async def behave(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(data)

    return behave


def cut(data: bytes) -> Behave:
    """A behaviour: these bytes, then the connection is closed."""

    async def behave(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        writer.close()

    return behave


async def silence(_: Asked, writer: asyncio.StreamWriter) -> None:
    """A behaviour: accepts and never answers."""
    await asyncio.Event().wait()


def drip(every_s: float = 0.02) -> Behave:
    """A behaviour: an endless answer, one byte at a time, so that no single read ever takes long."""

    async def behave(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(every_s)

    return behave
