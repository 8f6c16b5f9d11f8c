"""Incidents of many classes as observations, with what is true of each."""

from __future__ import annotations

import math
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
from tests.incidents.system import OPERATIONS, Load, Node, System, make_system

NOW = 1_790_000_000.0
STEP_S = 60.0
HISTORY_MIN = 180
GUILTY_KINDS = frozenset(("deploy", "config", "flag", "cron", "scale", "migration", "certificate", "infrastructure"))
CALLS_SHOWN = 6
"""Calls of each service to each dependency that its log shows a minute, where it shows them."""
SLOW = 4.0
"""How many times its usual time a call takes before its caller complains."""


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
    over: bool = False
    """It has just ended."""
    cleared: str | None = None
    """A change that was taken back in vain, and must be called unlikely."""


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
    idle: Callable[[int], frozenset[str]] = lambda ago: frozenset()
    """Operations of the guilty service that get no requests at so many minutes ago."""
    history_min: int = HISTORY_MIN
    witness: str = "measured"
    """How dependencies show: measured themselves, by the fields of their callers' records, or by complaints alone."""
    shares: dict[str, dict[str, float]] = field(default_factory=dict)
    """Operations of each service and their part of its requests; empty: it tells none."""
    operation: str = ""
    """The one operation that the fault is about; empty: all."""


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
    story.truth.decoys |= frozenset(c.id for c in found)


def _story(name: str, rng: random.Random, *, healthy: bool = False) -> Story:
    system = make_system(rng)
    onset = rng.randint(5, 40)
    story = Story(
        system, rng, Truth(name, healthy, onset=None if healthy else NOW - onset * 60), rng.uniform(400, 2500), onset
    )
    story.witness = rng.choice(["measured", "fields", "complaints"])
    if rng.random() < 0.5:
        for service in _services(story):
            parts = [rng.uniform(0.2, 1.0) for _ in range(rng.randint(2, 4))]
            story.shares[service] = {op: part / sum(parts) for op, part in zip(OPERATIONS, parts, strict=False)}
    return story


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


def slower_under_load(rng: random.Random) -> Story:
    """Arrivals double and everybody keeps up; a while later a release takes several times as long."""
    story = bad_deploy_latency(rng)
    story.truth.name = "slower-under-load"
    began, factor = story.onset_min + rng.randint(12, 20), rng.uniform(1.7, 2.5)
    story.surge = lambda ago: factor if ago <= began else 1.0
    story.truth.decoys = frozenset((story.system.entry,))
    return story


def past_its_limit(rng: random.Random) -> Story:
    """A service gets more than it can take, as for half an hour before: nobody changed anything, and its curve is the same."""
    story = _story("past-its-limit", rng)
    service = rng.choice(_services(story)[1:])
    usual = story.system.minute(story.arrivals, random.Random(0))[service].requests
    story.truth.services = frozenset((service, story.system.entry))
    story.truth.kinds = frozenset(("contention", "traffic"))
    story.system.nodes[service].capacity = usual * 1.25
    story.surge = lambda ago: 1.45 if ago <= story.onset_min or 95 < ago <= 125 else 1.0
    return story


def _hushed(name: str, rng: random.Random, *, healthy: bool = False) -> Story:
    """One operation of three gets no requests any more."""
    story = _story(name, rng, healthy=healthy)
    service = rng.choice(_services(story)[1:])
    story.onset_min = rng.randint(15, 40)
    story.truth.services = frozenset((service,))
    story.shares[service] = {"GET /list": 0.6, "POST /submit": 0.3, "GET /item/{id}": 0.1}
    story.idle = lambda ago: frozenset(("GET /item/{id}",)) if ago <= story.onset_min else frozenset()
    return story


def quiet_endpoint(rng: random.Random) -> Story:
    """An operation gets no requests any more while its service goes on."""
    story = _hushed("quiet-endpoint", rng)
    story.truth.onset = NOW - story.onset_min * 60
    return story


