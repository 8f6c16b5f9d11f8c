"""`incident patterns`: which log lines are new, surged or gone in a window, and what failing records have in common."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click

from console.analysis.constants import PATTERN_BASELINE_WINDOWS, TREND_STEPS
from console.cli.logs import Asked, answers, asked_of, closing
from console.cli.options import common, request, wants_colour, write_json
from console.cli.outcome import Exit, say
from console.domain.diagnosis import BaselineWindow
from console.domain.instant import Window
from console.domain.logs import LogRecord, record_id
from console.domain.reading import Cost, Reading, SourceReport, SourceState
from console.domain.shapes import ExceptionCounts, PatternReport, ShapeCounts
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.sanitise import safe
from console.query.ast import And, Query
from console.query.parse import parse
from sources.base import SourceError
from sources.logs.files import FileLogSource

DAY_S = 86400.0
LEAST_YESTERDAY_S = 3600.0
"""The same hour of the day before is compared with too, where the logs reach back that far."""
SAMPLE = 6_000
"""Records of the window in which failing ones are told from others."""
ERROR_SAMPLE = 2_000


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one source says."""

    now: ShapeCounts
    before: tuple[ShapeCounts, ...]
    """For each stretch of the baseline."""
    exceptions: ExceptionCounts
    exceptions_before: tuple[ExceptionCounts, ...]
    """Asked for where the window has any."""
    records: tuple[LogRecord, ...]
    """Of the window: an even sample of all, and one of the errors."""


@click.command("patterns")
@common
def command(**options: Any) -> int:
    """Log patterns of the window against its baseline: what is new, surged or gone.

    The baseline is the six windows' length before the window, and the same hour of the day before, where there are logs of it.

    \b
    Exit code: 0 compared · 3 a source is missing, or there are no lines · 4 no source answers.
    """
    asked = asked_of("", request(**options))
    if asked.request.window.seconds <= 0:
        raise click.UsageError("the window is empty: --since must lie before --until")
    return asyncio.run(closing(asked, _compare))


def baselines(window: Window) -> tuple[BaselineWindow, ...]:
    """The stretches that a window is compared with."""
    before = window.before(PATTERN_BASELINE_WINDOWS * window.seconds)
    length = max(LEAST_YESTERDAY_S, window.seconds)
    middle = (window.start + window.end) / 2 - DAY_S
    yesterday = Window(middle - length / 2, middle + length / 2)
    found = [BaselineWindow(before, SafeText("just before"))]
    if yesterday.end <= before.start:
        found.append(BaselineWindow(yesterday, SafeText("the same hour of the day before")))
    return tuple(found)


async def _compare(asked: Asked) -> int:
    window = asked.request.window
    compared = baselines(window)
    readings, _ = await answers(asked, lambda source: _read(source, window, compared, asked.query))
    seen = [reading.value for reading in readings if reading.value is not None]
    report = _report(asked, compared, seen, [reading.report for reading in readings])
    _show(report, asked)
    if not seen:
        return Exit.SOURCES_DOWN
    if not report.lines and not report.baseline_lines:
        say("there are no log lines in the window or before it")
        return Exit.INCONCLUSIVE
    return Exit.INCONCLUSIVE if len(seen) < len(readings) else Exit.DONE


async def _read(
    source: FileLogSource, window: Window, compared: Sequence[BaselineWindow], query: Query | None
) -> Reading[_Seen | None]:
    """Ask a source about one stretch after the other; what is asked about the same one is read in one pass."""
    errors = parse("level:>=error")
    assert errors is not None
    try:
        now, raised, records, failed = await asyncio.gather(
            source.shapes(window, window.seconds / TREND_STEPS, query),
            source.exceptions(window, query),
            source.sample(window, query, SAMPLE),
            source.sample(window, errors if query is None else And((query, errors)), ERROR_SAMPLE),
        )
        before, raised_before = [], []
        for one in compared:
            shapes = source.shapes(one.window, one.window.seconds, query)
            if raised.value.groups:
                counted, exceptions = await asyncio.gather(shapes, source.exceptions(one.window, query))
                raised_before.append(exceptions)
            else:
                counted = await shapes
            before.append(counted)
    except SourceError as error:
        report = SourceReport(source.name, source.kind, SourceState.FAILED, safe(str(error), 400), role="logs")
        return Reading(None, time.time(), report)
    known = {record_id(record): record for record in (*records.value.records, *failed.value.records)}
    value = _Seen(
        now.value,
        tuple([reading.value for reading in before]),
        raised.value,
        tuple([reading.value for reading in raised_before]),
        tuple(known.values()),
    )
    return Reading(value, now.observed_at, _one_report([now, *before]), now.warnings)


def _one_report(readings: Sequence[Reading[ShapeCounts]]) -> SourceReport:
    """The report of all that a source was asked."""
    worst = next((r for r in readings if r.report.state is not SourceState.OK), readings[0]).report
    cost = sum((reading.report.cost for reading in readings), Cost())
    return replace(worst, records=sum(reading.report.records or 0 for reading in readings), cost=cost)


def _report(
    asked: Asked, compared: Sequence[BaselineWindow], seen: Sequence[_Seen], sources: Sequence[SourceReport]
) -> PatternReport:
    from console.analysis.contrast import excess
    from console.analysis.exceptions import compared as exceptions_compared
    from console.analysis.patterns import compare_counts, without_secrets
    from console.live.secrets import hidden, hidden_exception

    before = [counts for one in seen for counts in one.before]
    found = compare_counts([one.now for one in seen], before)
    held = [base for place, base in enumerate(compared) if any(one.before[place].shapes for one in seen)]
    records = hidden(record for one in seen for record in one.records)
    exceptions = exceptions_compared(
        [one.exceptions.groups for one in seen],
        [counts.groups for one in seen for counts in one.exceptions_before],
    )
    window = asked.request.window
    return PatternReport(
        generated_at=time.time(),
        at=asked.request.at,
        window=window,
        baseline=tuple(held or compared[:1]),
        patterns=tuple([without_secrets(pattern) for pattern in found.patterns]),
        trend_step_s=window.seconds / TREND_STEPS,
        lines=found.lines,
        baseline_lines=found.baseline_lines,
        baseline_too_small=found.too_small,
        exceptions=tuple([hidden_exception(group) for group in exceptions]),
        fields=excess([r for r in records if r.failed], [r for r in records if not r.failed]),
        sampled=any(counts.sampled for counts in (*before, *(one.now for one in seen))),
        sources=tuple(sources),
    )


def _show(report: PatternReport, asked: Asked) -> None:
    if asked.request.as_json:
        from console.report.patterns_json import patterns_json

        write_json(patterns_json(report))
        return
    from console.report.patterns_text import patterns_text

    colour = not asked.request.plain and wants_colour()
    click.echo(patterns_text(report, asked.request.zone, _style if colour else None), nl=False)


def _style(text: str, name: str) -> str:
    return click.style(text, bold=True) if name == "bold" else click.style(text, fg=name, bold=True)
