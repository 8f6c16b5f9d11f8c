"""The diagnosis: right and wrong answers to made-up incidents by class, and the time it takes on large systems."""

from __future__ import annotations

import json
import math
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import large_system
from benchmarks.large_system import POINTS, STEP_S, LargeSystem
from benchmarks.live import INCIDENT
from benchmarks.make_logs import SERVICES, START, Plan, write
from benchmarks.options import Options
from benchmarks.processes import measure
from benchmarks.table import Row
from console.analysis.diagnose import diagnose
from console.domain.diagnosis import State
from console.domain.instant import rfc3339
from tests.incidents.score import Score, mean, show, table
from tests.incidents.shop import FAULTS, STALLS, Shop

END = START + POINTS * STEP_S
FIRST_SEED = 1_000
"""The tests use small seeds; these are others."""
LOG_STEP_S = 15.0
"""Of half an hour of log lines."""
TIMED = 3
"""Runs of the analysis on a large system."""


def run(options: Options) -> Iterator[Row | str]:
    """All measurements of the diagnosis; the table by class is text."""
    rows = table(range(FIRST_SEED, FIRST_SEED + options.seeds))
    yield show(rows)
    yield from totals([score for scores in rows.values() for score in scores])
    yield from _stalls(options)
    yield from _whole_process(options)
    yield from _growth(options)


def totals(scores: list[Score]) -> Iterator[Row]:
    """Shares over all incidents and all healthy stretches; the targets are the floors."""
    incidents = [one for one in scores if one.first is not None]
    healthy = [one for one in scores if one.first is None]
    missed, alarms = _failed(incidents), _failed(healthy)
    what = f"{len(incidents)} incidents"
    yield Row(f"{what}: cause named first", mean(s.first for s in incidents), "", 0.75, higher=True, note="goal 0.95")
    yield Row(f"{what}: a decoy is leading", mean(s.decoy_leads for s in incidents), "", 0.05, note="goal 0.01")
    yield Row(f"{what}: onset within 120 s", mean(s.onset for s in incidents), "", 0.85, higher=True, note="goal 0.97")
    yield Row(f"{what}: missed", missed, "", 0.05, note="goal 0.01")
    yield Row(f"{len(healthy)} healthy stretches: false alarms", alarms, "", 0.05, note="goal 0.01")


def _stalls(options: Options) -> Iterator[Row]:
    """A machine that stands still for some seconds is no incident; a fault that stays is one within a minute."""
    seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
    stalled = [Shop(seed, stalls, length_s=130.0) for stalls in STALLS.values() for seed in seeds]
    alarms = mean(any(diagnose(seen).state is not State.HEALTHY for _, seen in s.looks(LOG_STEP_S)) for s in stalled)
    yield Row(f"{len(stalled)} stalls of a whole machine: false alarms", alarms, "", 0.05, note="goal 0.01")
    faulty = [(fault, Shop(seed, faults=(fault,), length_s=90.0)) for fault in FAULTS.values() for seed in seeds]
    slowest = max(_found_after(shop) - fault.since for fault, shop in faulty)
    yield Row(f"{len(faulty)} faults in steps of {LOG_STEP_S:.0f} s: the slowest is found after", slowest, "s", 60.0)


def _found_after(shop: Shop) -> float:
    return next((after for after, seen in shop.looks(LOG_STEP_S) if diagnose(seen).state is State.INCIDENT), math.inf)


def _failed(scores: list[Score]) -> float | None:
    right = mean(one.state for one in scores)
    return None if right is None else 1.0 - right


def _whole_process(options: Options) -> Iterator[Row]:
    size = options.size // 2
    system = large_system.make(SERVICES, END)
    with tempfile.TemporaryDirectory(prefix="incident-bench-") as name:
        config = write_system(Path(name), system, size)
        command = [*INCIDENT, "diagnose", "--config", str(config), "--json", "--at", rfc3339(END)]
        cost = measure(command, options.runs)
        day = measure([*command, "--since", rfc3339(END - POINTS * STEP_S)], options.runs)
    what = f"`incident diagnose`, {len(SERVICES)} services, {POINTS} points, {size / 1e6:,.0f} MB of logs"
    wrong = verdict(cost.output, system)
    yield Row(
        what, cost.wall_s, "s", 10.0, note="whole process, its usual window of half an hour; goal 3 s", wrong=wrong
    )
    yield Row("its peak memory", cost.peak_bytes / 1e6, "MB", note="all processes, shared pages once, sampled")
    note = "--since of a day: every line is read"
    yield Row("the same of the whole day", day.wall_s, "s", 10.0, note=note, wrong=verdict(day.output, system))


def write_system(folder: Path, system: LargeSystem, log_bytes: int) -> Path:
    """A configuration of a system with a day of metrics and logs, in which the culprit fails at the end.

    Raises:
        OSError: It cannot be written.
    """
    large_system.write_metrics(folder / "metrics.csv", system)
    trouble = (system.onset, system.end)
    plan = Plan("json", log_bytes, system.end - POINTS * STEP_S, POINTS * STEP_S, trouble, SERVICES, (system.culprit,))
    write(folder / "app.log", plan)
    services = "".join(
        f"[[service]]\nname = {json.dumps(name)}\ndepends_on = {json.dumps(list(callees))}\n"
        for name, callees in system.calls.items()
    )
    config = folder / "incident.toml"
    config.write_text(
        f'[console]\nstate_dir = "state"\n{services}[[metrics]]\nkind = "csv"\npath = "metrics.csv"\n'
        '[[logs]]\nname = "app"\npaths = ["app.log"]\nservice_field = "service"\n'
    )
    return config


def verdict(output: bytes, system: LargeSystem) -> str:
    """What is wrong with a diagnosis; empty: nothing."""
    try:
        found = json.loads(output)
        suspects = [one["service"] for one in found["suspects"]]
        state = found["state"]
    except (ValueError, KeyError, TypeError):
        return "no diagnosis came"
    if state not in ("incident", "degrading"):
        return f"{state} is told of an incident"
    return "" if suspects[:1] == [system.culprit] else f"{suspects[:1]} is named first, and it was {system.culprit}"


def _growth(options: Options) -> Iterator[Row]:
    small, large = (_analysed(count) for count in (options.services // 10, options.services))
    for (took, wrong), count, limit in ((small, options.services // 10, None), (large, options.services, 5.0)):
        note = "goal 1 s" if limit else ""
        yield Row(f"analysis alone, {count:,} services × {POINTS} points", took, "s", limit, note=note, wrong=wrong)
    what = f"growth from {options.services // 10:,} to {options.services:,} services"
    yield Row(what, large[0] / small[0], "×", 12.0, note="goal 10")


def _analysed(services: int) -> tuple[float, str]:
    """Median seconds of a diagnosis, and what is wrong with it."""
    system = large_system.make([f"service-{place:04d}" for place in range(services)], END)
    seen = large_system.observations(system)
    times = []
    for _ in range(TIMED):
        start = time.perf_counter()
        found = diagnose(seen)
        times.append(time.perf_counter() - start)
    first = [one.service for one in found.suspects[:1]]
    wrong = (
        "" if first == [system.culprit] else f"{found.state.value}: {first} is named first, and it was {system.culprit}"
    )
    return statistics.median(times), wrong
