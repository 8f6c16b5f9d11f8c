"""The one door to git: hardened plumbing commands through GitPython, bounded in time and output. It reads, and makes or takes
away one thing only: a branch in a work tree of its own.

Only this module imports `git`, and only when a repository is asked something. See `sources.plumbing.hardening` for what a
repository could otherwise make git run.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import subprocess  # noqa: TID251 - this is the door to git
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from console.domain.changes import Commit
from console.domain.reading import Cost
from sources.base import SourceRefused, SourceTimeout, SourceUnavailable
from sources.plumbing import origins, reading, writing
from sources.plumbing.hardening import (
    EMPTY_TREE,
    ENVIRONMENT,
    LEAST_VERSION,
    WRITING,
    TooManyDrivers,
    command_line,
    config_entries,
    drop_inherited,
    neutralised,
)
from sources.plumbing.model import (
    BranchFacts,
    BranchMade,
    CommitDiffs,
    CommitRange,
    Diffstat,
    Relation,
    RepositoryInfo,
    Tag,
    TagKind,
    TagList,
    WorkDone,
)
from sources.plumbing.objects import first_line
from sources.plumbing.pump import Output, Overrun, Unwanted, drain
from sources.plumbing.refs import RefsState, refs_state

__all__ = [
    "CommitDiffs",
    "CommitRange",
    "Diffstat",
    "Relation",
    "Repository",
    "RepositoryInfo",
    "Tag",
    "TagKind",
    "TagList",
    "git_version",
]

T = TypeVar("T")

DEADLINE_S = 10.0
"""For one question, however many commands it takes."""
CHANGE_DEADLINE_S = 60.0
"""For making a branch or taking it away, files and all."""
MOST_OUTPUT = 8 * 2**20
"""Bytes of one command's output."""


