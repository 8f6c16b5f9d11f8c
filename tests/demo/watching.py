"""What the tests of the practice system look at it with: metrics, log files, processes."""

from __future__ import annotations

import http.client
import os
import re
import select
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parse(text: str) -> Samples:
    """Samples of the Prometheus text format, by name and labels."""
    found: Samples = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            match = SAMPLE.fullmatch(line)
            assert match, line
            found[match["name"], frozenset(LABEL.findall(match["labels"] or ""))] = float(match["value"])
    return found


def total(samples: Samples, name: str, **labels: str) -> float:
    """Sum of a metric over all label sets that hold `labels`."""
    wanted = set(labels.items())
    return sum(value for (found, own), value in samples.items() if found == name and wanted <= own)


def fetch(url: str) -> tuple[int, str]:
    """Status and body of a GET."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("GET", parts.path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def wait_for(condition: Callable[[], bool], seconds: float = 60.0, every_s: float = 0.2) -> None:
    """Wait until a condition holds, with a pause after each look; the test fails if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s"
        select.select([], [], [], every_s)


@dataclass(frozen=True)
class Shop:
    """A running practice system, seen from outside."""

    config: Path

    @property
    def folder(self) -> Path:
        return self.config.parent

    def url(self, service: str) -> str:
        """The metrics address of a service."""
        document = tomllib.loads(self.config.read_text())
        found: str = next(m["url"] for m in document["metrics"] if m.get("service") == service)
        return found

    def metrics(self, service: str) -> Samples:
        """What the service exposes now."""
        status, text = fetch(self.url(service))
        assert status == 200
        return parse(text)

    def version(self, service: str) -> str:
        """What the service says about itself."""
        return fetch(self.url(service).replace("/metrics", "/version"))[1]

    def log(self, name: str) -> str:
        """The live log file."""
        return (self.folder / "logs" / f"{name}.log").read_text()

    def requests(self, service: str, **labels: str) -> float:
        """Requests answered since the service began."""
        return total(self.metrics(service), "http_requests_total", **labels)


def session_members(leader: int) -> list[int]:
    """Living processes of the session that `leader` leads or led."""
    found: list[int] = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == leader and fields[0] != "Z":
                found.append(int(entry))
    return found
