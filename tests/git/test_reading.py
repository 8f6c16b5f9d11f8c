"""Tags, commits and files as they are, and every kind of repository that is not plain."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.guard.sanitise import UNSAFE
from sources.base import SourceError, SourceUnavailable
from sources.plumbing import refs
from sources.plumbing.objects import batch, checked, commit_of, numstat, tag_of
from sources.plumbing.reading import literal_prefix, tag_matcher
from sources.repository import Relation, Repository, TagKind, git_version
from tests.git.conftest import START, Work, many_tags


async def test_every_kind_of_tag(work: Work) -> None:
    first = work.commit("First", a_txt="one")
    work.tag("v1")
    work.tag("v2", "Second release\n\nmore")
    work.tag("v3", "outer", "v2")
    work.git("update-ref", "refs/tags/v4", work.git("rev-parse", "HEAD:a.txt"))
    work.git("update-ref", "refs/tags/v5", work.git("rev-parse", "HEAD^{tree}"))
    work.git("update-ref", "refs/tags/-v", "HEAD")
    work.git("update-ref", "refs/tags/--upload-pack=x", "HEAD")
    tags = {str(t.name): t for t in (await Repository(work.path).tags(["v*", "-*"])).tags}
    assert {name: tag.kind for name, tag in tags.items()} == {
        "v1": TagKind.LIGHTWEIGHT,
        "v2": TagKind.ANNOTATED,
        "v3": TagKind.NESTED,
        "v4": TagKind.BLOB,
        "v5": TagKind.ODD,
        "-v": TagKind.LIGHTWEIGHT,
        "--upload-pack=x": TagKind.LIGHTWEIGHT,
    }
    assert {name for name, tag in tags.items() if tag.commit == first} == set(tags) - {"v4", "v5"}
    assert tags["v1"].tagged_at is None and tags["v1"].committed_at is not None
    assert (tags["v1"].subject, tags["v2"].subject, tags["v2"].tagger) == ("First", "Second release", "Ada")
    assert tags["v2"].tagged_at is not None and tags["v2"].tagged_at > START


async def test_a_branch_of_the_same_name_is_not_the_tag(work: Work) -> None:
    first = work.commit("First", a_txt="one")
    work.tag("t1")
    work.git("branch", "t1")
    work.git("checkout", "--quiet", "-b", "other")
    second = work.commit("Second", a_txt="two")
    work.git("update-ref", "refs/heads/t1", second)
    repository = Repository(work.path)
    assert [t.commit for t in (await repository.tags(["t1"])).tags] == [first]
    assert await repository.resolve("refs/tags/t1") == first
    assert await repository.resolve("refs/heads/t1") == second
    assert await repository.resolve("refs/heads/none") is None


async def test_names_and_messages_cannot_drive_a_terminal(work: Work) -> None:
    work.git("config", "user.name", "Eve\u202e")
    work.commit("First \x1b]52;c;eA==\x07", a_txt="one")
    work.git("tag", "-a", "-m", "\x1b[2J gone", "v\u202e1")
    (work.path / ".git" / "refs" / "tags" / os.fsdecode(b"v\xff")).write_text(work.git("rev-parse", "HEAD") + "\n")
    tags = (await Repository(work.path).tags(["v*"])).tags
    assert {t.name for t in tags} == {"v<U+202E>1", "v\\xff"}
    for tag in tags:
        assert not UNSAFE.search(tag.name + tag.subject + tag.tagger)
        assert tag.commit is not None


async def test_a_tag_whose_object_is_missing_spoils_no_other(work: Work) -> None:
    work.commit("First", a_txt="one")
    work.tag("v1", "one")
    work.tag("v2", "two")
    oid = work.git("rev-parse", "v2")
    os.remove(work.path / ".git" / "objects" / oid[:2] / oid[2:])
    tags = {str(t.name): t for t in (await Repository(work.path).tags(["v*"])).tags}
    assert (tags["v1"].kind, tags["v2"].kind, tags["v2"].commit) == (TagKind.ANNOTATED, TagKind.ODD, None)


async def test_a_huge_message_is_not_read(work: Work) -> None:
    work.commit("First", a_txt="one")
    work.git("tag", "-a", "-F", "-", "v1", feed=b"x" * 3_000_000)
    work.tag("v0", "small")
    tags = {str(t.name): t for t in (await Repository(work.path).tags(["v*"])).tags}
    assert tags["v0"].subject == "small"
    assert (tags["v1"].commit, tags["v1"].subject) == (tags["v0"].commit, "First")


@pytest.mark.slow
async def test_twelve_thousand_tags_take_less_than_a_second(work: Work) -> None:
    many_tags(work, 12_000)
    taken = []
    for _ in range(3):
        started = time.perf_counter()
        tags = await Repository(work.path).tags(["deploy/*"], 500)
        taken.append(time.perf_counter() - started)
    assert [t.name for t in tags.tags[:2]] == ["deploy/prod/11999", "deploy/prod/11998"]
    assert (len(tags.tags), tags.more) == (500, True)
    assert min(taken) < 1.0


async def test_tags_are_read_again_only_when_a_ref_changed(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refs, "SETTLED_S", -1.0)
    work.commit("First", a_txt="one")
    work.tag("deploy/1", "one")
    repository = Repository(work.path)
    first = await repository.tags(["deploy/*"])
    assert await repository.tags(["deploy/*"]) is first
    work.tag("deploy/2", "two")
    assert [t.name for t in (await repository.tags(["deploy/*"])).tags] == ["deploy/2", "deploy/1"]
    work.git("pack-refs", "--all")
    work.git("tag", "-d", "deploy/1")
    assert [t.name for t in (await repository.tags(["deploy/*"])).tags] == ["deploy/2"]
    work.git("update-ref", "refs/tags/deploy/2", "HEAD^{tree}")
    assert [t.kind for t in (await repository.tags(["deploy/*"])).tags] == [TagKind.ODD]


async def test_commits_and_files_between_two_deploys(work: Work) -> None:
    good = work.commit("First", a_txt="one\n" * 30, gone_txt="x\n")
    work.commit("Rename and remove", gone_txt=None, a_txt=None, src__b_txt="one\n" * 30)
    bad = work.commit("Change", src__b_txt="one\n" * 29 + "two\n")
    (work.path / "bin").write_bytes(bytes(range(256)))
    work.commit("Later", c_txt="c")
    found = await Repository(work.path).commits_between(good, bad)
    assert (found.relation, found.more, found.note) == (Relation.FORWARD, False, "")
    assert [c.subject for c in found.commits] == ["Change", "Rename and remove"]
    assert [(f.path, f.added, f.removed) for f in found.commits[0].files] == [("src/b.txt", 1, 1)]
    assert {(f.path, f.added, f.removed) for f in found.commits[1].files} == {
        ("src/b.txt", 0, 0),
        ("gone.txt", 0, 1),
    }
    stat_ = await Repository(work.path).diffstat(good, await Repository(work.path).head() or "")
    assert ("bin", None, None) in {(f.path, f.added, f.removed) for f in stat_.files}


async def test_backwards_is_a_rollback_and_aside_is_divergence(work: Work) -> None:
    first = work.commit("First", a_txt="one")
    second = work.commit("Second", a_txt="two")
    work.git("checkout", "--quiet", "-b", "side", first)
    aside = work.commit("Aside", b_txt="x")
    repository = Repository(work.path)
    back = await repository.commits_between(second, first)
    assert (back.relation, [c.subject for c in back.commits]) == (Relation.ROLLBACK, ["Second"])
    assert "taken back" in back.note
    apart = await repository.commits_between(second, aside)
    assert apart.relation is Relation.DIVERGED
    assert {c.subject for c in apart.commits} == {"Second", "Aside"}
    same = await repository.commits_between(first, first)
    assert (same.relation, same.commits) == (Relation.SAME, ())
    assert "configuration or flags" in same.note
    unknown = await repository.commits_between(first, "1" * 40)
    assert unknown.relation is Relation.UNKNOWN and "is not in this repository" in unknown.note
    assert await repository.ancestry([(first, second), (second, first), (first, "1" * 40)]) == [True, False, None]


async def test_the_list_of_commits_is_bounded(work: Work) -> None:
    many_tags(work, 1)
    oids = work.git("rev-list", "main").split()
    found = await Repository(work.path).commits_between(oids[-1], oids[0], 500)
    assert (len(found.commits), found.more) == (500, True)
    assert found.commits[0].id == oids[0] and found.commits[499].files


async def test_first_parent_shows_merges_only(work: Work) -> None:
    good = work.commit("First", a_txt="one")
    work.git("checkout", "--quiet", "-b", "side")
    work.commit("Aside", b_txt="x")
    work.git("checkout", "--quiet", "main")
    work.git("merge", "--quiet", "--no-ff", "-m", "Merge side", "side")
    bad = work.git("rev-parse", "HEAD")
    repository = Repository(work.path)
    every = await repository.commits_between(good, bad)
    merges = await repository.commits_between(good, bad, first_parent=True)
    assert {c.subject for c in every.commits} == {"Merge side", "Aside"}
    assert [c.subject for c in merges.commits] == ["Merge side"]


# Repositories that are not plain.


async def test_no_commit_yet(work: Work) -> None:
    repository = Repository(work.path)
    assert await repository.head() is None
    assert (await repository.tags(["v*"])).tags == ()


async def test_bare_linked_detached_and_sha256(new_work: Callable[..., Work], tmp_path: Path) -> None:
    work = new_work("repo", "--object-format=sha256")
    head = work.commit("First", a_txt="one")
    work.tag("v1", "one")
    second = work.commit("Second", a_txt="two")
    work.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    work.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"), "v1")
    for path in (tmp_path / "bare.git", tmp_path / "linked", work.path / ".git"):
        repository = Repository(path)
        assert [t.commit for t in (await repository.tags(["v*"])).tags] == [head]
        assert len((await repository.commits_between(head, second)).commits[0].files) == 1
    assert (await Repository(tmp_path / "bare.git").info()).bare
    linked = await Repository(tmp_path / "linked").info()
    assert (linked.head, linked.common_dir) == (head, work.path / ".git")
    assert linked.object_format == "sha256"


async def test_a_shallow_clone_says_what_it_lacks(new_work: Callable[..., Work], tmp_path: Path) -> None:
    work = new_work("origin")
    oids = [work.commit(f"Commit {n}", a_txt=str(n)) for n in range(5)]
    work.git("clone", "--quiet", "--depth=2", f"file://{work.path}", str(tmp_path / "shallow"))
    repository = Repository(tmp_path / "shallow")
    assert (await repository.info()).shallow
    found = await repository.commits_between(oids[0], oids[4])
    assert found.relation is Relation.UNKNOWN and "shallow clone" in found.note
    assert await repository.is_ancestor(oids[4], oids[3]) is None
    assert await repository.is_ancestor(oids[3], oids[4]) is True


async def test_a_submodule_is_one_entry_and_is_not_entered(new_work: Callable[..., Work]) -> None:
    inner, outer = new_work("inner"), new_work("outer")
    inner.commit("Inner", a_txt="x")
    good = outer.commit("First", a_txt="x")
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner.path), "sub")
    bad = outer.commit("Add submodule")
    found = await Repository(outer.path).commits_between(good, bad)
    assert {f.path for f in found.commits[0].files} == {".gitmodules", "sub"}


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (lambda path: None, "no such folder"),
        (lambda path: path.write_text("x"), "no such folder"),
        (lambda path: path.mkdir(), "is no git repository"),
        (lambda path: (path / ".git").mkdir(parents=True), "is no git repository"),
        (lambda path: (path.mkdir(), (path / ".git").write_text("gitdir: /nowhere")), "is no git repository"),
        (lambda path: (path.mkdir(), (path / ".git").write_text("\x1b[2J")), "git cannot open it: invalid gitfile"),
    ],
)
async def test_what_is_no_repository(tmp_path: Path, prepare: Callable[[Path], object], sentence: str) -> None:
    path = tmp_path / "place"
    prepare(path)
    with pytest.raises(SourceError, match=sentence) as failed:
        await Repository(path).head()
    assert str(path) in str(failed.value) and not UNSAFE.search(str(failed.value))


async def test_a_folder_inside_a_repository_names_the_right_one(work: Work) -> None:
    work.commit("First", deep__er__a_txt="one")
    with pytest.raises(SourceError, match="lies inside the repository") as failed:
        await Repository(work.path / "deep" / "er").head()
    assert f"repository {work.path};" in str(failed.value)


def fake_git(folder: Path, script: str) -> None:
    folder.mkdir()
    (folder / "git").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "git").chmod(stat.S_IRWXU)


async def test_git_missing_or_too_old(work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceUnavailable, match="git is not installed"):
        await Repository(work.path).head()
    fake_git(tmp_path / "old", "echo git version 2.30.2")
    monkeypatch.setenv("PATH", str(tmp_path / "old"))
    with pytest.raises(SourceUnavailable, match=r"git 2\.30\.2 is too old"):
        await Repository(work.path).head()


async def test_git_in_a_relative_folder_is_not_run(work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_git(tmp_path / "near", f"touch {tmp_path}/ran; echo git version 2.45.0")
    monkeypatch.chdir(tmp_path / "near")
    monkeypatch.setenv("PATH", f".:{os.environ['PATH']}")
    assert await Repository(work.path).head() is None
    assert not (tmp_path / "ran").exists()


def test_the_installed_git_is_new_enough() -> None:
    assert git_version() >= (2, 39)


# Parsers.


@given(st.binary(max_size=600))
def test_any_bytes_are_an_object(raw: bytes) -> None:
    commit, tag = commit_of("0" * 40, raw), tag_of(raw)
    for text in (commit.author, commit.subject, tag.tagger, tag.subject):
        assert not UNSAFE.search(text)


@given(st.binary(max_size=600), st.booleans())
def test_any_bytes_are_read_as_answers(raw: bytes, cut: bool) -> None:
    batch(raw)
    assert len(checked(raw, 3)) == 3
    for _, file in numstat(raw, cut=cut):
        assert not UNSAFE.search(file.path)


@pytest.mark.parametrize(
    ("pattern", "prefix"),
    [
        ("deploy/prod/*", "refs/tags/deploy/prod/"),
        ("v*", "refs/tags/"),
        ("deploy/*/x", "refs/tags/deploy/"),
        ("a/b[12]/c", "refs/tags/a/"),
        ("prod-current", "refs/tags/prod-current"),
    ],
)
def test_the_folder_that_a_pattern_reads(pattern: str, prefix: str) -> None:
    assert literal_prefix(pattern) == prefix


def test_patterns_match_as_in_git_tag() -> None:
    match = tag_matcher(["deploy/*", "v?"]).match
    assert match("deploy/prod/x") and match("v1") and not match("v12") and not match("redeploy/x")
    assert not tag_matcher([]).match("")