class Repository:
    """A git work tree or bare repository. Everything in it that was there before is only read.

    Args:
        path: Its top folder, absolute. A folder inside a work tree is refused, so that a wrong path cannot silently mean
            the repository of a folder above.
        deadline_s: For one question.
    """

    def __init__(self, path: Path, *, deadline_s: float = DEADLINE_S, most_output: int = MOST_OUTPUT) -> None:
        self.path = path
        self._deadline_s = deadline_s
        self._most_output = most_output
        self._cost = Cost()
        self._one_at_a_time = asyncio.Lock()
        self._tags: dict[tuple[tuple[str, ...], int], tuple[RefsState, TagList]] = {}

    @property
    def cost(self) -> Cost:
        """Git commands run and bytes read so far."""
        return self._cost

    async def info(self) -> RepositoryInfo:
        """What kind of repository it is.

        Raises:
            SourceError: It cannot be read, with the reason in one sentence; so do all the methods below.
        """
        return await self._ask(lambda session: session.info)

    async def head(self) -> str | None:
        """Id of the commit that is checked out; None before the first commit."""
        return (await self.info()).head

    async def resolve(self, ref: str) -> str | None:
        """Id of the commit that `HEAD` or a full `refs/…` name leads to; None where there is none."""
        return await self._ask(lambda session: reading.resolve(session.call, ref))

    async def tags(self, patterns: Sequence[str], limit: int = 500) -> TagList:
        """The newest tags that match any pattern, as `git tag --list` matches. Read again only when a ref changed."""
        key = (tuple(patterns), limit)

        def work(session: _Session) -> TagList:
            state = refs_state(session.info.common_dir)
            known = self._tags.get(key)
            if known is not None and state is not None and known[0] == state:
                return known[1]
            found = reading.read_tags(session.call, key[0], limit)
            if state is not None:
                self._tags[key] = (state, found)
            return found

        return await self._ask(work)

    async def commits_between(
        self, good: str, bad: str, limit: int = 500, *, first_parent: bool = False
    ) -> CommitRange:
        """The commits between two deployed ones (full ids), newest first, each with its files."""
        return await self._ask(
            lambda session: reading.read_range(
                session.call, good, bad, limit, shallow=session.info.shallow, first_parent=first_parent
            )
        )

    async def diffstat(self, good: str, bad: str) -> Diffstat:
        """Files that differ between two commits (full ids)."""
        return await self._ask(lambda session: reading.read_diffstat(session.call, good, bad))

    async def diffs_between(self, good: str, bad: str) -> CommitDiffs:
        """The changed lines between two deployed commits (full ids), bounded in commits, files and lines."""
        return await self._ask(
            lambda session: reading.read_diffs(session.call, good, bad, shallow=session.info.shallow)
        )

    async def diff_of(self, oid: str) -> CommitDiffs:
        """The changed lines of one commit (full id); never all of a deploy, since others may have come with it."""
        return await self._ask(lambda session: reading.read_diff(session.call, oid))

    async def is_ancestor(self, older: str, newer: str) -> bool | None:
        """Whether `newer` contains `older`; None where the history that would tell is not here."""
        (answer,) = await self.ancestry(((older, newer),))
        return answer

    async def ancestry(self, pairs: Sequence[tuple[str, str]]) -> list[bool | None]:
        """`is_ancestor` for several pairs at the price of one question."""

        def work(session: _Session) -> list[bool | None]:
            answers = [reading.is_ancestor(session.call, older, newer) for older, newer in pairs]
            return [None if answer is False and session.info.shallow else answer for answer in answers]

        return await self._ask(work)

    async def commit(self, oid: str) -> Commit | None:
        """A commit by its full id, without files; None where it is no commit or not here."""
        found = await self._ask(lambda session: reading.read_commits(session.call, [reading.check_oid(oid)]))
        return found[0] if found else None

    async def tree(self, good: str, bad: str) -> origins.Tree:
        """The files of a deployed commit, and what became of those of the one before (full ids)."""
        return await self._ask(lambda session: origins.read_tree(session.call, good, bad))

    async def origins(
        self, good: str, bad: str, places: Sequence[tuple[str, int]], commits: Sequence[str], *, forward: bool
    ) -> origins.Origins:
        """The history of lines of a deployed commit; see `sources.plumbing.origins.read_origins`."""
        return await self._ask(
            lambda session: origins.read_origins(session.call, good, bad, places, commits, forward=forward)
        )

    async def branch_facts(self, branch: str, oid: str) -> BranchFacts:
        """What has to be known before a branch is made from a commit (full id)."""
        return await self._ask(lambda session: writing.branch_facts(session, branch, oid))

    async def branch_tip(self, branch: str) -> str | None:
        """Id of the commit that a branch stands at; None where there is none."""
        return await self._ask(lambda session: writing.tip_of(session.call, branch))

    async def work_done(self, branch: str, base: str, worktree: Path) -> WorkDone | None:
        """What was done on a branch since it began at `base` (full id); None where there is no such branch."""

        def work(session: _Session) -> WorkDone | None:
            tip = writing.tip_of(session.call, branch)
            if tip is None:
                return None
            count = session.call("rev-list", "--count", "--end-of-options", tip, f"^{reading.check_oid(base)}").out
            stat = reading.read_diffstat(session.call, base, tip)
            inside = self._open(worktree, self._deadline_s, own_index=True) if worktree.is_dir() else None
            changed = origins.uncommitted(inside.call) if inside is not None else ()
            return WorkDone(tip, int(count), stat.files, changed, origins.read_reviewers(session.call, base, tip))

        return await self._ask(work)

    def make_branch(self, branch: str, path: Path, oid: str, reason: str) -> BranchMade:
        """Make a branch from a commit in a new work tree. It is not to be cut short, so it runs in the caller's thread.

        The caller has judged name and path, and what is to be written down about it is written.
        """

        def inside(folder: Path) -> _Session:
            return self._open(folder, CHANGE_DEADLINE_S, writes=True)

        session = self._open(self.path, CHANGE_DEADLINE_S, writes=True)
        return writing.make_branch(session, inside, branch, path, oid, reason)

    def remove_branch(self, branch: str, path: Path | None, tip: str, *, kept: bool) -> BranchMade:
        """Take away a work tree, and its branch unless it is `kept`. Git refuses where work would be lost. See `make_branch`."""
        session = self._open(self.path, CHANGE_DEADLINE_S, writes=True)
        if path is not None:
            session.switch_off(self._open(path, CHANGE_DEADLINE_S))
        return writing.remove_branch(session, branch, path, tip, kept)

    def _open(self, path: Path, deadline_s: float, *, writes: bool = False, own_index: bool = False) -> _Session:
        deadline = time.monotonic() + deadline_s
        stop = threading.Event()
        return _Session(path, deadline, self._most_output, stop, writes=writes, own_index=own_index)

    async def _ask(self, work: Callable[[_Session], T]) -> T:
        stop = threading.Event()
        async with self._one_at_a_time:
            try:
                return await asyncio.to_thread(self._work, work, stop)
            except asyncio.CancelledError:
                stop.set()  # the thread ends its child within a tick
                raise

    def _work(self, work: Callable[[_Session], T], stop: threading.Event) -> T:
        session = _Session(self.path, time.monotonic() + self._deadline_s, self._most_output, stop)
        try:
            return work(session)
        finally:
            self._cost = self._cost + session.cost