def healthy_renamed(rng: random.Random) -> Story:
    """An operation got another name: the old one ends where the new one begins."""
    story = _hushed("healthy-renamed", rng, healthy=True)
    (service,) = story.truth.services
    story.shares[service] = {"GET /list": 0.6, "POST /submit": 0.2, "GET /item/{id}": 0.2, "GET /v2/item/{id}": 0.2}
    old, new = frozenset(("GET /item/{id}",)), frozenset(("GET /v2/item/{id}",))
    story.idle = lambda ago: old if ago <= story.onset_min else new
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


def one_operation(rng: random.Random) -> Story:
    """A release fails one operation and leaves the others alone."""
    story = bad_deploy_errors(rng)
    service = next(iter(story.truth.services))
    story.truth.name = "one-operation"
    story.shares[service] = {"GET /list": 0.7, "POST /submit": 0.2, "GET /item/{id}": 0.1}
    story.operation = rng.choice(["POST /submit", "GET /item/{id}"])
    _break(story, service, own_errors=rng.uniform(0.3, 0.9) * story.shares[service][story.operation])
    return story


def slow_tail(rng: random.Random) -> Story:
    """A release slows down the slowest requests; the mean hardly moves."""
    story = _story("slow-tail", rng)
    service = rng.choice(_services(story)[1:])
    story.truth.services = frozenset((service,))
    usual = story.system.minute(story.arrivals, random.Random(0))[service].tail_s
    _break(story, service, tail=max(6.0, rng.uniform(0.6, 2.0) * usual / story.system.nodes[service].own_s))
    _guilty(story, "deploy", service)
    return story


def impatient_callers(rng: random.Random) -> Story:
    """A release fails requests, callers ask again, and so its traffic rises too."""
    story = bad_deploy_errors(rng)
    story.truth.name = "retries"
    _break(story, next(iter(story.truth.services)), own_errors=rng.uniform(0.2, 0.5), impatience=3.0)
    return story


def certificate(rng: random.Random) -> Story:
    """A certificate is renewed wrongly and hardly a request gets through."""
    story = _story("certificate", rng)
    service = rng.choice(_services(story)[1:])
    story.truth.services = frozenset((service,))
    _break(story, service, own_errors=rng.uniform(0.7, 1.0))
    _guilty(story, "certificate", service)
    _error_lines(story, service, "handshake of connection {n} failed: certificate is not valid")
    return story


def scaled_down(rng: random.Random) -> Story:
    """Instances are taken away, and the rest cannot keep up."""
    story = _story("scaled-down", rng)
    service = rng.choice(_services(story)[1:])
    usual = story.system.minute(story.arrivals, random.Random(0))[service].requests
    story.truth.services = frozenset((service,))
    _break(story, service, capacity=usual * rng.uniform(0.6, 0.85))
    _guilty(story, "scale", service)
    return story


def heavy_job(rng: random.Random) -> Story:
    """A job starts and takes the database's time."""
    story = _story("heavy-job", rng)
    database = story.system.database
    story.truth.services = frozenset((database,))
    _break(story, database, own_s=rng.uniform(0.2, 0.5))
    _guilty(story, "cron", database)
    return story


def few_requests(rng: random.Random) -> Story:
    """A release fails a third where few come."""
    story = bad_deploy_errors(rng)
    story.truth.name = "few-requests"
    story.arrivals = rng.uniform(30, 80)
    service = next(iter(story.truth.services))
    for node in story.system.nodes.values():
        if service in node.calls:
            node.calls[service] = 1.0
    _break(story, service, own_errors=rng.uniform(0.3, 0.6))
    return story


def slow_ramp(rng: random.Random) -> Story:
    """A service gets worse over a quarter of an hour; nobody changed anything."""
    story = _story("slow-ramp", rng)
    service = rng.choice(_services(story)[1:])
    story.truth.services = frozenset((service,))
    story.onset_min = rng.randint(20, 40)
    story.truth.onset = None
    base = story.system.nodes[service]
    story.faults = lambda ago: (
        {service: replace(base, own_s=base.own_s * (1 + 12 * min(1.0, (story.onset_min - ago) / 15)))}
        if ago <= story.onset_min
        else {}
    )
    return story


