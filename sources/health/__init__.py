"""Sources of health: probes of services and dependencies, and the versions that services say they run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from console.config.load import ConfigError
from console.config.models import DependencyConfig, ServiceConfig
from sources.base import SourceRefused

if TYPE_CHECKING:
    from console.guard.budget import RequestBudget
    from sources.health.probes import Ask, Probe
    from sources.health.targets import Target
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
    targets = [(name, _target(url, key), key) for name, url, key in wanted if url is not None]
    if not targets:
        return ()
    from sources.health.probes import Probe
    from sources.health.ready import loader, nothing

    shared = any(target.scheme in ("http", "https", "tls") for _, target, _ in targets)
    ready = loader(http) if shared else nothing
    turns: dict[str, asyncio.Semaphore] = {}
    return tuple(Probe(name, target, *_ask(target, key, http, turns), ready=ready) for name, target, key in targets)


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


def _target(url: str, key: str) -> Target:
    from sources.health.targets import target_of

    return target_of(url, key)


def _ask(
    target: Target, key: str, http: HttpDoor, turns: dict[str, asyncio.Semaphore]
) -> tuple[Ask, RequestBudget | None]:
    """How to ask a target, and its budget; none where the door holds it."""
    from console.guard.budget import RequestBudget
    from sources.health.probes import dns_probe, http_probe, tcp_probe, tls_probe

    budget = RequestBudget(http.budget.requests_per_minute)
    match target.scheme:
        case "http" | "https":
            site = _site(target.url, key, http)
            turn = turns.setdefault(site.name, asyncio.Semaphore(http.budget.concurrent))
            return http_probe(site, target, turn, http.resolver), None
        case "tcp":
            return tcp_probe(target, http.resolver), budget
        case "tls":
            return tls_probe(target, lambda: http.context, http.resolver), budget
        case "dns":
            return dns_probe(target, http.resolver), budget


def _site(url: str, key: str, http: HttpDoor) -> Site:
    try:
        return http.site(url)
    except (SourceRefused, ValueError) as error:
        raise ConfigError(f"{key}: {error}") from None
