"""The live screen: first paint, key to paint, CPU, memory and bytes to the terminal, beside btop and lnav."""

from __future__ import annotations

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.table import Row, show
from benchmarks.terminal import Terminal, cpu_seconds, rss_bytes

SIZES = ((80, 24), (120, 40), (250, 80))
INCIDENT = [sys.executable, "-m", "console.cli"]
SETTLE_S = 12.0
MEASURE_S = 15.0
KEYS = 40
CURSOR = "▸"


@dataclass(frozen=True)
class Load:
    """What one stretch on the screen cost."""

    bytes_per_s: float
    cpu_percent: float
    rss_mb: float


@contextmanager
def demo(scenario: str) -> Iterator[Path]:
    """The practice system, headless; gives its configuration."""
    process = subprocess.Popen(
        [*INCIDENT, "demo", scenario, "--headless"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        yield Path(process.stdout.readline().strip())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


@contextmanager
def growing_log(lines_per_s: int) -> Iterator[Path]:
    """A configuration with one JSON log that grows at this rate, written by another process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "incident.toml").write_text(
            '[[service]]\nname = "checkout"\n\n[[logs]]\nname = "app"\npaths = ["app.jsonl"]\nservice = "checkout"\nformat = "json"\n'
        )
        writer = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.write_lines", str(folder / "app.jsonl"), str(lines_per_s)]
        )
        try:
            yield folder / "incident.toml"
        finally:
            writer.terminate()
            writer.wait(10)


def wait(seconds: float) -> None:
    """Let the program under test run; nothing else waits on time here."""
    threading.Event().wait(seconds)


def load(terminal: Terminal, seconds: float = MEASURE_S) -> Load:
    """Bytes, CPU of the screen's process, and its memory over a stretch."""
    start, cpu = time.monotonic(), cpu_seconds(terminal.pid)
    wait(seconds)
    end = time.monotonic()
    return Load(
        terminal.bytes_between(start, end) / (end - start),
        100 * (cpu_seconds(terminal.pid) - cpu) / (end - start),
        rss_bytes(terminal.pid) / 1e6,
    )


def key_latencies(terminal: Terminal, count: int = KEYS) -> list[float]:
    """Seconds from a cursor key to the cursor's mark on its new row; nothing else paints that mark."""
    terminal.send(b"1")
    wait(0.5)
    found = []
    for place in range(count):
        moment = terminal.send(b"jk"[place % 2 :][:1])
        seen = terminal.wait_for(CURSOR, 5.0, since=moment)
        found.append(seen - moment if seen is not None else 5.0)
        wait(0.15)
    return found


def first_paint(argv: Sequence[str], word: str, runs: int = 3) -> float:
    """Median seconds from start until a word of the first screen is there; one run before it warms the caches."""
    times = []
    for _ in range(runs + 1):
        with Terminal(argv, (120, 40)) as terminal:
            seen = terminal.wait_for(word, 20.0)
            times.append((seen or terminal.started + 20.0) - terminal.started)
    return statistics.median(times[1:])


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def peer(argv: Sequence[str], size: tuple[int, int]) -> Load | None:
    """The same stretch for another program; None where it is not installed."""
    if shutil.which(argv[0]) is None:
        return None
    with Terminal(argv, size) as terminal:
        wait(4.0)
        return load(terminal, 10.0)


def run() -> list[Row]:
    """All measurements of the screen."""
    rows: list[Row] = []
    with demo("third-party-slow") as config:
        console = [*INCIDENT, "run", "--config", str(config)]
        rows.append(Row("first paint, warm (s)", first_paint(console, "Signals"), 0.8))
        for size in SIZES:
            with Terminal(console, size) as terminal:
                terminal.wait_for("Signals", 20.0)
                wait(SETTLE_S)
                cost = load(terminal)
                other = peer(["btop"], size)
                limit = {(120, 40): 12_000.0}.get(size)
                rows.append(
                    Row(
                        f"live demo {size[0]}x{size[1]} (B/s)",
                        cost.bytes_per_s,
                        limit,
                        other.bytes_per_s if other else None,
                        "btop",
                    )
                )
                rows.append(
                    Row(
                        f"live demo {size[0]}x{size[1]} (CPU %)",
                        cost.cpu_percent,
                        None,
                        other.cpu_percent if other else None,
                        "btop",
                    )
                )
                rows.append(
                    Row(
                        f"live demo {size[0]}x{size[1]} (RSS MB)",
                        cost.rss_mb,
                        120.0,
                        other.rss_mb if other else None,
                        "btop",
                    )
                )
        with Terminal(console, (200, 60)) as terminal:
            terminal.wait_for("Signals", 20.0)
            wait(SETTLE_S)
            rows.append(Row("live demo 200x60 (B/s)", load(terminal).bytes_per_s, 20_000.0))
        with Terminal(console, (120, 40)) as terminal:
            terminal.wait_for("Signals", 20.0)
            wait(SETTLE_S)
            terminal.send(b"P")
            wait(2.0)
            frozen = load(terminal)
            rows.append(Row("frozen (B/s)", frozen.bytes_per_s, 200.0))
            rows.append(Row("frozen (CPU %)", frozen.cpu_percent, 1.0))
            rows.append(Row("key to paint at rest, p95 (ms)", 1000 * percentile(key_latencies(terminal), 0.95), 30.0))
        with Terminal(console, (120, 40), rate=64 * 1024) as terminal:
            terminal.wait_for("Signals", 20.0)
            wait(SETTLE_S)
            rows.append(
                Row("key to paint at 64 KiB/s, p95 (ms)", 1000 * percentile(key_latencies(terminal, 20), 0.95), 250.0)
            )
    with growing_log(10_000) as config, Terminal([*INCIDENT, "run", "--config", str(config)], (120, 40)) as terminal:
        terminal.wait_for("Signals", 20.0)
        wait(SETTLE_S)
        latencies = key_latencies(terminal)
        rows.append(Row("key to paint at 10,000 lines/s, p50 (ms)", 1000 * percentile(latencies, 0.5)))
        rows.append(Row("key to paint at 10,000 lines/s, p99 (ms)", 1000 * percentile(latencies, 0.99), 100.0))
        rows.append(Row("10,000 lines/s (RSS MB)", load(terminal, 5.0).rss_mb, 120.0))
    return rows


if __name__ == "__main__":
    show("the screen", run())
    print(json.dumps({"cores": os.cpu_count(), "python": sys.version.split()[0]}))
