"""A small system in numbers: services that call each other, and what a minute of traffic does to them.

A fault changes what one node does itself; everything that its callers show follows from the calls.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

WORDS = [
    "basket",
    "ledger",
    "atlas",
    "falcon",
    "quartz",
    "willow",
    "harbor",
    "ember",
    "cobalt",
    "meadow",
    "lantern",
    "pepper",
    "orchid",
    "summit",
    "velvet",
    "maple",
    "tundra",
    "cedar",
    "canyon",
    "ripple",
    "saffron",
    "juniper",
    "beacon",
    "copper",
    "glacier",
    "thistle",
    "marble",
    "pebble",
    "walnut",
    "zephyr",
]
KINDS = ("database", "cache", "queue", "storage")
OPERATIONS = ("GET /list", "POST /submit", "GET /item/{id}", "PUT /state")


@dataclass
class Node:
    """A service or dependency, and what it does itself."""

    name: str
    own_s: float
    """Time of one request without its calls."""
    own_errors: float
    calls: dict[str, float] = field(default_factory=dict)
    """Calls of a request to each callee."""
    kind: str = "service"
    capacity: float = math.inf
    """Requests per minute from which waiting sets in."""
    tail: float = 1.0
    """How many times its slowest requests take what they usually do."""
    impatience: float = 0.0
    """How often its callers ask again for each failure."""


@dataclass
class Load:
    """One minute of one node."""

    requests: float = 0.0
    failed: float = 0.0
    latency_s: float = 0.0
    tail_s: float = 0.0
    busy: float = 0.0
    """Share of its capacity in use."""


@dataclass
class System:
    """Nodes in the order in which requests reach them: callers before callees."""

    nodes: dict[str, Node]
    entry: str
    third_party: str
    database: str

    def minute(self, arrivals: float, rng: random.Random, changed: dict[str, Node] | None = None) -> dict[str, Load]:
        """What every node shows in a minute with so many arrivals."""
        nodes = {name: (changed or {}).get(name, node) for name, node in self.nodes.items()}
        loads = {name: Load() for name in nodes}
        loads[self.entry].requests = _noisy(arrivals, rng)
        for name, node in nodes.items():
            for callee, times in node.calls.items():
                again = 1 + nodes[callee].impatience * nodes[callee].own_errors
                loads[callee].requests += loads[name].requests * times * again * rng.uniform(0.98, 1.02)
        ok: dict[str, float] = {}
        for name in reversed(list(nodes)):
            node, load = nodes[name], loads[name]
            load.requests = float(round(load.requests))
            load.busy = load.requests / node.capacity
            waiting = node.own_s * max(0.0, load.busy - 0.8) * 25
            refused = max(0.0, load.busy - 1.0) * 0.6
            own = node.own_s * rng.lognormvariate(0, 0.05) + waiting
            below = sum(times * loads[callee].latency_s for callee, times in node.calls.items())
            load.latency_s = own + below
            load.tail_s = own * node.tail * rng.lognormvariate(0.9, 0.12) + sum(
                min(times, 1) * loads[callee].tail_s for callee, times in node.calls.items()
            )
            passing = (1 - min(1.0, node.own_errors + refused)) * math.prod(
                ok[c] ** min(t, 1.0) for c, t in node.calls.items()
            )
            ok[name] = passing
            load.failed = float(_binomial(int(load.requests), 1 - passing, rng))
        return loads


def _noisy(value: float, rng: random.Random) -> float:
    return max(0.0, rng.gauss(value, math.sqrt(max(value, 1.0))))


def _binomial(n: int, p: float, rng: random.Random) -> int:
    """Failures among n; Poisson where few are expected, normal where many are."""
    expected = n * p
    if expected > 30:
        return max(0, min(n, round(rng.gauss(expected, math.sqrt(expected * (1 - p))))))
    limit, product, count = math.exp(-expected), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return min(n, count)


def make_system(rng: random.Random) -> System:
    """Five to eight services in layers, a database, a cache and a third party, all with names of their own."""
    names = rng.sample(WORDS, 12)
    count = rng.randint(5, 8)
    services = [f"{name}{rng.choice(['', '-svc', '-api'])}" for name in names[:count]]
    database, cache, third = f"{names[8]}-db", f"{names[9]}-cache", f"{names[10]}.example"
    nodes: dict[str, Node] = {}
    for k, name in enumerate(services):
        below = services[k + 1 :]
        calls = {c: rng.choice([0.5, 1.0, 1.0, 2.0]) for c in rng.sample(below, min(len(below), rng.randint(1, 2)))}
        nodes[name] = Node(name, rng.uniform(0.01, 0.08), rng.uniform(0.0005, 0.003), calls)
    called = {c for node in nodes.values() for c in node.calls}
    for name in services[1:]:
        if name not in called:
            nodes[services[0]].calls[name] = 1.0
    users = [s for s in services[1:] if rng.random() < 0.6] or [services[-1]]
    for name in sorted({*users, services[-1]}):
        nodes[name].calls[database] = rng.choice([1.0, 2.0])
    nodes[rng.choice(services[1:])].calls[cache] = 1.0
    nodes[rng.choice(services[1:])].calls[third] = 0.7
    nodes[database] = Node(database, rng.uniform(0.002, 0.01), 0.0002, kind="database")
    nodes[cache] = Node(cache, 0.001, 0.0001, kind="cache")
    nodes[third] = Node(third, rng.uniform(0.05, 0.2), 0.002, kind="third_party")
    return System(nodes, services[0], third, database)
