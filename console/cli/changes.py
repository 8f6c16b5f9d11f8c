"""`incident changes`: the change timeline, with a standing for each change."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import click

from console.cli.options import Request, cells, common, padded, request, wants_colour, write_json
from console.cli.outcome import Exit, say
from console.domain.changes import BY_DEPLOY, Change, Running
from console.domain.diagnosis import Diagnosis, JudgedChange, Standing
from console.domain.instant import Instant, Window, clock_text, parse_span, rfc3339
from console.domain.reading import SourceReport, SourceState
from console.domain.values import dataclass
from console.guard.sanitise import safe

DAY_S = 86_400.0
"""How far back the timeline goes without --since."""
DEADLINE_S = 30.0
NO_SOURCE = 'no change source is configured: add repository = "…" to a [[service]], or a [[changes]] table'
COLUMNS = ("TIME", "KIND", "SERVICE", "STANDING", "CHANGE", "WHY")
BETWEEN = "  "
COLOURS = {"leading": "red", "possible": "yellow"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline."""

    change: Change
    judged: JudgedChange | None
    """None where the diagnosis did not reach that far back, or was not asked."""
    running: tuple[Running, ...] | None = None
    """What its service runs now; None where that was not asked."""

    @property
    def standing(self) -> str:
        """The standing as a word, empty where there is none."""
        return self.judged.standing.value if self.judged is not None else ""

    @property
    def why(self) -> str:
        """The rule that decided, else what the change says of itself; and why its time may be wrong."""
        said = self.judged.reason if self.judged is not None else self.change.summary
        note = f"observed by {self.change.observed}" if self.change.observed else self.change.time_note
        return f"{said} ({note})" if said and note else said or note


@click.command("changes")
@click.option("--no-standing", is_flag=True, help="Only the timeline: logs and metrics are not read.")
@common
def command(no_standing: bool, since: str | None, **options: Any) -> int:
    """What changed, newest first: deploys from tags, and whatever else is configured. Without --since, the last 24 hours.

    Each change that the diagnosis reaches carries its standing (leading, possible, unlikely, impossible) and the rule that
    decided. What its service runs now, as told by the service or its metrics, and whether the newest deploy says the same,
    is `running` in each entry of --json; for people it follows the timeline.

    \b
    Exit code: 0 every source answered · 3 a source failed or gave only a part · 4 every source failed.
    """
    asked = request(since=since, **options)
    window = asked.window if since else Window(min(asked.window.start, asked.window.end - DAY_S), asked.window.end)
    config = asked.loaded.config
    if not config.changes and not any(service.repository for service in config.service):
        raise click.UsageError(f"{NO_SOURCE} ({asked.loaded.path or asked.loaded.why})")
    entries, reports = asyncio.run(_timeline(asked, window, judge=not no_standing))
    _show(entries, asked)
    if not entries and not asked.as_json:
        click.echo(f"no change between {rfc3339(window.start)} and {rfc3339(window.end)}")
    for report in reports:
        if report.detail:
            say(f"{report.name}: {report.detail}")
    return exit_code(reports)


def exit_code(reports: Sequence[SourceReport]) -> int:
    """The exit code that goes with what the sources answered."""
    states = {report.state for report in reports}
    if states == {SourceState.FAILED}:
        return Exit.SOURCES_DOWN
    return Exit.DONE if states == {SourceState.OK} else Exit.INCONCLUSIVE


async def _timeline(asked: Request, window: Window, *, judge: bool) -> tuple[list[Entry], list[SourceReport]]:
    from console.observe import open_sources
    from sources.changes import merge

    sources = open_sources(asked.loaded)
    try:
        answers = await asyncio.gather(*(_ask(source, window) for source in sources.changes))
        found = merge(change for changes, _ in answers for change in changes)
        diagnosis = await _diagnosis(asked, sources) if judge else None
    finally:
        await sources.close()
    found = (*found, *observed_in(diagnosis, window))
    wanted = [c for c in found if c.at <= asked.at and (not asked.services or c.service in asked.services)]
    return entries_of(sorted(wanted, key=lambda c: (c.at, c.id)), diagnosis), [report for _, report in answers]


async def _ask(source: Any, window: Window) -> tuple[tuple[Change, ...], SourceReport]:
    try:
        async with asyncio.timeout(DEADLINE_S):
            reading = await source.changes(window)
    except Exception as error:  # one source must not hide the changes of the others
        why = f"no answer within {DEADLINE_S:g} s" if isinstance(error, TimeoutError) else str(error)
        return (), SourceReport(source.name, source.kind, SourceState.FAILED, safe(why, 400))
    return reading.value, reading.report


async def _diagnosis(asked: Request, sources: Any) -> Diagnosis:
    """Judged as `incident diagnose` does, over the configured window before the knowledge time."""
    from console.analysis.diagnose import diagnose
    from console.cli.diagnose import step_of
    from console.observe import gather

    end = asked.window.end
    window = Window(end - parse_span(asked.loaded.config.console.window), end)
    seen = await gather(sources, window, asked.at, step_of(window), live=not asked.at_given)
    return diagnose(seen, services=asked.services, generated_at=time.time())


