"""`incident case`: what scripts and people call."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import jsonschema
import pytest

from console.domain.instant import parse_time
from console.report.case_json import case_schema
from tests.cli.conftest import Run, incident

__all__ = ["incident"]
CONFIG = """
[console]
state_dir = "state"
[[service]]
name = "checkout"
[[logs]]
name = "app"
paths = ["app.jsonl"]
service = "checkout"
"""


@pytest.fixture(autouse=True)
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service with a log whose newest five minutes are full of errors."""
    (tmp_path / "incident.toml").write_text(CONFIG)
    monkeypatch.setenv("INCIDENT_AUTHOR", "alice")
    now = time.time()
    lines = []
    for n in range(2400):
        at = now - 1200 + n / 2
        bad = at > now - 300 and n % 2 == 0
        lines.append(json.dumps({
            "time": at, "level": "error" if bad else "info", "msg": "timeout acquiring connection" if bad else "order placed",
            "method": "POST", "path": "/orders", "status": 500 if bad else 200, "latency_ms": 80,
        }))  # fmt: skip
    (tmp_path / "app.jsonl").write_text("\n".join(lines) + "\n")


def new(incident: Run, *more: str) -> str:
    ran = incident("case", "new", "Checkout fails", "--service", "checkout", *more)
    assert ran.code == 0, ran.err
    return ran.out.strip()


def test_new_prints_the_id_alone(incident: Run) -> None:
    case = new(incident, "--severity", "p1")
    assert "\n" not in case and case.startswith("inc-")
    assert json.loads(incident("case", "show", case, "--json").out)["severity"] == "P1"


def test_new_as_json(incident: Run) -> None:
    told = json.loads(incident("case", "new", "--title", "Slow", "--json").out)
    assert (told["title"], told["state"], told["severity"]) == ("Slow", "triage", None)


def test_a_case_without_a_title_or_with_an_unknown_service_is_a_mistake(incident: Run) -> None:
    assert incident("case", "new").code == 2
    assert incident("case", "new", "x", "--service", "nobody").code == 2
    assert incident("case", "new", "x", "--severity", "P7").code == 2
    assert json.loads(incident("case", "list", "--json").out) == {"cases": []}


def test_a_case_is_found_by_a_part_of_its_id_or_as_the_latest(incident: Run) -> None:
    new(incident)
    assert incident("case", "show", "checkout").code == 0
    assert incident("case", "show", "latest").code == 0
    ran = incident("case", "show", "nothing-like-it")
    assert ran.code == 2 and "checkout-fails" in ran.err


def test_a_note_is_confirmed_when_it_is_there(incident: Run, tmp_path: Path) -> None:
    case = new(incident)
    ran = incident("case", "note", case, "rolled", "back", "--at", "-10m")
    assert ran.code == 0 and "rolled back" in ran.out
    assert "rolled back" in (tmp_path / "state" / "cases" / case / "journal" / "alice.jsonl").read_text()
    assert incident("case", "note", case, "").code == 2


def test_close_needs_recovered_or_a_recorded_override(incident: Run) -> None:
    case = new(incident, "--severity", "P2")
    ran = incident("case", "close", case)
    assert ran.code == 5 and "SG5" in ran.err and "--reason" in ran.err
    assert incident("case", "close", case, "--reason", "short").code == 5
    assert incident("case", "close", case, "--reason", "the customer accepts the risk").code == 0
    told = json.loads(incident("case", "show", case, "--json").out)
    assert told["state"] == "closed"
    assert told["overrides"][0]["reason"] == "the customer accepts the risk"
    assert incident("case", "close", case, "--reason", "the customer accepts the risk").code == 5


def test_state_moves_by_its_gates(incident: Run) -> None:
    case = new(incident, "--severity", "P2")
    assert incident("case", "state", case).out.strip() == "triage"
    assert incident("case", "state", case, "resolved").code == 5
    assert incident("case", "state", case, "investigating").code == 0
    assert incident("case", "state", case, "nonsense").code == 2


