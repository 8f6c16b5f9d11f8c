"""`incident changes`: the timeline as a table, as sentences and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from console.domain.changes import Running
from console.domain.instant import rfc3339
from console.report.diagnosis_json import CHANGE, RUNNING
from sources.health.version import VersionAddress
from tests.cli.conftest import Run
from tests.git.conftest import START, Work

CONFIG = """
[[service]]
name = "checkout"
repository = "repo"
[[service]]
name = "payments"
[[changes]]
path = "changes.jsonl"
"""
AT = rfc3339(START + 7200)


def system(work: Work, folder: Path) -> str:
    """Two tags, one of them in the changes file too, and a flag; returns the id of the newest deploy."""
    work.commit("First", a_txt="one")
    work.tag("deploy/prod/1", "One")
    second = work.commit("Second", a_txt="two")
    work.tag("deploy/prod/2", "Two")
    at = int(work.git("for-each-ref", "--format=%(taggerdate:unix)", "refs/tags/deploy/prod/2"))
    lines = [
        {"at": at + 30, "kind": "deploy", "id": "run-2", "service": "checkout", "version": "v2", "commit": second[:9]},
        {"at": START + 3600, "kind": "flag", "id": "flag/x", "service": "payments", "summary": "x on \x1b[31m"},
        {"at": START + 9000, "kind": "flag", "id": "flag/later"},
    ]
    (folder / "changes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "incident.toml").write_text(CONFIG)
    return second


def test_a_deploy_that_two_sources_report_is_listed_once(incident: Run, work: Work, tmp_path: Path) -> None:
    second = system(work, tmp_path)
    ran = incident("changes", "--at", AT, "--json")
    assert (ran.code, ran.err) == (0, "")
    listed = json.loads(ran.out)
    assert [(c["id"], c["version"]) for c in listed] == [
        ("flag/x", None),
        ("deploy/prod/2", "v2"),
        ("deploy/prod/1", "1"),
    ]
    assert listed[1]["commit"] == second
    assert {field.name for field in CHANGE} <= set(listed[0])


def test_without_standing_nothing_is_judged(incident: Run, work: Work, tmp_path: Path) -> None:
    system(work, tmp_path)
    listed = json.loads(incident("changes", "--at", AT, "--json", "--no-standing").out)
    assert [(c["standing"], c["reason"]) for c in listed] == [(None, None)] * 3
    assert listed[1]["summary"] == "Two"


def test_what_is_in_reach_has_a_standing_and_a_reason(incident: Run, work: Work, tmp_path: Path) -> None:
    system(work, tmp_path)
    listed = json.loads(incident("changes", "--at", AT, "--json").out)
    assert listed[0]["standing"] in ("leading", "possible", "unlikely", "impossible") and listed[0]["reason"]


def test_service_and_window_narrow_the_list(incident: Run, work: Work, tmp_path: Path) -> None:
    system(work, tmp_path)
    only = json.loads(incident("changes", "--at", AT, "--json", "--service", "payments").out)
    assert [c["id"] for c in only] == ["flag/x"]
    recent = json.loads(incident("changes", "--at", AT, "--since", "-65m", "--json").out)
    assert [c["id"] for c in recent] == ["flag/x"]
    none = incident("changes", "--at", AT, "--since", "-1m")
    assert none.code == 0 and none.out.startswith("no change between 20")


def test_table_and_sentences_hold_no_control_character(incident: Run, work: Work, tmp_path: Path) -> None:
    system(work, tmp_path)
    table = incident("changes", "--at", AT, "--no-standing").out.splitlines()
    assert table[0].split() == ["TIME", "KIND", "SERVICE", "STANDING", "CHANGE", "WHY"]
    assert "deploy/prod/2" in table[2] and "(v2)" in table[2]
    plain = incident("changes", "--at", AT, "--no-standing", "--plain").out.splitlines()
    assert plain[0].endswith("flag of payments, flag/x: x on ^[[31m.")
    assert "\x1b" not in "".join((*table, *plain))


def test_a_source_that_fails_is_named_and_the_rest_is_shown(incident: Run, work: Work, tmp_path: Path) -> None:
    system(work, tmp_path)
    (tmp_path / "changes.jsonl").unlink()
    ran = incident("changes", "--at", AT, "--no-standing")
    assert ran.code == 3 and "deploy/prod/2" in ran.out
    assert "changes.jsonl: cannot be read" in ran.err
    (tmp_path / "repo").rename(tmp_path / "gone")
    ran = incident("changes", "--at", AT, "--no-standing")
    assert ran.code == 4 and "no such folder" in ran.err


def test_what_runs_is_told_beside_the_deploys_and_whether_they_agree(
    incident: Run, work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def told(_self: VersionAddress, now: float) -> tuple[Running, ...]:
        return tuple(
            Running("checkout", v, None, f"/version ({n} of 3 answers)", None, now) for v, n in (("1", 2), ("2", 1))
        )

    monkeypatch.setattr(VersionAddress, "running", told)
    system(work, tmp_path)
    config = (tmp_path / "incident.toml").read_text()
    (tmp_path / "incident.toml").write_text(
        config.replace('name = "checkout"', 'name = "checkout"\nversion_url = "http://127.0.0.1:1/version"')
    )
    since = ("--since", rfc3339(START))
    listed = {entry["id"]: entry for entry in json.loads(incident("changes", *since, "--json").out)}
    rows = [(r["version"], r["agrees"], r["source"]) for r in listed["deploy/prod/2"]["running"]]
    assert rows == [("1", False, "/version (2 of 3 answers)"), ("2", True, "/version (1 of 3 answers)")]
    assert {field.name for field in RUNNING} == set(listed["deploy/prod/2"]["running"][0])
    assert listed["flag/x"]["running"] == [], "nobody tells of payments"
    told_apart = [
        "checkout runs 1, but its newest deploy says another; told by /version (2 of 3 answers).",
        "checkout runs 2, as its newest deploy says; told by /version (1 of 3 answers).",
    ]
    for form in ((), ("--plain",)):
        assert incident("changes", *since, *form).out.splitlines()[-2:] == told_apart
    unjudged = json.loads(incident("changes", *since, "--json", "--no-standing").out)
    assert {entry["running"] for entry in unjudged} == {None}


def test_what_only_metrics_show_is_listed_beside_the_rest(incident: Run, work: Work, tmp_path: Path) -> None:
    system(work, tmp_path)
    (tmp_path / "incident.toml").write_text(CONFIG + '[[metrics]]\nname = "prod"\nkind = "csv"\npath = "m.csv"\n')
    first, moved, end = int(START), int(START) + 5400, int(START) + 7200
    rows = [f"{t},payments,{'v7' if t < moved else 'v8'},build_info,1" for t in range(first, end, 60)]
    (tmp_path / "m.csv").write_text("\n".join(["time,service,operation,metric,value", *rows, ""]))
    ran = incident("changes", "--at", AT, "--json")
    (entry,) = (e for e in json.loads(ran.out) if e["observed"])
    assert (entry["kind"], entry["service"], entry["version"]) == ("deploy", "payments", "v8")
    assert (entry["at"], entry["source"], entry["observed"]) == (rfc3339(moved), "prod", "build_info in prod")
    assert "seen/payments/v8" in incident("changes", "--at", AT).out
    assert "(observed by build_info in prod)." in incident("changes", "--at", AT, "--plain").out
    assert "seen/" not in incident("changes", "--at", AT, "--no-standing").out


def test_without_any_change_source_it_says_what_to_add(incident: Run, tmp_path: Path) -> None:
    (tmp_path / "incident.toml").write_text('[[service]]\nname = "a"\n')
    ran = incident("changes")
    assert ran.code == 2 and "no change source is configured" in ran.err
