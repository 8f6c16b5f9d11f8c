"""`incident fix` as scripts use it: exit codes, what is typed, the JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from console.cli import main
from tests.git.conftest import Work


@pytest.fixture
def incident(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command; its exit code, output and messages."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([*arguments])
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


@pytest.fixture
def shop(work: Work, configured: Callable[..., Path]) -> tuple[Work, str, str, list[str]]:
    """Two deploys; the second one's tag has a branch of the same name that leads elsewhere."""
    good = work.commit("Add prices", checkout__pricing_txt="one\n")
    work.tag("deploy/prod/1", "one")
    bad = work.commit("Divide", checkout__pricing_txt="two\n")
    work.tag("deploy/prod/2", "two")
    work.git("branch", "deploy/prod/2", good)
    return work, good, bad, ["--config", str(configured(work.path))]


def test_a_branch_is_made_where_its_name_is_typed_again(shop: Any, incident: Any) -> None:
    work, _, bad, config = shop
    code, out, err = incident("fix", "branch", "--service", "checkout", "--name", "fix/a", *config)
    assert (code, out) == (5, "") and "--confirm fix/a" in err and "worktree add" in err
    code, out, err = incident(
        "fix", "branch", "--service", "checkout", "--name", "fix/a", "--confirm", "fix/b", *config
    )
    assert (code, out) == (5, "") and "B9" in err
    assert work.git("branch", "--list", "fix/*") == ""
    code, out, _ = incident(
        "fix", "branch", "--service", "checkout", "--name", "fix/a", "--confirm", "fix/a", "--json", *config
    )
    document = json.loads(out)
    assert code == 0
    assert document["base"] == {"tag": "deploy/prod/2", "commit": bad}
    assert (document["branch"], document["untouched"]) == ("fix/a", True)
    assert (Path(document["worktree"]) / "checkout" / "pricing.txt").read_text() == "two\n"
    code, out, _ = incident("fix", "undo", "--name", "fix/a", *config)
    assert code == 5 and work.git("branch", "--list", "fix/*")
    code, out, _ = incident("fix", "undo", "--name", "fix/a", "--confirm", "fix/a", "--json", *config)
    assert code == 0 and json.loads(out)["untouched"] is True
    assert not Path(document["worktree"]).exists() and work.git("branch", "--list", "fix/*") == ""
    assert incident("fix", "undo", "--name", "fix/a", "--confirm", "fix/a", *config)[0] == 2


def test_the_plan_alone_does_nothing(shop: Any, incident: Any) -> None:
    work, good, _, config = shop
    code, out, _ = incident(
        "fix", "branch", "--name", "fix/a", "--from", "deploy/prod/1", "--dry-run", "--json", *config
    )
    document = json.loads(out)
    assert code == 0 and document["base"]["commit"] == good and len(document["commands"]) == 2
    assert work.git("branch", "--list", "fix/*") == ""


@pytest.mark.parametrize("name", ["main", "production", "release/7", "prod/x", "feature/x", "--help-me", "fix/A"])
def test_case_58_other_names_are_refused(shop: Any, incident: Any, name: str) -> None:
    code, out, err = incident("fix", "branch", f"--name={name}", f"--confirm={name}", *shop[3])
    assert (code, out) == (5, "") and ("B1" in err or "B2" in err)


def test_a_branch_is_no_base_and_an_unknown_tag_is_told(shop: Any, incident: Any) -> None:
    config = shop[3]
    assert incident("fix", "branch", "--name", "fix/a", "--confirm", "fix/a", "--from", "main", *config)[0] == 5
    for tag in ("nothing", "-x", "--upload-pack=x", "a b", "1" * 40):
        code, _, err = incident("fix", "branch", "--name", "fix/a", "--confirm", "fix/a", f"--from={tag}", *config)
        assert code == 2, (tag, err)


def test_case_55_odd_tags_lead_to_the_right_commit_or_are_told(shop: Any, incident: Any) -> None:
    work, good, _, config = shop
    work.git("tag", "-a", "-m", "of a tag", "nested", "deploy/prod/1")
    work.git("update-ref", "refs/tags/-x", good)
    blob = work.git("hash-object", "-w", "--stdin", feed=b"x")
    work.git("update-ref", "refs/tags/deploy/prod/blob", blob)
    for tag in ("nested", "-x", "refs/tags/-x"):
        code, out, _ = incident("fix", "branch", "--name", "fix/a", f"--from={tag}", "--dry-run", "--json", *config)
        assert code == 0 and json.loads(out)["base"]["commit"] == good
    assert incident("fix", "branch", "--name", "fix/a", "--from", "deploy/prod/blob", "--dry-run", *config)[0] == 2


