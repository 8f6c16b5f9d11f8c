"""What is special to a window's log lines as text: plain words, one statement a line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import tzinfo

from console.domain.instant import Instant, clock_text, rfc3339, span_text
from console.domain.logs import Level, Pattern
from console.domain.shapes import OTHER, ExceptionGroup, FieldExcess, PatternReport
from console.domain.text import SafeText
from console.domain.values import dataclass

Style = Callable[[str, str], str]
MOST_PATTERNS = 20
MOST_EXCEPTIONS = 10
MOST_LINES = 12
"""Lines of an exception's example."""
MOST_SERVICES = 4
LONGEST_EXAMPLE = 200
_HEADS = {
    "new": ("New in this window", "red"),
    "surged": ("More than before", "yellow"),
    "gone": ("Gone since the baseline", "bold"),
}


@dataclass(frozen=True, slots=True)
class _Row:
    """Patterns of several services that say the same at the same level."""

    template: SafeText
    level: Level
    services: tuple[str, ...]
    count: int
    before: int
    first: Instant | None
    last: Instant | None
    example: SafeText


def patterns_text(report: PatternReport, zone: tzinfo, style: Style | None = None) -> str:
    """The text that `incident patterns` prints, with a line break at its end."""
    return "\n".join(_Text(report, zone, style or (lambda text, _: text)).lines()) + "\n"


class _Text:
    def __init__(self, report: PatternReport, zone: tzinfo, style: Style) -> None:
        self._seen, self._zone, self._style = report, zone, style
        self._length = span_text(sum(base.window.seconds for base in report.baseline))

    def lines(self) -> list[str]:
        """All lines of the text."""
        found = self._begin()
        for status in _HEADS:
            found += self._patterns(status)
        found += self._steady() + self._exceptions() + self._fields()
        return found

    def _clock(self, at: Instant) -> str:
        return clock_text(at, self._zone, now=self._seen.window.end)

    def _begin(self) -> list[str]:
        seen = self._seen
        window = f"{rfc3339(seen.window.start)} to {rfc3339(seen.window.end)}"
        found = [f"Log lines from {window}: {seen.lines:,}."]
        for base in seen.baseline:
            found.append(f"Compared with {base.why}: {rfc3339(base.window.start)} to {rfc3339(base.window.end)}.")
        found.append(f"The baseline holds {seen.baseline_lines:,} lines.")
        if seen.baseline_too_small:
            found.append("The baseline is too small: nothing is called new or gone.")
        if seen.sampled:
            found.append("Counts are those of a sample of the lines.")
        return found

    def _patterns(self, status: str) -> list[str]:
        rows = _rows(p for p in self._seen.patterns if p.status == status)
        if not rows:
            return []
        head, colour = _HEADS[status]
        found = ["", self._style(f"{head}: {len(rows):,}", colour)]
        for row in rows[:MOST_PATTERNS]:
            found.append(f"  {row.level.word} of {_names(row.services)}: {row.template}")
            found.append(f"    {self._counts(row)}")
            if row.count and row.example != row.template:
                found.append(f"    for example: {_cut(row.example)}")
        if len(rows) > MOST_PATTERNS:
            found.append(f"  and {len(rows) - MOST_PATTERNS:,} more")
        return found

    def _counts(self, row: _Row) -> str:
        told = f"{row.count:,} now, {row.before:,} in {self._length} before"
        if row.first is not None and row.last is not None:
            told += f"; first {self._clock(row.first)}, last {self._clock(row.last)}"
        return told

    def _steady(self) -> list[str]:
        others = [p for p in self._seen.patterns if p.template == OTHER]
        steady = [p for p in self._seen.patterns if p.status == "steady" and p.template != OTHER]
        found = []
        if steady:
            found.append(f"As usual: {len(steady):,} patterns with {sum(p.count for p in steady):,} lines.")
        if others:
            before = sum(p.baseline_count or 0 for p in others)
            told = f"{sum(p.count for p in others):,} now, {before:,} in {self._length} before"
            found.append(f"Too long or too rare to be mined, and counted only: {told}.")
        return ["", *found] if found else []

    def _exceptions(self) -> list[str]:
        groups = self._seen.exceptions
        if not groups:
            return []
        found = ["", self._style(f"Exceptions: {len(groups):,}", "bold")]
        for group in groups[:MOST_EXCEPTIONS]:
            found += self._exception(group)
        if len(groups) > MOST_EXCEPTIONS:
            found.append(f"  and {len(groups) - MOST_EXCEPTIONS:,} more")
        return found

    def _exception(self, group: ExceptionGroup) -> list[str]:
        before = "" if group.baseline_count is None else f", {group.baseline_count:,} in {self._length} before"
        said = f": {_cut(group.message)}" if group.message else ""
        found = [
            f"  {group.type} of {_names(group.services)}{said}",
            f"    {group.count:,} now{before}; first {self._clock(group.first_seen)}, last {self._clock(group.last_seen)}",
        ]
        if group.frames:
            found.append(f"    in {' < '.join(group.frames)}")
        found += [f"    | {_cut(line)}" for line in group.example[:MOST_LINES]]
        if len(group.example) > MOST_LINES:
            found.append(f"    | and {len(group.example) - MOST_LINES:,} more lines")
        return found

    def _fields(self) -> list[str]:
        if not self._seen.fields:
            return []
        head = self._style("What failing records have more often than others", "bold")
        return ["", head, *(f"  {_field(one)}" for one in self._seen.fields)]


def _field(one: FieldExcess) -> str:
    return (
        f"{one.field} {one.value}: {_share(one.failing, one.failing_of)} of failing records,"
        f" {_share(one.others, one.others_of)} of others"
    )


def _share(part: int, of: int) -> str:
    return f"{part:,} of {of:,} ({part / of:.0%})" if of else f"{part:,}"


def _rows(patterns: Iterable[Pattern]) -> Sequence[_Row]:
    """The patterns with those of several services that say the same as one, in the order of the first."""
    alike: dict[tuple[SafeText, Level], list[Pattern]] = {}
    for pattern in patterns:
        alike.setdefault((pattern.template, pattern.level), []).append(pattern)
    return [
        _Row(
            template,
            level,
            tuple(sorted({p.service for p in some})),
            sum(p.count for p in some),
            sum(p.baseline_count or 0 for p in some),
            min((p.first_seen for p in some if p.first_seen is not None), default=None),
            max((p.last_seen for p in some if p.last_seen is not None), default=None),
            some[0].example,
        )
        for (template, level), some in alike.items()
    ]


def _names(services: Sequence[str]) -> str:
    """`checkout`, `checkout and cart`, `checkout, cart and 3 more services`."""
    named = [service or "an unnamed service" for service in services]
    if len(named) > MOST_SERVICES:
        return f"{', '.join(named[:MOST_SERVICES])} and {len(named) - MOST_SERVICES:,} more services"
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_EXAMPLE else f"{text[:LONGEST_EXAMPLE]}…"
