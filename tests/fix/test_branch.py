"""Making a fix branch: what a hostile repository may not run, and what of the user's checkout may not change."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from console.fix.branch import name_problem, worktree_path
from console.fix.record import branches
from console.guard.gate import NotAdmitted, Typed
from sources.base import SourceError
from sources.fixing import Seed, make, undo
from sources.repository import Repository
from tests.fix.conftest import Desk, Hostile, Work
from tests.git.conftest import START, plain_environment
from tests.waiting import PATIENCE_S


def everything(top: Path) -> dict[str, tuple[int, ...]]:
    """Every file and folder of a checkout, its repository's objects and work trees left out, by a look of our own."""
    found: dict[str, tuple[int, ...]] = {}
    for folder, folders, files in os.walk(top):
        inside = os.path.relpath(folder, top)
        if inside == ".git":
            folders[:] = [f for f in folders if f not in ("objects", "worktrees", "refs", "logs")]
        for name in (*files, *([] if inside.startswith(".git") else [""])):
            about = os.lstat(os.path.join(folder, name))
            found[os.path.join(inside, name)] = (about.st_mtime_ns, about.st_ctime_ns, about.st_size, about.st_ino)
    return found


# -- case 50: a hostile repository runs nothing -----------------------------------------------------------------------


def test_case_50_the_canaries_sing_for_ordinary_git(hostile: Hostile, tmp_path: Path) -> None:
    """Or else the tests below would prove nothing."""
    for name, commit in (("x", hostile.good), ("y", hostile.bad)):
        hostile.work.git("worktree", "add", "-b", f"fix/{name}", str(tmp_path / name), commit, check=False)
    assert {"hook-reference-transaction", "smudge0", "process", "hook-post-checkout"} <= hostile.fired()


async def test_case_50_nothing_runs_while_a_branch_is_made_and_taken_away(hostile: Hostile, desk: Desk) -> None:
    made = await desk.made(hostile.work, hostile.bad)
    assert made.touched == ()
    assert (made.plan.worktree / "a.txt").read_text() == "two\n"
    assert hostile.fired() == set()
    (branch,) = branches((desk.folder / "state" / "audit.jsonl").read_bytes())
    gone = await undo(Repository(hostile.work.path), branch, desk.gate, Typed("fix/a"))
    assert gone.touched == ()
    assert not made.plan.worktree.exists()
    assert hostile.fired() == set()


async def test_case_50_nothing_runs_where_so_many_files_are_written_that_git_shares_the_work(
    hostile: Hostile, desk: Desk
) -> None:
    (hostile.work.path / ".gitattributes").write_text(
        "*.txt filter=evil diff=evil\n*.md filter=a=b\n*.rst filter=proc\n"
    )
    blob = hostile.work.git("hash-object", "-w", "--stdin", feed=b"text\n")
    attributes = hostile.work.git("hash-object", "-w", "--no-filters", "--", ".gitattributes")
    names = [f"f{n}.{end}" for n in range(200) for end in ("txt", "md", "rst", "py")]
    entries = "".join(f"100644 blob {blob}\t{name}\n" for name in names)
    tree = hostile.work.git("mktree", feed=(entries + f"100644 blob {attributes}\t.gitattributes\n").encode())
    commit = hostile.work.git("commit-tree", tree, "-p", hostile.bad, "-m", "Many")
    hostile.clear()
    made = await desk.made(hostile.work, commit)
    assert {(made.plan.worktree / name).read_text() for name in names} == {"text\n"}
    assert made.touched == () and hostile.fired() == set()


