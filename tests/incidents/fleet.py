"""A system of several hosts per service, request by request, whose log says where each was served: on which host, in which zone,
by which version, for whom. A fault hits requests by what they say."""

from __future__ import annotations

import random
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from statistics import fmean
from typing import NamedTuple

from console.domain.changes import Change
from console.domain.instant import Instant, Window
from console.domain.logs import Level, LogRecord
from console.domain.observations import ErrorSample, Observations
from console.domain.parts import PartCounts
from console.domain.reading import SourceReport, SourceState
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.spans import Span
from console.domain.text import SafeText
from console.domain.topology import Service, Topology

NOW = 1_790_000_000.0
MINUTES = 80
ONSET_MIN = 16
CALLS = {"front": {"basket": 0.6}, "basket": {"bank": 0.6}, "bank": {}}
OWN_S = {"front": 0.02, "basket": 0.06, "bank": 0.1}
ZONES = ("eu-1a", "eu-1b", "eu-1c")
OPERATIONS = ("GET /list", "POST /order", "PUT /state")
TENANTS = tuple(
    f"tenant-{name}" for name in ("acme", "bolt", "crux", "dune", "echo", "fern", "gale", "hive", "iris", "jade")
)


class Request(NamedTuple):
    """One request to one service, before it is served."""

    service: str
    at: Instant
    host: str
    zone: str
    version: str
    tenant: str
    operation: str

    @property
    def ago_min(self) -> float:
        """Minutes before now."""
        return (NOW - self.at) / 60


@dataclass(frozen=True)
class Effect:
    """What becomes of a request."""

    failing: float = 0.003
    """Chance to fail."""
    slower: float = 1.0


CALM = Effect()


