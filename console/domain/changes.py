"""What changed: deploys, flags, configuration and the rest."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import field, replace

from console.domain.instant import Instant
from console.domain.text import SafeText
from console.domain.values import dataclass

CHANGE_KINDS = (
    "deploy",
    "rollback",
    "config",
    "flag",
    "cron",
    "scale",
    "migration",
    "infrastructure",
    "certificate",
    "traffic",
    "other",
)

BY_DEPLOY = "newest deploy"
"""Who says which version runs, where nobody else does."""

COMMIT = re.compile(r"[0-9a-f]{7,64}")
"""What a commit id looks like; anything else that stands in its place is never put into a command."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the system, as some source reports it."""

    id: str
    """Unique; for a deploy from git, the tag's name."""
    kind: str
    """One of `CHANGE_KINDS`."""
    at: Instant
    service: str | None
    version: str | None = None
    commit: str | None = None
    summary: SafeText = SafeText("")
    source: str = ""
    time_note: str = ""
    """Why `at` may be wrong, in words; empty where it is a record of the event itself."""
    observed: str = ""
    """What showed it, where no source of changes told it: `field version in app`, `process_start_time_seconds in prod`."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit between two deploys."""

    id: str
    at: Instant
    author: SafeText
    subject: SafeText
    files: tuple[FileChange, ...] = ()


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file of a commit's diffstat; None where git calls the file binary."""

    path: SafeText
    added: int | None
    removed: int | None


@dataclass(frozen=True, slots=True)
class FileDiff:
    """The changed lines of one file, without their context; a bounded part of them where there are many."""

    path: SafeText
    removed: tuple[SafeText, ...] = ()
    added: tuple[SafeText, ...] = ()


@dataclass(frozen=True, slots=True)
class CommitDiff:
    """What one commit changed, line by line."""

    commit: str
    subject: SafeText
    files: tuple[FileDiff, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeDiff:
    """What a change brought: the commits since the deploy before it, newest last."""

    change_id: str
    commits: tuple[CommitDiff, ...] = ()
    complete: bool = True
    """False: commits or lines were left out at a limit."""


@dataclass(frozen=True, slots=True)
class DeployDetail:
    """What a deploy brought: the commits since the deploy before it."""

    change: Change
    previous: Change | None
    commits: tuple[Commit, ...] = ()
    files: tuple[FileChange, ...] = ()
    note: str = ""
    """What the reader must know: rollback, divergence, shallow clone, list cut at the limit."""


@dataclass(frozen=True, slots=True)
class Running:
    """A version that a service runs now, and whether its newest deploy agrees. A service that runs several has several."""

    service: str
    version: str | None
    commit: str | None
    source: str
    """Who said so: `/version`, `app_build_info`, `newest deploy tag`."""
    agrees: bool | None
    """None where one of the two is not known."""
    observed_at: Instant | None = None
    instances: int = field(default=1)
    """Processes that were seen running it."""


LEAST_COMMIT = 7
"""A shorter part of a commit id tells nothing."""


def same_build(
    version: str | None, commit: str | None, other_version: str | None, other_commit: str | None
) -> bool | None:
    """Whether two who speak of a build mean the same: by commit where both name one, else by version, its `v` or not.

    None where that cannot be told.
    """
    short = min(len(commit or ""), len(other_commit or ""))
    if commit and other_commit and short >= LEAST_COMMIT:
        return commit[:short] == other_commit[:short]
    if version and other_version:
        return version.removeprefix("v") == other_version.removeprefix("v")
    return None


def merged_running(told: Iterable[Running]) -> tuple[Running, ...]:
    """What several say that runs: one entry for each service and build, with everybody who said so."""
    found: list[Running] = []
    for one in told:
        for place, known in enumerate(found):
            same = same_build(known.version, known.commit, one.version, one.commit)
            if known.service == one.service and same:
                found[place] = _joined(known, one)
                break
        else:
            found.append(one)
    return tuple(found)


def _joined(one: Running, other: Running) -> Running:
    """One entry of two; its age is that of the older."""
    times = [at for at in (one.observed_at, other.observed_at) if at is not None]
    return replace(
        one,
        version=one.version or other.version,
        commit=max(one.commit or "", other.commit or "", key=len) or None,
        source=one.source if other.source in one.source.split(", ") else f"{one.source}, {other.source}",
        agrees=one.agrees if one.agrees is not None else other.agrees,
        observed_at=min(times, default=None),
        instances=max(one.instances, other.instances),
    )
