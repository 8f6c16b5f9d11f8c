"""A repository must not be able to make the door run anything."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sources.base import SourceError, SourceRefused, SourceTimeout, SourceUnavailable
from sources.plumbing import hardening
from sources.repository import Relation, Repository
from tests.git.conftest import Hostile, Work
from tests.waiting import PATIENCE_S


async def ask_everything(repository: Repository, good: str, bad: str) -> None:
    """Every question the door knows."""
    await repository.info()
    await repository.head()
    await repository.resolve("refs/heads/main")
    await repository.tags(["deploy/*", "v*"])
    await repository.commits_between(good, bad)
    await repository.commits_between(bad, good)
    await repository.commits_between(good, bad, first_parent=True)
    await repository.diffstat(good, bad)
    await repository.diffs_between(good, bad)
    await repository.diffs_between(bad, good)
    await repository.is_ancestor(good, bad)
    await repository.commit(bad)


def test_the_canaries_sing_for_ordinary_git(hostile: Hostile) -> None:
    """Or else the tests below would prove nothing."""
    work = hostile.work
    work.git("status", check=False)
    work.git("log", "-p", check=False)
    work.git("-c", "diff.external=", "log", "-p", "--ext-diff", check=False)
    work.git("log", "-1", "--show-signature", check=False)
    work.git("diff", "--ext-diff", "HEAD~1", check=False)
    work.git("branch", "side", check=False)
    work.git("oops", check=False)
    work.git("hash-object", "a.txt", check=False)
    assert {
        "fsmonitor",
        "clean0",
        "textconv0",
        "command0",
        "gpg",
        "hook-reference-transaction",
        "alias-oops",
    } <= hostile.fired()
    os.remove(work.path / ".git" / "info" / "attributes")
    (work.path / ".gitattributes").write_text("b.txt diff=a=b\n")
    for driver in ("evil", "a=b"):  # what -c cannot switch off
        work.git("-c", f"diff.{driver}.textconv=", "-c", f"diff.{driver}.command=", "log", "-p", check=False)
    assert "textconv1" in hostile.fired()


async def test_nothing_runs_through_the_door(hostile: Hostile) -> None:
    await ask_everything(Repository(hostile.work.path), hostile.good, hostile.bad)
    assert hostile.fired() == set()


async def test_the_answers_are_right_all_the_same(hostile: Hostile) -> None:
    repository = Repository(hostile.work.path)
    tags = await repository.tags(["deploy/*"])
    assert [(t.name, t.commit) for t in tags.tags] == [("deploy/prod/2", hostile.bad), ("deploy/prod/1", hostile.good)]
    found = await repository.commits_between(hostile.good, hostile.bad)
    (commit,) = found.commits
    assert (commit.id, commit.subject, found.relation) == (hostile.bad, "Second", Relation.FORWARD)
    assert {(f.path, f.added, f.removed) for f in commit.files} == {("a.txt", 1, 1), ("b.txt", 1, 1), ("dot.txt", 1, 0)}


async def test_changed_lines_are_those_of_the_objects_and_of_no_driver(hostile: Hostile) -> None:
    found = await Repository(hostile.work.path).diffs_between(hostile.good, hostile.bad)
    (commit,) = found.commits
    assert {(f.path, f.removed, f.added) for f in commit.files} == {
        ("a.txt", ("one",), ("two",)),
        ("b.txt", ("one",), ("two",)),
        ("dot.txt", (), ("x",)),
    }
    assert hostile.fired() == set()


async def test_nothing_runs_in_a_bare_copy(hostile: Hostile, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    shutil.copytree(hostile.work.path / ".git", bare)
    config = bare / "config"
    config.write_text(config.read_text().replace("bare = false", "bare = true"))
    await ask_everything(Repository(bare), hostile.good, hostile.bad)
    assert hostile.fired() == set()


async def test_nothing_runs_on_a_signed_tag(hostile: Hostile) -> None:
    body = f"object {hostile.bad}\ntype commit\ntag deploy/prod/3\ntagger T <t@x> 1700009000 +0000\n\nSigned\n"
    signature = "-----BEGIN PGP SIGNATURE-----\n\niHUE=\n-----END PGP SIGNATURE-----\n"
    oid = hostile.work.git("hash-object", "-t", "tag", "-w", "--stdin", feed=(body + signature).encode())
    (hostile.work.path / ".git" / "refs" / "tags" / "deploy" / "prod" / "3").write_text(oid + "\n")
    hostile.clear()
    tags = await Repository(hostile.work.path).tags(["deploy/*"])
    assert (tags.tags[0].name, tags.tags[0].subject) == ("deploy/prod/3", "Signed")
    assert hostile.fired() == set()


async def test_a_partial_clone_fetches_nothing(work: Work, tmp_path: Path) -> None:
    good = work.commit("First", a_txt="one\n")
    bad = work.commit("Second", a_txt="two\n")
    blob = work.git("rev-parse", "HEAD:a.txt")
    marker = tmp_path / "fetched"
    config = work.path / ".git" / "config"
    config.write_text(
        config.read_text().replace("repositoryformatversion = 0", "repositoryformatversion = 1")
        + f'[extensions]\n\tpartialClone = origin\n[remote "origin"]\n\tpromisor = true\n'
        f'\turl = ext::touch {marker}\n[protocol "ext"]\n\tallow = always\n'
    )
    os.remove(work.path / ".git" / "objects" / blob[:2] / blob[2:])
    work.git("diff-tree", "-p", good, bad, check=False)
    assert marker.exists(), "ordinary git runs it, or this test would prove nothing"
    marker.unlink()

    repository = Repository(work.path)
    assert (await repository.info()).partial
    found = await repository.commits_between(good, bad)
    assert [c.subject for c in found.commits] == ["Second"]
    assert "objects are missing here" in found.note and "nothing was fetched" in found.note
    assert "missing" in (await repository.diffstat(good, bad)).note
    assert not marker.exists()


async def test_alternates_are_read_and_run_nothing(hostile: Hostile, new_work: Callable[..., Work]) -> None:
    other = new_work("other")
    (other.path / ".git" / "objects" / "info" / "alternates").write_text(
        f"{hostile.work.path}/.git/objects\n/nowhere\n"
    )
    other.git("update-ref", "refs/heads/main", hostile.bad)
    other.git("update-ref", "refs/tags/v1", hostile.good)
    hostile.clear()
    repository = Repository(other.path)
    await ask_everything(repository, hostile.good, hostile.bad)
    assert await repository.head() == hostile.bad
    assert hostile.fired() == set()


@pytest.mark.parametrize("variable", ["GIT_DIR", "GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY", "GIT_EXTERNAL_DIFF"])
async def test_inherited_variables_redirect_nothing(
    hostile: Hostile, new_work: Callable[..., Work], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    other = new_work("other")
    head = other.commit("Other", a_txt="x")
    external = str(hostile.canaries.parent / "programs" / "external")
    monkeypatch.setenv(variable, external if "DIFF" in variable else str(hostile.work.path / ".git"))
    repository = Repository(other.path)
    assert await repository.head() == head
    await ask_everything(repository, head, head)
    assert hostile.fired() == set()


async def test_replacements_do_not_change_history(work: Work) -> None:
    real = work.commit("Real", a_txt="one")
    fake = work.commit("Fake", a_txt="two")
    work.git("replace", real, fake)
    commit = await Repository(work.path).commit(real)
    assert commit is not None and commit.subject == "Real"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to give a folder to another user")
async def test_a_foreign_owner_is_refused_with_the_command_that_trusts_it(
    work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = work.commit("First", a_txt="one")
    for folder, folders, files in os.walk(work.path):
        for name in (".", *folders, *files):
            os.chown(os.path.join(folder, name), 12345, 12345)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("SUDO_UID", raising=False)
    with pytest.raises(SourceRefused) as refused:
        await Repository(work.path).head()
    assert "user id 12345" in str(refused.value)
    command = str(refused.value).partition("if you do: git ")[2].split(" ")
    work.git(*command)
    assert await Repository(work.path).head() == head


def children_of(path: Path) -> list[str]:
    """Command lines of running processes that name the path."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if entry.name.isdigit() and str(path) in line and "git" in line.split(" ")[0]:
            found.append(line)
    return found


