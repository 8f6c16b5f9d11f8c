"""Options that commands share, what they mean together, and how what they ask for is written."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any, BinaryIO, TextIO, TypeVar, get_args
from zoneinfo import ZoneInfo

import click

from console.cli.outcome import say
from console.config.load import Loaded, load
from console.config.models import Config, Theme
from console.domain.instant import BadTime, Instant, Window, parse_span, parse_time
from console.domain.values import dataclass

F = TypeVar("F", bound=Callable[..., Any])

config_option = click.option("--config", "config_path", type=click.Path(path_type=Path), help="Configuration file.")
theme_option = click.option("--theme", type=click.Choice(get_args(Theme)), help="Colours for this run.")


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

    @property
    def zone(self) -> ZoneInfo:
        """The display zone."""
        return ZoneInfo(self.loaded.config.console.timezone)


def forms(function: F) -> F:
    """Add --json and --plain, which every command takes that prints."""
    for option in (
        click.option("--plain", is_flag=True, help="Linear text: no colour, no cursor movement."),
        click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output."),
    ):
        function = option(function)
    return function


def common(function: F) -> F:
    """Add --config, --at, --since, --until, --service, --json and --plain."""
    function = forms(function)
    for option in reversed(
        (
            config_option,
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
        )
    ):
        function = option(function)
    return function


def at_option(option: str, text: str, now: Instant, zone: tzinfo) -> Instant:
    """The instant that an option names.

    Raises:
        BadTime: It cannot be understood; the message names the option.
    """
    try:
        return parse_time(text, now, zone)
    except BadTime as error:
        raise BadTime(f"{option}: {error}") from None


def span_option(option: str, text: str) -> float:
    """The seconds of the span that an option names.

    Raises:
        BadTime: It cannot be understood; the message names the option.
    """
    try:
        return parse_span(text)
    except BadTime as error:
        raise BadTime(f"{option}: {error}") from None


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
    knowledge = now if at is None else at_option("--at", at, now, zone)
    end = knowledge if until is None else min(at_option("--until", until, knowledge, zone), knowledge)
    start = (
        at_option("--since", since, knowledge, zone)
        if since is not None
        else end - parse_span(loaded.config.console.window)
    )
    if start > end:
        raise BadTime(f"the window would start ({since}) after it ends ({until or at or 'now'})")
    require_known(services, loaded.config)
    return Request(loaded, knowledge, at is not None, Window(start, end), services, as_json, plain)


def require_known(services: Sequence[str], config: Config) -> None:
    """Look whether --service names what is configured.

    Raises:
        click.BadParameter: One is not.
    """
    known = {s.name for s in config.service} | {d.name for d in config.dependency}
    for name in services:
        if known and name not in known:
            raise click.BadParameter(
                f"no service {name!r}; configured: {', '.join(sorted(known))}", param_hint="--service"
            )


def say_unused(why: str, options: Mapping[str, str | Path | tuple[str, ...] | None]) -> None:
    """Say which of the options given change nothing for a command; a time must be one all the same.

    Args:
        why: The reason, as the beginning of a sentence.
        options: Every option that has no effect, with what was given.

    Raises:
        BadTime: A time cannot be understood.
    """
    for option in ("--at", "--since", "--until"):
        text = options.get(option)
        if isinstance(text, str):
            at_option(option, text, time.time(), UTC)
    given = [option for option, value in options.items() if value not in (None, ())]
    if given:
        named = " and ".join([", ".join(given[:-1]), given[-1]] if len(given) > 1 else given)
        say(f"{why}: {named} {'change' if len(given) > 1 else 'changes'} nothing here")


def write_json(document: Any) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2))


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a standard stream leads to a terminal; None is how Python says that it is closed."""
    return stream is not None and stream.isatty()


def standard_input() -> BinaryIO:
    """Standard input as bytes, to be read to its end.

    Raises:
        click.UsageError: It is closed.
    """
    if sys.stdin is None:
        raise click.UsageError("- reads standard input, which is closed here: lead a file or a pipe into it")
    return sys.stdin.buffer


def wants_colour() -> bool:
    """Whether standard output is a terminal that shows colour, and its user wants some."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") not in (None, "", "dumb")


def cells(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # only for names in wide scripts

    return cell_len(text)


def padded(text: str, width: int) -> str:
    """The text with blanks up to a width in columns."""
    return text + " " * (width - cells(text))
