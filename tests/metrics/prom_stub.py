"""A stub of the Prometheus HTTP API, written from its documentation (Prometheus 2.42, "HTTP API"): instant and range queries and
labels. It knows one metric of one service; what it answers can be replaced to misbehave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.http.fault_server import Asked, answer

COUNTER = {"__name__": "http_requests_total", "job": "checkout"}


def success(kind: str, result: list[Any], **more: Any) -> dict[str, Any]:
    """The envelope of the documentation."""
    return {"status": "success", "data": {"resultType": kind, "result": result}, **more}


@dataclass
class PromStub:
    """Answers like a server that has `http_requests_total{job="checkout"}` growing by two a second."""

    range_body: Callable[[dict[str, str]], bytes] | None = None
    range_status: str = "200 OK"
    series: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    queries: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    async def __call__(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        """Serve one request."""
        parts = urlsplit(asked.target)
        params = dict(parse_qsl(parts.query))
        self.queries.append((parts.path, params))
        status, body = self._answer(parts.path, params)
        await answer(body, status, content_type="application/json", **self.headers)(asked, writer)

    def _answer(self, path: str, params: dict[str, str]) -> tuple[str, bytes]:
        match path:
            case "/api/v1/query":
                return "200 OK", json.dumps(success("vector", self._instant(params))).encode()
            case "/api/v1/labels":
                return "200 OK", json.dumps({"status": "success", "data": ["__name__", "job"]}).encode()
            case "/api/v1/query_range":
                if self.range_body is not None:
                    return self.range_status, self.range_body(params)
                return "200 OK", json.dumps(success("matrix", self.matrix(params))).encode()
        return "404 Not Found", b"404 page not found"

    def _instant(self, params: dict[str, str]) -> list[Any]:
        at = float(params["time"])
        if params["query"].startswith("count by"):
            return [{"metric": COUNTER, "value": [at, "1"]}]
        return [{"metric": {}, "value": [at, "20"]}]

    def matrix(self, params: dict[str, str], value: Callable[[float], Any] = lambda at: "2") -> list[Any]:
        """One row per series, with a value at each step."""
        start, end, step = (float(params[k]) for k in ("start", "end", "step"))
        times = [start + i * step for i in range(int((end - start) / step + 1e-9) + 1)]
        metric = {"job": "checkout", "incident_metric": "request_count"}
        return [
            {"metric": {**metric, "n": str(n)}, "values": [[t, value(t)] for t in times]} for n in range(self.series)
        ]
