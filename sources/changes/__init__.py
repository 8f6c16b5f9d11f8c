"""Sources of changes: files of changes, deploy tags, and the merging of what several of them report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from console.config.load import ConfigError
from console.config.models import ChangesConfig, ServiceConfig
from sources.base import ChangeSource
from sources.changes.jsonl import JsonlChanges
from sources.changes.merge import GIT_PREFIX, merge
from sources.changes.tags import TagChanges
from sources.repository import Repository

__all__ = ["TagChanges", "build", "merge"]


def build(
    changes: Sequence[ChangesConfig],
    services: Sequence[ServiceConfig],
    resolve: Callable[[str | Path], Path],
    http: object | None = None,
) -> tuple[ChangeSource, ...]:
    """A source for every `[[changes]]`, and one for every repository of a `[[service]]`.

    Args:
        changes: From the configuration.
        services: From the configuration.
        resolve: Makes a path of the configuration absolute.
        http: The door for HTTP, for the kinds that need one.

    Raises:
        ConfigError: A kind that cannot be read.
    """
    return (*_repositories(services, resolve), *(_build_one(config, resolve) for config in changes))


def _repositories(services: Sequence[ServiceConfig], resolve: Callable[[str | Path], Path]) -> tuple[ChangeSource, ...]:
    """One source per repository, however many services deploy from it; named after its path in the configuration."""
    patterns: dict[Path, dict[str, tuple[str, ...]]] = {}
    names: dict[Path, str] = {}
    for service in services:
        if service.repository is not None:
            path = resolve(service.repository)
            names.setdefault(path, f"{GIT_PREFIX}{service.repository}")
            patterns.setdefault(path, {})[service.name] = service.deploy_tags
    known = [service.name for service in services]
    return tuple(TagChanges(names[path], Repository(path), globs, known) for path, globs in patterns.items())


def _build_one(config: ChangesConfig, resolve: Callable[[str | Path], Path]) -> ChangeSource:
    says = config.unreadable()
    if says:
        raise ConfigError(says)
    assert config.path is not None  # the model holds this
    return JsonlChanges(config.name, resolve(config.path))
