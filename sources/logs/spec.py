"""A log source as plain values: what the engine needs of the configuration, cheap to send to the worker process."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from console.guard.sanitise import safe
from sources.logs.context import Context, Names

if TYPE_CHECKING:  # the worker process reads specs, and must not pay for importing pydantic
    from console.config.models import LogsConfig


Positions = dict[str, tuple[int, int, int]]
"""How far files were given: device, inode and offset by path."""


def begins(positions: Positions) -> dict[str, int]:
    """The same by the names that records carry; of files with one name in several folders the earliest."""
    found: dict[str, int] = {}
    for path, (_, _, offset) in positions.items():
        name = path.rsplit("/", 1)[-1]
        found[name] = min(offset, found.get(name, offset))
    return found


MOST_NAME = 255
"""Characters of a file's or a folder's name; systems allow as many bytes."""


class Spec(msgspec.Struct, frozen=True):
    """One `[[logs]]` table of kind `files` or `journald`."""

    name: str
    patterns: tuple[str, ...]
    """Absolute globs; for the journal, units and absolute paths of journals."""
    service: str = ""
    service_from_path: str = ""
    """A path pattern with `{service}`, compared with the end of a path; empty: none."""
    format: str = "auto"
    zone: str = "UTC"
    names: Names = Names()
    fallback_service: str = ""
    """The service of records that name none."""
    kind: str = "files"
    exact: bool = False
    """The patterns are paths, and rotated siblings are not meant."""

    def context(self, path: str, file: str, reference: float) -> Context:
        """What a parser of one file must know."""
        service = self.service or safe(service_in_path(self.service_from_path, path), MOST_NAME)
        return Context(
            self.name, safe(file, MOST_NAME), service, self.names, self.zone, reference, self.fallback_service
        )


def spec_of(config: LogsConfig, resolve: Callable[[str | Path], Path], services: Sequence[str] = ()) -> Spec:
    """The plain values of a configuration, in a system of the named services."""
    names = Names(**config.fields.model_dump())
    if config.service_field is not None:
        names = msgspec.structs.replace(names, service=config.service_field)
    return Spec(
        name=config.name,
        patterns=tuple(
            pattern if config.kind == "journald" and "/" not in pattern else str(resolve(pattern))
            for pattern in config.paths
        ),
        service=config.service or "",
        service_from_path=config.service_from_path or "",
        format=config.format,
        zone=config.timezone,
        names=names,
        fallback_service=services[0] if len(services) == 1 else "",
        kind=config.kind,
    )


_ENDINGS = r"(?:[-._]\d[\d_T.-]*)?(?:\.(?:gz|zst|bz2|xz))?"
"""What rotation and compression put behind a name."""


def service_in_path(pattern: str, path: str) -> str:
    """The service that `pattern` (`logs/{service}.log`) finds in the end of `path`; empty where it does not fit.

    `{service}` is one part of the path, `*` anything within a part; endings of rotated and compressed files are allowed.
    """
    if not pattern:
        return ""
    pieces = re.split(r"(\{service\}|\*\*|\*)", pattern.removeprefix("./"))
    wild = {"{service}": r"(?P<service>[^/]+?)", "**": r".*", "*": r"[^/]*"}
    seen = False
    expression = ""
    for piece in pieces:
        if piece == "{service}" and seen:
            expression += r"(?P=service)"
        else:
            seen = seen or piece == "{service}"
            expression += wild.get(piece) or re.escape(piece)
    match = re.search(rf"(?:^|/){expression.lstrip('/')}{_ENDINGS}$", path)
    return match["service"] if match else ""
