"""The last two hours, as the services would have logged them.

The requests are simulated with the latencies that live services draw from, and wait for the same workers and the same pool;
the lines go through the functions that live services write with. They become the rotated siblings (`checkout.log.2`, the
older half, and `checkout.log.1`) of the live files, so that all three can be written at the same time.
"""

from __future__ import annotations

import heapq
from bisect import bisect
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass as open_dataclass
from dataclasses import field
from itertools import accumulate
from pathlib import Path
from random import Random

from console.demo import lines, profile
from console.demo.curve import rates
from console.demo.database import CHECKPOINT_S, checkpoint_line
from console.demo.gateway import PAGE_BYTES
from console.demo.inventory import inventory_error, inventory_line, lost_row_stack
from console.demo.payments import payments_line
from console.demo.profile import HOP
from console.demo.scenarios import Scenario
from console.demo.service import csv_rows
from console.demo.shoppers import Visit, visit
from console.domain.values import dataclass

RECEIPT_BYTES = 20_000
"""What a kept receipt costs in memory."""
POOL_SIZE = 4
POOL_WAIT = 1.0
WORKERS = 2


@dataclass(frozen=True, slots=True)
class Past:
    """What the history is made for."""

    folder: Path
    started: float
    """Epoch seconds: where the live traffic begins and the history ends."""
    scenario: Scenario
    seed: int
    checkout_version: str
    memory: dict[str, int]
    """Bytes that each service holds just after its start."""
    upstreams: dict[str, int]
    leak_margin: float = 0.0
    """Seconds from `started` until a leaking checkout reaches its limit."""


class Lanes:
    """Something that serves `count` at a time, first come first served."""

    def __init__(self, count: int) -> None:
        self._free = [0.0] * count

    def wait(self, at: float) -> float:
        """How long who arrives at `at` must wait."""
        return max(0.0, self._free[0] - at)

    def take(self, at: float, hold: float) -> None:
        """Occupy a lane from the first moment after `at` when one is free."""
        heapq.heapreplace(self._free, max(at, self._free[0]) + hold)


