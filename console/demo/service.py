"""What all services of the practice system share: routes, metrics, outbound calls, samples, and a life that can be ended."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import signal
import socket
import time
import tomllib
import traceback
from collections.abc import Callable, Coroutine
from dataclasses import dataclass as open_dataclass
from dataclasses import field
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any, ClassVar

from console.demo import profile
from console.demo.dials import Dials
from console.demo.http import Client, Request, Response, Server
from console.demo.logfile import LogFile
from console.demo.metrics import CONTENT_TYPE, Registry, process_metrics, resident_bytes
from console.demo.pool import DatabaseGone, Meter, Pool, PoolTimeout, StatementTimeout
from console.domain.values import dataclass

DRAIN_S = 6.0


class Failure(Exception):
    """A request cannot be served; `status` is the answer, the text is what the service logs."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def stack_text() -> str:
    """The traceback of the exception being handled, from the service's own code down."""
    return traceback.format_exc(limit=-3)


@dataclass(frozen=True, slots=True)
class Setup:
    """What a service process is told when it begins."""

    name: str
    folder: Path
    """The practice system's own folder."""
    ports: dict[str, int]
    """HTTP port of each service; `orders-db:sql` is the database's own."""
    seed: int
    version: str
    commit: str
    release: Path | None
    """Where the files of the running release lie."""
    restarts: int = 0
    first: bool = True
    """Whether it stands for a process that has run since before the live traffic."""
    memory_limit: int | None = None
    """Bytes; the process is killed when it grows beyond."""

    def random(self) -> Random:
        """This service's own stream of random numbers."""
        return Random(f"{self.seed}:{self.name}:{self.restarts}")

    @property
    def settings(self) -> dict[str, int]:
        """The release's `SERVICE.toml`."""
        if self.release is None:
            return {}
        return tomllib.loads((self.release / self.name / f"{self.name}.toml").read_text())

    def module(self, name: str) -> ModuleType:
        """A Python module of the release, executed from its file.

        Raises:
            Exception: Whatever the module raises; a broken release does not start.
        """
        assert self.release is not None
        path = self.release / self.name / f"{name}.py"
        spec = importlib.util.spec_from_file_location(f"{self.name}.{name}", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


@open_dataclass(slots=True)
class Call:
    """One request under way."""

    request: Request
    route: str
    parameter: str
    """What stands in the place of `{…}`; empty where the route has none."""
    trace: str
    began: float
    """Epoch seconds."""


Endpoint = Callable[[Call], Coroutine[Any, Any, Response]]


@open_dataclass
class Service:
    """A service process; subclasses give the endpoints and the form of the log."""

    sampled: ClassVar[bool] = True
    """Whether the service writes rows of metrics: not, where it is not ours."""
    setup: Setup
    random: Random = field(init=False)
    metrics: Registry = field(init=False, default_factory=Registry)
    client: Client = field(init=False, default_factory=Client)
    in_flight: Meter = field(init=False, default_factory=Meter)
    pool: Pool | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.random = self.setup.random()
        self.log = LogFile(self.setup.folder / "logs" / f"{self.setup.name}.log")
        self.flags = Dials(self.setup.folder / "flags.json")
        self.world = Dials(self.setup.folder / "world" / "dials.json")
        self._routes = self.routes()
        self._stop = asyncio.Event()
        self._describe()

    def routes(self) -> dict[str, Endpoint]:
        """`METHOD /path/{name}` to the function that answers; at most one `{…}`, at the end."""
        return {}

    def record(self, call: Call, status: int, seconds: float, size: int) -> None:
        """Log an answered request."""

    def complain(self, call: Call, status: int, message: str, trace: str | None) -> None:
        """Log why a request failed; `trace` is the traceback of an error nobody expected."""

    def samples(self) -> dict[str, float]:
        """Values of this service's own for `metrics.csv`."""
        return {}

    async def begin(self) -> None:
        """Whatever must happen before the service says that it is ready."""

    def open_pool(self, size: int, wait_ms: int, timeout_ms: int) -> Pool:
        """Make this service's database pool, with its gauges."""
        pool = Pool(self.setup.ports["orders-db:sql"], size, wait_ms / 1000, timeout_ms / 1000)
        self.metrics.gauge("db_pool_in_use", "Database connections in use.", lambda: pool.meter.used)
        self.metrics.gauge("db_pool_size", "Most database connections.", lambda: pool.size)
        self.metrics.gauge("db_pool_waiting", "Requests that wait for a connection.", lambda: pool.meter.waiting)
        self.pool = pool
        return pool

    def _describe(self) -> None:
        self.metrics.describe("http_requests_total", "counter", "Requests answered.")
        self.metrics.describe("http_request_duration_seconds", "histogram", "Time to the answer.")
        self.metrics.describe("http_client_requests_total", "counter", "Calls to other services; status 0: no answer.")
        self.metrics.describe("http_client_request_duration_seconds", "histogram", "Time until a call ended.")
        self.metrics.gauge("http_requests_in_flight", "Requests under way.", lambda: self.in_flight.used)
        process_metrics(self.metrics, self.setup.name, self.setup.version, self.setup.commit[:12], self.setup.restarts)
        if self.setup.memory_limit is not None:
            limit = self.setup.memory_limit
            self.metrics.gauge("process_memory_limit_bytes", "Memory at which the process is killed.", lambda: limit)

    async def outbound(self, call: Call, peer: str, line: str, timeout_ms: float, body: bytes = b"") -> Response:
        """Call another service, with the trace id and within the time; `line` is `METHOD /path`.

        Raises:
            CallError: No answer.
        """
        method, _, path = line.partition(" ")
        began = time.monotonic()
        status = 0
        try:
            response = await self.client.call(
                self.setup.ports[peer],
                method,
                path,
                timeout_s=timeout_ms / 1000,
                headers={"traceparent": f"00-{call.trace}-{self.random.getrandbits(64):016x}-01"},
                body=body,
            )
            status = response.status
            return response
        finally:
            labels = (("peer", peer), ("status", str(status)))
            self.metrics.count("http_client_requests_total", labels)
            self.metrics.observe("http_client_request_duration_seconds", (("peer", peer),), time.monotonic() - began)

    async def answer(self, request: Request) -> Response:
        """Serve one request."""
        path = request.path.partition("?")[0]
        if path in {"/metrics", "/healthz", "/version"}:
            return self._own(path)
        route, parameter = self._match(request.method, path)
        call = Call(request, route or "other", parameter, self._trace(request), time.time())
        self.in_flight.change(+1)
        began = time.monotonic()
        try:
            response = await self._guarded(call, self._routes.get(route))
        finally:
            self.in_flight.change(-1)
        seconds = time.monotonic() - began
        self._count(call, response.status, seconds)
        self.record(call, response.status, seconds, len(response.body))
        return response

    async def _guarded(self, call: Call, endpoint: Endpoint | None) -> Response:
        if endpoint is None:
            return Response.of(404, {"error": "not found"})
        try:
            return await endpoint(call)
        except Failure as failure:
            return self._failed(call, failure.status, str(failure))
        except PoolTimeout as error:
            return self._failed(call, 503, str(error))
        except (StatementTimeout, DatabaseGone) as error:
            return self._failed(call, 500, str(error))
        except Exception as error:
            self.complain(call, 500, f"{type(error).__name__}: {error}", stack_text())
            return Response.of(500, {"error": "internal error", "trace_id": call.trace})

    def _failed(self, call: Call, status: int, message: str) -> Response:
        self.complain(call, status, message, None)
        return Response.of(status, {"error": message})

    def _count(self, call: Call, status: int, seconds: float) -> None:
        method, _, route = call.route.partition(" ")
        self.metrics.count(
            "http_requests_total", (("method", method), ("route", route or "other"), ("status", str(status)))
        )
        self.metrics.observe(
            "http_request_duration_seconds", (("method", method), ("route", route or "other")), seconds
        )

    def _match(self, method: str, path: str) -> tuple[str, str]:
        exact = f"{method} {path}"
        if exact in self._routes:
            return exact, ""
        folder, _, last = path.rpartition("/")
        for route in self._routes:
            if route.endswith("}") and route.partition("{")[0] == f"{method} {folder}/" and last:
                return route, last
        return "", ""

    def _trace(self, request: Request) -> str:
        parts = request.headers.get("traceparent", "").split("-")
        return parts[1] if len(parts) == 4 and len(parts[1]) == 32 else f"{self.random.getrandbits(128):032x}"

    def _own(self, path: str) -> Response:
        if path == "/metrics":
            return Response(200, self.metrics.text().encode(), CONTENT_TYPE)
        if path == "/version":
            told = {"service": self.setup.name, "version": self.setup.version, "commit": self.setup.commit}
            return Response.of(200, told)
        return Response.of(200, {"status": "ok"})

    async def run(self, listener: socket.socket, ready: Callable[[], None], life: int) -> None:
        """Serve until SIGTERM, or until the parent is gone."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop.set)
        loop.add_reader(life, os._exit, 0)
        await self.begin()
        server = Server(self.answer)
        await server.start(listener)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._sample()), *(group.create_task(work) for work in self.background())]
            ready()
            await self._stop.wait()
            await server.stop(DRAIN_S)
            for task in tasks:
                task.cancel()
        self.client.close()
        if self.pool is not None:
            self.pool.close()

    def background(self) -> list[Any]:
        """Coroutines that run beside the requests."""
        return []

    async def _sample(self) -> None:
        """Append this service's row of metrics again and again, and watch the memory limit."""
        path = self.setup.folder / "metrics.csv"
        due = time.time() + profile.SAMPLE_STEP
        while True:
            await asyncio.sleep(0.5)
            memory = resident_bytes()
            if self.setup.memory_limit is not None and memory > self.setup.memory_limit:
                # What the kernel does to a container that outgrows its limit: no warning, no clean-up.
                os.kill(os.getpid(), signal.SIGKILL)
            if self.sampled and time.time() >= due:
                due += profile.SAMPLE_STEP
                self._append_samples(path, memory)

    def _append_samples(self, path: Path, memory: int) -> None:
        values: dict[str, float] = {
            "memory_bytes": memory,
            "in_flight": round(self.in_flight.average(), 3),
            "restarts": self.setup.restarts,
        }
        if self.setup.memory_limit is not None:
            values["memory_limit_bytes"] = self.setup.memory_limit
        if self.pool is not None:
            values["pool_in_use"] = round(self.pool.meter.average(), 3)
            values["pool_size"] = self.pool.size
        rows = csv_rows(time.time(), self.setup.name, values | self.samples())
        with contextlib.suppress(OSError), open(path, "ab", buffering=0) as file:
            file.write(rows.encode())


def csv_rows(at: float, service: str, values: dict[str, float]) -> str:
    """Lines of `metrics.csv`: time, service, operation, metric, value."""
    return "".join(f"{at:.0f},{service},,{name},{value:.12g}\n" for name, value in values.items())