def observed_in(diagnosis: Diagnosis | None, window: Window) -> list[Change]:
    """The changes of a window that no source told and that metrics or logs show."""
    return [
        Change(c.id, c.kind, c.at, c.service, c.version, c.commit, c.summary, c.source, observed=c.observed)
        for c in (diagnosis.changes if diagnosis is not None else ())
        if c.observed and c.at in window
    ]


def entries_of(changes: Sequence[Change], diagnosis: Diagnosis | None) -> list[Entry]:
    """The timeline, newest first."""
    if diagnosis is None:
        return [Entry(change, None) for change in reversed(changes)]
    judged = {(j.id, j.service): j for j in diagnosis.changes}
    return [
        Entry(
            change,
            judged.get((change.id, change.service)),
            tuple(running for running in diagnosis.running if running.service == change.service),
        )
        for change in reversed(changes)
    ]


def entry_json(entry: Entry) -> dict[str, Any]:
    """One entry as scripts read it: the objects of `changes` in `incident diagnose --json`, with three keys more.

    `standing` and `reason` are null where the diagnosis did not reach that far back. `running` holds the objects of the key
    of that name there, those of the entry's service; it is null where nothing was judged.
    """
    from console.report.diagnosis_json import CHANGE, RUNNING
    from console.report.shape import write

    change = entry.change
    judged = entry.judged or JudgedChange(
        change.id, change.kind, change.service, change.at, change.version, change.commit, Standing.POSSIBLE, safe("")
    )
    document = write(replace(judged, version=change.version, commit=change.commit, source=change.source), CHANGE)
    if entry.judged is None:
        document |= {"standing": None, "reason": None}
    running = [write(one, RUNNING) for one in entry.running] if entry.running is not None else None
    return document | {"summary": change.summary or None, "time_note": change.time_note or None, "running": running}


def _show(entries: Sequence[Entry], asked: Request) -> None:
    if asked.as_json:
        write_json([entry_json(entry) for entry in entries])
    elif asked.plain:
        for line in (*(sentence(entry, asked.at, asked.zone) for entry in entries), *running_sentences(entries)):
            click.echo(line)
    elif entries:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        for line in table(entries, asked.at, asked.zone, width, coloured=wants_colour()):
            click.echo(line)
        for line in running_sentences(entries):
            click.echo(line if width is None else _cut(line, width))


def running_sentences(entries: Sequence[Entry]) -> list[str]:
    """What runs now, for services of the timeline of which somebody told it; what disagrees comes first."""
    told = {one for entry in entries for one in entry.running or () if one.source != BY_DEPLOY}
    ordered = sorted(told, key=lambda one: (one.agrees is not False, one.service, one.version or "", one.commit or ""))
    return [_running_sentence(one) for one in ordered]


def _running_sentence(one: Running) -> str:
    build = " ".join(part for part in (one.version, f"({one.commit[:10]})" if one.commit else "") if part)
    agreement = {True: "as its newest deploy says", False: "but its newest deploy says another"}
    words = agreement[one.agrees] if one.agrees is not None else "and no deploy says so or otherwise"
    return f"{one.service} runs {build}, {words}; told by {one.source}."


def sentence(entry: Entry, now: Instant, zone: ZoneInfo) -> str:
    """One entry as one statement that makes sense read aloud."""
    change = entry.change
    what = f"{change.kind} of {change.service}" if change.service else change.kind
    parts = [f"{clock_text(change.at, zone, now=now)}, {what}, {change.id}"]
    if change.version and change.version not in change.id:
        parts.append(f", version {change.version}")
    if entry.standing:
        parts.append(f": {entry.standing}")
    if entry.why:
        parts.append(f"{',' if entry.standing else ':'} {entry.why}")
    return "".join(parts) + "."


def table(
    entries: Sequence[Entry], now: Instant, zone: ZoneInfo, width: int | None = None, *, coloured: bool = False
) -> list[str]:
    """Aligned columns under their headings, cut at `width` where the reader is a terminal."""
    rows = [_row(entry, now, zone) for entry in entries]
    widths = [max(cells(row[column]) for row in (COLUMNS, *rows)) for column in range(len(COLUMNS) - 1)]
    lines = []
    for row in (COLUMNS, *rows):
        words = [padded(text, size) for text, size in zip(row, widths, strict=False)]
        last = row[-1]
        if width is not None:
            last = _cut(last, max(20, width - sum(widths) - len(BETWEEN) * len(widths)))
        if coloured and row[3] in COLOURS:
            words[3] = click.style(words[3], fg=COLOURS[row[3]], bold=True)
        lines.append(BETWEEN.join((*words, last)).rstrip())
    return lines


def _row(entry: Entry, now: Instant, zone: ZoneInfo) -> tuple[str, ...]:
    change = entry.change
    time_text = clock_text(change.at, zone, now=now)
    name = change.id if not change.version or change.version in change.id else f"{change.id} ({change.version})"
    return time_text, change.kind, change.service or "-", entry.standing or "-", name, entry.why


def _cut(text: str, width: int) -> str:
    if cells(text) <= width:
        return text
    from rich.cells import set_cell_size

    return set_cell_size(text, width - 1).rstrip() + "…"
