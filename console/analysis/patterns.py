"""Log patterns of a window against its baseline: what is new, surged, gone or as usual."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass as open_dataclass
from dataclasses import field, replace
from functools import lru_cache
from hashlib import blake2s
from typing import TypeAlias

import msgspec

from console.analysis.constants import PATTERN_LEAST, PATTERN_MOST, PATTERN_P, PATTERN_RATIO, PATTERN_SURGE, TREND_STEPS
from console.analysis.mining import cluster
from console.analysis.mining.mask import BLANK
from console.analysis.mining.shapes import ShapeTable
from console.analysis.stats import benjamini_hochberg, chi_square_p, g_shares, g_squared
from console.domain.instant import Instant, Window
from console.domain.logs import Level, LogRecord, Pattern, PatternNames
from console.domain.shapes import OTHER, Shape, ShapeCounts
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.redact import redact

LEAST_BASELINE = 1_000
"""Lines of a baseline below which shares of them call nothing new or gone: too little was seen to know what is usual [D]."""
RULE_OF_THREE = 3.0
"""What was not seen in n lines occurs, with 95 % confidence, in fewer than 3 / n of them [P]."""
MOST_PLACES_KNOWN = 32
"""Services and levels whose templates are remembered."""
_WEIGHTS = {Level.ERROR: 1.5, Level.FATAL: 1.5, Level.WARN: 1.2}
_RUN = re.compile(r"(?<=[a-z]):[0-9a-f]{4}(?:[0-9a-f]{4})?(?=›)")
"""What tells one hidden secret from another, by a key of this run."""
Place: TypeAlias = tuple[str, Level]
"""Service and level: patterns are mined for each by itself."""


@open_dataclass(slots=True)
class _Lines:
    """One pattern's lines on both sides."""

    service: str
    level: Level
    template: str
    example: SafeText
    before: int = 0
    during: int = 0
    first: Instant | None = None
    last: Instant | None = None
    trend: dict[int, int] = field(default_factory=dict)
    shapes: dict[str, int] = field(default_factory=dict)

    def take(self, shape: Shape, inside: bool) -> None:
        """Add the lines of a shape."""
        lines = shape.lines
        self.shapes[shape.text] = self.shapes.get(shape.text, 0) + lines
        if not inside:
            self.before += lines
            return
        if self.first is None or shape.first < self.first:
            self.first, self.example = shape.first, shape.example
        self.last = shape.last if self.last is None else max(self.last, shape.last)
        self.during += lines
        for bucket, number in shape.buckets.items():
            self.trend[bucket] = self.trend.get(bucket, 0) + number


@dataclass(frozen=True, slots=True)
class Compared:
    """All patterns of a window and its baseline; the counts add up to the lines read."""

    baseline: Window | None
    """From the first to the last of what was compared with; None: it holds no lines."""
    patterns: tuple[Pattern, ...]
    """The most special first."""
    lines: int
    baseline_lines: int
    too_small: bool
    """The baseline holds too few lines for anything to be called new or gone."""
    names: PatternNames
    """For the next comparison, so that patterns keep their ids."""
    sampled: bool = False
    """Some of the counts are taken from a sample of the lines."""


def counted(records: Iterable[LogRecord], window: Window, step_s: float, *, sampled: bool) -> ShapeCounts:
    """The shapes of records at hand, as a source would count those of its lines.

    Args:
        records: Those outside of the window are left out.
        window: Where bucket 0 begins, and where the last one ends.
        step_s: Width of a bucket.
        sampled: There were more.
    """
    table = ShapeTable(window, step_s)
    table.add_records(r for r in records if r.at is not None and r.at in window)
    return ShapeCounts(window, step_s, table.shapes(), sampled)


