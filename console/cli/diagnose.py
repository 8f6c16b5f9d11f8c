"""`incident diagnose`: one diagnosis, no screen."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import click

from console.cli.options import Request, common, request, wants_colour, write_json
from console.cli.outcome import Exit, say
from console.domain.diagnosis import Diagnosis, State
from console.domain.instant import Window
from console.domain.observations import Observations

POINTS = 120
"""Steps in the window: 15 s in half an hour, so that a minute of trouble is four of them."""
FINEST_S, COARSEST_S = 5.0, 300.0
EXITS = {
    State.HEALTHY: Exit.DONE,
    State.DEGRADING: Exit.INCIDENT,
    State.INCIDENT: Exit.INCIDENT,
    State.RECOVERING: Exit.INCIDENT,
    State.INCONCLUSIVE: Exit.INCONCLUSIVE,
}
"""Something is wrong, or was a moment ago: 1. Only `healthy` is 0, so that a script cannot take doubt for health."""


@click.command("diagnose")
@common
def command(**options: Any) -> int:
    """Say what broke, since when, what changed and who is at fault, from everything that is configured.

    \b
    Exit code: 0 healthy · 1 incident, degrading or recovering · 3 inconclusive · 4 every needed source is down.
    """
    from sources.logs.garbage import no_collection

    asked = request(**options)
    found: list[Observations] = []
    with no_collection():  # this process ends with its answer
        asyncio.run(_observe(asked, found))
        diagnosis = _judge(found[0], asked)
        _show(diagnosis, asked)
    return exit_code(diagnosis)


def exit_code(diagnosis: Diagnosis) -> int:
    """The exit code that goes with a diagnosis."""
    from console.analysis.verdict import all_down

    if diagnosis.state is State.INCONCLUSIVE and all_down(diagnosis.sources):
        return Exit.SOURCES_DOWN
    return EXITS[diagnosis.state]


def step_of(window: Window) -> float:
    """Width of a step that shows a minute of trouble in a short window and stays affordable in a long one."""
    return min(COARSEST_S, max(FINEST_S, window.seconds / POINTS))


async def _observe(asked: Request, found: list[Observations]) -> None:
    """Append what was seen. A result of the task itself would be turned into text when asyncio gives SIGINT back."""
    from console.observe import gather, open_sources

    sources = open_sources(asked.loaded)
    try:
        found.append(await gather(sources, asked.window, asked.at, step_of(asked.window), live=not asked.at_given))
    finally:
        await sources.close()


def _judge(observations: Observations, asked: Request) -> Diagnosis:
    from console.analysis.diagnose import diagnose

    return diagnose(observations, services=asked.services, generated_at=time.time())


def _show(diagnosis: Diagnosis, asked: Request) -> None:
    if asked.as_json:
        from console.report.diagnosis_json import diagnosis_json

        write_json(diagnosis_json(diagnosis))
        return
    from console.report.diagnosis_text import human_text, plain_text

    if asked.plain:
        click.echo(plain_text(diagnosis, asked.zone), nl=False)
    else:
        click.echo(human_text(diagnosis, asked.zone, _style if wants_colour() else None), nl=False)
    if not diagnosis.sources:
        say("nothing is configured to be read; `incident config init` writes a start")


def _style(text: str, name: str) -> str:
    if name == "bold":
        return click.style(text, bold=True)
    return click.style(text, dim=True) if name == "dim" else click.style(text, fg=name, bold=True)
