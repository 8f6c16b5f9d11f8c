"""`incident health`: probes every service and dependency once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import click

from console.cli.options import Request, cells, common, padded, request, say_unused, wants_colour, write_json
from console.cli.outcome import Exit, say
from console.config.load import ConfigError
from console.config.models import Config, DependencyConfig, ServiceConfig
from console.domain.instant import clock_text, rfc3339
from console.domain.topology import Health, ProbeResult
from console.guard.sanitise import safe

NO_PROBE = 'no probe is configured; add one to a [[service]] or [[dependency]]: probe = "tcp://127.0.0.1:5432"'
PAST = "probes see the present only, and --at asks for another time: nothing was asked; leave --at out"
COLOURS = {Health.HEALTHY: "green", Health.DEGRADED: "yellow", Health.DOWN: "red", Health.UNKNOWN: "magenta"}
COLUMNS = ("NAME", "KIND", "STATE", "TARGET", "DETAIL")
STATE_COLUMN = COLUMNS.index("STATE")
BETWEEN = "  "


@click.command("health")
@common
def command(**options: Any) -> int:
    """Probe every service and dependency that has a probe, once, and say how each is doing now.

    \b
    Exit code: 0 all healthy · 1 something is degraded or down · 3 not all could be asked · 4 none could be asked.
    """
    asked = request(**options)
    config = _chosen(asked.loaded.config, asked.services)
    if not any(one.probe for one in _tables(config)):
        raise click.UsageError(_no_probe(asked.services, asked))
    say_unused("probes see the present", {"--since": options["since"], "--until": options["until"]})
    try:
        results = _not_asked(config) if asked.at_given else asyncio.run(_probe(config))
    except ConfigError as error:
        raise ConfigError(f"{asked.loaded.path}: {error}") from None
    if asked.at_given:
        say(PAST)
    if asked.as_json or not asked.at_given:
        _show(results, asked)
    return exit_code(results)


def exit_code(results: Sequence[ProbeResult]) -> int:
    """The exit code that goes with the results.

    Trouble that was seen counts more than what could not be asked; health needs every answer.
    """
    states = {result.health for result in results}
    if states & {Health.DOWN, Health.DEGRADED}:
        return Exit.INCIDENT
    if Health.UNKNOWN not in states:
        return Exit.DONE
    not_consulted = all(not result.at for result in results)
    return Exit.INCONCLUSIVE if not_consulted or Health.HEALTHY in states else Exit.SOURCES_DOWN


def _tables(config: Config) -> tuple[ServiceConfig | DependencyConfig, ...]:
    return (*config.service, *config.dependency)


def _chosen(config: Config, names: tuple[str, ...]) -> Config:
    if not names:
        return config
    return config.model_copy(
        update={
            "service": tuple(s for s in config.service if s.name in names),
            "dependency": tuple(d for d in config.dependency if d.name in names),
        }
    )


def _no_probe(names: tuple[str, ...], asked: Request) -> str:
    where = f" ({asked.loaded.path})" if asked.loaded.path else f" ({asked.loaded.why})"
    if names:
        return f'{", ".join(names)}: no probe is configured; add probe = "tcp://127.0.0.1:5432" to its table{where}'
    return NO_PROBE + where


async def _probe(config: Config) -> tuple[ProbeResult, ...]:
    from sources.health import build
    from sources.http import HttpDoor

    async with HttpDoor(config.budget) as door:
        now = time.time()
        return tuple(await asyncio.gather(*(one.probe(now) for one in build(config.service, config.dependency, door))))


def _not_asked(config: Config) -> tuple[ProbeResult, ...]:
    """A row for each probe, unknown, without an instant."""
    from sources.health import build
    from sources.http import HttpDoor

    detail = safe("not asked: a probe sees the present only")
    return tuple(
        ProbeResult(one.name, one.target.shown, Health.UNKNOWN, None, detail, 0.0)
        for one in build(config.service, config.dependency, HttpDoor(config.budget))
    )


def _show(results: Sequence[ProbeResult], asked: Request) -> None:
    kinds = {d.name: str(d.kind) for d in asked.loaded.config.dependency}
    kinds |= {s.name: "service" for s in asked.loaded.config.service}
    if asked.as_json:
        write_json([probe_json(result, kinds[result.name]) for result in results])
    elif asked.plain:
        for result in results:
            checked = f", checked at {clock_text(result.at, asked.zone)}" if result.at else ""
            click.echo(_sentence(result, kinds[result.name]) + checked + ".")
    else:
        for line in table(results, kinds, _coloured if wants_colour() else None):
            click.echo(line)
        click.echo(f"\n{summary(results)}")


def probe_json(result: ProbeResult, kind: str) -> dict[str, Any]:
    """One result as scripts read it; `latency` in seconds, null where there is none; `checked_at` null: not asked."""
    return {
        "name": result.name,
        "kind": kind,
        "target": result.target,
        "state": result.health.value,
        "latency": None if result.latency_s is None else round(result.latency_s, 6),
        "detail": result.detail,
        "checked_at": rfc3339(result.at) if result.at else None,
        "certificate_ends": None if result.certificate_ends is None else rfc3339(result.certificate_ends),
    }


def summary(results: Sequence[ProbeResult]) -> str:
    """One sentence about all results, the bad ones by name."""
    parts = []
    for health in (Health.DOWN, Health.DEGRADED, Health.UNKNOWN):
        names = [safe(result.name) for result in results if result.health is health]
        if names:
            parts.append(f"{health.value}: {', '.join(names)}")
    healthy = sum(result.health is Health.HEALTHY for result in results)
    return "; ".join([f"{healthy} of {len(results)} healthy", *parts]) + "."


def table(
    results: Sequence[ProbeResult], kinds: dict[str, str], style: Callable[[str, Health], str] | None = None
) -> list[str]:
    """Aligned columns under their headings.

    Args:
        style: Colours a state word, padded already; None: no colour.
    """
    rows = [
        (safe(result.name), kinds[result.name], result.health.value, result.target, result.detail) for result in results
    ]
    widths = [max(cells(row[column]) for row in (COLUMNS, *rows)) for column in range(len(COLUMNS))]
    lines = [_line(COLUMNS, widths)]
    for row, result in zip(rows, results, strict=True):
        words = [padded(text, width) for text, width in zip(row, widths, strict=True)]
        if style is not None:
            words[STATE_COLUMN] = style(words[STATE_COLUMN], result.health)
        lines.append(BETWEEN.join(words).rstrip())
    return lines


def _line(words: Sequence[str], widths: Sequence[int]) -> str:
    return BETWEEN.join(padded(word, width) for word, width in zip(words, widths, strict=True)).rstrip()


def _sentence(result: ProbeResult, kind: str) -> str:
    return f"{safe(result.name)}, {kind}, {result.target}: {result.health.value}, {result.detail}"


def _coloured(text: str, health: Health) -> str:
    return click.style(text, fg=COLOURS[health], bold=health is not Health.HEALTHY)
