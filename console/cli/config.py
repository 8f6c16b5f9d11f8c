"""`incident config`: writes a start, validates, shows what is in force and where it came from."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click

from console.cli.options import common, say_unused, write_json
from console.cli.outcome import Exit, Refused, say
from console.config.load import ConfigError, Loaded, load
from console.guard.sanitise import safe

START = Path("incident.toml")


@click.group("config")
def command() -> None:
    """Write, validate or show the configuration."""


@command.command("init")
@click.argument("path", type=click.Path(path_type=Path), default=START)
@common
def init(path: Path, config_path: Path | None, as_json: bool, plain: bool, **unused: Any) -> int:
    """Write a commented start to PATH (default: ./incident.toml). An existing file is never overwritten."""
    from console.config.start import start_text

    _say_unused(unused, {"--config": config_path})
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
    if as_json:
        write_json({"path": str(target.absolute())})
    else:
        click.echo(f"wrote {safe(str(target))}")
    say("next: look through it, then `incident config check` and `incident doctor`")
    return Exit.DONE


@command.command("check")
@common
def check(config_path: Path | None, as_json: bool, plain: bool, **unused: Any) -> int:
    """Validate the configuration found (or --config), and name every problem: file, line, key, nearest valid key, remedy.

    Nothing is asked; `incident doctor` tries every source.

    \b
    Exit code: 0 valid · 2 not.
    """
    from console.doctor.configuration import problems_of, remarks

    _say_unused(unused)
    loaded, problems = asyncio.run(problems_of(config_path))
    notes = list(remarks(loaded)) if loaded is not None and not problems else []
    if as_json:
        path = str(loaded.path) if loaded is not None and loaded.path is not None else None
        write_json({"path": path, "valid": not problems, "problems": problems, "notes": notes})
    elif loaded is not None and not problems:
        click.echo(f"{safe(str(loaded.path or loaded.why))}: valid ({_counts(loaded)})")
    if not as_json:
        for text in (*problems, *(f"note: {note}" for note in notes)):
            say(text)
    return Exit.USAGE if problems else Exit.DONE


@command.command("show")
@common
def show(config_path: Path | None, as_json: bool, plain: bool, **unused: Any) -> int:
    """Print the values in force, each marked `file` or `default`. Secrets are masked; what is not set is left out."""
    from console.config.effective import plain_text, settings, toml_text

    _say_unused(unused)
    loaded = load(config_path)
    found = settings(loaded)
    if as_json:
        write_json(
            {
                "path": None if loaded.path is None else str(loaded.path),
                "found_by": loaded.why,
                "values": {setting.path: setting.value for setting in found},
                "origins": {setting.path: setting.origin for setting in found},
            }
        )
        return Exit.DONE
    where = f"{safe(str(loaded.path or 'no file'))} ({loaded.why})"
    click.echo(f"Configuration: {where}." if plain else f"# {where}\n")
    click.echo(plain_text(found) if plain else toml_text(found), nl=False)
    return Exit.DONE


def _say_unused(unused: Mapping[str, Any], more: Mapping[str, Any] = MappingProxyType({})) -> None:
    options = {"--at": "at", "--since": "since", "--until": "until", "--service": "services"}
    why = "a new configuration depends on its folder alone" if more else "this is about the whole file, at any time"
    say_unused(why, {**more, **{option: unused[name] for option, name in options.items()}})


def _counts(loaded: Loaded) -> str:
    parts = []
    for table in ("service", "dependency", "logs", "metrics", "changes", "traces", "environment"):
        number = len(getattr(loaded.config, table))
        if number:
            parts.append(f"{number} [[{table}]]")
    return ", ".join(parts) or "nothing configured"
