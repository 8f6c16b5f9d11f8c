"""The shop's git repository: real commits and annotated deploy tags, dated back.

One `git fast-import` writes the whole history, because a process per commit would cost seconds at start.
"""

from __future__ import annotations

import os
import subprocess  # noqa: TID251 - the practice repository is written, which the door to git cannot
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from console.demo import source
from console.demo.source import Work
from console.domain.values import dataclass

DEADLINE_S = 20.0
HOUR = 3600.0
FIRST_DEPLOY_HOURS_AGO = 121.0


class GitFailed(Exception):
    """git is missing, failed, or did not end in time; the text says which command and why."""


@dataclass(frozen=True, slots=True)
class Release:
    """What a deploy tag names."""

    service: str
    tag: str
    commit: str

    @property
    def version(self) -> str:
        """The last part of the tag, which is the time of the deploy."""
        return self.tag.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class _Step:
    """A commit as fast-import is told it."""

    mark: int
    author: str
    authored: float
    committed: float
    subject: str
    changed: dict[str, str]
    gone: tuple[str, ...]


def environment(home: Path) -> dict[str, str]:
    """An environment in which the user's own git settings, hooks and prompts play no part."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
        "TZ": "UTC",
    }


def git(folder: Path, *arguments: str, feed: bytes | None = None) -> bytes:
    """Standard output of one git command.

    Raises:
        GitFailed: It is not installed, failed, or took longer than `DEADLINE_S`.
    """
    command = ["git", "-c", f"core.hooksPath={os.devnull}", "-c", "gc.auto=0", "-c", "safe.directory=*", *arguments]
    try:
        done = subprocess.run(  # noqa: TID251 - bounded by the deadline below
            command,
            cwd=folder,
            env=environment(folder),
            input=feed if feed is not None else b"",
            capture_output=True,
            timeout=DEADLINE_S,
            check=False,
        )
    except FileNotFoundError:
        raise GitFailed("git is not installed; the practice system needs it") from None
    except subprocess.TimeoutExpired:
        raise GitFailed(f"git {arguments[0]} did not end within {DEADLINE_S:.0f} s") from None
    if done.returncode:
        raise GitFailed(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()[:300]}")
    return done.stdout


def tag_name(service: str, at: float) -> str:
    """`deploy/prod/checkout/2026-11-23T14-02-10`; git allows no colon."""
    return f"deploy/prod/{service}/{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H-%M-%S}"


def create(folder: Path, now: float, extra: Sequence[Work] = ()) -> None:
    """Make the repository with all history up to `now`; `extra` is the work that a scenario has in its past.

    Raises:
        GitFailed: See `git`.
    """
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--template=", "--initial-branch=main")
    works = sorted((*source.HISTORY, *extra), key=lambda work: -work.hours_ago)
    git(folder, "fast-import", "--quiet", "--date-format=raw", feed=b"".join(_history(works, extra, now)))
    git(folder, "reset", "--quiet", "--hard", "main")


def deploy(folder: Path, work: Work, now: float) -> Release:
    """Commit `work` on main and tag it as deployed at `now`.

    Raises:
        GitFailed: See `git`.
        EditMismatch: The files are not in the state that the work was made for.
    """
    tree = {path: read(folder, "main", path).decode() for path in {edit.path for edit in work.edits}}
    changed = source.apply(tree, work.edits)
    step = _Step(1, work.author, now - 1260, now - 480, work.subject, changed, ())
    tag = tag_name(work.service, now)
    feed = _commit(step, "from refs/heads/main^0\n") + _tag(tag, ":1", work.service, work.subject, now)
    git(folder, "fast-import", "--quiet", "--date-format=raw", feed=feed)
    git(folder, "reset", "--quiet", "--hard", "main")
    return Release(work.service, tag, resolve(folder, tag))


def releases(folder: Path) -> dict[str, Release]:
    """The newest deploy of each service, by the date of its tag.

    Raises:
        GitFailed: See `git`.
    """
    form = "--format=%(refname:strip=2) %(*objectname) %(objectname)"
    listed = git(folder, "for-each-ref", "--sort=taggerdate", form, "refs/tags/deploy/prod").decode()
    found: dict[str, Release] = {}
    for line in listed.splitlines():
        tag, *names = line.split()
        service = tag.split("/")[2]
        found[service] = Release(service, tag, names[0])
    return found


def resolve(folder: Path, name: str) -> str:
    """The full id of the commit that `name` leads to.

    Raises:
        GitFailed: There is none.
    """
    return git(folder, "rev-parse", "--verify", f"{name}^{{commit}}").decode().strip()


def read(folder: Path, revision: str, path: str) -> bytes:
    """A file as it is in `revision`.

    Raises:
        GitFailed: It is not there.
    """
    return git(folder, "cat-file", "blob", f"{revision}:{path}")


def check_out(folder: Path, release: Release, target: Path) -> Path:
    """Write the service's files of a release below `target`, as a deploy does; returns the release's folder.

    Raises:
        GitFailed: See `git`.
    """
    place = target / release.service / release.commit[:12]
    listed = git(folder, "ls-tree", "-r", "-z", "--name-only", release.commit, f"{release.service}/").decode()
    for path in filter(None, listed.split("\0")):
        file = place / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(read(folder, release.commit, path))
    return place


def _history(works: Sequence[Work], extra: Sequence[Work], now: float) -> Iterator[bytes]:
    """The fast-import stream: the first commit, then each work with its deploy tag."""
    trees = _trees(works, extra)
    begun = now - FIRST_DEPLOY_HOURS_AGO * HOUR
    yield _commit(_Step(1, "Jonas Lindqvist", begun - 3000, begun - 3000, "Start the shop", trees[0], ()), "")
    for index, service in enumerate(source.SERVICES):
        at = begun + 340.0 * index
        yield _tag(tag_name(service, at), ":1", service, "First release", at)
    for number, work in enumerate(works, start=2):
        before, after = trees[number - 2], trees[number - 1]
        changed = {path: text for path, text in after.items() if before.get(path) != text}
        at = now - work.hours_ago * HOUR
        step = _Step(number, work.author, at - 2300, at - 1300, work.subject, changed, tuple(before.keys() - after))
        yield _commit(step, f"from :{number - 1}\n")
        yield _tag(tag_name(work.service, at), f":{number}", work.service, work.subject, at)


def _trees(works: Sequence[Work], extra: Sequence[Work]) -> list[dict[str, str]]:
    """The tree before the first work and after each."""
    tree = source.newest()
    for work in extra:
        tree = source.apply(tree, work.edits)
    trees = [tree]
    for work in reversed(works):
        tree = source.take_back(tree, work.edits)
        trees.append(tree)
    return trees[::-1]


def _person(name: str) -> str:
    return f"{name} <{name.lower().replace(' ', '.')}@shop.example>"


def _data(text: str) -> bytes:
    raw = text.encode()
    return b"data %d\n%s\n" % (len(raw), raw)


def _commit(step: _Step, parent: str) -> bytes:
    head = (
        f"commit refs/heads/main\nmark :{step.mark}\n"
        f"author {_person(step.author)} {int(step.authored)} +0000\n"
        f"committer {_person(step.author)} {int(step.committed)} +0000\n"
    )
    files = b"".join(f"M 100644 inline {path}\n".encode() + _data(text) for path, text in sorted(step.changed.items()))
    gone = "".join(f"D {path}\n" for path in step.gone)
    return head.encode() + _data(step.subject + "\n") + parent.encode() + gone.encode() + files


def _tag(name: str, target: str, service: str, subject: str, at: float) -> bytes:
    head = f"tag {name}\nfrom {target}\ntagger {_person('Release Bot')} {int(at)} +0000\n"
    return head.encode() + _data(f"{service}: {subject}\n")
