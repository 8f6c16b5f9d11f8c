"""`config.example.toml` names every key, says every choice, and is equal to the defaults."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from console.actions import with_keymap
from console.config.load import ConfigError, validate
from console.config.models import Config
from console.config.start import start_text

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
TEXT = EXAMPLE.read_text(encoding="utf-8")
SWITCHED_ON = re.sub(r"^#(?=\[|[a-z_]+ = )", "", TEXT, flags=re.MULTILINE)


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models_in(inner)


def choices_in(annotation: Any) -> Iterator[str]:
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    for inner in get_args(annotation):
        yield from choices_in(inner)


def fields(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every field with its path: `console.timezone`, `logs.fields.time`."""
    for name, field in model.model_fields.items():
        inner = next(models_in(field.annotation), None)
        if inner is None:
            yield path + name, field
        else:
            yield from fields(inner, f"{path}{name}.")


FIELDS = dict(fields(Config))


def values(document: Any, path: str) -> list[Any]:
    """Every value that the document has at a path, over all tables of a list."""
    found = [document]
    for part in path.split("."):
        items = [item for one in found for item in (one if isinstance(one, list) else [one])]
        found = [item[part] for item in items if isinstance(item, dict) and part in item]
    return found


def lines_of(path: str) -> list[str]:
    """The lines of the example that set a key, whatever its table."""
    name = path.rpartition(".")[2]
    return [line for line in TEXT.splitlines() if re.match(rf"#?{re.escape(name)} = ", line)]


def test_as_it_stands_it_is_the_defaults() -> None:
    assert validate(tomllib.loads(TEXT), "config.example.toml") == Config()


def test_every_default_value_is_written_out() -> None:
    document = tomllib.loads(TEXT)
    for table in ("console", "budget"):
        for path, field in FIELDS.items():
            if path.startswith(f"{table}.") and field.default is not None:
                assert values(document, path) == [field.default], path


def test_with_everything_switched_on_it_is_valid() -> None:
    config = validate(tomllib.loads(SWITCHED_ON), "config.example.toml")
    assert config.service and config.environment and config.logs[1].fields.time
    with_keymap(config.keys)


@pytest.mark.parametrize("path", FIELDS)
def test_every_key_is_there(path: str) -> None:
    if path != "keys":
        assert values(tomllib.loads(SWITCHED_ON), path), f"{path} is not in config.example.toml"


def test_nothing_is_there_that_is_no_key() -> None:
    """The strict model would refuse it; this is the proof that it does."""
    with pytest.raises(ConfigError, match="did you mean 'timezone'"):
        validate(tomllib.loads(SWITCHED_ON.replace("timezone =", "timezon =", 1)), "x")


@pytest.mark.parametrize("path", [path for path, field in FIELDS.items() if list(choices_in(field.annotation))])
def test_every_choice_is_named_beside_its_key(path: str) -> None:
    table = path.split(".")[0]
    document = "\n".join(lines_of(path))
    for choice in choices_in(FIELDS[path].annotation):
        assert re.search(rf"\b{re.escape(choice)}\b", document), f"{table}: {path} does not name {choice}"


@pytest.mark.parametrize(
    "path", [p for p, f in FIELDS.items() if f.default not in (None, PydanticUndefined) and p.count(".") == 1]
)
def test_every_default_of_a_table_is_told(path: str) -> None:
    """Either an example has the default as its value, or the comment beside it says so."""
    default = FIELDS[path].default
    wanted = list(default) if isinstance(default, tuple) else default
    told = [f"default {json.dumps(wanted)}", f"default: {json.dumps(wanted)}"]
    shown = wanted in values(tomllib.loads(SWITCHED_ON), path)
    assert shown or any(text in line for line in lines_of(path) for text in told), path


@pytest.mark.parametrize("has", [(), (".git",), ("logs/app.jsonl",), (".git", "app.log", 'na"me.log')])
def test_the_start_is_valid_whatever_lies_in_the_folder(tmp_path: Path, has: tuple[str, ...]) -> None:
    folder = tmp_path / 'my "shop"'
    folder.mkdir()
    for name in has:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch() if name != ".git" else (folder / name).mkdir()
    text = start_text(folder)
    config = validate(tomllib.loads(text), "incident.toml")
    assert config.service[0].name == 'my "shop"'
    assert (config.service[0].repository is not None) == (".git" in has)
    assert bool(config.logs) == any("log" in name for name in has)
    validate(tomllib.loads(re.sub(r"^#(?=\[|[a-z_]+ = )", "", text, flags=re.MULTILINE)), "incident.toml")
