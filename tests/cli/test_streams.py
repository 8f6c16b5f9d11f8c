"""Closed pipes, full disks and folders that are gone: ordinary, so never told as a fault of this program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from console.cli.outcome import Exit, run_guarded

INCIDENT = str(Path(sys.executable).with_name("incident"))
FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")


def shell(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script of bash that calls "$INCIDENT"; a pipe's exit code is that of its first failing part."""
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {script}"],
        cwd=folder,
        env={**os.environ, "INCIDENT": INCIDENT, "XDG_CONFIG_HOME": str(folder), "XDG_STATE_HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a log that does not fit into the buffer of a pipe."""
    line = json.dumps({"ts": "2026-06-20T09:18:00Z", "level": "error", "msg": "timeout " * 20})
    (tmp_path / "app.jsonl").write_text(f"{line}\n" * 3000)
    return tmp_path


@pytest.mark.parametrize("form", ["--json", "--plain"])
def test_a_reader_that_has_read_enough_is_no_error(folder: Path, form: str) -> None:
    ran = shell(folder, f"\"$INCIDENT\" logs '' app.jsonl {form} | head -1")
    assert (ran.returncode, ran.stderr) == (0, "") and ran.stdout.count("\n") == 1


def test_a_reader_that_has_read_enough_of_the_newest_lines_is_no_error(folder: Path) -> None:
    """More lines come while the command follows, so that it notices."""
    grow = "for n in $(seq 200); do tail -1 app.jsonl; sleep 0.05; done >>app.jsonl & grower=$!; "
    ran = shell(
        folder, f"{grow}\"$INCIDENT\" logs '' app.jsonl --follow --limit 1 | head -1; code=$?; kill $grower; exit $code"
    )
    assert (ran.returncode, ran.stderr) == (0, "")


@FULL
@pytest.mark.parametrize("arguments", ["logs '' app.jsonl", "logs '' app.jsonl --json", "config show", "--help"])
def test_a_full_disk_is_told_in_one_sentence(folder: Path, arguments: str) -> None:
    ran = shell(folder, f'"$INCIDENT" {arguments} >/dev/full')
    assert (ran.returncode, ran.stderr) == (2, "input or output: No space left on device\n")


def test_a_full_place_for_messages_changes_no_code(folder: Path) -> None:
    ran = shell(folder, '"$INCIDENT" health 2>&-')
    assert ran.returncode == 2
    if os.path.exists("/dev/full"):
        assert shell(folder, '"$INCIDENT" health 2>/dev/full').returncode == 2


def test_closed_streams_are_told(folder: Path) -> None:
    ran = shell(folder, '"$INCIDENT" config show >&-')
    assert (ran.returncode, ran.stderr) == (2, "standard output is closed: lead it to a terminal, a file or a pipe\n")
    ran = shell(folder, "\"$INCIDENT\" logs '' - <&-")
    assert ran.returncode == 2 and "standard input, which is closed here" in ran.stderr
    environment = '[[environment]]\nname = "local"\ntier = "local"\norigin = "http://127.0.0.1:9"\n'
    (folder / "incident.toml").write_text(f'[[service]]\nname = "a"\n{environment}')
    for command in ("repro import --from curl - --env local", "repro run - --env local"):
        ran = shell(folder, f'"$INCIDENT" {command} <&-')
        assert ran.returncode == 2 and "standard input, which is closed here" in ran.stderr
    ran = shell(folder, '"$INCIDENT" <&-')
    assert ran.returncode == 2 and "the console needs a terminal" in ran.stderr


@pytest.mark.parametrize("arguments", ["logs '' app.jsonl", "config init", "doctor"])
def test_a_working_directory_that_is_gone_is_told(folder: Path, arguments: str) -> None:
    ran = shell(folder, f'mkdir gone; cd gone; rmdir ../gone; "$INCIDENT" {arguments}')
    assert ran.returncode == 2, ran.stderr
    assert "internal error" not in ran.stderr and "Traceback" not in ran.stderr
    assert "the working directory no longer exists" in ran.stderr


@pytest.mark.parametrize(
    "secret",
    [
        "Referer: https://h/?next=" + quote("Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.Y2FuYXJ5Y2FuYXJ5", safe=""),
        "postgres://app:hunter2canary@db:5432/orders",
        '{"password": "hunter2canary"}',
    ],
)
def test_case_48_a_fault_of_the_program_is_told_without_secrets(
    secret: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> int:
        raise KeyError(secret)

    assert run_guarded(fails) == Exit.BUG
    told = capsys.readouterr().err
    assert "KeyError" in told and "canary" not in told and "Y2FuYXJ5" not in told