class _Session:
    """The commands of one question, under one deadline.

    Raises:
        SourceError: From the constructor on, when the repository cannot be read.
    """

    def __init__(
        self,
        path: Path,
        deadline: float,
        most_output: int,
        stop: threading.Event,
        *,
        writes: bool = False,
        own_index: bool = False,
    ) -> None:
        self.cost = Cost()
        self._writes = writes
        self._reads_in = WRITING if own_index else ENVIRONMENT
        self._path = os.path.abspath(path)
        self._deadline = deadline
        self._most_output = most_output
        self._stop = stop
        self._trusted: str | None = None
        self._extra: dict[str, str] = {}
        if not os.path.isdir(self._path):
            raise SourceUnavailable(f"{self._path}: no such folder; correct `repository` in [[service]]")
        self._git = _usable_git(deadline)
        self.info = self._open()

    def call(self, subcommand: str, *arguments: str, feed: bytes = b"", statuses: Sequence[int] = (0,)) -> Output:
        """One command.

        Raises:
            SourceTimeout: It did not end in time.
            SourceUnavailable: It ended with a status that is not among `statuses`.
        """
        command = command_line(self._git, self._path, subcommand, arguments, self._trusted)
        output = self._run(command, feed, self._reads_in | self._extra)
        if output.status not in statuses and not output.cut:
            raise SourceUnavailable(f"{self._path}: git {subcommand} failed: {first_line(output.err)}")
        return output

    def change(self, subcommand: str, *arguments: str) -> Output:
        """A command that writes, with whatever status it ends."""
        command = command_line(self._git, self._path, subcommand, arguments, self._trusted, writes=self._writes)
        switched_off = {name: value for name, value in self._extra.items() if name != "GIT_ATTR_SOURCE"}
        return self._run(command, b"", WRITING | switched_off)

    def switch_off(self, other: _Session) -> None:
        """The drivers that count in another work tree are off here too, for commands that look into it."""
        self._extra = neutralised([*self._entries, *other._entries]) | {
            name: value for name, value in self._extra.items() if name == "GIT_ATTR_SOURCE"
        }

    @property
    def top(self) -> Path | None:
        """Of the checkout; None for a bare repository."""
        return None if self.info.bare else Path(self._path)

    def _run(self, command: list[str], feed: bytes, environment: dict[str, str]) -> Output:
        try:
            output = _run(command, feed, environment, self._deadline, self._most_output, self._stop)
        except Overrun:
            raise SourceTimeout(f"{self._path}: git did not answer in time and was ended") from None
        except Unwanted:
            raise SourceTimeout(f"{self._path}: the question was withdrawn") from None
        self.cost = self.cost + Cost(1, len(output.out))
        return output

    def _open(self) -> RepositoryInfo:
        lines = self._locate()
        git_dir, common_dir, bare, shallow, object_format = lines[:5]
        if len(lines) > 5 and lines[5]:
            top = self._path.removesuffix("/" + lines[5].rstrip("/"))
            raise SourceRefused(f"{self._path}: lies inside the repository {top}; name that folder as `repository`")
        self._entries = entries = config_entries(self._config())
        try:
            self._extra = neutralised(entries)
        except TooManyDrivers:
            raise SourceRefused(f"{self._path}: its git configuration defines too many drivers to switch off") from None
        self._extra["GIT_ATTR_SOURCE"] = EMPTY_TREE.get(object_format, EMPTY_TREE["sha1"])
        return RepositoryInfo(
            Path(git_dir),
            Path(common_dir),
            bare == "true",
            shallow == "true",
            any(key == "extensions.partialclone" or key.endswith(".promisor") for key, _ in entries),
            object_format,
            reading.resolve(self.call, "HEAD"),
        )

    def _config(self) -> bytes:
        output = self.call("config", "--list", "-z")
        if output.cut:
            raise SourceRefused(f"{self._path}: its git configuration is too large to be read safely")
        return output.out

    def _locate(self) -> list[str]:
        """Answers of `rev-parse`; every way in which a folder is no readable repository ends here."""
        wanted = (
            "--path-format=absolute",
            "--absolute-git-dir",
            "--git-common-dir",
            "--is-bare-repository",
            "--is-shallow-repository",
            "--show-object-format",
            "--show-prefix",
        )
        output = self.call("rev-parse", *wanted, statuses=range(256))
        if output.status and b"dubious ownership" in output.err and self._trusted is None:
            self._trusted = self._trust()
            return self._locate()
        if output.status and b"not a git repository" in output.err:
            raise SourceUnavailable(
                f"{self._path}: is no git repository (neither work tree nor bare); correct `repository` in [[service]]"
            )
        lines = os.fsdecode(output.out).split("\n")
        if output.status or len(lines) < 6:
            raise SourceUnavailable(f"{self._path}: git cannot open it: {first_line(output.err)}")
        return lines

    def _trust(self) -> str:
        """The path, where the user's own git configuration already calls this foreign-owned repository safe.

        Raises:
            SourceRefused: It does not; with the command that would.
        """
        real = os.path.realpath(self._path)
        own = {key: value for key, value in ENVIRONMENT.items() if key != "GIT_CONFIG_GLOBAL"}
        command = [self._git, "--no-pager", "-C", "/", "config", "--global", "-z", "--get-all", "safe.directory"]
        listed = os.fsdecode(self._run(command, b"", own).out).split("\0")
        if any(entry == "*" or (entry and os.path.realpath(entry) == real) for entry in listed):
            return real
        raise SourceRefused(
            f"{self._path}: belongs to {_owner(real)} and git does not trust it (dubious ownership); "
            f"if you do: git config --global --add safe.directory {real}"
        )


