"""The text that programs expose about themselves: Prometheus text format 0.0.4 and OpenMetrics 1.0.

Read leniently, since what is exposed is written by many hands: a line that makes no sense is counted and left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass as open_dataclass
from dataclasses import field

from console.domain.values import dataclass
from console.guard.sanitise import safe

MOST_SERIES = 5_000
"""Series of one scrape that are taken; a histogram or a summary is one, with all of its buckets."""
MOST_SAMPLES = 100_000
"""Lines of one scrape that are read as samples."""
MOST_LINE = 64 * 1024

BUCKETED = frozenset({"histogram", "gaugehistogram", "summary"})
TOTALS = BUCKETED | {"counter"}

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*+"
# Possessive throughout: what is written by strangers is read in one pass, and a name never gives its last digits to the value.
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_SAMPLE = re.compile(
    rf"(?P<name>{_NAME})?+\s*+(?:\{{(?P<labels>[^\"}}]*+(?:{_STRING}[^\"}}]*+)*+)\}})?+\s*+"
    r"(?P<value>[^\s#]++)(?:\s++(?P<at>[^\s#]++))?+\s*+(?:#.*+)?+"
)
_LABEL = re.compile(
    rf"\s*+(?:(?P<key>[a-zA-Z_][a-zA-Z0-9_]*+|{_STRING})\s*+=\s*+(?P<value>{_STRING})|(?P<name>{_STRING}))\s*+(?:,|$)"
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One line: a name, labels in the order they stood, a value as it is (NaN and infinities included)."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float
    at: float | None = None
    """Epoch seconds, where the line carries a time."""

    def label(self, name: str) -> str:
        """The value of a label; empty where it has none, which means the same."""
        return next((v for k, v in self.labels if k == name), "")


@open_dataclass(slots=True)
class Exposition:
    """All lines of one scrape."""

    samples: list[Sample] = field(default_factory=list)
    types: dict[str, str] = field(default_factory=dict)
    """Metric family to counter, gauge, histogram, summary …"""
    lines: int = 0
    """Lines that are neither empty nor comments."""
    bad: int = 0
    first_bad: int | None = None
    why: str = ""
    series: int = 0
    """Series that were read, of which `MOST_SERIES` were taken at most."""
    unread: int = 0
    """Lines beyond `MOST_SAMPLES`."""
    cut: bool = False
    """OpenMetrics without its `# EOF`: the rest is missing."""

    def wrong(self, line: int, why: str) -> None:
        """Count a line that was not understood."""
        self.bad += 1
        if self.first_bad is None:
            self.first_bad, self.why = line, why


class _Series:
    """Which series of a scrape are taken: the first ones, whole."""

    def __init__(self) -> None:
        self._taken: set[int] = set()
        self._beyond: set[int] = set()

    def __len__(self) -> int:
        return len(self._taken) + len(self._beyond)

    def takes(self, sample: Sample, types: Mapping[str, str]) -> bool:
        """Whether this sample belongs to a series that is taken."""
        key = hash(_series_of(sample, types))  # of a hundred thousand keys the hashes take far less room
        if key in self._taken:
            return True
        if len(self._taken) < MOST_SERIES:
            self._taken.add(key)
            return True
        self._beyond.add(key)
        return False


def parse(text: str, *, openmetrics: bool = False) -> Exposition:
    """Read an exposition. When a series began (`_created`) is no measurement and is left out.

    Args:
        openmetrics: Times are in seconds, and `# EOF` ends the text; else they are in milliseconds.
    """
    found, series = Exposition(cut=openmetrics), _Series()
    unit_s = 1.0 if openmetrics else 1e-3
    for number, line in enumerate(text.split("\n"), 1):
        if not line or line.isspace():
            continue
        if line[0] != "#":
            found.lines += 1
            _take(line, number, unit_s, found, series)
        elif openmetrics and line.rstrip() == "# EOF":
            found.cut = False
            break
        else:
            _comment(line, found)
    found.series = len(series)
    return found


def _take(line: str, number: int, unit_s: float, found: Exposition, series: _Series) -> None:
    if len(line) > MOST_LINE:
        found.wrong(number, f"a line of {len(line):,} characters")
    elif found.lines > MOST_SAMPLES:
        found.unread += 1
    elif (sample := _sample(line.strip(), unit_s)) is None:
        found.wrong(number, f"{safe(line, 60)!r} is no sample")
    elif not _is_created(sample.name, found.types) and series.takes(sample, found.types):
        found.samples.append(sample)


def _comment(line: str, found: Exposition) -> None:
    parts = line.split(None, 3)
    if len(parts) == 4 and parts[1] == "TYPE" and len(found.types) < MOST_SAMPLES:
        found.types[parts[2]] = parts[3].strip()


def _is_created(name: str, types: Mapping[str, str]) -> bool:
    """Whether this says when a total began. In the older format it is written as a gauge of its own, after the total."""
    base = name.removesuffix("_created")
    return base != name and (types.get(base) in TOTALS or types.get(f"{base}_total") in TOTALS)


def _series_of(sample: Sample, types: Mapping[str, str]) -> tuple[str, tuple[tuple[str, str], ...]]:
    name = sample.name
    for suffix in ("_bucket", "_sum", "_count"):
        base = name.removesuffix(suffix)
        if base != name and types.get(base) in BUCKETED:
            return base, tuple(pair for pair in sample.labels if pair[0] != "le")
    if types.get(name) in BUCKETED:
        return name, tuple(pair for pair in sample.labels if pair[0] != "quantile")
    return name, sample.labels


def _sample(line: str, unit_s: float) -> Sample | None:
    match = _SAMPLE.fullmatch(line)
    if match is None:
        return None
    name = match["name"] or ""
    labels: tuple[tuple[str, str], ...] = ()
    if match["labels"]:
        parsed = _labels(match["labels"])
        if parsed is None:
            return None
        inner, labels = parsed
        if inner and name:
            return None
        name = name or inner
    value = _number(match["value"])
    if not name or value is None:
        return None
    if match["at"] is None:
        return Sample(name, labels, value)
    at = _number(match["at"])
    return Sample(name, labels, value, at * unit_s) if at is not None and math.isfinite(at) else None


def _labels(text: str) -> tuple[str, tuple[tuple[str, str], ...]] | None:
    """The name that stands quoted among the labels (as UTF-8 names do), and the labels."""
    found: list[tuple[str, str]] = []
    name, place = "", 0
    while place < len(text):
        match = _LABEL.match(text, place)
        if match is None or match.end() == place:
            return None if text[place:].strip() else (name, tuple(found))
        if match["name"] is not None:
            if name or found:
                return None
            name = _unquoted(match["name"])
        else:
            key = match["key"]
            found.append((_unquoted(key) if key[0] == '"' else key, _unquoted(match["value"])))
        place = match.end()
    return name, tuple(found)


def _unquoted(text: str) -> str:
    inner = text[1:-1]
    # An unknown escape stands for itself, backslash included, as Prometheus reads it.
    return _ESCAPE.sub(lambda m: _ESCAPES.get(m[1], m[0]), inner) if "\\" in inner else inner


def _number(text: str) -> float | None:
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None
