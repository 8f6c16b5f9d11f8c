"""The log engine beside lnav, goaccess, ripgrep and toolong, on files of a known content."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.live import INCIDENT, PAST_LINES, console, log_file, typed_letters, wait
from benchmarks.make_logs import INCIDENT as TROUBLE
from benchmarks.make_logs import SPAN_S, START, Plan, Truth, stamp, write
from benchmarks.options import Options
from benchmarks.peers import find
from benchmarks.processes import Measured, measure
from benchmarks.table import Peer, Row
from benchmarks.terminal import Terminal
from benchmarks.viewers import FOUND, NEEDLE, goaccess_report, lnav_aggregate, lnav_setup, lnav_total, toolong_find
from console.config.load import load
from console.domain.instant import Window, rfc3339
from console.query.parse import parse
from sources.logs import build
from sources.logs.client import WorkerRunner
from sources.logs.engine import Engine
from sources.logs.files import InProcess
from sources.logs.index import Indexes
from sources.logs.reading import Reader

WINDOW_S = 600.0
STEP = "10s"
FILTER = "level:>=info"
"""Leaves the debug lines out, in every aggregate."""
LITERAL = "deadline of"
FREQUENT = "request served"
IN_A_KEY = "customer"
"""Stands in many messages, and in the name of a key of every line, which is no text of a record."""
EXPRESSION = r"took \d{5} ms"
NO_LITERAL = r"\d{9}"
SMALL = 5
"""The logfmt and nginx files are this many times smaller than the large one."""
LINES_PER_S = 10_000
BACKLOG_LINES = 300_000
PATIENCE_S = 120.0
GOACCESS_RUNS = 1


@dataclass(frozen=True)
class File:
    """A written log, its configuration, and what is in it."""

    path: Path
    config: Path
    plan: Plan
    truth: Truth

    @property
    def window(self) -> Window:
        """The window of the incident."""
        assert self.plan.incident is not None
        return Window(*self.plan.incident)

    @property
    def whole(self) -> Window:
        """Everything in the file."""
        return Window(self.plan.start, self.plan.start + self.plan.span_s)

    @property
    def filtered(self) -> int:
        """Lines that the filter keeps."""
        return self.truth.lines - (self.truth.levels["debug"] if self.plan.form != "nginx" else 0)


def make(folder: Path, form: str, size_bytes: int, span_s: float) -> File:
    """A log with ten minutes of trouble at 60 % of its span.

    Raises:
        OSError: It cannot be written.
    """
    place = folder / f"{form}-{size_bytes}"
    place.mkdir()
    start = round(START + 0.6 * span_s)
    plan = Plan(form, size_bytes, span_s=span_s, incident=(start, start + WINDOW_S))
    config = place / "incident.toml"
    service = 'service = "edge"' if form == "nginx" else 'service_field = "service"'
    config.write_text(f'[console]\nstate_dir = "state"\n[[logs]]\nname = "app"\npaths = ["app.log"]\n{service}\n')
    return File(place / "app.log", config, plan, write(place / "app.log", plan))


def run(options: Options) -> Iterator[Row]:
    """All measurements of the log engine, as they are taken."""
    with tempfile.TemporaryDirectory(prefix="incident-bench-") as name:
        folder = Path(name)
        span_s = SPAN_S * max(1.0, options.size / 1e9)
        large = make(folder, "json", options.size, span_s)
        peaks: list[int] = []
        lnav = _lnav(folder, large, options)
        window_s = yield from _window(large, lnav, peaks, options)
        yield from _tenfold(folder, span_s, window_s, options)
        yield from _whole(large, lnav, peaks, options)
        yield from _patterns(large, peaks, options)
        yield from _peak(large, lnav, peaks)
        yield from _other_forms(folder, options)
        yield from _search(large, options)
        yield from _find(large, options)
    yield from _keys_while_searching(options)


def _logs(file: File, query: str, window: Window, *more: str) -> list[str]:
    return [*_command("logs", file, window), *more, "--", query]


def _command(name: str, file: File, window: Window) -> list[str]:
    times = ("--since", rfc3339(window.start), "--until", rfc3339(window.end))
    return [*INCIDENT, name, "--config", str(file.config), "--json", *times]


def _answer(cost: Measured) -> dict[str, object]:
    """The JSON document; empty where there is none."""
    try:
        found = json.loads(cost.output)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _wrong(name: str, told: object, wanted: int) -> str:
    return "" if told == wanted else f"{name} counts {told} where {wanted:,} lines match"


def _lnav(folder: Path, file: File, options: Options) -> Measured | None:
    path = find("lnav")
    return measure(lnav_aggregate(path, lnav_setup(folder), file.plan.form, file.path), options.runs) if path else None


def _beside(name: str, cost: Measured | None, limit: float | None = None) -> Peer:
    if cost is None:
        return Peer(name, limit=limit)
    return Peer(name, cost.wall_s if cost.code == 0 else None, limit, f"ended with {cost.code}")


def _window(
    file: File, lnav: Measured | None, peaks: list[int], options: Options
) -> Generator[Row, None, float | None]:
    """The window's row; gives the time."""
    cost, wrong = _timed_window(file, options)
    peaks.append(cost.peak_bytes)
    yield Row(
        f"ten minutes of {_size(file)} JSON: filter, {STEP} buckets, p99",
        cost.wall_s,
        "s",
        0.6,
        (_beside("lnav", lnav, 0.05),),
        note="lnav always reads the whole file; both filtered, lnav without p99",
        wrong=wrong,
    )
    return None if wrong else cost.wall_s


