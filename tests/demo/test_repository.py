"""The shop's repository: real git, dated back, and untouched by the user's own settings."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from console.demo import repository, source

NOW = 1_795_630_000.0


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=repository.environment(folder), capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    repository.create(folder, NOW)
    return folder


def test_history_is_whole_and_clean(repo: Path) -> None:
    assert git(repo, "fsck", "--strict") == ""
    assert git(repo, "status", "--porcelain") == ""
    assert len(git(repo, "log", "--format=%h", "main").split()) == 1 + len(source.HISTORY)


def test_every_service_has_annotated_deploy_tags_dated_back(repo: Path) -> None:
    listed = git(repo, "for-each-ref", "--format=%(refname:short) %(objecttype) %(taggerdate:unix)", "refs/tags")
    tags = [line.split() for line in listed.splitlines()]
    assert {name.split("/")[2] for name, _, _ in tags} == set(source.SERVICES)
    assert all(kind == "tag" and int(at) < NOW for _, kind, at in tags)
    assert all(name == repository.tag_name(name.split("/")[2], float(at)) for name, _, at in tags)


def test_the_running_release_holds_the_newest_healthy_files(repo: Path, tmp_path: Path) -> None:
    newest = source.newest()
    for service, release in repository.releases(repo).items():
        place = repository.check_out(repo, release, tmp_path / "releases")
        found = {str(p.relative_to(place)): p.read_text() for p in place.rglob("*") if p.is_file()}
        assert found == {path: text for path, text in newest.items() if path.startswith(f"{service}/")}


def test_a_deploy_is_one_commit_with_the_bug_and_one_tag(repo: Path) -> None:
    before = git(repo, "for-each-ref", "refs/tags").splitlines()
    release = repository.deploy(repo, source.BAD_VOUCHER, NOW)
    after = git(repo, "for-each-ref", "refs/tags").splitlines()
    assert len(after) == len(before) + 1
    assert repository.releases(repo)["checkout"] == release
    assert git(repo, "rev-list", "--count", "HEAD~1..HEAD").strip() == "1"
    assert git(repo, "diff", "--name-only", "HEAD~1", "HEAD").split() == ["checkout/pricing.py"]
    assert '-    if "amount_off" in voucher:' in git(repo, "diff", "HEAD~1", "HEAD")
    assert git(repo, "status", "--porcelain") == ""
    assert release.version == release.tag.rpartition("/")[2]


def test_a_scenario_may_have_more_in_its_past(tmp_path: Path) -> None:
    folder = tmp_path / "repo"
    repository.create(folder, NOW, (source.RECEIPTS_FOREVER,))
    release = repository.releases(folder)["checkout"]
    assert b"while len(_made)" not in repository.read(folder, release.commit, "checkout/receipts.py")
    at = int(git(folder, "for-each-ref", "--format=%(taggerdate:unix)", f"refs/tags/{release.tag}"))
    assert NOW - at == pytest.approx(source.RECEIPTS_FOREVER.hours_ago * 3600, abs=2)


def test_the_users_git_settings_and_hooks_play_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("reference-transaction", "post-checkout", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\necho ran > {tmp_path}/ran\n")
        (hooks / name).chmod(0o755)
    (tmp_path / "gitconfig").write_text(
        f"[core]\n\thooksPath = {hooks}\n[init]\n\ttemplateDir = {hooks}\n[user]\n\tname = Somebody Else\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    folder = tmp_path / "repo"
    repository.create(folder, NOW)
    repository.deploy(folder, source.BAD_VOUCHER, NOW)
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "elsewhere").exists()
    assert "Somebody Else" not in git(folder, "log", "--format=%an %cn")


def test_a_failing_git_is_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(repository.GitFailed, match="git rev-parse"):
        repository.resolve(tmp_path, "no-such-thing")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(repository.GitFailed, match="not installed"):
        repository.create(tmp_path / "repo", NOW)


def test_making_it_is_quick(tmp_path: Path) -> None:
    began = time.process_time() + sum(os.times()[2:4])
    repository.create(tmp_path / "repo", NOW)
    assert time.process_time() + sum(os.times()[2:4]) - began < 1.0
