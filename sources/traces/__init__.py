"""Sources of spans."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from console.config.load import ConfigError
from console.config.models import TracesConfig
from sources.base import TraceSource

if TYPE_CHECKING:
    from sources.http import HttpDoor  # httpx costs 100 ms to import, and a file needs none of it


def build(config: TracesConfig, resolve: Callable[[str | Path], Path], http: HttpDoor | None) -> TraceSource:
    """The source that a `[[traces]]` table describes.

    Args:
        resolve: Makes a path of the configuration absolute.
        http: The door for requests; None where only files are read.

    Raises:
        ConfigError: A kind that cannot be read.
    """
    says = config.unreadable()
    if says:
        raise ConfigError(says)
    from sources.traces.jsonl import JsonlTraces

    assert config.path is not None  # the model holds this
    return JsonlTraces(config.name, resolve(config.path))