def compare_since(
    counts: Sequence[ShapeCounts], start: Instant, shown: Window, known: PatternNames | None = None
) -> Compared:
    """Compare the lines since an instant with those before; the bucket that it falls into belongs to the lines since.

    Sources of which less is known than of others are no measure for these: the baseline is what was counted of all.

    Args:
        counts: Of every source, over one stretch that holds both.
        start: Where the trouble begins.
        shown: Trends tell the lines of each step of this window.
        known: `names` of an earlier comparison.
    """
    held = [one for one in counts if one.shapes]
    begin = max((one.window.start for one in held), default=start)
    now = [_sum(one, max(start, one.window.start), None) for one in held]
    before = [_sum(one, begin, start) for one in held if one.bucket(begin) < one.bucket(start)]
    spans = None
    if sum(one.lines for one in before) < LEAST_BASELINE:
        # Shares of so few lines say nothing. How long none was written does, and a small service writes no more than that.
        earliest = min((one.window.start for one in before if one.shapes), default=start)
        spans = (start - earliest, max(one.window.end for one in held) - start) if held else None
    compared = compare_counts(now, [one for one in before if one.shapes], spans, known)
    return replace(
        compared,
        patterns=_with_trends(compared, held, shown),
        sampled=any(one.sampled for one in held),
    )


def _sum(counts: ShapeCounts, start: Instant, end: Instant | None) -> ShapeCounts:
    """A stretch of what was counted as one bucket."""
    shapes = counts.between(start, end)
    first = min((shape.first for shape in shapes), default=start)
    window = Window(first, max(first, counts.window.end if end is None else end))
    whole = tuple([msgspec.structs.replace(shape, buckets={0: shape.lines}) for shape in shapes])
    return ShapeCounts(window, window.seconds or 1.0, whole, counts.sampled)


def _with_trends(compared: Compared, counts: Sequence[ShapeCounts], window: Window) -> tuple[Pattern, ...]:
    """The patterns with their lines per step of a window, whatever stretch they were compared in."""
    if window.seconds <= 0:
        return compared.patterns
    width = window.seconds / TREND_STEPS
    trends: dict[str, list[int]] = {}
    for one in counts:
        low = one.bucket(window.start)
        # A bucket falls into the step that holds its middle; the last one may just have begun.
        steps = {
            bucket: min(TREND_STEPS - 1, math.floor((one.zero + (bucket + 0.5) * one.step_s - window.start) / width))
            for bucket in range(low, one.bucket(window.end) + 1)
            if one.zero + bucket * one.step_s < window.end
        }
        for shape in one.shapes:
            id = compared.names.get((shape.service, shape.level, shape.text))
            if id is None:
                continue  # it lies before everything that was compared
            for bucket in reversed(shape.buckets):  # the window is the end of what was counted
                if bucket < low:
                    break
                if steps.get(bucket, -1) >= 0:
                    trends.setdefault(id, [0] * TREND_STEPS)[steps[bucket]] += shape.buckets[bucket]
    return tuple([replace(p, trend=tuple(trends.get(p.id, ()))) for p in compared.patterns])


def special(compared: Compared, most: int) -> tuple[Pattern, ...]:
    """The patterns that are worth a row, and one row for all others, so that the counts add up.

    Secrets in them are hidden.
    """
    telling = [p for p in compared.patterns if p.template != OTHER and (p.count or p.status == "gone")][:most]
    shown = {p.id for p in telling}
    rest = [p for p in compared.patterns if p.id not in shown]
    return (*(without_secrets(p) for p in telling), *([_together(rest)] if rest else []))


def _together(rest: Sequence[Pattern]) -> Pattern:
    firsts = [p.first_seen for p in rest if p.first_seen is not None]
    lasts = [p.last_seen for p in rest if p.last_seen is not None]
    trends = [p.trend for p in rest if p.trend]
    known = [p.baseline_count for p in rest if p.baseline_count is not None]
    return Pattern(
        id="other",
        template=SafeText(OTHER),
        service="",
        level=Level.UNKNOWN,
        status="steady",
        count=sum(p.count for p in rest),
        baseline_count=sum(known) if known else None,
        ratio=None,
        first_seen=min(firsts, default=None),
        last_seen=max(lasts, default=None),
        example=SafeText(""),
        trend=tuple(map(sum, zip(*trends, strict=True))),
    )


