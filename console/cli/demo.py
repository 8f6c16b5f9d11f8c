"""`incident demo`: the practice system, with the console on it."""

from __future__ import annotations

import random
import signal
import sys
from typing import Any

import click

from console.cli.options import forms, theme_option, write_json
from console.cli.outcome import Exit, say
from console.demo import scenarios
from console.domain.instant import clock_text

STOPPED_BY = {signal.SIGINT: Exit.INTERRUPTED.value, signal.SIGTERM: 143, signal.SIGHUP: 129}


class _Stopped(BaseException):
    """A signal ended the wait."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code


@click.command(
    "demo",
    short_help="starts a small live system with a fault in it, and opens the console on it",
    epilog="`incident demo --list` explains the scenarios.",
)
@click.argument("scenario", required=False, default=scenarios.DEFAULT)
@click.option("--list", "listing", is_flag=True, help="Explain the scenarios, one line each.")
@click.option("--headless", is_flag=True, help="Print the configuration's path and run until interrupted.")
@click.option("--seed", type=int, help="Make the system behave the same again, as far as a live system can.")
@click.option("--fault-after", type=click.FloatRange(0, 86400), default=3.0, hidden=True)
@theme_option
@forms
def command(
    scenario: str,
    listing: bool,
    headless: bool,
    seed: int | None,
    fault_after: float,
    theme: str | None,
    as_json: bool,
    plain: bool,
) -> int:
    """Start a small live system on loopback, bring a fault into it, and open the console on it.

    Everything is real and local: HTTP services, log files, metrics, a git repository with deploy tags. All of it is gone when
    the command ends.
    """
    if theme and (listing or headless):
        raise click.UsageError("--theme goes with the console: with --list and --headless there is no screen")
    if listing:
        _list(as_json, plain)
        return Exit.DONE
    if as_json and not headless:
        raise click.UsageError("--json goes with --list or --headless: the console prints nothing")
    if scenarios.find(scenario) is None:
        raise click.BadParameter(_unknown(scenario), param_hint="SCENARIO")
    chosen = random.randrange(1 << 31) if seed is None else seed
    if headless:
        return _headless(scenario, chosen, fault_after, as_json)
    return _console(scenario, chosen, fault_after, theme)


def _list(as_json: bool, plain: bool) -> None:
    if as_json:
        write_json([{"name": one.name, "summary": one.summary} for one in scenarios.SCENARIOS])
        return
    width = 0 if plain else max(map(len, scenarios.names()))
    for one in scenarios.SCENARIOS:
        click.echo(f"{one.name}: {one.summary}" if plain else f"{one.name:<{width}}  {one.summary}")


def _unknown(scenario: str) -> str:
    close = scenarios.nearest(scenario)
    hint = f"did you mean {close!r}?" if close else "`incident demo --list` explains them all."
    return f"no scenario {scenario!r}; {hint}"


def _console(scenario: str, seed: int, fault_after: float, theme: str | None) -> int:
    from console.cli.run import open_console
    from console.config.load import load
    from console.demo.launch import Demo, DemoFailed

    say(f"starting the practice system ({scenario}, seed {seed}) …")
    with Demo(scenario, seed, fault_after) as demo:
        try:
            config = demo.wait_ready()
        except DemoFailed as error:
            raise click.ClickException(str(error)) from None
        return open_console(load(config), theme)


def _headless(scenario: str, seed: int, fault_after: float, as_json: bool) -> int:
    from console.demo.launch import Demo, DemoFailed

    def stop(number: int, frame: object) -> None:
        raise _Stopped(STOPPED_BY[signal.Signals(number)])

    before = {number: signal.signal(number, stop) for number in STOPPED_BY}
    demo: Demo | None = None
    try:
        demo = Demo(scenario, seed, fault_after)
        config = str(demo.wait_ready())
        if as_json:
            write_json({"config": config, "scenario": scenario, "seed": seed})
        else:
            click.echo(config)
        sys.stdout.flush()
        say(f"{scenario}, seed {seed}; runs until interrupted")
        return _follow(demo)
    except DemoFailed as error:
        raise click.ClickException(str(error)) from None
    except _Stopped as stopped:
        return stopped.code
    finally:
        for number in STOPPED_BY:
            signal.signal(number, signal.SIG_IGN)
        if demo is not None:
            demo.close()
        for number, handler in before.items():
            signal.signal(number, handler)


def _follow(demo: Any) -> int:
    """Tell what happens until it ends."""
    while True:
        event = demo.event(3600.0)
        if event is None:
            continue
        if event["event"] == "ended":
            say("the practice system ended by itself")
            return Exit.USAGE
        what = " ".join(str(value) for name, value in event.items() if name not in {"at", "event"})
        at = f" at {clock_text(event['at'])} UTC" if isinstance(event.get("at"), float) else ""
        say(f"{event['event']}: {what}{at}")
