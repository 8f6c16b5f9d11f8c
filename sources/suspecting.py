"""Asks a repository for what tells the commits between two deploys apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from console.domain.changes import Change, CommitDiff
from console.domain.text import SafeText
from console.fix.finding import Deployed, Finding
from console.fix.frames import Frame, placed
from console.fix.suspects import History, scored
from console.guard.sanitise import safe
from sources.base import SourceError
from sources.plumbing.model import Relation
from sources.plumbing.origins import Origins
from sources.repository import Repository

MOST_COMMITS = 500
NO_TRACE = "no stack trace of its errors is known: the commits are told apart by their files and lines alone"


async def find(
    repository: Repository,
    service: str,
    good: Deployed,
    bad: Deployed,
    frames: Sequence[Frame],
    *,
    traces: int = 0,
    services: Iterable[str] = (),
    first_parent: bool = False,
    others: Sequence[Change] = (),
) -> Finding:
    """The suspect commits, best first.

    Args:
        frames: Of the failing trace, innermost first.
        traces: Records that printed it.
        services: Names of all services.
        first_parent: Only the line of merges into the deployed branch.
        others: Changes of other kinds since the good deploy.

    Raises:
        SourceError: The repository cannot be read.
    """
    found = await repository.commits_between(good.commit, bad.commit, MOST_COMMITS, first_parent=first_parent)
    notes = [str(found.note)]
    if found.relation is Relation.ROLLBACK:
        notes.append("what was deployed is older than what ran well: these commits are missing now")
    if not found.commits:
        return Finding(
            service, good, bad, found.relation.value, (), (), traces, _notes(notes), found.more, tuple(others)
        )
    tree = await repository.tree(good.commit, bad.commit)
    if not tree.whole:
        notes.append("the commit has more files than are read: some frames may not be found")
    frames_there = placed(frames, tree.files, tree.gone)
    notes += [one.note for one in frames_there]
    places = [(one.path, one.frame.line) for one in frames_there if one.path]
    if not frames:
        notes.append(NO_TRACE)
    elif not places:
        notes.append("no frame of the trace names a file of this repository")
    ids = [commit.id for commit in found.commits]
    origins = await _origins(repository, good, bad, places, ids, notes, forward=found.relation is Relation.FORWARD)
    diffs = await _diffs(repository, good, bad, notes)
    history = History(origins.blamed, origins.hunks, origins.texts, origins.quiet, origins.merges, diffs)
    commits = scored(found.commits, frames_there, history, service, services)
    first = next((one for one in frames_there if one.path), None)
    if first is not None and (first.path, first.frame.line) in origins.older:
        notes.append(f"the failing line {first.path}:{first.frame.line} is older than the good deploy")
    notes += origins.notes
    return Finding(
        service, good, bad, found.relation.value, commits, frames_there, traces, _notes(notes), found.more, tuple(others)
    )  # fmt: skip


async def _origins(
    repository: Repository,
    good: Deployed,
    bad: Deployed,
    places: Sequence[tuple[str, int]],
    ids: Sequence[str],
    notes: list[str],
    *,
    forward: bool,
) -> Origins:
    try:
        return await repository.origins(good.commit, bad.commit, places, ids, forward=forward)
    except SourceError as error:
        notes.append(f"who wrote the failing lines could not be told: {error}")
        return Origins({}, {}, {}, frozenset(), frozenset(), frozenset())


async def _diffs(repository: Repository, good: Deployed, bad: Deployed, notes: list[str]) -> tuple[CommitDiff, ...]:
    try:
        return (await repository.diffs_between(good.commit, bad.commit)).commits
    except SourceError as error:
        notes.append(f"the changed lines could not be read: {error}")
        return ()


def _notes(notes: Iterable[str]) -> tuple[SafeText, ...]:
    return tuple(dict.fromkeys(safe(note, 400) for note in notes if note))