def without_secrets(pattern: Pattern) -> Pattern:
    """The same for eyes, clipboards and documents; what stands for a secret is the same in every run."""
    # A blank is no secret, whatever the word before it.
    template = BLANK.join(text_without_secrets(part) for part in pattern.template.split(BLANK))
    example = text_without_secrets(pattern.example)
    if (template, example) == (pattern.template, pattern.example):
        return pattern
    return replace(pattern, template=SafeText(template), example=SafeText(example))


def text_without_secrets(text: str) -> str:
    """The text with every secret as a token that is the same for all secrets of a kind, and in every run."""
    return _RUN.sub("", redact(text))


def compare_counts(
    now: Sequence[ShapeCounts],
    before: Sequence[ShapeCounts],
    spans: tuple[float, float] | None = None,
    known: PatternNames | None = None,
) -> Compared:
    """Compare the lines of a window, from one or several sources, with those of its baseline.

    Only the shapes given are clustered: what is learned later does not change what could be known now.

    Args:
        now, before: What was counted in the window, in `TREND_STEPS` steps where trends are wanted, and in its baseline.
        spans: Seconds that the counts are measured against, before and during; default: all lines of the side, where the
            baseline has enough of them.
        known: `names` of an earlier comparison.
    """
    found = _by_template(now, before)
    lines, before_lines = sum(e.during for e in found), sum(e.before for e in found)
    ids = _ids(found, known or {})
    too_small = spans is None and before_lines < LEAST_BASELINE
    if not before_lines:
        judged = [(_pattern(e, id, "steady", None, None), -float(e.during)) for e, id in zip(found, ids, strict=True)]
    else:
        judged = _judged(found, ids, (before_lines, lines), spans, too_small)
    judged.sort(key=lambda one: (one[0].status == "steady", one[1], one[0].service, one[0].template))
    names = {(e.service, e.level, shape): id for e, id in zip(found, ids, strict=True) for shape in e.shapes}
    baseline = Window(min(c.window.start for c in before), max(c.window.end for c in before)) if before_lines else None
    return Compared(baseline, tuple([pattern for pattern, _ in judged]), lines, before_lines, too_small, names)


def _by_template(now: Sequence[ShapeCounts], before: Sequence[ShapeCounts]) -> list[_Lines]:
    """The lines of each template; beyond `PATTERN_MOST` of a service and level the rarest count as `OTHER`."""
    shapes = [
        (shape, inside) for side, inside in ((now, True), (before, False)) for one in side for shape in one.shapes
    ]
    weights: dict[Place, dict[str, int]] = {}
    for shape, _ in shapes:
        if shape.text != OTHER:
            lines = weights.setdefault((shape.service, shape.level), {})
            lines[shape.text] = lines.get(shape.text, 0) + shape.lines
    templates = {place: _templates(frozenset(lines.items())) for place, lines in weights.items()}
    found: dict[tuple[str, Level, str], _Lines] = {}
    for shape, inside in shapes:
        template = templates.get((shape.service, shape.level), {}).get(shape.text, OTHER)
        key = (shape.service, shape.level, template)
        entry = found.get(key)
        if entry is None:
            entry = found[key] = _Lines(*key, shape.example)
        entry.take(shape, inside)
    return list(found.values())


@lru_cache(maxsize=MOST_PLACES_KNOWN)
def _templates(counts: frozenset[tuple[str, int]]) -> Mapping[str, str]:
    """The template of each shape, of which there are so many lines; that of the rarest is left out.

    Remembered, since it is most of the work of a diagnosis, and where nothing is written nothing changes.
    """
    lines = dict(counts)
    found = cluster(lines)
    totals: dict[str, int] = {}
    for shape, template in found.items():
        totals[template] = totals.get(template, 0) + lines[shape]
    if len(totals) <= PATTERN_MOST:
        return found
    kept = set(sorted(totals, key=lambda template: (-totals[template], template))[:PATTERN_MOST])
    return {shape: template for shape, template in found.items() if template in kept}


