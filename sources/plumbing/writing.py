"""The one change that is ever made to a repository: a branch in a work tree of its own, and its undoing.

The files of the new work tree are not written by `worktree add`: a configuration may hold settings that count only there
(`includeIf` by folder or by branch), so its drivers are read and switched off from inside before a file is written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from sources.base import SourceError, SourceRefused
from sources.plumbing.model import BranchFacts, BranchMade, RepositoryInfo, Worktree
from sources.plumbing.objects import OID, first_line
from sources.plumbing.pump import Output
from sources.plumbing.reading import check_oid
from sources.plumbing.snapshot import Snapshot, differences, snapshot


class Session(Protocol):
    """Hardened git commands in one repository."""

    @property
    def info(self) -> RepositoryInfo: ...

    @property
    def top(self) -> Path | None:
        """Of the checkout; None for a bare repository."""
        ...

    def call(self, subcommand: str, *arguments: str, feed: bytes = b"", statuses: Sequence[int] = (0,)) -> Output: ...

    def change(self, subcommand: str, *arguments: str) -> Output:
        """A command that writes; any status but 0 is the caller's to tell."""
        ...


def worktrees(call: Callable[..., Output]) -> list[Worktree]:
    """Every work tree of the repository, the main one first."""
    found: list[Worktree] = []
    for record in call("worktree", "list", "--porcelain", "-z").out.split(b"\0\0"):
        lines = [os.fsdecode(line) for line in record.split(b"\0") if line]
        fields = {name: value for name, _, value in (line.partition(" ") for line in lines)}
        if "worktree" in fields:
            branch = fields.get("branch", "").removeprefix("refs/heads/")
            found.append(Worktree(Path(fields["worktree"]), branch, fields.get("HEAD", ""), "locked" in fields))
    return found


def size_of(call: Callable[..., Output], oid: str) -> tuple[int, int, bool]:
    """Files of a commit, their bytes as they are stored, and whether it has submodules.

    Raises:
        SourceError: Objects are missing, as in a partial clone.
    """
    lines = call("ls-tree", "-r", "--format=%(objectsize)", check_oid(oid)).out.split()
    sizes = [int(line) for line in lines if line.isdigit()]
    return len(sizes), sum(sizes), len(sizes) < len(lines)


def files_of(call: Callable[..., Output], oid: str) -> tuple[list[str], bool]:
    """Paths of a commit; and whether these are all."""
    output = call("ls-tree", "-r", "-z", "--name-only", check_oid(oid), statuses=(0, 128))
    names = output.out.split(b"\0")[:-1]
    return [os.fsdecode(name) for name in names], not output.cut and not output.status


def _compared(session: Session, ours: Sequence[str], work: Callable[[], str]) -> BranchMade:
    """Do it between two snapshots of what must not change."""
    dirs = {session.info.git_dir, session.info.common_dir}

    def taken() -> Snapshot:
        return snapshot(session.top, dirs)

    before = taken()
    problem = work()
    return BranchMade(problem, tuple(differences(before, taken(), ours)))


def _ours(common: Path, branch: str, path: Path) -> tuple[str, ...]:
    """What belongs to the branch alone."""
    return (
        f"{common}/refs/heads/{branch}",
        f"{common}/logs/refs/heads/{branch}",
        f"{common}/worktrees/{path.name}",
    )


def make_branch(
    session: Session, inside: Callable[[Path], Session], branch: str, path: Path, oid: str, reason: str
) -> BranchMade:
    """A branch from a commit, in a new locked work tree.

    Args:
        inside: Opens the new work tree, with the drivers that count there switched off.
        branch: Judged before; without `refs/heads/`.
        path: Absolute; does not exist.
        oid: Full id of a commit.
        reason: Of the lock, in one line.
    """

    def work() -> str:
        if tip_of(session.call, branch) is not None or os.path.lexists(path):
            return f"{branch} or {path} was made by somebody else meanwhile"
        name = ("--no-track", "--lock", "--reason", reason, "--no-checkout", "-b", branch)
        try:
            added = session.change("worktree", "add", *name, "--", str(path), check_oid(oid))
            problem = f"git worktree add: {first_line(added.err)}" if added.status else ""
        except SourceError as error:
            problem = str(error)
        if problem:
            if "already exists" not in problem:
                _drop(session, branch, oid)
            return problem
        try:
            _fill(inside(path), path, oid)
        except SourceError as error:
            session.change("worktree", "remove", "--force", "--force", "--", str(path))
            _drop(session, branch, oid)
            return str(error)
        return ""

    return _compared(session, _ours(session.info.common_dir, branch, path), work)


