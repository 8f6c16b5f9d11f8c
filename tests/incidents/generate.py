"""Incidents of many classes as observations, with what is true of each."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from console.domain.changes import Change, ChangeDiff, CommitDiff, FileDiff
from console.domain.instant import Instant, Window
from console.domain.logs import Level, LogRecord
from console.domain.observations import ErrorSample, Observations
from console.domain.reading import SourceReport, SourceState
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.text import SafeText
from console.domain.topology import Dependency, Service, Topology
from tests.incidents.system import Load, Node, System, make_system

NOW = 1_790_000_000.0
STEP_S = 60.0
HISTORY_MIN = 180
GUILTY_KINDS = frozenset(("deploy", "config", "flag", "cron", "scale", "migration"))


@dataclass
class Truth:
    """What is so."""

    name: str
    healthy: bool
    services: frozenset[str] = frozenset()
    """Defensible places, the root cause among them."""
    kinds: frozenset[str] = frozenset()
    """Kinds of suspect that name it; empty: any."""
    change: str | None = None
    onset: Instant | None = None
    decoys: frozenset[str] = frozenset()


@dataclass
class Incident:
    """An incident or a healthy stretch."""

    truth: Truth
    seen: Observations


@dataclass
class Story:
    """What happens in it, minute by minute."""

    system: System
    rng: random.Random
    truth: Truth
    arrivals: float
    onset_min: int
    """Minutes before now at which the fault sets in."""
    faults: Callable[[int], dict[str, Node]] = lambda ago: {}
    """The changed nodes at so many minutes ago."""
    surge: Callable[[int], float] = lambda ago: 1.0
    changes: list[Change] = field(default_factory=list)
    diffs: list[ChangeDiff] = field(default_factory=list)
    lines: Callable[[int, dict[str, Load]], list[tuple[str, Level, str]]] = lambda ago, loads: []
    memory: dict[str, Callable[[int], float]] = field(default_factory=dict)
    silent: Callable[[int], frozenset[str]] = lambda ago: frozenset()
    with_logs: bool = True


GOOD_DIFFS = (
    (("    total = amount + tax",), ("    total = add(amount, tax)",)),
    (("log.info(f'done {n}')",), ("log.info('done', count=n)",)),
    ((), ("# explains the rounding",)),
    (('name = "old"',), ('title = "old"',)),
)
BAD_DIFFS = (
    (("    if item is None:", "        return EMPTY"), ()),
    (("    timeout = 5.0",), ("    timeout = 0.05",)),
    (("    client.register(handlers)",), ()),
    ((), ("    row = self.db.query_one(SQL, item.id)",)),
    (("    limit = 200",), ("    limit = 2",)),
)


def _diff(change: Change, lines: tuple[tuple[str, ...], tuple[str, ...]], rng: random.Random) -> ChangeDiff:
    path = f"{change.service}/{rng.choice(['handler', 'client', 'store', 'views'])}.py"
    file = FileDiff(SafeText(path), tuple(map(SafeText, lines[0])), tuple(map(SafeText, lines[1])))
    return ChangeDiff(change.id, (CommitDiff(change.commit or "", SafeText("change"), (file,)),))


def _change(kind: str, service: str | None, ago_min: float, rng: random.Random, label: str = "") -> Change:
    at = NOW - ago_min * 60
    number = rng.randrange(10_000)
    commit = f"{rng.getrandbits(160):040x}" if kind == "deploy" else None
    return Change(
        f"{kind}/{service or 'all'}/{number}{label}",
        kind,
        at,
        service,
        f"v{number}" if commit else None,
        commit,
        source="changes",
    )


def _decoys(story: Story) -> None:
    """Innocent changes of other services near the onset, and of the same one long before."""
    rng, guilty = story.rng, story.truth.services
    others = [n for n, node in story.system.nodes.items() if node.kind == "service" and n not in guilty]
    found = [
        _change("deploy", rng.choice(others), story.onset_min + rng.uniform(1, 8), rng, "-decoy"),
        _change("flag", rng.choice(others), story.onset_min + rng.uniform(2, 12), rng, "-decoy"),
        _change("deploy", rng.choice(sorted(guilty) or others), story.onset_min + rng.uniform(45, 90), rng, "-decoy"),
    ]
    story.changes += found
    story.diffs += [_diff(c, rng.choice(GOOD_DIFFS), rng) for c in found if c.kind == "deploy"]
    story.truth.decoys = frozenset(c.id for c in found)


def _story(name: str, rng: random.Random, *, healthy: bool = False) -> Story:
    system = make_system(rng)
    onset = rng.randint(5, 40)
    return Story(
        system, rng, Truth(name, healthy, onset=None if healthy else NOW - onset * 60), rng.uniform(400, 2500), onset
    )


def _services(story: Story) -> list[str]:
    return [n for n, node in story.system.nodes.items() if node.kind == "service"]


def _break(story: Story, node: str, **changed: float) -> None:
    base = story.system.nodes[node]
    broken = replace(base, **changed)  # type: ignore[arg-type]  # the fields are numbers
    story.faults = lambda ago: {node: broken} if ago <= story.onset_min else {}


def _guilty(story: Story, kind: str, service: str, ago_min: float | None = None, *, diff: bool = True) -> None:
    change = _change(
        kind, service, story.onset_min + (story.rng.uniform(0.3, 1.5) if ago_min is None else ago_min), story.rng
    )
    story.changes.append(change)
    story.truth.change = change.id
    story.truth.kinds = frozenset((kind,))
    if diff and kind == "deploy":
        story.diffs.append(_diff(change, story.rng.choice(BAD_DIFFS), story.rng))


def _error_lines(story: Story, service: str, text: str, share: float = 0.02) -> None:
    def lines(ago: int, loads: dict[str, Load]) -> list[tuple[str, Level, str]]:
        if ago > story.onset_min:
            return []
        return [(service, Level.ERROR, text.format(n=story.rng.randrange(10**6)))] * min(
            30, max(2, int(loads[service].failed * share))
        )

    story.lines = lines


def bad_deploy_errors(rng: random.Random) -> Story:
    """A release fails a share of its requests."""
    story = _story("bad-deploy-errors", rng)
    service = rng.choice(_services(story)[1:])
    story.truth.services = frozenset((service,))
    _break(story, service, own_errors=rng.uniform(0.08, 0.5))
    _guilty(story, "deploy", service)
    _error_lines(story, service, "unhandled failure in step {n}: value missing")
    return story


def bad_deploy_latency(rng: random.Random) -> Story:
    """A release takes several times as long."""
    story = _story("bad-deploy-latency", rng)
    service = rng.choice(_services(story)[1:])
    story.truth.services = frozenset((service,))
    _break(story, service, own_s=story.system.nodes[service].own_s * rng.uniform(5, 12))
    _guilty(story, "deploy", service)
    return story


def config_change(rng: random.Random) -> Story:
    """A setting makes a service fail."""
    story = _story("config", rng)
    service = rng.choice(_services(story)[1:])
    story.truth.services = frozenset((service,))
    _break(story, service, own_errors=rng.uniform(0.1, 0.4))
    _guilty(story, "config", service)
    _error_lines(story, service, "limit reached for client {n}, request refused")
    return story


def flag_flip(rng: random.Random) -> Story:
    """A flag brings a failing path."""
    story = _story("flag", rng)
    service = rng.choice(_services(story)[1:])
    story.truth.services = frozenset((service,))
    _break(story, service, own_errors=rng.uniform(0.05, 0.3))
    _guilty(story, "flag", service)
    _error_lines(story, service, "no rule for variant {n}")
    return story


def migration_lock(rng: random.Random) -> Story:
    """A migration makes the database wait."""
    story = _story("migration", rng)
    database = story.system.database
    story.truth.services = frozenset((database,))
    _break(story, database, own_s=0.4, own_errors=0.05)
    _guilty(story, "migration", database)
    return story


def third_party_slow(rng: random.Random) -> Story:
    """A provider answers slowly; a deploy stands near it."""
    story = _story("third-party-slow", rng)
    node = story.system.third_party
    story.truth.services = frozenset((node,))
    story.truth.kinds = frozenset(("third_party",))
    _break(story, node, own_s=rng.uniform(1.5, 4.0))
    return story


def third_party_errors(rng: random.Random) -> Story:
    """A provider fails."""
    story = _story("third-party-errors", rng)
    node = story.system.third_party
    story.truth.services = frozenset((node,))
    story.truth.kinds = frozenset(("third_party",))
    _break(story, node, own_errors=rng.uniform(0.2, 0.7))
    return story


def shared_database(rng: random.Random) -> Story:
    """The database fails all its users."""
    story = _story("shared-database", rng)
    node = story.system.database
    story.truth.services = frozenset((node,))
    story.truth.kinds = frozenset(("shared_dependency", "dependency"))
    _break(story, node, own_s=0.3, own_errors=rng.uniform(0.05, 0.3))
    return story


def traffic_surge(rng: random.Random) -> Story:
    """Arrivals multiply and the entry cannot keep up."""
    story = _story("traffic-surge", rng)
    entry = story.system.entry
    story.truth.services = frozenset((entry,))
    story.truth.kinds = frozenset(("traffic", "contention"))
    story.system.nodes[entry].capacity = story.arrivals * 1.6
    factor = rng.uniform(2.5, 6)
    story.surge = lambda ago: 1.0 if ago > story.onset_min else factor
    return story


def memory_leak(rng: random.Random) -> Story:
    """Memory grows for hours; nothing fails yet."""
    story = _story("memory-leak", rng)
    service = rng.choice(_services(story))
    story.truth.services = frozenset((service,))
    story.truth.kinds = frozenset(("memory_leak",))
    story.truth.onset = None
    start, slope = rng.uniform(2e8, 6e8), rng.uniform(0.8e6, 3e6)
    story.memory[service] = lambda ago: start + slope * (HISTORY_MIN - ago) + rng.gauss(0, 2e6)
    return story


def slow_endpoint(rng: random.Random) -> Story:
    """A leaf service gets slower than its callers' patience."""
    story = _story("slow-leaf", rng)
    service = _services(story)[-1]
    story.truth.services = frozenset((service,))
    _break(story, service, own_s=story.system.nodes[service].own_s + rng.uniform(0.3, 0.9))
    _guilty(story, "deploy", service)
    return story


