"""`incident logs` as a user runs it."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from console.cli import incident

START = 1795442400.0
WINDOW = ("--since", "2026-11-23T14:00:00Z", "--until", "2026-11-23T14:10:00Z")


def row(n: int, **fields: object) -> bytes:
    seconds = n % 60
    stamp = f"2026-11-23T14:{n // 60:02d}:{seconds:02d}.500Z"
    return (
        json.dumps({"ts": stamp, "level": "info", "service": "shop", "msg": f"number {n}", **fields}).encode() + b"\n"
    )


@pytest.fixture
def config(tmp_path: Path) -> Path:
    rows = [
        row(n, level="error" if n % 10 == 0 else "info", latency_ms=n + 1, path="/a", status=200) for n in range(120)
    ]
    rows.append(
        b'{"ts":"2026-11-23T14:05:00Z","level":"error","service":"cart","msg":"\\u001b]52;c;x\\u0007 [bold]evil"}\n'
    )
    rows.append(b"Traceback (most recent call last):\n  File \"x\"\nKeyError: 'a'\n")
    (tmp_path / "app.log").write_bytes(b"".join(rows))
    path = tmp_path / "incident.toml"
    path.write_text(
        '[[service]]\nname = "shop"\n[[service]]\nname = "cart"\n[[logs]]\nname = "app"\npaths = ["app.log"]\n'
    )
    return path


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(incident, ["logs", "--config", str(config), *arguments], standalone_mode=False)


def test_count_is_one_document_with_exactly_these_keys(config: Path) -> None:
    result = run(config, "level:error number", "--count", "--json", *WINDOW)
    document = json.loads(result.stdout)
    assert list(document) == ["count", "scanned_bytes", "window", "sampled"]
    assert (document["count"], document["sampled"]) == (12, False)
    assert document["scanned_bytes"] > 10_000
    assert document["window"] == {"start": "2026-11-23T14:00:00Z", "end": "2026-11-23T14:10:00Z"}
    assert result.return_value == 0


def test_a_count_of_nothing_is_no_failure(config: Path) -> None:
    result = run(config, "absent", "--count", *WINDOW)
    assert (result.stdout, result.return_value) == ("0\n", 0)


def test_records_as_json_lines(config: Path) -> None:
    result = run(config, "--json", "--limit", "3", "number", *WINDOW)
    records = [json.loads(one) for one in result.stdout.splitlines()]
    assert [r["message"] for r in records] == ["number 117", "number 118", "number 119"]
    assert records[0] == {
        "time": "2026-11-23T14:01:57.500Z", "level": "info", "service": "shop", "message": "number 117",
        "operation": "/a", "status": 200, "latency_s": pytest.approx(0.118), "trace_id": None, "extra": [],
        "fields": {"path": "/a", "latency_ms": "118"}, "source": "app", "file": "app.log", "offset": records[0]["offset"],
    }  # fmt: skip


def test_text_for_a_person(config: Path) -> None:
    result = run(config, "--plain", "--service", "cart", *WINDOW)
    assert result.stdout == "2026-11-23 14:05:00.000 ERROR  cart  ^[]52;c;x^G [bold]evil\n" + "".join(
        f"    {one}\n" for one in ("Traceback (most recent call last):", '  File "x"', "KeyError: 'a'")
    )
    assert result.return_value == 0


def test_nothing_found_is_exit_code_1(config: Path) -> None:
    result = run(config, "absent", *WINDOW)
    assert (result.stdout, result.return_value) == ("", 1)
    assert "no record matches between 2026-11-23T14:00:00Z and 2026-11-23T14:10:00Z" in result.stderr


def test_nothing_stamped_after_the_knowledge_time_is_shown(config: Path) -> None:
    result = run(config, "number", "--count", "--at", "2026-11-23T14:01:00Z", "--since", "-30m")
    assert result.stdout == "60\n"


def test_histogram(config: Path) -> None:
    result = run(config, "number", "--histogram", "1m", "--json", *WINDOW)
    document = json.loads(result.stdout)
    assert (document["count"], document["step_s"], len(document["buckets"])) == (120, 60.0, 10)
    first = document["buckets"][0]
    assert (first["start"], first["count"], first["levels"]) == ("2026-11-23T14:00:00Z", 60, {"error": 6, "info": 54})
    assert first["latency_p99"] == pytest.approx(0.05941)
    assert document["buckets"][5]["latency_p50"] is None
    text = run(config, "number", "--histogram", "1m", "--plain", *WINDOW).stdout.splitlines()
    assert re.fullmatch(r"2026-11-23 14:00:00 +60 +6 +59\.4ms +#{40}", text[1])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("level:>=wran",), "column 9: there is no level 'wran'; did you mean warn?"),
        (("--count", "--follow"), "only one of"),
        (("--follow", "--at", "-5m"), "leave --at and --until out"),
        (("--service", "shp"), "no service 'shp'"),
    ],
)
def test_usage_errors_say_what_is_wrong(config: Path, arguments: tuple[str, ...], words: str) -> None:
    result = run(config, *arguments)
    assert words in str(result.exception) + getattr(result.exception, "message", "")


def console(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("incident")), "logs", "--config", str(config), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.slow
def test_exit_codes(config: Path, tmp_path: Path) -> None:
    assert console(config, "--count", *WINDOW).returncode == 0
    bad = console(config, "status:abc")
    assert bad.returncode == 2 and "        ^" in bad.stderr
    config.write_text('[[logs]]\nname = "app"\npaths = ["gone.log"]\n')
    gone = console(config, "--count", *WINDOW)
    assert gone.returncode == 4 and "gone.log: no file matches" in gone.stderr and gone.stdout == ""
    config.write_text('[[logs]]\nname = "app"\npaths = ["gone.log"]\n[[logs]]\nname = "b"\npaths = ["app.log"]\n')
    assert console(config, "--count", *WINDOW).returncode == 3
    config.write_text('[[logs]]\nname = "far"\nkind = "loki"\nurl = "http://127.0.0.1:1"\n')
    loki = console(config, "--count")
    assert loki.returncode == 2 and 'kind = "loki" cannot be read by this version' in loki.stderr
    config.write_text("")
    none = console(config)
    assert none.returncode == 2 and "there is no [[logs]] table" in none.stderr


@pytest.mark.slow
def test_follow_shows_what_is_written_and_ends_on_interrupt(config: Path) -> None:
    log = config.parent / "app.log"
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("incident")), "logs", "--config", str(config), "level:error", "--follow", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None and process.stderr is not None
        now = time.time()
        first = {"ts": now, "level": "error", "msg": "first", "service": "shop"}
        with log.open("ab", buffering=0) as out:
            # Until it follows, a line may be part of the page before; either way it is shown once.
            out.write(json.dumps(first).encode() + b"\n")
            assert json.loads(process.stdout.readline())["message"] == "first"
            for n in range(20):
                level = "error" if n % 2 else "info"
                out.write(
                    json.dumps({"ts": now + 1, "level": level, "msg": f"new {n}", "service": "shop"}).encode() + b"\n"
                )
            found = [json.loads(process.stdout.readline())["message"] for _ in range(10)]
        assert found == [f"new {n}" for n in range(20) if n % 2]
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert "Traceback" not in process.stderr.read()
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
    assert os.path.exists(log)


def renamed(log: Path) -> None:
    log.rename(log.with_name("app.log.1"))
    log.touch()


def truncated(log: Path) -> None:
    os.truncate(log, 0)


def made_anew(log: Path) -> None:
    log.unlink()
    log.touch()


@pytest.mark.slow
@pytest.mark.parametrize("change", [renamed, truncated, made_anew])
def test_follow_loses_nothing_where_a_file_begins_anew_with_lines_of_equal_length(
    config: Path, change: Callable[[Path], None]
) -> None:
    log, now = config.parent / "app.log", int(time.time())

    def write(word: str) -> None:
        rows = [{"ts": now, "level": "error", "msg": f"{word} {n:02d}", "service": "shop"} for n in range(50)]
        with log.open("ab", buffering=0) as out:
            out.write(b"".join(json.dumps(one).encode() + b"\n" for one in rows))

    log.write_bytes(b"")
    write("old")
    with subprocess.Popen(
        [str(Path(sys.executable).with_name("incident")), "logs", "--config", str(config), "", "--follow", "--json",
         "--limit", "50"],
        stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        try:
            assert process.stdout is not None

            def read() -> list[str]:
                assert process.stdout is not None
                return [json.loads(process.stdout.readline())["message"] for _ in range(50)]

            assert read() == [f"old {n:02d}" for n in range(50)]
            for word in ("new", "two"):
                change(log)
                write(word)
                assert read() == [f"{word} {n:02d}" for n in range(50)]
        finally:
            watchdog.cancel()
            process.kill()


# ---- files named on the command line


def given(*arguments: str, data: bytes = b"") -> Result:
    return CliRunner().invoke(incident, ["logs", *arguments], input=data, standalone_mode=False)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("INCIDENT_CONFIG", raising=False)
    return tmp_path


LINES = b"".join(
    b"2025-11-23 14:%02d:00 %s number %d\n" % (n, b"ERROR" if n % 10 == 0 else b"INFO", n) for n in range(60)
)


def test_named_files_need_no_configuration_and_are_read_whole(elsewhere: Path) -> None:
    (elsewhere / "a.log").write_bytes(LINES)
    (elsewhere / "a.log.1").write_bytes(LINES)
    (elsewhere / "b [1].log.gz").write_bytes(gzip.compress(LINES))
    assert given("", "a.log", "--count").stdout == "60\n"
    assert given("level:error", "a.log", "b [1].log.gz", "a.log", "--count").stdout == "12\n"
    assert given("number", "a.log", "--count", "--since", "2025-11-23T14:30:00Z").stdout == "30\n"


def test_an_archive_of_which_nothing_can_be_read_leaves_the_question_open(elsewhere: Path) -> None:
    packed = gzip.compress(LINES)
    (elsewhere / "cut.log.gz").write_bytes(packed[:20])
    for options in (("--count",), (), ("--histogram", "1h")):
        result = given("", "cut.log.gz", "--since", "2025-11-23T14:00:00Z", "--until", "2025-11-23T15:00:00Z", *options)
        assert (result.return_value, "damaged" in result.stderr) == (3, True)
    (elsewhere / "cut.log.gz").write_bytes(packed[:-30])
    result = given("", "cut.log.gz", "--count")
    assert (result.return_value, "damaged" in result.stderr, 0 < int(result.stdout) < 60) == (0, True, True)


def test_standard_input(elsewhere: Path) -> None:
    result = given("level:error", "-", "--json", data=LINES)
    assert [json.loads(one)["message"] for one in result.stdout.splitlines()] == [
        f"number {n}" for n in range(0, 60, 10)
    ]
    assert given("", "-", "--count", data=b"").stdout == "0\n"


def test_the_histogram_of_a_named_file_is_where_its_stamps_are(elsewhere: Path) -> None:
    document = json.loads(given("", "-", "--histogram", "25m", "--json", data=LINES).stdout)
    assert [(b["start"], b["count"]) for b in document["buckets"]] == [
        ("2025-11-23T13:45:00Z", 10), ("2025-11-23T14:10:00Z", 25), ("2025-11-23T14:35:00Z", 25),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("", "none.log"), "none.log: there is no such file"),
        (("", "loop.log"), "loop.log: too many levels of symbolic links"),
        (("", "-", "--follow"), "--follow needs a file that can be read again"),
        (("level:eror", "-"), "did you mean error?"),
    ],
)
def test_what_cannot_be_read_is_said(elsewhere: Path, arguments: tuple[str, ...], words: str) -> None:
    (elsewhere / "loop.log").symlink_to("loop.log")
    with pytest.raises(click.UsageError, match=re.escape(words)):
        CliRunner().invoke(incident, ["logs", *arguments], standalone_mode=False, catch_exceptions=False)