def test_case_55_a_tag_that_tells_no_time_is_labelled(shop: Any, incident: Any) -> None:
    work, _, _, config = shop
    work.git("update-ref", "refs/tags/deploy/prod/3", work.commit("Three", c_txt="x\n"))
    code, out, _ = incident("fix", "branch", "--name", "fix/a", "--dry-run", "--json", *config)
    document = json.loads(out)
    assert code == 0 and document["base"]["tag"] == "deploy/prod/3"
    assert any("deploy time unknown" in note for note in document["notes"])


def test_a_folder_that_is_no_repository_ends_with_four(tmp_path: Path, configured: Any, incident: Any) -> None:
    (tmp_path / "plain").mkdir()
    config = ["--config", str(configured(tmp_path / "plain"))]
    code, _, err = incident("fix", "branch", "--name", "fix/a", "--confirm", "fix/a", *config)
    assert code == 4 and "is no git repository" in err


def test_case_57_a_shallow_clone_without_the_tag_says_what_would_bring_it(
    shop: Any, tmp_path: Path, configured: Any, incident: Any
) -> None:
    work = shop[0]
    work.git("clone", "--quiet", "--depth=1", "--no-tags", f"file://{work.path}", str(tmp_path / "shallow"))
    config = ["--config", str(configured(tmp_path / "shallow"))]
    code, _, err = incident("fix", "branch", "--name", "fix/a", "--from", "deploy/prod/1", "--dry-run", *config)
    assert code == 2 and "shallow clone" in err and "git fetch" in err
    assert incident("fix", "branch", "--name", "fix/a", "--dry-run", *config)[0] == 2


def test_case_57_a_bare_repository_works(shop: Any, tmp_path: Path, configured: Any, incident: Any) -> None:
    work, _, bad, _ = shop
    work.git("clone", "--quiet", "--bare", str(work.path), str(tmp_path / "bare.git"))
    config = ["--config", str(configured(tmp_path / "bare.git"))]
    code, out, _ = incident("fix", "branch", "--name", "fix/a", "--confirm", "fix/a", "--json", *config)
    assert code == 0 and json.loads(out)["base"]["commit"] == bad and json.loads(out)["untouched"] is True


