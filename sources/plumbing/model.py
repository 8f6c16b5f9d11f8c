"""What the door to git answers."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from console.domain.changes import Commit, CommitDiff, FileChange
from console.domain.instant import Instant
from console.domain.text import SafeText
from console.domain.values import dataclass


class TagKind(StrEnum):
    """What a tag is made of."""

    ANNOTATED = "annotated"
    LIGHTWEIGHT = "lightweight"
    """A name for a commit: it has no date of its own."""
    NESTED = "nested"
    """A tag of a tag."""
    BLOB = "blob"
    """It leads to a file."""
    ODD = "odd"
    """It leads to a tree, or to an object that is not here."""


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag of a repository."""

    name: SafeText
    """Without `refs/tags/`."""
    ref: str
    """The full name as git has it; bytes that are no UTF-8 as surrogates. Never shown."""
    kind: TagKind
    commit: str | None
    """Full id of the commit that it leads to, through any number of tags."""
    tagged_at: Instant | None = None
    """By the tagger's clock; None for a lightweight tag."""
    committed_at: Instant | None = None
    tagger: SafeText = SafeText("")
    subject: SafeText = SafeText("")
    """First line of the tag's message, else of the commit's."""


@dataclass(frozen=True, slots=True)
class TagList:
    """Tags that match, newest first by their date."""

    tags: tuple[Tag, ...]
    more: bool = False
    """There are older ones."""


class Relation(StrEnum):
    """How the later of two deployed commits stands to the earlier."""

    SAME = "same"
    FORWARD = "forward"
    ROLLBACK = "rollback"
    DIVERGED = "diverged"
    UNKNOWN = "unknown"
    """The history that would tell is not here."""


@dataclass(frozen=True, slots=True)
class CommitRange:
    """The commits between two, newest first."""

    relation: Relation
    commits: tuple[Commit, ...] = ()
    """Forward: those that came. Rollback: those taken back. Diverged: of both sides."""
    more: bool = False
    """The list was cut at the limit."""
    note: SafeText = SafeText("")
    """What the reader must know, one sentence; empty where all is plain."""


@dataclass(frozen=True, slots=True)
class Diffstat:
    """Files that differ between two commits."""

    files: tuple[FileChange, ...] = ()
    more: bool = False
    note: SafeText = SafeText("")


@dataclass(frozen=True, slots=True)
class CommitDiffs:
    """The changed lines between two deploys."""

    commits: tuple[CommitDiff, ...] = ()
    """Newest last. After a rollback or a divergence one entry: the whole difference, as the later deploy's commit."""
    complete: bool = True
    """False: commits or lines were left out."""


@dataclass(frozen=True, slots=True)
class RepositoryInfo:
    """What kind of repository it is."""

    git_dir: Path
    common_dir: Path
    """Where refs and objects are; differs from `git_dir` in a linked work tree."""
    bare: bool
    shallow: bool
    partial: bool
    """Objects are left at a remote, and are never fetched by us."""
    object_format: str
    head: str | None
    """None before the first commit."""


@dataclass(frozen=True, slots=True)
class Worktree:
    """A checkout of a repository."""

    path: Path
    branch: str
    """Without `refs/heads/`; empty where HEAD is on none."""
    head: str
    locked: bool


@dataclass(frozen=True, slots=True)
class BranchFacts:
    """What has to be known before a branch is made."""

    info: RepositoryInfo
    top: Path | None
    """Of the user's checkout; None for a bare repository."""
    worktrees: tuple[Worktree, ...]
    in_the_way: tuple[str, ...]
    """Branches that exist under the name, or in its place."""
    defaults: frozenset[str]
    """The default branches of remotes."""
    well_formed: bool
    """Git takes it for the name of a branch."""
    files: int
    """Files of the commit."""
    bytes: int
    missing: str
    """Why the commit cannot be written to a work tree; empty where it can."""
    submodules: bool
    lfs: bool
    link: str
    """A symbolic link inside the repository through which the change would be written elsewhere; empty: none."""


@dataclass(frozen=True, slots=True)
class BranchMade:
    """What came of making a branch, or of taking it away."""

    problem: str = ""
    """Why it was not done, in one sentence; nothing is left of it then, except what `problem` names."""
    touched: tuple[str, ...] = ()
    """Paths of the user's checkout and repository that differ from before; empty: untouched to the byte."""


@dataclass(frozen=True, slots=True)
class WorkDone:
    """What was done on a branch since it was made."""

    tip: str
    commits: int
    files: tuple[FileChange, ...]
    """Between the base and the tip."""
    uncommitted: tuple[SafeText, ...]
    """Files of the work tree that differ from the tip, and new ones; empty where the work tree is gone."""
    reviewers: tuple[tuple[SafeText, int], ...]
    """Who wrote the lines that the branch changes, and how many, most first."""
