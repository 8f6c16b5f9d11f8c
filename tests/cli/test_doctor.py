"""`incident doctor`: what each check finds, the sentences, and the exit code."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import stat
import struct
import subprocess
import sys
import termios
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from console.config.load import Loaded, validate
from console.config.models import Budget
from console.doctor import terminal as terminal_module
from console.doctor.finding import Level, finding, worst
from console.doctor.machine import (
    Clocks,
    clock_findings,
    git_finding,
    origins_of,
    permission_findings,
    skew_findings,
)
from console.doctor.system import source_findings
from console.doctor.terminal import Terminal, terminal_findings, this_terminal
from console.domain.changes import Running
from console.domain.topology import Topology
from console.observe import Sources
from sources.base import SourceUnavailable
from sources.http import HttpDoor
from tests.cli.conftest import Run
from tests.git.conftest import Work

XTERM = {"TERM": "xterm-256color"}


def levels(terminal: Terminal) -> dict[str, Level]:
    return {one.name: one.level for one in terminal_findings(terminal)}


def says(terminal: Terminal, name: str) -> str:
    return next(f"{one.says}; {one.mend}" for one in terminal_findings(terminal) if one.name == name)


def test_a_good_terminal() -> None:
    found = terminal_findings(Terminal(True, "utf-8", (120, 40), XTERM | {"COLORTERM": "truecolor"}))
    assert worst(found) is Level.OK and len(found) == 5
    assert not any(one.mend for one in found)


@pytest.mark.parametrize(
    ("given", "name", "level", "sentence"),
    [
        ({"is_tty": False}, "terminal", Level.HINT, "the console cannot open here"),
        ({"environ": {"TERM": "dumb"}}, "terminal", Level.PROBLEM, "TERM=dumb cannot move the cursor"),
        ({"environ": {}}, "terminal", Level.PROBLEM, "xterm-256color"),
        ({"encoding": "ANSI_X3.4-1968"}, "encoding", Level.PROBLEM, "export LC_ALL=C.UTF-8"),
        ({"size": (79, 24)}, "size", Level.HINT, "79x24 is small"),
        ({"size": (80, 23)}, "size", Level.HINT, "at least 80x24"),
        ({"size": None}, "size", Level.HINT, "does not tell its size"),
        ({"environ": {"TERM": "screen"}}, "colours", Level.HINT, "16 colours"),
        ({"environ": XTERM}, "colours", Level.OK, "256 colours"),
        ({"environ": XTERM | {"NO_COLOR": "1"}}, "colours", Level.OK, "NO_COLOR is set"),
        ({"environ": XTERM | {"TMUX": "x"}}, "clipboard", Level.HINT, "tmux set -s set-clipboard on"),
        ({"environ": XTERM | {"TMUX": "x"}, "tmux_clipboard": "on"}, "clipboard", Level.OK, "works through tmux"),
        ({"environ": XTERM | {"TMUX": "x"}, "tmux_clipboard": "external"}, "clipboard", Level.HINT, "(external)"),
        ({"environ": XTERM | {"STY": "1.x"}}, "clipboard", Level.HINT, "screen does not pass on"),
        ({"ancestors": ("bash", "mosh-server")}, "clipboard", Level.HINT, "mosh does not pass on"),
        ({"environ": {"TERM": "linux"}}, "clipboard", Level.HINT, "has no clipboard"),
    ],
)
def test_what_a_terminal_lacks(given: dict[str, Any], name: str, level: Level, sentence: str) -> None:
    usual: dict[str, Any] = {"is_tty": True, "encoding": "UTF-8", "size": (120, 40), "environ": XTERM}
    terminal = Terminal(**(usual | given))
    assert levels(terminal)[name] is level
    assert sentence in says(terminal, name)


def fake_tmux(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "tmux").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "tmux").chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("TMUX", "/tmp/tmux-0/default,1,0")


async def test_tmux_is_asked_and_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_tmux(tmp_path, 'test "$*" = "show-options -sv set-clipboard" && echo external', monkeypatch)
    assert (await this_terminal()).tmux_clipboard == "external"
    monkeypatch.setattr(terminal_module, "TMUX_DEADLINE_S", 0.2)
    fake_tmux(tmp_path, "exec sleep 60", monkeypatch)
    assert (await this_terminal()).tmux_clipboard == ""


def test_clocks() -> None:
    now = time.time()
    assert clock_findings(Clocks(now, 5.0), Clocks(now + 2, 7.0))[0].level is Level.OK
    stepped = clock_findings(Clocks(now, 5.0), Clocks(now - 30, 7.0))[0]
    assert stepped.level is Level.PROBLEM and "moved by -32.0 s" in stepped.says
    assert clock_findings(Clocks(0, 0), Clocks(1, 1))[0].level is Level.PROBLEM


@asynccontextmanager
async def server(ahead_s: float | None) -> AsyncIterator[str]:
    """A real HTTP server whose clock is ahead; None: it sends no date."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        date = f"Date: {formatdate(time.time() + ahead_s, usegmt=True)}\r\n" if ahead_s is not None else ""
        writer.write(f"HTTP/1.1 200 OK\r\n{date}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


async def test_the_clocks_of_other_systems() -> None:
    async with server(0.0) as right, server(-90.0) as late, server(None) as silent, HttpDoor(Budget()) as door:
        closed = "http://127.0.0.1:9"
        found = await skew_findings([right, late, silent, closed], door)
    assert [(one.name, one.level) for one in found] == [
        (f"clock of {right}", Level.OK),
        (f"clock of {late}", Level.PROBLEM),
    ]
    assert "90s behind ours" in found[1].says


class Teller:
    """Two instances, two versions; in `failing` an address that does not answer."""

    kind = "fake"

    def __init__(self, name: str, failing: bool = False) -> None:
        self.name, self._failing = name, failing

    async def running(self, now: float) -> tuple[Running, ...]:
        if self._failing:
            raise SourceUnavailable("connection refused")
        return tuple(
            Running(self.name, v, None, f"/version ({n} of 3 answers)", None, now) for v, n in (("1", 2), ("2", 1))
        )

    async def close(self) -> None:
        return None


async def test_versions_that_run_are_told_and_addresses_that_fail_are_problems() -> None:
    tellers = (Teller("checkout"), Teller("payments", failing=True))
    found = {f.name: f for f in await source_findings(Sources(Topology(()), versions=tellers), time.time())}
    told = found["version of checkout"]
    assert told.level is Level.OK
    assert told.says == "1 runs, says /version (2 of 3 answers); 2 runs, says /version (1 of 3 answers)"
    assert found["version of payments"].level is Level.PROBLEM
    assert "connection refused" in found["version of payments"].says


def loaded(folder: Path, document: dict[str, Any]) -> Loaded:
    return Loaded(validate(document, "x"), folder / "incident.toml", "test")


def test_every_origin_is_asked_once(tmp_path: Path) -> None:
    service = {"name": "a", "probe": "http://h:1/healthz", "version_url": "http://h:1/version"}
    metrics = [{"kind": "prometheus", "url": "https://prom/x"}, {"kind": "prometheus", "url": "http://u:p@secret"}]
    dependency = [{"name": "d", "probe": "tcp://h:2"}]
    found = origins_of(loaded(tmp_path, {"service": [service], "metrics": metrics, "dependency": dependency}))
    assert found == ["https://prom", "http://h:1"]


def test_the_state_folder(tmp_path: Path) -> None:
    def state(name: str) -> tuple[Level, str]:
        one = permission_findings(loaded(tmp_path, {"console": {"state_dir": name}}))[0]
        return one.level, f"{one.says}; {one.mend}"

    assert state("deep/er")[0] is Level.OK
    (tmp_path / "private").mkdir(0o700)
    assert state("private")[0] is Level.OK
    (tmp_path / "open").mkdir(0o755)
    (tmp_path / "open").chmod(0o755)
    assert state("open")[0] is Level.PROBLEM and f"chmod 700 {tmp_path / 'open'}" in state("open")[1]
    (tmp_path / "link").symlink_to(tmp_path / "private")
    assert "symbolic link" in state("link")[1]
    (tmp_path / "file").write_text("")
    assert "is no folder" in state("file")[1]
    assert list(tmp_path.glob("deep")) == [], "the doctor writes nothing"
    if os.geteuid() == 0:
        (tmp_path / "theirs").mkdir(0o700)
        os.chown(tmp_path / "theirs", 12345, 12345)
        assert "belongs to another user" in state("theirs")[1]


def test_log_files_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.log").write_text("x")
    (tmp_path / "b.log").write_text("x")
    given = loaded(
        tmp_path, {"logs": [{"name": "app", "paths": ["*.log"], "service": "a"}], "service": [{"name": "a"}]}
    )
    assert "2 files readable" in permission_findings(given)[1].says
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: "b.log" not in str(path) and real(path, mode))
    closed = permission_findings(given)[1]
    assert closed.level is Level.PROBLEM and closed.says == f"may not be read: {tmp_path / 'b.log'}"