def test_where_the_service_says_that_it_runs_another_commit_a_person_chooses(
    shop: Any, configured: Any, incident: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, good, bad, config = shop

    async def told(_: Any) -> tuple[str, ...]:
        return (good[:10],)

    monkeypatch.setattr("console.cli.fix.running_commits", told)
    code, _, err = incident("fix", "branch", "--name", "fix/a", "--confirm", "fix/a", *config)
    assert code == 5 and "B4" in err and good[:10] in err
    code, out, _ = incident(
        "fix", "branch", "--name", "fix/a", "--confirm", "fix/a", "--from", "deploy/prod/2", "--json", *config
    )
    assert code == 0 and json.loads(out)["base"]["commit"] == bad


TRACE = '{"ts":"%s","level":"error","service":"checkout","msg":"boom","stack":"Traceback (most recent call last):\\n  File \\"/app/checkout/pricing.txt\\", line 1, in total\\nValueError: x"}\n'


def test_suspects_go_by_the_traces_in_the_logs_since_the_bad_deploy(
    shop: Any, configured: Any, incident: Any, tmp_path: Path
) -> None:
    work, good, bad, _ = shop
    (tmp_path / "app.jsonl").write_text(TRACE % "2023-11-15T01:00:00Z" * 3)
    config = ["--config", str(configured(work.path, '[[logs]]\npaths = ["app.jsonl"]\nservice = "checkout"\n'))]
    code, out, _ = incident("fix", "suspects", "--at", "2023-11-15T02:00:00Z", "--json", *config)
    document = json.loads(out)
    assert code == 0 and (document["good"]["commit"], document["bad"]["commit"]) == (good, bad)
    assert document["traces"] == 3 and document["suspects"][0]["commit"] == bad
    assert document["suspects"][0]["reasons"][0] == {
        "points": 5.0,
        "text": "wrote the failing line checkout/pricing.txt:1",
    }
    code, out, _ = incident("fix", "suspects", "--at", "2023-11-15T02:00:00Z", *config)
    assert code == 0 and "+5 wrote the failing line" in out
    assert incident("fix", "suspects", "--at", "2023-11-14T22:15:30Z", *config)[0] == 2  # one deploy was known then


def test_a_flag_since_the_good_deploy_is_named_where_no_commit_is(
    shop: Any, configured: Any, incident: Any, tmp_path: Path
) -> None:
    work = shop[0]
    (tmp_path / "changes.jsonl").write_text(
        '{"at":"2023-11-14T23:00:00Z","kind":"flag","id":"new-tax","service":"checkout"}\n'
    )
    (tmp_path / "trace.txt").write_text('Traceback (most recent call last):\n  File "/app/other.py", line 1, in f\n')
    config = ["--config", str(configured(work.path, '[[changes]]\nkind = "jsonl"\npath = "changes.jsonl"\n'))]
    code, out, _ = incident(
        "fix", "suspects", "--trace", str(tmp_path / "trace.txt"), "--at", "2023-11-15T02:00:00Z", "--json", *config
    )
    document = json.loads(out)
    assert code == 0 and [one["id"] for one in document["others"]] == ["new-tax"]
    assert any("no frame of the trace" in note for note in document["notes"])


def test_nothing_is_mended_for_an_incident_that_is_over_and_what_is_left_can_be_taken_away(
    shop: Any, incident: Any
) -> None:
    work, _, _, config = shop
    code, out, err = incident("case", "new", "Orders fail", "--json", *config)
    assert code == 0, err
    case = json.loads(out)["id"]
    branch = ("fix", "branch", "--incident", case, "--reason", "a drill of the whole way", *config)
    codes = [incident(*branch, "--name", "fix/a", "--confirm", "fix/a")[0] for _ in range(2)]
    assert codes[-1] == 0  # a soft gate may ask once
    assert incident("case", "state", case, "cancelled", "--reason", "a drill", *config)[0] == 0
    code, _, err = incident(*branch, "--name", "fix/b", "--confirm", "fix/b")
    assert code == 5 and "B10" in err and "cancelled" in err
    assert incident("fix", "undo", "--name", "fix/a", "--confirm", "fix/a", *config)[0] == 0
    assert work.git("branch", "--list", "fix/*") == ""


HOSTILE = "\x1b]52;c;aGk=\x07\x1b[2J[@click=app.quit]x[/]\u202e Cap vouchers"


def test_case_49_a_hostile_subject_is_shown_literally_and_does_nothing(
    work: Work, configured: Any, incident: Any
) -> None:
    work.commit("Start", a_txt="one\n")
    work.tag("deploy/prod/1", "one")
    work.commit(HOSTILE, **{"checkout/settings.py": "LIMIT = 1\n"})
    work.tag("deploy/prod/2", "two")
    config = ["--config", str(configured(work.path))]
    for form in ((), ("--json",), ("--plain",)):
        code, out, err = incident("fix", "suspects", *form, *config)
        assert code == 0 and "[@click=app.quit]x[/]" in out and "Cap vouchers" in out
        assert not any(character in out + err for character in "\x1b\x07\u202e")


WHY = "the customer accepts the risk"


def test_sg1_says_no_once_to_a_branch_for_a_case_and_the_reason_is_kept(shop: Any, incident: Any) -> None:
    work, _, _, config = shop
    case = json.loads(incident("case", "new", "Orders fail", "--json", *config)[1])["id"]
    branch = ("fix", "branch", "--name", "fix/a", "--confirm", "fix/a", "--incident", case, *config)
    code, out, err = incident(*branch)
    assert (code, out) == (5, "") and "SG1" in err and "--reason" in err
    assert work.git("branch", "--list", "fix/*") == ""
    assert incident(*branch, "--reason", WHY)[0] == 0
    (override,) = json.loads(incident("case", "show", case, "--json", *config)[1])["overrides"]
    assert (override["rule"], override["reason"]) == ("SG1", WHY)


def test_sg12_holds_the_deploy_back_while_another_incident_goes_on(shop: Any, incident: Any) -> None:
    _, _, _, config = shop
    case = json.loads(incident("case", "new", "Orders fail", "--severity", "P2", "--json", *config)[1])["id"]
    assert incident("fix", "branch", "--name", "fix/a", "--confirm", "fix/a", *config)[0] == 0
    handover = ("fix", "handover", "--name", "fix/a", *config)
    assert incident(*handover)[0] == 1  # it is no incident before it is declared; the branch has no commit yet
    assert incident("case", "state", case, "investigating", *config)[0] == 0
    code, out, err = incident(*handover)
    assert (code, out) == (5, "") and "SG12" in err and case in err
    code, out, _ = incident(*handover, "--reason", WHY)
    assert code == 1 and "push origin" in out
    (override,) = json.loads(incident("case", "show", case, "--json", *config)[1])["overrides"]
    assert (override["rule"], override["reason"]) == ("SG12", WHY)