def two_faults(rng: random.Random) -> Story:
    """Two services that do not call each other break, minutes apart."""
    story = _story("two-faults", rng)
    services = _services(story)[1:]
    pairs = [(a, b) for a in services for b in services if a < b and not _reaches(story, a, b)]
    if not pairs:
        return two_faults(rng)
    first, second = rng.choice(pairs)
    story.truth.services = frozenset((first, second))
    story.truth.kinds = frozenset(("service",))
    one = replace(story.system.nodes[first], own_errors=rng.uniform(0.1, 0.4))
    two = replace(story.system.nodes[second], own_errors=rng.uniform(0.1, 0.4))
    later = max(2, story.onset_min - rng.randint(1, 5))
    story.faults = lambda ago: (
        {**({first: one} if ago <= story.onset_min else {}), **({second: two} if ago <= later else {})}
    )
    return story


def _reaches(story: Story, one: str, other: str) -> bool:
    def below(name: str) -> set[str]:
        calls = story.system.nodes[name].calls
        return set(calls).union(*(below(c) for c in calls)) if calls else set()

    return other in below(one) or one in below(other)


def healthy_day(rng: random.Random) -> Story:
    """More than a day, with its tide; now the morning rises."""
    story = _story("healthy-day", rng, healthy=True)
    story.history_min = 26 * 60
    phase = rng.uniform(0, 2 * math.pi)
    story.surge = lambda ago: 1.0 + 0.7 * math.sin(phase + 2 * math.pi * ago / 1440)
    return story


def healthy_few(rng: random.Random) -> Story:
    """A handful of requests a minute."""
    story = _story("healthy-few", rng, healthy=True)
    story.arrivals = rng.uniform(1, 8)
    return story


def healthy_ticks(rng: random.Random) -> Story:
    """A job slows the database for three minutes of every twenty, as always; one run is now."""
    story = _story("healthy-ticks", rng, healthy=True)
    base = story.system.nodes[story.system.database]
    busy = {story.system.database: replace(base, own_s=base.own_s * 6)}
    story.faults = lambda ago: busy if ago % 20 < 3 else {}
    return story


def healthy_hourly(rng: random.Random) -> Story:
    """A job slows the database for four minutes of every hour, as on every day; one run is now."""
    story = _ticking("healthy-hourly", rng, 60, 4)
    story.history_min = 26 * 60
    return story


def healthy_failing_job(rng: random.Random) -> Story:
    """A job that comes every twenty minutes fails a part of a service's requests, as always; one run is now."""
    story = _story("healthy-job", rng, healthy=True)
    service = rng.choice(_services(story)[1:])
    busy = {service: replace(story.system.nodes[service], own_errors=rng.uniform(0.04, 0.12))}
    story.faults = lambda ago: busy if ago % 20 < 3 else {}
    return story


def _ticking(name: str, rng: random.Random, every: int, length: int, *, healthy: bool = True) -> Story:
    """A job makes the database several times as slow for some minutes of so many; one run begins two minutes ago."""
    story = _story(name, rng, healthy=healthy)
    database = story.system.database
    base = story.system.nodes[database]
    busy = {database: replace(base, own_s=max(base.own_s * 6, rng.uniform(0.1, 0.3)))}
    story.faults = lambda ago: busy if (ago + length - 3) % every < length else {}
    return story


def job_overruns(rng: random.Random) -> Story:
    """The job that slows the database for three minutes of every twenty does not end any more."""
    story = _ticking("job-overruns", rng, 20, 3, healthy=False)
    usual, database = story.faults, story.system.database
    story.onset_min = rng.randint(2, 3) + rng.randint(7, 15)
    story.truth.services, story.truth.onset = frozenset((database,)), None
    story.truth.kinds = frozenset(("shared_dependency", "dependency"))
    busy = next(found for ago in range(20) if (found := usual(ago)))
    story.faults = lambda ago: busy if ago <= story.onset_min else usual(ago)
    return story