def cache_lost(rng: random.Random) -> Story:
    """A cache fails; its user waits and nobody changed anything."""
    story = _story("cache-lost", rng)
    node = next(n for n, x in story.system.nodes.items() if x.kind == "cache")
    story.truth.services = frozenset((node,))
    story.truth.kinds = frozenset(("dependency", "shared_dependency"))
    _break(story, node, own_s=0.25, own_errors=0.1)
    return story


def host_trouble(rng: random.Random) -> Story:
    """A service slows down and nobody changed anything near it."""
    story = _story("host", rng)
    service = rng.choice(_services(story)[1:])
    story.truth.services = frozenset((service,))
    story.truth.kinds = frozenset(("service",))
    _break(story, service, own_s=story.system.nodes[service].own_s * rng.uniform(6, 15))
    return story


def dead_service(rng: random.Random) -> Story:
    """A service dies: it reports nothing, and its callers fail."""
    story = _story("dead-service", rng)
    service = rng.choice(_services(story)[1:])
    story.truth.services = frozenset((service,))
    story.truth.kinds = frozenset(("service",))
    _break(story, service, own_errors=0.97)
    story.silent = lambda ago: frozenset((service,)) if ago <= story.onset_min else frozenset()
    return story


def telemetry_lost(rng: random.Random) -> Story:
    """A service is not heard of any more and works as before."""
    story = _story("telemetry-lost", rng)
    service = rng.choice(_services(story)[1:])
    story.truth.services = frozenset((service,))
    story.truth.kinds = frozenset(("telemetry",))
    story.silent = lambda ago: frozenset((service,)) if ago <= story.onset_min else frozenset()
    return story