async def until(true: Callable[[], bool]) -> None:
    """Return once the condition holds."""
    while not true():  # noqa: ASYNC110 - the condition is in another process
        await asyncio.sleep(0.01)


def hang(work: Work, tmp_path: Path) -> None:
    """A configuration that git waits for without end."""
    os.mkfifo(tmp_path / "fifo")
    config = work.path / ".git" / "config"
    config.write_text(config.read_text() + f"[include]\n\tpath = {tmp_path / 'fifo'}\n")


async def test_a_command_that_hangs_is_ended_at_the_deadline(work: Work, tmp_path: Path) -> None:
    hang(work, tmp_path)
    started = time.monotonic()
    with pytest.raises(SourceTimeout):
        await Repository(work.path, deadline_s=0.5).head()
    assert time.monotonic() - started < 5
    assert children_of(work.path) == []


async def test_a_question_that_is_withdrawn_leaves_no_process(work: Work, tmp_path: Path) -> None:
    hang(work, tmp_path)
    question = asyncio.ensure_future(Repository(work.path).head())
    async with asyncio.timeout(PATIENCE_S):
        await until(lambda: bool(children_of(work.path)))
        question.cancel()
        await until(lambda: not children_of(work.path))
    with pytest.raises(asyncio.CancelledError):
        await question