def job_grows(rng: random.Random) -> Story:
    """The run of the periodic job that is now takes several times as much of the database as any before."""
    story = _ticking("job-grows", rng, 20, 5, healthy=False)
    usual, database = story.faults, story.system.database
    story.onset_min = 3
    story.truth.services, story.truth.onset = frozenset((database,)), NOW - 3 * 60
    story.truth.kinds = frozenset(("shared_dependency", "dependency"))
    busy = next(found for ago in range(20) if (found := usual(ago)))[database]
    worse = {database: replace(busy, own_s=busy.own_s * rng.uniform(4, 10))}
    story.faults = lambda ago: worse if ago <= 3 else usual(ago)
    return story


def beside_a_job(rng: random.Random) -> Story:
    """A release fails requests of a service whose database is slowed by a periodic job as always."""
    story = bad_deploy_errors(rng)
    story.truth.name = "beside-a-job"
    broken, base = story.faults, story.system.nodes[story.system.database]
    busy = {story.system.database: replace(base, own_s=base.own_s * 6)}
    story.faults = lambda ago: {**broken(ago), **(busy if ago % 20 < 3 else {})}
    return story


def healthy_spikes(rng: random.Random) -> Story:
    """Single slow minutes now and then."""
    story = _story("healthy-spikes", rng, healthy=True)
    service = rng.choice(_services(story)[1:])
    slow = {service: replace(story.system.nodes[service], tail=5.0)}
    story.faults = lambda ago: slow if story.rng.random() < 0.04 else {}
    return story


def healthy_rollout(rng: random.Random) -> Story:
    """The first minute after a release is slow, and then all is as before."""
    story = healthy_deploy(rng)
    story.truth.name = "healthy-rollout"
    change = story.changes[0]
    service = change.service or ""
    slow = {service: replace(story.system.nodes[service], own_s=story.system.nodes[service].own_s * 3)}
    started = (NOW - change.at) / 60
    story.faults = lambda ago: slow if started - 1 <= ago <= started else {}
    return story


def _taken_back(story: Story, change: Change, ago_min: float) -> Change:
    """What takes it back: a rollback to the build before, or the flag at its former value."""
    if change.kind == "deploy":
        old = _change("deploy", change.service, story.onset_min + story.rng.uniform(100, 300), story.rng, "-before")
        story.changes.append(old)
        back = replace(_change("rollback", change.service, ago_min, story.rng), version=old.version, commit=old.commit)
    else:
        flag = f"new-{story.rng.choice(['rates', 'cart', 'ranking'])}"
        story.changes[story.changes.index(change)] = replace(change, summary=SafeText(f"{flag} off->on"))
        back = replace(_change(change.kind, change.service, ago_min, story.rng), summary=SafeText(f"{flag} on->off"))
    story.changes.append(back)
    return back


def _until_taken_back(name: str, rng: random.Random, kind: str, most: float, *, diff: bool = True) -> tuple[Story, str]:
    """A change breaks its service, at most so much, until it is taken back some minutes ago; the service too."""
    story = _story(name, rng)
    story.onset_min = rng.randint(18, 40)
    story.truth.onset, story.truth.over = NOW - story.onset_min * 60, True
    service = rng.choice(_services(story)[1:])
    story.truth.services = frozenset((service,))
    undone = rng.randint(7, 9)
    broken = replace(story.system.nodes[service], own_errors=rng.uniform(0.1, most))
    story.faults = lambda ago: {service: broken} if undone < ago <= story.onset_min else {}
    _guilty(story, kind, service, diff=diff)
    _taken_back(story, story.changes[0], undone + rng.uniform(0.2, 0.8))
    return story, service


