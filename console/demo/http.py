"""A small HTTP/1.1 server and client for the services of the practice system: loopback, keep-alive, bounded, nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass as open_dataclass
from dataclasses import field
from http import HTTPStatus
from typing import Any

from console.domain.values import dataclass

MAX_HEAD = 16 * 1024
MAX_BODY = 256 * 1024
MAX_CONNECTIONS = 512
IDLE_S = 60.0
HOST = "127.0.0.1"


class CallError(Exception):
    """A call between services failed before an answer came."""


class Refused(CallError):
    """Nobody listens there."""


class TimedOut(CallError):
    """No answer within the time allowed."""


class Broken(CallError):
    """The peer closed the connection, or does not speak HTTP."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asked."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    def json(self) -> Any:
        """The body as JSON; an empty object where there is no body."""
        return json.loads(self.body or b"{}")


@dataclass(frozen=True, slots=True)
class Response:
    """What a server answers."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"

    @classmethod
    def of(cls, status: int, value: object) -> Response:
        """A JSON answer."""
        return cls(status, json.dumps(value).encode())

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            Broken: It is none.
        """
        try:
            return json.loads(self.body)
        except ValueError:
            raise Broken("the answer is no JSON") from None


Handler = Callable[[Request], Awaitable[Response]]


async def _head(reader: asyncio.StreamReader) -> tuple[list[str], dict[str, str]] | None:
    """First line in words, and the headers; None where the peer closed instead of speaking."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise Broken("the peer closed inside a head") from None
        return None
    except asyncio.LimitOverrunError:
        raise Broken(f"a head is larger than {MAX_HEAD} bytes") from None
    first, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return first.split(" ", 2), headers


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    text = headers.get("content-length", "0")
    size = int(text) if text.isascii() and text.isdigit() else MAX_BODY + 1
    if size > MAX_BODY:
        raise Broken(f"a body of {text[:20]} bytes")
    try:
        return await reader.readexactly(size) if size else b""
    except asyncio.IncompleteReadError:
        raise Broken("the peer closed inside a body") from None


class Server:
    """Answers on one socket until it is told to stop; the requests under way are then finished first."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._busy = 0
        self._draining = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def start(self, listener: socket.socket) -> None:
        """Accept on a bound socket."""
        self._server = await asyncio.start_server(self._connection, sock=listener, limit=MAX_HEAD, backlog=256)

    async def stop(self, grace_s: float) -> None:
        """Accept nothing new, let requests finish for up to `grace_s`, close every connection."""
        self._draining = True
        if self._server is not None:
            self._server.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._idle.wait()
        for writer in list(self._open):
            writer.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= MAX_CONNECTIONS:
            writer.close()
            return
        self._open.add(writer)
        try:
            while await self._exchange(reader, writer):
                pass
        except (CallError, ConnectionError, TimeoutError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether the connection stays open."""
        async with asyncio.timeout(IDLE_S):
            head = await _head(reader)
            if head is None or len(head[0]) != 3:
                return False
            (method, path, _), headers = head
            request = Request(method, path, headers, await _body(reader, headers))
        self._busy += 1
        self._idle.clear()
        try:
            response = await self._handler(request)
            keep = not self._draining and headers.get("connection", "").lower() != "close"
            writer.write(_wire(response, keep, method == "HEAD"))
            await writer.drain()
            return keep
        finally:
            self._busy -= 1
            if not self._busy:
                self._idle.set()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _wire(response: Response, keep: bool, head_only: bool) -> bytes:
    head = (
        f"HTTP/1.1 {response.status} {_phrase(response.status)}\r\n"
        f"Content-Type: {response.content_type}\r\nContent-Length: {len(response.body)}\r\n"
        f"Connection: {'keep-alive' if keep else 'close'}\r\n\r\n"
    )
    return head.encode("latin-1") + (b"" if head_only else response.body)


@open_dataclass(slots=True)
class _Line:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    used: bool = False


@open_dataclass
class Client:
    """Calls services on loopback, and keeps a few connections to each open."""

    kept: int = 24
    _free: dict[int, list[_Line]] = field(default_factory=dict)

    async def call(
        self,
        port: int,
        method: str,
        path: str,
        *,
        timeout_s: float,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> Response:
        """One exchange.

        Raises:
            Refused, TimedOut, Broken: No answer.
        """
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        wire = f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
        try:
            async with asyncio.timeout(timeout_s):
                return await self._attempt(port, wire.encode("latin-1") + body)
        except TimeoutError:
            raise TimedOut(f"no answer within {timeout_s * 1000:.0f} ms") from None

    async def _attempt(self, port: int, wire: bytes) -> Response:
        line = await self._line(port)
        fresh = not line.used
        try:
            return await self._exchange(port, line, wire)
        except (Broken, ConnectionError) as error:
            if fresh:
                raise Broken(str(error)) from None
        # The peer closed a kept connection while it was idle: that is no failure of the call.
        line = await self._connect(port)
        try:
            return await self._exchange(port, line, wire)
        except ConnectionError as error:
            raise Broken(str(error)) from None

    async def _line(self, port: int) -> _Line:
        free = self._free.setdefault(port, [])
        while free:
            line = free.pop()
            if not line.reader.at_eof() and not line.writer.is_closing():
                return line
            line.writer.close()
        return await self._connect(port)

    async def _connect(self, port: int) -> _Line:
        try:
            return _Line(*await asyncio.open_connection(HOST, port, limit=MAX_HEAD))
        except OSError as error:
            raise Refused(error.strerror or "connection refused") from None

    async def _exchange(self, port: int, line: _Line, wire: bytes) -> Response:
        whole = False
        try:
            line.writer.write(wire)
            head = await _head(line.reader)
            if head is None or len(head[0]) < 2 or not head[0][1].isdigit():
                raise Broken("the peer closed before it answered")
            words, headers = head
            body = await _body(line.reader, headers)
            whole = headers.get("connection", "keep-alive").lower() != "close"
            return Response(int(words[1]), body, headers.get("content-type", ""))
        finally:
            free = self._free.setdefault(port, [])
            line.used = True
            if whole and len(free) < self.kept:
                free.append(line)
            else:
                line.writer.close()

    def close(self) -> None:
        """Close what is kept."""
        for lines in self._free.values():
            for line in lines:
                line.writer.close()
        self._free.clear()
