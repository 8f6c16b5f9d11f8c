"""A server on loopback that keeps the exact bytes it was sent and answers as a function tells it; in threads, so that commands can run beside it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Behave = Callable[["Received", socket.socket], None]


@dataclass(frozen=True)
class Received:
    """One request, byte for byte."""

    data: bytes

    @property
    def method(self) -> str:
        return self.data.split(b" ", 1)[0].decode()

    @property
    def target(self) -> str:
        return self.data.split(b"\r\n", 1)[0].split(b" ")[1].decode("latin-1")

    @property
    def headers(self) -> dict[str, str]:
        lines = self.data.split(b"\r\n\r\n", 1)[0].decode("latin-1").split("\r\n")[1:]
        return {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}

    @property
    def body(self) -> bytes:
        return self.data.split(b"\r\n\r\n", 1)[1]


@dataclass
class Loopback:
    """Its port, what it does, and what it has received."""

    behave: Behave
    port: int = 0
    received: list[Received] = field(default_factory=list)
    connections: int = 0

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def answer(status: int = 200, body: bytes = b"{}", **headers: str) -> bytes:
    """A whole answer; underscores in header names become hyphens."""
    lines = {"content-length": str(len(body)), **{k.replace("_", "-"): v for k, v in headers.items()}}
    head = "".join(f"{k}: {v}\r\n" for k, v in lines.items())
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode("latin-1") + body


def always(data: bytes) -> Behave:
    """The same answer to everything."""
    return lambda _, peer: peer.sendall(data)


def when(fails: Callable[[Received], bool], failure: bytes | None = None) -> Behave:
    """500 where `fails` says so, 200 elsewhere."""
    bad = failure or answer(500, b'{"error": "ValueError", "request": 17}')

    def behave(request: Received, peer: socket.socket) -> None:
        peer.sendall(bad if fails(request) else answer())

    return behave


@contextmanager
def serving(behave: Behave) -> Iterator[Loopback]:
    """A running server."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    server = Loopback(behave, listener.getsockname()[1])
    threads: list[threading.Thread] = []
    ended = threading.Event()

    def accept() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            if ended.is_set():
                peer.close()
                return
            server.connections += 1
            thread = threading.Thread(target=serve, args=(peer,), daemon=True)
            threads.append(thread)
            thread.start()

    def serve(peer: socket.socket) -> None:
        peer.settimeout(20)
        with peer:
            try:
                request = _read(peer)
                if request is not None:
                    server.received.append(request)
                    server.behave(request, peer)
            except OSError:
                pass

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        ended.set()
        try:
            socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
        except OSError:
            pass
        acceptor.join(5)
        listener.close()
        for thread in threads:
            thread.join(5)


def _read(peer: socket.socket) -> Received | None:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = peer.recv(65536)
        if not piece:
            return None
        data += piece
    head, body = data.split(b"\r\n\r\n", 1)
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    if b"expect: 100-continue" in head.lower():
        peer.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    while len(body) < length:
        piece = peer.recv(65536)
        if not piece:
            break
        body += piece
    return Received(head + b"\r\n\r\n" + body)
