"""The fix branch before it is made: its name, its place, what speaks against it, and the exact commands. Pure.

Rules are numbered B1 to B12; a refusal names its rule.
"""

from __future__ import annotations

import fnmatch
import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.sanitise import safe

NAME = re.compile(r"(?:fix|hotfix)/[a-z0-9._-]{1,60}")
PROTECTED = ("main", "master", "trunk", "develop", "release/*", "production", "prod/*", "deploy/*", "staging")
"""Names of branches that are never the target of a write, whatever the configuration adds."""
SPACE_FACTOR = 2
"""Free space that a new checkout needs, in its own size: what it is built to must fit as well [D]."""
FOLDER = ".worktrees"
MOST_WORKTREE_NAME = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a branch is not made."""

    rule: str
    reason: SafeText

    def __str__(self) -> str:
        return f"{self.rule}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Base:
    """The deployed commit that the branch begins at."""

    tag: SafeText
    """Empty where a commit was named by its id."""
    commit: str
    note: str = ""
    """Why it may not be what was deployed last: of a tag that tells no time."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the repository and the machine."""

    top: Path | None
    """Of the user's checkout; None for a bare repository."""
    worktrees: tuple[Path, ...]
    checked_out: tuple[str, ...]
    """Branches that some work tree has checked out."""
    in_the_way: tuple[str, ...]
    defaults: frozenset[str]
    well_formed: bool
    missing: str
    files: int
    bytes: int
    submodules: bool
    lfs: bool
    link: str
    """A link inside the repository through which the change would be written elsewhere; empty: none."""
    path_exists: bool
    free_bytes: int | None
    """Where the work tree would be; None where that cannot be told."""
    running: tuple[str, ...] = ()
    """Commits that the service runs, as it tells itself; empty where it does not."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done."""

    repository: Path
    branch: str
    worktree: Path
    base: Base
    problems: tuple[Problem, ...] = ()
    notes: tuple[SafeText, ...] = ()
    seed: SafeText = SafeText("")
    """Path of the failing test that is put into the work tree, relative to it; empty: none."""
    files: int = 0
    bytes: int = 0

    @property
    def confirmation(self) -> str:
        """What a person types."""
        return self.branch

    def commands(self) -> tuple[tuple[str, ...], ...]:
        """What is run, without the options that switch off hooks, filters and every other program of the repository."""
        at = ("git", "-C", str(self.repository))
        made = ("--no-track", "--lock", "--reason", lock_reason(self.branch), "--no-checkout", "-b", self.branch)
        return (
            (*at, "worktree", "add", *made, "--", str(self.worktree), self.base.commit),
            ("git", "-C", str(self.worktree), "read-tree", "--reset", "-u", self.base.commit),
        )

    def undo(self) -> tuple[tuple[str, ...], ...]:
        """What takes it away again."""
        at = ("git", "-C", str(self.repository))
        return (
            (*at, "worktree", "unlock", "--", str(self.worktree)),
            (*at, "worktree", "remove", "--", str(self.worktree)),
            (*at, "update-ref", "-d", f"refs/heads/{self.branch}", self.base.commit),
        )


def lock_reason(branch: str) -> str:
    """Why the work tree is locked: `git worktree prune` of somebody else must not take it."""
    return f"fix of an incident: {branch}"


def shown(command: Sequence[str]) -> SafeText:
    """A command as it would be typed."""
    return safe(shlex.join(command), 2000)


def worktree_path(common_dir: Path, top: Path | None, key: str) -> Path:
    """`<folder of the repository>/.worktrees/<repository>-<incident or branch>`.

    Args:
        common_dir: Where refs and objects are.
        top: Of the user's checkout; None for a bare repository.
        key: Incident or branch.
    """
    home = common_dir.parent if common_dir.name == ".git" else common_dir if top is None else top
    name = home.name.removesuffix(".git") or "repository"
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{name}-{key}").strip("-.")[:MOST_WORKTREE_NAME]
    return home.parent / FOLDER / (slug or "fix")


