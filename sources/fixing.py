"""Makes a fix branch and takes it away: the plan out of what a repository and the machine tell, and the deed behind the gate."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from console.domain.text import SafeText
from console.domain.values import dataclass
from console.fix.branch import Base, Known, Plan, lock_reason, name_problem, planned, shown, worktree_path
from console.fix.record import MADE, UNDONE, Branch
from console.guard.gate import Deed, Gate, NotAdmitted, Typed
from console.guard.sanitise import safe
from sources.base import SourceError
from sources.plumbing.model import BranchFacts
from sources.repository import Repository

MOST_SEED = 1 << 20


@dataclass(frozen=True, slots=True)
class Seed:
    """A file that is put into the new work tree."""

    name: str
    """Of a file at its top."""
    text: str


@dataclass(frozen=True, slots=True)
class Made:
    """A branch that was made."""

    plan: Plan
    touched: tuple[SafeText, ...]
    """What of the user's checkout differs from before; empty: untouched to the byte."""


@dataclass(frozen=True, slots=True)
class Undone:
    """A branch that was taken away."""

    branch: Branch
    kept: str
    """Why the branch itself stays; empty where it is gone."""
    touched: tuple[SafeText, ...]


async def plan(
    repository: Repository,
    branch: str,
    base: Base,
    protected: Sequence[str],
    *,
    key: str,
    worktree: Path | None = None,
    chosen: bool = False,
    running: Sequence[str] = (),
    seed: Seed | None = None,
) -> Plan:
    """What would be done, and what speaks against it; nothing is written.

    Args:
        key: Incident or branch, for the name of the work tree.
        worktree: Its folder; None: beside the repository.
        chosen: A person named the commit.
        running: Commits that the service says it runs.

    Raises:
        SourceError: The repository cannot be read.
    """
    bad_name = name_problem(branch, protected)
    facts = await repository.branch_facts(branch if bad_name is None else "fix/name", base.commit)
    path = worktree or _free_path(facts, key, branch)
    if bad_name is not None:
        facts = replace(facts, in_the_way=())
    found = planned(repository.path, branch, path, base, _known(facts, path, running), protected, chosen=chosen)
    return found if seed is None else replace(found, seed=safe(seed.name))


def _free_path(facts: BranchFacts, key: str, branch: str) -> Path:
    """Beside the repository; with the branch's name too where an incident has a work tree already."""
    first = worktree_path(facts.info.common_dir, facts.top, key)
    if not os.path.lexists(first) or key == branch:
        return first
    return worktree_path(facts.info.common_dir, facts.top, f"{key}-{branch}")


def _known(facts: BranchFacts, path: Path, running: Sequence[str]) -> Known:
    return Known(
        facts.top,
        tuple(one.path for one in facts.worktrees),
        tuple(one.branch for one in facts.worktrees if one.branch),
        facts.in_the_way,
        facts.defaults,
        facts.well_formed,
        facts.missing,
        facts.files,
        facts.bytes,
        facts.submodules,
        facts.lfs,
        facts.link,
        os.path.lexists(path),
        _free(path),
        tuple(running),
    )


def _free(path: Path) -> int | None:
    for folder in path.parents:
        with suppress(OSError):
            return shutil.disk_usage(folder).free
    return None


def deed_of(found: Plan, service: str) -> Deed:
    """The deed of a plan, as the gate takes it."""
    about = {
        "service": service,
        "branch": found.branch,
        "repository": str(found.repository),
        "worktree": str(found.worktree),
        "tag": found.base.tag,
        "commit": found.base.commit,
        "commands": [shown(command) for command in found.commands()],
    }
    return Deed(MADE, found.confirmation, about)


async def make(repository: Repository, found: Plan, gate: Gate, typed: Typed, service: str, seed: Seed | None) -> Made:
    """Do what the plan says.

    Raises:
        NotAdmitted: A rule says no, or it failed; then nothing is left of it, as the message says.
    """
    if found.problems:
        raise NotAdmitted(found.problems[0].rule, found.problems[0].reason)
    # In one thread to its end: a cancelled task leaves no half of it.
    return await asyncio.to_thread(_make, repository, found, gate, typed, service, seed)


