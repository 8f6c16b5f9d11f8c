"""`incident doctor`: what works, what does not, and how to mend it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from console.cli.options import common, require_known, say_unused, wants_colour, write_json
from console.cli.outcome import Exit
from console.config.load import ConfigError, Loaded
from console.config.models import Config
from console.doctor.configuration import problems_of
from console.doctor.finding import Finding, Level, finding, worst

NOT_ASKED = {"probe": None, "version_url": None, "repository": None}
"""What of a service is a source; its name stays, since other sources find their records by it."""
EXITS = {
    Level.OK: Exit.DONE,
    Level.HINT: Exit.DONE,
    Level.PROBLEM: Exit.INCONCLUSIVE,
    Level.DOWN: Exit.SOURCES_DOWN,
    Level.WRONG: Exit.USAGE,
}
GLYPHS = {Level.OK: "●", Level.HINT: "◆", Level.PROBLEM: "▲", Level.DOWN: "✖", Level.WRONG: "✖"}
WORDS = {Level.OK: "OK", Level.HINT: "HINT", Level.PROBLEM: "PROBLEM", Level.DOWN: "DOWN", Level.WRONG: "WRONG"}
COLOURS = {Level.HINT: "cyan", Level.PROBLEM: "yellow", Level.DOWN: "red", Level.WRONG: "red"}


@click.command("doctor")
@common
def command(
    config_path: Path | None,
    at: str | None,
    since: str | None,
    until: str | None,
    services: tuple[str, ...],
    as_json: bool,
    plain: bool,
) -> int:
    """Check terminal, clock, permissions, git, configuration and every source, and say how to mend what is wrong.

    Every source is asked once, within its budget. Nothing is written. With --service, only what belongs to these services
    and dependencies is looked at, and the sources that may hold something of them.

    \b
    Exit code, by the worst finding: 0 all works, perhaps with hints · 3 something is missing or fails ·
    4 every log and metric source fails · 2 the configuration cannot be used.
    """
    say_unused("the doctor looks at the present", {"--at": at, "--since": since, "--until": until})
    findings = asyncio.run(examine(config_path, services))
    code = EXITS[worst(findings)]
    if as_json:
        write_json({"exit_code": int(code), "findings": [finding_json(one) for one in findings]})
    else:
        for line in _plain(findings) if plain else _laid_out(findings):
            click.echo(line)
    return code


async def examine(config_path: Path | None, services: Sequence[str] = ()) -> list[Finding]:
    """Every finding, in the order in which a person would look.

    Args:
        config_path: The configuration; None: the one that is found.
        services: Where there are some, nothing is asked that belongs to other services and dependencies only.

    Raises:
        click.BadParameter: One of them is not configured.
    """
    from console.doctor.machine import Clocks, clock_findings, git_finding, permission_findings
    from console.doctor.terminal import terminal_findings, this_terminal

    before = Clocks.now()
    loaded, configuration = await _configuration(config_path)
    if loaded is not None and services:
        require_known(services, loaded.config)
        loaded = replace(loaded, config=limited(loaded.config, services))
    found = terminal_findings(await this_terminal())
    sources = await _sources(loaded) if loaded is not None else []
    found += clock_findings(before, Clocks.now())
    found += [one for one in sources if one.topic == "clock"]
    if loaded is not None:
        found += permission_findings(loaded)
    found.append(await asyncio.to_thread(git_finding, loaded))
    return [*found, *configuration, *(one for one in sources if one.topic != "clock")]


def limited(config: Config, services: Sequence[str]) -> Config:
    """What belongs to some services and dependencies: sources of other services alone are left out."""
    return config.model_copy(
        update={
            "service": tuple(s if s.name in services else s.model_copy(update=NOT_ASKED) for s in config.service),
            "dependency": tuple(
                d if d.name in services else d.model_copy(update={"probe": None}) for d in config.dependency
            ),
            "logs": tuple(one for one in config.logs if one.service is None or one.service in services),
            "metrics": tuple(
                one for one in config.metrics if one.kind != "scrape" or one.service is None or one.service in services
            ),
        }
    )


async def _configuration(config_path: Path | None) -> tuple[Loaded | None, list[Finding]]:
    loaded, problems = await problems_of(config_path)
    if loaded is None or problems:
        return None, [_wrong(text) for text in problems]
    if loaded.path is None:
        mend = "`incident config init` writes a start"
        return loaded, [finding("configuration", "file", Level.HINT, "no configuration file was found", mend)]
    return loaded, [finding("configuration", "file", Level.OK, f"{loaded.path} ({loaded.why})")]


def _wrong(text: str) -> Finding:
    return finding(
        "configuration", "file", Level.WRONG, text, "`incident config check` repeats this after a correction"
    )


async def _sources(loaded: Loaded) -> list[Finding]:
    """What the sources answered, and what their answers tell of their clocks."""
    from console.doctor.machine import origins_of, skew_findings
    from console.doctor.system import source_findings
    from console.observe import open_sources

    try:
        sources = open_sources(loaded)
    except ConfigError as error:
        return [_wrong(f"{loaded.path}: {error}")]
    try:
        found = await source_findings(sources, time.time())
    finally:
        await sources.close()
    origins = origins_of(loaded)
    if origins:
        from sources.http import HttpDoor

        async with HttpDoor(loaded.config.budget) as door:
            found += await skew_findings(origins, door)
    return found


def finding_json(one: Finding) -> dict[str, Any]:
    """A finding as scripts read it; `level`: ok | hint | problem | down | wrong."""
    return {"topic": one.topic, "name": one.name, "level": one.level.word, "says": one.says, "mend": one.mend or None}


def _plain(findings: Sequence[Finding]) -> list[str]:
    lines = [
        f"{WORDS[one.level]}: {one.topic}, {one.name}: {one.says}." + (f" To mend: {one.mend}." if one.mend else "")
        for one in findings
    ]
    return [*lines, summary(findings)]


def _laid_out(findings: Sequence[Finding]) -> list[str]:
    coloured = wants_colour()
    glyphs = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    lines: list[str] = []
    topic = ""
    for one in findings:
        if one.topic != topic:
            lines += ["", one.topic]
            topic = one.topic
        word = f"{GLYPHS[one.level]} {WORDS[one.level]:<8}" if glyphs else f"{WORDS[one.level]:<8}"
        if coloured and one.level in COLOURS:
            word = click.style(word, fg=COLOURS[one.level], bold=True)
        lines.append(f"  {word}{one.name}: {one.says}")
        if one.mend:
            lines.append(f"  {'':<10}{'→ ' if glyphs else '-> '}{one.mend}")
    return [*lines[1:], "", summary(findings)]


def summary(findings: Sequence[Finding]) -> str:
    """One sentence about all of them."""
    bad = sum(one.level >= Level.PROBLEM for one in findings)
    hints = sum(one.level is Level.HINT for one in findings)
    if not bad and not hints:
        return "Everything works."
    parts = [
        f"{bad} to mend" if bad else "Everything works",
        f"{hints} {'hint' if hints == 1 else 'hints'}" if hints else "",
    ]
    return ", ".join(part for part in parts if part) + "."