def test_git_is_needed_only_where_a_repository_is_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = loaded(tmp_path, {"service": [{"name": "a"}]})
    with_repository = loaded(tmp_path, {"service": [{"name": "a", "repository": "repo"}]})
    assert git_finding(with_repository).level is Level.OK
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (git_finding(plain).level, git_finding(with_repository).level) == (Level.HINT, Level.PROBLEM)
    assert "git is not installed" in git_finding(plain).says


def test_text_from_outside_is_clean() -> None:
    one = finding("source", "a\x1b[2J", Level.OK, "b\u202e", "c\x07")
    assert (one.name, one.says, one.mend) == ("a^[[2J", "b<U+202E>", "c^G")


CONFIG = """
[[service]]
name = "checkout"
repository = "repo"
[[logs]]
name = "app"
paths = ["app.jsonl"]
service = "checkout"
[[changes]]
path = "changes.jsonl"
"""


def system(work: Work, folder: Path) -> None:
    work.commit("First", a_txt="x")
    record = {"ts": time.time() - 20, "level": "info", "msg": "ok"}
    (folder / "app.jsonl").write_text(json.dumps(record) + "\n")
    (folder / "changes.jsonl").write_text(json.dumps({"at": time.time() - 60, "kind": "flag"}) + "\n")
    (folder / "incident.toml").write_text(CONFIG)