def _judged(
    found: Sequence[_Lines],
    ids: Sequence[str],
    totals: tuple[int, int],
    spans: tuple[float, float] | None,
    too_small: bool,
) -> list[tuple[Pattern, float]]:
    """Each pattern with its place in the order: minus G, weighted by severity."""
    before, during = spans or (float(totals[0]), float(totals[1]))
    before, during = max(before, 1e-9), max(during, 1e-9)
    if spans is None:
        scores = [g_shares(e.during, during, e.before, before) for e in found]
    else:
        scores = [g_squared(e.before, e.during, before, during) for e in found]
    chances = benjamini_hochberg([chi_square_p(g) for g in scores])
    judged = []
    for entry, id, g, chance in zip(found, ids, scores, chances, strict=True):
        x, y = entry.before, entry.during
        smooth = ((y + 0.5) / (during + 1)) / ((x + 0.5) / (before + 1))
        status = "steady"
        if entry.template == OTHER:
            pass  # many messages of which nothing is known can be neither new nor gone
        elif not too_small and x == 0 and y >= PATTERN_LEAST and y / during > RULE_OF_THREE / before:
            status = "new"
        elif not too_small and y == 0 and x >= PATTERN_LEAST and x / before > RULE_OF_THREE / during:
            status = "gone"
        elif y >= PATTERN_SURGE and smooth >= PATTERN_RATIO and chance < PATTERN_P:
            status = "surged"
        ratio = (y / during) / (x / before) if x else None
        judged.append((_pattern(entry, id, status, x, ratio), -g * _WEIGHTS.get(entry.level, 1.0)))
    return judged


def _pattern(entry: _Lines, id: str, status: str, before: int | None, ratio: float | None) -> Pattern:
    return Pattern(
        id=id,
        template=SafeText(entry.template),
        service=entry.service,
        level=entry.level,
        status=status,
        count=entry.during,
        baseline_count=before,
        ratio=ratio,
        first_seen=entry.first,
        last_seen=entry.last,
        example=entry.example,
        trend=tuple([entry.trend.get(step, 0) for step in range(TREND_STEPS)]) if entry.trend else (),
    )


def _ids(found: Sequence[_Lines], known: PatternNames) -> list[str]:
    """The id of each pattern.

    A pattern keeps the id under which most of its lines were known; where two claim one id, the one with more of its
    lines has it. Any other gets an id made of service, level and template.
    """
    claims: list[tuple[int, int, str]] = []
    for number, entry in enumerate(found):
        lines: dict[str, int] = {}
        for shape, n in entry.shapes.items():
            id = known.get((entry.service, entry.level, shape))
            if id is not None:
                lines[id] = lines.get(id, 0) + n
        total = sum(entry.shapes.values())
        claims += [(n, number, id) for id, n in lines.items() if 2 * n > total]
    ids: dict[int, str] = {}
    taken: set[str] = set()
    for _, number, id in sorted(claims, key=lambda claim: (-claim[0], claim[2], claim[1])):
        if id not in taken:
            ids[number] = id
            taken.add(id)
    for number, entry in enumerate(found):
        if number not in ids:
            ids[number] = _new_id(entry, taken)
            taken.add(ids[number])
    return [ids[number] for number in range(len(found))]


def _new_id(entry: _Lines, taken: set[str]) -> str:
    """A short name that the same template of the same service and level always gets, unless another pattern bears it."""
    for attempt in range(len(taken) + 1):
        text = f"{entry.service}\0{entry.level.value}\0{entry.template}" + (f"\0{attempt}" if attempt else "")
        id = blake2s(text.encode(), digest_size=5).hexdigest()
        if id not in taken:
            return id
    raise AssertionError("more ids than attempts are taken")
