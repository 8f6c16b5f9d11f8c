"""`incident diagnose` on real files: documents, exit codes, sentences, and a future that does not count."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result

from console.cli import incident
from console.domain.instant import rfc3339
from console.report.diagnosis_json import diagnosis_schema

AT = datetime(2026, 11, 23, 14, 20, tzinfo=UTC).timestamp()
CONFIG = """
[[service]]
name = "checkout"
depends_on = ["payments"]

[[service]]
name = "payments"

[[logs]]
name = "app"
paths = ["logs/*.jsonl"]
service_field = "service"

[[metrics]]
name = "prod"
kind = "csv"
path = "metrics.csv"

[[changes]]
name = "notes"
path = "changes.jsonl"
"""


def write_case(folder: Path, *, broken: bool) -> Path:
    """Two hours of metrics, logs and changes; broken: payments fails from 14:03 on, after a deploy at 14:02:30."""
    rng = random.Random(5)
    rows = ["time,service,operation,metric,value"]
    lines = []
    (folder / "logs").mkdir(parents=True)
    for minute in range(120, -1, -1):
        at = AT - 60 * minute
        bad = broken and minute <= 17
        failed = {"payments": 0.4 if bad else 0.002, "checkout": 0.38 if bad else 0.003}
        for service, rate in failed.items():
            requests = 400 + rng.randint(-20, 20)
            rows.append(f"{rfc3339(at)},{service},,request_count,{requests}")
            rows.append(f"{rfc3339(at)},{service},,error_count,{round(requests * rate * rng.uniform(0.8, 1.2))}")
            rows.append(f"{rfc3339(at)},{service},,latency_p95,{0.2 * rng.uniform(0.95, 1.05):.4f}")
        lines.append(
            {"time": rfc3339(at - 20), "level": "info", "service": "payments", "msg": f"charged {rng.randint(1, 9**6)}"}
        )
        if bad:
            lines += [
                {
                    "time": rfc3339(at - k),
                    "level": "error",
                    "service": "payments",
                    "msg": f"no rate for card {rng.randint(1, 9**6)}",
                }
                for k in (40, 30, 10)
            ]
    deploy = {
        "at": rfc3339(AT - 1050),
        "kind": "deploy",
        "id": "deploy/payments/42",
        "service": "payments",
        "version": "v42",
    }
    older = {"at": rfc3339(AT - 5400), "kind": "flag", "id": "flag/banner", "service": "checkout"}
    (folder / "metrics.csv").write_text("\n".join(rows) + "\n")
    (folder / "logs" / "app.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    (folder / "changes.jsonl").write_text("".join(json.dumps(one) + "\n" for one in (older, deploy)))
    (folder / "incident.toml").write_text(CONFIG)
    return folder / "incident.toml"


def run(config: Path, *more: str) -> Result:
    arguments = ["diagnose", "--config", str(config), "--at", rfc3339(AT), *more]
    return CliRunner().invoke(incident, arguments, standalone_mode=False)


def document(result: Result) -> dict[str, Any]:
    found = json.loads(result.output)
    jsonschema.Draft202012Validator(diagnosis_schema()).validate(found)
    assert isinstance(found, dict)
    return found


def test_an_incident_is_found_placed_and_connected_with_its_change(tmp_path: Path) -> None:
    result = run(write_case(tmp_path, broken=True), "--json")
    found = document(result)
    assert result.return_value == 1
    assert found["state"] == "incident"
    assert found["at"] == rfc3339(AT)
    assert abs(datetime.fromisoformat(found["onset"]).timestamp() - (AT - 17 * 60)) <= 120
    assert found["suspects"][0]["subject"] == "deploy/payments/42"
    assert "payments" in [s["service"] for s in found["suspects"] if s["kind"] == "service"]
    assert found["change_explains"] is True
    standings = {c["id"]: c["standing"] for c in found["changes"]}
    assert standings == {"deploy/payments/42": "leading", "flag/banner": "unlikely"}
    assert {(s["service"], s["signal"]) for s in found["symptoms"]} >= {
        ("payments", "error_rate"),
        ("checkout", "error_rate"),
    }
    assert any(p["status"] == "new" and "no rate for card" in p["template"] for p in found["patterns"])
    asked = {s["name"]: s["state"] for s in found["sources"]}
    assert asked == {"app": "ok", "prod": "ok", "notes": "ok", "deploy tags": "not_consulted"}
    assert found["running"][0]["version"] == "v42"


def test_health_is_earned_and_exits_zero(tmp_path: Path) -> None:
    result = run(write_case(tmp_path, broken=False), "--json")
    found = document(result)
    assert (found["state"], result.return_value) == ("healthy", 0)
    assert not found["suspects"] and found["onset"] is None and found["change_explains"] is None


def test_the_same_before_the_fault_is_healthy(tmp_path: Path) -> None:
    config = write_case(tmp_path, broken=True)
    result = CliRunner().invoke(
        incident, ["diagnose", "--config", str(config), "--at", rfc3339(AT - 1200), "--json"], standalone_mode=False
    )
    assert document(result)["state"] == "healthy"


@pytest.mark.parametrize("knowledge", [(), ("--at", rfc3339(AT))])
def test_a_window_that_ends_earlier_is_judged_as_at_its_end(tmp_path: Path, knowledge: tuple[str, ...]) -> None:
    config = write_case(tmp_path, broken=True)

    def judged(end: float) -> dict[str, Any]:
        window = ("--since", rfc3339(end - 1800), "--until", rfc3339(end))
        arguments = ["diagnose", "--config", str(config), *window, *knowledge, "--json"]
        found = document(CliRunner().invoke(incident, arguments, standalone_mode=False))
        assert (found["at"], found["window"]["end"]) == (rfc3339(end), rfc3339(end))
        return found

    assert judged(AT - 1200)["state"] == "healthy"
    failing = judged(AT - 300)
    assert failing["state"] == "incident" and failing["suspects"][0]["subject"] == "deploy/payments/42"


def test_a_future_does_not_change_a_byte_but_the_accounts(tmp_path: Path) -> None:
    config = write_case(tmp_path / "a", broken=True)
    before = document(run(config, "--json"))
    with open(tmp_path / "a" / "metrics.csv", "a") as file:
        file.writelines(f"{rfc3339(AT + 5 + 20 * k)},checkout,,error_rate,1\n" for k in range(30))
    with open(tmp_path / "a" / "logs" / "app.jsonl", "a") as file:
        file.writelines(
            json.dumps({"time": rfc3339(AT + 2 + k), "level": "error", "service": "checkout", "msg": "later"}) + "\n"
            for k in range(300)
        )
    with open(tmp_path / "a" / "changes.jsonl", "a") as file:
        file.write(json.dumps({"at": rfc3339(AT + 1), "kind": "deploy", "id": "later", "service": "checkout"}) + "\n")
    after = document(run(config, "--json"))
    for one in (before, after):
        one.pop("generated_at"), one.pop("sources")
    assert before == after


def test_plain_text_is_sentences_without_escapes(tmp_path: Path) -> None:
    result = run(write_case(tmp_path, broken=True), "--plain")
    text = result.output
    assert "\x1b" not in text
    assert text.startswith("Incident as of 11-23 14:20:00 UTC.")
    assert "Leading suspect: deploy deploy/payments/42" in text
    assert all(line == "" or line[-1] in ".:" for line in text.splitlines())


def test_a_source_that_is_missing_degrades_only_its_row(tmp_path: Path) -> None:
    config = write_case(tmp_path, broken=True)
    (tmp_path / "metrics.csv").unlink()
    found = document(run(config, "--json"))
    row = next(s for s in found["sources"] if s["name"] == "prod")
    assert row["state"] == "failed" and "metrics.csv" in row["detail"]
    assert found["state"] == "incident"  # the log still tells


def test_every_source_down_is_exit_four(tmp_path: Path) -> None:
    config = write_case(tmp_path, broken=True)
    (tmp_path / "metrics.csv").unlink()
    (tmp_path / "logs" / "app.jsonl").unlink()
    result = run(config, "--json")
    assert (document(result)["state"], result.return_value) == ("inconclusive", 4)


def test_a_service_of_interest_narrows_the_symptoms(tmp_path: Path) -> None:
    found = document(run(write_case(tmp_path, broken=True), "--json", "--service", "checkout"))
    assert {s["service"] for s in found["symptoms"]} == {"checkout"}


def test_nothing_configured_is_inconclusive_and_says_so(tmp_path: Path) -> None:
    config = tmp_path / "incident.toml"
    config.write_text("")
    result = run(config, "--plain")
    assert result.return_value == 3
    assert "Inconclusive" in result.output


@pytest.mark.slow
def test_the_process_writes_one_document_and_its_exit_code(tmp_path: Path) -> None:
    config = write_case(tmp_path, broken=True)
    done = subprocess.run(
        [sys.executable, "-m", "console.cli", "diagnose", "--config", str(config), "--at", rfc3339(AT), "--json"],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert json.loads(done.stdout)["state"] == "incident"
    assert not done.stderr