def rolled_back(rng: random.Random) -> Story:
    """A release without a telling diff fails until it is rolled back some minutes ago."""
    story, _ = _until_taken_back("rolled-back", rng, "deploy", 0.5, diff=False)
    return story


def flag_off_again(rng: random.Random) -> Story:
    """A flag brings a failing path until it is switched off some minutes ago; a release of the same service stays."""
    story, service = _until_taken_back("flag-off", rng, "flag", 0.4)
    stays = _change("deploy", service, story.onset_min + rng.uniform(0.3, 1.5), rng, "-decoy")
    story.changes.append(stays)
    story.diffs.append(_diff(stays, rng.choice(BAD_DIFFS), rng))
    story.truth.decoys = frozenset((stays.id,))
    return story


def rolled_back_in_vain(rng: random.Random) -> Story:
    """A provider fails; a release of its caller at that minute was rolled back, and nothing got better."""
    story = third_party_errors(rng)
    story.truth.name = "rolled-back-in-vain"
    story.onset_min = rng.randint(25, 40)
    story.truth.onset = NOW - story.onset_min * 60
    caller = next(n for n, node in story.system.nodes.items() if story.system.third_party in node.calls)
    blamed = _change("deploy", caller, story.onset_min + rng.uniform(0.3, 1.5), rng, "-blamed")
    story.changes.append(blamed)
    story.diffs.append(_diff(blamed, rng.choice(BAD_DIFFS), rng))
    _taken_back(story, blamed, rng.uniform(13, 20))
    story.truth.cleared = blamed.id
    story.truth.decoys = frozenset((blamed.id,))
    return story


def mended_at_once(rng: random.Random) -> Story:
    """A release fails and is rolled back within a minute of the onset; the failures go on for some minutes and end."""
    story = _story("mended-at-once", rng)
    story.onset_min = rng.randint(10, 13)
    story.truth.onset, story.truth.over = NOW - story.onset_min * 60, True
    service = rng.choice(_services(story)[1:])
    story.truth.services = frozenset((service,))
    broken = replace(story.system.nodes[service], own_errors=rng.uniform(0.2, 0.5))
    story.faults = lambda ago: {service: broken} if story.onset_min - 3 < ago <= story.onset_min else {}
    _guilty(story, "deploy", service)
    _taken_back(story, story.changes[0], story.onset_min - rng.uniform(0.3, 0.9))
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
    slower_under_load,
    past_its_limit,
    quiet_endpoint,
    memory_leak,
    slow_endpoint,
    cache_lost,
    host_trouble,
    dead_service,
    telemetry_lost,
    one_operation,
    slow_tail,
    impatient_callers,
    certificate,
    scaled_down,
    heavy_job,
    few_requests,
    slow_ramp,
    two_faults,
    job_overruns,
    job_grows,
    beside_a_job,
    rolled_back,
    flag_off_again,
    rolled_back_in_vain,
    mended_at_once,
    quiet,
    healthy_deploy,
    healthy_peak,
    healthy_blip,
    healthy_odd,
    healthy_warmup,
    healthy_day,
    healthy_few,
    healthy_ticks,
    healthy_hourly,
    healthy_failing_job,
    healthy_spikes,
    healthy_rollout,
    healthy_renamed,
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
    usual = story.system.minute(story.arrivals, random.Random(0))

    def add(service: str, metric: str, at: Instant, value: float, operation: str = "") -> None:
        points.setdefault(SeriesKey(service, operation, metric), []).append((at, value))

    for ago in range(story.history_min, 0, -1):
        at = NOW - (ago - 1) * STEP_S
        faults = story.faults(ago)
        loads = story.system.minute(story.arrivals * story.surge(ago), story.rng, faults)
        silent = story.silent(ago)
        for name, load in loads.items():
            if name in silent or (story.system.nodes[name].kind != "service" and story.witness != "measured"):
                continue
            for operation, part in _parts(story, name, load, faults):
                if name in story.truth.services and operation in story.idle(ago):
                    continue
                add(name, "request_count", at, part.requests, operation)
                add(name, "error_count", at, part.failed, operation)
                if part.requests:
                    add(name, "latency_avg", at, part.latency_s, operation)
                    add(name, "latency_p99", at, part.tail_s * 1.6, operation)
        for name, memory in story.memory.items():
            add(name, "memory_bytes", at, max(1e6, memory(ago)))
        records += _lines(story, ago, at, loads, usual)
    series = SeriesSet.of([Series.of(key, found, "metrics", _query(key)) for key, found in points.items()])
    history = Window(NOW - story.history_min * STEP_S, NOW)
    sample = ErrorSample(history, tuple(sorted(records, key=lambda r: r.at or 0.0)), len(records))
    bad = tuple(r for r in sample.records if r.level >= Level.WARN)
    reports = tuple(
        SourceReport(n, "csv", SourceState.OK, role=n, file=f"{n}.csv") for n in ("metrics", "changes", "logs")
    )
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