def quiet(rng: random.Random) -> Story:
    """Nothing happens."""
    return _story("healthy-quiet", rng, healthy=True)


def healthy_deploy(rng: random.Random) -> Story:
    """A release goes out and nothing comes of it."""
    story = _story("healthy-deploy", rng, healthy=True)
    change = _change("deploy", rng.choice(_services(story)), rng.uniform(2, 20), rng)
    story.changes.append(change)
    story.diffs.append(_diff(change, rng.choice(BAD_DIFFS), rng))
    return story


def healthy_peak(rng: random.Random) -> Story:
    """Traffic rises by half, as on every day, and everything keeps up."""
    story = _story("healthy-peak", rng, healthy=True)
    story.surge = lambda ago: 1.0 + 0.6 * max(0.0, 1 - ago / 90)
    return story


def healthy_blip(rng: random.Random) -> Story:
    """A short failure that was over long ago."""
    story = _story("healthy-blip", rng, healthy=True)
    service = rng.choice(_services(story)[1:])
    broken = replace(story.system.nodes[service], own_errors=0.3)
    start = rng.randint(75, 120)
    story.faults = lambda ago: {service: broken} if start - 4 <= ago <= start else {}
    return story


def healthy_odd(rng: random.Random) -> Story:
    """A service that always fails a few percent."""
    story = _story("healthy-odd", rng, healthy=True)
    story.system.nodes[rng.choice(_services(story)[1:])].own_errors = 0.06
    return story


