"""Our own calls to others, as our own records tell them: who was called, how long it took, whether it answered.

The best witness about a third party or a store that shows nothing of itself; its status page is none.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass as open_dataclass
from dataclasses import field

from console.analysis.stats import rank_sum
from console.domain.instant import Instant, Window
from console.domain.logs import Level, LogRecord
from console.domain.text import SafeText
from console.domain.values import dataclass

FEWEST = 5
"""Calls, or errors, since the onset below which nothing is said [D]."""
FEWEST_BEFORE = 20
SAME_FAILED = 0.02
SAME_TIME = 1.25
"""Calls that fail no more by this share, and take no longer by this factor, are as before [D]."""
CALLS_P = 1e-3
"""Chance below which calls are called slower than before [D]."""
EXCESS_SIGMAS = 3.0
"""Lines on top of the usual ones, in standard deviations of their count, from which they are more than chance [D]."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PEERS = _words(
    "peer peer_service peer.service upstream upstream_name upstream_service upstream_host upstream_addr downstream target"
    " target_service remote remote_service dependency callee net.peer.name server.address db_host db.name backend"
)
_SECONDS = {
    "peer_ms": 1e-3,
    "peer_duration_ms": 1e-3,
    "peer_latency_ms": 1e-3,
    "upstream_ms": 1e-3,
    "upstream_duration_ms": 1e-3,
    "downstream_ms": 1e-3,
    "backend_ms": 1e-3,
    "dependency_ms": 1e-3,
    "db_ms": 1e-3,
    "peer_s": 1.0,
    "upstream_time": 1.0,
    "upstream_response_time": 1.0,
    "upstream_s": 1.0,
}
_STATUSES = _words("peer_status upstream_status downstream_status backend_status peer_code dependency_status")
_OWN_LIMIT = re.compile(
    r"\b(pool|queue|workers?|threads?|semaphore|slots?|descriptors|backlog|bulkhead)\b.{0,60}\b(reached|exhausted|full|saturated|limit|busy|no (free|idle)|timed? ?out)\b"
    r"|\b(exhausted|full|saturated|no free|no idle)\b.{0,40}\b(pool|queue|workers?|threads?|slots?)\b",
    re.IGNORECASE,
)
"""Words for a limit of the service's own: such an error names whom it could not ask, and does not blame it."""
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a request, with what became of the request."""

    at: Instant
    seconds: float | None
    failed: bool
    request_failed: bool
    request_s: float | None


@open_dataclass(slots=True)
class Outbound:
    """All calls, by caller and callee, and which errors name whom."""

    calls: dict[tuple[str, str], list[Call]] = field(default_factory=lambda: defaultdict(list))
    named: dict[tuple[str, str], list[Instant]] = field(default_factory=lambda: defaultdict(list))
    """When errors of a service named another one."""
    errors: dict[str, list[Instant]] = field(default_factory=lambda: defaultdict(list))
    """When a service wrote errors that say more than that a request failed."""
    hinted: dict[tuple[str, str], list[Instant]] = field(default_factory=lambda: defaultdict(list))
    """When warnings of a service named another one."""
    warnings: dict[str, list[Instant]] = field(default_factory=lambda: defaultdict(list))
    """When a service wrote warnings that say more than that a request was slow."""


@dataclass(frozen=True, slots=True)
class Blame:
    """How much of a caller's trouble its calls to one callee explain."""

    caller: str
    callee: str
    failures: float | None
    """Share of the failed requests since the onset whose call failed."""
    time: float | None
    """Share of the added time that the call added."""
    errors: float | None
    """Share of the error lines since the onset that name the callee."""
    before: tuple[float, float, int] | None
    """(share failed, mean seconds, calls) before."""
    after: tuple[float, float, int] | None

    @property
    def most(self) -> float:
        """The strongest of the three."""
        return max((v for v in (self.failures, self.time, self.errors) if v is not None), default=0.0)

    @property
    def clears(self) -> bool:
        """Whether the calls are seen before and since, and are as good and as fast as they were."""
        if self.before is None or self.after is None or self.before[2] < FEWEST_BEFORE or self.after[2] < FEWEST_BEFORE:
            return False
        return self.after[0] <= self.before[0] + SAME_FAILED and self.after[1] <= self.before[1] * SAME_TIME


def read_outbound(records: Iterable[LogRecord], names: Iterable[str]) -> Outbound:
    """Sort records by whom they tell of; only configured or measured names count, since a host alone places nothing."""
    known = set(names)
    by_host = {name.lower(): name for name in known}
    finder = _finder(known)
    found = Outbound()
    for record in records:
        if record.at is None or not record.service:
            continue
        fields = dict(record.fields)
        peer = _peer(fields, by_host)
        lost = False
        if peer is not None and peer != record.service:
            seconds, failed = _outcome(fields)
            if seconds is not None or failed is not None:
                lost = bool(failed) if failed is not None else record.failed
                found.calls[record.service, peer].append(
                    Call(record.at, seconds, lost, record.failed, record.latency_s)
                )
        if record.level >= Level.WARN:
            own = bool(_OWN_LIMIT.search(record.message))
            told = {*finder.findall(record.message)} - {record.service} if finder and not own else set()
            if lost and peer is not None:
                told.add(peer)
            severe = record.level >= Level.ERROR
            if told or not record.is_request:
                (found.errors if severe else found.warnings)[record.service].append(record.at)
            for name in told:
                (found.named if severe else found.hinted)[record.service, name].append(record.at)
    return found


