"""Who was asked for changes, and who was not: without them it is not known whether one explains what happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from console.domain.reading import SourceReport, SourceState
from console.domain.text import SafeText

CHANGE_ROLES = frozenset(("changes", "deploys"))
NOT_CONSULTED = (("deploys", "deploy tags"), ("changes", "feature flags, configuration and schedules"))
"""What nobody was asked for where no source of that role answered."""
NO_KIND = "none"
"""Kind of a source that is not configured."""
NO_SOURCE = {
    "deploys": "no [[service]] names a repository with deploy tags",
    "changes": "no [[changes]] table is configured",
}


def not_consulted(sources: Iterable[SourceReport]) -> list[str]:
    """Kinds of changes that nobody was asked for, or that no source of told."""
    answered = {one.role for one in sources if one.state in (SourceState.OK, SourceState.PARTIAL)}
    return [what for role, what in NOT_CONSULTED if role not in answered]


def unasked(sources: Sequence[SourceReport]) -> tuple[SourceReport, ...]:
    """The kinds of changes for which no source is configured, as sources that were not consulted."""
    roles = {one.role for one in sources}
    missing = [(role, what) for role, what in NOT_CONSULTED if sources and role not in roles]
    return tuple(
        SourceReport(what, NO_KIND, SourceState.NOT_CONSULTED, SafeText(NO_SOURCE[role]), role=role)
        for role, what in missing
    )


def unread_changes(sources: Iterable[SourceReport]) -> list[SourceReport]:
    """The sources of changes that may know of one that is not at hand."""
    return [one for one in sources if one.role in CHANGE_ROLES and one.state is not SourceState.OK]