def healthy_warmup(rng: random.Random) -> Story:
    """Memory rises after a start and levels off."""
    story = _story("healthy-warm-up", rng, healthy=True)
    service = rng.choice(_services(story))
    story.memory[service] = lambda ago: 4e8 * (1 - 0.6 * 0.97 ** (HISTORY_MIN - ago)) + rng.gauss(0, 2e6)
    return story


CLASSES: tuple[Callable[[random.Random], Story], ...] = (
    bad_deploy_errors,
    bad_deploy_latency,
    config_change,
    flag_flip,
    migration_lock,
    third_party_slow,
    third_party_errors,
    shared_database,
    traffic_surge,
    memory_leak,
    slow_endpoint,
    cache_lost,
    host_trouble,
    dead_service,
    telemetry_lost,
    quiet,
    healthy_deploy,
    healthy_peak,
    healthy_blip,
    healthy_odd,
    healthy_warmup,
)


def make(kind: Callable[[random.Random], Story], seed: int) -> Incident:
    """One incident of a class."""
    rng = random.Random(f"{kind.__name__}-{seed}")
    story = kind(rng)
    if not story.truth.healthy and kind is not memory_leak:
        _decoys(story)
    return Incident(story.truth, _observe(story))


def _observe(story: Story) -> Observations:
    points: dict[SeriesKey, list[tuple[Instant, float]]] = {}
    records: list[LogRecord] = []

    def add(service: str, metric: str, at: Instant, value: float) -> None:
        points.setdefault(SeriesKey(service, "", metric), []).append((at, value))

    for ago in range(HISTORY_MIN, 0, -1):
        at = NOW - (ago - 1) * STEP_S
        loads = story.system.minute(story.arrivals * story.surge(ago), story.rng, story.faults(ago))
        silent = story.silent(ago)
        for name, load in loads.items():
            if name in silent:
                continue
            add(name, "request_count", at, load.requests)
            add(name, "error_count", at, load.failed)
            if load.requests:
                add(name, "latency_avg", at, load.latency_s)
                add(name, "latency_p99", at, load.tail_s * 1.6)
        for name, memory in story.memory.items():
            add(name, "memory_bytes", at, max(1e6, memory(ago)))
        if story.with_logs:
            records += _lines(story, ago, at, loads)
    series = SeriesSet.of([Series.of(key, found, "metrics") for key, found in points.items()])
    history = Window(NOW - HISTORY_MIN * STEP_S, NOW)
    sample = ErrorSample(history, tuple(sorted(records, key=lambda r: r.at or 0.0)), len(records))
    bad = tuple(r for r in sample.records if r.level >= Level.WARN)
    reports = tuple(SourceReport(n, "csv", SourceState.OK, role=n) for n in ("metrics", "changes", "logs"))
    return Observations(
        at=NOW,
        window=Window(NOW - 1800, NOW),
        history=history,
        topology=_topology(story.system),
        series=series,
        changes=tuple(sorted(story.changes, key=lambda c: c.at)),
        errors=ErrorSample(history, bad, len(bad)),
        records=sample,
        diffs=tuple(story.diffs),
        sources=reports,
    )


def _lines(story: Story, ago: int, at: Instant, loads: dict[str, Load]) -> list[LogRecord]:
    rng = story.rng
    found = [
        LogRecord(
            at - rng.uniform(0, 59), Level.INFO, name, SafeText(f"request {rng.randrange(10**6)} served"), source="logs"
        )
        for name in loads
        for _ in range(2)
    ]
    found += [
        LogRecord(at - rng.uniform(0, 59), level, service, SafeText(text), source="logs")
        for service, level, text in story.lines(ago, loads)
    ]
    return found


def _topology(system: System) -> Topology:
    services = tuple(Service(n, tuple(x.calls)) for n, x in system.nodes.items() if x.kind == "service")
    return Topology(services, tuple(Dependency(n, x.kind) for n, x in system.nodes.items() if x.kind != "service"))
