"""Sources of health: probes of services and dependencies, and the versions that services say they run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from console.config.load import ConfigError
from console.config.models import DependencyConfig, ServiceConfig
from sources.base import SourceRefused

if TYPE_CHECKING:
    from sources.health.probes import Probe
    from sources.health.version import VersionAddress
    from sources.http import HttpDoor, Site


def build(
    services: Iterable[ServiceConfig], dependencies: Iterable[DependencyConfig], http: HttpDoor
) -> tuple[Probe, ...]:
    """A probe for every service and dependency that names one.

    Raises:
        ConfigError: An address that cannot be probed.
    """
    wanted = [(s.name, s.probe, f"[[service]] {s.name}") for s in services]
    wanted += [(d.name, d.probe, f"[[dependency]] {d.name}") for d in dependencies]
    turns: dict[str, asyncio.Semaphore] = {}
    return tuple(_probe(name, url, key, http, turns) for name, url, key in wanted if url is not None)


def build_versions(services: Iterable[ServiceConfig], http: HttpDoor) -> tuple[VersionAddress, ...]:
    """The version address of every service that names one.

    Raises:
        ConfigError: An address that cannot be asked.
    """
    from sources.health.version import VersionAddress

    return tuple(
        VersionAddress(s.name, _site(s.version_url, f"[[service]] {s.name}: version_url", http))
        for s in services
        if s.version_url is not None
    )


def _probe(name: str, url: str, key: str, http: HttpDoor, turns: dict[str, asyncio.Semaphore]) -> Probe:
    from console.guard.budget import RequestBudget
    from sources.health.probes import Probe, dns_probe, http_probe, tcp_probe, tls_probe
    from sources.health.targets import target_of

    target = target_of(url, key)
    budget = RequestBudget(http.budget.requests_per_minute)
    match target.scheme:
        case "http" | "https":
            site = _site(url, key, http)
            turn = turns.setdefault(site.name, asyncio.Semaphore(http.budget.concurrent))
            return Probe(name, target, http_probe(site, target, turn, http.resolver))  # the door holds the budget
        case "tcp":
            return Probe(name, target, tcp_probe(target, http.resolver), budget)
        case "tls":
            return Probe(name, target, tls_probe(target, lambda: http.context, http.resolver), budget)
        case "dns":
            return Probe(name, target, dns_probe(target, http.resolver), budget)


def _site(url: str, key: str, http: HttpDoor) -> Site:
    try:
        return http.site(url)
    except SourceRefused as error:
        raise ConfigError(f"{key}: {error}") from None
