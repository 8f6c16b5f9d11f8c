"""Finding, reading and validating the configuration file."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from itertools import count
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from console.actions import BadKeymap, with_keymap
from console.config.errors import ConfigError as ConfigError
from console.config.folders import config_folder
from console.config.models import Config, SourceConfig, Together
from console.config.places import KeyPath, Places
from console.domain.values import dataclass
from console.guard.held import hold
from console.guard.sanitise import safe

SOURCE_TABLES = ("logs", "metrics", "changes", "traces")
"""The tables that name sources."""
MOST_LOCATED = 100
"""Problems whose line is looked for; each look parses the file some ten times."""


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


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong."""

    path: KeyPath
    """Where in the document."""
    says: str
    """The key, what is wrong with it, and how to mend it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A file as it was read: what of it is valid, and everything that is wrong with the rest."""

    loaded: Loaded
    text: str = ""
    problems: tuple[Problem, ...] = ()
    kept: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Of a list of tables, which are part of the configuration; the others are wrong."""

    def sentences(self, more: Sequence[Problem] = ()) -> list[str]:
        """Every problem with file and line, in the order of the file.

        Args:
            more: Found besides, in the configuration; an index in their paths counts the tables of the configuration.
        """
        name = safe(str(self.loaded.path or "configuration"))
        places = Places(self.text)
        found = [*self.problems, *(Problem(self._original(one.path), one.says) for one in more)]
        lines = [places.line_of(one.path) if k < MOST_LOCATED else None for k, one in enumerate(found)]
        told = [
            (line or 0, f"{name}:{line}: {one.says}" if line else f"{name}: {one.says}")
            for one, line in zip(found, lines, strict=True)
        ]
        return list(dict.fromkeys(sentence for _, sentence in sorted(told, key=lambda pair: pair[0])))

    def _original(self, path: KeyPath) -> KeyPath:
        if len(path) > 1 and isinstance(path[1], int) and path[0] in self.kept:
            return (path[0], self.kept[str(path[0])][path[1]], *path[2:])
        return path


def find(explicit: Path | None, environ: Mapping[str, str] = os.environ) -> tuple[Path | None, str]:
    """The file to read, and why that one: `--config`, `$INCIDENT_CONFIG`, `./incident.toml`, then the XDG folder.

    Raises:
        ConfigError: A file was named and does not exist, or is a folder.
    """
    for named, why in ((explicit, "--config"), (environ.get("INCIDENT_CONFIG"), "$INCIDENT_CONFIG")):
        if named:
            path = _expanded(named, why)
            if path.is_dir():
                raise ConfigError(f"{safe(str(path))}: is a folder (named by {why}): name the file in it")
            if not path.is_file():
                raise ConfigError(f"{safe(str(path))}: no such file (named by {why})")
            return path.absolute(), why
    folder = config_folder()
    candidates = [(Path("incident.toml"), "./incident.toml")]
    if folder is not None:
        candidates.append((folder / "config.toml", "the user's configuration folder"))
    for path, why in candidates:
        if path.is_file():
            return path.absolute(), why
    return None, "no file found: defaults"


def _expanded(named: str | Path, why: str) -> Path:
    try:
        return Path(named).expanduser()
    except RuntimeError:
        raise ConfigError(
            f"{safe(str(named))}: there is no home folder for {safe(Path(named).parts[0])} (named by {why})"
        ) from None


def load(explicit: Path | None = None) -> Loaded:
    """Find, read and validate.

    Raises:
        ConfigError: With one sentence per problem.
    """
    draft = read(explicit)
    if draft.problems:
        raise ConfigError("\n".join(draft.sentences()))
    return draft.loaded


def read(explicit: Path | None = None) -> Draft:
    """Find and read, and keep what is valid beside what is wrong.

    Raises:
        ConfigError: There is no such file, or it is no TOML.
    """
    path, why = find(explicit)
    if path is None:
        return Draft(Loaded(Config(), None, why))
    name = safe(str(path))
    try:
        text = path.read_bytes().decode("utf-8-sig")  # editors of Windows put a mark in front
        document = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{name}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: not UTF-8 at byte {error.start}") from None
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))
        raise ConfigError(f"{name}{f':{at[1]}' if at else ''}: not valid TOML: {safe(str(error))}") from None
    config, problems, kept = _examined(document)
    _tell_held(config)
    problems += [
        Problem((table, kept[table][number]), says)
        for table in SOURCE_TABLES
        for number, one in enumerate(getattr(config, table))
        if (says := one.unreadable())
    ]
    return Draft(Loaded(config, path, why), text, tuple(problems), kept)


def _tell_held(config: Config) -> None:
    """What the variables hold that give tokens is redacted by every command, also by those that ask nobody with it."""
    for table in (*SOURCE_TABLES, "environment"):
        for one in getattr(config, table):
            if one.token_env is not None:
                hold(os.environ.get(one.token_env))


def validate(document: dict[str, Any], name: str) -> Config:
    """A document as a `Config`.

    Raises:
        ConfigError: Unknown keys, wrong types, names that refer to nothing; all of them, one a line.
    """
    config, problems, _ = _examined(document)
    if problems:
        raise ConfigError("\n".join(f"{name}: {problem.says}" for problem in problems))
    return config


def _examined(document: dict[str, Any]) -> tuple[Config, list[Problem], dict[str, tuple[int, ...]]]:
    """The valid part of a document, what is wrong with it, and which tables of each list are in that part."""
    errors: list[Any] = []
    try:
        config = Config.model_validate(document)
    except ValidationError as error:
        errors = list(error.errors())
    rest, kept = _valid_part(document, errors)
    config = _all_named(Config.model_validate(rest))
    problems = [problem for error in errors for problem in _problems(error, document)]
    problems += _contradictions(document, errors)
    problems += _references(document)
    try:
        with_keymap(config.keys)
    except BadKeymap as error:
        problems += [Problem(("keys", key), says) for key, says in error.problems]
    return config, problems, kept


def _all_named(config: Config) -> Config:
    """Sources without a name get distinct ones, since evidence names its source: `logs`, `logs-2`."""
    return config.model_copy(
        update={table: _distinct(getattr(config, table)) for table in SOURCE_TABLES if getattr(config, table)}
    )


def _distinct(sources: tuple[SourceConfig, ...]) -> tuple[SourceConfig, ...]:
    taken = {one.name for one in sources if "name" in one.model_fields_set}
    named = []
    for one in sources:
        if "name" not in one.model_fields_set:
            free = (f"{one.name}-{n}" if n > 1 else one.name for n in count(1))
            name = next(candidate for candidate in free if candidate not in taken)
            taken.add(name)
            if name != one.name:
                one = one.model_copy(update={"name": name})
                one.model_fields_set.discard("name")  # still not the file's
        named.append(one)
    return tuple(named)


def _valid_part(document: dict[str, Any], errors: Sequence[Any]) -> tuple[dict[str, Any], dict[str, tuple[int, ...]]]:
    """The document without the tables that are wrong; of a table that occurs once, nothing stays if anything is wrong."""
    wrong = {tuple(error["loc"][:2]) for error in errors}
    whole = {loc[0] for loc in wrong if len(loc) < 2 or not isinstance(loc[1], int)}
    rest, kept = {}, {}
    for key, value in document.items():
        if key in whole:
            continue
        if isinstance(value, list):
            kept[key] = tuple(index for index in range(len(value)) if (key, index) not in wrong)
            value = [value[index] for index in kept[key]]
        rest[key] = value
    return rest, kept


def _tables(document: dict[str, Any], key: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The tables of a list, as far as they are some."""
    tables = document.get(key)
    for index, table in enumerate(tables if isinstance(tables, list) else ()):
        if isinstance(table, dict):
            yield index, table