def test_a_hypothesis_is_checked_against_the_logs(incident: Run) -> None:
    case = new(incident, "--started", "-5m")
    ran = incident(
        "case", "hypothesis", case, "the pool is exhausted", "--because", "connections are not given back",
        "--predict", "count(level:error timeout) > 20 over 4m", "--predict", "max(error_rate, checkout) > 5% over 4m",
    )  # fmt: skip
    assert ran.code == 0 and "H1 open" in ran.out
    ran = incident("case", "hypothesis", case, "H1", "--check", "--json")
    assert ran.code == 0, ran.err
    (one,) = json.loads(ran.out)["hypotheses"]
    assert one["state"] == "supported"
    assert [p["status"] for p in one["predictions"]] == ["holds", "holds"]
    assert all(p["discriminates"] for p in one["predictions"])


def test_after_a_mitigation_a_prediction_is_checked_as_at_it_and_told_as_of_now(incident: Run, tmp_path: Path) -> None:
    now = time.time()
    lines = []
    for n in range(2400):
        at = now - 2400 + n
        bad = now - 1500 < at < now - 900
        told = {"level": "error", "msg": "KeyError: gift"} if bad else {"level": "info", "msg": "order placed"}
        lines.append(
            json.dumps({"time": at, "method": "POST", "path": "/orders", "status": 500 if bad else 200, **told})
        )
    (tmp_path / "app.jsonl").write_text("\n".join(lines) + "\n")
    case = new(incident, "--started", "-25m")
    predict = "count(service:checkout KeyError) > 5 over 5m"
    assert incident("case", "hypothesis", case, "a missing key", "--predict", predict).code == 0
    ran = incident("case", "hypothesis", case, "H1", "--check")
    assert ran.code == 1 and "H1 refuted" in ran.out  # nobody wrote down yet why it fails
    (before,) = json.loads(incident("case", "hypothesis", case, "H1", "--json").out)["hypotheses"]
    assert before["predictions"][0]["as_at"] is None
    assert incident("case", "mitigation", case, "rolled back", "--kind", "rollback", "--at", "-15m").code == 0
    ran = incident("case", "hypothesis", case, "H1", "--check")
    assert ran.code == 0 and "H1 supported" in ran.out, ran.out
    assert "as at the mitigation" in ran.out and "no longer holds now" in ran.err
    (one,) = json.loads(incident("case", "hypothesis", case, "H1", "--json").out)["hypotheses"]
    told = one["predictions"][0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", told["as_at"]) and told["as_at"] < told["last_at"]
    assert abs(parse_time(told["as_at"], 0.0) - (now - 900)) < 60 and told["status"] == "holds"
    shown = json.loads(incident("case", "show", case, "--json").out)
    jsonschema.validate(shown, case_schema())
    assert shown["hypotheses"][0]["predictions"][0] == told


def test_order_and_dose_are_asked_of_the_sources(incident: Run, tmp_path: Path) -> None:
    """The pool of checkout fills with the trouble, its queue a while after it; the processors of others are as busy all along."""
    now = time.time()
    rows = ["time,service,operation,metric,value"]
    for n in range(120):
        at = now - 3600 + 30 * n
        late, later = at > now - 310, at > now - 130
        rows.append(f"{at},checkout,,pool_in_use,{(20 if late else 4) + n % 2}")
        rows.append(f"{at},checkout,,queue_depth,{(90 if later else 3) + n % 2}")
        for service in ("checkout", "mail", "search"):
            busy = late or service != "checkout"
            rows.append(f"{at},{service},,cpu,{(0.8 if busy else 0.2) + n % 2 / 100}")
        rows += [f"{at},{service},,pool_in_use,{3 + n % 2}" for service in ("mail", "search")]
    (tmp_path / "metrics.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "incident.toml").write_text(CONFIG + '[[metrics]]\nkind = "csv"\npath = "metrics.csv"\n')
    case = new(incident, "--started", "-5m")
    assert incident("case", "snapshot", case).code == 0
    for metric, threshold in (("pool_in_use", ">= 19"), ("queue_depth", "> 50"), ("cpu", "> 0.5")):
        predict = f"max({metric}, checkout) {threshold} over 2m"
        assert incident("case", "hypothesis", case, f"it is the {metric}", "--predict", predict).code == 0
    found = {}
    for name in ("H1", "H2", "H3"):
        ran = incident("case", "hypothesis", case, name, "--check", "--json")
        (one,) = json.loads(ran.out)["hypotheses"]
        (p,) = one["predictions"]
        found[name] = (one["state"], p["status"], p["order"], p["dose"], p["weak"])
    assert found["H1"] == ("supported", "holds", "holds", "holds", None)
    assert found["H2"][:3] == ("open", "holds", "fails") and "began after the trouble" in found["H2"][4]
    assert found["H3"][:4] == ("open", "holds", "holds", "fails") and "nothing is wrong" in found["H3"][4]
    assert "it began after the trouble" in incident("case", "hypothesis", case, "H2").out
    for name, first, code, state in (
        ("H4", "count(level:error timeout)", 0, "supported"),
        ("H5", "queue_depth, checkout", 1, "refuted"),
    ):
        predict = f"onset({first}) <= onset(error_rate, checkout)"
        assert incident("case", "hypothesis", case, f"first {first}", "--predict", predict).code == 0
        ran = incident("case", "hypothesis", case, name, "--check", "--json")
        (one,) = json.loads(ran.out)["hypotheses"]
        assert (ran.code, one["state"]) == (code, state), one


def test_a_prediction_that_fails_refutes_and_ends_with_one(incident: Run) -> None:
    case = new(incident)
    incident("case", "hypothesis", case, "deadlock", "--predict", "count(deadlock) > 5 over 4m")
    ran = incident("case", "hypothesis", case, "H1", "--check")
    assert ran.code == 1 and "H1 refuted" in ran.out


def test_a_metric_that_is_not_there_is_inconclusive(incident: Run) -> None:
    case = new(incident)
    incident("case", "hypothesis", case, "pool", "--predict", "max(pool_in_use, checkout) >= 20 over 4m")
    ran = incident("case", "hypothesis", case, "H1", "--check")
    assert ran.code == 3 and "H1 open" in ran.out


def test_what_a_person_saw_counts_as_a_result(incident: Run) -> None:
    case = new(incident)
    incident(
        "case",
        "hypothesis",
        case,
        "one pod",
        "--predict",
        "manual: a restart of that pod clears it",
        "--refutes",
        "errors go on",
    )
    assert "H1 supported" in incident("case", "hypothesis", case, "H1", "--result", "P1=holds").out
    assert incident("case", "hypothesis", case, "H1", "--state", "confirmed").code == 5
    incident("case", "evidence", case, "errors stopped with the restart", "--kind", "repro")
    assert "H1 confirmed" in incident("case", "hypothesis", case, "H1", "--state", "confirmed", "--evidence", "E1").out


def test_a_snapshot_keeps_symptoms_as_evidence_with_points(incident: Run) -> None:
    case = new(incident)
    ran = incident("case", "snapshot", case)
    assert ran.code == 0, ran.err
    told = json.loads(incident("case", "show", case, "--json").out)
    metric = [one for one in told["evidence"] if one["kind"] == "metric"]
    assert metric and metric[0]["query"] and metric[0]["window"] and len(metric[0]["digest"]) == 64
    assert told["impact_started_at"] is not None


def test_show_begins_with_what_others_wrote_since_you_last_looked(
    incident: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = new(incident)
    incident("case", "show", case)
    for n in range(60):
        assert incident("case", "note", case, f"note {n}", "--author", "bob").code == 0
    lines = incident("case", "show", case).out.split("\n\n")[0].splitlines()
    assert len(lines) <= 20 and lines[0].startswith("since you last looked")
    assert "60 entries" in lines[0] and "note 59" in lines[-1]
    again = incident("case", "show", case).out.splitlines()[0]
    assert "nothing new" in again


def test_messages_are_drafted_and_looked_at(incident: Run) -> None:
    case = new(incident)
    ran = incident(
        "case", "update", case, "initial", "--field", "product=Checkout", "--field", "symptom=an outage because of db1.internal",
        "--field", "started_at=14:03", "--field", "next_at=14:30",
    )  # fmt: skip
    assert ran.code == 0 and "Since 14:03 UTC" in ran.out
    for hint in ("names a cause", '"outage"', "internal host db1.internal"):
        assert hint in ran.err
    assert incident("case", "update", case, "initial", "--field", "product=x").code == 2


def test_verify_finds_a_changed_line(incident: Run, tmp_path: Path) -> None:
    case = new(incident)
    incident("case", "note", case, "one")
    incident("case", "note", case, "two")
    assert incident("case", "verify", case).code == 0
    path = tmp_path / "state" / "cases" / case / "journal" / "alice.jsonl"
    path.write_text(path.read_text().replace("one", "0ne"))
    ran = incident("case", "verify", case, "--json")
    assert ran.code == 1 and json.loads(ran.out)["whole"] is False


def test_verify_looks_at_the_audit_too(incident: Run, tmp_path: Path) -> None:
    from console.guard.audit import Audit

    audit = Audit(tmp_path / "state" / "repro" / "audit.jsonl")
    audit.write({"x": 1})
    audit.write({"x": 2})
    told = json.loads(incident("case", "verify", "--json").out)
    assert told == {
        "whole": True,
        "files": [
            {"case": "", "file": "audit.jsonl", "lines": 2, "whole": True, "torn": False, "says": "2 lines, whole"}
        ],
    }
    audit.path.write_text(audit.path.read_text().replace('"x": 1', '"x": 3'))
    assert incident("case", "verify").code == 1


def test_handoff_is_offered_and_accepted(incident: Run) -> None:
    case = new(incident)
    incident("case", "role", case, "ic", "ann")
    assert incident("case", "role", case, "ic", "bob").code == 2
    assert incident("case", "handoff", case, "--to", "bob").code == 0
    assert incident("case", "handoff", case, "--accept").code == 2
    assert incident("case", "handoff", case, "--accept", "--author", "bob").code == 0
    assert json.loads(incident("case", "show", case, "--json").out)["roles"] == {"ic": "bob"}


def test_what_cannot_be_saved_is_told_and_ends_with_two(
    incident: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno
    import os

    case = new(incident)

    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "write", fail)
        ran = incident("case", "note", case, "precious words")
    assert ran.code == 2 and "NOT SAVED" in ran.err and "precious words" in ran.err
    assert incident("case", "note", case, "later").code == 0


def test_every_subcommand_prints_json(incident: Run) -> None:
    case = new(incident, "--severity", "P3")
    for words in (
        ("note", case, "x"), ("evidence", case, "y"), ("impact", case, "--statement", "z"), ("mitigation", case, "m"),
        ("severity", case, "P2", "--reason", "worse"), ("role", case, "ic", "ann"), ("action", case, "Add an alert"),
        ("review", case, "the pool", "--part", "factor"), ("hypothesis", case, "h"), ("handoff", case), ("state", case), ("list",), ("verify",),
    ):  # fmt: skip
        ran = incident("case", *words, "--json")
        assert ran.code == 0, (words, ran.err)
        json.loads(ran.out)


def test_replay_as_text_and_json_tells_what_was_seen_and_written(incident: Run, tmp_path: Path) -> None:
    from dataclasses import replace

    from console.live.seen import Recorder
    from tests.contract.picture import recorded

    case = new(incident)
    state = replace(recorded(), now=time.time())
    Recorder(tmp_path / "state" / "cases" / case, "alice", state.now).keep(state)
    incident("case", "note", case, "rolled back")
    told = json.loads(incident("replay", case, "--json").out)
    assert [one["state"] for one in told["seen"]] == [str(state.header.state)]
    assert told["timeline"][-1]["text"] == "rolled back"
    plain = incident("replay", case, "--plain").out
    assert "the console saw" in plain and "alice: rolled back" in plain
    earlier = json.loads(incident("replay", case, "--at", "-1h", "--json").out)
    assert earlier["seen"] == [] and earlier["timeline"] == []


def test_report_by_the_ending_of_its_file(incident: Run, tmp_path: Path) -> None:
    case = new(incident)
    assert incident("report", case, "-o", "r.html").code == 0
    assert (tmp_path / "r.html").read_text().startswith("<!DOCTYPE html>")
    assert incident("report", case).out.startswith("# Checkout fails")
    told = json.loads(incident("report", case, "--json").out)
    assert told["case"]["id"] == case and told["missing"]
    assert json.loads(incident("report", case, "--format", "json").out)["case"]["id"] == case
    assert incident("report", case, "--format", "html", "--plain").code == 2
    assert incident("report", "nothing").code == 2


def test_results_of_other_commands_go_into_the_case_that_their_incident_is(incident: Run, tmp_path: Path) -> None:
    from console.case import entries
    from console.cli.case_session import into_incident
    from console.config.load import load

    case = new(incident)
    loaded = load(tmp_path / "incident.toml")
    into_incident(loaded, case, entries.repro({"reproduced": True, "failures": 5, "tries": 5}, "POST /orders"))
    into_incident(loaded, case, entries.verified({"state": "STILL FAILING", "reason": "1 of 3"}, "fix/pool at 91d43fb"))
    into_incident(loaded, "day-2026-11-27", entries.verified({"state": "FIXED"}))
    into_incident(loaded, None, entries.verified({"state": "FIXED"}))
    told = json.loads(incident("case", "show", case, "--json").out)
    assert [one["text"] for one in told["repros"]] == ["reproduced: 5 of 5 tries failed (POST /orders)"]
    assert [one["text"] for one in told["fixes"]] == ["fix/pool at 91d43fb: STILL FAILING: 1 of 3"]


def test_a_recovery_verdict_of_check_resolves_the_case(incident: Run, tmp_path: Path) -> None:
    from console.case import entries
    from console.cli.case_session import into_case
    from console.config.load import load

    case = new(incident, "--severity", "P3")
    into_case(
        load(tmp_path / "incident.toml"),
        case,
        entries.recovery({"verdict": "recovered", "signals": [], "reason": "all"}),
    )
    assert incident("case", "close", case, "--reason", "a known fault").code == 0
    assert json.loads(incident("case", "show", case, "--json").out)["overrides"] == []


def test_a_checklist_drafts_hypotheses_and_opens_none(incident: Run) -> None:
    case = new(incident)
    listed = incident("case", "checklist").out.splitlines()
    assert len(listed) == 6
    ran = incident("case", "checklist", "third-party", "--case", case)
    assert "trap:" in ran.out and "drafted H1" in ran.err
    told = json.loads(incident("case", "show", case, "--json").out)
    assert {one["state"] for one in told["hypotheses"]} == {"draft"} and len(told["hypotheses"]) == 3
    assert incident("case", "checklist", "--case", case).code == 2


def test_a_long_text_is_refused_whole_and_never_cut_unseen(
    incident: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import io
    import sys

    case = new(incident)

    class Given:
        buffer = io.BytesIO(b"x" * (65 << 10))

    monkeypatch.setattr(sys, "stdin", Given())
    assert incident("case", "note", case, "-").code == 2
    Given.buffer = io.BytesIO(b"y" * (60 << 10))
    assert incident("case", "note", case, "-").code == 0
    assert "y" * (60 << 10) in (tmp_path / "state" / "cases" / case / "journal" / "alice.jsonl").read_text()
    assert "y" * (60 << 10) in json.loads(incident("case", "show", case, "--json").out)["timeline"][-1]["text"]
