"""A real Prometheus with a history that was made up, and is therefore known exactly."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.running import Program, answers, free_port

BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0)
SCRAPE_S = 15


@dataclass
class History:
    """Running totals and gauges, sampled as a scrape would."""

    start: int
    end: int
    scrape_s: int = SCRAPE_S

    def __post_init__(self) -> None:
        self._families: dict[str, tuple[str, list[str]]] = {}

    @property
    def moments(self) -> range:
        """When it was scraped."""
        return range(self.start, self.end + 1, self.scrape_s)

    def _write(self, family: str, kind: str, line: str) -> None:
        self._families.setdefault(family, (kind, []))[1].append(line)

    def counter(self, name: str, labels: str, per_second: Callable[[int], float]) -> None:
        """A running total, from its growth at each moment."""
        total = 0.0
        for at in self.moments:
            total += per_second(at) * self.scrape_s
            self._write(name.removesuffix("_total"), "counter", f"{name}{{{labels}}} {total:.6f} {at}")

    def histogram(self, name: str, labels: str, per_second: Callable[[int], tuple[float, ...]]) -> None:
        """Observations per second in each bucket of `BOUNDS`, and beyond the last."""
        totals = [0.0] * (len(BOUNDS) + 1)
        for at in self.moments:
            for place, rate in enumerate(per_second(at)):
                totals[place] += rate * self.scrape_s
            below = 0.0
            for bound, inside in zip((*map(str, BOUNDS), "+Inf"), totals, strict=True):
                below += inside
                self._write(name, "histogram", f'{name}_bucket{{{labels},le="{bound}"}} {below:.6f} {at}')
            self._write(name, "histogram", f"{name}_count{{{labels}}} {below:.6f} {at}")
            self._write(name, "histogram", f"{name}_sum{{{labels}}} {below:.6f} {at}")

    def gauge(self, name: str, labels: str, value: Callable[[int], float | None]) -> None:
        """A value at each moment; None: it was not there."""
        for at in self.moments:
            known = value(at)
            if known is not None:
                self._write(name, "gauge", f"{name}{{{labels}}} {known} {at}")

    def text(self) -> str:
        """OpenMetrics, as promtool wants it: one block per family."""
        parts = []
        for family, (kind, lines) in self._families.items():
            parts += [f"# TYPE {family} {kind}", *lines]
        return "\n".join([*parts, "# EOF", ""])


@contextmanager
def running(root: Path, folder: Path, history: History, config: str = "") -> Iterator[tuple[str, Program]]:
    """A server with that history; gives its address and its process."""
    data, port = folder / "data", free_port()
    text = folder / "history.txt"
    text.write_text(history.text())
    subprocess.run(
        [str(root / "usr/bin/promtool"), "tsdb", "create-blocks-from", "openmetrics", str(text), str(data)],
        check=True,
        capture_output=True,
        timeout=60,
    )
    settings = folder / "prometheus.yml"
    settings.write_text(config or "global:\n  scrape_interval: 15s\n")
    url = f"http://127.0.0.1:{port}"
    server = Program(
        [
            str(root / "usr/bin/prometheus"),
            f"--config.file={settings}",
            f"--storage.tsdb.path={data}",
            "--storage.tsdb.retention.time=10y",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        lambda: answers(f"{url}/-/ready"),
        folder,
        root,
    )
    server.start()
    try:
        yield url, server
    finally:
        server.stop()