def _timed_window(file: File, options: Options) -> tuple[Measured, str]:
    cost = measure(_logs(file, FILTER, file.window, "--histogram", STEP), options.runs)
    wanted = file.truth.incident_lines - file.truth.incident_levels["debug"]
    return cost, _wrong("this", _answer(cost).get("count"), wanted)


def _tenfold(folder: Path, span_s: float, window_s: float | None, options: Options) -> Iterator[Row]:
    what = f"the same in {10 * options.size / 1e6:,.0f} MB"
    if not options.tenfold:
        return
    if shutil.disk_usage(folder).free < 12 * options.size:
        yield Row(what, None, "s", note="not enough room on the disk; give another folder with TMPDIR")
        return
    file = make(folder, "json", 10 * options.size, 10 * span_s)
    cost, wrong = _timed_window(file, options)
    shutil.rmtree(file.path.parent)
    smaller = Peer("in a tenth", window_s, 1.3, "wrong")
    yield Row(what, cost.wall_s, "s", None, (smaller,), wrong=wrong)


def _whole(file: File, lnav: Measured | None, peaks: list[int], options: Options) -> Iterator[Row]:
    cost = measure(_logs(file, FILTER, file.whole, "--histogram", STEP), options.runs)
    peaks.append(cost.peak_bytes)
    told = lnav_total(lnav.output) if lnav else file.filtered
    yield Row(
        f"the whole {_size(file)} JSON: filter, {STEP} buckets, p99",
        cost.wall_s,
        "s",
        None,
        (_beside("lnav", lnav, 0.25),),
        note=_wrong("lnav, which gives no p99,", told, file.filtered),
        wrong=_wrong("this", _answer(cost).get("count"), file.filtered),
    )


def _patterns(file: File, peaks: list[int], options: Options) -> Iterator[Row]:
    what = f"patterns of ten minutes of {_size(file)} JSON against the hour before"
    cost = measure(_command("patterns", file, file.window), options.runs)
    answer = _answer(cost)
    found = answer.get("patterns")
    if cost.code not in (0, 1) or not isinstance(found, list):
        yield Row(what, None, "s", 3.0, note=f"`incident patterns` ended with {cost.code}")
        return
    peaks.append(cost.peak_bytes)
    wrong = _wrong("this", answer.get("lines"), file.truth.incident_lines)
    yield Row(what, cost.wall_s, "s", 3.0, note="none of the peers has it", wrong=wrong)
    new: dict[str, str] = {}
    for one in found:
        if one.get("status") == "new":
            new.setdefault(one["template"], one.get("example") or "")  # a template counts once, whoever writes it
    first = list(new.values())[: len(TROUBLE)]
    hits = sum(any(shows(example, template) for example in first) for template in TROUBLE)
    yield Row(
        "templates of the incident among the first new patterns", float(hits), "", float(len(TROUBLE)), higher=True
    )


def shows(message: str, template: str) -> bool:
    """Whether a message was made from a template."""
    words = [re.escape(part) for part in re.split("[#%@]", template)]
    return re.search(".+".join(words), message) is not None


