"""Finding, reading and validating the configuration file."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from console.config.errors import ConfigError as ConfigError
from console.config.models import Config
from console.guard.sanitise import safe


@dataclass(frozen=True, slots=True)
class Loaded:
    """A valid configuration and where it came from."""

    config: Config
    path: Path | None
    """None where no file was found and the defaults stand."""
    why: str
    """Which step of the search order found it."""

    @property
    def folder(self) -> Path:
        """What relative paths are relative to."""
        return self.path.parent if self.path else Path.cwd()

    def resolve(self, path: str | Path) -> Path:
        """An absolute path for a path of the configuration."""
        return (self.folder / Path(path).expanduser()).absolute()


def find(explicit: Path | None, environ: Mapping[str, str] = os.environ) -> tuple[Path | None, str]:
    """The file to read, and why that one: `--config`, `$INCIDENT_CONFIG`, `./incident.toml`, then the XDG folder.

    Raises:
        ConfigError: A file was named and does not exist.
    """
    for named, why in ((explicit, "--config"), (environ.get("INCIDENT_CONFIG"), "$INCIDENT_CONFIG")):
        if named:
            path = Path(named).expanduser()
            if not path.is_file():
                raise ConfigError(f"{safe(str(path))}: no such file (named by {why})")
            return path.absolute(), why
    home = Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    for path, why in (
        (Path("incident.toml"), "./incident.toml"),
        (home / "incident-console" / "config.toml", "the user's configuration folder"),
    ):
        if path.is_file():
            return path.absolute(), why
    return None, "no file found: defaults"


def load(explicit: Path | None = None, environ: Mapping[str, str] = os.environ) -> Loaded:
    """Find, read and validate.

    Raises:
        ConfigError: With one sentence per problem.
    """
    path, why = find(explicit, environ)
    if path is None:
        return Loaded(Config(), None, why)
    try:
        document = tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {safe(str(error))}") from None
    return Loaded(validate(document, str(path)), path, why)


def validate(document: dict[str, Any], name: str) -> Config:
    """A document as a `Config`.

    Raises:
        ConfigError: Unknown keys, wrong types, names that refer to nothing; all of them, one a line.
    """
    try:
        config = Config.model_validate(document)
    except ValidationError as error:
        raise ConfigError("\n".join(_sentence(name, e, document) for e in error.errors())) from None
    problems = [f"{name}: {text}" for text in _references(config)]
    if problems:
        raise ConfigError("\n".join(problems))
    return config


def _references(config: Config) -> list[str]:
    """Names that occur twice or refer to nothing."""
    problems: list[str] = []
    known = [s.name for s in config.service] + [d.name for d in config.dependency]
    problems += [f"{one!r} is defined twice" for one in sorted({n for n in known if known.count(n) > 1})]
    for service in config.service:
        for needed in service.depends_on:
            if needed not in known:
                problems.append(
                    f"[[service]] {service.name}: depends_on names {needed!r}, which is no service or dependency{_nearest(needed, known)}"
                )
    for log in config.logs:
        if log.service is not None and known and log.service not in known:
            problems.append(
                f"[[logs]] {log.name}: service {log.service!r} is not defined{_nearest(log.service, known)}"
            )
    return problems


def _nearest(word: str, valid: list[str]) -> str:
    close = difflib.get_close_matches(word, valid, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def _fields_at(path: tuple[int | str, ...]) -> list[str]:
    """The valid keys of the table that `path` lies in."""
    model: Any = Config
    for part in path[:-1]:
        if isinstance(part, int):
            continue
        field = getattr(model, "model_fields", {}).get(part)
        if field is None:
            return []
        model = next((t for t in _types(field.annotation) if isinstance(t, type) and issubclass(t, BaseModel)), None)
        if model is None:
            return []
    return list(model.model_fields)


def _types(annotation: Any) -> list[Any]:
    inner = [t for arg in get_args(annotation) for t in _types(arg)]
    return [annotation, *inner]


def _key(path: tuple[int | str, ...], document: dict[str, Any]) -> str:
    """`[[logs]] app: format` instead of `logs.0.format`."""
    if len(path) >= 2 and isinstance(path[1], int):
        entry = document.get(str(path[0]), [])
        table = entry[path[1]] if isinstance(entry, list) and path[1] < len(entry) else {}
        name = table.get("name") if isinstance(table, dict) else None
        rest = ".".join(str(p) for p in path[2:])
        return f"[[{path[0]}]] {safe(str(name or '#' + str(path[1] + 1)))}" + (f": {rest}" if rest else "")
    return ".".join(str(p) for p in path)


def _sentence(name: str, error: Any, document: dict[str, Any]) -> str:
    path = tuple(error["loc"])
    key = _key(path, document)
    if error["type"] == "extra_forbidden":
        return f"{name}: {key}: unknown key{_nearest(str(path[-1]), _fields_at(path))}"
    text = str(error["msg"]).removeprefix("Value error, ")
    return f"{name}: {key}: {safe(text)}"
