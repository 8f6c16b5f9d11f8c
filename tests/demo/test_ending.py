"""However it ends, nothing of the practice system is left: no process, no port, no file."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from console.demo.launch import Demo, DemoFailed
from tests.demo.watching import session_members, wait_for
from tests.widgets.ptyrun import Terminal

pytestmark = pytest.mark.slow
HISTORY_S = 600.0
COMMAND = f"from console.demo import profile; profile.HISTORY = {HISTORY_S}; from console.cli import main; main()"
"""The program, but that ten minutes of the past are written, at which nobody looks here, and not two hours."""


@contextmanager
def headless(folder: Path, scenario: str = "healthy") -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """`incident demo --headless` with its own temporary folder; its configuration's path."""
    environment = os.environ | {"TMPDIR": str(folder)}
    command = [
        sys.executable,
        "-c",
        COMMAND,
        "demo",
        scenario,
        "--headless",
        "--seed",
        "1",
    ]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        cwd=Path(__file__).parents[2],
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], 60)[0], "nothing was printed"
        yield process, Path(process.stdout.readline().decode().strip())
    finally:
        process.kill()
        process.communicate()


def supervisors(folder: Path) -> list[int]:
    """Processes whose command line names the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(folder).encode() in words and b"console.demo.supervisor" in words:
                found.append(int(entry.name))
    return found


def ports(config: Path) -> list[int]:
    document = tomllib.loads(config.read_text())
    urls = [m["url"] for m in document["metrics"] if "url" in m] + [d["probe"] for d in document["dependency"]]
    return [port for url in urls if (port := urlsplit(url).port)]


def listening(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def assert_nothing_left(folder: Path, used: list[int]) -> None:
    wait_for(lambda: not supervisors(folder), 15)
    wait_for(lambda: not list(folder.iterdir()), 10)
    assert not any(listening(port) for port in used)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["INT", "TERM", "HUP"]
)
def test_a_signal_ends_everything_with_its_code(tmp_path: Path, number: signal.Signals, code: int) -> None:
    with headless(tmp_path) as (process, config):
        assert config.name == "incident.toml"
        assert config.is_file()
        used = ports(config)
        assert all(listening(port) for port in used)
        wait_for(lambda: len(supervisors(tmp_path)) == 8)
        process.send_signal(number)
        assert process.wait(15) == code
        assert_nothing_left(tmp_path, used)


def test_an_impatient_second_signal_does_not_stop_the_cleaning(tmp_path: Path) -> None:
    with headless(tmp_path) as (process, config):
        used = ports(config)
        for _ in range(5):
            process.send_signal(signal.SIGINT)
        assert process.wait(15) == 130
        assert_nothing_left(tmp_path, used)


def test_killing_the_command_ends_everything(tmp_path: Path) -> None:
    with headless(tmp_path, "bad-deploy") as (process, config):
        used = ports(config)
        process.kill()
        assert_nothing_left(tmp_path, used)


def test_killing_the_supervisor_ends_everything(tmp_path: Path) -> None:
    with headless(tmp_path) as (process, config):
        used = ports(config)
        leader = min(supervisors(tmp_path))
        os.kill(leader, signal.SIGKILL)
        assert process.wait(15) == 2
        assert_nothing_left(tmp_path, used)
        assert session_members(leader) == []


def test_killing_both_leaves_no_process_and_the_next_start_removes_the_folder(tmp_path: Path) -> None:
    with headless(tmp_path) as (process, config):
        used = ports(config)
        os.kill(process.pid, signal.SIGSTOP)
        os.kill(min(supervisors(tmp_path)), signal.SIGKILL)
        os.kill(process.pid, signal.SIGKILL)
        wait_for(lambda: not supervisors(tmp_path), 15)
        assert not any(listening(port) for port in used)
        assert config.exists()
    with headless(tmp_path) as (process, config):
        assert [entry.name for entry in tmp_path.iterdir()] == [config.parent.name]
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 143
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["TERM", "KILL"])
def test_ending_the_console_on_it_ends_everything(tmp_path: Path, number: signal.Signals) -> None:
    arguments = ["-c", COMMAND, "demo", "healthy", "--seed", "1"]
    with Terminal(arguments, 120, 40, {"TMPDIR": str(tmp_path), "LC_ALL": "C.UTF-8"}) as terminal:
        assert b"gateway" in terminal.read_for(60, until=b"gateway")
        config = next(tmp_path.glob("incident-demo-*")) / "incident.toml"
        used = ports(config)
        os.kill(terminal.pid, number)
        terminal.read_for(2)
        assert_nothing_left(tmp_path, used)


def test_a_service_that_crashes_is_started_again() -> None:
    with Demo("healthy", 1, 1.0, HISTORY_S) as demo:
        demo.wait_ready()
        wait_for(lambda: len(session_members(demo.pid)) == 8)
        members = sorted(pid for pid in session_members(demo.pid) if pid != demo.pid)
        os.kill(members[0], signal.SIGKILL)
        events = [demo.event(30.0), demo.event(30.0)]
        assert [event["event"] for event in events if event] == ["died", "restarted"]
        assert len(session_members(demo.pid)) == 8


def test_without_git_it_says_so_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with Demo("healthy", 1, 1.0) as demo, pytest.raises(DemoFailed, match="git is not installed"):
        demo.wait_ready()
    assert not demo.folder.exists()
    assert session_members(demo.pid) == []
