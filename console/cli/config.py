"""`incident config`: writes a start, validates, shows what is in force and where it came from."""

from __future__ import annotations

import asyncio
import glob
import json
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import click

from console.cli.outcome import Exit, Refused, say
from console.config.load import ConfigError, Loaded, load
from console.guard.sanitise import safe

START = Path("incident.toml")

_config_option = click.option("--config", "config_path", type=click.Path(path_type=Path), help="Configuration file.")
_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")


@click.group("config")
def command() -> None:
    """Write, validate or show the configuration."""


@command.command("init")
@click.argument("path", type=click.Path(path_type=Path), default=START)
def init(path: Path) -> int:
    """Write a commented start to PATH (default: ./incident.toml). An existing file is never overwritten."""
    from console.config.start import start_text

    target = path / START if path.is_dir() else path
    folder = target.absolute().parent
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(start_text(folder))
    except FileExistsError:
        raise Refused(
            f"{target} exists, and a configuration is never overwritten: move it away, or name another"
        ) from None
    except OSError as error:
        raise ConfigError(f"{target}: cannot be written: {error.strerror}") from None
    click.echo(f"wrote {safe(str(target))}")
    say("next: look through it, then `incident config check` and `incident doctor`")
    return Exit.DONE


@command.command("check")
@_config_option
@_json_option
def check(config_path: Path | None, as_json: bool) -> int:
    """Validate the configuration found (or --config): one sentence per problem, each naming file, key and nearest valid key.

    Nothing is asked; `incident doctor` tries every source.

    \b
    Exit code: 0 valid · 2 not.
    """
    loaded: Loaded | None = None
    problems: list[str] = []
    try:
        loaded = load(config_path)
        problems = list(deeper_problems(loaded))
    except ConfigError as error:
        problems = str(error).splitlines()
    notes = list(remarks(loaded)) if loaded is not None and not problems else []
    if as_json:
        path = str(loaded.path) if loaded is not None and loaded.path is not None else None
        document = {"path": path, "valid": not problems, "problems": problems, "notes": notes}
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    elif loaded is not None and not problems:
        click.echo(f"{loaded.path or loaded.why}: valid ({_counts(loaded)})")
    if not as_json:
        for text in (*problems, *(f"note: {note}" for note in notes)):
            say(text)
    return Exit.USAGE if problems else Exit.DONE


@command.command("show")
@_config_option
@_json_option
def show(config_path: Path | None, as_json: bool) -> int:
    """Print the values in force, each marked `file` or `default`. Secrets are masked; what is not set is left out."""
    from console.config.effective import settings, toml_text

    loaded = load(config_path)
    found = settings(loaded)
    if as_json:
        document = {
            "path": None if loaded.path is None else str(loaded.path),
            "found_by": loaded.why,
            "values": {setting.path: setting.value for setting in found},
            "origins": {setting.path: setting.origin for setting in found},
        }
        click.echo(json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2))
    else:
        click.echo(f"# {safe(str(loaded.path or 'no file'))} ({loaded.why})\n")
        click.echo(toml_text(found), nl=False)
    return Exit.DONE


def deeper_problems(loaded: Loaded) -> Iterator[str]:
    """What only shows when the parts are put together: keys, tokens, addresses, kinds."""
    from console.actions import BadKeymap, with_keymap

    name = loaded.path or "configuration"
    try:
        with_keymap(loaded.config.keys)
    except BadKeymap as error:
        yield f"{name}: {error}"
    try:
        asyncio.run(_opened_and_closed(loaded))
    except ConfigError as error:
        yield f"{name}: {error}"


async def _opened_and_closed(loaded: Loaded) -> None:
    from console.observe import open_sources

    await open_sources(loaded).close()


def remarks(loaded: Loaded) -> Iterator[str]:
    """What is valid and probably not meant: files and folders that are not there."""
    config = loaded.config
    if not (config.service or config.logs or config.metrics):
        yield "nothing is configured to be watched; `incident config init` writes a start"
    for table in ("logs", "metrics", "changes", "traces", "environment"):
        names = [one.name for one in getattr(config, table)]
        for twice in sorted({n for n in names if names.count(n) > 1}):
            yield f"[[{table}]]: {twice!r} is the name of more than one, so reports cannot tell them apart"
    for log in config.logs:
        for pattern in log.paths:
            if not any(islice(glob.iglob(str(loaded.resolve(pattern)), recursive=True), 1)):
                yield f"[[logs]] {log.name}: {pattern} matches no file yet"
    for service in config.service:
        if service.repository is not None and not os.path.isdir(loaded.resolve(service.repository)):
            yield f"[[service]] {service.name}: the repository {service.repository} is no folder"
    for kind, tables in (("metrics", config.metrics), ("changes", config.changes), ("traces", config.traces)):
        for one in tables:
            if one.path is not None and not os.path.isfile(loaded.resolve(one.path)):
                yield f"[[{kind}]] {one.name}: {one.path} is no file yet"


def _counts(loaded: Loaded) -> str:
    parts = []
    for table in ("service", "dependency", "logs", "metrics", "changes", "traces", "environment"):
        number = len(getattr(loaded.config, table))
        if number:
            parts.append(f"{number} [[{table}]]")
    return ", ".join(parts) or "nothing configured"