def _contradictions(document: dict[str, Any], errors: Sequence[Any]) -> Iterator[Problem]:
    """Keys that do not go together, in tables whose own check did not run because a single key is wrong."""
    unchecked = {tuple(error["loc"][:2]) for error in errors if len(error["loc"]) > 2}
    for key, index in sorted(loc for loc in unchecked if isinstance(loc[1], int)):
        model = _model_at((key,))
        table = dict(_tables(document, str(key))).get(index)
        if model is not None and issubclass(model, Together) and table is not None:
            defaults = {name: one.default for name, one in model.model_fields.items() if not one.is_required()}
            for says in model.contradictions(defaults | table):
                yield Problem((key, index), f"{_key((key, index), document)}: {says}")


def _references(document: dict[str, Any]) -> Iterator[Problem]:
    """Names that occur twice or refer to nothing."""
    known = [
        name
        for key in ("service", "dependency")
        for _, table in _tables(document, key)
        if isinstance(name := table.get("name"), str)
    ]
    for keys in (("service", "dependency"), *((key,) for key in (*SOURCE_TABLES, "environment"))):
        yield from _twice(document, keys)
    for index, table in _tables(document, "service"):
        needed = table.get("depends_on")
        for number, name in enumerate(needed if isinstance(needed, list) else ()):
            if isinstance(name, str) and name == table.get("name"):
                says = f"depends_on names {safe(repr(name), 200)} itself: leave it out"
                yield Problem(("service", index, "depends_on", number), f"{_key(('service', index), document)}: {says}")
            elif isinstance(name, str) and name not in known:
                says = f"depends_on names {safe(repr(name), 200)}, which is no service or dependency{_nearest(name, known)}"
                yield Problem(("service", index, "depends_on", number), f"{_key(('service', index), document)}: {says}")
    for key in ("logs", "metrics"):
        for index, table in _tables(document, key):
            name = table.get("service")
            unused = key == "metrics" and table.get("kind") != "scrape"
            if isinstance(name, str) and known and name not in known and not unused:
                says = f"service {safe(repr(name), 200)} is not defined{_nearest(name, known)}"
                yield Problem((key, index, "service"), f"{_key((key, index), document)}: {says}")