def _make(repository: Repository, found: Plan, gate: Gate, typed: Typed, service: str, seed: Seed | None) -> Made:
    deed = deed_of(found, service)
    gate.admit(deed, typed)
    reason = lock_reason(found.branch)
    digest = ""
    touched: tuple[str, ...] = ()
    try:
        made = repository.make_branch(found.branch, found.worktree, found.base.commit, reason)
        problem, touched = made.problem, made.touched
        if not problem and seed is not None:
            digest = _plant(found.worktree, seed)
    except (SourceError, OSError) as error:
        problem = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
    names = tuple(safe(name, 300) for name in touched)
    outcome: dict[str, Any] = {"problem": problem or None, "untouched": not touched, "touched": list(names[:20])}
    gate.tell(deed, outcome | ({"seed": seed.name, "seed_sha256": digest} if seed is not None else {}))
    if problem:
        raise NotAdmitted("B6", problem)
    return Made(found, names)


def _plant(worktree: Path, seed: Seed) -> str:
    """Write the file, which must not be there; its digest."""
    data = seed.text.encode()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(worktree / seed.name, flags, 0o644), "wb") as file:
        file.write(data)
    return hashlib.sha256(data).hexdigest()


async def undo(
    repository: Repository, branch: Branch, gate: Gate, typed: Typed, *, worktree_only: bool = False
) -> Undone:
    """Take a branch and its work tree away again.

    Args:
        worktree_only: The branch stays, whatever it holds.

    Raises:
        NotAdmitted: B11, work would be lost; or another rule says no.
        SourceError: The repository cannot be read.
    """
    tip = await repository.branch_tip(branch.name)
    contained = tip is None or tip == branch.commit or await _is_elsewhere(repository, tip)
    if not contained and not worktree_only:
        raise NotAdmitted(
            "B11",
            f"{branch.name} holds commits that the checked out branch does not: take only the work tree away with --keep-branch, "
            f"or delete them yourself: git -C {branch.repository} branch -D {branch.name}",
        )
    return await asyncio.to_thread(_undo, repository, branch, gate, typed, tip, worktree_only)


async def _is_elsewhere(repository: Repository, tip: str) -> bool:
    head = await repository.head()
    return head is not None and await repository.is_ancestor(tip, head) is True


def _undo(repository: Repository, branch: Branch, gate: Gate, typed: Typed, tip: str | None, kept: bool) -> Undone:
    about = {"service": branch.service, "branch": branch.name, "repository": str(branch.repository)}
    deed = Deed(UNDONE, branch.name, about | {"worktree": str(branch.worktree), "tip": tip})
    gate.admit(deed, typed)
    problem = ""
    touched: tuple[str, ...] = ()
    try:
        path = branch.worktree if os.path.lexists(branch.worktree) else None
        planted = _uproot(branch)
        made = repository.remove_branch(branch.name, path, tip or branch.commit, kept=kept or tip is None)
        problem, touched = made.problem, made.touched
        if problem and planted is not None:
            planted()
        with suppress(OSError):
            branch.worktree.parent.rmdir()  # ours, where it is empty now
    except (SourceError, OSError) as error:
        problem = str(error)
    names = tuple(safe(name, 300) for name in touched)
    outcome = {"problem": problem or None, "untouched": not touched, "touched": list(names[:20]), "kept": kept}
    gate.tell(deed, outcome)
    if problem:
        by_hand = f"git -C {branch.repository} worktree remove --force --force {branch.worktree}"
        raise NotAdmitted("B11", f"{problem}; nothing was taken away by force, which is yours to do: {by_hand}")
    return Undone(branch, "it was asked for" if kept else "", names)


def _uproot(branch: Branch) -> Any:
    """Take away the test that we planted, where nobody changed it; how to put it back."""
    if not branch.seed:
        return None
    place = branch.worktree / branch.seed
    try:
        data = place.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(data).hexdigest() != branch.seed_sha256:
        return None
    place.unlink()
    return lambda: place.write_bytes(data)
