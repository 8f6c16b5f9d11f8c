"""Sources of logs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # this package is also the worker process's, which must not pay for importing pydantic
    from console.config.models import LogsConfig
    from sources.logs.files import FileLogSource, Runner


def build(
    config: LogsConfig,
    resolve: Callable[[str | Path], Path],
    services: Sequence[str] = (),
    runner: Runner | None = None,
) -> FileLogSource:
    """The source that a `[[logs]]` table describes.

    Args:
        config: The table.
        resolve: Makes a path of the configuration absolute.
        services: Names of the configured services. Where there is one, it is the service of records that name none.
        runner: Who does the work; default: threads of this process.

    Raises:
        ConfigError: A kind that cannot be read.
    """
    from console.config.load import ConfigError
    from sources.logs.files import FileLogSource
    from sources.logs.spec import spec_of

    says = config.unreadable()
    if says:
        raise ConfigError(says)
    return FileLogSource(spec_of(config, resolve, services), runner)