def longest_held(blames: Iterable[Blame], caller: str) -> tuple[str, float] | None:
    """The callee whose calls by `caller` take the most times as long as before, and how many; None: none is slower."""
    factors = [
        (one.after[1] / one.before[1], one.callee)
        for one in blames
        if one.caller == caller and one.before is not None and one.after is not None
        if one.before[2] >= FEWEST_BEFORE and one.after[2] >= FEWEST and one.before[1] > 0
    ]
    factor, callee = max(factors, default=(0.0, ""))
    return (callee, factor) if factor >= SAME_TIME else None


def _finder(names: set[str]) -> re.Pattern[str] | None:
    usable = sorted((n for n in names if len(n) >= 4), key=len, reverse=True)
    if not usable:
        return None
    return re.compile(r"(?<![A-Za-z0-9_-])(" + "|".join(re.escape(n) for n in usable) + r")(?![A-Za-z0-9_-])")


def _peer(fields: dict[str, SafeText], by_host: dict[str, str]) -> str | None:
    for key in fields.keys() & _PEERS:
        value = str(fields[key]).lower()
        name = by_host.get(value) or by_host.get(value.split(":")[0]) or by_host.get(value.split(".")[0])
        if name is not None:
            return name
    return None


def _outcome(fields: dict[str, SafeText]) -> tuple[float | None, bool | None]:
    seconds = failed = None
    for key in fields.keys() & _SECONDS.keys():
        if (match := _NUMBER.match(str(fields[key]))) is not None:
            seconds = float(match.group()) * _SECONDS[key]
    for key in fields.keys() & _STATUSES:
        if (match := _NUMBER.match(str(fields[key]))) is not None:
            status = float(match.group())
            failed = status >= 500 or status <= 0
        else:
            failed = str(fields[key]).lower() not in ("ok", "success", "-", "")
    return seconds, failed


def blame(
    outbound: Outbound,
    caller: str,
    callee: str,
    before: Window,
    during: Window,
    added_s: float | None = None,
    load: float = 1.0,
) -> Blame | None:
    """How much of `caller`'s trouble since the onset its calls to `callee` explain; None: too little is known.

    Args:
        added_s: What a request of `caller` takes longer by other measurement, where its records do not tell.
        load: How many times as many requests it gets as before: so many times the usual lines are usual too.
    """
    calls = outbound.calls.get((caller, callee), [])
    old, new = [c for c in calls if c.at in before], [c for c in calls if c.at in during]
    failures = time = None
    if len(new) >= FEWEST:
        lost = [c for c in new if c.request_failed]
        if len(lost) >= FEWEST:
            usual = _rate(old)
            failures = max(0.0, sum(c.failed for c in lost) / len(lost) - usual)
        time = _time_share(old, new, added_s)
    pair = (caller, callee)
    errors = _more(outbound.named.get(pair, ()), outbound.errors.get(caller, ()), before, during, load)
    if errors is None:  # who fails nobody may still warn that another does not answer
        errors = _more(outbound.hinted.get(pair, ()), outbound.warnings.get(caller, ()), before, during, load)
    if failures is None and time is None and errors is None:
        return None
    return Blame(caller, callee, failures, time, errors, _told(old), _told(new))


def _more(
    named: Iterable[Instant], lines: Iterable[Instant], before: Window, during: Window, load: float
) -> float | None:
    """Of the lines that came on top of the usual ones, the share that names the callee; None: too few came on top."""
    usual = load * during.seconds / before.seconds if before.seconds else 0.0
    counts = [(sum(t in before for t in times) * usual, sum(t in during for t in times)) for times in (named, lines)]
    (_, some), (expected, total) = counts
    added = total - expected
    if added < FEWEST or added < EXCESS_SIGMAS * math.sqrt(expected):
        return None
    return min(1.0, max(0.0, some - counts[0][0]) / added)


def _rate(calls: list[Call]) -> float:
    return (sum(c.failed for c in calls) + 0.5) / (len(calls) + 1) if len(calls) >= FEWEST_BEFORE else 0.0


def _told(calls: list[Call]) -> tuple[float, float, int] | None:
    timed = [c.seconds for c in calls if c.seconds is not None]
    if not calls:
        return None
    return sum(c.failed for c in calls) / len(calls), sum(timed) / len(timed) if timed else 0.0, len(calls)


def _time_share(old: list[Call], new: list[Call], added_s: float | None) -> float | None:
    """What the call added over what the request added, in means."""
    before = [(c.seconds, c.request_s) for c in old if c.seconds is not None and c.request_s is not None]
    after = [(c.seconds, c.request_s) for c in new if c.seconds is not None and c.request_s is not None]
    if len(before) < FEWEST_BEFORE or len(after) < FEWEST:
        earlier, later = (
            [c.seconds for c in old if c.seconds is not None],
            [c.seconds for c in new if c.seconds is not None],
        )
        if not added_s or len(earlier) < FEWEST_BEFORE or len(later) < FEWEST or rank_sum(earlier, later) > CALLS_P:
            return None
        return max(0.0, min(1.0, (sum(later) / len(later) - sum(earlier) / len(earlier)) / added_s))
    added = sum(s for s, _ in after) / len(after) - sum(s for s, _ in before) / len(before)
    whole = sum(r for _, r in after) / len(after) - sum(r for _, r in before) / len(before)
    return max(0.0, min(1.0, added / whole)) if whole > 0 else None
