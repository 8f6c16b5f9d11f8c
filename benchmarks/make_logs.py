"""Writes service logs of any size, in order of time, and counts exactly what is in them.

    python -m benchmarks.make_logs --form json --size 1GB --incident 12600:600 app.jsonl

The same options give the same bytes. With an incident, one line in twelve of its stretch is an error from templates that
occur nowhere else, and requests take six times as long; the rate of lines stays the same.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.options import size

FORMS = ("json", "logfmt", "nginx")
START = 1_784_613_600.0
"""2026-07-21T06:00:00Z."""
SPAN_S = 6 * 3600.0
SERVICES = (
    "storefront", "checkout", "payments", "catalog", "stock", "delivery",
    "accounts", "mailer", "search", "pricing", "reviews", "edge",
)  # fmt: skip
ROUTES = (
    "/v1/basket", "/v1/basket/lines", "/v1/orders", "/v1/orders/#", "/v1/items/#", "/v1/items/#/photos",
    "/v1/session", "/v1/quote", "/v1/find", "/v2/find", "/v1/parcels/#", "/ready",
)  # fmt: skip
VERBS = ("GET", "GET", "GET", "GET", "POST", "PUT", "DELETE", "POST")
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 Version/17.5 Safari/605.1.15",
    "Go-http-client/2.0",
    "Wget/1.24.5",
)
USUAL = (
    "request served",
    "basket of customer # restored",
    "price of item # taken from cache",
    "lease % renewed until #",
    "peer @ joined the pool",
    "statement took # ms: UPDATE stock SET held = # WHERE item = #",
    "message % acknowledged at offset #",
    "customer # signed in from @",
    "batch of # rows stored in # ms",
    "upstream @ answered with # bytes",
    "collection of generation # paused for # us",
    "photo % scaled in # ms",
)
WARNINGS = (
    "answer of @ took # ms",
    "queue of worker # holds # tasks",
    "certificate of @ ends in # days",
)
ERRORS = (
    "order % not stored: deadline of # ms passed",
    "reply of @ cannot be read at byte #",
    "no route for customer #: KeyError 'zone'",
)
INCIDENT = (
    "no connection of pool # left, # waiting",
    "connection to @ refused by host",
    "replica # lost its primary in term #",
)
"""Templates that occur in the incident only."""
SLOWER = 6.0
BAD = 1 / 12
_VARIABLE = re.compile(r"[#%@]")
_LATENCIES = 4096


@dataclass(frozen=True)
class Plan:
    """What to write.

    Args:
        form: json, logfmt or nginx: the combined format with the request time appended.
        size_bytes: The file ends with the line that reaches it.
        start: Stamp of the first line, epoch seconds.
        span_s: Time that the file covers.
        incident: Start and end of the incident, epoch seconds.
        services: Who writes.
        troubled: Whose lines show the incident; empty: everyone's.
    """

    form: str
    size_bytes: int
    start: float = START
    span_s: float = SPAN_S
    incident: tuple[float, float] | None = None
    services: tuple[str, ...] = SERVICES
    troubled: tuple[str, ...] = ()
    seed: int = 11


@dataclass
class Truth:
    """Exact account of what was written. Of each template: lines outside and inside the incident."""

    lines: int = 0
    size_bytes: int = 0
    incident_lines: int = 0
    last: float = 0.0
    levels: Counter[str] = field(default_factory=Counter)
    incident_levels: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    templates: dict[str, list[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Event:
    at: float
    level: str
    service: str
    message: str
    verb: str
    route: str
    status: int
    latency_ms: float


def write(path: Path, plan: Plan) -> Truth:
    """Write the file.

    Raises:
        OSError: It cannot be written.
    """
    truth = Truth()
    with path.open("wb", 1 << 20) as out:
        out.writelines(lines(plan, truth))
    return truth


def lines(plan: Plan, truth: Truth) -> Iterator[bytes]:
    """Line by line; `truth` counts them."""
    draw = random.Random(plan.seed)
    form = {"json": _json, "logfmt": _logfmt, "nginx": _nginx}[plan.form]
    make = _Maker(plan, draw)
    while truth.size_bytes < plan.size_bytes:
        at = plan.start + plan.span_s * truth.size_bytes / plan.size_bytes
        event, template = make.event(at)
        data = form(event, draw).encode()
        truth.lines += 1
        truth.size_bytes += len(data)
        truth.levels[event.level] += 1
        truth.statuses[event.status] += 1
        inside = plan.incident is not None and plan.incident[0] <= at < plan.incident[1]
        if inside:
            truth.incident_lines += 1
            truth.incident_levels[event.level] += 1
        truth.templates.setdefault(template, [0, 0])[inside] += 1
        truth.last = at
        yield data


class _Maker:
    """Draws events."""

    def __init__(self, plan: Plan, draw: random.Random) -> None:
        self._plan, self._draw = plan, draw
        self._latencies = [round(math.exp(draw.gauss(2.6, 0.8)), 3) for _ in range(_LATENCIES)]

    def event(self, at: float) -> tuple[_Event, str]:
        """One event, and the template of its message."""
        plan, draw = self._plan, self._draw
        service = plan.services[draw.getrandbits(16) % len(plan.services)]
        inside = plan.incident is not None and plan.incident[0] <= at < plan.incident[1]
        trouble = inside and (not plan.troubled or service in plan.troubled)
        level, templates, status = self._kind(trouble)
        template = templates[draw.getrandbits(16) % len(templates)]
        latency = self._latencies[draw.getrandbits(12)] * (SLOWER if trouble else 1.0)
        return _Event(
            at,
            level,
            service,
            self._filled(template),
            VERBS[draw.getrandbits(3)],
            self._filled(ROUTES[draw.getrandbits(16) % len(ROUTES)]),
            status,
            latency,
        ), template

    def _kind(self, trouble: bool) -> tuple[str, Sequence[str], int]:
        dice = self._draw.random()
        if trouble and dice < BAD:
            return "error", INCIDENT, 503
        if dice < 0.005:
            return "error", ERRORS, 500
        if dice < 0.03:
            return "warn", WARNINGS, 429 if dice < 0.01 else 200
        status = 404 if dice > 0.97 else 201 if dice > 0.92 else 200
        return ("debug" if dice < 0.2 else "info"), USUAL, status

    def _filled(self, template: str) -> str:
        return _VARIABLE.sub(self._value, template)

    def _value(self, match: re.Match[str]) -> str:
        bits = self._draw.getrandbits
        kind = match[0]
        if kind == "#":
            return str(bits(17))
        return f"{bits(64):016x}" if kind == "%" else f"10.{bits(6)}.{bits(8)}.{bits(8)}:{8000 + bits(6)}"


def _cached(form: Callable[[int], str]) -> Callable[[int], str]:
    """Remembers the text of the last second: thousands of lines share it."""
    last: list[tuple[int, str]] = [(-1, "")]

    def text(second: int) -> str:
        if last[0][0] != second:
            last[0] = (second, form(second))
        return last[0][1]

    return text


_iso = _cached(lambda second: f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}")
_common = _cached(lambda second: f"{datetime.fromtimestamp(second, UTC):%d/%b/%Y:%H:%M:%S +0000}")


def stamp(at: float) -> str:
    """An instant as the JSON and logfmt lines tell it, cut to microseconds."""
    second = int(at)
    return f"{_iso(second)}.{int((at - second) * 1e6):06d}Z"


def _json(event: _Event, draw: random.Random) -> str:
    bits = draw.getrandbits
    return (
        f'{{"time":"{stamp(event.at)}","level":"{event.level}","service":"{event.service}","host":"{event.service}-{bits(20):05x}",'
        f'"message":"{event.message}","method":"{event.verb}","route":"{event.route}","status":{event.status},'
        f'"duration_ms":{event.latency_ms:.3f},"trace_id":"{bits(128):032x}","span_id":"{bits(64):016x}",'
        f'"customer":{bits(20)},"zone":"north-2"}}\n'
    )


def _logfmt(event: _Event, draw: random.Random) -> str:
    bits = draw.getrandbits
    return (
        f"time={stamp(event.at)} level={event.level} service={event.service} host={event.service}-{bits(20):05x} "
        f'msg="{event.message}" method={event.verb} route={event.route} status={event.status} '
        f"duration_ms={event.latency_ms:.3f} trace_id={bits(128):032x} customer={bits(20)}\n"
    )


def _nginx(event: _Event, draw: random.Random) -> str:
    bits = draw.getrandbits
    client = f"10.{bits(2)}.{bits(6)}.{bits(6)}" if bits(1) else f"{20 + bits(6)}.{bits(8)}.{bits(8)}.{bits(5)}"
    return (
        f'{client} - - [{_common(int(event.at))}] "{event.verb} {event.route} HTTP/1.1" {event.status} {200 + bits(15)} '
        f'"https://shop.example/{event.service}" "{AGENTS[bits(2)]}" {event.latency_ms / 1000:.3f}\n'
    )


def _incident(text: str) -> tuple[float, float]:
    match = re.fullmatch(r"(\d+):(\d+)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r}: write seconds from the start and length, as 12600:600")
    return float(match[1]), float(match[2])


def main(arguments: Sequence[str]) -> int:
    """The command; prints the truth as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.make_logs", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--form", choices=FORMS, default="json")
    parser.add_argument("--size", type=size, default=10**8)
    parser.add_argument("--span", type=float, default=SPAN_S, help="seconds covered; default 21600")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--incident", type=_incident, metavar="START:LENGTH", help="seconds from the start, and length")
    given = parser.parse_args(arguments)
    incident = (START + given.incident[0], START + sum(given.incident)) if given.incident else None
    plan = Plan(given.form, given.size, span_s=given.span, incident=incident, seed=given.seed)
    print(json.dumps(vars(write(given.path, plan)), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