@open_dataclass
class _Tally:
    """Sums per sample step: seconds of use, by (step, service, what)."""

    sums: dict[tuple[int, str, str], float] = field(default_factory=lambda: defaultdict(float))

    def add(self, at: float, service: str, what: str, seconds: float) -> None:
        self.sums[int(at // profile.SAMPLE_STEP), service, what] += seconds

    def mean(self, step: int, service: str, what: str) -> float:
        return self.sums.get((step, service, what), 0.0) / profile.SAMPLE_STEP


class History:
    """Simulates one part of the past, then writes it: part 2 is the older half, part 1 the newer."""

    def __init__(self, past: Past, part: int) -> None:
        self.past = past
        self.part = part
        self.start, self.end = _span(past, part)
        self._random = Random(f"{past.seed}:history:{part}")
        self._pool = Lanes(POOL_SIZE)
        self._workers = Lanes(WORKERS)
        self._tally = _Tally()
        self._logs: dict[str, list[tuple[float, str]]] = defaultdict(list)
        self._stack = lost_row_stack("sku-1007")
        self._outages = outages(past.started, past.leak_margin) if past.scenario.leak else ()
        self._number = 4100
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._events = 0

    def simulate(self) -> None:
        """Every request of this part."""
        random, started = self._random, self.past.started
        kinds: list[profile.Path] = list(profile.MIX)
        serve = {
            "page": self._page,
            "cart": self._cart,
            "stock": self._stock,
            "order": self._order,
            "read": self._read,
        }
        at, second = self.start, float("-inf")
        sums: list[float] = []
        while at < self.end:
            if at >= second + 1.0:
                second = at
                now = rates(at - started, self.past.scenario.past_rushes)
                sums = list(accumulate(now[kind] for kind in kinds))
            self._catch_up(at)
            kind = kinds[bisect(sums, random.random() * sums[-1])]
            serve[kind](at, visit(kind, random))
            at += random.expovariate(sums[-1])
        self._catch_up(float("inf"))
        self._checkpoints()

    def write(self) -> None:
        """The log files, and this part of the metrics file."""
        for name, written in self._logs.items():
            written.sort()
            (self.past.folder / "logs" / f"{name}.{self.part}").write_text("".join(line for _, line in written))
        metrics_part(self.past.folder, self.part).write_text("".join(self._samples()))

    # The paths. Times: `at` is when the request reaches the gateway.

    def _page(self, at: float, asked: Visit) -> None:
        self._answer(at, asked, 200, PAGE_BYTES, profile.PAGE.draw(self._random) + HOP / 2, self._trace())

    def _cart(self, at: float, asked: Visit) -> None:
        trace = self._trace()
        if self._refused(at, asked, trace):
            return
        took = profile.CART.draw(self._random)
        lost = self._random.random() < profile.SESSION_LOST
        if lost:
            self._checkout_error(at + took, "/cart/{cart}", "session store: unexpected end of data", trace)
        self._checkout(at, "GET", "/cart/{cart}", 500 if lost else 200, took, trace)
        self._answer(at, asked, 500 if lost else 200, 34, took + HOP, trace)

    def _read(self, at: float, asked: Visit) -> None:
        trace = self._trace()
        if self._refused(at, asked, trace):
            return
        work, hold = profile.READ.draw(self._random), self._statement("orders.select")
        waited = self._pool.wait(at + work)
        status = 200
        if waited > POOL_WAIT:
            status, took = 503, work + POOL_WAIT
            self._checkout_error(at + took, "/orders/{order}", _POOL_MESSAGE, trace)
        else:
            self._hold(at + work, hold)
            took = work + waited + hold
        self._checkout(at, "GET", "/orders/{order}", status, took, trace)
        self._answer(at, asked, status, 43, took + HOP, trace)

    def _stock(self, at: float, asked: Visit) -> None:
        random, trace, path = self._random, self._trace(), asked.path
        status, stack = 200, None
        if path.startswith("/stock/sku-9"):
            took, status = 0.0006, 404
        else:
            hold = profile.STOCK.draw(random) + self._statement("stock.select")
            took = self._workers.wait(at) + hold
            self._workers.take(at, hold)
            self._tally.add(at, "inventory", "pool_in_use", 0.011)
            if random.random() < profile.LOCK_LOST:
                sku = path.rpartition("/")[2]
                status, stack = 500, self._stack.replace("sku-1007", sku)
                self._log("inventory", at + took, inventory_error(at + took, "GET", path, "", stack, trace))
        self._inventory(at, "GET", path, status, took, trace)
        self._answer(at, asked, status, 35, took + HOP, trace)

    def _order(self, at: float, asked: Visit) -> None:
        trace = self._trace()
        if self._refused(at, asked, trace):
            return
        took, status, reason = self._payment(at + 0.001, trace)
        if reason or status != 200:
            self._ordered(at, asked, trace, (took, status, reason))
        else:
            self._later(at + took, lambda: self._transaction(at, asked, trace, took))

    def _transaction(self, at: float, asked: Visit, trace: str, took: float) -> None:
        """An order that is paid, when it asks for its database connection."""
        random = self._random
        waited = self._pool.wait(at + took)
        if waited > POOL_WAIT:
            self._ordered(at, asked, trace, (took + POOL_WAIT, 503, _POOL_MESSAGE))
            return
        work, insert = profile.ORDER.draw(random), self._statement("orders.insert") + HOP
        reserve = profile.RESERVE.draw(random) + self._statement("stock.reserve")
        self._hold(at + took, work + reserve + insert)
        took += waited + work
        self._later(at + took, lambda: self._reservation(at, asked, trace, took, reserve, insert))

    def _reservation(self, at: float, asked: Visit, trace: str, took: float, hold: float, insert: float) -> None:
        """The reservation of an order, when it reaches inventory."""
        reserve = self._workers.wait(at + took) + hold
        self._workers.take(at + took, hold)
        self._tally.add(at, "inventory", "pool_in_use", 0.013)
        self._inventory(at + took, "POST", "/reservations", 200, reserve, trace)
        self._ordered(at, asked, trace, (took + reserve + insert, 201, ""))

    def _ordered(self, at: float, asked: Visit, trace: str, end: tuple[float, int, str]) -> None:
        """The answer to an order: seconds, status, and why it failed."""
        took, status, reason = end
        if reason:
            self._checkout_error(at + took, "/orders", reason, trace)
        self._checkout(at, "POST", "/orders", status, took, trace)
        self._answer(at, asked, status, 44, took + HOP, trace)

    def _payment(self, at: float, trace: str) -> tuple[float, int, str]:
        """Seconds that checkout waited for it, its status, and why it failed."""
        random = self._random
        peer = profile.CARDPAY.draw(random) + HOP
        took = profile.AUTHORISE.draw(random) + peer
        fate, status, peer_status, reason = random.random(), 200, 200, ""
        if fate < profile.CARDPAY_FAILS:
            status, peer_status, reason = 502, 502, "payments answered 502: cardpay answered 502"
            self._log(
                "payments",
                at + took,
                lines.logfmt(at + took, "error", "cardpay answered 502", route="/authorise", trace_id=trace),
            )
        elif fate < profile.CARDPAY_FAILS + profile.DECLINED:
            status, peer_status = 402, 402
        else:
            ledger = self._statement("ledger.insert")
            self._tally.add(at, "payments", "pool_in_use", ledger)
            took += ledger
        self._log("payments", at + took, payments_line(at + took, status, took, peer_status, peer, trace))
        self._tally.add(at, "payments", "in_flight", took)
        return took + HOP, status, reason

    def _later(self, at: float, what: Callable[[], None]) -> None:
        """Do `what` when the simulation has come to `at`: who waits for the same thing must come in order of time."""
        self._events += 1
        heapq.heappush(self._agenda, (at, self._events, what))

    def _catch_up(self, at: float) -> None:
        while self._agenda and self._agenda[0][0] <= at:
            heapq.heappop(self._agenda)[2]()

    # What they have in common.

    def _statement(self, name: str) -> float:
        return profile.STATEMENTS[name].draw(self._random) + HOP / 2

    def _trace(self) -> str:
        return f"{self._random.getrandbits(128):032x}"

    def _hold(self, at: float, seconds: float) -> None:
        self._pool.take(at, seconds)
        self._tally.add(at, "checkout", "pool_in_use", seconds)

    def _refused(self, at: float, asked: Visit, trace: str) -> bool:
        """Whether checkout is down at `at`; the gateway's answer is then logged."""
        if not any(start <= at < end for start, end in self._outages):
            return False
        self._number += 1
        upstream = f"http://127.0.0.1:{self.past.upstreams['checkout']}"
        what = "connect() failed (111: Connection refused) while connecting to upstream"
        line = lines.proxy_error(at, self._number, asked.client, asked.method, asked.path, what, upstream)
        self._log("gateway.error", at, line)
        self._answer(at, asked, 502, 84, HOP / 2, trace)
        return True

    def _log(self, name: str, at: float, line: str) -> None:
        self._logs[name + ".log"].append((at, line))

    def _answer(self, at: float, asked: Visit, status: int, size: int, seconds: float, trace: str) -> None:
        end = at + seconds
        line = lines.access(end, asked.client, asked.method, asked.path, status, size, asked.agent, seconds, trace)
        self._log("gateway", end, line)
        self._tally.add(at, "gateway", "in_flight", seconds)

    def _checkout(self, at: float, method: str, route: str, status: int, took: float, trace: str) -> None:
        version = self.past.checkout_version
        self._log(
            "checkout",
            at + took,
            lines.json_request(at + took, "checkout", version, method, route, status, took, trace),
        )
        self._tally.add(at, "checkout", "in_flight", took)

    def _checkout_error(self, at: float, route: str, message: str, trace: str) -> None:
        self._log("checkout", at, lines.json_event(at, "error", "checkout", message, route=route, trace_id=trace))

    def _inventory(self, at: float, method: str, path: str, status: int, took: float, trace: str) -> None:
        self._log("inventory", at + took, inventory_line(at + took, method, path, status, took, trace))
        self._tally.add(at, "inventory", "in_flight", took)

    def _checkpoints(self) -> None:
        at = self.start
        while (at := at + CHECKPOINT_S) < self.end:
            self._log("orders-db", at, checkpoint_line(at, self._random.randrange(180, 420)))

    def _samples(self) -> list[str]:
        step = profile.SAMPLE_STEP
        rows: list[str] = []
        sizes = {"checkout": POOL_SIZE, "payments": 5, "inventory": 4}
        for number in range(int(self.start // step), int(self.end // step)):
            at = (number + 1) * step
            for service in ("gateway", "checkout", "payments", "inventory", "orders-db"):
                values: dict[str, float] = {"memory_bytes": self._memory(service, at)}
                values["restarts"] = sum(end <= at for _, end in self._outages) if service == "checkout" else 0
                if service != "orders-db":
                    values["in_flight"] = round(self._tally.mean(number, service, "in_flight"), 3)
                if service in sizes:
                    values["pool_in_use"] = round(self._tally.mean(number, service, "pool_in_use"), 3)
                    values["pool_size"] = sizes[service]
                if service == "checkout":
                    values["memory_limit_bytes"] = profile.CHECKOUT_MEMORY_LIMIT
                    if any(start <= at < end for start, end in self._outages):
                        continue
                rows.append(csv_rows(at, service, values))
        return rows

    def _memory(self, service: str, at: float) -> float:
        base = self.past.memory[service] * self._random.gauss(1.0, 0.001)
        if service == "checkout" and self.past.scenario.leak:
            base = profile.CHECKOUT_MEMORY_LIMIT - profile.LEAK_SPAN + leaked(self.past, at - self.past.started)
        return base // 4096 * 4096


_POOL_MESSAGE = (
    f"connection pool of size {POOL_SIZE} reached: no connection to orders-db within {POOL_WAIT * 1000:.0f} ms"
)


def metrics_part(folder: Path, part: int) -> Path:
    """Where one part of the history leaves its rows of `metrics.csv`."""
    return folder / "world" / f"metrics.{part}"


def _span(past: Past, part: int) -> tuple[float, float]:
    """Start and end of a part, in epoch seconds; the parts meet between two samples."""
    middle = (past.started - profile.HISTORY / 2) // profile.SAMPLE_STEP * profile.SAMPLE_STEP
    return (past.started - profile.HISTORY, middle) if part == 2 else (middle, past.started)


def leak_rate() -> float:
    """Bytes per second that a leaking checkout grows by, on average."""
    return profile.BASE_RATE * profile.MIX["order"] * (1 - profile.DECLINED) * RECEIPT_BYTES


def leaked(past: Past, at: float) -> float:
    """Bytes of kept receipts at `at` seconds from the start of live traffic (negative: in the past)."""
    return ((at - past.leak_margin) * leak_rate()) % profile.LEAK_SPAN


def outages(started: float, margin: float) -> tuple[tuple[float, float], ...]:
    """When a leaking checkout was down, in epoch seconds, if it reaches its limit `margin` seconds after `started`."""
    period = profile.LEAK_SPAN / leak_rate()
    count = int((profile.HISTORY + margin) // period)
    downs = (started + margin - n * period for n in range(count, 0, -1))
    return tuple((down, down + profile.RESTART_AFTER) for down in downs)