def _twice(document: dict[str, Any], keys: Sequence[str]) -> Iterator[Problem]:
    """Names that several tables bear, though something refers to them by name."""
    seen = set()
    for key in keys:
        for index, table in _tables(document, key):
            name = table.get("name")
            if isinstance(name, str) and name in seen:
                says = f"{safe(repr(name), 200)} is defined twice: give one of the two another name"
                yield Problem((key, index, "name"), says)
            elif isinstance(name, str):
                seen.add(name)


def _nearest(word: str, valid: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, valid, n=1, cutoff=0.5)
    return f"; did you mean {safe(repr(close[0]), 200)}?" if close else ""


def _model_at(path: KeyPath) -> type[BaseModel] | None:
    """The model of the table at a path; None where no model is."""
    model: Any = Config
    for part in path:
        if isinstance(part, int):
            continue
        field_ = getattr(model, "model_fields", {}).get(part)
        if field_ is None:
            return None
        model = next((t for t in _types(field_.annotation) if isinstance(t, type) and issubclass(t, BaseModel)), None)
    return model if model is None or issubclass(model, BaseModel) else None


def _types(annotation: Any) -> list[Any]:
    inner = [t for arg in get_args(annotation) for t in _types(arg)]
    return [annotation, *inner]


def _key(path: KeyPath, document: dict[str, Any]) -> str:
    """`[[logs]] app: format` instead of `logs.0.format`."""
    if len(path) >= 2 and isinstance(path[1], int):
        entry = document.get(str(path[0]), [])
        table = entry[path[1]] if isinstance(entry, list) and path[1] < len(entry) else {}
        given = table.get("name") if isinstance(table, dict) else None
        name = given if isinstance(given, str) else ""
        rest = ".".join(str(p) for p in path[2:])
        return safe(f"[[{path[0]}]] {name or '#' + str(path[1] + 1)}" + (f": {rest}" if rest else ""), 400)
    return safe(".".join(str(p) for p in path), 400)


def _problems(error: Any, document: dict[str, Any]) -> Iterator[Problem]:
    """What pydantic found, in words that tell how to mend it."""
    path = tuple(error["loc"])
    for says in _says(error, path):
        yield Problem(path, f"{_key(path, document)}: {says}")


def _as_toml(value: Any) -> str:
    """About as the file writes it; text as everywhere in messages, in single quotes."""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, (str, list, dict)) else str(value)


def _says(error: Any, path: KeyPath) -> list[str]:
    given = error["input"]
    shown = safe(_as_toml(given), 200)
    match error["type"]:
        case "extra_forbidden":
            model = _model_at(path[:-1])
            return [f"unknown key{_nearest(str(path[-1]), list(model.model_fields) if model else [])}"]
        case "missing":
            return [f"is missing: add {path[-1]} = …"]
        case "literal_error":
            valid = re.findall(r"'([^']*)'", error["ctx"]["expected"])
            near = _nearest(given, valid) if isinstance(given, str) else ""
            return [f"{shown} is none of {', '.join(valid)}{near}"]
        case "tuple_type" if len(path) == 1:
            return [f"is a list of tables: write [[{path[0]}]]"]
        case "tuple_type":
            return ['is a list: write ["…", "…"]']
        case "model_type" | "dict_type":
            return [f"is a table: write [{'.'.join(str(p) for p in path if isinstance(p, str))}]"]
        case "string_type" | "path_type":
            return ["is text: write it in quotes"]
        case "value_error":
            return [str(safe(line, 1000)) for line in str(error["ctx"]["error"]).split("\n")]
        case "int_type" | "int_from_float":
            return [f"{shown} is no whole number"]
        case "float_type" | "finite_number":
            return [f"{shown} is no number"]
        case "bool_type":
            return [f"{shown} is neither true nor false"]
        case "greater_than_equal":
            return [f"{shown} is too small: at least {error['ctx']['ge']}"]
        case "greater_than":
            return [f"{shown} is too small: more than {error['ctx']['gt']:g}"]
        case "less_than_equal":
            return [f"{shown} is too large: at most {error['ctx']['le']}"]
        case "less_than":
            return [f"{shown} is too large: less than {error['ctx']['lt']:g}"]
        case "string_too_short":
            return ["is empty: write a text"]
        case "string_too_long":
            return [f"is too long: at most {error['ctx']['max_length']} characters"]
    return [f"{shown} cannot be used here"]
