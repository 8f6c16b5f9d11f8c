"""Counting shapes in files, and `incident patterns` as a user runs it."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result

import sources.logs.engine
from console.cli import incident
from console.domain.instant import Window
from console.domain.shapes import ExceptionCounts, ShapeCounts
from console.report.patterns_json import patterns_schema
from sources.logs.client import WorkerRunner
from sources.logs.engine import Engine
from sources.logs.files import FileLogSource
from sources.logs.questions import Exceptions, Sample, Shapes
from sources.logs.spec import Spec

START = 1795442400.0
"""2026-11-23T14:00:00Z; the window is the ten minutes that begin an hour later."""
WINDOW = Window(START + 3600, START + 4200)
ARGUMENTS = ("--since", "2026-11-23T15:00:00Z", "--until", "2026-11-23T15:10:00Z")
USUAL = ("request {n} done in {m} ms", "cache miss for key user:{n}:profile", "job {n} finished", "gc pause {m}ms")
WHERE = ("h1", "h2", "h3", "h4")
TRACE = 'Traceback (most recent call last):\n  File "/app/db.py", line 3, in query\n    run()\nOperationalError: pool'


def row(at: float, level: str, message: str, service: str, **fields: object) -> bytes:
    stamp = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"ts": stamp, "level": level, "service": service, "msg": message, **fields}).encode() + b"\n"


def rows(
    start: float, end: float, step_s: float = 0.8, seed: int = 5, *, broken_from: float = WINDOW.start
) -> list[bytes]:
    """A log that is as usual, and from a moment on has two patterns more and, of its errors, most from one host."""
    rng = random.Random(seed)
    found = []
    for number in range(round((end - start) / step_s)):
        at = start + number * step_s
        service, n, m = rng.choice(("shop", "cart")), rng.randrange(10**6), rng.randrange(1, 999)
        dice = rng.random()
        if at >= broken_from and dice < 0.1:
            text = f"connection pool exhausted for pg-primary-{n % 32} ({m} waiting)"
            more = {"exception": TRACE} if dice < 0.01 else {}
            found.append(row(at, "error", text, service, host="h3" if n % 9 else "h1", status=503, **more))
        elif at >= broken_from and dice < 0.12:
            found.append(
                row(at, "warn", f"leader election lost, stepping down term={n}", service, host=rng.choice(WHERE))
            )
        else:
            found.append(
                row(at, "info", rng.choice(USUAL).format(n=n, m=m), service, host=rng.choice(WHERE), status=200)
            )
    return found


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "app.log").write_bytes(b"".join(rows(START, START + 4800)))
    path = tmp_path / "incident.toml"
    path.write_text(
        '[[service]]\nname = "shop"\n[[service]]\nname = "cart"\n[[logs]]\nname = "app"\npaths = ["app.log"]\n'
    )
    return path


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(incident, ["patterns", "--config", str(config), *arguments], standalone_mode=False)


def document(config: Path, *arguments: str) -> dict[str, Any]:
    result = run(config, "--json", *arguments)
    assert result.return_value == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_what_the_incident_brought_comes_first(config: Path) -> None:
    found = document(config, *ARGUMENTS)
    first = found["patterns"][:4]
    assert {p["template"] for p in first} == {
        "connection pool exhausted for pg-primary-<*> (<*> waiting)",
        "leader election lost, stepping down term=<*>",
    }
    assert {(p["status"], p["baseline_count"], p["ratio"]) for p in first} == {("new", 0, None)}
    assert first[0]["level"] == "error"
    assert first[0]["example"].startswith("connection pool exhausted for pg-primary-")
    assert {p["status"] for p in found["patterns"][4:]} == {"steady"}
    assert sum(first[0]["trend"]) == first[0]["count"] and len(first[0]["trend"]) == 60


def test_counts_add_up_to_the_lines_of_the_file(config: Path) -> None:
    found = document(config, *ARGUMENTS)
    assert found["lines"] == sum(p["count"] for p in found["patterns"]) == 750
    assert found["baseline_lines"] == sum(p["baseline_count"] for p in found["patterns"]) == 4500
    assert found["unmatched"] == 0
    assert found["window"] == {"start": "2026-11-23T15:00:00Z", "end": "2026-11-23T15:10:00Z"}
    assert found["baseline"] == [{"start": "2026-11-23T14:00:00Z", "end": "2026-11-23T15:00:00Z", "why": "just before"}]


def test_the_document_is_the_one_that_its_schema_describes(config: Path) -> None:
    validator = jsonschema.Draft202012Validator(
        patterns_schema(), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    validator.check_schema(patterns_schema())
    found = document(config, *ARGUMENTS)
    assert not [error.message for error in validator.iter_errors(found)]
    assert set(found) == set(patterns_schema()["required"])
    assert found["exceptions"] and found["fields"] and found["sources"]
    printed = CliRunner().invoke(incident, ["schema", "patterns"], standalone_mode=False)
    assert json.loads(printed.stdout) == patterns_schema()


def test_exceptions_and_what_failing_records_have_in_common(config: Path) -> None:
    found = document(config, *ARGUMENTS)
    (exception,) = found["exceptions"]
    assert (exception["type"], exception["frames"]) == ("OperationalError", ["db.query"])
    assert exception["services"] == ["cart", "shop"]
    assert (exception["baseline_count"], exception["example"][1:]) == (0, TRACE.split("\n"))
    assert {(f["field"], f["value"]) for f in found["fields"]} == {("status", "503"), ("host", "h3")}


def test_one_service_only(config: Path) -> None:
    found = document(config, "--service", "cart", *ARGUMENTS)
    assert {p["service"] for p in found["patterns"]} == {"cart"}
    assert 0 < found["lines"] < 750
    assert found["lines"] == sum(p["count"] for p in found["patterns"])


def test_plain_words(config: Path) -> None:
    result = run(config, "--plain", *ARGUMENTS)
    assert result.return_value == 0
    assert "New in this window: 2" in result.stdout
    assert "error of cart and shop: connection pool exhausted for pg-primary-<*> (<*> waiting)" in result.stdout
    assert " now, 0 in 60m before; first 15:00:" in result.stdout
    assert "As usual: 8 patterns" in result.stdout
    assert "host h3: " in result.stdout
    assert "\x1b" not in result.stdout


def test_nothing_after_the_knowledge_time_has_influence(config: Path) -> None:
    """Lines of later minutes would make a blank of the names; known at the time is one of them."""
    log = config.parent / "app.log"
    names = [b"alice", b"bob", b"carol", b"dave", b"erin"]
    text = log.read_bytes().splitlines(keepends=True)
    text += [row(WINDOW.start + 60 + k, "error", f"login of {names[0].decode()} failed", "shop") for k in range(40)]
    later = [row(WINDOW.end + 1 + k, "error", f"login of {names[k % 5].decode()} failed", "shop") for k in range(400)]

    def told(lines: list[bytes]) -> dict[str, Any]:
        log.write_bytes(b"".join(sorted(lines)))
        found = document(config, "--at", "2026-11-23T15:10:00Z", "--since", "-10m")
        return {**found, "generated_at": "", "sources": []}

    before = told(text)
    assert before == told(text + later)
    assert "login of alice failed" in {p["template"] for p in before["patterns"]}
    log.write_bytes(b"".join(sorted(text + later)))
    assert "login of <*> failed" in {
        p["template"] for p in document(config, "--at", "2026-11-23T15:20:00Z", "--since", "-20m")["patterns"]
    }


def test_the_same_hour_of_the_day_before_is_compared_with(config: Path) -> None:
    log = config.parent / "app.log"
    yesterday = rows(START - 86400, START - 86400 + 9000, 5.0, broken_from=START - 86400 + 3600)
    log.write_bytes(b"".join(yesterday) + log.read_bytes())
    found = document(config, *ARGUMENTS)
    assert [base["why"] for base in found["baseline"]] == ["just before", "the same hour of the day before"]
    assert found["baseline_lines"] == 4500 + 720
    assert found["patterns"][0]["status"] != "new"


def test_a_small_baseline_is_said(config: Path) -> None:
    (config.parent / "app.log").write_bytes(b"".join(rows(START + 3400, START + 4200)))
    found = document(config, *ARGUMENTS)
    assert found["baseline_too_small"] is True
    assert "new" not in {p["status"] for p in found["patterns"]}
    assert "The baseline is too small" in run(config, "--plain", *ARGUMENTS).stdout


def test_exit_codes(config: Path) -> None:
    assert run(config, "--since", "2026-11-20T00:00:00Z", "--until", "2026-11-20T00:10:00Z").return_value == 3
    text = config.read_text()
    config.write_text(text + '[[logs]]\nname = "other"\npaths = ["absent.log"]\n')
    result = run(config, "--json", *ARGUMENTS)
    assert result.return_value == 3
    assert [(s["name"], s["state"]) for s in json.loads(result.stdout)["sources"]] == [
        ("app", "ok"),
        ("other", "failed"),
    ]
    config.write_text(text.replace("app.log", "absent.log"))
    assert run(config, "--json", *ARGUMENTS).return_value == 4
    wrong = CliRunner().invoke(incident, ["patterns", "--config", str(config), "--service", "shpo"])
    assert wrong.exit_code == 2


def test_hostile_text_is_shown_and_not_obeyed(config: Path) -> None:
    log = config.parent / "app.log"
    evil = [row(WINDOW.start + k, "error", "\x1b]52;c;x\x07[bold] \u202e evil", "shop") for k in range(30)]
    log.write_bytes(b"".join(sorted([*log.read_bytes().splitlines(keepends=True), *evil])))
    for form in ("--plain", "--json"):
        text = run(config, form, *ARGUMENTS).stdout
        assert "evil" in text and "\x1b" not in text and "\u202e" not in text


def test_secrets_are_not_told(config: Path) -> None:
    log = config.parent / "app.log"
    text = "login with Authorization: Bearer abcdefghijklmnop.qrstuvwxyz failed"
    leaks = [
        row(WINDOW.start + k, "error", text, "shop", password="hunter2hunter2", exception=f"{TRACE} token=s3cr3ts3cr3t")
        for k in range(30)
    ]
    log.write_bytes(b"".join(sorted([*log.read_bytes().splitlines(keepends=True), *leaks])))
    ended = [row(WINDOW.start + k, "error", f"ended sessionid: {k}", "shop") for k in range(30)]
    log.write_bytes(b"".join(sorted([*log.read_bytes().splitlines(keepends=True), *ended])))
    for form in ("--plain", "--json"):
        told = run(config, form, *ARGUMENTS).stdout
        assert "login with" in told and "ended sessionid: <*>" in told
        assert not [secret for secret in ("qrstuvwxyz", "hunter2", "s3cr3t") if secret in told]


def asked(path: Path, *questions: Shapes | Exceptions | Sample) -> list[Any]:
    return [reading.value for reading in Engine(Spec("app", (str(path),))).answer(WINDOW, questions)]


def test_a_file_read_by_two_processes_gives_the_same_patterns(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    questions = (Shapes("", 10.0), Exceptions("level:error"))
    alone = asked(config.parent / "app.log", *questions)
    monkeypatch.setattr(sources.logs.engine, "DIVIDED", 1 << 14)
    monkeypatch.setattr(sources.logs.engine, "cores", lambda: 2)
    assert asked(config.parent / "app.log", *questions) == alone
    assert isinstance(alone[0], ShapeCounts) and alone[0].lines == 750
    assert isinstance(alone[1], ExceptionCounts) and alone[1].groups


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("logfmt", 'ts={at} level=error service=shop msg="lost {n} of \\"x\\"" n=1'),
        ("logfmt", 'ts={at} level=error msg="lost {n}" a=b'),
        ("plain", "{at} ERROR shop: lost {n}\n  at com.shop.Pay.run(Pay.java:3)"),
        ("access", '10.0.0.{n} - - [{clf}] "GET /a/{n} HTTP/1.1" 500 3 "-" "curl"'),
    ],
)
def test_other_formats(tmp_path: Path, name: str, line: str) -> None:
    text = ""
    for n in range(200):
        moment = datetime.fromtimestamp(WINDOW.start + n, UTC)
        clf = moment.strftime("%d/%b/%Y:%H:%M:%S +0000")
        text += line.format(at=moment.strftime("%Y-%m-%dT%H:%M:%SZ"), n=n, clf=clf) + "\n"
    path = tmp_path / f"{name}.log"
    path.write_text(text)
    (counts,) = asked(path, Shapes("", 60.0))
    assert counts.lines == 200
    (shape,) = counts.shapes
    assert ("<*>" in shape.text) and shape.buckets == {0: 60, 1: 60, 2: 60, 3: 20}


@pytest.mark.slow
async def test_the_worker_answers_as_the_engine_does(config: Path) -> None:
    runner = WorkerRunner()
    try:
        spec = Spec("app", (str(config.parent / "app.log"),))
        near, far = FileLogSource(spec), FileLogSource(spec, runner)
        for source in (near, far):
            assert (await source.shapes(WINDOW, 10.0, None)).value.lines == 750
        assert (await near.shapes(WINDOW, 10.0, None)).value == (await far.shapes(WINDOW, 10.0, None)).value
        assert (await near.exceptions(WINDOW, None)).value == (await far.exceptions(WINDOW, None)).value
        assert (await near.sample(WINDOW, None, 300)).value == (await far.sample(WINDOW, None, 300)).value
    finally:
        await runner.close()