async def test_case_50_nothing_runs_in_a_bare_copy(hostile: Hostile, desk: Desk, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    shutil.copytree(hostile.work.path / ".git", bare)
    config = bare / "config"
    config.write_text(config.read_text().replace("bare = false", "bare = true"))
    made = await desk.made(bare, hostile.bad)
    assert (made.plan.worktree / "b.txt").read_text() == "two\n"
    assert made.plan.worktree == tmp_path / ".worktrees" / "bare-INC-1"
    assert made.touched == ()
    assert hostile.fired() == set()


@pytest.mark.parametrize("condition", ["gitdir:**/worktrees/**", "onbranch:fix/**", "gitdir/i:**/WORKTREES/**"])
async def test_case_50_drivers_that_count_only_in_the_new_work_tree_run_nothing(
    work: Work, desk: Desk, tmp_path: Path, condition: str
) -> None:
    """`config --list` in the user's checkout does not show them."""
    marker = tmp_path / "marker"
    included = tmp_path / "included"
    included.write_text(f'[filter "late"]\n\tsmudge = touch {marker}\n\tclean = touch {marker}\n\trequired = true\n')
    head = work.commit("One", a_txt="one\n", **{".gitattributes": "*.txt filter=late\n"})
    config = work.path / ".git" / "config"
    config.write_text(config.read_text() + f'[includeIf "{condition}"]\n\tpath = {included}\n')
    work.git("worktree", "add", "-b", "fix/ordinary", str(tmp_path / "ordinary"), head, check=False)
    assert marker.exists(), "ordinary git runs it, or this test would prove nothing"
    marker.unlink()
    made = await desk.made(work, head)
    assert (made.plan.worktree / "a.txt").read_text() == "one\n"
    assert not marker.exists()
    (made.plan.worktree / "a.txt").write_text("mended\n")
    branch = branches((desk.folder / "state" / "audit.jsonl").read_bytes())[0]
    with pytest.raises(NotAdmitted, match="B11"):
        await undo(Repository(work.path), branch, desk.gate, Typed("fix/a"))
    assert not marker.exists()


async def test_case_50_settings_of_one_work_tree_run_nothing(hostile: Hostile, desk: Desk) -> None:
    config = hostile.work.path / ".git" / "config"
    text = config.read_text().replace("repositoryformatversion = 0", "repositoryformatversion = 1")
    own = text[text.index("[log]") :]
    config.write_text(text + "[extensions]\n\tworktreeConfig = true\n")
    (hostile.work.path / ".git" / "config.worktree").write_text(own)
    made = await desk.made(hostile.work, hostile.bad)
    assert (made.plan.worktree / "a.txt").read_text() == "two\n"
    assert hostile.fired() == set()


async def test_case_50_a_configuration_cannot_lead_the_files_elsewhere(work: Work, desk: Desk, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "a.txt").write_text("precious\n")
    head = work.commit("One", a_txt="one\n")
    config = work.path / ".git" / "config"
    config.write_text(config.read_text() + f'[includeIf "gitdir:**/worktrees/**"]\n\tpath = {tmp_path / "more"}\n')
    (tmp_path / "more").write_text(f"[core]\n\tworktree = {victim}\n")
    try:
        await desk.made(work, head)
    except NotAdmitted as no:
        assert "another folder" in no.reason
    assert (victim / "a.txt").read_text() == "precious\n"


@pytest.mark.parametrize("link", ["worktrees", "refs/heads/fix"])
async def test_case_50_a_link_inside_the_repository_leads_no_write_elsewhere(
    work: Work, desk: Desk, tmp_path: Path, link: str
) -> None:
    head = work.commit("One", a_txt="one\n")
    victim = tmp_path / "victim"
    victim.mkdir()
    (work.path / ".git" / link).symlink_to(victim)
    with pytest.raises(NotAdmitted, match="B7"):
        await desk.made(work, head)
    assert list(victim.iterdir()) == []


async def test_case_50_links_of_the_commit_lead_no_file_out_of_the_work_tree(
    work: Work, desk: Desk, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    blob = work.git("hash-object", "-w", "--stdin", feed=b"evil\n")
    link = work.git("hash-object", "-w", "--stdin", feed=str(victim).encode())
    inner = work.git("mktree", feed=f"100644 blob {blob}\tpwned\n".encode())
    tree = work.git("mktree", feed=f"120000 blob {link}\tout\n100644 blob {blob}\tplain\n".encode())
    odd = work.git(
        "mktree", "--missing", feed=f"040000 tree {inner}\t.git\n040000 tree {tree}\tx\n".encode(), check=False
    )
    for one in filter(None, (tree, odd)):
        commit = work.git("commit-tree", one, "-m", "evil")
        name = f"fix/{one[:6]}"
        try:
            made = await desk.made(work, commit, name)
        except NotAdmitted:
            continue
        assert not (made.plan.worktree / ".git").is_dir()
        await undo(
            Repository(work.path),
            branches((desk.folder / "state/audit.jsonl").read_bytes())[-1],
            desk.gate,
            Typed(name),
        )
    assert list(victim.iterdir()) == []


async def test_case_51_a_partial_clone_fetches_nothing(work: Work, desk: Desk, tmp_path: Path) -> None:
    head = work.commit("First", a_txt="one\n")
    blob = work.git("rev-parse", "HEAD:a.txt")
    marker = tmp_path / "fetched"
    config = work.path / ".git" / "config"
    config.write_text(
        config.read_text().replace("repositoryformatversion = 0", "repositoryformatversion = 1")
        + f'[extensions]\n\tpartialClone = origin\n[remote "origin"]\n\tpromisor = true\n'
        f'\turl = ext::touch {marker}\n[protocol "ext"]\n\tallow = always\n'
    )
    os.remove(work.path / ".git" / "objects" / blob[:2] / blob[2:])
    found = await desk.planned(work, head)
    assert [one.rule for one in found.problems] == ["B5"]
    assert "not all here" in found.problems[0].reason
    assert not marker.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to give a folder to another user")
async def test_case_52_a_foreign_owner_is_a_sentence(
    work: Work, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = work.commit("First", a_txt="one")
    for folder, folders, files in os.walk(work.path):
        for name in (".", *folders, *files):
            os.chown(os.path.join(folder, name), 12345, 12345)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("SUDO_UID", raising=False)
    with pytest.raises(SourceError, match=r"safe\.directory"):
        await desk.made(work, head)


# -- case 53: whatever the user is in the middle of -------------------------------------------------------------------


def dirty(work: Work) -> None:
    (work.path / "a.txt").write_text("half an idea\n")
    (work.path / "new.txt").write_text("untracked\n")
    (work.path / "b.txt").write_text("staged\n")
    work.git("add", "b.txt")


def detached(work: Work) -> None:
    work.git("checkout", "--quiet", "--detach", "HEAD~1")


def stashed(work: Work) -> None:
    (work.path / "a.txt").write_text("put aside\n")
    work.git("stash", "push", "--quiet")


def rebasing(work: Work) -> None:
    work.git("checkout", "--quiet", "-b", "side", "HEAD~1")
    work.commit("Clash", a_txt="clash\n")
    work.git("rebase", "main", check=False)
    assert (work.path / ".git" / "rebase-merge").exists()


def bisecting(work: Work) -> None:
    work.git("bisect", "start", "HEAD", "HEAD~2")


def locked(work: Work) -> None:
    (work.path / ".git" / "index.lock").touch()
    (work.path / ".git" / "packed-refs.lock").touch()


@pytest.mark.parametrize("state", [dirty, detached, stashed, rebasing, bisecting, locked])
async def test_case_53_the_checkout_is_untouched_to_the_byte(
    work: Work, desk: Desk, state: Callable[[Work], None]
) -> None:
    work.commit("Zero", a_txt="zero\n", b_txt="zero\n")
    work.commit("One", a_txt="one\n")
    head = work.commit("Two", a_txt="two\n")
    state(work)
    before = everything(work.path)
    made = await desk.made(work, head)
    assert made.touched == ()
    assert everything(work.path) == before
    assert (made.plan.worktree / "a.txt").read_text() == "two\n"
    assert work.git("rev-parse", "refs/heads/fix/a") == head
    assert "locked fix of an incident: fix/a" in work.git("worktree", "list", "--porcelain")


async def test_a_change_of_the_checkout_meanwhile_is_told(
    work: Work, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = work.commit("One", a_txt="one\n", b_txt="one\n")
    real = Repository._open

    def opened(self: Repository, path: Path, deadline_s: float, *, writes: bool = False) -> object:
        if ".worktrees" in str(path):  # between the two snapshots, same size as before
            (work.path / "b.txt").write_text("ONE\n")
        return real(self, path, deadline_s, writes=writes)

    monkeypatch.setattr(Repository, "_open", opened)
    made = await desk.made(work, head)
    assert made.touched == ("b.txt",)
    assert desk.audit()[-1]["untouched"] is False


# -- case 54: clean errors, nothing left ------------------------------------------------------------------------------


def exists(work: Work) -> None:
    work.git("branch", "fix/a")


def folder_is_a_branch(work: Work) -> None:
    work.git("branch", "fix")


def below_is_a_branch(work: Work) -> None:
    work.git("branch", "fix/a/b")


@pytest.mark.parametrize("state", [exists, folder_is_a_branch, below_is_a_branch])
async def test_case_54_a_branch_in_the_way_is_told_before(
    work: Work, desk: Desk, state: Callable[[Work], None]
) -> None:
    head = work.commit("One", a_txt="one\n")
    state(work)
    before = work.git("for-each-ref")
    with pytest.raises(NotAdmitted, match="B6"):
        await desk.made(work, head)
    assert work.git("for-each-ref") == before
    assert not (work.path.parent / ".worktrees").exists()
    assert desk.audit() == []


async def test_case_54_a_locked_ref_is_a_clean_error(work: Work, desk: Desk) -> None:
    head = work.commit("One", a_txt="one\n")
    lock = work.path / ".git" / "refs" / "heads" / "fix" / "a.lock"
    lock.parent.mkdir()
    lock.touch()
    with pytest.raises(NotAdmitted, match="git worktree add"):
        await desk.made(work, head)
    assert work.git("branch", "--list", "fix/*") == ""
    assert len(work.git("worktree", "list").splitlines()) == 1
    assert [one["event"] for one in desk.audit()] == ["intent", "outcome"]
    assert desk.audit()[-1]["problem"]


async def test_files_that_cannot_be_written_leave_nothing(
    work: Work, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = work.commit("One", a_txt="one\n")
    real = Repository._open

    def opened(self: Repository, path: Path, deadline_s: float, *, writes: bool = False) -> object:
        if ".worktrees" in str(path):
            raise SourceError("the disk is full")
        return real(self, path, deadline_s, writes=writes)

    monkeypatch.setattr(Repository, "_open", opened)
    with pytest.raises(NotAdmitted, match="the disk is full"):
        await desk.made(work, head)
    assert work.git("branch", "--list", "fix/*") == ""
    assert len(work.git("worktree", "list").splitlines()) == 1
    assert not (work.path.parent / ".worktrees" / "repo-INC-1").exists()


async def test_a_folder_that_exists_or_lies_in_a_work_tree_is_refused(work: Work, desk: Desk) -> None:
    head = work.commit("One", a_txt="one\n")
    for folder in (work.path / "inside", work.path, desk.folder):
        found = await desk.planned(work, head, worktree=folder)
        assert [one.rule for one in found.problems] == ["B7"], folder


async def test_too_little_space_is_refused(work: Work, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    head = work.commit("One", a_txt="x" * 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**6, 0, 1999))
    assert [one.rule for one in (await desk.planned(work, head)).problems] == ["B8"]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**6, 0, 2000))
    assert (await desk.planned(work, head)).problems == ()


# -- case 58: protected branches --------------------------------------------------------------------------------------

PROTECTED = ("main", "master", "trunk", "develop", "release/1", "production", "prod/x", "deploy/x", "staging")


@pytest.mark.parametrize("name", PROTECTED)
def test_case_58_a_protected_branch_is_refused(name: str) -> None:
    problem = name_problem(name, ())
    assert problem is not None and problem.rule == "B2"


async def test_case_58_what_a_remote_or_a_work_tree_has_is_refused(work: Work, desk: Desk, tmp_path: Path) -> None:
    head = work.commit("One", a_txt="one\n")
    work.git("update-ref", "refs/remotes/origin/fix/default", head)
    work.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/fix/default")
    found = await desk.planned(work, head, "fix/default")
    assert [one.rule for one in found.problems] == ["B2"] and "default branch" in found.problems[0].reason
    work.git("worktree", "add", "--quiet", "-b", "fix/elsewhere", str(tmp_path / "other"), head)
    found = await desk.planned(work, head, "fix/elsewhere")
    assert "checked out in a work tree" in found.problems[0].reason
    assert name_problem("hotfix/api", ("hotfix/*",)) is not None
    assert name_problem("hotfix/api", ()) is None


@pytest.mark.parametrize(
    "name", ["fix", "fix/", "fix/A", "fix/a b", "-fix/a", "fix/a..b", "fix/a.lock", "fix/a.", "fix/.a", "fix/a/b", "fix/" + "a" * 61, "fix/a\n", "feature/a", "fix/é"]
)  # fmt: skip
def test_other_names_are_refused(name: str) -> None:
    problem = name_problem(name, ())
    assert problem is not None and problem.rule == "B1"


# -- the gate ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", [None, "", "fix/b", "FIX/A", " fix/a", "yes"])
async def test_another_text_than_the_name_confirms_nothing(work: Work, desk: Desk, typed: str | None) -> None:
    head = work.commit("One", a_txt="one\n")
    repository = Repository(work.path)
    found = await desk.planned(work, head)
    with pytest.raises(NotAdmitted, match="B9"):
        await make(repository, found, desk.gate, Typed(typed), "checkout", None)
    assert work.git("branch", "--list", "fix/*") == ""
    assert desk.audit() == []


async def test_without_an_audit_nothing_is_done(work: Work, desk: Desk) -> None:
    head = work.commit("One", a_txt="one\n")
    (desk.folder / "state").write_text("no folder")
    with pytest.raises(NotAdmitted, match="B12"):
        await desk.made(work, head)
    assert work.git("branch", "--list", "fix/*") == ""


async def test_the_kill_switch_stops_it(work: Work, desk: Desk) -> None:
    head = work.commit("One", a_txt="one\n")
    (desk.folder / "state").mkdir()
    (desk.folder / "state" / "STOP").touch()
    with pytest.raises(NotAdmitted, match="B10"):
        await desk.made(work, head)


async def test_the_intent_is_on_the_disk_before_the_branch_is(work: Work, desk: Desk) -> None:
    head = work.commit("One", a_txt="one\n")
    await desk.made(work, head)
    intent, outcome = desk.audit()
    assert (intent["event"], intent["confirmation"], outcome["event"]) == ("intent", "fix/a", "outcome")
    assert outcome["untouched"] is True
    from console.guard.audit import verify

    assert verify(desk.folder / "state" / "audit.jsonl").broken_at is None


# -- undo -------------------------------------------------------------------------------------------------------------


async def test_undo_leaves_the_repository_as_it_was(work: Work, desk: Desk) -> None:
    old = work.commit("One", a_txt="one\n")
    head = work.commit("Two", a_txt="two\n")
    work.git("checkout", "--quiet", "--detach", old)  # so that the branch is not merged into what is checked out
    work.git("pack-refs", "--all")
    before, refs = everything(work.path), work.git("for-each-ref")
    made = await desk.made(work, head, seed=Seed("test_fix_a.py", "assert False\n"))
    assert (made.plan.worktree / "test_fix_a.py").read_text() == "assert False\n"
    (branch,) = branches((desk.folder / "state" / "audit.jsonl").read_bytes())
    gone = await undo(Repository(work.path), branch, desk.gate, Typed("fix/a"))
    assert gone.touched == ()
    assert (everything(work.path), work.git("for-each-ref")) == (before, refs)
    assert not (work.path.parent / ".worktrees").exists()
    assert branches((desk.folder / "state" / "audit.jsonl").read_bytes()) == ()


@pytest.mark.parametrize("lost", ["edited", "untracked", "seed", "committed"])
async def test_undo_never_loses_work(work: Work, desk: Desk, lost: str) -> None:
    head = work.commit("One", a_txt="one\n")
    made = await desk.made(work, head, seed=Seed("test_fix_a.py", "assert False\n"))
    inside = made.plan.worktree
    name = {"edited": "a.txt", "untracked": "notes.md", "seed": "test_fix_a.py", "committed": "a.txt"}[lost]
    (inside / name).write_text("an hour of work\n")
    if lost == "committed":
        there = Work(inside, work.home, work.clock)
        there.git("commit", "--quiet", "-am", "Mend it")
    (branch,) = branches((desk.folder / "state" / "audit.jsonl").read_bytes())
    with pytest.raises(NotAdmitted, match="B11"):
        await undo(Repository(work.path), branch, desk.gate, Typed("fix/a"))
    assert (inside / name).read_text() == "an hour of work\n"
    assert (inside / "test_fix_a.py").exists()
    assert work.git("branch", "--list", "fix/a")
    if lost == "committed":
        tip = work.git("rev-parse", "fix/a")
        os.remove(inside / "test_fix_a.py")
        await undo(Repository(work.path), branch, desk.gate, Typed("fix/a"), worktree_only=True)
        assert not inside.exists() and work.git("rev-parse", "fix/a") == tip


# -- case 57 ----------------------------------------------------------------------------------------------------------


async def test_case_57_submodules_and_lfs_are_told(work: Work, desk: Desk) -> None:
    work.commit("One", a_bin="pointer\n", **{".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"})
    work.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor")
    work.git("commit", "--quiet", "-m", "Two")
    made = await desk.made(work, work.git("rev-parse", "HEAD"))
    notes = " ".join(made.plan.notes)
    assert "LFS are pointers" in notes and "submodules are empty" in notes
    assert made.touched == ()


async def test_case_57_a_folder_that_is_no_repository_and_one_without_commits(work: Work, desk: Desk) -> None:
    folder = desk.folder / "plain"
    folder.mkdir()
    with pytest.raises(SourceError, match="is no git repository"):
        await desk.planned(folder, "1" * 40)
    found = await desk.planned(work, "1" * 40)
    assert "B5" in [one.rule for one in found.problems]


async def test_case_57_without_git_there_is_a_sentence(work: Work, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    head = work.commit("One", a_txt="one\n")
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(SourceError, match="git is not installed"):
        await desk.planned(work, head)


def test_the_work_tree_stands_beside_the_repository() -> None:
    assert worktree_path(Path("/src/shop/.git"), Path("/src/shop"), "INC-7") == Path("/src/.worktrees/shop-INC-7")
    assert worktree_path(Path("/srv/shop.git"), None, "fix/a b") == Path("/srv/.worktrees/shop-fix-a-b")
    assert worktree_path(Path("/src/shop/.git"), Path("/other/linked"), "x") == Path("/src/.worktrees/shop-x")


# -- the numbers ------------------------------------------------------------------------------------------------------


BUSY = 2.5
"""On a machine with other work the measure is git itself: as many times its time at most."""


def plainly(work: Work, head: str) -> float:
    """Seconds of an ordinary `git worktree add` of the same commit."""
    command = ["git", "worktree", "add", "-b", "plain", str(work.path.parent / "plain"), head]
    started = time.monotonic()
    subprocess.run(command, cwd=work.path, env=plain_environment(work.home), timeout=120, check=True)
    return time.monotonic() - started


def fill(work: Work) -> None:
    """Check out what fast-import brought; it takes longer than a test's other commands may."""
    command = ["git", "reset", "--quiet", "--hard", "main"]
    subprocess.run(command, cwd=work.path, env=plain_environment(work.home), timeout=120, check=True)


@pytest.mark.slow
async def test_a_branch_of_a_hundred_thousand_files_takes_ten_seconds(
    new_work: Callable[..., Work], desk: Desk
) -> None:
    work = new_work("large")
    feed = ["blob\nmark :1\ndata 3\nx=1\n", f"commit refs/heads/main\ncommitter A <a@b> {START} +0000\ndata 1\nm\n"]
    feed += [f"M 100644 :1 d{n // 1000}/s{n // 100 % 10}/f{n}.py\n" for n in range(100_000)]
    work.git("fast-import", "--quiet", feed="".join(feed).encode())
    await asyncio.to_thread(fill, work)
    before = everything(work.path)
    head = work.git("rev-parse", "main")
    started = time.monotonic()
    made = await desk.made(work, head)
    took = time.monotonic() - started
    assert made.touched == () and everything(work.path) == before
    assert sum(len(files) for _, _, files in os.walk(made.plan.worktree)) == 100_001
    if took > 10:  # what git alone needs is asked only then: it is as much work again
        plain = await asyncio.to_thread(plainly, work, head)
        assert took <= BUSY * plain, f"{took:.1f} s, and git alone {plain:.1f} s"


async def test_a_branch_that_was_not_made_to_its_end_can_be_taken_away(work: Work, desk: Desk) -> None:
    head = work.commit("One", a_txt="one\n")
    await desk.made(work, head)
    audit = desk.folder / "state" / "audit.jsonl"
    intent = audit.read_bytes().splitlines(keepends=True)[0]
    (unfinished,) = branches(intent)
    assert not unfinished.finished
    await undo(Repository(work.path), unfinished, desk.gate, Typed("fix/a"))
    assert work.git("branch", "--list", "fix/*") == "" and branches(audit.read_bytes()) == ()
    nothing_was_begun = await undo(Repository(work.path), unfinished, desk.gate, Typed("fix/a"))
    assert nothing_was_begun.touched == ()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to become another user")
def test_a_folder_that_cannot_be_listed_does_not_keep_a_branch_from_being_made() -> None:
    from sources.plumbing.snapshot import differences, snapshot

    with tempfile.TemporaryDirectory() as name:  # the folders above pytest's own let nobody else in
        top, data = Path(name), Path(name) / "data"
        data.mkdir(mode=0o700)
        (top / "a.txt").write_text("one\n")
        top.chmod(0o755)
        os.seteuid(65534)
        try:
            before = snapshot(top, ())
            assert {"", "a.txt", "data"} == set(before.checkout)
        finally:
            os.seteuid(0)
        (top / "a.txt").write_text("two\n")
        assert differences(before, snapshot(top, ()), ()) == ["a.txt"]


async def test_what_somebody_else_made_meanwhile_stays(work: Work, desk: Desk) -> None:
    """Two people with one plan: the second is told, and takes nothing of the first away."""
    head = work.commit("One", a_txt="one\n")
    found = await desk.planned(work, head)
    work.git("worktree", "add", "--quiet", "-b", "fix/a", str(found.worktree), head)
    (found.worktree / "a.txt").write_text("an hour of work\n")
    with pytest.raises(NotAdmitted, match="by somebody else meanwhile"):
        await make(Repository(work.path), found, desk.gate, Typed("fix/a"), "checkout", None)
    assert (found.worktree / "a.txt").read_text() == "an hour of work\n"
    assert work.git("rev-parse", "fix/a") == head
    work.git("worktree", "remove", "--force", str(found.worktree))
    with pytest.raises(NotAdmitted, match="by somebody else meanwhile"):
        await make(Repository(work.path), found, desk.gate, Typed("fix/a"), "checkout", None)
    assert work.git("rev-parse", "fix/a") == head


async def test_who_comes_second_does_not_make_the_first_branch_forgotten(work: Work, desk: Desk) -> None:
    head = work.commit("One", a_txt="one\n")
    found = await desk.planned(work, head)
    await desk.made(work, head)
    with pytest.raises(NotAdmitted, match="meanwhile"):
        await make(Repository(work.path), found, desk.gate, Typed("fix/a"), "checkout", None)
    (branch,) = branches((desk.folder / "state" / "audit.jsonl").read_bytes())
    assert branch.finished
    await undo(Repository(work.path), branch, desk.gate, Typed("fix/a"))
    assert work.git("branch", "--list", "fix/*") == ""


async def test_a_folder_that_cannot_be_written_leaves_no_branch(work: Work, desk: Desk) -> None:
    head = work.commit("One", a_txt="one\n")
    (desk.folder / "file").write_text("no folder")
    found = await desk.planned(work, head, worktree=desk.folder / "file" / "below")
    with pytest.raises(NotAdmitted, match="git worktree add"):
        await make(Repository(work.path), found, desk.gate, Typed("fix/a"), "checkout", None)
    assert work.git("for-each-ref", "refs/heads/fix") == ""
    assert len(work.git("worktree", "list").splitlines()) == 1


async def test_who_goes_away_meanwhile_leaves_no_half_of_it(
    work: Work, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = work.commit("One", a_txt="one\n")
    found = await desk.planned(work, head)
    begun, go_on = threading.Event(), threading.Event()
    real = Repository.make_branch

    def slowly(self: Repository, *arguments: Any) -> Any:
        begun.set()
        go_on.wait(20)
        return real(self, *arguments)

    monkeypatch.setattr(Repository, "make_branch", slowly)
    making = asyncio.ensure_future(make(Repository(work.path), found, desk.gate, Typed("fix/a"), "checkout", None))
    assert await asyncio.to_thread(begun.wait, 20)
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    go_on.set()
    async with asyncio.timeout(PATIENCE_S):
        while len(desk.audit()) < 2:  # noqa: ASYNC110 - the thread is waited for
            await asyncio.sleep(0.01)
    assert desk.audit()[-1]["problem"] is None
    (branch,) = branches((desk.folder / "state" / "audit.jsonl").read_bytes())
    assert branch.finished and (branch.worktree / "a.txt").read_text() == "one\n"


async def test_a_repository_of_long_ids_works_alike(new_work: Callable[..., Work], desk: Desk) -> None:
    work = new_work("long", "--object-format=sha256")
    head = work.commit("One", a_txt="one\n")
    made = await desk.made(work, head)
    assert len(head) == 64 and made.touched == () and (made.plan.worktree / "a.txt").read_text() == "one\n"
    (branch,) = branches((desk.folder / "state" / "audit.jsonl").read_bytes())
    await undo(Repository(work.path), branch, desk.gate, Typed("fix/a"))
    assert work.git("branch", "--list", "fix/*") == ""


async def test_a_linked_work_tree_of_the_user_is_no_different(work: Work, desk: Desk, tmp_path: Path) -> None:
    head = work.commit("One", a_txt="one\n")
    work.git("worktree", "add", "--quiet", "-b", "mine", str(tmp_path / "linked"), head)
    (tmp_path / "linked" / "a.txt").write_text("half an idea\n")
    before = everything(tmp_path / "linked")
    made = await desk.made(tmp_path / "linked", head)
    assert made.touched == () and everything(tmp_path / "linked") == before
    assert made.plan.worktree == tmp_path / ".worktrees" / "repo-INC-1"


async def test_a_second_branch_of_an_incident_has_a_work_tree_of_its_own(work: Work, desk: Desk) -> None:
    head = work.commit("One", a_txt="one\n")
    first, second = await desk.made(work, head, "fix/a"), await desk.made(work, head, "fix/b")
    assert (first.plan.worktree.name, second.plan.worktree.name) == ("repo-INC-1", "repo-INC-1-fix-b")
    assert len(branches((desk.folder / "state" / "audit.jsonl").read_bytes())) == 2