async def test_output_beyond_the_cap_is_cut_and_said(work: Work) -> None:
    work.commit("First", a_txt="one")
    for number in range(60):
        work.git("update-ref", f"refs/tags/deploy/{number}", "HEAD")
    tags = await Repository(work.path, most_output=3000).tags(["deploy/*"], 10_000)
    assert tags.more and 5 < len(tags.tags) < 60


async def test_a_configuration_with_too_many_drivers_is_refused(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    work.commit("First", a_txt="one")
    monkeypatch.setattr(hardening, "MOST_DRIVERS", 20)
    config = work.path / ".git" / "config"
    config.write_text(config.read_text() + "".join(f'[filter "f{n}"]\n\tclean = x\n' for n in range(21)))
    with pytest.raises(SourceRefused, match="too many drivers"):
        await Repository(work.path).head()


async def test_a_broken_configuration_is_a_sentence(work: Work) -> None:
    work.commit("First", a_txt="one")
    (work.path / ".git" / "config").write_text("[core\n\x1b[31m")
    with pytest.raises(SourceError, match="bad config line 1") as failed:
        await Repository(work.path).head()
    assert "\x1b" not in str(failed.value)


def test_only_listed_subcommands_run() -> None:
    for word in ("status", "log", "fetch", "worktree", "oops", "--exec-path"):
        with pytest.raises(ValueError, match="not one of the commands"):
            hardening.command_line("/usr/bin/git", "/", word, (), None)


async def test_user_text_never_becomes_an_option(work: Work) -> None:
    head = work.commit("First", a_txt="one")
    repository = Repository(work.path)
    for text in ("--output=/tmp/x", "HEAD; id", "refs/heads/main\nrefs/x", "main", ""):
        with pytest.raises(ValueError, match="no full ref name"):
            await repository.resolve(text)
    for text in ("--all", head[:10], head + "\n", ""):
        with pytest.raises(ValueError, match="no object id"):
            await repository.commit(text)
        with pytest.raises((ValueError, SourceUnavailable)):
            await repository.diffstat(text, head)


def test_drivers_are_emptied_by_their_whole_name() -> None:
    listed = b"filter.a=b.c.smudge\nx\0diff.plain\0diff.external\nx\0diff..textconv\nx\0filter.evil.clean\ny=z\0core.bare\nfalse\0"
    found = hardening.neutralised(hardening.config_entries(listed))
    keys = {value for key, value in found.items() if key.startswith("GIT_CONFIG_KEY_")}
    assert {"filter.a=b.c.smudge", "filter.a=b.c.process", "diff..textconv", "filter.evil.clean"} <= keys
    assert found["GIT_CONFIG_COUNT"] == str(len(keys))