def _peak(file: File, lnav: Measured | None, peaks: list[int]) -> Iterator[Row]:
    other = Peer("lnav", lnav.peak_bytes / 1e6 if lnav else None, 0.25)
    note = "the highest of the rows above; all processes, shared pages once, sampled"
    yield Row(f"peak memory on {_size(file)}", max(peaks) / 1e6, "MB", 300.0, (other,), note=note)


def _other_forms(folder: Path, options: Options) -> Iterator[Row]:
    for form, limit in (("logfmt", None), ("nginx", 1.0)):
        file = make(folder, form, options.size // SMALL, SPAN_S)
        cost = measure(_logs(file, FILTER, file.whole, "--histogram", STEP), options.runs)
        peers = [_beside("lnav", _lnav(folder, file, options), limit)]
        note = "lnav without latencies"
        if form == "nginx":
            peers.insert(0, _beside("goaccess", _goaccess(file, options), 0.15))
            note += "; goaccess fills all its panels, which is more, and is run twice"
        yield Row(
            f"the whole {_size(file)} {form}: {STEP} buckets, p99",
            cost.wall_s,
            "s",
            None,
            tuple(peers),
            note=note,
            wrong=_wrong("this", _answer(cost).get("count"), file.filtered),
        )
        shutil.rmtree(file.path.parent)


def _goaccess(file: File, options: Options) -> Measured | None:
    path = find("goaccess")
    # It takes more than a minute for each; one run more would tell nothing new.
    runs = min(options.runs, GOACCESS_RUNS)
    return measure(goaccess_report(path, file.path, file.path.with_suffix(".json")), runs) if path else None


@dataclass(frozen=True)
class Search:
    """One question to the text of a log.

    Args:
        name: What it is called in the table.
        query: As this program takes it.
        arguments: What ripgrep is given to find the same lines, or the nearest that it can find.
        wanted: How many records match, from what was written; None: as many as there are lines in which the last argument
            matches.
        warm: It is asked of a running worker as well.
    """

    name: str
    query: str
    arguments: tuple[str, ...]
    wanted: Callable[[Truth], int] | None = None
    warm: bool = False


def _with_text(text: str) -> Callable[[Truth], int]:
    return lambda truth: sum(sum(count) for template, count in truth.templates.items() if text in template)


SEARCHES = (
    Search(f'text "{LITERAL}"', f'"{LITERAL}"', ("-i", "-F", LITERAL), _with_text(LITERAL), warm=True),
    Search(f'frequent text "{FREQUENT}"', f'"{FREQUENT}"', ("-i", "-F", FREQUENT), _with_text(FREQUENT), warm=True),
    Search(f"text {IN_A_KEY}, also a key", IN_A_KEY, ("-i", "-F", IN_A_KEY), _with_text(IN_A_KEY), warm=True),
    Search("level:error", "level:error", ("-F", '"level":"error"'), lambda truth: truth.levels["error"], warm=True),
    Search(
        "status:5xx",
        "status:5xx",
        (r'"status":5\d\d',),
        lambda truth: sum(count for status, count in truth.statuses.items() if status >= 500),
    ),
    Search(
        f"service:payments {FREQUENT}",
        f'service:payments "{FREQUENT}"',
        (f'"service":"payments".*{FREQUENT}',),
    ),
    Search(f"expression {EXPRESSION}", f"/{EXPRESSION}/", (EXPRESSION,), warm=True),
    Search(f"expression {NO_LITERAL}", f"/{NO_LITERAL}/", (NO_LITERAL,), warm=True),
)


def _search(file: File, options: Options) -> Iterator[Row]:
    """Words, fields and expressions as a whole process, and some inside a worker that runs already; with ripgrep in reach and
    without."""
    rg = find("rg")
    indexes = _indexed(file)
    for one in SEARCHES:
        other = measure([rg, "-c", *one.arguments, str(file.path)], options.runs) if rg else None
        wanted = one.wanted(file.truth) if one.wanted is not None else _matching(file, one.arguments[-1])
        for reach, limit in (("rg", 2.0), ("no rg", 6.0)):
            with _path(with_rg=reach == "rg"):
                whole = measure(_logs(file, one.query, file.whole, "--count"), options.runs)
                took, count = asyncio.run(_in_worker(file, one.query, options, indexes)) if one.warm else (0.0, 0)
            yield Row(
                f"{one.name} in {_size(file)}, {reach} on the PATH",
                whole.wall_s,
                "s",
                None,
                (_beside("rg", other, limit),),
                note="rg counts lines of text, this records, and reads when they were",
                wrong=_wrong("this", _answer(whole).get("count"), wanted),
            )
            if one.warm:
                yield Row(
                    f"{one.name}, in a running worker that indexed the file, {reach} on the PATH",
                    took,
                    "s",
                    None,
                    (_beside("rg", other, limit),),
                    wrong=_wrong("this", count, wanted),
                )


def _matching(file: File, expression: str) -> int:
    """In how many lines an expression matches."""
    found = re.compile(expression.encode())
    with file.path.open("rb") as lines:
        return sum(found.search(line) is not None for line in lines)


@contextmanager
def _path(with_rg: bool) -> Iterator[None]:
    """The PATH, with ripgrep's folder or without."""
    before = os.environ["PATH"]
    folders = [one for one in before.split(os.pathsep) if not os.access(os.path.join(one, "rg"), os.X_OK)]
    rg = find("rg") if with_rg else None
    os.environ["PATH"] = os.pathsep.join([*([os.path.dirname(rg)] if rg else []), *folders])
    try:
        yield
    finally:
        os.environ["PATH"] = before


def _indexed(file: File) -> Path:
    """The folder with the index of a file, as the worker of a console makes it in the background."""
    folder = file.path.parent / "indexes"
    loaded = load(file.config)
    source = build(loaded.config.logs[0], loaded.resolve, (), InProcess())
    engine = Engine(source.spec)
    (only,) = engine.files().files
    with Reader(only) as reader:
        Indexes(folder).update(engine.spec, reader, engine.format_of(reader), lambda: None)
    return folder


async def _in_worker(file: File, query: str, options: Options, indexes: Path | None = None) -> tuple[float, int]:
    """Median seconds and the count."""
    loaded = load(file.config)
    runner = WorkerRunner(PATIENCE_S, indexes)
    source = build(loaded.config.logs[0], loaded.resolve, (), runner)
    times, matched = [], -1
    try:
        for _ in range(options.runs + 1):
            start = time.perf_counter()
            matched = (await source.page(file.whole, parse(query), 0)).value.matched
            times.append(time.perf_counter() - start)
    finally:
        await runner.close()
    return statistics.median(times[1:]), matched


def _find(file: File, options: Options) -> Iterator[Row]:
    """A line at the end of the file, which is added for it."""
    with file.path.open("a", encoding="utf-8") as out:
        at = stamp(file.whole.end - 0.001)
        out.write(f'{{"time":"{at}","level":"info","service":"edge","message":"{NEEDLE} {FOUND}"}}\n')
    took, count = asyncio.run(_in_worker(file, NEEDLE, options))
    path = find("toolong")
    other = Peer(
        "toolong",
        toolong_find(path, file.path, PATIENCE_S) if path else None,
        0.2,
        "not found" if path else "not installed",
    )
    yield Row(
        f"the last line of {_size(file)}, found",
        took,
        "s",
        None,
        (other,),
        note="this in a running worker; toolong on its screen, which stands still meanwhile",
        wrong=_wrong("this", count, 1),
    )


def _keys_while_searching(options: Options) -> Iterator[Row]:
    """Each letter typed into the filter starts a search of the window while lines arrive."""
    past = BACKLOG_LINES if options.size >= 10**9 else PAST_LINES
    with log_file(past, LINES_PER_S) as folder, Terminal(console(folder / "incident.toml"), (120, 40)) as terminal:
        terminal.wait_for("Signals", 20.0)
        wait(options.settle_s)
        for key in (b"3", b"/", b"\x15"):
            terminal.send(key)
            wait(1.0)
        keys = typed_letters(terminal, options.keys)
    lost = f"{keys.lost} of {options.keys} keys were not answered" if keys.lost else ""
    for share, limit in ((0.5, None), (0.95, None), (0.99, 100.0)):
        what = f"key to paint, {LINES_PER_S:,} lines/s and a search of {past:,} more, p{share * 100:g}"
        yield Row(what, keys.ms(share), "ms", limit, note=lost)


def _size(file: File) -> str:
    return f"{file.truth.size_bytes / 1e6:,.0f} MB"