@dataclass
class Fleet:
    """A system and what is wrong with it.

    Args:
        seed: Of all chance in it.
        effect: What becomes of a request; the calm one where nothing is wrong with it.
        hosts: Of each service.
        rate: Requests a second at the entry.
        version: What a host runs at an instant.
        heavy: Host and how many times as many requests it gets as the others.
        answers: Whether a host writes anything at so many minutes ago.
        fields: What the log says of where a request was served.
        joined: Hosts that exist from so many minutes ago on only.
    """

    seed: int
    effect: Callable[[Request], Effect] = lambda request: CALM
    hosts: int = 6
    rate: float = 2.0
    version: Callable[[str, str, Instant], str] = lambda service, host, at: "v1"
    heavy: tuple[str, float] = ("", 1.0)
    answers: Callable[[str, float], bool] = lambda host, ago_min: True
    fields: tuple[str, ...] = ("host", "zone", "version", "tenant")
    joined: dict[str, float] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    tenants: tuple[float, ...] = (1.0,) * len(TENANTS)
    """Their parts of the requests."""
    served: list[tuple[Request, float, bool]] = field(default_factory=list)
    """Each request with its seconds and whether it failed."""

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._names = {service: [f"{service}-{n}" for n in range(self.hosts)] for service in CALLS}
        self._whole = {service: self._shares(service, range(self.hosts)) for service in CALLS}
        shares = list(accumulate(self.tenants))
        at = NOW - MINUTES * 60
        while at < NOW - 1:
            at += self._random.expovariate(self.rate)
            (tenant,) = self._random.choices(TENANTS, cum_weights=shares)
            self._serve("front", at, tenant, self._random.choice(OPERATIONS))

    def _serve(self, service: str, at: Instant, tenant: str, operation: str) -> tuple[float, bool]:
        host, zone = self._place(service, at)
        request = Request(service, at, host, zone, self.version(service, host, at), tenant, operation)
        effect = self.effect(request)
        seconds = OWN_S[service] * self._random.lognormvariate(0, 0.4) * effect.slower
        failed = self._random.random() < effect.failing
        for callee, share in CALLS[service].items():
            if self._random.random() < share:
                took, bad = self._serve(callee, at + 0.001, tenant, operation)
                seconds, failed = seconds + took, failed or bad
        self.served.append((request, seconds, failed))
        return seconds, failed

    def _place(self, service: str, at: Instant) -> tuple[str, str]:
        ago, names = (NOW - at) / 60, self._names[service]
        numbers = [
            n for n, name in enumerate(names) if ago <= self.joined.get(name, MINUTES + 1) and self.answers(name, ago)
        ]
        shares = self._whole[service] if len(numbers) == self.hosts else self._shares(service, numbers)
        (number,) = self._random.choices(numbers, cum_weights=shares)
        return names[number], ZONES[number % len(ZONES)]

    def _shares(self, service: str, numbers: Iterable[int]) -> list[float]:
        """What these of its hosts get of the requests, added up from the first."""
        heavy, times = self.heavy
        return list(accumulate(times if self._names[service][n] == heavy else 1.0 for n in numbers))

    def seen(
        self, *, at: Instant = NOW, most: int | None = None, spans: bool = False, parts: tuple[str, ...] = ()
    ) -> Observations:
        """What is known at an instant.

        Args:
            most: So many records are an even sample of all; None: all are at hand.
            spans: The requests are told by spans and not by records.
            parts: By what metrics tell requests apart; then there are no records.
        """
        records = sorted((self._record(*one) for one in self.served), key=lambda r: r.at or 0.0)
        step = 1 if most is None else -(-len(records) // most)
        history = Window(NOW - MINUTES * 60, at)
        errors = tuple(r for r in records if r.level >= Level.WARN)
        roles = ("metrics", "changes", *(("traces",) if spans else () if parts else ("logs",)))
        told = not (spans or parts)
        return Observations(
            at=at,
            window=Window(at - 1800, at),
            history=history,
            topology=Topology(tuple(Service(name, tuple(callees)) for name, callees in CALLS.items()), ()),
            series=SeriesSet.of(self._series()),
            changes=self.changes,
            errors=None if not told else ErrorSample(history, errors[-3000:], len(errors)),
            records=None if not told else ErrorSample(history, tuple(records[::step]), len(records)),
            spans=tuple(self._span(k, *one) for k, one in enumerate(self.served)) if spans else (),
            parts=self._parts(parts) if parts else (),
            sources=tuple(SourceReport(n, "csv", SourceState.OK, role=n, file=f"{n}.csv") for n in roles),
        )

    def _told(self, request: Request) -> tuple[tuple[str, SafeText], ...]:
        return tuple((name, SafeText(getattr(request, name))) for name in self.fields)

    def _record(self, request: Request, seconds: float, failed: bool) -> LogRecord:
        return LogRecord(
            request.at + seconds,
            Level.ERROR if failed else Level.INFO,
            request.service,
            SafeText("request failed" if failed else "request served"),
            operation=request.operation,
            status=500 if failed else 200,
            latency_s=seconds,
            fields=self._told(request),
            source="logs",
        )

    def _span(self, number: int, request: Request, seconds: float, failed: bool) -> Span:
        return Span(
            f"t{number}", f"s{number}", None, request.service, request.operation, "server", request.at, seconds, failed,
            self._told(request),
        )  # fmt: skip

    def _parts(self, names: tuple[str, ...]) -> tuple[PartCounts, ...]:
        counted: dict[tuple[str, tuple[str, ...]], dict[int, list[int]]] = defaultdict(
            lambda: defaultdict(lambda: [0, 0])
        )
        for request, _, failed in self.served:
            cell = counted[request.service, tuple(getattr(request, name) for name in names)]
            cell[int((request.at - NOW) // 60) + 1][failed] += 1
        return tuple(
            PartCounts(
                service,
                tuple((name, SafeText(value)) for name, value in zip(names, values, strict=True)),
                array("d", [NOW + minute * 60 for minute in sorted(minutes)]),
                array("d", [float(sum(minutes[minute])) for minute in sorted(minutes)]),
                array("d", [float(minutes[minute][True]) for minute in sorted(minutes)]),
                "metrics",
                f"sum by (host) (rate(errors_total{{service={service}}}[2m]))",
            )
            for (service, values), minutes in counted.items()
        )

    def _series(self) -> list[Series]:
        minutes: dict[tuple[str, int], list[tuple[float, bool]]] = defaultdict(list)
        for request, seconds, failed in self.served:
            minutes[request.service, int((request.at - NOW) // 60) + 1].append((seconds, failed))
        points: dict[SeriesKey, list[tuple[Instant, float]]] = defaultdict(list)
        for (service, minute), told in minutes.items():
            times = sorted(seconds for seconds, _ in told)
            values = {
                "request_count": float(len(told)),
                "error_count": float(sum(bad for _, bad in told)),
                "latency_avg": fmean(times),
                "latency_p95": times[int(0.95 * (len(times) - 1))],
            }
            for metric, value in values.items():
                points[SeriesKey(service, "", metric)].append((NOW + minute * 60, value))
        return [
            Series.of(key, found, "metrics", f"grep -F ,{key.service},,{key.metric}, metrics.csv")
            for key, found in points.items()
        ]


def since(request: Request, minutes: float = ONSET_MIN) -> bool:
    """Whether a request came after the fault set in."""
    return request.ago_min <= minutes


def change(
    kind: str, service: str | None, ago_min: float = ONSET_MIN + 1, summary: str = "", version: str | None = None
) -> Change:
    """A change so many minutes ago."""
    return Change(
        f"{kind}/{service or 'all'}/{ago_min:g}", kind, NOW - ago_min * 60, service, version, summary=SafeText(summary), source="changes"
    )  # fmt: skip
