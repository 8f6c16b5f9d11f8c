"""Fix branches: the time to make one on a large repository, the checkout compared before and after; tags and suspects at scale."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.options import Options
from benchmarks.table import Peer, Row
from console.fix.branch import Base
from console.fix.finding import Deployed
from console.fix.frames import Frame
from console.guard.gate import Gate, Typed
from console.guard.sanitise import safe
from sources.changes import TagChanges
from sources.fixing import make, plan
from sources.repository import Repository
from sources.suspecting import find
from tests.git.conftest import START, Work, many_tags, plain_environment

FILES, SHORT_FILES = 100_000, 2_000
TAGS, SHORT_TAGS = 12_000, 500
COMMITS = 400
BRANCH_S, TIMELINE_S = 10.0, 1.0
"""Most that is allowed."""


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def large(folder: Path, files: int) -> Work:
    """A checked out repository of so many files."""
    work = Work(folder / "large", folder)
    work.path.mkdir()
    work.git("init", "--quiet", "--initial-branch=main")
    feed = [
        "blob\nmark :1\ndata 400\n",
        "x = 1\n" * 66,
        "####\n",
        f"commit refs/heads/main\ncommitter A <a@b> {START} +0000\ndata 1\nm\n",
    ]
    feed += [f"M 100644 :1 d{n // 1000}/s{n // 100 % 10}/f{n}.py\n" for n in range(files)]
    work.git("fast-import", "--quiet", feed="".join(feed).encode())
    ordinary(work, "reset", "--quiet", "--hard", "main")
    return work


def ordinary(work: Work, *arguments: str) -> None:
    """Git as a person runs it, for as long as it takes."""
    subprocess.run(
        ["git", *arguments],
        cwd=work.path,
        env=plain_environment(work.home),
        check=True,
        timeout=300,
        capture_output=True,
    )


def seen(top: Path) -> dict[str, tuple[int, int, int]]:
    """Size and times of every file, by a look of our own."""
    found = {}
    for folder, _, files in os.walk(top):
        if ".git" not in folder:
            for name in files:
                about = os.lstat(os.path.join(folder, name))
                found[os.path.join(folder, name)] = (about.st_size, about.st_mtime_ns, about.st_ctime_ns)
    return found


def branch(work: Work, files: int, runs: int) -> Row:
    """A branch, from the plan to the end of the second look at the checkout."""
    repository, commit = Repository(work.path), work.git("rev-parse", "main")
    before, wrong, times, plain = seen(work.path), "", [], []

    async def made(name: str) -> None:
        nonlocal wrong
        found = await plan(repository, name, Base(safe("deploy"), commit), (), key=name)
        result = await make(repository, found, Gate(work.home / "state", "bench", name), Typed(name), "shop", None)
        there = sum(len(names) for _, _, names in os.walk(found.worktree)) - 1
        if there != files or result.touched:
            wrong = f"{there} files, {len(result.touched)} paths touched"

    for run in range(runs):
        times.append(timed(partial(lambda name: asyncio.run(made(name)), f"fix/{run}")))
        path = str(work.home / f"plain{run}")
        plain.append(timed(partial(ordinary, work, "worktree", "add", "-b", f"plain{run}", path, commit)))
    if seen(work.path) != before:
        wrong = "the checkout was touched"
    peer = Peer("git worktree add", statistics.median(plain))
    note = "ours also compares the checkout before and after, and is confirmed, planned and written down"
    return Row(
        f"fix branch on {files:,} files, checkout unchanged",
        statistics.median(times),
        "s",
        BRANCH_S,
        (peer,),
        note=note,
        wrong=wrong,
    )


def timeline(folder: Path, tags: int, runs: int) -> Iterator[Row]:
    """Tags as a timeline, and the suspects between the first and the last deploy."""
    work = Work(folder / "tags", folder)
    work.path.mkdir()
    work.git("init", "--quiet", "--initial-branch=main")
    many_tags(work, tags)
    patterns = {"shop": ("deploy/prod/*",)}

    def read() -> int:
        return len(asyncio.run(TagChanges("git", Repository(work.path), patterns).timeline()).changes)

    times = [timed(read) for _ in range(runs + 1)][1:]
    plain = [
        timed(lambda: ordinary(work, "for-each-ref", "--sort=-creatordate", "--count=500", "refs/tags"))
        for _ in range(runs)
    ]
    peer = Peer("git for-each-ref", statistics.median(plain))
    wrong = "" if read() == min(500, tags) else f"{read()} deploys"
    yield Row(
        f"timeline of {tags:,} deploy tags, nothing known before",
        statistics.median(times),
        "s",
        TIMELINE_S,
        (peer,),
        wrong=wrong,
    )
    ids = work.git("rev-list", f"--max-count={COMMITS + 1}", "main").split()
    ends = (Deployed(safe("good"), ids[-1]), Deployed(safe("bad"), ids[0]))
    frames = [Frame(safe(f"/app/f{n}"), 1, safe("f")) for n in range(25)]

    def suspects() -> int:
        found = asyncio.run(find(Repository(work.path), "shop", *ends, frames))
        return sum(one.score >= 3 for one in found.commits)

    yield Row(
        f"suspects among {COMMITS} commits, a trace of 25 frames",
        statistics.median([timed(suspects) for _ in range(runs)]),
        "s",
        wrong="" if suspects() else "none was found",
    )


def run(options: Options) -> Iterator[Row | str]:
    """All measurements of fix branches."""
    with tempfile.TemporaryDirectory(prefix="incident-bench-") as name:
        folder, files = Path(name), SHORT_FILES if options.short else FILES
        yield branch(large(folder, files), files, 1 if options.short else min(3, options.runs))
        yield from timeline(folder, SHORT_TAGS if options.short else TAGS, options.runs)
