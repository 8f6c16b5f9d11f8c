"""The log lines of the services, each in its own format. Live services and the history write through the same functions."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache

AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile/15E148 Safari/604.1",
    "shop-android/8.14.2 (okhttp 4.12.0)",
)


@lru_cache(maxsize=512)
def _iso_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(maxsize=512)
def _access_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")


def iso(at: float) -> str:
    """`2026-11-23T14:03:10.123Z`."""
    second = int(at)
    return f"{_iso_second(second)}.{int((at - second) * 1000):03d}Z"


def spaced(at: float, mark: str) -> str:
    """`2026-11-23 14:03:10,123`, as Python's logging and PostgreSQL (with a dot) write it; UTC."""
    second = int(at)
    return f"{_iso_second(second).replace('T', ' ')}{mark}{int((at - second) * 1000):03d}"


def access(
    at: float, client: str, method: str, path: str, status: int, size: int, agent: str, seconds: float, trace: str
) -> str:
    """nginx: combined, then `$request_time` in seconds and the trace id."""
    return (
        f'{client} - - [{_access_second(int(at))}] "{method} {path} HTTP/1.1" {status} {size} "-" "{agent}" '
        f"{seconds:.3f} trace_id={trace}\n"
    )


def proxy_error(at: float, number: int, client: str, method: str, path: str, what: str, upstream: str) -> str:
    """nginx: a line of the error log."""
    stamp = _iso_second(int(at)).replace("-", "/").replace("T", " ")
    return (
        f'{stamp} [error] 21#21: *{number} {what}, client: {client}, server: shop.example, request: "{method} {path} HTTP/1.1", '
        f'upstream: "{upstream}{path}"\n'
    )


def json_request(
    at: float,
    service: str,
    version: str,
    method: str,
    route: str,
    status: int,
    seconds: float,
    trace: str,
    body: bytes = b"",
) -> str:
    """checkout: one answered request, with its body where it failed; written by hand because it is most of the file."""
    level = "info" if status < 500 else "error"
    told = f',"body":{json.dumps(body.decode("utf-8", "replace"))}' if body and level == "error" else ""
    return (
        f'{{"time":"{iso(at)}","level":"{level}","service":"{service}","msg":"request","method":"{method}",'
        f'"route":"{route}","status":{status},"duration_ms":{seconds * 1000:.1f},"trace_id":"{trace}","version":"{version}"{told}}}\n'
    )


def json_event(at: float, level: str, service: str, message: str, **fields: object) -> str:
    """checkout: anything else."""
    record = {"time": iso(at), "level": level, "service": service, "msg": message, **fields}
    return json.dumps(record, separators=(",", ":")) + "\n"


def logfmt(at: float, level: str, message: str, **fields: object) -> str:
    """payments."""
    rest = "".join(f" {name}={_quoted(str(value))}" for name, value in fields.items())
    return f"ts={iso(at)} level={level} msg={_quoted(message)}{rest}\n"


def _quoted(value: str) -> str:
    if value and not any(c in ' "=\n\\' for c in value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def plain(at: float, level: str, logger: str, message: str) -> str:
    """inventory: as Python's logging writes it; a traceback may follow on lines of its own."""
    return f"{spaced(at, ',')} {level:<7} {logger}: {message}\n"


def database(at: float, level: str, message: str) -> str:
    """orders-db: as PostgreSQL writes it."""
    return f"{spaced(at, '.')} UTC [88] {level}:  {message}\n"
