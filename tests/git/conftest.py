"""Real repositories, made by the ordinary git; hostile ones leave a file for every program they get to run."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.waiting import PATIENCE_S

START = 1_700_000_000


def plain_environment(home: Path) -> dict[str, str]:
    """An environment without the user's own settings."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "LC_ALL": "C",
        "TZ": "UTC",
    }


@dataclass
class Work:
    """A repository that a test writes to."""

    path: Path
    home: Path
    clock: int = START

    def git(self, *arguments: str, feed: bytes = b"", check: bool = True) -> str:
        """What git says. Authors and dates are fixed; every call is a minute later."""
        self.clock += 60
        dates = {f"GIT_{who}_DATE": f"{self.clock} +0000" for who in ("AUTHOR", "COMMITTER")}
        people = {
            f"GIT_{who}_{what}": value
            for who in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", "Ada"), ("EMAIL", "ada@shop.example"))
        }
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env=plain_environment(self.home) | dates | people,
            input=feed,
            capture_output=True,
            timeout=PATIENCE_S,
        )
        if check and done.returncode:
            raise AssertionError(f"git {arguments}: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode(errors="surrogateescape").strip()

    def commit(self, subject: str, **files: str | None) -> str:
        """Write (or with None remove) files, commit, return the id. `a__b` means `a/b`, a final `_txt` means `.txt`."""
        for name, text in files.items():
            path = self.path / name.replace("__", "/").replace("_txt", ".txt")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink() if text is None else path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")

    def tag(self, name: str, message: str | None = None, target: str = "HEAD") -> None:
        """Annotated with a message, lightweight without."""
        self.git("tag", *(["-a", "-m", message] if message is not None else []), "--end-of-options", name, target)


def many_tags(work: Work, count: int) -> None:
    """3,000 commits ten minutes apart, and so many annotated deploy tags five minutes apart, packed."""
    lines = []
    for n in range(3000):
        parent = f"from :{n}\n" if n else ""
        lines.append(
            f"commit refs/heads/main\nmark :{n + 1}\ncommitter A <a@b> {START + n * 600} +0000\ndata 1\nm{parent and chr(10)}{parent}"
            f"M 100644 inline f{n % 50}\ndata 5\n{n:05d}\n"
        )
    for n in range(count):
        lines.append(
            f"tag deploy/prod/{n:05d}\nfrom :{n % 3000 + 1}\ntagger A <a@b> {START + n * 300} +0000\ndata 1\nr\n"
        )
    work.git("fast-import", "--quiet", feed="".join(lines).encode())
    work.git("pack-refs", "--all")


@pytest.fixture
def new_work(tmp_path: Path) -> Callable[..., Work]:
    """Makes an empty repository in a folder of the given name."""

    def make(name: str = "repo", *options: str) -> Work:
        path = tmp_path / name
        path.mkdir()
        work = Work(path, tmp_path)
        work.git("init", "--quiet", "--initial-branch=main", *options)
        return work

    return make


@pytest.fixture
def work(new_work: Callable[..., Work]) -> Work:
    """An empty repository."""
    return new_work()


@dataclass
class Hostile:
    """A repository whose configuration, attributes and hooks name programs, and what they left."""

    work: Work
    canaries: Path
    good: str
    bad: str

    def fired(self) -> set[str]:
        """Names of the programs that ran."""
        return {path.name for path in self.canaries.iterdir()}

    def clear(self) -> None:
        """Forget them."""
        for path in self.canaries.iterdir():
            path.unlink()


HOOKS = [
    "post-index-change",
    "reference-transaction",
    "post-checkout",
    "pre-commit",
    "post-commit",
    "pre-auto-gc",
    "post-rewrite",
    "fsmonitor-watchman",
    "sendemail-validate",
    "push-to-checkout",
    "pre-receive",
    "update",
    "post-update",
    "applypatch-msg",
]
READ = [
    "rev-parse",
    "for-each-ref",
    "cat-file",
    "rev-list",
    "diff-tree",
    "merge-base",
    "config",
    "status",
    "log",
    "show",
]


@pytest.fixture
def hostile(work: Work, tmp_path: Path) -> Hostile:
    """Every program that a repository can name, as far as git 2.39 knows them."""
    canaries, programs = tmp_path / "canaries", tmp_path / "programs"
    canaries.mkdir()
    programs.mkdir()

    def program(name: str) -> str:
        path = programs / name
        path.write_text(f"#!/bin/sh\n: > '{canaries}/{name}'\ncat 2>/dev/null\n")
        path.chmod(stat.S_IRWXU)
        return str(path)

    good = work.commit("First", a_txt="one\n", b_txt="one\n")
    work.tag("deploy/prod/1", "first")
    second = work.commit("Second", a_txt="two\n", b_txt="two\n", dot_txt="x\n")
    raw = work.git("cat-file", "commit", second) + "\n"
    head, message = raw.split("\n\n", 1)
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n iHUEABYKAB0=\n -----END PGP SIGNATURE-----"
    bad = work.git("hash-object", "-t", "commit", "-w", "--stdin", feed=f"{head}\n{signature}\n\n{message}".encode())
    work.git("update-ref", "refs/heads/main", bad)
    work.tag("deploy/prod/2", "second")

    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for hook in HOOKS:
        for folder in (hooks, work.path / ".git" / "hooks"):
            folder.mkdir(exist_ok=True)
            (folder / hook).write_text(f"#!/bin/sh\n: > '{canaries}/hook-{hook}'\n")
            (folder / hook).chmod(stat.S_IRWXU)
    drivers = [
        f'[filter "{name}"]\n\tsmudge = {program(f"smudge{n}")}\n\tclean = {program(f"clean{n}")}\n\trequired = true\n'
        f'[diff "{name}"]\n\ttextconv = {program(f"textconv{n}")}\n\tcommand = {program(f"command{n}")}\n'
        f'[merge "{name}"]\n\tdriver = {program(f"merge{n}")}\n'
        for n, name in enumerate(("evil", "a=b", "with.dots", ""))
    ]
    process = f'[filter "proc"]\n\tprocess = {program("process")}\n\trequired = true\n'
    aliases = "[alias]\n" + "".join(f"\t{word} = !{program(f'alias-{word}')}\n" for word in (*READ, "oops"))
    included = tmp_path / "included"
    included.write_text(f'[diff "included"]\n\ttextconv = {program("textconv-included")}\n')
    (tmp_path / "order").write_text("b.txt\n")
    settings = f"""
[core]
\tfsmonitor = {program("fsmonitor")}
\thooksPath = {hooks}
\tsshCommand = {program("ssh")}
\teditor = {program("editor")}
\tpager = {program("pager")}
\taskPass = {program("askpass")}
\tgitProxy = {program("proxy")}
\talternateRefsCommand = {program("alternate-refs")}
\tattributesFile = {tmp_path / "attributes"}
[log]
\tshowSignature = true
\tmailmap = true
[gpg]
\tprogram = {program("gpg")}
[gpg "ssh"]
\tprogram = {program("gpg-ssh")}
[diff]
\texternal = {program("external")}
\torderFile = {tmp_path / "order"}
[pager]
\tlog = {program("pager-log")}
\tdiff-tree = {program("pager-diff-tree")}
[credential]
\thelper = {program("credential")}
[color]
\tui = always
[protocol "ext"]
\tallow = always
[include]
\tpath = {included}
"""
    config = work.path / ".git" / "config"
    config.write_text(config.read_text() + settings + "".join(drivers) + process + aliases)
    attributes = (
        "a.txt filter=evil diff=evil merge=evil\nb.txt filter=a=b diff=a=b\ndot.txt filter=proc diff=with.dots\n"
    )
    for place in (work.path / ".gitattributes", work.path / ".git" / "info" / "attributes", tmp_path / "attributes"):
        place.write_text(attributes)
    (work.path / "a.txt").write_text("dirty\n")
    found = Hostile(work, canaries, good, bad)
    found.clear()
    return found
