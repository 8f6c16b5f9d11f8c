"""The effective configuration, value by value, each with where it came from. Secrets are masked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from console.config import folders
from console.config.load import ConfigError, Loaded
from console.domain.values import dataclass
from console.guard.redact import redact
from console.guard.sanitise import safe

DEFAULT, FILE = "default", "file"


@dataclass(frozen=True, slots=True)
class Setting:
    """One value."""

    table: str
    """Its table as the file writes it: `console`, or `service` with `index`."""
    index: int | None
    """Which of several tables of that name, from 0; None for a table that occurs once."""
    key: str
    """Within the table; a dotted key lies in an inner table."""
    value: Any
    """Text, number, boolean, list, object or None, as JSON has them."""
    origin: str
    """`default` or `file`."""

    @property
    def path(self) -> str:
        """`console.timezone`, `service[0].name`."""
        place = self.table if self.index is None else f"{self.table}[{self.index}]"
        return f"{place}.{self.key}" if self.key else place


def settings(loaded: Loaded) -> tuple[Setting, ...]:
    """Every value of the configuration, in the order of the model.

    A path of the file stands as it is written there, so relative to the file; the default of `state_dir` as where it leads.
    """
    return tuple(_settings(loaded))


def _settings(loaded: Loaded) -> Iterator[Setting]:
    config = loaded.config
    for table in type(config).model_fields:
        value = getattr(config, table)
        given = table in config.model_fields_set
        if isinstance(value, BaseModel):
            for key, inner, origin in _fields(value, given, ""):
                if (table, key, inner) == ("console", "state_dir", None):
                    inner = str(state_folder(loaded))
                yield Setting(table, None, key, _shown(inner), origin)
        elif isinstance(value, tuple):
            for index, one in enumerate(value):
                for key, inner, origin in _fields(one, True, ""):
                    yield Setting(table, index, key, _shown(inner), origin)
        else:
            yield Setting(table, None, "", _shown(value), FILE if given else DEFAULT)


def _fields(model: BaseModel, given: bool, prefix: str) -> Iterator[tuple[str, Any, str]]:
    for key in type(model).model_fields:
        value = getattr(model, key)
        own = given and key in model.model_fields_set
        if isinstance(value, BaseModel):
            yield from _fields(value, own, f"{prefix}{key}.")
        else:
            yield prefix + key, value, FILE if own else DEFAULT


def _shown(value: Any) -> Any:
    if isinstance(value, (str, Path)):
        return str(safe(redact(str(value))))
    if isinstance(value, dict):
        return {str(safe(key)): _shown(inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        return [_shown(inner) for inner in value]
    return value


def state_folder(loaded: Loaded) -> Path:
    """Where cases and indexes are kept: `state_dir`, else the user's folder for state.

    Raises:
        ConfigError: Neither is there.
    """
    given = loaded.config.console.state_dir
    if given is not None:
        return loaded.resolve(given)
    folder = folders.state_folder()
    if folder is None:
        raise ConfigError(f"{loaded.path or loaded.why}: there is no home folder: set state_dir in [console]")
    return folder


def plain_text(found: tuple[Setting, ...]) -> str:
    """The values as statements that make sense one by one; what is not set is left out."""
    return "".join(
        f"{setting.path} is {toml(setting.value)} ({setting.origin}).\n"
        for setting in found
        if setting.value is not None and setting.value != {}
    )


def toml_text(found: tuple[Setting, ...]) -> str:
    """The values as a configuration file would hold them, each with its origin; what is not set is left out."""
    lines: list[str] = []
    before: tuple[str, int | None] | None = None
    for setting in found:
        if setting.value is None or setting.value == {}:
            continue
        place = (setting.table, setting.index)
        if place != before:
            lines += ["", f"[{setting.table}]" if setting.index is None else f"[[{setting.table}]]"]
            before = place
        if setting.key:
            lines.append(f"{f'{setting.key} = {toml(setting.value)}':<58} # {setting.origin}")
        else:
            lines += [f"{f'{toml(k)} = {toml(v)}':<58} # {setting.origin}" for k, v in setting.value.items()]
    return "\n".join(lines[1:]) + "\n"


def toml(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, list):
        return "[" + ", ".join(toml(inner) for inner in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{toml(k)} = {toml(v)}" for k, v in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


def index_folder(loaded: Loaded) -> Path | None:
    """Where indexes of large log files are kept; None where there is no place for them, and they are done without."""
    try:
        return state_folder(loaded) / "log-index"
    except ConfigError:
        return None
