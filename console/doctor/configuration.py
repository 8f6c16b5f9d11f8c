"""Everything that is wrong with a configuration, found without asking any system; and what is valid and probably not meant."""

from __future__ import annotations

import difflib
import glob
import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from console.config.load import SOURCE_TABLES, ConfigError, Loaded, Problem, read
from console.config.models import Config
from console.config.places import KeyPath
from console.domain.series import UNITS

NO_TOKEN = {"token_env": None, "token_file": None, "token_keyring": None}


async def problems_of(explicit: Path | None) -> tuple[Loaded | None, list[str]]:
    """The configuration as far as it is valid, and a sentence for every problem: file, line, key, and how to mend it.

    Where a table is wrong, the others are looked into all the same. None: there is no such file, or it is no TOML.
    """
    try:
        draft = read(explicit)
    except ConfigError as error:
        return None, str(error).splitlines()
    found = [*await _unusable(draft.loaded), *_without_token(draft.loaded)]
    return draft.loaded, draft.sentences(found)


async def _unusable(loaded: Loaded) -> list[Problem]:
    """Addresses that no source can be made of. Each is tried alone: the first error would hide the others."""
    from console.observe import open_sources

    found = []
    for path, config in _alone(loaded.config):
        try:
            await open_sources(replace(loaded, config=config)).close()
        except ConfigError as error:
            found.append(Problem(path, str(error)))
    return found


def _alone(config: Config) -> Iterator[tuple[KeyPath, Config]]:
    """For every source and address, a configuration with nothing else to be opened in it."""
    services = tuple(
        s.model_copy(update={"probe": None, "version_url": None, "repository": None}) for s in config.service
    )
    dependencies = tuple(d.model_copy(update={"probe": None}) for d in config.dependency)
    nothing = {"service": services, "dependency": dependencies, **dict.fromkeys(SOURCE_TABLES, ())}

    def with_only(**one: Any) -> Config:
        return config.model_copy(update=nothing | one)

    for table in SOURCE_TABLES:
        for index, source in enumerate(getattr(config, table)):
            yield (table, index), with_only(**{table: (source.model_copy(update=NO_TOKEN),)})
    for index, service in enumerate(config.service):
        for key in ("probe", "version_url"):
            only = services[index].model_copy(update={key: getattr(service, key)})
            yield ("service", index, key), with_only(service=(only,))
    for index, dependency in enumerate(config.dependency):
        yield ("dependency", index, "probe"), with_only(dependency=(dependency,))


def _without_token(loaded: Loaded) -> Iterator[Problem]:
    """Tokens that are named and cannot be had."""
    from sources.secrets import token_of

    for table in (*SOURCE_TABLES, "environment"):
        for index, one in enumerate(getattr(loaded.config, table)):
            try:
                token_of(one, f"[[{table}]] {one.name}", loaded.resolve)
            except ConfigError as error:
                named = [key for key in NO_TOKEN if getattr(one, key) is not None]
                yield Problem((table, index, named[-1]), str(error))


def remarks(loaded: Loaded) -> Iterator[str]:
    """What is valid and probably not meant: files and folders that are not there."""
    config = loaded.config
    if not (config.service or config.logs or config.metrics):
        yield "nothing is configured to be watched; `incident config init` writes a start"
    for metrics in config.metrics:
        for metric in metrics.queries:
            if metric not in UNITS:
                close = difflib.get_close_matches(metric, UNITS, n=1, cutoff=0.5)
                near = f"; did you mean {close[0]!r}?" if close else ""
                yield f"[[metrics]] {metrics.name}: queries: {metric!r} is a gauge with no known meaning{near}"
    for log in config.logs:
        for pattern in log.paths:
            if not any(islice(glob.iglob(str(loaded.resolve(pattern)), recursive=True), 1)):
                yield f"[[logs]] {log.name}: {pattern} matches no file yet"
    for service in config.service:
        if service.repository is not None and not os.path.isdir(loaded.resolve(service.repository)):
            yield f"[[service]] {service.name}: the repository {service.repository} is no folder"
    for table in ("metrics", "changes", "traces"):
        for one in getattr(config, table):
            if one.path is not None and not os.path.isfile(loaded.resolve(one.path)):
                yield f"[[{table}]] {one.name}: {one.path} is no file yet"