def name_problem(branch: str, protected: Iterable[str]) -> Problem | None:
    """Why a branch may not have this name; None where it may."""
    for pattern in (*PROTECTED, *protected):
        if fnmatch.fnmatchcase(branch, pattern):
            return Problem("B2", safe(f"{branch} is a protected branch ({pattern}), and those are never written to"))
    if not NAME.fullmatch(branch) or ".." in branch or branch.endswith((".", ".lock")) or "/." in branch:
        return Problem(
            "B1", safe(f"{branch!r} is no name of a fix branch: fix/ or hotfix/, then a-z, 0-9, dot, dash, underscore", 300)
        )  # fmt: skip
    return None


def planned(repository: Path, branch: str, worktree: Path, base: Base, known: Known, protected: Iterable[str], *, chosen: bool) -> Plan:  # fmt: skip
    """The plan with everything that speaks against it.

    Args:
        protected: Patterns beside the ones that always hold.
        chosen: A person named the commit; then what the service runs may differ.
    """
    problems = [p for p in (name_problem(branch, protected),) if p is not None]
    problems += _about_branch(branch, known)
    problems += _about_base(base, known, chosen=chosen)
    problems += _about_place(worktree, known)
    return Plan(
        repository, branch, worktree, base, tuple(problems), tuple(_notes(known, base)), SafeText(""), known.files, known.bytes
    )  # fmt: skip


def _about_branch(branch: str, known: Known) -> Iterable[Problem]:
    if branch in known.defaults:
        yield Problem("B2", safe(f"{branch} is the default branch of a remote, and those are never written to"))
    if branch in known.checked_out:
        yield Problem("B2", safe(f"{branch} is checked out in a work tree"))
    elif branch in known.in_the_way:
        yield Problem("B6", safe(f"the branch {branch} exists; choose another name, or `incident fix undo` it"))
    elif known.in_the_way:
        yield Problem("B6", safe(f"the branch {known.in_the_way[0]} exists, so git cannot make {branch}"))
    if not known.well_formed:
        yield Problem("B1", safe(f"git does not take {branch!r} for the name of a branch", 300))


def _about_base(base: Base, known: Known, *, chosen: bool) -> Iterable[Problem]:
    if known.missing:
        yield Problem("B5", safe(f"the files of {base.commit[:12]} are not all here: {known.missing}", 400))
    others = [
        one for one in known.running if one and not base.commit.startswith(one) and not one.startswith(base.commit)
    ]
    if others and not chosen:
        yield Problem(
            "B4", safe(f"the service runs {others[0][:12]}, and its newest deploy tag {base.tag} is {base.commit[:12]}: choose with --from", 400)
        )  # fmt: skip


def _about_place(worktree: Path, known: Known) -> Iterable[Problem]:
    if known.link:
        yield Problem("B7", safe(f"{known.link} is a symbolic link, so git would write elsewhere", 400))
    inside = [top for top in known.worktrees if worktree == top or top in worktree.parents]
    if inside:
        yield Problem(
            "B7", safe(f"{worktree} lies inside the work tree {inside[0]}: name another folder with --worktree", 400)
        )
    elif known.path_exists:
        yield Problem("B7", safe(f"{worktree} exists: name another folder with --worktree", 400))
    if known.free_bytes is not None and known.free_bytes < SPACE_FACTOR * known.bytes:
        yield Problem(
            "B8", safe(f"{worktree.parent} has {known.free_bytes >> 20:,} MiB free; the checkout of {known.bytes >> 20:,} MiB needs {SPACE_FACTOR} times its size", 400)
        )  # fmt: skip


def _notes(known: Known, base: Base) -> Iterable[SafeText]:
    if base.note:
        yield safe(f"the time of {base.tag}: {base.note}")
    if known.lfs:
        yield safe("files kept in LFS are pointers there: filters are off; `git lfs pull` in the work tree brings them")
    if known.submodules:
        yield safe("submodules are empty there: `git submodule update --init` in the work tree brings them")
    if known.running and all(base.commit.startswith(one) or one.startswith(base.commit) for one in known.running):
        yield safe("the service says itself that it runs this commit")
    elif not known.running:
        yield safe("nobody tells which commit the service runs: the tag is taken at its word")
