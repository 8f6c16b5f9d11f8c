"""What the row of a source says beside its own answer: what else was asked of it and could not be had."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from console.domain.reading import SourceReport, SourceState
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.sanitise import safe


@dataclass(frozen=True, slots=True)
class UnreadDiff:
    """A deploy whose changed lines a repository could not give."""

    source: str
    change_id: str
    why: SafeText


def without_days(report: SourceReport, missing: Mapping[str, SafeText]) -> SourceReport:
    """The row of a source, saying so where it did not tell of earlier days: what is judged by them alone is then not judged."""
    why = missing.get(report.name) if report.role == "metrics" else None
    if why is None:
        return report
    said = (report.detail, f"earlier days could not be asked for: {why}")
    return replace(report, detail=safe("; ".join(part for part in said if part), 500))


def with_unread(report: SourceReport, unread: Iterable[UnreadDiff]) -> SourceReport:
    """The row of a source, incomplete where lines of deploys could not be read from it."""
    mine = [one for one in unread if one.source == report.name]
    if not mine:
        return report
    more = f" and of {len(mine) - 1} more" if len(mine) > 1 else ""
    said = f"the changed lines of {mine[0].change_id}{more} could not be read: {mine[0].why}"
    state = SourceState.PARTIAL if report.state is SourceState.OK else report.state
    return replace(report, state=state, detail=safe("; ".join(part for part in (report.detail, said) if part), 500))