def _owner(path: str) -> str:
    try:
        uid = os.stat(path).st_uid
        return f"user {pwd.getpwuid(uid).pw_name!r}" if uid != os.geteuid() else "another user in part"
    except KeyError:
        return f"user id {uid}"
    except OSError:
        return "another user"


def git_version() -> tuple[int, ...]:
    """Version of the installed git, as numbers.

    Raises:
        SourceUnavailable: There is none.
    """
    return _version_of(_program(), time.monotonic() + DEADLINE_S)


_versions: dict[str, tuple[int, ...]] = {}


def _usable_git(deadline: float) -> str:
    program = _program()
    if program not in _versions:
        _versions[program] = _version_of(program, deadline)
    if _versions[program] < LEAST_VERSION:
        needed, found = (".".join(map(str, version)) for version in (LEAST_VERSION, _versions[program]))
        raise SourceUnavailable(f"git {found} is too old to be run safely; install {needed} or later")
    return program


def _program() -> str:
    """Absolute path of git. Relative entries of PATH are passed over: they would mean a folder that others may write."""
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        candidate = os.path.join(folder, "git")
        if os.path.isabs(folder) and os.path.isfile(candidate) and os.access(candidate, os.X_OK):
            return candidate
    raise SourceUnavailable("git is not installed (or not in PATH); deploy tags and commits need it")


def _version_of(program: str, deadline: float) -> tuple[int, ...]:
    try:
        output = _run([program, "version"], b"", dict(ENVIRONMENT), deadline, 4096, threading.Event())
    except Overrun:
        raise SourceTimeout(f"{program} did not tell its version in time") from None
    words = output.out.decode("ascii", "replace").split()
    numbers = words[2].split(".") if len(words) > 2 else []
    return tuple(int(number) for number in numbers[:3] if number.isdigit())


def _run(
    command: list[str],
    feed: bytes,
    environment: dict[str, str],
    deadline: float,
    most_output: int,
    stop: threading.Event,
) -> Output:
    """Start a command through GitPython and drain it. The handle is held until the end: dropping it ends the process."""
    drop_inherited()
    os.environ["GIT_PYTHON_REFRESH"] = "quiet"  # else a missing git raises when the library is imported
    import git  # noqa: TID251 - this is the door; here, because it costs 140 ms that most runs never need

    # From "/": GitPython would expand variables in a path, and replace a folder it cannot enter by the process's own.
    try:
        handle: Any = git.Git("/").execute(
            command,
            istream=subprocess.PIPE if feed else None,
            as_process=True,
            shell=False,
            env=environment,
            start_new_session=True,
        )
    except (git.GitCommandNotFound, OSError) as error:
        raise SourceUnavailable(f"{command[0]} cannot be run: {error}") from None
    return drain(handle.proc, feed, deadline, most_output, stop)
