"""What `incident fix suspects` goes by: the two deploys, the failing trace, and what else changed."""

from __future__ import annotations

import asyncio
import time
from zoneinfo import ZoneInfo

import click

from console.cli.options import at_option
from console.cli.outcome import say
from console.cli.repro_session import read_input
from console.domain.changes import Change
from console.domain.instant import Window
from console.domain.logs import LogRecord
from console.fix.finding import TELLING_KINDS, Finding
from console.fix.frames import Frame, frames_of, traces_in
from console.fixing import LONGEST_S, Subject, deploys_of
from console.guard.sanitise import safe

DEADLINE_S = 20.0
ERROR_SAMPLE = 2_000
MOST_OTHERS = 20


async def search(
    subject: Subject, good: str | None, bad: str | None, trace: str | None, at: str | None, *, first_parent: bool
) -> Finding:
    """The finding for what was asked.

    Raises:
        NotAdmitted: A branch was named.
        Unknown: A deploy is not known, or there is none before the bad one.
        SourceError: The repository cannot be read.
    """
    from sources.suspecting import find

    zone = ZoneInfo(subject.loaded.config.console.timezone)
    now = time.time() if at is None else at_option("--at", at, time.time(), zone)
    later, earlier, since = await deploys_of(subject, good, bad, now)
    if trace is not None:
        frames: tuple[Frame, ...] = frames_of(safe_lines(read_input(trace)))
        traces = 1 if frames else 0
        if not frames:
            raise click.BadParameter("there is no frame of a stack trace in it", param_hint="--trace")
    else:
        frames, traces = traces_in(
            await _errors(subject, Window(max(since, now - LONGEST_S), now)), subject.service.name
        )
    others = await _others(subject, Window(since - LONGEST_S, now))
    return await find(
        subject.tags.repository,
        subject.service.name,
        earlier,
        later,
        frames,
        traces=traces,
        services=[one.name for one in subject.loaded.config.service],
        first_parent=first_parent,
        others=others,
    )


def safe_lines(data: bytes) -> list[str]:
    """The lines of a text from outside."""
    return [safe(line, 2000) for line in data.decode("utf-8", "replace").splitlines()]


async def _errors(subject: Subject, window: Window) -> list[LogRecord]:
    """Records at error level from every log that can be read."""
    from sources.logs import build

    loaded = subject.loaded
    names = [one.name for one in loaded.config.service]
    sources = [build(table, loaded.resolve, names) for table in loaded.config.logs if not table.unreadable()]
    found: list[LogRecord] = []
    for source in sources:
        try:
            async with asyncio.timeout(DEADLINE_S):
                found += (await source.errors(window, ERROR_SAMPLE)).value.records
        except Exception as error:  # without its errors the range is still known
            say(f"{source.name}: {str(error) or type(error).__name__}; its stack traces are not known")
        finally:
            await source.close()
    return found


async def _others(subject: Subject, window: Window) -> list[Change]:
    """Changes of other kinds, newest last."""
    from sources.changes import build

    found: list[Change] = []
    for source in build(subject.loaded.config.changes, (), subject.loaded.resolve):
        try:
            async with asyncio.timeout(DEADLINE_S):
                found += (await source.changes(window)).value
        except Exception as error:
            say(f"{source.name}: {str(error) or type(error).__name__}; its changes are not known")
    mine = [c for c in found if c.kind in TELLING_KINDS and c.service in (None, subject.service.name)]
    return mine[-MOST_OTHERS:]
