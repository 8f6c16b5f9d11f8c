"""Everything that was seen, in the form that the analysis takes."""

from __future__ import annotations

from dataclasses import field
from datetime import UTC, tzinfo

from console.domain.changes import Change, ChangeDiff, Running
from console.domain.instant import Instant, Window
from console.domain.logs import LogRecord, PatternNames
from console.domain.parts import PartCounts
from console.domain.reading import SourceReport
from console.domain.series import SeriesSet
from console.domain.shapes import ShapeCounts
from console.domain.spans import Span
from console.domain.topology import ProbeResult, Topology
from console.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class ErrorSample:
    """Error and warning records of one stretch: bounded, and honest about how many there were."""

    window: Window
    records: tuple[LogRecord, ...] = ()
    """Newest last, warnings and worse, at most a few thousand."""
    matched: int = 0


@dataclass(frozen=True, slots=True)
class Observations:
    """What all sources know at one knowledge time; nothing in it is stamped after `at`."""

    at: Instant
    window: Window
    """What the user looks at."""
    history: Window
    """What the sources were asked for: longer than `window`, so that a baseline exists."""
    topology: Topology
    series: SeriesSet
    """Metrics of every source, those derived from logs included (per service and operation)."""
    changes: tuple[Change, ...] = ()
    running: tuple[Running, ...] = ()
    probes: tuple[ProbeResult, ...] = ()
    spans: tuple[Span, ...] = ()
    errors: ErrorSample | None = None
    records: ErrorSample | None = None
    """Records of every level; a bounded part where there are many."""
    shapes: tuple[ShapeCounts, ...] = ()
    """The shapes of all lines over `history` or the newest part of it, for the comparison of patterns: of each log source
    that can count them, by its name."""
    diffs: tuple[ChangeDiff, ...] = ()
    """What the changes near the onset changed, as far as a repository tells."""
    sources: tuple[SourceReport, ...] = ()
    pattern_names: PatternNames = field(default_factory=dict, compare=False, repr=False)
    """From the diagnosis before, so that patterns keep their ids."""
    deployed: tuple[Change, ...] = ()
    """The newest deploy of each service, however long ago: what `running` is compared with."""
    parts: tuple[PartCounts, ...] = ()
    """Requests of the parts of services, where metrics tell them apart."""
    earlier: SeriesSet = field(default_factory=SeriesSet)
    """Requests, failures and latencies of many more days in coarse steps, where `history` is too short to tell what these
    hours are like."""
    zone: tzinfo = UTC
    """By whose clock people come and jobs run."""
