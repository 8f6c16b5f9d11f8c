"""Services, what they need, and how that is doing."""

from __future__ import annotations

from enum import StrEnum

from console.domain.instant import Instant
from console.domain.text import SafeText
from console.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """A service that we deploy, as configured."""

    name: str
    depends_on: tuple[str, ...] = ()
    objective: float | None = None
    """Share of its requests that must succeed; None: nobody promised one."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """Something that services need and do not deploy, as configured."""

    name: str
    kind: str
    """database | cache | queue | third_party | load_balancer | dns | storage | other"""
    probe: str | None = None


@dataclass(frozen=True, slots=True)
class Topology:
    """The configured system."""

    services: tuple[Service, ...] = ()
    dependencies: tuple[Dependency, ...] = ()

    def callees(self, name: str) -> tuple[str, ...]:
        """What `name` needs, as configured; nothing for a dependency or an unknown name."""
        return next((s.depends_on for s in self.services if s.name == name), ())

    def kind_of(self, name: str) -> str:
        """`service`, or the kind of the dependency; `other` for an unknown name."""
        if any(s.name == name for s in self.services):
            return "service"
        return next((d.kind for d in self.dependencies if d.name == name), "other")


class Health(StrEnum):
    """State of a dependency."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One answer to one probe."""

    name: str
    """The service or dependency that was probed."""
    target: SafeText
    """Where, without credentials: `tcp://127.0.0.1:5432`."""
    health: Health
    latency_s: float | None
    detail: SafeText
    """`200 in 80 ms`, `connection refused`, `certificate expired 3 h ago`."""
    at: Instant
    certificate_ends: Instant | None = None


@dataclass(frozen=True, slots=True)
class DependencyState:
    """What is known of a dependency or upstream service from all evidence."""

    name: str
    kind: str
    health: Health
    error_rate: float | None
    latency_p95_s: float | None
    evidence: str
    """own outbound calls | probe | own metrics | none"""
    checked_at: Instant | None
    detail: SafeText = SafeText("")
