"""Options that commands share, and what they mean together."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click

from console.config.load import Loaded, load
from console.domain.instant import BadTime, Instant, Window, parse_span, parse_time

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Request:
    """What the common options ask for."""

    loaded: Loaded
    at: Instant
    """The knowledge clock: nothing stamped later may influence the answer."""
    at_given: bool
    """False: `at` is the present, and probes may be asked."""
    window: Window
    services: tuple[str, ...]
    as_json: bool
    plain: bool


def common(function: F) -> F:
    """Add --config, --at, --since, --until, --service, --json and --plain."""
    for option in reversed(
        (
            click.option("--config", "config_path", type=click.Path(path_type=Path), help="Configuration file."),
            click.option(
                "--at", metavar="TIME", help="Knowledge clock: nothing stamped later may influence the answer."
            ),
            click.option(
                "--since", metavar="TIME", help="Start of the window: RFC 3339, HH:MM, epoch seconds, or -30m."
            ),
            click.option("--until", metavar="TIME", help="End of the window; default: the knowledge time."),
            click.option(
                "--service", "services", multiple=True, metavar="NAME", help="Only this service (repeatable)."
            ),
            click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output."),
            click.option("--plain", is_flag=True, help="Linear text: no colour, no cursor movement."),
        )
    ):
        function = option(function)
    return function


def request(
    config_path: Path | None,
    at: str | None,
    since: str | None,
    until: str | None,
    services: tuple[str, ...],
    as_json: bool,
    plain: bool,
) -> Request:
    """Read the configuration and resolve the times.

    Raises:
        ConfigError: The configuration cannot be used.
        BadTime: A time cannot be understood, or the window would end before it starts.
    """
    loaded = load(config_path)
    zone = ZoneInfo(loaded.config.console.timezone)
    now = time.time()
    knowledge = parse_time(at, now, zone) if at else now
    end = min(parse_time(until, knowledge, zone), knowledge) if until else knowledge
    start = parse_time(since, knowledge, zone) if since else end - parse_span(loaded.config.console.window)
    if start > end:
        raise BadTime(f"the window would start ({since}) after it ends ({until or at or 'now'})")
    known = {s.name for s in loaded.config.service} | {d.name for d in loaded.config.dependency}
    for name in services:
        if known and name not in known:
            raise click.BadParameter(
                f"no service {name!r}; configured: {', '.join(sorted(known))}", param_hint="--service"
            )
    return Request(loaded, knowledge, at is not None, Window(start, end), services, as_json, plain)