def _query(key: SeriesKey) -> str:
    return f"grep -F ,{key.service},{key.operation},{key.metric}, metrics.csv"


def _parts(story: Story, name: str, load: Load, faults: dict[str, Node]) -> list[tuple[str, Load]]:
    """The minute of a service, by operation where it tells them."""
    shares = story.shares.get(name)
    if not shares:
        return [("", load)]
    own = round(load.requests * faults[name].own_errors) if name in faults and story.operation in shares else 0
    own = min(own, int(load.failed))
    found = []
    for operation, share in shares.items():
        mine = own if operation == story.operation else 0
        failed = min(load.requests * share, mine + (load.failed - own) * share)
        found.append((operation, replace(load, requests=round(load.requests * share), failed=round(failed))))
    return found


def _lines(story: Story, ago: int, at: Instant, loads: dict[str, Load], usual: dict[str, Load]) -> list[LogRecord]:
    rng = story.rng

    def line(service: str, level: Level, text: str, *fields: tuple[str, SafeText]) -> LogRecord:
        return LogRecord(
            at - rng.uniform(0, 59), level, service, SafeText(text), fields=tuple(sorted(fields)), source="logs"
        )

    found = [line(name, Level.INFO, f"request {rng.randrange(10**6)} served") for name in loads for _ in range(2)]
    found += [line(service, level, text) for service, level, text in story.lines(ago, loads)]
    if story.witness == "measured":
        return found
    for name, node in story.system.nodes.items():
        for callee in node.calls:
            if story.system.nodes[callee].kind == "service" or not loads[callee].requests:
                continue
            calls = loads[name].requests * node.calls[callee]
            failing = loads[callee].failed / loads[callee].requests
            took = loads[callee].latency_s
            if story.witness == "fields":
                for _ in range(min(CALLS_SHOWN, round(calls))):
                    lost = rng.random() < failing
                    took_ms = took * rng.lognormvariate(0, 0.3) * 1000
                    found.append(
                        line(
                            name,
                            Level.ERROR if lost else Level.INFO,
                            "request failed" if lost else "request done",
                            ("peer", SafeText(callee)),
                            ("peer_ms", SafeText(f"{took_ms:.1f}")),
                            ("peer_status", SafeText("503" if lost else "200")),
                        )
                    )
                continue
            complaints = min(20, round(calls * failing * rng.uniform(0.7, 1.0)))
            found += [line(name, Level.ERROR, f"call of {callee} failed: connection reset")] * complaints
            if took > SLOW * usual[callee].latency_s:
                late = min(12, round(calls * 0.1))
                found += [line(name, Level.WARN, f"no answer from {callee} within {took * 600:.0f} ms")] * late
    return found


def _topology(system: System) -> Topology:
    services = tuple(Service(n, tuple(x.calls)) for n, x in system.nodes.items() if x.kind == "service")
    return Topology(services, tuple(Dependency(n, x.kind) for n, x in system.nodes.items() if x.kind != "service"))
