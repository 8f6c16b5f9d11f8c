"""`incident logs`: filtered log lines, their number, their histogram, or new ones as they come."""

from __future__ import annotations

import asyncio
import sys
import time
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, aclosing
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from typing import Any, TypeVar

import click
import msgspec

from console.cli.given_files import STANDARD_INPUT, given
from console.cli.options import Request, common, request, span_option, wants_colour
from console.cli.outcome import Exit, say
from console.cli.query_words import QueryCommand
from console.config.effective import index_folder
from console.config.load import ConfigError
from console.domain.instant import BadTime, Instant, Window, rfc3339, span_text
from console.domain.logs import Level, LogHistogram, LogRecord, NewRecords
from console.domain.reading import Reading, SourceState
from console.domain.values import dataclass
from console.query.ast import And, FieldTest, Or, Query
from console.query.evaluate import compile_query
from console.query.parse import QueryError, parse
from sources.base import SourceError
from sources.logs import build
from sources.logs.collect import MOST_PAGE
from sources.logs.files import FileLogSource, InProcess
from sources.logs.index import Indexes

ON_A_TERMINAL = 1_000
"""Records shown without --limit where a person reads."""
IN_A_PIPE = 50_000
"""Records written without --limit where a program reads; they are in memory before the first is written."""
BEFORE_FOLLOWING = 10
"""Records shown before the new ones, without --limit."""
MOST_BUCKETS = 20_000
_BAR = 40
_COLOURS = {Level.WARN: "yellow", Level.ERROR: "red", Level.FATAL: "red"}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options and the argument ask for."""

    request: Request
    query: Query | None
    sources: Sequence[FileLogSource]


@click.command("logs", cls=QueryCommand)
@click.argument("query", required=False, default="")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--count", "only_count", is_flag=True, help="Only how many records match.")
@click.option("--histogram", metavar="STEP", help="Matches, errors and latencies per step of time, such as 10s.")
@click.option("--follow", is_flag=True, help="New records as they are written, until interrupted.")
@click.option(
    "--limit",
    type=click.IntRange(1, MOST_PAGE),
    help=f"The newest N records; default {ON_A_TERMINAL} on a terminal, {IN_A_PIPE} in a pipe; at most {MOST_PAGE}.",
)
@common
def command(
    query: str,
    files: tuple[str, ...],
    only_count: bool,
    histogram: str | None,
    follow: bool,
    limit: int | None,
    **options: Any,
) -> int:
    """Filtered log lines of the window, oldest first.

    QUERY: words and "quoted phrases", /regular expressions/, field:value, field:>=500, level:>=warn, status:5xx, latency:>2s,
    -term, AND, OR and parentheses; "" matches everything.

    FILE: read instead of the configured logs, from its beginning unless --since is given; - is standard input.
    """
    if sum((only_count, histogram is not None, follow)) > 1:
        raise click.UsageError("only one of --count, --histogram and --follow can be given")
    if follow and STANDARD_INPUT in files:
        raise click.UsageError("--follow needs a file that can be read again; standard input is read to its end")
    with ExitStack() as stack:
        step_s = span_option("--histogram", histogram) if histogram is not None else 0.0
        if not files:
            asked = asked_of(query, request(**options))
        else:
            asked = _of_files(query, request(**options), files, stack, whole=not options["since"], step_s=step_s)
        return _answered(asked, only_count, histogram, follow, limit, until_given=bool(options["until"]))


def _answered(
    asked: Asked, only_count: bool, histogram: str | None, follow: bool, limit: int | None, *, until_given: bool
) -> int:
    if follow and (asked.request.at_given or until_given):
        raise click.UsageError("--follow shows what is written from now on: leave --at and --until out")
    if only_count:
        return asyncio.run(closing(asked, _count))
    if histogram is not None:
        step_s = _step(histogram, asked.request.window)
        return asyncio.run(closing(asked, lambda a: _histogram(a, step_s)))
    if follow:
        return asyncio.run(closing(asked, lambda a: _follow(a, limit or BEFORE_FOLLOWING)))
    return asyncio.run(closing(asked, lambda a: _page(a, limit)))


def asked_of(text: str, asked: Request) -> Asked:
    """What is asked of which sources.

    Raises:
        click.UsageError: The text is no query.
        ConfigError: No logs are configured.
    """
    query = _query(text, asked.services, asked.loaded.config.field_names())
    config = asked.loaded.config
    if not config.logs:
        where = asked.loaded.path or "the configuration"
        raise ConfigError(f"{where}: there is no [[logs]] table, so there are no log lines to read; add one with paths")
    names = [service.name for service in config.service]
    folder = index_folder(asked.loaded)
    runner = InProcess(Indexes(folder) if folder is not None else None)
    return Asked(asked, query, [build(one, asked.loaded.resolve, names, runner) for one in config.logs])


def _of_files(
    text: str, asked: Request, names: Sequence[str], stack: ExitStack, *, whole: bool, step_s: float
) -> Asked:
    """What is asked of named files.

    Args:
        text, asked: The query and the common options.
        names: Of the files.
        stack: Holds what the files need as long as they are read.
        whole: The window begins with the files, wherever that is.
        step_s: Where it is not 0, the window is where their stamps are, and begins at a multiple of it.
    """
    query = _query(text, asked.services, asked.loaded.config.field_names())
    source = stack.enter_context(given(names, asked.loaded.config.console.timezone))
    if whole:
        window = Window(min(0.0, asked.window.end), asked.window.end)
        reach = asyncio.run(source.reach()) if step_s > 0 else None
        if reach is not None:
            end = min(window.end, (reach.end // step_s + 1) * step_s)
            window = Window(min(reach.start // step_s * step_s, end), end)
        asked = replace(asked, window=window)
    return Asked(asked, query, [source])


def _query(text: str, services: Sequence[str], names: Mapping[str, str]) -> Query | None:
    try:
        query = parse(text, names)
    except QueryError as error:
        raise click.UsageError(f"{error}\n  {text}\n  {' ' * (error.column - 1)}^") from None
    if services:
        tests: tuple[Query, ...] = tuple(FieldTest("service", "=", name) for name in services)
        chosen = tests[0] if len(tests) == 1 else Or(tests)
        query = chosen if query is None else And((chosen, query))
    return query


def _step(text: str, window: Window) -> float:
    step_s = span_option("--histogram", text)
    if step_s <= 0 or window.seconds / step_s > MOST_BUCKETS:
        raise BadTime(
            f"--histogram {text}: the step must be longer than 0 and cut the window into at most {MOST_BUCKETS} parts"
        )
    return step_s


async def closing(asked: Asked, action: Callable[[Asked], Any]) -> int:
    """Do it, and close the sources."""
    try:
        code: int = await action(asked)
        return code
    finally:
        for source in asked.sources:
            await source.close()


async def answers(asked: Asked, ask: Callable[[FileLogSource], Awaitable[Reading[T]]]) -> tuple[list[Reading[T]], bool]:
    """What every source answers, and whether that leaves the question open: one could not answer, or was read only in part
    and nothing was found in it. What went wrong is said on standard error.

    Raises:
        click.exceptions.Exit: With 4, where no source answers.
    """
    results = await asyncio.gather(*(ask(source) for source in asked.sources), return_exceptions=True)
    readings: list[Reading[T]] = []
    empty = False
    for source, result in zip(asked.sources, results, strict=True):
        if isinstance(result, SourceError):
            say(f"{source.name}: {result}")
        elif isinstance(result, BaseException):
            raise result
        else:
            readings.append(result)
            if result.report.state is not SourceState.OK or result.warnings:
                say(f"{source.name}: {result.report.detail}")
            empty = empty or (result.report.state is SourceState.PARTIAL and not result.report.records)
    if not readings:
        raise click.exceptions.Exit(Exit.SOURCES_DOWN)
    return readings, empty or len(readings) < len(results)


async def _count(asked: Asked) -> int:
    readings, missing = await answers(asked, lambda source: source.page(asked.request.window, asked.query, 0))
    total = sum(reading.value.matched for reading in readings)
    if asked.request.as_json:
        _json(
            {
                "count": total,
                "scanned_bytes": sum(reading.value.scanned_bytes for reading in readings),
                "window": _window(asked.request.window),
                "sampled": any(reading.value.sampled for reading in readings),
            }
        )
    else:
        click.echo(str(total))
    return Exit.INCONCLUSIVE if missing else Exit.DONE


async def _histogram(asked: Asked, step_s: float) -> int:
    window = asked.request.window
    readings, missing = await answers(asked, lambda source: source.histogram(window, step_s, asked.query))
    rows = _rows([reading.value for reading in readings])
    if asked.request.as_json:
        _json(
            {
                "window": _window(window),
                "step_s": step_s,
                "count": sum(row["count"] for row in rows),
                "scanned_bytes": sum(reading.report.cost.bytes for reading in readings),
                "sampled": False,
                "buckets": rows,
            }
        )
    else:
        _draw(rows, asked.request.zone, step_s)
    return Exit.INCONCLUSIVE if missing else Exit.DONE


def _rows(histograms: list[LogHistogram]) -> list[dict[str, Any]]:
    """One row a bucket, the sources added up; a latency that no record tells is None."""
    rows = []
    first = histograms[0].counts
    for index in range(len(first.buckets)):
        levels: dict[str, int] = {}
        values = array("d")
        for one in histograms:
            values.extend(one.latencies[index])
            for level, number in one.counts.buckets[index].items():
                levels[level.word] = levels.get(level.word, 0) + number
        ordered = sorted(values)
        rows.append(
            {
                "start": rfc3339(first.start + index * first.step_s),
                "count": sum(levels.values()),
                "levels": levels,
                **{f"latency_p{round(share * 100)}": _quantile(ordered, share) for share in (0.5, 0.95, 0.99)},
            }
        )
    return rows


def _quantile(ordered: list[float], share: float) -> float | None:
    from sources.logs.derive import quantile  # only here is it needed

    return round(quantile(ordered, share), 6) if ordered else None


def _draw(rows: list[dict[str, Any]], zone: tzinfo, step_s: float) -> None:
    most = max((row["count"] for row in rows), default=0)
    digits = len(str(most))
    form = "%Y-%m-%d %H:%M:%S" if step_s >= 1 else "%Y-%m-%d %H:%M:%S.%f"
    click.echo(f"{'time':<19}  {'count':>{max(5, digits)}}  errors  p99")
    for row in rows:
        bar = "#" * round(_BAR * row["count"] / most) if most else ""
        bad = row["levels"].get("error", 0) + row["levels"].get("fatal", 0)
        p99 = row["latency_p99"]
        at = datetime.fromisoformat(row["start"]).astimezone(zone).strftime(form)
        shown = latency_text(p99) if p99 is not None else "-"
        click.echo(f"{at:<19}  {row['count']:>{max(5, digits)}}  {bad:>6}  {shown:<6} {bar}".rstrip())


async def _page(asked: Asked, limit: int | None) -> int:
    most = limit or (ON_A_TERMINAL if sys.stdout.isatty() else IN_A_PIPE)
    readings, missing = await answers(asked, lambda source: source.page(asked.request.window, asked.query, most))
    matched = sum(reading.value.matched for reading in readings)
    records = sorted((r for reading in readings for r in reading.value.records), key=_at)[-most:]
    write = _writer(asked)
    for record in records:
        write(record)
    if matched > len(records) and limit is None:
        say(
            f"the newest {len(records)} of {matched} matching records; --limit {min(matched, MOST_PAGE)} shows {'all' if matched <= MOST_PAGE else 'the most'}"
        )
    if not matched:
        say(f"no record matches between {rfc3339(asked.request.window.start)} and {rfc3339(asked.request.window.end)}")
        return Exit.INCONCLUSIVE if missing else Exit.INCIDENT
    return Exit.DONE


async def _follow(asked: Asked, limit: int) -> int:
    """The last records, then the new ones. The tails take their positions first, so that nothing falls between the two; what
    the page holds of what was written after that is not shown once more."""
    matches = compile_query(asked.query).matches
    write = _writer(asked, flush=True)
    shown: dict[tuple[str, str, int], LogRecord] = {}

    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(aclosing(source.follow())) for source in asked.sources]
        begin = {source.name: (await anext(one)).begin for source, one in zip(asked.sources, streams, strict=True)}
        window = Window(asked.request.window.start, max(asked.request.window.end, time.time() + 1.0))
        readings, _ = await answers(asked, lambda source: source.page(window, asked.query, limit))
        for record in sorted((r for reading in readings for r in reading.value.records), key=_at)[-limit:]:
            if record.offset >= begin.get(record.source, {}).get(record.file, record.offset + 1):
                shown[_place(record)] = record
            write(record)

        async def pump(stream: AsyncIterator[NewRecords]) -> None:
            one_in = 1
            async for batch in stream:
                if batch.one_in != one_in:
                    one_in = batch.one_in
                    say(
                        "showing every record"
                        if one_in == 1
                        else f"showing 1 in {one_in}: they come faster than they can be read"
                    )
                for record in batch:
                    # Taken out, since after a rotation another record begins at the same place; unlike, where the page
                    # came in the middle of a line.
                    before = shown.pop(_place(record), None)
                    known = before is not None and (before.message, before.extra) == (record.message, record.extra)
                    if not known and matches(record):
                        write(record)

        async with asyncio.TaskGroup() as group:
            for stream in streams:
                group.create_task(pump(stream), name="follow")
    return Exit.DONE


def _place(record: LogRecord) -> tuple[str, str, int]:
    return record.source, record.file, record.offset


def _at(record: LogRecord) -> Instant:
    return record.at if record.at is not None else 0.0


def _writer(asked: Asked, *, flush: bool = False) -> Callable[[LogRecord], None]:
    """Writes one record to standard output, as JSON or as text."""
    if asked.request.as_json:
        encode = msgspec.json.Encoder().encode
        binary = sys.stdout.buffer

        def as_json(record: LogRecord) -> None:
            binary.write(encode(document(record)) + b"\n")
            if flush:
                binary.flush()

        return as_json
    colour = not asked.request.plain and wants_colour()
    zone = asked.request.zone

    def as_text(record: LogRecord) -> None:
        for line in lines(record, zone, colour=colour):
            click.echo(line)

    return as_text


def document(record: LogRecord) -> dict[str, Any]:
    """A record as JSON: what it does not tell is null."""
    return {
        "time": rfc3339(record.at) if record.at is not None else None,
        "level": record.level.word,
        "service": record.service or None,
        "message": record.message,
        "operation": record.operation or None,
        "status": record.status,
        "latency_s": round(record.latency_s, 6) if record.latency_s is not None else None,
        "trace_id": record.trace_id or None,
        "extra": list(record.extra),
        "fields": dict(record.fields),
        "source": record.source,
        "file": record.file or None,
        "offset": record.offset if record.offset >= 0 else None,
    }


def lines(record: LogRecord, zone: tzinfo = UTC, *, colour: bool = False) -> list[str]:
    """A record as lines for a person: time, level, service, what was asked and what came of it, message; then the rest."""
    moment = datetime.fromtimestamp(round(record.at, 3), zone) if record.at is not None else None  # as in JSON
    stamp = f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}" if moment else "-"
    level = f"{'' if record.level is Level.UNKNOWN else record.level.word.upper():<6}"
    if colour and record.level in _COLOURS:
        level = click.style(level, fg=_COLOURS[record.level], bold=record.level is Level.FATAL)
    parts = [stamp, level, record.service or "-"]
    if record.operation:
        parts.append(record.operation)
    if record.status is not None:
        parts.append(str(record.status))
    if record.latency_s is not None:
        parts.append(latency_text(record.latency_s))
    return [" ".join(parts) + "  " + record.message, *("    " + line for line in record.extra)]


def latency_text(seconds: float) -> str:
    """How long a request took, to three digits: `0.9ms`, `44.9ms`, `250ms`, `2.5s`, `59.9s`, `2m30s`."""
    if seconds < 1e-6:
        return "0ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.3g}ms"
    if seconds < 119.5:
        return f"{seconds:.3g}s"
    if seconds < 7199.5:
        return f"{round(seconds) // 60}m{round(seconds) % 60:02d}s"
    return span_text(seconds)


def _window(window: Window) -> dict[str, str]:
    return {"start": rfc3339(window.start), "end": rfc3339(window.end)}


def _json(value: dict[str, Any]) -> None:
    click.echo(msgspec.json.encode(value).decode())