def _fill(session: Session, path: Path, oid: str) -> None:
    """Write the files.

    Raises:
        SourceError: They cannot be written, or git would write them elsewhere.
    """
    top = os.fsdecode(session.call("rev-parse", "--path-format=absolute", "--show-toplevel").out).rstrip("\n")
    if os.path.realpath(top) != os.path.realpath(path):
        raise SourceRefused(f"{path}: the repository's configuration leads git to another folder ({top})")
    filled = session.change("read-tree", "--reset", "-u", check_oid(oid))
    if filled.status:
        raise SourceRefused(f"git read-tree: {first_line(filled.err)}")


def _drop(session: Session, branch: str, oid: str) -> None:
    """Leave no branch of what was begun, where it stands at its start and nobody has it checked out."""
    if not any(one.branch == branch for one in worktrees(session.call)):
        session.change("update-ref", "-d", f"refs/heads/{branch}", check_oid(oid))


def remove_branch(session: Session, branch: str, path: Path | None, tip: str, kept: bool) -> BranchMade:
    """Take a branch and its work tree away; never with force, so git itself refuses where work would be lost.

    Args:
        path: Of the work tree; None where it is gone already.
        tip: Where the branch stands; it goes only if it still does.
        kept: The branch stays: it holds commits that are nowhere else.
    """

    def work() -> str:
        if path is not None:
            session.change("worktree", "unlock", "--", str(path))  # fails where a person unlocked it, which is as good
            removed = session.change("worktree", "remove", "--", str(path))
            if removed.status:
                return f"git worktree remove: {first_line(removed.err)}"
        if kept:
            return ""
        deleted = session.change("update-ref", "-d", f"refs/heads/{branch}", check_oid(tip))
        return f"git update-ref -d: {first_line(deleted.err)}" if deleted.status else ""

    return _compared(session, _ours(session.info.common_dir, branch, path or Path("/nonexistent")), work)


def branches_in_the_way(call: Callable[..., Output], branch: str) -> list[str]:
    """Branches that exist under this name, or that a branch of this name would have to lie in or over."""
    first = branch.split("/")[0]
    form = "--format=%(refname:lstrip=2)"
    out = call("for-each-ref", form, f"refs/heads/{first}", f"refs/heads/{branch}", f"refs/heads/{branch}/").out
    names = {os.fsdecode(line) for line in out.split(b"\n") if line}
    return sorted(n for n in names if n in (first, branch) or n.startswith(f"{branch}/"))


def branch_facts(session: Session, branch: str, oid: str) -> BranchFacts:
    """What has to be known before a branch is made from a commit."""
    call, missing = session.call, ""
    files = size = 0
    submodules = lfs = False
    try:
        files, size, submodules = size_of(call, oid)
        attributes = call("cat-file", "--batch", feed=f"{check_oid(oid)}:.gitattributes\n".encode()).out
        lfs = b"filter=lfs" in attributes
    except SourceError as error:
        missing = str(error)
    return BranchFacts(
        session.info,
        session.top,
        tuple(worktrees(call)),
        tuple(branches_in_the_way(call, branch)) if is_name(call, branch) else (),
        default_branches(call),
        is_name(call, branch),
        files,
        size,
        missing,
        submodules,
        lfs,
        _link(session.info.common_dir, branch),
    )


def _link(common: Path, branch: str) -> str:
    """A link in place of a folder that git would write to."""
    folder = branch.partition("/")[0]
    places = ("worktrees", "refs", "refs/heads", f"refs/heads/{folder}", "logs", "logs/refs", "logs/refs/heads")
    found = (common / place for place in (*places, f"logs/refs/heads/{folder}"))
    return next((str(place) for place in found if place.is_symlink()), "")


def default_branches(call: Callable[..., Output]) -> frozenset[str]:
    """The branches that remotes call their default, without the remote's name."""
    out = call("for-each-ref", "--format=%(refname)%00%(symref)", "refs/remotes").out
    pairs = (os.fsdecode(line).split("\0") for line in out.split(b"\n") if b"\0" in line)
    return frozenset(
        target.removeprefix(ref.removesuffix("HEAD")) for ref, target in pairs if ref.endswith("/HEAD") and target
    )


def is_name(call: Callable[..., Output], branch: str) -> bool:
    """Whether git takes it for a branch's name."""
    output = call("check-ref-format", "--branch", branch, statuses=(0, 1, 128))
    return output.status == 0 and os.fsdecode(output.out).strip() == branch


def tip_of(call: Callable[..., Output], branch: str) -> str | None:
    """Where a branch stands; None where there is none."""
    out = call("for-each-ref", "--format=%(refname)%00%(objectname)", f"refs/heads/{branch}").out
    for line in out.split(b"\n"):
        ref, _, oid = os.fsdecode(line).partition("\0")
        if ref == f"refs/heads/{branch}" and OID.fullmatch(oid):
            return oid
    return None