def by_name(out: str) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads(out)["findings"]}


def test_every_source_is_asked(incident: Run, work: Work, tmp_path: Path) -> None:
    system(work, tmp_path)
    ran = incident("doctor", "--json")
    found = by_name(ran.out)
    assert found["[[logs]] app"]["says"].startswith(("1 record in", "1 file readable"))
    assert found["deploy tags of repo"]["level"] == "ok" and "no tag matches" in found["deploy tags of repo"]["says"]
    assert found["[[changes]] changes"]["says"] == "1 change in the last 30d"
    assert ran.code == json.loads(ran.out)["exit_code"] == 0


def test_one_failing_source_is_three_and_all_is_four(incident: Run, work: Work, tmp_path: Path) -> None:
    system(work, tmp_path)
    (tmp_path / "changes.jsonl").unlink()
    ran = incident("doctor", "--plain")
    assert ran.code == 3
    assert "PROBLEM: source, [[changes]] changes: failed:" in ran.out and ran.out.endswith(" hint.\n")
    (tmp_path / "incident.toml").write_text('[[metrics]]\nkind = "csv"\npath = "none.csv"\n')
    ran = incident("doctor")
    assert ran.code == 4 and "every source of logs, metrics and traces failed" in ran.out


def test_a_wrong_configuration_is_two_and_the_rest_is_still_checked(incident: Run, tmp_path: Path) -> None:
    (tmp_path / "incident.toml").write_text('[console]\ntimezon = "UTC"\nfoo = 1\n')
    ran = incident("doctor", "--json")
    wrong = [one for one in json.loads(ran.out)["findings"] if one["level"] == "wrong"]
    assert ran.code == 2 and len(wrong) == 2 and "did you mean 'timezone'" in wrong[0]["says"]
    assert by_name(ran.out)["git"]["level"] == "ok"
    (tmp_path / "incident.toml").write_text('[keys]\nzom = "z"\n')
    assert incident("doctor").code == 2
    (tmp_path / "incident.toml").write_text('[[logs]]\nkind = "loki"\nurl = "http://127.0.0.1:9"\n')
    ran = incident("doctor")
    assert ran.code == 2 and "[[logs]] logs" in ran.out


def test_without_a_configuration_it_says_how_to_begin(incident: Run) -> None:
    ran = incident("doctor", "--plain")
    assert ran.code == 0
    assert "no configuration file was found. To mend: `incident config init` writes a start." in ran.out


@pytest.mark.slow
def test_on_a_real_terminal(work: Work, tmp_path: Path) -> None:
    system(work, tmp_path)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 60, 0, 0))
    environ = {k: v for k, v in os.environ.items() if k not in ("TMUX", "STY", "NO_COLOR", "COLORTERM")}
    child = subprocess.Popen(
        [sys.executable, "-m", "console.cli", "doctor"],
        cwd=tmp_path,
        env=environ | {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:  # how Linux says that the other side closed
        pass
    os.close(ours)
    assert child.wait(20) == 0, shown
    text = shown.decode()
    assert "60x20 is small" in text and "256 colours" in text and "● OK" in text
    assert "\x1b[36m" in text, "hints are coloured on a terminal"
